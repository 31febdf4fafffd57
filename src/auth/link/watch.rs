//! Tells waiting pages that their link changed, so that they look again.
//!
//! It only ever wakes: what is told is read from the store each time. What other gateways of the store do wakes them
//! too, as soon as it is heard; and pages look again by themselves every few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::link::id::LinkId;
use crate::domain::plan::TouchedLinks;

/// How many pages may wait for one link: the browser that shows it and those that brought its code, with a few tabs
/// each. A page that finds no place asks every few seconds.
const PAGES: usize = 12;
/// How many pages may wait in all.
const ALL_PAGES: usize = 4096;

/// Who waits for which link.
#[derive(Debug, Default)]
pub(in crate::auth) struct Watchers(Mutex<Watched>);

#[derive(Debug, Default)]
struct Watched {
    links: HashMap<LinkId, watch::Sender<()>>,
    pages: usize,
}

/// One page that waits for one link. It leaves when dropped.
#[derive(Debug)]
pub struct Watcher {
    link: LinkId,
    changes: watch::Receiver<()>,
    watchers: Arc<Watchers>,
}

impl Watchers {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to wait; `None` where too many pages wait already.
    pub(in crate::auth) fn watch(self: &Arc<Self>, link: LinkId) -> Option<Watcher> {
        let mut watched = self.watched();
        if watched.pages >= ALL_PAGES {
            return None;
        }
        let sender = watched.links.entry(link).or_insert_with(|| watch::Sender::new(()));
        if sender.receiver_count() >= PAGES {
            return None;
        }
        let changes = sender.subscribe();
        watched.pages += 1;
        Some(Watcher { link, changes, watchers: Arc::clone(self) })
    }

    /// Wakes the pages that wait for what was touched.
    pub(in crate::auth) fn wake(&self, touched: &TouchedLinks) {
        let watched = self.watched();
        match touched {
            TouchedLinks::Some(links) => {
                for link in links {
                    if let Some(sender) = watched.links.get(link) {
                        sender.send_replace(());
                    }
                }
            }
            TouchedLinks::Any => {
                for sender in watched.links.values() {
                    sender.send_replace(());
                }
            }
        }
    }
}

impl Watcher {
    /// Returns once the link was touched after the last return, or after the wait began.
    pub async fn touched(&mut self) {
        // The sender lives as long as a page waits.
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut watched = self.watchers.watched();
        watched.pages = watched.pages.saturating_sub(1);
        // This one still counts.
        if watched.links.get(&self.link).is_some_and(|sender| sender.receiver_count() <= 1) {
            watched.links.remove(&self.link);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use uuid::Uuid;

    use super::*;

    fn link(number: u128) -> LinkId {
        LinkId(Uuid::from_u128(number))
    }

    fn is_woken(watcher: &mut Watcher) -> bool {
        watcher.touched().now_or_never().is_some()
    }

    #[test]
    fn each_page_is_woken_by_its_own_link_once() {
        let watchers = Arc::new(Watchers::default());
        let mut one = watchers.watch(link(1)).unwrap();
        let (mut tab, mut other) = (watchers.watch(link(1)).unwrap(), watchers.watch(link(2)).unwrap());
        assert!(!is_woken(&mut one));
        watchers.wake(&TouchedLinks::Some(vec![link(1), link(3)]));
        assert_eq!((is_woken(&mut one), is_woken(&mut one), is_woken(&mut tab)), (true, false, true));
        assert!(!is_woken(&mut other));
        watchers.wake(&TouchedLinks::Any);
        assert!(is_woken(&mut one) && is_woken(&mut other));
    }

    #[test]
    fn a_change_between_two_waits_is_not_missed() {
        let watchers = Arc::new(Watchers::default());
        let mut watcher = watchers.watch(link(1)).unwrap();
        watchers.wake(&TouchedLinks::Some(vec![link(1)]));
        assert!(is_woken(&mut watcher));
    }

    #[test]
    fn only_so_many_pages_wait_and_their_places_are_given_back() {
        let watchers = Arc::new(Watchers::default());
        let mut pages: Vec<_> = (0..PAGES).map(|_| watchers.watch(link(1)).unwrap()).collect();
        assert!(watchers.watch(link(1)).is_none());
        pages.pop();
        pages.push(watchers.watch(link(1)).unwrap());
        for number in 2..=u128::try_from(ALL_PAGES - PAGES + 1).unwrap() {
            pages.push(watchers.watch(link(number)).unwrap());
        }
        assert!(watchers.watch(link(0)).is_none());
        drop(pages);
        let watched = watchers.watched();
        assert_eq!((watched.pages, watched.links.len()), (0, 0), "nothing is left behind");
    }
}
