//! The refresh tokens of one session, as they are kept.

use std::time::Duration;

use uuid::Uuid;

use super::clock::Timestamp;
use super::secret::{MacKey, Secret, SecretDigest};
use super::visitor::Visitor;

/// For how long a token that was just spent is answered again, for the client that spent it: parallel tabs, a lost
/// answer.
pub const RETRY: Duration = Duration::from_secs(10);
/// How many spent tokens of a family are remembered: a client that refreshes all day leaves about as many.
pub const SPENT_KEPT: usize = 100;
/// For how long each of them is remembered at least. Whoever has a copy could otherwise refresh so often that the token
/// its owner comes back with is forgotten, and the copy never found out.
pub const SPENT_FOR: Duration = Duration::from_secs(60 * 60);
/// The longest that an operator may have sessions elevated.
pub const LONGEST_ELEVATION: Duration = Duration::from_secs(60 * 60);
/// How many tokens of a family may be out at a time: an elevation answers with one of its own, so that the tab that did
/// not ask for it goes on with its own.
pub const OUT_KEPT: usize = 8;

/// A refresh token: 122 random bits, written as a UUID of version 4 (RFC 9562 §5.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken(Uuid);

impl RefreshToken {
    /// A fresh one.
    pub fn new(random: Uuid) -> Self {
        Self(uuid::Builder::from_random_bytes(random.into_bytes()).into_uuid())
    }

    /// Reads what a client sends: a UUID with its dashes, nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()?;
        (uuid.get_version_num() == 4).then_some(Self(uuid))
    }

    /// What the client is given.
    pub fn text(self) -> String {
        self.0.hyphenated().to_string()
    }

    /// What the store keeps in its place.
    pub fn digest(self) -> SecretDigest {
        // Its random bits are too many for a plain digest to be guessed back.
        let mut padded = [0; 32];
        padded.split_at_mut(16).0.copy_from_slice(self.0.as_bytes());
        Secret::from_bytes(padded).digest()
    }

    /// Its public name, which opens nothing.
    pub fn id(self, key: &MacKey) -> Uuid {
        derived(key, b"id", self)
    }

    /// The one that follows it.
    pub fn next(self, key: &MacKey) -> Self {
        Self(derived(key, b"next", self))
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

fn derived(key: &MacKey, what: &[u8], token: RefreshToken) -> Uuid {
    let digest = key.mac(&[what, token.0.as_bytes()]);
    let (head, _) = digest.split_first_chunk::<16>().expect("a digest has 32 bytes");
    uuid::Builder::from_random_bytes(*head).into_uuid()
}

/// Who spent a token, as far as that can be told: a keyed digest of the client's description and network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientMark(pub [u8; 32]);

impl ClientMark {
    /// The mark of a client.
    pub fn of(visitor: &Visitor, key: &MacKey) -> Self {
        Self(key.mac(&[b"client", visitor.description.as_bytes(), &visitor.network()]))
    }
}

/// A spent token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Its digest.
    pub token: SecretDigest,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: ClientMark,
}

/// What a session of the API has beside what every session has, as stored. It goes with its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFamily {
    /// Whose: the token of its session.
    pub session: SecretDigest,
    /// Raised by one with every change.
    pub revision: u32,
    /// The refresh tokens that are out, the newest last: one, and one more of each elevation, at most [`OUT_KEPT`].
    pub out: Vec<SecretDigest>,
    /// Those that were, the last one last, at most [`SPENT_KEPT`].
    pub spent: Vec<Spent>,
    /// Until when a passkey that was used just for that lets its user do what not every session may.
    pub elevated_until: Option<Timestamp>,
}

impl TokenFamily {
    /// The family of a fresh session.
    pub fn begin(session: SecretDigest, token: RefreshToken) -> Self {
        Self { session, revision: 0, out: vec![token.digest()], spent: Vec::new(), elevated_until: None }
    }

    /// Every refresh token it has, spent or out.
    pub fn all(&self) -> impl Iterator<Item = SecretDigest> {
        self.spent.iter().map(|spent| spent.token).chain(self.out.iter().copied())
    }

    /// Until when the session is elevated, if it is at `now`.
    pub fn elevation(&self, now: Timestamp) -> Option<Timestamp> {
        self.elevated_until.filter(|until| now < *until)
    }

    /// The next state: elevated until then, with `another` token out.
    pub fn elevated(self, until: Timestamp, another: RefreshToken) -> Self {
        let mut next = Self { elevated_until: Some(until), ..self.advanced() };
        next.out.push(another.digest());
        let surplus = next.out.len().saturating_sub(OUT_KEPT);
        next.out.drain(..surplus);
        next
    }

    /// The next state: that token spent, and `next` out in its place.
    pub(super) fn rotated(self, spent: Spent, next: RefreshToken) -> Self {
        let mut family = self.advanced();
        // Else it would be elevated again once the clock has come to where it was wrongly.
        family.elevated_until = family.elevated_until.filter(|until| until.is_ahead(spent.at, LONGEST_ELEVATION));
        for out in family.out.iter_mut().filter(|out| **out == spent.token) {
            *out = next.digest();
        }
        family.spent.push(spent);
        let surplus = family.spent.len().saturating_sub(SPENT_KEPT);
        family.spent.drain(..surplus);
        family
    }

    /// Whether it has gone on so often lately that one more spent token would be one too many to remember.
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        let oldest = self.spent.first().filter(|_| self.spent.len() >= SPENT_KEPT);
        oldest.is_some_and(|oldest| oldest.at.after(SPENT_FOR).is_ahead(now, SPENT_FOR))
    }

    /// The token that is out and came of a spent one.
    pub(super) fn came_of(&self, spent: RefreshToken, key: &MacKey) -> Option<RefreshToken> {
        let mut following = std::iter::successors(Some(spent.next(key)), |token| Some(token.next(key)));
        following.by_ref().take(self.spent.len()).find(|token| self.out.contains(&token.digest()))
    }

    fn advanced(self) -> Self {
        Self { revision: self.revision.saturating_add(1), ..self }
    }
}
