//! `/signin/otp/email`: the e-mailed code of a sign-up, or to get back in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::body::JsonBody;
use super::client::ApiClient;
use super::error::{ApiError, or};
use super::session::{ApiSession, SessionAnswer};
use super::sign_up::read_email;
use crate::auth::otp::{NoMailTo, OtpOutcome, WrongCode};
use crate::domain::own_paths::RECOVER;
use crate::domain::secret::Secret;
use crate::portal::Portal;

/// The address to send a code to, and the ticket to bind it with.
#[derive(Deserialize)]
pub(super) struct Send {
    email: String,
    ticket: Option<TicketRequest>,
}

/// A ticket: one to be given, or the one that the client has.
#[derive(Deserialize)]
#[serde(untagged)]
enum TicketRequest {
    New(bool),
    Own(String),
}

/// What a client is answered that is bound by a ticket.
#[derive(Serialize)]
struct Ticket {
    ticket: String,
}

/// Sends a code; the same answer for any address that mail can be written to.
pub(super) async fn send(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    JsonBody(Send { email, ticket }): JsonBody<Send>,
) -> Result<Response, ApiError> {
    let (email, otp, visitor) = (read_email(&email)?, &portal.auth.otp, &client.visitor);
    let ticket = match ticket {
        None | Some(TicketRequest::New(false)) => {
            otp.send_code(email, visitor).await.map_err(or(no_mail_to))?;
            return Ok(client.remember(&portal, Json("OK")));
        }
        Some(TicketRequest::New(true)) => {
            let ticket = otp.ticket();
            otp.send_code(email, &visitor.with_ticket(ticket.digest())).await.map_err(or(no_mail_to))?;
            ticket
        }
        Some(TicketRequest::Own(text)) => {
            let ticket = read_ticket(&text).ok_or_else(|| ApiError::invalid("`ticket` is no ticket of ours."))?;
            otp.send_code(email, &visitor.with_ticket(ticket.digest())).await.map_err(or(no_mail_to))?;
            ticket
        }
    };
    Ok(client.remember(&portal, Json(Ticket { ticket: ticket.text() })))
}

fn no_mail_to(NoMailTo: NoMailTo) -> ApiError {
    ApiError::InvalidRequest(format!(
        "The mail server cannot write to this `email`. Its owner gets back in at {RECOVER}, by a code from whoever runs this app."
    ))
}

/// Reads a ticket, with or without padding.
fn read_ticket(text: &str) -> Option<Secret> {
    Secret::parse(text.strip_suffix('=').unwrap_or(text))
}

/// The code, and the address and ticket it was asked for with.
#[derive(Deserialize)]
pub(super) struct OtpVerifyRequest {
    email: String,
    otp: String,
    ticket: Option<String>,
}

/// A session; none where recovery is held for a while and another code will be asked for then.
pub(super) async fn verify(
    State(portal): State<Arc<Portal>>,
    client: ApiClient,
    JsonBody(OtpVerifyRequest { email, otp, ticket }): JsonBody<OtpVerifyRequest>,
) -> Result<Json<SessionAnswer>, ApiError> {
    let (email, flow) = (read_email(&email)?, &portal.auth.otp);
    let visitor = match ticket {
        None => client.visitor,
        // A text that is no ticket binds nothing, like a ticket of no pending step.
        Some(text) => client.visitor.with_ticket(read_ticket(&text).unwrap_or_else(|| flow.ticket()).digest()),
    };
    let opened = flow.open(&email, &otp, &visitor).await;
    Ok(Json(match opened.map_err(or(|WrongCode| ApiError::InvalidOtp))? {
        OtpOutcome::SignedIn(tokens) => SessionAnswer::of(ApiSession::of(&portal, *tokens)?),
        OtpOutcome::Held => SessionAnswer::none(),
    }))
}
