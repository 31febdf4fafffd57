//! `/user/webauthn`: another key for a signed-in user.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::RegisterPublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialCreationOptions;

use super::bearer::SignedInClient;
use super::body::{JsonBody, check_id};
use super::client::ApiClient;
use super::error::{ApiError, or};
use super::sign_up::{bad_key, no_challenge};
use crate::auth::passkeys::{ceremony_of, encode_base64url};
use crate::domain::manage::ManageRefusal;
use crate::portal::Portal;

/// A challenge to make a key on a device that has none of the account's yet.
pub(super) async fn add(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    SignedInClient { session, elevated }: SignedInClient,
) -> Result<Json<PublicKeyCredentialCreationOptions>, ApiError> {
    let begun = portal.auth.manage.begin_adding_over_api(&session, elevated, &client.visitor).await;
    let (_, options) = begun.map_err(or(to_api_error))?;
    Ok(Json(options))
}

/// What the device made.
#[derive(Deserialize)]
pub(super) struct AddKeyVerifyRequest {
    credential: RegisterPublicKeyCredential,
    nickname: Option<String>,
}

/// The key as kept.
#[derive(Serialize)]
pub(super) struct AddKeyReply {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Option<String>,
}

/// The key becomes the account's.
pub(super) async fn verify(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    SignedInClient { session, elevated }: SignedInClient,
    JsonBody(AddKeyVerifyRequest { credential, nickname }): JsonBody<AddKeyVerifyRequest>,
) -> Result<Json<AddKeyReply>, ApiError> {
    check_id(&credential.id)?;
    let ceremony = ceremony_of(&credential.response.client_data_json).ok_or_else(no_challenge)?;
    let id = encode_base64url(&credential.raw_id);
    let (nickname, asks) = (nickname.as_deref(), (&session, elevated));
    let added = portal.auth.manage.finish_adding_over_api(ceremony, credential, nickname, asks, &client.visitor).await;
    let added = added.map_err(or(to_api_error))?;
    Ok(Json(AddKeyReply { id, nickname: added.name }))
}

pub(super) fn to_api_error(refusal: ManageRefusal) -> ApiError {
    match refusal {
        ManageRefusal::SignedOut => ApiError::Unauthenticated,
        ManageRefusal::TooManyPasskeys => ApiError::TooManyKeys,
        ManageRefusal::ConfirmNeeded => ApiError::ElevationNeeded,
        ManageRefusal::Stale
        | ManageRefusal::BadPasskey
        | ManageRefusal::Unknown
        | ManageRefusal::LastPasskey
        | ManageRefusal::WrongEmail
        | ManageRefusal::Account(_) => bad_key(),
        ManageRefusal::NotProved | ManageRefusal::CounterWentBack | ManageRefusal::NoLongerEligible => {
            ApiError::NotProved
        }
    }
}
