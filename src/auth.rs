//! The driver of the flows: loads the facts, calls the pure step, commits its plan.
//!
//! Every step of a flow is one function here with the same shape. What the steps decide stands in [`crate::domain`].

mod bearer;
pub mod ledger;
pub mod link;
pub mod manage;
pub mod operate;
pub mod otp;
pub mod passkeys;
pub mod principal;
pub mod recover;
pub mod register;
pub mod rotation;
pub mod sessions;
pub mod sign_in;
pub mod tokens;
pub mod verifying;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use uuid::Uuid;
use webauthn_rs::prelude::{DiscoverableAuthentication, PublicKeyCredential};

use crate::counts::Counts;
use crate::domain::clock::{Clock, Entropy, Timestamp};
use crate::domain::code::{Code, CodeId};
use crate::domain::letter::LetterId;
use crate::domain::passkey::{NewPasskey, Passkey};
use crate::domain::plan::{Change, Counter, Durability, Plan, SessionChange};
use crate::domain::recover::Mode;
use crate::domain::register::Policy;
use crate::domain::secret::{MacKey, Secret, SecretDigest};
use crate::domain::session::{NewSession, Session, SessionId, SessionLimits, SignedIn};
use crate::domain::visitor::Visitor;
use crate::identity::{Identity, IdentityError};
use crate::store::{CommitError, Records, StoreError};
use ledger::Ledger;
use passkeys::{RelyingParty, RelyingPartyError, Unproved};
use principal::Principal;
use sessions::{KeptToken, LiveSession, Sessions};
use verifying::Verifying;

/// Of how many sessions one commit writes down the last use.
const AT_ONCE: usize = 1000;

/// The sign-in side of the gateway.
pub struct Auth {
    ledger: Arc<Ledger>,
    store: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    relying_party: Arc<RelyingParty>,
    identity: Arc<Identity>,
    policy: Policy,
    recovery: Mode,
    linking: link::Policy,
    elevation: Duration,
    links: Arc<link::watch::Watchers>,
    keys: Keys,
    sessions: Arc<Sessions>,
    verifying: Arc<Verifying>,
    counts: Arc<Counts>,
}

/// What [`Auth`] is made of.
pub struct Parts {
    /// Where everything is kept.
    pub ledger: Arc<Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The relying party.
    pub relying_party: RelyingParty,
    /// Where signatures are verified.
    pub verifying: Arc<Verifying>,
    /// The signer of identity tokens.
    pub identity: Arc<Identity>,
    /// Who may register.
    pub policy: Policy,
    /// How somebody without their passkey gets back in.
    pub recovery: Mode,
    /// Whether a second device may be signed in from the first.
    pub linking: link::Policy,
    /// How long an elevation of a session lasts.
    pub elevation: Duration,
    /// The keys derived from the master secret.
    pub keys: Keys,
    /// What is counted.
    pub counts: Arc<Counts>,
}

/// Keys derived from the gateway's master secret, one for each purpose.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Of e-mailed codes.
    pub codes: MacKey,
    /// Of the names of counters.
    pub counters: MacKey,
    /// Of form tokens.
    pub forms: MacKey,
    /// Of made-up credential ids.
    pub fakes: MacKey,
    /// Of the links that cancel held recoveries.
    pub holds: MacKey,
    /// Of the codes of links.
    pub links: MacKey,
    /// Of the codes that operators give out.
    pub admin_codes: MacKey,
    /// Of the names by which the store knows sessions of the API.
    pub api_sessions: MacKey,
    /// Of refresh tokens: which follows which.
    pub refresh_tokens: MacKey,
}

impl Keys {
    /// All keys of a master secret.
    pub fn derive(master: &Secret) -> Self {
        let key = |purpose| MacKey::derive(master, purpose);
        Self {
            codes: key("e-mail codes"),
            counters: key("counters"),
            forms: key("forms"),
            fakes: key("fake credentials"),
            holds: key("held recoveries"),
            links: key("links"),
            admin_codes: key("admin codes"),
            api_sessions: key("API sessions"),
            refresh_tokens: key("refresh tokens"),
        }
    }

