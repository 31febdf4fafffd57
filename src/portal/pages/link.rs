//! `/_bmauth/link`: the device that can sign in, and a new one that has scanned its code. What both ask while they wait.

pub mod approve;
pub mod events;
pub mod set_up;
pub mod start;

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::{refusal_or, unavailable};
use crate::auth::Failure as StepFailure;
use crate::auth::link::{LinkState, Policy, ShownLink};
use crate::domain::link::seen::{Device, Progress, Role};
use crate::domain::link::{LinkId, Refusal};
use crate::domain::own_paths::{LINK, RECOVER_REVIEW};
use crate::domain::return_to::ReturnTo;
use crate::portal::caller::Caller;
use crate::portal::views::failure::Failure;
use crate::portal::views::link::{Link, ago};
use crate::portal::views::refusal::ScriptRefusal;
use crate::portal::{Portal, answer, qr};
use crate::wording::Words;

/// The page. A code stands in its fragment, which only its script sees.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    let Some(path) = &portal.link_path else { return answer::failure(&portal, &caller, Failure::NotFound) };
    match caller.session(&portal).await {
        // It may offer nothing before it has answered, and the page would ask for a sign-in again and again.
        Ok(Some(session)) if session.review() => answer::go_to(RECOVER_REVIEW),
        Ok(session) => {
            let view = Link { signed_in: session.is_some(), path, recover: portal.recovers() };
            answer::page(&portal, &caller, |chrome| view.render(chrome))
        }
        Err(error) => unavailable(&portal, &caller, &error),
    }
}

/// The short address that people type.
pub async fn short() -> Response {
    answer::go_to(LINK)
}

/// A link with its codes, for the page that shows them.
#[derive(Serialize)]
struct Shown {
    link: LinkId,
    url: String,
    qr: String,
    short: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u8>,
    seconds: u64,
}

/// Says a link's codes. The address comes from the configuration: a request's `Host` may be anything.
fn show(portal: &Portal, shown: &ShownLink) -> Response {
    let url = format!("{}{LINK}#{}", portal.public_url.origin().ascii_serialization(), shown.scan_code.text());
    Json(Shown {
        link: shown.link.id,
        qr: qr::data_url(&url),
        url,
        short: shown.short_code.text(),
        // Who waits shows the number; who approves reads it there.
        number: shown.link.waiting.as_ref().map(|_| shown.link.number),
        seconds: shown.left.as_secs(),
    })
    .into_response()
}

/// The signed-in browser shows a code.
pub async fn offer(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    match portal.auth.offer_link(&caller.visitor).await {
        Ok(shown) => show(&portal, &shown),
        Err(failure) => refuse(&portal, &caller, failure),
    }
}

/// What the script sends with a code.
#[derive(Deserialize)]
pub struct Find {
    code: String,
    /// Where the visitor goes once signed in.
    return_to: Option<String>,
}

/// A code was scanned or typed.
pub async fn find(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Find>, JsonRejection>,
) -> Response {
    let Ok(Json(Find { code, return_to })) = body else { return malformed(&portal, &caller) };
    let return_to = ReturnTo::parse_or_root(return_to.as_deref());
    let found = portal.auth.find_link(&code, return_to, &caller.visitor).await;
    tell(&portal, &caller, found)
}

/// Names a link.
#[derive(Deserialize)]
pub struct Named {
    link: LinkId,
}

/// What this browser sees of a link.
pub async fn state(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    query: Result<Query<Named>, QueryRejection>,
) -> Response {
    let Ok(Query(Named { link })) = query else { return malformed(&portal, &caller) };
    let state = portal.auth.link_state(link, &caller.visitor).await;
    tell(&portal, &caller, state)
}

/// One of the two browsers says no.
pub async fn deny(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    body: Result<Json<Named>, JsonRejection>,
) -> Response {
    let Ok(Json(Named { link })) = body else { return malformed(&portal, &caller) };
    let denied = portal.auth.deny_link(link, &caller.visitor).await;
    tell(&portal, &caller, denied)
}

/// A link as one browser sees it, for its script.
#[derive(Serialize)]
struct Told {
    link: LinkId,
    role: &'static str,
    stage: &'static str,
    seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<ToldDevice>,
}

#[derive(Serialize)]
struct ToldDevice {
    description: String,
    same_network: bool,
    when: String,
}

impl Told {
    fn new(portal: &Portal, words: Words<'_>, state: LinkState) -> Self {
        let LinkState { seen, account } = state;
        let device = seen.device.map(|Device { description, same_network, at }| ToldDevice {
            description,
            same_network,
            when: ago(words, portal.auth.now().since(at).as_secs()),
        });
        Self {
            link: seen.link,
            role: match seen.role {
                Role::Waiting => "waiting",
                Role::Approving => "approving",
            },
            stage: match seen.progress {
                Progress::Shown => "shown",
                Progress::Found => "found",
                Progress::Approved => "approved",
                Progress::Denied => "denied",
                Progress::NumbersSpent => "numbers-spent",
                Progress::TooOld => "too-old",
            },
            seconds: seen.left.as_secs(),
            number: seen.number,
            account,
            device,
        }
    }
}

fn tell(portal: &Portal, caller: &Caller, state: Result<LinkState, StepFailure<Refusal>>) -> Response {
    match state {
        Ok(state) => Json(Told::new(portal, caller.words(portal), state)).into_response(),
        Err(failure) => refuse(portal, caller, failure),
    }
}

fn refuse(portal: &Portal, caller: &Caller, failure: StepFailure<Refusal>) -> Response {
    let refusal = refusal_or(failure).map_or_else(|refusal| refusal, word);
    answer::refuse_script(refusal, caller.words(portal))
}

/// Our own script does not send such a thing.
fn malformed(portal: &Portal, caller: &Caller) -> Response {
    answer::refuse_script(ScriptRefusal::NotAccepted, caller.words(portal))
}

fn word(refusal: Refusal) -> ScriptRefusal {
    match refusal {
        Refusal::Off => ScriptRefusal::LinkOff,
        Refusal::NoLink => ScriptRefusal::NoLink,
        Refusal::TooOld => ScriptRefusal::LinkTooOld,
        Refusal::Denied => ScriptRefusal::LinkDenied,
        Refusal::OtherNetwork => ScriptRefusal::OtherNetwork,
        Refusal::WrongNumber { tries_left } => ScriptRefusal::WrongNumber { tries_left: tries_left.into() },
        Refusal::NumbersSpent => ScriptRefusal::NumbersSpent,
        Refusal::NotApproved => ScriptRefusal::NotApproved,
        Refusal::NotSignedIn => ScriptRefusal::NotSignedIn,
        Refusal::UnknownPasskey => ScriptRefusal::UnknownPasskey,
        Refusal::NotProved | Refusal::CounterWentBack | Refusal::BadPasskey => ScriptRefusal::NotAccepted,
        Refusal::Disabled => ScriptRefusal::AccountDisabled,
        Refusal::TooMany => ScriptRefusal::TooManyTries,
        Refusal::Stale => ScriptRefusal::ExpiredCeremony,
    }
}

impl Portal {
    /// Whether "Use another device" is offered.
    pub(super) fn links(&self) -> bool {
        self.auth.linking() != Policy::Off
    }
}
