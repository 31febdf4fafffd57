//! Which columns a row is in, for what writes and reads whole tables. What commits write of them is in `apply`.

use tokio_postgres::Row as PgRow;
use tokio_postgres::types::{ToSql, Type};
use uuid::Uuid;

use super::fault::PostgresFault;
use super::values::{self, time};
use super::wrapping::{Wrapped, Wrapping};
use crate::domain::account::Account;
use crate::domain::activity::Event;
use crate::domain::address::Move;
use crate::domain::admin_code::AdminCode;
use crate::domain::bookmark::Bookmark;
use crate::domain::ceremony::Ceremony;
use crate::domain::clock::Timestamp;
use crate::domain::invitation::Invitation;
use crate::domain::letter::Letter;
use crate::domain::link::{Link, LinkStage};
use crate::domain::passkey::Passkey;
use crate::domain::plan::Counter;
use crate::domain::recovery::{Hold, Recovery};
use crate::domain::registration::Registration;
use crate::domain::session::Session;
use crate::domain::signing_key::SigningKey;
use crate::domain::token_family::TokenFamily;
use crate::store::records::CountRow;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::Row;

/// A value of a column.
pub(in crate::store) type ColumnValue = Box<dyn ToSql + Sync + Send>;

/// A row that stands in a table of the database. The table has the name of [`Row::TABLE`], with `_` for `-`.
pub(in crate::store) trait Columns: Row + Send + Sync {
    /// The columns, the key first.
    const COLUMNS: &'static str;
    /// The statement that names other keys of a row ([`Columns::names`]), with the row's key as `$1` and them as `$2`.
    const NAMING: Option<&'static str> = None;

    /// The values of the columns.
    fn values(&self, wrapping: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault>;

    /// The other keys that lead to it.
    fn names(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    /// The row of an answer that has all columns.
    fn read(answer: &PgRow, _wrapping: &Wrapping) -> Result<Self, PostgresFault> {
        Ok(Self::decode(&key_of(answer), answer.get("record"))?)
    }
}

/// The key in the first column of an answer, as it is in the records.
pub(in crate::store) fn key_of(answer: &PgRow) -> Vec<u8> {
    match answer.columns().first().map(|column| column.type_()) {
        Some(&Type::UUID) => answer.get::<_, Uuid>(0).into_bytes().to_vec(),
        Some(&Type::TEXT) => answer.get::<_, String>(0).into_bytes(),
        _ => answer.get(0),
    }
}

/// A value in its box.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$(Box::new($value) as ColumnValue),*] };
}

impl Columns for Account {
    const COLUMNS: &'static str = "id, email, disabled, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.id.0, self.email.as_str().to_owned(), self.disabled, self.encode()?])
    }
}

impl Columns for Passkey {
    const COLUMNS: &'static str = "id, account, counter, created_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        let counter = i64::from(self.key.counter);
        Ok(values![self.key(), self.account.0, counter, time(self.created_at), self.encode()?])
    }
}

impl Columns for Session {
    const COLUMNS: &'static str = "token, account, head, credential, created_at, last_seen_at, looked_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        let head = self.head.map(|head| head.bytes().to_vec());
        let credential = self.credential.as_ref().map(|credential| credential.bytes().to_vec());
        let (created_at, last_seen_at) = (time(self.created_at), time(self.last_seen_at));
        let record = self.encode()?;
        Ok(values![self.key(), self.account.0, head, credential, created_at, last_seen_at, last_seen_at, record])
    }

    fn read(answer: &PgRow, _: &Wrapping) -> Result<Self, PostgresFault> {
        Ok(values::session(answer)?)
    }
}

impl Columns for TokenFamily {
    const COLUMNS: &'static str = "session, revision, record";
    const NAMING: Option<&'static str> = Some(
        "INSERT INTO refresh_tokens (session, token) SELECT DISTINCT $1::bytea, token FROM unnest($2::bytea[]) AS named (token)",
    );

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.key(), i64::from(self.revision), self.encode()?])
    }

    fn names(&self) -> Vec<Vec<u8>> {
        self.all().map(|token| token.bytes().to_vec()).collect()
    }
}

impl Columns for Ceremony {
    const COLUMNS: &'static str = "id, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.id.0, time(self.expires_at), self.encode()?])
    }
}

impl Columns for Registration {
    const COLUMNS: &'static str = "browser, revision, email, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        let (revision, email) = (i64::from(self.revision), self.email.as_str().to_owned());
        Ok(values![self.key(), revision, email, time(self.expires_at), self.encode()?])
    }
}

