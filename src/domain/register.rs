//! Registering: e-mail → the device makes a passkey → the e-mailed code → an account and a session.
//!
//! Nothing usable exists before the code. An address that has an account takes the same steps with the same answers,
//! and its owner is written to instead.

use std::time::Duration;

use webauthn_rs::prelude::PasskeyRegistration;

use super::account::{Account, AccountId};
use super::activity::{Event, What};
use super::ceremony::{self, Ceremony, CeremonyId, Purpose, Stale};
use super::clock::Timestamp;
use super::code::{self, Code, CodeId};
use super::destination::Destination;
use super::email::Email;
use super::letter::{Letter, LetterId, Message};
use super::passkey::{NewPasskey, Passkey};
use super::plan::{
    AccountChange, CeremonyChange, Change, Conflict, Counter, CounterChange, Durability, EventChange, LetterChange,
    PasskeyChange, PasskeyConflict, Plan, RegistrationChange, RegistrationConflict, SessionChange,
};
use super::profile::Profile;
use super::registration::{self, Registration};
use super::session::{Method, NewSession, Session};
use super::visitor::Visitor;

/// Who may register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether anybody may.
    pub open: bool,
    /// The domains of allowed addresses, as [`Email::domain`] gives them; none allows any.
    pub allowed_domains: Vec<String>,
}

impl Policy {
    /// Whether `email` may register at all. A domain does not stand for those below it.
    ///
    /// # Errors
    /// [`Refusal::Closed`], [`Refusal::DomainNotAllowed`].
    pub fn allow(&self, email: &Email) -> Result<(), Refusal> {
        if !self.open {
            return Err(Refusal::Closed);
        }
        let domains = &self.allowed_domains;
        if !domains.is_empty() && !domains.iter().any(|domain| domain == email.domain()) {
            return Err(Refusal::DomainNotAllowed);
        }
        Ok(())
    }
}

/// Why a step was refused. The visitor is told; the words are the portal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// New accounts are closed.
    Closed,
    /// New accounts are for addresses of certain domains.
    DomainNotAllowed,
    /// The page was open too long, or was answered already.
    Stale,
    /// What the device sent is not a passkey we can keep.
    BadPasskey,
    /// There is no unfinished registration of this browser.
    NoRegistration,
    /// What was typed is not six digits.
    NotACode,
    /// The code is wrong.
    WrongCode {
        /// How often this code may still be tried.
        tries_left: u32,
    },
    /// The code is older than ten minutes.
    CodeTooOld,
    /// The code was tried too often; another must be asked for.
    TriesSpent,
    /// Another code was asked for too soon.
    TooSoon {
        /// How long to wait.
        wait: Duration,
    },
    /// The address was sent, or tried with, too many codes lately.
    TooMany,
}

impl From<Stale> for Refusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl From<Conflict> for Refusal {
    /// What a visitor is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::CeremonySpent => Self::Stale,
            Conflict::Registration(RegistrationConflict::TriesSpent) => Self::TriesSpent,
            Conflict::Limit(_) => Self::TooMany,
            Conflict::Passkey(PasskeyConflict::Taken) => Self::BadPasskey,
            // Somebody else proved the address first, or another tab of this browser finished.
            Conflict::Registration(RegistrationConflict::Spent)
            | Conflict::Account(_)
            | Conflict::Passkey(PasskeyConflict::Changed | PasskeyConflict::Last)
            | Conflict::Session(_)
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::HoldChanged
            | Conflict::AdminCodeSpent
            | Conflict::LetterTaken
            | Conflict::Key(_) => Self::NoRegistration,
        }
    }
}

/// The counters of one address.
#[derive(Clone, Copy, Debug)]
pub struct Counters {
    /// Letters with codes to the address.
    pub letters: Counter,
    /// Those of them that the visitor's network caused.
    pub letters_from_network: Counter,
    /// Letters with codes that the visitor's network caused, to any address.
    pub network: Counter,
    /// Codes tried.
    pub tries: Counter,
}

/// Random names for what a step makes.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// For a code.
    pub code: CodeId,
    /// For a letter.
    pub letter: LetterId,
}

/// Who wants to register.
#[derive(Debug)]
pub struct Applicant {
    /// The address that was typed.
    pub email: Email,
    /// The name of the account to be.
    pub account: AccountId,
    /// What they say of themselves.
    pub profile: Profile,
    /// Where they want to go.
    pub return_to: Destination,
}

/// Step 1: an address was typed and a challenge made for it. The answer is the same whoever has the address.
pub fn begin(
    applicant: Applicant,
    id: CeremonyId,
    state: PasskeyRegistration,
    visitor: &Visitor,
    now: Timestamp,
) -> Plan<()> {
    let Applicant { email, account, profile, return_to } = applicant;
    let ceremony = Ceremony {
        id,
        browser: visitor.binding(),
        purpose: Purpose::Register { email, account, profile, state },
        return_to,
        expires_at: now.after(ceremony::LIFETIME),
    };
    Plan { changes: vec![Change::Ceremony(CeremonyChange::Add(ceremony))], durability: Durability::Relaxed, then: () }
}

