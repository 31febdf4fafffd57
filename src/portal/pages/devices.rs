//! `/_bmauth/devices`: "My devices". Everything but adding and removing a passkey works without a script.

pub mod passkeys;

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::SET_COOKIE;
use serde::Deserialize;
use uuid::Uuid;

use super::{refusal_or, unavailable};
use crate::auth;
use crate::auth::manage;
use crate::auth::sessions::LiveSession;
use crate::domain::manage::Refusal;
use crate::domain::own_paths::{DEVICES, RECOVER_REVIEW, SIGN_IN, SIGNED_OUT};
use crate::domain::passkey::CredentialId;
use crate::domain::provider;
use crate::domain::session::{SessionId, SignedIn};
use crate::gate::detour;
use crate::portal::caller::Caller;
use crate::portal::views::devices::{Devices, EventRow, HoldRow, PasskeyRow, SessionRow};
use crate::portal::views::failure::Failure;
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::{Portal, answer};

/// Where whoever is not signed in comes from.
fn sign_in() -> String {
    detour::returning(SIGN_IN, Some(DEVICES))
}

/// The page.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let read = async { Ok((portal.auth.signed_in(&session).await?, portal.auth.devices(&session).await?)) };
    match read.await {
        Ok((Some(signed_in), devices)) => show(&portal, &caller, &signed_in, &devices),
        Ok((None, _)) => answer::go_to(&sign_in()),
        Err(error) => unavailable(&portal, &caller, &error),
    }
}

/// What the form of a name sends.
#[derive(Deserialize)]
pub struct Renamed {
    passkey: String,
    name: String,
}

/// Another name for a passkey; an empty one takes it away.
pub async fn rename(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Form<Renamed>, FormRejection>,
) -> Response {
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let Ok(Form(Renamed { passkey, name })) = body else {
        return answer::failure(&portal, &caller, Failure::BadRequest);
    };
    let Some(credential) = credential(&passkey) else {
        return answer::failure(&portal, &caller, Failure::BadRequest);
    };
    match portal.auth.rename_passkey(credential, &name, &session).await {
        Ok(()) => answer::go_to(DEVICES),
        Err(failure) => refused(&portal, &caller, failure),
    }
}

/// What the form of a signed-in browser sends.
#[derive(Deserialize)]
pub struct Chosen {
    session: Uuid,
}

/// Ends one session: this one, or another of the account.
pub async fn sign_out(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Form<Chosen>, FormRejection>,
) -> Response {
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let Ok(Form(Chosen { session: chosen })) = body else {
        return answer::failure(&portal, &caller, Failure::BadRequest);
    };
    match portal.auth.end_own_session(SessionId(chosen), &session).await {
        Ok(ended) if ended.this_session => without_session(&portal, answer::go_to(SIGNED_OUT)),
        Ok(_) => answer::go_to(DEVICES),
        Err(failure) => refused(&portal, &caller, failure),
    }
}

/// Ends every other session of the account.
pub async fn sign_out_everywhere(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    match portal.auth.sign_out_everywhere(&session, &caller.visitor).await {
        Ok(()) => answer::go_to(DEVICES),
        Err(failure) => refused(&portal, &caller, failure),
    }
}

/// Cancels the recovery that waits.
pub async fn cancel_hold(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    let session = match signed_in(&portal, &caller).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    match portal.auth.cancel_held_recovery(&session, &caller.visitor).await {
        Ok(()) => answer::go_to(DEVICES),
        Err(failure) => refused(&portal, &caller, failure),
    }
}

/// The session, or where its absence leads.
async fn signed_in(portal: &Portal, caller: &Caller) -> Result<LiveSession, Response> {
    match caller.session(portal).await {
        Ok(Some(session)) if session.review() => Err(answer::go_to(RECOVER_REVIEW)),
        Ok(Some(session)) => Ok(session),
        Ok(None) => Err(answer::go_to(&sign_in())),
        Err(error) => Err(unavailable(portal, caller, &error)),
    }
}

fn refused(portal: &Portal, caller: &Caller, failure: auth::Failure<Refusal>) -> Response {
    match refusal_or(failure) {
        Ok(Refusal::SignedOut) => answer::go_to(&sign_in()),
        // Gone meanwhile, or another account's: nothing was changed, and the page shows what there is.
        Ok(Refusal::Unknown) => answer::failure(portal, caller, Failure::NotFound),
        Ok(
            Refusal::Stale
            | Refusal::ConfirmNeeded
            | Refusal::LastPasskey
            | Refusal::WrongEmail
            | Refusal::NotProved
            | Refusal::CounterWentBack
            | Refusal::BadPasskey,
        ) => answer::failure(portal, caller, Failure::BadRequest),
        Err(ScriptRefusal::Unavailable) => answer::failure(portal, caller, Failure::Unavailable),
        Err(_) => answer::failure(portal, caller, Failure::Fault),
    }
}

/// Makes the browser forget its session.
fn without_session(portal: &Portal, mut response: Response) -> Response {
    response.headers_mut().append(SET_COOKIE, portal.cookies.clear(portal.cookies.session));
    response
}

/// A credential id as pages write it.
fn credential(text: &str) -> Option<CredentialId> {
    URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| CredentialId::new(&bytes))
}

fn show(portal: &Portal, caller: &Caller, signed_in: &SignedIn, devices: &manage::Devices) -> Response {
    let SignedIn { session, account, .. } = signed_in;
    let ids: Vec<String> =
        devices.passkeys.iter().map(|passkey| URL_SAFE_NO_PAD.encode(passkey.key.id.bytes())).collect();
    let passkeys = devices.passkeys.iter().zip(&ids).map(|(passkey, id)| {
        let provider = provider::name(passkey.key.aaguid);
        PasskeyRow {
            id,
            title: passkey.name.as_deref().unwrap_or(provider),
            provider,
            synced: passkey.key.backed_up,
            added: passkey.created_at,
            last_used: passkey.last_used_at,
            this_device: Some(&passkey.key.id) == session.credential.as_ref(),
        }
    });
    let browsers: Vec<(String, Option<String>)> = devices
        .sessions
        .iter()
        .map(|other| (other.id.0.to_string(), other.address.map(|address| address.to_string())))
        .collect();
    let sessions = devices.sessions.iter().zip(&browsers).map(|(other, (id, address))| {
        let this_browser = other.token == session.token;
        SessionRow {
            id,
            browser: &other.browser,
            address: address.as_deref(),
            // What is stored lags behind by a minute; this one is here now.
            last_seen: if this_browser { portal.auth.now() } else { other.last_seen_at },
            this_browser,
        }
    });
    let events =
        devices.events.iter().map(|event| EventRow { what: event.what, when: event.at, browser: &event.browser });
    let view = Devices {
        email: account.email.as_str(),
        passkeys: passkeys.collect(),
        sessions: sessions.collect(),
        events: events.collect(),
        hold: devices.hold.as_ref().map(|hold| HoldRow { until: hold.until, browser: &hold.browser }),
        rp_id: portal.rp_id.as_str(),
        user_id: &URL_SAFE_NO_PAD.encode(account.id.0.as_bytes()),
        link: portal.links(),
    };
    answer::page(portal, caller, |chrome| view.render(chrome))
}
