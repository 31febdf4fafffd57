//! What `bmauth check` and `bmauth doctor` say of a host that has both our pages and an app.

use crate::config::Config;
use crate::domain::host::Host;

/// What is to be said of `public_url`, where routes lead to an app on its host.
pub(super) fn of(config: &Config) -> Option<String> {
    let Config { public_url, routes, .. } = config;
    (public_url.is_https() && routes.knows_host(public_url.host())).then(|| of_host(public_url.host())).flatten()
}

/// What is to be said of a host with pages and an app; nothing on the machine of whoever develops.
pub(super) fn of_host(host: &Host) -> Option<String> {
    (!host.is_loopback()).then(|| {
        format!(
            "{host} has BMAuth's pages and an app, so a script of that app runs in the same origin as the sign-in pages: they \
             refuse fetch and frames, and every act on passkeys asks for a passkey. Safer, before people register: a host of \
             its own for public_url (https://auth.example.com, with passkeys.rp_id = \"example.com\"), and one for each app, \
             since a session is good on its own host alone (docs/security-model.md)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigSource, load};

    fn said(public_url: &str, route: &str) -> Option<String> {
        let email = "[email]\nfrom = \"no-reply@example.com\"\nsmtp_url = \"smtps://u:p@mail\"\n";
        let text = format!(
            "public_url = {public_url:?}\n{email}[passkeys]\nrp_id = {:?}\n[server]\ntrusted_proxies = [\"10.0.0.1\"]\n[[route]]\n{route}\n",
            if public_url.starts_with("https") { "example.com" } else { "localhost" }
        );
        of(&load(ConfigSource::text("bmauth.toml", text)).unwrap())
    }

    #[test]
    fn an_app_on_the_host_of_the_pages_is_told() {
        let app = "upstream = [\"http://127.0.0.1:8000\"]";
        let beside = said("https://notes.example.com", app).unwrap();
        assert!(beside.starts_with("notes.example.com has BMAuth's pages and an app"), "{beside}");
        for route in [
            format!("host = \"notes.example.com\"\npath = \"/blog\"\naccess = \"public\"\n{app}"),
            "path = \"/asked/about\"".to_owned(),
        ] {
            assert_eq!(said("https://notes.example.com:8443", &route), Some(beside.clone()), "{route}");
        }
    }

    #[test]
    fn no_app_beside_the_pages_or_a_developers_machine_is_nothing_to_tell() {
        let app = "upstream = [\"http://127.0.0.1:8000\"]";
        assert_eq!(said("https://auth.example.com", &format!("host = \"notes.example.com\"\n{app}")), None);
        assert_eq!(said("http://localhost:8080", app), None);
        for host in ["localhost", "app.localhost", "127.0.0.1"] {
            assert_eq!(of_host(&Host::parse(host).unwrap()), None, "{host}");
        }
    }
}
