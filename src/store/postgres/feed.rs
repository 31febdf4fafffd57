//! What the gateways of a database hear of each other's commits: rows that are written with them, and looked for by
//! all.
//!
//! A row is found by its transaction, not by its number: one with a lower number may be committed later. Each look asks
//! for all rows from the oldest transaction on that was still open at the look before, and passes over those that it
//! has seen. Gateways look by themselves all the time; a notification makes them look at once, and nothing depends on
//! it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::Inner;
use super::fault::PostgresFault;
use super::migrate;
use super::nodes::WrittenDown;
use super::pool::PooledConnection;
use crate::domain::account::AccountId;
use crate::domain::link::id::LinkId;
use crate::domain::plan::{Change, Effects, TouchedLinks};
use crate::domain::secret::SecretDigest;
use crate::store::StoreNotification;

/// How often a gateway looks that is not told to.
const EVERY: Duration = Duration::from_millis(250);
/// How long a look may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long connecting for it may take: of several hosts, one may say nothing.
const CONNECTING: Duration = Duration::from_secs(5);
/// For how long a gateway may have looked for nothing and still know all it missed. Rows are kept for longer.
const MISSED: Duration = Duration::from_secs(1800);

const HEADS: &str = "SELECT head FROM sessions WHERE token = ANY ($1) AND head IS NOT NULL";
const TELL: &str = "INSERT INTO changes (origin, kind, subject) SELECT $1, * FROM unnest($2::text[], $3::bytea[])";
const LISTEN: &str = "LISTEN bmauth";
const NOTIFY: &str = "NOTIFY bmauth";
const OLDEST_OPEN: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text";
// The snapshot is that by which the rows are seen.
const LOOK: &str = "SELECT pg_snapshot_xmin(snapshot)::text, seq, kind, subject, \
                    extract(epoch FROM clock_timestamp() - at)::float8 \
                    FROM (SELECT pg_current_snapshot() AS snapshot) AS this \
                    LEFT JOIN changes ON xid >= $1::text::xid8 AND origin <> $2 ORDER BY seq";

