//! `/_bmauth/register`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::sign_in::GoOn;
use super::{refusal_or, unavailable};
use crate::auth::register::Said;
use crate::domain::ceremony::CeremonyId;
use crate::domain::email::Email;
use crate::domain::own_paths::REGISTER_CODE;
use crate::domain::profile::{Locale, Profile};
use crate::domain::register::Refusal;
use crate::domain::return_to::ReturnTo;
use crate::portal::caller::Caller;
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::views::register::Register;
use crate::portal::{Portal, answer};

/// The page; whoever is signed in goes on to where they wanted.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    match caller.session(&portal).await {
        Ok(Some(_)) => answer::go_to(caller.destination().as_str()),
        Ok(None) => {
            let view = Register { return_to: caller.return_path(), registration: portal.registration() };
            answer::page(&portal, &caller, |chrome| view.render(chrome))
        }
        Err(error) => unavailable(&portal, &caller, &error),
    }
}

/// What the script sends to begin.
#[derive(Deserialize)]
pub struct Begin {
    email: String,
    return_to: Option<String>,
}

#[derive(Serialize)]
struct Challenge {
    ceremony: CeremonyId,
    options: PublicKeyCredentialCreationOptions,
}

/// A challenge to make a passkey, the same for any address.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Begin>, JsonRejection>,
) -> Response {
    let refuse = |refusal| answer::refuse_script(refusal, caller.words(&portal));
    let Ok(Json(Begin { email, return_to })) = body else { return refuse(ScriptRefusal::InvalidEmail) };
    let Ok(email) = Email::parse(&email) else { return refuse(ScriptRefusal::InvalidEmail) };
    let return_to = ReturnTo::parse_or_root(return_to.as_deref());
    let profile = Profile { locale: Locale::parse(caller.language.tag()).ok(), ..Profile::default() };
    match portal.auth.begin_registration(email, profile, return_to, &caller.visitor).await {
        Ok((ceremony, options)) => Json(Challenge { ceremony, options }).into_response(),
        Err(failure) => refuse(refusal_or(failure).map_or_else(|refusal| refusal, word)),
    }
}

/// What the script sends when the device has made a passkey.
#[derive(Deserialize)]
pub struct Answer {
    ceremony: CeremonyId,
    credential: RegisterPublicKeyCredential,
}

/// The new passkey: on to the code.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Answer>, JsonRejection>,
) -> Response {
    let refuse = |refusal| answer::refuse_script(refusal, caller.words(&portal));
    let Ok(Json(Answer { ceremony, credential })) = body else { return refuse(ScriptRefusal::NotAccepted) };
    match portal.auth.receive_registration(ceremony, credential, Said::default(), &caller.visitor).await {
        Ok(()) => Json(GoOn { location: REGISTER_CODE }).into_response(),
        Err(failure) => refuse(refusal_or(failure).map_or_else(|refusal| refusal, word)),
    }
}

fn word(refusal: Refusal) -> ScriptRefusal {
    match refusal {
        Refusal::Closed => ScriptRefusal::RegistrationClosed,
        Refusal::DomainNotAllowed => ScriptRefusal::EmailNotAllowed,
        Refusal::TooMany | Refusal::TriesSpent | Refusal::TooSoon { .. } => ScriptRefusal::TooManyTries,
        Refusal::Stale | Refusal::NoRegistration => ScriptRefusal::ExpiredCeremony,
        Refusal::BadPasskey | Refusal::NotACode | Refusal::WrongCode { .. } | Refusal::CodeTooOld => {
            ScriptRefusal::NotAccepted
        }
    }
}
