//! Accounts as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};

use super::fault::RecordFault;
use super::rows::Row;
use super::table::Table;
use crate::domain::account::{Account, AccountId};
use crate::domain::aftermath::{Aftermath, Review};
use crate::domain::clock::Timestamp;
use crate::domain::profile::{Locale, Metadata};

#[derive(Serialize, Deserialize)]
struct AccountV1 {
    email: String,
    name: Option<String>,
    groups: Vec<String>,
    disabled: bool,
    /// In seconds since the Unix epoch, like all moments here.
    created_at: u64,
}

/// Adds what the person says of themselves.
#[derive(Serialize, Deserialize)]
struct AccountV2 {
    was: AccountV1,
    locale: Option<String>,
    /// A JSON object, as text.
    metadata: Option<String>,
}

/// Adds what the last recovery left behind.
#[derive(Serialize, Deserialize)]
struct AccountV3 {
    was: AccountV2,
    recovered_at: Option<u64>,
    review: Option<ReviewV1>,
}

/// A [`Review`] within an account.
#[derive(Serialize, Deserialize)]
struct ReviewV1 {
    /// Empty for `None`, since no credential id is empty.
    credential_id: Vec<u8>,
    browser: String,
    is_contested: bool,
    contests: u8,
    /// The credential ids of passkeys that earlier recoveries made.
    before: Vec<Vec<u8>>,
}

impl ReviewV1 {
    fn of(review: &Review) -> Self {
        let Review { credential, browser, is_contested, contests, before } = review;
        Self {
            credential_id: credential.as_ref().map(|id| id.bytes().to_vec()).unwrap_or_default(),
            browser: browser.clone(),
            is_contested: *is_contested,
            contests: *contests,
            before: before.iter().map(|id| id.bytes().to_vec()).collect(),
        }
    }

    fn read(self) -> Result<Review, RecordFault> {
        let Self { credential_id, browser, is_contested, contests, before } = self;
        let credential = match credential_id.as_slice() {
            [] => None,
            id => Some(super::credential_id(Table::Accounts, id)?),
        };
        let before = before.iter().map(|id| super::credential_id(Table::Accounts, id)).collect::<Result<_, _>>()?;
        Ok(Review { credential, browser, is_contested, contests, before })
    }
}

impl Row for Account {
    const TABLE: Table = Table::Accounts;

    fn key(&self) -> Vec<u8> {
        self.id.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        vec![(Table::AccountsByEmail, self.email.as_str().into(), self.key())]
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { id: _, email, name, locale, metadata, groups, disabled, created_at, aftermath } = self;
        let was = AccountV1 {
            email: email.as_str().to_owned(),
            name: name.clone(),
            groups: groups.clone(),
            disabled: *disabled,
            created_at: created_at.unix(),
        };
        let locale = locale.as_ref().map(|locale| locale.as_str().to_owned());
        let metadata = metadata.as_ref().map(|metadata| metadata.as_str().to_owned());
        let Aftermath { recovered_at, review } = aftermath;
        let (recovered_at, review) = (recovered_at.map(Timestamp::unix), review.as_ref().map(ReviewV1::of));
        super::encode(Self::TABLE, 3, &AccountV3 { was: AccountV2 { was, locale, metadata }, recovered_at, review })
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let never_recovered = |was| AccountV3 { was, recovered_at: None, review: None };
        let AccountV3 { was, recovered_at, review } = match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                never_recovered(AccountV2 { was: super::record(Self::TABLE, bytes)?, locale: None, metadata: None })
            }
            (2, bytes) => never_recovered(super::record(Self::TABLE, bytes)?),
            (3, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        let AccountV2 { was, locale, metadata } = was;
        let AccountV1 { email, name, groups, disabled, created_at } = was;
        let unreadable = |error| super::unreadable(Self::TABLE, error);
        Ok(Self {
            id: AccountId(super::uuid_key(Self::TABLE, key)?),
            email: super::email(Self::TABLE, &email)?,
            name,
            locale: locale.map(|text| Locale::parse(&text)).transpose().map_err(unreadable)?,
            metadata: metadata.map(Metadata::from_object).transpose().map_err(unreadable)?,
            groups,
            disabled,
            created_at: Timestamp::from_unix(created_at),
            aftermath: Aftermath {
                recovered_at: recovered_at.map(Timestamp::from_unix),
                review: review.map(ReviewV1::read).transpose()?,
            },
        })
    }
}
