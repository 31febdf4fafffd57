//! Plans: what a flow's step wants changed, all or nothing.

use std::time::Duration;

use super::account::{Account, AccountId};
use super::activity::Event;
use super::admin_code::{AdminCode, CodeDigest};
use super::ceremony::{Ceremony, CeremonyId};
use super::clock::Timestamp;
use super::code::CodeId;
use super::email::Email;
use super::letter::{Letter, LetterId};
use super::link::{Link, LinkId};
use super::passkey::{CredentialId, NewPasskey, Passkey};
use super::recovery::{Hold, HoldId, Recovery};
use super::registration::Registration;
use super::secret::{Secret, SecretDigest};
use super::session::Session;
use super::signing_key::SigningKey;
use super::tokens::TokenFamily;

/// What one step of a flow comes to: the changes to commit, the letters among them, and what to go on with.
#[derive(Debug)]
pub struct Plan<T> {
    /// To be made all or nothing.
    pub changes: Vec<Change>,
    /// How safely.
    pub durability: Durability,
    /// What holds once they are made.
    pub then: T,
}

/// One change, with what must hold for it. Where that fails, nothing of the whole commit happens.
#[derive(Clone, Debug)]
pub enum Change {
    /// Keeps a new ceremony.
    AddCeremony(Ceremony),
    /// Takes a ceremony away. It must still be there: this is what makes it single-use.
    SpendCeremony(CeremonyId),
    /// Keeps a registration in place of any other of the same browser.
    PutRegistration(Registration),
    /// Counts one try of a code. The browser's registration must still be out with that code, and its tries below `limit`.
    CountTry {
        /// Whose registration.
        browser: SecretDigest,
        /// The code tried.
        code: CodeId,
        /// How many tries there are.
        limit: u32,
    },
    /// Replaces the code of a registration, which must still have the code `was`; tries start again.
    ReplaceCode {
        /// Whose registration.
        browser: SecretDigest,
        /// The code that is out.
        was: CodeId,
        /// The one to take its place.
        code: CodeId,
        /// When it is sent.
        at: Timestamp,
    },
    /// Takes away a registration, which must still have that code.
    SpendRegistration {
        /// Whose registration.
        browser: SecretDigest,
        /// Its code.
        code: CodeId,
    },
    /// Takes away every registration of an address: somebody has proved it.
    DropRegistrations(Email),
    /// Adds an account. Neither its id nor its address may be in use.
    AddAccount(Account),
    /// Adds a passkey. Its account must exist and its id be unused by every account (WebAuthn L3 §7.1 step 26).
    AddPasskey(Passkey),
    /// Notes the use of a passkey (WebAuthn L3 §7.2 step 26). It must still be there with the signature counter `was`.
    UsePasskey {
        /// The signature counter that the assertion was compared with.
        was_counter: u32,
        /// The passkey's key after the use.
        key: NewPasskey,
        /// When.
        at: Timestamp,
    },
    /// Adds a session. Its account must exist and not be disabled, and its passkey, where it has one, must be that
    /// account's.
    AddSession(Session),
    /// Ends a session, where it has not ended yet. Its tokens go with it, however it ends.
    EndSession(SecretDigest),
    /// Ends every session of an account, but for `except`.
    EndSessions {
        /// Whose.
        account: AccountId,
        /// The token of the one that stays.
        except: Option<SecretDigest>,
    },
    /// Keeps the tokens of a session of the API, which must be there and have none. None of them may be another
    /// session's.
    AddTokens(TokenFamily),
    /// Keeps the next state of a session's tokens: the one before it, by revision, must be there. None of them may be
    /// another session's.
    AdvanceTokens(TokenFamily),
    /// Ties a session that was made without a passkey to the one that was made in it: from then on they end together. It
    /// must be there without one, and the passkey be its account's.
    TieSession {
        /// Its token.
        session: SecretDigest,
        /// The passkey.
        credential: CredentialId,
    },
    /// Notes that "Keep your account safe" was answered in a session, which must still be there.
    AnswerReview(SecretDigest),
    /// Gives a passkey another name. It must be that account's.
    RenamePasskey {
        /// Which.
        credential: CredentialId,
        /// Whose.
        account: AccountId,
        /// The new name; `None` takes the old one away.
        name: Option<String>,
    },
    /// Removes a passkey, which must be that account's, and ends the sessions that were made with it.
    RemovePasskey {
        /// Which.
        credential: CredentialId,
        /// Whose.
        account: AccountId,
        /// Whether it may be the account's last one.
        last: bool,
    },
    /// Disables an account, which ends its sessions and takes away what was to let somebody in later: recoveries, held or
    /// not, and an operator's code. Or enables it again. It must exist.
    SetDisabled {
        /// Whose.
        account: AccountId,
        /// Whether it gets no sessions from now on.
        disabled: bool,
    },
    /// Puts an account into other groups. It must still be in those it `was` in.
    SetGroups {
        /// Whose.
        account: AccountId,
        /// The groups it was read with.
        was: Vec<String>,
        /// The groups it is in from now on.
        groups: Vec<String>,
    },
    /// Removes an account with everything of it: passkeys, sessions, events, recoveries, held or not, an operator's code,
    /// and links that it offers or has approved. It must exist.
    RemoveAccount(AccountId),
    /// The passkey must still be there and be that account's.
    RequirePasskey {
        /// Which.
        credential: CredentialId,
        /// Whose.
        account: AccountId,
    },
    /// The session must not have ended.
    RequireSession(SecretDigest),
    /// Keeps a new link. Neither its name nor its codes may belong to another link.
    AddLink(Link),
    /// Keeps the next state of a link: the one before it, by revision, must be there, with the same codes.
    AdvanceLink(Link),
    /// Takes a link away. It must still be there in that revision.
    SpendLink {
        /// Which.
        id: LinkId,
        /// The revision it must be in.
        revision: u32,
    },
    /// Keeps a recovery in place of any other of the same browser.
    PutRecovery(Recovery),
    /// Keeps the next state of a recovery: the one before it, by revision, must be there.
    AdvanceRecovery(Recovery),
    /// Takes a recovery away. It must still be there in that revision.
    SpendRecovery {
        /// Whose.
        browser: SecretDigest,
        /// The revision it must be in.
        revision: u32,
    },
    /// Takes away every recovery of an account, proved or not: somebody has finished one.
    DropRecoveries(AccountId),
    /// Keeps a held recovery; the account must exist and have none.
    AddHold(Hold),
    /// Takes a held recovery away. It must still be there.
    SpendHold {
        /// Whose.
        account: AccountId,
        /// Its name.
        id: HoldId,
    },
    /// Keeps an operator's code in place of any other of the same account, which must exist.
    PutAdminCode(AdminCode),
    /// Takes an operator's code away. It must still be out.
    SpendAdminCode {
        /// Whose.
        account: AccountId,
        /// The code that is out.
        digest: CodeDigest,
    },
    /// Keeps an event of an account; of one that is gone it is passed over.
    AddEvent(Event),
    /// Notes when sessions were last used; those that have ended are passed over.
    TouchSessions(Vec<(SecretDigest, Timestamp)>),
    /// Keeps a letter to be sent.
    AddLetter(Letter),
    /// Counts a try to send a letter and keeps it for a later one, where it is still waiting.
    DelayLetter {
        /// Which.
        id: LetterId,
        /// When to try next.
        due_at: Timestamp,
    },
    /// Drops a letter, sent or useless.
    DropLetter(LetterId),
    /// Counts something within a fixed window of time. The count must be below the limit.
    Count {
        /// What is counted.
        counter: Counter,
        /// How many there may be in a window.
        limit: u32,
        /// How long the window lasts from the first one counted.
        window: Duration,
        /// The present moment.
        now: Timestamp,
    },
    /// Keeps the gateway's master secret. There must be none yet.
    SetMaster(Secret),
    /// Keeps a signing key in place of any other of the same `kid`.
    PutSigningKey(SigningKey),
    /// Drops a signing key.
    DropSigningKey(String),
}

