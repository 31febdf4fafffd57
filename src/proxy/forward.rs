//! What the app receives: the client's request without what only the gateway may say, and with what it says.

use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use pingora::http::RequestHeader;

use super::guard::Connection;
use super::incoming::Incoming;
use super::settings::Settings;
use crate::auth::sessions::LiveSession;
use crate::domain::cookies::{self, Theirs};
use crate::domain::field_name::Folded;
use crate::portal::{fields, kind};

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Fields by which a proxy in front says where a request comes from, folded, besides those of [`PROVENANCE_FAMILY`].
const PROVENANCE: [&[u8]; 9] = [
    b"forwarded",
    b"xrealip",
    b"xclientip",
    b"xclusterclientip",
    b"xoriginalforwardedfor",
    b"xoriginalhost",
    b"xoriginalmethod",
    b"trueclientip",
    b"cfconnectingip",
];
/// What the names of such fields begin with.
const PROVENANCE_FAMILY: &[u8] = b"xforwarded";
/// The spellings in which a trusted proxy says it; any other was passed on from its client.
const PROVENANCE_PLAIN: [&str; 12] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-original-method",
    "x-real-ip",
    "true-client-ip",
];

/// Which fields of a client's request are not passed on.
#[derive(Debug)]
pub(super) struct Spoofable {
    /// The identity header's name, folded.
    identity: Box<[u8]>,
}

impl Spoofable {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { identity: Folded::of(settings.identity_header.as_str()).start().into() }
    }

    fn is(&self, name: &HeaderName, from_trusted: bool) -> bool {
        // Nothing below begins with another letter; most fields end here. Names are in lower case already.
        let first = name.as_str().bytes().find(u8::is_ascii_alphanumeric);
        if !matches!(first, Some(b'c' | b'f' | b'p' | b'r' | b't' | b'x')) && first != self.identity.first().copied() {
            return false;
        }
        let folded = Folded::of(name.as_str());
        let of_identity =
            folded.is(&self.identity) || folded.is_any(&fields::KNOWN) || folded.begins_as_any(&fields::FAMILIES);
        if of_identity || folded.is(fields::CGI_VARIABLE) || folded.is_any(&fields::OTHER_TARGET) {
            return true;
        }
        let provenance = folded.is_any(&PROVENANCE) || folded.start().starts_with(PROVENANCE_FAMILY);
        provenance && !(from_trusted && PROVENANCE_PLAIN.contains(&name.as_str()))
    }

    /// The names of those fields in `headers`.
    pub(super) fn in_fields(&self, headers: &HeaderMap, from_trusted: bool) -> Vec<HeaderName> {
        headers.keys().filter(|name| self.is(name, from_trusted)).cloned().collect()
    }
}

/// What is said to the app about one request.
pub(super) struct Saying<'a> {
    pub(super) incoming: &'a Incoming,
    pub(super) connection: &'a Connection,
    pub(super) settings: &'a Settings,
    pub(super) spoofable: &'a Spoofable,
    /// Whether the route passes access tokens of ours on.
    pub(super) forward_authorization: bool,
    /// Whether it was let through for being a preflight, whoever it is from.
    pub(super) only_asks: bool,
    /// Whose request it is, and the token that says so.
    pub(super) identity: Option<(&'a LiveSession, HeaderValue)>,
}

/// Makes the client's request the app's. Pingora has taken out the hop-by-hop fields and those that `Connection` names
/// before, so nothing inserted here can be named there.
///
/// # Errors
/// A value could not be written, which refuses the request.
pub(super) fn rewrite(request: &mut RequestHeader, saying: Saying<'_>) -> pingora::Result<()> {
    let Saying { incoming, connection, settings, spoofable, forward_authorization, only_asks, identity } = saying;
    for name in spoofable.in_fields(&request.headers, incoming.from_trusted) {
        request.remove_header(&name);
    }
    if incoming.credentials.bearer.is_withheld(forward_authorization) {
        request.remove_header(&AUTHORIZATION);
    }
    if only_asks {
        keep_the_question(request);
    }
    drop_own_cookies(request)?;

    let authority = incoming.authority.to_string();
    if request.headers.get(HOST).is_none_or(|host| host != authority.as_str()) {
        request.insert_header(HOST, authority.as_str())?;
    }
    forwarded_for(request, connection)?;
    request.insert_header(X_FORWARDED_PROTO.clone(), incoming.scheme.as_str())?;
    request.insert_header(X_FORWARDED_HOST.clone(), authority)?;

    if let Some((live, token)) = identity {
        request.insert_header(settings.identity_header.clone(), token)?;
        if settings.plain_headers {
            for (name, value) in fields::PLAIN.iter().zip(fields::plain(&live.told())) {
                if let Some(value) = value {
                    request.insert_header(name.clone(), value)?;
                }
            }
        }
    }
    Ok(())
}

