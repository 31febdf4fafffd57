//! `/_bmauth/link`: the device that can sign in, and a new one that has scanned its code. What both ask while they
//! wait.

pub mod approve;
pub mod events;
pub mod set_up;
pub mod start;

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::auth::failure::Failure;
use crate::auth::link::{FoundLink, LinkPolicy, LinkState, ShownLink};
use crate::domain::link::id::LinkId;
use crate::domain::link::seen::{Device, LinkProgress, LinkRole};
use crate::domain::link::{LinkRefusal, Nearness};
use crate::domain::own_paths::{LINK, RECOVER_REVIEW};
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, ScriptBody, ScriptError, worded};
use crate::portal::views::link::{LinkPage, ago};
use crate::portal::views::script_refusal::ScriptRefusal;
use crate::portal::{Portal, answer, qr};
use crate::wording::Words;

/// The page. A code stands in its fragment, which only its script sees.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    let path = portal.link_path.as_deref().ok_or(GateRefusal::NotFound)?;
    let session = caller.session(&portal).await?;
    // It may offer nothing before it has answered, and the page would ask for a sign-in again and again. The fragment
    // may be a code: with one of its own, which is empty, the address does not inherit it (Fetch §4.4).
    if session.as_ref().is_some_and(|session| session.review()) {
        return Err(PageError::SendTo(format!("{RECOVER_REVIEW}#")));
    }
    let view = LinkPage { signed_in: session.is_some(), path, recover: portal.recovers() };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// The short address that people type.
pub async fn short() -> Response {
    answer::go_to(LINK)
}

/// A link with its codes, for the page that shows them.
#[derive(Serialize)]
pub struct LinkCodes {
    link: LinkId,
    url: String,
    qr: String,
    short: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u8>,
    seconds: u64,
}

/// Says a link's codes. The address comes from the configuration: a request's `Host` may be anything.
fn show(portal: &Portal, shown: &ShownLink) -> Json<LinkCodes> {
    let url = format!("{}{LINK}#{}", portal.public_url.origin().ascii_serialization(), shown.scan_code.text());
    Json(LinkCodes {
        link: shown.link.id,
        qr: qr::data_url(&url),
        url,
        short: shown.short_code.text(),
        // Who waits shows the number; who approves reads it there.
        number: shown.link.numbers().next(),
        seconds: shown.left.as_secs(),
    })
}

