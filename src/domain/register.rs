//! Registering: e-mail → the device makes a passkey → the e-mailed code → an account and a session.
//!
//! Nothing usable exists before the code. An address that has an account takes the same steps with the same answers,
//! and its owner is written to instead.

use super::account::Account;
use super::activity::What;
use super::aftermath::Aftermath;
use super::attestation::{AttestationChallenge, BadPasskey, MadePasskey};
use super::ceremony::{Ceremony, Makes, Stale};
use super::clock::Timestamp;
use super::code::{self, Code};
use super::code_counters::CodeCounters;
use super::destination::Destination;
use super::email::Email;
use super::invitation::Invitation;
use super::letter::Message;
use super::mailed_code::{CodeRefusal, MailedCode};
use super::moment::Moment;
use super::passkey::Naming;
use super::plan::{
    AccountChange, Change, Conflict, InvitationChange, PasskeyChange, PasskeyConflict, Plan, RegistrationChange,
    SessionChange,
};
use super::profile::Profile;
use super::registration::{self, Outlook, Registration};
use super::secret::SecretDigest;
use super::session::{Method, NewSession, Session};

/// Whom new accounts are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewAccounts {
    /// Every person who proves an address that [`RegisterPolicy`] allows.
    Open,
    /// Those whom the operator has named, as the pages say.
    Invite,
    /// The same; while there is no invitation, the pages say that new accounts are closed.
    Closed,
}

impl NewAccounts {
    /// Each kind, in the order in which messages name them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Invite, Self::Closed];

    /// As the configuration calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Invite => "invite",
            Self::Closed => "closed",
        }
    }
}

/// Who may register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterPolicy {
    /// Whom new accounts are for.
    pub new_accounts: NewAccounts,
    /// The domains of allowed addresses, as [`Email::domain`] gives them. Where neither these nor `allowed_emails` are
    /// said, any address is allowed.
    pub allowed_domains: Vec<String>,
    /// Addresses that are allowed besides.
    pub allowed_emails: Vec<Email>,
}

/// How a person who wants an account of an address is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterAnswer {
    /// They may have it.
    Welcome,
    /// They may not, and only the letter says so: otherwise any visitor could ask who is invited.
    ByLetter,
}

impl RegisterPolicy {
    /// How a person is answered who wants an account of `email`: where it `is_invited`, they are welcome. Where there
    /// are invitations, no other person is refused on a page, since the answer would tell who is invited. A domain does
    /// not stand for those below it.
    ///
    /// # Errors
    /// [`RegisterRefusal::Closed`], [`RegisterRefusal::DomainNotAllowed`], where no address would be answered
    /// otherwise.
    pub fn answer(
        &self,
        email: &Email,
        is_invited: bool,
        has_invitations: bool,
    ) -> Result<RegisterAnswer, RegisterRefusal> {
        let may = is_invited
            || self.new_accounts == NewAccounts::Open
                && (self.is_for_all()
                    || self.allowed_domains.iter().any(|domain| domain == email.domain())
                    || self.allowed_emails.contains(email));
        match (may, self.new_accounts) {
            (true, _) => Ok(RegisterAnswer::Welcome),
            (false, _) if self.hides(has_invitations) => Ok(RegisterAnswer::ByLetter),
            (false, NewAccounts::Open) => Err(RegisterRefusal::DomainNotAllowed),
            (false, NewAccounts::Invite | NewAccounts::Closed) => Err(RegisterRefusal::Closed),
        }
    }

    /// Whether there may be addresses that are answered otherwise than the pages say, which visitors must not find out.
    pub fn hides(&self, has_invitations: bool) -> bool {
        match self.new_accounts {
            NewAccounts::Invite => true,
            NewAccounts::Open => !self.is_for_all() && (has_invitations || !self.allowed_emails.is_empty()),
            NewAccounts::Closed => has_invitations,
        }
    }

    /// Whether every person may have an account, invited or not: then invitations need not be looked up.
    pub fn is_for_all(&self) -> bool {
        self.new_accounts == NewAccounts::Open && self.allowed_domains.is_empty() && self.allowed_emails.is_empty()
    }
}

/// Why a step was refused. The visitor is told; the words are the portal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterRefusal {
    /// New accounts are closed.
    Closed,
    /// New accounts are for addresses of certain domains.
    DomainNotAllowed,
    /// The mail server cannot write to the address.
    NoMailTo,
    /// The page was open too long, or was answered already.
    Stale,
    /// What the device sent is not a passkey we can keep.
    BadPasskey,
    /// There is no unfinished registration of this browser.
    NoRegistration,
    /// The code opens nothing, or no other is sent.
    Code(CodeRefusal),
}

impl From<Stale> for RegisterRefusal {
    fn from(Stale: Stale) -> Self {
        Self::Stale
    }
}

