//! The words of ARCHITECTURE.md stand for types that are there.

use super::read;
use super::tables::{below, code};

/// Whether a source defines a type, or a function where the name has an owner: `Owner::function`.
fn defines(source: &str, name: &str) -> bool {
    let (kinds, name) = match name.split_once("::") {
        Some((_, function)) => (&["fn"][..], function),
        None => (&["struct", "enum", "trait", "type"][..], name),
    };
    let is_word = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    kinds.iter().any(|kind| source.split(&format!("{kind} {name}")).skip(1).any(is_word))
}

#[test]
fn each_word_stands_for_a_type_that_is_in_its_file() {
    let rows = below("ARCHITECTURE.md", "## Words");
    assert!(rows.len() > 50, "the words are not where this test looks for them");
    let mut gone = Vec::new();
    for row in &rows {
        let file = code(&row[2]).unwrap_or_else(|| panic!("{} has no file", row[0]));
        let source = read(file);
        for name in row[1].split(", ").filter_map(code) {
            if !defines(&source, name) {
                gone.push(format!("{}: {name} is not in {file}", row[0]));
            }
        }
    }
    assert!(gone.is_empty(), "\n{}", gone.join("\n"));
}

#[test]
fn each_layer_of_the_table_is_a_module() {
    let library = read("src/lib.rs");
    for row in below("ARCHITECTURE.md", "## Layers") {
        for name in row[0].split(", ").filter_map(code) {
            let module = format!("\npub mod {};", name.trim_end_matches('/'));
            assert!(library.contains(&module), "{name} is no module of src/lib.rs");
        }
    }
}

#[test]
fn a_type_is_found_by_its_whole_name() {
    let source = "pub struct Codes; impl Owner { pub const fn made(self) {} }";
    assert!(defines(source, "Codes") && defines(source, "Owner::made"));
    assert!(!defines(source, "Code") && !defines(source, "Owner::mad") && !defines(source, "made"));
}
