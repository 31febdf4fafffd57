//! What an answer says: did a stranger get through?
//!
//! BMAuth's own answers are known by their words: a redirect to its sign-in page, or a problem of its own name. An app
//! can answer 401 or 404 too, and then it was reached; so a status alone proves nothing where the question was plain.

use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use url::Url;

use super::client::DoctorResponse;
use crate::domain::own_paths::{APPS, FRONT, SIGN_IN};

const PROBLEM: &[u8] = b"urn:bmauth:problem:";

/// Where a stranger may be sent to sign in.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    /// The site that is asked, which has sign-in pages or leads on to them.
    pub(super) asked: Url,
    /// The host where people sign in, where that is another: one whose sign-in page was seen.
    pub(super) elsewhere: Option<Url>,
}

impl Pages {
    /// Of the host alone: a proxy may write another scheme or port in a redirect than the visitor sees.
    fn have(&self, location: &Url) -> bool {
        let host = location.host();
        host == self.asked.host() || self.elsewhere.as_ref().is_some_and(|elsewhere| host == elsewhere.host())
    }
}

/// What is known after one answer, with the words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing got through.
    Closed(String),
    /// Something got through, or it cannot have been BMAuth that answered.
    Open(String),
    /// It cannot be told from outside.
    Unclear(String),
}

/// Judges the answer to a plain question at a protected path: only BMAuth's own words are good enough.
pub(super) fn plain(answer: &DoctorResponse, pages: &Pages) -> Verdict {
    if let Some(verdict) = let_in(answer).or_else(|| denied(answer, pages)) {
        return verdict;
    }
    let status = said(answer);
    Verdict::Open(match answer.status {
        status_code if status_code.is_server_error() => {
            format!("{status}: the request is refused, but signing in does not work either")
        }
        StatusCode::FORBIDDEN => {
            format!("{status}, not in BMAuth's words. If the app said it, the app is open to everyone")
        }
        _ => format!("{status}, not BMAuth's sign-in. If the app answered, it is open to everyone"),
    })
}

/// Judges the answer to an odd question, which a proxy may refuse by itself. `refusals` are answers that the proxy is
/// known to give itself.
pub(super) fn odd(answer: &DoctorResponse, pages: &Pages, refusals: &[DoctorResponse]) -> Verdict {
    if let Some(verdict) = let_in(answer).or_else(|| denied(answer, pages)) {
        return verdict;
    }
    let status = said(answer);
    let is_known = refusals.iter().any(|known| known.status == answer.status && known.body == answer.body);
    match answer.status {
        _ if is_known => Verdict::Closed(status),
        StatusCode::BAD_REQUEST
        | StatusCode::FORBIDDEN
        | StatusCode::URI_TOO_LONG
        | StatusCode::EXPECTATION_FAILED
        | StatusCode::MISDIRECTED_REQUEST
        | StatusCode::UPGRADE_REQUIRED
        | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Verdict::Closed(status),
        code if code.is_server_error() => Verdict::Closed(status),
        StatusCode::UNAUTHORIZED => Verdict::Open(format!(
            "{status}, not in BMAuth's words: the server that sent it was reached without BMAuth, and is open to everyone"
        )),
        _ => Verdict::Unclear(format!("{status}: see whether the app's log has it; if so, it got through")),
    }
}

/// The other host that a sign-in page leads on to, as an app's host does where people sign in elsewhere. It must be
/// asked by https, unless the first host has none either.
pub(super) fn leads_on(answer: &DoctorResponse, asked: &Url) -> Option<Url> {
    let location = location(answer, asked)?;
    let is_another = location.path() == SIGN_IN && location.host() != asked.host();
    let is_as_safe = location.scheme() == "https" || asked.scheme() == "http";
    (is_another && is_as_safe).then_some(location)
}

/// Whether this is BMAuth's sign-in page itself.
pub(super) fn is_sign_in_page(answer: &DoctorResponse) -> bool {
    let policy = answer.headers.get(CONTENT_SECURITY_POLICY).map(|value| value.as_bytes());
    answer.status == StatusCode::OK
        && policy.is_some_and(|policy| policy.starts_with(b"default-src 'none'"))
        && contains(&answer.body, FRONT.as_bytes())
}

/// Whether BMAuth's page to register asks for an address, or says that new accounts are closed; `None` where it is
/// another page.
pub(super) fn asks_for_an_address(answer: &DoctorResponse) -> Option<bool> {
    is_sign_in_page(answer).then(|| contains(&answer.body, b"type=\"email\""))
}

/// Whether this is a set of public keys (RFC 7517 §5).
pub(super) fn is_key_set(answer: &DoctorResponse) -> bool {
    let keys: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    answer.status == StatusCode::OK && keys.is_some_and(|keys| keys.get("keys").is_some_and(|keys| keys.is_array()))
}

/// Whether it says, in BMAuth's words, that one has to sign in.
pub(super) fn sends_to_sign_in(answer: &DoctorResponse, pages: &Pages) -> bool {
    let is_problem = answer.status == StatusCode::UNAUTHORIZED && is_problem(answer);
    is_problem || is_redirect(answer, pages)
}

