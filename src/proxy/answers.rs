//! The answers that the proxy gives itself.

use std::iter;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, Response, StatusCode};
use pingora::protocols::http::ServerSession;

use super::incoming::Incoming;
use crate::auth::principal::Principal;
use crate::domain::return_to::ReturnTo;
use crate::gate::detour;
use crate::gate::hand_off::SignInRedirect;
use crate::gate::headers::PageHeaders;
use crate::gate::kind::RequestKind;
use crate::gate::peer::RequestId;
use crate::gate::refusal::GateRefusal;

/// How long a client may take nothing of an answer of ours.
const TAKE_DEADLINE: Duration = Duration::from_secs(20);

/// A page that says why a request gets no further, to be written by the portal.
#[derive(Clone, Debug)]
pub struct RefusalPage<'a> {
    /// The reason, which decides what the page says.
    pub refusal: GateRefusal,
    /// The request's name in the log.
    pub request_id: RequestId,
    /// The headers of the request, for the visitor's language.
    pub headers: &'a HeaderMap,
    /// Who is signed in, where that is what is in the way.
    pub principal: Option<&'a Principal>,
    /// Where the visitor can be led back to; `None` where no page of ours can be had at the address that was asked for.
    pub return_to: Option<ReturnTo>,
}

/// Writes the HTML of a page.
pub type RenderPage = Arc<dyn Fn(&RefusalPage<'_>) -> String + Send + Sync>;

/// What takes the place of an app's service worker where the visitor is not signed in.
pub const LAST_WORKER: &[u8] = include_bytes!("last_worker.js");

/// An answer of the proxy's own.
#[derive(Debug)]
pub(super) struct ProxyAnswer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl ProxyAnswer {
    /// Says why a request gets no further: as a page to a person, where there is one, and as `application/problem+json`
    /// (RFC 9457) to a script, with where its person signs in, where that is what is missing.
    pub(super) fn refusal(
        page: RefusalPage<'_>,
        status: StatusCode,
        kind: RequestKind,
        render: &RenderPage,
        leaving: Option<SignInRedirect>,
    ) -> Self {
        let RefusalPage { refusal, request_id, .. } = page;
        let (mut headers, body) = if kind == RequestKind::Navigation && refusal.page().is_some() {
            let content_type = (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            (iter::once(content_type).chain(refusal.headers()).collect(), render(&page).into())
        } else {
            let sign_in_url = leaving.as_ref().map(|leaving| leaving.address.as_str());
            refusal.problem(status, request_id, sign_in_url)
        };
        headers.extend(leaving.and_then(|leaving| leaving.set_cookie).map(|cookie| (SET_COOKIE, cookie)));
        headers.extend(allowed(refusal));
        Self { status, headers, body }
    }

    /// Says to a client of the API why a request gets no further, as the API itself says it.
    pub(super) fn api_error(refusal: GateRefusal) -> Self {
        let (mut headers, body) = refusal.api_error();
        headers.extend(allowed(refusal));
        Self { status: refusal.status(), headers, body }
    }

    /// Sends a person by way of one of our pages, and from there to `return_to`.
    pub(super) fn detour(page: &str, return_to: &ReturnTo) -> Self {
        Self::see_other(&detour::by_way_of(page, return_to))
    }

    /// Sends a person to that address, with GET (RFC 9110 §15.4.4).
    pub(super) fn see_other(address: &str) -> Self {
        let location = HeaderValue::from_str(address).expect("percent-encoded text is visible ASCII");
        Self { status: StatusCode::SEE_OTHER, headers: vec![(LOCATION, location)], body: Bytes::new() }
    }

    /// Ends the service worker of an app, which may go on showing what it has kept of the app. A browser that asks for
    /// its script, where one has to sign in, gets a worker of ours that makes way; any other request gets `None`.
    ///
    /// A refusal would leave the app's worker in place, and browsers take no redirect for one. Nothing of the app is in
    /// ours, so a client that pretends to be a browser learns nothing.
    pub(super) fn last_worker(refusal: GateRefusal, incoming: &Incoming) -> Option<Self> {
        let is_asked_for = refusal == GateRefusal::SignInRequired && incoming.kind == RequestKind::WorkerScript;
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8")),
            // The app may have had its worker for more than the folder that its script lies in.
            (HeaderName::from_static("service-worker-allowed"), HeaderValue::from_static("/")),
        ];
        let body = Bytes::from_static(LAST_WORKER);
        is_asked_for.then(|| Self { status: StatusCode::OK, headers: headers.into(), body })
    }

    /// Sends the client to that address, for good, with the same method (RFC 9110 §15.4.9).
    pub(super) fn moved(address: &str) -> Self {
        Self::sent_on(StatusCode::PERMANENT_REDIRECT, address)
    }

    /// The same for this once (RFC 9110 §15.4.8): tomorrow something else may be there.
    pub(super) fn moved_for_now(address: &str) -> Self {
        Self::sent_on(StatusCode::TEMPORARY_REDIRECT, address)
    }

    fn sent_on(status: StatusCode, address: &str) -> Self {
        let location = HeaderValue::from_str(address).expect("a path and a query that were read are visible ASCII");
        Self { status, headers: vec![(LOCATION, location)], body: Bytes::new() }
    }

    /// The status it is sent with.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Writes the answer, with the headers of our own pages.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) async fn send(self, session: &mut ServerSession, page_headers: &PageHeaders) -> pingora::Result<()> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = page_headers.all();
        response.headers_mut().extend(self.headers);
        write(session, response).await
    }
}

/// The methods that are let through, where that is what is in the way.
fn allowed(refusal: GateRefusal) -> Option<(HeaderName, HeaderValue)> {
    let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    (refusal == GateRefusal::MethodNotAllowed).then_some((ALLOW, methods))
}

/// Writes an answer that a machine reads: without the headers of our own pages.
///
/// # Errors
/// The client is gone.
pub(super) async fn send_bare(
    session: &mut ServerSession,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
) -> pingora::Result<()> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    write(session, response).await
}

/// Writes a whole response. Without a `Content-Length` the connection would be closed behind it.
///
/// # Errors
/// The client is gone.
pub(super) async fn write(session: &mut ServerSession, response: Response<Bytes>) -> pingora::Result<()> {
    let (mut head, body) = response.into_parts();
    let bodiless = head.status == StatusCode::NO_CONTENT || head.status == StatusCode::NOT_MODIFIED;
    if !bodiless {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    // A small answer does not wait long for its client, or many clients that take nothing would hold much.
    session.set_write_timeout(Some(TAKE_DEADLINE));
    let end = bodiless || body.is_empty() || session.req_header().method == Method::HEAD;
    session.write_response_header(Box::new(head.into())).await?;
    if !end {
        session.write_response_body(body, true).await?;
    }
    Ok(())
}
