//! Lines for people, in the form of `tracing-subscriber`'s own, with a span of ours where it has spans, but
//! nothing in a value can end a line or reach the terminal as more than text.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{self, Format, Full, Writer};
use tracing_subscriber::fmt::{self as lines, FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::escape;
use super::queue::LineQueue;
use super::span::{self, Span};
use super::stamp::LineTime;

/// Writes every event as a line to `queue`; in colours unless `NO_COLOR` is set.
pub(super) fn layer<S>(queue: Arc<LineQueue>) -> Lines<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let rest = format::format().without_time().with_level(false).with_target(false);
    lines::layer().event_format(TerminalLine { rest }).fmt_fields(TerminalFields).with_writer(To(queue))
}

/// The line that says that lines were lost.
pub(super) fn notice(line: &mut Vec<u8>, lost: u64, why: &'static str) {
    line.extend_from_slice(format!("{}  WARN {}\n", LineTime::now().as_str(), super::loss(lost, why)).as_bytes());
}

pub(super) type Lines<S> = lines::Layer<S, TerminalFields, TerminalLine, To>;

/// `time level span: message name=value`.
pub(super) struct TerminalLine {
    /// What stands behind our span.
    rest: Format<Full, ()>,
}

impl<S, N> FormatEvent<S, N> for TerminalLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let level = *event.metadata().level();
        let (dim, colour, end) =
            if writer.has_ansi_escapes() { ("\x1b[2m", colour(level), "\x1b[0m") } else { ("", "", "") };
        write!(writer, "{dim}{}{end} {colour}{:>5}{end} ", LineTime::now().as_str(), level.as_str())?;
        if let Some(span) = span::of(event) {
            write_span(writer.by_ref(), &*span)?;
        }
        self.rest.format_event(context, writer, event)
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

/// `name{name=value name=value}: `.
fn write_span(mut writer: Writer<'_>, span: &dyn Span) -> fmt::Result {
    let (bold, dim, end) = if writer.has_ansi_escapes() { ("\x1b[1m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
    write!(writer, "{bold}{}{end}{bold}{{{end}", span.name())?;
    let mut visitor = TerminalVisitor { writer: writer.by_ref(), is_first: true, result: Ok(()) };
    span.fields(&mut |name, value| visitor.note(name, format_args!("{value}")));
    visitor.result?;
    write!(writer, "{bold}}}{end}{dim}:{end} ")
}

pub(super) struct To(Arc<LineQueue>);

impl<'a> MakeWriter<'a> for To {
    type Writer = TerminalWriter<'a>;

    fn make_writer(&'a self) -> TerminalWriter<'a> {
        TerminalWriter { queue: &self.0, is_serious: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> TerminalWriter<'a> {
        TerminalWriter { queue: &self.0, is_serious: super::is_serious(*metadata.level()) }
    }
}

/// Takes one line: the layer writes a line whole.
pub(super) struct TerminalWriter<'a> {
    queue: &'a LineQueue,
    is_serious: bool,
}

impl io::Write for TerminalWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.queue.push(line, self.is_serious);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `message name=value name=value`.
pub(super) struct TerminalFields;

impl<'writer> FormatFields<'writer> for TerminalFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = TerminalVisitor { writer, is_first: true, result: Ok(()) };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct TerminalVisitor<'a> {
    writer: Writer<'a>,
    is_first: bool,
    result: fmt::Result,
}

impl TerminalVisitor<'_> {
    /// Writes a field unless one before could not be written.
    fn note(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if self.result.is_ok() {
            self.result = self.write(name, value);
        }
    }

    fn write(&mut self, name: &str, value: fmt::Arguments<'_>) -> fmt::Result {
        if !std::mem::take(&mut self.is_first) {
            self.writer.write_char(' ')?;
        }
        if name != "message" {
            let (name_style, sign_style, end) =
                if self.writer.has_ansi_escapes() { ("\x1b[3m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
            write!(self.writer, "{name_style}{name}{end}{sign_style}={end}")?;
        }
        Escaping(&mut self.writer).write_fmt(value)
    }
}

impl Visit for TerminalVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        // A message is said; any other text is quoted.
        match field.name() {
            "message" => self.record_debug(field, &format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record_debug(field, &format_args!("{value}"));
        let mut causes = Vec::new();
        let mut next = value.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        if !causes.is_empty() {
            self.note(&format!("{}.sources", field.name()), format_args!("{causes:?}"));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field.name(), format_args!("{value:?}"));
    }
}

/// Passes text on as it can be shown.
struct Escaping<'a, 'writer>(&'a mut Writer<'writer>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if escape::is_plain(text) {
            return self.0.write_str(text);
        }
        for letter in text.chars() {
            if escape::is_needed(letter) {
                write!(self.0, "{}", letter.escape_default())?;
            } else {
                self.0.write_char(letter)?;
            }
        }
        Ok(())
    }
}
