//! The one thread that writes. Commits that wait are written together, so that they share the wait for the disk.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::apply::RedbStop;
use super::batch::{Batch, Tables};
use super::fault::{RedbFault, refusal};
use super::guarded::guarded;
use super::held::HeldDatabase;
use super::sweep::Sweep;
use crate::domain::clock::Timestamp;
use crate::domain::plan::{Change, Conflict, Durability};
use crate::store::{CommitError, StoreError};

/// How many commits may wait: a second's worth on a slow disk. One more is refused at once.
const QUEUE: usize = 1024;
/// How many commits are written together at most.
const GROUP: usize = 256;
/// After how many relaxed groups the next one is made durable: redb holds what they free until then.
const RELAXED_GROUPS: u32 = 64;
/// How often groups begin at most while several commits come at once. A group costs much more than what is in it, so a
/// storm is written in few large ones. A commit that comes alone never waits for this.
const PACE: Duration = Duration::from_millis(3);
/// How long relaxed commits stay off the disk when nothing else is written.
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// How often it is tried whether a disk works again that has failed.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One thing to be written, all or nothing.
#[derive(Debug)]
pub(super) enum Work {
    /// The changes of a plan are committed.
    Commit(Vec<Change>, Durability),
    /// Expired rows to be removed.
    Sweep(Sweep),
    /// Nothing, to see whether writing works.
    Look,
    /// What is from the future to be set back, or removed.
    SetBack {
        /// To this moment.
        now: Timestamp,
        /// How many at most.
        limit: usize,
    },
}

struct WriteJob {
    work: Work,
    answer: oneshot::Sender<Result<usize, CommitError>>,
}

/// What became of one job, once its group is committed.
enum JobOutcome {
    /// It was written; a sweep removed, or set back, that many rows.
    Written(usize),
    Conflict(Conflict),
    /// It alone was dropped.
    Failed(RedbFault),
}

/// What became of one transaction.
struct Group {
    outcomes: Vec<JobOutcome>,
    /// Whether there was anything to keep.
    committed: bool,
}

/// A handle on the writing thread. Dropped, it waits until what was asked for is written.
#[derive(Debug)]
pub(super) struct StoreWriter {
    jobs: Option<SyncSender<WriteJob>>,
    thread: Option<JoinHandle<()>>,
    health: Arc<Health>,
    can_reopen: bool,
}

/// What the thread and its handle tell each other.
#[derive(Debug, Default)]
struct Health {
    /// Nothing durable was written since the last fault.
    failing: AtomicBool,
    /// The thread has been asked to look whether writing works.
    looking: AtomicBool,
}

impl StoreWriter {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn start(held: Arc<HeldDatabase>) -> std::io::Result<Self> {
        Self::start_with(held, FLUSH_AFTER, PACE, AGAIN_AFTER)
    }

    fn start_with(
        held: Arc<HeldDatabase>,
        flush_after: Duration,
        pace: Duration,
        again_after: Duration,
    ) -> std::io::Result<Self> {
        let (jobs, waiting) = sync_channel(QUEUE);
        let health = Arc::new(Health::default());
        let can_reopen = held.can_reopen();
        let mut thread = Thread {
            held,
            waiting,
            health: Arc::clone(&health),
            flush_after,
            pace,
            again_after,
            relaxed: 0,
            busy_until: None,
            look_at: None,
        };
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || thread.run())?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), health, can_reopen })
    }

    /// Has `work` written. Returns how many rows a sweep removed. Once it has been called, the work is done whether
    /// or not the caller waits for the answer.
    ///
    /// # Errors
    /// A precondition did not hold, the store failed, or too much is waiting.
    pub(super) async fn write(&self, work: Work) -> Result<usize, CommitError> {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(WriteJob { work, answer }).map_err(|error| match error {
            TrySendError::Full(_) => refusal("it is too busy: more commits are waiting than it can take; try again"),
            TrySendError::Disconnected(_) => stopped(),
        })?;
        answered.await.unwrap_or_else(|_| Err(stopped().into()))
    }

    /// Asks the thread to see whether writing works, because reading does not: only it opens the database again.
    pub(super) fn probe_writing(&self) {
        let Some(jobs) = &self.jobs else { return };
        if !self.health.looking.swap(true, Ordering::Relaxed) {
            let (answer, _unawaited) = oneshot::channel();
            if jobs.try_send(WriteJob { work: Work::Look, answer }).is_err() {
                // What waits will tell.
                self.health.looking.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Whether writing works, as far as the last commit told.
    ///
    /// # Errors
    /// The last group was not written, and nothing durable since; or the thread has stopped.
    pub(super) fn ready(&self) -> Result<(), StoreError> {
        if self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
            return Err(stopped());
        }
        if self.health.failing.load(Ordering::Relaxed) {
            return Err(refusal(if self.can_reopen {
                "the last commit could not be written; see the log. It is tried again each second"
            } else {
                "the last commit could not be written; see the log, and restart bmauth"
            }));
        }
        Ok(())
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the store had panicked");
        }
    }
}

