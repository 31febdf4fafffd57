//! What the script of "My devices" asks for: adding and removing passkeys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::{PublicKeyCredential, RegisterPublicKeyCredential};
use webauthn_rs_proto::{PublicKeyCredentialCreationOptions, PublicKeyCredentialRequestOptions};

use super::{credential, without_session};
use crate::auth::manage::Confirmed;
use crate::auth::sessions::LiveSession;
use crate::domain::ceremony::CeremonyId;
use crate::domain::manage::{Asked, Refusal};
use crate::domain::own_paths::DEVICES;
use crate::domain::return_to::ReturnTo;
use crate::portal::caller::Caller;
use crate::portal::pages::refusal_or;
use crate::portal::pages::sign_in::GoOn;
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// What is to be confirmed with a passkey.
#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "lowercase")]
pub enum Begin {
    /// Adding one.
    Add {
        /// Where to go on to; "My devices" where nothing is said.
        return_to: Option<String>,
    },
    /// Removing one.
    Remove {
        /// Which: its credential id in base64url.
        passkey: String,
        /// What was typed to remove the last one.
        email: Option<String>,
    },
}

#[derive(Serialize)]
struct Challenge<O> {
    ceremony: CeremonyId,
    options: O,
}

type ToUse = Challenge<PublicKeyCredentialRequestOptions>;
type ToMake = Challenge<PublicKeyCredentialCreationOptions>;

/// A challenge to confirm one act.
pub async fn confirm(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Begin>, JsonRejection>,
) -> Response {
    let refuse = |refusal| answer::refuse_script(refusal, caller.words(&portal));
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(refusal) => return refuse(refusal),
    };
    let (asked, return_to) = match body {
        Ok(Json(Begin::Add { return_to })) => (Asked::Add, going_on(return_to.as_deref())),
        Ok(Json(Begin::Remove { passkey, email })) => {
            let Some(credential) = credential(&passkey) else { return refuse(ScriptRefusal::NoPasskey) };
            (Asked::Remove { credential, email }, ReturnTo::devices())
        }
        Err(_) => return refuse(ScriptRefusal::Fault),
    };
    match portal.auth.begin_confirmation(asked, return_to, &session, &caller.visitor).await {
        Ok((ceremony, options)) => Json(ToUse { ceremony, options }).into_response(),
        Err(failure) => refuse(refusal_or(failure).map_or_else(|refusal| refusal, word)),
    }
}

/// What the script sends when the device has confirmed.
#[derive(Deserialize)]
pub struct Proof {
    ceremony: CeremonyId,
    credential: PublicKeyCredential,
}

/// The proof: what it confirms is done, or the challenge for the new passkey handed out.
pub async fn confirmed(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Proof>, JsonRejection>,
) -> Response {
    let refuse = |refusal| answer::refuse_script(refusal, caller.words(&portal));
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(refusal) => return refuse(refusal),
    };
    let Ok(Json(Proof { ceremony, credential })) = body else { return refuse(ScriptRefusal::NotAccepted) };
    match portal.auth.finish_confirmation(ceremony, credential, &session, &caller.visitor).await {
        Ok(Confirmed::MayAdd { ceremony, options }) => Json(ToMake { ceremony, options: *options }).into_response(),
        Ok(Confirmed::Removed(removed)) if removed.ends_this_session => {
            without_session(&portal, Json(GoOn { location: &super::sign_in() }).into_response())
        }
        Ok(Confirmed::Removed(_)) => Json(GoOn { location: DEVICES }).into_response(),
        // Only the API asks for it, and in sessions of its own.
        Ok(Confirmed::Elevated(_)) => refuse(ScriptRefusal::ExpiredCeremony),
        Err(failure) => refuse(refusal_or(failure).map_or_else(|refusal| refusal, word)),
    }
}

/// What the script sends to add a passkey in a fresh session.
#[derive(Deserialize)]
pub struct Add {
    return_to: Option<String>,
}

/// A challenge for another passkey, where the session was begun with one just now.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Add>, JsonRejection>,
) -> Response {
    let refuse = |refusal| answer::refuse_script(refusal, caller.words(&portal));
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(refusal) => return refuse(refusal),
    };
    let Ok(Json(Add { return_to })) = body else { return refuse(ScriptRefusal::Fault) };
    match portal.auth.begin_adding(going_on(return_to.as_deref()), &session, &caller.visitor).await {
        Ok((ceremony, options)) => Json(ToMake { ceremony, options }).into_response(),
        Err(failure) => refuse(refusal_or(failure).map_or_else(|refusal| refusal, word)),
    }
}

/// What the script sends when the device has made a passkey.
#[derive(Deserialize)]
pub struct Made {
    ceremony: CeremonyId,
    credential: RegisterPublicKeyCredential,
    name: Option<String>,
}

/// The new passkey: on to where its owner wanted to go.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Made>, JsonRejection>,
) -> Response {
    let refuse = |refusal| answer::refuse_script(refusal, caller.words(&portal));
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(refusal) => return refuse(refusal),
    };
    let Ok(Json(Made { ceremony, credential, name })) = body else { return refuse(ScriptRefusal::NotAccepted) };
    match portal.auth.finish_adding(ceremony, credential, name.as_deref(), &session, &caller.visitor).await {
        Ok(added) => Json(GoOn { location: added.return_to.as_str() }).into_response(),
        Err(failure) => refuse(refusal_or(failure).map_or_else(|refusal| refusal, word)),
    }
}

/// The session of a script's caller. One that has still to answer "Keep your account safe" counts as none.
async fn signed_in(portal: &Portal, caller: &Caller) -> Result<LiveSession, ScriptRefusal> {
    match caller.session(portal).await {
        Ok(session) => session.filter(|session| !session.review()).ok_or(ScriptRefusal::NotSignedIn),
        Err(error) => {
            tracing::error!(%error, source = ?error.source, "the store failed");
            Err(ScriptRefusal::Unavailable)
        }
    }
}

fn going_on(return_to: Option<&str>) -> ReturnTo {
    return_to.and_then(|text| ReturnTo::parse(text).ok()).unwrap_or_else(ReturnTo::devices)
}

fn word(refusal: Refusal) -> ScriptRefusal {
    match refusal {
        Refusal::Stale => ScriptRefusal::ExpiredCeremony,
        Refusal::SignedOut => ScriptRefusal::NotSignedIn,
        Refusal::ConfirmNeeded => ScriptRefusal::ConfirmNeeded,
        Refusal::Unknown => ScriptRefusal::NoPasskey,
        Refusal::LastPasskey => ScriptRefusal::LastPasskey,
        Refusal::WrongEmail => ScriptRefusal::EmailMismatch,
        Refusal::NotProved | Refusal::CounterWentBack | Refusal::BadPasskey => ScriptRefusal::NotAccepted,
    }
}
