//! `/signin/webauthn`: a challenge for the keys of an address, or for any; its answer makes a session.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use webauthn_rs::prelude::PublicKeyCredential;

use super::body::{JsonBody, check_id};
use super::client::ApiClient;
use super::error::{ApiError, or};
use super::session::{ApiSession, SessionAnswer};
use super::sign_up::read_email;
use crate::auth::passkeys::ceremony_of;
use crate::auth::tokens::AddressStanding;
use crate::domain::destination::Destination;
use crate::domain::sign_in::SignInRefusal;
use crate::portal::Portal;

/// What begins a sign-in.
#[derive(Deserialize)]
pub(super) struct SignInBeginRequest {
    email: Option<String>,
}

/// A challenge; the same for any address, unless accounts are revealed.
pub(super) async fn begin(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    JsonBody(SignInBeginRequest { email }): JsonBody<SignInBeginRequest>,
) -> Result<Response, ApiError> {
    let email = email.as_deref().map(read_email).transpose()?;
    let auth = &portal.auth;
    if let (true, Some(email)) = (portal.api.reveal_accounts, &email) {
        match auth.tokens.standing(email).await? {
            AddressStanding::Active => {}
            AddressStanding::Disabled => return Err(ApiError::Disabled),
            AddressStanding::Unverified => return Err(ApiError::Unverified),
            AddressStanding::Unknown => return Err(ApiError::NotProved),
        }
    }
    let begun = auth.sign_in.begin(email, Destination::root(), &client.visitor).await;
    let (_, options) = begun.map_err(or(to_api_error))?;
    Ok(client.remember(&portal, Json(options)))
}

/// What the device answered.
#[derive(Deserialize)]
pub(super) struct SignInVerifyRequest {
    credential: PublicKeyCredential,
    email: Option<String>,
}

/// The session of a passkey that was proved.
pub(super) async fn verify(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    JsonBody(SignInVerifyRequest { credential, email }): JsonBody<SignInVerifyRequest>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let email = email.as_deref().map(read_email).transpose()?;
    check_id(&credential.id)?;
    let ceremony = ceremony_of(&credential.response.client_data_json).ok_or(ApiError::NotProved)?;
    let signed_in = portal.auth.tokens.sign_in(ceremony, credential, email, &client.visitor).await;
    let tokens = signed_in.map_err(or(to_api_error))?;
    Ok(Json(SessionAnswer::of(ApiSession::of(&portal, tokens)?)))
}

fn to_api_error(refusal: SignInRefusal) -> ApiError {
    match refusal {
        SignInRefusal::Disabled => ApiError::Disabled,
        SignInRefusal::Unfinished => ApiError::Unverified,
        SignInRefusal::Rests
        | SignInRefusal::Stale
        | SignInRefusal::UnknownPasskey
        | SignInRefusal::NotProved
        | SignInRefusal::CounterWentBack
        | SignInRefusal::NoLongerEligible => ApiError::NotProved,
    }
}
