//! The hand-off: a browser that is signed in at one host of ours gets a session at another, without asking its person for
//! anything.
//!
//! 1. The other host gives the browser a secret, the state, and sends it to where people sign in with nothing but its
//!    digest in the address.
//! 2. There a page sends a code to the other host, in the body of a form.
//! 3. The other host takes the code from the browser that has the state, and gives it a session: a member of the
//!    [family](super::family).
//!
//! Nothing is kept for it. A code says whose session it was made for and when, sealed together with the host and the state
//! that it was made for. The token of the session follows from code and state, so that a code makes one session and no
//! second one, however often it comes.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::account::AccountId;
use super::clock::{Entropy, LEEWAY, Timestamp};
use super::host::Host;
use super::plan::{Change, Conflict, Plan, SessionChange};
use super::secret::{MacKey, Secret, SecretDigest};
use super::session::{Session, SessionId};

/// How long a code is good.
pub const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// How long a browser keeps a state.
pub const STATE_LIFETIME: Duration = Duration::from_secs(120);

/// How many states one browser can have at one host, one for each tab that is on its way. It bounds what the cookies of a
/// host can grow to: what comes back to a state that another has taken the place of is begun again.
const STATES: u8 = 32;

/// The name of a state among those of its browser and host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateId(u8);

impl StateId {
    /// Reads one that was sent.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|id: &u8| *id < STATES && id.to_string() == text).map(Self)
    }

    /// A name that `is_free`: a random one, or the next free one behind it; where none is free, the random one. The first
    /// free one would not do, since tabs that are opened at once would draw the same again at their second try.
    pub fn draw(is_free: impl Fn(Self) -> bool, entropy: &dyn Entropy) -> Self {
        let mut byte = [0];
        entropy.fill(&mut byte);
        let [byte] = byte;
        let first = byte % STATES;
        let mut all = (first..STATES).chain(0..first).map(Self);
        all.find(|id| is_free(*id)).unwrap_or(Self(first))
    }
}

impl fmt::Display for StateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an address says of a state: its name and its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownState {
    /// The name of the state, under which its cookie is found.
    pub id: StateId,
    /// The digest of the secret.
    pub digest: SecretDigest,
}

impl KnownState {
    /// Reads what [`Self`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, digest) = text.split_once('.')?;
        let digest = URL_SAFE_NO_PAD.decode(digest).ok()?.try_into().ok()?;
        Some(Self { id: StateId::parse(id)?, digest: SecretDigest::from_bytes(digest) })
    }
}

impl fmt::Display for KnownState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.id, URL_SAFE_NO_PAD.encode(self.digest.bytes()))
    }
}

/// What a code is made for: the browser that has the state of that digest, at that host.
#[derive(Clone, Copy, Debug)]
pub struct HandOffPurpose<'a> {
    /// The host that gives the session.
    pub host: &'a Host,
    /// The digest of the state that the browser has there.
    pub state: SecretDigest,
}

/// A code, as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOffCode(String);

/// What a code says that is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOffClaims {
    /// Whose session it was made for.
    pub account: AccountId,
    /// The session that was handed over.
    pub session: SessionId,
    code: HandOffCode,
}

/// Why a code is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOffRefusal {
    /// The browser does not have the state that it was begun with.
    NoState,
    /// It is none of ours, or was made for another browser or host.
    Unknown,
    /// It is too old.
    Late,
    /// The session it was made for has ended, or may not be handed on yet.
    SignedOut,
}

impl HandOffRefusal {
    /// A short name, for the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoState => "no-state",
            Self::Unknown => "unknown-code",
            Self::Late => "late-code",
            Self::SignedOut => "signed-out",
        }
    }
}

impl From<Conflict> for HandOffRefusal {
    /// What a visitor is told who lost a race: the session has ended, or its account is gone.
    fn from(_: Conflict) -> Self {
        Self::SignedOut
    }
}

/// How many bytes of a code are what it says.
const HEAD: usize = 40;

