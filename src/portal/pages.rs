//! Our pages: one file each, with what it answers to GET and POST.

pub mod account;
pub mod apps;
pub mod back;
pub mod code;
pub mod devices;
pub mod faster;
pub mod hand_off;
pub mod language;
pub mod link;
pub mod recover;
pub mod register;
pub mod sign_in;
pub mod sign_out;
pub mod unsupported;
pub mod webauthn_error;
mod word_link;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::caller::Caller;
use super::handler::PageError;
use super::{Portal, answer, views};
use crate::auth::sessions::LiveSession;
use crate::domain::own_paths::{RECOVER_REVIEW, SIGN_IN};
use crate::domain::register::NewAccounts;
use crate::gate::detour;
use crate::gate::refusal::GateRefusal;
use crate::store::StoreError;

/// `/_bmauth/`: on to the sign-in page.
pub async fn front() -> Response {
    answer::go_to(SIGN_IN)
}

/// The sign-in page, which leads back to `page` of ours.
fn sign_in_for(page: &str) -> String {
    detour::returning(SIGN_IN, Some(page))
}

/// The session of the visitor of `page`, which is for signed-in people. One that a recovery made answers "Keep your
/// account safe" before it may do anything else.
async fn session_for(page: &str, portal: &Portal, caller: &Caller) -> Result<LiveSession, PageError> {
    match caller.session(portal).await? {
        Some(session) if session.review() => Err(PageError::SendTo(RECOVER_REVIEW.to_owned())),
        Some(session) => Ok(session),
        None => Err(PageError::SendTo(sign_in_for(page))),
    }
}

/// None of our pages.
pub async fn not_found() -> PageError {
    GateRefusal::NotFound.into()
}

/// One of our pages, asked in a way it does not answer.
pub async fn method_not_allowed(caller: Caller) -> Response {
    answer::problem(GateRefusal::MethodNotAllowed, &caller)
}

/// A file of ours, by its path.
pub async fn asset(State(portal): State<Arc<Portal>>, uri: http::Uri) -> Result<Response, PageError> {
    portal.assets.find(uri.path()).map(answer::asset).ok_or_else(|| GateRefusal::NotFound.into())
}

impl Portal {
    /// Who may create an account, as far as a page tells.
    async fn registration(&self) -> Result<views::RegistrationOffer, StoreError> {
        Ok(match self.auth.register.new_accounts().await? {
            NewAccounts::Open => views::RegistrationOffer::Open,
            NewAccounts::Invite => views::RegistrationOffer::Invite,
            NewAccounts::Closed => views::RegistrationOffer::Closed,
        })
    }
}
