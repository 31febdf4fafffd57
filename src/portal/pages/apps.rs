//! `/_bmauth/apps`: "Your apps", and the root of a host of ours without an app, which leads there.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use super::session_for;
use crate::domain::apps;
use crate::domain::own_paths::APPS;
use crate::portal::caller::Caller;
use crate::portal::handler::PageError;
use crate::portal::views::apps::{AppRow, AppsPage};
use crate::portal::{Portal, answer};

/// The root of `public_url`'s host, where the proxy has no route for it.
pub async fn root() -> Response {
    answer::go_to(APPS)
}

/// Shows the apps that the signed-in person may open.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller) -> Result<Response, PageError> {
    let session = session_for(APPS, &portal, &caller).await?;
    let row =
        |app: apps::App<'_>| AppRow { name: app.name, address: format!("{}{}", portal.origins.at(app.host), app.path) };
    let apps = apps::open_to(&portal.routes, &session, portal.auth.now());
    let view = AppsPage { email: session.facts().email, apps: apps.into_iter().map(row).collect() };
    Ok(answer::page(&portal, &caller, |chrome| view.render(chrome)))
}

impl Portal {
    /// Whether the root of the host that the visitor came to leads to "Your apps".
    pub(super) fn has_apps_at_root(&self, caller: &Caller) -> bool {
        let host = &caller.peer.authority.host;
        host == self.origins.public().host() && apps::is_root_free(&self.routes, host)
    }
}
