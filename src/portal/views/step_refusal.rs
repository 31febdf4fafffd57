//! What a form is refused for whose page comes again.

use std::time::Duration;

use http::StatusCode;

/// Why a page comes again, with a sentence about it, in place of what was asked for.
#[derive(Clone, Copy, Debug)]
pub struct StepRefusal {
    /// The page's status.
    pub status: StatusCode,
    /// Its name in the log.
    pub name: &'static str,
    /// Why, in a sentence for the log.
    pub why: &'static str,
    /// When it is worth asking again, where that is known.
    pub wait: Option<Duration>,
}
