//! The steps of a link, each a function of what is known to the changes it asks for.

use std::time::Duration;

use super::seen::Device;
use super::{
    Approval, Closed, CodeOutcome, Link, LinkId, LinkPolicy, LinkRefusal, LinkStage, NumberTried, WRONG_NUMBERS, code,
};
use crate::domain::account::{Account, AccountId};
use crate::domain::activity::What;
use crate::domain::assertion::{AssertionChallenge, AssertionRefusal, Proof};
use crate::domain::attestation::{AttestationChallenge, BadPasskey, MadePasskey};
use crate::domain::ceremony::{Ceremony, CeremonySubject, Leave, Makes, Proves};
use crate::domain::clock::Timestamp;
use crate::domain::destination::Destination;
use crate::domain::moment::Moment;
use crate::domain::passkey::{self, Naming, Passkey};
use crate::domain::plan::{
    Change, Conflict, Counter, CounterChange, LinkChange, PasskeyChange, PasskeyConflict, Plan, SessionChange,
};
use crate::domain::secret::SecretDigest;
use crate::domain::session::{NewSession, Session};
use crate::domain::visitor::Visitor;

/// How many codes one network may type within [`CODES_PER_NETWORK_WINDOW`]: an office at one address may link a few
/// devices, a guesser gets nowhere.
pub const CODES_PER_NETWORK: u32 = 20;
/// The window of [`CODES_PER_NETWORK`].
pub const CODES_PER_NETWORK_WINDOW: Duration = Duration::from_secs(10 * 60);
/// How many codes may be typed in all within [`CODES_WINDOW`]. With a thousand links open, guessing that fast from any
/// number of networks meets one of the 2^40 codes once in twenty years. The window is short, so that an attacker who
/// uses it up keeps others from typing for a minute at most; scanning goes on.
pub const CODES: u32 = 100;
/// The window of [`CODES`].
pub const CODES_WINDOW: Duration = Duration::from_secs(60);

/// The counters of typed codes.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Those from the visitor's network.
    pub network: Counter,
    /// Tries from any network.
    pub all: Counter,
}

/// A code is shown. A link that is lost with the process can be asked for again.
pub fn show(link: Link) -> Plan<Link> {
    Plan::relaxed(vec![LinkChange::Add(link.clone()).into()], link)
}

/// A typed code is counted, before it is looked up.
pub fn count_code(counters: Counters, now: Timestamp) -> Plan<()> {
    let count = |counter, limit, window| CounterChange::Count { counter, limit, window, now }.into();
    let changes = vec![
        count(counters.network, CODES_PER_NETWORK, CODES_PER_NETWORK_WINDOW),
        count(counters.all, CODES, CODES_WINDOW),
    ];
    Plan::durable(changes, ())
}

/// A code was brought. The same browser may bring it again, which changes nothing.
///
/// # Errors
/// See [`Link::find`].
pub fn find(
    link: Link,
    return_to: Destination,
    policy: LinkPolicy,
    moment: Moment<'_>,
) -> Result<Plan<Link>, LinkRefusal> {
    let Moment { visitor, now, entropy } = moment;
    let number = code::number(entropy, link.numbers());
    Ok(match link.find(visitor, number, return_to, policy, now)? {
        CodeOutcome::Now(link) => advance(link),
        CodeOutcome::Before(link) => Plan::nothing(link),
    })
}

fn advance(link: Link) -> Plan<Link> {
    Plan::durable(vec![LinkChange::Advance(link.clone()).into()], link)
}

/// A number that was right, and has been counted: only with one of these is a passkey asked for.
#[derive(Debug)]
pub struct RightNumber {
    link: Link,
    waiting: SecretDigest,
}

/// What a passkey is proved for: one link, and the browser whose number was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picked {
    /// The link that is approved.
    pub link: LinkId,
    /// Which of those that wait.
    pub waiting: SecretDigest,
}

/// A number was typed: it is counted before anything is told, the right one too.
///
/// # Errors
/// See [`Link::try_number`]. The plan's own refusal is told once it is committed.
pub fn try_number(
    link: Link,
    typed: u8,
    policy: LinkPolicy,
    moment: Moment<'_>,
) -> Result<Plan<Result<RightNumber, LinkRefusal>>, LinkRefusal> {
    let (link, then) = match link.try_number(moment.visitor, policy, typed, moment.now)? {
        NumberTried::Right { link, waiting } => (link.clone(), Ok(RightNumber { link, waiting })),
        NumberTried::Wrong(link) => {
            let refusal = match link.stage {
                LinkStage::Closed(Closed::WrongNumbers) => LinkRefusal::NumbersSpent,
                LinkStage::Shown | LinkStage::Found | LinkStage::Approved(_) | LinkStage::Closed(_) => {
                    LinkRefusal::WrongNumber { tries_left: WRONG_NUMBERS.saturating_sub(link.wrong_numbers) }
                }
            };
            (link, Err(refusal))
        }
    };
    Ok(Plan::durable(vec![LinkChange::Advance(link).into()], then))
}

