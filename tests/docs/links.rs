//! Every link of a page to another file of the repository leads somewhere, its anchor too. Links to other sites are not
//! followed.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::{files, read, root};

/// A page's own text, without what stands in blocks of code.
fn prose(page: &str) -> Vec<(usize, &str)> {
    let mut fence = None;
    let mut lines = Vec::new();
    for (line, number) in page.lines().zip(1..) {
        // One may begin an item of a list.
        let begun = line.trim_start_matches(|c: char| c.is_ascii_digit() || " .-".contains(c));
        let ticks = begun.len() - begun.trim_start_matches('`').len();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            Some(open) if ticks >= open && begun.trim_matches('`').is_empty() => fence = None,
            None => lines.push((number, line)),
            Some(_) => {}
        }
    }
    lines
}

/// The targets of a line's links and pictures.
fn targets(line: &str) -> Vec<String> {
    let code: Vec<&str> = line.split('`').collect();
    // An odd number of backticks is no code.
    let text = if code.len() % 2 == 1 {
        code.iter()
            .enumerate()
            .map(|(index, part)| if index % 2 == 0 { part } else { "x" })
            .collect::<Vec<_>>()
            .concat()
    } else {
        line.to_owned()
    };
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// The anchors of a page: its headings as GitHub and mdBook name them.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(page) {
        let Some(heading) = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')) else {
            continue;
        };
        let plain = heading.trim().to_lowercase();
        let plain: String = plain.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect();
        let anchor = plain.replace(' ', "-");
        let number = (1..).map(|number| format!("{anchor}-{number}"));
        let free = std::iter::once(anchor.clone()).chain(number).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

/// The pages whose links are held: what people read here.
fn pages() -> Vec<PathBuf> {
    let mut pages = files("docs", ".md");
    pages.extend(files("examples", ".md"));
    for page in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "RELEASING.md",
        "SECURITY.md",
        "clients/python/README.md",
    ] {
        pages.push(page.into());
    }
    pages
}

/// Why a target leads nowhere, seen from a page.
fn broken(page: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { page.to_owned() } else { resolved(page, file)? };
    let whole = root().join(&path);
    if !whole.exists() {
        return Some(format!("{} is not there", path.display()));
    }
    let anchor = anchor?;
    if path.extension().is_none_or(|ending| ending != "md") {
        return Some("only a page has anchors".to_owned());
    }
    let there = anchors(&read(path.to_str().expect("UTF-8")));
    (!there.contains(anchor)).then(|| format!("{} has no heading #{anchor}", path.display()))
}

/// A target as a path of the repository.
fn resolved(page: &Path, file: &str) -> Option<PathBuf> {
    let mut path = page.parent()?.to_owned();
    for part in Path::new(file).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(part) => path.push(part),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(path)
}

#[test]
fn every_link_leads_somewhere() {
    let mut found = Vec::new();
    for page in pages() {
        let text = read(page.to_str().expect("UTF-8"));
        for (line, text) in prose(&text) {
            for target in targets(text) {
                if let Some(why) = broken(&page, &target) {
                    found.push(format!("{}:{line}: {target}: {why}", page.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page = Path::new("docs/api.md");
    for (target, leads) in [
        ("flows.md", true),
        ("flow.md", false),
        ("flows.md#recovery", true),
        ("flows.md#recovry", false),
        ("../README.md#reading-the-header-in-fastapi", true),
        ("../src/lib.rs", true),
        ("../src/lib.rs#x", false),
        ("https://example.com/nowhere", true),
    ] {
        assert_eq!(broken(page, target).is_none(), leads, "{target}");
    }
    assert_eq!(targets("`[a](b)` [c](d.md) and ![e](f.png)"), ["d.md", "f.png"]);
    assert_eq!(prose("a\n```toml\n[x](y)\n```\nb").iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 5]);
    assert!(anchors("## `[[route]]`\n### `server.tls`").iter().map(String::as_str).eq(["route", "servertls"]));
}

#[test]
fn every_page_is_in_the_book() {
    let summary = read("docs/SUMMARY.md");
    let listed: BTreeSet<String> = summary.lines().flat_map(targets).collect();
    let pages = files("docs", ".md");
    let pages: BTreeSet<String> = pages
        .iter()
        .map(|page| page.strip_prefix("docs").expect("below docs").to_str().expect("UTF-8").to_owned())
        .filter(|page| page != "SUMMARY.md")
        .collect();
    assert_eq!(listed, pages, "docs/SUMMARY.md lists other pages than docs/ has");
    let index = read("docs/README.md");
    let linked: BTreeSet<String> = index.lines().flat_map(targets).collect();
    let missing: Vec<_> = pages
        .iter()
        .filter(|page| *page != "README.md" && !page.contains('/') && !linked.contains(page.as_str()))
        .collect();
    assert!(missing.is_empty(), "docs/README.md does not lead to {missing:?}");
}

/// The sources that a line names: `` `src/domain/plan.rs` ``. A placeholder for any name is written in uppercase.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split('`').skip(1).step_by(2);
    code.filter(|code| {
        let is_ours = ["src/", "tests/", "templates/", "config/"].iter().any(|folder| code.starts_with(folder));
        let is_name = |name: &str| {
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-.".contains(&byte))
        };
        is_ours
            && code.split('/').all(is_name)
            && code.rsplit('/').next().is_some_and(|file| file.find('.').is_some_and(|dot| dot > 0))
    })
}

#[test]
fn every_source_that_a_page_names_is_there() {
    let mut found = Vec::new();
    for page in pages().iter().filter(|page| **page != Path::new("CHANGELOG.md")) {
        for (line, text) in prose(&read(page.to_str().expect("UTF-8"))) {
            let gone = named(text).filter(|file| !root().join(file).exists());
            found.extend(gone.map(|file| format!("{}:{line}: {file}", page.display())));
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    assert_eq!(named("`src/a.rs` `src/NAME.rs` `src/b` src/c.rs").collect::<Vec<_>>(), ["src/a.rs"]);
}