    /// What the store knows a session of the API by: no client carries it, its access tokens name the session.
    pub fn api_session(&self, id: SessionId) -> SecretDigest {
        SecretDigest::from_bytes(self.api_sessions.mac(&[id.0.as_bytes()]))
    }

    /// The name of the counter of `parts`.
    fn counter(&self, parts: &[&[u8]]) -> Counter {
        Counter(self.counters.mac(parts))
    }
}

/// Why a step did not succeed: the visitor is refused, or the world failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure<R> {
    /// The visitor is refused.
    #[error("refused")]
    Refused(R),
    /// The world failed.
    #[error(transparent)]
    World(#[from] WorldFailure),
}

/// What failed of the world, which is nothing that the visitor did.
#[derive(Debug, thiserror::Error)]
pub enum WorldFailure {
    /// Too many sign-ins at once.
    #[error("more sign-ins at once than can be verified")]
    Busy,
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// The relying party failed.
    #[error("no challenge could be made: {0}")]
    RelyingParty(#[from] RelyingPartyError),
}

impl WorldFailure {
    /// Whether it may pass by itself, so that it is worth trying again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy | Self::Store(_) => true,
            Self::RelyingParty(_) => false,
        }
    }

    /// Logs it, which is done once: where it is answered.
    pub fn log(&self) {
        match self {
            Self::Busy => tracing::warn!("{self}"),
            Self::Store(error) => tracing::error!(%error, source = ?error.source, "the store failed"),
            Self::RelyingParty(error) => tracing::error!(%error, "no challenge could be made"),
        }
    }
}

impl<R> Failure<R> {
    /// The same, refused in other words.
    pub fn map_refusal<T>(self, word: impl FnOnce(R) -> T) -> Failure<T> {
        match self {
            Self::Refused(refusal) => Failure::Refused(word(refusal)),
            Self::World(failure) => Failure::World(failure),
        }
    }
}

impl<R> From<StoreError> for Failure<R> {
    fn from(error: StoreError) -> Self {
        Self::World(error.into())
    }
}

impl<R> From<RelyingPartyError> for Failure<R> {
    fn from(error: RelyingPartyError) -> Self {
        Self::World(error.into())
    }
}

impl<R: From<crate::domain::plan::Conflict>> From<CommitError> for Failure<R> {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict(conflict) => Self::Refused(conflict.into()),
            CommitError::Store(error) => error.into(),
        }
    }
}

/// What a step came to, apart from the world's failures, which `?` hands on.
///
/// # Errors
/// The world failed.
pub fn refusal_apart<T, R>(step: Result<T, Failure<R>>) -> Result<Result<T, R>, WorldFailure> {
    match step {
        Ok(done) => Ok(Ok(done)),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        Err(Failure::World(failure)) => Err(failure),
    }
}

/// A fresh session and the token that its browser gets.
#[derive(Debug)]
pub struct SignedInBrowser {
    /// The cookie's value.
    pub token: Secret,
    /// The session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: crate::domain::destination::Destination,
}

/// A session about to be, and what is kept beside it.
struct Starting {
    session: NewSession,
    with: Vec<Change>,
}

impl Starting {
    /// A plan that begins the session, with what is kept beside it.
    fn along<T>(self, mut plan: Plan<T>) -> Plan<T> {
        plan.changes.extend(self.with);
        plan
    }
}

