//! What the handlers of pages take and give back: extractors that refuse by themselves, and the errors that `?` hands
//! on. One place, [`answer_errors`], makes answers of them, since only it knows the visitor's language.

use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::{Form, Json};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;

use super::caller::Caller;
use super::views::refused::Refused;
use super::views::script_refusal::ScriptRefusal;
use super::{Portal, answer};
use crate::auth::{Failure, WorldFailure};
use crate::gate::refusal::{GateRefusal, RefusalDetails};
use crate::store::StoreError;

/// Seconds after which somebody who was put off may try again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// Why a handler does not show its page.
#[derive(Debug)]
pub enum PageError {
    /// Another page says why not.
    Refused(GateRefusal, Beside),
    /// The visitor has to go elsewhere first, to that address.
    SendTo(String),
    /// The world failed.
    World(WorldFailure),
}

/// What the page about a refusal says beside it; [`RefusalDetails`] says what each is.
#[derive(Debug, Default)]
pub struct Beside {
    /// The page to try again.
    pub retry: Option<String>,
    /// Where the visitor wanted to go.
    pub return_to: Option<String>,
}

/// Why a step of a page's script is not done.
#[derive(Debug)]
pub enum ScriptError {
    /// It is refused.
    Refused(ScriptRefusal),
    /// The world failed.
    World(WorldFailure),
}

impl PageError {
    /// What the form of a page of ours would not have sent.
    pub fn malformed(why: &'static str) -> Self {
        GateRefusal::MalformedRequest(why).into()
    }
}

impl From<GateRefusal> for PageError {
    fn from(refusal: GateRefusal) -> Self {
        Self::Refused(refusal, Beside::default())
    }
}

impl From<WorldFailure> for PageError {
    fn from(failure: WorldFailure) -> Self {
        Self::World(failure)
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::World(error.into())
    }
}

impl From<ScriptRefusal> for ScriptError {
    fn from(refusal: ScriptRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<WorldFailure> for ScriptError {
    fn from(failure: WorldFailure) -> Self {
        Self::World(failure)
    }
}

impl From<StoreError> for ScriptError {
    fn from(error: StoreError) -> Self {
        Self::World(error.into())
    }
}

/// Words what failed for a script: a refusal by `word`, the world's failures alike everywhere.
pub fn worded<R>(word: impl FnOnce(R) -> ScriptRefusal) -> impl FnOnce(Failure<R>) -> ScriptError {
    move |failure| match failure {
        Failure::Refused(refusal) => ScriptError::Refused(word(refusal)),
        Failure::World(failure) => ScriptError::World(failure),
    }
}

/// An error on its way to [`answer_errors`].
#[derive(Clone)]
enum Unanswered {
    Page(Arc<PageError>),
    Script(Arc<ScriptError>),
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        unanswered(Unanswered::Page(Arc::new(self)))
    }
}

impl IntoResponse for ScriptError {
    fn into_response(self) -> Response {
        unanswered(Unanswered::Script(Arc::new(self)))
    }
}

impl IntoResponse for ScriptRefusal {
    fn into_response(self) -> Response {
        ScriptError::from(self).into_response()
    }
}

/// Says nothing yet: a route outside of [`answer_errors`] fails, and tells nobody why.
fn unanswered(error: Unanswered) -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(error);
    response
}

/// Answers the errors of handlers, and logs each once.
pub async fn answer_errors(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let (status, mut answered) = match response.extensions_mut().remove::<Unanswered>() {
        None => return response,
        Some(Unanswered::Page(error)) => match &*error {
            PageError::SendTo(address) => return answer::go_to(address),
            PageError::Refused(refusal, Beside { retry, return_to }) => {
                let details = RefusalDetails {
                    retry: retry.as_deref(),
                    return_to: return_to.as_deref(),
                    ..RefusalDetails::default()
                };
                page(&portal, &caller, Refused { refusal: *refusal, details })
            }
            PageError::World(failure) => {
                page(&portal, &caller, Refused { refusal: of_world(failure), details: RefusalDetails::default() })
            }
        },
        Some(Unanswered::Script(error)) => {
            let refusal = match &*error {
                ScriptError::Refused(refusal) => *refusal,
                ScriptError::World(failure) => {
                    failure.log();
                    if failure.may_pass() { ScriptRefusal::Unavailable } else { ScriptRefusal::Fault }
                }
            };
            tracing::info!(refusal = refusal.code(), "a step was refused");
            (refusal.status(), (refusal.status(), Json(refusal.body(caller.words(&portal)))).into_response())
        }
    };
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        answered.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    answered
}

fn page(portal: &Portal, caller: &Caller, view: Refused<'_>) -> (StatusCode, Response) {
    let refusal = view.refusal;
    tracing::info!(refusal = refusal.name(), why = %refusal.why(), "a page was refused");
    let csrf = portal.auth.form_token(caller.visitor.browser);
    let html = view.render(&caller.chrome(portal, &csrf));
    (refusal.status(), (refusal.status(), Html(html)).into_response())
}

/// What a failure of the world is to a visitor; it is logged here.
fn of_world(failure: &WorldFailure) -> GateRefusal {
    failure.log();
    if failure.may_pass() { GateRefusal::Unavailable } else { GateRefusal::Fault }
}

/// Whether the request was sent by our own script, which wants JSON back.
pub fn is_script(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
}

/// What the form of a page sends.
#[derive(Debug)]
pub struct PageForm<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Portal>> for PageForm<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, portal: &Arc<Portal>) -> Result<Self, PageError> {
        let form = Form::<T>::from_request(request, portal).await;
        form.map(|Form(fields)| Self(fields)).map_err(|_| PageError::malformed("it is not the form of that page"))
    }
}

/// What the script of a page sends.
#[derive(Debug)]
pub struct ScriptBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Portal>> for ScriptBody<T> {
    type Rejection = ScriptError;

    async fn from_request(request: Request, portal: &Arc<Portal>) -> Result<Self, ScriptError> {
        let body = Json::<T>::from_request(request, portal).await;
        // Our own scripts send no such thing.
        body.map(|Json(body)| Self(body)).map_err(|_| ScriptRefusal::NotAccepted.into())
    }
}