/// Nobody was asked who they are, so nothing by which an app could take this for more than a preflight is passed on: no
/// cookie or other credential, no other method's name.
fn keep_the_question(request: &mut RequestHeader) {
    let is_question = |name: &str| kind::is_in_preflight(name) || PROVENANCE_PLAIN.contains(&name);
    let others: Vec<HeaderName> = request.headers.keys().filter(|name| !is_question(name.as_str())).cloned().collect();
    for name in others {
        request.remove_header(&name);
    }
}

fn drop_own_cookies(request: &mut RequestHeader) -> pingora::Result<()> {
    match cookies::without_ours(|| request.headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes)) {
        Theirs::Untouched => {}
        Theirs::Nothing => {
            request.remove_header(&COOKIE);
        }
        Theirs::Line(line) => request.insert_header(COOKIE, line)?,
    }
    Ok(())
}

fn forwarded_for(request: &mut RequestHeader, connection: &Connection) -> pingora::Result<()> {
    let Some(peer) = &connection.forwarded_for else { return Ok(()) };
    // Only a trusted proxy's is still here.
    let before: Vec<&[u8]> = request.headers.get_all(&X_FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect();
    if before.is_empty() {
        return request.insert_header(X_FORWARDED_FOR.clone(), peer.clone());
    }
    let list = [before.as_slice(), &[peer.as_bytes()]].concat().join(&b", "[..]);
    request.insert_header(X_FORWARDED_FOR.clone(), list)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::host::Host;
    use crate::domain::route::Scheme;

    fn spoofable(identity: &str) -> Spoofable {
        let host = Host::parse("notes.example.com").unwrap();
        let identity_header = HeaderName::from_bytes(identity.as_bytes()).unwrap();
        Spoofable::new(&Settings { identity_header, ..Settings::new(Scheme::Https, host) })
    }

    #[test]
    fn ordinary_fields_are_passed_on() {
        let spoofable = spoofable("x-bmauth-jwt");
        for name in
            ["accept", "range", "referer", "te", "x-requested-with", "x-csrf-token", "cf-ray", "remote", "x", "-"]
        {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert!(!spoofable.is(&name, false), "{name}");
        }
    }

    #[test]
    fn a_name_that_only_begins_like_ours_is_another_one() {
        let long = format!("x-bmauth-jwt{}", "a".repeat(100));
        let name = HeaderName::from_bytes(long.as_bytes()).unwrap();
        assert!(!spoofable("x-bmauth-jwt").is(&name, false));
        // A family is known by its beginning, however long the rest.
        let long = format!("x-auth-request-{}", "a".repeat(100));
        let name = HeaderName::from_bytes(long.as_bytes()).unwrap();
        assert!(spoofable("x-bmauth-jwt").is(&name, true));
    }

    proptest! {
        #[test]
        fn no_separator_and_no_capital_makes_another_name(
            separators in proptest::collection::vec("[-_.~!#$%&'*+^`|]{0,2}", 14),
            capitals in any::<u16>(),
            identity in prop_oneof![Just("x-bmauth-jwt"), Just("acme-user"), Just("q")],
            from_trusted in any::<bool>(),
        ) {
            for known in [identity, "remote-user", "x-forwarded-email", "x-auth-request-user"] {
                let letters = known.bytes().filter(u8::is_ascii_alphanumeric).enumerate();
                let spelled: String = letters
                    .flat_map(|(place, byte)| {
                        let letter = char::from(byte);
                        let letter = if capitals >> (place % 16) & 1 == 1 { letter.to_ascii_uppercase() } else { letter };
                        separators[place % separators.len()].chars().chain([letter]).collect::<Vec<_>>()
                    })
                    .collect();
                let name = HeaderName::from_bytes(spelled.as_bytes()).unwrap();
                prop_assert!(spoofable(identity).is(&name, from_trusted), "{}", spelled);
            }
        }
    }
}
