//! Holds the order of the layers: what each may know of the others, and which libraries stay in which.
//!
//! Sources are read as tokens, so comments and texts do not count, and groups, macros and paths inside functions do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Stands for every layer before the one that is listed.
const ALL_BELOW: &[&str] = &["*"];

/// Each layer, lowest first as in `src/lib.rs`, and which of those before it it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("telemetry", &[]),
    ("threads", &[]),
    ("counts", &["domain"]),
    ("wording", &["domain"]),
    ("config", &["domain"]),
    ("identity", &["domain"]),
    ("mail", &["domain", "wording"]),
    ("store", &["domain", "threads", "counts"]),
    ("auth", &["domain", "threads", "counts", "identity", "mail", "store"]),
    ("gate", &["domain", "counts", "identity", "store", "auth"]),
    ("portal", &["domain", "counts", "wording", "identity", "store", "auth", "gate"]),
    ("proxy", &["domain", "telemetry", "counts", "identity", "store", "auth", "gate"]),
    ("admin", &["domain", "counts", "store", "auth"]),
    ("tasks", &["domain", "counts", "identity", "mail", "store", "auth", "portal"]),
    ("wire", ALL_BELOW),
    ("cli", ALL_BELOW),
    ("fuzzing", ALL_BELOW),
];

/// Libraries that stay where they are wrapped: the start of the crate's name, and the starts of the paths under `src/`
/// that may name it. `proxy.rs` is handed the portal's router and hands it to the bridge.
const AT_HOME: &[(&str, &[&str])] = &[
    ("pingora", &["proxy", "wire"]),
    ("axum", &["portal", "proxy.rs", "proxy/bridge", "admin", "wire", "cli/demo"]),
    ("redb", &["store"]),
    ("tokio_postgres", &["store"]),
    ("lettre", &["mail"]),
    ("jsonwebtoken", &["identity", "cli/demo"]),
    ("askama", &["mail", "portal"]),
    ("fluent", &["wording"]),
    ("prometheus", &["counts"]),
    ("clap", &["cli"]),
    (
        "hyper",
        &[
            "cli/doctor",
            "cli/gateway",
            "mail/oauth",
            "proxy/body",
            "proxy/broken",
            "proxy/exchange",
            "proxy/informational",
            "proxy/link",
        ],
    ),
];

/// What the domain does without, so that it stays a set of rules: the start of a crate's name.
const NOT_IN_DOMAIN: &[&str] = &["tokio", "futures", "http", "hyper", "tower", "rustls"];

/// Types of the standard library that the domain does without: time, files and sockets are given to it, or are not its
/// business.
const TYPES_NOT_IN_DOMAIN: &[&str] = &["SystemTime", "Instant", "TcpStream", "TcpListener", "UdpSocket", "File"];

/// One name that stands where it may not.
#[derive(Debug, PartialEq, Eq)]
struct Breach {
    file: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.file, self.line, self.rule)
    }
}

/// A name in a source: which, and where.
struct Name {
    line: usize,
    kind: Kind,
}

enum Kind {
    /// A module at the root of the crate: `store` of `crate::store::Store`. `*` for all of them.
    Layer(String),
    /// The first part of any other path: `axum` of `axum::Router`.
    Start(String),
    /// The last part of a path, or a word that stands alone.
    Word(String),
}

