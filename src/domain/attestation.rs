//! A passkey that a device makes (WebAuthn L3 §7.1), the same for registering, a linked device, a recovery and My
//! devices: the challenge that was answered, and the key that came of it.

use webauthn_rs::prelude::PasskeyRegistration;

use super::account::AccountId;
use super::ceremony::{Ceremony, CeremonyId, Makes, Purpose, Stale};
use super::destination::Destination;
use super::moment::Moment;
use super::passkey::NewPasskey;
use super::plan::{CeremonyChange, Change};

/// A challenge to make a passkey, opened by the browser it was put to.
#[derive(Clone, Debug)]
pub struct Making {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// Whose passkey it will be; the authenticator keeps it as the user handle.
    pub account: AccountId,
    /// The challenge the device's answer is verified against.
    pub state: PasskeyRegistration,
}

impl Making {
    /// Opens a ceremony that was begun to have a passkey made: the challenge, what `for_this` makes of what it is made
    /// for, and where the visitor wanted to go.
    ///
    /// # Errors
    /// [`Stale`] where it is another browser's, too old, or was begun for something else, of which `for_this` makes
    /// nothing.
    pub fn open<T>(
        ceremony: Ceremony,
        moment: Moment<'_>,
        for_this: impl FnOnce(Makes) -> Option<T>,
    ) -> Result<(Self, T, Destination), Stale> {
        let (id, purpose, return_to) = ceremony.open(moment.visitor, moment.now)?;
        let Purpose::Make { account, makes, state } = purpose else { return Err(Stale) };
        Ok((Self { id, account, state }, for_this(makes).ok_or(Stale)?, return_to))
    }
}

/// A passkey that was made, and verified: only with one of these is anything kept.
#[derive(Debug)]
pub struct Made {
    /// The ceremony to be spent.
    pub id: CeremonyId,
    /// Whose passkey it will be.
    pub account: AccountId,
    /// The key.
    pub key: NewPasskey,
}

impl Made {
    /// What every plan begins with that keeps it: the challenge is spent.
    pub fn spend(&self) -> Change {
        CeremonyChange::Spend(self.id).into()
    }
}

/// What a device sent is not a passkey that can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPasskey;
