//! What Envoy takes out of a request before the app sees it.

use http::{HeaderName, HeaderValue};

use crate::domain::header_name;

/// What Envoy writes itself, and takes away from strangers: the client's certificate, and the path it came with.
const ENVOYS_OWN: [&str; 2] = ["x-forwarded-client-cert", "x-envoy-original-path"];

/// What always stands in `x-envoy-auth-headers-to-remove`. Envoy removes after it has set what is copied from the
/// answer, so a header that may have a value is not among it.
#[derive(Debug)]
pub(super) struct Removals(String);

impl Removals {
    /// `ours` are the headers that tell who asks.
    pub(super) fn new(ours: &[HeaderName]) -> Self {
        let is_ours = |name: &str| ours.iter().any(|own| own == name);
        let others = header_name::known_names().filter(|name| !is_ours(name) && !ENVOYS_OWN.contains(name));
        let spellings = ours.iter().flat_map(|name| other_spellings(name.as_str()));
        let always: Vec<String> = spellings.chain(others.map(str::to_owned)).collect();
        Self(always.join(","))
    }

    /// The value for an answer by which `these` have to go as well.
    pub(super) fn with<'a>(&self, these: impl Iterator<Item = &'a HeaderName>) -> HeaderValue {
        let mut all = self.0.clone();
        for name in these {
            all.push(',');
            all.push_str(name.as_str());
        }
        HeaderValue::try_from(all).expect("names of headers are visible ASCII")
    }
}

/// The other names that a server which does not tell `_` and `.` from `-` would take for this one: each way to write the
/// gaps between its words. A name of many words has too many of them, so only the commonest two.
fn other_spellings(name: &str) -> Vec<String> {
    if name.matches('-').count() > 3 {
        return vec![name.replace('-', "_"), name.replace('-', ".")];
    }
    let mut words = name.rsplit('-');
    let mut spellings: Vec<String> = words.next().into_iter().map(str::to_owned).collect();
    for word in words {
        let with_word = |rest: &String| ['-', '_', '.'].map(|gap| format!("{word}{gap}{rest}"));
        spellings = spellings.iter().flat_map(with_word).collect();
    }
    spellings.retain(|spelling| spelling != name);
    spellings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn removals() -> Removals {
        let ours = ["x-bmauth-jwt", "remote-user", "remote-groups", "x-remote-user", "acme"];
        Removals::new(&ours.map(HeaderName::from_static))
    }

    fn names(these: &[HeaderName]) -> Vec<String> {
        removals().with(these.iter()).to_str().unwrap().split(',').map(str::to_owned).collect()
    }

    #[test]
    fn a_field_with_a_value_is_never_removed_and_one_without_always_is() {
        let unsaid = ["remote-groups", "x-remote-user", "cookie"].map(HeaderName::from_static);
        let names = names(&unsaid);
        for name in &unsaid {
            assert!(names.iter().any(|removed| name == removed.as_str()), "{name}");
        }
        for name in ["x-bmauth-jwt", "remote-user", "acme", "authorization"] {
            assert!(!names.iter().any(|removed| removed == name), "{name}");
        }
    }

    #[test]
    fn every_other_spelling_of_ours_is_removed() {
        let names = names(&[]);
        for name in [
            "x_bmauth_jwt",
            "x-bmauth_jwt",
            "x.bmauth-jwt",
            "x.bmauth.jwt",
            "remote_user",
            "remote.groups",
            "x_remote-user",
            "x.remote.user",
            "remote-email",
            "x-remote-group",
        ] {
            assert!(names.iter().any(|removed| removed == name), "{name} in {names:?}");
        }
        assert_eq!(other_spellings("a"), Vec::<String>::new());
        assert_eq!(other_spellings("a-b"), ["a_b", "a.b"]);
        assert_eq!(other_spellings("a-b-c-d-e"), ["a_b_c_d_e", "a.b.c.d.e"]);
        let mut sorted = names.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), names.len(), "none comes twice");
    }
}
