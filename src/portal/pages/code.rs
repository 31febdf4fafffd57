//! `/_bmauth/register/code`. Works without a script.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Deserialize;

use crate::auth::refusal_apart;
use crate::domain::destination::Destination;
use crate::domain::own_paths::REGISTER_CODE;
use crate::domain::register::Refusal;
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, PageForm};
use crate::portal::views::code::{Code, CodeState};
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

/// The code: into the app, or the page again.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    PageForm(Entered { code }): PageForm<Entered>,
) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.finish_registration(&code, &caller.visitor).await)? {
        Ok(signed_in) => {
            Ok(answer::with_session(&portal, &signed_in, answer::go_on(&portal, &caller, &signed_in.return_to)))
        }
        Err(refusal) => again(&portal, &caller, refusal).await,
    }
}

/// Another code.
pub async fn resend(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.resend_code(&caller.visitor).await)? {
        Ok(()) => Ok(answer::go_to(&format!("{REGISTER_CODE}?resent"))),
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
        Refusal::NoRegistration
        | Refusal::Stale
        | Refusal::BadPasskey
        | Refusal::Closed
        | Refusal::DomainNotAllowed => return Err(GateRefusal::RegistrationEnded.into()),
    };
    show(portal, caller, state).await
}

async fn show(portal: &Portal, caller: &Caller, state: CodeState) -> Result<Response, PageError> {
    let Some(registration) = portal.auth.registration(&caller.visitor).await? else {
        // Finished in another tab, perhaps: a signed-in visitor is through.
        return match caller.session(portal).await? {
            Some(_) => Ok(answer::go_on(portal, caller, &Destination::root())),
            None => Err(GateRefusal::RegistrationEnded.into()),
        };
    };
    let wanted = &registration.return_to;
    let view = Code {
        email: registration.email.as_str(),
        return_to: (*wanted != Destination::root()).then_some(wanted.as_str()),
        state,
    };
    Ok(answer::page_again(state.refusal(), portal, caller, |chrome| view.render(chrome)))
}
