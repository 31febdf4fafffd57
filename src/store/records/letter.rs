//! Letters as the stores keep them; see [`super`] for how a version follows another.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault::RecordFault;
use super::rows::{Row, at};
use super::table::Table;
use crate::domain::account::AccountId;
use crate::domain::address::MoveId;
use crate::domain::clock::Timestamp;
use crate::domain::code::CodeId;
use crate::domain::letter::{Letter, LetterId, Message};
use crate::domain::recovery::HoldId;
use crate::domain::utc_offset::UtcOffset;

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

/// With the reader's clock.
#[derive(Serialize, Deserialize)]
struct LetterV2 {
    letter: LetterV1,
    /// Minutes that it is ahead of UTC.
    offset: Option<i16>,
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
    /// The three of before say nothing of where the passkey was made.
    PasskeyRemovedMadeIn {
        aaguid: [u8; 16],
        made_in: String,
    },
    PasskeyCopiedMadeIn {
        aaguid: [u8; 16],
        made_in: String,
    },
    PasskeyMovedMadeIn {
        aaguid: [u8; 16],
        made_in: String,
    },
    AccountDeleted,
    AddressCode([u8; 16]),
    /// As long as [`Self::AddressCode`], for the same reason.
    AddressWanted([u8; 16]),
    /// As long as [`Self::Code`] and [`Self::AddressCode`], for the same reason.
    AddressKept([u8; 16]),
    AddressChanged {
        account: [u8; 16],
        undo: [u8; 16],
    },
    AddressRestored,
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
            Message::AddressCode(id) => Self::AddressCode(id.0.into_bytes()),
            Message::AddressWanted => Self::AddressWanted(AS_LONG),
            Message::AddressKept => Self::AddressKept(AS_LONG),
            Message::AddressChanged { account, undo } => {
                Self::AddressChanged { account: account.0.into_bytes(), undo: undo.0.into_bytes() }
            }
            Message::AddressRestored => Self::AddressRestored,
            Message::AccountDeleted => Self::AccountDeleted,
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
            Message::PasskeyRemoved { aaguid, made_in } => {
                Self::PasskeyRemovedMadeIn { aaguid: aaguid.into_bytes(), made_in }
            }
            Message::PasskeyCopied { aaguid, made_in } => {
                Self::PasskeyCopiedMadeIn { aaguid: aaguid.into_bytes(), made_in }
            }
            Message::PasskeyMoved { aaguid, made_in } => {
                Self::PasskeyMovedMadeIn { aaguid: aaguid.into_bytes(), made_in }
            }
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
            Self::AddressCode(code) => Message::AddressCode(CodeId(id(code))),
            Self::AddressWanted(_) => Message::AddressWanted,
            Self::AddressKept(_) => Message::AddressKept,
            Self::AddressChanged { account, undo } => {
                Message::AddressChanged { account: AccountId(id(account)), undo: MoveId(id(undo)) }
            }
            Self::AddressRestored => Message::AddressRestored,
            Self::AccountDeleted => Message::AccountDeleted,
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
            Self::PasskeyRemoved { aaguid } => Message::PasskeyRemoved { aaguid: id(aaguid), made_in: String::new() },
            Self::PasskeyRemovedMadeIn { aaguid, made_in } => Message::PasskeyRemoved { aaguid: id(aaguid), made_in },
            Self::PasskeyCopied { aaguid } => Message::PasskeyCopied { aaguid: id(aaguid), made_in: String::new() },
            Self::PasskeyCopiedMadeIn { aaguid, made_in } => Message::PasskeyCopied { aaguid: id(aaguid), made_in },
            Self::PasskeyMoved { aaguid } => Message::PasskeyMoved { aaguid: id(aaguid), made_in: String::new() },
            Self::PasskeyMovedMadeIn { aaguid, made_in } => Message::PasskeyMoved { aaguid: id(aaguid), made_in },
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

    fn encode(&self) -> Result<Vec<u8>, RecordFault> {
        let Self { id: _, to, message, language, offset, browser, created_at, due_at, failures, expires_at } = self;
        let letter = LetterV1 {
            to: to.as_str().to_owned(),
            message: MessageV1::of(message.clone()),
            language: language.clone(),
            browser: browser.clone(),
            created_at: created_at.unix(),
            due_at: due_at.unix(),
            failures: *failures,
            expires_at: expires_at.unix(),
        };
        let record = LetterV2 { letter, offset: offset.map(UtcOffset::minutes) };
        super::encode(Self::TABLE, 2, &record)
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<Self, RecordFault> {
        let LetterV2 { letter, offset } = match super::version(Self::TABLE, value)? {
            (1, bytes) => LetterV2 { letter: super::record(Self::TABLE, bytes)?, offset: None },
            (2, bytes) => super::record(Self::TABLE, bytes)?,
            (version, _) => return Err(super::newer(Self::TABLE, version)),
        };
        let LetterV1 { to, message, language, browser, created_at, due_at, failures, expires_at } = letter;
        Ok(Self {
            id: LetterId(super::uuid_key(Self::TABLE, key)?),
            to: super::email(Self::TABLE, &to)?,
            message: message.read(),
            language,
            offset: offset.and_then(UtcOffset::of_minutes),
            browser,
            created_at: Timestamp::from_unix(created_at),
            due_at: Timestamp::from_unix(due_at),
            failures,
            expires_at: Timestamp::from_unix(expires_at),
        })
    }
}
