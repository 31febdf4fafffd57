//! Why a request gets no further: one list, and one table of how each is answered, counted and logged.
//!
//! A page, `application/problem+json`, the answer to a proxy in front and the line of the log are all made from it. A
//! new refusal is a variant and a row here, and its words in the catalogue where its page says something of its own.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use super::peer::RequestId;
use crate::counts::Outcome;
use crate::domain::host::HostError;
use crate::domain::own_paths;
use crate::domain::path::PathError;
use crate::domain::route::Nowhere;

/// Seconds after which a client that was put off may ask again.
pub const RETRY_SOON: HeaderValue = HeaderValue::from_static("5");

/// Why a request gets no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateRefusal {
    /// The request has no meaning, or two; the sentence says which part of it.
    MalformedRequest(&'static str),
    /// The host is none.
    MalformedHost(HostError),
    /// The path or query is none, or one that is dangerous in some reading.
    MalformedPath(PathError),
    /// Different readings of the path lead to different routes.
    AmbiguousPath,
    /// The head is too large.
    HeadTooLarge,
    /// The body is larger than the gateway takes for itself, or than the route lets through.
    BodyTooLarge,
    /// The body of a request to the gateway itself took too long.
    RequestTimeout,
    /// A method that is never let through, or one that this address does not answer.
    MethodNotAllowed,
    /// The visitor came by http, where `public_url` is https.
    PlainHttp,
    /// Not a host of ours.
    Misdirected,
    /// No route, and none of our own pages.
    NotFound,
    /// A route without a server of its own, about which the proxy in front only asks.
    AskedOnly,
    /// A question about one of the gateway's own paths.
    OwnPath,

    /// No visitor is signed in.
    SignInRequired,
    /// "Keep your account safe" has to be answered first.
    ReviewRequired,
    /// Signed in, and in none of the groups that the route asks for.
    Forbidden,
    /// It would also touch a part of the app that asks for more.
    ReachesFurther,
    /// A WebSocket was asked for by another site's page.
    ForeignOrigin,
    /// A WebSocket on a route that has none.
    NoWebSockets,

    /// A question that does not come from a proxy in `server.trusted_proxies`.
    ProxyNotTrusted,
    /// A question of which no family of headers says what it is about.
    NothingAsked,
    /// A question of which two families do.
    AskedTwice,
    /// A question with a part missing.
    PartMissing,
    /// A question with a header that comes twice.
    HeaderRepeated,
    /// A header that says who or what is asked about, in a spelling that only some servers take for it.
    HeaderMisspelled,
    /// A header that some servers take for the target, and by which nothing is decided here.
    OtherTarget,
    /// Two headers of a question name different hosts or schemes.
    Contradiction,
    /// The scheme of a question is neither http nor https.
    SchemeUnknown,

    /// A limit was reached.
    TooManyTries,
    /// The visitor came back without the cookie they were given.
    CookieLoop,
    /// A hand-off that no page of ours sent, or one that was not taken twice.
    HandOffRefused,
    /// A form without its token, with an old one, or from another site.
    RefusedForm,
    /// A page of ours that a script or a frame asked for.
    NotForScripts,
    /// The registration this belongs to has expired, or was never begun in this browser.
    RegistrationEnded,
    /// The recovery this belongs to has expired, or was never begun in this browser.
    RecoveryEnded,
    /// There is no recovery to be contested, or the passkey that contests it was not proved lately in this browser.
    ContestEnded,

    /// The visitors of one network have as many requests with apps as they may.
    TooManyOpen,
    /// There are as many requests with apps as there may be.
    NoRoom,
    /// The app does not answer, or not in HTTP.
    UpstreamDown,
    /// The app took too long.
    UpstreamTimeout,
    /// It cannot be known who asks: the store does not answer.
    Unavailable,
    /// A mistake of ours.
    Fault,
}

/// How one refusal is answered, counted and logged.
#[derive(Clone, Copy, Debug)]
struct RefusalRow {
    /// The status where it is answered directly. A proxy that asks gets 403, whatever stands here.
    status: StatusCode,
    /// Its name in the log, and the last part of its `type` (RFC 9457 §3.1).
    name: &'static str,
    /// What it is, for readers of JSON and of the log.
    title: &'static str,
    /// How it is counted.
    outcome: Outcome,
    /// What a person is shown; `None` where only a program can have caused it and is to be told.
    page: Option<PageWords>,
    /// The page of ours by way of which a person gets on after all.
    detour: Option<&'static str>,
}

