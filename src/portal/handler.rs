//! What the handlers of pages take and give back: extractors that refuse by themselves, and the errors that `?` hands
//! on. One place, [`answer_errors`], makes answers of them, since only it knows the visitor's language.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use axum::{Form, Json};
use http::response::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::caller::Caller;
use super::views::refused::RefusedPage;
use super::views::script_refusal::ScriptRefusal;
use super::{Portal, answer};
use crate::auth::failure::{Failure, WorldFailure};
use crate::domain::language::Language;
use crate::domain::own_paths;
use crate::gate::detour;
use crate::gate::refusal::{GateRefusal, LoggedRefusal, RETRY_SOON, RefusalDetails};
use crate::store::StoreError;
use crate::wording::Words;

/// Why a handler does not show its page.
#[derive(Debug)]
pub enum PageError {
    /// Another page says why not.
    Refused {
        /// The reason, which decides what the page says.
        refusal: GateRefusal,
        /// The page to try again; the one that was asked for where nothing is said.
        retry: Option<String>,
        /// When it is worth trying again, where that is known.
        wait: Option<Duration>,
    },
    /// The visitor has to go elsewhere first, to that address.
    SendTo(String),
    /// The world failed.
    World(WorldFailure),
}

/// Why a step of a page's script is not done.
#[derive(Debug)]
pub enum ScriptError {
    /// It is refused.
    Refused(ScriptRefusal),
    /// The page has had its day, and its visitor goes on to that address.
    GoOn(String),
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
        Self::Refused { refusal, retry: None, wait: None }
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
enum UnansweredError {
    Page(Arc<PageError>),
    Script(Arc<ScriptError>),
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        unanswered(UnansweredError::Page(Arc::new(self)))
    }
}

impl IntoResponse for ScriptError {
    fn into_response(self) -> Response {
        unanswered(UnansweredError::Script(Arc::new(self)))
    }
}

impl IntoResponse for ScriptRefusal {
    fn into_response(self) -> Response {
        ScriptError::from(self).into_response()
    }
}

/// Says nothing yet: a route outside of [`answer_errors`] fails without a reason.
fn unanswered(error: UnansweredError) -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(error);
    response
}

/// Whether an answer is one that stands: not the world's failure, after which the same may be asked again.
pub fn is_final(head: &Parts) -> bool {
    match head.extensions.get::<UnansweredError>() {
        Some(UnansweredError::Page(error)) => !matches!(**error, PageError::World(_)),
        Some(UnansweredError::Script(error)) => !matches!(**error, ScriptError::World(_)),
        None => !head.status.is_server_error(),
    }
}

/// Answers the errors of handlers, and leaves what the log is to say of them in the answer's extensions.
pub async fn answer_errors(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    let here = here(&request);
    let here = Some(here.as_str());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<UnansweredError>() {
        None => response,
        Some(UnansweredError::Page(error)) => match &*error {
            PageError::SendTo(address) => answer::go_to(address),
            PageError::Refused { refusal, retry, wait } => {
                let (retry, wait) = (retry.as_deref(), *wait);
                refused(&portal, &caller, *refusal, RefusalDetails { retry, wait, here, ..RefusalDetails::default() })
            }
            PageError::World(failure) => {
                refused(&portal, &caller, of_world(failure), RefusalDetails { here, ..RefusalDetails::default() })
            }
        },
        Some(UnansweredError::Script(error)) => {
            let refusal = match &*error {
                ScriptError::Refused(refusal) => *refusal,
                ScriptError::GoOn(page) => return gone_on(&portal, page),
                ScriptError::World(failure) => {
                    failure.log();
                    if failure.is_transient() { ScriptRefusal::Unavailable } else { ScriptRefusal::Fault }
                }
            };
            step_refused(&portal, &caller, refusal)
        }
    }
}

/// The address by which what was asked for can be had in another language: its own without one, or that of the page
/// whose form was sent.
fn here(request: &Request) -> String {
    let uri = request.uri();
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return own_paths::page_of(uri.path()).to_owned();
    }
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    query
        .filter(|(name, _)| name != "lang")
        .fold(uri.path().to_owned(), |address, (name, value)| detour::with(&address, &name, &value))
}

fn refused(portal: &Portal, caller: &Caller, refusal: GateRefusal, details: RefusalDetails<'_>) -> Response {
    let csrf = portal.auth.form_token(&caller.visitor);
    let page = RefusedPage { refusal, details };
    let mut response = (refusal.status(), Html(page.render(&caller.chrome(portal, &csrf)))).into_response();
    response.headers_mut().extend(refusal.headers());
    if let Some(wait) = details.wait {
        response.headers_mut().insert(header::RETRY_AFTER, answer::retry_after(wait));
    }
    let chosen = caller.chose_language.then(|| portal.cookies.set_language(caller.language.tag()));
    answer::append_cookie(&mut response, chosen);
    response.extensions_mut().insert(LoggedRefusal::from(refusal));
    response
}

fn step_refused(portal: &Portal, caller: &Caller, refusal: ScriptRefusal) -> Response {
    let mut response = (refusal.status(), Json(refusal.body(caller.words(portal)))).into_response();
    if refusal == ScriptRefusal::Unavailable {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_SOON);
    }
    if let Some(wait) = refusal.wait() {
        response.headers_mut().insert(header::RETRY_AFTER, answer::retry_after(wait));
    }
    let why = refusal.message(Words::new(Language::English, portal.brand.name())).into();
    response.extensions_mut().insert(LoggedRefusal { name: refusal.code(), why });
    response
}

/// What the script of a page is told that is followed by another.
fn gone_on(portal: &Portal, page: &str) -> Response {
    let refusal = ScriptRefusal::RefusedForm;
    let why = refusal.message(Words::new(Language::English, portal.brand.name())).into();
    let mut response = (StatusCode::CONFLICT, Json(serde_json::json!({ "go_on": page }))).into_response();
    response.extensions_mut().insert(LoggedRefusal { name: refusal.code(), why });
    response
}

/// What a failure of the world is to a visitor; it is logged here.
fn of_world(failure: &WorldFailure) -> GateRefusal {
    failure.log();
    if failure.is_transient() { GateRefusal::Unavailable } else { GateRefusal::Fault }
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
        body.map(|Json(body)| Self(body)).map_err(|_| ScriptRefusal::Malformed.into())
    }
}
