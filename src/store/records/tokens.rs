//! The tokens of sessions of the API as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};

use super::fault::RecordFault;
use super::rows::Row;
use super::table::Table;
use crate::domain::clock::Timestamp;
use crate::domain::secret::SecretDigest;
use crate::domain::token_family::{ClientMark, Cut, Elevation, Spent, TokenFamily};

#[derive(Serialize, Deserialize)]
struct TokenFamilyV1 {
    revision: u32,
    out: Vec<[u8; 32]>,
    spent: Vec<SpentV1>,
    elevation: Option<ElevationV1>,
    cut_elevated: u64,
    cut_plain: u64,
}

#[derive(Serialize, Deserialize)]
struct ElevationV1 {
    line: [u8; 32],
    since: u64,
    until: u64,
    used: bool,
}

#[derive(Serialize, Deserialize)]
struct SpentV1 {
    token: [u8; 32],
    at: u64,
    by: [u8; 32],
}

impl Row for TokenFamily {
    const TABLE: Table = Table::TokenFamilies;

    fn key(&self) -> Vec<u8> {
        self.session.bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        self.all().map(|token| (Table::RefreshTokens, token.bytes().to_vec(), self.key())).collect()
    }

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { session: _, revision, out, spent, elevation, cut: Cut { elevated, plain } } = self;
        let write = |Spent { token, at, by }: &Spent| SpentV1 { token: *token.bytes(), at: at.unix(), by: by.0 };
        let record = TokenFamilyV1 {
            revision: *revision,
            out: out.iter().map(|token| *token.bytes()).collect(),
            spent: spent.iter().map(write).collect(),
            elevation: elevation.map(|Elevation { line, since, until, used }| ElevationV1 {
                line: *line.bytes(),
                since: since.unix(),
                until: until.unix(),
                used,
            }),
            cut_elevated: elevated.unix(),
            cut_plain: plain.unix(),
        };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let TokenFamilyV1 { revision, out, spent, elevation, cut_elevated, cut_plain } =
                    super::record(Self::TABLE, bytes)?;
                let read = |SpentV1 { token, at, by }| Spent {
                    token: SecretDigest::from_bytes(token),
                    at: Timestamp::from_unix(at),
                    by: ClientMark(by),
                };
                Ok(Self {
                    session: super::secret_key(Self::TABLE, key)?,
                    revision,
                    out: out.into_iter().map(SecretDigest::from_bytes).collect(),
                    spent: spent.into_iter().map(read).collect(),
                    elevation: elevation.map(|ElevationV1 { line, since, until, used }| Elevation {
                        line: SecretDigest::from_bytes(line),
                        since: Timestamp::from_unix(since),
                        until: Timestamp::from_unix(until),
                        used,
                    }),
                    cut: Cut { elevated: Timestamp::from_unix(cut_elevated), plain: Timestamp::from_unix(cut_plain) },
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
