//! The proof of a passkey that an account has (WebAuthn L3 §7.2), the same for signing in, approving a link and
//! confirming an act: what was asked, whose passkey may answer, and what every answer uses up.

use std::time::Duration;

use uuid::Uuid;
use webauthn_rs::prelude::DiscoverableAuthentication;

use super::account::{Account, AccountId};
use super::activity::What;
use super::ceremony::{Ceremony, CeremonyId, CeremonyPurpose, CeremonySubject, OpenedCeremony, Posed, Proves, Stale};
use super::clock::Timestamp;
use super::destination::Destination;
use super::letter::Message;
use super::moment::Moment;
use super::passkey::{NewPasskey, Passkey};
use super::plan::{CeremonyChange, Change, Counter, CounterChange, PasskeyChange, Plan};
use super::report::{Contradiction, ReportChanges};

/// How often the owner is told of copied passkeys within [`COPIES_WINDOW`], and of those that were moved. A thief with
/// a copy must not be able to fill a mailbox with it.
pub const COPIES_TOLD: u32 = 5;
/// The window of [`COPIES_TOLD`].
pub const COPIES_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// A question for a passkey, opened by the browser it was put to, with what it is asked for.
#[derive(Clone, Debug)]
pub struct AssertionChallenge<T> {
    id: CeremonyId,
    subject: CeremonySubject,
    state: DiscoverableAuthentication,
    posed: Posed,
    asked_for: T,
}

/// A question that was answered. Whatever follows from one takes it with what it was asked for, so that a proof for one
/// thing is none for another.
#[derive(Debug)]
pub struct Proof<T> {
    question: AssertionChallenge<T>,
    passkey: Passkey,
    used: NewPasskey,
    noted: Vec<Change>,
}

/// Why an answer proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionRefusal {
    /// It does not prove what was asked: another account's passkey, a wrong signature, another site.
    NotProved,
    /// No account has this passkey (any more). The browser may be told to forget it.
    UnknownPasskey,
    /// The passkey is the one of this browser's registration, which waits for its code.
    Unfinished,
    /// The signature counter went back: the key may have been copied (WebAuthn L3 §6.1.1).
    CounterWentBack,
    /// The key could be copied to other devices, and now says that it cannot.
    NoLongerEligible,
    /// The account was recovered, and until its owner has answered, this passkey opens nothing.
    Rests,
}

impl From<Contradiction> for AssertionRefusal {
    fn from(contradiction: Contradiction) -> Self {
        match contradiction {
            Contradiction::CounterWentBack => Self::CounterWentBack,
            Contradiction::NoLongerEligible => Self::NoLongerEligible,
        }
    }
}

impl<T> AssertionChallenge<T> {
    /// Opens a ceremony that was begun to have a passkey proved. `for_this` makes something of what it is asked for,
    /// and of where the visitor wanted to go.
    ///
    /// # Errors
    /// [`Stale`] where it is another browser's, too old, or was begun for something else, of which `for_this` makes
    /// nothing.
    pub fn open(
        ceremony: Ceremony,
        moment: Moment<'_>,
        for_this: impl FnOnce(Proves, Destination) -> Option<T>,
    ) -> Result<Self, Stale> {
        let OpenedCeremony { id, purpose, return_to, posed } = ceremony.open(moment.visitor, moment.now)?;
        let CeremonyPurpose::Prove { proves, state } = purpose else { return Err(Stale) };
        let subject = proves.subject();
        Ok(Self { id, subject, state, posed, asked_for: for_this(proves, return_to).ok_or(Stale)? })
    }

    /// The ceremony to be spent.
    pub fn id(&self) -> CeremonyId {
        self.id
    }

    /// The challenge the device's answer is verified against.
    pub fn state(&self) -> &DiscoverableAuthentication {
        &self.state
    }

    /// Where and when it was posed.
    pub fn posed(&self) -> &Posed {
        &self.posed
    }

    /// What it is asked for.
    pub fn asked_for(&self) -> &T {
        &self.asked_for
    }

