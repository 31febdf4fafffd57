//! The one thread that writes. Commits that wait are written together, as a group in one transaction, so that they share
//! the wait for the disk.
//!
//! A group is durable if one of its commits is: it is synced to the disk before its callers are answered. A relaxed
//! group is seen by readers at once, and gets to the disk with the next durable one; where no commit asks for one, the
//! thread makes one by itself. After a fault of the disk it opens the database again and tries to write until that works.

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
use super::held::HeldDatabase;
use super::panics::catch_panic;
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
/// The least time from the beginning of a group of several commits to that of the next group. A group costs much more
/// than what is in it, so a storm is written in few large ones. After a commit that came alone there is no wait.
const PACE: Duration = Duration::from_millis(3);
/// How long relaxed commits stay off the disk when nothing else is written.
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// How long after a failed try to write the next one is made, where no commit makes one before.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One thing to be written, all or nothing.
#[derive(Debug)]
pub(super) enum Work {
    /// Commits the changes of a plan.
    Commit(Vec<Change>, Durability),
    /// Removes expired rows.
    Sweep(Sweep),
    /// Writes nothing, durably, to see whether writing works.
    Probe,
    /// Sets rows that are from the future back to `now`, or removes them.
    SetBack {
        /// The present moment.
        now: Timestamp,
        /// How many rows of each kind at most.
        limit: usize,
    },
}

/// Work in the queue of the thread, with the way back to the caller that waits for it.
struct WriteJob {
    work: Work,
    answer: oneshot::Sender<Result<usize, CommitError>>,
}

/// What became of one job, once its group is committed.
enum JobOutcome {
    /// It was written; a sweep removed, or set back, that many rows.
    Written(usize),
    /// A precondition did not hold, so nothing of it was written.
    Conflict(Conflict),
    /// It could not be prepared, so nothing of it was written; the rest of its group was.
    Failed(RedbFault),
}

/// What became of one transaction.
struct GroupOutcome {
    /// One for each job, in their order.
    outcomes: Vec<JobOutcome>,
    /// Whether the transaction was committed, and not aborted because nothing in it held.
    is_committed: bool,
}

/// A handle on the writing thread. Dropped, it waits until what was asked for is written.
#[derive(Debug)]
pub(super) struct StoreWriter {
    /// `None` only while it is dropped.
    jobs: Option<SyncSender<WriteJob>>,
    /// `None` only while it is dropped.
    thread: Option<JoinHandle<()>>,
    health: Arc<WriterHealth>,
    can_reopen: bool,
}

/// What the thread and its handle tell each other.
#[derive(Debug, Default)]
struct WriterHealth {
    /// Nothing durable was written since the last fault.
    is_failing: AtomicBool,
    /// A probe is in the queue.
    is_probing: AtomicBool,
}

