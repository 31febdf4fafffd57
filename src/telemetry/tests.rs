//! What a line is, for every reader, and that nothing in it makes two of one.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::{self, MakeWriter};

use super::span::{Span, SpanValue, within};
use super::*;

/// Long enough for any machine; nothing waits for it unless it is broken.
const LONG: Duration = Duration::from_secs(60);
/// What ends lines, moves cursors, colours, and turns text around.
const ODD: &str =
    "a\"b\\c\nd\re\tf\0g\u{8}h\u{1b}[31mi\u{7f}j\u{85}k\u{9b}31ml\u{2028}m\u{2029}n\u{202e}o\u{2066}pü€😀";

#[derive(Clone, Default)]
struct CapturedLines(Arc<Mutex<Vec<u8>>>);

impl Write for CapturedLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for CapturedLines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl CapturedLines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn json(say: impl Fn()) -> String {
    let paper = CapturedLines::default();
    let queue = LineQueue::start(paper.clone(), QueueRoom::default(), json::notice).unwrap();
    tracing::subscriber::with_default(Registry::default().with(Json::new(Arc::clone(&queue))), say);
    assert!(queue.flush(LONG));
    paper.text()
}

fn for_people(colours: bool, say: impl Fn()) -> String {
    let paper = CapturedLines::default();
    let queue = LineQueue::start(paper.clone(), QueueRoom::default(), terminal::notice).unwrap();
    let layer = terminal::layer(Arc::clone(&queue)).with_ansi(colours);
    tracing::subscriber::with_default(Registry::default().with(layer), say);
    assert!(queue.flush(LONG));
    paper.text()
}

#[derive(Debug, thiserror::Error)]
#[error("the outer one")]
struct Outer(#[from] io::Error);

/// One event with every kind of value, as the program logs them.
fn everything() {
    let error = Outer(io::Error::other("the inner one"));
    tracing::warn!(
        text = "some text",
        shown = %7,
        debugged = ?Some("x"),
        number = 3_u64,
        below = -3_i64,
        part = 0.5,
        yes = true,
        nothing = None::<u64>,
        something = Some("here"),
        error = &error as &dyn std::error::Error,
        "a {} with text",
        "message"
    );
    tracing::info!("words alone");
    tracing::error!(message = "a text as the message");
    tracing::debug!("finer");
    tracing::trace!("finest");
}

/// A span as the gateway has them. All it knows besides its name is found out while it is open.
#[derive(Default)]
struct RequestSpan {
    id: &'static str,
    host: Mutex<Option<String>>,
    route: Mutex<Option<u64>>,
}

impl RequestSpan {
    fn new(id: &'static str) -> Arc<Self> {
        Arc::new(Self { id, ..Self::default() })
    }

    fn note(&self, host: &str, route: u64) {
        *self.host.lock().unwrap() = Some(host.to_owned());
        *self.route.lock().unwrap() = Some(route);
    }
}

impl Span for RequestSpan {
    fn name(&self) -> &'static str {
        "request"
    }

    fn fields(&self, tell: &mut dyn FnMut(&'static str, SpanValue<'_>)) {
        tell("id", SpanValue::Text(&self.id));
        if let Some(host) = &*self.host.lock().unwrap() {
            tell("host", SpanValue::Text(host));
        }
        if let Some(route) = *self.route.lock().unwrap() {
            tell("route", SpanValue::Number(route));
        }
    }
}

/// Does something on a single thread, with all the tasks it starts.
fn wait(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work);
}

/// The message of each line and the `id` of its span.
fn ids(lines: &str) -> Vec<(String, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| (text(&line["fields"]["message"]).unwrap(), text(&line["span"]["id"]))).collect()
}

#[track_caller]
fn assert_ids(lines: &str, expected: &[(&str, Option<&str>)]) {
    let expected: Vec<_> = expected.iter().map(|(said, id)| ((*said).to_owned(), id.map(str::to_owned))).collect();
    assert_eq!(ids(lines), expected, "{lines}");
}

/// Lines without the time at the start of each, which is always of the same length.
fn timeless(lines: &str, before: usize) -> Vec<&str> {
    let stamp = "2026-11-22T06:18:04.123456Z".len();
    lines.split_inclusive('\n').map(|line| line.get(before + stamp..).unwrap()).collect()
}

/// Whether each text is one line without anything that moves a cursor, and with the letters of [`ODD`] as they are.
#[track_caller]
fn each_is_one_plain_line(texts: [&String; 2]) {
    for text in texts {
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(escape::is_needed), "{line:?}");
        assert!(line.contains("ü€😀"), "{line}");
    }
}

#[test]
fn json_is_the_same_as_that_of_the_library() {
    let paper = CapturedLines::default();
    let theirs = Registry::default().with(fmt::layer().json().with_writer(paper.clone()));
    tracing::subscriber::with_default(theirs, everything);
    let (theirs, ours) = (paper.text(), json(everything));
    let before = "{\"timestamp\":\"".len();
    assert_eq!(timeless(&ours, before), timeless(&theirs, before));
    assert_eq!(ours.lines().count(), 5);
    assert!(ours.starts_with("{\"timestamp\":\"20"), "{ours}");
}

