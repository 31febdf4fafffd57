//! One table of what can be wrong: the place and the sentence for each.

use super::*;

/// What is appended to a configuration that is right starts on line 7: `URL` is line 1, `EMAIL` 2 to 4 and
/// `ROUTE` 5 and 6.
#[track_caller]
fn says(extra: &str, expected: &str) {
    assert_eq!(problems(&with(extra)), expected, "\n{extra}");
}

/// A configuration whose `public_url` is this.
#[track_caller]
fn url_says(url: &str, expected: &str) {
    let text = format!("public_url = {url:?}\n{EMAIL}{ROUTE}");
    assert_eq!(problems(&text), expected, "\n{url}");
}

/// A configuration whose `[email]` section is this.
#[track_caller]
fn email_says(email: &str, expected: &str) {
    let text = format!("{URL}{ROUTE}[email]\n{email}\n");
    assert_eq!(problems(&text), expected, "\n{email}");
}

#[test]
fn what_must_be_said_is_asked_for() {
    assert_eq!(
        load(ConfigSource::text("bmauth.toml", "")).unwrap_err().to_string(),
        "bmauth.toml:1:1: `public_url` is missing. It is the address where people sign in, like public_url = \"https://notes.example.com\".\n\
         bmauth.toml:1:1: `email.from` is missing. It is the sender of the codes, like from = \"Acme Notes <no-reply@example.com>\".\n\
         bmauth.toml:1:1: `email.smtp_url` is missing. It is the server that sends the codes, like \"smtps://user:password@mail.example.com\"; to only print them while trying things out, set transport = \"log\".\n\
         bmauth.toml:1:1: `accounts.registration` is missing. It says who may have an account: \"open\" is anyone who proves an e-mail address (of `allowed_domains` and `allowed_emails` alone, where one of these is set); \"invite\" is people you name with `bmauth users add`, and the page says that it is by invitation; \"closed\" is the same, and while no address is named the page says that new accounts are closed. Write it below [accounts], like registration = \"invite\".\n\
         bmauth.toml:1:1: There is no [[route]], so nothing stands behind the gateway. Add one with upstream = [\"http://127.0.0.1:8000\"]."
    );
}

#[test]
fn what_is_missing_in_a_section_is_missing_at_its_header() {
    assert_eq!(
        problems(&format!("{URL}{EMAIL}\n[[route]]\npath = \"/\"\n")),
        "bmauth.toml:6:1: `route.upstream` is missing. It is the server behind this route, like upstream = [\"http://127.0.0.1:8000\"]. \
         It can be left out only where a proxy in front sends requests to the app itself and asks here about each (forward-auth); \
         then name that proxy in `server.trusted_proxies`."
    );
    email_says(
        "from = \"a@example.com\"",
        "bmauth.toml:4:1: `email.smtp_url` is missing. It is the server that sends the codes, like \"smtps://user:password@mail.example.com\"; to only print them while trying things out, set transport = \"log\".",
    );
}

#[test]
fn what_is_not_toml_is_told_with_its_place() {
    let text = format!("{URL}[email\n[app]\nname = Acme Notes\n");
    let told = problems(&text);
    assert!(told.starts_with("bmauth.toml:2:"), "{told}");
    assert!(told.contains("This is not TOML"), "{told}");
    assert!(told.contains("bmauth.toml:4:"), "both places: {told}");
}

#[test]
fn unknown_keys_are_told_with_what_was_meant() {
    says("acess = \"public\"", "bmauth.toml:7:1: `route.acess` is not a key. Did you mean `route.access`?");
    says(
        "[server]\nlisten_on = []",
        "bmauth.toml:8:1: `server.listen_on` is not a key. The keys here are listen, tls, admin, admin_hosts, admin_socket, trusted_proxies, proxy_protocol, keep_alive, shutdown_grace.",
    );
    says(
        "[server]\ntrusted-proxies = []",
        "bmauth.toml:8:1: `server.trusted-proxies` is not a key. Did you mean `server.trusted_proxies`?",
    );
    says("[sesions]\nidle = \"5m\"", "bmauth.toml:7:2: `sesions` is not a key. Did you mean `sessions`?");
    says(
        "  sessions.idle = \"5m\"",
        "bmauth.toml:7:3: `route.sessions` is not a key. `sessions` belongs to the whole file: write it above the first line in brackets.",
    );
}

#[test]
fn public_url_below_a_table_is_told_where_it_belongs() {
    let told = problems(&format!("{EMAIL}{URL}{ROUTE}"));
    let expected = "bmauth.toml:4:1: `email.public_url` is not a key. `public_url` belongs to the whole file: write it above the first line in brackets.";
    assert!(told.lines().any(|line| line == expected), "{told}");
}

#[test]
fn what_stands_twice_is_told_with_the_line_where_it_stands_first() {
    says(
        "[sessions]\nidle = \"5m\"\n[ email ]\ntransport = \"log\"",
        "bmauth.toml:9:3: [email] stands here a second time; the first one is in line 2. A table is written once: put its keys together there.",
    );
    says(
        "[accounts]\nregistration = \"open\"\n[sessions]\nidle = \"5m\"\nidle= \"6m\"",
        "bmauth.toml:11:1: `idle` is set here a second time; the first one is in line 10. Keep one of them.",
    );
    // The same key of another table is another one.
    let told =
        problems(&format!("{URL}[app]\nname = \"a\"\n[server]\nadmin = \"127.0.0.1:1\"\nadmin = \"127.0.0.1:2\"\n"));
    assert!(told.contains("bmauth.toml:6:1: `admin` is set here a second time; the first one is in line 5."), "{told}");
    // Where the first one is not found by its looks, the library's word has to do.
    assert!(
        problems(&format!("{URL}{EMAIL}app.name = \"a\"\n[email.app]\n")).contains("This is not TOML: duplicate key.")
    );
}

#[test]
fn the_route_of_the_short_address_is_told_with_both_places() {
    let why = |path: &str, place: &str| {
        format!(
            "`route.path` is {path:?}, which the gateway answers itself on notes.example.com: it is `link.path` ({place}), the short \
             address for signing in another device. Give `link.path` another value, like \"/device\", or this route another path."
        )
    };
    says("path = \"/link\"", &format!("bmauth.toml:7:8: {}", why("/link", "its default")));
    says("path = \"/link/\"", &format!("bmauth.toml:7:8: {}", why("/link", "its default")));
    let named = "path = \"/pair/me\"\n[link]\npath = \"/pair/me\"";
    says(named, &format!("bmauth.toml:7:8: {}", why("/pair/me", "at bmauth.toml:9:8")));
    // What stands below it is reached, as is the same path on another host, or where there is no short address.
    for fine in [
        "path = \"/link/x\"",
        "path = \"/Link\"",
        "path = \"/link\"\nhost = \"other.acme.test\"",
        "path = \"/link\"\n[link]\napprove = \"off\"",
        "path = \"/link\"\n[link]\npath = \"/pair\"",
    ] {
        loads(&with(fine));
    }
}

