//! Where a visitor goes next, as browsers send it and as it is kept.

use std::sync::LazyLock;

use url::Url;

use crate::domain::destination::Destination;
use crate::domain::host::Authority;
use crate::domain::origin::{Origin, OwnOrigins};
use crate::domain::own_paths::{BACK, DEVICES, SEGMENT, SIGN_IN};
use crate::domain::return_to::ReturnTo;
use crate::domain::route::Scheme;
use crate::gate::detour;

static HERE: LazyLock<Origin> = LazyLock::new(|| origin("notes.example.com"));
static OURS: LazyLock<OwnOrigins> =
    LazyLock::new(|| OwnOrigins::new(HERE.clone(), ["files.example.com", "wiki.example.com:8443"].map(origin)));

fn origin(authority: &str) -> Origin {
    let authority = Authority::parse(authority.as_bytes()).expect("a host and a port");
    Origin::of(Scheme::Https, authority)
}

/// Reads `return_to` as a browser sends it, and a destination as a store kept it. No visitor is sent to an origin that
/// is not ours or to a page of ours that does something, and what was read is read from what is kept of it.
pub fn destination(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(return_to) = ReturnTo::parse(text) {
        assert_eq!(return_to.as_str(), text);
        is_a_place_of_the_app(&format!("{}{}", *HERE, return_to.as_str()));
        leads_back(&return_to);
    }
    if let Some(destination) = Destination::read(text, &HERE, &OURS) {
        let address = destination.address(&HERE, &OURS);
        // What was read leads to where the text did, and nowhere else.
        let meant = if text.starts_with('/') { format!("{}{text}", *HERE) } else { text.to_owned() };
        assert_eq!(address.strip_suffix('/').unwrap_or(&address), meant.strip_suffix('/').unwrap_or(&meant));
        is_kept(&destination);
        let read_again = Destination::read(&address, &HERE, &OURS);
        assert_eq!(read_again.as_ref(), Some(&destination));
    }
    if let Ok(destination) = Destination::try_from(text.to_owned()) {
        is_kept(&destination);
    }
}

fn is_kept(destination: &Destination) {
    is_a_place_of_the_app(&destination.address(&HERE, &OURS));
    let kept = Destination::try_from(String::from(destination.clone()));
    assert_eq!(kept.as_ref(), Ok(destination));
    assert_eq!(kept.map(|kept| kept.address(&HERE, &OURS)), Ok(destination.address(&HERE, &OURS)));
}

/// Whether the address can stand in `Location`, and a browser goes by it to an origin of ours, into the app, to
/// "My devices" or to a bookmark.
fn is_a_place_of_the_app(address: &str) {
    assert!(address.bytes().all(|byte| byte.is_ascii_graphic()), "{address:?} cannot stand in a field");
    let url = Url::parse(address);
    assert!(url.is_ok(), "{address} is no address");
    let Ok(url) = url else { return };
    let origin = url.origin().ascii_serialization();
    assert!(OURS.find(&origin).is_some() && address.starts_with(&origin), "{address} leads to {origin}");
    let first = url.path().split(['/', ';']).nth(1).unwrap_or_default();
    assert!(
        !first.eq_ignore_ascii_case(SEGMENT) || [DEVICES, BACK].contains(&url.path()),
        "{address} leads to a page of ours"
    );
}

/// Whether the way round by a page of ours leads back to it.
fn leads_back(return_to: &ReturnTo) {
    let address = format!("{}{}", *HERE, detour::by_way_of(SIGN_IN, return_to));
    let url = Url::parse(&address);
    let back = url.as_ref().ok().and_then(|url| url.query_pairs().next());
    assert_eq!(back.map(|(name, value)| (name == "return_to", value == return_to.as_str())), Some((true, true)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::fuzzing::inputs::holds;

    #[test]
    fn no_visitor_is_sent_elsewhere_and_what_is_kept_is_read_back() {
        let start = prop_oneof![
            3 => Just(""),
            3 => Just("/"),
            2 => Just("https://notes.example.com"),
            2 => Just("https://wiki.example.com:8443/"),
            1 => Just("https://files.example.com:443/"),
            1 => Just("http://notes.example.com/"),
            1 => Just("https://notes.example.com."),
            1 => Just("/_bmauth"),
            1 => Just("//evil.example/"),
        ];
        let end = "(/[a-z0-9%.;]{0,4}){0,3}(\\?[a-z=&/%:]{0,6})?|[/\\\\.@:?#%a-z0-9\t\r\n ;_-]{0,16}|\\PC{0,8}";
        holds("destination", super::destination, (start, end).prop_map(|(start, end)| format!("{start}{end}")));
    }
}
