//! Signing in: a challenge, answered by a passkey of the account it was made for. And signing out.
//!
//! An address without an account gets a challenge too, with made-up credential ids; nothing can answer it.

use super::account::Account;
use super::activity::What;
use super::assertion::{AssertionChallenge, AssertionRefusal, Proof};
use super::ceremony::{Ceremony, CeremonyId, Proves, Stale};
use super::destination::Destination;
use super::moment::Moment;
use super::plan::{AccountConflict, CeremonyChange, Change, Conflict, Plan, SessionChange};
use super::secret::SecretDigest;
use super::session::{NewSession, Session};

/// Why a sign-in was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInRefusal {
    /// The page was open too long, or was answered already.
    Stale,
    /// No account has this passkey (any more). The browser may be told to forget it.
    UnknownPasskey,
    /// The passkey is the one of this browser's registration, which waits for its code.
    Unfinished,
    /// The answer does not prove what was asked: another account's passkey, a wrong signature, another site.
    NotProved,
    /// The signature counter went back: the key may have been copied (WebAuthn L3 §6.1.1).
    CounterWentBack,
    /// The key could be copied to other devices, and now says that it cannot (WebAuthn L3 §6.1.3).
    NoLongerEligible,
    /// The account is disabled. Told only to a person who proved to be its owner.
    Disabled,
    /// The account was recovered, and until its owner has answered, this passkey opens nothing.
    Rests,
}

impl SignInRefusal {
    /// A short name, for counts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::UnknownPasskey => "unknown-passkey",
            Self::Unfinished => "unfinished",
            Self::NotProved => "not-proved",
            Self::CounterWentBack => "counter-went-back",
            Self::NoLongerEligible => "no-longer-eligible",
            Self::Disabled => "disabled",
            Self::Rests => "rests",
        }
    }
}

impl From<Stale> for SignInRefusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl From<AssertionRefusal> for SignInRefusal {
    fn from(refusal: AssertionRefusal) -> Self {
        match refusal {
            AssertionRefusal::NotProved => Self::NotProved,
            AssertionRefusal::UnknownPasskey => Self::UnknownPasskey,
            AssertionRefusal::Unfinished => Self::Unfinished,
            AssertionRefusal::Rests => Self::Rests,
            AssertionRefusal::CounterWentBack => Self::CounterWentBack,
            AssertionRefusal::NoLongerEligible => Self::NoLongerEligible,
        }
    }
}

impl From<Conflict> for SignInRefusal {
    /// What a visitor is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::CeremonySpent => Self::Stale,
            Conflict::Account(AccountConflict::Disabled) => Self::Disabled,
            Conflict::Account(
                AccountConflict::EmailTaken
                | AccountConflict::Exists
                | AccountConflict::Gone
                | AccountConflict::Changed,
            )
            | Conflict::RegistrationChanged
            | Conflict::Passkey(_)
            | Conflict::Session(_)
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::HoldChanged
            | Conflict::MoveChanged
            | Conflict::AdminCodeSpent
            | Conflict::InvitationChanged
            | Conflict::LetterTaken
            | Conflict::Limit { .. }
            | Conflict::Key(_) => Self::NotProved,
        }
    }
}

/// Opens a sign-in for its answer, after which the visitor goes on to where they wanted.
///
/// # Errors
/// [`SignInRefusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open(ceremony: Ceremony, moment: Moment<'_>) -> Result<AssertionChallenge<Destination>, SignInRefusal> {
    Ok(AssertionChallenge::open(ceremony, moment, |proves, return_to| match proves {
        Proves::SignIn(_) => Some(return_to),
        Proves::Link { .. } | Proves::Confirm { .. } | Proves::Contest { .. } => None,
    })?)
}

/// What a sign-in comes to.
#[derive(Debug)]
pub struct FinishedSignIn {
    /// Who signed in.
    pub account: Account,
    /// The new session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// A passkey was proved. The ceremony, the passkey's use, the session and the event that tells of it are one commit.
/// The browser's session from before ends.
///
/// # Errors
/// [`SignInRefusal::Disabled`]; [`SignInRefusal::NotProved`] where the passkey is another account's.
pub fn finish(
    proof: &Proof<Destination>,
    account: Account,
    session: NewSession,
    moment: Moment<'_>,
) -> Result<Plan<FinishedSignIn>, SignInRefusal> {
    if account.id != proof.account() {
        return Err(SignInRefusal::NotProved);
    }
    if account.disabled {
        return Err(SignInRefusal::Disabled);
    }
    if account.aftermath.rests(&proof.used().id) {
        return Err(SignInRefusal::Rests);
    }
    let session = session.begin(account.id, proof.used(), &[], moment.now);
    let session = Session { bound_for: proof.asked_for().clone(), ..session };
    let mut changes =
        vec![proof.spend(), SessionChange::Add(session.clone()).into(), moment.event_of(&session, What::SignedIn)];
    changes.extend(proof.note_use(moment.now));
    let return_to = proof.asked_for().clone();
    changes.extend(moment.visitor.session.map(SessionChange::End).map(Change::from));
    Ok(Plan::durable(changes, FinishedSignIn { account, session, return_to }))
}

/// A passkey was proved that rests, since the account was recovered: its owner may say that the recovery was not
/// theirs.
///
/// # Errors
/// [`SignInRefusal::Disabled`]; [`SignInRefusal::Rests`] where there is nothing to contest: it was contested already,
/// or the passkey was itself made by a recovery that was not reviewed.
pub fn may_contest(
    proof: &Proof<Destination>,
    account: &Account,
    ceremony: Ceremony,
) -> Result<Plan<CeremonyId>, SignInRefusal> {
    if account.disabled {
        return Err(SignInRefusal::Disabled);
    }
    let is_older = account.aftermath.is_older(&proof.used().id);
    if account.id != proof.account() || account.aftermath.is_contested() || !is_older {
        return Err(SignInRefusal::Rests);
    }
    let id = ceremony.id;
    Ok(Plan::durable(vec![proof.spend(), CeremonyChange::Add(ceremony).into()], id))
}

/// Ends the browser's session.
pub fn sign_out(token: SecretDigest) -> Plan<()> {
    Plan::durable(vec![SessionChange::End(token).into()], ())
}
