//! `/elevate/webauthn`: one's own key, used just now, for what not every session may do.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use webauthn_rs::prelude::PublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialRequestOptions;

use super::bearer::SignedInClient;
use super::body::{JsonBody, check_id};
use super::client::ApiClient;
use super::error::{ApiError, or};
use super::session::{ApiSession, SessionAnswer};
use crate::auth::manage::Confirmed;
use crate::auth::passkeys::ceremony_of;
use crate::domain::destination::Destination;
use crate::domain::manage::{ManageRefusal, RequestedAct};
use crate::portal::Portal;

/// A challenge for the account's own keys.
pub(super) async fn begin(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    SignedInClient { session, .. }: SignedInClient,
) -> Result<Json<PublicKeyCredentialRequestOptions>, ApiError> {
    let auth = &portal.auth;
    let begun =
        auth.manage.begin_confirmation(RequestedAct::Elevate, Destination::root(), &session, &client.visitor).await;
    let (_, options) = begun.map_err(or(|refusal| {
        if refusal == ManageRefusal::Unknown {
            ApiError::invalid("This account has no key to elevate with. Add one first.")
        } else {
            to_api_error(refusal)
        }
    }))?;
    Ok(Json(options))
}

/// What the device answered.
#[derive(Deserialize)]
pub(super) struct ElevateVerifyRequest {
    credential: PublicKeyCredential,
}

/// The session, elevated.
pub(super) async fn verify(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    SignedInClient { session, .. }: SignedInClient,
    JsonBody(ElevateVerifyRequest { credential }): JsonBody<ElevateVerifyRequest>,
) -> Result<Json<SessionAnswer>, ApiError> {
    check_id(&credential.id)?;
    let ceremony = ceremony_of(&credential.response.client_data_json).ok_or(ApiError::NotProved)?;
    let confirmed = portal.auth.manage.finish_confirmation(ceremony, credential, &session, &client.visitor).await;
    match confirmed.map_err(or(to_api_error))? {
        Confirmed::Elevated(tokens) => Ok(Json(SessionAnswer::of(ApiSession::of(&portal, *tokens)?))),
        // What a session of our pages confirms is answered there.
        Confirmed::MayAdd { .. }
        | Confirmed::Removed(_)
        | Confirmed::Stopped
        | Confirmed::Reviewed(_)
        | Confirmed::Kept(_)
        | Confirmed::CodeSent
        | Confirmed::Deleted => Err(ApiError::NotProved),
    }
}

fn to_api_error(refusal: ManageRefusal) -> ApiError {
    match refusal {
        ManageRefusal::SignedOut => ApiError::Unauthenticated,
        ManageRefusal::Stale
        | ManageRefusal::ConfirmNeeded
        | ManageRefusal::Unknown
        | ManageRefusal::LastPasskey
        | ManageRefusal::WrongEmail
        | ManageRefusal::NotProved
        | ManageRefusal::CounterWentBack
        | ManageRefusal::NoLongerEligible
        | ManageRefusal::BadPasskey
        | ManageRefusal::TooManyPasskeys
        | ManageRefusal::Account(_) => ApiError::NotProved,
    }
}
