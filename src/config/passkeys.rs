//! `[passkeys]`: the relying party.

use super::example;
use super::problem::{Checks, SettingPlace};
use super::public_url::PublicUrl;
use super::setting::{WrittenSection, did_you_mean, section};
use crate::domain::host::Host;

section! {
    /// The section as it is written.
    struct PasskeysFile { rp_id, user_verification }
    not_built {
        native_origins: "Until then passkeys are used in browsers.",
        apps: "Until then passkeys are used in browsers.",
    }
}

/// The relying party. The device's own check of the person (user verification) is always required.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkeys {
    /// The domain that passkeys belong to: the host of `public_url` or a parent of it.
    pub rp_id: Host,
}

impl Passkeys {
    pub(super) fn check(
        file: WrittenSection<PasskeysFile>,
        public_url: Option<&(PublicUrl, SettingPlace)>,
        checks: &mut Checks,
    ) -> Option<Self> {
        let PasskeysFile { rp_id, user_verification } = file.keys;
        if let Some(setting) = user_verification {
            setting.parsed(checks, |text| match text {
                "required" => Ok(()),
                "preferred" | "discouraged" => Err(
                    "it must be \"required\": without the fingerprint, face or screen lock a passkey proves the device but not the person."
                        .to_owned(),
                ),
                other => Err(format!("it must be \"required\".{}", did_you_mean(other, &["required"]))),
            });
        }
        let rp_id = match (rp_id, public_url) {
            (Some(rp_id), url) => {
                let place = rp_id.place().clone();
                let rp_id = rp_id.parsed(checks, |text| read_rp_id(text, url.map(|(url, _)| url)))?;
                if example::is_host(&rp_id) {
                    checks.fault(
                        &place,
                        format!("`passkeys.rp_id` is {rp_id}, which is an example; write your own domain."),
                    );
                }
                rp_id
            }
            (None, Some((url, place))) => match can_hold_passkeys(url.host()) {
                Ok(()) => url.host().clone(),
                Err(why) => {
                    checks.refuse(place, format!("`public_url`: {why}"));
                    return None;
                }
            },
            (None, None) => return None,
        };
        Some(Self { rp_id })
    }
}

/// Reads `passkeys.rp_id`, which must cover the host of `public_url`.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn read_rp_id(text: &str, public_url: Option<&PublicUrl>) -> Result<Host, String> {
    let rp_id = Host::parse(text).map_err(|why| format!("{why}. It must be a domain name, like \"example.com\"."))?;
    if let Some(url) = public_url
        && !url.host().is_within(&rp_id)
    {
        let host = url.host().as_str();
        return Err(format!(
            "it must be {host:?}, the host of `public_url`, or a parent of it: browsers make passkeys for no other domain.{}",
            did_you_mean(text, &with_parents(host))
        ));
    }
    can_hold_passkeys(&rp_id)?;
    if let Some(url) = public_url
        && rp_id.as_str() == "localhost"
        && *url.host() != rp_id
    {
        return Err(format!(
            "browsers make passkeys for it at http://localhost alone, as for no top-level domain; leave it out, and it is {:?}. \
             Other hosts need no more: people are handed over to them.",
            url.host().as_str()
        ));
    }
    Ok(rp_id)
}

/// A host, and the domains above it that have a dot.
pub fn with_parents(host: &str) -> Vec<&str> {
    let dots = host.match_indices('.').filter_map(|(dot, _)| host.get(dot + 1..));
    std::iter::once(host).chain(dots.filter(|parent| parent.contains('.'))).collect()
}

/// Whether a browser takes this for a registrable domain. Top-level domains are public suffixes; the rest of
/// the list is the browser's to know.
fn can_hold_passkeys(host: &Host) -> Result<(), String> {
    let name = host.as_str();
    if host.ip().is_none() && (name.contains('.') || name == "localhost") {
        Ok(())
    } else {
        Err(format!(
            "browsers make no passkeys for {name:?}; it takes a domain with a dot, like \"example.com\", or localhost."
        ))
    }
}
