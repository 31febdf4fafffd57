//! `/_bmauth/faster`: "Sign in faster next time?", after a sign-in with another device's passkey.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::domain::destination::Destination;
use crate::domain::own_paths::FASTER;
use crate::gate::detour;
use crate::portal::caller::Caller;
use crate::portal::handler::PageError;
use crate::portal::views::faster::FasterPage;
use crate::portal::{Portal, answer};

/// Where a visitor who wanted to go to `return_to` is asked first.
pub(super) fn on_the_way_to(return_to: &Destination) -> String {
    detour::returning(FASTER, Some(return_to.as_str()))
}

/// The page; only a signed-in visitor is asked.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    let destination = caller.destination();
    // The app asks for a sign-in where it needs one.
    let Some(_) = caller.session(&portal).await? else { return Ok(answer::go_on(&portal, &caller, &destination)) };
    let view = FasterPage { return_to: &caller.address(&destination, &portal) };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}
