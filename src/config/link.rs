//! `[link]`: signing in a second device. Not built in this version.

use super::problem::Checks;
use super::setting::{Written, did_you_mean, one_of, section};

section! {
    /// The section as it is written.
    struct LinkFile { approve }
    not_built { path }
}

/// Only `approve = "off"` is true so far.
pub(super) fn check(file: Written<LinkFile>, checks: &mut Checks) {
    let LinkFile { approve, path } = file.keys;
    if let Some(setting) = approve {
        let words = ["on", "same-network", "off"];
        setting.parsed(checks, |text| match text {
            "off" => Ok(()),
            "on" | "same-network" => {
                Err("linking a device is not built yet; remove the key or set it to \"off\". Until then each device signs in with its own or a synced passkey.".to_owned())
            }
            other => Err(format!("it must be {}.{}", one_of(&words), did_you_mean(other, &words))),
        });
    }
    if let Some(setting) = path {
        setting.not_built(checks, "Linking a device is not built either.");
    }
}
