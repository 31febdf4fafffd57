//! `/_bmauth/recover/cancel`: the link in the letter of a held recovery.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use serde::Deserialize;

use super::world;
use crate::portal::caller::Caller;
use crate::portal::pages::refusal_or;
use crate::portal::views::failure::Failure;
use crate::portal::views::recover::RecoverCancel;
use crate::portal::{Portal, answer};

/// Asks; changes nothing, since scanners of mails open links.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    answer::page(&portal, &caller, |chrome| RecoverCancel::Asking.render(chrome))
}

/// What the form sends: the address's fragment, which the script moved here.
#[derive(Deserialize)]
pub struct Link {
    link: String,
}

/// Cancels.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Form<Link>, FormRejection>,
) -> Response {
    let link = body.ok().and_then(|Form(Link { link })| portal.auth.read_cancel_link(&link));
    let Some(link) = link else { return answer::failure(&portal, &caller, Failure::RecoveryEnded) };
    match portal.auth.cancel_recovery(link, &caller.visitor).await {
        Ok(()) => answer::page(&portal, &caller, |chrome| RecoverCancel::Done.render(chrome)),
        Err(failure) => match refusal_or(failure) {
            Ok(_) => answer::failure(&portal, &caller, Failure::RecoveryEnded),
            Err(refusal) => answer::failure(&portal, &caller, world(refusal)),
        },
    }
}
