//! `/_bmauth/language`: another language for pages that are shown in the place of an app's, whose own address cannot
//! say it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::portal::caller::Caller;
use crate::portal::{Portal, answer};

/// Remembers the language, and leads back.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    let mut response = answer::go_on(&portal, &caller, &caller.destination());
    let chosen = caller.chose_language.then(|| portal.cookies.set_language(caller.language.tag()));
    answer::append_cookie(&mut response, chosen);
    response
}
