//! `/_bmauth/recover/review`: "Keep your account safe", once, before the app.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;

use super::world;
use crate::auth::sessions::LiveSession;
use crate::domain::own_paths::SIGN_IN;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::provider;
use crate::portal::caller::Caller;
use crate::portal::pages::{refusal_or, unavailable};
use crate::portal::views::devices::PasskeyRow;
use crate::portal::views::failure::Failure;
use crate::portal::views::review::{Review, ReviewState};
use crate::portal::{Portal, answer};

/// The page; whoever has nothing to review goes on.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    match asked(&portal, &caller).await {
        Ok(live) => show(&portal, &caller, &live, ReviewState::Asking, StatusCode::OK).await,
        Err(response) => response,
    }
}

/// The answer: what is named is removed, or all is kept.
pub async fn post(State(portal): State<Arc<Portal>>, caller: Caller, body: Bytes) -> Response {
    let live = match asked(&portal, &caller).await {
        Ok(live) => live,
        Err(response) => return response,
    };
    let mut choice = None;
    let mut named = Vec::new();
    let mut return_to = None;
    for (name, value) in url::form_urlencoded::parse(&body) {
        match &*name {
            "choice" => choice = Some(value.into_owned()),
            "return_to" => return_to = Some(value.into_owned()),
            "passkey" => match URL_SAFE_NO_PAD.decode(&*value).ok().and_then(|bytes| CredentialId::new(&bytes)) {
                Some(id) => named.push(id),
                None => return answer::failure(&portal, &caller, Failure::BadRequest),
            },
            _ => {}
        }
    }
    let caller = caller.bound_for(return_to.as_deref());
    let state = match choice.as_deref() {
        Some("keep") => {
            named.clear();
            None
        }
        Some("remove") if named.is_empty() => Some(ReviewState::NothingChosen),
        Some("remove") => None,
        _ => return answer::failure(&portal, &caller, Failure::BadRequest),
    };
    if let Some(state) = state {
        return show(&portal, &caller, &live, state, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    match portal.auth.answer_review(&live, &named, &caller.visitor).await {
        Ok(()) => answer::go_to(caller.destination().as_str()),
        Err(failure) => match refusal_or(failure) {
            // Somebody else's, its own, or one that is gone meanwhile: the list is shown anew.
            Ok(_) => show(&portal, &caller, &live, ReviewState::Changed, StatusCode::UNPROCESSABLE_ENTITY).await,
            Err(refusal) => answer::failure(&portal, &caller, world(refusal)),
        },
    }
}

/// The session that is asked; everybody else is sent on.
async fn asked(portal: &Portal, caller: &Caller) -> Result<LiveSession, Response> {
    match caller.session(portal).await {
        Ok(Some(live)) if live.review() => Ok(live),
        Ok(Some(_)) => Err(answer::go_to(caller.destination().as_str())),
        Ok(None) => Err(answer::go_to(SIGN_IN)),
        Err(error) => Err(unavailable(portal, caller, &error)),
    }
}

async fn show(
    portal: &Portal,
    caller: &Caller,
    live: &LiveSession,
    state: ReviewState,
    status: StatusCode,
) -> Response {
    match portal.auth.passkeys_to_review(live).await {
        Ok(passkeys) => {
            let ids: Vec<String> =
                passkeys.iter().map(|passkey| URL_SAFE_NO_PAD.encode(passkey.key.id.bytes())).collect();
            let rows = passkeys.iter().zip(&ids).map(|(passkey, id)| row(passkey, id)).collect();
            let view = Review { passkeys: rows, return_to: caller.return_path(), state };
            answer::page_with(status, portal, caller, |chrome| view.render(chrome))
        }
        Err(failure) => match refusal_or(failure) {
            Ok(_) => answer::go_to(caller.destination().as_str()),
            Err(refusal) => answer::failure(portal, caller, world(refusal)),
        },
    }
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
