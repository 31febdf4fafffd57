//! `/_bmauth/hand-off`: one sign-in for several hosts. The page that sends a code is shown where people sign in, and the
//! host that it is for takes it here.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::ORIGIN;
use http::{HeaderMap, Uri};
use serde::Deserialize;

use crate::auth::failure::Failure;
use crate::auth::hand_off::HandOffOutcome;
use crate::auth::sessions::LiveSession;
use crate::domain::destination::Destination;
use crate::domain::hand_off::{HandOffPurpose, HandOffRefusal, KnownState, StateId};
use crate::domain::host::Host;
use crate::domain::origin::Origin;
use crate::domain::own_paths::SIGN_IN;
use crate::domain::return_to::ReturnTo;
use crate::domain::secret::Secret;
use crate::gate::detour;
use crate::gate::hand_off::SignInRedirect;
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::{self, Caller};
use crate::portal::handler::{PageError, PageForm};
use crate::portal::headers::HandsTo;
use crate::portal::same_origin::{SentHeader, one};
use crate::portal::views::hand_off::{ConfirmHandOffPage, HandOffPage};
use crate::portal::{Portal, answer};

/// At a host where people signed in before, a person who is still signed in there is handed over to where they sign in
/// now. A session that was itself handed over to that host is not: an app there, which can send this page's form, must
/// get no code of it. Elsewhere this page is not needed, and leads on to signing in.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, uri: Uri) -> Result<Response, PageError> {
    if portal.origins.former(&caller.peer.authority.host).is_some()
        && let Some(session) = caller.session(&portal).await?
        && !session.review()
        && !session.is_member()
        && let Some((to, target)) = caller.destination().elsewhere(&portal.origins)
        && portal.hand_offs.is_home(to.host())
        && let Some(page) = between(&portal, &caller, &session, (to, target), &uri).await?
    {
        return Ok(page);
    }
    let return_to = caller.return_to.as_ref().map(|destination| caller.address(destination, &portal));
    let sign_in = detour::returning(SIGN_IN, return_to.as_deref());
    Ok(answer::go_to(&format!("{}{sign_in}", portal.origins.public())))
}

/// Leads the signed-in person of `session` on to where they want to go, and hands them over where another host has sent
/// them with a state. `None` where the session has ended meanwhile.
pub(super) async fn go_on(
    portal: &Portal,
    caller: &Caller,
    session: &LiveSession,
    uri: &Uri,
) -> Result<Option<Response>, PageError> {
    let destination = caller.destination();
    match destination.elsewhere(&portal.origins) {
        Some(to) if caller::query(uri, "state").is_some() => between(portal, caller, session, to, uri).await,
        _ => Ok(Some(answer::go_on(portal, caller, &destination))),
    }
}

/// The page that hands the signed-in person of `session` over to another origin, which has sent them with a state.
/// `None` where there is no such state, or the session has ended meanwhile.
async fn between(
    portal: &Portal,
    caller: &Caller,
    session: &LiveSession,
    (to, target): (&Origin, &str),
    uri: &Uri,
) -> Result<Option<Response>, PageError> {
    let state = caller::query(uri, "state").and_then(|text| KnownState::parse(&text));
    let Some(state) = state else { return Ok(None) };
    let purpose = HandOffPurpose { host: to.host(), state: state.digest };
    let Some(code) = portal.auth.hand_off.give(session, purpose).await? else { return Ok(None) };
    let view = HandOffPage {
        to,
        code: code.as_str(),
        state: &state.id.to_string(),
        return_to: target,
        again: caller::query(uri, "again").is_some(),
    };
    let mut response = answer::page(portal, caller, |chrome| view.render(chrome));
    response.extensions_mut().insert(HandsTo(to.clone()));
    Ok(Some(response))
}

