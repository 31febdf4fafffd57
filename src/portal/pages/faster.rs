//! `/_bmauth/faster`: "Sign in faster next time?", after a sign-in with another device's passkey.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::unavailable;
use crate::domain::own_paths::FASTER;
use crate::domain::return_to::ReturnTo;
use crate::gate::detour;
use crate::portal::caller::Caller;
use crate::portal::views::faster::Faster;
use crate::portal::{Portal, answer};

/// Where somebody who wanted to go to `return_to` is asked first.
pub(super) fn on_the_way_to(return_to: &ReturnTo) -> String {
    detour::returning(FASTER, Some(return_to.as_str()))
}

/// The page; nobody else than who is signed in is asked.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    let destination = caller.destination();
    match caller.session(&portal).await {
        Ok(Some(_)) => {
            let view = Faster { return_to: destination.as_str() };
            answer::page(&portal, &caller, |chrome| view.render(chrome))
        }
        // The app asks for a sign-in where it needs one.
        Ok(None) => answer::go_to(destination.as_str()),
        Err(error) => unavailable(&portal, &caller, &error),
    }
}
