//! Where signatures are verified: on threads of their own, with the lowest priority, and only so many at a time.

use crate::threads::{self, ThreadPlan, Threads, ThreadsRefused};

/// How many signatures may wait; more are refused at once, so that a storm of sign-ins does not pile up. A core verifies
/// a signature in a third of a millisecond, and as many as may wait in less than a tenth of a second.
const WAITING: usize = 256;

/// The threads that verify signatures.
#[derive(Debug)]
pub struct Verifying(Threads);

impl Verifying {
    /// Starts one thread for each core.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start() -> std::io::Result<Self> {
        Self::start_on(threads::cores())
    }

    /// Starts that many threads.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start_on(threads: usize) -> std::io::Result<Self> {
        let plan = ThreadPlan { name: "verifier", threads, waiting: WAITING, background: true };
        Threads::start(plan).map(Self)
    }

    /// Does `work` on one of the threads when its turn comes, and waits for the result.
    ///
    /// # Errors
    /// Too many wait, the work panicked, or the threads were stopped.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ThreadsRefused> {
        self.0.run(work).await
    }
}