impl RightNumber {
    /// What the approving browser is asked a passkey for: this link with the browser that shows that number, and
    /// nothing else.
    pub fn proves(&self, subject: CeremonySubject) -> Proves {
        Proves::Link { link: self.link.id, waiting: self.waiting, subject }
    }

    /// Who shows that number, as `visitor` is told.
    pub fn device(&self, visitor: &Visitor) -> Option<Device> {
        self.link.waiting(self.waiting).map(|waiting| Device::seen_by(visitor, waiting))
    }

    /// When the link is over.
    pub fn expires_at(&self) -> Timestamp {
        self.link.expires_at
    }
}

/// Opens a ceremony for the answer of the approving browser, which is about one link.
///
/// # Errors
/// [`LinkRefusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open_proof(ceremony: Ceremony, moment: Moment<'_>) -> Result<AssertionChallenge<Picked>, LinkRefusal> {
    Ok(AssertionChallenge::open(ceremony, moment, |proves, _| match proves {
        Proves::Link { link, waiting, .. } => Some(Picked { link, waiting }),
        Proves::SignIn(_) | Proves::Confirm { .. } | Proves::Contest { .. } => None,
    })?)
}

/// Whose session the approving browser has now: the account, and the digest of its token.
pub type SignedInAs = Option<(AccountId, SecretDigest)>;

/// A passkey was proved for this link: it is approved.
///
/// # Errors
/// [`LinkRefusal::Disabled`]; [`LinkRefusal::NotSignedIn`] where the number was typed in a session that has ended
/// since; see [`Link::approve`].
pub fn approve(
    proof: &Proof<Picked>,
    link: Link,
    account: &Account,
    signed_in: SignedInAs,
    policy: LinkPolicy,
    moment: Moment<'_>,
) -> Result<Plan<Link>, LinkRefusal> {
    let Picked { link: id, waiting } = *proof.asked_for();
    if link.id != id || account.id != proof.account() {
        return Err(LinkRefusal::NotProved);
    }
    if account.disabled {
        return Err(LinkRefusal::Disabled);
    }
    let session = signed_in.filter(|(owner, _)| *owner == account.id).map(|(_, session)| session);
    if session.is_none() && matches!(proof.subject(), CeremonySubject::Account(_)) {
        return Err(LinkRefusal::NotSignedIn);
    }
    let (credential, approving) = (proof.used().id.clone(), moment.visitor.browser);
    let approval = Approval { account: account.id, credential, session, approving, waiting };
    let link = link.approve(moment.visitor, policy, approval, moment.now)?;
    let mut changes = vec![proof.spend()];
    changes.extend(proof.note_use(moment.now));
    changes.extend(session.map(SessionChange::Require).map(Change::from));
    changes.extend([LinkChange::Advance(link.clone()).into(), moment.event(account.id, What::LinkApproved)]);
    Ok(Plan::durable(changes, link))
}

/// A browser of the link says no. Where the link is over already, nothing changes.
///
/// # Errors
/// [`LinkRefusal::NoLink`] for any other browser.
pub fn deny(link: Link, signed_in: SignedInAs, moment: Moment<'_>) -> Result<Plan<Link>, LinkRefusal> {
    let Moment { visitor, now, .. } = moment;
    let told = link.clone();
    let link = match link.deny(visitor.browser, now) {
        Ok(link) => link,
        Err(LinkRefusal::NoLink) => return Err(LinkRefusal::NoLink),
        Err(_over) => return Ok(Plan::nothing(told)),
    };
    let mut plan = advance(link);
    // Only the approver turns a device down for an account; the other browser just gives up.
    if told.approving(visitor.browser).is_some()
        && let Some((account, _)) = signed_in
    {
        plan.changes.push(moment.event(account, What::LinkDenied));
    }
    Ok(plan)
}

/// What the waiting browser is asked to make its passkey for.
///
/// # Errors
/// [`LinkRefusal::Denied`] where the account is disabled, [`LinkRefusal::TooManyPasskeys`] where it has no room beside
/// its `passkeys`; see [`Link::approval`].
pub fn makes(
    link: &Link,
    account: &Account,
    passkeys: &[Passkey],
    policy: LinkPolicy,
    moment: Moment<'_>,
) -> Result<Makes, LinkRefusal> {
    let approval = link.approval(moment.visitor, policy, moment.now)?;
    if account.disabled || account.id != approval.account {
        return Err(LinkRefusal::Denied);
    }
    if passkeys.len() >= passkey::MOST {
        return Err(LinkRefusal::TooManyPasskeys);
    }
    Ok(Makes::Another(Leave::Link(link.id)))
}

