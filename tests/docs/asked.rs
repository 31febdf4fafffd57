//! What the configuration may say, as the program itself says it: each key is given values that are wrong, and the
//! sentences that come back tell what it takes. So no list of keys is written here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bmauth::config::written::Fingerprint;
use bmauth::config::{ConfigSource, load};
use toml::{Table, Value};

/// What a key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// Text in quotes.
    Text,
    /// One of a few words.
    Choice(Vec<String>),
    /// A length of time within a range, as it is written.
    Duration { least: String, most: String },
    /// A number of bytes.
    Size,
    /// A list; one text stands for a list of one.
    List(Box<Kind>),
    /// A table with these keys.
    Table(BTreeMap<String, Kind>),
    /// Any number of `[[…]]`, each with these keys.
    Tables(BTreeMap<String, Kind>),
    /// A table with names of the operator's own.
    Map(Box<Kind>),
    /// `true`, `false`, or such a table.
    BooleanOrMap(Box<Kind>),
}

/// A configuration that is right, to which a key is added.
const RIGHT: &str = r#"
public_url = "https://notes.acme.test"
[email]
from = "a@acme.test"
smtp_url = "smtps://mail.acme.test"
[accounts]
registration = "open"
[[route]]
path = "/app"
upstream = ["https://127.0.0.1:8000"]
"#;

/// The same with a database, which some keys are for.
fn with_database() -> String {
    // Made once: another test may be reading it.
    static KEY: LazyLock<&str> = LazyLock::new(|| {
        let key = concat!(env!("CARGO_TARGET_TMPDIR"), "/storage.key");
        std::fs::write(key, "fb".repeat(32)).expect("a file can be written");
        key
    });
    let url = "postgres://bmauth:word@db.acme.test/bmauth";
    format!("{RIGHT}\n[storage]\nurl = {url:?}\nkey_file = {:?}\n", *KEY)
}

/// What is said of a key that has no use without one.
const FOR_A_DATABASE: &str = "is for a database";

/// No key is like it, so that the answer lists those there are.
const NO_KEY: &str = "qqqqqqqqqqqqqqqqqqqqqqqq";

/// Every key of the file.
pub fn keys() -> BTreeMap<String, Kind> {
    below(&[])
}

/// The keys of the table at a path.
fn below(path: &[&str]) -> BTreeMap<String, Kind> {
    let wrong = Value::Table(Table::from_iter([(NO_KEY.to_owned(), Value::Integer(7))]));
    let said = if path.is_empty() { told(&with(&[NO_KEY], Value::Integer(7))) } else { told(&with(path, wrong)) };
    let listed =
        said.iter().find_map(|said| said.split_once("` is not a key. The keys here are ").map(|(_, keys)| keys));
    let listed = listed.unwrap_or_else(|| panic!("{path:?} lists no keys: {said:?}"));
    listed.trim_end_matches('.').split(", ").map(|key| (key.to_owned(), kind(&[path, &[key]].concat()))).collect()
}

/// What the key at a path takes.
fn kind(path: &[&str]) -> Kind {
    let number = Value::Integer(7);
    let said = about(path, number.clone());
    let says = |part: &str| said.iter().any(|said| said.contains(part));
    if says("must be written as [[route]]") {
        return Kind::Tables(below(path));
    }
    if says("it must be true or false") {
        return Kind::Boolean;
    }
    if says("must be true, false, or a table") {
        return Kind::BooleanOrMap(Box::new(of_a_name(path)));
    }
    if says("it must be a table") {
        return if has_keys(path) { Kind::Table(below(path)) } else { Kind::Map(Box::new(of_a_name(path))) };
    }
    if says("it must be a list") {
        let said = about(path, Value::Array(vec![number]));
        if said.iter().any(|said| said.contains("it must be a table")) {
            let wrong = Value::Array(vec![Value::Table(Table::from_iter([(NO_KEY.to_owned(), Value::Integer(7))]))]);
            let said = told(&with(path, wrong));
            let listed = said.iter().find_map(|said| said.split_once("` is not a key. The keys here are "));
            let (_, listed) = listed.unwrap_or_else(|| panic!("{path:?}: {said:?}"));
            let keys = listed.trim_end_matches('.').split(", ").map(|key| (key.to_owned(), Kind::Text));
            return Kind::List(Box::new(Kind::Table(keys.collect())));
        }
        assert!(said.iter().any(|said| said.contains("text in quotes")), "{path:?}: {said:?}");
        return Kind::List(Box::new(of_text(|text| about(path, Value::Array(vec![text])))));
    }
    assert!(says("text in quotes"), "{path:?} does not say what it takes: {said:?}");
    of_text(|text| about(path, text))
}

/// What a text has to be, by what is said of one that is nothing.
fn of_text(say: impl Fn(Value) -> Vec<String>) -> Kind {
    let said = say(Value::String("?".to_owned()));
    if said.iter().any(|said| said.contains("a whole number and s, m, h or d")) {
        let said = say(Value::String("40000000000d".to_owned()));
        let range = said.iter().find_map(|said| said.split_once("it must be from ")).map(|(_, range)| range);
        let (least, most) = range.and_then(|range| range.trim_end_matches('.').split_once(" to ")).expect("a range");
        let word = |quoted: &str| quoted.trim_matches('"').to_owned();
        return Kind::Duration { least: word(least), most: word(most) };
    }
    if said.iter().any(|said| said.contains("a whole number and B, KiB, MiB or GiB")) {
        return Kind::Size;
    }
    let choices = said.iter().find_map(|said| words(said.split_once(": it must be ")?.1));
    choices.map_or(Kind::Text, Kind::Choice)
}

