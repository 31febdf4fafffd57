//! One request to the app and its answer, passed on as it comes. All of it happens in the task of the client's request:
//! the connection to the app moves only while it is polled here, so a client that takes nothing slows the app, and an app
//! that takes nothing slows the client.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::Either;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, SET_COOKIE, TRANSFER_ENCODING};
use http::{Method, Request, StatusCode, Version};
use hyper::body::{Body as _, Frame, Incoming as AnswerBody};
use hyper::ext::ReasonPhrase;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::body::{Piece, RequestBody};
use super::dial::Socket;
use super::hop_by_hop;
use super::link::{Line, Link, Sender};
use super::{response, upstreams};
use crate::gate::kind::Kind;

/// How much of what an app says through a tunnel is taken at a time.
const TUNNEL_PIECE: usize = 16 * 1024;
/// How long an app may take nothing of what is said to it through a tunnel. While it takes nothing, nobody sees that the
/// client left.
const TUNNEL_TAKES: Duration = Duration::from_secs(60);
/// How many informational answers wait to be passed on. A client may do without any of them (RFC 9110 §15.2), and an app
/// may send them faster than anybody takes them.
const MOST_INFORMATIONAL: usize = 16;

/// A request that was not answered.
pub(super) struct Unanswered {
    /// Why.
    pub(super) error: Box<Error>,
    /// Whether the app's connection was closed instead of an answer, so that the request may be sent again.
    pub(super) may_repeat: bool,
}

impl From<Box<Error>> for Unanswered {
    fn from(error: Box<Error>) -> Self {
        Self { error, may_repeat: false }
    }
}

/// Sends the request, and passes its answer on; returns the connection where it may serve another. `silence` is how long
/// the app may say and take nothing.
///
/// # Errors
/// The app or the client broke off.
pub(super) async fn exchange(
    session: &mut Session,
    mut link: Link,
    mut request: Request<()>,
    kind: Kind,
    silence: Duration,
) -> Result<Option<Link>, Unanswered> {
    let (upload, body) = Upload::of(session);
    let told = Informational::default();
    told.ask_for(&mut request);
    if !body.is_end_stream()
        && matches!(link.sender, Sender::Http1(_))
        && !request.headers().contains_key(CONTENT_LENGTH)
    {
        // Said here, or hyper sends a GET without the body that it has.
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let is_head = request.method() == Method::HEAD;
    let request = request.map(|()| body);
    let mut exchange = Exchange { session, upload, patience: Patience::new(silence) };
    let response = {
        let mut sending = pin!(match &mut link.sender {
            Sender::Http1(sender) => Either::Left(sender.send_request(request)),
            Sender::Http2(sender) => Either::Right(sender.send_request(request)),
        });
        loop {
            let head_or_more = |cx: &mut Context<'_>| match told.is_empty() {
                true => sending.as_mut().poll(cx).map(Some),
                false => Poll::Ready(None),
            };
            match exchange.until(link.line.as_mut(), head_or_more).await? {
                Some(Ok(response)) => break response,
                Some(Err(error)) => {
                    let may_repeat = was_closed(&error);
                    return Err(Unanswered { error: of_app(error), may_repeat });
                }
                None => exchange.pass_on_informational(&told).await?,
            }
        }
    };
    let (mut head, mut body) = response.into_parts();
    let reason = head.extensions.remove::<ReasonPhrase>();
    let mut head = ResponseHeader::from(head);
    if let Some(reason) = reason.as_ref().and_then(|reason| str::from_utf8(reason.as_bytes()).ok()) {
        head.set_reason_phrase(Some(reason))?;
    }
    response::switches_as_asked(&head, kind)?;
    // Browsers keep the cookies of a 101 too.
    response::drop_own_cookies(&mut head)?;
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        if !exchange.upload.is_over() {
            return Err(protocol("the app switched before the end of the request").into());
        }
        head.remove_header(&CONTENT_LENGTH);
        head.remove_header(&TRANSFER_ENCODING);
        exchange.tunnel(link, head).await?;
        return Ok(None);
    }
    hop_by_hop::drop_from_answer(&mut head);
    let ends = is_head || body.is_end_stream();
    let version = exchange.session.req_header().version;
    frame(&mut head, ends, version)?;
    exchange.answer(head, ends).await?;
    if !ends {
        exchange.pass_on(&mut link, &mut body).await?;
    }
    Ok(exchange.upload.is_whole().then_some(link))
}

