//! `/_bmauth/recover/cancel`: the link in the letter of a held recovery.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use crate::auth::failure::refusal_apart;
use crate::portal::caller::Caller;
use crate::portal::handler::PageError;
use crate::portal::views::recover_cancel::RecoverCancel;
use crate::portal::views::step_refusal::StepRefusal;
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
    // A link that a mail filter has mangled is answered like one that is over, not like a form of somebody else's.
    body: Result<Form<Link>, FormRejection>,
) -> Result<Response, PageError> {
    let refusal = StepRefusal { status: StatusCode::GONE, name: "no-hold", why: "no such recovery is held any more" };
    let gone = || answer::page_again(Some(refusal), &portal, &caller, |chrome| RecoverCancel::Gone.render(chrome));
    let link =
        body.ok().and_then(|Form(Link { hold, word })| portal.auth.recover.read_cancel_link(&format!("{hold}.{word}")));
    let Some(link) = link else { return Ok(gone()) };
    Ok(match refusal_apart(portal.auth.recover.cancel(link, &caller.visitor).await)? {
        Ok(()) => answer::page(&portal, &caller, |chrome| RecoverCancel::Done.render(chrome)),
        Err(_) => gone(),
    })
}
