//! `/_bmauth/sign-in`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::PublicKeyCredential;
use webauthn_rs_proto::PublicKeyCredentialRequestOptions;

use super::{faster, hand_off};
use crate::auth::failure::refusal_apart;
use crate::auth::sign_in::SignInOutcome;
use crate::domain::ceremony::CeremonyId;
use crate::domain::email::Email;
use crate::domain::own_paths::{CONTEST, RECOVER_CODE, RECOVER_REVIEW, REGISTER_CODE};
use crate::domain::sign_in::SignInRefusal;
use crate::gate::detour;
use crate::portal::answer::GoOn;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, ScriptBody, ScriptError, worded};
use crate::portal::views::script_refusal::ScriptRefusal;
use crate::portal::views::sign_in::SignInPage;
use crate::portal::{Portal, answer};

/// The page; a signed-in visitor goes on to where they wanted. On a host where people do not sign in, the way to where
/// they do.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let session = caller.session(&portal).await?;
    match &session {
        // No app is open to them before that, and a proxy in front would send them back here.
        Some(session) if session.review() => {
            // On another host, it leads on to where that page is.
            return Ok(answer::go_to(&detour::returning(RECOVER_REVIEW, caller.return_path())));
        }
        session if !portal.hand_offs.is_home(&caller.peer.authority.host) => {
            return Ok(hand_off::send_to_sign_in(&portal, &caller, session.as_ref(), &headers));
        }
        Some(session) => {
            if let Some(on) = hand_off::go_on(&portal, &caller, session, &uri).await? {
                return Ok(on);
            }
        }
        None => {
            // A visitor who has to sign in first may take their time: what follows is no second try.
            if let Some(afresh) = hand_off::afresh(&portal, &caller, &uri) {
                return Ok(afresh);
            }
            if let Some(asks) = hand_off::ask_former(&portal, &caller, &uri, &headers) {
                return Ok(asks);
            }
        }
    }
    let (return_to, registration) = (caller.return_path(), portal.registration().await?);
    let view = SignInPage { return_to, registration, link: portal.links(), recover: portal.recovers() };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// What the script sends to begin.
#[derive(Deserialize)]
pub struct SignInBegin {
    email: Option<String>,
    return_to: Option<String>,
}

/// A challenge to use a passkey.
#[derive(Debug, Serialize)]
pub struct ToUse {
    ceremony: CeremonyId,
    options: PublicKeyCredentialRequestOptions,
}

impl ToUse {
    /// The options that the device answers by, and the name of the ceremony.
    pub(super) fn of((ceremony, options): (CeremonyId, PublicKeyCredentialRequestOptions)) -> Json<Self> {
        Json(Self { ceremony, options })
    }
}

/// What a script sends when the device has answered such a challenge.
#[derive(Deserialize)]
pub struct Used {
    pub(super) ceremony: CeremonyId,
    pub(super) credential: PublicKeyCredential,
}

/// A challenge, the same for any address.
pub async fn options(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(SignInBegin { email, return_to }): ScriptBody<SignInBegin>,
) -> Result<Json<ToUse>, ScriptError> {
    let email = email.as_deref().map(Email::parse).transpose().map_err(|_| ScriptRefusal::InvalidEmail)?;
    let return_to = caller.destination_or_root(return_to.as_deref(), &portal);
    let begun = portal.auth.sign_in.begin(email, return_to, &caller.visitor).await;
    begun.map(ToUse::of).map_err(worded(to_script_refusal))
}

/// What the script sends when the device has answered.
#[derive(Deserialize)]
pub struct SignInAnswer {
    ceremony: CeremonyId,
    credential: SentCredential,
}

/// A credential as browsers send it.
#[derive(Deserialize)]
struct SentCredential {
    #[serde(flatten)]
    credential: PublicKeyCredential,
    /// Where it is kept: "platform" is this device, "cross-platform" another one (WebAuthn L3 §5.4.5). Only the browser
    /// says so, so nothing but an offer depends on it.
    #[serde(rename = "authenticatorAttachment")]
    attachment: Option<String>,
}

/// The device's answer: a session, or a refusal.
pub async fn verify(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(SignInAnswer { ceremony, credential: SentCredential { credential, attachment } }): ScriptBody<
        SignInAnswer,
    >,
) -> Result<Response, ScriptError> {
    let (auth, visitor) = (&portal.auth, &caller.visitor);
    let finished = match auth.sign_in.finish(ceremony, credential, visitor).await {
        Ok(SignInOutcome::SignedIn(signed_in)) => Ok(*signed_in),
        // The account was recovered meanwhile, and this is one of its older passkeys.
        Ok(SignInOutcome::MayContest(question)) => {
            let page = detour::with(CONTEST, "question", &question.0.to_string());
            return Ok(answer::moved_on(&portal, &caller, GoOn::to(page)));
        }
        Ok(SignInOutcome::AsksCode) => return Ok(answer::moved_on(&portal, &caller, GoOn::to(RECOVER_CODE))),
        Err(failure) => auth.sessions.or_again(Err(failure), visitor).await,
    };
    match refusal_apart(finished)? {
        Ok(signed_in) => {
            let elsewhere = attachment.as_deref() == Some("cross-platform");
            let return_to = &signed_in.return_to;
            let location = match elsewhere {
                true => faster::on_the_way_to(return_to),
                false => caller.whole_address(return_to, &portal).await,
            };
            Ok(answer::with_session(&portal, &caller, &signed_in, GoOn::to(location)))
        }
        // Its registration waits for the code; told to forget the passkey, the browser would lose it for good.
        Err(SignInRefusal::Unfinished) => Ok(GoOn::to(REGISTER_CODE).into_response()),
        Err(refusal) => Err(to_script_refusal(refusal).into()),
    }
}

fn to_script_refusal(refusal: SignInRefusal) -> ScriptRefusal {
    match refusal {
        SignInRefusal::Stale => ScriptRefusal::ExpiredCeremony,
        SignInRefusal::UnknownPasskey => ScriptRefusal::UnknownPasskey,
        SignInRefusal::NotProved | SignInRefusal::Unfinished => ScriptRefusal::NotAccepted,
        SignInRefusal::CounterWentBack | SignInRefusal::NoLongerEligible => ScriptRefusal::Doubted,
        SignInRefusal::Disabled => ScriptRefusal::AccountDisabled,
        // An older passkey is led on: this is the one that a contested recovery made.
        SignInRefusal::Rests => ScriptRefusal::Contested,
    }
}
