//! `/_bmauth/contest`: "This account was recovered", for an older passkey that was proved while the review is open.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;

use crate::auth::failure::refusal_apart;
use crate::auth::recover::Contestable;
use crate::domain::ceremony::CeremonyId;
use crate::domain::passkey::Passkey;
use crate::domain::recover::{RecoverRefusal, RecoveryMode};
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, ScriptBody, ScriptError, worded};
use crate::portal::pages::sign_in::{ToUse, Used};
use crate::portal::views::contest::ContestPage;
use crate::portal::views::script_refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// Names the question that stands for the proof.
#[derive(Deserialize)]
pub struct NamedQuestion {
    question: CeremonyId,
}

/// Asks whether the recovery was the owner's.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    named: Result<Query<NamedQuestion>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, PageError> {
    let Ok(Query(NamedQuestion { question })) = named else { return Err(GateRefusal::ContestEnded.into()) };
    let contestable = refusal_apart(portal.auth.recover.contestable(question, &caller.visitor).await)?;
    let Ok(Contestable { owner, made, older, .. }) = contestable else { return Err(GateRefusal::ContestEnded.into()) };
    let review = owner.aftermath.review.as_ref().ok_or(GateRefusal::ContestEnded)?;
    let question = question.0.to_string();
    let (made, older) = (made.as_ref().map(Passkey::title), older.as_ref().map(Passkey::title));
    let view = ContestPage {
        question: &question,
        email: owner.email.as_str(),
        by_hand: portal.auth.recover.mode() == RecoveryMode::Admin,
        browser: &review.browser,
        made: made.as_deref(),
        older: older.as_deref(),
        recovered_at: owner.aftermath.recovered_at.unwrap_or(owner.created_at),
        is_again: review.contests > 0,
        is_stopped: review.is_contested,
    };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// A challenge to contest the recovery with.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(NamedQuestion { question }): ScriptBody<NamedQuestion>,
) -> Result<Json<ToUse>, ScriptError> {
    portal.auth.recover.begin_contest(question, &caller.visitor).await.map(ToUse::of).map_err(worded(to_script_refusal))
}

/// The device's answer: the recovery is contested.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(Used { ceremony, credential }): ScriptBody<Used>,
) -> Result<Json<serde_json::Value>, ScriptError> {
    portal.auth.recover.contest(ceremony, credential, &caller.visitor).await.map_err(worded(to_script_refusal))?;
    Ok(Json(serde_json::json!({ "stopped": true })))
}

/// What the page's script is told.
fn to_script_refusal(refusal: RecoverRefusal) -> ScriptRefusal {
    match refusal {
        RecoverRefusal::Stale | RecoverRefusal::NoReview | RecoverRefusal::NoRecovery => ScriptRefusal::ContestEnded,
        RecoverRefusal::Off
        | RecoverRefusal::Code(_)
        | RecoverRefusal::BadPasskey
        | RecoverRefusal::Disabled
        | RecoverRefusal::NoHold
        | RecoverRefusal::NotProved
        | RecoverRefusal::Doubted => super::to_script_refusal(refusal),
    }
}