/// A registration ceremony opened by the browser that began it: what [`receive_passkey`] goes on with.
#[derive(Debug)]
pub struct Opened {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// The address that was typed.
    pub email: Email,
    /// The name of the account to be.
    pub account: AccountId,
    /// What the person says of themselves.
    pub profile: Profile,
    /// What its owner calls the passkey.
    pub nickname: Option<String>,
    /// The challenge the device's answer is verified against.
    pub state: PasskeyRegistration,
    return_to: Destination,
}

/// Opens a ceremony for its answer.
///
/// # Errors
/// [`Refusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open(ceremony: Ceremony, visitor: &Visitor, now: Timestamp) -> Result<Opened, Refusal> {
    let (id, purpose, return_to) = ceremony.open(visitor, now)?;
    match purpose {
        Purpose::Register { email, account, profile, state } => {
            Ok(Opened { id, email, account, profile, nickname: None, state, return_to })
        }
        Purpose::SignIn { .. } | Purpose::AddPasskey { .. } | Purpose::ApproveLink { .. } | Purpose::Confirm { .. } => {
            Err(Refusal::Stale)
        }
    }
}

/// Step 2: the device's verified public key is kept with the registration, and a letter goes out: the code, or, where
/// the address is `taken`, a note to its owner.
pub fn receive_passkey(
    opened: Opened,
    passkey: NewPasskey,
    taken: bool,
    counters: Counters,
    fresh: Fresh,
    visitor: &Visitor,
    now: Timestamp,
) -> Plan<()> {
    let registration = Registration {
        browser: visitor.browser,
        email: opened.email,
        account: opened.account,
        passkey,
        nickname: opened.nickname,
        profile: opened.profile,
        claim: visitor.claim(),
        return_to: opened.return_to,
        taken,
        code: fresh.code,
        tries: 0,
        code_sent_at: now,
        expires_at: now.after(registration::LIFETIME),
    };
    let letter = code_letter(&registration, fresh, visitor, now);
    let mut changes = vec![Change::Ceremony(CeremonyChange::Spend(opened.id))];
    changes.extend(count_letter(counters, now));
    changes.extend([
        Change::Registration(RegistrationChange::Put(registration)),
        Change::Letter(LetterChange::Add(letter)),
    ]);
    Plan { changes, durability: Durability::Durable, then: () }
}