impl HandOffCode {
    /// The code by which `session` is handed over.
    pub fn new(session: &Session, purpose: HandOffPurpose<'_>, now: Timestamp, key: &MacKey) -> Self {
        let mut bytes = Vec::with_capacity(HEAD + 32);
        bytes.extend_from_slice(session.account.0.as_bytes());
        bytes.extend_from_slice(session.id.0.as_bytes());
        bytes.extend_from_slice(&now.unix().to_be_bytes());
        let seal = seal(&bytes, purpose, key);
        bytes.extend_from_slice(&seal);
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads one that was sent.
    ///
    /// # Errors
    /// [`HandOffRefusal::Unknown`], [`HandOffRefusal::Late`].
    pub fn open(
        text: &str,
        purpose: HandOffPurpose<'_>,
        now: Timestamp,
        key: &MacKey,
    ) -> Result<HandOffClaims, HandOffRefusal> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| HandOffRefusal::Unknown)?;
        let (head, sent) = bytes.split_at_checked(HEAD).ok_or(HandOffRefusal::Unknown)?;
        if !bool::from(seal(head, purpose, key).ct_eq(sent)) {
            return Err(HandOffRefusal::Unknown);
        }
        let (account, session, at) = read_claims(head).ok_or(HandOffRefusal::Unknown)?;
        // One from the future would be good for as long as the clock was ahead.
        if now > at.after(CODE_LIFETIME) || at > now.after(LEEWAY) {
            return Err(HandOffRefusal::Late);
        }
        Ok(HandOffClaims { account, session, code: Self(text.to_owned()) })
    }
}

fn read_claims(head: &[u8]) -> Option<(AccountId, SessionId, Timestamp)> {
    let (account, rest) = head.split_first_chunk::<16>()?;
    let (session, rest) = rest.split_first_chunk::<16>()?;
    let at = u64::from_be_bytes(*rest.first_chunk::<8>()?);
    Some((AccountId(Uuid::from_bytes(*account)), SessionId(Uuid::from_bytes(*session)), Timestamp::from_unix(at)))
}

fn seal(head: &[u8], HandOffPurpose { host, state }: HandOffPurpose<'_>, key: &MacKey) -> [u8; 32] {
    key.mac(&[b"code", head, host.as_str().as_bytes(), state.bytes()])
}

impl HandOffClaims {
    /// The token and the public name of the session that the browser with that `state` gets: the same each time.
    pub fn session(&self, state: &Secret, key: &MacKey) -> (Secret, SessionId) {
        let mac = |what: &[u8]| key.mac(&[what, self.code.0.as_bytes(), state.bytes()]);
        let id = *mac(b"name").first_chunk().expect("a digest has 32 bytes");
        (Secret::from_bytes(mac(b"token")), SessionId(uuid::Builder::from_random_bytes(id).into_uuid()))
    }
}

/// How many members of one family there are at one host. A browser needs one; more come of tabs that are handed over at
/// once, and of browsers that forget what they were given.
const MEMBERS: usize = 4;

