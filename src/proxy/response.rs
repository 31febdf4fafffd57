//! What of the app's answer does not reach the browser: cookies that read as ours, and another protocol than WebSocket.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderMap, HeaderValue, PRAGMA, SET_COOKIE, UPGRADE};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType};

use crate::domain::cookies;
use crate::gate::kind::RequestKind;

/// Refuses an answer that changes the protocol, unless to the WebSocket that was asked for (RFC 9110 §15.2.2). Behind
/// it bytes pass that are not read as requests any more.
///
/// # Errors
/// The app is then treated as one that does not speak HTTP.
pub(super) fn switches_as_asked(response: &ResponseHeader, kind: RequestKind) -> pingora::Result<()> {
    if response.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    let mut protocols = response.headers.get_all(UPGRADE).iter();
    let is_websocket = protocols.next().is_some_and(|named| named.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if kind == RequestKind::WebSocket && is_websocket && protocols.next().is_none() {
        return Ok(());
    }
    Error::e_explain(ErrorType::InvalidHTTPHeader, "the app switches to a protocol that was not asked for")
        .map_err(|error| error.into_up())
}

/// Drops the `Set-Cookie` headers that would set one of ours; the others stay as they are, in their order.
///
/// # Errors
/// The remaining ones could not be written back, which does not happen to what was read as a header.
pub(super) fn drop_own_cookies(response: &mut ResponseHeader) -> pingora::Result<()> {
    if !sets_ours(&response.headers) {
        return Ok(());
    }
    let theirs: Vec<HeaderValue> = response
        .headers
        .get_all(SET_COOKIE)
        .iter()
        .filter(|value| !cookies::sets_ours(value.as_bytes()))
        .cloned()
        .collect();
    response.remove_header(&SET_COOKIE);
    for value in theirs {
        response.append_header(SET_COOKIE, value)?;
    }
    Ok(())
}

/// Keeps what was made for one signed-in person out of caches that serve others, where the app says nothing about
/// caching (RFC 9111 §5.2.2.7): a CDN in front may keep it for a while without being told.
///
/// # Errors
/// The header could not be written, which does not happen.
pub(super) fn keep_from_others(response: &mut ResponseHeader) -> pingora::Result<()> {
    let is_said = [CACHE_CONTROL, EXPIRES, PRAGMA].iter().any(|name| response.headers.contains_key(name));
    if is_said { Ok(()) } else { response.insert_header(CACHE_CONTROL, "private") }
}

/// Whether an answer goes on as long as there is something to say, and so may be silent for long. Its own type tells
/// that, whatever the request accepts.
pub(super) fn is_stream(response: &ResponseHeader) -> bool {
    const STREAMS: [&[u8]; 5] = [
        b"text/event-stream",
        b"application/x-ndjson",
        b"application/ndjson",
        b"multipart/x-mixed-replace",
        b"application/grpc",
    ];
    let Some(content_type) = response.headers.get(CONTENT_TYPE) else { return false };
    // gRPC names what is inside behind a plus sign.
    let end = |byte: &u8| b";+".contains(byte);
    let media_type = content_type.as_bytes().split(end).next().unwrap_or_default().trim_ascii();
    STREAMS.iter().any(|stream| media_type.eq_ignore_ascii_case(stream))
}

fn sets_ours(headers: &HeaderMap) -> bool {
    headers.get_all(SET_COOKIE).iter().any(|value| cookies::sets_ours(value.as_bytes()))
}
