//! What lines have in common that are written while one thing is done, as while one request is served.
//!
//! These are not the spans of `tracing`: opening one there, saying what is known of it and closing it costs some 3,000
//! instructions, and more for every value that is written out, though hardly any request logs more than its own line.
//! Here a value is kept as it is by the code that opens the span, and asked for when there is a line to write.

use std::fmt;
use std::sync::Arc;

use tracing::Event;

tokio::task_local! {
    static SPAN: Arc<dyn Span>;
}

/// One thing that is done, and what is known of it.
pub trait Span: Send + Sync {
    /// What kind of thing it is, in a word.
    fn name(&self) -> &'static str;

    /// Tells every field that is known by now. No field is called `name`. This is asked in the middle of a line, so
    /// nothing may be logged here, and nothing waited for that is held while a line is logged.
    fn fields(&self, tell: &mut dyn FnMut(&'static str, SpanValue<'_>));
}

/// What a field says.
#[derive(Clone, Copy)]
pub enum SpanValue<'a> {
    /// A number, also for programs that read the line.
    Number(u64),
    /// Text. Nothing in it needs to be escaped.
    Text(&'a dyn fmt::Display),
}

impl fmt::Display for SpanValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Does `work` in a span: whatever it logs tells what is known of the span at that moment, also at the end of work that
/// is given up. Of spans within each other, the innermost is told. Tasks and threads that `work` starts are outside.
pub fn within<F: Future>(span: Arc<dyn Span>, work: F) -> impl Future<Output = F::Output> {
    SPAN.scope(span, work)
}

/// The span that an event is told of; `None` also for an event that says `parent: None`.
pub(super) fn of(event: &Event<'_>) -> Option<Arc<dyn Span>> {
    if event.is_root() {
        return None;
    }
    SPAN.try_with(Arc::clone).ok()
}
