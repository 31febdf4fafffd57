//! `/_bmauth/account`: "My account". Name and language are changed without a script; what takes a passkey, with one, by
//! way of the confirmations of "My devices".

pub mod address;
pub mod data;
pub mod undo;

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::response::Response;
use http::header::SET_COOKIE;
use http::request::Parts;
use serde::Deserialize;

use super::sign_in_for;
use crate::auth::failure::Failure;
use crate::auth::sessions::LiveSession;
use crate::domain::address::{Move, MoveStage};
use crate::domain::language::Language;
use crate::domain::manage::ManageRefusal;
use crate::domain::own_paths::{ACCOUNT, ACCOUNT_DELETED};
use crate::domain::profile::Locale;
use crate::domain::session::Session;
use crate::portal::caller::Caller;
use crate::portal::handler::{PageError, PageForm};
use crate::portal::pages::devices::user_handle;
use crate::portal::views::account::{AccountDeletedPage, AccountNews, AccountPage, MoveRow};
use crate::portal::{Portal, answer};

/// Says in the address of the page that what was typed is kept.
const SAVED: &str = "saved";
/// Says so of a new address.
const CHANGED: &str = "changed";

/// The session of the page's visitor.
#[derive(Debug)]
pub struct AccountSession(LiveSession);

impl FromRequestParts<Arc<Portal>> for AccountSession {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, portal: &Arc<Portal>) -> Result<Self, PageError> {
        let Ok(caller) = Caller::from_request_parts(parts, portal).await;
        super::session_for(ACCOUNT, portal, &caller).await.map(Self)
    }
}

/// Shows the account's address, name and language.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    uri: http::Uri,
    AccountSession(session): AccountSession,
) -> Result<Response, PageError> {
    let signed_in = portal.auth.sessions.signed_in(&session).await?.ok_or_else(signed_out)?;
    let (session, account) = (&signed_in.session, &signed_in.account);
    let moving = portal.auth.moving.of_account(account.id).await?;
    let view = AccountPage {
        email: account.email.as_str(),
        name: account.name.as_deref().unwrap_or_default(),
        language: account.locale.as_ref().and_then(Locale::language),
        news: match uri.query() {
            Some(SAVED) => Some(AccountNews::Saved),
            Some(CHANGED) => Some(AccountNews::AddressChanged),
            _ => None,
        },
        moving: moving.as_ref().and_then(|moving| row(moving, session)),
        rp_id: portal.rp_id.as_str(),
        user_id: &user_handle(account.id),
    };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

/// What the page tells of a change of address. One that another session asked for goes on there.
fn row<'a>(moving: &'a Move, session: &Session) -> Option<MoveRow<'a>> {
    match &moving.stage {
        MoveStage::Done { from } => Some(MoveRow::Done { from: from.as_str(), until: moving.expires_at }),
        MoveStage::Asked(asked) if asked.session == session.token => Some(MoveRow::Asked { to: asked.to.as_str() }),
        MoveStage::Undone => Some(MoveRow::Undone { until: moving.expires_at }),
        MoveStage::Asked(_) => None,
    }
}

/// What the form of name and language sends.
#[derive(Deserialize)]
pub struct ProfileForm {
    name: String,
    language: String,
}

/// Another name, another language; an empty one of either takes it away. The pages are in the language too, in this
/// browser.
pub async fn describe(
    State(portal): State<Arc<Portal>>,
    AccountSession(session): AccountSession,
    PageForm(ProfileForm { name, language }): PageForm<ProfileForm>,
) -> Result<Response, PageError> {
    let language = match language.as_str() {
        "" => None,
        tag => Some(Language::from_tag(tag).ok_or_else(|| PageError::malformed("the page offers no such language"))?),
    };
    let was = portal.auth.manage.describe(&name, language, &session).await.map_err(refused)?;
    let mut response = answer::go_to(&format!("{ACCOUNT}?{SAVED}"));
    let remembered = match (was, language) {
        (_, Some(language)) => Some(portal.cookies.set_language(language.tag())),
        // The pages were in it here.
        (Some(_), None) => Some(portal.cookies.clear(portal.cookies.language)),
        (None, None) => None,
    };
    response.headers_mut().extend(remembered.map(|cookie| (SET_COOKIE, cookie)));
    Ok(response)
}

/// Says that the account was deleted, to any visitor of this address.
pub async fn deleted(State(portal): State<Arc<Portal>>, caller: Caller) -> Response {
    answer::page(&portal, &caller, |chrome| AccountDeletedPage.render(chrome))
}

fn signed_out() -> PageError {
    PageError::SendTo(sign_in_for(ACCOUNT))
}

fn refused(failure: Failure<ManageRefusal>) -> PageError {
    match failure {
        Failure::World(failure) => failure.into(),
        Failure::Refused(ManageRefusal::SignedOut) => signed_out(),
        Failure::Refused(_) => PageError::malformed("no form of the page asks for that"),
    }
}

/// What the browser is told whose account was deleted: where to go on to, and to forget what it was known by.
pub(super) fn gone(portal: &Portal) -> Response {
    let mut response = answer::without_session(portal, answer::GoOn::to(ACCOUNT_DELETED));
    for cookie in [portal.cookies.flow, portal.cookies.device] {
        response.headers_mut().append(SET_COOKIE, portal.cookies.clear(cookie));
    }
    response
}
