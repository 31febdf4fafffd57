//! `[accounts]`: who may have one.

use super::problem::Checks;
use super::setting::{Setting, Written, did_you_mean, one_of, section};
use crate::domain::email::{self, Email};

section! {
    /// The section as it is written.
    struct AccountsFile { registration, allowed_domains }
    not_built { recovery, recovery_delay }
}

/// Who may have an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Whether strangers may make one.
    pub registration: Registration,
    /// The domains an address may have, as `Email::domain` gives them; none means any.
    pub allowed_domains: Vec<String>,
}

/// Whether strangers may make an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Registration {
    /// Anybody whose address is allowed.
    #[default]
    Open,
    /// Nobody.
    Closed,
}

impl Accounts {
    /// Whether this address is of an allowed domain. A domain does not stand for those below it.
    pub fn allows(&self, email: &Email) -> bool {
        self.allowed_domains.is_empty()
            || self
                .allowed_domains
                .iter()
                .any(|domain| domain == email.domain())
    }

    pub(super) fn check(file: Written<AccountsFile>, checks: &mut Checks) -> Option<Self> {
        let AccountsFile {
            registration,
            allowed_domains,
            recovery,
            recovery_delay,
        } = file.keys;
        let registration = match registration {
            Some(setting) => setting.parsed(checks, read_registration),
            None => Some(Registration::default()),
        };
        let allowed_domains = match allowed_domains {
            Some(setting) => setting.list(checks).and_then(|items| {
                let count = items.len();
                let read: Vec<String> = items
                    .into_iter()
                    .filter_map(|item| item.parsed(checks, read_domain))
                    .collect();
                (read.len() == count).then_some(read)
            }),
            None => Some(Vec::new()),
        };
        if let Some(setting) = recovery {
            check_recovery(setting, checks);
        }
        if let Some(setting) = recovery_delay {
            setting.not_built(checks, "Recovery itself is not built either.");
        }
        Some(Self {
            registration: registration?,
            allowed_domains: allowed_domains?,
        })
    }
}

fn read_registration(text: &str) -> Result<Registration, String> {
    let words = ["open", "closed"];
    match text {
        "open" => Ok(Registration::Open),
        "closed" => Ok(Registration::Closed),
        "invite" => {
            Err("invitations are not built yet; set it to \"open\" or \"closed\".".to_owned())
        }
        other => Err(format!(
            "it must be {}.{}",
            one_of(&words),
            did_you_mean(other, &words)
        )),
    }
}

/// Only "off" is true so far.
fn check_recovery(setting: Setting, checks: &mut Checks) {
    let words = ["email", "delayed", "admin", "off"];
    setting.parsed(checks, |text| match text {
        "off" => Ok(()),
        "email" | "delayed" | "admin" => {
            Err("recovery is not built yet; remove the key or set it to \"off\". Until then a lost passkey cannot be replaced.".to_owned())
        }
        other => Err(format!("it must be {}.{}", one_of(&words), did_you_mean(other, &words))),
    });
}

fn read_domain(text: &str) -> Result<String, String> {
    email::ascii_domain(text).ok_or_else(|| {
        let meant = text
            .trim()
            .trim_start_matches("*.")
            .rsplit('@')
            .next()
            .unwrap_or_default();
        let help = email::ascii_domain(meant).map(|meant| format!(" Did you mean {meant:?}?"));
        format!(
            "it must be the part of an address after the “@”, like \"example.com\".{}",
            help.unwrap_or_default()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_domain_stands_for_itself_alone() {
        let accounts = |domains: &[&str]| Accounts {
            registration: Registration::Open,
            allowed_domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        };
        let email = |text| Email::parse(text).expect("an address");
        assert!(accounts(&[]).allows(&email("a@anything.example")));
        assert!(accounts(&["example.com", "b.example"]).allows(&email("a@B.example")));
        assert!(!accounts(&["example.com"]).allows(&email("a@sub.example.com")));
        assert!(!accounts(&["example.com"]).allows(&email("a@badexample.com")));
    }
}
