//! `/_bmauth/recover`: getting back in. Works without a script up to the passkey.

pub mod cancel;
pub mod code;
pub mod contest;
pub mod device;
pub mod review;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::auth::failure::refusal_apart;
use crate::domain::code::RESEND_AFTER;
use crate::domain::email::Email;
use crate::domain::own_paths::RECOVER_CODE;
use crate::domain::recover::{RecoverRefusal, RecoveryMode};
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, PageForm};
use crate::portal::views::recover::{RecoverPage, RecoverState};
use crate::portal::views::script_refusal::ScriptRefusal;
use crate::portal::views::step_refusal::StepRefusal;
use crate::portal::{Portal, answer, views};

/// The page that asks for the address.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    show(&portal, &caller, "", RecoverState::Fresh, None)
}

/// What the form sends.
#[derive(Deserialize)]
pub struct RecoverForm {
    email: String,
    return_to: Option<String>,
}

/// The address was typed: on to the code, whether or not an account has it.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    PageForm(RecoverForm { email: typed, return_to }): PageForm<RecoverForm>,
) -> Result<Response, PageError> {
    let caller = caller.bound_for(return_to.as_deref(), &portal);
    let Ok(email) = Email::parse(&typed) else {
        return Ok(show(&portal, &caller, &typed, RecoverState::InvalidEmail, Some(StepRefusal::InvalidEmail)));
    };
    let begun = portal.auth.recover.begin(email, caller.destination(), &caller.visitor).await;
    Ok(match refusal_apart(begun)? {
        Ok(()) => answer::moved_on(&portal, &caller, answer::go_to(RECOVER_CODE)),
        Err(RecoverRefusal::Code(refusal)) => {
            let wait = refusal.wait().unwrap_or(RESEND_AFTER);
            let refusal = StepRefusal::TooManyRecoveries { wait };
            show(&portal, &caller, &typed, RecoverState::TooMany { wait }, Some(refusal))
        }
        // No address that was typed leads to any other than the first.
        Err(
            RecoverRefusal::Off
            | RecoverRefusal::NoRecovery
            | RecoverRefusal::Stale
            | RecoverRefusal::BadPasskey
            | RecoverRefusal::Disabled
            | RecoverRefusal::NoHold
            | RecoverRefusal::NoReview
            | RecoverRefusal::NotProved
            | RecoverRefusal::Doubted,
        ) => show(&portal, &caller, &typed, RecoverState::Fresh, Some(StepRefusal::RecoveryOff)),
    })
}

fn show(portal: &Portal, caller: &Caller, email: &str, state: RecoverState, refusal: Option<StepRefusal>) -> Response {
    let mode = match portal.auth.recover.mode() {
        RecoveryMode::Email => views::recover::RecoverPageMode::Email,
        RecoveryMode::Delayed(_) => views::recover::RecoverPageMode::Delayed,
        RecoveryMode::Admin => views::recover::RecoverPageMode::Admin,
        RecoveryMode::Off => views::recover::RecoverPageMode::Off,
    };
    let view = RecoverPage { mode, email, return_to: caller.return_path(), state };
    answer::page_again(refusal, portal, caller, |chrome| view.render(chrome))
}

/// What a script of these pages is told.
pub(super) fn to_script_refusal(refusal: RecoverRefusal) -> ScriptRefusal {
    match refusal {
        RecoverRefusal::Stale => ScriptRefusal::ExpiredCeremony,
        RecoverRefusal::Code(refusal) => super::code::to_script_refusal(refusal),
        RecoverRefusal::Disabled => ScriptRefusal::AccountDisabled,
        RecoverRefusal::BadPasskey | RecoverRefusal::NotProved => ScriptRefusal::NotAccepted,
        RecoverRefusal::Doubted => ScriptRefusal::Doubted,
        RecoverRefusal::NoRecovery | RecoverRefusal::NoHold | RecoverRefusal::NoReview | RecoverRefusal::Off => {
            ScriptRefusal::RecoveryEnded
        }
    }
}

impl Portal {
    /// Whether there is a way back in to offer.
    pub(super) fn recovers(&self) -> bool {
        self.auth.recover.mode() != RecoveryMode::Off
    }
}
