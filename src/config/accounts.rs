//! `[accounts]`: who may have one.

use super::problem::Checks;
use super::setting::{Setting, Written, did_you_mean, one_of, section};
use crate::domain::email;
use crate::domain::register::Policy;

section! {
    /// The section as it is written.
    struct AccountsFile { registration, allowed_domains }
    not_built { recovery, recovery_delay }
}

/// By default anybody may have one.
pub(super) fn check(file: Written<AccountsFile>, checks: &mut Checks) -> Option<Policy> {
    let AccountsFile { registration, allowed_domains, recovery, recovery_delay } = file.keys;
    let open = match registration {
        Some(setting) => setting.parsed(checks, read_registration),
        None => Some(true),
    };
    let allowed_domains = match allowed_domains {
        Some(setting) => setting.list(checks).and_then(|items| {
            let count = items.len();
            let read: Vec<String> = items.into_iter().filter_map(|item| item.parsed(checks, read_domain)).collect();
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
    Some(Policy { open: open?, allowed_domains: allowed_domains? })
}

/// Whether registration is open.
fn read_registration(text: &str) -> Result<bool, String> {
    let words = ["open", "closed"];
    match text {
        "open" => Ok(true),
        "closed" => Ok(false),
        "invite" => Err("invitations are not built yet; set it to \"open\" or \"closed\".".to_owned()),
        other => Err(format!("it must be {}.{}", one_of(&words), did_you_mean(other, &words))),
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
        let meant = text.trim().trim_start_matches("*.").rsplit('@').next().unwrap_or_default();
        let help = email::ascii_domain(meant).map(|meant| format!(" Did you mean {meant:?}?"));
        format!("it must be the part of an address after the “@”, like \"example.com\".{}", help.unwrap_or_default())
    })
}
