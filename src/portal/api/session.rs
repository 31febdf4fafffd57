//! A session, and its user, as clients of the API are told.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::error::ApiError;
use crate::auth::tokens::SessionTokens;
use crate::domain::account::Account;
use crate::domain::api::Grants;
use crate::portal::Portal;

/// `{session}`, or `{"session": null}` where the client is not signed in yet.
#[derive(Serialize)]
pub(super) struct SessionAnswer {
    session: Option<ApiSession>,
    /// The secret by which a client without a cookie goes on, where it has asked for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
}

impl SessionAnswer {
    /// The client is signed in.
    pub(super) fn of(session: ApiSession) -> Self {
        Self { session: Some(session), ticket: None }
    }

    /// The client is not signed in yet.
    pub(super) fn none() -> Self {
        Self::none_yet(None)
    }

    /// The client is not signed in yet, and goes on with `ticket`, where it has asked for one.
    pub(super) fn none_yet(ticket: Option<String>) -> Self {
        Self { session: None, ticket }
    }
}

/// A session with its tokens, as clients read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiSession {
    access_token: String,
    /// Seconds: as long as access tokens last, or less where the session or its elevation ends before.
    access_token_expires_in: u64,
    refresh_token: String,
    refresh_token_id: Uuid,
    user: ApiUser,
}

/// The user of a session, as clients read it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiUser {
    id: Uuid,
    email: String,
    display_name: String,
    avatar_url: String,
    created_at: String,
    default_role: String,
    roles: Vec<String>,
    email_verified: bool,
    is_anonymous: bool,
    locale: String,
    metadata: Option<Box<RawValue>>,
    phone_number: Option<String>,
    phone_number_verified: bool,
    active_mfa_type: Option<String>,
}

impl ApiSession {
    /// What a client gets for its session: a fresh access token, and the refresh token that is out.
    ///
    /// # Errors
    /// [`ApiError::Fault`] where no token can be signed.
    pub(super) fn of(portal: &Portal, tokens: SessionTokens) -> Result<Self, ApiError> {
        let SessionTokens { session, account, refresh, refresh_id, elevated_until } = tokens;
        let user = ApiUser::of(&account, &portal.api.grants);
        let (access, now) = portal.auth.tokens.access_token(session, account, elevated_until).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "an access token could not be made");
            ApiError::Fault
        })?;
        Ok(Self {
            access_token: access.text,
            access_token_expires_in: access.expires_at.since(now).as_secs(),
            refresh_token: refresh.text(),
            refresh_token_id: refresh_id,
            user,
        })
    }
}

impl ApiUser {
    /// The user that an account is to clients.
    pub(super) fn of(account: &Account, grants: &Grants) -> Self {
        let Account { id, email, name, locale, metadata, groups, disabled: _, created_at, aftermath: _ } = account;
        Self {
            id: id.0,
            email: email.as_str().to_owned(),
            display_name: name.clone().unwrap_or_else(|| email.as_str().to_owned()),
            // There are no pictures here, and none is fetched from elsewhere.
            avatar_url: String::new(),
            created_at: created_at.rfc3339(),
            default_role: grants.default_role.as_str().to_owned(),
            roles: grants.roles_of(groups.iter().map(String::as_str)).into_iter().map(str::to_owned).collect(),
            // An account exists only once its address has been proved.
            email_verified: true,
            is_anonymous: false,
            // Clients expect one: where none was said, that of hasura-auth's default.
            locale: locale.as_ref().map_or("en", |locale| locale.as_str()).to_owned(),
            metadata: metadata.as_ref().and_then(|text| RawValue::from_string(text.as_str().to_owned()).ok()),
            phone_number: None,
            phone_number_verified: false,
            active_mfa_type: None,
        }
    }
}