#[test]
fn lines_for_people_are_as_those_of_the_library() {
    for (colours, before) in [(false, 0), (true, "\x1b[2m".len())] {
        let paper = CapturedLines::default();
        let theirs = fmt::layer().with_target(false).with_ansi(colours).with_writer(paper.clone());
        tracing::subscriber::with_default(Registry::default().with(theirs), everything);
        let ours = for_people(colours, everything);
        // Causes are texts, and quoted as all others are.
        let theirs = paper.text().replace("[the inner one]", "[\"the inner one\"]");
        let name =
            |text: &str| text.replace("error.sources", "sources").replace("\x1b[3merror\x1b[0m\x1b[3m.", "\x1b[3m");
        assert_eq!(timeless(&name(&ours), before), timeless(&name(&theirs), before));
    }
}

#[test]
fn nothing_in_a_value_makes_a_second_line_or_moves_a_cursor() {
    let say = || {
        let error = io::Error::other(ODD);
        tracing::info!(text = ODD, shown = %ODD, debugged = ?ODD, error = &error as &dyn std::error::Error, "{ODD}");
    };
    let (for_programs, for_people) = (json(say), for_people(false, say));
    each_is_one_plain_line([&for_programs, &for_people]);
    let line: Value = serde_json::from_str(&for_programs).unwrap();
    for field in ["message", "text", "shown", "error"] {
        assert_eq!(line["fields"][field], ODD, "{field}");
    }
    assert_eq!(line["fields"]["debugged"], format!("{ODD:?}"));
}

/// The same in a span of ours and in one of the library.
fn in_a_span(is_ours: bool) {
    let (id, host, route) = ("00c0ffee", "notes.example.com", 3_u64);
    if is_ours {
        let request = RequestSpan::new(id);
        request.note(host, route);
        wait(within(request, async { everything() }));
    } else {
        let open = tracing::info_span!("request", id = %id, host = %host, route = tracing::field::Empty);
        open.record("route", route);
        open.in_scope(everything);
    }
}

#[test]
fn a_line_for_programs_shows_its_span_as_the_library_would() {
    let paper = CapturedLines::default();
    let theirs = Registry::default().with(fmt::layer().json().with_span_list(false).with_writer(paper.clone()));
    tracing::subscriber::with_default(theirs, || in_a_span(false));
    let (theirs, ours) = (paper.text(), json(|| in_a_span(true)));
    let read = |lines: &str| -> Vec<Value> {
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.map(|mut line: Value| (line["timestamp"].take(), line).1).collect()
    };
    assert_eq!(read(&ours), read(&theirs));
    assert_eq!(read(&ours)[0]["span"]["route"], 3, "{ours}");
}

#[test]
fn a_line_for_people_shows_its_span_as_the_library_would() {
    for (colours, before) in [(false, 0), (true, "\x1b[2m".len())] {
        let paper = CapturedLines::default();
        let theirs = fmt::layer().with_target(false).with_ansi(colours).fmt_fields(terminal::TerminalFields);
        let theirs = theirs.with_writer(paper.clone());
        tracing::subscriber::with_default(Registry::default().with(theirs), || in_a_span(false));
        let (theirs, ours) = (paper.text(), for_people(colours, || in_a_span(true)));
        assert_eq!(timeless(&ours, before), timeless(&theirs, before));
        assert!(colours || ours.contains("request{id=00c0ffee host=notes.example.com route=3}: words alone"), "{ours}");
    }
}

#[test]
fn a_line_outside_of_any_span_shows_none() {
    let say = || {
        wait(async {
            let request = RequestSpan::new("a");
            within(request, async { tracing::info!(parent: None, "on its own") }).await;
            tracing::info!("after it");
        });
    };
    let (for_programs, for_people) = (json(say), for_people(false, say));
    for line in for_programs.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["fields", "level", "target", "timestamp"], "{line}");
    }
    assert_eq!(timeless(&for_people, 0), ["  INFO on its own\n", "  INFO after it\n"]);
}

#[test]
fn a_value_of_a_span_makes_no_second_line_and_moves_no_cursor() {
    let say = || {
        let request = RequestSpan::new(ODD);
        request.note(ODD, 0);
        wait(within(request, async { tracing::info!("said") }));
    };
    let (for_programs, for_people) = (json(say), for_people(false, say));
    each_is_one_plain_line([&for_programs, &for_people]);
    let line: Value = serde_json::from_str(&for_programs).unwrap();
    assert_eq!((&line["span"]["id"], &line["span"]["host"]), (&ODD.into(), &ODD.into()));
}

