//! Letters as written.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::fault::Fault;
use super::super::rows::{Row, at};
use super::super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::letter::{Letter, LetterId, Message};
use crate::domain::recovery::HoldId;

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
    RecoveryCode([u8; 16]),
    RecoveryHeld {
        account: [u8; 16],
        hold: [u8; 16],
        until: u64,
    },
    RecoveryDone,
    RecoveryCancelled,
    PasskeyAdded {
        aaguid: [u8; 16],
    },
    PasskeyRemoved {
        aaguid: [u8; 16],
    },
    PasskeyCopied {
        aaguid: [u8; 16],
    },
    PasskeyMoved {
        aaguid: [u8; 16],
    },
    /// As long as [`Self::Code`], so that the file does not tell which of the two was written.
    AlreadyRegisteredAsLong([u8; 16]),
    /// As long as [`Self::RecoveryCode`], for the same reason.
    NothingAsLong([u8; 16]),
    MorePasskeysAdded,
    RecoveryContested,
    RecoveryUndone,
    /// As long as [`Self::NothingAsLong`], for the same reason.
    CodesTried([u8; 16]),
    /// As long as [`Self::Code`], so that the file does not tell which of the two was written.
    NotInvited([u8; 16]),
    /// As long as [`Self::RecoveryCode`], for the same reason.
    AskOperator([u8; 16]),
}

/// What makes a message as long as one with the name of a code.
const AS_LONG: [u8; 16] = [0; 16];

impl MessageV1 {
    fn of(message: Message) -> Self {
        match message {
            Message::Code(id) => Self::Code(id.0.into_bytes()),
            Message::AlreadyRegistered => Self::AlreadyRegisteredAsLong(AS_LONG),
            Message::NotInvited => Self::NotInvited(AS_LONG),
            Message::AskOperator => Self::AskOperator(AS_LONG),
            Message::Nothing => Self::NothingAsLong(AS_LONG),
            Message::Welcome => Self::Welcome,
            Message::RecoveryCode(id) => Self::RecoveryCode(id.0.into_bytes()),
            Message::RecoveryHeld { account, hold, until } => {
                Self::RecoveryHeld { account: account.0.into_bytes(), hold: hold.0.into_bytes(), until: until.unix() }
            }
            Message::RecoveryDone => Self::RecoveryDone,
            Message::RecoveryCancelled => Self::RecoveryCancelled,
            Message::RecoveryContested => Self::RecoveryContested,
            Message::RecoveryUndone => Self::RecoveryUndone,
            Message::CodesTried => Self::CodesTried(AS_LONG),
            Message::PasskeyAdded { aaguid } => Self::PasskeyAdded { aaguid: aaguid.into_bytes() },
            Message::MorePasskeysAdded => Self::MorePasskeysAdded,
            Message::PasskeyRemoved { aaguid } => Self::PasskeyRemoved { aaguid: aaguid.into_bytes() },
            Message::PasskeyCopied { aaguid } => Self::PasskeyCopied { aaguid: aaguid.into_bytes() },
            Message::PasskeyMoved { aaguid } => Self::PasskeyMoved { aaguid: aaguid.into_bytes() },
        }
    }

    fn read(self) -> Message {
        let id = Uuid::from_bytes;
        match self {
            Self::Code(code) => Message::Code(CodeId(id(code))),
            Self::AlreadyRegistered | Self::AlreadyRegisteredAsLong(_) => Message::AlreadyRegistered,
            Self::NotInvited(_) => Message::NotInvited,
            Self::AskOperator(_) => Message::AskOperator,
            Self::NothingAsLong(_) => Message::Nothing,
            Self::Welcome => Message::Welcome,
            Self::RecoveryCode(code) => Message::RecoveryCode(CodeId(id(code))),
            Self::RecoveryHeld { account, hold, until } => Message::RecoveryHeld {
                account: AccountId(id(account)),
                hold: HoldId(id(hold)),
                until: Timestamp::from_unix(until),
            },
            Self::RecoveryDone => Message::RecoveryDone,
            Self::RecoveryCancelled => Message::RecoveryCancelled,
            Self::RecoveryContested => Message::RecoveryContested,
            Self::RecoveryUndone => Message::RecoveryUndone,
            Self::CodesTried(_) => Message::CodesTried,
            Self::PasskeyAdded { aaguid } => Message::PasskeyAdded { aaguid: id(aaguid) },
            Self::MorePasskeysAdded => Message::MorePasskeysAdded,
            Self::PasskeyRemoved { aaguid } => Message::PasskeyRemoved { aaguid: id(aaguid) },
            Self::PasskeyCopied { aaguid } => Message::PasskeyCopied { aaguid: id(aaguid) },
            Self::PasskeyMoved { aaguid } => Message::PasskeyMoved { aaguid: id(aaguid) },
        }
    }
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
            message: MessageV1::of(*message),
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
                    message: message.read(),
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
