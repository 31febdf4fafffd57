//! People who may have an account and have none yet.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};

use super::Operating;
use super::answer::NotDone;
use super::paging::{PageQuery, next};
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::group;
use crate::domain::invitation;

/// A person who may register, as operators see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdminInvitation {
    /// The address that may register.
    pub email: String,
    /// The groups that their account will be in.
    pub groups: Vec<String>,
    /// When they were invited (RFC 3339).
    pub invited_at: String,
}

/// A page of them by address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invitations {
    /// Those who were invited.
    pub invited: Vec<AdminInvitation>,
    /// What to give as `after` for the next page; `None` on the last one.
    pub next: Option<String>,
}

/// The answer to an invitation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invited {
    /// The invitation as it was kept.
    pub invitation: AdminInvitation,
    /// The page on which they register.
    pub page: String,
    /// Those of the groups that no route asks for.
    pub unasked_groups: Vec<String>,
    /// Whether the mail server is known to write to no address like that.
    pub no_mail_to: bool,
}

impl AdminInvitation {
    fn of(invitation: &invitation::Invitation) -> Self {
        let invitation::Invitation { id: _, email, groups, made_at } = invitation;
        Self { email: email.as_str().to_owned(), groups: groups.clone(), invited_at: Timestamp::rfc3339(*made_at) }
    }
}

/// An invitation was taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TakenBack {
    /// The address whose invitation it was.
    pub email: String,
}

/// Whom to invite into which groups, names with commas between them.
#[derive(Debug, Deserialize)]
pub(super) struct Add {
    #[serde(default)]
    groups: String,
    #[serde(default)]
    admin: bool,
}

/// `GET /invitations?after=&limit=` lists a page of invitations by address.
pub(super) async fn list(
    State(operating): State<Arc<Operating>>,
    page: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Invitations>, NotDone> {
    let Query(page) = page?;
    let (after, limit) = page.read()?;
    let invited = operating.auth.operate.list_invitations(after.as_ref(), limit).await?;
    let next = next(&invited, limit, |invitation| &invitation.email);
    Ok(Json(Invitations { invited: invited.iter().map(AdminInvitation::of).collect(), next }))
}

/// `GET /invitations/{email}` shows one, or nothing where there is none.
pub(super) async fn show(
    State(operating): State<Arc<Operating>>,
    Path(email): Path<String>,
) -> Result<Json<Option<AdminInvitation>>, NotDone> {
    let invitation = operating.auth.operate.find_invitation(&read(&email)?).await?;
    Ok(Json(invitation.as_ref().map(AdminInvitation::of)))
}

/// `POST /invitations/{email}?groups=&admin=` lets that address register, into those groups.
pub(super) async fn add(
    State(operating): State<Arc<Operating>>,
    Path(email): Path<String>,
    asked: Result<Query<Add>, QueryRejection>,
) -> Result<Json<Invited>, NotDone> {
    let Query(Add { groups, admin }) = asked?;
    let mut groups = names(&groups)?;
    if admin {
        let admins = operating.admins.clone().ok_or_else(|| {
            NotDone::unreadable(
                "There is no group of administrators: set accounts.admins to its name and start the gateway again.",
            )
        })?;
        groups.push(admins);
    }
    let invited = operating.auth.operate.invite(read(&email)?, groups).await;
    let invited = invited.map_err(|failure| NotDone::about(&email, failure))?;
    let no_mail_to = !operating.auth.operate.writes_to(&invited.email).await;
    Ok(Json(Invited {
        unasked_groups: operating.unasked(&invited.groups),
        invitation: AdminInvitation::of(&invited),
        page: operating.register_page.clone(),
        no_mail_to,
    }))
}

/// `POST /invitations/{email}/take-back` takes an invitation back that is not used yet.
pub(super) async fn take_back(
    State(operating): State<Arc<Operating>>,
    Path(email): Path<String>,
) -> Result<Json<TakenBack>, NotDone> {
    let address = read(&email)?;
    let taken = operating.auth.operate.take_back(address.clone()).await;
    taken.map_err(|failure| NotDone::about(&email, failure))?;
    Ok(Json(TakenBack { email: address.as_str().to_owned() }))
}

fn read(email: &str) -> Result<Email, NotDone> {
    Email::parse(email).map_err(|why| NotDone::unreadable(format!("{email:?} is no e-mail address: {why}")))
}

/// Groups' names with commas between them.
pub(super) fn names(text: &str) -> Result<Vec<String>, NotDone> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(|name| group::parse(name).map_err(|why| NotDone::unreadable(format!("{name:?}: {why}.")))).collect()
}

impl Operating {
    /// Those of `groups` that neither a route nor the administration asks for: perhaps they were mistyped.
    pub(super) fn unasked(&self, groups: &[String]) -> Vec<String> {
        let asked: BTreeSet<&String> = self.asked_groups.iter().chain(&self.admins).collect();
        groups.iter().filter(|group| !asked.contains(group)).cloned().collect()
    }
}
