//! docs/configuration.md: the comments of config/bmauth.toml in the order of the file, with what each key takes.

use std::collections::{BTreeMap, BTreeSet};

use bmauth::config::TEMPLATE;
use toml::{Table, Value};

use super::asked::{self, Kind};
use super::generated::is_kept;

/// One table of the template.
#[derive(Debug, Default)]
pub struct Section {
    /// Its name; empty for what stands above the first one.
    pub name: String,
    /// What its comment says, a paragraph an item.
    pub prose: Vec<String>,
    pub groups: Vec<Group>,
}

/// Keys below one comment.
#[derive(Debug, Default)]
pub struct Group {
    pub prose: Vec<String>,
    pub keys: Vec<Written>,
}

/// A line with a key.
#[derive(Clone, Debug)]
pub struct Written {
    pub key: String,
    pub value: Value,
    /// The value as it stands there.
    pub text: String,
}

/// The template, taken apart.
pub fn template() -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let (mut comment, mut in_group) = (Vec::new(), false);
    for line in TEMPLATE.lines() {
        // What follows is an example of a second one.
        if line == "# [[route]]" {
            break;
        }
        let section = sections.last_mut().expect("the first one");
        if line.is_empty() {
            // A comment without a key is about the whole table, or about the keys below it.
            let prose = paragraphs(&std::mem::take(&mut comment));
            if section.groups.is_empty() {
                section.prose.extend(prose);
            } else if !prose.is_empty() {
                section.groups.push(Group { prose, keys: Vec::new() });
            }
            in_group = false;
        } else if let Some(name) = line.strip_prefix('[') {
            let name = name.trim_matches(['[', ']']).to_owned();
            let prose = paragraphs(&std::mem::take(&mut comment));
            sections.push(Section { name, prose, groups: Vec::new() });
            in_group = false;
        } else if let Some(written) = key_of(line) {
            if !comment.is_empty() || !in_group {
                let prose = paragraphs(&std::mem::take(&mut comment));
                section.groups.push(Group { prose, keys: Vec::new() });
            }
            section.groups.last_mut().expect("a group").keys.push(written);
            in_group = true;
        } else {
            comment.push(line.strip_prefix('#').expect("a comment").trim().to_owned());
        }
    }
    sections
}

/// The key of a line, set or commented out.
fn key_of(line: &str) -> Option<Written> {
    let line = line.strip_prefix("# ").unwrap_or(line);
    let (key, text) = line.split_once(" = ")?;
    let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte));
    let value = line.parse::<Table>().ok().filter(|_| is_key)?.remove(key)?;
    Some(Written { key: key.to_owned(), value, text: text.to_owned() })
}

/// Lines of a comment, joined to paragraphs.
fn paragraphs(lines: &[String]) -> Vec<String> {
    let paragraphs = lines.split(String::is_empty).map(|lines| lines.join(" "));
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect()
}

/// The page.
fn page() -> String {
    let keys = asked::keys();
    let sections = template();
    let mut page = String::from(HEAD);
    for section in &sections {
        if section.name.is_empty() {
            for paragraph in section.prose.iter().skip(ABOUT_THE_TEMPLATE) {
                page.push_str(&format!("{}\n\n", in_markdown(paragraph)));
            }
            page.push_str("## The whole file\n");
        } else if let Some(kind @ Kind::Map(_)) = at(&keys, &section.name) {
            page.push_str(&format!("### `{}`\n{}", section.name, takes(kind)));
            let lines: Vec<_> = section.groups.iter().flat_map(|group| &group.keys).collect();
            let lines = lines.iter().map(|line| format!("{} = {}", line.key, line.text)).collect::<Vec<_>>();
            page.push_str(&format!(". Example: `{{ {} }}`.\n\n", lines.join(", ")));
            section.prose.iter().for_each(|paragraph| page.push_str(&format!("{}\n\n", in_markdown(paragraph))));
            continue;
        } else {
            let brackets = if section.name == "route" { "[[route]]" } else { &format!("[{}]", section.name) };
            page.push_str(&format!("## `{brackets}`\n"));
            section.prose.iter().for_each(|paragraph| page.push_str(&format!("{}\n\n", in_markdown(paragraph))));
        }
        for group in &section.groups {
            for (index, line) in group.keys.iter().enumerate() {
                if group.keys.iter().take(index).all(|other| other.key != line.key) {
                    page.push_str(&entry(&keys, section, group, &line.key));
                }
            }
            group.prose.iter().for_each(|paragraph| page.push_str(&format!("{}\n\n", in_markdown(paragraph))));
        }
    }
    page.trim_end().to_owned() + "\n"
}

/// How many paragraphs at its top are about the template itself.
const ABOUT_THE_TEMPLATE: usize = 2;

/// What stands above everything else.
const HEAD: &str = "# Configuration reference

<!-- Made from config/bmauth.toml and from what the program says of each key, by `make docs`; a test compares. -->