/// The places and sentences of what no visitor can be served with.
fn faults(text: &str) -> Vec<String> {
    loads(text).faults.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_still_the_examples_is_a_fault_and_loads() {
    let places = |text: &str| {
        let faults = faults(text);
        faults.iter().map(|fault| fault.split(": ").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let template: Vec<usize> = TEMPLATE
        .lines()
        .zip(1..)
        .filter(|(line, _)| {
            ["public_url = ", "from = ", "smtp_url = ", "rp_id = ", "host = "].iter().any(|key| line.starts_with(key))
        })
        .map(|(_, number)| number)
        .collect();
    let lines: Vec<usize> =
        places(TEMPLATE).iter().map(|place| place.split(':').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!((lines.len(), lines), (5, template));
    let own = "public_url = \"https://auth.acme.test\"\n";
    let post = "[email]\nfrom = \"post@acme.test\"\n";
    let none: [&str; 0] = [];
    assert_eq!(places(&format!("{own}{post}smtp_url = \"smtps://u:p@mail.acme.test\"\n{ROUTE}")), none);
    let told = faults(&format!("{own}{post}smtp_url = \"smtps://user:password@mail.acme.test\"\n{ROUTE}"));
    assert!(
        told.len() == 1 && told[0].starts_with("bmauth.toml:4:12: `email.smtp_url` is that of an example"),
        "{told:?}"
    );
    // Where letters are not sent, their sender does not matter.
    let tried = format!(
        "public_url = \"http://localhost:8080\"\n[email]\nfrom = \"a@example.com\"\ntransport = \"log\"\n{ROUTE}"
    );
    assert_eq!(places(&tried), none);
    assert_eq!(places(&tried.replace("http://localhost:8080", "https://auth.acme.test")), ["bmauth.toml:4:13"]);
}

#[test]
fn a_port_that_speaks_another_protection_is_told() {
    email_says(
        "from = \"a@example.com\"\nsmtp_url = \"smtps://u:p@mail:587\"",
        "bmauth.toml:6:12: `email.smtp_url`: port 587 speaks STARTTLS, which smtps:// does not: write smtp:// and ?tls=required behind the port, or smtps:// with port 465.",
    );
    email_says(
        "from = \"a@example.com\"\nsmtp_url = \"smtp://u:p@mail:465?tls=required\"",
        "bmauth.toml:6:12: `email.smtp_url`: port 465 speaks TLS from the first byte, and no STARTTLS: write smtps:// without ?tls=required, or port 587.",
    );
}

#[test]
fn a_port_without_a_listener_is_a_warning() {
    let warns = |text: &str| loads(text).warnings.iter().any(|warning| warning.contains("Browsers ask for port"));
    assert!(warns(&with("")), "443 of public_url, and 8443");
    assert!(!warns(&with("[server]\nlisten = [\"0.0.0.0:80\", \"0.0.0.0:443\"]")));
    assert!(!warns(&with("[server]\ntrusted_proxies = [\"10.0.0.1\"]")));
    assert!(!warns(&with("[server]\nlisten = \"127.0.0.1:0\"")));
    let local = format!("public_url = \"http://localhost:8080\"\n{EMAIL}{ROUTE}");
    assert!(!warns(&local) && warns(&format!("{local}[server]\nlisten = \"0.0.0.0:80\"\n")));
}

#[test]
fn a_wrong_kind_of_value_is_told() {
    says("[sessions]\nidle = 300", "bmauth.toml:8:8: `sessions.idle` is 300; it must be text in quotes.");
    says("[server]\nlisten = 8443", "bmauth.toml:8:10: `server.listen` is 8443; it must be a list, like [\"…\"].");
    says("[server]\nlisten = [8443]", "bmauth.toml:8:11: `server.listen` is 8443; it must be text in quotes.");
    says(
        "[identity]\nplain_headers = \"yes\"",
        "bmauth.toml:8:17: `identity.plain_headers` must be true, false, or a table like { \"X-Remote-User\" = \"email\" }.",
    );
    says("[app]\nname = [\"Notes\"]", "bmauth.toml:8:8: `app.name` is a list; it must be text in quotes.");
    assert_eq!(
        problems(&format!("{URL}server = 1\n{EMAIL}{ROUTE}")),
        "bmauth.toml:2:10: `server` is 1; it must be a table."
    );
}

#[test]
fn a_secret_of_the_wrong_kind_is_not_shown() {
    let number = "from = \"a@example.com\"\nsmtp_url = 271828182";
    let told = problems(&format!("{URL}[email]\n{number}\n{ROUTE}"));
    assert_eq!(told, "bmauth.toml:4:12: `email.smtp_url` must be text in quotes.");
}

#[test]
fn an_upstream_is_not_the_admin_listener() {
    for admin in ["http://127.0.0.1:9091", "http://localhost:9091"] {
        let told = problems(&format!(
            "{URL}{EMAIL}[server]\nadmin = \"{}\"\n[[route]]\nupstream = \"{admin}\"\n",
            "127.0.0.1:9091"
        ));
        assert!(told.contains("`server.admin`") && told.contains("never public"), "{told}");
    }
}

#[test]
fn former_public_urls_are_other_hosts_by_the_same_scheme() {
    let refused = |former: &str| {
        let text = format!("public_url = \"https://auth.example.com\"\nformer_public_urls = {former}\n{EMAIL}{ROUTE}");
        load_text(&text).err().map(|errors| errors.to_string())
    };
    assert_eq!(refused("[]"), None);
    assert_eq!(refused("[\"https://notes.example.com\", \"https://login.example.org:8443\"]"), None);
    for (former, why) in [
        ("[\"https://auth.example.com:8443\"]", "it has the host of `public_url`"),
        ("[\"http://localhost:8080\"]", "it must start with https://, as `public_url` does."),
        ("[\"https://a.example.com\", \"https://a.example.com\"]", "its host is there twice."),
        ("[\"a.example.com\"]", "it does not start with https://"),
    ] {
        let said = refused(former).unwrap_or_default();
        assert!(said.contains(why), "{former}: {said}");
    }
}

#[test]
fn public_url_is_an_https_origin_with_a_domain_name() {
    let example = "write it like \"https://notes.example.com\".";
    url_says(
        "notes.example.com",
        &format!(
            "bmauth.toml:1:14: `public_url` is \"notes.example.com\": it is not a URL: it does not start with https://; {example}"
        ),
    );
    url_says(
        "ftp://notes.example.com",
        &format!(
            "bmauth.toml:1:14: `public_url` is \"ftp://notes.example.com\": it does not start with https://; {example}"
        ),
    );
    url_says(
        "http://notes.example.com",
        "bmauth.toml:1:14: `public_url` is \"http://notes.example.com\": browsers make passkeys on https only; http is allowed for http://localhost alone. Write https://, and put TLS in front or set server.tls.",
    );
    for (address, shown) in [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://192.0.2.1", "https://192.0.2.1"),
        ("https://[::1]", "https://[::1]"),
    ] {
        url_says(
            address,
            &format!(
                "bmauth.toml:1:14: `public_url` is {shown:?}: passkeys belong to a domain name and cannot be made for an IP address; to try things out on this machine use http://localhost and a port."
            ),
        );
    }
    url_says(
        "https://example.com/notes",
        &format!(
            "bmauth.toml:1:14: `public_url` is \"https://example.com/notes\": it is more than a scheme, a host and a port; {example}"
        ),
    );
    url_says(
        "https://example.com?a",
        &format!(
            "bmauth.toml:1:14: `public_url` is \"https://example.com?a\": it is more than a scheme, a host and a port; {example}"
        ),
    );
    url_says(
        "https://me:pw@example.com",
        &format!(
            "bmauth.toml:1:14: `public_url` is \"https://…@example.com\": it has a user name or password; {example}"
        ),
    );
    url_says(
        "https://example.com.",
        &format!(
            "bmauth.toml:1:14: `public_url` is \"https://example.com.\": its host is not a domain name; {example}"
        ),
    );
    url_says(
        "https://intranet",
        "bmauth.toml:1:14: `public_url`: browsers make no passkeys for \"intranet\"; it takes a domain with a dot, like \"example.com\", or localhost.",
    );
}

#[test]
fn the_app_section_is_checked() {
    says("[app]\nname = \" \"", "bmauth.toml:8:8: `app.name` is \" \": it must be 1 to 60 characters on one line.");
    says(
        "[app]\nname = \"a\\nb\"",
        "bmauth.toml:8:8: `app.name` is \"a\\nb\": it must be 1 to 60 characters on one line.",
    );
    says(
        "[app]\naccent = \"blue\"",
        "bmauth.toml:8:10: `app.accent` is \"blue\": it must be a colour like \"#2257d6\".",
    );
    says(
        "[app]\naccent = \"#8fb0ff\"",
        "bmauth.toml:8:10: `app.accent` is \"#8fb0ff\": white text on it has a contrast of 2.1:1 and is hard to read; 4.5:1 is needed. Of the same hue, \"#5f75aa\" has it.",
    );
    says(
        "[app]\nsupport_url = \"help\"",
        "bmauth.toml:8:15: `app.support_url` is \"help\": it must be a URL that starts with https://, http:// or mailto:.",
    );
    says(
        "[app]\nsupport_url = \"javascript:x\"",
        "bmauth.toml:8:15: `app.support_url` is \"javascript:x\": it must be a URL that starts with https://, http:// or mailto:.",
    );
    for (links, problem) in [
        ("[\"Imprint\"]", "10: `app.links` is \"Imprint\"; it must be a table."),
        ("[{ text = \"Imprint\" }]", "10: a link in `app.links` is written { text = \"…\", url = \"…\" }."),
        (
            "[{ text = \"Imprint\", href = \"https://a\" }]",
            "30: `app.links.href` is not a key. The keys here are text, url.",
        ),
        (
            "[{ text = \"Imprint\", url = \"javascript:x\" }]",
            "36: `app.links.url` is \"javascript:x\": it must be a URL that starts with https://, http:// or mailto:.",
        ),
        (
            "[{ text = \" \", url = \"https://a.example\" }]",
            "19: `app.links.text`: it must be 1 to 40 characters on one line.",
        ),
    ] {
        let told = problems(&with(&format!("[app]\nlinks = {links}")));
        let expected = format!("bmauth.toml:8:{problem}");
        assert!(told.contains(&expected), "{told}\n{expected}");
    }
    let six = ["{ text = \"Imprint\", url = \"https://a.example\" }"; 6].join(", ");
    says(&format!("[app]\nlinks = [{six}]"), "bmauth.toml:8:9: `app.links`: it has 6 links; the most is 5.");
    says(
        "[app]\nlogo = \"no-such.svg\"",
        "bmauth.toml:8:8: `app.logo` is \"no-such.svg\": no-such.svg cannot be read (No such file or directory (os error 2)).",
    );
    says(
        "[app]\nlogo = \"Cargo.toml\"",
        "bmauth.toml:8:8: `app.logo` is \"Cargo.toml\": it is not an SVG, PNG, JPEG or WebP picture.",
    );
}

#[test]
fn a_host_too_long_to_be_a_name_asks_for_one() {
    let host = format!("{}.example.com", "n".repeat(60));
    url_says(
        &format!("https://{host}"),
        &format!(
            "bmauth.toml:1:1: `app.name` is missing, and \"{host}\" cannot stand for it: it must be 1 to 60 characters on one line."
        ),
    );
}

#[test]
fn a_heavy_logo_is_refused_at_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let logo = folder.path().join("logo.svg");
    std::fs::write(&logo, "<svg/>".to_owned() + &" ".repeat(262_144)).expect("a file");
    says(
        &format!("[app]\nlogo = {logo:?}"),
        &format!("bmauth.toml:8:8: `app.logo` is {logo:?}: it has 262150 bytes; the most is 262144."),
    );
}

#[test]
fn addresses_are_checked() {
    let allowed = "it must be an IP address and a port, like \"0.0.0.0:8443\" or \"[::]:8443\".";
    says(
        "[server]\nlisten = []",
        "bmauth.toml:8:10: `server.listen` is empty; name at least one address, like \"0.0.0.0:8443\".",
    );
    says("[server]\nlisten = [\"0.0.0.0\"]", &format!("bmauth.toml:8:11: `server.listen` is \"0.0.0.0\": {allowed}"));
    says(
        "[server]\nlisten = [\":8443\"]",
        &format!("bmauth.toml:8:11: `server.listen` is \":8443\": {allowed} Did you mean \"0.0.0.0:8443\"?"),
    );
    says(
        "[server]\nlisten = \"localhost:80\"",
        &format!("bmauth.toml:8:10: `server.listen` is \"localhost:80\": {allowed} Did you mean \"127.0.0.1:80\"?"),
    );
    says(
        "[server]\nlisten = \"8443\"",
        &format!("bmauth.toml:8:10: `server.listen` is \"8443\": {allowed} Did you mean \"0.0.0.0:8443\"?"),
    );
    says(
        "[server]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:1\"]",
        "bmauth.toml:8:26: `server.listen` is \"127.0.0.1:1\": it is already taken by 127.0.0.1:1, above.",
    );
    says(
        "[server]\nlisten = [\"0.0.0.0:1\", \"127.0.0.1:1\"]",
        "bmauth.toml:8:24: `server.listen` is \"127.0.0.1:1\": it is already taken by 0.0.0.0:1, above.",
    );
    for public in ["192.0.2.7:9091", "[2001:db8::1]:9091"] {
        says(
            &format!("[server]\nadmin = {public:?}"),
            &format!(
                "bmauth.toml:8:9: `server.admin` is {public:?}: it must be a loopback or private address, like \"127.0.0.1:9091\", or \"0.0.0.0:9091\" for such visitors of all of them: health and metrics are never public."
            ),
        );
    }
    says(
        "[server]\nadmin = \"127.0.0.1:8443\"",
        "bmauth.toml:8:9: `server.admin` is 127.0.0.1:8443, where the public listener 0.0.0.0:8443 is; give it a port of its own.",
    );
    says(
        "[server]\nadmin_hosts = [\"https://a.example\"]",
        "bmauth.toml:8:16: `server.admin_hosts` is \"https://a.example\": the host has a character that a host cannot have. It must be a host without scheme and port, like \"metrics.example.com\".",
    );
}

#[test]
fn trusted_proxies_are_networks() {
    says(
        "[server]\ntrusted_proxies = [\"proxy\"]",
        "bmauth.toml:8:20: `server.trusted_proxies` is \"proxy\": it must be a network or an address, like \"10.0.0.0/8\" or \"192.0.2.7\".",
    );
    says(
        "[server]\ntrusted_proxies = [\"0.0.0.0/0\"]",
        "bmauth.toml:8:20: `server.trusted_proxies` is \"0.0.0.0/0\": it would let every client forge its address; name the proxies in front.",
    );
    says(
        "[server]\ntrusted_proxies = [\"10.1.2.3/8\"]",
        "bmauth.toml:8:20: `server.trusted_proxies` is \"10.1.2.3/8\": an address inside a network does not name it. Did you mean \"10.0.0.0/8\"?",
    );
}

#[test]
fn the_storage_path_is_a_file() {
    says(
        "[storage]\npath = \"data/\"",
        "bmauth.toml:8:8: `storage.path` is \"data/\": it must name a file, like \"data/bmauth.redb\".",
    );
    says(
        "[storage]\npath = \"\"",
        "bmauth.toml:8:8: `storage.path` is \"\": it must name a file, like \"data/bmauth.redb\".",
    );
    says(
        "[storage]\npath = \"src\"",
        "bmauth.toml:8:8: `storage.path` is \"src\": it must name a file, like \"data/bmauth.redb\".",
    );
}

#[test]
fn a_database_is_named_alone_and_with_the_key_that_wraps_others() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("storage.key");
    std::fs::write(&key, "A".repeat(43)).unwrap();
    let url = "url = \"postgres://bmauth:secret@db1/bmauth\"";
    says(
        &format!("[storage]\n{url}"),
        "bmauth.toml:7:1: `storage.key_file` is missing. Without it, anyone with a copy of the database could sign in as any person. Make one with `bmauth keys new-file PATH`; all gateways of the database have the same.",
    );
    says(
        &format!("[storage]\nkey_file = {key:?}\npath = \"x.redb\"\n{url}"),
        "bmauth.toml:9:8: `storage.path` names the file of the embedded store, but `storage.url` a database; keep one of them.",
    );
    says(
        &format!("[storage]\nkey_file = {key:?}"),
        "bmauth.toml:8:12: `storage.key_file` is for a database: set `storage.url`, or remove it.",
    );
    says(
        &format!("[storage]\nkey_file = {key:?}\nurl = \"mysql://bmauth:secret@db1\""),
        "bmauth.toml:9:7: `storage.url`: it must begin with postgres://, like \"postgres://bmauth@db1,db2/bmauth\".",
    );
    says(
        &format!("[storage]\nkey_file = {key:?}\n{url}\ngrace = \"1h\""),
        "bmauth.toml:10:9: `storage.grace` is \"1h\": it must be from \"0s\" to \"5m\".",
    );
    says(
        "[storage]\ngrace = \"60s\"",
        "bmauth.toml:8:9: `storage.grace` is for a database: set `storage.url`, or remove it.",
    );
    std::fs::write(&key, "too short").unwrap();
    says(
        &format!("[storage]\nkey_file = {key:?}\n{url}"),
        &format!(
            "bmauth.toml:8:12: `storage.key_file`: {}: it must hold 32 random bytes, as they are, in hex or in base64. Make one with `bmauth keys new-file PATH`.",
            key.display()
        ),
    );
}

#[test]
fn the_email_section_is_checked() {
    let smtp = "smtp_url = \"smtps://mail\"";
    email_says(
        &format!("from = \"Acme\"\n{smtp}"),
        "bmauth.toml:5:8: `email.from` is \"Acme\": it must be a mailbox like \"Acme Notes <no-reply@example.com>\". An e-mail address has exactly one “@”, like name@example.com.",
    );
    email_says(
        &format!("from = \"a@example.com\"\ntransport = \"sendmail\"\n{smtp}"),
        "bmauth.toml:6:13: `email.transport` is \"sendmail\": it must be \"smtp\" or \"log\".",
    );
    email_says(
        "from = \"a@example.com\"\nsmtp_url = \"smtp://u:hunter2@mail.example.com\"",
        "bmauth.toml:6:12: `email.smtp_url`: it would send codes and the password unprotected; write smtps://, or add ?tls=required (?tls=off where the network is your own).",
    );
    email_says(
        &format!("from = \"a@example.com\"\n{smtp}\nsmtp_url_file = \"x\""),
        "bmauth.toml:7:17: `email.smtp_url_file` and `email.smtp_url` are both set; keep one of them.",
    );
    email_says(
        "from = \"a@example.com\"\nsmtp_url_file = \"no-such-file\"",
        "bmauth.toml:6:17: `email.smtp_url_file` is \"no-such-file\": no-such-file cannot be read (No such file or directory (os error 2)).",
    );
    for (url, shown) in [("smtps://u:hunter2@mail", "smtps://…@mail"), ("u:hunter2@mail", "…@mail")] {
        email_says(
            &format!("from = \"a@example.com\"\nsmtp_url_file = {url:?}"),
            &format!(
                "bmauth.toml:6:17: `email.smtp_url_file` is {shown:?}: it names a file; what stands in that file may be written as `email.smtp_url`."
            ),
        );
    }
}

#[test]
fn the_accounts_section_is_checked() {
    says(
        "[accounts]\nregistration = \"opne\"",
        "bmauth.toml:8:16: `accounts.registration` is \"opne\": it must be \"open\", \"invite\" or \"closed\". Did you mean \"open\"?",
    );
    let allowed = "it must be the part of an address after the “@”, like \"example.com\".";
    says(
        "[accounts]\nallowed_domains = [\"@example.com\"]",
        &format!(
            "bmauth.toml:8:20: `accounts.allowed_domains` is \"@example.com\": {allowed} Did you mean \"example.com\"?"
        ),
    );
    says(
        "[accounts]\nallowed_domains = [\"example.com\", \"*.b.example\"]",
        &format!(
            "bmauth.toml:8:35: `accounts.allowed_domains` is \"*.b.example\": {allowed} Did you mean \"b.example\"?"
        ),
    );
    says(
        "[accounts]\nallowed_domains = [\"com\"]",
        &format!("bmauth.toml:8:20: `accounts.allowed_domains` is \"com\": {allowed}"),
    );
}

#[test]
fn passkeys_belong_to_the_domain_of_public_url() {
    let why = "it must be \"notes.example.com\", the host of `public_url`, or a parent of it: browsers make passkeys for no other domain.";
    for (other, meant) in [
        ("other.acme.test", ""),
        ("a.notes.example.com", " Did you mean \"notes.example.com\"?"),
        ("exmaple.com", " Did you mean \"example.com\"?"),
    ] {
        says(
            &format!("[passkeys]\nrp_id = {other:?}"),
            &format!("bmauth.toml:8:9: `passkeys.rp_id` is {other:?}: {why}{meant}"),
        );
    }
    says(
        "[passkeys]\nrp_id = \"com\"",
        "bmauth.toml:8:9: `passkeys.rp_id` is \"com\": browsers make no passkeys for \"com\"; it takes a domain with a dot, like \"example.com\", or localhost.",
    );
    let local =
        format!("public_url = \"http://auth.localhost:8080\"\n{EMAIL}{ROUTE}[passkeys]\nrp_id = \"localhost\"\n");
    let said = load_text(&local).unwrap_err().to_string();
    assert!(said.contains("at http://localhost alone") && said.contains("it is \"auth.localhost\""), "{said}");
    says(
        "[passkeys]\nrp_id = \"https://example.com\"",
        "bmauth.toml:8:9: `passkeys.rp_id` is \"https://example.com\": the host has a character that a host cannot have. It must be a domain name, like \"example.com\".",
    );
    for weaker in ["preferred", "discouraged"] {
        says(
            &format!("[passkeys]\nuser_verification = {weaker:?}"),
            &format!(
                "bmauth.toml:8:21: `passkeys.user_verification` is {weaker:?}: it must be \"required\": without the fingerprint, face or screen lock a passkey proves the device but not the person."
            ),
        );
    }
    says(
        "[passkeys]\nuser_verification = \"requierd\"",
        "bmauth.toml:8:21: `passkeys.user_verification` is \"requierd\": it must be \"required\". Did you mean \"required\"?",
    );
}

#[test]
fn sessions_have_sensible_limits() {
    let allowed = "it must be a whole number and s, m, h or d, like \"30s\", \"5m\", \"12h\" or \"30d\".";
    says("[sessions]\nidle = \"1 day\"", &format!("bmauth.toml:8:8: `sessions.idle` is \"1 day\": {allowed}"));
    says(
        "[sessions]\nidle = \"30s\"",
        "bmauth.toml:8:8: `sessions.idle` is \"30s\": it must be from \"1m\" to \"400d\".",
    );
    says(
        "[sessions]\nabsolute = \"401d\"",
        "bmauth.toml:8:12: `sessions.absolute` is \"401d\": it must be from \"1m\" to \"400d\".",
    );
    says(
        "[sessions]\nidle = \"2d\"\nabsolute = \"1d\"",
        "bmauth.toml:8:8: `sessions.idle` is \"2d\", longer than `sessions.absolute`, \"1d\"; a session cannot idle past its end.",
    );
    says(
        "[sessions]\nabsolute = \"1h\"",
        "bmauth.toml:8:12: `sessions.idle` is \"1d\", longer than `sessions.absolute`, \"1h\"; a session cannot idle past its end.",
    );
}

#[test]
fn the_names_of_plain_headers_are_checked() {
    let taken = "that header has a meaning of its own; choose a name like \"X-Remote-User\".";
    for name in [
        "Host",
        "Cookie",
        "Cook-ie",
        "Authorization",
        "Proxy-Authorization",
        "Connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Content-Length",
        "Content-Type",
        "Sec-Fetch-Site",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Anything",
        "X-Forwarded-Prefix",
        "X-Real-IP",
        "X-Original-URL",
        "X-HTTP-Method-Override",
        "Script-Name",
        "Set-Cookie",
        "Traceparent",
        "X-BMAuth-Token",
        "Destination",
        "Lock-Token",
        "Service-Worker",
        "Last-Event-ID",
    ] {
        says(
            &format!("[identity]\nplain_headers = {{ {name} = \"email\" }}"),
            &format!("bmauth.toml:8:19: `identity.plain_headers.{name}`: {taken}"),
        );
    }
    let form = "it must be a header name of letters, digits and hyphens, like \"X-Remote-User\".";
    for name in ["", "X_Remote_User", "X.Remote.User", "X Remote", "-X", "1X", "Ü", "X:Y"] {
        says(
            &format!("[identity]\nplain_headers = {{ {name:?} = \"email\" }}"),
            &format!("bmauth.toml:8:19: `identity.plain_headers.{name}`: {form}"),
        );
    }
    for (header, name) in [("X-BMAuth-JWT", "X-BMAuth-JWT"), ("X-BMAuth-JWT", "xbmauth-jwt"), ("X-Who", "XWho")] {
        says(
            &format!("[identity]\nheader = {header:?}\nplain_headers = {{ {name} = \"email\" }}"),
            &format!(
                "bmauth.toml:9:19: `identity.plain_headers.{name}`: servers may take it for {header}, which carries the token; choose another name."
            ),
        );
    }
    says(
        "[identity]\nplain_headers = { X-Remote-User = \"email\", x-remoteuser = \"id\" }",
        "bmauth.toml:8:44: `identity.plain_headers.x-remoteuser`: servers may take it for x-remote-user, which is here too; keep one of them.",
    );
}

#[test]
fn what_plain_headers_tell_is_checked() {
    let facts = "it must be \"id\", \"email\", \"name\" or \"groups\".";
    says(
        "[identity]\nplain_headers = { X-Who = \"mail\" }",
        &format!("bmauth.toml:8:27: `identity.plain_headers.X-Who` is \"mail\": {facts} Did you mean \"email\"?"),
    );
    says(
        "[identity]\nplain_headers = { X-Who = \"sub\" }",
        &format!("bmauth.toml:8:27: `identity.plain_headers.X-Who` is \"sub\": {facts}"),
    );
    says(
        "[identity.plain_headers]\nX-Who = true",
        "bmauth.toml:8:9: `identity.plain_headers.X-Who` is true; it must be text in quotes.",
    );
    let count = "it may have 1 to 16, like { \"X-Remote-User\" = \"email\" }. Without plain headers it is false.";
    says("[identity]\nplain_headers = {}", &format!("bmauth.toml:8:17: `identity.plain_headers` has 0 names; {count}"));
    let many: Vec<String> = (0..17).map(|number| format!("X-A{number} = \"id\"")).collect();
    says(
        &format!("[identity]\nplain_headers = {{ {} }}", many.join(", ")),
        &format!("bmauth.toml:8:17: `identity.plain_headers` has 17 names; {count}"),
    );
}

#[test]
fn a_route_sets_no_plain_header() {
    for (name, plain) in [("X-Grafana", true), ("x_grafana", true), ("Remote-Name", true), ("X-Grafana-Org", false)] {
        let text = format!(
            "{URL}{EMAIL}[identity.plain_headers]\nX-Grafana = \"email\"\n{ROUTE}request_headers = {{ {name} = \"a\" }}\n"
        );
        let told = if plain { problems(&text) } else { String::new() };
        assert_eq!(told.contains("the gateway alone tells them"), plain, "{name}: {told}");
        assert!(plain || load_text(&text).is_ok(), "{name}");
    }
    says(
        "underscore_headers = [\"x_grafana\"]\n[identity.plain_headers]\nX-Grafana = \"email\"",
        "bmauth.toml:7:23: `route.underscore_headers` is \"x_grafana\": some apps take it for what only the gateway tells them, so it goes to none.",
    );
}

#[test]
fn the_identity_section_is_checked() {
    let name = "it must be a header name of letters, digits and hyphens, like \"X-BMAuth-JWT\".";
    for bad in ["", "X_BMAuth", "X.BMAuth", "X BMAuth", "X-BMAuth:", "-X", "1X", "Ü"] {
        says(
            &format!("[identity]\nheader = {bad:?}"),
            &format!("bmauth.toml:8:10: `identity.header` is {bad:?}: {name}"),
        );
    }
    for taken in [
        "Authorization",
        "cookie",
        "Connection",
        "TE",
        "Content-Length",
        "X-Forwarded-For",
        "X-Real-IP",
        "Remote-User",
        "Cook-ie",
        "Contenttype",
        "Sec-Fetch-Site",
        "Proxy-Authorization",
        "X-BMAuth-Token",
        "Destination",
    ] {
        says(
            &format!("[identity]\nheader = {taken:?}"),
            &format!(
                "bmauth.toml:8:10: `identity.header` is {taken:?}: that header has a meaning of its own; choose a name like \"X-BMAuth-JWT\"."
            ),
        );
    }
    says(
        "[identity]\nalgorithm = \"es256\"",
        "bmauth.toml:8:13: `identity.algorithm` is \"es256\": it must be \"ES256\" or \"EdDSA\". Did you mean \"ES256\"?",
    );
    says(
        "[identity]\nalgorithm = \"none\"",
        "bmauth.toml:8:13: `identity.algorithm` is \"none\": it must be \"ES256\" or \"EdDSA\".",
    );
    for outside in ["59s", "2h"] {
        says(
            &format!("[identity]\nlifetime = {outside:?}"),
            &format!("bmauth.toml:8:12: `identity.lifetime` is {outside:?}: it must be from \"1m\" to \"1h\"."),
        );
    }
    for bad in ["", "a b", ":x"] {
        says(
            &format!("[identity]\nissuer = {bad:?}"),
            &format!(
                "bmauth.toml:8:10: `identity.issuer` is {bad:?}: it must be a URL or a name without spaces, like \"https://notes.example.com\"."
            ),
        );
    }
}

#[test]
fn routes_are_checked() {
    says(
        "host = \"https://notes.example.com/\"",
        "bmauth.toml:7:8: `route.host` is \"https://notes.example.com/\": the host has a character that a host cannot have. It must be a host without scheme and port, like \"notes.example.com\". Did you mean \"notes.example.com\"?",
    );
    says(
        "path = \"api\"",
        "bmauth.toml:7:8: `route.path` is \"api\": the path does not start with “/”. It must be a path like \"/\" or \"/api\".",
    );
    says(
        "path = \"/a/../b\"",
        "bmauth.toml:7:8: `route.path` is \"/a/../b\": the path has a “.” or “..” segment. It must be a path like \"/\" or \"/api\".",
    );
    says(
        "path = \"/api\"\naccess = \"pubilc\"",
        "bmauth.toml:8:10: `route.access` is \"pubilc\": it must be \"signed-in\", \"optional\" or \"public\". Did you mean \"public\"?",
    );
    for own in ["/_bmauth", "/_BMAuth/x"] {
        says(
            &format!("path = {own:?}"),
            &format!(
                "bmauth.toml:7:8: `route.path` is {own:?}: paths below /_bmauth are the gateway’s own on every host and are never forwarded."
            ),
        );
    }
    says(
        "access = \"signed_in\"",
        "bmauth.toml:7:10: `route.access` is \"signed_in\": it must be \"signed-in\", \"optional\" or \"public\". Did you mean \"signed-in\"?",
    );
    says(
        "audience = \"a b\"",
        "bmauth.toml:7:12: `route.audience` is \"a b\": it must be 1 to 255 characters without spaces, like \"notes.example.com\".",
    );
    let again = "[[route]]\nhost = \"Notes.example.com\"\npath = \"/\"\nupstream = [\"http://a\"]";
    says(
        again,
        "bmauth.toml:7:1: This route has the host notes.example.com and the path / of the one at bmauth.toml:5:1; only one can be right.",
    );
    let posts = "methods = [\"post\"]\n[[route]]\nmethods = [\"GET\", \"POST\"]\nupstream = [\"http://a\"]";
    says(
        posts,
        "bmauth.toml:8:1: This route has the host notes.example.com and the path /, and the method POST, of the one at bmauth.toml:5:1; only one can be right.",
    );
    says(
        "path = \"/a\"\n[[route]]\npath = \"/A\"\naccess = \"public\"\nupstream = [\"http://a\"]",
        "bmauth.toml:8:1: The path /A of this route differs only in case from that of the one at bmauth.toml:5:1, and an app at notes.example.com that ignores case would confuse them. Give both the same demands and upstream, or other paths.",
    );
    says(
        "methods = [\"TRACE\", \"A B\"]",
        "bmauth.toml:7:12: `route.methods` is \"TRACE\": CONNECT, TRACE and PRI are never let through.\nbmauth.toml:7:21: `route.methods` is \"A B\": a method is made of letters, digits and some of “!#$%&'*+-.^_`|~”.",
    );
    says(
        "path = \"/a%2Fb\"",
        "bmauth.toml:7:8: `route.path` is \"/a%2Fb\": a route’s path cannot have “//” or “;”, nor an escape for a letter, a digit or one of “- . _ ~ / ; ? # %”. It must be a path like \"/\" or \"/api\".",
    );
}

/// The warnings about routes written so, behind one app each.
fn warnings_of(routes: &[&str]) -> Vec<String> {
    let routes: String = routes.iter().map(|keys| format!("[[route]]\nupstream = [\"http://a\"]\n{keys}\n")).collect();
    let mut warnings = loads(&format!("{URL}{EMAIL}{routes}")).warnings;
    warnings.retain(|warning| !warning.contains("server.tls") && !warning.contains("`server.listen`"));
    warnings
}

#[test]
fn a_stricter_route_below_a_laxer_one_of_the_same_app_is_told() {
    let (open, staff) = ("access = \"public\"", "path = \"/admin\"\ngroups = [\"staff\"]");
    assert_eq!(
        warnings_of(&[open, staff]),
        [
            "bmauth.toml:8:1: /admin asks for more than /, which leads to the same app. If that app also answers for it by an address that does not look like it (/admin.json, /index.php/admin, /admin%20, or ?_method= in a query), that is open to everyone who may see /."
        ]
    );
    let told = warnings_of(&["methods = [\"GET\"]\naccess = \"public\"", "methods = [\"POST\"]"]);
    assert!(told.len() == 1 && told[0].contains("?_method="), "{told:?}");
    assert_eq!(warnings_of(&["", staff]).len(), 1);
    assert_eq!(warnings_of(&[staff, "path = \"/admin/x\"\ngroups = [\"it\"]"]).len(), 1);
    let elsewhere =
        staff.to_owned() + "\n[[route]]\npath = \"/public\"\naccess = \"public\"\nupstream = [\"http://b\"]";
    assert_eq!(warnings_of(&[&elsewhere]), Vec::<String>::new());
    let others = [
        &["", "path = \"/public\"\naccess = \"public\""][..],
        &[open, "path = \"/adm\"\naccess = \"public\""],
        &[staff, "path = \"/administrators\""],
    ];
    for routes in others {
        assert_eq!(warnings_of(routes), Vec::<String>::new(), "{routes:?}");
    }
}

#[test]
fn a_route_needs_an_upstream_where_no_proxy_asks() {
    for server in ["", "[server]\ntrusted_proxies = []\n"] {
        let told = problems(&format!("{URL}{EMAIL}{server}[[route]]\n"));
        assert!(told.contains("`route.upstream` is missing"), "{told}");
        assert!(told.contains("name that proxy in `server.trusted_proxies`"), "{told}");
    }
    // What is written must be right all the same.
    let told = problems(&format!("{URL}{EMAIL}[server]\ntrusted_proxies = [\"10.0.0.1\"]\n[[route]]\nupstream = []\n"));
    assert!(told.contains("`route.upstream` is empty"), "{told}");
}

#[test]
fn upstreams_are_checked() {
    let upstream = |upstream: &str| problems(&format!("{URL}{EMAIL}[[route]]\nupstream = {upstream}\n"));
    let like = "It must be like \"http://127.0.0.1:8000\".";
    assert_eq!(
        upstream("[]"),
        "bmauth.toml:6:12: `route.upstream` is empty; name at least one server, like \"http://127.0.0.1:8000\"."
    );
    assert_eq!(
        upstream("\"127.0.0.1:8000\""),
        format!(
            "bmauth.toml:6:12: `route.upstream` is \"127.0.0.1:8000\": an upstream starts with http://, https://, h2c:// or unix:. {like}"
        )
    );
    assert_eq!(
        upstream("[\"http://a\", \"http://b/base\"]"),
        format!(
            "bmauth.toml:6:25: `route.upstream` is \"http://b/base\": an upstream is a scheme, a host and a port, without a path: paths are forwarded as they come. {like}"
        )
    );
    assert_eq!(
        upstream("[\"u:hunter2@a:80\"]"),
        "bmauth.toml:6:13: `route.upstream` is \"…@a:80\": an upstream starts with http://, https://, h2c:// or unix:. It must be like \"http://127.0.0.1:8000\"."
    );
    assert_eq!(
        upstream("[\"http://u:hunter2@a\"]"),
        format!(
            "bmauth.toml:6:13: `route.upstream` is \"http://…@a\": an upstream cannot have a user name or password. {like}"
        )
    );
    assert_eq!(
        upstream("[\"http://a\", \"http://A:80/\"]"),
        "bmauth.toml:6:25: `route.upstream` is \"http://A:80/\": it is there twice."
    );
    for (first, again) in [("http://a", "h2c://a:80"), ("unix:/run/a.sock", "unix:///run/./a.sock")] {
        let column = 12 + format!("[{first:?}, ").len();
        assert_eq!(
            upstream(&format!("[{first:?}, {again:?}]")),
            format!("bmauth.toml:6:{column}: `route.upstream` is {again:?}: it is there twice.")
        );
    }
    for (socket, why) in [
        ("unix:app.sock", "behind unix: stands the absolute path of a socket, like unix:/run/app.sock"),
        ("unix:/run/../app.sock", "the path of a socket has no “..”; write where it leads"),
        (&format!("unix:/{}", "a".repeat(107)), "the path of a socket has at most 107 bytes"),
    ] {
        assert_eq!(
            upstream(&format!("[{socket:?}]")),
            format!("bmauth.toml:6:13: `route.upstream` is {socket:?}: {why}.")
        );
    }
    assert_eq!(
        upstream("[\"http://localhost:8443\"]"),
        "bmauth.toml:6:13: `route.upstream` is \"http://localhost:8443\": it is the gateway’s own address 0.0.0.0:8443; requests would go in a circle."
    );
    assert_eq!(
        upstream("[\"unix:/run/app.sock\", \"h2c://127.0.0.1:8443\"]"),
        "bmauth.toml:6:35: `route.upstream` is \"h2c://127.0.0.1:8443\": it is the gateway’s own address 0.0.0.0:8443; requests would go in a circle."
    );
}

#[test]
fn one_bracket_too_few_is_told() {
    assert_eq!(
        problems(&format!("{URL}{EMAIL}[route]\nupstream = [\"http://a\"]\n")),
        "bmauth.toml:5:1: `route` is one table; write [[route]] with two brackets, once for each route."
    );
    assert_eq!(
        problems(&format!("{URL}route = \"x\"\n{EMAIL}")),
        "bmauth.toml:2:9: `route` must be written as [[route]], once for each route."
    );
}

#[test]
fn a_routes_groups_are_names_and_ask_for_a_sign_in() {
    for (extra, told) in [
        (
            "groups = [\"a b\"]",
            "bmauth.toml:7:11: `route.groups` is \"a b\": a group's name is ASCII letters, digits and the signs - _ . : / @ +.",
        ),
        (
            "access = \"public\"\ngroups = [\"staff\"]",
            "bmauth.toml:8:10: `route.groups` is for routes with access = \"signed-in\": with access = \"public\" everyone gets in.",
        ),
    ] {
        assert_eq!(problems(&with(extra)), told);
    }
}

#[test]
fn what_is_not_built_says_so_and_refuses_to_start() {
    for (extra, place, key) in [
        ("step_up = \"5m\"", "7:1", "`route.step_up` is not built yet; remove it."),
        ("cors = {}", "7:1", "`route.cors` is not built yet; remove it."),
        ("users = [\"a@example.com\"]", "7:1", "`route.users` is not built yet; remove it."),
        ("services = true", "7:1", "`route.services` is not built yet; remove it."),
        ("keep_post = \"0\"", "7:1", "`route.keep_post` is not built yet; remove it."),
        ("[audit]\nkeep = \"1d\"", "7:2", "`audit` is not built yet; remove it."),
        ("[telemetry]\notlp = \"http://127.0.0.1:4317\"", "7:2", "`telemetry` is not built yet; remove it."),
        ("[server]\nredirect_http = \"0.0.0.0:80\"", "8:1", "`server.redirect_http` is not built yet; remove it."),
        ("[identity]\ncompat = [\"iap\"]", "8:1", "`identity.compat` is not built yet; remove it."),
        ("[passkeys]\napps = {}", "8:1", "`passkeys.apps` is not built yet; remove it."),
    ] {
        let told = problems(&with(extra));
        let expected = format!("bmauth.toml:{place}: {key}");
        assert!(told.starts_with(&expected) && !told.contains('\n'), "{told}\n{expected}");
    }
}

#[test]
fn the_api_section_is_checked() {
    says(
        "[api]\nreveal_accounts = \"no\"",
        "bmauth.toml:8:19: `api.reveal_accounts` is \"no\"; it must be true or false.",
    );
    for outside in ["59s", "61m"] {
        says(
            &format!("[api]\nelevation = {outside:?}"),
            &format!("bmauth.toml:8:13: `api.elevation` is {outside:?}: it must be from \"1m\" to \"1h\"."),
        );
    }
    says(
        "[api]\ncors = []",
        "bmauth.toml:8:1: `api.cors` is not a key. The keys here are reveal_accounts, elevation, allowed_origins, audience, default_role, roles, claims.",
    );
    says(
        "[api]\nallowed_origin = []",
        "bmauth.toml:8:1: `api.allowed_origin` is not a key. Did you mean `api.allowed_origins`?",
    );
    says(
        "[api]\naudience = \"a b\"",
        "bmauth.toml:8:12: `api.audience` is \"a b\": it must be 1 to 255 characters without spaces, like \"notes.example.com\".",
    );
}

#[test]
fn origins_that_may_call_the_api_are_named_exactly() {
    let like = "It must be like \"https://app.example.com\".";
    for (origin, why) in [
        ("*", "name every origin exactly: a pattern would also let in pages that you do not know"),
        ("https://*.example.com", "name every origin exactly: a pattern would also let in pages that you do not know"),
        ("null", "an origin starts with https://"),
        ("http://app.example.com", "http:// is for localhost alone: an attacker on the way could change the page"),
        (
            "https://app.example.com/",
            "an origin is a scheme, a host and a port, with nothing behind them, not even a slash",
        ),
        ("https://App.example.com", "browsers spell it \"https://app.example.com\""),
        ("https://app.example.com:443", "browsers spell it \"https://app.example.com\""),
        ("https://a b", "the host has a character that a host cannot have"),
    ] {
        says(
            &format!("[api]\nallowed_origins = [\"https://notes.example.com\", {origin:?}]"),
            &format!("bmauth.toml:8:49: `api.allowed_origins` is {origin:?}: {why}. {like}"),
        );
    }
    says(
        "[api]\nallowed_origins = [\"https://b.example\", \"https://b.example\"]",
        "bmauth.toml:8:41: `api.allowed_origins` is \"https://b.example\": it is there twice.",
    );
}

#[test]
fn no_app_is_handed_tokens_that_open_the_api() {
    let why = |route: &str| {
        format!(
            "which is also the audience of the route {route}: the tokens its app is handed would open the API in the name of its users. Give one of them another audience."
        )
    };
    says(
        "[api]\naudience = \"notes.example.com\"",
        &format!("bmauth.toml:8:12: `api.audience` is \"notes.example.com\", {}", why("notes.example.com/")),
    );
    let default = "https://notes.example.com/_bmauth/v1";
    says(
        &format!("audience = {default:?}"),
        &format!("bmauth.toml:1:1: `api.audience` is {default:?}, {}", why("notes.example.com/")),
    );
    says(
        &format!(
            "[[route]]\npath = \"/b\"\nupstream = \"http://b\"\naudience = {default:?}\n[api]\nelevation = \"1m\""
        ),
        &format!("bmauth.toml:11:1: `api.audience` is {default:?}, {}", why("notes.example.com/b")),
    );
}

#[test]
fn roles_are_such_as_everybody_may_have() {
    says("[api]\nroles = []", "bmauth.toml:8:9: `api.roles` has 0 roles; name 1 to 32, like [\"user\", \"me\"].");
    let admin = "Hasura asks its role \"admin\" for no permission, so everyone could read and write everything; give those few people a group of that name.";
    says("[api]\nroles = [\"user\", \"admin\"]", &format!("bmauth.toml:8:18: `api.roles` is \"admin\": {admin}"));
    says("[api]\nroles = [\"user\", \"user\"]", "bmauth.toml:8:18: `api.roles` is \"user\": it is there twice.");
    says(
        "[api]\nroles = [\"a b\"]",
        "bmauth.toml:8:10: `api.roles` is \"a b\": a role is 1 to 255 characters without spaces.",
    );
    says("[api]\ndefault_role = \"admin\"", &format!("bmauth.toml:8:16: `api.default_role` is \"admin\": {admin}"));
    says(
        "[api]\ndefault_role = \"member\"",
        "bmauth.toml:8:16: `api.default_role` is \"member\"; it must be one of `api.roles`: \"user\" or \"me\".",
    );
    says(
        "[api]\nroles = [\"member\"]",
        "bmauth.toml:8:9: `api.default_role` is \"user\"; it must be one of `api.roles`: \"member\".",
    );
}

#[test]
fn claims_say_nothing_that_people_write_themselves() {
    says("[api]\nclaims = \"x\"", "bmauth.toml:8:10: `api.claims` is \"x\"; it must be a table.");
    for (name, why) in [
        ("org", "a claim for Hasura begins with x-hasura-"),
        ("x-hasura-Org", "a claim's name has lower-case letters, digits and hyphens alone, at most 255"),
        ("x-hasura-user-id", "the gateway says that one itself, or Hasura gives it a meaning of its own"),
        ("x-hasura-auth-elevated", "the gateway says that one itself, or Hasura gives it a meaning of its own"),
        ("X-Hasura-Role", "the gateway says that one itself, or Hasura gives it a meaning of its own"),
    ] {
        says(
            &format!("[api.claims]\n{name} = \"x\""),
            &format!("bmauth.toml:8:1: `api.claims.{name}` cannot be a claim: {why}."),
        );
    }
    for variable in ["$name", "$metadata", "$Email"] {
        says(
            &format!("[api.claims]\nx-hasura-org = {variable:?}"),
            &format!(
                "bmauth.toml:8:16: `api.claims.x-hasura-org` is {variable:?}: only \"$email\", \"$email_domain\" and \"$groups\" are filled in: what people write themselves must not decide what they may see."
            ),
        );
    }
    says(
        "[api.claims]\nx-hasura-org = 7",
        "bmauth.toml:8:16: `api.claims.x-hasura-org` is 7; it must be text in quotes.",
    );
    let many: String = (0..17).map(|number| format!("x-hasura-c{number} = \"x\"\n")).collect();
    says(&format!("[api.claims]\n{many}"), "bmauth.toml:7:1: `api.claims` has 17 claims; the most is 16.");
}

#[test]
fn a_word_that_is_neither_built_nor_known_is_just_wrong() {
    says(
        "[accounts]\nrecovery = \"emial\"",
        "bmauth.toml:8:12: `accounts.recovery` is \"emial\": it must be \"email\", \"delayed\", \"admin\" or \"off\". Did you mean \"email\"?",
    );
    says(
        "[link]\napprove = \"yes\"",
        "bmauth.toml:8:11: `link.approve` is \"yes\": it must be \"on\", \"same-network\" or \"off\".",
    );
}

#[test]
fn the_short_address_is_one_that_people_can_type() {
    for bad in [
        "link",
        "/",
        "",
        "/link/",
        "/a b",
        "/länk",
        "/a%41",
        "/a.b",
        "/../x",
        "//x",
        "/l?x",
        "/abcdefghijklmnopqrstuvwxyz0123456",
    ] {
        says(
            &format!("[link]\npath = {bad:?}"),
            &format!(
                "bmauth.toml:8:8: `link.path` is {bad:?}: it must be a path that is easy to type, like \"/link\": letters, digits, “-”, “_” and “/”, at most 32 characters."
            ),
        );
    }
    says(
        "[link]\npath = \"/_BMAuth/x\"",
        "bmauth.toml:8:8: `link.path` is \"/_BMAuth/x\": paths below /_bmauth are the gateway’s own already; choose another one, like \"/link\".",
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() {
    let text = r##"public_url = "http://notes.example.com"
colour = "#fff"
[app]
accent = "#ffff00"
[server]
lisen = []
admin = "192.0.2.7:1"
[email]
from = "nobody"
smtp_url = "mail"
[accounts]
recovery = "mail"
[sessions]
idle = 5
absolute = "1y"
[identity]
header = "Cookie"
algorithm = "RS256"
[[route]]
path = "/_bmauth"
[[route]]
upstream = ["a"]
access = "none"
step_up = "5m"
"##;
    let told = problems(text);
    let places: Vec<&str> = told.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    let expected = [
        "1:14", "2:1", "4:10", "6:1", "7:9", "9:8", "10:12", "12:12", "14:8", "15:12", "17:10", "18:13", "19:1",
        "20:8", "22:13", "23:10", "24:1",
    ];
    let expected: Vec<String> = expected.iter().map(|place| format!("bmauth.toml:{place}")).collect();
    assert_eq!(places, expected, "{told}");
}

#[test]
fn a_path_that_looks_like_a_pattern_is_refused_with_what_to_write() {
    for (pattern, literal) in [
        ("/admin/*", "/admin"),
        ("/admin/**", "/admin"),
        ("/admin*", "/"),
        ("*", "/"),
        ("/*", "/"),
        ("/admin/(.*)", "/admin"),
        ("/admin/:id/x", "/admin"),
        ("/admin/{id}", "/admin"),
        ("/admin/<id>", "/admin"),
        ("/admin/[0-9]", "/admin"),
        ("/(a|b)", "/"),
        ("^/admin", "/admin"),
        ("^/admin$", "/admin"),
        ("~ ^/admin", "/admin"),
        ("/admin$", "/admin"),
    ] {
        let told = problems(&format!("{URL}{EMAIL}[[route]]\npath = {pattern:?}\nupstream = [\"http://a\"]\n"));
        let expected = format!("`route.path` is {pattern:?}: it looks like a pattern");
        assert!(told.contains(&expected) && told.ends_with(&format!("Write {literal:?}.")), "{told}");
    }
    for literal in ["/a:b", "/c++", "/$metadata", "/~me", "/@me", "/a=b", "/a.b"] {
        let config = loads(&format!("{URL}{EMAIL}[[route]]\npath = {literal:?}\nupstream = [\"http://a\"]\n"));
        assert_eq!(config.routes.iter().next().map(|route| route.path.as_str()), Some(literal));
    }
}
