//! config/bmauth.schema.json: what editors complete and check the file with.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::asked::{self, Kind};
use super::generated::is_kept;
use super::reference;

fn schema() -> Value {
    let mut told = BTreeMap::new();
    for section in reference::template() {
        let section_name = section.name;
        if !section_name.is_empty() {
            told.insert(section_name.clone(), (section.prose.join("\n\n"), None));
        }
        for group in section.groups {
            for line in group.keys {
                let path: Vec<&str> =
                    [section_name.as_str(), &line.key].into_iter().filter(|part| !part.is_empty()).collect();
                let default = asked::is_default(&path, &line.value).then(|| json!(line.value));
                let (_, kept) = told.entry(path.join(".")).or_insert_with(|| (group.prose.join("\n\n"), None));
                *kept = kept.take().or(default);
            }
        }
    }
    let mut root = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "bmauth.toml",
        "description": "The configuration of BMAuth. Nothing is required here, because environment variables may say it too; \
                        `bmauth check` tells what is missing.",
        "$comment": "Made from config/bmauth.toml and from what the program says of each key, by `make docs`; a test compares.",
    });
    let object = object(&asked::keys(), "", &told);
    root.as_object_mut().expect("an object").extend(object);
    root
}

/// What the template says of a key, and its default.
type Told = BTreeMap<String, (String, Option<Value>)>;

fn object(keys: &BTreeMap<String, Kind>, before: &str, told: &Told) -> Map<String, Value> {
    let mut properties = Map::new();
    for (key, kind) in keys {
        let name = format!("{before}{key}");
        let mut schema = of(kind, &name, told);
        // Of a secret and the file with it, one is described.
        let about = told.get(&name).or_else(|| told.get(name.strip_suffix("_file")?));
        if let Some((prose, default)) = about {
            schema.insert("description".to_owned(), json!(prose));
            if let Some(default) = default.as_ref().filter(|_| told.contains_key(&name)) {
                schema.insert("default".to_owned(), default.clone());
            }
        }
        properties.insert(key.clone(), Value::Object(schema));
    }
    let object = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    let Value::Object(object) = object else { unreachable!("it was made an object") };
    object
}

fn of(kind: &Kind, name: &str, told: &Told) -> Map<String, Value> {
    let schema = match kind {
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
        Kind::Duration { .. } => json!({ "type": "string", "pattern": "^[0-9]+[smhd]$" }),
        Kind::Size => json!({ "type": "string", "pattern": "^[0-9]+(B|KiB|MiB|GiB)$" }),
        Kind::List(item) => {
            let items = of(item, name, told);
            match &**item {
                Kind::Table(_) => json!({ "type": "array", "items": items }),
                _ => json!({ "anyOf": [{ "type": "array", "items": items }, items] }),
            }
        }
        Kind::Table(keys) => Value::Object(object(keys, &format!("{name}."), told)),
        Kind::Tables(keys) => {
            json!({ "type": "array", "minItems": 1, "items": object(keys, &format!("{name}."), told) })
        }
        Kind::Map(value) => json!({ "type": "object", "additionalProperties": of(value, name, told) }),
        Kind::BooleanOrMap(value) => json!({
            "anyOf": [{ "type": "boolean" }, { "type": "object", "additionalProperties": of(value, name, told) }],
        }),
    };
    let Value::Object(schema) = schema else { unreachable!("each is an object") };
    schema
}

#[test]
fn the_schema_is_what_the_program_reads() {
    let made = serde_json::to_string_pretty(&schema()).expect("a schema can be written") + "\n";
    is_kept("config/bmauth.schema.json", &made);
}
