//! Threads that are held, filled, left and broken.

use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Waker};

use super::*;

const PLAN: ThreadPlan = ThreadPlan { name: "test", threads: 1, waiting: 2, background: false };

/// Work that says that it has begun, and ends when it is told to.
fn held() -> (Receiver<()>, Sender<()>, impl FnOnce() + Send + 'static) {
    let ((begun, begins), (release, held)) = (channel(), channel());
    let work = move || {
        begun.send(()).unwrap();
        held.recv().unwrap();
    };
    (begins, release, work)
}

fn poll<T>(
    running: std::pin::Pin<&mut impl Future<Output = Result<T, ThreadsRefused>>>,
) -> Poll<Result<T, ThreadsRefused>> {
    running.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn work_is_done_on_threads_of_that_name() {
    for background in [false, true] {
        let threads = Threads::start(ThreadPlan { background, ..PLAN }).unwrap();
        let name = threads.run(|| thread::current().name().map(ToOwned::to_owned)).await.unwrap();
        assert_eq!(name.as_deref(), Some("test"));
    }
}

#[tokio::test]
async fn no_more_is_done_at_once_than_there_are_threads() {
    let threads = Threads::start(ThreadPlan { threads: 2, ..PLAN }).unwrap();
    let (one, two, three) = (held(), held(), held());
    let (mut first, mut second, mut third) =
        (pin!(threads.run(one.2)), pin!(threads.run(two.2)), pin!(threads.run(three.2)));
    assert!(poll(first.as_mut()).is_pending() && poll(second.as_mut()).is_pending());
    one.0.recv().unwrap();
    two.0.recv().unwrap();
    assert!(poll(third.as_mut()).is_pending());
    assert!(three.0.try_recv().is_err());
    // The thread that is done first takes what waits.
    two.1.send(()).unwrap();
    second.await.unwrap();
    three.0.recv().unwrap();
    three.1.send(()).unwrap();
    one.1.send(()).unwrap();
    first.await.unwrap();
    third.await.unwrap();
}

#[tokio::test]
async fn one_more_than_may_wait_is_refused_at_once_and_what_waits_is_done_in_order() {
    let threads = Threads::start(PLAN).unwrap();
    let (begins, release, work) = held();
    let mut first = pin!(threads.run(work));
    assert!(poll(first.as_mut()).is_pending());
    begins.recv().unwrap();
    let (done, order) = channel();
    let again = done.clone();
    let (mut second, mut third) =
        (pin!(threads.run(move || done.send(2).unwrap())), pin!(threads.run(move || again.send(3).unwrap())));
    assert!(poll(second.as_mut()).is_pending() && poll(third.as_mut()).is_pending());
    assert_eq!(threads.run(|| ()).await, Err(ThreadsRefused::Full));
    release.send(()).unwrap();
    first.await.unwrap();
    second.await.unwrap();
    third.await.unwrap();
    assert_eq!(order.iter().collect::<Vec<_>>(), [2, 3]);
    assert_eq!(threads.run(|| 4).await, Ok(4), "there is room again");
}

#[tokio::test]
async fn a_job_without_a_waiting_caller_is_left_out() {
    let threads = Threads::start(PLAN).unwrap();
    let (begins, release, work) = held();
    let mut first = pin!(threads.run(work));
    assert!(poll(first.as_mut()).is_pending());
    begins.recv().unwrap();
    let (done, left_out) = channel::<()>();
    {
        let mut second = pin!(threads.run(move || done.send(()).unwrap()));
        assert!(poll(second.as_mut()).is_pending());
    }
    release.send(()).unwrap();
    first.await.unwrap();
    threads.run(|| ()).await.unwrap();
    assert!(left_out.recv().is_err(), "it was done for nobody");
}

#[tokio::test]
async fn a_panic_is_told_to_the_caller_and_the_thread_goes_on() {
    let threads = Threads::start(PLAN).unwrap();
    let broken: Result<(), _> = threads.run(|| panic!("a test breaks this off")).await;
    assert_eq!(broken, Err(ThreadsRefused::BrokenOff));
    assert_eq!(threads.run(|| 1).await, Ok(1));
}

#[tokio::test]
async fn dropped_threads_finish_what_they_are_at_and_let_go_of_what_waits() {
    let threads = Threads::start(PLAN).unwrap();
    let (begins, release, work) = held();
    let (finished, finishes) = channel();
    let (kept, let_go) = channel::<()>();
    {
        let mut first = pin!(threads.run(move || {
            work();
            finished.send(()).unwrap();
        }));
        let mut second = pin!(threads.run(move || kept.send(()).unwrap()));
        assert!(poll(first.as_mut()).is_pending());
        begins.recv().unwrap();
        assert!(poll(second.as_mut()).is_pending());
    }
    let dropping = thread::spawn(move || drop(threads));
    assert!(let_go.recv().is_err());
    release.send(()).unwrap();
    dropping.join().unwrap();
    finishes.try_recv().unwrap();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_thread_in_the_background_is_nicer_than_the_others() {
    let nice = || rustix::process::getpriority_process(None).unwrap();
    let own = nice();
    let front = Threads::start(PLAN).unwrap();
    let back = Threads::start(ThreadPlan { background: true, ..PLAN }).unwrap();
    assert_eq!(front.run(nice).await, Ok(own));
    assert_eq!(back.run(nice).await, Ok((own + BEHIND).min(19)));
    assert_eq!(nice(), own, "and no other has changed");
}
