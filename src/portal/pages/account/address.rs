//! `/_bmauth/account/address`: the code that was sent to a new address. Works without a script.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::{AccountSession, CHANGED, signed_out};
use crate::auth::failure::{Failure, refusal_apart};
use crate::auth::sessions::LiveSession;
use crate::domain::moving::MovingRefusal;
use crate::domain::own_paths::{ACCOUNT, ACCOUNT_ADDRESS};
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, PageForm};
use crate::portal::pages::code::{self, Entered};
use crate::portal::views::code::{CodePage, CodePagePurpose, CodeState};
use crate::portal::{Portal, answer};

/// Asks for the code that was sent to the new address.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    state: CodeState,
    AccountSession(session): AccountSession,
) -> Result<Response, PageError> {
    show(&portal, &caller, &session, state).await
}

/// The code: the account has its new address, or the page comes again.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    AccountSession(session): AccountSession,
    PageForm(Entered { code }): PageForm<Entered>,
) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.moving.finish(&code, &session, &caller.visitor).await)? {
        Ok(()) => Ok(answer::go_to(&format!("{ACCOUNT}?{CHANGED}"))),
        Err(refusal) => show_again(&portal, &caller, &session, refusal).await,
    }
}

/// Sends another code, and comes back to the page.
pub async fn resend(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    AccountSession(session): AccountSession,
) -> Result<Response, PageError> {
    match refusal_apart(portal.auth.moving.resend_code(&session, &caller.visitor).await)? {
        Ok(()) => Ok(code::resent(ACCOUNT_ADDRESS)),
        Err(refusal) => show_again(&portal, &caller, &session, refusal).await,
    }
}

/// The page again, with what was wrong. Where there is no code to be entered, "My account" shows which address it has.
async fn show_again(
    portal: &Portal,
    caller: &Caller,
    session: &LiveSession,
    refusal: MovingRefusal,
) -> Result<Response, PageError> {
    match refusal {
        MovingRefusal::Code(refusal) => show(portal, caller, session, refusal.into()).await,
        MovingRefusal::NotNow(not_now) => show(portal, caller, session, CodeState::NotNow(not_now)).await,
        MovingRefusal::SignedOut => Err(signed_out()),
        MovingRefusal::NoMove => Ok(answer::go_to(ACCOUNT)),
    }
}

async fn show(
    portal: &Portal,
    caller: &Caller,
    session: &LiveSession,
    state: CodeState,
) -> Result<Response, PageError> {
    let waiting = match portal.auth.moving.waiting(session).await {
        Ok(waiting) => waiting,
        Err(Failure::World(failure)) => return Err(failure.into()),
        Err(Failure::Refused(MovingRefusal::SignedOut)) => return Err(signed_out()),
        Err(Failure::Refused(MovingRefusal::NoMove | MovingRefusal::NotNow(_) | MovingRefusal::Code(_))) => {
            return Ok(answer::go_to(ACCOUNT));
        }
    };
    let (code_for, kind) = (CodePagePurpose::ChangingAddress, waiting.code().id.kind());
    let (email, sender) = (waiting.to().as_str(), portal.sender.as_str());
    let view = CodePage { code_for, email, sender, return_to: None, kind, forget: None, state };
    Ok(code::show(portal, caller, view))
}
