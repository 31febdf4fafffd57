//! Letters leave: each row of the outbox is sent, then dropped; one that fails is tried again later, unless the mail
//! server refused it for good.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use crate::auth::ledger::Ledger;
use crate::counts::Counts;
use crate::domain::clock::{Clock, Timestamp};
use crate::domain::letter::{Letter, LetterId};
use crate::domain::plan::{Conflict, Durability, LetterChange, Plan};
use crate::mail::transport::{MailError, Transport};
use crate::mail::writer::LetterWriter;
use crate::store::{CommitError, StoreError};

/// How long to wait for a ring before looking for letters that are due again.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How many mails leave at a time.
const AT_ONCE: usize = 8;
/// How many letters are read at a time: those that are under way may be among them, where a clock jumps.
const BATCH: usize = 2 * AT_ONCE;
/// How many are read to find those that a clock wrote which was ahead.
const LOOKED_THROUGH: usize = 1024;
/// How long mails that are under way may take when the gateway stops. What is left is put off as if it had failed.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// Sends what the flows have committed.
pub struct Outbox {
    /// Where letters wait until they are sent.
    pub ledger: Arc<Ledger>,
    /// The clock that says which letters are due.
    pub clock: Arc<dyn Clock>,
    /// Who writes them out.
    pub writer: LetterWriter,
    /// How the mails leave.
    pub transport: Arc<dyn Transport>,
    /// Counts mails that were sent, and those that failed.
    pub counts: Arc<Counts>,
}

impl Outbox {
    /// Sends letters until `shutdown` fires.
    pub async fn run(self, shutdown: CancellationToken) {
        loop {
            self.deliver_until(&shutdown).await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.ledger.letter_added() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Sends letters until none is due any more and none is under way.
    pub async fn deliver(&self) {
        self.deliver_until(&CancellationToken::new()).await;
    }

    /// As [`Self::deliver`], and takes up none once `shutdown` has fired. A mail that takes long holds up no other: as
    /// soon as one has left, or another letter is added, the next takes its place.
    async fn deliver_until(&self, shutdown: &CancellationToken) {
        let (mut sending, mut under_way) = (FuturesUnordered::new(), HashSet::new());
        let mut is_time = true;
        loop {
            if is_time && !shutdown.is_cancelled() {
                let due = self.due(AT_ONCE - sending.len(), &under_way).await.unwrap_or_else(|error| {
                    tracing::error!(%error, "the outbox could not be read");
                    Vec::new()
                });
                for letter in due {
                    under_way.insert(letter.id);
                    sending.push(async move { (letter.id, self.send(&letter, shutdown).await) });
                }
            }
            is_time = tokio::select! {
                biased;
                sent = sending.next() => match sent {
                    None => return,
                    Some((id, sent)) => {
                        under_way.remove(&id);
                        goes_on(sent)
                    }
                },
                () = self.ledger.letter_added() => true,
                () = tokio::time::sleep(LOOK_EVERY) => true,
            };
        }
    }

    /// Up to `room` of the letters that are due and not `under_way`, the longest due first. Those that a clock dated
    /// which was ahead would wait for years, and come after all others.
    async fn due(&self, room: usize, under_way: &HashSet<LetterId>) -> Result<Vec<Letter>, StoreError> {
        if room == 0 {
            return Ok(Vec::new());
        }
        let (records, now) = (self.ledger.records(), self.clock.now());
        let mut due = records.letters_due(now, BATCH).await?;
        due.retain(|letter| !under_way.contains(&letter.id));
        if due.is_empty() {
            due = records.letters_due(Timestamp::from_unix(u64::MAX), LOOKED_THROUGH).await?;
            due.retain(|letter| letter.is_due(now) && !under_way.contains(&letter.id));
        }
        due.truncate(room);
        Ok(due)
    }

    /// Tries to send one letter.
    ///
    /// # Errors
    /// The store failed, or another gateway that shares it sends the letter.
    async fn send(&self, letter: &Letter, shutdown: &CancellationToken) -> Result<(), CommitError> {
        let now = self.clock.now();
        let drop_it = || self.ledger.carry_out(change(LetterChange::Drop(letter.id), Durability::Durable));
        if !letter.is_useful(now) {
            return drop_it().await;
        }
        // Put off before it is sent, so that nothing else takes it meanwhile; and a store that cannot write sends
        // nothing, instead of the same mail again and again.
        let taken = letter.under_way(now);
        self.put_off(letter, &taken).await?;
        let Some(mail) = self.writer.write(letter) else { return drop_it().await };
        let sent = tokio::select! {
            sent = self.transport.send(&letter.to, &mail, letter.stamp()) => sent,
            () = stopped(shutdown) => Err(MailError::passing("handing it over", "the gateway stops")),
        };
        match sent {
            Ok(()) => {
                self.counts.mail("sent");
                // A letter that was sent but not dropped is sent again later, which is better than never.
                drop_it().await
            }
            Err(error) if error.is_final => {
                self.counts.mail("refused");
                tracing::warn!(%error, source = %error.source, "a mail was refused for good, and is given up");
                drop_it().await
            }
            Err(error) => {
                self.counts.mail("failed");
                tracing::warn!(%error, source = %error.source, failures = letter.failures, "a mail is tried again later");
                let later = Letter { due_at: self.clock.now().after(letter.wait()), ..taken.clone() };
                self.put_off(&taken, &later).await
            }
        }
    }

    async fn put_off(&self, was: &Letter, later: &Letter) -> Result<(), CommitError> {
        let &Letter { id, due_at, failures, .. } = later;
        let delay = LetterChange::Delay { id, was: was.due_at, due_at, failures };
        self.ledger.carry_out(change(delay, Durability::Relaxed)).await
    }
}

/// Whether the next letter can be taken up at once. What is still due where the store fails, or where another gateway
/// is faster, would come again and again.
fn goes_on(sent: Result<(), CommitError>) -> bool {
    match sent {
        Ok(()) => true,
        Err(CommitError::Conflict(Conflict::LetterTaken)) => false,
        Err(error) => {
            tracing::error!(%error, "the outbox could not be written");
            false
        }
    }
}

/// Returns when the gateway has been stopping for so long that no mail is waited for.
async fn stopped(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(STOP_PATIENCE).await;
}

fn change(change: LetterChange, durability: Durability) -> Plan<()> {
    Plan { changes: vec![change.into()], durability, then: () }
}
