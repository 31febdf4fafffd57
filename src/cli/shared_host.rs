//! What `bmauth check` and `bmauth doctor` say of the hosts of our pages and of apps: what they share.

use crate::config::Config;
use crate::domain::host::Host;
use crate::domain::route::Access;

/// What is to be said of the hosts of a configuration, a sentence or two for each thing; nothing on a developer's
/// machine.
pub(super) fn of(config: &Config) -> Vec<String> {
    let Config { public_url, routes, passkeys, .. } = config;
    if !public_url.is_https() {
        return Vec::new();
    }
    let beside_the_pages = routes.knows_host(public_url.host()).then(|| of_host(public_url.host())).flatten();
    // A host whose routes are all public has nothing to sign in for.
    let asks = |host: &Host| routes.iter().any(|route| route.host == *host && route.demands.access != Access::Public);
    let (within, outside): (Vec<&Host>, Vec<&Host>) =
        routes.hosts().filter(|host| asks(host)).partition(|host| host.is_within(&passkeys.rp_id));
    let public_url = public_url.url().as_str().trim_end_matches('/');
    let together = (within.len() > 1).then(|| {
        format!(
            "{} share the passkey domain {}, the accounts, and a browser's sign-in: one passkey opens them all, and signing \
             out of one ends all. Each has a session of its own, which opens no other",
            listed(&within),
            passkeys.rp_id
        )
    });
    let beyond = (!outside.is_empty()).then(|| {
        let verb = if outside.len() == 1 { "is" } else { "are" };
        let handed_over = format!(
            "{} {verb} outside the passkey domain {}: people sign in at {public_url} and are handed over",
            listed(&outside),
            passkeys.rp_id
        );
        // Of the host of the pages alone, which is what it is where the operator has not said another.
        let parent = (passkeys.rp_id == *config.public_url.host()).then(|| parent_of_all(&passkeys.rp_id, &outside)).flatten();
        match parent {
            Some(parent) => format!(
                "{handed_over}. Passkeys made for {} are good on that host alone, for good: if people have none yet, say \
                 passkeys.rp_id = \"{parent}\"",
                passkeys.rp_id
            ),
            None => handed_over,
        }
    });
    beside_the_pages.into_iter().chain(together).chain(beyond).collect()
}

/// What is to be said of a host where people sign in, and which has an app too; nothing on a developer's machine.
pub(super) fn of_host(host: &Host) -> Option<String> {
    (!host.is_loopback()).then(|| {
        format!(
            "better, before people register: a host of its own for public_url (https://auth.example.com, with passkeys.rp_id = \
             \"example.com\"), and one for each app (docs/several-apps.md). {host} has both BMAuth's pages and an app, which \
             share their origin: a script of the app can ask people for a passkey there, though pages refuse it fetch and \
             frames and every act on passkeys takes a passkey; and a service worker of the app sees the pages, or hides them \
             (docs/security-model.md)"
        )
    })
}

/// The domain right above a host, where other hosts are below it too: no registry's own, which has no dot.
fn parent_of_all<'a>(host: &'a Host, others: &[&Host]) -> Option<&'a str> {
    let (_, parent) = host.as_str().split_once('.')?;
    let is_below = |other: &&Host| other.as_str().strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'));
    (parent.contains('.') && others.iter().any(is_below)).then_some(parent)
}

/// The hosts in a sentence.
fn listed(hosts: &[&Host]) -> String {
    hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigSource, load};

    const APP: &str = "upstream = [\"http://127.0.0.1:8000\"]";

    fn said(public_url: &str, routes: &[String]) -> Vec<String> {
        let email = "[email]\nfrom = \"no-reply@example.com\"\nsmtp_url = \"smtps://u:p@mail\"\n[accounts]\nregistration = \"open\"\n";
        let routes: String = routes.iter().map(|route| format!("[[route]]\n{route}\n")).collect();
        let text = format!(
            "public_url = {public_url:?}\n{email}[passkeys]\nrp_id = {:?}\n[server]\ntrusted_proxies = [\"10.0.0.1\"]\n{routes}",
            if public_url.starts_with("https") { "example.com" } else { "localhost" }
        );
        of(&load(ConfigSource::text("bmauth.toml", text)).unwrap())
    }

    fn at(host: &str) -> String {
        format!("host = {host:?}\n{APP}")
    }

    #[test]
    fn an_app_on_the_host_of_the_pages_is_told_what_is_better_first() {
        let beside = said("https://notes.example.com", &[APP.to_owned()]);
        let [note] = &*beside else { panic!("{beside:?}") };
        assert!(note.starts_with("better, before people register: a host of its own for public_url"), "{note}");
        assert!(note.contains("notes.example.com has both BMAuth's pages and an app"), "{note}");
        for route in [
            format!("host = \"notes.example.com\"\npath = \"/blog\"\naccess = \"public\"\n{APP}"),
            "path = \"/asked/about\"".to_owned(),
        ] {
            assert_eq!(said("https://notes.example.com:8443", std::slice::from_ref(&route)), beside, "{route}");
        }
    }

    #[test]
    fn no_app_beside_the_pages_or_a_developers_machine_is_nothing_to_tell() {
        let none: Vec<String> = Vec::new();
        assert_eq!(said("https://auth.example.com", &[at("notes.example.com")]), none);
        assert_eq!(said("http://localhost:8080", &[APP.to_owned(), at("app.localhost"), at("other.example")]), none);
        for host in ["localhost", "app.localhost", "127.0.0.1"] {
            assert_eq!(of_host(&Host::parse(host).unwrap()), None, "{host}");
        }
    }

    #[test]
    fn an_operator_who_left_rp_id_out_is_told_what_it_might_be() {
        let host = |text: &str| Host::parse(text).unwrap();
        for (pages, other, expected) in [
            ("auth.example.com", "wiki.example.com", Some("example.com")),
            ("auth.example.com", "a.b.example.com", Some("example.com")),
            ("auth.example.com", "example.com", None),
            ("auth.example.com", "notexample.com", None),
            ("auth.example.com", "other-domain.org", None),
            ("example.com", "other.com", None),
        ] {
            assert_eq!(parent_of_all(&host(pages), &[&host(other)]), expected, "{pages} {other}");
        }
    }

    #[test]
    fn several_apps_of_one_passkey_domain_are_told_what_they_share() {
        let public = format!("{}\naccess = \"public\"", at("www.example.com"));
        let routes = [at("wiki.example.com"), at("notes.example.com"), public];
        assert_eq!(
            said("https://auth.example.com", &routes),
            [
                "notes.example.com, wiki.example.com share the passkey domain example.com, the accounts, and a browser's \
              sign-in: one passkey opens them all, and signing out of one ends all. Each has a session of its own, which \
              opens no other"
            ]
        );
    }

    #[test]
    fn apps_outside_the_passkey_domain_are_told_where_people_sign_in() {
        let told = said("https://auth.example.com:8443", &[at("notes.example.com"), at("other-domain.org")]);
        let expected = "other-domain.org is outside the passkey domain example.com: people sign in at https://auth.example.com:8443 and are handed over";
        assert_eq!(told, [expected]);
        let public = format!("{}\naccess = \"public\"", at("other-domain.org"));
        assert_eq!(said("https://auth.example.com", &[public]), Vec::<String>::new());
    }
}
