//! `/_bmauth/recover/device`: "Set up this device", after the code.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;

use super::to_script_refusal;
use crate::domain::own_paths::{RECOVER_CODE, RECOVER_REVIEW};
use crate::domain::recover::proved_account;
use crate::gate::detour;
use crate::gate::refusal::GateRefusal;
use crate::portal::answer::GoOn;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, ScriptBody, ScriptError, worded};
use crate::portal::pages::register::{RegisterMade, ToMake};
use crate::portal::views::set_up::SetUpPage;
use crate::portal::{Portal, answer};

/// Offers to make the new passkey, once the code is proved.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    let recovery = portal.auth.recover.pending(&caller.visitor).await?.ok_or(GateRefusal::RecoveryEnded)?;
    if proved_account(&recovery, portal.auth.now()).is_err() {
        return Err(PageError::SendTo(RECOVER_CODE.to_owned()));
    }
    let view = SetUpPage { email: recovery.email.as_str() };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// A challenge for the new passkey.
pub async fn options(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Json<ToMake>, ScriptError> {
    portal.auth.recover.begin_passkey(&caller.visitor).await.map(ToMake::of).map_err(worded(to_script_refusal))
}

/// The new passkey: a session, which is asked what was lost before it shows the app.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(RegisterMade { ceremony, credential, name }): ScriptBody<RegisterMade>,
) -> Result<Response, ScriptError> {
    let (auth, visitor) = (&portal.auth, &caller.visitor);
    let finished = auth.recover.finish(ceremony, credential, name.as_deref(), visitor).await;
    let recovered = auth.sessions.or_again(finished, visitor).await;
    let signed_in = recovered.map_err(worded(to_script_refusal))?;
    let wanted = &signed_in.return_to;
    let live = auth.sessions.find(signed_in.session.token).await?;
    let location = match live.is_some_and(|live| live.review()) {
        false => caller.address(wanted, &portal),
        true => detour::returning(RECOVER_REVIEW, wanted.unless_root()),
    };
    Ok(answer::with_session(&portal, &caller, &signed_in, GoOn::to(location)))
}
