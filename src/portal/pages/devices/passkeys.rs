//! What the scripts of "My devices" and "My account" ask for that takes a passkey: adding and removing passkeys,
//! another address, downloading what is kept and deleting the account.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use serde::Deserialize;

use super::credential;
use crate::auth::manage::Confirmed;
use crate::auth::sessions::LiveSession;
use crate::domain::destination::Destination;
use crate::domain::manage::{AccountRefusal, ManageRefusal, RequestedAct};
use crate::domain::moving::NotNow;
use crate::domain::own_paths::{ACCOUNT_ADDRESS, DEVICES};
use crate::portal::answer::GoOn;
use crate::portal::caller::Caller;
use crate::portal::handler::{ScriptBody, ScriptError, worded};
use crate::portal::pages::account;
use crate::portal::pages::register::{RegisterMade, ToMake};
use crate::portal::pages::sign_in::{ToUse, Used};
use crate::portal::pages::sign_in_for;
use crate::portal::views::script_refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// The session of a script's caller. One that has still to answer "Keep your account safe" counts as none.
#[derive(Debug)]
pub struct ScriptSession(LiveSession);

impl FromRequestParts<Arc<Portal>> for ScriptSession {
    type Rejection = ScriptError;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, ScriptError> {
        let Ok(caller) = Caller::from_request_parts(parts, portal).await;
        let session = caller.session(portal).await?.filter(|session| !session.review());
        session.map(Self).ok_or(ScriptRefusal::NotSignedIn.into())
    }
}

/// What is to be confirmed with a passkey.
#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum ConfirmBegin {
    /// Adding a passkey.
    Add {
        /// Where to go on to; "My devices" where nothing is said.
        return_to: Option<String>,
    },
    /// Stopping the recovery that is held.
    StopRecovery,
    /// Downloading what is kept of the account.
    Download,
    /// Getting another address.
    ChangeAddress {
        /// What was typed as the new one.
        to: String,
    },
    /// Deleting the account.
    DeleteAccount {
        /// What was typed as its address.
        email: String,
    },
    /// Removing a passkey.
    Remove {
        /// Which: its credential id in base64url.
        passkey: String,
        /// What was typed to remove the last one.
        email: Option<String>,
    },
}

/// A challenge to confirm one act.
pub async fn confirm(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptSession(session): ScriptSession,
    ScriptBody(begin): ScriptBody<ConfirmBegin>,
) -> Result<Json<ToUse>, ScriptError> {
    let (asked, return_to) = match begin {
        ConfirmBegin::Add { return_to } => (RequestedAct::Add, going_on(return_to.as_deref(), &caller, &portal)),
        ConfirmBegin::StopRecovery => (RequestedAct::StopRecovery, Destination::devices()),
        ConfirmBegin::Download => (RequestedAct::Download, Destination::root()),
        ConfirmBegin::ChangeAddress { to } => (RequestedAct::ChangeAddress { to }, Destination::root()),
        ConfirmBegin::DeleteAccount { email } => (RequestedAct::DeleteAccount { email }, Destination::root()),
        ConfirmBegin::Remove { passkey, email } => {
            let credential = credential(&passkey).ok_or(ScriptRefusal::NoPasskey)?;
            (RequestedAct::Remove { credential, email }, Destination::devices())
        }
    };
    let begun = portal.auth.manage.begin_confirmation(asked, return_to, &session, &caller.visitor).await;
    begun.map(ToUse::of).map_err(worded(to_script_refusal))
}

/// The proof: what it confirms is done, or the challenge for the new passkey handed out.
pub async fn confirmed(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptSession(session): ScriptSession,
    ScriptBody(Used { ceremony, credential }): ScriptBody<Used>,
) -> Result<Response, ScriptError> {
    let confirmed = portal.auth.manage.finish_confirmation(ceremony, credential, &session, &caller.visitor).await;
    Ok(match confirmed.map_err(worded(to_script_refusal))? {
        Confirmed::MayAdd { ceremony, options } => ToMake::of((ceremony, *options)).into_response(),
        Confirmed::Removed(removed) if removed.ends_this_session => {
            answer::without_session(&portal, GoOn::to(sign_in_for(DEVICES)))
        }
        Confirmed::Removed(_) | Confirmed::Stopped => GoOn::to(DEVICES).into_response(),
        Confirmed::Kept(kept) => account::data::answer(&kept),
        Confirmed::CodeSent => GoOn::to(ACCOUNT_ADDRESS).into_response(),
        Confirmed::Deleted => account::gone(&portal),
        // Asked for by its own page.
        Confirmed::Reviewed(return_to) => GoOn::to(caller.address(&return_to, &portal)).into_response(),
        // Only the API asks for it, and in sessions of its own.
        Confirmed::Elevated(_) => return Err(ScriptRefusal::ExpiredCeremony.into()),
    })
}

/// The new passkey: on to where its owner wanted to go.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptSession(session): ScriptSession,
    ScriptBody(RegisterMade { ceremony, credential, name }): ScriptBody<RegisterMade>,
) -> Result<Json<GoOn>, ScriptError> {
    let added =
        portal.auth.manage.finish_adding(ceremony, credential, name.as_deref(), &session, &caller.visitor).await;
    added.map(|added| GoOn::to(caller.address(&added.return_to, &portal))).map_err(worded(to_script_refusal))
}

fn going_on(return_to: Option<&str>, caller: &Caller, portal: &Portal) -> Destination {
    return_to.and_then(|text| caller.read_destination(text, portal)).unwrap_or_else(Destination::devices)
}

pub(in crate::portal::pages) fn to_script_refusal(refusal: ManageRefusal) -> ScriptRefusal {
    match refusal {
        ManageRefusal::Stale => ScriptRefusal::ExpiredCeremony,
        ManageRefusal::SignedOut => ScriptRefusal::NotSignedIn,
        ManageRefusal::Unknown => ScriptRefusal::NoPasskey,
        ManageRefusal::LastPasskey => ScriptRefusal::LastPasskey,
        ManageRefusal::WrongEmail => ScriptRefusal::EmailMismatch,
        ManageRefusal::NotProved | ManageRefusal::BadPasskey | ManageRefusal::ConfirmNeeded => {
            ScriptRefusal::NotAccepted
        }
        ManageRefusal::TooManyPasskeys => ScriptRefusal::TooManyPasskeys,
        ManageRefusal::Account(refusal) => word_of_account(refusal),
        ManageRefusal::CounterWentBack | ManageRefusal::NoLongerEligible => ScriptRefusal::Doubted,
    }
}

const fn word_of_account(refusal: AccountRefusal) -> ScriptRefusal {
    match refusal {
        AccountRefusal::NoAddress => ScriptRefusal::InvalidEmail,
        AccountRefusal::OwnAddress => ScriptRefusal::OwnAddress,
        AccountRefusal::AddressNotAllowed => ScriptRefusal::EmailNotAllowed,
        AccountRefusal::NoMailTo => ScriptRefusal::NoMailTo,
        AccountRefusal::NotNow(NotNow::ChangedLately) => ScriptRefusal::ChangedLately,
        AccountRefusal::NotNow(NotNow::Recovering) => ScriptRefusal::Recovering,
        AccountRefusal::TooManyCodes { wait } => ScriptRefusal::TooManyTries { wait: Some(wait) },
    }
}
