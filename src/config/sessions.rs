//! `[sessions]`: how long people stay signed in.

use std::time::Duration;

use super::problem::Checks;
use super::setting::{WrittenSection, section, show_duration};

section! {
    /// The section as it is written.
    struct SessionsFile { idle, absolute }
    not_built {}
}

/// How long people stay signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// The longest time without a request.
    pub idle: Duration,
    /// The longest time in all.
    pub absolute: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_secs(10 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest a browser keeps a cookie (RFC 6265bis §5.5).
const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);

impl SessionSettings {
    /// With a store that many gateways share (`is_shared`), uses are written down less often.
    pub(super) fn check(file: WrittenSection<SessionsFile>, is_shared: bool, checks: &mut Checks) -> Option<Self> {
        let WrittenSection { place: section, keys: SessionsFile { idle, absolute } } = file;
        let place = idle.as_ref().or(absolute.as_ref()).map_or(section, |setting| setting.place().clone());
        let idle = match idle {
            Some(setting) => setting.duration(checks, MINUTE..=LONGEST),
            None => Some(DAY),
        };
        let absolute = match absolute {
            Some(setting) => setting.duration(checks, MINUTE..=LONGEST),
            None => Some(30 * DAY),
        };
        let (idle, absolute) = (idle?, absolute?);
        if idle > absolute {
            let (idle, absolute) = (show_duration(idle), show_duration(absolute));
            checks.refuse(
                &place,
                format!("`sessions.idle` is {idle}, longer than `sessions.absolute`, {absolute}; a session cannot idle past its end."),
            );
        }
        if is_shared && idle < SHORT {
            let idle = show_duration(idle);
            checks.warn(
                &place,
                format_args!("`sessions.idle` is {idle}, and gateways of one database know of each other's visitors up to two minutes late: people may have to sign in again although they are at work. Ten minutes or more are better."),
            );
        }
        Some(Self { idle, absolute })
    }
}
