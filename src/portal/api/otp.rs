//! `/signin/otp/email`: the e-mailed code of a sign-up, or to get back in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::body::Body;
use super::client::Client;
use super::error::{ApiError, or};
use super::session::{Session, SessionAnswer};
use super::sign_up::read_email;
use crate::auth::otp::{Opened, WrongCode};
use crate::portal::Portal;

/// To whom.
#[derive(Deserialize)]
pub(super) struct Send {
    email: String,
}

/// Sends a code; the same answer for any address.
pub(super) async fn send(
    State(portal): State<Arc<Portal>>,
    client: Client,
    Body(Send { email }): Body<Send>,
) -> Result<Response, ApiError> {
    portal.auth.otp.send_code(read_email(&email)?, &client.visitor).await?;
    Ok(client.remember(&portal, Json("OK")))
}

/// The code.
#[derive(Deserialize)]
pub(super) struct Verify {
    email: String,
    otp: String,
}

/// A session; none where recovery is held for a while and another code will be asked for then.
pub(super) async fn verify(
    State(portal): State<Arc<Portal>>,
    client: Client,
    Body(Verify { email, otp }): Body<Verify>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let opened = portal.auth.otp.open(&read_email(&email)?, &otp, &client.visitor).await;
    Ok(Json(match opened.map_err(or(|WrongCode| ApiError::InvalidOtp))? {
        Opened::SignedIn(tokens) => SessionAnswer::of(Session::of(&portal, *tokens)?),
        Opened::Held => SessionAnswer::none(),
    }))
}
