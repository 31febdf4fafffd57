//! `[link]`: signing in a second device from the first.

use super::problem::{Checks, SettingPlace};
use super::setting::{WrittenSection, section};
use crate::domain::link::LinkPolicy;
use crate::domain::own_paths::PREFIX;
use crate::domain::path::RequestPath;

section! {
    /// The section as it is written.
    struct LinkFile { approve, path }
    not_built {}
}

/// How a second device is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linking {
    /// Whether it works, and between whom.
    pub policy: LinkPolicy,
    /// The short address that people type, on the host of `public_url`.
    pub path: ShortPath,
}

/// A path that people type: `/link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShortPath(Box<str>);

impl ShortPath {
    /// The longest one, in characters: it stands in a sentence on a phone.
    const LONGEST: usize = 32;

    /// The path, with the slash at its start.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, String> {
        let plain =
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte)) && !text.contains("//");
        let path = RequestPath::parse(text.as_bytes()).ok().filter(|_| plain && text.len() <= Self::LONGEST);
        let Some(path) = path.filter(|path| !path.as_str().ends_with('/')) else {
            return Err(format!(
                "it must be a path that is easy to type, like \"/link\": letters, digits, “-”, “_” and “/”, at most {} characters.",
                Self::LONGEST
            ));
        };
        if path.is_reserved() {
            return Err(format!(
                "paths below {PREFIX} are the gateway’s own already; choose another one, like \"/link\"."
            ));
        }
        Ok(Self(text.into()))
    }
}

impl Linking {
    /// The section, and where its short address was written.
    pub(super) fn check(file: WrittenSection<LinkFile>, checks: &mut Checks) -> Option<(Self, Option<SettingPlace>)> {
        let LinkFile { approve, path } = file.keys;
        let policy = match approve {
            Some(setting) => setting.choice(
                checks,
                &[("on", LinkPolicy::On), ("same-network", LinkPolicy::SameNetwork), ("off", LinkPolicy::Off)],
            ),
            None => Some(LinkPolicy::default()),
        };
        let place = path.as_ref().map(|setting| setting.place().clone());
        let path = match path {
            Some(setting) => setting.parsed(checks, ShortPath::parse),
            None => Some(ShortPath("/link".into())),
        };
        Some((Self { policy: policy?, path: path? }, place))
    }
}
