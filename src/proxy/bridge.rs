//! Hands a request for the gateway's own paths to the portal's router, and its answer back: whole, but for event
//! streams, which are passed on event by event.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING,
};
use http::response::Parts;
use http::{Method, Request, Response, Version};
use pingora::protocols::http::ServerSession;
use pingora::{Error, ErrorType};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::answers::write;
use super::broken::of_client;
use super::forward::Spoofable;
use super::incoming::Incoming;
use super::rewrites::Rewrites;
use crate::domain::host::Authority;
use crate::domain::route::Scheme;
use crate::gate::peer::{PeerInfo, RequestId};
use crate::gate::refusal::{GateRefusal, LoggedRefusal};

/// The largest body of a request to the portal, in bytes: forms and WebAuthn answers stay far below.
const LARGEST_BODY: usize = 64 * 1024;
/// How long such a body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// How long a client may take nothing of an event stream: the page behind it, and its place among those that wait, is
/// given up then. Over HTTP/2 nothing else ends that, since such a client can hold its window shut and stay connected.
const TAKE_DEADLINE: Duration = Duration::from_secs(10);
/// The largest answer of the portal, in bytes.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Asks the portal; returns the status that was sent with what the portal refused, or what is in the way of asking. An
/// event stream ends when `stop` fires.
///
/// # Errors
/// The client is gone.
pub(super) async fn answer(
    session: &mut ServerSession,
    incoming: &Incoming,
    request_id: RequestId,
    portal: Router,
    spoofable: &Spoofable,
    stop: &CancellationToken,
) -> pingora::Result<Result<(http::StatusCode, Option<LoggedRefusal>), GateRefusal>> {
    let body = match read_body(session).await? {
        Ok(body) => body,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(request) = request(session, incoming, request_id, spoofable, body) else {
        return Ok(Err(GateRefusal::MalformedRequest("it cannot be handed to the gateway's own pages")));
    };
    let Ok(response) = portal.oneshot(request).await;
    let (mut head, body) = response.into_parts();
    let refusal = head.extensions.remove::<LoggedRefusal>();
    // How the message is framed is decided here.
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
        head.headers.remove(name);
    }
    if is_event_stream(&head.headers) && session.req_header().method != Method::HEAD {
        let status = head.status;
        stream(session, head, body, stop).await?;
        return Ok(Ok((status, refusal)));
    }
    let body = match axum::body::to_bytes(body, LARGEST_ANSWER).await {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "an answer of our own could not be written");
            return Ok(Err(GateRefusal::Fault));
        }
    };
    let status = head.status;
    write(session, Response::from_parts(head, body)).await?;
    Ok(Ok((status, refusal)))
}

/// Reads a whole small body, within a deadline.
async fn read_body(session: &mut ServerSession) -> pingora::Result<Result<Bytes, GateRefusal>> {
    let head = session.req_header();
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > LARGEST_BODY) {
        return Ok(Err(GateRefusal::BodyTooLarge));
    }
    if session.is_body_empty() {
        return Ok(Ok(Bytes::new()));
    }
    let expects = session.req_header().headers.get(EXPECT);
    if expects.is_some_and(|expects| expects.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        session.write_continue_response().await?;
    }
    match tokio::time::timeout(BODY_DEADLINE, collect(session)).await {
        Err(_late) => Ok(Err(GateRefusal::RequestTimeout)),
        Ok(collected) => collected.map_err(of_client),
    }
}

async fn collect(session: &mut ServerSession) -> pingora::Result<Result<Bytes, GateRefusal>> {
    let mut body = BytesMut::new();
    while let Some(piece) = session.read_request_body().await? {
        if body.len() + piece.len() > LARGEST_BODY {
            return Ok(Err(GateRefusal::BodyTooLarge));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Ok(body.freeze()))
}

fn request(
    session: &ServerSession,
    incoming: &Incoming,
    request_id: RequestId,
    spoofable: &Spoofable,
    body: Bytes,
) -> Option<Request<Body>> {
    let head = session.req_header();
    let target = incoming.target.to_string();
    let mut request = Request::builder().method(head.method.clone()).uri(target).body(Body::from(body)).ok()?;
    let headers = request.headers_mut();
    *headers = head.headers.clone();
    for name in spoofable.found_in(&head.headers, incoming.from_trusted, &Rewrites::default()) {
        headers.remove(name);
    }
    headers.insert(HOST, incoming.authority.written.clone());
    // The crumbs of HTTP/2 are one line to readers of HTTP/1.1 (RFC 9113 §8.2.3).
    let crumbs: Vec<&[u8]> = head.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1 {
        headers.insert(COOKIE, HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).ok()?);
    }
    request.extensions_mut().insert(PeerInfo {
        address: incoming.client,
        trusted: incoming.from_trusted,
        https: incoming.scheme == Scheme::Https,
        authority: Authority::clone(&incoming.authority),
        request_id,
    });
    Some(request)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// Passes events on as they come, until there are no more, the client is gone, or `stop` fires.
async fn stream(
    session: &mut ServerSession,
    mut head: Parts,
    body: Body,
    stop: &CancellationToken,
) -> pingora::Result<()> {
    if session.req_header().version == Version::HTTP_11 {
        // RFC 9112 §7.1. HTTP/2 has frames, and to HTTP/1.0 the end of the connection is that of the answer.
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    session.write_response_header(Box::new(head.into())).await?;
    session.set_pipelining_enabled(false);
    let mut events = body.into_data_stream();
    loop {
        let event = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            event = events.next() => event,
            // Nothing belongs here until the answer has ended: the client is gone, or breaks the rules.
            gone = session.read_body_or_idle(true) => {
                session.set_keepalive(None);
                return gone.map(|_| ());
            }
        };
        match event {
            Some(Ok(event)) => pass_on(session, Some(event)).await?,
            Some(Err(error)) => {
                tracing::error!(%error, "an event stream of our own broke off");
                break;
            }
            None => break,
        }
    }
    pass_on(session, None).await
}

/// Sends an event, or the end.
async fn pass_on(session: &mut ServerSession, event: Option<Bytes>) -> pingora::Result<()> {
    let end = event.is_none();
    match tokio::time::timeout(TAKE_DEADLINE, session.write_response_body(event.unwrap_or_default(), end)).await {
        Ok(sent) => sent,
        Err(_late) => Error::e_explain(ErrorType::WriteTimedout, "a client took nothing of an event stream"),
    }
}