#[test]
fn every_layer_knows_only_those_below_it() {
    let breaches: Vec<String> =
        sources().iter().flat_map(|(file, text)| breaches(file, text)).map(|breach| breach.to_string()).collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn the_layers_are_those_of_the_crate_in_its_order_and_none_knows_one_above_it() {
    let library = fs::read_to_string(root().join("lib.rs")).expect("src/lib.rs");
    let modules: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let layers: Vec<&str> = LAYERS.iter().map(|(layer, _)| *layer).collect();
    assert_eq!(modules, layers, "src/lib.rs and the list in tests/layers.rs differ");
    for (index, (layer, known)) in LAYERS.iter().enumerate() {
        for name in known.iter().filter(|name| **name != "*") {
            assert!(layers[..index].contains(name), "{layer} is listed as knowing {name}, which is not below it");
        }
    }
}

#[test]
fn a_breach_is_found_however_it_is_written() {
    let known = "it may name crate::{domain, wording} alone (tests/layers.rs)";
    for text in [
        "use crate::store::Store;",
        "use crate::{domain::email::Email, store::{self, Store}};",
        "pub(in crate::mail) fn f() { let url = \"http://x\"; crate::store::open(url) }",
        "macro_rules! m { () => { $crate::store::open() } }",
        "mod tests { #[test] fn t() { assert!(crate::store::open()) } }",
        "/* two\nlines */ use super::store::Store;",
    ] {
        let found = breaches("mail.rs", text);
        let [breach] = found.as_slice() else { panic!("{text}: {found:?}") };
        assert_eq!(breach.rule, format!("mail may not know crate::store; {known}"), "{text}");
    }
    assert_eq!(
        breaches("mail/writer.rs", "\nuse super::super::store;").first().map(ToString::to_string),
        Some(format!("src/mail/writer.rs:2: mail may not know crate::store; {known}"))
    );
    assert_eq!(breaches("mail.rs", "use crate::*;").len(), 1);
    assert_eq!(breaches("mail/writer.rs", "fn f() -> axum::Router { made() } use redb;").len(), 2);
    assert_eq!(breaches("domain/code.rs", "use tokio::time; fn f() { std::time::SystemTime::now(); }").len(), 2);
}

#[test]
fn what_only_looks_like_a_breach_is_none() {
    for text in [
        "//! See [`crate::store`] and axum::Router.\n/// crate::portal\nfn f() {}",
        "const F: &str = r#\"crate::store pingora::x\"#;",
        "use crate::domain::email::Email; use crate::wording;",
        "mod redb; fn f(redb: u8) -> u8 { redb }",
        "use super::writer::Writer; mod tests { use super::*; }",
        "use other::axum::Thing; use crate::mail::redb::{axum::Y, lettre};",
        "pub(crate) fn f() {}",
    ] {
        assert_eq!(breaches("mail/writer.rs", text), [], "{text}");
    }
    assert_eq!(breaches("mail.rs", "mod writer; mod tests { use super::store; }"), []);
    assert_eq!(breaches("portal.rs", "use axum::Router;"), []);
    assert_eq!(breaches("proxy/bridge.rs", "use axum::Router; use pingora_core::Error;"), []);
}

#[test]
fn no_two_types_have_the_same_name() {
    let files = sources();
    let mut at = BTreeMap::<&str, Vec<&str>>::new();
    for (file, name) in files.iter().flat_map(|(file, text)| types_of(text).map(move |name| (file.as_str(), name))) {
        at.entry(name).or_default().push(file);
    }
    assert!(
        at.contains_key("GateRefusal") && at.contains_key("Session"),
        "types are not where this test looks for them"
    );
    let twice: Vec<_> = at.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "say whose they are in the names of these types: {twice:?}");
}

/// The types that a file declares, apart from those within functions, tests and implementations.
fn types_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let declared = match line.strip_prefix("pub(") {
            Some(scope) => scope.split_once(") ")?.1,
            None => line.strip_prefix("pub ").unwrap_or(line),
        };
        let name = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| declared.strip_prefix(kind))?;
        name.split(|letter: char| !letter.is_alphanumeric()).next()
    })
}

#[test]
fn types_are_found_however_visible_they_are() {
    let text = "pub struct A;\npub(in crate::b) enum B<T> {\nstruct C(u8);\npub(super) trait D: E {\ntype F = u8;\n    struct No;\nstructure";
    assert_eq!(types_of(text).collect::<Vec<_>>(), ["A", "B", "C", "D", "F"]);
}

/// Where the store may be changed: by itself, and by the one that ends and wakes what a change ends and wakes.
const MAY_COMMIT: [&str; 3] = ["store.rs", "store/", "auth/ledger.rs"];

#[test]
fn no_two_files_need_each_other() {
    let files = sources();
    let files: Vec<_> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let circle: Vec<String> = circle(&needs(&files)).iter().map(|module| module.join("::")).collect();
    assert!(circle.is_empty(), "these files need each other: {}", circle.join(" → "));
}

