//! The answers that the proxy gives itself.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, WWW_AUTHENTICATE,
};
use http::{Method, Response, StatusCode};
use pingora::proxy::Session;

use super::incoming::Incoming;
use crate::domain::own_paths::{RECOVER_REVIEW, SIGN_IN};
use crate::gate::detour;
use crate::gate::forward_auth::Odd;
use crate::gate::headers::PageHeaders;
use crate::gate::kind::Kind;
use crate::gate::peer::RequestId;

/// Why a request was not forwarded, or did not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// 400: the request has no meaning, or two.
    BadRequest,
    /// 401: nobody is signed in.
    SignInRequired,
    /// 403: "Keep your account safe" has to be answered first.
    ReviewRequired,
    /// 403: signed in, and in none of the groups that the route asks for.
    Forbidden,
    /// 403: a WebSocket was asked for by another site's page.
    ForeignOrigin,
    /// 404: no route.
    NotFound,
    /// 404: a route without a server of its own, about which the proxy in front only asks.
    AskedOnly,
    /// 405: a method that is never let through.
    MethodNotAllowed,
    /// 408: the body of a request to the gateway itself took too long.
    RequestTimeout,
    /// 413: the body of a request to the gateway itself is too large.
    BodyTooLarge,
    /// 421: not a host of ours.
    Misdirected,
    /// 431: the head is too large.
    HeadTooLarge,
    /// 500: a mistake of ours.
    Fault,
    /// 501: a method nobody knows.
    NotImplemented,
    /// 502: the app does not answer, or not in HTTP.
    UpstreamDown,
    /// 503: it cannot be known who is signed in.
    Unavailable,
    /// 504: the app took too long.
    UpstreamTimeout,
}

impl Problem {
    /// The status it is answered with.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::SignInRequired => StatusCode::UNAUTHORIZED,
            Self::ReviewRequired => StatusCode::FORBIDDEN,
            Self::Forbidden | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NotFound | Self::AskedOnly => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::UpstreamDown => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// What is in the way of a request that a proxy in front asks about; `None` where nobody but that proxy is to know.
    pub(super) const fn of_question(odd: Odd) -> Option<Self> {
        Some(match odd {
            Odd::Untrusted => return None,
            Odd::UnknownHost => Self::Misdirected,
            Odd::NoRoute => Self::NotFound,
            Odd::ReviewRequired => Self::ReviewRequired,
            Odd::Forbidden => Self::Forbidden,
            Odd::ForeignOrigin => Self::ForeignOrigin,
            Odd::Unavailable => Self::Unavailable,
            Odd::Fault => Self::Fault,
            Odd::Malformed
            | Odd::NothingSaid
            | Odd::SaidTwice
            | Odd::Missing
            | Odd::Repeated
            | Odd::Spelling
            | Odd::OtherTarget
            | Odd::Contradiction
            | Odd::Method
            | Odd::Scheme
            | Odd::Host
            | Odd::Path
            | Odd::OwnPath => Self::BadRequest,
        })
    }

    /// What the problem is, in a few words, and the last part of its `type` (RFC 9457 §3.1).
    const fn title(self) -> (&'static str, &'static str) {
        match self {
            Self::BadRequest => ("malformed-request", "The request is malformed"),
            Self::SignInRequired => ("sign-in-required", "Please sign in to continue"),
            Self::ReviewRequired => ("review-required", "Please look through your devices to continue"),
            Self::Forbidden => ("forbidden", "This account cannot open this page"),
            Self::ForeignOrigin => ("foreign-origin", "A page of another site cannot open a WebSocket here"),
            Self::NotFound => ("not-found", "There is nothing here"),
            Self::AskedOnly => ("asked-only", "The proxy in front only asks about this address; the app is behind it"),
            Self::MethodNotAllowed => ("method-not-allowed", "This method is not allowed"),
            Self::RequestTimeout => ("request-timeout", "The request took too long to arrive"),
            Self::BodyTooLarge => ("body-too-large", "The request’s body is too large"),
            Self::Misdirected => ("misdirected-request", "This host is not served here"),
            Self::HeadTooLarge => ("head-too-large", "The request’s header fields are too large"),
            Self::Fault => ("fault", "Something went wrong in the gateway"),
            Self::NotImplemented => ("method-unknown", "This method is not known"),
            Self::UpstreamDown => ("app-down", "The app is not answering"),
            Self::Unavailable => ("sign-in-unavailable", "Signing in is not working right now"),
            Self::UpstreamTimeout => ("app-timeout", "The app took too long to answer"),
        }
    }
}