/// Says how the answer is framed towards the client, who may have another version of HTTP than the app.
fn frame(head: &mut ResponseHeader, ends: bool, client: Version) -> pingora::Result<()> {
    head.set_version(Version::HTTP_11);
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    let (first, more) = (lengths.next().cloned(), lengths.next().is_some());
    match first {
        // They are alike, or the answer would not have been read.
        Some(length) if more || length.as_bytes().contains(&b',') => {
            let one = length.as_bytes().split(|byte| *byte == b',').next().unwrap_or_default();
            head.insert_header(CONTENT_LENGTH, one.trim_ascii())
        }
        Some(_) => Ok(()),
        // To HTTP/1.0 the end of the connection is that of the answer.
        None if ends || client == Version::HTTP_10 => Ok(()),
        None => head.insert_header(TRANSFER_ENCODING, "chunked"),
    }
}

/// The client's side of an exchange.
struct Exchange<'a> {
    session: &'a mut Session,
    upload: Upload,
    patience: Patience,
}

impl Exchange<'_> {
    /// Moves the request and the app's connection on, until something comes of `app`.
    async fn until<T>(
        &mut self,
        mut line: Option<&mut Line>,
        mut app: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> pingora::Result<T> {
        let Self { session, upload, patience } = self;
        loop {
            let ready = poll_fn(|cx| {
                if let Some(line) = &mut line {
                    line.poll(cx);
                }
                app(cx)
            });
            let (waits, is_over) = (upload.waits(), upload.is_over());
            tokio::select! {
                biased;
                come = ready => {
                    patience.moved();
                    return Ok(come);
                }
                () = upload.taken(), if waits => patience.moved(),
                // Once all is read, this waits for the client to leave.
                read = session.as_downstream_mut().read_body_or_idle(is_over), if !waits => {
                    upload.read(read.map_err(of_client)?, session.as_downstream_mut().is_body_done());
                }
                () = patience.out() => return Err(late()),
            }
        }
    }

    async fn answer(&mut self, head: ResponseHeader, ends: bool) -> pingora::Result<()> {
        self.session.write_response_header(Box::new(head), ends).await.map_err(of_client)
    }

    async fn say(&mut self, piece: Option<Bytes>, ends: bool) -> pingora::Result<()> {
        self.session.write_response_body(piece, ends).await.map_err(of_client)
    }

    async fn pass_on(&mut self, link: &mut Link, body: &mut AnswerBody) -> pingora::Result<()> {
        loop {
            let frame = self.until(link.line.as_mut(), |cx| Pin::new(&mut *body).poll_frame(cx)).await?;
            match frame.transpose().map_err(of_app)?.map(Frame::into_data) {
                Some(Ok(data)) => {
                    let ends = body.is_end_stream();
                    self.say(Some(data), ends).await?;
                    if ends {
                        return Ok(());
                    }
                }
                Some(Err(frame)) => {
                    let Ok(mut trailers) = frame.into_trailers() else { continue };
                    hop_by_hop::drop_from_trailers(&mut trailers);
                    trailers.remove(SET_COOKIE);
                    if self.session.as_downstream().is_http2() {
                        let sent = self.session.as_downstream_mut().write_response_trailers(trailers).await;
                        return sent.map_err(of_client);
                    }
                }
                None => return self.say(None, true).await,
            }
        }
    }

    async fn pass_on_informational(&mut self, told: &Informational) -> pingora::Result<()> {
        let heads = told.take();
        // HTTP/1.0 knows none of them (RFC 9110 §15.2).
        if self.session.req_header().version == Version::HTTP_10 {
            return Ok(());
        }
        for (status, headers) in heads {
            let mut head = ResponseHeader::build_no_case(status, Some(headers.len()))?;
            for (name, value) in &headers {
                head.append_header(name, value)?;
            }
            hop_by_hop::drop_from_answer(&mut head);
            response::drop_own_cookies(&mut head)?;
            self.answer(head, false).await?;
        }
        Ok(())
    }

    /// Passes on what either side says, until one of them is gone.
    async fn tunnel(&mut self, link: Link, head: ResponseHeader) -> pingora::Result<()> {
        let Some(line) = link.line else { return Err(protocol("a connection that is shared became a tunnel")) };
        self.patience = Patience::new(upstreams::STREAM_SILENCE);
        self.answer(head, false).await?;
        let (mut app, said): (Socket, Bytes) = line.into_socket().await;
        if !said.is_empty() {
            self.say(Some(said), false).await?;
        }
        let mut piece = BytesMut::with_capacity(TUNNEL_PIECE);
        loop {
            tokio::select! {
                biased;
                read = app.read_buf(&mut piece) => match read {
                    Ok(0) => return self.say(None, true).await,
                    Ok(_) => {
                        self.patience.moved();
                        self.say(Some(piece.split().freeze()), false).await?;
                        piece.reserve(TUNNEL_PIECE);
                    }
                    Err(error) => return Err(Error::because(ErrorType::ReadError, "the app's tunnel", error).into_up()),
                },
                read = self.session.as_downstream_mut().read_request_body() => match read.map_err(of_client)? {
                    None => return Ok(()),
                    Some(said) => {
                        self.patience.moved();
                        let written = tokio::time::timeout(TUNNEL_TAKES, async {
                            app.write_all(&said).await?;
                            app.flush().await
                        });
                        written.await.map_err(|_elapsed| late())?.map_err(|error| {
                            Error::because(ErrorType::WriteError, "the app's tunnel", error).into_up()
                        })?;
                    }
                },
                () = self.patience.out() => return Err(late()),
            }
        }
    }
}

