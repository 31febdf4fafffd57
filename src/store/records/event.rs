//! Events as the stores keep them; see [`super`] for how a version follows another.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::activity::{Event, What};
use crate::domain::clock::Timestamp;

#[derive(Serialize, Deserialize)]
struct EventV1 {
    account: [u8; 16],
    what: WhatV1,
    at: u64,
    browser: String,
    address: Option<IpAddr>,
}

/// Declares what is written for each of these, and reads it back.
macro_rules! what_v1 {
    ($($what:ident)*) => {
        #[derive(Serialize, Deserialize)]
        enum WhatV1 {
            $($what,)*
        }

        impl WhatV1 {
            fn of(what: What) -> Self {
                match what {
                    $(What::$what => Self::$what,)*
                }
            }

            fn read(self) -> What {
                match self {
                    $(Self::$what => What::$what,)*
                }
            }
        }
    };
}

// Their order is what the file has: a new one comes last.
what_v1! {
    Registered
    SignedIn
    PasskeyAdded
    PasskeyRemoved
    PasskeyCopied
    LinkApproved
    LinkDenied
    RecoveryHeld
    RecoveryCancelled
    Recovered
    SignedOutEverywhere
    TokenCopied
    PasskeyCanSync
    PasskeyMoved
    RecoveryContested
    RecoveryUndone
    ReviewAnswered
    AddressAsked
    AddressChanged
    AddressRestored
}

impl Row for Event {
    const TABLE: Table = Table::Events;

    fn key(&self) -> Vec<u8> {
        self.id.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let id = self.id.as_bytes();
        vec![
            (Table::EventsByAccount, [self.account.0.as_bytes(), &at(self.at, id)[..]].concat(), Vec::new()),
            (Table::EventsByExpiry, at(self.expires_at(), id), Vec::new()),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { id: _, account, what, at, browser, address } = self;
        let record = EventV1 {
            account: account.0.into_bytes(),
            what: WhatV1::of(*what),
            at: at.unix(),
            browser: browser.clone(),
            address: *address,
        };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let EventV1 { account, what, at, browser, address } = super::record(Self::TABLE, bytes)?;
                Ok(Self {
                    id: super::uuid_key(Self::TABLE, key)?,
                    account: AccountId(Uuid::from_bytes(account)),
                    what: what.read(),
                    at: Timestamp::from_unix(at),
                    browser,
                    address,
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