impl RefusalRow {
    /// The same, for a person who gets on by way of `page`.
    const fn by_way_of(self, page: &'static str) -> Self {
        Self { detour: Some(page), ..self }
    }
}

/// What the page about a refusal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageWords {
    /// The catalogue's name of its heading.
    pub heading: &'static str,
    /// The catalogue's name of its sentence.
    pub text: &'static str,
    /// What its one button does.
    pub way_on: WayOn,
}

/// What the one button of a refusal's page does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOn {
    /// There is no page that leads on.
    Nowhere,
    /// Leads to the app's front page.
    Home,
    /// Asks for the same once more.
    Again,
    /// Signs out, and leads to signing in with another account, which may have access.
    AnotherAccount,
    /// Leads to the sign-in page, and from there to where the visitor wanted to go.
    SignIn,
    /// Leads to the beginning of what has ended, on that page.
    BeginAgain(&'static str),
}

impl From<Nowhere> for GateRefusal {
    fn from(nowhere: Nowhere) -> Self {
        match nowhere {
            Nowhere::Unknown => Self::NotFound,
            Nowhere::Unclear => Self::AmbiguousPath,
        }
    }
}

impl GateRefusal {
    const fn row(self) -> RefusalRow {
        use Outcome::{Fault, Refused, SignIn, Unavailable, UpstreamDown};
        use StatusCode as S;
        use WayOn::{Again, BeginAgain, Home, Nowhere};
        const fn row(
            status: StatusCode,
            name: &'static str,
            title: &'static str,
            outcome: Outcome,
            page: Option<PageWords>,
        ) -> RefusalRow {
            RefusalRow { status, name, title, outcome, page, detour: None }
        }
        const fn page(heading: &'static str, text: &'static str, way_on: WayOn) -> Option<PageWords> {
            Some(PageWords { heading, text, way_on })
        }
        let unreadable = page("error-bad-request-heading", "error-bad-request-text", Home);
        let forbidden = page("error-forbidden-heading", "error-forbidden-text", Again);
        match self {
            Self::MalformedRequest(_) => {
                row(S::BAD_REQUEST, "malformed-request", "The request is malformed", Refused, unreadable)
            }
            Self::MalformedHost(_) => {
                row(S::BAD_REQUEST, "malformed-host", "The host is malformed", Refused, unreadable)
            }
            Self::MalformedPath(_) => {
                row(S::BAD_REQUEST, "malformed-path", "The path is malformed", Refused, unreadable)
            }
            Self::AmbiguousPath => row(
                S::BAD_REQUEST,
                "ambiguous-path",
                "Servers read this path differently, and here that makes a difference",
                Refused,
                page("error-ambiguous-heading", "error-ambiguous-text", Home),
            ),
            Self::HeadTooLarge => row(
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head-too-large",
                "The request’s header fields are too large",
                Refused,
                page("error-head-heading", "error-head-text", Home),
            ),
            Self::BodyTooLarge => row(
                S::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "The request’s body is too large",
                Refused,
                page("error-body-heading", "error-body-text", Nowhere),
            ),
            Self::RequestTimeout => row(
                S::REQUEST_TIMEOUT,
                "request-timeout",
                "The request took too long to arrive",
                Refused,
                page("error-late-heading", "error-late-text", Again),
            ),
            Self::MethodNotAllowed => row(
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This method is not allowed",
                Refused,
                page("error-method-heading", "error-method-text", Home),
            ),
            Self::PlainHttp => row(
                S::FORBIDDEN,
                "plain-http",
                "This address is served by https alone",
                Refused,
                page("error-plain-http-heading", "error-plain-http-text", Nowhere),
            ),
            Self::Misdirected => row(
                S::MISDIRECTED_REQUEST,
                "misdirected-request",
                "This host is not served here",
                Refused,
                page("error-misdirected-heading", "error-misdirected-text", Nowhere),
            ),
            Self::NotFound => row(
                S::NOT_FOUND,
                "not-found",
                "There is nothing here",
                Refused,
                page("error-not-found-heading", "error-not-found-text", Home),
            ),
            Self::AskedOnly => row(
                S::NOT_FOUND,
                "asked-only",
                "The proxy in front only asks about this address; the app is behind it",
                Refused,
                page("error-asked-only-heading", "error-asked-only-text", Nowhere),
            ),
            Self::OwnPath => {
                row(S::NOT_FOUND, "own-path", "This path belongs to the gateway itself", Refused, unreadable)
            }

            Self::SignInRequired => {
                row(S::UNAUTHORIZED, "sign-in-required", "Please sign in to continue", SignIn, forbidden)
                    .by_way_of(own_paths::SIGN_IN)
            }
            Self::ReviewRequired => {
                row(S::FORBIDDEN, "review-required", "Please look through your devices to continue", Refused, forbidden)
                    .by_way_of(own_paths::RECOVER_REVIEW)
            }
            Self::Forbidden => row(
                S::FORBIDDEN,
                "forbidden",
                "This account cannot open this page",
                Refused,
                page("error-forbidden-heading", "error-forbidden-text", WayOn::AnotherAccount),
            ),
            Self::ReachesFurther => row(
                S::FORBIDDEN,
                "reaches-further",
                "This would also touch a part of the app that asks for more than this address",
                Refused,
                forbidden,
            ),
            Self::ForeignOrigin => row(
                S::FORBIDDEN,
                "foreign-origin",
                "A page of another site cannot open a WebSocket here",
                Refused,
                forbidden,
            ),

            Self::NoWebSockets => row(S::FORBIDDEN, "no-websockets", "This address takes no WebSockets", Refused, None),

            Self::ProxyNotTrusted => row(
                S::FORBIDDEN,
                "proxy-not-trusted",
                "Only proxies named in server.trusted_proxies may ask here",
                Refused,
                None,
            ),
            Self::NothingAsked => row(
                S::BAD_REQUEST,
                "nothing-asked",
                "The proxy does not say which request it asks about",
                Refused,
                unreadable,
            ),
            Self::AskedTwice => row(
                S::BAD_REQUEST,
                "asked-twice",
                "Two kinds of header fields say which request is asked about",
                Refused,
                unreadable,
            ),
            Self::PartMissing => row(
                S::BAD_REQUEST,
                "part-missing",
                "The proxy says the method, scheme, host or path only in part",
                Refused,
                unreadable,
            ),
            Self::HeaderRepeated => row(
                S::BAD_REQUEST,
                "field-repeated",
                "A header field about the request comes twice",
                Refused,
                unreadable,
            ),
            Self::HeaderMisspelled => row(
                S::BAD_REQUEST,
                "field-misspelled",
                "A header field is written in a way that could deceive an app",
                Refused,
                unreadable,
            ),
            Self::OtherTarget => {
                row(S::BAD_REQUEST, "other-target", "A header field names another target", Refused, unreadable)
            }
            Self::Contradiction => row(
                S::BAD_REQUEST,
                "contradiction",
                "Header fields name different hosts or schemes",
                Refused,
                unreadable,
            ),
            Self::SchemeUnknown => {
                row(S::BAD_REQUEST, "scheme-unknown", "The scheme is neither http nor https", Refused, unreadable)
            }

            Self::TooManyTries => row(
                S::TOO_MANY_REQUESTS,
                "too-many-tries",
                "There were too many tries; wait a little",
                Refused,
                page("error-too-many-heading", "error-too-many-later", Again),
            ),
            Self::CookieLoop => row(
                S::BAD_REQUEST,
                "cookie-missing",
                "The browser did not send the cookie it was given",
                Refused,
                page("error-cookie-heading", "error-cookie-text", WayOn::SignIn),
            ),
            Self::HandOffRefused => row(
                S::FORBIDDEN,
                "hand-off-refused",
                "The sign-in could not be handed over to this host",
                Refused,
                page("error-hand-off-heading", "error-hand-off-text", WayOn::SignIn),
            ),
            Self::NotForScripts => row(
                S::FORBIDDEN,
                "not-for-scripts",
                "This page is for people: a script or a frame is not given it",
                Refused,
                forbidden,
            ),
            Self::RefusedForm => row(
                S::FORBIDDEN,
                "refused-form",
                "The form was not sent by a page of ours that is still good",
                Refused,
                page("error-form-heading", "error-form-text", Again),
            ),
            Self::RegistrationEnded => row(
                S::GONE,
                "registration-ended",
                "No registration waits in this browser",
                Refused,
                page("error-ended-heading", "error-ended-text", BeginAgain(own_paths::REGISTER)),
            ),
            Self::RecoveryEnded => row(
                S::GONE,
                "recovery-ended",
                "No recovery waits in this browser",
                Refused,
                page("error-ended-heading", "error-ended-text", BeginAgain(own_paths::RECOVER)),
            ),
            Self::ContestEnded => row(
                S::GONE,
                "contest-ended",
                "No recovery is contested in this browser",
                Refused,
                page("error-ended-heading", "error-ended-text", BeginAgain(own_paths::SIGN_IN)),
            ),

            Self::TooManyOpen => row(
                S::TOO_MANY_REQUESTS,
                "too-many-open",
                "Too many requests of this network are open",
                Refused,
                page("error-too-many-open-heading", "error-too-many-open-text", Again),
            ),
            Self::NoRoom => row(
                S::SERVICE_UNAVAILABLE,
                "no-room",
                "Too many requests are open",
                Unavailable,
                page("error-no-room-heading", "error-no-room-text", Again),
            ),
            Self::UpstreamDown => row(
                S::BAD_GATEWAY,
                "app-down",
                "The app is not answering",
                UpstreamDown,
                page("error-upstream-heading", "error-upstream-text", Again),
            ),
            Self::UpstreamTimeout => row(
                S::GATEWAY_TIMEOUT,
                "app-timeout",
                "The app took too long to answer",
                UpstreamDown,
                page("error-upstream-heading", "error-upstream-text", Again),
            ),
            Self::Unavailable => row(
                S::SERVICE_UNAVAILABLE,
                "sign-in-unavailable",
                "Signing in is not working right now",
                Unavailable,
                page("error-unavailable-heading", "error-unavailable-text", Again),
            ),
            Self::Fault => row(
                S::INTERNAL_SERVER_ERROR,
                "fault",
                "Something went wrong in the gateway",
                Fault,
                page("error-fault-heading", "error-fault-text", Again),
            ),
        }
    }

