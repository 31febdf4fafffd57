//! docs/flows.md has each address of ours that is asked for with GET, and a test of tests/flows or tests/gateway asks
//! for each.

use std::collections::BTreeSet;

use super::tables::below;
use super::troubleshooting::same;
use super::{files, read};

/// The address of a constant in `src/domain/own_paths.rs`.
fn address(constants: &str, name: &str) -> String {
    let begin = format!("pub const {name}: &str = ");
    let value = constants.lines().find_map(|line| line.strip_prefix(&begin)).expect("a constant of own_paths.rs");
    let text = value.split('"').nth(1).expect("a text");
    if value.starts_with("own!") { format!("/_bmauth{text}") } else { text.to_owned() }
}

/// Every address that the router of the portal answers itself. Steps are in `steps.rs`, and the API has openapi.json.
fn addresses() -> BTreeSet<String> {
    let (router, constants) = (read("src/portal.rs"), read("src/domain/own_paths.rs"));
    let named = router.split(".route(own_paths::").skip(1).filter_map(|rest| rest.split_once(','));
    let all: BTreeSet<_> = named.map(|(name, _)| address(&constants, name)).collect();
    assert!(all.len() > 25, "the routes are not where this test looks for them");
    // Patterns stand beside the address that they are a variant of, and so does the same with a slash.
    let is_variant = |address: &String| {
        address.contains('{') || address.strip_suffix('/').is_some_and(|without| all.contains(without))
    };
    all.iter().filter(|address| !is_variant(address)).cloned().collect()
}

#[test]
fn each_address_has_a_row() {
    let rows = below("docs/flows.md", "## Addresses");
    let written =
        rows.iter().flat_map(|row| row[0].split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    same("docs/flows.md", &addresses(), &written.collect());
}

#[test]
fn each_address_is_asked_for_in_a_test() {
    let tests = [files("tests/flows", ".rs"), files("tests/gateway", ".rs")].concat();
    let tests: String = tests.iter().map(|path| read(path.to_str().expect("UTF-8"))).collect();
    let is_asked = |address: &String| {
        let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || "-/".contains(c));
        tests.split(address.as_str()).skip(1).any(|rest| !goes_on(rest))
    };
    let never: Vec<_> = addresses().into_iter().filter(|address| !is_asked(address)).collect();
    assert!(never.is_empty(), "no test of tests/flows or tests/gateway asks for {never:#?}");
}