/// Whether it is refused in BMAuth's words.
pub(super) fn is_problem(answer: &DoctorResponse) -> bool {
    let kind = answer.headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    answer.status.is_client_error()
        && kind.is_some_and(|kind| kind.starts_with(b"application/problem+json"))
        && contains(&answer.body, PROBLEM)
}

/// Whether `needle` stands anywhere in the answer.
pub(super) fn tells(answer: &DoctorResponse, needle: &str) -> bool {
    let in_header = answer.headers.values().any(|value| contains(value.as_bytes(), needle.as_bytes()));
    in_header || contains(&answer.body, needle.as_bytes())
}

/// Where a redirect leads.
pub(super) fn location(answer: &DoctorResponse, asked: &Url) -> Option<Url> {
    let written = answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection())?;
    asked.join(written.to_str().ok()?).ok()
}

/// The status, and where it leads.
pub(super) fn said(answer: &DoctorResponse) -> String {
    let status = answer.status.as_u16();
    match answer.headers.get(LOCATION).filter(|_| answer.status.is_redirection()) {
        Some(location) => format!("{status} to {}", String::from_utf8_lossy(location.as_bytes()).escape_debug()),
        None => status.to_string(),
    }
}

fn let_in(answer: &DoctorResponse) -> Option<Verdict> {
    let got_in = answer.status.is_success() || answer.status.is_informational();
    got_in.then(|| Verdict::Open(format!("{}: open to everyone", said(answer))))
}

fn denied(answer: &DoctorResponse, pages: &Pages) -> Option<Verdict> {
    if is_redirect(answer, pages) {
        return Some(Verdict::Closed(format!("{} to sign in", answer.status.as_u16())));
    }
    is_problem(answer).then(|| Verdict::Closed(format!("{} by BMAuth", said(answer))))
}

/// Whether this is the front page of a host that BMAuth's pages have to themselves: it leads to "Your apps".
pub(super) fn is_front_of_pages(answer: &DoctorResponse, asked: &Url) -> bool {
    location(answer, asked).is_some_and(|location| location.host() == asked.host() && location.path() == APPS)
}