impl From<BadPasskey> for RegisterRefusal {
    fn from(BadPasskey: BadPasskey) -> Self {
        Self::BadPasskey
    }
}

impl From<CodeRefusal> for RegisterRefusal {
    fn from(refusal: CodeRefusal) -> Self {
        Self::Code(refusal)
    }
}

impl From<Conflict> for RegisterRefusal {
    /// What a visitor is told who lost a race.
    fn from(conflict: Conflict) -> Self {
        match conflict {
            Conflict::CeremonySpent => Self::Stale,
            Conflict::Limit { wait, .. } => Self::Code(CodeRefusal::TooMany { wait }),
            Conflict::Passkey(PasskeyConflict::Taken) => Self::BadPasskey,
            // Another person proved the address first, or another tab of this browser finished.
            Conflict::RegistrationChanged
            | Conflict::Account(_)
            | Conflict::Passkey(
                PasskeyConflict::Changed | PasskeyConflict::Last | PasskeyConflict::NotNone | PasskeyConflict::Full,
            )
            | Conflict::Session(_)
            | Conflict::TokensChanged
            | Conflict::LinkChanged
            | Conflict::RecoveryChanged
            | Conflict::HoldChanged
            | Conflict::MoveChanged
            | Conflict::AdminCodeSpent
            | Conflict::InvitationChanged
            | Conflict::LetterTaken
            | Conflict::Key(_) => Self::NoRegistration,
        }
    }
}

/// Who wants to register.
#[derive(Clone, Debug)]
pub struct Applicant {
    /// The address that was typed.
    pub email: Email,
    /// What they say of themselves.
    pub profile: Profile,
    /// Where they want to go.
    pub return_to: Destination,
}

/// What a person says when their device has made a passkey.
#[derive(Debug, Default)]
pub struct RegistrationDetails {
    /// What they call the passkey.
    pub nickname: Option<String>,
    /// What they say of themselves beyond what they said at the beginning, or instead of it.
    pub profile: Profile,
    /// The digest of the ticket that goes on with it, where their client asked for one.
    pub ticket: Option<SecretDigest>,
}

/// Opens a ceremony for the first passkey of the person who registers with it.
///
/// # Errors
/// [`RegisterRefusal::Stale`] where it is another browser's, too old, or was begun for something else.
pub fn open(ceremony: Ceremony, moment: Moment<'_>) -> Result<AttestationChallenge<Applicant>, RegisterRefusal> {
    Ok(AttestationChallenge::open(ceremony, moment, |makes, _, return_to| match makes {
        Makes::Registration { email, profile } => Some(Applicant { email, profile, return_to }),
        Makes::Another(_) => None,
    })?)
}

/// The device's verified public key is kept with the registration, and a letter goes out: the code, or, where it can
/// come to nothing, a note that says why. The browser's registration from before is `given_up` for it.
pub fn receive_passkey(
    made: MadePasskey<Applicant>,
    said: RegistrationDetails,
    outlook: Outlook,
    given_up: Option<Registration>,
    counters: CodeCounters,
    moment: Moment<'_>,
) -> Plan<()> {
    let mut changes = vec![made.spend()];
    changes.extend(given_up.iter().map(|before| RegistrationChange::Drop(before.browser).into()));
    let dead = given_up.map(|before| before.dead_with(&made.key.id)).unwrap_or_default();
    let (applicant, RegistrationDetails { nickname, profile, ticket }) = (made.made_for, said);
    let goes_on = ticket.map(|ticket| moment.visitor.with_ticket(ticket));
    let goes_on = goes_on.as_ref().unwrap_or(moment.visitor);
    let registration = Registration {
        browser: goes_on.browser,
        revision: moment.first_revision(),
        email: applicant.email,
        account: made.account,
        passkey: made.key,
        dead,
        nickname,
        profile: profile.over(applicant.profile),
        claim: goes_on.claim(),
        return_to: applicant.return_to,
        outlook,
        code: MailedCode::new(counters.name(moment), moment.now),
        expires_at: moment.now.after(registration::LIFETIME),
    };
    changes.extend(counters.letter(moment.now));
    changes.push(code_letter(&registration, moment));
    changes.push(RegistrationChange::Put(registration).into());
    Plan::durable(changes, ())
}

/// What a registration of an address can come to that has an account, or is kept for one, or neither.
pub fn outlook(is_taken: bool, is_kept: bool, answer: RegisterAnswer) -> Outlook {
    match (is_taken, is_kept, answer) {
        (true, _, _) => Outlook::Taken,
        (false, true, _) => Outlook::Kept,
        (false, false, RegisterAnswer::Welcome) => Outlook::Account,
        (false, false, RegisterAnswer::ByLetter) => Outlook::Uninvited,
    }
}

