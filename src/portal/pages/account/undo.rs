//! `/_bmauth/account/undo`: the link in the letter to an address from before.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::Uri;

use crate::auth::failure::refusal_apart;
use crate::domain::own_paths::ACCOUNT_UNDO;
use crate::domain::word_link::Reading;
use crate::portal::caller::Caller;
use crate::portal::handler::PageError;
use crate::portal::pages::word_link::{self, BroughtLink};
use crate::portal::views::account_undo::AccountUndoPage;
use crate::portal::views::step_refusal::StepRefusal;
use crate::portal::{Portal, answer};

/// Asks; changes nothing, since scanners of mails open links.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    answer::page(&portal, &caller, |chrome| AccountUndoPage::Ask.render(chrome))
}

/// The same where a mail filter has moved the fragment into the path, where its script finds it.
pub async fn mangled(State(portal): State<Arc<Portal>>, caller: Caller, uri: Uri) -> Result<Response, PageError> {
    let refusal = word_link::mangled(&uri, ACCOUNT_UNDO)?;
    Ok(answer::page_again(Some(refusal), &portal, &caller, |chrome| AccountUndoPage::Ask.render(chrome)))
}

/// Undoes the change of the address.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    BroughtLink(link): BroughtLink,
) -> Result<Response, PageError> {
    let (page, refusal) = match portal.auth.moving.read_undo_link(&link) {
        Reading::NotWhole => (AccountUndoPage::NotWhole, Some(StepRefusal::LinkNotWhole)),
        Reading::Wrong => (AccountUndoPage::NotRight, Some(StepRefusal::LinkNotRight)),
        Reading::Right(link) => match refusal_apart(portal.auth.moving.undo(link, &caller.visitor).await)? {
            Ok(()) => (AccountUndoPage::Done, None),
            Err(_) => (AccountUndoPage::Gone, Some(StepRefusal::NoMove)),
        },
    };
    Ok(answer::page_again(refusal, &portal, &caller, |chrome| page.render(chrome)))
}