#[test]
fn a_circle_of_files_is_found_however_it_is_closed_and_what_stands_above_closes_none() {
    let circle_of = |files: &[(&str, &str)]| circle(&needs(files)).len();
    let back = "fn f() { super::super::a::one::f(super::C) }";
    assert_eq!(
        circle_of(&[("a.rs", ""), ("a/one.rs", "use super::two::T;"), ("a/two.rs", "use crate::a::{self, one};")]),
        3
    );
    assert_eq!(circle_of(&[("a/one.rs", "use crate::{b::{C, two::T}, x};"), ("b.rs", ""), ("b/two.rs", back)]), 3);
    assert_eq!(
        circle_of(&[("a.rs", "use one::T;"), ("a/one.rs", "use super::two::T;"), ("a/two.rs", "use super::S;")]),
        0
    );
    assert_eq!(
        circle_of(&[
            ("a.rs", ""),
            ("a/one.rs", "use super::two;"),
            ("a/two.rs", "mod tests { use super::super::one; }")
        ]),
        0
    );
}

#[test]
fn nothing_is_committed_past_the_ledger() {
    let mut found = Vec::new();
    for (file, text) in sources() {
        if !MAY_COMMIT.iter().any(|place| file.starts_with(place)) {
            calls_of("commit", text.parse().expect("a source"), &mut |line| found.push(format!("src/{file}:{line}")));
        }
    }
    assert!(found.is_empty(), "a plan is carried out by auth/ledger.rs:\n{}", found.join("\n"));
}

#[test]
fn a_call_of_a_method_is_found_and_its_declaration_is_not() {
    let count = |text: &str| {
        let mut count = 0;
        calls_of("commit", text.parse().expect("a source"), &mut |_| count += 1);
        count
    };
    assert_eq!(count("fn f() { g(store.commit(x)); self.a.commit (y) }"), 2);
    assert_eq!(count("fn commit() { commit(1); x.committed(); let commit = x.commit; }"), 0);
}

/// Tells the line of each call of a method of that name.
fn calls_of(method: &str, tokens: TokenStream, tell: &mut impl FnMut(usize)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token {
            calls_of(method, group.stream(), tell);
        }
        let of_something = at.checked_sub(1).and_then(|before| tokens.get(before));
        let is_method = matches!(of_something, Some(TokenTree::Punct(punct)) if punct.as_char() == '.');
        let is_called =
            matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
        if is_method && is_called && is_word(Some(token), method) {
            tell(token.span().start().line);
        }
    }
}

/// The first segment of the gateway's own paths.
const OWN: &str = "_bmauth";
/// Where it is written, and the paths below it.
const OWN_PATHS: &str = "domain/own_paths.rs";

#[test]
fn each_of_our_own_paths_is_written_once() {
    let mut found = Vec::new();
    for (file, text) in sources() {
        if file != OWN_PATHS && !file.ends_with("/tests.rs") && !file.contains("/tests/") {
            own_paths_in(text.parse().expect("a source"), &mut |line| found.push(format!("src/{file}:{line}")));
        }
    }
    assert!(found.is_empty(), "these belong in src/{OWN_PATHS}:\n{}", found.join("\n"));
}

#[test]
fn a_path_of_ours_is_found_in_code_and_not_in_docs_or_tests() {
    let lines = |text: &str| {
        let mut lines = Vec::new();
        own_paths_in(text.parse().expect("a source"), &mut |line| lines.push(line));
        lines
    };
    assert_eq!(lines("const A: &str = \"/_bmauth/x\";\nfn f() { g(&[b\"_bmauth\"]); }"), [1, 2]);
    let text = "//! `/_bmauth/x`\n/// `/_bmauth`\nfn f() {}\n#[cfg(test)]\nmod tests { const A: &str = \"/_bmauth\"; }";
    assert_eq!(lines(text), [0; 0]);
}