impl Columns for Link {
    const COLUMNS: &'static str = "id, revision, scan_code, short_code, offered_by, approved_by, expires_at, record";
    const NAMING: Option<&'static str> = Some(
        "INSERT INTO link_codes (link, code) SELECT DISTINCT $1::uuid, code FROM unnest($2::bytea[]) AS named (code)",
    );

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        let offered_by = self.offer.map(|offer| offer.account.0);
        let approved_by = match &self.stage {
            LinkStage::Approved(approval) => Some(approval.account.0),
            LinkStage::Shown | LinkStage::Found | LinkStage::Closed(_) => None,
        };
        Ok(values![
            self.id.0,
            i64::from(self.revision),
            self.scan_code.0.to_vec(),
            self.short_code.0.to_vec(),
            offered_by,
            approved_by,
            time(self.expires_at),
            self.encode()?,
        ])
    }

    fn names(&self) -> Vec<Vec<u8>> {
        vec![self.scan_code.0.to_vec(), self.short_code.0.to_vec()]
    }
}

impl Columns for Recovery {
    const COLUMNS: &'static str = "browser, revision, owner, email, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        let (revision, email) = (i64::from(self.revision), self.email.as_str().to_owned());
        Ok(values![self.key(), revision, self.owner().0, email, time(self.expires_at), self.encode()?])
    }
}

impl Columns for Hold {
    const COLUMNS: &'static str = "account, id, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.account.0, self.id.0, time(self.expires_at()), self.encode()?])
    }
}

impl Columns for Move {
    const COLUMNS: &'static str = "account, id, revision, asked, former, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        let former = self.former().map(|former| former.as_str().to_owned());
        let (asked, revision) = (self.asked_for().is_some(), i64::from(self.revision));
        Ok(values![self.account.0, self.id.0, revision, asked, former, time(self.expires_at), self.encode()?])
    }
}

impl Columns for AdminCode {
    const COLUMNS: &'static str = "account, digest, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.account.0, self.digest.0.to_vec(), time(self.expires_at), self.encode()?])
    }
}

impl Columns for Bookmark {
    const COLUMNS: &'static str = "name, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.key(), time(self.expires_at), self.encode()?])
    }
}

impl Columns for Invitation {
    const COLUMNS: &'static str = "email, id, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.email.as_str().to_owned(), self.id.0, self.encode()?])
    }
}

impl Columns for Event {
    const COLUMNS: &'static str = "id, account, at, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.id, self.account.0, time(self.at), time(self.expires_at()), self.encode()?])
    }
}

impl Columns for Letter {
    const COLUMNS: &'static str = "id, due_at, expires_at, record";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.id.0, time(self.due_at), time(self.expires_at), self.encode()?])
    }
}

impl Columns for CountRow {
    const COLUMNS: &'static str = "name, count, ends_at";

    fn values(&self, _: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        Ok(values![self.key(), i64::from(self.count), time(self.ends_at)])
    }

    fn read(answer: &PgRow, _: &Wrapping) -> Result<Self, PostgresFault> {
        let unreadable = |why: &str| RecordFault::Unreadable { table: Self::TABLE, why: why.to_owned() };
        let name = answer.get::<_, &[u8]>(0).try_into().map_err(|_| unreadable("its key is not 32 bytes long"))?;
        let count = u32::try_from(answer.get::<_, i64>(1)).map_err(|_| unreadable("it has counted too far"))?;
        let ends_at = u64::try_from(answer.get::<_, i64>(2)).map_err(|_| unreadable("it ends before 1970"))?;
        Ok(Self { counter: Counter(name), count, ends_at: Timestamp::from_unix(ends_at) })
    }
}

impl Columns for SigningKey {
    const COLUMNS: &'static str = "kid, created_at, record";

    fn values(&self, wrapping: &Wrapping) -> Result<Vec<ColumnValue>, PostgresFault> {
        let wrapped = wrapping.wrap(Wrapped::SigningKey(&self.kid), &self.encode()?)?;
        Ok(values![self.kid.clone(), time(self.created_at), wrapped])
    }

    fn read(answer: &PgRow, wrapping: &Wrapping) -> Result<Self, PostgresFault> {
        let (kid, wrapped): (String, &[u8]) = (answer.get(0), answer.get("record"));
        let record = wrapping.unwrap(Wrapped::SigningKey(&kid), wrapped)?;
        Ok(Self::decode(kid.as_bytes(), &record)?)
    }
}
