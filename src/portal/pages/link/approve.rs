//! `/_bmauth/link/number` and `/_bmauth/link/approve`: the person in front of the approving browser.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::PublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialRequestOptions;

use super::{malformed, refuse, tell};
use crate::domain::ceremony::CeremonyId;
use crate::domain::link::LinkId;
use crate::portal::caller::Caller;
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// What the script sends with the number.
#[derive(Deserialize)]
pub struct Number {
    link: LinkId,
    number: Typed,
}

/// A number, or the text of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Typed {
    Number(u64),
    Text(String),
}

impl Typed {
    /// The number, or 0, which is never right, for any that is too large.
    fn read(&self) -> Option<u8> {
        let number = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        Some(u8::try_from(number).unwrap_or(0))
    }
}

#[derive(Serialize)]
struct Challenge {
    ceremony: CeremonyId,
    options: PublicKeyCredentialRequestOptions,
}

/// The number that the other screen shows.
pub async fn number(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Number>, JsonRejection>,
) -> Response {
    let Ok(Json(Number { link, number })) = body else { return malformed(&portal, &caller) };
    let Some(number) = number.read() else { return malformed(&portal, &caller) };
    match portal.auth.type_number(link, number, &caller.visitor).await {
        Ok((ceremony, options)) => Json(Challenge { ceremony, options }).into_response(),
        Err(failure) => refuse(&portal, &caller, failure),
    }
}

/// What the script sends when the device has answered.
#[derive(Deserialize)]
pub struct Approve {
    ceremony: CeremonyId,
    credential: PublicKeyCredential,
}

/// The device's answer: the link is approved, or a refusal.
pub async fn approve(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Approve>, JsonRejection>,
) -> Response {
    let Ok(Json(Approve { ceremony, credential })) = body else {
        return answer::refuse_script(ScriptRefusal::NotAccepted, caller.words(&portal));
    };
    let approved = portal.auth.approve_link(ceremony, credential, &caller.visitor).await;
    tell(&portal, &caller, approved)
}
