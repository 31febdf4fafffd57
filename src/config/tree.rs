//! The configuration as a tree of values, each of which knows where it was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Checks, Place};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
    /// The characters as they were written, where the value came from a variable or a flag: these have no
    /// quotes, so that `42` may be meant as text.
    pub written: Option<String>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Boolean(bool),
    /// A number or a date, which no key takes: kept as written, for the message.
    Other(String),
    List(Vec<Node>),
    Table(Table),
}

/// Keys and their values.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Its header, or the start of the file.
    pub place: Place,
    pub entries: BTreeMap<String, Entry>,
}

/// A value and where its key was written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key_place: Place,
    pub node: Node,
}

impl Table {
    /// A table without keys.
    pub(super) fn empty(place: Place) -> Self {
        Self { place, entries: BTreeMap::new() }
    }

    /// Reads the text of a file. What is not TOML is reported, each place of it.
    pub(super) fn from_toml(file: &Arc<str>, text: &str, checks: &mut Checks) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let offset = error.span().map_or(0, |span| span.start);
            let place = Place::in_text(file, text, offset);
            checks.refuse(&place, format!("This is not TOML: {}.", error.message()));
        }
        let source = Source { file, text };
        source.table(root.into_inner(), source.place(0))
    }
}

/// Reads the value of a variable or a flag: TOML where it is TOML, else text.
pub(super) fn written_value(place: &Place, written: &str) -> Node {
    let value = match DeValue::parse(written) {
        // Positions inside a variable say nothing; its name does.
        Ok(value) => without_positions(value.into_inner(), place),
        Err(_) => Value::Text(written.to_owned()),
    };
    Node { place: place.clone(), value, written: Some(written.to_owned()) }
}

struct Source<'a> {
    file: &'a Arc<str>,
    text: &'a str,
}

impl Source<'_> {
    fn place(&self, offset: usize) -> Place {
        Place::in_text(self.file, self.text, offset)
    }

    fn table(&self, table: DeTable<'_>, place: Place) -> Table {
        let entries = table
            .into_iter()
            .map(|(key, value)| {
                let key_place = self.place(key.span().start);
                let node = self.node(value);
                let entry = Entry { key_place, node };
                (key.into_inner().into_owned(), entry)
            })
            .collect();
        Table { place, entries }
    }

    fn node(&self, value: Spanned<DeValue<'_>>) -> Node {
        let place = self.place(value.span().start);
        let value = match value.into_inner() {
            DeValue::Table(table) => Value::Table(self.table(table, place.clone())),
            DeValue::Array(items) => Value::List(items.into_iter().map(|item| self.node(item)).collect()),
            leaf @ (DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)) => leaf_value(leaf),
        };
        Node { place, value, written: None }
    }
}

fn without_positions(value: DeValue<'_>, place: &Place) -> Value {
    let node = |value: Spanned<DeValue<'_>>| Node {
        place: place.clone(),
        value: without_positions(value.into_inner(), place),
        written: None,
    };
    match value {
        DeValue::Array(items) => Value::List(items.into_iter().map(node).collect()),
        DeValue::Table(table) => {
            let mut read = Table::empty(place.clone());
            for (key, value) in table {
                let entry = Entry { key_place: place.clone(), node: node(value) };
                read.entries.insert(key.into_inner().into_owned(), entry);
            }
            Value::Table(read)
        }
        leaf @ (DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)) => leaf_value(leaf),
    }
}

fn leaf_value(leaf: DeValue<'_>) -> Value {
    match leaf {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Integer(number) => Value::Other(number.to_string()),
        DeValue::Float(number) => Value::Other(number.to_string()),
        DeValue::Datetime(moment) => Value::Other(moment.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => Value::Other("a list or table".to_owned()),
    }
}
