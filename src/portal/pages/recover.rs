//! `/_bmauth/recover`: getting back in. Works without a script up to the passkey.

pub mod cancel;
pub mod code;
pub mod device;
pub mod review;

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::refusal_or;
use crate::auth;
use crate::domain::email::Email;
use crate::domain::own_paths::RECOVER_CODE;
use crate::domain::recover::{Mode, Refusal};
use crate::portal::caller::Caller;
use crate::portal::views::failure::Failure;
use crate::portal::views::recover::{Recover, RecoverState};
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::{Portal, answer, views};

/// The page that asks for the address.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    show(&portal, &caller, "", RecoverState::Fresh, StatusCode::OK)
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Typed {
    email: String,
    return_to: Option<String>,
}

/// The address: on to the code, whoever has it.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Form<Typed>, FormRejection>,
) -> Response {
    let Ok(Form(Typed { email, return_to })) = body else {
        return answer::failure(&portal, &caller, Failure::BadRequest);
    };
    let caller = caller.bound_for(return_to.as_deref());
    let typed = email;
    let Ok(email) = Email::parse(&typed) else {
        return show(&portal, &caller, &typed, RecoverState::InvalidEmail, StatusCode::UNPROCESSABLE_ENTITY);
    };
    match portal.auth.begin_recovery(email, caller.destination(), &caller.visitor).await {
        Ok(()) => answer::go_to(RECOVER_CODE),
        Err(failure) => match refusal_or(failure) {
            Ok(Refusal::TooMany) => {
                show(&portal, &caller, &typed, RecoverState::TooMany, StatusCode::TOO_MANY_REQUESTS)
            }
            Ok(_) => show(&portal, &caller, &typed, RecoverState::Fresh, StatusCode::FORBIDDEN),
            Err(refusal) => answer::failure(&portal, &caller, world(refusal)),
        },
    }
}

fn show(portal: &Portal, caller: &Caller, email: &str, state: RecoverState, status: StatusCode) -> Response {
    let mode = match portal.auth.recovery_mode() {
        Mode::Email => views::recover::Mode::Email,
        Mode::Delayed(_) => views::recover::Mode::Delayed,
        Mode::Admin => views::recover::Mode::Admin,
        Mode::Off => views::recover::Mode::Off,
    };
    let view = Recover { mode, email, return_to: caller.return_path(), state };
    answer::page_with(status, portal, caller, |chrome| view.render(chrome))
}

/// The page for a failure of the world, which was logged.
fn world(refusal: ScriptRefusal) -> Failure<'static> {
    match refusal {
        ScriptRefusal::Unavailable => Failure::Unavailable,
        _ => Failure::Fault,
    }
}

/// What a script of these pages is told.
fn word(failure: auth::Failure<Refusal>) -> ScriptRefusal {
    match refusal_or(failure) {
        Err(refusal) => refusal,
        Ok(Refusal::Stale) => ScriptRefusal::ExpiredCeremony,
        Ok(Refusal::TooMany | Refusal::TriesSpent | Refusal::TooSoon { .. }) => ScriptRefusal::TooManyTries,
        Ok(Refusal::Disabled) => ScriptRefusal::AccountDisabled,
        Ok(Refusal::BadPasskey | Refusal::NotACode | Refusal::WrongCode { .. } | Refusal::CodeTooOld) => {
            ScriptRefusal::NotAccepted
        }
        Ok(Refusal::NoRecovery | Refusal::NoHold | Refusal::NoReview | Refusal::Off) => ScriptRefusal::RecoveryEnded,
    }
}

impl Portal {
    /// Whether there is a way back in to offer.
    pub(super) fn recovers(&self) -> bool {
        self.auth.recovery_mode() != Mode::Off
    }
}
