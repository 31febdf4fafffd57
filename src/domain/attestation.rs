//! A passkey that a device makes (WebAuthn L3 §7.1), the same for registering, a linked device, a recovery and My
//! devices: the challenge that was answered, and the key that came of it.

use webauthn_rs::prelude::PasskeyRegistration;

use super::account::AccountId;
use super::ceremony::{Ceremony, CeremonyId, CeremonyPurpose, Makes, OpenedCeremony, Posed, Stale};
use super::destination::Destination;
use super::moment::Moment;
use super::passkey::NewPasskey;
use super::plan::{CeremonyChange, Change};

/// A challenge to make a passkey, opened by the browser it was put to, with what the passkey is made for.
#[derive(Clone, Debug)]
pub struct AttestationChallenge<T> {
    id: CeremonyId,
    account: AccountId,
    state: PasskeyRegistration,
    posed: Posed,
    made_for: T,
}

/// A passkey that was made, and verified. Whatever keeps one takes it with what it was made for, so that it is kept for
/// nothing else.
#[derive(Debug)]
pub struct MadePasskey<T> {
    id: CeremonyId,
    /// Whose passkey it will be.
    pub(super) account: AccountId,
    pub(super) key: NewPasskey,
    /// What it was made for.
    pub(super) made_for: T,
}

impl<T> AttestationChallenge<T> {
    /// Opens a ceremony that was begun to have a passkey made. `for_this` makes something of what it is made for, by
    /// whose account it is and where the visitor wanted to go.
    ///
    /// # Errors
    /// [`Stale`] where it is another browser's, too old, or was begun for something else, of which `for_this` makes
    /// nothing.
    pub fn open(
        ceremony: Ceremony,
        moment: Moment<'_>,
        for_this: impl FnOnce(Makes, AccountId, Destination) -> Option<T>,
    ) -> Result<Self, Stale> {
        let OpenedCeremony { id, purpose, return_to, posed } = ceremony.open(moment.visitor, moment.now)?;
        let CeremonyPurpose::Make { account, makes, state } = purpose else { return Err(Stale) };
        Ok(Self { id, account, state, posed, made_for: for_this(makes, account, return_to).ok_or(Stale)? })
    }

    /// The ceremony to be spent.
    pub fn id(&self) -> CeremonyId {
        self.id
    }

    /// The challenge the device's answer is verified against.
    pub fn state(&self) -> &PasskeyRegistration {
        &self.state
    }

    /// Where and when it was posed.
    pub fn posed(&self) -> &Posed {
        &self.posed
    }

    /// What it is made for.
    pub fn made_for(&self) -> &T {
        &self.made_for
    }

    /// The answer was verified: `key` came of it.
    pub fn answered(self, key: NewPasskey) -> MadePasskey<T> {
        let Self { id, account, made_for, .. } = self;
        MadePasskey { id, account, key, made_for }
    }
}

impl<T> MadePasskey<T> {
    /// The key that the device made.
    pub fn key(&self) -> &NewPasskey {
        &self.key
    }

    /// What it was made for.
    pub fn made_for(&self) -> &T {
        &self.made_for
    }

    /// The challenge is spent, with which every plan begins that keeps the passkey.
    pub fn spend(&self) -> Change {
        CeremonyChange::Spend(self.id).into()
    }
}

/// What a device sent is not a passkey that can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPasskey;
