//! Refresh tokens: what a client of the API carries where a browser has a cookie.
//!
//! Each is used once and answered with the next of its family, which is a keyed digest of it: so the answer to a client
//! that asks twice is the same, and the store has nothing but digests. A family is one session's; a spent token that
//! comes again was copied, and ends the session.

use std::time::Duration;

use uuid::Uuid;

use super::account::AccountId;
use super::activity::{Event, What};
use super::clock::Timestamp;
use super::plan::{Change, Conflict, Durability, Plan};
use super::secret::{MacKey, Secret, SecretDigest};
use super::session::Session;
use super::visitor::Visitor;

/// For how long a token that was just spent is answered again, for the client that spent it: parallel tabs, a lost
/// answer.
pub const RETRY: Duration = Duration::from_secs(10);
/// How many spent tokens of a family are remembered: a client that refreshes all day leaves about as many.
pub const SPENT_KEPT: usize = 100;
/// For how long each of them is remembered at least. Whoever has a copy could otherwise refresh so often that the token
/// its owner comes back with is forgotten, and the copy never found out.
pub const SPENT_FOR: Duration = Duration::from_secs(60 * 60);
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
    fn rotated(self, spent: Spent, next: RefreshToken) -> Self {
        let mut family = self.advanced();
        for out in family.out.iter_mut().filter(|out| **out == spent.token) {
            *out = next.digest();
        }
        family.spent.push(spent);
        let surplus = family.spent.len().saturating_sub(SPENT_KEPT);
        family.spent.drain(..surplus);
        family
    }

    /// Whether it has gone on so often lately that one more spent token would be one too many to remember.
    fn is_full(&self, now: Timestamp) -> bool {
        let oldest = self.spent.first().filter(|_| self.spent.len() >= SPENT_KEPT);
        oldest.is_some_and(|oldest| now < oldest.at.after(SPENT_FOR))
    }

    /// The token that is out and came of a spent one.
    fn came_of(&self, spent: RefreshToken, key: &MacKey) -> Option<RefreshToken> {
        let mut following = std::iter::successors(Some(spent.next(key)), |token| Some(token.next(key)));
        following.by_ref().take(self.spent.len()).find(|token| self.out.contains(&token.digest()))
    }

    fn advanced(self) -> Self {
        Self { revision: self.revision.saturating_add(1), ..self }
    }
}

/// Why a refresh token gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is nobody's, or its session has ended.
    Unknown,
    /// Another request changed the family meanwhile: to be read again.
    Raced,
    /// Its session was refreshed too often lately.
    TooOften,
}

impl From<Conflict> for Refusal {
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::TokensChanged => Self::Raced,
            _ => Self::Unknown,
        }
    }
}

/// What becomes of a presented token.
#[derive(Debug)]
pub enum Presented {
    /// It is answered with this one, once the plan is made.
    Next(RefreshToken, Plan<()>),
    /// The client asks again, and is answered with the one that is out.
    Again(RefreshToken),
    /// It was spent before: the session ends.
    Copied(Plan<()>),
}

/// A refresh token was presented for a family that has it, current or spent.
///
/// # Errors
/// [`Refusal::Unknown`] where the family has it not; [`Refusal::TooOften`].
pub fn present(
    token: RefreshToken,
    family: TokenFamily,
    session: &Session,
    event: Uuid,
    visitor: &Visitor,
    key: &MacKey,
    now: Timestamp,
) -> Result<Presented, Refusal> {
    if family.session != session.token {
        return Err(Refusal::Unknown);
    }
    let (digest, by) = (token.digest(), ClientMark::of(visitor, key));
    if family.out.contains(&digest) {
        if family.is_full(now) {
            return Err(Refusal::TooOften);
        }
        let next = token.next(key);
        let family = family.rotated(Spent { token: digest, at: now, by }, next);
        let changes = vec![Change::RequireSession(session.token), Change::AdvanceTokens(family)];
        return Ok(Presented::Next(next, Plan { changes, durability: Durability::Durable, then: () }));
    }
    let spent = family.spent.iter().find(|spent| spent.token == digest).ok_or(Refusal::Unknown)?;
    if spent.by == by
        && now <= spent.at.after(RETRY)
        && let Some(out) = family.came_of(token, key)
    {
        return Ok(Presented::Again(out));
    }
    Ok(Presented::Copied(copied(session.account, session.token, event, visitor, now)))
}

fn copied(account: AccountId, session: SecretDigest, event: Uuid, visitor: &Visitor, now: Timestamp) -> Plan<()> {
    let event = Event::by(visitor, account, What::TokenCopied, event, now);
    Plan {
        changes: vec![Change::EndSession(session), Change::AddEvent(event)],
        durability: Durability::Durable,
        then: (),
    }
}

#[cfg(test)]
mod tests;
