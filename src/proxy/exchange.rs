//! One request to the app and its answer, passed on as it comes. All of it happens in the task of the client's request.
//! The connection to the app moves only while it is polled here, so a client that takes nothing slows the app, and an
//! app that takes nothing slows the client.

use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::Either;
use http::header::{CONTENT_LENGTH, HeaderValue, SET_COOKIE, TRANSFER_ENCODING};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as _, Frame, Incoming as AnswerBody};
use hyper::ext::ReasonPhrase;
use pingora::Error;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use tokio_util::sync::CancellationToken;

use super::broken::{is_late, late, of_app, of_client, paused, protocol, was_closed};
use super::informational::Informational;
use super::link::{Http1Driver, RequestSender, UpstreamLink};
use super::patience::{Awaiting, Pace, Patience, TurnSide};
use super::rewrites::Rewrites;
use super::upload::{Upload, keep_open};
use super::{hop_by_hop, response, tunnel, upstreams};
use crate::gate::kind::RequestKind;

/// What a request is sent by.
pub(super) struct Terms<'a> {
    pub(super) kind: RequestKind,
    /// How long the app may say and take nothing, unless its answer is a stream.
    pub(super) silence: Duration,
    /// Whether the app is told whose request it is.
    pub(super) is_for_one: bool,
    /// How fast the client has to send the request's body.
    pub(super) pace: Pace,
    /// What the route changes of the answer.
    pub(super) rewrites: &'a Rewrites,
    /// The host that the visitor asked for.
    pub(super) host: &'a HeaderValue,
    /// Fires at shutdown.
    pub(super) stop: &'a CancellationToken,
}

/// A request that was not answered.
pub(super) struct UnansweredRequest {
    /// What went wrong, and on which side.
    pub(super) error: Box<Error>,
    /// Whether the app's connection was closed before a byte of an answer, so that the request may be sent again.
    pub(super) may_repeat: bool,
}

impl From<Box<Error>> for UnansweredRequest {
    fn from(error: Box<Error>) -> Self {
        Self { error, may_repeat: false }
    }
}

/// Sends the request, and passes its answer on; returns the connection where it may serve another.
///
/// # Errors
/// The app or the client broke off.
pub(super) async fn exchange(
    session: &mut ServerSession,
    mut link: UpstreamLink,
    request: Request<()>,
    upload: &mut Upload,
    terms: Terms<'_>,
) -> Result<Option<UpstreamLink>, UnansweredRequest> {
    let exchanged = exchange_by(&mut link, session, request, upload, terms).await;
    if exchanged.as_ref().is_err_and(|unanswered| is_late(&unanswered.error)) {
        link.retire();
    }
    exchanged.map(|is_reusable| is_reusable.then_some(link))
}

/// The same by a connection; says whether it may serve another.
async fn exchange_by(
    link: &mut UpstreamLink,
    session: &mut ServerSession,
    request: Request<()>,
    upload: &mut Upload,
    terms: Terms<'_>,
) -> Result<bool, UnansweredRequest> {
    let is_head = request.method() == Method::HEAD;
    let (patience, with_client) = (Patience::new(terms.silence), Awaiting::at(terms.pace));
    let mut exchange = Exchange { session, upload, patience, with_client, turn: TurnSide::App };
    let (mut head, mut body) = exchange.ask(link, request).await?.into_parts();
    let reason = head.extensions.remove::<ReasonPhrase>();
    let mut head = ResponseHeader::from(head);
    if let Some(reason) = reason.as_ref().and_then(|reason| str::from_utf8(reason.as_bytes()).ok()) {
        head.set_reason_phrase(Some(reason))?;
    }
    response::switches_as_asked(&head, terms.kind)?;
    // Browsers keep the cookies of a 101 too.
    response::drop_own_cookies(&mut head)?;
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        terms.rewrites.apply_to_answer(&mut head, terms.host)?;
        exchange.switch(link, head).await?;
        return Ok(false);
    }
    if !hop_by_hop::is_plain_or_chunked(&head.headers) {
        return Err(protocol("a transfer coding besides chunks").into());
    }
    let ends = is_head || body.is_end_stream();
    let is_reusable = !(ends && announces_body(&head));
    hop_by_hop::drop_from_answer(&mut head);
    if terms.is_for_one {
        response::keep_from_others(&mut head)?;
    }
    terms.rewrites.apply_to_answer(&mut head, terms.host)?;
    frame(&mut head, ends, exchange.session.req_header().version)?;
    if response::is_stream(&head) {
        exchange.patience = Patience::new(upstreams::STREAM_SILENCE.max(terms.silence));
        // Behind a stream no other request waits to be answered. A client that has sent one already could leave unseen.
        exchange.session.set_pipelining_enabled(false);
    }
    exchange.with_client.in_conversation();
    if terms.stop.is_cancelled() {
        // The connection is closed behind this answer, so it has to say so.
        exchange.session.set_keepalive(None);
    }
    exchange.answer(head, ends).await?;
    if !ends {
        exchange.pass_on(link, &mut body).await?;
    }
    Ok(is_reusable && exchange.upload.is_whole())
}

/// Whether an answer without a body (to HEAD, or 204 or 304) tells of one. An app that sends it all the same, against
/// RFC 9112 §6.3, may do so so late that it would open the answer to the next request.
fn announces_body(head: &ResponseHeader) -> bool {
    head.headers.contains_key(TRANSFER_ENCODING) || head.headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
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
    session: &'a mut ServerSession,
    upload: &'a mut Upload,
    /// How long the app may be silent.
    patience: Patience,
    /// With the client, while more of the body is awaited.
    with_client: Awaiting,
    turn: TurnSide,
}