/// Tells the line of each literal with one of our own paths. Attributes, which docs are, and tests do not count.
fn own_paths_in(tokens: TokenStream, tell: &mut impl FnMut(usize)) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => {
                let is_punct = |back: usize, sign: char| {
                    let before = at.checked_sub(back).and_then(|index| tokens.get(index));
                    matches!(before, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
                };
                let is_attribute = group.delimiter() == Delimiter::Bracket
                    && (is_punct(1, '#') || is_punct(1, '!') && is_punct(2, '#'));
                let is_tests = is_word(at.checked_sub(1).and_then(|index| tokens.get(index)), "tests");
                if !(is_attribute || is_tests) {
                    own_paths_in(group.stream(), tell);
                }
            }
            // As it stands in the source: ours are not to be hidden by another spelling either.
            TokenTree::Literal(literal) if literal.to_string().to_ascii_lowercase().contains(OWN) => {
                tell(literal.span().start().line);
            }
            TokenTree::Literal(_) | TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// A file as the crate names it: `a/b.rs` is `["a", "b"]`.
type Module = Vec<String>;

fn module(file: &str) -> Module {
    file.trim_end_matches(".rs").split('/').map(str::to_owned).collect()
}

/// What each file needs of the others. What stands above it is not among them: a folder's own file says what its files
/// share.
fn needs(files: &[(&str, &str)]) -> BTreeMap<Module, BTreeSet<Module>> {
    let known: Vec<Module> = files.iter().map(|(file, _)| module(file)).collect();
    files.iter().map(|(file, text)| (module(file), named_in(text, &module(file), &known))).collect()
}

fn named_in(text: &str, here: &Module, known: &[Module]) -> BTreeSet<Module> {
    let mut paths = BTreeSet::new();
    paths_in(text.parse().expect("a source"), &[], &mut paths);
    let whole = |path: Vec<String>| {
        let ups = path.iter().take_while(|part| *part == "super").count();
        match path.first().map(String::as_str) {
            Some("crate") => path.into_iter().skip(1).collect(),
            Some("self") => here.iter().cloned().chain(path.into_iter().skip(1)).collect(),
            _ => here.iter().take(here.len().saturating_sub(ups)).cloned().chain(path.into_iter().skip(ups)).collect(),
        }
    };
    let nearest = |path: Vec<String>| known.iter().filter(|file| path.starts_with(file)).max_by_key(|file| file.len());
    paths.into_iter().map(whole).filter_map(nearest).filter(|file| !here.starts_with(file)).cloned().collect()
}

/// Every path of a source, with those of a group behind `::` written out, outside of its tests.
fn paths_in(tokens: TokenStream, before: &[String], paths: &mut BTreeSet<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Ident(word) => {
                let mut path = [before, &[word.to_string()]].concat();
                while is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1)) {
                    at += 2;
                    match tokens.get(at) {
                        Some(TokenTree::Ident(part)) => path.push(part.to_string()),
                        Some(TokenTree::Group(group)) => paths_in(group.stream(), &path, paths),
                        _ => break,
                    }
                    at += 1;
                }
                // A word alone is a variable, or a file that is declared.
                if path.len() > 1 {
                    paths.insert(path);
                }
            }
            TokenTree::Group(group) => {
                if !is_word(at.checked_sub(2).and_then(|index| tokens.get(index)), "tests") {
                    paths_in(group.stream(), &[], paths);
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// One circle of files, the first once more at its end; empty where there is none.
fn circle(needs: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Module> {
    fn walk(
        file: &Module,
        needs: &BTreeMap<Module, BTreeSet<Module>>,
        way: &mut Vec<Module>,
        done: &mut BTreeSet<Module>,
    ) -> bool {
        if let Some(begin) = way.iter().position(|before| before == file) {
            way.drain(..begin);
            way.push(file.clone());
            return true;
        }
        if done.contains(file) {
            return false;
        }
        way.push(file.clone());
        if needs.get(file).is_some_and(|needed| needed.iter().any(|next| walk(next, needs, way, done))) {
            return true;
        }
        way.pop();
        done.insert(file.clone());
        false
    }
    let (mut way, mut done) = (Vec::new(), BTreeSet::new());
    needs.keys().any(|file| walk(file, needs, &mut way, &mut done));
    way
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

/// Every source of the library, by its path under `src/` with forward slashes. `main.rs` is a crate of its own.
fn sources() -> Vec<(String, String)> {
    fn visit(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(root()).expect("a path under src");
                let name = inside.iter().map(|part| part.to_str().expect("UTF-8")).collect::<Vec<_>>().join("/");
                found.push((name, fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    let mut found = Vec::new();
    visit(root(), &mut found);
    found.retain(|(name, _)| name != "main.rs" && name != "lib.rs");
    found.sort();
    assert!(found.len() > LAYERS.len(), "sources are not where this test looks for them");
    found
}

/// Everything in one source that stands where it may not.
fn breaches(file: &str, text: &str) -> Vec<Breach> {
    let layer = file.split(['/', '.']).next().expect("a first part");
    let breach = |line, rule| Breach { file: file.to_owned(), line, rule };
    let Some(height) = LAYERS.iter().position(|(name, _)| *name == layer) else {
        return vec![breach(1, format!("{layer} is not a layer of tests/layers.rs"))];
    };
    let (below, here) = LAYERS.split_at(height);
    let known: Vec<&str> = match here {
        [(_, ["*"]), ..] => below.iter().map(|(name, _)| *name).collect(),
        [(_, known), ..] => known.to_vec(),
        [] => Vec::new(),
    };
    let depth = file.split('/').count();
    let tokens: TokenStream = match text.parse() {
        Ok(tokens) => tokens,
        Err(error) => return vec![breach(1, format!("it cannot be read: {error}"))],
    };
    let mut names = Vec::new();
    read(tokens, depth, false, &mut names);
    let rule = |name: &Name| match &name.kind {
        Kind::Layer(other) if other != layer && !known.contains(&other.as_str()) => {
            let known = known.join(", ");
            Some(format!("{layer} may not know crate::{other}; it may name crate::{{{known}}} alone (tests/layers.rs)"))
        }
        Kind::Start(library) => AT_HOME
            .iter()
            .find(|(start, homes)| library.starts_with(start) && !homes.iter().any(|home| file.starts_with(home)))
            .map(|(_, homes)| format!("{library} stays in src/{}", homes.join(", src/")))
            .or_else(|| {
                let refused = layer == "domain" && NOT_IN_DOMAIN.iter().any(|start| library.starts_with(start));
                refused.then(|| format!("the domain is pure and does without {library}"))
            }),
        Kind::Word(word) if layer == "domain" && TYPES_NOT_IN_DOMAIN.contains(&word.as_str()) => {
            Some(format!("the domain is pure and does without {word}; it takes what it needs as an argument"))
        }
        Kind::Layer(_) | Kind::Word(_) => None,
    };
    names.iter().filter_map(|name| rule(name).map(|rule| breach(name.line, rule))).collect()
}

/// Collects the names of `tokens`. `depth` is how many modules up the crate's root is; `in_path` says that the tokens
/// are a group behind `::`, whose parts are the middle of a path.
fn read(tokens: TokenStream, depth: usize, in_path: bool, names: &mut Vec<Name>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) => {
                let module = group.delimiter() == Delimiter::Brace && is_word(before(&tokens, at, 2), "mod");
                let in_path = in_path || follows(&tokens, at);
                read(group.stream(), depth + usize::from(module), in_path, names);
            }
            TokenTree::Ident(ident) => {
                let (word, line) = (ident.to_string(), ident.span().start().line);
                let goes_on = is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1));
                let is_start = !in_path && !follows(&tokens, at);
                if is_start && goes_on && word == "crate" {
                    root_names(&tokens, at + 2, names);
                } else if is_start && goes_on && word == "super" {
                    let ups = 1 + (0..).take_while(|more| is_word(tokens.get(at + 2 + more * 3), "super")).count();
                    if ups >= depth {
                        root_names(&tokens, at + 2 + (ups - 1) * 3, names);
                    }
                } else if is_start && (goes_on || is_word(before(&tokens, at, 1), "use")) {
                    names.push(Name { line, kind: Kind::Start(word) });
                } else {
                    names.push(Name { line, kind: Kind::Word(word) });
                }
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// The modules of the root that a path goes on to at `at`: one, or each of a group.
fn root_names(tokens: &[TokenTree], at: usize, names: &mut Vec<Name>) {
    match tokens.get(at) {
        Some(TokenTree::Group(group)) => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            for part in inner.split(|token| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')) {
                root_names(part, 0, names);
            }
        }
        Some(token @ (TokenTree::Ident(_) | TokenTree::Punct(_))) => {
            names.push(Name { line: token.span().start().line, kind: Kind::Layer(token.to_string()) });
        }
        Some(TokenTree::Literal(_)) | None => {}
    }
}

/// Whether a `::` stands before the token that `at` has just passed.
fn follows(tokens: &[TokenTree], at: usize) -> bool {
    is_colon(before(tokens, at, 1)) && is_colon(before(tokens, at, 2))
}

/// The token that stands `back` before the one that `at` has just passed.
fn before(tokens: &[TokenTree], at: usize, back: usize) -> Option<&TokenTree> {
    at.checked_sub(back + 1).and_then(|index| tokens.get(index))
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}
