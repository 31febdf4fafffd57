//! Accounts: look at them, lock them, let people back in.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Operating;
use super::answer::NotDone;
use super::invitations::names;
use super::paging::{PageQuery, next};
use super::session::AdminSession;
use crate::auth::operate::{KnownAccount, Who};
use crate::domain::account::Account;
use crate::domain::activity;
use crate::domain::address::Move;
use crate::domain::clock::Timestamp;
use crate::domain::operate::Regroup;
use crate::domain::{passkey, provider, recovery};

/// An account, as operators see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminUser {
    /// Its stable name: `sub` in tokens.
    pub id: Uuid,
    /// Its proved address.
    pub email: String,
    /// What the person wants to be called.
    pub name: Option<String>,
    /// The groups that routes ask for.
    pub groups: Vec<String>,
    /// Whether it gets no session.
    pub disabled: bool,
    /// When its address was proved (RFC 3339, as every moment here).
    pub created_at: String,
    /// How the review after a recovery stands: "open" or "contested"; nothing where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<String>,
}

/// A page of accounts by address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Users {
    /// The accounts of this page of the list.
    pub users: Vec<AdminUser>,
    /// What to give as `after` for the next page; `None` on the last one.
    pub next: Option<String>,
}

/// A passkey, as operators see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminPasskey {
    /// Its credential id, base64url.
    pub id: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// What keeps it, by its kind of authenticator.
    pub provider: String,
    /// Whether it is copied between devices.
    pub synced: bool,
    /// The browser and system it was made in, in words.
    pub browser: String,
    /// When the account got it.
    pub created_at: String,
    /// When it last signed its owner in.
    pub last_used_at: Option<String>,
}

/// Something that happened to an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminEvent {
    /// What: `signed-in`, `passkey-added`, …
    pub what: String,
    /// When it happened (RFC 3339).
    pub at: String,
    /// The browser it happened in, in words.
    pub browser: String,
    /// The address it came from.
    pub address: Option<IpAddr>,
}

/// A recovery that waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminHeldRecovery {
    /// When its code was proved.
    pub asked_at: String,
    /// When it can be finished.
    pub until: String,
    /// The browser that asked, in words.
    pub browser: String,
}

/// A change of address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminAddressChange {
    /// The new address, while it waits for its code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The address from before, which is kept for the account while the change can be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Until when; with neither of them, until when the account is held up since a change was undone.
    pub until: String,
}

/// Everything about an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserShown {
    /// The account itself.
    pub user: AdminUser,
    /// Its passkeys, oldest first.
    pub passkeys: Vec<AdminPasskey>,
    /// Where it is signed in, the newest first.
    pub sessions: Vec<AdminSession>,
    /// What happened to it lately, the newest first.
    pub events: Vec<AdminEvent>,
    /// Its held recovery.
    pub held_recovery: Option<AdminHeldRecovery>,
    /// Its change of address, while it waits for its code, can be undone, or was undone within a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_change: Option<AdminAddressChange>,
    /// Until when an operator's code opens it.
    pub recovery_code_until: Option<String>,
}

/// What was done to an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UserChanged {
    /// The account as it is now, or as it was before it was removed.
    pub user: AdminUser,
    /// How many sessions ended.
    pub sessions_ended: usize,
}

/// The groups of an account were looked at, or changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Regrouped {
    /// The account as it is now.
    #[serde(flatten)]
    pub user: AdminUser,
    /// Those of its groups that no route asks for.
    #[serde(default)]
    pub unasked_groups: Vec<String>,
}

/// A code for a person who lost their devices.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecoveryCode {
    /// The address of the account that the code opens.
    pub email: String,
    /// To be told to that person alone.
    pub code: String,
    /// Until when it can be entered.
    pub expires_at: String,
    /// The page to enter it on.
    pub page: String,
}

impl AdminUser {
    /// An account as operators see it.
    pub fn of(account: &Account) -> Self {
        let Account { id, email, name, locale: _, metadata: _, groups, disabled, created_at, aftermath } = account;
        Self {
            id: id.0,
            email: email.as_str().to_owned(),
            name: name.clone(),
            groups: groups.clone(),
            disabled: *disabled,
            created_at: created_at.rfc3339(),
            review: aftermath
                .review
                .as_ref()
                .map(|review| if review.is_contested { "contested" } else { "open" }.to_owned()),
        }
    }
}

impl AdminPasskey {
    fn of(passkey: &passkey::Passkey) -> Self {
        Self {
            id: URL_SAFE_NO_PAD.encode(passkey.key.id.bytes()),
            name: passkey.name.clone(),
            provider: provider::name(passkey.key.aaguid).to_owned(),
            synced: passkey.key.backed_up,
            browser: passkey.browser.clone(),
            created_at: passkey.created_at.rfc3339(),
            last_used_at: passkey.last_used_at.map(Timestamp::rfc3339),
        }
    }
}

impl AdminEvent {
    fn of(event: &activity::Event) -> Self {
        Self {
            what: event.what.as_str().to_owned(),
            at: event.at.rfc3339(),
            browser: event.browser.clone(),
            address: event.address,
        }
    }
}

impl AdminHeldRecovery {
    fn of(hold: &recovery::Hold) -> Self {
        Self { asked_at: hold.asked_at.rfc3339(), until: hold.until.rfc3339(), browser: hold.browser.clone() }
    }
}

impl AdminAddressChange {
    fn of(moving: &Move) -> Self {
        let [to, from] =
            [moving.asked_for(), moving.former()].map(|address| address.map(|address| address.as_str().to_owned()));
        Self { to, from, until: moving.expires_at.rfc3339() }
    }
}

