//! Fields that are of one connection and not of the message: they end here, in both directions (RFC 9110 §7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// How many fields `Connection` may name.
const MOST_NAMED: usize = 9;
/// Fields that are the gateway's own to say, and that a client therefore cannot take away by naming them.
const PROTECTED: [&str; 4] = ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Drops those of a request.
///
/// # Errors
/// `Connection` names too many fields, none that could be one, or what it may not.
pub(super) fn drop_from_request(headers: &mut HeaderMap) -> pingora::Result<()> {
    if headers.contains_key(CONNECTION) {
        let named = named(headers)?;
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [
        &KEEP_ALIVE,
        &PROXY_CONNECTION,
        &PROXY_AUTHENTICATE,
        &PROXY_AUTHORIZATION,
        &TE,
        &TRAILER,
        &TRANSFER_ENCODING,
        &UPGRADE,
        &HTTP2_SETTINGS,
    ] {
        headers.remove(name);
    }
    Ok(())
}

/// Drops those of an answer. How it is framed is said anew.
pub(super) fn drop_from_answer(head: &mut ResponseHeader) {
    if head.headers.contains_key(CONNECTION) {
        let tokens =
            head.headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        let named: Vec<HeaderName> =
            tokens.filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok()).collect();
        // The length is the message's own, whatever is said of it.
        for name in named.iter().filter(|name| **name != CONTENT_LENGTH) {
            head.remove_header(name);
        }
        head.remove_header(&CONNECTION);
    }
    for name in [&KEEP_ALIVE, &PROXY_CONNECTION, &TRAILER, &UPGRADE] {
        head.remove_header(name);
    }
    // Of an answer that says both, the length is not that of its body (RFC 9112 §6.3).
    if head.remove_header(&TRANSFER_ENCODING).is_some() {
        head.remove_header(&CONTENT_LENGTH);
    }
}

fn named(headers: &HeaderMap) -> pingora::Result<Vec<HeaderName>> {
    let refuse = |why| Error::e_explain(ErrorType::InvalidHTTPHeader, why).map_err(|error| error.into_down());
    let tokens = headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut named = Vec::new();
    for token in tokens.map(<[u8]>::trim_ascii).filter(|token| !token.is_empty()) {
        let Ok(name) = HeaderName::from_bytes(token) else {
            return refuse("what Connection names is no field");
        };
        if PROTECTED.contains(&name.as_str()) {
            return refuse("Connection names a field that is not the client's");
        }
        if named.len() == MOST_NAMED {
            return refuse("Connection names too many fields");
        }
        named.push(name);
    }
    Ok(named)
}
