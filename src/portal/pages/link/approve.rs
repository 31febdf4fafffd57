//! `/_bmauth/link/number` and `/_bmauth/link/approve`: the person in front of the approving browser.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::{Told, tell, word};
use crate::domain::link::id::LinkId;
use crate::portal::Portal;
use crate::portal::caller::Caller;
use crate::portal::handler::{ScriptBody, ScriptError, worded};
use crate::portal::pages::sign_in::{ToUse, Used};
use crate::portal::views::script_refusal::ScriptRefusal;

/// What the script sends with the number.
#[derive(Deserialize)]
pub struct Number {
    link: LinkId,
    number: Typed,
}

/// A number, or the text of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Typed {
    Number(u64),
    Text(String),
}

impl Typed {
    /// The number, or 0, which is never right, for any that is too large.
    fn read(&self) -> Option<u8> {
        let number = match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.trim().parse().ok()?,
        };
        Some(u8::try_from(number).unwrap_or(0))
    }
}

/// The number that the other screen shows.
pub async fn number(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(Number { link, number }): ScriptBody<Number>,
) -> Result<Json<ToUse>, ScriptError> {
    let number = number.read().ok_or(ScriptRefusal::Malformed)?;
    let typed = portal.auth.link.type_number(link, number, &caller.visitor).await;
    typed.map(ToUse::of).map_err(worded(word))
}

/// The device's answer: the link is approved, or a refusal.
pub async fn approve(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(Used { ceremony, credential }): ScriptBody<Used>,
) -> Result<Json<Told>, ScriptError> {
    let approved = portal.auth.link.approve(ceremony, credential, &caller.visitor).await;
    tell(&portal, &caller, approved)
}
