//! What the browser says of the page that asked (WebAuthn L3 §5.8.1), as far as webauthn-rs does not look at it.

use serde::Deserialize;

use super::{Unproved, bytes_of};
use crate::domain::ceremony::{CeremonyId, Posed};

/// Client data. A key twice is refused for each of these, and for those that webauthn-rs reads besides: two readers
/// could take either.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    #[serde(default)]
    top_origin: Option<serde_json::Value>,
}

/// The origin of the page that asked, as it is written there.
///
/// # Errors
/// [`Unproved::Malformed`] where it is not JSON, or a page in a frame asked.
pub(super) fn origin_of(client_data: &[u8]) -> Result<String, Unproved> {
    let ClientData { origin, cross_origin, top_origin, .. } = read(client_data)?;
    // WebAuthn L3 §7.1 steps 10 and 11, §7.2 steps 13 and 14: our pages are never framed.
    if cross_origin || top_origin.is_some() {
        return Err(Unproved::Malformed("the answer comes from a frame"));
    }
    Ok(origin)
}

/// Whether an answer was given at the origin where its question was posed.
///
/// # Errors
/// [`Unproved::Malformed`].
pub fn check_origin(client_data: &[u8], posed: &Posed) -> Result<(), Unproved> {
    if posed.is_answered_at(&origin_of(client_data)?) {
        Ok(())
    } else {
        Err(Unproved::Malformed("the answer was given at another origin than its question was posed at"))
    }
}

/// The ceremony that a device's answer belongs to, by the challenge in its client data.
pub fn ceremony_of(client_data: &[u8]) -> Option<CeremonyId> {
    let ClientData { challenge, .. } = read(client_data).ok()?;
    Some(CeremonyId::of_challenge(&bytes_of(&challenge)?))
}

fn read(client_data: &[u8]) -> Result<ClientData, Unproved> {
    serde_json::from_slice(client_data).map_err(|_| Unproved::Malformed("the client data is not what browsers write"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_the_same_one_with_padding() {
        let of = |challenge: &str| {
            ceremony_of(format!(r#"{{"challenge":"{challenge}","origin":"https://notes.example.com"}}"#).as_bytes())
        };
        assert_eq!(of("YQ"), Some(CeremonyId::of_challenge(b"a")));
        assert_eq!(of("YQ=="), of("YQ"));
        for (why, text) in [
            ("the other alphabet", "+/+/"),
            ("bits that are left over", "YR"),
            ("too much padding", "YQ==="),
            ("a space", "YQ =="),
        ] {
            assert_eq!(of(text), None, "{why}");
        }
    }

    #[test]
    fn what_is_said_twice_is_not_said() {
        let right = r#"{"type":"webauthn.get","challenge":"YQ","origin":"https://a.example","tokenBinding":"odd"}"#;
        assert_eq!(origin_of(right.as_bytes()).ok().as_deref(), Some("https://a.example"));
        for twice in [
            r#""origin":"https://a.example""#,
            r#""\u006frigin":"https://b.example""#,
            r#""challenge":"YQ""#,
            r#""crossOrigin":false,"crossOrigin":true"#,
            r#""topOrigin":null,"topOrigin":null"#,
        ] {
            let text = right.replace('}', &format!(",{twice}}}"));
            assert!(origin_of(text.as_bytes()).is_err(), "{text}");
        }
    }
}
