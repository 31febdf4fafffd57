//! Changes are made by our own pages only: same origin, and with the token that the page was given.

use std::sync::Arc;

use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, header};
use serde::Deserialize;
use url::form_urlencoded;

use super::answer::{PRESS_HEADER, TOKEN_HEADER};
use super::caller::Caller;
use super::handler::{self, PageError, ScriptError};
use super::views::script_refusal::ScriptRefusal;
use super::{MAX_BODY, Portal};
use crate::domain::own_paths;
use crate::domain::press::{self, Press};
use crate::domain::visitor::Visitor;
use crate::gate::detour;
use crate::gate::peer::PeerInfo;
use crate::gate::refusal::GateRefusal;
use crate::store::StoreError;

/// Refuses with 403 what our own pages did not send. The token of a page may have died, because its visitor signed in
/// elsewhere in the same browser, or opened several pages at once and got the cookie of another one last. Then the
/// visitor is led on: nothing is done, and the page is asked for anew. What is pressed twice is done once, and answered
/// twice.
pub async fn require(State(portal): State<Arc<Portal>>, caller: Caller, request: Request, next: Next) -> Response {
    let script = handler::is_script(request.headers());
    let page = own_paths::page_of(request.uri().path());
    match fits(&portal, &caller, request, script).await {
        Ok((request, press)) => {
            let step = next.run(request);
            let response = match press {
                Some(press) => once(&portal, &caller, &press, step).await,
                None => Ok(step.await),
            };
            match response {
                Ok(response) => with_flow(&portal, &caller, response),
                Err(error) if script => ScriptError::from(error).into_response(),
                Err(error) => PageError::from(error).into_response(),
            }
        }
        Err(Misfit { dead: Some(return_to), .. }) if caller.has_flow || is_signed_in(&portal, &caller).await => {
            let page = detour::returning(page, return_to.as_deref());
            if script { ScriptError::GoOn(page).into_response() } else { PageError::SendTo(page).into_response() }
        }
        Err(Misfit { refusal: GateRefusal::CookieLoop, .. }) if script => ScriptRefusal::NoCookie.into_response(),
        Err(_) if script => ScriptRefusal::RefusedForm.into_response(),
        Err(Misfit { refusal, .. }) => {
            PageError::Refused { refusal, retry: Some(page.to_owned()), wait: None }.into_response()
        }
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

/// Takes a step for a press, unless it was taken. A session that has ended meanwhile is not given again.
async fn once(
    portal: &Portal,
    caller: &Caller,
    press: &Press,
    step: impl Future<Output = Response> + Send + 'static,
) -> Result<Response, StoreError> {
    let (repeats, now) = (&portal.repeats, portal.auth.now());
    let given = repeats.find(press, now).await;
    if let Some(token) = given.and_then(|given| given.begins()) {
        let lives = match caller.visitor.host() {
            Some(host) => portal.auth.sessions.find_at(token, host).await?.is_some(),
            None => false,
        };
        if !lives {
            repeats.forget(press);
        }
    }
    Ok(repeats.once(press, caller.visitor.network(), now, portal.cookies.session, step).await)
}

/// The request, where a page of ours sent it, with what was pressed there; and the press, where it is told apart from
/// all others: that of a form, or one that a script has named.
///
/// # Errors
/// None did.
async fn fits(
    portal: &Portal,
    caller: &Caller,
    request: Request,
    script: bool,
) -> Result<(Request, Option<Press>), Misfit> {
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
    let name = match one(&parts.headers, PRESS_HEADER) {
        SentHeader::Nothing => "",
        SentHeader::Once(name) if script && name.len() <= press::LONGEST_NAME => name,
        SentHeader::Once(_) | SentHeader::Odd => return Err(GateRefusal::RefusedForm.into()),
    };
    let is_told_apart = !script || !name.is_empty();
    let given = given.filter(|token| is_token(token));
    let press = given.as_ref().map(|token| portal.auth.press(token, name, parts.uri.path(), &bytes));
    // A session's pages carry tokens of the session; any other page needs the flow cookie that came with it.
    let knows_page = caller.has_flow || caller.visitor.session.is_some();
    let fits = knows_page && given.as_ref().is_some_and(|token| portal.auth.form_token_fits(&caller.visitor, token));
    let press = match press {
        Some(press) if fits || comes_again(portal, caller, &press).await => press,
        press => {
            let refusal = if knows_page { GateRefusal::RefusedForm } else { GateRefusal::CookieLoop };
            let return_to = if script { return_to_of_script(&bytes) } else { field(&bytes, "return_to") };
            // A page that asks a visitor to sign in who has done so elsewhere meanwhile: a token of ours, of another
            // time.
            let is_dead = press.is_some() && own_paths::leads_in(parts.uri.path());
            return Err(Misfit { refusal, dead: is_dead.then_some(return_to) });
        }
    };
    let visitor = Visitor { press: Some(press.clone()), ..caller.visitor.clone() };
    parts.extensions.insert(Caller { visitor, ..caller.clone() });
    Ok((Request::from_parts(parts, Body::from(bytes)), is_told_apart.then_some(press)))
}

/// Whether a press comes from the browser that its answer went to. The answer has changed the cookies of its page, and
/// the page was still there to be pressed again.
async fn comes_again(portal: &Portal, Caller { visitor, has_flow, .. }: &Caller, press: &Press) -> bool {
    *has_flow && visitor.browser == press.flow().digest()
        || visitor.session == Some(press.session().digest())
        || portal.repeats.has_left(visitor.session, press, portal.auth.now()).await
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

/// Whether the browser says that the request comes from a page of the host it goes to: by `Sec-Fetch-Site`, which no
/// page can set, and by `Origin`. Our pages send no referrer, and forms of such pages have the origin `null` (Fetch
/// §3.1), which says nothing; then `Sec-Fetch-Site` has to be there. A browser that says neither is refused.
fn comes_from_us(portal: &Portal, peer: &PeerInfo, headers: &HeaderMap) -> bool {
    let same_site_says = match one(headers, "sec-fetch-site") {
        SentHeader::Nothing => None,
        SentHeader::Once(site) => Some(site == "same-origin"),
        SentHeader::Odd => return false,
    };
    let origin_says = match one(headers, header::ORIGIN.as_str()) {
        SentHeader::Nothing | SentHeader::Once("null") => None,
        SentHeader::Once(origin) => Some(portal.is_own_origin(peer, origin)),
        SentHeader::Odd => return false,
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
pub(super) enum SentHeader<'a> {
    /// Not at all.
    Nothing,
    /// Once, as text.
    Once(&'a str),
    /// More often, or as no text.
    Odd,
}

/// The one value of a header.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &str) -> SentHeader<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => SentHeader::Nothing,
        (Some(value), None) => value.to_str().map_or(SentHeader::Odd, SentHeader::Once),
        (Some(_), Some(_)) => SentHeader::Odd,
    }
}
