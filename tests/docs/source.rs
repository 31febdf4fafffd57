//! What stands in the sources, read as tokens: comments do not count, and neither do tests.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use proc_macro2::{Delimiter, Literal, TokenStream, TokenTree};

use super::{files, read};

/// A line that the program may write into its log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// `error`, `warn`, `info` or `debug`.
    pub level: String,
    /// What it says; `{…}` stands for what differs.
    pub message: String,
    /// The names of its fields.
    pub fields: BTreeSet<String>,
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The sources of the program that have one of these words, without its tests.
fn sources_with(words: &[&str]) -> Vec<TokenStream> {
    let is_tests = |path: &Path| path.iter().any(|part| part == "tests" || part == "tests.rs");
    let sources = files("src", ".rs").into_iter().filter(|path| !is_tests(path));
    let texts = sources.map(|path| read(path.to_str().expect("UTF-8")));
    let texts = texts.filter(|text| words.iter().any(|word| text.contains(word)));
    texts.map(|text| text.parse().expect("a source")).collect()
}

/// Every line of the log.
pub fn log_lines() -> &'static BTreeSet<Line> {
    static LINES: LazyLock<BTreeSet<Line>> = LazyLock::new(|| {
        let mut lines = BTreeSet::new();
        sources_with(&["tracing::"]).into_iter().for_each(|source| lines_in(source, &mut lines));
        lines
    });
    &LINES
}

/// The lines of a source: `tracing::warn!(…)`.
fn lines_in(tokens: TokenStream, lines: &mut BTreeSet<Line>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let before = |back: usize| at.checked_sub(back).and_then(|index| tokens.get(index));
        if is_tests(before(2), before(1)) {
            continue;
        }
        let level = before(2).map(ToString::to_string).filter(|level| LEVELS.contains(&level.as_str()));
        let is_call = is_sign(before(1), '!') && is_sign(before(3), ':') && is_word(before(5), "tracing");
        match level.filter(|_| is_call) {
            Some(level) => drop(lines.insert(line(level, group.stream()))),
            None => lines_in(group.stream(), lines),
        }
    }
}

fn line(level: String, tokens: TokenStream) -> Line {
    let mut line = Line { level, message: String::new(), fields: BTreeSet::new() };
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for argument in tokens.split(|token| is_sign(Some(token), ',')) {
        match argument {
            // What stands behind it are its values.
            [TokenTree::Literal(text)] => {
                line.message = text_of(text).expect("a message");
                return line;
            }
            // The span that it is not written in.
            [TokenTree::Ident(parent), TokenTree::Punct(sign), ..] if *parent == "parent" && sign.as_char() == ':' => {}
            _ => {
                let name = argument.iter().find_map(|token| match token {
                    TokenTree::Ident(word) => Some(word.to_string()),
                    _ => None,
                });
                line.fields.extend(name);
            }
        }
    }
    line
}

/// Every text of the program that begins with one of these words.
pub fn texts_with(words: &[&str]) -> BTreeSet<String> {
    fn visit(tokens: TokenStream, found: &mut BTreeSet<String>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, token) in tokens.iter().enumerate() {
            let before = |back: usize| at.checked_sub(back).and_then(|index| tokens.get(index));
            match token {
                TokenTree::Group(group) if !is_tests(before(2), before(1)) => visit(group.stream(), found),
                TokenTree::Literal(text) => found.extend(text_of(text)),
                TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
    let mut found = BTreeSet::new();
    sources_with(words).into_iter().for_each(|source| visit(source, &mut found));
    found.retain(|text| words.iter().any(|word| text.starts_with(word)));
    found
}

/// The texts that stand in the function of that name in a file, in the order in which they do.
pub fn texts_in_function(path: &str, function: &str) -> Vec<String> {
    fn visit(tokens: TokenStream, function: &str, is_inside: bool, found: &mut Vec<String>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut is_next = false;
        for (at, token) in tokens.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|index| tokens.get(index));
            match token {
                TokenTree::Ident(word) => is_next |= *word == function && is_word(before, "fn"),
                TokenTree::Group(group) => {
                    let is_body = is_next && group.delimiter() == Delimiter::Brace;
                    visit(group.stream(), function, is_inside || is_body, found);
                    is_next &= !is_body;
                }
                TokenTree::Literal(text) if is_inside => found.extend(text_of(text)),
                TokenTree::Literal(_) | TokenTree::Punct(_) => {}
            }
        }
    }
    let mut found = Vec::new();
    visit(read(path).parse().expect("a source"), function, false, &mut found);
    assert!(!found.is_empty(), "{path} has no texts in {function}");
    found
}

/// A text as the program has it, if the literal is one.
fn text_of(literal: &Literal) -> Option<String> {
    let written = literal.to_string();
    let inside = written.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut rest = inside.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            // A line that goes on below.
            '\\' if rest.peek() == Some(&'\n') => while rest.next_if(|letter| letter.is_whitespace()).is_some() {},
            '\\' => text.extend(rest.next()),
            _ => text.push(letter),
        }
    }
    Some(text)
}

fn is_sign(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if *ident == word)
}

/// Whether what follows is the body of `mod tests`.
fn is_tests(keyword: Option<&TokenTree>, name: Option<&TokenTree>) -> bool {
    is_word(keyword, "mod") && is_word(name, "tests")
}

#[test]
fn a_line_of_the_log_is_found_with_its_level_its_fields_and_its_words() {
    let source = r#"fn f() {
        tracing::warn!(%error, why = g(a, "no message"), account.id, ?state, "it \
            goes on with {what}: \"{}\"", more);
        tracing::info!(parent: None, request = %id, "request");
        other::warn!("not ours"); tracing::Level::INFO;
    }
    mod tests { fn t() { tracing::error!("of a test"); } }"#;
    let mut lines = BTreeSet::new();
    lines_in(source.parse().expect("a source"), &mut lines);
    let line = |level: &str, message: &str, fields: &[&str]| Line {
        level: level.to_owned(),
        message: message.to_owned(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    };
    let expected = [
        line("info", "request", &["request"]),
        line("warn", "it goes on with {what}: \"{}\"", &["account", "error", "state", "why"]),
    ];
    assert!(lines.iter().eq(&expected), "{lines:#?}");
}
