//! `/signup/webauthn`: an address and a new key; the e-mailed code is still to come.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};
use webauthn_rs::prelude::RegisterPublicKeyCredential;

use super::body::{JsonBody, check_id};
use super::client::ApiClient;
use super::error::{ApiError, or};
use super::session::SessionAnswer;
use crate::auth::passkeys::ceremony_of;
use crate::auth::tokens::AddressStanding;
use crate::domain::destination::Destination;
use crate::domain::email::Email;
use crate::domain::mailed_code::CodeRefusal;
use crate::domain::manage;
use crate::domain::profile::{Locale, Metadata, Profile, ProfileError};
use crate::domain::register::{RegisterRefusal, RegistrationDetails};
use crate::domain::secret::Secret;
use crate::portal::Portal;

/// What begins a sign-up.
#[derive(Deserialize)]
pub(super) struct SignUpBeginRequest {
    email: String,
    options: Option<Options>,
}

/// What a person says of themselves. Roles are the operator's to give, and mails carry no links to redirect, so other
/// options are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    display_name: Option<String>,
    locale: Option<String>,
    metadata: Option<Map<String, Value>>,
    /// Of the key that was made. Some of hasura-auth's clients name it here, others beside the options.
    nickname: Option<String>,
}

impl Options {
    fn profile(self) -> Result<Profile, ApiError> {
        let Self { display_name, locale, metadata, nickname: _ } = self;
        let invalid = |error: ProfileError| {
            let field = match error {
                ProfileError::Locale => "locale",
                ProfileError::Metadata => "metadata",
            };
            ApiError::InvalidRequest(format!("`options.{field}` is not kept: {error}."))
        };
        let metadata = metadata.map(|metadata| Metadata::from_object(Value::Object(metadata).to_string()));
        Ok(Profile {
            name: display_name.as_deref().and_then(manage::name),
            locale: locale.as_deref().map(Locale::parse).transpose().map_err(invalid)?,
            metadata: metadata.transpose().map_err(invalid)?,
        })
    }
}

/// A challenge to make a key; the same for any address.
pub(super) async fn begin(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    JsonBody(SignUpBeginRequest { email, options }): JsonBody<SignUpBeginRequest>,
) -> Result<Response, ApiError> {
    let email = read_email(&email)?;
    let profile = options.map(Options::profile).transpose()?.unwrap_or_default();
    let auth = &portal.auth;
    if portal.api.reveal_accounts
        && matches!(auth.tokens.standing(&email).await?, AddressStanding::Active | AddressStanding::Disabled)
    {
        return Err(ApiError::EmailInUse);
    }
    let begun = auth.register.begin(email, profile, Destination::root(), &client.visitor).await;
    let (_, options) = begun.map_err(or(to_api_error))?;
    Ok(client.remember(&portal, Json(options)))
}

/// What the device made.
#[derive(Deserialize)]
pub(super) struct SignUpVerifyRequest {
    credential: RegisterPublicKeyCredential,
    options: Option<Options>,
    nickname: Option<String>,
    #[serde(default)]
    ticket: Option<bool>,
}

/// Keeps the key until the code has come.
pub(super) async fn verify(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    JsonBody(SignUpVerifyRequest { credential, options, nickname, ticket }): JsonBody<SignUpVerifyRequest>,
) -> Result<Response, ApiError> {
    check_id(&credential.id)?;
    let ceremony = ceremony_of(&credential.response.client_data_json).ok_or_else(no_challenge)?;
    let nickname = nickname.or_else(|| options.as_ref()?.nickname.clone());
    // hasura-auth's clients send their options again, some of them without what they said at first.
    let profile = options.map(Options::profile).transpose()?.unwrap_or_default();
    let asks_for_ticket = ticket == Some(true);
    // A cookie is as good as a ticket, and a fresh one is known to this client alone.
    let fresh = (asks_for_ticket || client.has_cookie()).then(|| portal.auth.otp.ticket());
    let said = RegistrationDetails { nickname, profile, ticket: fresh.as_ref().map(Secret::digest) };
    portal
        .auth
        .register
        .receive_passkey(ceremony, credential, said, &client.visitor)
        .await
        .map_err(or(to_api_error))?;
    let ticket = fresh.as_ref().filter(|_| asks_for_ticket).map(Secret::text);
    let answer = Json(SessionAnswer::none_yet(ticket));
    Ok(match &fresh {
        Some(flow) if client.has_cookie() => client.remember_as(flow, &portal, answer),
        _ => client.remember(&portal, answer),
    })
}

pub(super) fn read_email(text: &str) -> Result<Email, ApiError> {
    Email::parse(text).map_err(|_| ApiError::invalid("`email` is no e-mail address."))
}

pub(super) fn no_challenge() -> ApiError {
    ApiError::invalid("`credential.response.clientDataJSON` names no challenge.")
}

pub(super) fn bad_key() -> ApiError {
    ApiError::invalid("The device's answer is not a key for this challenge. Ask for another challenge.")
}

fn to_api_error(refusal: RegisterRefusal) -> ApiError {
    match refusal {
        RegisterRefusal::Closed | RegisterRefusal::DomainNotAllowed => ApiError::SignUpDisabled,
        RegisterRefusal::NoMailTo => {
            ApiError::invalid("The mail server cannot write to this `email`. Use another one.")
        }
        RegisterRefusal::Code(CodeRefusal::TooMany { wait } | CodeRefusal::TooSoon { wait }) => {
            ApiError::TooMany(Some(wait))
        }
        RegisterRefusal::Code(CodeRefusal::TriesSpent) => ApiError::TooMany(None),
        RegisterRefusal::Stale
        | RegisterRefusal::NoRegistration
        | RegisterRefusal::BadPasskey
        | RegisterRefusal::Code(
            CodeRefusal::NotACode | CodeRefusal::Wrong { .. } | CodeRefusal::Older { .. } | CodeRefusal::TooOld,
        ) => bad_key(),
    }
}
