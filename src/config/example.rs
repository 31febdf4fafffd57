//! Values that are still those of an example: a gateway starts with them, but visitors cannot come to it.

use crate::domain::email::Email;
use crate::domain::host::Host;

/// The domains that are kept for examples (RFC 2606 §3): an operator cannot have a host or a mailbox there.
const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];
/// What the examples sign in to the mail server with.
const CREDENTIALS: (&str, &str) = ("user", "password");

/// Whether a host is one of an example.
pub(super) fn is_host(host: &Host) -> bool {
    is_domain(host.as_str())
}

/// Whether a sender is one of an example.
pub(super) fn is_sender(sender: &Email) -> bool {
    is_domain(sender.domain())
}

/// Whether a mail server is signed in to as in an example.
pub(super) fn are_credentials(user: &str, password: &str) -> bool {
    (user, password) == CREDENTIALS
}

fn is_domain(name: &str) -> bool {
    DOMAINS
        .iter()
        .any(|domain| name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_an_example_is_known_by_whole_labels() {
        for (name, is_example) in [
            ("example.com", true),
            ("auth.example.com", true),
            ("a.b.example.org", true),
            ("example.net", true),
            ("notexample.com", false),
            ("example.com.acme.test", false),
            ("localhost", false),
            ("notes.demo.example", false),
        ] {
            assert_eq!(is_host(&Host::parse(name).unwrap()), is_example, "{name}");
        }
    }
}
