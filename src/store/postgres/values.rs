//! How the domain's values stand in columns.

use tokio_postgres::Row as PgRow;

use crate::domain::clock::Timestamp;
use crate::domain::session::Session;
use crate::store::records::fault::RecordFault;
use crate::store::records::rows::Row;

/// A moment in a column. The end of time is nearer there, and is the same for all that lasts longer.
pub(super) fn time(time: Timestamp) -> i64 {
    number(time.unix())
}

/// A number in a column, the largest one there for all that are larger.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How many rows at most.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The row of that key, from the column `record`.
pub(super) fn decode<R: Row>(key: &[u8], answer: &PgRow) -> Result<R, RecordFault> {
    R::decode(key, answer.get("record"))
}

/// The session of an answer with its token, its record, and when it was last used.
pub(super) fn session(answer: &PgRow) -> Result<Session, RecordFault> {
    let session: Session = decode(answer.get("token"), answer)?;
    let last_seen_at: i64 = answer.get("last_seen_at");
    if time(session.last_seen_at) == last_seen_at {
        return Ok(session);
    }
    Ok(Session { last_seen_at: Timestamp::from_unix(u64::try_from(last_seen_at).unwrap_or_default()), ..session })
}
