//! docs/your-app.md names every language of our pages and mails, by its name in English and by its tag.

use std::collections::BTreeSet;

use bmauth::domain::language::Language;

use super::read;
use super::troubleshooting::same;

const PAGE: &str = "docs/your-app.md";

#[test]
fn each_language_is_named_with_its_tag() {
    let page = read(PAGE);
    let row = page.lines().find(|line| line.contains("`?lang=")).expect("the row about languages");
    let (_, preferred) = row.split_once("Without it").expect("the languages that a browser may prefer");
    // "English (`en`)": the tag stands in brackets behind the name.
    let named = preferred.split("`)").filter_map(|before| before.rsplit_once(" (`"));
    let named = named.map(|(before, tag)| format!("{} ({tag})", before.rsplit(' ').next().unwrap_or_default()));
    let there = Language::ALL.map(|language| format!("{language:?} ({})", language.tag()));
    same(PAGE, &BTreeSet::from(there), &named.collect());
}
