//! The configuration as a tree of values, each of which knows where it was written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Checks, SettingPlace};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: SettingPlace,
    pub value: SettingValue,
    /// The characters as they were written, where the value came from a variable or a flag: these have no
    /// quotes, so that `42` may be meant as text.
    pub written: Option<String>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum SettingValue {
    Text(String),
    Boolean(bool),
    /// A number or a date, which no key takes: kept as written, for the message.
    Other(String),
    List(Vec<Node>),
    Table(SettingTable),
}

/// Keys and their values.
#[derive(Clone, Debug)]
pub(super) struct SettingTable {
    /// Its header, or the start of the file.
    pub place: SettingPlace,
    pub entries: BTreeMap<String, SettingEntry>,
}

/// A value and where its key was written.
#[derive(Clone, Debug)]
pub(super) struct SettingEntry {
    pub key_place: SettingPlace,
    pub node: Node,
}

impl SettingTable {
    /// A table without keys.
    pub(super) fn empty(place: SettingPlace) -> Self {
        Self { place, entries: BTreeMap::new() }
    }

    /// Reads the text of a file. What is not TOML is reported, each place of it.
    pub(super) fn from_toml(file: &Arc<str>, text: &str, checks: &mut Checks) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let span = error.span().unwrap_or_default();
            let place = SettingPlace::in_text(file, text, span.start);
            let doubled = (error.message() == DOUBLED).then(|| doubled(text, span)).flatten();
            let message = doubled.unwrap_or_else(|| format!("This is not TOML: {}.", error.message()));
            checks.refuse(&place, message);
        }
        let source = SourceText { file, text };
        source.table(root.into_inner(), source.place(0))
    }
}

/// What the library says where a key or a table stands twice.
const DOUBLED: &str = "duplicate key";

/// What is to be said of the key at `span`, which stands in the text before, where that place can be found.
fn doubled(text: &str, span: Range<usize>) -> Option<String> {
    let key = text.get(span.clone())?;
    let before = text.get(..span.start)?;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(line_start..)?.lines().next()?.trim();
    let above = || text.get(..line_start).unwrap_or_default().lines().zip(1..);
    if let Some(Header { name, is_list }) = header(line) {
        let (_, first) = above().find(|(line, _)| header(line).is_some_and(|above| above.name == name))?;
        let brackets = if is_list { format!("[[{name}]]") } else { format!("[{name}]") };
        return Some(format!(
            "{brackets} stands here a second time; the first one is in line {first}. A table is written once: put its keys \
             together there."
        ));
    }
    // In the same table alone: above it, the same key is another one.
    let of_table = above().collect::<Vec<_>>().into_iter().rev().take_while(|(line, _)| header(line).is_none());
    let is_key =
        |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    let (_, first) = of_table.filter(|(line, _)| is_key(line)).last()?;
    Some(format!("`{key}` is set here a second time; the first one is in line {first}. Keep one of them."))
}

/// The header of a table.
struct Header<'a> {
    name: &'a str,
    is_list: bool,
}

/// The header that a line is, if it is one.
fn header(line: &str) -> Option<Header<'_>> {
    let inside = line.trim().strip_prefix('[')?;
    let (inside, is_list) = inside.strip_prefix('[').map_or((inside, false), |inside| (inside, true));
    let (name, _) = inside.split_once(']')?;
    Some(Header { name: name.trim(), is_list })
}

/// Reads the value of a variable or a flag: TOML where it is TOML, else text.
pub(super) fn written_value(place: &SettingPlace, written: &str) -> Node {
    let value = match DeValue::parse(written) {
        // Positions inside a variable say nothing; its name does.
        Ok(value) => without_positions(value.into_inner(), place),
        Err(_) => SettingValue::Text(written.to_owned()),
    };
    Node { place: place.clone(), value, written: Some(written.to_owned()) }
}

struct SourceText<'a> {
    file: &'a Arc<str>,
    text: &'a str,
}

impl SourceText<'_> {
    fn place(&self, offset: usize) -> SettingPlace {
        SettingPlace::in_text(self.file, self.text, offset)
    }

    fn table(&self, table: DeTable<'_>, place: SettingPlace) -> SettingTable {
        let entries = table
            .into_iter()
            .map(|(key, value)| {
                let key_place = self.place(key.span().start);
                let node = self.node(value);
                let entry = SettingEntry { key_place, node };
                (key.into_inner().into_owned(), entry)
            })
            .collect();
        SettingTable { place, entries }
    }

    fn node(&self, value: Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span().start);
        let value = match value.into_inner() {
            DeValue::Table(table) => SettingValue::Table(self.table(table, place.clone())),
            DeValue::Array(items) => SettingValue::List(items.into_iter().map(|item| self.node(item)).collect()),
            leaf @ (DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)) => leaf_value(leaf),
        };
        Node { place, value, written: None }
    }
}

fn without_positions(value: DeValue<'_>, place: &SettingPlace) -> SettingValue {
    let node = |value: Spanned<DeValue<'_>>| Node {
        place: place.clone(),
        value: without_positions(value.into_inner(), place),
        written: None,
    };
    match value {
        DeValue::Array(items) => SettingValue::List(items.into_iter().map(node).collect()),
        DeValue::Table(table) => {
            let mut read = SettingTable::empty(place.clone());
            for (key, value) in table {
                let entry = SettingEntry { key_place: place.clone(), node: node(value) };
                read.entries.insert(key.into_inner().into_owned(), entry);
            }
            SettingValue::Table(read)
        }
        leaf @ (DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)) => leaf_value(leaf),
    }
}

fn leaf_value(leaf: DeValue<'_>) -> SettingValue {
    match leaf {
        DeValue::String(text) => SettingValue::Text(text.into_owned()),
        DeValue::Boolean(boolean) => SettingValue::Boolean(boolean),
        DeValue::Integer(number) => SettingValue::Other(number.to_string()),
        DeValue::Float(number) => SettingValue::Other(number.to_string()),
        DeValue::Datetime(moment) => SettingValue::Other(moment.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => SettingValue::Other("a list or table".to_owned()),
    }
}
