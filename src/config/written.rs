//! What a configuration says, key by key, so that a later reading can be held against it. It is taken from what was
//! written, before anything is made of it, so that no key has to be thought of; and of values only digests are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;

use sha2::{Digest as _, Sha256};
use url::Url;

use super::folder::Folder;
use super::tree::{Node, SettingTable, SettingValue};

/// The keys whose files are looked at while the gateway runs, so that what is in them is taken without a restart.
const TAKEN_ANYWAY: [&str; 2] = ["server.tls.cert", "server.tls.key"];

type Digest = [u8; 32];
/// By the name of each key, the digest of its value.
type KeyDigests = BTreeMap<String, Digest>;

/// What a configuration says: names, and digests of values.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    keys: KeyDigests,
    /// By host and path.
    routes: BTreeMap<String, KeyDigests>,
    /// What is in the files that keys name.
    files: KeyDigests,
}

/// Without digests: a short password could be found by that of its key.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprint").finish_non_exhaustive()
    }
}

impl Fingerprint {
    /// That of all that was written.
    pub(super) fn of(root: &SettingTable) -> Self {
        let mut all = Self::default();
        for (key, entry) in &root.entries {
            match (key.as_str(), &entry.node.value) {
                ("route", SettingValue::List(routes)) => {
                    for route in routes {
                        all.add_route(route, root);
                    }
                }
                (key, _) => add(&mut all.keys, key, &entry.node),
            }
        }
        all
    }

    fn add_route(&mut self, route: &Node, root: &SettingTable) {
        let mut keys = KeyDigests::new();
        let name = match &route.value {
            SettingValue::Table(table) => {
                for (key, entry) in &table.entries {
                    add(&mut keys, key, &entry.node);
                }
                name_of_route(table, root)
            }
            SettingValue::Text(_) | SettingValue::Boolean(_) | SettingValue::Other(_) | SettingValue::List(_) => {
                keys.insert(String::new(), digest(&route.value));
                "route".to_owned()
            }
        };
        // No two routes of a configuration that is used have one name.
        let others = self.routes.keys().filter(|known| known.starts_with(&name)).count();
        let free = if self.routes.contains_key(&name) { format!("{name} #{}", others + 1) } else { name };
        self.routes.insert(free, keys);
    }

    /// Adds what is in the files that were read.
    pub(super) fn add_files(&mut self, folder: &Folder) {
        for (key, path) in folder.read() {
            if !TAKEN_ANYWAY.contains(&key.as_str()) {
                let held = fs::read(&path).unwrap_or_default();
                self.files.insert(format!("{key} (what is in {})", path.display()), Sha256::digest(held).into());
            }
        }
    }

    /// The names of what `later` says otherwise, as they would be looked for in the file. Never a value.
    pub fn differences(&self, later: &Self) -> Vec<String> {
        let mut names = changed(&self.keys, &later.keys);
        let routes: BTreeSet<&String> = self.routes.keys().chain(later.routes.keys()).collect();
        for route in routes {
            match (self.routes.get(route), later.routes.get(route)) {
                (Some(before), Some(after)) if before == after => {}
                (Some(before), Some(after)) => names.push(format!("{route}: {}", changed(before, after).join(", "))),
                (None, Some(_)) => names.push(format!("{route} (new)")),
                (Some(_), None) => names.push(format!("{route} (gone)")),
                (None, None) => {}
            }
        }
        // A key that names another file has been named already.
        let of_both =
            |(name, _): &(&String, &Digest)| self.files.contains_key(*name) && later.files.contains_key(*name);
        let only_both = |files: &KeyDigests| -> KeyDigests {
            files.iter().filter(of_both).map(|(name, digest)| (name.clone(), *digest)).collect()
        };
        names.extend(changed(&only_both(&self.files), &only_both(&later.files)));
        names
    }
}

fn changed(before: &KeyDigests, after: &KeyDigests) -> Vec<String> {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

/// Adds what stands at a key; of a table, each of its own.
fn add(keys: &mut KeyDigests, name: &str, node: &Node) {
    match &node.value {
        SettingValue::Table(table) => {
            for (key, entry) in &table.entries {
                add(keys, &format!("{name}.{key}"), &entry.node);
            }
        }
        value @ (SettingValue::Text(_) | SettingValue::Boolean(_) | SettingValue::Other(_) | SettingValue::List(_)) => {
            keys.insert(name.to_owned(), digest(value));
        }
    }
}

fn digest(value: &SettingValue) -> Digest {
    let mut hasher = Sha256::new();
    feed(&mut hasher, value);
    hasher.finalize().into()
}

/// Each part with its kind and its length, so that no two values are alike to it.
fn feed(hasher: &mut Sha256, value: &SettingValue) {
    let mut part = |kind: u8, text: &[u8]| {
        hasher.update([kind]);
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text);
    };
    match value {
        SettingValue::Text(text) => part(0, text.as_bytes()),
        SettingValue::Boolean(boolean) => part(1, &[u8::from(*boolean)]),
        SettingValue::Other(written) => part(2, written.as_bytes()),
        SettingValue::List(items) => {
            // One text stands for a list of one.
            if let [Node { value: only @ SettingValue::Text(_), .. }] = items.as_slice() {
                return feed(hasher, only);
            }
            part(3, &(items.len() as u64).to_be_bytes());
            items.iter().for_each(|item| feed(hasher, &item.value));
        }
        SettingValue::Table(table) => {
            part(4, &(table.entries.len() as u64).to_be_bytes());
            for (key, entry) in &table.entries {
                feed(hasher, &SettingValue::Text(key.clone()));
                feed(hasher, &entry.node.value);
            }
        }
    }
}

/// What tells a route from all others: host and path, and methods and exactness where it has any.
fn name_of_route(route: &SettingTable, root: &SettingTable) -> String {
    let text = |table: &SettingTable, key: &str| match table.entries.get(key).map(|entry| &entry.node.value) {
        Some(SettingValue::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let public_host = || Url::parse(&text(root, "public_url")?).ok()?.host_str().map(str::to_owned);
    let host = text(route, "host").or_else(public_host).unwrap_or_default();
    let path = text(route, "path").unwrap_or_else(|| "/".to_owned());
    let mut name = format!("route {host}{path}");
    if let Some(SettingValue::Boolean(true)) = route.entries.get("exact").map(|entry| &entry.node.value) {
        name.push_str(" (exact)");
    }
    if let Some(SettingValue::List(methods)) = route.entries.get("methods").map(|entry| &entry.node.value) {
        for method in methods {
            if let SettingValue::Text(method) = &method.value {
                name.push(' ');
                name.push_str(method);
            }
        }
    }
    name
}
