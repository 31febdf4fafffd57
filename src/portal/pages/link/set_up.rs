//! `/_bmauth/link/passkey/…`: the waiting browser, approved, makes its passkey.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::{Named, malformed, refuse};
use crate::domain::ceremony::CeremonyId;
use crate::portal::caller::Caller;
use crate::portal::pages::sign_in::{GoOn, with_session};
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

#[derive(Serialize)]
struct Challenge {
    ceremony: CeremonyId,
    options: PublicKeyCredentialCreationOptions,
}

/// A challenge to make a passkey for the account that approved.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Named>, JsonRejection>,
) -> Response {
    let Ok(Json(Named { link })) = body else { return malformed(&portal, &caller) };
    match portal.auth.begin_linked_passkey(link, &caller.visitor).await {
        Ok((ceremony, options)) => Json(Challenge { ceremony, options }).into_response(),
        Err(failure) => refuse(&portal, &caller, failure),
    }
}

/// What the script sends when the device has made a key.
#[derive(Deserialize)]
pub struct Made {
    ceremony: CeremonyId,
    credential: RegisterPublicKeyCredential,
}

/// The new key: a session, or a refusal.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Made>, JsonRejection>,
) -> Response {
    let Ok(Json(Made { ceremony, credential })) = body else {
        return answer::refuse_script(ScriptRefusal::NotAccepted, caller.words(&portal));
    };
    match portal.auth.finish_link(ceremony, credential, &caller.visitor).await {
        Ok(signed_in) => {
            let response = Json(GoOn { location: signed_in.return_to.as_str() }).into_response();
            with_session(&portal, &signed_in, response)
        }
        Err(failure) => refuse(&portal, &caller, failure),
    }
}