/// Another code takes the place of the one that is out, or another note of the one before: who may register may have
/// changed since.
///
/// # Errors
/// [`RegisterRefusal::NoRegistration`] where it has expired, [`CodeRefusal::TooSoon`] within half a minute of the last
/// code.
pub fn resend(
    registration: Registration,
    answer: RegisterAnswer,
    counters: CodeCounters,
    moment: Moment<'_>,
) -> Result<Plan<()>, RegisterRefusal> {
    let registration = with_code_out(registration, moment.now)?;
    let code = registration.code.replaced(counters.name(moment), moment.now)?;
    let [is_taken, is_kept] = [Outlook::Taken, Outlook::Kept].map(|outlook| registration.outlook == outlook);
    let outlook = outlook(is_taken, is_kept, answer);
    let registration = advanced(Registration { code, outlook, ..registration });
    let mut changes = counters.letter(moment.now);
    changes.push(code_letter(&registration, moment));
    changes.push(RegistrationChange::Advance(registration).into());
    Ok(Plan::durable(changes, ()))
}

/// A try that the store has counted; only with one of these is a code compared.
#[derive(Clone, Debug)]
pub struct CountedRegisterTry {
    registration: Registration,
    typed: Code,
}

/// A code was typed: the try is counted, before anything is compared.
///
/// # Errors
/// [`RegisterRefusal::NoRegistration`]; [`CodeRefusal::NotACode`] (not counted), [`CodeRefusal::TooOld`],
/// [`CodeRefusal::TriesSpent`].
pub fn count_try(
    registration: Registration,
    typed: &str,
    counters: CodeCounters,
    now: Timestamp,
) -> Result<Plan<CountedRegisterTry>, RegisterRefusal> {
    let registration = with_code_out(registration, now)?;
    let code = registration.code.in_time(now)?.tried(counters.kind)?;
    let typed = Code::parse(typed).ok_or(CodeRefusal::NotACode)?;
    let registration = advanced(Registration { code, ..registration });
    let mut changes = vec![RegistrationChange::Advance(registration.clone()).into()];
    changes.extend(counters.try_of_code(code.id, now));
    Ok(Plan::durable(changes, CountedRegisterTry { registration, typed }))
}

impl CountedRegisterTry {
    /// The registration as counted.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// What was typed.
    pub fn typed(&self) -> &Code {
        &self.typed
    }

    /// Compares what was typed with the code that was sent. A wrong one costs the same work for every address, so that
    /// time does not tell whose it is: nothing more is looked up before this.
    ///
    /// # Errors
    /// [`CodeRefusal::Wrong`] for any other code, and for every code where none was sent.
    pub fn compare(&self, code: &Code) -> Result<(), RegisterRefusal> {
        let Self { registration, typed } = self;
        let is_right = typed.matches(code) && registration.outlook.has_code();
        if is_right { Ok(()) } else { Err(registration.code.wrong().into()) }
    }

    /// The same try of the registration as it is by now, where it lost a race: others may have been counted meanwhile.
    /// `None` where its code is not the one that is out any more.
    pub fn reread(self, registration: Option<Registration>) -> Option<Self> {
        let same = |other: &Registration| other.code.id == self.registration.code.id;
        let registration = registration.filter(same)?;
        Some(Self { registration, typed: self.typed })
    }
}

/// What a finished registration comes to.
#[derive(Debug)]
pub struct FinishedRegistration {
    /// The new account.
    pub account: Account,
    /// Its first session.
    pub session: Session,
    /// Where the visitor wanted to go.
    pub return_to: Destination,
}

/// The right code makes the account, its passkey and a session, in the groups of the invitation that this uses up.
/// Everything else that was pending for the address dies, no matter who began it.
///
/// # Errors
/// [`CodeRefusal::Wrong`] for any other code, and for every code where none was sent, or whose owner may not register
/// any more.
pub fn prove(
    counted: &CountedRegisterTry,
    code: &Code,
    answer: RegisterAnswer,
    invitation: Option<Invitation>,
    session: NewSession,
    moment: Moment<'_>,
) -> Result<Plan<FinishedRegistration>, RegisterRefusal> {
    counted.compare(code)?;
    let registration = counted.registration.clone();
    if answer != RegisterAnswer::Welcome {
        return Err(registration.code.wrong().into());
    }
    let Moment { visitor, now, .. } = moment;
    let account = Account {
        id: registration.account,
        email: registration.email.clone(),
        name: registration.profile.name,
        locale: registration.profile.locale,
        metadata: registration.profile.metadata,
        groups: invitation.as_ref().map(|invitation| invitation.groups.clone()).unwrap_or_default(),
        disabled: false,
        created_at: now,
        aftermath: Aftermath::default(),
    };
    let naming = Naming { chosen: registration.nickname, others: &[] };
    let session = session.begin(account.id, &registration.passkey, &[Method::EmailCode], now);
    let session = Session { bound_for: registration.return_to.clone(), ..session };
    let mut changes = vec![
        RegistrationChange::Spend { browser: registration.browser, revision: registration.revision }.into(),
        RegistrationChange::DropAll(registration.email.clone()).into(),
        InvitationChange::Use { email: registration.email, read: invitation.map(|invitation| invitation.id) }.into(),
        AccountChange::Add(account.clone()).into(),
        PasskeyChange::Add(registration.passkey.of(account.id, naming, visitor, now)).into(),
        SessionChange::Add(session.clone()).into(),
        moment.event_of(&session, What::Registered),
        moment.notice_to(&account, Message::Welcome),
    ];
    changes.extend(visitor.session.map(SessionChange::End).map(Change::from));
    Ok(Plan::durable(changes, FinishedRegistration { account, session, return_to: registration.return_to }))
}

