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

/// Fields by which some gateway tells an app who asks.
pub const KNOWN: [&[u8]; 11] = [
    b"remoteuser",
    b"remoteemail",
    b"remotename",
    b"remotegroups",
    b"xforwardeduser",
    b"xforwardedemail",
    b"xforwardedgroups",
    b"xforwardedpreferredusername",
    b"xforwardedaccesstoken",
    b"xremoteuser",
    b"xbmauthjwt",
];
/// What the names of such fields begin with: an app that stood behind another gateway before may still believe them.
pub const FAMILIES: [&[u8]; 8] = [
    b"xauthrequest",
    b"xauthenticated",
    b"xauthentik",
    b"xwebauth",
    b"xpomerium",
    b"xgoogiap",
    b"xgoogauthenticated",
    b"cfaccess",
];
/// Becomes the variable `HTTP_PROXY` in CGI, by which an app's own requests would be led elsewhere (CVE-2016-5385).
pub const CGI_VARIABLE: &[u8] = b"proxy";
/// Fields that some servers take for the real target, by which nothing was decided.
pub const OTHER_TARGET: [&[u8]; 6] =
    [b"xoriginalurl", b"xoriginaluri", b"xrewriteurl", b"xforwardeduri", b"xforwardedurl", b"xforwardedpath"];

/// The identity in plain fields, for apps that know no tokens, in the order of [`PLAIN`]. What is not valid text for a
/// field is left out.
pub fn plain(principal: &Principal) -> [Option<HeaderValue>; 4] {
    let told = principal.told();
    // A comma in a group's name would make two groups of it.
    let groups: Vec<&str> = told.groups.iter().copied().filter(|group| !group.contains(',')).collect();
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
    [value(&told.account.to_string()), value(told.email), told.name.and_then(value), value(&groups.join(","))]
}
