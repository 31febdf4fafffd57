//! Which request is asked about: one family of fields, said once and whole.

use super::*;

/// The fields of a question at our own path, as a proxy sends them.
async fn told(world: &World, path: &str, lines: &[&str]) -> Answer {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    world.told(&format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{lines}\r\n")).await
}

const FORWARDED: [&str; 4] = [
    "X-Forwarded-Method: GET",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: notes.example.com",
    "X-Forwarded-Uri: /public",
];
const ORIGINAL: [&str; 2] = ["X-Original-URL: https://notes.example.com/public", "X-Original-Method: GET"];
const OURS: &str = "/_bmauth/forward-auth";
const ENVOYS: &str = "/_bmauth/forward-auth/public";

#[tokio::test]
async fn each_family_alone_is_believed() {
    let world = asked().start();
    passes_without_identity(&told(&world, OURS, &FORWARDED).await);
    passes_without_identity(&told(&world, OURS, &ORIGINAL).await);
    passes_without_identity(&told(&world, ENVOYS, &["X-Forwarded-Proto: https"]).await);
}

#[tokio::test]
async fn two_families_at_once_are_refused() {
    let world = asked().start();
    for lines in [
        [&FORWARDED[..], &ORIGINAL].concat(),
        [&FORWARDED[..], &["X-Original-URL: https://notes.example.com/public"]].concat(),
        [&FORWARDED[..], &["X-Original-Method: GET"]].concat(),
        [&ORIGINAL[..], &["X-Forwarded-Uri: /public"]].concat(),
        [&ORIGINAL[..], &["X-Forwarded-Method: GET"]].concat(),
        [&ORIGINAL[..], &["X-Forwarded-Method:"]].concat(),
    ] {
        is_refused(&told(&world, OURS, &lines).await, "asked-twice");
    }
    for path in [ENVOYS, "/_bmauth/forward-auth/"] {
        is_refused(&told(&world, path, &FORWARDED).await, "asked-twice");
        is_refused(&told(&world, path, &[&ORIGINAL[..], &["X-Forwarded-Proto: https"]].concat()).await, "asked-twice");
    }
}

#[tokio::test]
async fn a_family_of_which_a_part_is_missing_is_refused() {
    let world = asked().start();
    is_refused(&told(&world, OURS, &[]).await, "nothing-asked");
    is_refused(&told(&world, OURS, &["X-Forwarded-Proto: https"]).await, "nothing-asked");
    is_refused(&told(&world, OURS, &FORWARDED[1..3]).await, "nothing-asked");
    for missing in 0..4 {
        let mut lines = FORWARDED.to_vec();
        lines.remove(missing);
        is_refused(&told(&world, OURS, &lines).await, "part-missing");
    }
    for lines in [&ORIGINAL[..1], &ORIGINAL[1..]] {
        is_refused(&told(&world, OURS, lines).await, "part-missing");
    }
    is_refused(&told(&world, ENVOYS, &[]).await, "part-missing");
}

#[tokio::test]
async fn a_field_that_comes_twice_is_refused() {
    let world = asked().start();
    for (path, family) in [(OURS, &FORWARDED[..]), (OURS, &ORIGINAL), (ENVOYS, &["X-Forwarded-Proto: https"])] {
        for line in family {
            is_refused(&told(&world, path, &[family, &[line]].concat()).await, "field-repeated");
        }
    }
    let twice = [&ORIGINAL[..], &["X-Forwarded-Proto: https", "X-Forwarded-Proto: https"]].concat();
    is_refused(&told(&world, OURS, &twice).await, "field-repeated");
}

#[tokio::test]
async fn a_field_in_another_spelling_is_refused_beside_and_instead_of_the_right_one() {
    let world = asked().start();
    for (path, family) in [(OURS, &FORWARDED[..]), (OURS, &ORIGINAL), (ENVOYS, &["X-Forwarded-Proto: https"])] {
        for name in [
            "X_Forwarded_Uri",
            "X.Forwarded.Uri",
            "X-Forwarded_Method",
            "x_forwarded_proto",
            "XForwardedHost",
            "X-Forwarded-Host-",
            "_X-Original-URL",
            "X_Original_Url",
            "X-Original_Method",
            "X_BMAuth_JWT",
            "x.bmauth-jwt",
            "Remote_User",
            "REMOTE_GROUPS",
            "-remote.email",
        ] {
            let line = format!("{name}: /admin");
            is_refused(&told(&world, path, &[family, &[&line]].concat()).await, "field-misspelled");
        }
        let misspelled: Vec<String> = family.iter().map(|line| line.replacen('-', "_", 1)).collect();
        let misspelled: Vec<&str> = misspelled.iter().map(String::as_str).collect();
        is_refused(&told(&world, path, &misspelled).await, "field-misspelled");
    }
}

#[tokio::test]
async fn fields_that_some_apps_take_for_the_target_are_refused() {
    let world = asked().start();
    for (path, family) in [(OURS, &FORWARDED[..]), (OURS, &ORIGINAL), (ENVOYS, &["X-Forwarded-Proto: https"])] {
        for line in [
            "X-Rewrite-URL: /admin",
            "X-Original-URI: /admin",
            "X_Rewrite_Url: /admin",
            "X-Forwarded-Path: /a",
            "SCRIPT_NAME: /a",
            "Script-Name: /a",
            "path.info: /a",
            "PATH_INFO: /a",
            "X-Script-Name: /a",
        ] {
            is_refused(&told(&world, path, &[family, &[line]].concat()).await, "other-target");
        }
    }
}

#[tokio::test]
async fn ingress_nginx_says_the_target_twice_where_its_auth_method_is_set() {
    let world = asked().start();
    let with = |uri: &'static str| {
        let lines =
            ["X-Sent-From: nginx-ingress-controller", "X-Auth-Request-Redirect: /public", "X-Scheme: https", uri];
        [&ORIGINAL[..], &lines[..]].concat()
    };
    assert_eq!(ORIGINAL[0], "X-Original-URL: https://notes.example.com/public");
    passes_without_identity(&told(&world, OURS, &with("X-Original-URI: /public")).await);
    for other in ["X-Original-URI: /public/", "X-Original-URI: /admin", "X-Original-URI: /public?x", "X-Original-URI:"]
    {
        is_refused(&told(&world, OURS, &with(other)).await, "other-target");
    }
    is_refused(
        &told(&world, OURS, &[with("X-Original-URI: /public"), vec!["X-Original-URI: /public"]].concat()).await,
        "field-repeated",
    );
    is_refused(&told(&world, OURS, &with("X_Original_Uri: /public")).await, "other-target");
    is_refused(&told(&world, ENVOYS, &["X-Forwarded-Proto: https", "X-Original-URI: /public"]).await, "other-target");
}

