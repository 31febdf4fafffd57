//! What Envoy takes out of a request before the app sees it.

use http::{HeaderName, HeaderValue};

use crate::domain::field_name;
use crate::gate::fields;

/// How many fields may have to go: the token's, the four plain ones, `Cookie` and `Authorization`.
pub(super) const FIELDS: usize = 7;

/// What Envoy writes itself, and takes away from strangers: the client's certificate, and the path it came with.
const ENVOYS_OWN: [&str; 2] = ["x-forwarded-client-cert", "x-envoy-original-path"];

/// The values of `x-envoy-auth-headers-to-remove`. Envoy removes after it has set what is copied from the answer, so a
/// field that has a value is never among them.
#[derive(Debug)]
pub(super) struct Removals(Vec<HeaderValue>);

impl Removals {
    pub(super) fn new(identity: &HeaderName) -> Self {
        let [user, email, name, groups] = fields::PLAIN.each_ref().map(HeaderName::as_str);
        let ours = [identity.as_str(), user, email, name, groups];
        let mut always: Vec<String> = ours.iter().flat_map(|name| other_spellings(name)).collect();
        let others = field_name::known_names().filter(|name| !ours.contains(name) && !ENVOYS_OWN.contains(name));
        always.extend(others.map(str::to_owned));
        let may_go = [ours[0], user, email, name, groups, "cookie", "authorization"];
        let values = (0..1usize << FIELDS).map(|set| {
            let these = may_go.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1);
            let names: Vec<&str> = always.iter().map(String::as_str).chain(these.map(|(_, name)| *name)).collect();
            HeaderValue::from_str(&names.join(",")).expect("names of fields are visible ASCII")
        });
        Self(values.collect())
    }

    /// The value for an answer by which these fields have to go: the token's, the plain ones in their order, `Cookie`,
    /// `Authorization`.
    pub(super) fn of(&self, these: [bool; FIELDS]) -> HeaderValue {
        let place = these.iter().rev().fold(0, |place, &goes| place << 1 | usize::from(goes));
        self.0.get(place).cloned().expect("there is one for each set of fields")
    }
}

/// How else a server that takes `_` and `.` for `-` would find the name written. Of a long name only the commonest.
fn other_spellings(name: &str) -> Vec<String> {
    let words: Vec<&str> = name.split('-').collect();
    let gaps = words.len() - 1;
    if gaps > 3 {
        return vec![name.replace('-', "_"), name.replace('-', ".")];
    }
    let spelled = (1..3usize.pow(u32::try_from(gaps).unwrap_or_default())).map(|mut number| {
        let mut spelling = words.first().copied().unwrap_or_default().to_owned();
        for word in words.iter().skip(1) {
            spelling.push(match number % 3 {
                0 => '-',
                1 => '_',
                _ => '.',
            });
            spelling.push_str(word);
            number /= 3;
        }
        spelling
    });
    spelled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(empty: [bool; FIELDS]) -> Vec<String> {
        let removals = Removals::new(&HeaderName::from_static("x-bmauth-jwt"));
        removals.of(empty).to_str().unwrap().split(',').map(str::to_owned).collect()
    }

    #[test]
    fn a_field_with_a_value_is_never_removed_and_one_without_always_is() {
        let [user, email, name, groups] = ["remote-user", "remote-email", "remote-name", "remote-groups"];
        let ours = ["x-bmauth-jwt", user, email, name, groups, "cookie", "authorization"];
        for set in 0..1 << FIELDS {
            let empty = [0, 1, 2, 3, 4, 5, 6].map(|place| set >> place & 1 == 1);
            let names = names(empty);
            for (name, is_empty) in ours.iter().zip(empty) {
                assert_eq!(names.iter().any(|removed| removed == name), is_empty, "{name} in {empty:?}");
            }
        }
    }

    #[test]
    fn every_other_spelling_of_ours_is_removed() {
        let names = names([false; FIELDS]);
        for name in ["x_bmauth_jwt", "x-bmauth_jwt", "x.bmauth-jwt", "x.bmauth.jwt", "remote_user", "remote.groups"] {
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
