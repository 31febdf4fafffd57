//! Lines on their way out. The thread that logs copies a line into memory and goes on; one thread writes what has come
//! together, many lines at a time. A reader that takes nothing costs lines, which are counted and said, never a
//! request's time.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long lines come together while there are many; a line after a pause is written at once. A process that is
/// killed loses no more than these last moments, unless its reader was behind.
const GATHER: Duration = Duration::from_millis(5);
/// What is kept of a buffer after a rush, in bytes.
const KEPT: usize = 64 * 1024;

/// How many bytes may wait to be written. As many again are being written, so a reader that is stuck costs twice that.
#[derive(Clone, Copy, Debug)]
pub struct QueueRoom {
    /// How much any line may fill.
    pub all: usize,
    /// For warnings and errors, which are few and matter most: more than `all`.
    pub serious: usize,
}

impl Default for QueueRoom {
    /// Some ten thousand lines, half a second of a busy core.
    fn default() -> Self {
        Self { all: 3 * 1024 * 1024, serious: 4 * 1024 * 1024 }
    }
}

/// How a line is written that says that so many lines were lost, and why: the end of a sentence.
pub type LostLinesNotice = fn(&mut Vec<u8>, u64, &'static str);

/// Lines that wait for the thread that writes them. They stay in their order.
#[derive(Debug)]
pub struct LineQueue {
    room: QueueRoom,
    state: Mutex<LineQueueState>,
    /// For the writer: there is something to write.
    work: Condvar,
    /// For who waits until all is written: something was.
    progress: Condvar,
}

#[derive(Debug, Default)]
struct LineQueueState {
    /// Whole lines, one after the other.
    waiting: Vec<u8>,
    /// How many found no room since the writer last took what waited.
    lost: u64,
    /// How many were ever handed over, also those that found no room.
    handed: u64,
    /// How many of those are written, or lost.
    settled: u64,
    /// Whether the writer sleeps until it is woken. Else it comes by itself, and no thread needs a system call.
    is_asleep: bool,
}

impl LineQueue {
    /// Starts the thread that writes to `out`. It lives as long as the process.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(out: impl Write + Send + 'static, room: QueueRoom, notice: LostLinesNotice) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self { room, state: Mutex::default(), work: Condvar::new(), progress: Condvar::new() });
        let ours = Arc::clone(&queue);
        let pen = Pen { out, notice, lost: 0, failed: 0, is_torn: false };
        thread::Builder::new().name("bmauth log".to_owned()).spawn(move || ours.write_for_ever(pen))?;
        Ok(queue)
    }

    /// Hands over a line with its line feed. Never waits for the reader; a line without room is lost.
    pub fn push(&self, line: &[u8], is_serious: bool) {
        let room = if is_serious { self.room.serious } else { self.room.all };
        let mut state = self.lock();
        state.handed += 1;
        if state.waiting.len().saturating_add(line.len()) <= room {
            state.waiting.extend_from_slice(line);
        } else {
            state.lost += 1;
        }
        let wake = std::mem::take(&mut state.is_asleep);
        drop(state);
        if wake {
            self.work.notify_one();
        }
    }

    /// Waits until everything that was handed over before is written, but no longer than `patience`. Returns whether
    /// it is.
    pub fn flush(&self, patience: Duration) -> bool {
        let state = self.lock();
        let all = state.handed;
        let waited = self.progress.wait_timeout_while(state, patience, |state| state.settled < all);
        let (_state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }

    fn write_for_ever(&self, mut pen: Pen<impl Write>) {
        let mut batch = Vec::new();
        loop {
            let (lost, handed) = self.take(&mut batch);
            pen.put(&batch, lost);
            batch.clear();
            batch.shrink_to(KEPT);
            self.lock().settled = handed;
            self.progress.notify_all();
            thread::sleep(GATHER);
        }
    }

    /// Waits for lines and takes all there are into `batch`, which is empty. Returns how many found no room, and how
    /// many were ever handed over.
    fn take(&self, batch: &mut Vec<u8>) -> (u64, u64) {
        let mut state = self.lock();
        while state.handed == state.settled {
            state.is_asleep = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.is_asleep = false;
        std::mem::swap(&mut state.waiting, batch);
        (std::mem::take(&mut state.lost), state.handed)
    }

    /// Nothing is done under this lock that could leave it half done.
    fn lock(&self) -> MutexGuard<'_, LineQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What writes, and what it could not say yet.
struct Pen<W> {
    out: W,
    notice: LostLinesNotice,
    /// Lines that found no room.
    lost: u64,
    /// Lines that `out` did not take: a full disk, a reader that is gone.
    failed: u64,
    /// Whether what was written last is half a line.
    is_torn: bool,
}

impl<W: Write> Pen<W> {
    /// Writes these lines, then that so many after them found no room.
    fn put(&mut self, lines: &[u8], lost: u64) {
        self.lost += lost;
        if let Err(rest) = self.put_in_order(lines) {
            self.failed += rest.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        }
    }

    /// On failure, returns what of the lines is not written.
    fn put_in_order<'a>(&mut self, lines: &'a [u8]) -> Result<(), &'a [u8]> {
        if self.is_torn {
            self.write(b"\n").map_err(|_| lines)?;
        }
        if self.failed > 0 {
            let notice = self.notice(self.failed, "the log could not be written");
            self.write(&notice).map_err(|_| lines)?;
            self.failed = 0;
        }
        self.write(lines)?;
        if self.lost > 0 {
            let notice = self.notice(self.lost, "this log is not read fast enough");
            if self.write(&notice).is_ok() {
                self.lost = 0;
            }
        }
        Ok(())
    }

    fn notice(&self, lines: u64, why: &'static str) -> Vec<u8> {
        let mut text = Vec::new();
        (self.notice)(&mut text, lines, why);
        text
    }

    /// On failure, returns what is not written.
    fn write<'a>(&mut self, text: &'a [u8]) -> Result<(), &'a [u8]> {
        let mut rest = text;
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => return Err(rest),
                Ok(written) => {
                    let (done, more) = rest.split_at(written.min(rest.len()));
                    self.is_torn = !done.ends_with(b"\n");
                    rest = more;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A process that we share standard error with has made it so.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(GATHER),
                Err(_) => return Err(rest),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