/// The name of a counter: a keyed digest of what is counted, so that the store lists no addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter(pub [u8; 32]);

/// Which precondition failed. The visitor who lost the race is refused; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The ceremony was answered already, or never was.
    CeremonySpent,
    /// The registration is finished, replaced, or has another code by now.
    RegistrationSpent,
    /// The code was tried as often as it may be.
    TriesSpent,
    /// The address has an account.
    EmailTaken,
    /// The account's id is in use.
    AccountExists,
    /// The account is gone.
    NoAccount,
    /// The account is disabled.
    AccountDisabled,
    /// The account was changed meanwhile.
    AccountChanged,
    /// The credential id is in use.
    CredentialTaken,
    /// The passkey is gone, or was used meanwhile.
    PasskeyChanged,
    /// The counter stands at its limit.
    Limit(Counter),
    /// There is a master secret already.
    MasterExists,
    /// The session has ended.
    SessionEnded,
    /// The session has a passkey.
    SessionTied,
    /// The session's tokens were changed meanwhile, or one of them is another session's.
    TokensChanged,
    /// It is the account's last passkey.
    LastPasskey,
    /// The link is finished, or was changed meanwhile.
    LinkChanged,
    /// The recovery is finished, or was changed meanwhile.
    RecoveryChanged,
    /// The held recovery is over, or there is one already.
    HoldChanged,
    /// The operator's code is used up, or another took its place.
    AdminCodeSpent,
}

/// How safely a commit must be kept before it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// It survives `kill -9` and loss of power.
    Durable,
    /// It may be lost with the process; what it adds can be asked for again.
    Relaxed,
}
