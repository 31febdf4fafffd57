//! Variables and flags laid over the file: `BMAUTH__SERVER__LISTEN` is `server.listen`.

use std::ffi::OsString;

use super::problem::{Checks, SettingPlace};
use super::tree::{Node, SettingEntry, SettingTable, SettingValue, written_value};

/// What every variable of the configuration starts with. `BMAUTH_CONFIG`, with one underscore, is none.
pub(super) const PREFIX: &str = "BMAUTH__";

/// A flag of the command line that sets a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagSetting {
    /// The flag as a person types it, for messages: `--listen`.
    pub flag: &'static str,
    /// The key it sets: `server.listen`.
    pub key: &'static str,
    /// The value: TOML where it is TOML, else text.
    pub value: String,
}

/// Lays the variables that are the configuration's over what the file says, in the order of their names.
pub(super) fn lay_environment(root: &mut SettingTable, environment: &[(OsString, OsString)], checks: &mut Checks) {
    let mut variables: Vec<(&str, &OsString)> = environment
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    // A whole table before a key inside it.
    variables.sort();
    for (name, value) in variables {
        let place = SettingPlace::Variable(name.to_owned());
        let Some(value) = value.to_str() else {
            checks.refuse(&place, "The value of this variable is not UTF-8.");
            continue;
        };
        let path = name.strip_prefix(PREFIX).unwrap_or_default();
        let path = path.to_ascii_lowercase();
        lay(root, path.split("__"), written_value(&place, value), checks);
    }
}

/// Lays flags over everything else.
pub(super) fn lay_flags(root: &mut SettingTable, flags: &[FlagSetting], checks: &mut Checks) {
    for FlagSetting { flag, key, value } in flags {
        let place = SettingPlace::Flag((*flag).to_owned());
        lay(root, key.split('.'), written_value(&place, value), checks);
    }
}

fn lay<'a>(root: &mut SettingTable, path: impl Iterator<Item = &'a str>, node: Node, checks: &mut Checks) {
    let path: Vec<&str> = path.collect();
    let place = node.place.clone();
    let laid = match path.split_first() {
        Some((first, rest)) if !first.is_empty() => put_in_table(root, first, rest, node),
        _ => Err("It names no key.".to_owned()),
    };
    if let Err(message) = laid {
        checks.refuse(&place, message);
    }
}

fn put_in_table(table: &mut SettingTable, first: &str, rest: &[&str], node: Node) -> Result<(), String> {
    let key_place = node.place.clone();
    let entry = table
        .entries
        .entry(first.to_owned())
        .or_insert_with(|| SettingEntry { node: empty_for(rest, key_place.clone()), key_place: key_place.clone() });
    if rest.is_empty() {
        entry.key_place = key_place;
    }
    put(&mut entry.node, first, rest, node)
}

fn put(at: &mut Node, name: &str, path: &[&str], node: Node) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        *at = node;
        return Ok(());
    };
    match &mut at.value {
        SettingValue::Table(table) => put_in_table(table, first, rest, node),
        SettingValue::List(items) => {
            let count = items.len();
            let index: usize = first
                .parse()
                .map_err(|_| format!("`{name}` is a list; a number from 0 to {count} goes here, not `{first}`."))?;
            if index == count {
                items.push(empty_for(rest, node.place.clone()));
            }
            let item = items
                .get_mut(index)
                .ok_or_else(|| format!("The next entry of `{name}` has the number {count}, not {index}."))?;
            put(item, first, rest, node)
        }
        SettingValue::Text(_) | SettingValue::Boolean(_) | SettingValue::Other(_) => {
            Err(format!("`{name}` is one value and has nothing below it."))
        }
    }
}

/// What must stand here so that a path can go on below it.
fn empty_for(path: &[&str], place: SettingPlace) -> Node {
    let is_index = path.first().is_some_and(|first| first.bytes().all(|byte| byte.is_ascii_digit()));
    let value =
        if is_index { SettingValue::List(Vec::new()) } else { SettingValue::Table(SettingTable::empty(place.clone())) };
    Node { place, value, written: None }
}
