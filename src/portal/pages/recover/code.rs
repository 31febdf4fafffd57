//! `/_bmauth/recover/code`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Deserialize;

use crate::auth::refusal_apart;
use crate::domain::destination::Destination;
use crate::domain::own_paths::{RECOVER_CODE, RECOVER_DEVICE};
use crate::domain::recover::{Mode, Proved, Refusal};
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, PageForm};
use crate::portal::views::code::{CodeState, RecoverCode};
use crate::portal::views::recover::RecoverHeld;
use crate::portal::{Portal, answer};

/// The page.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, uri: Uri) -> Result<Response, PageError> {
    let state = if uri.query() == Some("resent") { CodeState::Resent } else { CodeState::Fresh };
    show(&portal, &caller, state).await
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
    PageForm(Entered { code }): PageForm<Entered>,
) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.prove_recovery(&code, &caller.visitor).await)? {
        Ok(Proved::SetUp) => Ok(answer::go_to(RECOVER_DEVICE)),
        Ok(Proved::Held(until)) => {
            let view = RecoverHeld { until };
            Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
        }
        Err(refusal) => again(&portal, &caller, refusal).await,
    }
}

/// Another code.
pub async fn resend(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.resend_recovery_code(&caller.visitor).await)? {
        Ok(()) => Ok(answer::go_to(&format!("{RECOVER_CODE}?resent"))),
        Err(refusal) => again(&portal, &caller, refusal).await,
    }
}

/// The page again, with what was wrong.
async fn again(portal: &Portal, caller: &Caller, refusal: Refusal) -> Result<Response, PageError> {
    let state = match refusal {
        Refusal::NotACode => CodeState::Unreadable,
        Refusal::WrongCode { tries_left } => CodeState::Wrong { tries_left },
        Refusal::CodeTooOld => CodeState::TooOld,
        Refusal::TriesSpent => CodeState::UsedUp,
        Refusal::TooMany => CodeState::TooMany,
        Refusal::TooSoon { wait } => CodeState::Wait { seconds: wait.as_secs() },
        Refusal::Off
        | Refusal::Stale
        | Refusal::NoRecovery
        | Refusal::NoHold
        | Refusal::NoReview
        | Refusal::Disabled
        | Refusal::BadPasskey => return Err(GateRefusal::RecoveryEnded.into()),
    };
    show(portal, caller, state).await
}

async fn show(portal: &Portal, caller: &Caller, state: CodeState) -> Result<Response, PageError> {
    let recovery = portal.auth.recovery(&caller.visitor).await?.ok_or(GateRefusal::RecoveryEnded)?;
    let wanted = &recovery.return_to;
    let view = RecoverCode {
        email: recovery.email.as_str(),
        return_to: (*wanted != Destination::root()).then_some(wanted.as_str()),
        by_hand: portal.auth.recovery_mode() == Mode::Admin,
        state,
    };
    Ok(answer::page_again(state.refusal(), portal, caller, |chrome| view.render(chrome)))
}