/// The signed-in browser shows a code.
pub async fn offer(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Json<LinkCodes>, ScriptError> {
    let offered = portal.auth.link.offer(&caller.visitor).await;
    offered.map(|shown| show(&portal, &shown)).map_err(worded(to_script_refusal))
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
    ScriptBody(Find { code, return_to }): ScriptBody<Find>,
) -> Result<Response, ScriptError> {
    let return_to = caller.destination_or_root(return_to.as_deref(), &portal);
    let found = portal.auth.link.find(&code, return_to, &caller.visitor).await;
    let FoundLink { state, has_moved } = found.map_err(worded(to_script_refusal))?;
    let told = Json(LinkStatus::new(&portal, caller.words(&portal), state));
    Ok(if has_moved { answer::moved_on(&portal, &caller, told) } else { told.into_response() })
}

/// Names a link, in a body or a query.
#[derive(Deserialize)]
pub struct NamedLink {
    link: LinkId,
}

impl FromRequestParts<Arc<Portal>> for NamedLink {
    type Rejection = ScriptError;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, ScriptError> {
        let query = Query::<Self>::from_request_parts(parts, portal).await;
        query.map(|Query(named)| named).map_err(|_| ScriptRefusal::Malformed.into())
    }
}

/// What this browser sees of a link.
pub async fn state(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    NamedLink { link }: NamedLink,
) -> Result<Json<LinkStatus>, ScriptError> {
    let state = portal.auth.link.state(link, &caller.visitor).await;
    to_link_status(&portal, &caller, state)
}

/// One of its browsers says no.
pub async fn deny(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(NamedLink { link }): ScriptBody<NamedLink>,
) -> Result<Json<LinkStatus>, ScriptError> {
    let denied = portal.auth.link.deny(link, &caller.visitor).await;
    to_link_status(&portal, &caller, denied)
}

/// A link as one browser sees it, for its script.
#[derive(Serialize)]
pub struct LinkStatus {
    link: LinkId,
    role: &'static str,
    stage: &'static str,
    seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    devices: Vec<ToldDevice>,
}

/// A waiting browser, for the script of its approver.
#[derive(Serialize)]
pub struct ToldDevice {
    description: String,
    /// Nothing where nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'static str>,
    when: String,
}

impl ToldDevice {
    fn new(portal: &Portal, words: Words<'_>, device: Device) -> Self {
        let Device { description, nearness, at } = device;
        let network = match nearness {
            Nearness::Same => Some("same"),
            Nearness::Other => Some("other"),
            Nearness::Unknown => None,
        };
        Self { description, network, when: ago(words, portal.auth.now().since(at).as_secs()) }
    }
}

impl LinkStatus {
    fn new(portal: &Portal, words: Words<'_>, state: LinkState) -> Self {
        let LinkState { seen, account } = state;
        let devices = seen.devices.into_iter().map(|device| ToldDevice::new(portal, words, device)).collect();
        Self {
            link: seen.link,
            role: match seen.role {
                LinkRole::Waiting => "waiting",
                LinkRole::Approving => "approving",
            },
            stage: match seen.progress {
                LinkProgress::Shown => "shown",
                LinkProgress::Found => "found",
                LinkProgress::Approved => "approved",
                LinkProgress::Elsewhere => "elsewhere",
                LinkProgress::Denied => "denied",
                LinkProgress::NumbersSpent => "numbers-spent",
                LinkProgress::TooOld => "too-old",
            },
            seconds: seen.left.as_secs(),
            number: seen.number,
            account,
            devices,
        }
    }
}

fn to_link_status(
    portal: &Portal,
    caller: &Caller,
    state: Result<LinkState, Failure<LinkRefusal>>,
) -> Result<Json<LinkStatus>, ScriptError> {
    state.map(|state| Json(LinkStatus::new(portal, caller.words(portal), state))).map_err(worded(to_script_refusal))
}

fn to_script_refusal(refusal: LinkRefusal) -> ScriptRefusal {
    match refusal {
        LinkRefusal::Off => ScriptRefusal::LinkOff,
        LinkRefusal::NoLink => ScriptRefusal::NoLink,
        LinkRefusal::Crowded => ScriptRefusal::LinkCrowded,
        LinkRefusal::Elsewhere => ScriptRefusal::LinkElsewhere,
        LinkRefusal::TooOld => ScriptRefusal::LinkTooOld,
        LinkRefusal::Denied => ScriptRefusal::LinkDenied,
        LinkRefusal::OtherNetwork => ScriptRefusal::OtherNetwork,
        LinkRefusal::WrongNumber { tries_left } => ScriptRefusal::WrongNumber { tries_left: tries_left.into() },
        LinkRefusal::NumbersSpent => ScriptRefusal::NumbersSpent,
        LinkRefusal::NotApproved => ScriptRefusal::NotApproved,
        LinkRefusal::NotSignedIn => ScriptRefusal::NotSignedIn,
        LinkRefusal::UnknownPasskey => ScriptRefusal::UnknownPasskey,
        LinkRefusal::NotProved | LinkRefusal::BadPasskey => ScriptRefusal::NotAccepted,
        LinkRefusal::CounterWentBack | LinkRefusal::NoLongerEligible => ScriptRefusal::Doubted,
        LinkRefusal::TooManyPasskeys => ScriptRefusal::TooManyPasskeys,
        LinkRefusal::Disabled => ScriptRefusal::AccountDisabled,
        LinkRefusal::Rests => ScriptRefusal::Rests,
        LinkRefusal::TooMany { wait } => ScriptRefusal::TooManyTries { wait },
        LinkRefusal::Stale => ScriptRefusal::ExpiredCeremony,
    }
}

impl Portal {
    /// Whether "Use another device" is offered.
    pub(super) fn links(&self) -> bool {
        self.auth.link.policy() != LinkPolicy::Off
    }
}
