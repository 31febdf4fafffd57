//! `/_bmauth/recover/cancel`: the link in the letter of a held recovery.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::Uri;

use crate::auth::failure::refusal_apart;
use crate::auth::recover::CancelOutcome;
use crate::domain::own_paths::RECOVER_CANCEL;
use crate::domain::recovery::Over;
use crate::domain::word_link::Reading;
use crate::portal::caller::Caller;
use crate::portal::handler::PageError;
use crate::portal::pages::word_link::{self, BroughtLink};
use crate::portal::views::recover_cancel::RecoverCancelPage;
use crate::portal::views::step_refusal::StepRefusal;
use crate::portal::{Portal, answer};

/// Asks; changes nothing, since scanners of mails open links.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    answer::page(&portal, &caller, |chrome| RecoverCancelPage::Ask.render(chrome))
}

/// The same where a mail filter has moved the fragment into the path, where its script finds it.
pub async fn mangled(State(portal): State<Arc<Portal>>, caller: Caller, uri: Uri) -> Result<Response, PageError> {
    let refusal = word_link::mangled(&uri, RECOVER_CANCEL)?;
    Ok(answer::page_again(Some(refusal), &portal, &caller, |chrome| RecoverCancelPage::Ask.render(chrome)))
}

/// Cancels the held recovery that the link names.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    BroughtLink(link): BroughtLink,
) -> Result<Response, PageError> {
    let over = |over| (RecoverCancelPage::Over { over, offset: caller.visitor.offset }, Some(StepRefusal::NoHold));
    let (page, refusal) = match portal.auth.recover.read_cancel_link(&link) {
        Reading::NotWhole => (RecoverCancelPage::NotWhole, Some(StepRefusal::LinkNotWhole)),
        Reading::Wrong => (RecoverCancelPage::NotRight, Some(StepRefusal::LinkNotRight)),
        Reading::Right(link) => match refusal_apart(portal.auth.recover.cancel(link, &caller.visitor).await)? {
            Ok(CancelOutcome::Stopped) => (RecoverCancelPage::Done, None),
            Ok(CancelOutcome::Over(what)) => over(what),
            Err(_) => over(Over::default()),
        },
    };
    Ok(answer::page_again(refusal, &portal, &caller, |chrome| page.render(chrome)))
}
