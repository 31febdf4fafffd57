//! `/_bmauth/link/events`: the same as the state, sent at each change (server-sent events, HTML Standard §9.2).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use super::{LinkStatus, NamedLink, to_script_refusal};
use crate::auth::link::{LinkState, Watcher};
use crate::domain::link::id::LinkId;
use crate::portal::Portal;
use crate::portal::caller::Caller;
use crate::portal::handler::{ScriptError, worded};

/// How often the link is looked at without word of a change: it grows too old, or another node changed it.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often something is sent, so that nothing in between takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The events of one page. They end once nothing can become of the link, which is within its few minutes.
pub async fn get(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    NamedLink { link }: NamedLink,
) -> Result<Response, ScriptError> {
    let watcher = portal.auth.link.watch(link, &caller.visitor).await.map_err(worded(to_script_refusal))?;
    let page = WaitingPage { portal, caller, link, watcher, told: None };
    let events = stream::unfold(page, |mut page| async {
        let event = page.next().await?;
        Some((Ok::<_, Infallible>(event), page))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// A page that waits.
struct WaitingPage {
    portal: Arc<Portal>,
    caller: Caller,
    link: LinkId,
    watcher: Watcher,
    /// What it was told last.
    told: Option<LinkState>,
}

impl WaitingPage {
    /// The next state that differs from the one before; `None` once there will be none, or none can be read: the page
    /// asks by itself then.
    async fn next(&mut self) -> Option<Event> {
        if self.told.as_ref().is_some_and(|told| told.seen.progress.is_over()) {
            return None;
        }
        let is_first = self.told.is_none();
        loop {
            if !is_first {
                // Late or touched, the link is looked at.
                let _ = tokio::time::timeout(LOOK_AGAIN, self.watcher.touched()).await;
            }
            let state = self.portal.auth.link.state(self.link, &self.caller.visitor).await.ok()?;
            if self.told.as_ref().is_some_and(|told| told.says_the_same(&state)) {
                continue;
            }
            self.told = Some(state.clone());
            let told = LinkStatus::new(&self.portal, self.caller.words(&self.portal), state);
            return Event::default().json_data(told).ok();
        }
    }
}
