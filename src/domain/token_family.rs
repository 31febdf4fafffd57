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
/// For how long each of them is remembered at least. A thief with a copy could otherwise refresh so often that the
/// token its owner comes back with is forgotten, and the copy never found out.
pub const SPENT_FOR: Duration = Duration::from_secs(60 * 60);
/// How many tokens of a family may be out at a time: an elevation answers with one of its own, so that the tab that did
/// not ask for it goes on with its own.
pub const OUT_KEPT: usize = 8;

/// A refresh token: 122 random bits, written as a UUID of version 4 (RFC 9562 §5.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken(Uuid);

impl RefreshToken {
    /// A fresh token, made of that randomness.
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

/// A refresh token that was used, and is remembered for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The digest of the token.
    pub token: SecretDigest,
    /// The moment it was spent.
    pub at: Timestamp,
    /// The client that spent it.
    pub by: ClientMark,
}

/// That a passkey was used again, for what not every session may do. It belongs to the line of tokens that the answer
/// began: a thief with a copy of another token of the family is not elevated with its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elevation {
    /// The refresh token of its line that is out.
    pub line: SecretDigest,
    /// When the passkey was used.
    pub since: Timestamp,
    /// Until when it counts.
    pub until: Timestamp,
    /// Whether it was used, for what asks for it or to refresh its line: then all that is from before is dead.
    pub used: bool,
}

/// Which access tokens of a session are dead since an elevation was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Those that say that the session is elevated, from before this moment.
    pub elevated: Timestamp,
    /// Those that do not, from before this moment.
    pub plain: Timestamp,
}

impl Cut {
    /// A cut that no access token is before.
    pub const NONE: Self = Self { elevated: Timestamp::from_unix(0), plain: Timestamp::from_unix(0) };

    /// Whether an access token that was made at `issued` is one of them.
    pub fn is_before(&self, issued: Timestamp, says_elevated: bool) -> bool {
        issued < if says_elevated { self.elevated } else { self.plain }
    }
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
    /// Its last elevation. One before it is over: its line goes on as a plain one.
    pub elevation: Option<Elevation>,
    /// Which access tokens are dead.
    pub cut: Cut,
}

impl Elevation {
    /// Whether it lasts. One that was proved in the future was proved at no time that is known.
    fn counts(&self, now: Timestamp) -> bool {
        self.since.has_come(now) && now < self.until
    }
}

impl TokenFamily {
    /// The family of a fresh session.
    pub fn begin(session: SecretDigest, token: RefreshToken) -> Self {
        let (out, spent) = (vec![token.digest()], Vec::new());
        Self { session, revision: 0, out, spent, elevation: None, cut: Cut::NONE }
    }

    /// Every refresh token it has, spent or out.
    pub fn all(&self) -> impl Iterator<Item = SecretDigest> {
        self.spent.iter().map(|spent| spent.token).chain(self.out.iter().copied())
    }

    /// Whether some line of it is elevated at `now`.
    pub fn is_elevated(&self, now: Timestamp) -> bool {
        self.elevation.is_some_and(|elevation| elevation.counts(now))
    }

    /// Until when the line is elevated of which that refresh token is out, if it is at `now`.
    pub(super) fn elevation_of(&self, token: RefreshToken, now: Timestamp) -> Option<Timestamp> {
        let elevation = self.elevation.filter(|elevation| elevation.line == token.digest());
        elevation.filter(|elevation| elevation.counts(now)).map(|elevation| elevation.until)
    }

    /// The next state: elevated from now until then, with `another` token out, whose line is the elevated one.
    pub fn elevated(self, now: Timestamp, until: Timestamp, another: RefreshToken) -> Self {
        let line = another.digest();
        let mut next = Self { elevation: Some(Elevation { line, since: now, until, used: false }), ..self.advanced() };
        next.out.push(line);
        let surplus = next.out.len().saturating_sub(OUT_KEPT);
        next.out.drain(..surplus);
        next
    }

    /// The next state once the elevation is used; nothing where it was before, or there is none.
    ///
    /// All other refresh tokens are dead, out or spent. They are forgotten, not spent: a client that comes with one
    /// gets nothing, and does not end the session in which a passkey was used since. Dead, too, are the access tokens
    /// from before the elevation. So are those from before its use that do not tell of it, which may be of the lines
    /// that died.
    pub(super) fn used(&self, now: Timestamp) -> Option<Self> {
        let elevation = self.elevation.filter(|elevation| !elevation.used)?;
        // The line itself has plain ones only from the end of the elevation on.
        let plain = if now < elevation.until { now.after(Duration::from_secs(1)) } else { now };
        let cut = Cut { elevated: self.cut.elevated.max(elevation.since), plain: self.cut.plain.max(plain) };
        let elevation = Some(Elevation { used: true, ..elevation });
        let mut out = self.out.clone();
        out.retain(|out| elevation.is_some_and(|elevation| elevation.line == *out));
        Some(Self { out, spent: Vec::new(), elevation, cut, ..self.clone().advanced() })
    }

    /// The same by a refresh token of the elevated line.
    pub(super) fn used_by(&self, token: SecretDigest, now: Timestamp) -> Option<Self> {
        self.elevation.filter(|elevation| elevation.line == token).and_then(|_| self.used(now))
    }

    /// The next state: that token spent, and `next` out in its place.
    pub(super) fn rotated(self, spent: Spent, next: RefreshToken) -> Self {
        let mut family = self.advanced();
        let lines = family.elevation.iter_mut().map(|elevation| &mut elevation.line);
        for out in family.out.iter_mut().chain(lines).filter(|out| **out == spent.token) {
            *out = next.digest();
        }
        family.spent.push(spent);
        let surplus = family.spent.len().saturating_sub(SPENT_KEPT);
        family.spent.drain(..surplus);
        family
    }

    /// How long it cannot go on, where it has gone on so often lately that one more spent token would be one too many
    /// to remember.
    pub(super) fn full_for(&self, now: Timestamp) -> Option<Duration> {
        let oldest = self.spent.first().filter(|_| self.spent.len() >= SPENT_KEPT)?;
        let forgotten = oldest.at.after(SPENT_FOR);
        forgotten.is_ahead(now, SPENT_FOR).then(|| forgotten.since(now))
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
