//! `/_bmauth/register/code`. Works without a script.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::sign_in::with_session;
use super::{refusal_or, unavailable};
use crate::auth;
use crate::domain::own_paths::REGISTER_CODE;
use crate::domain::register::Refusal;
use crate::domain::return_to::ReturnTo;
use crate::portal::caller::Caller;
use crate::portal::views::code::{Code, CodeState};
use crate::portal::views::failure::Failure;
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// The page.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, uri: Uri) -> Response {
    let state = if uri.query() == Some("resent") { CodeState::Resent } else { CodeState::Fresh };
    show(&portal, &caller, state, StatusCode::OK).await
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Entered {
    code: String,
}

/// The code: into the app, or the page again.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Form<Entered>, FormRejection>,
) -> Response {
    let Ok(Form(Entered { code })) = body else {
        return answer::failure(&portal, &caller, Failure::BadRequest);
    };
    match portal.auth.finish_registration(&code, &caller.visitor).await {
        Ok(signed_in) => with_session(&portal, &signed_in, answer::go_to(signed_in.return_to.as_str())),
        Err(failure) => refused(&portal, &caller, failure).await,
    }
}

/// Another code.
pub async fn resend(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    match portal.auth.resend_code(&caller.visitor).await {
        Ok(()) => answer::go_to(&format!("{REGISTER_CODE}?resent")),
        Err(failure) => refused(&portal, &caller, failure).await,
    }
}

async fn refused(portal: &Portal, caller: &Caller, failure: auth::Failure<Refusal>) -> Response {
    let (state, status) = match refusal_or(failure) {
        Err(ScriptRefusal::Unavailable) => return answer::failure(portal, caller, Failure::Unavailable),
        Err(_) => return answer::failure(portal, caller, Failure::Fault),
        Ok(Refusal::NotACode) => (CodeState::Unreadable, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Refusal::WrongCode { tries_left }) => (CodeState::Wrong { tries_left }, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Refusal::CodeTooOld) => (CodeState::TooOld, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Refusal::TriesSpent) => (CodeState::UsedUp, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Refusal::TooMany) => (CodeState::TooMany, StatusCode::TOO_MANY_REQUESTS),
        Ok(Refusal::TooSoon { wait }) => (CodeState::Wait { seconds: wait.as_secs() }, StatusCode::TOO_MANY_REQUESTS),
        Ok(
            Refusal::NoRegistration
            | Refusal::Stale
            | Refusal::BadPasskey
            | Refusal::Closed
            | Refusal::DomainNotAllowed,
        ) => return answer::failure(portal, caller, Failure::RegistrationEnded { return_to: None }),
    };
    show(portal, caller, state, status).await
}

async fn show(portal: &Portal, caller: &Caller, state: CodeState, status: StatusCode) -> Response {
    match portal.auth.registration(&caller.visitor).await {
        Ok(Some(registration)) => {
            let wanted = &registration.return_to;
            let view = Code {
                email: registration.email.as_str(),
                return_to: (*wanted != ReturnTo::root()).then_some(wanted.as_str()),
                state,
            };
            answer::page_with(status, portal, caller, |chrome| view.render(chrome))
        }
        // Finished in another tab, perhaps: whoever is signed in is through.
        Ok(None) => match caller.session(portal).await {
            Ok(Some(_)) => answer::go_to("/"),
            Ok(None) => answer::failure(portal, caller, Failure::RegistrationEnded { return_to: None }),
            Err(error) => unavailable(portal, caller, &error),
        },
        Err(error) => unavailable(portal, caller, &error),
    }
}