/// Another code takes the place of the one that is out.
///
/// # Errors
/// [`Refusal::NoRegistration`] where it has expired, [`Refusal::TooSoon`] within half a minute of the last code.
pub fn resend(
    registration: &Registration,
    counters: Counters,
    fresh: Fresh,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Plan<()>, Refusal> {
    if now >= registration.expires_at {
        return Err(Refusal::NoRegistration);
    }
    let again = registration.code_sent_at.after(code::RESEND_AFTER);
    if now < again {
        return Err(Refusal::TooSoon { wait: again.since(now) });
    }
    let mut changes = count_letter(counters, now).to_vec();
    changes.extend([
        Change::Registration(RegistrationChange::ReplaceCode {
            browser: registration.browser,
            was: registration.code,
            code: fresh.code,
            at: now,
        }),
        Change::Letter(LetterChange::Add(code_letter(registration, fresh, visitor, now))),
    ]);
    Ok(Plan { changes, durability: Durability::Durable, then: () })
}

/// A try that the store has counted; only with one of these is a code compared.
#[derive(Debug)]
pub struct CountedTry {
    registration: Registration,
    typed: Code,
}

/// Step 3, first half: the try is counted, before anything is compared.
///
/// # Errors
/// [`Refusal::NotACode`] (not counted), [`Refusal::NoRegistration`], [`Refusal::CodeTooOld`], [`Refusal::TriesSpent`].
pub fn count_try(
    registration: Registration,
    typed: &str,
    counters: Counters,
    now: Timestamp,
) -> Result<Plan<CountedTry>, Refusal> {
    if now >= registration.expires_at {
        return Err(Refusal::NoRegistration);
    }
    if now >= registration.code_sent_at.after(code::LIFETIME) {
        return Err(Refusal::CodeTooOld);
    }
    if registration.tries >= code::TRIES {
        return Err(Refusal::TriesSpent);
    }
    let typed = Code::parse(typed).ok_or(Refusal::NotACode)?;
    let changes = vec![
        Change::Registration(RegistrationChange::CountTry {
            browser: registration.browser,
            code: registration.code,
            limit: code::TRIES,
        }),
        Change::Counter(CounterChange::Count {
            counter: counters.tries,
            limit: code::TRIES_PER_ADDRESS,
            window: code::ADDRESS_WINDOW,
            now,
        }),
    ];
    Ok(Plan { changes, durability: Durability::Durable, then: CountedTry { registration, typed } })
}

impl CountedTry {
    /// The name of the code to compare with.
    pub fn code(&self) -> CodeId {
        self.registration.code
    }

    /// The address to be proved.
    pub fn email(&self) -> &Email {
        &self.registration.email
    }
}

/// What a finished registration comes to.
#[derive(Debug)]
pub struct Finished {
    /// The new account.
    pub account: Account,
    /// Its first session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// Step 3, second half: the right code makes the account, its passkey and a session; everything else that was pending
/// for the address dies, whoever began it.
///
/// # Errors
/// [`Refusal::WrongCode`] for any other code, and for every code where the address was taken.
pub fn prove(
    counted: CountedTry,
    code: &Code,
    session: NewSession,
    letter: LetterId,
    visitor: &Visitor,
    now: Timestamp,
) -> Result<Plan<Finished>, Refusal> {
    let CountedTry { registration, typed } = counted;
    if !typed.matches(code) || registration.taken {
        let tries_left = code::TRIES.saturating_sub(registration.tries.saturating_add(1));
        return Err(if tries_left == 0 { Refusal::TriesSpent } else { Refusal::WrongCode { tries_left } });
    }
    let account = Account {
        id: registration.account,
        email: registration.email.clone(),
        name: registration.profile.name,
        locale: registration.profile.locale,
        metadata: registration.profile.metadata,
        groups: Vec::new(),
        disabled: false,
        created_at: now,
    };
    let session = session.begin(account.id, &registration.passkey, &[Method::EmailCode], now);
    // Named as the session it tells of.
    let event = Event::by(visitor, account.id, What::Registered, session.id.0, now);
    let welcome =
        letter_to(&registration.email, Message::Welcome, letter, visitor, now, Duration::from_secs(24 * 3600));
    let passkey = Passkey {
        account: account.id,
        key: registration.passkey,
        name: registration.nickname,
        browser: visitor.description.clone(),
        created_at: now,
        last_used_at: Some(now),
    };
    let mut changes = vec![
        Change::Registration(RegistrationChange::Spend { browser: registration.browser, code: registration.code }),
        Change::Registration(RegistrationChange::DropAll(registration.email)),
        Change::Account(AccountChange::Add(account.clone())),
        Change::Passkey(PasskeyChange::Add(passkey)),
        Change::Session(SessionChange::Add(session.clone())),
        Change::Event(EventChange::Add(event)),
        Change::Letter(LetterChange::Add(welcome)),
    ];
    changes.extend(visitor.session.map(SessionChange::End).map(Change::from));
    let then = Finished { account, session, return_to: registration.return_to };
    Ok(Plan { changes, durability: Durability::Durable, then })
}

pub(super) fn count_letter(counters: Counters, now: Timestamp) -> [Change; 3] {
    let count =
        |counter, limit| Change::Counter(CounterChange::Count { counter, limit, window: code::ADDRESS_WINDOW, now });
    [
        count(counters.letters_from_network, code::LETTERS_PER_ADDRESS_AND_NETWORK),
        count(counters.letters, code::LETTERS_PER_ADDRESS),
        count(counters.network, code::LETTERS_PER_NETWORK),
    ]
}

fn code_letter(registration: &Registration, fresh: Fresh, visitor: &Visitor, now: Timestamp) -> Letter {
    let message = if registration.taken { Message::AlreadyRegistered } else { Message::Code(fresh.code) };
    letter_to(&registration.email, message, fresh.letter, visitor, now, code::LIFETIME)
}

pub(super) fn letter_to(
    to: &Email,
    message: Message,
    id: LetterId,
    visitor: &Visitor,
    now: Timestamp,
    useful_for: Duration,
) -> Letter {
    Letter {
        id,
        to: to.clone(),
        message,
        language: visitor.language.clone(),
        browser: visitor.description.clone(),
        created_at: now,
        due_at: now,
        failures: 0,
        expires_at: now.after(useful_for),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(open: bool, domains: &[&str], email: &str) -> Result<(), Refusal> {
        let allowed_domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        Policy { open, allowed_domains }.allow(&Email::parse(email).expect("an address"))
    }

    #[test]
    fn an_allowed_domain_stands_for_itself_alone() {
        assert_eq!(allow(true, &[], "a@anything.example"), Ok(()));
        assert_eq!(allow(true, &["example.com", "b.example"], "a@B.example"), Ok(()));
        for other in ["a@sub.example.com", "a@badexample.com", "a@com.example"] {
            assert_eq!(allow(true, &["example.com"], other), Err(Refusal::DomainNotAllowed), "{other}");
        }
    }

    #[test]
    fn closed_is_closed_for_allowed_domains_too() {
        assert_eq!(allow(false, &[], "a@example.com"), Err(Refusal::Closed));
        assert_eq!(allow(false, &["example.com"], "a@example.com"), Err(Refusal::Closed));
    }
}
