//! `/_bmauth/link/number` and `/_bmauth/link/approve`: the person in front of the approving browser.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::{LinkStatus, ToldDevice, to_link_status, to_script_refusal};
use crate::auth::link::Picking;
use crate::domain::link::code;
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
    number: TypedNumber,
}

/// A number, or the text of one.
#[derive(Deserialize)]
#[serde(untagged)]
enum TypedNumber {
    Number(u64),
    Text(String),
}

impl TypedNumber {
    /// The number, or 0, which is never right, for any that is too large.
    fn read(&self) -> Option<u8> {
        match self {
            Self::Number(number) => Some(u8::try_from(*number).unwrap_or(0)),
            Self::Text(text) => code::read_number(text),
        }
    }
}

/// The challenge, and who shows the number that was typed.
#[derive(Serialize)]
pub struct ToApprove {
    #[serde(flatten)]
    question: ToUse,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<ToldDevice>,
}

/// The number that the other screen shows.
pub async fn number(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(Number { link, number }): ScriptBody<Number>,
) -> Result<Json<ToApprove>, ScriptError> {
    let number = number.read().ok_or(ScriptRefusal::Malformed)?;
    let typed = portal.auth.link.type_number(link, number, &caller.visitor).await;
    let Picking { ceremony, options, device } = typed.map_err(worded(to_script_refusal))?;
    let device = device.map(|device| ToldDevice::new(&portal, caller.words(&portal), device));
    let Json(question) = ToUse::of((ceremony, options));
    Ok(Json(ToApprove { question, device }))
}

/// The device's answer: the link is approved, or a refusal.
pub async fn approve(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(Used { ceremony, credential }): ScriptBody<Used>,
) -> Result<Json<LinkStatus>, ScriptError> {
    let approved = portal.auth.link.approve(ceremony, credential, &caller.visitor).await;
    to_link_status(&portal, &caller, approved)
}
