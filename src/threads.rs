//! Threads of our own for what must not run on the async ones, because it computes for long or waits for the disk: a
//! few for each purpose, each with its own queue.
//!
//! tokio has threads for that as well, and starts hundreds: in a storm of sign-ins the system would give each of them
//! as much of a core as the one thread that answers all requests.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

/// By how much a thread in the background goes behind others that want its core: a nice value, added to that of the
/// process. At 3 it is left a third of a core that requests fill. They took as long beside 5 and 10, at which sign-ins
/// piled up.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 3;

/// What threads are for.
#[derive(Clone, Copy, Debug)]
pub struct ThreadPlan {
    /// What the system calls them; it shows 15 bytes.
    pub name: &'static str,
    /// How many there are.
    pub threads: usize,
    /// How many pieces of work may wait; one more is refused at once.
    pub waiting: usize,
    /// Whether everything else goes first where there are not enough cores for all.
    pub background: bool,
}

/// Why there is no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThreadsRefused {
    /// As much waits as may.
    #[error("too much is waiting already")]
    Full,
    /// It panicked, or the threads were stopped.
    #[error("it was broken off")]
    BrokenOff,
}

/// A few threads, and the work that waits for them. Dropped, they finish what they are at; what waits is let go.
#[derive(Debug)]
pub struct Threads {
    queue: Arc<JobQueue>,
    threads: Vec<JoinHandle<()>>,
}

type ThreadJob = Box<dyn FnOnce() + Send>;

struct JobQueue {
    plan: ThreadPlan,
    state: Mutex<JobQueueState>,
    rung: Condvar,
}

#[derive(Default)]
struct JobQueueState {
    waiting: VecDeque<ThreadJob>,
    /// How many threads have nothing to do: no thread is woken where there is none.
    idle: usize,
    closed: bool,
}

impl Threads {
    /// Starts the threads of a plan.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start(plan: ThreadPlan) -> std::io::Result<Self> {
        let queue = Arc::new(JobQueue { plan, state: Mutex::default(), rung: Condvar::new() });
        // Those that did start are stopped where another one does not.
        let mut started = Self { queue, threads: Vec::with_capacity(plan.threads) };
        for _ in 0..plan.threads {
            let queue = Arc::clone(&started.queue);
            let builder = thread::Builder::new().name(plan.name.to_owned());
            started.threads.push(builder.spawn(move || queue.work())?);
        }
        Ok(started)
    }

    /// Has `work` done, and waits for it. Where the caller stops waiting before its turn has come, it is left out.
    ///
    /// # Errors
    /// [`ThreadsRefused`].
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ThreadsRefused> {
        let (answer, answered) = oneshot::channel();
        self.queue.add(Box::new(move || {
            if answer.is_closed() {
                return;
            }
            // Nothing of it outlives a panic but what it shares, and that has locks that know.
            if let Ok(done) = catch_unwind(AssertUnwindSafe(work)) {
                answer.send(done).ok();
            }
        }))?;
        answered.await.map_err(|_| ThreadsRefused::BrokenOff)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.queue.state();
            state.closed = true;
            std::mem::take(&mut state.waiting)
        };
        drop(waiting);
        self.queue.rung.notify_all();
        for thread in self.threads.drain(..) {
            // What panics is caught, so they end in order.
            thread.join().ok();
        }
    }
}

impl JobQueue {
    fn state(&self) -> MutexGuard<'_, JobQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, job: ThreadJob) -> Result<(), ThreadsRefused> {
        let mut state = self.state();
        if state.waiting.len() >= self.plan.waiting {
            return Err(ThreadsRefused::Full);
        }
        state.waiting.push_back(job);
        let has_idle_thread = state.idle > 0;
        drop(state);
        if has_idle_thread {
            self.rung.notify_one();
        }
        Ok(())
    }

    fn next(&self) -> Option<ThreadJob> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(job) = state.waiting.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            state = self.rung.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn work(&self) {
        if self.plan.background {
            stay_behind(self.plan.name);
        }
        while let Some(job) = self.next() {
            job();
            if self.plan.background {
                // The system lets a thread run on for milliseconds before it looks who else waits.
                thread::yield_now();
            }
        }
    }
}

impl std::fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobQueue").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// How many threads this process can run at once.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Lets all others go before the thread that calls this. Elsewhere than on Linux nice values are those of a whole
/// process.
fn stay_behind(name: &str) {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(BEHIND) {
        tracing::debug!(%error, name, "a thread runs like all others");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = name;
}

#[cfg(test)]
mod tests;
