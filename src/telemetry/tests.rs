//! What a line is, whoever reads it, and that nothing in it makes two of one.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use tracing_subscriber::Registry;
use tracing_subscriber::fmt::{self, MakeWriter};

use super::*;

/// Long enough for any machine; nothing waits for it unless it is broken.
const LONG: Duration = Duration::from_secs(60);
/// What ends lines, moves cursors, colours, and turns text around.
const ODD: &str =
    "a\"b\\c\nd\re\tf\0g\u{8}h\u{1b}[31mi\u{7f}j\u{85}k\u{9b}31ml\u{2028}m\u{2029}n\u{202e}o\u{2066}pü€😀";

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Paper {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn json(say: impl Fn()) -> String {
    let paper = Paper::default();
    let queue = Queue::start(paper.clone(), Room::default(), json::notice).unwrap();
    tracing::subscriber::with_default(Registry::default().with(Json::new(Arc::clone(&queue))), say);
    assert!(queue.flush(LONG));
    paper.text()
}

fn for_people(colours: bool, say: impl Fn()) -> String {
    let paper = Paper::default();
    let queue = Queue::start(paper.clone(), Room::default(), terminal::notice).unwrap();
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
}

/// Lines without the time at the start of each, which is always of the same length.
fn timeless(lines: &str, before: usize) -> Vec<&str> {
    let stamp = "2026-11-22T06:18:04.123456Z".len();
    lines.split_inclusive('\n').map(|line| line.get(before + stamp..).unwrap()).collect()
}

#[test]
fn json_is_the_same_as_that_of_the_library() {
    let paper = Paper::default();
    let theirs = Registry::default().with(fmt::layer().json().with_writer(paper.clone()));
    tracing::subscriber::with_default(theirs, everything);
    let (theirs, ours) = (paper.text(), json(everything));
    let before = "{\"timestamp\":\"".len();
    assert_eq!(timeless(&ours, before), timeless(&theirs, before));
    assert_eq!(ours.lines().count(), 3);
    assert!(ours.starts_with("{\"timestamp\":\"20"), "{ours}");
}

#[test]
fn lines_for_people_are_as_those_of_the_library() {
    for (colours, before) in [(false, 0), (true, "\x1b[2m".len())] {
        let paper = Paper::default();
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
    for text in [&for_programs, &for_people] {
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.contains(escape::is_needed), "{line:?}");
        assert!(line.contains("ü€😀"), "{line}");
    }
    let line: Value = serde_json::from_str(&for_programs).unwrap();
    for field in ["message", "text", "shown", "error"] {
        assert_eq!(line["fields"][field], ODD, "{field}");
    }
    assert_eq!(line["fields"]["debugged"], format!("{ODD:?}"));
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
