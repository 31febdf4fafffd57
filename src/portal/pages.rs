//! Our pages: one file each, with what it answers to GET and POST.

pub mod code;
pub mod devices;
pub mod faster;
pub mod link;
pub mod recover;
pub mod register;
pub mod sign_in;
pub mod sign_out;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::caller::Caller;
use super::views::failure::Failure;
use super::views::refusal::ScriptRefusal;
use super::{Portal, answer, views};
use crate::auth::Failure as StepFailure;
use crate::domain::own_paths::SIGN_IN;
use crate::store::StoreError;

/// `/_bmauth/`: on to the sign-in page.
pub async fn front() -> Response {
    answer::go_to(SIGN_IN)
}

/// None of our pages.
pub async fn not_found(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    answer::failure(&portal, &caller, Failure::NotFound)
}

/// One of our pages, asked in a way it does not answer.
pub async fn method_not_allowed() -> Response {
    answer::problem(StatusCode::METHOD_NOT_ALLOWED, "This address does not answer that method.")
}

impl Portal {
    fn registration(&self) -> views::Registration {
        if self.auth.registration_open() { views::Registration::Open } else { views::Registration::Closed }
    }
}

/// The store failed while a page was made.
fn unavailable(portal: &Portal, caller: &Caller, error: &StoreError) -> Response {
    tracing::error!(%error, source = ?error.source, "the store failed");
    answer::failure(portal, caller, Failure::Unavailable)
}

/// Splits what failed into the refusal, for the caller to word, and the world's failures, worded here and logged once.
fn refusal_or<R>(failure: StepFailure<R>) -> Result<R, ScriptRefusal> {
    match failure {
        StepFailure::Refused(refusal) => Ok(refusal),
        StepFailure::Busy => {
            tracing::warn!("more sign-ins at once than can be verified");
            Err(ScriptRefusal::Unavailable)
        }
        StepFailure::Store(error) => {
            tracing::error!(%error, source = ?error.source, "the store failed");
            Err(ScriptRefusal::Unavailable)
        }
        StepFailure::RelyingParty(error) => {
            tracing::error!(%error, "no challenge could be made");
            Err(ScriptRefusal::Fault)
        }
    }
}
