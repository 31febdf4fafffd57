//! Variables and flags over the file.

use std::ffi::OsString;

use http::HeaderName;

use super::*;
use crate::domain::plain_header::Fact;

fn source(text: &str, variables: &[(&str, &str)]) -> ConfigSource {
    let mut source = ConfigSource::text("bmauth.toml", text);
    source.environment = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
    open_to_all(source, text)
}

#[track_caller]
fn loads_with(text: &str, variables: &[(&str, &str)]) -> Config {
    load(source(text, variables)).unwrap_or_else(|errors| panic!("{errors}"))
}

#[track_caller]
fn says(variables: &[(&str, &str)], expected: &str) {
    match load(source(&with(""), variables)) {
        Ok(_) => panic!("nothing is wrong with it"),
        Err(errors) => assert_eq!(errors.to_string(), expected),
    }
}

#[test]
fn a_variable_goes_over_the_file_and_a_flag_over_both() {
    let text = with("[sessions]\nidle = \"1h\"");
    let idle = |source: ConfigSource| load(source).map(|config| config.sessions.idle.as_secs());
    assert_eq!(idle(source(&text, &[])), Ok(3600));
    let over = [("BMAUTH__SESSIONS__IDLE", "2h")];
    assert_eq!(idle(source(&text, &over)), Ok(7200));
    let mut flagged = source(&text, &over);
    flagged.flags = vec![FlagSetting { flag: "--idle", key: "sessions.idle", value: "3h".to_owned() }];
    assert_eq!(idle(flagged), Ok(10_800));
}

#[test]
fn a_value_is_toml_where_it_is_toml_and_else_text() {
    let config = loads_with(
        &with(""),
        &[
            ("BMAUTH__SERVER__LISTEN", "[\"127.0.0.1:1\", \"127.0.0.1:2\"]"),
            ("BMAUTH__SERVER__ADMIN", "127.0.0.1:3"),
            ("BMAUTH__IDENTITY__PLAIN_HEADERS", "{ X-Remote-User = \"email\" }"),
            ("BMAUTH__IDENTITY__ISSUER", "\"quoted\""),
            ("BMAUTH__APP__NAME", "42"),
            ("BMAUTH__ACCOUNTS__ALLOWED_DOMAINS", "example.com"),
            ("BMAUTH_CONFIG", "no key"),
            ("PATH", "/bin"),
        ],
    );
    assert_eq!(config.server.listen.len(), 2);
    assert_eq!(config.server.admin.port(), 3);
    assert_eq!(config.identity.plain_headers, [(HeaderName::from_static("x-remote-user"), Fact::Email)]);
    assert_eq!((config.identity.issuer.as_str(), config.brand.name()), ("quoted", "42"));
    assert_eq!(config.policy.allowed_domains, ["example.com"]);
}

#[test]
fn variables_reach_into_routes_by_their_number() {
    let config = loads_with(
        &with(""),
        &[
            ("BMAUTH__ROUTE__0__UPSTREAM", "http://other:1"),
            ("BMAUTH__ROUTE__1__PATH", "/api"),
            ("BMAUTH__ROUTE__1__UPSTREAM__0", "http://api:2"),
        ],
    );
    let routes: Vec<String> =
        config.routes.iter().map(|route| format!("{} {}", route.path, route.upstream.servers[0])).collect();
    assert_eq!(routes, ["/ http://other:1", "/api http://api:2"]);
}

#[test]
fn variables_alone_can_say_everything() {
    let config = loads_with(
        "",
        &[
            ("BMAUTH__PUBLIC_URL", "https://notes.example.com"),
            ("BMAUTH__EMAIL", "{ from = \"a@example.com\", transport = \"log\" }"),
            ("BMAUTH__EMAIL__FROM", "b@example.com"),
            ("BMAUTH__ROUTE__0__UPSTREAM", "http://app"),
        ],
    );
    assert_eq!(config.email.from.address.as_str(), "b@example.com");
}

#[test]
fn problems_of_variables_and_flags_carry_their_names() {
    says(
        &[("BMAUTH__SERVER__ADMIN", "192.0.2.7:1")],
        "BMAUTH__SERVER__ADMIN: `server.admin` is \"192.0.2.7:1\": it must be a loopback or private address, like \"127.0.0.1:9091\", or \"0.0.0.0:9091\" for such visitors of all of them: health and metrics are never public.",
    );
    says(
        &[("BMAUTH__SERVR__ADMIN", "127.0.0.1:1")],
        "BMAUTH__SERVR__ADMIN: `servr` is not a key. Did you mean `server`?",
    );
    says(
        &[("BMAUTH__SERVER__ADMN", "127.0.0.1:1")],
        "BMAUTH__SERVER__ADMN: `server.admn` is not a key. Did you mean `server.admin`?",
    );
    says(
        &[("BMAUTH__ROUTE__2__PATH", "/x")],
        "BMAUTH__ROUTE__2__PATH: The next entry of `route` has the number 1, not 2.",
    );
    says(
        &[("BMAUTH__ROUTE__PATH", "/x")],
        "BMAUTH__ROUTE__PATH: `route` is a list; a number from 0 to 1 goes here, not `path`.",
    );
    says(
        &[("BMAUTH__PUBLIC_URL__X", "/x")],
        "BMAUTH__PUBLIC_URL__X: `public_url` is one value and has nothing below it.",
    );
    says(&[("BMAUTH__", "x")], "BMAUTH__: It names no key.");
    let mut flagged = source(&with(""), &[]);
    flagged.flags = vec![FlagSetting { flag: "--listen", key: "server.listen", value: "8443".to_owned() }];
    let errors = load(flagged).expect_err("no address");
    assert!(errors.to_string().starts_with("--listen: `server.listen` is 8443"), "{errors}");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_text_is_told() {
    use std::os::unix::ffi::OsStringExt;
    let mut source = source(&with(""), &[]);
    source.environment.push((OsString::from("BMAUTH__APP__NAME"), OsString::from_vec(vec![0xff])));
    let errors = load(source).expect_err("no text");
    assert_eq!(errors.to_string(), "BMAUTH__APP__NAME: The value of this variable is not UTF-8.");
}

#[test]
fn the_secret_of_a_variable_is_not_shown() {
    let errors = load(source(&with(""), &[("BMAUTH__EMAIL__SMTP_URL", "smtp://u:hunter2@mail.example.com")]))
        .expect_err("unprotected");
    assert!(errors.to_string().starts_with("BMAUTH__EMAIL__SMTP_URL: `email.smtp_url`: it would send"), "{errors}");
    assert!(!errors.to_string().contains("hunter2"), "{errors}");
}
