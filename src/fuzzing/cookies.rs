//! Cookies, of requests and answers.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::domain::cookies::{self, AppCookies};
use crate::gate::credentials::{self, Credentials};

/// The name that is looked for.
const NAME: &str = "__Host-bmauth";

/// Reads `Cookie` headers, one a line, and each line as a `Set-Cookie` header too. The app is left every cookie but
/// ours, as it came and in its order, and cannot make a browser send one of ours.
pub fn cookies(input: &[u8]) {
    let headers: Vec<&[u8]> = input.split(|&byte| byte == b'\n').collect();
    let came: Vec<&[u8]> = headers.iter().flat_map(|header| pairs(header)).collect();
    let theirs: Vec<&[u8]> = came.iter().copied().filter(|pair| !is_ours(pair)).collect();

    let written = cookies::without_ours(headers.iter().copied());
    assert_eq!(pairs(&written), theirs, "the app is not left its cookies");
    let found = cookies::find(headers.iter().copied(), NAME);
    match found.apps {
        AppCookies::AsItCame => {
            assert_eq!(came.len(), theirs.len(), "one of ours is left");
            assert!(headers.len() < 2, "several headers are left");
        }
        AppCookies::Nothing => assert!(theirs.is_empty(), "a cookie is lost"),
        AppCookies::Some => assert!(!theirs.is_empty(), "nothing is called something"),
    }
    let again = cookies::find([&*written].into_iter(), NAME);
    assert_eq!((again.only, again.apps), (None, AppCookies::AsItCame), "one of ours is left");

    let named: Vec<&[u8]> = came.iter().copied().filter(|pair| name_of(pair) == NAME.as_bytes()).collect();
    match *named.as_slice() {
        [only] => assert_eq!(found.only, Some(value_of(only))),
        [] | [_, _, ..] => assert_eq!(found.only, None, "none or several are taken for one"),
    }

    for header in &headers {
        if let Some(sent) = sent_back(header) {
            let comes_back_as_ours = pairs(&sent).into_iter().any(is_ours);
            assert!(!comes_back_as_ours || cookies::sets_ours(header), "an app sets a cookie of ours");
        }
    }
    through_the_gate(&headers, found.apps, &written);
}

/// The same, by the headers of a request.
fn through_the_gate(lines: &[&[u8]], left: AppCookies, written: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in lines {
        let Ok(header) = HeaderValue::from_bytes(line) else { return };
        headers.append(COOKIE, header);
    }
    let credentials = Credentials::read(&headers, NAME, |_| false);
    assert_eq!(credentials.cookies, left);
    assert_eq!(credentials.token, credentials::session_token(&headers, NAME));
    assert_eq!(credentials::cookies_without_ours(&headers), written);
    assert!(HeaderValue::from_bytes(written).is_ok(), "what is left is no header");
}

fn pairs(header: &[u8]) -> Vec<&[u8]> {
    header.split(|&byte| byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty()).collect()
}

fn name_of(pair: &[u8]) -> &[u8] {
    let end = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
    pair.get(..end).unwrap_or_default().trim_ascii()
}

fn value_of(pair: &[u8]) -> &[u8] {
    let start = pair.iter().position(|&byte| byte == b'=').map_or(pair.len(), |equals| equals + 1);
    pair.get(start..).unwrap_or_default().trim_ascii()
}

fn is_ours(pair: &[u8]) -> bool {
    let name = name_of(pair).to_ascii_lowercase();
    ["bmauth", "__host-bmauth", "__secure-bmauth"].iter().any(|ours| name.starts_with(ours.as_bytes()))
}

/// What a browser sends back of a `Set-Cookie` header (RFC 6265bis §5.6, §5.8.3): a cookie without a name goes out as
/// its bare value.
fn sent_back(header: &[u8]) -> Option<Vec<u8>> {
    // It ignores one with a control character other than the tab.
    if header.iter().any(|&byte| byte.is_ascii_control() && byte != b'\t') {
        return None;
    }
    let pair = header.split(|&byte| byte == b';').next().unwrap_or_default();
    let (name, value) = match pair.contains(&b'=') {
        true => (name_of(pair), value_of(pair)),
        false => (&[][..], pair.trim_ascii()),
    };
    Some(if name.is_empty() { value.to_vec() } else { [name, b"=", value].concat() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::fuzzing::inputs::holds;

    #[test]
    fn an_app_gets_every_cookie_but_ours_and_sets_none_of_ours() {
        let name = "(__Host-|__host-|__Secure-|_)?(bmauth|BMAuth|bmaut|a|)(-flow|-lang|x)?|[a-z\"]{0,3}";
        let cookie = (name, "[ \t]?={0,2}[ \t]?", "[a-zA-Z0-9\"%, ]{0,4}|[\\x20-\\x7e\\t]{0,4}|\\PC{0,2}");
        let cookie = cookie.prop_map(|(name, equals, value)| format!("{name}{equals}{value}"));
        let header =
            (proptest::collection::vec(cookie, 0..5), "; ?|;;|;\t").prop_map(|(all, between)| all.join(&between));
        let headers = proptest::collection::vec(header, 0..4).prop_map(|headers| headers.join("\n"));
        holds("cookies", super::cookies, headers);
    }
}