    /// Whether the passkey that answers is one that may, by the account it belongs to and the user handle its
    /// authenticator sent (WebAuthn L3 §7.2 steps 5 and 6).
    ///
    /// # Errors
    /// [`AssertionRefusal::NotProved`].
    pub fn accepts(&self, passkey: &Passkey, user_handle: Option<&[u8]>) -> Result<(), AssertionRefusal> {
        let owner = passkey.account;
        let expected = match self.subject {
            CeremonySubject::Anyone => user_handle.is_some(),
            CeremonySubject::Account(account) => account == owner,
            CeremonySubject::NoAccount => false,
        };
        let handle_fits = user_handle.is_none_or(|handle| Uuid::from_slice(handle).is_ok_and(|id| id == owner.0));
        if expected && handle_fits { Ok(()) } else { Err(AssertionRefusal::NotProved) }
    }

    /// The answer was verified: `used` is the `passkey` after it, of which there is what is `noted`.
    pub fn answered(self, passkey: Passkey, used: NewPasskey, noted: Vec<Change>) -> Proof<T> {
        Proof { question: self, passkey, used, noted }
    }
}

impl<T> Proof<T> {
    /// What it was asked for.
    pub fn asked_for(&self) -> &T {
        &self.question.asked_for
    }

    /// Whose passkey might answer.
    pub fn subject(&self) -> CeremonySubject {
        self.question.subject
    }

    /// Whose passkey answered.
    pub fn account(&self) -> AccountId {
        self.passkey.account
    }

    /// The passkey after it.
    pub fn used(&self) -> &NewPasskey {
        &self.used
    }

    /// The question is spent, with which every plan begins that follows from it.
    pub fn spend(&self) -> Change {
        CeremonyChange::Spend(self.question.id).into()
    }

    /// The use of the passkey is noted, and what changed in it, which every plan does that follows from it.
    pub fn note_use(&self, now: Timestamp) -> Vec<Change> {
        let used = PasskeyChange::Use { was_counter: self.passkey.key.counter, key: self.used.clone(), at: now };
        let mut changes = vec![used.into()];
        changes.extend_from_slice(&self.noted);
        changes
    }
}

/// What changed in a passkey, for its owner to see; by a letter too where it was moved, and `may_write` says that there
/// were not too many.
pub fn noted(
    news: ReportChanges,
    passkey: &Passkey,
    owner: &Account,
    may_write: bool,
    moment: Moment<'_>,
) -> Vec<Change> {
    let ReportChanges { can_sync, moved } = news;
    let mut changes = Vec::new();
    changes.extend(can_sync.then(|| moment.event(owner.id, What::PasskeyCanSync)));
    changes.extend(moved.then(|| moment.event(owner.id, What::PasskeyMoved)));
    let message = Message::PasskeyMoved { aaguid: passkey.key.aaguid, made_in: passkey.browser.clone() };
    changes.extend((moved && may_write).then(|| moment.notice_to(owner, message)));
    changes
}

/// The owner of a passkey may be written to once more, by a counter of their own.
pub fn write_of_move(told: Counter, now: Timestamp) -> Plan<()> {
    let count = CounterChange::Count { counter: told, limit: COPIES_TOLD, window: COPIES_WINDOW, now };
    Plan::durable(vec![count.into()], ())
}

/// An answer that was right but for its signature counter, which went back: the question is spent, and the owner of the
/// passkey told (WebAuthn L3 §7.2 step 22), as often as [`COPIES_TOLD`] allows.
pub fn copied<T>(
    question: &AssertionChallenge<T>,
    passkey: &Passkey,
    owner: &Account,
    told: Counter,
    moment: Moment<'_>,
) -> Plan<()> {
    let count = CounterChange::Count { counter: told, limit: COPIES_TOLD, window: COPIES_WINDOW, now: moment.now };
    let mut changes = vec![count.into(), CeremonyChange::Spend(question.id).into()];
    let message = Message::PasskeyCopied { aaguid: passkey.key.aaguid, made_in: passkey.browser.clone() };
    changes.extend(moment.record_and_notify(owner, What::PasskeyCopied, message));
    Plan::durable(changes, ())
}
