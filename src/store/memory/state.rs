//! What the store in memory remembers, and what every [`Change`] does to it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::domain::account::{Account, AccountId};
use crate::domain::activity::Event;
use crate::domain::address::Move;
use crate::domain::admin_code::AdminCode;
use crate::domain::bookmark::Bookmark;
use crate::domain::ceremony::{Ceremony, CeremonyId};
use crate::domain::clock::Timestamp;
use crate::domain::email::Email;
use crate::domain::host::Host;
use crate::domain::invitation::Invitation;
use crate::domain::letter::{Letter, LetterId};
use crate::domain::link::Link;
use crate::domain::link::id::LinkId;
use crate::domain::passkey::{CredentialId, Passkey};
use crate::domain::plan::{Change, Conflict, Counter, PasskeyConflict};
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::secret::{Secret, SecretDigest};
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;
use crate::domain::token_family::TokenFamily;

/// All that the store remembers.
#[derive(Clone, Debug, Default)]
pub(super) struct MemoryState {
    pub(super) ceremonies: BTreeMap<CeremonyId, Ceremony>,
    pub(super) registrations: BTreeMap<SecretDigest, Registration>,
    pub(super) accounts: BTreeMap<AccountId, Account>,
    pub(super) passkeys: BTreeMap<CredentialId, Passkey>,
    pub(super) sessions: BTreeMap<SecretDigest, Session>,
    pub(super) tokens: BTreeMap<SecretDigest, TokenFamily>,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) recoveries: BTreeMap<SecretDigest, Recovery>,
    pub(super) holds: BTreeMap<AccountId, Hold>,
    pub(super) moves: BTreeMap<AccountId, Move>,
    pub(super) admin_codes: BTreeMap<AccountId, AdminCode>,
    pub(super) bookmarks: BTreeMap<SecretDigest, Bookmark>,
    pub(super) invitations: BTreeMap<Email, Invitation>,
    pub(super) events: BTreeMap<Uuid, Event>,
    pub(super) letters: BTreeMap<LetterId, Letter>,
    pub(super) counters: BTreeMap<Counter, MemoryCount>,
    pub(super) master: Option<Secret>,
    pub(super) signing_keys: BTreeMap<String, SigningKey>,
    pub(super) key_generation: u64,
    pub(super) rp_id: Option<Host>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MemoryCount {
    pub(super) count: u32,
    pub(super) ends_at: Timestamp,
}

impl MemoryState {
    /// Makes one change; where it conflicts, the state is of no more use.
    pub(super) fn make(&mut self, change: Change) -> Result<(), Conflict> {
        match change {
            Change::Account(change) => self.make_account(change),
            Change::Passkey(change) => self.make_passkey(change),
            Change::Event(change) => self.make_event(change),
            Change::AdminCode(change) => self.make_admin_code(change),
            Change::Session(change) => self.make_session(change),
            Change::Tokens(change) => self.make_tokens(change),
            Change::Ceremony(change) => self.make_ceremony(change),
            Change::Registration(change) => self.make_registration(change),
            Change::Link(change) => self.make_link(change),
            Change::Recovery(change) => self.make_recovery(change),
            Change::Hold(change) => self.make_hold(change),
            Change::Move(change) => self.make_move(change),
            Change::Bookmark(change) => self.make_bookmark(change),
            Change::Invitation(change) => self.make_invitation(change),
            Change::Letter(change) => self.make_letter(change),
            Change::Counter(change) => self.make_counter(change),
            Change::Key(change) => self.make_key(change),
        }
    }

    /// A session's tokens go with it, however it ends, and so do the members of its family.
    pub(super) fn drop_orphans(&mut self) {
        let Self { tokens, sessions, .. } = self;
        let heads: BTreeSet<_> = sessions.keys().copied().collect();
        sessions.retain(|_, session| session.head.is_none_or(|head| heads.contains(&head)));
        tokens.retain(|session, _| sessions.contains_key(session));
    }

    /// Whether an address is an account's, or kept for one at `now`.
    pub(super) fn is_taken(&self, email: &Email, now: Timestamp) -> bool {
        let is_kept = |one: &Move| one.former() == Some(email) && one.is_open(now);
        self.accounts.values().any(|account| account.email == *email) || self.moves.values().any(is_kept)
    }

    /// No token leads to two sessions.
    pub(super) fn are_of_one_session(&self, family: &TokenFamily) -> Result<(), Conflict> {
        let others = self.tokens.values().filter(|other| other.session != family.session);
        let taken = others.flat_map(TokenFamily::all).any(|token| family.all().any(|one| one == token));
        if taken { Err(Conflict::TokensChanged) } else { Ok(()) }
    }

    pub(super) fn passkey(&mut self, credential: &CredentialId, account: AccountId) -> Result<&mut Passkey, Conflict> {
        self.passkeys
            .get_mut(credential)
            .filter(|passkey| passkey.account == account)
            .ok_or(Conflict::from(PasskeyConflict::Changed))
    }
}
