//! `/_bmauth/recover/review`: "Keep your account safe", once, before the app.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::request::Parts;

use crate::auth::failure::refusal_apart;
use crate::auth::sessions::LiveSession;
use crate::domain::own_paths::SIGN_IN;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::provider;
use crate::portal::caller::Caller;
use crate::portal::handler::PageError;
use crate::portal::views::devices::PasskeyRow;
use crate::portal::views::review::{Review, ReviewState};
use crate::portal::views::step_refusal::StepRefusal;
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

/// The page; a visitor with nothing to review goes on.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    AskedSession(live): AskedSession,
) -> Result<Response, PageError> {
    show(&portal, &caller, &live, ReviewState::Asking, None).await
}

/// The answer: what is named is removed, or all is kept.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    AskedSession(live): AskedSession,
    body: Bytes,
) -> Result<Response, PageError> {
    let mut choice = None;
    let mut named = Vec::new();
    let mut return_to = None;
    for (name, value) in url::form_urlencoded::parse(&body) {
        match &*name {
            "choice" => choice = Some(value.into_owned()),
            "return_to" => return_to = Some(value.into_owned()),
            "passkey" => {
                let id = URL_SAFE_NO_PAD.decode(&*value).ok().and_then(|bytes| CredentialId::new(&bytes));
                named.push(id.ok_or_else(|| PageError::malformed("a passkey is named by no credential id"))?);
            }
            _ => {}
        }
    }
    let caller = caller.bound_for(return_to.as_deref(), &portal);
    match choice.as_deref() {
        Some("keep") => named.clear(),
        Some("remove") if named.is_empty() => {
            let refusal = refused("nothing-chosen", "removing was chosen, and no passkey");
            return show(&portal, &caller, &live, ReviewState::NothingChosen, Some(refusal)).await;
        }
        Some("remove") => {}
        _ => return Err(PageError::malformed("neither keeping nor removing was chosen")),
    }
    match refusal_apart(portal.auth.recover.answer_review(&live, &named, &caller.visitor).await)? {
        Ok(()) => Ok(answer::go_on(&portal, &caller, &caller.destination())),
        // Somebody else's, its own, or one that is gone meanwhile: the list is shown anew.
        Err(_) => {
            let refusal = refused("no-passkey", "a passkey that was chosen is not one that can be removed here");
            show(&portal, &caller, &live, ReviewState::Changed, Some(refusal)).await
        }
    }
}

fn refused(name: &'static str, why: &'static str) -> StepRefusal {
    StepRefusal { status: StatusCode::UNPROCESSABLE_ENTITY, name, why }
}

async fn show(
    portal: &Portal,
    caller: &Caller,
    live: &LiveSession,
    state: ReviewState,
    refusal: Option<StepRefusal>,
) -> Result<Response, PageError> {
    let Ok(passkeys) = refusal_apart(portal.auth.recover.passkeys_to_review(live).await)? else {
        return Ok(answer::go_on(portal, caller, &caller.destination()));
    };
    let ids: Vec<String> = passkeys.iter().map(|passkey| URL_SAFE_NO_PAD.encode(passkey.key.id.bytes())).collect();
    let rows = passkeys.iter().zip(&ids).map(|(passkey, id)| row(passkey, id)).collect();
    let view = Review { passkeys: rows, return_to: caller.return_path(), state };
    Ok(answer::page_again(refusal, portal, caller, |chrome| view.render(chrome)))
}

fn row<'a>(passkey: &'a Passkey, id: &'a str) -> PasskeyRow<'a> {
    let provider = provider::name(passkey.key.aaguid);
    PasskeyRow {
        id,
        title: passkey.name.as_deref().unwrap_or(provider),
        provider,
        synced: passkey.key.backed_up,
        added: passkey.created_at,
        last_used: passkey.last_used_at,
        this_device: false,
    }
}