/// A page that says what is in the way, to be written by the portal.
#[derive(Clone, Copy, Debug)]
pub struct ErrorPage<'a> {
    /// What is in the way.
    pub problem: Problem,
    /// The request's name in the log.
    pub request_id: RequestId,
    /// The fields of the request, for the visitor's language.
    pub headers: &'a HeaderMap,
    /// The address of whoever is signed in, where that is what is in the way.
    pub email: Option<&'a str>,
}

/// Writes the HTML of a page.
pub type RenderPage = Arc<dyn Fn(&ErrorPage<'_>) -> String + Send + Sync>;

/// An answer of the proxy's own.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    /// Says what is in the way, as a page to a person and as `application/problem+json` (RFC 9457) to a script.
    pub(super) fn problem(
        problem: Problem,
        kind: Kind,
        request_id: RequestId,
        head: &HeaderMap,
        email: Option<&str>,
        render: &RenderPage,
    ) -> Self {
        let mut fields = Vec::new();
        if problem == Problem::MethodNotAllowed {
            fields.push((ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")));
        }
        if kind == Kind::Navigation {
            fields.push((CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")));
            let body = render(&ErrorPage { problem, request_id, headers: head, email });
            return Self { status: problem.status(), fields, body: body.into() };
        }
        let (name, title) = problem.title();
        let mut json = serde_json::json!({
            "type": format!("urn:bmauth:problem:{name}"),
            "title": title,
            "status": problem.status().as_u16(),
            "request_id": request_id.to_string(),
        });
        if problem == Problem::SignInRequired {
            // RFC 9110 §15.5.2 wants a challenge; browsers ask nothing for this one.
            fields.push((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
            if let Some(members) = json.as_object_mut() {
                members.insert("sign_in_url".to_owned(), SIGN_IN.into());
            }
        }
        fields.push((CONTENT_TYPE, HeaderValue::from_static("application/problem+json")));
        Self { status: problem.status(), fields, body: json.to_string().into() }
    }

    /// Sends a stranger who goes to a page to sign in, and from there back to it.
    pub(super) fn to_sign_in(incoming: &Incoming) -> Self {
        Self::by_way_of(SIGN_IN, incoming)
    }

    /// Sends a person to "Keep your account safe", and from there to what they asked for.
    pub(super) fn to_review(incoming: &Incoming) -> Self {
        Self::by_way_of(RECOVER_REVIEW, incoming)
    }

    fn by_way_of(page: &str, incoming: &Incoming) -> Self {
        let location = HeaderValue::from_str(&detour::by_way_of(page, &incoming.target))
            .expect("percent-encoded text is visible ASCII");
        Self { status: StatusCode::SEE_OTHER, fields: vec![(LOCATION, location)], body: Bytes::new() }
    }

    /// The same with another status.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Writes the answer, with the headers of our own pages.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) async fn send(self, session: &mut Session, page_headers: &PageHeaders) -> pingora::Result<()> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = page_headers.all();
        response.headers_mut().extend(self.fields);
        write(session, response).await
    }
}

/// Writes an answer that a machine reads: without the headers of our own pages.
///
/// # Errors
/// The client is gone.
pub(super) async fn send_bare(
    session: &mut Session,
    status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
) -> pingora::Result<()> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(fields);
    write(session, response).await
}

/// Writes a whole response. Without a `Content-Length` the connection would be closed behind it.
///
/// # Errors
/// The client is gone.
pub(super) async fn write(session: &mut Session, response: Response<Bytes>) -> pingora::Result<()> {
    let (mut head, body) = response.into_parts();
    let bodiless = head.status == StatusCode::NO_CONTENT || head.status == StatusCode::NOT_MODIFIED;
    if !bodiless {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    let end = bodiless || body.is_empty() || session.req_header().method == Method::HEAD;
    session.write_response_header(Box::new(head.into()), end).await?;
    if !end {
        session.write_response_body(Some(body), true).await?;
    }
    Ok(())
}
