//! `/_bmauth/recover/review`: "Keep your account safe", before the app.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use serde::Deserialize;

use super::to_script_refusal;
use crate::auth::failure::{Failure, refusal_apart};
use crate::auth::manage::Confirmed;
use crate::auth::sessions::LiveSession;
use crate::domain::manage;
use crate::domain::own_paths::SIGN_IN;
use crate::domain::passkey::CredentialId;
use crate::domain::recover::RecoverRefusal;
use crate::portal::answer::GoOn;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, ScriptBody, ScriptError, worded};
use crate::portal::pages::devices::{self, Listed};
use crate::portal::pages::sign_in::{ToUse, Used};
use crate::portal::views::review::ReviewPage;
use crate::portal::views::script_refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// The session that is asked; every other visitor is sent on.
#[derive(Debug)]
pub struct AskedSession(LiveSession);

impl FromRequestParts<Arc<Portal>> for AskedSession {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, PageError> {
        let Ok(caller) = Caller::from_request_parts(parts, portal).await;
        match caller.session(portal).await? {
            Some(live) if live.review() => Ok(Self(live)),
            Some(_) => Err(PageError::SendTo(caller.address(&caller.destination(), portal))),
            None => Err(PageError::SendTo(SIGN_IN.to_owned())),
        }
    }
}

/// The same for the page's script.
#[derive(Debug)]
pub struct AskedScript(LiveSession);

impl FromRequestParts<Arc<Portal>> for AskedScript {
    type Rejection = ScriptError;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, ScriptError> {
        let Ok(caller) = Caller::from_request_parts(parts, portal).await;
        let asked = caller.session(portal).await?.filter(LiveSession::review);
        asked.map(Self).ok_or(ScriptRefusal::NotSignedIn.into())
    }
}

/// The page; a visitor with nothing to review goes on.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    AskedSession(live): AskedSession,
) -> Result<Response, PageError> {
    let Ok(passkeys) = refusal_apart(portal.auth.recover.passkeys_to_review(&live).await)? else {
        return Ok(answer::go_on(&portal, &caller, &caller.destination()));
    };
    let listed = Listed::of(&passkeys);
    let rows = listed.iter().map(|listed| listed.row(None)).collect();
    let view = ReviewPage { passkeys: rows, return_to: caller.return_path(), now: portal.auth.now() };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// What the script sends once something was chosen.
#[derive(Deserialize)]
pub struct ReviewChoice {
    /// The passkeys to be removed, by their credential ids in base64url; all others are kept.
    remove: Vec<String>,
    /// All that the page shows.
    listed: Vec<String>,
    return_to: Option<String>,
}

/// A challenge for the session's own passkey.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    AskedScript(live): AskedScript,
    ScriptBody(ReviewChoice { remove, listed, return_to }): ScriptBody<ReviewChoice>,
) -> Result<Json<ToUse>, ScriptError> {
    let return_to = caller.destination_or_root(return_to.as_deref(), &portal);
    let (remove, listed) = (credentials(&remove)?, credentials(&listed)?);
    let begun = portal.auth.recover.begin_review(&live, remove, listed, return_to, &caller.visitor).await;
    begun.map(ToUse::of).map_err(worded(|refusal| match refusal {
        RecoverRefusal::Stale | RecoverRefusal::NoReview => ScriptRefusal::ReviewChanged,
        RecoverRefusal::Off
        | RecoverRefusal::NoRecovery
        | RecoverRefusal::Code(_)
        | RecoverRefusal::BadPasskey
        | RecoverRefusal::Disabled
        | RecoverRefusal::NoHold
        | RecoverRefusal::NotProved
        | RecoverRefusal::Doubted => to_script_refusal(refusal),
    }))
}

/// The device's answer: what was chosen is removed, and all else awake again.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    AskedScript(live): AskedScript,
    ScriptBody(Used { ceremony, credential }): ScriptBody<Used>,
) -> Result<Json<GoOn>, ScriptError> {
    let confirmed = portal.auth.manage.finish_confirmation(ceremony, credential, &live, &caller.visitor).await;
    match confirmed {
        Ok(Confirmed::Reviewed(return_to)) => Ok(GoOn::to(caller.whole_address(&return_to, &portal).await)),
        // Nothing else is confirmed before the review is answered.
        Ok(_) => Err(ScriptRefusal::ExpiredCeremony.into()),
        Err(Failure::Refused(manage::ManageRefusal::Unknown)) => Err(ScriptRefusal::ReviewChanged.into()),
        Err(failure) => Err(worded(devices::passkeys::to_script_refusal)(failure)),
    }
}

fn credentials(written: &[String]) -> Result<Vec<CredentialId>, ScriptRefusal> {
    let read = |id: &String| URL_SAFE_NO_PAD.decode(id).ok().and_then(|bytes| CredentialId::new(&bytes));
    written.iter().map(|id| read(id).ok_or(ScriptRefusal::Malformed)).collect()
}
