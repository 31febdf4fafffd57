//! `[accounts]`: who may have one.

use std::time::Duration;

use super::problem::Checks;
use super::setting::{Written, did_you_mean, one_of, section};
use crate::domain::email;
use crate::domain::recover::Mode;
use crate::domain::register::Policy;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

section! {
    /// The section as it is written.
    struct AccountsFile { registration, allowed_domains, recovery, recovery_delay }
    not_built {}
}

/// Who may have an account, and how its owner gets back in.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    pub(super) policy: Policy,
    pub(super) recovery: Mode,
    /// How long a recovery is held, where one is.
    pub(super) recovery_delay: Duration,
}

/// By default anybody may have one, and a code by e-mail gets them back in.
pub(super) fn check(file: Written<AccountsFile>, checks: &mut Checks) -> Option<Accounts> {
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
    let delay_place = recovery_delay.as_ref().map(|setting| setting.place().clone());
    let delay = match recovery_delay {
        Some(setting) => setting.duration(checks, HOUR..=30 * DAY),
        None => Some(DAY),
    };
    let recovery = match recovery {
        Some(setting) => setting.parsed(checks, |text| read_recovery(text, delay.unwrap_or(DAY))),
        None => Some(Mode::Email),
    };
    if let (Some(place), Some(Mode::Admin | Mode::Off)) = (delay_place, recovery) {
        checks.warn(
            &place,
            "`accounts.recovery_delay` says how long a recovery is held, but nothing holds one unless `accounts.recovery` is \"delayed\", or \"email\" and the recovery before was contested.",
        );
    }
    let policy = Policy { open: open?, allowed_domains: allowed_domains? };
    Some(Accounts { policy, recovery: recovery?, recovery_delay: delay? })
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

fn read_recovery(text: &str, delay: Duration) -> Result<Mode, String> {
    let words = ["email", "delayed", "admin", "off"];
    match text {
        "email" => Ok(Mode::Email),
        "delayed" => Ok(Mode::Delayed(delay)),
        "admin" => Ok(Mode::Admin),
        "off" => Ok(Mode::Off),
        other => Err(format!("it must be {}.{}", one_of(&words), did_you_mean(other, &words))),
    }
}

fn read_domain(text: &str) -> Result<String, String> {
    email::ascii_domain(text).ok_or_else(|| {
        let meant = text.trim().trim_start_matches("*.").rsplit('@').next().unwrap_or_default();
        let help = email::ascii_domain(meant).map(|meant| format!(" Did you mean {meant:?}?"));
        format!("it must be the part of an address after the “@”, like \"example.com\".{}", help.unwrap_or_default())
    })
}