/// Opens a ceremony for the new passkey, which one link allows.
///
/// # Errors
/// [`LinkRefusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open_making(ceremony: Ceremony, moment: Moment<'_>) -> Result<AttestationChallenge<LinkId>, LinkRefusal> {
    Ok(AttestationChallenge::open(ceremony, moment, |makes, _, _| match makes {
        Makes::Another(Leave::Link(link)) => Some(link),
        Makes::Another(Leave::Recovery | Leave::Session(_)) | Makes::Registration { .. } => None,
    })?)
}

/// What a finished link comes to.
#[derive(Debug)]
pub struct FinishedLink {
    /// The new session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// The new passkey was made for this link: it is kept, a session begins, the account's owner is
/// written to, and the link is gone. All that the approval stands on must still hold.
///
/// # Errors
/// [`LinkRefusal::Denied`] where the account is disabled; see [`Link::approval`].
pub fn finish(
    made: MadePasskey<LinkId>,
    link: Link,
    account: &Account,
    naming: Naming<'_>,
    session: NewSession,
    policy: LinkPolicy,
    moment: Moment<'_>,
) -> Result<Plan<FinishedLink>, LinkRefusal> {
    let Moment { visitor, now, .. } = moment;
    let approval = link.approval(visitor, policy, now)?.clone();
    let return_to = link.return_to(visitor.browser);
    if link.id != made.made_for || account.disabled || account.id != approval.account || account.id != made.account {
        return Err(LinkRefusal::Denied);
    }
    let session = session.begin(account.id, &made.key, &[], now);
    let session = Session { bound_for: return_to.clone(), ..session };
    let mut changes = vec![
        made.spend(),
        LinkChange::Spend { id: link.id, revision: link.revision }.into(),
        PasskeyChange::Require { credential: approval.credential, account: account.id }.into(),
    ];
    changes.extend(approval.session.map(SessionChange::Require).map(Change::from));
    let aaguid = made.key.aaguid;
    changes.extend([
        PasskeyChange::RequireRoom { account: account.id, most: passkey::MOST }.into(),
        PasskeyChange::Add(made.key.of(account.id, naming, visitor, now)).into(),
        SessionChange::Add(session.clone()).into(),
    ]);
    changes.extend(moment.tell_added(account, aaguid));
    changes.extend(visitor.session.map(SessionChange::End).map(Change::from));
    Ok(Plan::durable(changes, FinishedLink { session, return_to }))
}

impl From<AssertionRefusal> for LinkRefusal {
    fn from(refusal: AssertionRefusal) -> Self {
        match refusal {
            // The key of a registration that waits for its code is not one to be forgotten.
            AssertionRefusal::NotProved | AssertionRefusal::Unfinished => Self::NotProved,
            AssertionRefusal::UnknownPasskey => Self::UnknownPasskey,
            AssertionRefusal::Rests => Self::Rests,
            AssertionRefusal::CounterWentBack => Self::CounterWentBack,
            AssertionRefusal::NoLongerEligible => Self::NoLongerEligible,
        }
    }
}

impl From<BadPasskey> for LinkRefusal {
    fn from(BadPasskey: BadPasskey) -> Self {
        Self::BadPasskey
    }
}

impl From<Conflict> for LinkRefusal {
    /// What a visitor is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::CeremonySpent => Self::Stale,
            Conflict::Passkey(PasskeyConflict::Taken) => Self::BadPasskey,
            Conflict::Passkey(PasskeyConflict::Full) => Self::TooManyPasskeys,
            Conflict::Limit { wait, .. } => Self::TooMany { wait: Some(wait) },
            Conflict::LinkChanged => Self::NoLink,
            // What the link stood on is gone.
            Conflict::Session(_)
            | Conflict::Passkey(PasskeyConflict::Changed | PasskeyConflict::Last | PasskeyConflict::NotNone)
            | Conflict::Account(_)
            | Conflict::RegistrationChanged
            | Conflict::Key(_)
            | Conflict::AdminCodeSpent
            | Conflict::InvitationChanged
            | Conflict::RecoveryChanged
            | Conflict::TokensChanged
            | Conflict::HoldChanged
            | Conflict::MoveChanged
            | Conflict::LetterTaken => Self::Denied,
        }
    }
}
