//! What a client can send to be taken for another principal: identity headers in every spelling, and the words in which
//! proxies speak to each other.

use super::client::DoctorRequest;
use crate::domain::header_name;
use crate::domain::plain_header::STANDARD;

/// The cookies of a session, on https and on `http://localhost`.
pub(super) const COOKIES: [&str; 2] = ["__Host-bmauth", "bmauth"];

/// The headers that tell an app who asks: of the token, the standard plain ones, and `more` of them (of
/// `identity.plain_headers`). Each once, in lowercase.
pub(super) fn identity_headers<'a>(token_header: &str, more: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names = vec![token_header.to_ascii_lowercase()];
    for name in STANDARD.iter().map(|(name, _)| *name).chain(more) {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_ascii_lowercase());
        }
    }
    names
}

/// Every name that a server may read as one of these: the names themselves, and the spellings that CGI, WSGI, PHP and
/// their like turn into the same variables.
pub(super) fn in_every_spelling(identity: &[String]) -> Vec<String> {
    identity.iter().flat_map(|name| spellings(name)).collect()
}

/// What other gateways than ours, and some servers, are believed by: as they are written.
pub(super) fn of_others(identity: &[String]) -> Vec<&'static str> {
    let ours = |name: &str| identity.iter().any(|own| own == name);
    header_name::known_names().filter(|name| !ours(name)).collect()
}

fn spellings(name: &str) -> Vec<String> {
    let name = name.to_ascii_lowercase();
    let mut all = vec![name.clone()];
    for separator in ["_", "."] {
        all.push(name.replace('-', separator));
        // Names with two separators: one of each.
        if name.matches('-').count() > 1 {
            all.push(name.replacen('-', separator, 1));
            if let Some((start, end)) = name.rsplit_once('-') {
                all.push(format!("{start}{separator}{end}"));
            }
        }
    }
    all
}

/// A harmless name of the same form: how it is answered says whether the form alone is refused.
pub(super) fn of_the_same_form(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { 'q' } else { letter }).collect()
}

/// Ways to say that another request is meant than the one that is made: each a name for people, and its headers. `open`
/// is a public path.
pub(super) fn addresses(origin: &str, authority: &str, open: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let whole = format!("{origin}{open}");
    let scheme = origin.split(':').next().unwrap_or_default();
    vec![
        ("X-Forwarded-Uri", vec![("x-forwarded-uri", open.to_owned())]),
        (
            "X-Forwarded-Method, -Proto, -Host and -Uri",
            vec![
                ("x-forwarded-method", "GET".to_owned()),
                ("x-forwarded-proto", scheme.to_owned()),
                ("x-forwarded-host", authority.to_owned()),
                ("x-forwarded-uri", open.to_owned()),
            ],
        ),
        (
            "X-Original-URL and -Method",
            vec![("x-original-url", whole.clone()), ("x-original-method", "GET".to_owned())],
        ),
        (
            "X-Original-URL as a path, X-Rewrite-URL",
            vec![("x-original-url", open.to_owned()), ("x-rewrite-url", open.to_owned())],
        ),
        ("X-Original-URI", vec![("x-original-uri", open.to_owned())]),
        ("X_Forwarded_Uri, X_Original_URL", vec![("x_forwarded_uri", open.to_owned()), ("x_original_url", whole)]),
        (
            "X-Forwarded-For, X-Real-IP and Forwarded from this machine",
            vec![
                ("x-forwarded-for", "127.0.0.1".to_owned()),
                ("x-real-ip", "127.0.0.1".to_owned()),
                ("forwarded", "for=127.0.0.1".to_owned()),
            ],
        ),
        (
            "SCRIPT_NAME and PATH_INFO",
            vec![("script_name", open.to_owned()), ("path_info", open.to_owned()), ("script-name", open.to_owned())],
        ),
        ("X-HTTP-Method-Override: OPTIONS", vec![("x-http-method-override", "OPTIONS".to_owned())]),
        (
            "x-envoy-original-path, x-envoy-internal",
            vec![("x-envoy-original-path", open.to_owned()), ("x-envoy-internal", "true".to_owned())],
        ),
    ]
}

/// Session cookies that were never given out: each a name for people, and the value of `Cookie`.
pub(super) fn cookies(random: &str) -> Vec<(&'static str, String)> {
    let all = |value: &str| COOKIES.map(|name| format!("{name}={value}")).join("; ");
    vec![
        ("a made-up session cookie", all(random)),
        ("an empty session cookie", all("")),
        ("a garbage session cookie", all("..%00/..\\u0000'--")),
        ("two session cookies", format!("{}; {}", all(random), all("x"))),
    ]
}

/// Adds `headers` to the headers of a request.
pub(super) fn with_all<V: AsRef<str>>(request: DoctorRequest, headers: &[(&str, V)]) -> DoctorRequest {
    headers.iter().fold(request, |request, (name, value)| request.with_header(name, value.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mix_of_separators_is_a_spelling() {
        let mut names = spellings("X-BMAuth-JWT");
        names.sort();
        assert_eq!(
            names,
            [
                "x-bmauth-jwt",
                "x-bmauth.jwt",
                "x-bmauth_jwt",
                "x.bmauth-jwt",
                "x.bmauth.jwt",
                "x_bmauth-jwt",
                "x_bmauth_jwt"
            ]
        );
        assert_eq!(spellings("Remote-User"), ["remote-user", "remote_user", "remote.user"]);
        let names = identity_headers("X-BMAuth-JWT", ["remote-user", "x-grafana"]);
        assert_eq!(names, ["x-bmauth-jwt", "remote-user", "remote-email", "remote-name", "remote-groups", "x-grafana"]);
        assert_eq!(in_every_spelling(&names).len(), 7 + 5 * 3);
        assert!(!of_others(&names).contains(&"remote-user") && of_others(&names).contains(&"x-remote-user"));
        assert_eq!(of_the_same_form("x_bmauth.jwt"), "q_qqqqqq.qqq");
    }

    #[test]
    fn all_forged_headers_can_be_sent() {
        for (_, headers) in addresses("https://a.example", "a.example", "/public") {
            assert_eq!(with_all(DoctorRequest::get("/"), &headers).headers.len(), headers.len() + 1);
        }
        for (_, value) in cookies("abc") {
            assert_eq!(DoctorRequest::get("/").with_header("cookie", &value).headers.len(), 2);
        }
    }
}
