//! Plans: what a flow's step wants changed, all or nothing. Each kind of thing that is kept has a file of its changes.

mod account;
mod admin_code;
mod bookmark;
mod ceremony;
mod counter;
mod effects;
mod event;
mod hold;
mod invitation;
mod key;
mod letter;
mod link;
mod moving;
mod passkey;
mod recovery;
mod registration;
mod session;
mod tokens;

use std::time::Duration;

use super::ceremony::{Ceremony, CeremonyId};
pub use account::{AccountChange, AccountConflict};
pub use admin_code::AdminCodeChange;
pub use bookmark::BookmarkChange;
pub use ceremony::CeremonyChange;
pub use counter::{Counter, CounterChange};
pub use effects::{Effects, TouchedLinks};
pub use event::EventChange;
pub use hold::HoldChange;
pub use invitation::InvitationChange;
pub use key::{KeyChange, KeyConflict};
pub use letter::LetterChange;
pub use link::LinkChange;
pub use moving::MoveChange;
pub use passkey::{PasskeyChange, PasskeyConflict};
pub use recovery::RecoveryChange;
pub use registration::RegistrationChange;
pub use session::{SessionChange, SessionConflict};
pub use tokens::TokensChange;

/// What one step of a flow comes to: the changes to commit, the letters among them, and what to go on with.
#[derive(Debug)]
pub struct Plan<T> {
    /// To be made all or nothing.
    pub changes: Vec<Change>,
    /// What the changes have to survive.
    pub durability: Durability,
    /// What holds once they are made.
    pub then: T,
}

impl<T> Plan<T> {
    /// Changes that survive `kill -9` and loss of power.
    pub fn durable(changes: Vec<Change>, then: T) -> Self {
        Self { changes, durability: Durability::Durable, then }
    }

    /// Changes that may be lost with the process: what they add can be asked for again.
    pub fn relaxed(changes: Vec<Change>, then: T) -> Self {
        Self { changes, durability: Durability::Relaxed, then }
    }

    /// A plan without changes.
    pub fn nothing(then: T) -> Self {
        Self::relaxed(Vec::new(), then)
    }

    /// What its commit brings about beside itself. A change that is not told of here does not compile.
    pub fn effects(&self) -> Effects {
        Effects::of(&self.changes)
    }
}

impl Plan<()> {
    /// A question is put to a browser. One that is lost with the process can be asked for again.
    pub fn ask(ceremony: Ceremony) -> Self {
        Self::relaxed(vec![CeremonyChange::Add(ceremony).into()], ())
    }

    /// A question is over though nothing came of it: a refused answer has used it up too.
    pub fn give_up(ceremony: CeremonyId) -> Self {
        Self::durable(vec![CeremonyChange::Spend(ceremony).into()], ())
    }
}

impl Effects {
    /// Those of a list of changes.
    pub fn of(changes: &[Change]) -> Self {
        let mut effects = Self::default();
        changes.iter().for_each(|change| change.note(&mut effects));
        effects
    }
}

/// One change, with what must hold for it. Where that fails, nothing of the whole commit happens.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a plan has a handful of changes, each of which is moved once")]
pub enum Change {
    /// Of a ceremony.
    Ceremony(CeremonyChange),
    /// Of an unfinished registration.
    Registration(RegistrationChange),
    /// Of an account.
    Account(AccountChange),
    /// Of a passkey.
    Passkey(PasskeyChange),
    /// Of a session.
    Session(SessionChange),
    /// Of the tokens of a session of the API.
    Tokens(TokensChange),
    /// Of a link.
    Link(LinkChange),
    /// Of a recovery that is under way.
    Recovery(RecoveryChange),
    /// Of a held recovery.
    Hold(HoldChange),
    /// Of a change of address.
    Move(MoveChange),
    /// Of an operator's code.
    AdminCode(AdminCodeChange),
    /// Of a bookmark.
    Bookmark(BookmarkChange),
    /// Of an invitation.
    Invitation(InvitationChange),
    /// Of what happened to an account.
    Event(EventChange),
    /// Of a letter that waits.
    Letter(LetterChange),
    /// Of a counter.
    Counter(CounterChange),
    /// Of the gateway's own keys.
    Key(KeyChange),
}

