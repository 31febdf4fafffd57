//! Which templates were shown in a test, so that it can name one that it has left out.

use std::any;
use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    static SHOWN: RefCell<BTreeSet<&'static str>> = RefCell::default();
}

/// Notes that a template was shown.
pub(super) fn note<P>() {
    SHOWN.with_borrow_mut(|shown| shown.insert(any::type_name::<P>()));
}

/// The templates that were shown in this thread, by the names of their types.
pub(super) fn all() -> BTreeSet<&'static str> {
    SHOWN.with_borrow(BTreeSet::clone)
}