The configuration is one TOML file: the one that `-c` or `BMAUTH_CONFIG` names, or else `bmauth.toml` in the working directory, or else `/etc/bmauth/bmauth.toml`. [config/bmauth.toml](../config/bmauth.toml) has the same text as comments, and `bmauth init` writes it with your answers filled in. Editors complete and check it with [config/bmauth.schema.json](../config/bmauth.schema.json): [how](start.md#in-your-editor).

An unknown key is refused, with a suggestion of the key that was probably meant. A key whose feature is not built yet is refused too, so that you cannot rely on a protection that does not exist. A secret may be in a file of its own: `smtp_url_file` instead of `smtp_url`.

";

/// A key with what it takes.
fn entry(keys: &BTreeMap<String, Kind>, section: &Section, group: &Group, key: &str) -> String {
    let path: Vec<&str> = [section.name.as_str(), key].into_iter().filter(|part| !part.is_empty()).collect();
    let name = path.join(".");
    let kind =
        at(keys, &name).unwrap_or_else(|| panic!("config/bmauth.toml has {name}, which the program does not read"));
    let twin =
        twin_of(keys, &name).filter(|twin| group.keys.iter().all(|line| !twin.ends_with(&format!(".{}", line.key))));
    let twin = twin.map(|twin| format!(", or `{twin}` with the name of a file")).unwrap_or_default();
    let required = if asked::is_required(&path) { " It is required." } else { "" };
    let mut text = format!("### `{name}`\n{}{twin}.{required}", takes(kind));
    for line in group.keys.iter().filter(|line| line.key == key) {
        let word = if asked::is_default(&path, &line.value) { "Default" } else { "Example" };
        text.push_str(&format!(" {word}: `{}`.", line.text));
    }
    text + "\n\n"
}

/// The key that names a file with the value of this one.
fn twin_of(keys: &BTreeMap<String, Kind>, name: &str) -> Option<String> {
    let twin = format!("{name}_file");
    at(keys, &twin).map(|_| twin)
}

/// What the key of a name takes.
pub fn at<'a>(keys: &'a BTreeMap<String, Kind>, name: &str) -> Option<&'a Kind> {
    let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    match (keys.get(first)?, rest) {
        (kind, None) => Some(kind),
        (Kind::Table(keys) | Kind::Tables(keys), Some(rest)) => at(keys, rest),
        _ => None,
    }
}

/// What a key takes, as the beginning of a sentence.
fn takes(kind: &Kind) -> String {
    match kind {
        Kind::Boolean => "`true` or `false`".to_owned(),
        Kind::Text => "A text".to_owned(),
        Kind::Choice(words) => format!("One of {}", quoted(words)),
        Kind::Duration { least, most } => format!("A length of time from `\"{least}\"` to `\"{most}\"`"),
        Kind::Size => "A size".to_owned(),
        Kind::List(of) => match &**of {
            Kind::Text => "A list of texts".to_owned(),
            Kind::Choice(words) => format!("A list of {}", quoted(words)),
            Kind::Table(keys) => format!("A list of tables with {}", names(keys)),
            other => panic!("no key takes a list of {other:?}"),
        },
        Kind::Table(keys) => format!("A table with {}", names(keys)),
        Kind::Tables(keys) => format!("Any number of tables with {}", names(keys)),
        Kind::Map(_) => "A table of names and texts".to_owned(),
        Kind::BooleanOrMap(of) => match &**of {
            Kind::Choice(words) => format!("`true`, `false`, or a table of names, each with one of {}", quoted(words)),
            other => panic!("no key takes a table of {other:?}"),
        },
    }
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
}

fn names(keys: &BTreeMap<String, Kind>) -> String {
    keys.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// A comment as Markdown: what has a meaning there is escaped, and pages of docs/ are links.
fn in_markdown(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => part.replace('*', "\\*").replace('<', "\\<").replace('[', "\\["),
        _ => format!("`{part}`"),
    });
    let escaped: String = parts.collect();
    let words = escaped.split(' ').map(|word| {
        let Some(start) = word.find("docs/") else { return word.to_owned() };
        let (before, rest) = word.split_at(start);
        let end = rest.find(".md").map_or(0, |end| end + 3);
        let (page, after) = rest.split_at(end);
        let name = page.trim_start_matches("docs/");
        format!("{before}[{name}]({name}){after}")
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_reference_is_what_the_template_and_the_program_say() {
    is_kept("docs/configuration.md", &page());
}

#[test]
fn each_key_that_the_program_reads_is_in_the_template_and_the_other_way_round() {
    let keys = asked::keys();
    let mut written = BTreeSet::new();
    for section in template() {
        if !section.name.is_empty() {
            written.insert(section.name.clone());
        }
        if matches!(at(&keys, &section.name), Some(Kind::Map(_))) {
            continue;
        }
        for line in section.groups.iter().flat_map(|group| &group.keys) {
            let name =
                if section.name.is_empty() { line.key.clone() } else { format!("{}.{}", section.name, line.key) };
            let tables = match &line.value {
                Value::Table(table) => vec![table],
                Value::Array(items) => items.iter().filter_map(Value::as_table).collect(),
                _ => Vec::new(),
            };
            if !matches!(at(&keys, &name), Some(Kind::Map(_) | Kind::BooleanOrMap(_))) {
                written.extend(tables.into_iter().flat_map(Table::keys).map(|key| format!("{name}.{key}")));
            }
            written.insert(name);
        }
    }
    let read = all(&keys, "");
    let unread: Vec<_> = written.difference(&read).collect();
    assert!(unread.is_empty(), "config/bmauth.toml has keys that the program does not read: {unread:?}");
    // Of a secret and the file with it, one may stand for both.
    let stands = |name: &String| {
        let twin = name.strip_suffix("_file").map_or_else(|| format!("{name}_file"), str::to_owned);
        written.contains(name) || read.contains(&twin) && written.contains(&twin)
    };
    let missing: Vec<_> = read.iter().filter(|name| !stands(name)).collect();
    assert!(missing.is_empty(), "config/bmauth.toml does not have {missing:?}");
}

/// The names of all keys.
fn all(keys: &BTreeMap<String, Kind>, before: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, kind) in keys {
        let name = format!("{before}{key}");
        if let Kind::Table(keys) | Kind::Tables(keys) = kind {
            found.extend(all(keys, &format!("{name}.")));
        } else if let Kind::List(of) = kind
            && let Kind::Table(keys) = &**of
        {
            found.extend(all(keys, &format!("{name}.")));
        }
        found.insert(name);
    }
    found
}
