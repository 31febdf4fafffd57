//! `/_bmauth/recover/device`: "Set up this device", after the code.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::word;
use crate::domain::ceremony::CeremonyId;
use crate::domain::own_paths::{RECOVER_CODE, RECOVER_REVIEW};
use crate::domain::recover::proved_account;
use crate::domain::return_to::ReturnTo;
use crate::gate::detour;
use crate::portal::caller::Caller;
use crate::portal::pages::sign_in::{GoOn, with_session};
use crate::portal::pages::unavailable;
use crate::portal::views::failure::Failure;
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::views::set_up::SetUpDevice;
use crate::portal::{Portal, answer};

/// The page.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    match portal.auth.recovery(&caller.visitor).await {
        Ok(Some(recovery)) if proved_account(&recovery, portal.auth.now()).is_ok() => {
            answer::page(&portal, &caller, |chrome| SetUpDevice.render(chrome))
        }
        Ok(Some(_)) => answer::go_to(RECOVER_CODE),
        Ok(None) => answer::failure(&portal, &caller, Failure::RecoveryEnded),
        Err(error) => unavailable(&portal, &caller, &error),
    }
}

#[derive(Serialize)]
struct Challenge {
    ceremony: CeremonyId,
    options: PublicKeyCredentialCreationOptions,
}

/// A challenge for the new passkey.
pub async fn options(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    match portal.auth.begin_recovery_passkey(&caller.visitor).await {
        Ok((ceremony, options)) => Json(Challenge { ceremony, options }).into_response(),
        Err(failure) => answer::refuse_script(word(failure), caller.words(&portal)),
    }
}

/// What the script sends when the device has made the passkey.
#[derive(Deserialize)]
pub struct Answer {
    ceremony: CeremonyId,
    credential: RegisterPublicKeyCredential,
}

/// The new passkey: a session, which is asked what was lost before it shows the app.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Answer>, JsonRejection>,
) -> Response {
    let Ok(Json(Answer { ceremony, credential })) = body else {
        return answer::refuse_script(ScriptRefusal::NotAccepted, caller.words(&portal));
    };
    match portal.auth.finish_recovery(ceremony, credential, &caller.visitor).await {
        Ok(signed_in) => {
            let location = match (&signed_in.return_to, signed_in.session.review) {
                (wanted, false) => wanted.as_str().to_owned(),
                (wanted, true) if *wanted == ReturnTo::root() => RECOVER_REVIEW.to_owned(),
                (wanted, true) => detour::returning(RECOVER_REVIEW, Some(wanted.as_str())),
            };
            with_session(&portal, &signed_in, Json(GoOn { location: &location }).into_response())
        }
        Err(failure) => answer::refuse_script(word(failure), caller.words(&portal)),
    }
}
