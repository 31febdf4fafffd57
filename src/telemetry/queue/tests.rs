use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;

/// Long enough for any machine; nothing waits for it unless it is broken.
const LONG: Duration = Duration::from_secs(60);
const ROOM: QueueRoom = QueueRoom { all: 100, serious: 150 };

/// Takes each write as it is told to, and only then; once it is told no more, everything at once.
struct SteppedReader {
    asked: Sender<()>,
    told: Receiver<io::Result<usize>>,
    taken: Arc<Mutex<Vec<String>>>,
}

struct Test {
    queue: Arc<LineQueue>,
    /// A write has begun.
    asked: Receiver<()>,
    /// How it ends.
    told: Sender<io::Result<usize>>,
    taken: Arc<Mutex<Vec<String>>>,
}

impl Write for SteppedReader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.asked.send(());
        let taken = self.told.recv().unwrap_or(Ok(usize::MAX))?.min(bytes.len());
        self.taken.lock().unwrap().push(String::from_utf8(bytes[..taken].to_vec()).unwrap());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn notice(text: &mut Vec<u8>, lost: u64, why: &'static str) {
    text.extend_from_slice(format!("({lost}: {why})\n").as_bytes());
}

fn start(room: QueueRoom) -> Test {
    let ((asking, asked), (told, telling), taken) = (channel(), channel(), Arc::default());
    let reader = SteppedReader { asked: asking, told: telling, taken: Arc::clone(&taken) };
    Test { queue: LineQueue::start(reader, room, notice).unwrap(), asked, told, taken }
}

impl Test {
    fn push(&self, line: &str) {
        self.queue.push(format!("{line}\n").as_bytes(), false);
    }

    /// Until the writer is in the middle of a write.
    fn stuck(&self) {
        self.asked.recv_timeout(LONG).unwrap();
    }

    /// Everything that was written, one text a write, once the reader takes all there is.
    fn taken(self) -> Vec<String> {
        drop(self.told);
        assert!(self.queue.flush(LONG));
        self.taken.lock().unwrap().clone()
    }
}

const SLOW: &str = "this log is not read fast enough";
const FULL: &str = "the log could not be written";

#[test]
fn a_stuck_reader_holds_no_caller_up_and_what_is_lost_is_said() {
    let test = start(ROOM);
    test.push("first");
    test.stuck();
    // The thread that logs goes on, while the reader takes nothing.
    for number in 10..40 {
        test.push(&format!("line {number}"));
    }
    test.queue.push(b"a warning\n", true);
    test.push("one more");
    assert!(!test.queue.flush(Duration::ZERO));
    let kept: String = (10..22).map(|number| format!("line {number}\n")).collect();
    assert_eq!(test.taken(), ["first\n".to_owned(), format!("{kept}a warning\n"), format!("(19: {SLOW})\n")]);
}

#[test]
fn lines_that_come_together_are_one_write() {
    let test = start(QueueRoom::default());
    test.push("first");
    test.stuck();
    for _ in 0..1000 {
        test.push("another");
    }
    assert_eq!(test.taken(), ["first\n".to_owned(), "another\n".repeat(1000)]);
}

#[test]
fn a_loss_is_said_once_and_the_log_goes_on() {
    let test = start(ROOM);
    test.push(&"long ".repeat(100));
    // Nothing else waits to be written but that it was lost.
    test.stuck();
    test.push("after it");
    assert_eq!(test.taken(), [format!("(1: {SLOW})\n"), "after it\n".to_owned()]);
}

#[test]
fn lines_that_cannot_be_written_are_counted_and_said_when_they_can() {
    let test = start(QueueRoom::default());
    test.push("first");
    test.stuck();
    test.push("second");
    test.push("third");
    test.told.send(Ok(3)).unwrap();
    test.stuck();
    test.told.send(Err(ErrorKind::StorageFull.into())).unwrap();
    // The half line is ended before anything else is written.
    test.stuck();
    test.told.send(Err(ErrorKind::StorageFull.into())).unwrap();
    assert!(test.queue.flush(LONG));
    test.push("fourth");
    assert_eq!(test.taken(), ["fir", "\n", &format!("(3: {FULL})\n"), "fourth\n"]);
}

#[test]
fn a_write_that_is_interrupted_or_would_wait_is_taken_up_again() {
    let test = start(QueueRoom::default());
    test.push("the line");
    for answer in [Err(ErrorKind::Interrupted), Err(ErrorKind::WouldBlock), Ok(4)] {
        test.told.send(answer.map_err(io::Error::from)).unwrap();
    }
    assert_eq!(test.taken(), ["the ", "line\n"]);
}

#[test]
fn lines_of_many_threads_are_all_there_and_each_thread_s_in_its_order() {
    let test = start(QueueRoom::default());
    thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let test = &test.queue;
            scope.spawn(move || (0..500).for_each(|n| test.push(format!("{name}{n}\n").as_bytes(), false)));
        }
    });
    let text = test.taken().concat();
    assert_eq!(text.lines().count(), 2000);
    for name in ["a", "b", "c", "d"] {
        let theirs: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(name)).collect();
        assert_eq!(theirs, (0..500).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn memory_of_a_rush_is_given_back() {
    let test = start(QueueRoom::default());
    test.push(&"x".repeat(1024 * 1024));
    drop(test.told);
    assert!(test.queue.flush(LONG));
    // One buffer each is with the writer and the queue; they change places with every batch.
    for line in ["one", "two"] {
        test.queue.push(line.as_bytes(), false);
        assert!(test.queue.flush(LONG));
        assert!(test.queue.lock().waiting.capacity() <= KEPT);
    }
}
