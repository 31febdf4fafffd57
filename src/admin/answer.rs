//! What the socket answers: JSON, and a sentence where something is not done.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::auth::failure::{Failure, WorldFailure};
use crate::domain::group;
use crate::domain::operate::OperateRefusal;
use crate::store::StoreError;

/// Why something was not done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wrong {
    /// One sentence or two for the operator.
    pub error: String,
}

/// An answer with a sentence in place of what was asked for.
#[derive(Debug)]
pub struct NotDone(StatusCode, String);

impl NotDone {
    /// What was asked cannot be read.
    pub fn unreadable(why: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, why.into())
    }

    /// What was refused of `named`: an account or session as the operator named it.
    pub fn about(named: &str, failure: Failure<OperateRefusal>) -> Self {
        match failure {
            Failure::Refused(refusal) => Self::refused(named, refusal),
            Failure::World(WorldFailure::Store(error)) => error.into(),
            Failure::World(WorldFailure::Busy | WorldFailure::Raced | WorldFailure::RelyingParty(_)) => {
                Self(StatusCode::SERVICE_UNAVAILABLE, "The gateway is busy. Try again in a moment.".to_owned())
            }
        }
    }

    fn refused(named: &str, refusal: OperateRefusal) -> Self {
        match refusal {
            OperateRefusal::NoAccount => Self(StatusCode::NOT_FOUND, format!("There is no account {named}.")),
            OperateRefusal::HasAccount => Self(
                StatusCode::CONFLICT,
                format!("{named} has an account already. `bmauth users groups` says and changes the groups it is in."),
            ),
            OperateRefusal::NotInvited => {
                Self(StatusCode::NOT_FOUND, format!("{named} has no account, and the address was not added."))
            }
            OperateRefusal::NoSession => {
                Self(StatusCode::NOT_FOUND, format!("There is no session {named}. Perhaps it has ended by itself."))
            }
            OperateRefusal::Disabled => Self(
                StatusCode::CONFLICT,
                format!("{named} is disabled: a code would open nothing. Enable the account first."),
            ),
            OperateRefusal::CodesOff => Self(
                StatusCode::CONFLICT,
                "No page asks for an operator's code here. Set accounts.recovery = \"admin\" and start the gateway again."
                    .to_owned(),
            ),
            OperateRefusal::TooManyGroups => {
                Self(StatusCode::CONFLICT, format!("{named} would be in more than {} groups.", group::MOST))
            }
            OperateRefusal::Raced => Self(
                StatusCode::CONFLICT,
                "The account was changed by someone else at the same moment. Look at it, and try again.".to_owned(),
            ),
        }
    }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed while an operator's command ran");
        Self(StatusCode::SERVICE_UNAVAILABLE, format!("Nothing could be read or written: {error}."))
    }
}

impl From<QueryRejection> for NotDone {
    fn from(rejection: QueryRejection) -> Self {
        Self::unreadable(rejection.body_text())
    }
}

impl IntoResponse for NotDone {
    fn into_response(self) -> Response {
        (self.0, Json(Wrong { error: self.1 })).into_response()
    }
}

/// No such route: command and gateway are of different versions.
pub async fn unknown() -> NotDone {
    NotDone(
        StatusCode::NOT_FOUND,
        "The running gateway does not know this command. Start it again with this version of bmauth.".to_owned(),
    )
}
