//! Headers that are of one connection and not of the message: they end here, in both directions (RFC 9110 §7.6.1).

use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING};
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType};

/// How many headers `Connection` may name.
const MOST_NAMED: usize = 9;
/// Headers that are the gateway's own to say, and that a client therefore cannot take away by naming them.
const PROTECTED: [&str; 4] = ["host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// Drops those of a request.
///
/// # Errors
/// `Connection` names too many headers, none that could be one, or what it may not.
pub(super) fn drop_from_request(headers: &mut HeaderMap) -> pingora::Result<()> {
    if headers.contains_key(CONNECTION) {
        for name in named_by_client(headers)? {
            headers.remove(name);
        }
    }
    let is_one = |name: &HeaderName| {
        is_of_both(name)
            || matches!(
                name.as_str(),
                "proxy-authenticate" | "proxy-authorization" | "te" | "transfer-encoding" | "http2-settings"
            )
    };
    for name in those(headers, is_one) {
        headers.remove(name);
    }
    Ok(())
}

/// Drops those of an answer. How it is framed is said anew.
pub(super) fn drop_from_answer(head: &mut ResponseHeader) {
    if head.headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> =
            connection_tokens(&head.headers).filter_map(|token| HeaderName::from_bytes(token).ok()).collect();
        // The length is the message's own, whatever is said of it.
        for name in named.iter().filter(|name| **name != CONTENT_LENGTH) {
            head.remove_header(name);
        }
    }
    for name in those(&head.headers, is_of_both) {
        head.remove_header(&name);
    }
    // Of an answer that says both, the length is not that of its body (RFC 9112 §6.3).
    if head.remove_header(&TRANSFER_ENCODING).is_some() {
        head.remove_header(&CONTENT_LENGTH);
    }
}

/// Drops those of the trailers of an answer, and what says how it is framed (RFC 9110 §6.5.1).
pub(super) fn drop_from_trailers(trailers: &mut HeaderMap) {
    let is_one = |name: &HeaderName| {
        is_of_both(name) || matches!(name.as_str(), "te" | "transfer-encoding" | "content-length" | "host")
    };
    for name in those(trailers, is_one) {
        trailers.remove(name);
    }
}

/// Whether the transfer of a message has no coding but that in chunks, said once. Another is not undone here, and what
/// it made of the body would be passed on without its name (RFC 9112 §6.1).
pub(super) fn is_plain_or_chunked(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    codings.next().is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")) && codings.next().is_none()
}

/// Whether a header is of one connection in either direction.
fn is_of_both(name: &HeaderName) -> bool {
    matches!(name.as_str(), "connection" | "keep-alive" | "proxy-connection" | "trailer" | "upgrade")
}

/// The names of such headers; most messages have few.
fn those(headers: &HeaderMap, is_one: impl Fn(&HeaderName) -> bool) -> Vec<HeaderName> {
    headers.keys().filter(|name| is_one(name)).cloned().collect()
}

fn connection_tokens(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(CONNECTION).into_iter();
    let tokens = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tokens.map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

fn named_by_client(headers: &HeaderMap) -> pingora::Result<Vec<HeaderName>> {
    let refuse = |why| Error::e_explain(ErrorType::InvalidHTTPHeader, why).map_err(|error| error.into_down());
    let mut named = Vec::new();
    for token in connection_tokens(headers) {
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn after(sent: &[(&'static str, &'static str)]) -> Option<Vec<String>> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        drop_from_request(&mut headers).ok()?;
        let mut names: Vec<String> = headers.keys().map(ToString::to_string).collect();
        names.sort();
        Some(names)
    }

    #[test]
    fn what_is_of_the_connection_and_what_it_names_end_here() {
        let headers = [
            ("connection", "keep-alive, X-Hop"),
            ("connection", ", x-other ,"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("trailer", "x"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("proxy-connection", "close"),
            ("x-end", "1"),
        ];
        assert_eq!(after(&headers), Some(vec!["x-end".to_owned()]));
    }

    #[test]
    fn a_client_takes_away_nothing_that_is_ours_to_say() {
        for named in [
            "Host",
            "close, X-Forwarded-For",
            "x-forwarded-proto",
            "X-Forwarded-Host",
            ":authority",
            "\"x-forwarded-for\"",
            "a b",
            "a,b,c,d,e,f,g,h,i,j",
        ] {
            assert_eq!(after(&[("connection", named), ("host", "x")]), None, "{named}");
        }
        assert!(after(&[("connection", "a,b,c,d,e,f,g,h,i"), ("host", "x")]).is_some());
    }
}
