//! `/_bmauth/sign-in`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::PublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialRequestOptions;

use super::{faster, refusal_or, unavailable};
use crate::auth::SignedInBrowser;
use crate::domain::ceremony::CeremonyId;
use crate::domain::email::Email;
use crate::domain::own_paths::REGISTER_CODE;
use crate::domain::return_to::ReturnTo;
use crate::domain::sign_in::Refusal;
use crate::portal::caller::Caller;
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::views::sign_in::SignIn;
use crate::portal::{Portal, answer};

/// The page; whoever is signed in goes on to where they wanted.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    match caller.session(&portal).await {
        Ok(Some(_)) => answer::go_to(caller.destination().as_str()),
        Ok(None) => {
            let (return_to, registration) = (caller.return_path(), portal.registration());
            let view = SignIn { return_to, registration, link: portal.links(), recover: portal.recovers() };
            answer::page(&portal, &caller, |chrome| view.render(chrome))
        }
        Err(error) => unavailable(&portal, &caller, &error),
    }
}

/// What the script sends to begin.
#[derive(Deserialize)]
pub struct Begin {
    email: Option<String>,
    return_to: Option<String>,
}

#[derive(Serialize)]
struct Challenge {
    ceremony: CeremonyId,
    options: PublicKeyCredentialRequestOptions,
}

/// A challenge, the same for any address.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Begin>, JsonRejection>,
) -> Response {
    let refuse = |refusal| answer::refuse_script(refusal, caller.words(&portal));
    let Ok(Json(Begin { email, return_to })) = body else { return refuse(ScriptRefusal::InvalidEmail) };
    let email = match email.as_deref().map(Email::parse).transpose() {
        Ok(email) => email,
        Err(_) => return refuse(ScriptRefusal::InvalidEmail),
    };
    let return_to = ReturnTo::parse_or_root(return_to.as_deref());
    match portal.auth.begin_sign_in(email, return_to, &caller.visitor).await {
        Ok((ceremony, options)) => Json(Challenge { ceremony, options }).into_response(),
        Err(failure) => refuse(refusal_or(failure).map_or_else(|refusal| refusal, word)),
    }
}

/// What the script sends when the device has answered.
#[derive(Deserialize)]
pub struct Answer {
    ceremony: CeremonyId,
    credential: Sent,
}

/// A credential as browsers send it.
#[derive(Deserialize)]
struct Sent {
    #[serde(flatten)]
    credential: PublicKeyCredential,
    /// Where it is kept: "platform" is this device, "cross-platform" another one (WebAuthn L3 §5.4.5). Only the browser
    /// says so, so nothing but an offer depends on it.
    #[serde(rename = "authenticatorAttachment")]
    attachment: Option<String>,
}

/// Where the script goes on to.
#[derive(Serialize)]
pub(super) struct GoOn<'a> {
    pub(super) location: &'a str,
}

/// The device's answer: a session, or a refusal.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Answer>, JsonRejection>,
) -> Response {
    let refuse = |refusal| answer::refuse_script(refusal, caller.words(&portal));
    let Ok(Json(Answer { ceremony, credential: Sent { credential, attachment } })) = body else {
        return refuse(ScriptRefusal::NotAccepted);
    };
    match portal.auth.finish_sign_in(ceremony, credential, &caller.visitor).await {
        Ok(signed_in) => {
            let elsewhere = attachment.as_deref() == Some("cross-platform");
            let return_to = &signed_in.return_to;
            let faster = elsewhere.then(|| faster::on_the_way_to(return_to));
            let response = Json(GoOn { location: faster.as_deref().unwrap_or(return_to.as_str()) }).into_response();
            with_session(&portal, &signed_in, response)
        }
        Err(failure) => match refusal_or(failure) {
            // Its registration waits for the code; told to forget the passkey, the browser would lose it for good.
            Ok(Refusal::Unfinished) => Json(GoOn { location: REGISTER_CODE }).into_response(),
            Ok(refusal) => refuse(word(refusal)),
            Err(refusal) => refuse(refusal),
        },
    }
}

/// Gives the browser its session, and takes back the secret of the flow that is over.
pub(super) fn with_session(portal: &Portal, signed_in: &SignedInBrowser, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, portal.cookies.set_session(&signed_in.token, portal.auth.limits().absolute));
    headers.append(SET_COOKIE, portal.cookies.clear(portal.cookies.flow));
    response
}

fn word(refusal: Refusal) -> ScriptRefusal {
    match refusal {
        Refusal::Stale => ScriptRefusal::ExpiredCeremony,
        Refusal::UnknownPasskey => ScriptRefusal::UnknownPasskey,
        Refusal::NotProved | Refusal::CounterWentBack | Refusal::Unfinished => ScriptRefusal::NotAccepted,
        Refusal::Disabled => ScriptRefusal::AccountDisabled,
    }
}
