//! `/_bmauth/recover/cancel`: the link in the letter of a held recovery.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use super::world;
use crate::portal::caller::Caller;
use crate::portal::pages::refusal_or;
use crate::portal::views::recover_cancel::RecoverCancel;
use crate::portal::{Portal, answer};

/// Asks; changes nothing, since scanners of mails open links.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    answer::page(&portal, &caller, |chrome| RecoverCancel::Ask.render(chrome))
}

/// What the form sends: the address's fragment, which the script moved here.
#[derive(Deserialize)]
pub struct Link {
    hold: String,
    word: String,
}

/// Cancels.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Form<Link>, FormRejection>,
) -> Response {
    let link = body.ok().and_then(|Form(Link { hold, word })| portal.auth.read_cancel_link(&format!("{hold}.{word}")));
    let gone = || answer::page_with(StatusCode::GONE, &portal, &caller, |chrome| RecoverCancel::Gone.render(chrome));
    let Some(link) = link else { return gone() };
    match portal.auth.cancel_recovery(link, &caller.visitor).await {
        Ok(()) => answer::page(&portal, &caller, |chrome| RecoverCancel::Done.render(chrome)),
        Err(failure) => match refusal_or(failure) {
            Ok(_) => gone(),
            Err(refusal) => answer::failure(&portal, &caller, world(refusal)),
        },
    }
}
