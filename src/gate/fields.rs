//! Fields by which an app is told who asks, or what for. They are ours to say, and nobody else's: the proxy takes a
//! client's out, and forward-auth has a proxy in front do so. Names stand folded, see [`crate::domain::field_name`].

use http::{HeaderName, HeaderValue};

use crate::auth::principal::Principal;

/// The plain identity fields, in the order of [`plain`].
pub static PLAIN: [HeaderName; 4] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("remote-groups"),
];

/// The identity in plain fields, for apps that know no tokens, in the order of [`PLAIN`]. What is not valid text for a
/// field is left out.
pub fn plain(principal: &Principal) -> [Option<HeaderValue>; 4] {
    let told = principal.told();
    // A comma in a group's name would make two groups of it.
    let groups: Vec<&str> = told.groups.iter().copied().filter(|group| !group.contains(',')).collect();
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
    [value(&told.account.to_string()), value(told.email), told.name.and_then(value), value(&groups.join(","))]
}