impl Change {
    fn note(&self, effects: &mut Effects) {
        match self {
            Self::Ceremony(change) => change.note(effects),
            Self::Registration(change) => change.note(effects),
            Self::Account(change) => change.note(effects),
            Self::Passkey(change) => change.note(effects),
            Self::Session(change) => change.note(effects),
            Self::Tokens(change) => change.note(effects),
            Self::Link(change) => change.note(effects),
            Self::Recovery(change) => change.note(effects),
            Self::Hold(change) => change.note(effects),
            Self::Move(change) => change.note(effects),
            Self::AdminCode(change) => change.note(effects),
            Self::Bookmark(change) => change.note(effects),
            Self::Invitation(change) => change.note(effects),
            Self::Event(change) => change.note(effects),
            Self::Letter(change) => change.note(effects),
            Self::Counter(change) => change.note(effects),
            Self::Key(change) => change.note(effects),
        }
    }
}

impl From<CeremonyChange> for Change {
    fn from(change: CeremonyChange) -> Self {
        Self::Ceremony(change)
    }
}

impl From<RegistrationChange> for Change {
    fn from(change: RegistrationChange) -> Self {
        Self::Registration(change)
    }
}

impl From<AccountChange> for Change {
    fn from(change: AccountChange) -> Self {
        Self::Account(change)
    }
}

impl From<PasskeyChange> for Change {
    fn from(change: PasskeyChange) -> Self {
        Self::Passkey(change)
    }
}

impl From<SessionChange> for Change {
    fn from(change: SessionChange) -> Self {
        Self::Session(change)
    }
}

impl From<TokensChange> for Change {
    fn from(change: TokensChange) -> Self {
        Self::Tokens(change)
    }
}

impl From<LinkChange> for Change {
    fn from(change: LinkChange) -> Self {
        Self::Link(change)
    }
}

impl From<RecoveryChange> for Change {
    fn from(change: RecoveryChange) -> Self {
        Self::Recovery(change)
    }
}

impl From<HoldChange> for Change {
    fn from(change: HoldChange) -> Self {
        Self::Hold(change)
    }
}

impl From<MoveChange> for Change {
    fn from(change: MoveChange) -> Self {
        Self::Move(change)
    }
}

impl From<AdminCodeChange> for Change {
    fn from(change: AdminCodeChange) -> Self {
        Self::AdminCode(change)
    }
}

impl From<BookmarkChange> for Change {
    fn from(change: BookmarkChange) -> Self {
        Self::Bookmark(change)
    }
}

impl From<InvitationChange> for Change {
    fn from(change: InvitationChange) -> Self {
        Self::Invitation(change)
    }
}

impl From<EventChange> for Change {
    fn from(change: EventChange) -> Self {
        Self::Event(change)
    }
}

impl From<LetterChange> for Change {
    fn from(change: LetterChange) -> Self {
        Self::Letter(change)
    }
}

impl From<CounterChange> for Change {
    fn from(change: CounterChange) -> Self {
        Self::Counter(change)
    }
}

impl From<KeyChange> for Change {
    fn from(change: KeyChange) -> Self {
        Self::Key(change)
    }
}

