//! What a later reading of a configuration says otherwise.

use std::fs;

use super::*;

/// What the second text says otherwise than the first.
#[track_caller]
fn differences(before: &str, after: &str) -> Vec<String> {
    loads(before).written.differences(&loads(after).written)
}

const NONE: [&str; 0] = [];

#[test]
fn what_says_the_same_in_other_words_is_no_difference() {
    let before = with("groups = [\"staff\"]\n[server]\nlisten = [\"0.0.0.0:8443\"]\nkeep_alive = \"20s\"\n");
    let after = format!(
        "{URL}server.keep_alive = \"20s\"\nserver.listen = \"0.0.0.0:8443\" # one\n{EMAIL}[sessions]\n[[route]]\ngroups = [\"staff\"]\nupstream = \"http://127.0.0.1:8000\"\n"
    );
    assert_eq!(differences(&before, &after), NONE);
}

#[test]
fn every_key_that_is_otherwise_is_named_and_no_value() {
    let before = with("[server]\ntrusted_proxies = [\"10.0.0.0/8\"]\n[app]\nname = \"Before\"\n");
    let after = with("[app]\nname = \"After\"\n[sessions]\nidle = \"1h\"\n").replace("u:p@mail", "u:hunter2@mail");
    let told = differences(&before, &after);
    assert_eq!(told, ["app.name", "email.smtp_url", "server.trusted_proxies", "sessions.idle"]);
}

#[test]
fn a_list_is_otherwise_where_its_order_or_one_of_it_is() {
    let with_groups = |groups: &str| with(&format!("groups = {groups}\n"));
    for (before, after) in
        [("[\"a\", \"b\"]", "[\"b\", \"a\"]"), ("[\"a\", \"b\"]", "[\"ab\"]"), ("[\"a\"]", "[\"a\", \"a2\"]")]
    {
        let told = differences(&with_groups(before), &with_groups(after));
        assert_eq!(told, ["route notes.example.com/: groups"], "{before} {after}");
    }
}

#[test]
fn routes_are_told_by_host_and_path_wherever_they_stand() {
    let app =
        |path: &str, more: &str| format!("[[route]]\npath = \"{path}\"\nupstream = \"http://127.0.0.1:1\"\n{more}");
    let (a, b) = (app("/a", ""), app("/b", "host = \"b.example.com\"\n"));
    assert_eq!(differences(&with(&format!("{a}{b}")), &with(&format!("{b}{a}"))), NONE);
    let closed = app("/a", "access = \"signed-in\"\ngroups = [\"staff\"]\n");
    let told = differences(&with(&format!("{a}{b}")), &with(&format!("{closed}{}", app("/c", ""))));
    assert_eq!(
        told,
        [
            "route b.example.com/b (gone)",
            "route notes.example.com/a: access, groups",
            "route notes.example.com/c (new)"
        ]
    );
    let by_method = |write: &str| {
        format!(
            "{}{}",
            app("/m", "methods = [\"GET\"]\n"),
            app("/m", &format!("methods = [\"PUT\", \"POST\"]\n{write}"))
        )
    };
    let told = differences(&with(&by_method("")), &with(&by_method("groups = [\"w\"]\n")));
    assert_eq!(told, ["route notes.example.com/m PUT POST: groups"]);
    let told = differences(&with(&app("/e", "")), &with(&app("/e", "exact = true\n")));
    assert_eq!(told, ["route notes.example.com/e (gone)", "route notes.example.com/e (exact) (new)"]);
}

/// Each key of the template, so also those that are thought of later.
#[test]
fn no_key_of_the_template_is_overlooked() {
    let mut seen = 0;
    let base = loads(TEMPLATE).written;
    let lines: Vec<&str> = TEMPLATE.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let Some(key) = line.strip_prefix("# ").filter(|line| line.contains(" = ")) else { continue };
        let mut changed = lines.clone();
        changed[index] = key;
        let Ok(config) = load_text(&changed.join("\n")) else { continue };
        let name = key.split(" = ").next().unwrap_or_default();
        let told = base.differences(&config.written).join("; ");
        let is_named = told.split(['.', ' ', ';', ':', ',']).any(|word| word == name);
        // These are what a route is named by.
        let is_another = ["host", "path", "exact", "methods"].contains(&name) && told.contains("(new)");
        assert!(is_named || is_another, "{key}: {told}");
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn what_is_in_the_files_is_held_against_each_other_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).expect("a file");
    write("smtp_url", "smtps://u:p@mail");
    write("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
    write("bmauth.redb", "one");
    let text = format!(
        "{URL}{ROUTE}[app]\nlogo = \"logo.svg\"\n[storage]\npath = \"bmauth.redb\"\n[email]\nfrom = \"a@example.com\"\nsmtp_url_file = \"smtp_url\"\n"
    );
    let source = open_to_all(ConfigSource::text(folder.path().join("bmauth.toml"), &*text), &text);
    let reading = || load(source.clone()).unwrap_or_else(|errors| panic!("{errors}")).written;
    let before = reading();
    write("bmauth.redb", "two");
    assert_eq!(before.differences(&reading()), NONE, "what the store holds is no configuration");
    write("smtp_url", "smtps://u:hunter2@mail");
    write("logo.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>");
    let told = before.differences(&reading()).join("; ");
    let place = folder.path().display();
    assert_eq!(
        told,
        format!("app.logo (what is in {place}/logo.svg); email.smtp_url_file (what is in {place}/smtp_url)")
    );
}

#[test]
fn a_certificate_that_is_taken_anyway_is_not_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let renew = || {
        let made = rcgen::generate_simple_self_signed(["notes.example.com".to_owned()]).expect("a certificate");
        for (name, pem) in [("c.pem", made.cert.pem()), ("k.pem", made.signing_key.serialize_pem())] {
            fs::write(folder.path().join(name), &pem).expect("a file");
            fs::write(folder.path().join(format!("other-{name}")), &pem).expect("a file");
        }
    };
    let reading = |prefix: &str| {
        let text = with(&format!("[server]\ntls = {{ cert = \"{prefix}c.pem\", key = \"{prefix}k.pem\" }}\n"));
        let source = open_to_all(ConfigSource::text(folder.path().join("bmauth.toml"), &*text), &text);
        load(source).unwrap_or_else(|errors| panic!("{errors}")).written
    };
    renew();
    let before = reading("");
    renew();
    assert_eq!(before.differences(&reading("")), NONE);
    assert_eq!(
        before.differences(&reading("other-")),
        ["server.tls.cert", "server.tls.key"],
        "other files are another matter"
    );
}

#[test]
fn variables_count_as_the_file_does() {
    let text = with("");
    let mut source = open_to_all(ConfigSource::text("bmauth.toml", &*text), &text);
    let before = load(source.clone()).expect("a configuration").written;
    source.environment.push(("BMAUTH__SESSIONS__IDLE".into(), "1h".into()));
    let after = load(source).expect("a configuration").written;
    assert_eq!(before.differences(&after), ["sessions.idle"]);
}
