use std::sync::Arc;
use std::time::Duration;

use bmauth::domain::bookmark::{Bookmark, LIFETIME};
use bmauth::domain::plan::{BookmarkChange, Change};
use bmauth::store::Store;

use crate::claims::atomic::keeps;
use crate::sample::*;

fn put(bookmark: &Bookmark) -> [Change; 1] {
    [Change::Bookmark(BookmarkChange::Put(bookmark.clone()))]
}

pub async fn a_bookmark_is_found_by_its_name_and_swept_when_its_time_is_over(store: Arc<impl Store>) {
    let [one, other] = [(1, 4000), (2, 5000)].map(|(n, until)| Bookmark { expires_at: at(until), ..bookmark(n) });
    assert_eq!(store.bookmark(one.name).await.unwrap(), None);
    keeps(&*store, put(&one)).await;
    keeps(&*store, put(&other)).await;
    assert_eq!(store.bookmark(one.name).await.unwrap(), Some(one.clone()));
    assert_eq!(store.bookmark(other.name).await.unwrap(), Some(other.clone()));
    assert_eq!(store.sweep(at(3999), at(0), at(0), 9).await.unwrap(), 0);
    assert_eq!(store.sweep(at(4000), at(0), at(0), 9).await.unwrap(), 1);
    assert_eq!(store.bookmark(one.name).await.unwrap(), None);
    assert_eq!(store.bookmark(other.name).await.unwrap(), Some(other.clone()));
    // One that is put again counts with its own time.
    keeps(&*store, put(&Bookmark { expires_at: at(6000), ..other.clone() })).await;
    assert_eq!(store.sweep(at(5999), at(0), at(0), 9).await.unwrap(), 0);
    assert_eq!(store.sweep(at(6000), at(0), at(0), 9).await.unwrap(), 1);
    assert_eq!(store.bookmark(other.name).await.unwrap(), None);
}

pub async fn a_bookmark_from_the_future_is_removed(store: Arc<impl Store>) {
    let now = at(1_000_000);
    let [soon, ahead] = [(1, 60), (2, 61)].map(|(n, by)| {
        let expires_at = now.after(LIFETIME).after(Duration::from_secs(by));
        Bookmark { expires_at, ..bookmark(n) }
    });
    keeps(&*store, put(&soon)).await;
    keeps(&*store, put(&ahead)).await;
    assert_eq!(store.set_back(now, 9).await.unwrap(), 1);
    assert_eq!(store.bookmark(ahead.name).await.unwrap(), None);
    assert_eq!(store.bookmark(soon.name).await.unwrap(), Some(soon));
}