fn stopped() -> StoreError {
    refusal("the thread that writes it has stopped; see the log, and restart bmauth")
}

struct Thread {
    held: Arc<HeldDatabase>,
    waiting: Receiver<WriteJob>,
    health: Arc<Health>,
    flush_after: Duration,
    pace: Duration,
    again_after: Duration,
    /// How many groups have been written that are not on the disk yet.
    relaxed: u32,
    /// When the next group may begin, where the last one was no single commit.
    busy_until: Option<Instant>,
    /// When to see again whether a disk works that has failed.
    look_at: Option<Instant>,
}

impl Thread {
    fn run(&mut self) {
        loop {
            let first = match self.look_at {
                Some(at) => self.waiting.recv_timeout(at.saturating_duration_since(Instant::now())),
                None if self.relaxed == 0 => self.waiting.recv().map_err(RecvTimeoutError::from),
                None => self.waiting.recv_timeout(self.flush_after),
            };
            match first {
                Ok(first) => {
                    if let Some(until) = self.busy_until {
                        thread::sleep(until.saturating_duration_since(Instant::now()));
                    }
                    let began = Instant::now();
                    let group: Vec<_> = iter::once(first).chain(self.waiting.try_iter().take(GROUP - 1)).collect();
                    self.busy_until = (group.len() > 1).then(|| began + self.pace);
                    self.write(group);
                }
                Err(RecvTimeoutError::Timeout) if self.held.is_open() => self.flush(),
                Err(RecvTimeoutError::Timeout) => self.reopen(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.relaxed > 0 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        // A durable commit takes the relaxed ones before it along, and shows that the disk works.
        self.group(Vec::new(), true).err();
    }

    /// Opens the database again. What was acknowledged as durable is in it; whether the commit that failed is in it is
    /// not known.
    fn reopen(&mut self) {
        if !self.held.can_reopen() {
            return;
        }
        // Relaxed commits that had not got to the disk are lost, as with the process.
        self.relaxed = 0;
        let now = Instant::now();
        self.look_at = Some(match self.held.reopen() {
            Ok(()) => now,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the store could not be opened again");
                now + self.again_after
            }
        });
    }

    fn note(&mut self, written: &Result<Group, RedbFault>, durable: bool) {
        match written {
            Ok(Group { committed: false, .. }) => {}
            Ok(Group { committed: true, .. }) if durable => {
                (self.relaxed, self.look_at) = (0, None);
                if self.health.failing.swap(false, Ordering::Relaxed) {
                    tracing::warn!("the store is written again; everything works as before");
                }
            }
            Ok(Group { committed: true, .. }) => self.relaxed += 1,
            Err(fault) => {
                let error = fault as &dyn std::error::Error;
                if !self.health.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(
                        error,
                        "the store was not written, so new sign-ins fail; known sessions go on. It is tried again each \
                         second: look whether the disk is full"
                    );
                } else if !matches!(fault, RedbFault::Closed) {
                    tracing::debug!(error, "the store was not written");
                }
                let is_first = self.look_at.is_none();
                if !matches!(fault, RedbFault::Closed) {
                    self.reopen();
                }
                // At once the first time, for it may have been for a moment; then each second.
                if self.held.can_reopen() && (!is_first || self.look_at.is_none()) {
                    self.look_at = Some(Instant::now() + self.again_after);
                }
            }
        }
    }

    fn write(&mut self, group: Vec<WriteJob>) {
        let durable = self.relaxed >= RELAXED_GROUPS
            || group.iter().any(|job| matches!(job.work, Work::Commit(_, Durability::Durable) | Work::Look));
        self.health.looking.store(false, Ordering::Relaxed);
        let (work, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.work, job.answer)).unzip();
        // Where the receiver is gone, no caller waits any more.
        match self.group(work, durable) {
            Ok(outcomes) => iter::zip(answers, outcomes).for_each(|(answer, outcome)| {
                answer.send(outcome.into()).ok();
            }),
            Err(fault) => answers.into_iter().for_each(|answer| {
                answer.send(Err(fault.clone().during("a commit could not be written").into())).ok();
            }),
        }
    }

