//! Letters leave: each row of the outbox is sent, then dropped; one that fails is tried again later.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::auth::ledger::Ledger;
use crate::counts::Counts;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::letter::Letter;
use crate::domain::plan::{Conflict, Durability, LetterChange, Plan};
use crate::mail::transport::Transport;
use crate::mail::writer::Writer;
use crate::store::{CommitError, StoreError};

/// How long to wait for a ring before looking for letters that are due again.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many mails leave at a time.
const AT_ONCE: usize = 8;
/// How many letters are read at a time.
const BATCH: usize = 64;
/// How many are read to find those that a clock wrote which was ahead.
const LOOKED_THROUGH: usize = 1024;

/// Sends what the flows have committed.
pub struct Outbox {
    /// Where letters wait.
    pub ledger: Arc<Ledger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who writes them out.
    pub writer: Writer,
    /// How they leave.
    pub transport: Arc<dyn Transport>,
    /// What is counted.
    pub counts: Arc<Counts>,
}

impl Outbox {
    /// Sends letters until `shutdown` fires.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            self.deliver().await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.ledger.letter_added() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Sends every letter that is due now.
    pub async fn deliver(&self) {
        // Bounded: a letter that was tried is no longer due.
        for _ in 0..1000 {
            let due = match self.due().await {
                Ok(due) if due.is_empty() => return,
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "the outbox could not be read");
                    return;
                }
            };
            let sent = futures_util::stream::iter(due).map(|letter| self.send(letter)).buffer_unordered(AT_ONCE);
            let failed = sent.filter_map(|sent| std::future::ready(sent.err())).collect::<Vec<_>>().await;
            if let Some(error) = failed.first() {
                // What is still due would come again at once.
                tracing::error!(%error, "the outbox could not be written");
                return;
            }
        }
    }

    /// Some of the letters that are due, the longest due first. Those that a clock dated which was ahead would wait for
    /// years, and come after all others.
    async fn due(&self) -> Result<Vec<Letter>, StoreError> {
        let (records, now) = (self.ledger.records(), self.clock.now());
        let due = records.letters_due(now, BATCH).await?;
        if !due.is_empty() {
            return Ok(due);
        }
        let waiting = records.letters_due(Timestamp::from_unix(u64::MAX), LOOKED_THROUGH).await?;
        Ok(waiting.into_iter().filter(|letter| letter.is_due(now)).take(BATCH).collect())
    }

    /// Tries to send one letter.
    ///
    /// # Errors
    /// The store failed.
    async fn send(&self, letter: Letter) -> Result<(), CommitError> {
        let now = self.clock.now();
        let drop_it = || self.ledger.carry_out(change(LetterChange::Drop(letter.id), Durability::Durable));
        if !letter.is_useful(now) {
            return drop_it().await;
        }
        // Put off before it is sent: a store that cannot write sends nothing, instead of the same mail again and again.
        let later = LetterChange::Delay { id: letter.id, was: letter.due_at, due_at: now.after(letter.wait()) };
        match self.ledger.carry_out(change(later, Durability::Relaxed)).await {
            Ok(()) => {}
            // Another gateway that shares the store sends it.
            Err(CommitError::Conflict(Conflict::LetterTaken)) => return Ok(()),
            Err(error) => return Err(error),
        }
        let Some(mail) = self.writer.write(&letter) else { return drop_it().await };
        match self.transport.send(&letter.to, &mail).await {
            Ok(()) => {
                self.counts.mail("sent");
                // A letter that was sent but not dropped is sent again later, which is better than never.
                drop_it().await
            }
            Err(error) => {
                self.counts.mail("failed");
                tracing::warn!(%error, source = ?error.source, failures = letter.failures, "a mail is tried again later");
                Ok(())
            }
        }
    }
}

fn change(change: LetterChange, durability: Durability) -> Plan<()> {
    Plan { changes: vec![change.into()], durability, then: () }
}
