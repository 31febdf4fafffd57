//! Signing keys as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};

use super::fault::RecordFault;
use super::rows::Row;
use super::table::Table;
use crate::domain::clock::Timestamp;
use crate::domain::signing_key::{Algorithm, PrivateKey, SigningKey};

#[derive(Serialize, Deserialize)]
struct SigningKeyV1 {
    algorithm: AlgorithmV1,
    pkcs8: Vec<u8>,
    created_at: u64,
    active_from: u64,
}

#[derive(Serialize, Deserialize)]
enum AlgorithmV1 {
    Es256,
    EdDsa,
}

impl Row for SigningKey {
    const TABLE: Table = Table::SigningKeys;

    fn key(&self) -> Vec<u8> {
        self.kid.as_bytes().to_vec()
    }

    /// None: there are a handful of keys, and they are read all at once.
    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        Vec::new()
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { kid: _, algorithm, pkcs8, created_at, active_from } = self;
        let record = SigningKeyV1 {
            algorithm: match algorithm {
                Algorithm::Es256 => AlgorithmV1::Es256,
                Algorithm::EdDsa => AlgorithmV1::EdDsa,
            },
            pkcs8: pkcs8.0.clone(),
            created_at: created_at.unix(),
            active_from: active_from.unix(),
        };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let SigningKeyV1 { algorithm, pkcs8, created_at, active_from } = super::record(Self::TABLE, bytes)?;
                let kid = String::from_utf8(key.to_vec()).map_err(|error| super::unreadable(Self::TABLE, error))?;
                Ok(Self {
                    kid,
                    algorithm: match algorithm {
                        AlgorithmV1::Es256 => Algorithm::Es256,
                        AlgorithmV1::EdDsa => Algorithm::EdDsa,
                    },
                    pkcs8: PrivateKey(pkcs8),
                    created_at: Timestamp::from_unix(created_at),
                    active_from: Timestamp::from_unix(active_from),
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