impl StoreWriter {
    /// Starts the writing thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(super) fn start(held: Arc<HeldDatabase>) -> std::io::Result<Self> {
        Self::start_with(held, FLUSH_AFTER, PACE, RETRY_AFTER)
    }

    fn start_with(
        held: Arc<HeldDatabase>,
        flush_after: Duration,
        pace: Duration,
        retry_after: Duration,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let health = Arc::new(WriterHealth::default());
        let can_reopen = held.can_reopen();
        let mut thread = WriterThread {
            held,
            queue,
            health: Arc::clone(&health),
            flush_after,
            pace,
            retry_after,
            relaxed_groups: 0,
            paced_until: None,
            retry_at: None,
        };
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || thread.run())?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), health, can_reopen })
    }

    /// Has `work` written. Returns how many rows a sweep removed or set back, and 0 for other work. Once the returned
    /// future was polled, the work is done whether or not the caller waits for the answer.
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

    /// Asks the thread to see whether writing works, after reading has failed: only the thread opens the database again.
    pub(super) fn probe_writing(&self) {
        let Some(jobs) = &self.jobs else { return };
        if !self.health.is_probing.swap(true, Ordering::Relaxed) {
            let (answer, _unawaited) = oneshot::channel();
            if jobs.try_send(WriteJob { work: Work::Probe, answer }).is_err() {
                // The queue is full: the commits in it show whether writing works.
                self.health.is_probing.store(false, Ordering::Relaxed);
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
        if self.health.is_failing.load(Ordering::Relaxed) {
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

/// The writing thread's own state.
struct WriterThread {
    held: Arc<HeldDatabase>,
    queue: Receiver<WriteJob>,
    health: Arc<WriterHealth>,
    flush_after: Duration,
    pace: Duration,
    retry_after: Duration,
    /// How many groups have been written that are not on the disk yet.
    relaxed_groups: u32,
    /// When the next group may begin, where the last one was of several commits.
    paced_until: Option<Instant>,
    /// After a fault, when to try to write again; `None` once that has worked.
    retry_at: Option<Instant>,
}

impl WriterThread {
    /// Writes what comes, until the handle is dropped and the queue is empty. While nothing comes it flushes relaxed
    /// groups, and tries again after a fault.
    fn run(&mut self) {
        loop {
            let first = match self.retry_at {
                Some(at) => self.queue.recv_timeout(at.saturating_duration_since(Instant::now())),
                None if self.relaxed_groups == 0 => self.queue.recv().map_err(RecvTimeoutError::from),
                None => self.queue.recv_timeout(self.flush_after),
            };
            match first {
                Ok(first) => {
                    if let Some(until) = self.paced_until {
                        thread::sleep(until.saturating_duration_since(Instant::now()));
                    }
                    // Commits that keep coming leave no quiet moment in which to try.
                    if !self.held.is_open() && self.retry_at.is_some_and(|at| at <= Instant::now()) {
                        self.reopen();
                    }
                    let began = Instant::now();
                    let group: Vec<_> = iter::once(first).chain(self.queue.try_iter().take(GROUP - 1)).collect();
                    self.paced_until = (group.len() > 1).then(|| began + self.pace);
                    self.write_and_answer(group);
                }
                Err(RecvTimeoutError::Timeout) if self.held.is_open() => self.flush(),
                Err(RecvTimeoutError::Timeout) => self.reopen(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if self.relaxed_groups > 0 {
            self.flush();
        }
    }

    /// Commits nothing, durably: that takes the relaxed commits before it along, and shows whether the disk works.
    fn flush(&mut self) {
        // `note` has handled a fault.
        self.write(Vec::new(), Durability::Durable).err();
    }

    /// Opens the database again, and sets when to try to write: now if it is open, else after a while. What was
    /// acknowledged as durable is in it; whether the commit that failed is in it is not known.
    fn reopen(&mut self) {
        if !self.held.can_reopen() {
            return;
        }
        // Relaxed commits that had not got to the disk are lost, as with the process.
        self.relaxed_groups = 0;
        let now = Instant::now();
        self.retry_at = Some(match self.held.reopen() {
            Ok(()) => now,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the store could not be opened again");
                now + self.retry_after
            }
        });
    }

    /// Notes what became of a group: whether the disk works, and what is not on it yet.
    fn note(&mut self, written: &Result<GroupOutcome, RedbFault>, durability: Durability) {
        match (written, durability) {
            (Err(fault), _) => self.note_fault(fault),
            (Ok(GroupOutcome { is_committed: false, .. }), _) => {}
            (Ok(_), Durability::Relaxed) => self.relaxed_groups += 1,
            (Ok(_), Durability::Durable) => {
                (self.relaxed_groups, self.retry_at) = (0, None);
                if self.health.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::warn!("the store is written again; everything works as before");
                }
            }
        }
    }

    /// Logs that a group was not written, opens the database again, and sets when to try to write.
    fn note_fault(&mut self, fault: &RedbFault) {
        let error = fault as &dyn std::error::Error;
        // The fault that closed it is in the log already.
        let was_closed = matches!(fault, RedbFault::Closed);
        if !self.health.is_failing.swap(true, Ordering::Relaxed) {
            tracing::error!(
                error,
                "the store was not written, so new sign-ins fail; known sessions go on. It is tried again each \
                 second: look whether the disk is full"
            );
        } else if !was_closed {
            tracing::debug!(error, "the store was not written");
        }
        let is_retry = self.retry_at.is_some();
        if !was_closed {
            self.reopen();
        }
        if !self.held.can_reopen() {
            return;
        }
        let next_try = Instant::now() + self.retry_after;
        if was_closed {
            // What comes while it is closed tries nothing, so it does not put off the next try.
            self.retry_at.get_or_insert(next_try);
        } else if is_retry {
            // After the first fault `reopen` has set it: at once, since the disk may have failed for a moment only.
            self.retry_at = Some(next_try);
        }
    }

    /// Writes a group, and answers those who wait for it.
    fn write_and_answer(&mut self, group: Vec<WriteJob>) {
        let must_be_durable = |job: &WriteJob| matches!(job.work, Work::Commit(_, Durability::Durable) | Work::Probe);
        let durability = if self.relaxed_groups >= RELAXED_GROUPS || group.iter().any(must_be_durable) {
            Durability::Durable
        } else {
            Durability::Relaxed
        };
        self.health.is_probing.store(false, Ordering::Relaxed);
        let (work, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.work, job.answer)).unzip();
        // Sending fails where the caller does not wait any more.
        match self.write(work, durability) {
            Ok(outcomes) => iter::zip(answers, outcomes).for_each(|(answer, outcome)| {
                answer.send(outcome.into()).ok();
            }),
            Err(fault) => answers.into_iter().for_each(|answer| {
                answer.send(Err(fault.clone().during("a commit could not be written").into())).ok();
            }),
        }
    }

    /// Writes a group, and notes what became of it. A panic of the database is a fault.
    fn write(&mut self, group: Vec<Work>, durability: Durability) -> Result<Vec<JobOutcome>, RedbFault> {
        let written = catch_panic(|| self.write_in_transaction(group, durability));
        // Noted before the callers are answered: one that looks what has become of its commit finds the database open
        // again, where that works.
        self.note(&written, durability);
        written.map(|group| group.outcomes)
    }

    /// Writes a group in one transaction. All of it is committed, but for the commits whose preconditions do not hold.
    fn write_in_transaction(&self, group: Vec<Work>, durability: Durability) -> Result<GroupOutcome, RedbFault> {
        let mut transaction = self.held.begin_write()?;
        match durability {
            Durability::Durable => {
                transaction.set_durability(::redb::Durability::Immediate)?;
                transaction.set_two_phase_commit(true);
                // Makes each commit a quarter slower, but opening after a crash does not read through the whole file.
                transaction.set_quick_repair(true);
            }
            Durability::Relaxed => transaction.set_durability(::redb::Durability::None)?,
        }
        let mut tables = Tables::new(&transaction);
        let outcomes = group.into_iter().map(|work| {
            // A large group takes milliseconds: threads that answer requests may go on in between.
            thread::yield_now();
            work.write_to(&mut tables)
        });
        let outcomes = outcomes.collect::<Result<Vec<_>, _>>()?;
        drop(tables);
        // Only a group whose every job was refused is aborted, which spares the disk. An empty one is a flush. A job
        // that held and changed nothing, as the end of a session that had ended, relies on relaxed commits before it,
        // which its durable commit brings to the disk.
        let is_written = |outcome: &JobOutcome| matches!(outcome, JobOutcome::Written(_));
        let is_committed = outcomes.is_empty() || outcomes.iter().any(is_written);
        if is_committed {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        Ok(GroupOutcome { outcomes, is_committed })
    }
}

impl Work {
    /// Writes one job to the tables of a transaction, or nothing of it where it is refused.
    ///
    /// # Errors
    /// It may have been written in part: the transaction must be aborted.
    fn write_to(self, tables: &mut Tables<'_>) -> Result<JobOutcome, RedbFault> {
        let mut batch = Batch::new(tables);
        let made = match self {
            Self::Probe => Ok(0),
            Self::Commit(changes, _) => changes.into_iter().try_for_each(|change| batch.make(change)).map(|()| 0),
            Self::Sweep(sweep) => batch.sweep(&sweep).map_err(RedbStop::from),
            Self::SetBack { now, limit } => batch.set_back(now, limit).map_err(RedbStop::from),
        };
        match made {
            Ok(rows) => batch.write().map(|()| JobOutcome::Written(rows)),
            Err(RedbStop::Conflict(conflict)) => Ok(JobOutcome::Conflict(conflict)),
            Err(RedbStop::Fault(fault)) => Ok(JobOutcome::Failed(fault)),
        }
    }
}

impl From<JobOutcome> for Result<usize, CommitError> {
    fn from(outcome: JobOutcome) -> Self {
        match outcome {
            JobOutcome::Written(rows) => Ok(rows),
            JobOutcome::Conflict(conflict) => Err(CommitError::Conflict(conflict)),
            JobOutcome::Failed(fault) => Err(fault.during("a commit could not be prepared").into()),
        }
    }
}

#[cfg(test)]
mod tests;
