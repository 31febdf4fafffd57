//! Hands a request for the gateway's own paths to the portal's router, and its answer back.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use tower::ServiceExt as _;

use super::answers::{Problem, write};
use super::forward::{Receiver, Spoofable};
use super::incoming::Incoming;
use crate::domain::route::Scheme;
use crate::portal::peer::{PeerInfo, RequestId};

/// The largest body of a request to the portal, in bytes: forms and WebAuthn answers stay far below.
const LARGEST_BODY: usize = 64 * 1024;
/// How long such a body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// The largest answer of the portal, in bytes.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Asks the portal; returns the status that was sent, or what is in the way.
///
/// # Errors
/// The client is gone.
pub(super) async fn answer(
    session: &mut Session,
    incoming: &Incoming,
    request_id: RequestId,
    portal: Router,
    spoofable: &Spoofable,
) -> pingora::Result<Result<http::StatusCode, Problem>> {
    let body = match read_body(session).await? {
        Ok(body) => body,
        Err(problem) => return Ok(Err(problem)),
    };
    let Some(request) = request(session, incoming, request_id, spoofable, body) else {
        return Ok(Err(Problem::BadRequest));
    };
    let Ok(response) = portal.oneshot(request).await;
    let (head, body) = response.into_parts();
    let body = match axum::body::to_bytes(body, LARGEST_ANSWER).await {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, "an answer of our own could not be written");
            return Ok(Err(Problem::Fault));
        }
    };
    let status = head.status;
    send(session, Response::from_parts(head, body)).await?;
    Ok(Ok(status))
}

/// Reads a whole small body, within a deadline.
async fn read_body(session: &mut Session) -> pingora::Result<Result<Bytes, Problem>> {
    let head = session.req_header();
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > LARGEST_BODY) {
        return Ok(Err(Problem::BodyTooLarge));
    }
    if session.as_downstream_mut().is_body_empty() {
        return Ok(Ok(Bytes::new()));
    }
    let expects = session.req_header().headers.get(EXPECT);
    if expects.is_some_and(|expects| expects.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        session.as_downstream_mut().write_continue_response().await?;
    }
    match tokio::time::timeout(BODY_DEADLINE, collect(session)).await {
        Err(_late) => Ok(Err(Problem::RequestTimeout)),
        Ok(collected) => collected,
    }
}

async fn collect(session: &mut Session) -> pingora::Result<Result<Bytes, Problem>> {
    let mut body = BytesMut::new();
    while let Some(piece) = session.as_downstream_mut().read_request_body().await? {
        if body.len() + piece.len() > LARGEST_BODY {
            return Ok(Err(Problem::BodyTooLarge));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Ok(body.freeze()))
}

fn request(
    session: &Session,
    incoming: &Incoming,
    request_id: RequestId,
    spoofable: &Spoofable,
    body: Bytes,
) -> Option<Request<Body>> {
    let head = session.req_header();
    let target = match &incoming.target.query {
        Some(query) => format!("{}?{}", incoming.target.path.as_str(), query.as_str()),
        None => incoming.target.path.as_str().to_owned(),
    };
    let mut request = Request::builder().method(head.method.clone()).uri(target).body(Body::from(body)).ok()?;
    let headers = request.headers_mut();
    *headers = head.headers.clone();
    for name in spoofable.in_fields(&head.headers, incoming.from_trusted, Receiver::Portal) {
        headers.remove(name);
    }
    headers.insert(HOST, HeaderValue::from_str(&incoming.authority.to_string()).ok()?);
    // The crumbs of HTTP/2 are one line to everybody else (RFC 9113 §8.2.3).
    let crumbs: Vec<&[u8]> = head.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if crumbs.len() > 1 {
        headers.insert(COOKIE, HeaderValue::from_bytes(&crumbs.join(&b"; "[..])).ok()?);
    }
    request.extensions_mut().insert(PeerInfo {
        address: incoming.client,
        https: incoming.scheme == Scheme::Https,
        authority: incoming.authority.clone(),
        request_id,
    });
    Some(request)
}

async fn send(session: &mut Session, response: Response<Bytes>) -> pingora::Result<()> {
    let (parts, body) = response.into_parts();
    let mut head = ResponseHeader::build(parts.status, Some(parts.headers.len() + 3))?;
    for (name, value) in &parts.headers {
        // How the message is framed is decided here.
        if ![CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
            head.append_header(name.clone(), value.clone())?;
        }
    }
    write(session, head, body).await
}