    /// The status it is answered with; a proxy that asks gets 403 instead.
    pub const fn status(self) -> StatusCode {
        self.row().status
    }

    /// Its name in the log, and the last part of its `type`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The page of ours by way of which a person gets on after all, and then back to what was asked for.
    pub const fn detour(self) -> Option<&'static str> {
        self.row().detour
    }

    /// How it is counted.
    pub const fn outcome(self) -> Outcome {
        self.row().outcome
    }

    /// What a person is shown; `None` where only a program is to be told.
    pub const fn page(self) -> Option<PageWords> {
        self.row().page
    }

    /// Why, in a sentence for the log: never anything of what was sent.
    pub fn why(self) -> Cow<'static, str> {
        if let Self::MalformedRequest(why) = self {
            why.into()
        } else if let Self::MalformedHost(error) = self {
            error.to_string().into()
        } else if let Self::MalformedPath(error) = self {
            error.to_string().into()
        } else {
            self.row().title.into()
        }
    }

    /// What its answer says besides, as a page or a problem: when it is worth asking again (RFC 9110 §10.2.3).
    pub fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let is_soon_over = matches!(self, Self::Unavailable | Self::NoRoom | Self::TooManyOpen);
        is_soon_over.then_some((RETRY_AFTER, RETRY_SOON)).into_iter()
    }

    /// The refusal as RFC 9457 writes it, sent with `status`: its headers and its body.
    pub fn problem(
        self,
        status: StatusCode,
        request_id: RequestId,
        sign_in_url: Option<&str>,
    ) -> (Vec<(HeaderName, HeaderValue)>, Bytes) {
        #[derive(Serialize)]
        struct ProblemMembers<'a> {
            #[serde(rename = "type")]
            type_: String,
            title: &'a str,
            status: u16,
            request_id: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            sign_in_url: Option<&'a str>,
        }
        let RefusalRow { name, title, .. } = self.row();
        let members = ProblemMembers {
            type_: format!("urn:bmauth:problem:{name}"),
            title,
            status: status.as_u16(),
            request_id: request_id.to_string(),
            sign_in_url,
        };
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))];
        if self == Self::SignInRequired {
            // RFC 9110 §15.5.2 wants a challenge; browsers ask nothing for this one.
            headers.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        headers.extend(self.headers());
        let body = serde_json::to_vec(&members).expect("texts and a number can be written");
        (headers, body.into())
    }

    /// What a client of the API compares, by the status: the same words as the API's own refusals.
    fn api_code(status: StatusCode) -> &'static str {
        match status {
            StatusCode::UNAUTHORIZED => "unauthenticated-user",
            StatusCode::NOT_FOUND => "route-not-found",
            StatusCode::METHOD_NOT_ALLOWED => "method-not-allowed",
            StatusCode::TOO_MANY_REQUESTS => "too-many-requests",
            StatusCode::SERVICE_UNAVAILABLE => "service-unavailable",
            status if status.is_server_error() => "internal-server-error",
            _ => "invalid-request",
        }
    }

    /// The refusal as the JSON API writes its own, for what goes no further than the proxy: its headers and its body.
    pub fn api_error(self) -> (Vec<(HeaderName, HeaderValue)>, Bytes) {
        #[derive(Serialize)]
        struct ApiErrorMembers {
            status: u16,
            message: String,
            error: &'static str,
        }
        let RefusalRow { status, title, .. } = self.row();
        let members =
            ApiErrorMembers { status: status.as_u16(), message: format!("{title}."), error: Self::api_code(status) };
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        headers.extend(self.headers());
        let body = serde_json::to_vec(&members).expect("texts and a number can be written");
        (headers, body.into())
    }
}

