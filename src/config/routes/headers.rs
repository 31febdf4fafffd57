//! `request_headers` and `response_headers`: headers that a route sets or removes on the way.

use http::HeaderName;

use crate::config::problem::Checks;
use crate::config::setting::Setting;
use crate::domain::header_name::{self, IdentityNames, Tells, reads_as as is, reads_as_any as is_any};
use crate::domain::upstream::{HeaderChangeError, HeaderChanges};

/// Headers that are about one connection or the length of one message, folded: the gateway says them itself.
const OF_THE_CONNECTION: [&[u8]; 6] =
    [b"connection", b"contentlength", b"keepalive", b"proxyconnection", b"transferencoding", b"upgrade"];
/// More of them, that only requests have.
const OF_A_REQUEST: [&[u8]; 4] = [b"expect", b"http2settings", b"te", b"trailer"];

/// Reads what is changed in requests. None of it may tell the app who asks: that is the gateway's own to say, under
/// `identity` among others.
pub(super) fn read_request_headers(
    setting: Setting,
    identity: &IdentityNames,
    checks: &mut Checks,
) -> Option<HeaderChanges> {
    read(setting, checks, |name| {
        if header_name::is_of_identity(name, identity) {
            Err("apps learn from it who is signed in, which the gateway alone tells them; choose another name")
        } else if is(name, b"host") {
            Err("what an app is told as the host is said by `route.host_header`")
        } else if is(name, b"cookie") {
            Err("the visitor’s cookies for the app go on as they come")
        } else if header_name::tells(name) == Some(Tells::Target) {
            Err("some apps take it for another target than the one that was asked for, so the gateway sends it to none")
        } else if is_any(name, &OF_THE_CONNECTION) || is_any(name, &OF_A_REQUEST) {
            Err("it is about the connection to the app, and the gateway says it itself")
        } else {
            Ok(())
        }
    })
}

/// Reads what is changed in answers. None of it may set a cookie, which could be one of the gateway's own.
pub(super) fn read_response_headers(setting: Setting, checks: &mut Checks) -> Option<HeaderChanges> {
    read(setting, checks, |name| {
        if is(name, b"setcookie") {
            Err("it could set or drop the gateway’s own cookies; let the app set its own")
        } else if is_any(name, &OF_THE_CONNECTION) || is(name, b"trailer") {
            Err("it is about the connection to the visitor, and the gateway says it itself")
        } else {
            Ok(())
        }
    })
}

/// Reads which of a client's headers with `_` in their names are passed on.
pub(super) fn read_underscore_headers(
    setting: Setting,
    identity: &IdentityNames,
    checks: &mut Checks,
) -> Option<Vec<Box<str>>> {
    let items = setting.list(checks)?;
    let count = items.len();
    let read = |name: &str| {
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            Err("it is not the name of a header, like \"x_api_key\".")
        } else if !name.contains('_') {
            Err("it has no _ in it, and goes on anyway.")
        } else if header_name::tells(name).is_some() || identity.has(name) {
            Err("some apps take it for what only the gateway tells them, so it goes to none.")
        } else {
            Ok(name.to_ascii_lowercase().into_boxed_str())
        }
    };
    let names: Vec<_> = items
        .into_iter()
        .filter_map(|item| item.parsed(checks, |name| read(name).map_err(ToOwned::to_owned)))
        .collect();
    (names.len() == count).then_some(names)
}

/// Reads a table of names and values, an empty value for what is removed. `may` says why a name is not for the operator
/// to change.
fn read(
    setting: Setting,
    checks: &mut Checks,
    may: impl Fn(&str) -> Result<(), &'static str>,
) -> Option<HeaderChanges> {
    let section = setting.key.clone();
    let table = setting.table(checks)?;
    let mut changes = HeaderChanges::default();
    let mut complete = true;
    for (name, entry) in table.entries {
        let key = format!("{section}.{name}");
        if let Err(why) = may(&name) {
            checks.refuse(&entry.key_place, format!("`{key}` cannot be set or removed: {why}."));
            complete = false;
            continue;
        }
        let place = entry.node.place.clone();
        let setting = Setting { key: key.clone(), key_place: entry.key_place.clone(), node: entry.node };
        // A value may be a password of the app, so no message shows it.
        let Some(value) = setting.text_if_it_is() else {
            checks.refuse(&place, format!("`{key}` must be text in quotes; \"\" removes the header."));
            complete = false;
            continue;
        };
        if let Err(why) = changes.add(&name, Some(value.as_str()).filter(|value| !value.is_empty())) {
            let place = if why == HeaderChangeError::Value { &place } else { &entry.key_place };
            checks.refuse(place, format!("`{key}`: {why}."));
            complete = false;
        }
    }
    complete.then_some(changes)
}
