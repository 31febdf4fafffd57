//! Letters as written.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::rows::{Row, Table, at};
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::letter::{Letter, LetterId, Message};

#[derive(Serialize, Deserialize)]
struct LetterV1 {
    to: String,
    message: MessageV1,
    language: String,
    browser: String,
    created_at: u64,
    due_at: u64,
    failures: u32,
    expires_at: u64,
}

#[derive(Serialize, Deserialize)]
enum MessageV1 {
    Code([u8; 16]),
    AlreadyRegistered,
    Welcome,
}

impl Row for Letter {
    const TABLE: Table = Table::Letters;

    fn key(&self) -> Vec<u8> {
        self.id.0.as_bytes().to_vec()
    }

    fn index_rows(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let id = self.id.0.as_bytes();
        vec![
            (Table::LettersByDue, at(self.due_at, id), Vec::new()),
            (Table::LettersByExpiry, at(self.expires_at, id), Vec::new()),
        ]
    }

    fn encode(&self) -> Result<Vec<u8>, Fault> {
        let Self { id: _, to, message, language, browser, created_at, due_at, failures, expires_at } = self;
        let record = LetterV1 {
            to: to.as_str().to_owned(),
            message: match message {
                Message::Code(id) => MessageV1::Code(*id.0.as_bytes()),
                Message::AlreadyRegistered => MessageV1::AlreadyRegistered,
                Message::Welcome => MessageV1::Welcome,
            },
            language: language.clone(),
            browser: browser.clone(),
            created_at: created_at.unix(),
            due_at: due_at.unix(),
            failures: *failures,
            expires_at: expires_at.unix(),
        };
        super::encode(Self::TABLE, 1, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, Fault> {
        match super::version(Self::TABLE, value)? {
            (1, bytes) => {
                let LetterV1 { to, message, language, browser, created_at, due_at, failures, expires_at } =
                    super::record(Self::TABLE, bytes)?;
                Ok(Self {
                    id: LetterId(super::uuid_key(Self::TABLE, key)?),
                    to: super::email(Self::TABLE, &to)?,
                    message: match message {
                        MessageV1::Code(id) => Message::Code(CodeId(Uuid::from_bytes(id))),
                        MessageV1::AlreadyRegistered => Message::AlreadyRegistered,
                        MessageV1::Welcome => Message::Welcome,
                    },
                    language,
                    browser,
                    created_at: Timestamp::from_unix(created_at),
                    due_at: Timestamp::from_unix(due_at),
                    failures,
                    expires_at: Timestamp::from_unix(expires_at),
                })
            }
            (version, _) => Err(super::newer(Self::TABLE, version)),
        }
    }
}
