//! What a recovery leaves behind: until "Keep your account safe" is answered, the older passkeys rest.
//!
//! A thief who found a phone must not undo the recovery of its owner, and a stranger who reads the owner's mail must
//! not keep them out. So the passkey that a recovery made opens the account for one thing, the review. An older passkey
//! may contest the recovery and nothing else. A contested account opens by an older passkey and a mailed code together,
//! by the operator, or by another recovery that waits.

use super::clock::Timestamp;
use super::credential::CredentialId;

/// What a recovery left behind in an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// When it was last recovered. Ceremonies that were begun before are not answered any more.
    pub recovered_at: Option<Timestamp>,
    /// The review that is still to be answered.
    pub review: Option<Review>,
}

/// A review that is still to be answered. It belongs to the account, not to the session that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// The passkey that the recovery made; over the API there is none at first.
    pub credential: Option<CredentialId>,
    /// The browser that recovered, in words.
    pub browser: String,
    /// Whether an older passkey has said that the recovery was not the owner's.
    pub is_contested: bool,
    /// How often that was said since a review was last answered.
    pub contests: u8,
    /// What recoveries before it made whose reviews were never answered. They go with its own, where it is undone.
    pub before: Vec<CredentialId>,
}

impl Aftermath {
    /// After a recovery in that browser, which made that passkey and found `others` there. One before that was not
    /// answered has come to nothing, but for how often it was contested.
    pub fn of_recovery(&self, credential: Option<CredentialId>, browser: &str, others: bool, now: Timestamp) -> Self {
        let contests = self.review.as_ref().map_or(0, |review| review.contests);
        let before = self.review.as_ref().map(|review| review.all_made().cloned().collect()).unwrap_or_default();
        let review = Review { credential, browser: browser.to_owned(), is_contested: false, contests, before };
        Self { recovered_at: Some(now), review: others.then_some(review) }
    }

    /// Once the review is answered, or its recovery undone.
    #[must_use]
    pub fn settled(&self) -> Self {
        Self { review: None, ..self.clone() }
    }

    /// Whether a passkey of the account opens nothing for now.
    pub fn rests(&self, credential: &CredentialId) -> bool {
        self.review.as_ref().is_some_and(|review| review.is_contested || review.credential.as_ref() != Some(credential))
    }

    /// Whether the account opens by its older passkeys only together with a code.
    pub fn is_contested(&self) -> bool {
        self.review.as_ref().is_some_and(|review| review.is_contested)
    }

    /// The passkey that the recovery made whose review is open.
    pub fn made(&self) -> Option<&CredentialId> {
        self.review.as_ref()?.credential.as_ref()
    }

    /// Whether a passkey of the account is older than what a recovery made whose review was never answered: that one
    /// stands for no more than the mailbox.
    pub fn is_older(&self, credential: &CredentialId) -> bool {
        self.review.as_ref().is_some_and(|review| review.all_made().all(|made| made != credential))
    }

    /// Whether a question that was put at that moment was put before the account was recovered.
    pub fn is_after(&self, put: Timestamp, now: Timestamp) -> bool {
        // Where the clock was wrong then, all that could be told by it is who rests.
        self.recovered_at.is_some_and(|recovered| put < recovered && recovered.has_come(now))
    }
}

impl Review {
    /// All that was made by recoveries since a review was last answered.
    pub fn all_made(&self) -> impl Iterator<Item = &CredentialId> {
        self.before.iter().chain(&self.credential)
    }

    /// The same once its owner contested the recovery.
    #[must_use]
    pub fn contested(&self) -> Self {
        Self { is_contested: true, contests: self.contests.saturating_add(1), ..self.clone() }
    }

    /// The same, with the passkey that the recovery came to over the API.
    #[must_use]
    pub fn with(&self, credential: CredentialId) -> Self {
        Self { credential: Some(credential), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> CredentialId {
        CredentialId::new(name.as_bytes()).unwrap()
    }

    #[test]
    fn until_the_review_is_answered_only_the_new_passkey_is_awake() {
        let at = Timestamp::from_unix;
        let before = Aftermath::default();
        assert!(!before.rests(&id("old")));
        let recovered = before.of_recovery(Some(id("new")), "Firefox", true, at(10));
        assert!(recovered.rests(&id("old")) && !recovered.rests(&id("new")));
        assert!(recovered.is_after(at(9), at(20)) && !recovered.is_after(at(10), at(20)));
        let contested = Aftermath { review: recovered.review.as_ref().map(Review::contested), ..recovered.clone() };
        assert!(contested.rests(&id("old")) && contested.rests(&id("new")) && contested.is_contested());
        let again = contested.of_recovery(Some(id("newer")), "Firefox", true, at(20));
        assert!(again.rests(&id("new")) && !again.rests(&id("newer")) && !again.is_contested());
        assert_eq!(again.review.as_ref().map(|review| review.contests), Some(1));
        // What an earlier recovery made is none of the older ones.
        assert!(again.is_older(&id("old")) && !again.is_older(&id("new")) && !again.is_older(&id("newer")));
        let settled = again.settled();
        assert!(!settled.rests(&id("old")) && !settled.is_older(&id("old")) && settled.is_after(at(19), at(20)));
        // Over the API there is no passkey at first, and none is awake.
        let over_api = before.of_recovery(None, "", true, at(10));
        assert!(over_api.rests(&id("old")) && over_api.made().is_none());
        // Where there is no other passkey, there is nothing to look through.
        assert_eq!(before.of_recovery(Some(id("new")), "", false, at(10)).review, None);
    }
}
