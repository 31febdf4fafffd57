//! Who calls the API.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ORIGIN, SET_COOKIE};
use http::request::Parts;

use super::error::ApiError;
use crate::domain::origin::Origin;
use crate::domain::secret::Secret;
use crate::domain::visitor::{ClientKind, Visitor, over_api};
use crate::portal::Portal;
use crate::portal::caller::Caller;

/// A client of the API.
#[derive(Clone, Debug)]
pub(super) struct ApiClient {
    /// As the flows know it. The session cookie of our pages does not count here.
    pub(super) visitor: Visitor,
    caller: Caller,
}

impl ApiClient {
    /// Gives it the cookie by which it is known when it comes again with a code, if it keeps one.
    pub(super) fn remember(&self, portal: &Portal, answer: impl IntoResponse) -> Response {
        self.remember_as(&self.caller.flow, portal, answer)
    }

    /// The same with another cookie than it had.
    pub(super) fn remember_as(&self, flow: &Secret, portal: &Portal, answer: impl IntoResponse) -> Response {
        let mut response = answer.into_response();
        response.headers_mut().append(SET_COOKIE, portal.cookies.set_flow(flow));
        response
    }

    /// Whether it came with a cookie. Who planted it knows it, so that what comes of a step goes to another one.
    pub(super) fn has_cookie(&self) -> bool {
        self.caller.has_flow
    }
}

impl FromRequestParts<Arc<Portal>> for ApiClient {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, ApiError> {
        let Ok(caller) = Caller::from_request_parts(parts, portal).await;
        let kind = ClientKind::Api { cookie: caller.has_flow };
        let browser = over_api(caller.visitor.browser);
        // Browsers name the page that posts, and `cors` has looked at it; whatever says nothing is no browser.
        let origin = parts.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).and_then(Origin::parse_kept);
        Ok(Self { visitor: Visitor { browser, session: None, origin, client: kind, ..caller.visitor.clone() }, caller })
    }
}

/// Refuses a network that asks too often.
pub(super) async fn limit(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    request: Request,
    next: Next,
) -> Response {
    match portal.limits.allow(&client.visitor) {
        Ok(()) => next.run(request).await,
        Err(wait) => ApiError::TooMany(Some(wait)).into_response(),
    }
}

/// Refuses a network that has too many challenges open.
pub(super) async fn limit_challenges(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    request: Request,
    next: Next,
) -> Response {
    match portal.limits.allow_challenge(&client.visitor) {
        Ok(()) => next.run(request).await,
        Err(wait) => ApiError::TooMany(Some(wait)).into_response(),
    }
}
