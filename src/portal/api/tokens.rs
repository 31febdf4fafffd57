//! `/token` and `/signout`: a session's tokens go on, or end.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;

use super::bearer::{self, SignedInClient};
use super::body::JsonBody;
use super::client::ApiClient;
use super::error::{ApiError, or};
use super::session::ApiSession;
use crate::domain::token_family::RefreshToken;
use crate::domain::tokens::TokensRefusal;
use crate::portal::Portal;

/// The token that is out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refresh {
    refresh_token: String,
}

/// Gives the next tokens for a refresh token.
pub(super) async fn refresh(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    JsonBody(Refresh { refresh_token }): JsonBody<Refresh>,
) -> Result<Json<ApiSession>, ApiError> {
    let token = RefreshToken::parse(&refresh_token).ok_or(ApiError::InvalidRefreshToken)?;
    let tokens = portal.auth.tokens.refresh(token, &client.visitor).await;
    let tokens = tokens.map_err(or(|refusal| match refusal {
        TokensRefusal::Unknown | TokensRefusal::Raced => ApiError::InvalidRefreshToken,
        TokensRefusal::TooOften { wait } => ApiError::TooMany(Some(wait)),
    }))?;
    Ok(Json(ApiSession::of(&portal, tokens)?))
}

/// An access token, here or in `Authorization`.
#[derive(Deserialize)]
pub(super) struct TokenVerifyRequest {
    token: Option<String>,
}

/// Whether an access token is good now.
pub(super) async fn verify(
    State(portal): State<Arc<Portal>>,
    headers: HeaderMap,
    JsonBody(TokenVerifyRequest { token }): JsonBody<TokenVerifyRequest>,
) -> Result<Json<&'static str>, ApiError> {
    let token = token.as_deref().or_else(|| bearer::token(&headers)).ok_or(ApiError::Unauthenticated)?;
    bearer::read(&portal, token).await?;
    Ok(Json("OK"))
}

/// Which sessions are to end.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignOutRequest {
    refresh_token: Option<String>,
    #[serde(default)]
    all: bool,
}

/// Ends the session of a refresh token, or every session of the signed-in user. The refresh token is enough to end its
/// own session; to end the others takes the access token.
pub(super) async fn sign_out(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    headers: HeaderMap,
    JsonBody(SignOutRequest { refresh_token, all }): JsonBody<SignOutRequest>,
) -> Result<Json<&'static str>, ApiError> {
    let auth = &portal.auth;
    let bearer = match bearer::token(&headers) {
        Some(token) => bearer::read(&portal, token).await,
        None => Err(ApiError::Unauthenticated),
    };
    if let Err(failed @ ApiError::Unavailable) = bearer {
        return Err(failed);
    }
    if all {
        let SignedInClient { session, .. } = bearer?;
        auth.tokens.sign_out_all(&session, &client.visitor).await?;
        return Ok(Json("OK"));
    }
    let token = refresh_token.as_deref().map(|text| RefreshToken::parse(text).ok_or(ApiError::InvalidRefreshToken));
    let ending = match token.transpose()? {
        Some(token) => auth.tokens.session_of_refresh(token).await?.ok_or(ApiError::InvalidRefreshToken)?,
        None => return Err(ApiError::invalid("`refreshToken` is missing: send that of the session to end, or `all`.")),
    };
    let account = |session: &crate::auth::sessions::LiveSession| session.account();
    // An access token that has expired meanwhile must not keep its owner signed in; that of another account is a
    // mix-up.
    if bearer.is_ok_and(|bearer| account(&bearer.session) != account(&ending)) {
        return Err(ApiError::InvalidRefreshToken);
    }
    auth.sessions.sign_out(ending.token()).await?;
    Ok(Json("OK"))
}