/// Which precondition failed. The visitor who lost the race is refused; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The ceremony was answered already, or never was.
    CeremonySpent,
    /// The registration is finished, or was changed meanwhile.
    RegistrationChanged,
    /// Of an account.
    Account(AccountConflict),
    /// Of a passkey.
    Passkey(PasskeyConflict),
    /// Of a session.
    Session(SessionConflict),
    /// The session's tokens were changed meanwhile, or one of them is another session's.
    TokensChanged,
    /// The link is finished, or was changed meanwhile.
    LinkChanged,
    /// The recovery is finished, or was changed meanwhile.
    RecoveryChanged,
    /// The held recovery is over, or there is one already.
    HoldChanged,
    /// The change of address is over, or was changed meanwhile.
    MoveChanged,
    /// The operator's code is used up, or another took its place.
    AdminCodeSpent,
    /// The invitation is gone, or was changed meanwhile.
    InvitationChanged,
    /// The letter is gone, or waits for another moment by now: another sender has it.
    LetterTaken,
    /// The counter stands at its limit.
    Limit {
        /// The counter that is full.
        counter: Counter,
        /// Until its window is over.
        wait: Duration,
    },
    /// Of the gateway's own keys.
    Key(KeyConflict),
}

impl From<AccountConflict> for Conflict {
    fn from(conflict: AccountConflict) -> Self {
        Self::Account(conflict)
    }
}

impl From<PasskeyConflict> for Conflict {
    fn from(conflict: PasskeyConflict) -> Self {
        Self::Passkey(conflict)
    }
}

impl From<SessionConflict> for Conflict {
    fn from(conflict: SessionConflict) -> Self {
        Self::Session(conflict)
    }
}

impl From<KeyConflict> for Conflict {
    fn from(conflict: KeyConflict) -> Self {
        Self::Key(conflict)
    }
}

/// How safely a commit must be kept before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives `kill -9` and loss of power.
    Durable,
    /// It may be lost with the process; what it adds can be asked for again.
    Relaxed,
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::account::AccountId;
    use crate::domain::link::id::LinkId;
    use crate::domain::secret::SecretDigest;
    use crate::domain::token_family::{RefreshToken, TokenFamily};

    fn effects(change: impl Into<Change>) -> Effects {
        Effects::of(&[change.into()])
    }

    #[test]
    fn whatever_ends_may_be_what_a_link_stands_on() {
        let (token, account) = (SecretDigest::from_bytes([1; 32]), AccountId(Uuid::nil()));
        for ends in [
            effects(SessionChange::End(token)),
            effects(SessionChange::EndAll { account, except: None }),
            effects(AccountChange::SetDisabled { account, disabled: true }),
            effects(AccountChange::Remove(account)),
        ] {
            assert_eq!(ends.links, TouchedLinks::Any);
            assert!(!ends.ends_nothing());
        }
        assert_eq!(effects(SessionChange::Require(token)), Effects::default());
    }

    #[test]
    fn a_session_that_changed_is_read_anew_and_wakes_no_link() {
        let token = SecretDigest::from_bytes([1; 32]);
        let host = crate::domain::host::Host::parse("notes.example.com").unwrap();
        let changed = effects(SessionChange::Bind { session: token, host });
        assert_eq!((changed.sessions, changed.links), (vec![token], TouchedLinks::default()));
        let family = TokenFamily::begin(token, RefreshToken::new(Uuid::nil()));
        let cut = effects(TokensChange::Cut(family.clone()));
        assert_eq!((cut.sessions, cut.links), (vec![token], TouchedLinks::default()));
        for goes_on in [TokensChange::Advance(family), TokensChange::Require { session: token, revision: 0 }] {
            assert!(effects(goes_on).ends_nothing());
        }
    }

    #[test]
    fn a_link_wakes_its_own_pages_unless_any_may_have_changed() {
        let id = LinkId(Uuid::nil());
        let spend = || Change::from(LinkChange::Spend { id, revision: 0 });
        assert_eq!(Effects::of(&[spend()]).links, TouchedLinks::Some(vec![id]));
        let end = || Change::from(SessionChange::End(SecretDigest::from_bytes([1; 32])));
        assert_eq!(Effects::of(&[end(), spend()]).links, TouchedLinks::Any);
        assert_eq!(Effects::of(&[spend(), end()]).links, TouchedLinks::Any);
    }

    #[test]
    fn keys_that_change_are_told() {
        assert!(effects(KeyChange::Advance { was: 1 }).keys);
    }
}