#[tokio::test]
async fn contradictions_are_refused_and_what_agrees_is_not() {
    let world = asked().start();
    for (line, fine) in [
        ("X-Forwarded-Proto: https", true),
        ("X-Forwarded-Host: notes.example.com", true),
        ("X-Forwarded-Host: NOTES.example.com:8443", true),
        ("X-Forwarded-For: 203.0.113.9", true),
        ("X-Forwarded-Proto: http", false),
        ("X-Forwarded-Host: other.example.com", false),
    ] {
        let answer = told(&world, OURS, &[&ORIGINAL[..], &[line]].concat()).await;
        if fine { passes_without_identity(&answer) } else { is_refused(&answer, "contradiction") }
    }
    let ports = [
        "X-Original-URL: https://notes.example.com:8443/public",
        "X-Original-Method: GET",
        "X-Forwarded-Host: notes.example.com:9443",
    ];
    is_refused(&told(&world, OURS, &ports).await, "contradiction");
    let lines = ["X-Forwarded-Proto: https", "X-Forwarded-Host: other.example.com"];
    is_refused(&told(&world, ENVOYS, &lines).await, "contradiction");
}

#[tokio::test]
async fn parts_that_cannot_be_read_are_refused() {
    let world = asked().start();
    let with = |number: usize, line: &str| {
        let mut lines: Vec<String> = FORWARDED.iter().map(|&line| line.to_owned()).collect();
        lines[number] = line.to_owned();
        lines
    };
    for (number, line, why) in [
        (0, "X-Forwarded-Method: TRACE", "method-not-allowed"),
        (0, "X-Forwarded-Method: CONNECT", "method-not-allowed"),
        (0, "X-Forwarded-Method: trace", "method-not-allowed"),
        (0, "X-Forwarded-Method: PRI", "method-not-allowed"),
        (0, "X-Forwarded-Method: GET, POST", "method-not-allowed"),
        (0, "X-Forwarded-Method:", "method-not-allowed"),
        (1, "X-Forwarded-Proto: https, https", "scheme-unknown"),
        (1, "X-Forwarded-Proto: HTTPS", "scheme-unknown"),
        (1, "X-Forwarded-Proto: ftp", "scheme-unknown"),
        (1, "X-Forwarded-Proto:", "scheme-unknown"),
        (2, "X-Forwarded-Host: notes.example.com, evil.example", "malformed-host"),
        (2, "X-Forwarded-Host: user@notes.example.com", "malformed-host"),
        (2, "X-Forwarded-Host: notes.example.com/x", "malformed-host"),
        (2, "X-Forwarded-Host:", "malformed-host"),
        (2, "X-Forwarded-Host: other.example.com", "misdirected-request"),
        (2, "X-Forwarded-Host: x.notes.example.com", "misdirected-request"),
        (3, "X-Forwarded-Uri:", "malformed-path"),
        (3, "X-Forwarded-Uri: public", "malformed-path"),
        (3, "X-Forwarded-Uri: https://notes.example.com/public", "malformed-path"),
        (3, "X-Forwarded-Uri: /public /x", "malformed-path"),
        (3, "X-Forwarded-Uri: /public#x", "malformed-path"),
    ] {
        let lines = with(number, line);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let answer = told(&world, OURS, &lines).await;
        assert_eq!(answer.json()["type"], format!("urn:bmauth:problem:{why}"), "{line}");
        is_refused(&answer, why);
    }
    for (url, why) in [
        ("/public", "scheme-unknown"),
        ("notes.example.com/public", "scheme-unknown"),
        ("HTTPS://notes.example.com/public", "scheme-unknown"),
        ("wss://notes.example.com/public", "scheme-unknown"),
        ("https:///public", "malformed-host"),
        ("https://user:pw@notes.example.com/public", "malformed-host"),
        ("https://notes.example.com:/public", "malformed-host"),
        ("https://notes.example.com?x=/public", "malformed-host"),
        ("https://notes.example.com\\@evil.example/public", "malformed-host"),
        ("https://notes.example.com", "malformed-path"),
        ("https://notes.example.com//public", "ambiguous-path"),
        ("https://notes.example.comhttp://notes.example.com/public", "malformed-host"),
        ("https://evil.example/public", "misdirected-request"),
    ] {
        let line = format!("X-Original-URL: {url}");
        let answer = told(&world, OURS, &[&line, ORIGINAL[1]]).await;
        assert_eq!(answer.json()["type"], format!("urn:bmauth:problem:{why}"), "{url}");
        is_refused(&answer, why);
    }
}