fn with_code_out(registration: Registration, now: Timestamp) -> Result<Registration, RegisterRefusal> {
    if registration.is_open(now) { Ok(registration) } else { Err(RegisterRefusal::NoRegistration) }
}

fn advanced(registration: Registration) -> Registration {
    Registration { revision: registration.revision.saturating_add(1), ..registration }
}

fn code_letter(registration: &Registration, moment: Moment<'_>) -> Change {
    let message = match registration.outlook {
        Outlook::Account => Message::Code(registration.code.id),
        Outlook::Taken => Message::AlreadyRegistered,
        Outlook::Kept => Message::AddressKept,
        Outlook::Uninvited => Message::NotInvited,
    };
    moment.letter(&registration.email, message, code::LIFETIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(
        new_accounts: NewAccounts,
        domains: &[&str],
        emails: &[&str],
        email: &str,
        invited: (bool, bool),
    ) -> Result<RegisterAnswer, RegisterRefusal> {
        let allowed_domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        let allowed_emails = emails.iter().map(|email| Email::parse(email).expect("an address")).collect();
        let policy = RegisterPolicy { new_accounts, allowed_domains, allowed_emails };
        policy.answer(&Email::parse(email).expect("an address"), invited.0, invited.1)
    }

    #[test]
    fn an_allowed_domain_stands_for_itself_alone() {
        let answer = |domains: &[&str], email: &str| answer(NewAccounts::Open, domains, &[], email, (false, false));
        assert_eq!(answer(&[], "a@anything.example"), Ok(RegisterAnswer::Welcome));
        assert_eq!(answer(&["example.com", "b.example"], "a@B.example"), Ok(RegisterAnswer::Welcome));
        for other in ["a@sub.example.com", "a@badexample.com", "a@com.example"] {
            assert_eq!(answer(&["example.com"], other), Err(RegisterRefusal::DomainNotAllowed), "{other}");
        }
    }

    #[test]
    fn an_allowed_address_is_allowed_besides_the_domains_and_no_refusal_tells_of_it() {
        let answer = |domains: &[&str], email: &str| {
            answer(NewAccounts::Open, domains, &["Ann@B.example"], email, (false, false))
        };
        assert_eq!(answer(&["example.com"], "ann@b.example"), Ok(RegisterAnswer::Welcome));
        assert_eq!(answer(&["example.com"], "bob@example.com"), Ok(RegisterAnswer::Welcome));
        assert_eq!(answer(&[], "ann@b.example"), Ok(RegisterAnswer::Welcome));
        for other in ["bob@b.example", "ann+x@b.example"] {
            assert_eq!(answer(&["example.com"], other), Ok(RegisterAnswer::ByLetter), "{other}");
            assert_eq!(answer(&[], other), Ok(RegisterAnswer::ByLetter), "{other}");
        }
    }

    #[test]
    fn closed_is_closed_for_allowed_addresses_too() {
        for (domains, emails) in [(&[][..], &[][..]), (&["example.com"], &["a@example.com"])] {
            let answer =
                |new_accounts, invited| answer(new_accounts, domains, emails, "a@example.com", (false, invited));
            assert_eq!(answer(NewAccounts::Closed, false), Err(RegisterRefusal::Closed));
            assert_eq!(answer(NewAccounts::Closed, true), Ok(RegisterAnswer::ByLetter));
            assert_eq!(answer(NewAccounts::Invite, false), Ok(RegisterAnswer::ByLetter));
        }
    }

    #[test]
    fn who_is_invited_may_register_under_each_policy_and_hides_who_is_not() {
        for new_accounts in NewAccounts::ALL {
            let answer = |invited| answer(new_accounts, &["example.com"], &[], "a@elsewhere.example", (invited, true));
            assert_eq!(answer(true), Ok(RegisterAnswer::Welcome));
            assert_eq!(answer(false), Ok(RegisterAnswer::ByLetter));
        }
    }
}
