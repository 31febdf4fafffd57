//! A commit: one transaction, and what is done where its end is not known.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::apply::{PostgresCommit, PostgresStop};
use super::fault::PostgresFault;
use super::feed::CommitNotifications;
use super::locks::Locks;
use super::pool::PooledConnection;
use super::values::{decode, time};
use super::{DEADLINE, Inner};
use crate::counts::store::Operation;
use crate::domain::account::Account;
use crate::domain::plan::{
    AccountChange, Change, Durability, EventChange, HoldChange, LetterChange, SessionChange, TokensChange,
};
use crate::store::CommitError;
use crate::store::records::rows::Row as _;

/// How often a commit is made again at most.
const TRIES: u32 = 3;
/// How long it waits before that at least, in milliseconds; as long again is drawn, so that two that met do not meet
/// again.
const PAUSE: u64 = 10;

/// Writes a few bytes to the log, which mean nothing. A commit that writes nothing waits for no standby; one that does
/// waits until it has all that was written before, too.
const MARK: &str = "SELECT pg_logical_emit_message(true, 'bmauth', '')";

const SESSION_IS_THERE: &str = "SELECT 1 FROM sessions WHERE token = $1";
const EVENT_IS_THERE: &str = "SELECT 1 FROM events WHERE id = $1";
const LETTER_IS_THERE: &str = "SELECT 1 FROM letters WHERE id = $1";
const LETTER_WAITS_UNTIL: &str = "SELECT 1 FROM letters WHERE id = $1 AND due_at = $2";
const HOLD_IS_THERE: &str = "SELECT 1 FROM holds WHERE account = $1 AND id = $2";
const TOKENS_ARE_THERE: &str = "SELECT 1 FROM token_families WHERE session = $1 AND record = $2";
const ACCOUNT: &str = "SELECT record FROM accounts WHERE id = $1";

impl Inner {
    /// Makes all changes, or none of them.
    ///
    /// A transaction that another was in the way of is made again, and so is one before whose end the connection broke.
    /// Where it broke at the end, it is not known whether the changes were kept. They are made again, which fails where
    /// they were, and then what only this commit can have added is looked for. It may be there and on no standby: where
    /// it has to last, it counts as made only once a commit after it is.
    pub(super) async fn commit(&self, changes: &[Change], durability: Durability) -> Result<(), CommitError> {
        let began = Instant::now();
        let committed = self.commit_for_sure(changes, durability).await;
        let has_failed = matches!(committed, Err(CommitError::Store(_)));
        self.counts.operation(Operation::Commit, began.elapsed(), has_failed);
        committed
    }

    async fn commit_for_sure(&self, mut changes: &[Change], durability: Durability) -> Result<(), CommitError> {
        let mut until = Instant::now() + DEADLINE;
        let (mut tries, mut is_unknown) = (0, false);
        loop {
            let ending = AtomicBool::new(false);
            let made = match self.transaction(changes, durability, until, &ending, is_unknown).await {
                Ok(()) => return Ok(()),
                Err(PostgresStop::Conflict(conflict)) if is_unknown => {
                    if !self.is_kept(changes, until).await? {
                        return Err(CommitError::Conflict(conflict));
                    }
                    match durability {
                        Durability::Durable => changes = &[],
                        Durability::Relaxed => return Ok(()),
                    }
                    continue;
                }
                Err(PostgresStop::Conflict(conflict)) => return Err(CommitError::Conflict(conflict)),
                Err(PostgresStop::Fault(fault)) => fault,
            };
            if made.is_of_the_connection() && ending.into_inner() && !is_unknown {
                is_unknown = true;
                self.counts.unknown_outcome();
                until = Instant::now() + DEADLINE;
                tracing::warn!(why = made.described(), "whether a commit was kept is not known; it is looked at");
            }
            let may_pass = made.is_of_the_connection() || matches!(made, PostgresFault::Met(_));
            tries += 1;
            let again = Instant::now() + self.pause();
            if !may_pass || tries > TRIES || again >= until {
                let problem =
                    if is_unknown { "whether a commit was kept is not known" } else { "a commit could not be made" };
                return Err(made.during(problem).into());
            }
            sleep_until(again).await;
        }
    }

    fn pause(&self) -> Duration {
        let mut drawn = [0];
        self.entropy.fill(&mut drawn);
        let [drawn] = drawn;
        Duration::from_millis(PAUSE + PAUSE * u64::from(drawn) / 256)
    }