/// Where a second try to be handed over comes to a visitor who is not signed in, the way to the same page as at the
/// first.
pub(super) fn afresh(portal: &Portal, caller: &Caller, uri: &Uri) -> Option<Response> {
    caller::query(uri, "again")?;
    let return_to = caller.return_to.as_ref().map(|destination| caller.address(destination, portal));
    let sign_in = detour::returning(SIGN_IN, return_to.as_deref());
    let state = caller::query(uri, "state").and_then(|state| KnownState::parse(&state));
    let address = state.map_or(sign_in.clone(), |state| detour::with(&sign_in, "state", &state.to_string()));
    Some(answer::go_to(&address))
}

/// Where a visitor comes from where people signed in before, the way to ask there whether they still are.
pub(super) fn ask_former(portal: &Portal, caller: &Caller, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let from = caller::query(uri, "from").and_then(|from| Host::parse(&from).ok())?;
    let return_to = caller.address(&caller.destination(), portal);
    let SignInRedirect { address, set_cookie } = portal.hand_offs.ask_former(&from, &return_to, headers)?;
    let mut response = answer::go_to(&address);
    answer::append_cookie(&mut response, set_cookie);
    Some(response)
}

/// Sends a visitor of another host to where people sign in, or back to where they wanted if they are signed in here.
pub(super) fn send_to_sign_in(
    portal: &Portal,
    caller: &Caller,
    session: Option<&LiveSession>,
    headers: &HeaderMap,
) -> Response {
    let destination = caller.destination();
    let address = caller.address(&destination, portal);
    if session.is_some() {
        return answer::go_on(portal, caller, &destination);
    }
    if destination.elsewhere(&portal.origins).is_some() {
        // A state of this host would be of no use there.
        let sign_in = detour::returning(SIGN_IN, Some(&address));
        return answer::go_to(&format!("{}{sign_in}", portal.origins.public()));
    }
    let SignInRedirect { address, set_cookie } =
        portal.hand_offs.redirect_to_sign_in(&caller.peer.authority.host, &address, headers);
    let mut response = answer::go_to(&address);
    answer::append_cookie(&mut response, set_cookie);
    response
}

/// What the page sends.
#[derive(Deserialize)]
pub struct HandedOver {
    code: String,
    state: String,
    return_to: String,
    /// It was begun again once already.
    again: Option<String>,
}

/// Takes a code, which only the page sends: a session at this host. Without one it is begun again, once.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    headers: HeaderMap,
    PageForm(form): PageForm<HandedOver>,
) -> Result<Response, PageError> {
    if !comes_from_the_page(&portal, &caller, &headers) {
        return Err(GateRefusal::HandOffRefused.into());
    }
    // No page of where people signed in before puts another person in their place.
    if portal.hand_offs.is_home(&caller.peer.authority.host) && caller.session(&portal).await?.is_some() {
        return Ok(answer::go_on(&portal, &caller, &target(&form)));
    }
    let state = state_of(&portal, &form, &headers);
    let Some(state) = state.filter(|_| comes_from_an_app(&portal, &caller, &headers)) else {
        return take(&portal, &caller, &headers, form).await;
    };
    match portal.auth.hand_off.whose(&form.code, &state, &caller.visitor).await {
        Ok(email) => {
            let HandedOver { code, state, return_to, again: _ } = &form;
            let view = ConfirmHandOffPage { email: email.as_str(), code, state, return_to };
            Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
        }
        Err(Failure::World(failure)) => Err(failure.into()),
        Err(Failure::Refused(refusal)) => refused(&portal, &caller, &headers, &form, refusal).await,
    }
}

/// The visitor says that they are whom an app's host handed over, where people signed in before.
pub async fn confirm(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    headers: HeaderMap,
    PageForm(form): PageForm<HandedOver>,
) -> Result<Response, PageError> {
    let mut response = take(&portal, &caller, &headers, form).await?;
    answer::append_cookie(&mut response, Some(portal.cookies.clear(portal.cookies.flow)));
    Ok(response)
}

fn target(form: &HandedOver) -> Destination {
    Destination::from(ReturnTo::parse_or_root(Some(&form.return_to)))
}

