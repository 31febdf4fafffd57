//! Who takes a step, when, and by what randomness: what every step of a flow is given beside its own facts.

use std::fmt;
use std::time::Duration;

use uuid::Uuid;

use super::account::{Account, AccountId};
use super::activity::{Event, What};
use super::clock::{Entropy, Timestamp};
use super::email::Email;
use super::letter::{ADDED_TOGETHER, Letter, LetterId, Message, NOTICE};
use super::plan::{Change, EventChange, LetterChange};
use super::profile::Locale;
use super::session::Session;
use super::visitor::Visitor;

/// Who takes a step, when, and by what randomness.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// The browser, or the client of the API.
    pub visitor: &'a Visitor,
    /// The time at which the step is taken.
    pub now: Timestamp,
    /// What the names of new things are drawn from.
    pub entropy: &'a dyn Entropy,
}

impl Moment<'_> {
    /// A random name (RFC 9562 §5.4).
    pub fn uuid(&self) -> Uuid {
        self.entropy.uuid()
    }

    /// Where the revisions of something begin that takes the place of another: not where the other's do, so that its
    /// next state is not taken for one of this. All are of one length as stores write numbers.
    pub fn first_revision(&self) -> u32 {
        let mut bytes = [0; 4];
        self.entropy.fill(&mut bytes);
        u32::from_le_bytes(bytes) >> 2 | 1 << 30
    }

    /// Something that the visitor did to an account.
    pub fn event(&self, account: AccountId, what: What) -> Change {
        self.event_named(self.uuid(), account, what)
    }

    /// The beginning of a session, whose name the event has.
    pub fn event_of(&self, session: &Session, what: What) -> Change {
        self.event_named(session.id.0, session.account, what)
    }

    fn event_named(&self, id: Uuid, account: AccountId, what: What) -> Change {
        EventChange::Add(Event::by(self.visitor, account, what, id, self.now)).into()
    }

    /// A letter that is worth sending for so long.
    pub fn letter(&self, to: &Email, message: Message, useful_for: Duration) -> Change {
        LetterChange::Add(self.written(to, message, useful_for)).into()
    }

    /// A letter to the owner of an account, in the language they have chosen, even where another person causes it.
    fn written_to(&self, owner: &Account, message: Message, useful_for: Duration) -> Letter {
        let written = self.written(&owner.email, message, useful_for);
        let chosen = owner.locale.as_ref().and_then(Locale::language);
        Letter { language: chosen.map_or(written.language, |language| language.tag().to_owned()), ..written }
    }

    fn written(&self, to: &Email, message: Message, useful_for: Duration) -> Letter {
        Letter {
            id: LetterId(self.uuid()),
            to: to.clone(),
            message,
            language: self.visitor.language.clone(),
            offset: self.visitor.offset,
            browser: self.visitor.description.clone(),
            created_at: self.now,
            due_at: self.now,
            failures: 0,
            expires_at: self.now.after(useful_for),
        }
    }

    /// A letter that tells of something that has happened.
    pub fn notice(&self, to: &Email, message: Message) -> Change {
        self.letter(to, message, NOTICE)
    }

    /// A letter to the owner of an account that is worth sending for so long.
    pub fn letter_to(&self, owner: &Account, message: Message, useful_for: Duration) -> Change {
        LetterChange::Add(self.written_to(owner, message, useful_for)).into()
    }

    /// A letter to the owner of an account that tells of something that has happened to it.
    pub fn notice_to(&self, owner: &Account, message: Message) -> Change {
        self.letter_to(owner, message, NOTICE)
    }

    /// The owner of an account is told what the visitor did to it: among its events, and by a letter.
    pub fn record_and_notify(&self, account: &Account, what: What, message: Message) -> [Change; 2] {
        [self.event(account.id, what), self.notice_to(account, message)]
    }

    /// The owner of an account is told that the visitor added a passkey to it: among its events, and by a letter. Of
    /// those that follow soon, one letter tells when the time for that is over.
    pub fn tell_added(&self, account: &Account, aaguid: Uuid) -> [Change; 2] {
        let first = self.written_to(account, Message::PasskeyAdded { aaguid }, NOTICE);
        let useful_for = ADDED_TOGETHER.saturating_add(NOTICE);
        let waits = Letter {
            id: LetterId::of_more_passkeys(account.id),
            due_at: self.now.after(ADDED_TOGETHER),
            ..self.written_to(account, Message::Nothing, useful_for)
        };
        let (first, waits) = (Box::new(first), Box::new(waits));
        let gather = LetterChange::Gather { first, waits, rest: Message::MorePasskeysAdded };
        [self.event(account.id, What::PasskeyAdded), gather.into()]
    }
}

impl fmt::Debug for Moment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moment").field("visitor", self.visitor).field("now", &self.now).finish_non_exhaustive()
    }
}
