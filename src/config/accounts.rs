//! `[accounts]`: who may have one.

use std::time::Duration;

use super::problem::{Checks, SettingPlace};
use super::setting::{Setting, WrittenSection, did_you_mean, one_of, section};
use crate::domain::email::{self, Email};
use crate::domain::group;
use crate::domain::recover::RecoveryMode;
use crate::domain::register::{NewAccounts, RegisterPolicy};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

section! {
    /// The section as it is written.
    struct AccountsFile { registration, allowed_domains, allowed_emails, recovery, recovery_delay, admins }
    not_built {}
}

/// Who may have an account, and how its owner gets back in.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    pub(super) policy: RegisterPolicy,
    pub(super) recovery: RecoveryMode,
    /// How long a recovery is held, where one is.
    pub(super) recovery_delay: Duration,
    /// The administrators' group, if there is one.
    pub(super) admins: Option<String>,
}

/// Who may register has to be said; a code by e-mail gets them back in unless something else is.
pub(super) fn check(file: WrittenSection<AccountsFile>, checks: &mut Checks) -> Option<Accounts> {
    let WrittenSection { place, keys } = file;
    let AccountsFile { registration, allowed_domains, allowed_emails, recovery, recovery_delay, admins } = keys;
    let lists = [&allowed_domains, &allowed_emails].map(|list| list.as_ref().map(|setting| setting.place().clone()));
    let new_accounts = check_registration(registration, &place, checks);
    let allowed_domains = list(allowed_domains, checks, read_domain);
    let allowed_emails = list(allowed_emails, checks, |text| Email::parse(text).map_err(|why| why.to_string()));
    let delay_place = recovery_delay.as_ref().map(|setting| setting.place().clone());
    let delay = match recovery_delay {
        Some(setting) => setting.duration(checks, HOUR..=30 * DAY),
        None => Some(DAY),
    };
    let recovery = match recovery {
        Some(setting) => setting.parsed(checks, |text| read_recovery(text, delay.unwrap_or(DAY))),
        None => Some(RecoveryMode::Email),
    };
    if let (Some(place), Some(RecoveryMode::Admin | RecoveryMode::Off)) = (delay_place, recovery) {
        checks.warn(
            &place,
            "`accounts.recovery_delay` says how long a recovery is held, but nothing holds one unless `accounts.recovery` is \"delayed\", or \"email\" and the recovery before was contested.",
        );
    }
    let admins = match admins {
        Some(setting) => setting.parsed(checks, read_admins),
        None => Some(None),
    };
    let policy = RegisterPolicy {
        new_accounts: new_accounts?,
        allowed_domains: allowed_domains?,
        allowed_emails: allowed_emails?,
    };
    if policy.new_accounts != NewAccounts::Open {
        for place in lists.into_iter().flatten() {
            checks.warn(
                &place,
                format_args!(
                    "This limits who may register with `accounts.registration` = \"open\". With \"{}\", only people whom `bmauth users add` names may register.",
                    policy.new_accounts.as_str()
                ),
            );
        }
    }
    Some(Accounts { policy, recovery: recovery?, recovery_delay: delay?, admins: admins? })
}

fn check_registration(setting: Option<Setting>, section: &SettingPlace, checks: &mut Checks) -> Option<NewAccounts> {
    let Some(setting) = setting else {
        checks.refuse(
            section,
            "`accounts.registration` is missing. It says who may have an account: \"open\" is anyone who proves an e-mail address (of `allowed_domains` and `allowed_emails` alone, where one of these is set); \"invite\" is people you name with `bmauth users add`, and the page says that it is by invitation; \"closed\" is the same, and while no address is named the page says that new accounts are closed. Write it below [accounts], like registration = \"invite\".",
        );
        return None;
    };
    setting.parsed(checks, read_registration)
}

/// Reads `accounts.registration`, as the file or a flag says it.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn read_registration(text: &str) -> Result<NewAccounts, String> {
    let words = NewAccounts::ALL.map(NewAccounts::as_str);
    let named = NewAccounts::ALL.into_iter().find(|value| value.as_str() == text);
    named.ok_or_else(|| format!("it must be {}.{}", one_of(&words), did_you_mean(text, &words)))
}

fn list<T>(setting: Option<Setting>, checks: &mut Checks, read: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
    let Some(setting) = setting else { return Some(Vec::new()) };
    let items = setting.list(checks)?;
    let count = items.len();
    let read: Vec<T> = items.into_iter().filter_map(|item| item.parsed(checks, &read)).collect();
    (read.len() == count).then_some(read)
}

fn read_recovery(text: &str, delay: Duration) -> Result<RecoveryMode, String> {
    let words = ["email", "delayed", "admin", "off"];
    match text {
        "email" => Ok(RecoveryMode::Email),
        "delayed" => Ok(RecoveryMode::Delayed(delay)),
        "admin" => Ok(RecoveryMode::Admin),
        "off" => Ok(RecoveryMode::Off),
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

/// The name of a group; "" is none.
fn read_admins(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    group::parse(text).map(Some).map_err(|why| format!("{why}."))
}
