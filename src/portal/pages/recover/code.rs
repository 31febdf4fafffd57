//! `/_bmauth/recover/code`.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Deserialize;

use super::world;
use crate::auth;
use crate::domain::own_paths::{RECOVER_CODE, RECOVER_DEVICE};
use crate::domain::recover::{Mode, Proved, Refusal};
use crate::domain::return_to::ReturnTo;
use crate::portal::caller::Caller;
use crate::portal::pages::{refusal_or, unavailable};
use crate::portal::views::code::{CodeState, RecoverCode};
use crate::portal::views::failure::Failure;
use crate::portal::views::recover::RecoverHeld;
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

/// The code: on to the device, or the moment from which that works.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Form<Entered>, FormRejection>,
) -> Response {
    let Ok(Form(Entered { code })) = body else {
        return answer::failure(&portal, &caller, Failure::BadRequest);
    };
    match portal.auth.prove_recovery(&code, &caller.visitor).await {
        Ok(Proved::SetUp) => answer::go_to(RECOVER_DEVICE),
        Ok(Proved::Held(until)) => {
            let view = RecoverHeld { until };
            answer::page(&portal, &caller, |chrome| view.render(chrome))
        }
        Err(failure) => refused(&portal, &caller, failure).await,
    }
}

/// Another code.
pub async fn resend(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    match portal.auth.resend_recovery_code(&caller.visitor).await {
        Ok(()) => answer::go_to(&format!("{RECOVER_CODE}?resent")),
        Err(failure) => refused(&portal, &caller, failure).await,
    }
}

async fn refused(portal: &Portal, caller: &Caller, failure: auth::Failure<Refusal>) -> Response {
    let (state, status) = match refusal_or(failure) {
        Err(refusal) => return answer::failure(portal, caller, world(refusal)),
        Ok(Refusal::NotACode) => (CodeState::Unreadable, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Refusal::WrongCode { tries_left }) => (CodeState::Wrong { tries_left }, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Refusal::CodeTooOld) => (CodeState::TooOld, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Refusal::TriesSpent) => (CodeState::UsedUp, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Refusal::TooMany) => (CodeState::TooMany, StatusCode::TOO_MANY_REQUESTS),
        Ok(Refusal::TooSoon { wait }) => (CodeState::Wait { seconds: wait.as_secs() }, StatusCode::TOO_MANY_REQUESTS),
        Ok(_) => return answer::failure(portal, caller, Failure::RecoveryEnded),
    };
    show(portal, caller, state, status).await
}

async fn show(portal: &Portal, caller: &Caller, state: CodeState, status: StatusCode) -> Response {
    match portal.auth.recovery(&caller.visitor).await {
        Ok(Some(recovery)) => {
            let wanted = &recovery.return_to;
            let view = RecoverCode {
                email: recovery.email.as_str(),
                return_to: (*wanted != ReturnTo::root()).then_some(wanted.as_str()),
                by_hand: portal.auth.recovery_mode() == Mode::Admin,
                state,
            };
            answer::page_with(status, portal, caller, |chrome| view.render(chrome))
        }
        Ok(None) => answer::failure(portal, caller, Failure::RecoveryEnded),
        Err(error) => unavailable(portal, caller, &error),
    }
}