/// The body of the client's request on its way.
struct Upload {
    to: Option<mpsc::Sender<Piece>>,
    /// What the app has not taken yet.
    waiting: Option<Piece>,
    /// The app wanted no more of it before its end.
    is_refused: bool,
}

impl Upload {
    fn of(session: &mut Session) -> (Self, RequestBody) {
        if session.as_downstream_mut().is_body_empty() {
            return (Self { to: None, waiting: None, is_refused: false }, RequestBody::empty());
        }
        let (to, body) = RequestBody::piped();
        (Self { to: Some(to), waiting: None, is_refused: false }, body)
    }

    /// Whether nothing more of it is awaited of the client.
    fn is_over(&self) -> bool {
        self.to.is_none()
    }

    /// Whether the app has all of it.
    fn is_whole(&self) -> bool {
        self.is_over() && !self.is_refused
    }

    fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// The client sent a piece.
    fn read(&mut self, piece: Option<Bytes>, is_last: bool) {
        let is_last = is_last || piece.is_none();
        let data = piece.unwrap_or_default();
        // An empty piece is none, unless it is the last one.
        self.waiting = (is_last || !data.is_empty()).then_some(Piece { data, is_last });
    }

    /// Returns once the app takes what waits.
    async fn taken(&mut self) {
        let is_over = match &self.to {
            None => true,
            Some(to) => match to.reserve().await {
                Ok(place) => match self.waiting.take() {
                    Some(piece) => {
                        let is_last = piece.is_last;
                        place.send(piece);
                        is_last
                    }
                    None => false,
                },
                Err(_closed) => {
                    self.is_refused = true;
                    true
                }
            },
        };
        if is_over {
            (self.to, self.waiting) = (None, None);
        }
    }
}

/// How long the app may say and take nothing.
struct Patience {
    silence: Duration,
    since: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(silence: Duration) -> Self {
        Self { silence, since: Instant::now(), timer: None }
    }

    fn moved(&mut self) {
        self.since = Instant::now();
    }

    /// Returns once nothing has moved for too long. What moves sets no timer anew: that is looked at when it fires.
    async fn out(&mut self) {
        loop {
            let end = self.since + self.silence;
            let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
            timer.await;
            if Instant::now() >= end {
                return;
            }
            self.timer = None;
        }
    }
}

/// The informational answers (1xx) that came and were not passed on yet.
#[derive(Clone, Default)]
struct Informational(Arc<Mutex<Vec<InformationalHead>>>);

type InformationalHead = (StatusCode, HeaderMap<HeaderValue>);

impl Informational {
    fn ask_for<B>(&self, request: &mut Request<B>) {
        let told = self.clone();
        hyper::ext::on_informational(request, move |response| {
            let mut waiting = told.0.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() < MOST_INFORMATIONAL {
                waiting.push((response.status(), response.headers().clone()));
            }
        });
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn take(&self) -> Vec<InformationalHead> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether the app closed the connection instead of answering.
fn was_closed(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    let is_reset = cause.is_some_and(|cause| {
        matches!(
            cause.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe
        )
    });
    is_reset || error.is_canceled() || error.is_incomplete_message()
}

fn of_app(error: hyper::Error) -> Box<Error> {
    let kind = if error.is_parse() { ErrorType::InvalidHTTPHeader } else { ErrorType::ConnectionClosed };
    let mut error = Error::because(kind, "the app's answer", error);
    error.esource = ErrorSource::Upstream;
    error
}

fn protocol(why: &'static str) -> Box<Error> {
    Error::explain(ErrorType::InvalidHTTPHeader, why).into_up()
}

fn of_client(error: Box<Error>) -> Box<Error> {
    error.into_down()
}

fn late() -> Box<Error> {
    Error::explain(ErrorType::ReadTimedout, "the app is silent").into_up()
}