/// A refusal as the line of its request says it. The code that refuses leaves it in the extensions of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedRefusal {
    /// The stable name of the refusal, for searches in the log.
    pub name: &'static str,
    /// Why, in a sentence: never anything of what was sent.
    pub why: Cow<'static, str>,
}

impl From<GateRefusal> for LoggedRefusal {
    fn from(refusal: GateRefusal) -> Self {
        Self { name: refusal.name(), why: refusal.why() }
    }
}

/// What the page about a refusal says beside it, where that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusalDetails<'a> {
    /// The address of the signed-in person.
    pub email: Option<&'a str>,
    /// The page to try again; the one that was asked for where nothing is said.
    pub retry: Option<&'a str>,
    /// When it is worth trying again.
    pub wait: Option<Duration>,
    /// Where the visitor wanted to go, to come back to it with another account.
    pub return_to: Option<&'a str>,
    /// Whether there are apps that the signed-in person may open.
    pub has_apps: bool,
    /// The address that shows this, or what is behind it, in another language; `None` where no page of ours can be had.
    pub here: Option<&'a str>,
}

#[cfg(test)]
impl GateRefusal {
    /// One of each kind.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::MalformedRequest("a part of it is odd")];
        while let Some(next) = all.last().and_then(|last| last.next()) {
            all.push(next);
        }
        all
    }

    /// The kind after this one; a kind that is not here does not compile.
    fn next(self) -> Option<Self> {
        Some(match self {
            Self::MalformedRequest(_) => Self::MalformedHost(HostError::Empty),
            Self::MalformedHost(_) => Self::MalformedPath(PathError::NotAbsolute),
            Self::MalformedPath(_) => Self::AmbiguousPath,
            Self::AmbiguousPath => Self::HeadTooLarge,
            Self::HeadTooLarge => Self::BodyTooLarge,
            Self::BodyTooLarge => Self::RequestTimeout,
            Self::RequestTimeout => Self::MethodNotAllowed,
            Self::MethodNotAllowed => Self::PlainHttp,
            Self::PlainHttp => Self::Misdirected,
            Self::Misdirected => Self::NotFound,
            Self::NotFound => Self::AskedOnly,
            Self::AskedOnly => Self::OwnPath,
            Self::OwnPath => Self::SignInRequired,
            Self::SignInRequired => Self::ReviewRequired,
            Self::ReviewRequired => Self::Forbidden,
            Self::Forbidden => Self::ReachesFurther,
            Self::ReachesFurther => Self::ForeignOrigin,
            Self::ForeignOrigin => Self::NoWebSockets,
            Self::NoWebSockets => Self::ProxyNotTrusted,
            Self::ProxyNotTrusted => Self::NothingAsked,
            Self::NothingAsked => Self::AskedTwice,
            Self::AskedTwice => Self::PartMissing,
            Self::PartMissing => Self::HeaderRepeated,
            Self::HeaderRepeated => Self::HeaderMisspelled,
            Self::HeaderMisspelled => Self::OtherTarget,
            Self::OtherTarget => Self::Contradiction,
            Self::Contradiction => Self::SchemeUnknown,
            Self::SchemeUnknown => Self::TooManyTries,
            Self::TooManyTries => Self::CookieLoop,
            Self::CookieLoop => Self::HandOffRefused,
            Self::HandOffRefused => Self::RefusedForm,
            Self::RefusedForm => Self::NotForScripts,
            Self::NotForScripts => Self::RegistrationEnded,
            Self::RegistrationEnded => Self::RecoveryEnded,
            Self::RecoveryEnded => Self::ContestEnded,
            Self::ContestEnded => Self::TooManyOpen,
            Self::TooManyOpen => Self::NoRoom,
            Self::NoRoom => Self::UpstreamDown,
            Self::UpstreamDown => Self::UpstreamTimeout,
            Self::UpstreamTimeout => Self::Unavailable,
            Self::Unavailable => Self::Fault,
            Self::Fault => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_refusal_has_a_name_of_its_own_and_says_what_it_is() {
        let all = GateRefusal::all();
        let names: BTreeSet<_> = all.iter().map(|refusal| refusal.name()).collect();
        assert_eq!(names.len(), all.len());
        for refusal in all {
            assert!(refusal.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{refusal:?}");
            assert!(refusal.status().is_client_error() || refusal.status().is_server_error(), "{refusal:?}");
            assert!(refusal.why().len() > 10, "{refusal:?}");
        }
    }

    #[test]
    fn a_refusal_is_written_as_the_api_writes_its_own() {
        let written = |refusal: GateRefusal| {
            let (headers, body) = refusal.api_error();
            (headers, serde_json::from_slice::<serde_json::Value>(&body).unwrap())
        };
        let (headers, error) = written(GateRefusal::BodyTooLarge);
        let expected = serde_json::json!({
            "status": 413, "message": "The request’s body is too large.", "error": "invalid-request",
        });
        assert_eq!(error, expected);
        assert_eq!(headers, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        for refusal in GateRefusal::all() {
            let (headers, error) = written(refusal);
            assert_eq!(error["status"], refusal.status().as_u16());
            let may_come_again = headers.contains(&(RETRY_AFTER, RETRY_SOON));
            assert_eq!(may_come_again, refusal.headers().next().is_some(), "{refusal:?}");
        }
    }

    #[test]
    fn a_refusal_is_written_as_a_problem_with_the_id_of_its_request() {
        let written = |refusal: GateRefusal, sign_in_url| {
            let (headers, body) = refusal.problem(refusal.status(), RequestId(7), sign_in_url);
            (headers, serde_json::from_slice::<serde_json::Value>(&body).unwrap())
        };
        let (headers, problem) = written(GateRefusal::MalformedPath(PathError::Backslash), None);
        let expected = serde_json::json!({
            "type": "urn:bmauth:problem:malformed-path",
            "title": "The path is malformed",
            "status": 400,
            "request_id": "0000000000000007",
        });
        assert_eq!(problem, expected);
        assert_eq!(headers, [(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))]);
        assert_eq!(GateRefusal::MalformedPath(PathError::Backslash).why(), "the path has a backslash");
        let (headers, problem) = written(GateRefusal::SignInRequired, Some("/x"));
        assert_eq!(problem["sign_in_url"], "/x");
        assert!(headers.contains(&(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))));
    }
}
