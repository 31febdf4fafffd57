//! `/_bmauth/link/passkey/…`: the waiting browser, approved, makes its passkey.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use super::{NamedLink, to_script_refusal};
use crate::portal::answer::GoOn;
use crate::portal::caller::Caller;
use crate::portal::handler::{ScriptBody, ScriptError, worded};
use crate::portal::pages::register::{RegisterMade, ToMake};
use crate::portal::{Portal, answer};

/// A challenge to make a passkey for the account that approved.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(NamedLink { link }): ScriptBody<NamedLink>,
) -> Result<Json<ToMake>, ScriptError> {
    let begun = portal.auth.link.begin_passkey(link, &caller.visitor).await;
    begun.map(ToMake::of).map_err(worded(to_script_refusal))
}

/// The new key: a session, or a refusal.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(RegisterMade { ceremony, credential, name }): ScriptBody<RegisterMade>,
) -> Result<Response, ScriptError> {
    let (auth, visitor) = (&portal.auth, &caller.visitor);
    let finished = auth.link.finish(ceremony, credential, name.as_deref(), visitor).await;
    let linked = auth.sessions.or_again(finished, visitor).await;
    let signed_in = linked.map_err(worded(to_script_refusal))?;
    let location = caller.whole_address(&signed_in.return_to, &portal).await;
    Ok(answer::with_session(&portal, &caller, &signed_in, GoOn::to(location)))
}
