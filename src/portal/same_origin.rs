//! Changes are made by our own pages only: same origin, and with the token that the page was given.

use std::sync::Arc;

use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use serde::Deserialize;
use url::form_urlencoded;

use super::answer::TOKEN_HEADER;
use super::caller::Caller;
use super::handler::{self, PageError, ScriptError};
use super::views::script_refusal::ScriptRefusal;
use super::{MAX_BODY, Portal};
use crate::domain::own_paths;
use crate::domain::visitor::Visitor;
use crate::gate::detour;
use crate::gate::peer::PeerInfo;
use crate::gate::refusal::GateRefusal;

/// Refuses with 403 what our own pages did not send. A page of ours whose token has died, because its visitor signed in
/// elsewhere in the same browser, or opened several at once and got the cookie of another one last, is led on from: nothing
/// is done, and it is asked for anew.
pub async fn require(State(portal): State<Arc<Portal>>, caller: Caller, request: Request, next: Next) -> Response {
    let script = handler::is_script(request.headers());
    let page = page_of(request.uri().path());
    match fits(&portal, &caller, request, script).await {
        Ok(request) => with_flow(&portal, &caller, next.run(request).await),
        Err(Misfit { dead: Some(return_to), .. }) if caller.has_flow || is_signed_in(&portal, &caller).await => {
            let page = detour::returning(page, return_to.as_deref());
            if script { ScriptError::GoOn(page).into_response() } else { PageError::SendTo(page).into_response() }
        }
        Err(_) if script => ScriptRefusal::RefusedForm.into_response(),
        Err(Misfit { refusal, .. }) => PageError::Refused { refusal, retry: Some(page.to_owned()) }.into_response(),
    }
}

/// Why no page of ours sent a request.
struct Misfit {
    refusal: GateRefusal,
    /// It does come from a page of ours, but of another time; and where its visitor wants to go, if it says so.
    dead: Option<Option<String>>,
}

impl From<GateRefusal> for Misfit {
    fn from(refusal: GateRefusal) -> Self {
        Self { refusal, dead: None }
    }
}

/// The request, where a page of ours sent it, with what was pressed there.
///
/// # Errors
/// None did.
async fn fits(portal: &Portal, caller: &Caller, request: Request, script: bool) -> Result<Request, Misfit> {
    if !comes_from_us(portal, &caller.peer, request.headers()) {
        return Err(GateRefusal::RefusedForm.into());
    }
    let (mut parts, body) = request.into_parts();
    let bytes = body::to_bytes(body, MAX_BODY).await;
    let bytes = bytes.map_err(|_| GateRefusal::MalformedRequest("the form is too large, or was cut off"))?;
    let given = match parts.headers.get(TOKEN_HEADER) {
        Some(token) => token.to_str().ok().map(str::to_owned),
        None if script => None,
        None => field(&bytes, "csrf"),
    };
    // A session's pages carry tokens of the session; any other page needs the flow cookie that came with it.
    let knows_page = caller.has_flow || caller.visitor.session.is_some();
    let Some(token) = given.clone().filter(|token| knows_page && portal.auth.form_token_fits(&caller.visitor, token))
    else {
        let refusal = if knows_page { GateRefusal::RefusedForm } else { GateRefusal::CookieLoop };
        let return_to = if script { return_to_of_script(&bytes) } else { field(&bytes, "return_to") };
        // A page that asks somebody to sign in who has done so elsewhere meanwhile: a token of ours, of another time.
        let is_dead = given.is_some_and(|token| is_token(&token)) && leads_in(parts.uri.path());
        return Err(Misfit { refusal, dead: is_dead.then_some(return_to) });
    };
    let press = portal.auth.press(&caller.flow, &token, parts.uri.path(), &bytes);
    let visitor = Visitor { press: Some(press), ..caller.visitor.clone() };
    parts.extensions.insert(Caller { visitor, ..caller.clone() });
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn field(form: &[u8], wanted: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
}

fn return_to_of_script(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Bound {
        return_to: Option<String>,
    }
    serde_json::from_slice::<Bound>(body).ok()?.return_to
}

async fn is_signed_in(portal: &Portal, caller: &Caller) -> bool {
    caller.session(portal).await.is_ok_and(|session| session.is_some())
}

/// What a step begins is bound to the flow cookie: a browser that came without one gets it with the answer.
fn with_flow(portal: &Portal, caller: &Caller, mut response: Response) -> Response {
    if !caller.has_flow && !response.headers().contains_key(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, portal.cookies.set_flow(&caller.flow));
    }
    response
}