/// BMAuth always says where one comes back to, and sends no visitor to a host that has no sign-in page of its own.
fn is_redirect(answer: &DoctorResponse, pages: &Pages) -> bool {
    location(answer, &pages.asked).is_some_and(|location| {
        pages.have(&location)
            && location.path() == SIGN_IN
            && location.query_pairs().any(|(name, _)| name == "return_to")
    })
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && text.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn asked() -> Pages {
        Pages { asked: Url::parse("https://notes.example.com/").unwrap(), elsewhere: None }
    }

    fn answer(status: u16, sent: &[(&str, &str)], body: &'static str) -> DoctorResponse {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        DoctorResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    fn is_open(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Open(words) if words.contains("open to everyone"))
    }

    fn is_closed(verdict: &Verdict) -> bool {
        matches!(verdict, Verdict::Closed(_))
    }

    const JSON: (&str, &str) = ("content-type", "application/problem+json");
    const WORDS: &str = r#"{"type":"urn:bmauth:problem:sign-in-required","status":401}"#;

    #[test]
    fn bmauths_own_answers_are_closed() {
        for to in ["/_bmauth/sign-in?return_to=/", "https://notes.example.com/_bmauth/sign-in?return_to=%2F"] {
            for status in [302, 303, 307] {
                let answer = answer(status, &[("location", to)], "");
                assert!(is_closed(&plain(&answer, &asked())) && is_closed(&odd(&answer, &asked(), &[])), "{to}");
            }
        }
        for status in [400, 401, 403, 421] {
            let answer = answer(status, &[JSON], WORDS);
            assert!(is_closed(&plain(&answer, &asked())) && is_closed(&odd(&answer, &asked(), &[])), "{status}");
        }
    }

    #[test]
    fn a_stranger_is_sent_to_the_asked_host_or_to_the_one_whose_sign_in_page_was_seen() {
        let seen = Pages { elsewhere: Some(Url::parse("https://auth.example.com/").unwrap()), ..asked() };
        for (to, alone, with_seen) in [
            ("/_bmauth/sign-in?return_to=/", true, true),
            // nginx writes the scheme and port that it listens on.
            ("http://notes.example.com:8080/_bmauth/sign-in?return_to=/", true, true),
            ("https://auth.example.com/_bmauth/sign-in?return_to=https%3A%2F%2Fnotes.example.com%2F", false, true),
            ("https://evil.example/_bmauth/sign-in?return_to=/", false, false),
            ("https://auth.example.com.evil.example/_bmauth/sign-in?return_to=/", false, false),
            ("https://auth.example.com/login?return_to=/", false, false),
        ] {
            let answer = answer(303, &[("location", to)], "");
            for (pages, is_ours) in [(&asked(), alone), (&seen, with_seen)] {
                assert_eq!(is_closed(&plain(&answer, pages)), is_ours, "{to}");
                assert_eq!(sends_to_sign_in(&answer, pages), is_ours, "{to}");
            }
        }
    }

    #[test]
    fn a_sign_in_page_leads_on_to_that_of_another_host_alone() {
        let leads = |from: &str, to| {
            let location = leads_on(&answer(303, &[("location", to)], ""), &Url::parse(from).unwrap());
            location.and_then(|location| location.host_str().map(str::to_owned))
        };
        let app = "https://notes.example.com/";
        let auth = Some("auth.example.com".to_owned());
        assert_eq!(leads(app, "https://auth.example.com/_bmauth/sign-in?x=y"), auth);
        assert_eq!(leads("http://localhost:8080/", "http://auth.example.com/_bmauth/sign-in"), auth);
        for to in ["http://auth.example.com/_bmauth/sign-in", "https://auth.example.com/login", "/_bmauth/sign-in", "/"]
        {
            assert_eq!(leads(app, to), None, "{to}");
        }
    }

    #[test]
    fn what_a_stranger_is_given_is_open_however_it_looks() {
        for status in [101, 200, 204, 206] {
            // Words of a denial on a page that says 200 are still a page for everyone.
            for answer in [answer(status, &[], "Please sign in"), answer(status, &[JSON], WORDS)] {
                assert!(is_open(&plain(&answer, &asked())) && is_open(&odd(&answer, &asked(), &[])), "{status}");
            }
        }
    }

    #[test]
    fn an_answer_that_is_not_bmauths_is_open_where_the_question_was_plain() {
        for status in [301, 304, 401, 403, 404, 405, 422, 429] {
            for answer in [answer(status, &[], ""), answer(status, &[("location", "/login")], "")] {
                assert!(is_open(&plain(&answer, &asked())), "{status}");
            }
        }
        // The words alone, or the type alone, are not enough.
        for answer in [answer(401, &[("content-type", "text/html")], WORDS), answer(401, &[JSON], "{}")] {
            assert!(is_open(&plain(&answer, &asked())));
        }
        for elsewhere in [
            "/_bmauth/sign-in",
            "/_bmauth/sign-in/x",
            "/x?next=/_bmauth/sign-in",
            "https://a.example/#/_bmauth/sign-in",
        ] {
            assert!(is_open(&plain(&answer(303, &[("location", elsewhere)], ""), &asked())), "{elsewhere}");
        }
        for status in [500, 502, 503] {
            let verdict = plain(&answer(status, &[], ""), &asked());
            assert!(matches!(verdict, Verdict::Open(words) if words.contains("signing in does not work")), "{status}");
        }
    }

    #[test]
    fn an_odd_question_may_be_refused_by_the_proxy_but_not_answered_by_the_app() {
        for status in [400, 403, 414, 421, 431, 500, 503] {
            assert!(is_closed(&odd(&answer(status, &[], ""), &asked(), &[])), "{status}");
        }
        assert!(is_open(&odd(&answer(401, &[], ""), &asked(), &[])));
        for status in [301, 404, 405, 422] {
            assert!(matches!(odd(&answer(status, &[], ""), &asked(), &[]), Verdict::Unclear(_)), "{status}");
        }
        let known = [answer(404, &[], "nginx")];
        assert!(is_closed(&odd(&answer(404, &[], "nginx"), &asked(), &known)));
        assert!(!is_closed(&odd(&answer(404, &[], "the app"), &asked(), &known)));
    }

    #[test]
    fn own_pages_are_told_from_the_apps() {
        let policy = ("content-security-policy", "default-src 'none'; script-src 'self'");
        assert!(is_sign_in_page(&answer(200, &[policy], "<link href=\"/_bmauth/assets/bmauth.css\">")));
        assert!(!is_sign_in_page(&answer(200, &[], "<link href=\"/_bmauth/assets/bmauth.css\">")));
        assert!(!is_sign_in_page(&answer(404, &[policy], "/_bmauth/")));
        assert!(is_key_set(&answer(200, &[], r#"{"keys":[]}"#)));
        for other in [answer(200, &[], "{}"), answer(200, &[], "[]"), answer(404, &[], r#"{"keys":[]}"#)] {
            assert!(!is_key_set(&other));
        }
    }

    #[test]
    fn the_page_to_register_asks_for_an_address_or_is_closed() {
        let policy = ("content-security-policy", "default-src 'none'; script-src 'self'");
        let page = |body| answer(200, &[policy], body);
        assert_eq!(asks_for_an_address(&page("/_bmauth/ <input type=\"email\">")), Some(true));
        assert_eq!(asks_for_an_address(&page("/_bmauth/ New accounts are closed.")), Some(false));
        assert_eq!(asks_for_an_address(&answer(200, &[], "/_bmauth/ <input type=\"email\">")), None);
    }

    #[test]
    fn a_marker_is_found_in_headers_and_body() {
        assert!(tells(&answer(200, &[("x-seen", "a mark b")], ""), "mark"));
        assert!(tells(&answer(200, &[], "a mark b"), "mark"));
        assert!(!tells(&answer(200, &[("mark", "x")], "mar k"), "mark"));
    }
}
