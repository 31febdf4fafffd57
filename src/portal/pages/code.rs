//! What the pages that ask for a code from the mail have in common: `/_bmauth/register/code`, `/_bmauth/recover/code`
//! and `/_bmauth/account/address`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use serde::Deserialize;

use crate::domain::mailed_code::CodeRefusal;
use crate::portal::caller::Caller;
use crate::portal::views::code::{CodePage, CodeState};
use crate::portal::views::script_refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// Says in the address of a code page that another code was sent.
const RESENT: &str = "resent";

/// What the form sends.
#[derive(Deserialize)]
pub struct Entered {
    pub(super) code: String,
}

impl<S: Sync> FromRequestParts<S> for CodeState {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(if parts.uri.query() == Some(RESENT) { Self::Resent } else { Self::Fresh })
    }
}

impl From<CodeRefusal> for CodeState {
    fn from(refusal: CodeRefusal) -> Self {
        match refusal {
            CodeRefusal::NotACode => Self::Unreadable,
            CodeRefusal::Wrong { tries_left } => Self::Wrong { tries_left },
            CodeRefusal::Older { tries_left } => Self::Older { tries_left },
            CodeRefusal::TooOld => Self::TooOld,
            CodeRefusal::TriesSpent => Self::UsedUp,
            CodeRefusal::TooSoon { wait } => Self::Wait { seconds: wait.as_secs() },
            CodeRefusal::TooMany { wait } => Self::TooMany { wait },
        }
    }
}

/// On to the page again, another code having been sent.
pub(super) fn resent(page: &str) -> Response {
    answer::go_to(&format!("{page}?{RESENT}"))
}

/// Shows a page that asks for a code, with the status of what happened last.
pub(super) fn show(portal: &Portal, caller: &Caller, view: CodePage<'_>) -> Response {
    answer::page_again(view.state.refusal(), portal, caller, |chrome| view.render(chrome))
}

/// What the script of another page is told, whose step sends a code.
pub(super) fn to_script_refusal(refusal: CodeRefusal) -> ScriptRefusal {
    match refusal {
        CodeRefusal::TooMany { wait } | CodeRefusal::TooSoon { wait } => {
            ScriptRefusal::TooManyTries { wait: Some(wait) }
        }
        CodeRefusal::TriesSpent => ScriptRefusal::TooManyTries { wait: None },
        CodeRefusal::NotACode | CodeRefusal::Wrong { .. } | CodeRefusal::Older { .. } | CodeRefusal::TooOld => {
            ScriptRefusal::NotAccepted
        }
    }
}