    fn group(&mut self, group: Vec<Work>, durable: bool) -> Result<Vec<JobOutcome>, RedbFault> {
        let written = guarded(|| self.transaction(group, durable));
        // Before the callers are answered: one that looks what has become of its commit finds the database open, where
        // that works.
        self.note(&written, durable);
        written.map(|group| group.outcomes)
    }

    /// Writes a group in one transaction. All of it is committed, but for the commits whose preconditions do not hold.
    fn transaction(&self, group: Vec<Work>, durable: bool) -> Result<Group, RedbFault> {
        let mut transaction = self.held.begin_write()?;
        if durable {
            transaction.set_durability(::redb::Durability::Immediate)?;
            transaction.set_two_phase_commit(true);
            // A quarter slower, and opening after a crash does not read through the whole file.
            transaction.set_quick_repair(true);
        } else {
            transaction.set_durability(::redb::Durability::None)?;
        }
        let mut tables = Tables::new(&transaction);
        let outcomes = group.into_iter().map(|work| {
            // A large group takes milliseconds: threads that answer requests may go on in between.
            thread::yield_now();
            work.write(&mut tables)
        });
        let outcomes = outcomes.collect::<Result<Vec<_>, _>>()?;
        drop(tables);
        // A durable commit that had nothing to write (a session ended already) still waits for what it relied on.
        let refused = !outcomes.is_empty() && !outcomes.iter().any(|outcome| matches!(outcome, JobOutcome::Written(_)));
        if refused {
            transaction.abort()?
        } else {
            transaction.commit()?
        }
        Ok(Group { outcomes, committed: !refused })
    }
}

impl Work {
    /// Writes one commit to the transaction, or nothing of it.
    ///
    /// # Errors
    /// It may have been written in part: the transaction must be aborted.
    fn write(self, tables: &mut Tables<'_>) -> Result<JobOutcome, RedbFault> {
        let mut batch = Batch::new(tables);
        let made = match self {
            Self::Look => Ok(0),
            Self::Commit(changes, _) => changes.into_iter().try_for_each(|change| batch.make(change)).map(|()| 0),
            Self::Sweep(sweep) => batch.sweep(&sweep).map_err(RedbStop::from),
            Self::SetBack { now, limit } => batch.set_back(now, limit).map_err(RedbStop::from),
        };
        match made {
            Ok(removed) => batch.write().map(|()| JobOutcome::Written(removed)),
            Err(RedbStop::Conflict(conflict)) => Ok(JobOutcome::Conflict(conflict)),
            Err(RedbStop::Fault(fault)) => Ok(JobOutcome::Failed(fault)),
        }
    }
}

impl From<JobOutcome> for Result<usize, CommitError> {
    fn from(outcome: JobOutcome) -> Self {
        match outcome {
            JobOutcome::Written(removed) => Ok(removed),
            JobOutcome::Conflict(conflict) => Err(CommitError::Conflict(conflict)),
            JobOutcome::Failed(fault) => Err(fault.during("a commit could not be prepared").into()),
        }
    }
}

#[cfg(test)]
mod tests;
