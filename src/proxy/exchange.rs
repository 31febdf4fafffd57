//! One request to the app and its answer, passed on as it comes. All of it happens in the task of the client's request:
//! the connection to the app moves only while it is polled here, so a client that takes nothing slows the app, and an app
//! that takes nothing slows the client.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Request, StatusCode, Version};
use hyper::body::{Body as _, Frame, Incoming as AnswerBody};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use super::body::{Piece, RequestBody};
use super::kept::{Line, Link};

/// What is done to the head of the app's answer before the client sees it.
pub(super) type Answering<'a> = &'a (dyn Fn(&mut ResponseHeader) -> pingora::Result<()> + Sync);

/// A request that was not answered.
pub(super) struct Unanswered {
    /// Why.
    pub(super) error: Box<Error>,
    /// Whether the app's connection was closed before a byte of the answer, so that the request may be sent again.
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
    silence: Duration,
    answering: Answering<'_>,
) -> Result<Option<Link>, Unanswered> {
    let (upload, body) = Upload::of(session);
    let told = Informational::default();
    told.ask_for(&mut request);
    let is_head = request.method() == Method::HEAD;
    let sending = link.sender.send_request(request.map(|()| body));
    let mut exchange = Exchange { session, upload, patience: Patience::new(silence) };
    let response = {
        let mut sending = pin!(sending);
        loop {
            let head_or_more = |cx: &mut Context<'_>| match told.is_empty() {
                true => sending.as_mut().poll(cx).map(Some),
                false => Poll::Ready(None),
            };
            match exchange.until(&mut link.line, head_or_more).await? {
                Some(Ok(response)) => break response,
                Some(Err(error)) => {
                    let may_repeat = was_closed(&error);
                    return Err(Unanswered { error: of_app(error), may_repeat });
                }
                None => exchange.pass_on_informational(&told).await?,
            }
        }
    };
    let (head, mut body) = response.into_parts();
    let ends = body.is_end_stream();
    let mut head = ResponseHeader::from(head);
    frame(&mut head, is_head, ends)?;
    answering(&mut head)?;
    let ends = ends || is_head;
    exchange.session.write_response_header(Box::new(head), ends).await.map_err(|error| error.into_down())?;
    if !ends {
        exchange.pass_on(&mut link, &mut body).await?;
    }
    let is_sent = exchange.upload.is_over();
    Ok(is_sent.then_some(link))
}

/// Says how the answer is framed towards the client, who may have another version of HTTP than the app.
fn frame(head: &mut ResponseHeader, is_head: bool, ends: bool) -> pingora::Result<()> {
    head.set_version(Version::HTTP_11);
    let has_body = !is_head
        && !ends
        && !head.status.is_informational()
        && !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_body && !head.headers.contains_key(TRANSFER_ENCODING) && !head.headers.contains_key(CONTENT_LENGTH) {
        head.insert_header(TRANSFER_ENCODING, "chunked")?;
    }
    Ok(())
}

/// The two ends of an exchange, but for the app's connection.
struct Exchange<'a> {
    session: &'a mut Session,
    upload: Upload,
    patience: Patience,
}

impl Exchange<'_> {
    /// Moves the request and the app's connection on, until something comes of `app`.
    async fn until<T>(
        &mut self,
        line: &mut Line,
        mut app: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> pingora::Result<T> {
        let Self { session, upload, patience } = self;
        loop {
            let ready = poll_fn(|cx| {
                line.poll(cx);
                app(cx)
            });
            let (waits, is_read) = (upload.waits(), upload.is_read());
            tokio::select! {
                biased;
                come = ready => {
                    patience.moved();
                    return Ok(come);
                }
                () = upload.taken(), if waits => patience.moved(),
                read = session.as_downstream_mut().read_body_or_idle(is_read), if !waits => {
                    upload.read(read.map_err(|error| error.into_down())?, session.as_downstream_mut().is_body_done());
                }
                () = patience.out() => {
                    return Error::e_explain(ErrorType::ReadTimedout, "the app is silent").map_err(|error| error.into_up());
                }
            }
        }
    }

    async fn pass_on(&mut self, link: &mut Link, body: &mut AnswerBody) -> pingora::Result<()> {
        loop {
            let frame = self.until(&mut link.line, |cx| Pin::new(&mut *body).poll_frame(cx)).await?;
            match frame.transpose().map_err(of_app)?.map(Frame::into_data) {
                Some(Ok(data)) => {
                    let ends = body.is_end_stream();
                    self.session.write_response_body(Some(data), ends).await.map_err(|error| error.into_down())?;
                    if ends {
                        return Ok(());
                    }
                }
                Some(Err(_trailers)) => {}
                None => return self.session.write_response_body(None, true).await.map_err(|error| error.into_down()),
            }
        }
    }

    async fn pass_on_informational(&mut self, told: &Informational) -> pingora::Result<()> {
        for (status, headers) in told.take() {
            let mut head = ResponseHeader::build_no_case(status, Some(headers.len()))?;
            for (name, value) in &headers {
                head.append_header(name, value)?;
            }
            self.session.write_response_header(Box::new(head), false).await.map_err(|error| error.into_down())?;
        }
        Ok(())
    }
}

/// The body of the client's request on its way.
struct Upload {
    to: Option<mpsc::Sender<Piece>>,
    /// What the app has not taken yet.
    waiting: Option<Piece>,
}

impl Upload {
    fn of(session: &mut Session) -> (Self, RequestBody) {
        if session.as_downstream_mut().is_body_empty() {
            return (Self { to: None, waiting: None }, RequestBody::empty());
        }
        let (to, body) = RequestBody::piped();
        (Self { to: Some(to), waiting: None }, body)
    }

    /// Whether the client has sent all of it, and nothing more is awaited.
    fn is_read(&self) -> bool {
        self.to.is_none() || matches!(self.waiting, Some(Piece::End))
    }

    /// Whether the app has taken all of it.
    fn is_over(&self) -> bool {
        self.to.is_none()
    }

    fn waits(&self) -> bool {
        self.waiting.is_some()
    }

    /// The client sent a piece.
    fn read(&mut self, piece: Option<Bytes>, is_last: bool) {
        self.waiting = match piece {
            Some(piece) if !piece.is_empty() => Some(Piece::Data(piece)),
            Some(_) if !is_last => None,
            Some(_) | None => Some(Piece::End),
        };
    }

    /// Returns once the app takes what waits.
    async fn taken(&mut self) {
        let is_over = match &self.to {
            None => true,
            Some(to) => match to.reserve().await {
                Ok(place) => match self.waiting.take() {
                    Some(piece) => {
                        let is_end = matches!(piece, Piece::End);
                        place.send(piece);
                        is_end
                    }
                    None => false,
                },
                // The app wants no more of it.
                Err(_closed) => true,
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

    /// Returns once nothing has moved for too long.
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
struct Informational(Arc<Mutex<Vec<(StatusCode, HeaderMap<HeaderValue>)>>>);

impl Informational {
    fn ask_for<B>(&self, request: &mut Request<B>) {
        let told = self.clone();
        hyper::ext::on_informational(request, move |response| {
            let head = (response.status(), response.headers().clone());
            told.0.lock().unwrap_or_else(PoisonError::into_inner).push(head);
        });
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn take(&self) -> Vec<(StatusCode, HeaderMap<HeaderValue>)> {
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
