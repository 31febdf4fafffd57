//! Lines for programs: one JSON object each, in the form of `tracing-subscriber`'s own JSON format, with the innermost
//! span of ours in place of its spans, of which the gateway has none.

use std::cell::Cell;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use tracing::{Event, Level, Subscriber};
use tracing_serde::fields::AsMap as _;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::escape;
use super::queue::LineQueue;
use super::span::{self, Span, SpanValue};
use super::stamp::LineTime;

/// What is kept of the memory of a long line, in bytes.
const KEPT: usize = 4 * 1024;

thread_local! {
    static LINE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Writes every event as a line.
#[derive(Debug)]
pub struct Json {
    queue: Arc<LineQueue>,
}

impl Json {
    /// Lines go to `queue`.
    pub fn new(queue: Arc<LineQueue>) -> Self {
        Self { queue }
    }
}

impl<S: Subscriber> Layer<S> for Json {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // Taken, not borrowed: what is written may itself log. It is empty then, and at the end of a thread.
        let mut line = LINE.try_with(Cell::take).unwrap_or_default();
        line.clear();
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let span = span::of(event);
        if write(&mut line, level, target, &event.field_map(), span.as_deref()).is_ok() {
            self.queue.push(&line, super::is_serious(level));
        }
        line.shrink_to(KEPT);
        let _ = LINE.try_with(|spare| spare.set(line));
    }
}

/// The line that says that lines were lost.
pub fn notice(line: &mut Vec<u8>, lost: u64, why: &'static str) {
    let fields = serde_json::json!({ "message": super::loss(lost, why), "lost": lost });
    // Memory takes everything.
    let _ = write(line, Level::WARN, module_path!(), &fields, None);
}

fn write(
    line: &mut Vec<u8>,
    level: Level,
    target: &str,
    fields: &impl Serialize,
    span: Option<&dyn Span>,
) -> serde_json::Result<()> {
    let start = line.len();
    let mut serializer = serde_json::Serializer::new(&mut *line);
    let mut object = serializer.serialize_map(None)?;
    object.serialize_entry("timestamp", LineTime::now().as_str())?;
    object.serialize_entry("level", level.as_str())?;
    object.serialize_entry("fields", fields)?;
    object.serialize_entry("target", target)?;
    if let Some(span) = span {
        object.serialize_entry("span", &SpanJson(span))?;
    }
    object.end()?;
    make_plain(line, start);
    line.push(b'\n');
    Ok(())
}

/// What is known of a span.
struct SpanJson<'a>(&'a dyn Span);

impl Serialize for SpanJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        let mut result = Ok(());
        self.0.fields(&mut |name, value| {
            if result.is_ok() {
                result = object.serialize_entry(name, &value);
            }
        });
        result?;
        object.serialize_entry("name", self.0.name())?;
        object.end()
    }
}

impl Serialize for SpanValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.collect_str(text),
        }
    }
}

/// Escapes what JSON itself lets pass. Such a letter stands inside a text, because all else is ASCII, and never behind
/// a backslash, because what `serde_json` puts there is ASCII too.
fn make_plain(line: &mut Vec<u8>, start: usize) {
    let written = line.get(start..).unwrap_or_default();
    // Without an early end, so that it is done for many bytes at once. Below are only those that JSON has escaped.
    if written.iter().fold(true, |so_far, byte| so_far & (*byte < 0x7f)) {
        return;
    }
    let text = String::from_utf8_lossy(written).into_owned();
    line.truncate(start);
    for letter in text.chars() {
        if escape::is_needed(letter) {
            // All of them are in the first plane, so four digits are enough (RFC 8259 §7).
            line.extend_from_slice(format!("\\u{:04x}", u32::from(letter)).as_bytes());
        } else {
            line.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}