impl Exchange<'_> {
    /// Sends the request, and what of its body there is, until the head of its answer has come.
    async fn ask(
        &mut self,
        link: &mut UpstreamLink,
        mut request: Request<()>,
    ) -> Result<Response<AnswerBody>, UnansweredRequest> {
        let body = self.upload.begin();
        let told = Informational::default();
        told.ask_for(&mut request);
        if !body.is_end_stream()
            && matches!(link.sender, RequestSender::Http1(_))
            && !request.headers().contains_key(CONTENT_LENGTH)
        {
            // Said here, or hyper sends a GET without the body that it has.
            request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        let request = request.map(|()| body);
        let mut sending = pin!(match &mut link.sender {
            RequestSender::Http1(sender) => Either::Left(sender.send_request(request)),
            RequestSender::Http2(sender) => Either::Right(sender.send_request(request)),
        });
        let mut is_told = false;
        loop {
            let head_or_more = |cx: &mut Context<'_>| match told.is_empty() {
                true => sending.as_mut().poll(cx).map(Some),
                false => Poll::Ready(None),
            };
            match self.until(link.line.as_deref_mut(), head_or_more).await? {
                Some(Ok(response)) => return Ok(response),
                Some(Err(error)) => {
                    let may_repeat = !is_told && link.heard.is_silent() && was_closed(&error);
                    return Err(UnansweredRequest { error: of_app(error), may_repeat });
                }
                None => {
                    is_told = true;
                    Box::pin(self.pass_on_informational(&told)).await?;
                }
            }
        }
    }

    /// Passes a switch of protocols on, and then bytes in both directions.
    async fn switch(&mut self, link: &mut UpstreamLink, mut head: ResponseHeader) -> pingora::Result<()> {
        if !self.upload.is_over() {
            return Err(protocol("the app switched before the end of the request"));
        }
        head.remove_header(&CONTENT_LENGTH);
        head.remove_header(&TRANSFER_ENCODING);
        let Some(line) = link.line.take() else { return Err(protocol("a connection that is shared became a tunnel")) };
        self.answer(head, false).await?;
        let (socket, said) = line.into_socket().await;
        Box::pin(tunnel::join(self.session, socket, said)).await
    }

    /// Moves the request and the app's connection on, until something comes of `app`.
    async fn until<T>(
        &mut self,
        mut line: Option<&mut Http1Driver>,
        mut app: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> pingora::Result<T> {
        let Self { session, upload, patience, with_client, turn } = self;
        loop {
            let ready = poll_fn(|cx| {
                if let Some(line) = &mut line {
                    line.poll(cx);
                }
                app(cx)
            });
            if upload.is_over() {
                // All that may still come of the client is that it leaves.
                *turn = TurnSide::App;
            }
            let awaits_client = upload.awaits_client();
            if !upload.is_over() {
                with_client.begins();
            }
            tokio::select! {
                biased;
                come = turn.next(upload.step(session), ready) => match come {
                    Either::Right(come) => {
                        patience.moved();
                        return Ok(come);
                    }
                    Either::Left(step) => {
                        let length = step.map_err(of_client)?;
                        if awaits_client { with_client.came(length) } else { with_client.went() }
                        patience.moved();
                    }
                },
                () = with_client.out(), if awaits_client => return Err(paused()),
                // While the client pauses, the app has nothing to do.
                () = patience.out(), if !awaits_client => return Err(late()),
            }
        }
    }

    /// Writes a head. Over HTTP/2 it may end the answer, and has to where the app's did. To gRPC a head that ends is
    /// what became of the call, and a head with an empty body behind it is a broken one.
    async fn answer(&mut self, head: ResponseHeader, ends: bool) -> pingora::Result<()> {
        let head = Box::new(head);
        let written = if let ServerSession::H2(http2) = &mut *self.session {
            http2.write_response_header(head, ends)
        } else {
            self.session.write_response_header(head).await
        };
        written.map_err(of_client)
    }

    async fn send_piece(&mut self, piece: Bytes, ends: bool) -> pingora::Result<()> {
        self.session.write_response_body(piece, ends).await.map_err(of_client)
    }

    async fn pass_on(&mut self, link: &mut UpstreamLink, body: &mut AnswerBody) -> pingora::Result<()> {
        loop {
            let frame = self.until(link.line.as_deref_mut(), |cx| Pin::new(&mut *body).poll_frame(cx)).await?;
            match frame.transpose().map_err(of_app)?.map(Frame::into_data) {
                Some(Ok(data)) => {
                    let ends = body.is_end_stream();
                    self.send_piece(data, ends).await?;
                    if ends {
                        return Ok(());
                    }
                }
                Some(Err(frame)) => {
                    let Ok(mut trailers) = frame.into_trailers() else { continue };
                    hop_by_hop::drop_from_trailers(&mut trailers);
                    trailers.remove(SET_COOKIE);
                    if self.session.is_http2() {
                        let sent = self.session.write_response_trailers(trailers).await;
                        return sent.map_err(of_client);
                    }
                }
                None => return self.send_piece(Bytes::new(), true).await,
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
            let continues = head.status == StatusCode::CONTINUE;
            // It is no answer yet, so the connection is not closed for its coming early.
            keep_open(self.session, true);
            self.answer(head, false).await?;
            self.upload.asks_first &= !continues;
            keep_open(self.session, !self.upload.asks_first);
        }
        Ok(())
    }
}
