//! `/_bmauth/register`.

pub mod code;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use crate::domain::ceremony::CeremonyId;
use crate::domain::email::Email;
use crate::domain::own_paths::REGISTER_CODE;
use crate::domain::profile::{Locale, Profile};
use crate::domain::register::{RegisterRefusal, RegistrationDetails};
use crate::portal::answer::GoOn;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, ScriptBody, ScriptError, worded};
use crate::portal::views::register::RegisterPage;
use crate::portal::views::script_refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// The page; a signed-in visitor goes on to where they wanted.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    if caller.session(&portal).await?.is_some() {
        return Ok(answer::go_on(&portal, &caller, &caller.destination()));
    }
    let view = RegisterPage { return_to: caller.return_path(), registration: portal.registration().await? };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// What the script sends to begin.
#[derive(Deserialize)]
pub struct RegisterBegin {
    email: String,
    return_to: Option<String>,
}

/// A challenge to make a passkey.
#[derive(Debug, Serialize)]
pub struct ToMake {
    ceremony: CeremonyId,
    options: PublicKeyCredentialCreationOptions,
}

impl ToMake {
    /// The options that the device makes its passkey by, and the name of the ceremony.
    pub(super) fn of((ceremony, options): (CeremonyId, PublicKeyCredentialCreationOptions)) -> Json<Self> {
        Json(Self { ceremony, options })
    }
}

/// A challenge to make a passkey, the same for any address.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(RegisterBegin { email, return_to }): ScriptBody<RegisterBegin>,
) -> Result<Json<ToMake>, ScriptError> {
    let email = Email::parse(&email).map_err(|_| ScriptRefusal::InvalidEmail)?;
    let return_to = caller.destination_or_root(return_to.as_deref(), &portal);
    let profile = Profile { locale: Locale::parse(caller.language.tag()).ok(), ..Profile::default() };
    let begun = portal.auth.register.begin(email, profile, return_to, &caller.visitor).await;
    begun.map(ToMake::of).map_err(worded(to_script_refusal))
}

/// What the script sends when the device has made a passkey.
#[derive(Deserialize)]
pub struct RegisterMade {
    pub(super) ceremony: CeremonyId,
    pub(super) credential: RegisterPublicKeyCredential,
    /// What it is to be called, where something was typed.
    pub(super) name: Option<String>,
}

/// The new passkey: on to the code.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(RegisterMade { ceremony, credential, name }): ScriptBody<RegisterMade>,
) -> Result<Response, ScriptError> {
    let said = RegistrationDetails { nickname: name, ..RegistrationDetails::default() };
    let received = portal.auth.register.receive_passkey(ceremony, credential, said, &caller.visitor).await;
    received.map_err(worded(to_script_refusal))?;
    Ok(answer::moved_on(&portal, &caller, GoOn::to(REGISTER_CODE)))
}

fn to_script_refusal(refusal: RegisterRefusal) -> ScriptRefusal {
    match refusal {
        RegisterRefusal::Closed => ScriptRefusal::RegistrationClosed,
        RegisterRefusal::DomainNotAllowed => ScriptRefusal::EmailNotAllowed,
        RegisterRefusal::NoMailTo => ScriptRefusal::NoMailTo,
        RegisterRefusal::Stale | RegisterRefusal::NoRegistration => ScriptRefusal::ExpiredCeremony,
        RegisterRefusal::BadPasskey => ScriptRefusal::NotAccepted,
        RegisterRefusal::Code(refusal) => super::code::to_script_refusal(refusal),
    }
}
