//! Lists by address, page by page.

use serde::Deserialize;

use super::answer::NotDone;
use crate::domain::email::Email;

/// How many entries a page has where the asker does not say, and at most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 500;

/// A page of a list by address.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    pub(super) after: Option<String>,
    pub(super) limit: Option<usize>,
}

impl PageQuery {
    /// The address after which it begins, and how many entries it has at most.
    pub(super) fn read(&self) -> Result<(Option<Email>, usize), NotDone> {
        let after = self.after.as_deref().map(Email::parse).transpose();
        let after = after.map_err(|why| NotDone::unreadable(format!("`after`: {why}")))?;
        Ok((after, self.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE)))
    }
}

/// What the next page begins after; `None` where this one is the last.
pub(super) fn next<T>(entries: &[T], limit: usize, email: impl Fn(&T) -> &Email) -> Option<String> {
    let full = entries.len() == limit;
    entries.last().filter(|_| full).map(|entry| email(entry).as_str().to_owned())
}