/// Whether a text has the form of a token.
fn is_token(text: &str) -> bool {
    text.split_once('.').is_some_and(|(nonce, mac)| (nonce.len(), mac.len()) == (32, 43))
}

/// Whether `path` is a step on somebody's way in.
fn leads_in(path: &str) -> bool {
    matches!(
        page_of(path),
        own_paths::SIGN_IN
            | own_paths::REGISTER
            | own_paths::REGISTER_CODE
            | own_paths::RECOVER
            | own_paths::RECOVER_CODE
            | own_paths::RECOVER_DEVICE
            | own_paths::LINK_START
    )
}

/// The page that has the form, or the script, which sends to `path`.
fn page_of(path: &str) -> &'static str {
    const PAGES: [&str; 10] = [
        own_paths::SIGN_IN,
        own_paths::SIGN_OUT,
        own_paths::REGISTER_CODE,
        own_paths::REGISTER,
        own_paths::RECOVER_CODE,
        own_paths::RECOVER_REVIEW,
        own_paths::RECOVER_CANCEL,
        own_paths::CONTEST,
        own_paths::LINK_START,
        own_paths::DEVICES,
    ];
    match path {
        own_paths::RECOVER_OPTIONS | own_paths::RECOVER_VERIFY => own_paths::RECOVER_DEVICE,
        own_paths::LINK_ASK | own_paths::LINK_OPTIONS | own_paths::LINK_VERIFY => own_paths::LINK_START,
        _ => {
            let is_of =
                |page: &&str| path.strip_prefix(*page).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let others = [own_paths::RECOVER, own_paths::LINK];
            PAGES.into_iter().chain(others).find(is_of).unwrap_or(own_paths::SIGN_IN)
        }
    }
}

/// Whether the browser says that the request comes from a page of the host it goes to: by `Sec-Fetch-Site`, which no
/// page can set, and by `Origin`. Our pages send no referrer, and forms of such pages have the origin `null` (Fetch
/// §3.1), which says nothing; then `Sec-Fetch-Site` has to be there. A browser that says neither is refused.
fn comes_from_us(portal: &Portal, peer: &PeerInfo, headers: &HeaderMap) -> bool {
    let same_site_says = match one(headers, "sec-fetch-site") {
        Sent::Nothing => None,
        Sent::Once(site) => Some(site == "same-origin"),
        Sent::Odd => return false,
    };
    let origin_says = match one(headers, header::ORIGIN.as_str()) {
        Sent::Nothing | Sent::Once("null") => None,
        Sent::Once(origin) => Some(portal.is_own_origin(peer, origin)),
        Sent::Odd => return false,
    };
    match (same_site_says, origin_says) {
        (Some(site), Some(origin)) => site && origin,
        (Some(says), None) | (None, Some(says)) => says,
        (None, None) => false,
    }
}

impl Portal {
    /// Whether `origin` is that of our own pages on the host that the request is for.
    pub(super) fn is_own_origin(&self, peer: &PeerInfo, origin: &str) -> bool {
        self.origins.find(origin).is_some_and(|ours| *ours.host() == peer.authority.host)
    }
}

/// How often a header was sent.
pub(super) enum Sent<'a> {
    /// Not at all.
    Nothing,
    /// Once, as text.
    Once(&'a str),
    /// More often, or as no text.
    Odd,
}

/// The one value of a header.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Sent<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Sent::Nothing,
        (Some(value), None) => value.to_str().map_or(Sent::Odd, Sent::Once),
        (Some(_), Some(_)) => Sent::Odd,
    }
}
