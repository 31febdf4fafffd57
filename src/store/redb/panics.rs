//! Panics of redb as errors. It panics where another program damaged a file, which is told like any other failure.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::thread;

use super::fault::RedbFault;

thread_local! {
    /// Whether this thread is in a call of [`catch_panic`].
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// The message and the place of the panic that is being caught, from the hook until the call ends; empty otherwise.
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Sets the hook, once for the process.
static SET_HOOK: Once = Once::new();

/// Makes a call. A panic in it becomes its error, in one sentence with the place of the panic, and is not written to
/// standard error beside the log.
///
/// A panic while another one unwinds cannot be caught: Rust ends the process. A commit to a large store can panic so.
///
/// # Errors
/// The call's own, or [`RedbFault::Panicked`].
pub(super) fn catch_panic<T, E: From<RedbFault>>(call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    SET_HOOK.call_once(|| {
        let other_hook = take_hook();
        set_hook(Box::new(move |panic| if IS_CAUGHT.get() { note(panic) } else { other_hook(panic) }));
    });
    let was_caught = IS_CAUGHT.replace(true);
    // Unwind-safe: what the call shares with others is either only read, or opened again after a panic.
    let result = catch_unwind(AssertUnwindSafe(call));
    IS_CAUGHT.set(was_caught);
    result.unwrap_or_else(|payload: Box<dyn Any + Send>| {
        // Not dropped, since the payload's own drop might panic.
        std::mem::forget(payload);
        Err(RedbFault::Panicked(MESSAGE.with_borrow_mut(std::mem::take)).into())
    })
}

/// Notes what a panic says, as its hook.
fn note(panic: &PanicHookInfo<'_>) {
    let message = panic.to_string().replace('\n', " ");
    if thread::panicking() && MESSAGE.with_borrow(|first| !first.is_empty()) {
        // The second panic, in what cleans up after the first. The process ends without another line in the log.
        eprintln!("bmauth: the store is damaged; put back a copy of it that is whole ({message})");
    }
    MESSAGE.with_borrow_mut(|last| *last = message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_that_says_where() {
        let failed: Result<(), RedbFault> = catch_panic(|| panic!("page {} is\nnot there", 7));
        let said = failed.unwrap_err().to_string();
        assert!(said.contains("panics.rs") && said.contains("page 7 is not there"), "{said}");
        assert!(catch_panic(|| Ok::<_, RedbFault>(3)).is_ok_and(|three| three == 3));
        // A call within another tells its own panic, and leaves that of the outer one to be told.
        let failed: Result<(), RedbFault> = catch_panic(|| {
            let within: Result<(), RedbFault> = catch_panic(|| panic!("within"));
            assert!(within.unwrap_err().to_string().contains("within"));
            panic!("outer")
        });
        assert!(failed.unwrap_err().to_string().contains("outer"));
    }
}