    async fn transaction(
        &self,
        changes: &[Change],
        durability: Durability,
        until: Instant,
        ending: &AtomicBool,
        is_unknown: bool,
    ) -> Result<(), PostgresStop> {
        let _turn = self.turn(until).await?;
        let made = timeout_at(until, async {
            let lease = self.pool.lease().await?;
            match self.make(&lease, changes, durability, ending, is_unknown).await {
                Err(PostgresStop::Conflict(conflict)) => {
                    lease.run("ROLLBACK").await?;
                    lease.give_back();
                    Err(PostgresStop::Conflict(conflict))
                }
                made => {
                    // One that failed is closed, which ends its transaction.
                    made?;
                    lease.give_back();
                    Ok(())
                }
            }
        });
        let made = made.await.unwrap_or(Err(PostgresStop::Fault(PostgresFault::Deadline)));
        self.note(match &made {
            Err(PostgresStop::Fault(fault)) => Some(fault),
            Ok(()) | Err(PostgresStop::Conflict(_)) => None,
        });
        made
    }

    async fn make(
        &self,
        on: &PooledConnection,
        changes: &[Change],
        durability: Durability,
        ending: &AtomicBool,
        is_unknown: bool,
    ) -> Result<(), PostgresStop> {
        let begin = match durability {
            Durability::Durable => "BEGIN",
            Durability::Relaxed => "BEGIN; SET LOCAL synchronous_commit = off",
        };
        let locks = Locks::of(changes);
        // Sent one after the other without a wait in between.
        tokio::try_join!(on.run(begin), locks.take(on))?;
        let news = CommitNotifications::of(on, changes).await?;
        let making = PostgresCommit { on, wrapping: &self.wrapping };
        for change in changes {
            making.make(change).await?;
        }
        let has_news = !news.is_none();
        if has_news {
            news.write(on, self.origin).await?;
        }
        if is_unknown && durability == Durability::Durable {
            on.run(MARK).await?;
        }
        on.was_warned();
        ending.store(true, Ordering::Relaxed);
        on.run("COMMIT").await?;
        // "canceling wait for synchronous replication": it is kept here, and perhaps nowhere else.
        if on.was_warned() && durability == Durability::Durable {
            return Err(PostgresFault::Warned.into());
        }
        // Outside of it: a notification within would keep all commits of the database waiting for each other.
        if has_news {
            self.news.notify_one();
        }
        Ok(())
    }

    /// Whether something is there that only a commit of these changes can have added, since its name was drawn for it,
    /// or that is as they were to make it.
    async fn is_kept(&self, changes: &[Change], until: Instant) -> Result<bool, CommitError> {
        for change in changes {
            let added = self.has_added(change, until).await;
            if added.map_err(|fault| CommitError::Store(fault.during("whether a commit was kept is not known")))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether what a change adds is there, or what it was to make of something. A letter may have been sent by now,
    /// and other things have no names of their own.
    async fn has_added(&self, change: &Change, until: Instant) -> Result<bool, PostgresFault> {
        let found = match change {
            Change::Session(SessionChange::Add(session)) => {
                self.rows_until(until, SESSION_IS_THERE, &[&&session.token.bytes()[..]]).await?
            }
            Change::Event(EventChange::Add(event)) => self.rows_until(until, EVENT_IS_THERE, &[&event.id]).await?,
            Change::Letter(LetterChange::Add(letter)) => {
                self.rows_until(until, LETTER_IS_THERE, &[&letter.id.0]).await?
            }
            // Another gateway may have put it off to the same second: then both send it, which is better than that none
            // does.
            Change::Letter(LetterChange::Delay { id, due_at, .. }) => {
                self.rows_until(until, LETTER_WAITS_UNTIL, &[&id.0, &time(*due_at)]).await?
            }
            Change::Tokens(TokensChange::Add(tokens) | TokensChange::Advance(tokens) | TokensChange::Cut(tokens)) => {
                let key = &tokens.session.bytes()[..];
                self.rows_until(until, TOKENS_ARE_THERE, &[&key, &tokens.encode()?]).await?
            }
            Change::Account(AccountChange::SetGroups { account, groups, .. }) => {
                let rows = self.rows_until(until, ACCOUNT, &[&account.0]).await?;
                let Some(row) = rows.first() else { return Ok(false) };
                return Ok(decode::<Account>(account.0.as_bytes(), row)?.groups == *groups);
            }
            Change::Hold(HoldChange::Add(hold)) => {
                self.rows_until(until, HOLD_IS_THERE, &[&hold.account.0, &hold.id.0]).await?
            }
            Change::Account(_)
            | Change::Passkey(_)
            | Change::Session(_)
            | Change::Tokens(_)
            | Change::Ceremony(_)
            | Change::Registration(_)
            | Change::Link(_)
            | Change::Recovery(_)
            | Change::Hold(_)
            | Change::Move(_)
            | Change::AdminCode(_)
            | Change::Bookmark(_)
            | Change::Invitation(_)
            | Change::Letter(_)
            | Change::Counter(_)
            | Change::Key(_) => return Ok(false),
        };
        Ok(!found.is_empty())
    }
}