/// The accounts of a page, and what the next one begins after.
pub(super) async fn read(page: &PageQuery, operating: &Operating) -> Result<(Vec<Account>, Option<String>), NotDone> {
    let (after, limit) = page.read()?;
    let accounts = operating.auth.operate.list_accounts(after.as_ref(), limit).await?;
    let next = next(&accounts, limit, |account| &account.email);
    Ok((accounts, next))
}

/// Reads how an operator names an account, and finds it.
pub(super) async fn find(operating: &Operating, who: &str) -> Result<Account, NotDone> {
    let named = Who::parse(who).ok_or_else(|| {
        NotDone::unreadable(format!("{who:?} is neither an e-mail address nor the id of an account."))
    })?;
    operating.auth.operate.find_account(&named).await.map_err(|failure| NotDone::about(who, failure))
}

/// `GET /users?after=&limit=` lists a page of accounts by address.
pub(super) async fn list(
    State(operating): State<Arc<Operating>>,
    page: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Users>, NotDone> {
    let Query(page) = page?;
    let (accounts, next) = read(&page, &operating).await?;
    Ok(Json(Users { users: accounts.iter().map(AdminUser::of).collect(), next }))
}

/// `GET /users/{email or id}`
pub(super) async fn show(
    State(operating): State<Arc<Operating>>,
    Path(who): Path<String>,
) -> Result<Json<UserShown>, NotDone> {
    let account = find(&operating, &who).await?;
    let KnownAccount { account, passkeys, sessions, events, hold, moving, code_until } =
        operating.auth.operate.look_up(account).await?;
    Ok(Json(UserShown {
        user: AdminUser::of(&account),
        passkeys: passkeys.iter().map(AdminPasskey::of).collect(),
        sessions: sessions.iter().map(|family| AdminSession::of(&operating.auth, &account, family)).collect(),
        events: events.iter().map(AdminEvent::of).collect(),
        held_recovery: hold.as_ref().map(AdminHeldRecovery::of),
        address_change: moving.as_ref().map(AdminAddressChange::of),
        recovery_code_until: code_until.map(Timestamp::rfc3339),
    }))
}

/// `POST /users/{email or id}/disable`
pub(super) async fn disable(
    State(operating): State<Arc<Operating>>,
    Path(who): Path<String>,
) -> Result<Json<UserChanged>, NotDone> {
    set_disabled(&operating, &who, true).await
}

/// `POST /users/{email or id}/enable`
pub(super) async fn enable(
    State(operating): State<Arc<Operating>>,
    Path(who): Path<String>,
) -> Result<Json<UserChanged>, NotDone> {
    set_disabled(&operating, &who, false).await
}

async fn set_disabled(operating: &Operating, who: &str, disabled: bool) -> Result<Json<UserChanged>, NotDone> {
    let account = find(operating, who).await?;
    let ended = operating.auth.operate.set_disabled(&account, disabled).await;
    let sessions_ended = ended.map_err(|failure| NotDone::about(who, failure))?;
    Ok(Json(UserChanged { user: AdminUser::of(&Account { disabled, ..account }), sessions_ended }))
}

/// A change of groups, names with commas between them.
#[derive(Debug, Deserialize)]
pub(super) struct Groups {
    set: Option<String>,
    #[serde(default)]
    add: String,
    #[serde(default)]
    remove: String,
}

impl Groups {
    fn read(self) -> Result<Regroup, NotDone> {
        let Self { set, add, remove } = self;
        let set = set.as_deref().map(names).transpose()?;
        Ok(Regroup { set, add: names(&add)?, remove: names(&remove)? })
    }
}

/// `POST /users/{email or id}/groups?set=&add=&remove=`
pub(super) async fn groups(
    State(operating): State<Arc<Operating>>,
    Path(who): Path<String>,
    change: Result<Query<Groups>, QueryRejection>,
) -> Result<Json<Regrouped>, NotDone> {
    let Query(change) = change?;
    let change = change.read()?;
    let account = find(&operating, &who).await?;
    let account =
        operating.auth.operate.regroup(account, change).await.map_err(|failure| NotDone::about(&who, failure))?;
    Ok(Json(Regrouped { unasked_groups: operating.unasked(&account.groups), user: AdminUser::of(&account) }))
}

/// `POST /users/{email or id}/remove`
pub(super) async fn remove(
    State(operating): State<Arc<Operating>>,
    Path(who): Path<String>,
) -> Result<Json<UserChanged>, NotDone> {
    let account = find(&operating, &who).await?;
    let ended = operating.auth.operate.remove_account(&account).await;
    let sessions_ended = ended.map_err(|failure| NotDone::about(&who, failure))?;
    Ok(Json(UserChanged { user: AdminUser::of(&account), sessions_ended }))
}

/// `POST /users/{email or id}/recover`
pub(super) async fn recover(
    State(operating): State<Arc<Operating>>,
    Path(who): Path<String>,
) -> Result<Json<RecoveryCode>, NotDone> {
    let account = find(&operating, &who).await?;
    let mode = operating.auth.recover.mode_for(&account).await;
    let given = operating.auth.operate.give_code(account, mode).await;
    let given = given.map_err(|failure| NotDone::about(&who, failure))?;
    Ok(Json(RecoveryCode {
        email: given.account.email.as_str().to_owned(),
        code: given.code.text(),
        expires_at: given.expires_at.rfc3339(),
        page: operating.code_page.clone(),
    }))
}