/// Gives a browser that is signed in by `from` the `member` of its family. What it was signed in with at that host before
/// ends. Of the family's `others` at that host, the oldest make room.
pub fn take(
    from: &Session,
    member: Session,
    replaced: Option<SecretDigest>,
    mut others: Vec<Session>,
) -> Plan<Session> {
    others.retain(|other| other.family() == member.family() && other.head.is_some() && other.host == member.host);
    others.sort_by_key(|other| Reverse(other.last_seen_at));
    let released = others.iter().skip(MEMBERS - 1).map(|other| SessionChange::Release(other.token));
    let mut changes: Vec<Change> =
        replaced.map(SessionChange::End).into_iter().chain(released).map(Change::from).collect();
    // After what ends, so that nothing is handed over from a session that ended with it.
    changes.extend([SessionChange::Require(from.token).into(), SessionChange::Add(member.clone()).into()]);
    Plan::durable(changes, member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Zeros;

    const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

    fn key(n: u8) -> MacKey {
        MacKey::derive(&Secret::from_bytes([n; 32]), "hand-offs")
    }

    fn session() -> Session {
        Session { account: AccountId(Uuid::from_u128(8)), ..Session::numbered(7) }
    }

    fn state(n: u8) -> Secret {
        Secret::from_bytes([n; 32])
    }

    #[test]
    fn a_code_is_good_for_its_host_and_browser_for_a_minute() {
        let hosts = ["a.example.com", "b.example.com"].map(|host| Host::parse(host).unwrap());
        let [host, other] = &hosts;
        let purpose = |host, n| HandOffPurpose { host, state: state(n).digest() };
        let code = HandOffCode::new(&session(), purpose(host, 1), NOW, &key(1));
        let open = |text: &str, purpose, seconds: i64| {
            let now = Timestamp::from_unix(NOW.unix().saturating_add_signed(seconds));
            HandOffCode::open(text, purpose, now, &key(1)).map(|said| (said.account, said.session))
        };
        let said = Ok((session().account, session().id));
        for seconds in [0, 1, 60, -60] {
            assert_eq!(open(code.as_str(), purpose(host, 1), seconds), said, "{seconds}");
        }
        for seconds in [61, 3600, -61, -1_000_000] {
            assert_eq!(open(code.as_str(), purpose(host, 1), seconds), Err(HandOffRefusal::Late), "{seconds}");
        }
        for purpose in [purpose(other, 1), purpose(host, 2)] {
            assert_eq!(open(code.as_str(), purpose, 0), Err(HandOffRefusal::Unknown));
        }
        assert_eq!(HandOffCode::open(code.as_str(), purpose(host, 1), NOW, &key(2)), Err(HandOffRefusal::Unknown));
        let mut bytes = URL_SAFE_NO_PAD.decode(code.as_str()).unwrap();
        for place in 0..bytes.len() {
            bytes[place] ^= 1;
            assert_eq!(
                open(&URL_SAFE_NO_PAD.encode(&bytes), purpose(host, 1), 0),
                Err(HandOffRefusal::Unknown),
                "{place}"
            );
            bytes[place] ^= 1;
        }
        for text in
            ["", "AAAA", "=", &code.as_str()[1..], &format!("{}A", code.as_str()), &format!("{}=", code.as_str())]
        {
            assert_eq!(open(text, purpose(host, 1), 0), Err(HandOffRefusal::Unknown), "{text}");
        }
    }

    #[test]
    fn a_code_makes_one_session_for_the_state_it_was_made_for() {
        let host = Host::parse("a.example.com").unwrap();
        let said = |now: Timestamp| {
            let purpose = HandOffPurpose { host: &host, state: state(1).digest() };
            let code = HandOffCode::new(&session(), purpose, now, &key(1));
            HandOffCode::open(code.as_str(), purpose, now, &key(1)).unwrap()
        };
        let one = said(NOW).session(&state(1), &key(1));
        assert_eq!(one, said(NOW).session(&state(1), &key(1)));
        for other in [
            said(NOW.after(Duration::from_secs(1))).session(&state(1), &key(1)),
            said(NOW).session(&state(2), &key(1)),
            said(NOW).session(&state(1), &key(2)),
        ] {
            assert_ne!(one.0, other.0);
            assert_ne!(one.1, other.1);
        }
    }

    #[test]
    fn a_state_is_written_in_one_way() {
        let known = KnownState { id: StateId(31), digest: state(1).digest() };
        assert_eq!(KnownState::parse(&known.to_string()), Some(known));
        for text in [
            "",
            ".",
            "1",
            "1.",
            "1.AAAA",
            "32.",
            &known.to_string().replace("31.", "32."),
            &format!("{known}A"),
            &format!(" {known}"),
        ] {
            assert_eq!(KnownState::parse(text), None, "{text}");
        }
        for text in ["00", "01", "+1", "-0", "32", "256", "", " 1", "1 ", "x"] {
            assert_eq!(StateId::parse(text), None, "{text}");
        }
        for free in [0, 7, 31] {
            assert_eq!(StateId::draw(|id| id == StateId(free), &Zeros), StateId(free));
        }
        assert_eq!(StateId::draw(|_| false, &Zeros), StateId(0));
        assert_eq!((0..=255).filter_map(|id: u8| StateId::parse(&id.to_string())).count(), 32);
    }
}
