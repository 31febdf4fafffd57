//! What people say of themselves, as written within other records.

use serde::{Deserialize, Serialize};

use super::fault::RecordFault;
use super::table::Table;
use super::unreadable;
use crate::domain::claim::Claim;
use crate::domain::profile::{Locale, Metadata, Profile};

#[derive(Serialize, Deserialize)]
pub(super) struct ProfileV1 {
    name: Option<String>,
    locale: Option<String>,
    metadata: Option<String>,
}

impl ProfileV1 {
    pub(super) fn of(profile: &Profile) -> Self {
        let Profile { name, locale, metadata } = profile;
        Self {
            name: name.clone(),
            locale: locale.as_ref().map(|locale| locale.as_str().to_owned()),
            metadata: metadata.as_ref().map(|metadata| metadata.as_str().to_owned()),
        }
    }

    pub(super) fn read(self, table: Table) -> Result<Profile, RecordFault> {
        let Self { name, locale, metadata } = self;
        Ok(Profile {
            name,
            locale: locale.map(|text| Locale::parse(&text)).transpose().map_err(|error| unreadable(table, error))?,
            metadata: metadata.map(Metadata::from_object).transpose().map_err(|error| unreadable(table, error))?,
        })
    }
}

/// The network by which something without a cookie is claimed.
pub(super) fn network_of(claim: &Claim) -> Option<Vec<u8>> {
    match claim {
        Claim::Cookie => None,
        Claim::Code { network } => Some(network.clone()),
    }
}

/// Reads what [`network_of`] wrote.
pub(super) fn claim(network: Option<Vec<u8>>) -> Claim {
    network.map_or(Claim::Cookie, |network| Claim::Code { network })
}