/// What a commit is to tell the others.
pub(super) struct CommitNotifications(Vec<(&'static str, Vec<u8>)>);

impl CommitNotifications {
    /// That of these changes, looked up before they are made: with a member of a family ends its head, and it could not
    /// be told afterwards which it was.
    pub(super) async fn of(on: &PooledConnection, changes: &[Change]) -> Result<Self, PostgresFault> {
        let mut effects = Effects::of(changes);
        if !effects.sessions.is_empty() {
            let tokens: Vec<&[u8]> = effects.sessions.iter().map(|token| &token.bytes()[..]).collect();
            let heads = on.rows(HEADS, &[&tokens]).await?;
            effects.sessions.extend(heads.iter().filter_map(|row| digest(row.get(0))));
        }
        Ok(Self(to_notifications(&effects)))
    }

    /// Whether there is nothing to tell, as of most commits.
    pub(super) const fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes it down, within the commit.
    pub(super) async fn write(self, on: &PooledConnection, origin: Uuid) -> Result<(), PostgresFault> {
        let (kinds, subjects): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
        on.change(TELL, &[&origin, &kinds, &subjects]).await.map(drop)
    }
}

/// Kind and subject of each row. Letters are not told of: each gateway looks for them by itself.
fn to_notifications(effects: &Effects) -> Vec<(&'static str, Vec<u8>)> {
    let Effects { sessions, members, accounts, changed_accounts, links, letters: _, keys } = effects;
    let mut told = Vec::new();
    told.extend(sessions.iter().map(|token| ("session", token.bytes().to_vec())));
    told.extend(members.iter().map(|token| ("member", token.bytes().to_vec())));
    told.extend(accounts.iter().map(|account| ("account", account.0.as_bytes().to_vec())));
    told.extend(changed_accounts.iter().map(|account| ("account_changed", account.0.as_bytes().to_vec())));
    match links {
        TouchedLinks::Some(links) => told.extend(links.iter().map(|link| ("link", link.0.as_bytes().to_vec()))),
        TouchedLinks::Any => told.push(("links", Vec::new())),
    }
    if *keys {
        told.push(("keys", Vec::new()));
    }
    told
}

/// Adds what a row tells; `None` for what this program does not know.
fn note_row(effects: &mut Effects, kind: &str, subject: &[u8]) -> Option<()> {
    let account = || Uuid::from_slice(subject).ok().map(AccountId);
    match kind {
        "session" => effects.sessions.push(digest(subject)?),
        "member" => effects.members.push(digest(subject)?),
        "account" => effects.accounts.push(account()?),
        "account_changed" => effects.changed_accounts.push(account()?),
        "link" => {
            let link = LinkId(Uuid::from_slice(subject).ok()?);
            if let TouchedLinks::Some(links) = &mut effects.links {
                links.push(link);
            }
        }
        "links" => effects.links = TouchedLinks::Any,
        "keys" => effects.keys = true,
        _ => return None,
    }
    Some(())
}

fn digest(bytes: &[u8]) -> Option<SecretDigest> {
    bytes.try_into().ok().map(SecretDigest::from_bytes)
}

/// A connection that looks, and what it has seen.
pub(super) struct Listening {
    connection: PooledConnection,
    /// The oldest transaction that was still open at the last look.
    oldest_open: String,
    /// The numbers of the rows that the last look found.
    seen: BTreeSet<i64>,
    looked_at: Instant,
    written_down: WrittenDown,
}

impl Listening {
    pub(super) async fn begin(inner: &Inner) -> Result<Self, PostgresFault> {
        let connection = PooledConnection::open(inner.pool.connecting()).await?;
        if !connection.with_others().await? {
            return Err(PostgresFault::Copied);
        }
        connection.run(LISTEN).await?;
        migrate::is_young_enough(&connection).await?;
        // What this connection writes can be lost with the server.
        connection.run("SET synchronous_commit = off").await?;
        let oldest_open = connection.row(OLDEST_OPEN, &[]).await?.map(|row| row.get(0)).unwrap_or_default();
        let (seen, written_down) = (BTreeSet::new(), WrittenDown::default());
        Ok(Self { connection, oldest_open, seen, looked_at: Instant::now(), written_down })
    }

    /// Says what is in force here: all that was told before the last look, once that has been made something of.
    pub(super) async fn write_down(&mut self, inner: &Inner) -> Result<(), PostgresFault> {
        if !inner.is_in_force.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.written_down.now(inner, &self.connection, &self.oldest_open).await
    }

    /// Waits until it is time to look, telling others meanwhile to look themselves where this gateway has news.
    async fn wait(&mut self, inner: &Inner) -> Result<(), PostgresFault> {
        let told = async {
            inner.news.notified().await;
            self.connection.run(NOTIFY).await?;
            // Its own look can wait: it is told of its own news, too, and passes them over.
            std::future::pending::<Result<(), PostgresFault>>().await
        };
        tokio::select! {
            told = told => told,
            () = self.connection.notified() => {
                self.written_down.has_heard();
                Ok(())
            }
            () = sleep(EVERY) => Ok(()),
        }
    }

    async fn poll_feed(&mut self, inner: &Inner) -> Result<StoreNotification, PostgresFault> {
        let rows = self.connection.rows(LOOK, &[&self.oldest_open, &inner.origin]).await?;
        let missed = self.looked_at.elapsed() > MISSED;
        let (mut effects, mut seen, mut is_known) = (Effects::default(), BTreeSet::new(), true);
        let mut delays = Vec::new();
        for row in &rows {
            self.oldest_open = row.get(0);
            let Some(seq) = row.get::<_, Option<i64>>(1) else { continue };
            if !self.seen.contains(&seq) {
                is_known &= note_row(&mut effects, row.get(2), row.get(3)).is_some();
                delays.push(row.get(4));
            }
            seen.insert(seq);
        }
        if !delays.is_empty() {
            self.written_down.has_heard();
        }
        inner.counts.looked(seen.len(), delays);
        (self.seen, self.looked_at) = (seen, Instant::now());
        if !is_known {
            migrate::is_young_enough(&self.connection).await?;
        }
        // What a newer program tells of may be anything.
        Ok(if missed || !is_known { StoreNotification::Doubt } else { StoreNotification::Effects(effects) })
    }
}

impl Inner {
    /// Waits until there is something to hear, or for a moment. Where a connection is new, it is not known what was
    /// missed: rows of another server, too, which may have numbers that were seen here.
    pub(super) async fn hear(&self) -> Result<StoreNotification, PostgresFault> {
        if self.is_too_old() {
            return Err(PostgresFault::TooOld);
        }
        let mut listening = self.listening.lock().await;
        let Some(mut now) = listening.take() else {
            let begun = timeout(CONNECTING, Listening::begin(self)).await.unwrap_or(Err(PostgresFault::Deadline));
            self.note(begun.as_ref().err());
            if matches!(begun, Err(PostgresFault::TooOld)) {
                self.give_up();
                return Ok(StoreNotification::Doubt);
            }
            *listening = Some(begun?);
            self.looked();
            return Ok(StoreNotification::Doubt);
        };
        // One that fails, or is broken off, is let go with what it has seen.
        let heard = timeout(EVERY + DEADLINE, async {
            // What the last look found is in force by now.
            now.write_down(self).await?;
            now.wait(self).await?;
            now.poll_feed(self).await
        });
        let heard = heard.await.unwrap_or(Err(PostgresFault::Deadline));
        self.note(heard.as_ref().err());
        if matches!(heard, Err(PostgresFault::TooOld)) {
            self.give_up();
            return Ok(StoreNotification::Doubt);
        }
        let heard = heard?;
        self.looked();
        *listening = Some(now);
        Ok(heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_heard() {
        let (token, id) = (|n| SecretDigest::from_bytes([n; 32]), Uuid::from_u128);
        let some = Effects {
            sessions: vec![token(1), token(2)],
            members: vec![token(3)],
            accounts: vec![AccountId(id(4))],
            changed_accounts: vec![AccountId(id(5))],
            links: TouchedLinks::Some(vec![LinkId(id(6))]),
            letters: false,
            keys: true,
        };
        let any = Effects { links: TouchedLinks::Any, ..some.clone() };
        for effects in [some, any, Effects::default()] {
            let mut heard = Effects::default();
            for (kind, subject) in to_notifications(&effects) {
                note_row(&mut heard, kind, &subject).unwrap();
            }
            assert_eq!(heard, effects);
        }
        for (kind, subject) in [("version", &[][..]), ("session", &[1; 31]), ("account", &[1; 15]), ("link", &[])] {
            assert_eq!(note_row(&mut Effects::default(), kind, subject), None, "{kind}");
        }
    }
}