impl Auth {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            ledger,
            clock,
            entropy,
            relying_party,
            verifying,
            identity,
            policy,
            recovery,
            linking,
            elevation,
            keys,
            counts,
        } = parts;
        Self {
            store: ledger.records(),
            sessions: ledger.sessions(),
            links: ledger.links(),
            ledger,
            clock,
            entropy,
            relying_party: Arc::new(relying_party),
            identity,
            policy,
            recovery,
            linking,
            elevation,
            keys,
            verifying,
            counts,
        }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// How long sessions last.
    pub fn limits(&self) -> SessionLimits {
        self.sessions.limits()
    }

    /// Whether new accounts are open.
    pub fn registration_open(&self) -> bool {
        self.policy.open
    }

    /// The signer of identity tokens.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where everything is kept.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.store.ready().await
    }

    /// The token that forms of that browser carry, so that only our own pages can send them.
    pub fn form_token(&self, browser: SecretDigest) -> String {
        self.keys.forms.mac_text(&[browser.bytes()])
    }

    /// Whether `given` is the form token of that browser.
    pub fn form_token_fits(&self, browser: SecretDigest, given: &str) -> bool {
        self.keys.forms.verify_text(&[browser.bytes()], given)
    }

    /// The live session of that token, from the table only; it costs no wait.
    pub fn live_session(&self, token: SecretDigest) -> Option<LiveSession> {
        self.sessions.get(token, self.now())
    }

    /// The live session of that token, from the table or the store.
    ///
    /// # Errors
    /// The store could not be read: whoever asks is refused.
    pub async fn session(&self, token: SecretDigest) -> Result<Option<LiveSession>, StoreError> {
        // A session that ends while it is read must not come back; a few tries outlast any race.
        for _ in 0..8 {
            if let Some(live) = self.live_session(token) {
                return Ok(Some(live));
            }
            let before = self.sessions.before(token);
            let Some(signed_in) = self.stored(token).await? else { return Ok(None) };
            if let Ok(admitted) = self.sessions.admit(before, &signed_in, self.now()) {
                return Ok(admitted);
            }
        }
        Err(StoreError { problem: "a session changed again and again while it was read".to_owned(), source: None })
    }

    async fn stored(&self, token: SecretDigest) -> Result<Option<SignedIn>, StoreError> {
        let Some(session) = self.store.session(token).await? else { return Ok(None) };
        let Some(account) = self.store.account(session.account).await? else { return Ok(None) };
        let ends_at = self.limits().absolute_end(session.created_at);
        Ok(Some(SignedIn { session, account, ends_at }))
    }

    /// All of a live session and its account: of most of it nothing is in memory. `None` where it has ended meanwhile.
    ///
    /// # Errors
    /// The store could not be read: whoever asks is refused.
    pub async fn signed_in(&self, live: &LiveSession) -> Result<Option<SignedIn>, StoreError> {
        let stored = self.stored(live.token()).await?;
        Ok(stored.filter(|SignedIn { session, account, .. }| {
            session.id == live.id() && account.id == live.account() && !account.disabled
        }))
    }

    /// The same for a step that refuses whoever is not signed in any more.
    async fn signed_in_or<R>(&self, live: &LiveSession, refusal: R) -> Result<SignedIn, Failure<R>> {
        self.signed_in(live).await?.ok_or(Failure::Refused(refusal))
    }

    /// The identity token of a principal for `audience`, ready to be sent: the kept one, or past half of its life a new
    /// one.
    ///
    /// # Errors
    /// No key signs: the request is refused.
    pub fn identity_token(&self, principal: &Principal, audience: &Arc<str>) -> Result<HeaderValue, IdentityError> {
        let Principal::Person(session) = principal;
        let now = self.now();
        if let Some(kept) = self.sessions.kept(session, audience, now) {
            return Ok(kept);
        }
        let token = self.identity.mint(
            &session.told(),
            audience,
            self.sessions.end_if_used(session, now),
            self.random_uuid(),
            now,
        )?;
        let mut value = HeaderValue::try_from(token.text).expect("a compact JWT is base64url and dots");
        value.set_sensitive(true);
        let kept = KeptToken { audience: Arc::clone(audience), value: value.clone(), fresh_until: token.fresh_until };
        self.sessions.keep(session, kept);
        Ok(value)
    }

    /// Ends sessions whose time is up, and their open streams with them.
    pub fn end_expired_sessions(&self) {
        self.sessions.end_expired(self.now());
    }

    /// Ends sessions whose time is up and writes down when the others were last used.
    ///
    /// # Errors
    /// The store could not be written; the next round tries again.
    pub async fn sweep_sessions(&self) -> Result<(), CommitError> {
        self.end_expired_sessions();
        let mut used = Vec::new();
        for some in self.sessions.used() {
            used.extend(some);
            if used.len() >= AT_ONCE {
                self.write_down(&used).await?;
                used.clear();
            }
        }
        self.write_down(&used).await
    }

    /// Removes what has expired, a part at a time: what is left waits for the next round. Sessions whose time is up end
    /// first, and when the others were last used is written down.
    ///
    /// # Errors
    /// The store failed.
    pub async fn sweep(&self, rows: usize, rounds: usize) -> Result<(), StoreError> {
        // Before the use is written down: a session used while that goes on must not seem idle to the store, which would
        // forget it while it is live here.
        let (now, limits) = (self.now(), self.limits());
        let unused_since = match self.sweep_sessions().await {
            Ok(()) => now.before(limits.idle),
            Err(error) => {
                tracing::warn!(%error, "the use of sessions was not written down");
                // The store does not know which of them are idle.
                Timestamp::from_unix(0)
            }
        };
        for _ in 0..rounds {
            if self.ledger.sweep(now, now.before(limits.absolute), unused_since, rows).await? < rows {
                break;
            }
        }
        Ok(())
    }

    /// Writes down when sessions were last used.
    async fn write_down(&self, used: &[(SecretDigest, Timestamp)]) -> Result<(), CommitError> {
        for part in used.chunks(AT_ONCE) {
            let touch = SessionChange::Touch(part.to_vec()).into();
            self.carry_out(Plan { changes: vec![touch], durability: Durability::Relaxed, then: () }).await?;
            self.sessions.note_written(part);
        }
        Ok(())
    }

    /// Carries a plan out; see [`Ledger::carry_out`].
    async fn carry_out<T>(&self, plan: Plan<T>) -> Result<T, CommitError> {
        self.ledger.carry_out(plan).await
    }

    /// Runs a verification off the async threads, in its turn.
    async fn verify<R, T: Send + 'static>(
        &self,
        work: impl FnOnce(&RelyingParty) -> T + Send + 'static,
    ) -> Result<T, Failure<R>> {
        let relying_party = Arc::clone(&self.relying_party);
        self.verifying.run(move || work(&relying_party)).await.map_err(|_refused| WorldFailure::Busy.into())
    }

    /// Verifies a device's answer by the key it names, or in vain where that is nobody's: whoever asks waits as long, and
    /// is put off as soon, either way.
    async fn verify_assertion<R>(
        &self,
        answer: PublicKeyCredential,
        state: DiscoverableAuthentication,
        named: Option<Passkey>,
    ) -> Result<Result<NewPasskey, Unproved>, Failure<R>> {
        self.verify(move |relying_party| match named {
            Some(passkey) => relying_party.verify_sign_in(&answer, state, &passkey),
            None => Err(relying_party.verify_in_vain(&answer, state)),
        })
        .await
    }

    fn code(&self, id: CodeId) -> Code {
        Code::derive(&self.keys.codes, id)
    }

    fn random_uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn fresh_letter(&self) -> LetterId {
        LetterId(self.random_uuid())
    }

    fn new_session(&self, visitor: &Visitor) -> (Secret, NewSession) {
        let token = Secret::generate(self.entropy());
        let session = NewSession {
            token: token.digest(),
            id: SessionId(self.random_uuid()),
            browser: visitor.description.clone(),
            address: visitor.address,
        };
        (token, session)
    }
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth").field("relying_party", &self.relying_party).finish_non_exhaustive()
    }
}
