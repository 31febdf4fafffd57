//! The commented configuration as it is written for an operator: the one template, with what they said in its places.
//! Its comments are written nowhere else.

use std::fmt;

use super::TEMPLATE;
use super::hidden::Hidden;
use super::public_url::PublicUrl;
use crate::domain::host::Host;
use crate::domain::register::NewAccounts;
use crate::domain::upstream::UpstreamUrl;

/// What an operator said of their gateway.
#[derive(Debug)]
pub struct OperatorAnswers {
    /// Where people sign in.
    pub public_url: PublicUrl,
    /// The host of the app, where it is another.
    pub app_host: Option<Host>,
    /// The domain of the passkeys, where it is another than the host of `public_url`.
    pub rp_id: Option<Host>,
    /// The app itself.
    pub upstream: UpstreamUrl,
    /// Who may register.
    pub registration: NewAccounts,
    /// The sender of letters, as a mailbox is written.
    pub from: WrittenSender,
    /// The server that takes letters; without one they are printed.
    pub smtp_url: Option<Hidden>,
}

/// A sender as it was written, which no log shows.
pub struct WrittenSender(pub String);

impl fmt::Debug for WrittenSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WrittenSender(…)")
    }
}

/// The text of a configuration that says this, and leaves everything else at its default.
pub fn fill(told: &OperatorAnswers) -> String {
    let OperatorAnswers { public_url, app_host, rp_id, upstream, registration, from, smtp_url } = told;
    let transport = smtp_url.is_none().then(|| "log".to_owned());
    let keys = [
        ("", "public_url", Some(public_url.to_string())),
        ("app", "name", None),
        ("email", "from", Some(from.0.clone())),
        ("email", "smtp_url", smtp_url.as_ref().map(|url| url.expose().to_owned())),
        ("email", "transport", transport),
        ("accounts", "registration", Some(registration.as_str().to_owned())),
        ("passkeys", "rp_id", rp_id.as_ref().map(Host::to_string)),
        ("route", "host", app_host.as_ref().map(Host::to_string)),
    ];
    let mut keys: Vec<_> = keys.into_iter().map(|(table, key, value)| (table, key, value.map(quoted))).collect();
    keys.push(("route", "upstream", Some(format!("[{}]", quoted(upstream.to_string())))));

    let (mut table, mut text) = ("", String::new());
    for line in TEMPLATE.lines() {
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_matches(['[', ']']);
        }
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let key = bare.split_once(" = ").map(|(key, _)| key);
        // Each is taken once: what stands below is an example of more.
        let place = keys.iter().position(|(of, name, _)| *of == table && key == Some(name));
        match place.map(|place| keys.swap_remove(place)) {
            Some((_, key, Some(value))) => text.push_str(&format!("{key} = {value}")),
            Some((_, _, None)) => text.push_str(&format!("# {bare}")),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// A text as TOML writes it.
fn quoted(text: String) -> String {
    toml::Value::String(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::email::TransportSettings;
    use super::*;
    use crate::config::{Config, ConfigSource, load};

    fn url(text: &str) -> PublicUrl {
        PublicUrl::parse(text).unwrap()
    }

    fn answers(public_url: &str) -> OperatorAnswers {
        OperatorAnswers {
            public_url: url(public_url),
            app_host: None,
            rp_id: None,
            upstream: UpstreamUrl::parse("http://127.0.0.1:3000").unwrap(),
            registration: NewAccounts::Invite,
            from: WrittenSender("\"Acme, Inc.\" <post@acme.test>".to_owned()),
            smtp_url: None,
        }
    }

    #[track_caller]
    fn loads(text: &str) -> Config {
        load(ConfigSource::text("bmauth.toml", text)).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
    }

    #[test]
    fn whatever_is_said_is_what_is_read() {
        for public_url in
            ["http://localhost:8080", "http://notes.localhost", "https://auth.acme.test", "https://a.b.acme.test:8443"]
        {
            for registration in NewAccounts::ALL {
                for smtp_url in [None, Some("smtps://us%40er:p\"w\\x@mail.acme.test"), Some("smtp://127.0.0.1:2525")] {
                    for app_host in [None, Some("notes.acme.test"), Some("elsewhere.test")] {
                        let told = OperatorAnswers {
                            registration,
                            smtp_url: smtp_url.map(|url| Hidden::new(url.to_owned())),
                            app_host: app_host.map(|host| Host::parse(host).unwrap()),
                            rp_id: (public_url.contains("acme") && app_host.is_some())
                                .then(|| Host::parse("acme.test").unwrap()),
                            ..answers(public_url)
                        };
                        let config = loads(&fill(&told));
                        assert_eq!(config.public_url, told.public_url);
                        assert_eq!(config.policy.new_accounts, registration);
                        assert_eq!(
                            config.passkeys.rp_id,
                            told.rp_id.unwrap_or_else(|| config.public_url.host().clone())
                        );
                        let hosts: Vec<_> = config.routes.hosts().collect();
                        assert_eq!(hosts, [told.app_host.as_ref().unwrap_or(config.public_url.host())]);
                        let routes: Vec<_> = config.routes.iter().collect();
                        assert_eq!(routes[0].upstream.servers, [told.upstream]);
                        assert_eq!(config.email.from.name.as_deref(), Some("Acme, Inc."));
                        assert_eq!(config.brand.name(), config.public_url.host().as_str());
                        match (config.email.transport, smtp_url) {
                            (TransportSettings::Log, None) => {}
                            (TransportSettings::Smtp(smtp), Some(url)) => assert!(url.contains(smtp.host.as_str())),
                            (transport, smtp_url) => panic!("{transport:?} for {smtp_url:?}"),
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_comment_stays_and_nothing_of_the_example_is_left_that_counts() {
        let text = fill(&answers("https://auth.acme.test"));
        assert_eq!(text.lines().count(), TEMPLATE.lines().count());
        for (line, before) in text.lines().zip(TEMPLATE.lines()) {
            let counts = !line.starts_with('#');
            assert!(!(counts && line.contains("example")), "{line}");
            if before.starts_with('#') && line != before {
                assert_eq!((before, line), ("# transport = \"smtp\"", "transport = \"log\""));
            }
        }
        assert_eq!(loads(&text).faults.len(), 1, "letters that are printed while public_url is https");
    }
}