#[test]
fn what_is_found_out_later_stands_in_later_lines() {
    let say = || {
        wait(async {
            let request = RequestSpan::new("a");
            let known = Arc::clone(&request);
            let work = async move {
                tracing::info!("before");
                tokio::task::yield_now().await;
                known.note("notes.example.com", 3);
                tracing::info!("after");
            };
            within(request, work).await;
        });
    };
    let for_programs: Vec<Value> = json(say).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(for_programs[0]["span"], serde_json::json!({ "name": "request", "id": "a" }));
    let all = serde_json::json!({ "name": "request", "id": "a", "host": "notes.example.com", "route": 3 });
    assert_eq!(for_programs[1]["span"], all);
    let for_people = for_people(false, say);
    let expected = ["  INFO request{id=a}: before\n", "  INFO request{id=a host=notes.example.com route=3}: after\n"];
    assert_eq!(timeless(&for_people, 0), expected);
}

#[test]
fn of_spans_within_each_other_the_innermost_is_shown() {
    let lines = json(|| {
        let inner = within(RequestSpan::new("inner"), async { tracing::info!("in both") });
        let outer = async {
            tracing::info!("before");
            inner.await;
            tracing::info!("after");
        };
        wait(within(RequestSpan::new("outer"), outer));
    });
    assert_ids(&lines, &[("before", Some("outer")), ("in both", Some("inner")), ("after", Some("outer"))]);
}

#[test]
fn tasks_that_take_turns_on_a_thread_show_each_its_own_span() {
    let lines = json(|| {
        wait(async {
            let turns = async |words: [&'static str; 3]| {
                for said in words {
                    tracing::info!("{said}");
                    tokio::task::yield_now().await;
                }
            };
            let first = tokio::spawn(within(RequestSpan::new("a"), turns(["1a", "2a", "3a"])));
            let second = tokio::spawn(within(RequestSpan::new("b"), turns(["1b", "2b", "3b"])));
            let third = tokio::spawn(turns(["1", "2", "3"]));
            for task in [first, second, third] {
                task.await.unwrap();
            }
            let within_one_task = async {
                tokio::join!(within(RequestSpan::new("c"), turns(["1c", "2c", "3c"])), turns(["1d", "2d", "3d"]));
            };
            within_one_task.await;
        });
    });
    let said = ids(&lines);
    assert_eq!(said.len(), 15, "{lines}");
    for (said, id) in said {
        let own = said.get(1..).filter(|own| !own.is_empty() && *own != "d");
        assert_eq!(id.as_deref(), own, "{said}: {lines}");
    }
    assert_eq!(ids(&lines)[..3].iter().map(|(said, _)| said.as_str()).collect::<Vec<_>>(), ["1a", "1b", "1"]);
}

#[test]
fn work_that_is_given_up_still_shows_its_span_and_none_is_left_behind() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            tracing::info!("given up");
        }
    }
    let lines = json(|| {
        wait(async {
            let work = async {
                let _last = Last;
                std::future::pending::<()>().await;
            };
            let mut work = Box::pin(within(RequestSpan::new("a"), work));
            assert!(futures_util::poll!(&mut work).is_pending());
            tracing::info!("meanwhile");
            drop(work);
            tracing::info!("after");
        });
    });
    assert_ids(&lines, &[("meanwhile", None), ("given up", Some("a")), ("after", None)]);
}

#[test]
fn control_characters_are_what_is_escaped() {
    for letter in ['\0', '\n', '\r', '\t', '\u{1b}', '\u{7f}', '\u{80}', '\u{85}', '\u{9b}', '\u{2028}', '\u{202e}'] {
        assert!(escape::is_needed(letter) && !escape::is_plain(&format!("a{letter}b")), "{letter:?}");
    }
    for letter in [' ', '"', '\\', '~', '\u{a0}', 'ü', '\u{2027}', '\u{202f}', '😀'] {
        assert!(!escape::is_needed(letter) && escape::is_plain(&format!("a{letter}b")), "{letter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn any_text_is_one_line_and_read_as_it_was_written(
        texts in prop::collection::vec(".{0,40}|[\\x00-\\xff]{0,40}", 100),
    ) {
        let say = || texts.iter().for_each(|text| tracing::info!(text, shown = %text));
        for written in [json(say), for_people(false, say)] {
            prop_assert!(!written.replace('\n', "").contains(escape::is_needed), "{:?}", written);
            prop_assert_eq!(written.lines().count(), texts.len());
        }
        for (line, text) in json(say).lines().zip(&texts) {
            let line: Value = serde_json::from_str(line).unwrap();
            prop_assert_eq!(&line["fields"]["text"], text);
            prop_assert_eq!(&line["fields"]["shown"], text);
        }
    }
}

#[test]
fn a_loss_is_said_in_the_form_of_the_log() {
    let (mut for_programs, mut for_people) = (Vec::new(), Vec::new());
    json::notice(&mut for_programs, 12, "of something");
    terminal::notice(&mut for_people, 1, "of something");
    let line: Value = serde_json::from_slice(&for_programs).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["target"], "bmauth::telemetry::json");
    assert_eq!(line["fields"]["message"], "12 lines were lost here, because of something");
    assert_eq!(line["fields"]["lost"], 12);
    let line = String::from_utf8(for_people).unwrap();
    assert!(line.ends_with("Z  WARN 1 line was lost here, because of something\n"), "{line}");
}