/// The state that a form names, where the browser has it.
fn state_of(portal: &Portal, form: &HandedOver, headers: &HeaderMap) -> Option<Secret> {
    StateId::parse(&form.state).and_then(|id| portal.hand_offs.state(id, headers))
}

async fn take(portal: &Portal, caller: &Caller, headers: &HeaderMap, form: HandedOver) -> Result<Response, PageError> {
    let target = target(&form);
    let taken = match state_of(portal, &form, headers) {
        Some(state) => portal.auth.hand_off.take(&form.code, &state, &caller.visitor).await,
        None => Err(Failure::Refused(HandOffRefusal::NoState)),
    };
    let mut response = match taken {
        Ok(HandOffOutcome::SignedIn(signed_in)) => {
            answer::with_member(portal, &signed_in, answer::go_on(portal, caller, &target))
        }
        Ok(HandOffOutcome::Already) => answer::go_on(portal, caller, &target),
        Err(Failure::World(failure)) => return Err(failure.into()),
        Err(Failure::Refused(refusal)) => return refused(portal, caller, headers, &form, refusal).await,
    };
    let id = StateId::parse(&form.state);
    answer::append_cookie(&mut response, id.map(|id| portal.cookies.clear_state(id)));
    Ok(response)
}

async fn refused(
    portal: &Portal,
    caller: &Caller,
    headers: &HeaderMap,
    form: &HandedOver,
    refusal: HandOffRefusal,
) -> Result<Response, PageError> {
    tracing::info!(why = refusal.name(), "a hand-off was not taken");
    let target = &target(form);
    // It came back by the back button, or in a second tab.
    if caller.session(portal).await?.is_some() {
        return Ok(answer::go_on(portal, caller, target));
    }
    if form.again.is_some() {
        let refusal =
            if refusal == HandOffRefusal::NoState { GateRefusal::CookieLoop } else { GateRefusal::HandOffRefused };
        return Err(PageError::Refused {
            refusal,
            retry: Some(detour::returning(SIGN_IN, target.unless_root())),
            wait: None,
        });
    }
    let host = &caller.peer.authority.host;
    let SignInRedirect { address, set_cookie } =
        portal.hand_offs.redirect_to_sign_in(host, &caller.address(target, portal), headers);
    let mut response = answer::lead_on(portal, caller, host, &detour::with(&address, "again", "1"));
    answer::append_cookie(&mut response, set_cookie);
    Ok(response)
}

/// Whether it comes from a host that has an app by now. A script of that app can send the page's form itself, with a
/// code of an accomplice who was signed in there before. So the visitor is asked who they are.
fn comes_from_an_app(portal: &Portal, caller: &Caller, headers: &HeaderMap) -> bool {
    let SentHeader::Once(origin) = one(headers, ORIGIN.as_str()) else { return true };
    let from = portal.origins.find(origin).map(Origin::host);
    portal.hand_offs.is_home(&caller.peer.authority.host) && from.is_none_or(|from| portal.routes.knows_host(from))
}

/// Whether the browser says that a form of the page by which it is handed over goes here, as a page. Only that page has a
/// referrer policy by which its forms have an origin at all. A browser that says nothing but the origin is believed.
fn comes_from_the_page(portal: &Portal, caller: &Caller, headers: &HeaderMap) -> bool {
    let says = |name: &str, allowed: &[&str]| match one(headers, name) {
        SentHeader::Nothing => true,
        SentHeader::Once(said) => allowed.contains(&said),
        SentHeader::Odd => false,
    };
    let host = &caller.peer.authority.host;
    matches!(one(headers, ORIGIN.as_str()), SentHeader::Once(origin) if portal.hand_offs.hands_over(origin, host))
        && says("sec-fetch-site", &["same-site", "cross-site"])
        && says("sec-fetch-mode", &["navigate"])
        // An app's service worker that sends the same navigation on goes to no document itself.
        && says("sec-fetch-dest", &["document", "empty"])
}
