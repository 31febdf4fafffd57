//! Calls into redb, which panics where another program damaged a file: that is told as a failure, like any other.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::thread;

use super::fault::RedbFault;

thread_local! {
    /// Whether this thread is in a call whose panic is caught and told.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// What the panic said, and where.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

static HOOK: Once = Once::new();

/// Makes a call. A panic in it is its failure, in one sentence, and nothing is written to standard error beside the
/// log. What cannot be caught is a panic within a panic: that of a commit to a large store may be one.
///
/// # Errors
/// The call's own, or [`RedbFault::Panicked`].
pub(super) fn guarded<T, E: From<RedbFault>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                return before(panic);
            }
            let said = panic.to_string().replace('\n', " ");
            if thread::panicking() && SAID.with_borrow(|first| !first.is_empty()) {
                // It panics in what cleans up after a panic, for which Rust ends the process; the log is not written
                // then.
                eprintln!("bmauth: the store is damaged; put back a copy of it that is whole ({said})");
            }
            SAID.with_borrow_mut(|last| *last = said);
        }));
    });
    let was = GUARDED.replace(true);
    // Whatever the call shares with others is either opened again after this, or was only read.
    let done = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(was);
    done.unwrap_or_else(|payload: Box<dyn Any + Send>| {
        // What it carries may panic in its own turn, when it is dropped.
        std::mem::forget(payload);
        Err(RedbFault::Panicked(SAID.with_borrow_mut(std::mem::take)).into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_that_says_where() {
        let failed: Result<(), RedbFault> = guarded(|| panic!("page {} is\nnot there", 7));
        let said = failed.unwrap_err().to_string();
        assert!(said.contains("guarded.rs") && said.contains("page 7 is not there"), "{said}");
        assert!(guarded(|| Ok::<_, RedbFault>(3)).is_ok_and(|three| three == 3));
        // One within another, and then none.
        let failed: Result<(), RedbFault> = guarded(|| {
            let within: Result<(), RedbFault> = guarded(|| panic!("within"));
            assert!(within.unwrap_err().to_string().contains("within"));
            panic!("without")
        });
        assert!(failed.unwrap_err().to_string().contains("without"));
    }
}
