//! Where signatures are verified: off the async threads, behind everything else, and only so many at a time.

use crate::threads::{self, ThreadPlan, Threads, ThreadsRefused};

/// How many signatures may wait; more are refused at once, so that a storm of sign-ins does not pile up. A core
/// verifies them in less than a tenth of a second.
const WAITING: usize = 256;

/// The threads that verify signatures. One takes a third of a millisecond of a core.
#[derive(Debug)]
pub struct Verifying(Threads);

impl Verifying {
    /// One thread for each core.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start() -> std::io::Result<Self> {
        Self::start_on(threads::cores())
    }

    /// Starts so many threads to verify on.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn start_on(threads: usize) -> std::io::Result<Self> {
        let plan = ThreadPlan { name: "verifier", threads, waiting: WAITING, background: true };
        Threads::start(plan).map(Self)
    }

    /// Does that work in its turn.
    ///
    /// # Errors
    /// Too many wait, or it was broken off.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, ThreadsRefused> {
        self.0.run(work).await
    }
}
