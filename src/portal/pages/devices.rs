//! `/_bmauth/devices`: "My devices". Everything but adding and removing a passkey works without a script.

pub mod passkeys;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use serde::Deserialize;
use uuid::Uuid;

use super::sign_in_for;
use crate::auth::failure::Failure;
use crate::auth::manage;
use crate::auth::sessions::LiveSession;
use crate::domain::account::AccountId;
use crate::domain::family::Family;
use crate::domain::host::Host;
use crate::domain::manage::ManageRefusal;
use crate::domain::own_paths::{DEVICES, SIGNED_OUT};
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::provider;
use crate::domain::session::{SessionId, SignedIn};
use crate::gate::refusal::GateRefusal;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, PageForm};
use crate::portal::views::devices::{DevicesPage, EventRow, HoldRow, PasskeyRow, SessionRow};
use crate::portal::{Portal, answer};

/// The session of the page's visitor.
#[derive(Debug)]
pub struct PageSession(LiveSession);

impl FromRequestParts<Arc<Portal>> for PageSession {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, PageError> {
        let Ok(caller) = Caller::from_request_parts(parts, portal).await;
        super::session_for(DEVICES, portal, &caller).await.map(Self)
    }
}

/// Shows the account's passkeys, signed-in browsers and latest events.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    PageSession(session): PageSession,
) -> Result<Response, PageError> {
    let signed_in =
        portal.auth.sessions.signed_in(&session).await?.ok_or_else(|| PageError::SendTo(sign_in_for(DEVICES)))?;
    let devices = portal.auth.manage.devices(&session).await?;
    Ok(show(&portal, &caller, &signed_in, &devices))
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
    PageSession(session): PageSession,
    PageForm(Renamed { passkey, name }): PageForm<Renamed>,
) -> Result<Response, PageError> {
    let credential =
        credential(&passkey).ok_or_else(|| PageError::malformed("a passkey is named by no credential id"))?;
    portal.auth.manage.rename_passkey(credential, &name, &session).await.map_err(refused)?;
    Ok(answer::go_to(DEVICES))
}

/// What the form of a signed-in browser sends.
#[derive(Deserialize)]
pub struct EndSessionForm {
    session: Uuid,
}

/// Ends one session: this one, or another of the account.
pub async fn sign_out(
    State(portal): State<Arc<Portal>>,
    PageSession(session): PageSession,
    PageForm(EndSessionForm { session: chosen }): PageForm<EndSessionForm>,
) -> Result<Response, PageError> {
    let ended = portal.auth.manage.end_own_session(SessionId(chosen), &session).await.map_err(refused)?;
    Ok(match ended.this_session {
        true => answer::without_session(&portal, answer::go_to(SIGNED_OUT)),
        false => answer::go_to(DEVICES),
    })
}

/// Ends every other session of the account.
pub async fn sign_out_everywhere(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    PageSession(session): PageSession,
) -> Result<Response, PageError> {
    portal.auth.manage.sign_out_everywhere(&session, &caller.visitor).await.map_err(refused)?;
    Ok(answer::go_to(DEVICES))
}

fn refused(failure: Failure<ManageRefusal>) -> PageError {
    let refusal = match failure {
        Failure::World(failure) => return failure.into(),
        Failure::Refused(refusal) => refusal,
    };
    match refusal {
        ManageRefusal::SignedOut => PageError::SendTo(sign_in_for(DEVICES)),
        // Gone meanwhile, or another account's: nothing was changed, and the page shows what there is.
        ManageRefusal::Unknown => GateRefusal::NotFound.into(),
        ManageRefusal::Stale
        | ManageRefusal::ConfirmNeeded
        | ManageRefusal::LastPasskey
        | ManageRefusal::WrongEmail
        | ManageRefusal::NotProved
        | ManageRefusal::CounterWentBack
        | ManageRefusal::NoLongerEligible
        | ManageRefusal::BadPasskey
        | ManageRefusal::TooManyPasskeys
        | ManageRefusal::Account(_) => PageError::malformed("no form of the page asks for that"),
    }
}

/// The user handle of an account, as pages write it.
pub(super) fn user_handle(account: AccountId) -> String {
    URL_SAFE_NO_PAD.encode(account.0.as_bytes())
}

/// A credential id as pages write it.
fn credential(text: &str) -> Option<CredentialId> {
    URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| CredentialId::new(&bytes))
}

/// What is shown of a browser: its public name, its hosts where there are several, and where it is.
fn describe_browser(family: &Family) -> (String, String, Option<String>) {
    let hosts = family.hosts().into_iter().map(Host::as_str).collect::<Vec<_>>();
    let hosts = if hosts.len() > 1 { hosts.join(", ") } else { String::new() };
    (family.head.id.0.to_string(), hosts, family.head.address.map(|address| address.to_string()))
}

/// A passkey in a list, with what is written of it.
pub(super) struct Listed<'a> {
    passkey: &'a Passkey,
    id: String,
    title: Cow<'a, str>,
}

impl<'a> Listed<'a> {
    /// The passkeys in the order that they are shown in. A person who looks for one knows best what was used lately.
    pub(super) fn of(passkeys: &'a [Passkey]) -> Vec<Self> {
        let listed = |passkey: &'a Passkey| {
            let (id, title) = (URL_SAFE_NO_PAD.encode(passkey.key.id.bytes()), passkey.title());
            Self { passkey, id, title }
        };
        let mut all: Vec<Self> = passkeys.iter().map(listed).collect();
        all.sort_by_key(|listed| Reverse((listed.passkey.last_seen(), listed.passkey.created_at)));
        all
    }

    /// Its row, for a session that was begun with `own`.
    pub(super) fn row(&'a self, own: Option<&CredentialId>) -> PasskeyRow<'a> {
        let Passkey { key, browser, created_at, last_used_at, .. } = self.passkey;
        PasskeyRow {
            id: &self.id,
            title: &self.title,
            provider: provider::known(key.aaguid),
            made_in: browser,
            synced: key.backed_up,
            added: *created_at,
            last_used: *last_used_at,
            this_device: Some(&key.id) == own,
        }
    }
}

fn show(portal: &Portal, caller: &Caller, signed_in: &SignedIn, devices: &manage::AccountDevices) -> Response {
    let SignedIn { session, account, .. } = signed_in;
    let passkeys = Listed::of(&devices.passkeys);
    let browsers: Vec<(String, String, Option<String>)> = devices.sessions.iter().map(describe_browser).collect();
    let sessions = devices.sessions.iter().zip(&browsers).map(|(family, (id, hosts, address))| {
        let (this_browser, other) = (family.is(session.family()), &family.head);
        SessionRow {
            id,
            browser: &other.browser,
            hosts,
            address: address.as_deref(),
            // What is stored lags behind by a minute; this one is here now.
            last_seen: if this_browser { portal.auth.now() } else { other.last_seen_at },
            this_browser,
        }
    });
    let events =
        devices.events.iter().map(|event| EventRow { what: event.what, when: event.at, browser: &event.browser });
    let view = DevicesPage {
        email: account.email.as_str(),
        passkeys: passkeys.iter().map(|listed| listed.row(session.credential.as_ref())).collect(),
        sessions: sessions.collect(),
        events: events.collect(),
        hold: devices.hold.as_ref().map(|hold| HoldRow { until: hold.until, browser: &hold.browser }),
        rp_id: portal.rp_id.as_str(),
        user_id: &user_handle(account.id),
        link: portal.links(),
        apps: portal.has_apps_at_root(caller),
        now: portal.auth.now(),
    };
    answer::page(portal, caller, |chrome| view.render(chrome))
}