/// The words of `"a", "b" or "c".`, where that is all of a text.
fn words(text: &str) -> Option<Vec<String>> {
    let listed = text.strip_suffix('.')?.replace(" or ", ", ");
    listed.split(", ").map(|word| Some(word.strip_prefix('"')?.strip_suffix('"')?.to_owned())).collect()
}

/// What a value of a table with names of the operator's own has to be.
fn of_a_name(path: &[&str]) -> Kind {
    let name = if path == ["api", "claims"] { "x-hasura-org" } else { "X-Own" };
    of_text(|text| {
        let table = Table::from_iter([(name.to_owned(), text)]);
        about(path, Value::Table(table))
    })
}

fn has_keys(path: &[&str]) -> bool {
    let wrong = Value::Table(Table::from_iter([(NO_KEY.to_owned(), Value::Integer(7))]));
    told(&with(path, wrong)).iter().any(|said| said.contains("` is not a key. The keys here are "))
}

/// What is said of the key at a path where it has that value: what it takes, where it has a use.
fn about(path: &[&str], value: Value) -> Vec<String> {
    let key = path.join(".");
    let of_it = [format!("`{key}`"), format!("`{key}.")];
    let of_key = |text: &str| {
        let mut said = told(text);
        said.retain(|said| of_it.iter().any(|key| said.contains(key.as_str())));
        said
    };
    let said = of_key(&with(path, value.clone()));
    if said.iter().any(|said| said.contains(FOR_A_DATABASE)) {
        return of_key(&changed(&with_database(), path, Some(value)));
    }
    said
}

/// The right configuration with one key more.
fn with(path: &[&str], value: Value) -> String {
    changed(RIGHT, path, Some(value))
}

/// A configuration where the key at a path has another value, or none.
fn changed(text: &str, path: &[&str], value: Option<Value>) -> String {
    let mut root: Table = text.parse().expect("a configuration");
    let (last, folders) = path.split_last().expect("a key");
    // Of several tables, one.
    let value = match value {
        Some(table @ Value::Table(_)) if path == ["route"] => Some(Value::Array(vec![table])),
        other => other,
    };
    let mut table = &mut root;
    for folder in folders {
        let entry = table.entry((*folder).to_owned()).or_insert_with(|| Value::Table(Table::new()));
        table = match entry {
            Value::Array(tables) => tables.first_mut().and_then(Value::as_table_mut).expect("a table"),
            other => other.as_table_mut().expect("a table"),
        };
    }
    // Of a secret and the file with it, one may be set.
    if let Some(twin) = last.strip_suffix("_file") {
        table.remove(twin);
    }
    match value {
        Some(value) => table.insert((*last).to_owned(), value),
        None => table.remove(*last),
    };
    toml::to_string(&root).expect("a configuration can be written")
}

/// All that is wrong with a configuration.
fn told(text: &str) -> Vec<String> {
    match load(ConfigSource::text("bmauth.toml", text)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(|problem| problem.message.clone()).collect(),
    }
}

/// Whether it is the same to say that value and to say nothing: it is the default.
pub fn is_default(path: &[&str], value: &Value) -> bool {
    let shape = |text: &str| {
        let mut config = load(ConfigSource::text("bmauth.toml", text)).ok()?;
        (config.written, config.warnings, config.faults) = (Fingerprint::default(), Vec::new(), Vec::new());
        Some(format!("{config:?}"))
    };
    let is_for_a_database = told(&with(path, value.clone())).iter().any(|said| said.contains(FOR_A_DATABASE));
    let text = if is_for_a_database { with_database() } else { RIGHT.to_owned() };
    let said = shape(&changed(&text, path, Some(value.clone())));
    said.is_some() && said == shape(&changed(&text, path, None))
}

/// Whether nothing stands in for that key where it is not written.
pub fn is_required(path: &[&str]) -> bool {
    let missing = format!("`{}` is missing", path.join("."));
    told(&changed(RIGHT, path, None)).iter().any(|said| said.contains(&missing))
}

#[test]
fn what_a_key_takes_is_known_by_what_is_said_of_wrong_values() {
    let keys = keys();
    let of = |section: &str, key: &str| match &keys[section] {
        Kind::Table(keys) | Kind::Tables(keys) => keys[key].clone(),
        other => panic!("{section}: {other:?}"),
    };
    assert_eq!(keys["public_url"], Kind::Text);
    assert_eq!(of("link", "approve"), Kind::Choice(["on", "same-network", "off"].map(str::to_owned).into()));
    assert_eq!(of("server", "keep_alive"), Kind::Duration { least: "1s".to_owned(), most: "1h".to_owned() });
    assert_eq!(of("server", "proxy_protocol"), Kind::Boolean);
    assert_eq!(of("route", "max_body"), Kind::Size);
    assert_eq!(of("route", "groups"), Kind::List(Box::new(Kind::Text)));
    assert_eq!(of("route", "request_headers"), Kind::Map(Box::new(Kind::Text)));
    let facts = ["id", "email", "name", "groups"].map(str::to_owned).into();
    assert_eq!(of("identity", "plain_headers"), Kind::BooleanOrMap(Box::new(Kind::Choice(facts))));
    assert!(matches!(of("server", "tls"), Kind::Table(keys) if keys.keys().eq(["cert", "key"])));
}
