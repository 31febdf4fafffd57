//! docs/troubleshooting.md has an entry for each refusal and each line of the log that an operator meets, and for
//! nothing that is not there.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{log_lines, texts_in_function};
use super::tables::{below, code};
use super::{files, read};

const PAGE: &str = "docs/troubleshooting.md";

/// Compares what the program has with what a page has.
#[track_caller]
pub fn same<T: Ord + std::fmt::Debug>(page: &str, there: &BTreeSet<T>, written: &BTreeSet<T>) {
    let missing: Vec<_> = there.difference(written).collect();
    assert!(missing.is_empty(), "{page} does not have {missing:#?}");
    let gone: Vec<_> = written.difference(there).collect();
    assert!(gone.is_empty(), "{page} has what the program does not: {gone:#?}");
}

/// What English pages say by the catalogue's names, one line each.
fn english() -> BTreeMap<String, String> {
    let catalogue = read("templates/locales/en.ftl");
    let lines = catalogue.lines().filter_map(|line| line.split_once(" = "));
    lines.map(|(name, words)| (name.to_owned(), words.replace("{ $app }", "{app}"))).collect()
}

#[test]
fn each_refusal_of_a_request_has_an_entry_with_the_heading_of_its_page() {
    let english = english();
    // Pages that several share come first, then the rows: a name, a title, and perhaps a page of its own.
    let texts = texts_in_function("src/gate/refusal.rs", "row");
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let is_words = |text: &str| text.starts_with("error-");
    let names: BTreeSet<_> = texts.iter().filter(|text| is_name(text) && !is_words(text)).cloned().collect();
    let rows = below(PAGE, "## Refused requests");
    let written: BTreeSet<_> = rows.iter().map(|row| code(&row[0]).expect("a name").to_owned()).collect();
    same(PAGE, &names, &written);
    assert_eq!(rows.len(), written.len(), "a refusal stands there twice");

    let headings: BTreeSet<_> =
        texts.iter().filter(|text| text.ends_with("-heading")).map(|key| english[key].clone()).collect();
    let written: BTreeSet<_> = rows.iter().map(|row| row[2].clone()).filter(|heading| !heading.is_empty()).collect();
    same(PAGE, &headings, &written);
    for pair in
        texts.windows(3).filter(|three| !is_words(&three[0]) && is_name(&three[0]) && three[2].ends_with("-heading"))
    {
        let row = rows.iter().find(|row| code(&row[0]) == Some(pair[0].as_str())).expect("a row");
        assert_eq!(row[2], english[&pair[2]], "{}", pair[0]);
    }
}

#[test]
fn each_refusal_of_a_pages_script_has_an_entry() {
    let texts = texts_in_function("src/portal/views/script_refusal.rs", "row");
    let names: BTreeSet<_> = texts.iter().step_by(2).cloned().collect();
    let rows = below(PAGE, "## What a page's script says");
    let written: BTreeSet<_> = rows.iter().map(|row| code(&row[0]).expect("a name").to_owned()).collect();
    same(PAGE, &names, &written);
}

#[test]
fn each_refusal_of_a_pages_script_has_a_sentence() {
    let english = english();
    let texts = texts_in_function("src/portal/views/script_refusal.rs", "row");
    let missing: Vec<_> = texts.chunks(2).filter(|row| !english.contains_key(&row[1])).collect();
    assert!(missing.is_empty(), "templates/locales/en.ftl does not have the sentences of {missing:?}");
}

#[test]
fn each_refusal_of_a_pages_script_is_expected_by_a_test() {
    let tests = files("tests/flows", ".rs").into_iter().map(|path| read(path.to_str().expect("UTF-8")));
    let tests = tests.collect::<String>();
    let texts = texts_in_function("src/portal/views/script_refusal.rs", "row");
    // A mistake of ours is none that a test over HTTP can cause.
    let names = texts.iter().step_by(2).filter(|name| *name != "fault");
    let missing: BTreeSet<_> = names.filter(|name| !tests.contains(&format!("\"{name}\""))).collect();
    assert!(missing.is_empty(), "no test in tests/flows expects {missing:?}");
}

#[test]
fn each_refusal_of_a_form_has_an_entry() {
    let texts = texts_in_function("src/portal/views/step_refusal.rs", "row");
    let names: BTreeSet<_> = texts.iter().step_by(2).cloned().collect();
    let rows = below(PAGE, "## What a form says");
    let cells = rows.iter().flat_map(|row| row[0].split(", ").map(str::to_owned).collect::<Vec<_>>());
    let written: BTreeSet<_> = cells.map(|cell| code(&cell).expect("a name").to_owned()).collect();
    same(PAGE, &names, &written);
}

#[test]
fn each_error_of_the_api_has_an_entry() {
    let texts = texts_in_function("src/portal/api/error.rs", "parts");
    let is_code = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let there: BTreeSet<_> = texts.into_iter().filter(|text| is_code(text)).collect();
    let rows = below("docs/api.md", "## Errors");
    let cells = rows.iter().flat_map(|row| row[1].split(", ").map(str::to_owned).collect::<Vec<_>>());
    let written: BTreeSet<_> = cells.map(|cell| code(&cell).expect("a code").to_owned()).collect();
    same("docs/api.md", &there, &written);
}

#[test]
fn each_warning_and_error_of_the_log_has_an_entry() {
    let lines = log_lines();
    let is_serious = |level: &str| level == "error" || level == "warn";
    let serious = lines.iter().filter(|line| is_serious(&line.level));
    let there: BTreeSet<_> = serious.map(|line| line.message.clone()).collect();
    assert!(there.len() > 50, "lines of the log are not where this test looks for them");
    let rows = below(PAGE, "## Lines of the log");
    let written: BTreeSet<_> = rows.iter().map(|row| code(&row[0]).expect("a line").to_owned()).collect();
    same(PAGE, &there, &written);
}
