//! docs/operations.md has every metric, line of the log, field, exit code, signal, variable and address of the admin
//! listener, and nothing that is not there.

use std::collections::BTreeSet;
use std::time::Duration;

use bmauth::counts::store::{Connections, StoreCounts};
use bmauth::counts::{Counts, Open, Outcome};
use bmauth::domain::webauthn_error::{PasskeyCall, WebauthnError};

use super::read;
use super::source::{Line, log_lines, texts_in_function, texts_with};
use super::tables::{below, code};
use super::troubleshooting::same;

const PAGE: &str = "docs/operations.md";

/// The codes of a cell: `` `a`, `b` ``.
fn codes(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The codes of the first cells of a table.
fn first_cells(heading: &str) -> BTreeSet<String> {
    below(PAGE, heading).iter().flat_map(|row| codes(&row[0])).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn each_line_of_the_log_stands_there_with_its_level_and_its_fields() {
    let rows = [below(PAGE, "### Warnings and errors"), below(PAGE, "### Information and detail")].concat();
    let line = |row: &Vec<String>| Line {
        level: row[0].to_lowercase(),
        message: code(&row[1]).expect("a line").to_owned(),
        fields: codes(&row[2]),
    };
    same(PAGE, log_lines(), &rows.iter().map(line).collect());
    let serious = below(PAGE, "### Warnings and errors");
    assert!(serious.iter().all(|row| row[0] == "ERROR" || row[0] == "WARN"), "the tables are mixed");
}

#[test]
fn each_field_is_explained() {
    let fields: BTreeSet<_> = log_lines().iter().flat_map(|line| line.fields.clone()).collect();
    same(PAGE, &fields, &first_cells("### Fields"));
}

#[test]
fn each_metric_that_a_source_names_stands_there_once() {
    let is_name = |text: &String| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let there: BTreeSet<_> = texts_with(&["bmauth_"]).into_iter().filter(is_name).collect();
    let rows = below(PAGE, "## Metrics");
    let named = rows.iter().filter_map(|row| code(&row[0])).filter(|name| name.starts_with("bmauth_"));
    let written: Vec<_> = named.map(str::to_owned).collect();
    assert_eq!(written.iter().collect::<BTreeSet<_>>().len(), written.len(), "a metric stands there twice");
    same(PAGE, &there, &written.into_iter().collect());
}

#[test]
fn each_metric_stands_there_with_its_kind_its_labels_and_their_values() {
    let counts = Counts::default();
    counts.registration();
    counts.sign_in("ok");
    counts.mail("sent");
    PasskeyCall::ALL.into_iter().for_each(|call| counts.webauthn_error(call, WebauthnError::Other));
    drop(counts.open(Open::Requests));
    counts.request(Outcome::Forwarded);
    let text = counts.text();

    // A counter with labels is shown once it has counted: none may be missing from what was counted above.
    let names = texts_in_function("src/counts.rs", "default").into_iter().filter(|text| text.starts_with("bmauth_"));
    let shown = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let kinds: BTreeSet<_> = shown.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
    same("this test", &names.collect(), &kinds.iter().map(|(name, _)| name.clone()).collect());

    let rows = below(PAGE, "## Metrics");
    // Those of a database are counted where that is.
    let is_here = |row: &&Vec<String>| row[0].starts_with("`bmauth_") && !row[0].starts_with("`bmauth_store_");
    let written = rows.iter().filter(is_here);
    let written = written.map(|row| (code(&row[0]).expect("a name").to_owned(), row[1].clone()));
    same(PAGE, &kinds, &written.collect());
    for (name, _) in &kinds {
        let row = rows.iter().find(|row| code(&row[0]) == Some(name)).expect("a row");
        assert_eq!(
            labels(&text, name).into_iter().map(|(label, _)| label).collect::<BTreeSet<_>>(),
            codes(&row[2]),
            "{name}"
        );
    }
    let values = |name: &str| labels(&text, name).into_iter().map(|(_, value)| value).collect::<BTreeSet<_>>();
    same(PAGE, &values("bmauth_requests_total"), &first_cells("### Outcomes of requests"));
    same(PAGE, &values("bmauth_open"), &first_cells("### What is open"));

    let results = texts_in_function("src/domain/sign_in.rs", "name").into_iter().chain(["ok".to_owned()]);
    same(PAGE, &results.collect(), &first_cells("### Results of sign-ins"));
    let names = WebauthnError::ALL.map(|error| error.as_str().to_owned());
    same(PAGE, &BTreeSet::from(names), &first_cells("### Names of WebAuthn errors"));
}

#[test]
fn each_metric_of_a_database_stands_there_with_its_kind_and_its_labels() {
    let store = StoreCounts::default();
    store.set_now(Connections { busy: 0, idle: 0 }, Duration::ZERO);
    let text = Counts::default().text_with(Some(&store));
    let rows = below(PAGE, "## Metrics");
    let kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let kinds = kinds.filter(|(name, _)| name.starts_with("bmauth_store_"));
    let kinds: BTreeSet<_> = kinds.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect();
    let written = rows.iter().filter(|row| row[0].starts_with("`bmauth_store_"));
    let written = written.map(|row| (code(&row[0]).expect("a name").to_owned(), row[1].clone()));
    same(PAGE, &kinds, &written.collect());
    for (name, kind) in &kinds {
        let row = rows.iter().find(|row| code(&row[0]) == Some(name)).expect("a row");
        let shown = if kind == "histogram" { format!("{name}_count") } else { name.clone() };
        let shown = labels(&text, &shown).into_iter().map(|(label, _)| label).collect::<BTreeSet<_>>();
        assert_eq!(shown, codes(&row[2]), "{name}");
    }
}

/// The labels of a metric with their values, as the text shows them.
fn labels(text: &str, name: &str) -> BTreeSet<(String, String)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.split_once('}'));
    let pairs = lines.flat_map(|(labels, _)| labels.split(','));
    pairs
        .filter_map(|pair| pair.split_once('='))
        .map(|(label, value)| (label.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

#[test]
fn each_variable_signal_and_address_stands_there() {
    let is_variable = |text: &&String| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let texts = texts_with(&["BMAUTH_", "SSL_", "NOTIFY_", "info,pingora"]);
    let mut variables: BTreeSet<_> = texts.iter().filter(is_variable).cloned().collect();
    // Read by the libraries of the log: the first one where nothing else is named, the second one for colours.
    assert!(read("src/telemetry.rs").contains("EnvFilter::try_from_default_env()"));
    variables.extend(set(&["RUST_LOG", "NO_COLOR"]));
    let written = below(PAGE, "## Environment variables").iter().flat_map(|row| codes(&row[0])).collect();
    same(PAGE, &variables, &written);
    let filter = texts.iter().find(|text| text.starts_with("info,pingora")).expect("the default filter");
    assert!(read(PAGE).contains(&format!("Default: `{filter}`")), "{PAGE} has another default of RUST_LOG");

    let running = read("src/wire/running.rs");
    let signals = running.split("SignalKind::").skip(1).filter_map(|rest| rest.split_once("()"));
    let signals = signals.map(|(name, _)| match name {
        "terminate" => "SIGTERM".to_owned(),
        "interrupt" => "SIGINT".to_owned(),
        "hangup" => "SIGHUP".to_owned(),
        other => other.to_owned(),
    });
    same(PAGE, &signals.collect(), &first_cells("## Signals"));

    let paths = texts_in_function("src/admin/health.rs", "router").into_iter().filter(|text| text.starts_with('/'));
    same(PAGE, &paths.collect(), &first_cells("## Listeners"));
}

#[test]
fn each_command_stands_there_and_the_exit_codes_are_those_of_the_commands() {
    let commands = read("src/cli.rs");
    let (_, commands) = commands.split_once("enum Command {").expect("the commands");
    let (commands, _) = commands.split_once("\n}").expect("their end");
    // A hidden one is not built yet.
    let (built, _) = commands.split_once("#[command(hide").unwrap_or((commands, ""));
    let names =
        built.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase));
    let names = names.map(|line| line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase());
    same(PAGE, &names.collect(), &first_cells("## Commands"));
    let codes = read("src/cli.rs").contains("ExitCode::from(2)") && !read("src/cli.rs").contains("ExitCode::from(3)");
    assert!(codes, "src/cli.rs has other exit codes than 0, 1 and 2");
    assert_eq!(first_cells("## Exit codes"), set(&["0", "1", "2"]));
}
