//! The client data of an answer (WebAuthn L3 §5.8.1), in which the browser says which page has used the passkey. It is
//! read here for the checks that webauthn-rs does not make.

use serde::Deserialize;

use super::{Unproved, decode_base64url};
use crate::domain::ceremony::{CeremonyId, Posed};

/// Client data. A member that occurs twice is refused: of two parsers, each could use another one. serde refuses it for
/// the members here, and in webauthn-rs for those that it reads besides.
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

/// The origin of the page that has used the passkey, as the browser wrote it.
///
/// # Errors
/// [`Unproved::FailedCheck`] where the client data cannot be read, or the page was in a frame of another origin.
pub(super) fn top_level_origin(client_data: &[u8]) -> Result<String, Unproved> {
    let ClientData { origin, cross_origin, top_origin, .. } = read(client_data)?;
    // WebAuthn L3 §7.1 steps 10 and 11, §7.2 steps 13 and 14: our pages are never framed.
    if cross_origin || top_origin.is_some() {
        return Err(Unproved::FailedCheck("the answer comes from a frame"));
    }
    Ok(origin)
}

/// Checks that an answer was given at the origin where its question was posed.
///
/// # Errors
/// [`Unproved::FailedCheck`] where it was given at another one, or as [`top_level_origin`].
pub fn check_origin(client_data: &[u8], posed: &Posed) -> Result<(), Unproved> {
    if posed.is_answered_at(&top_level_origin(client_data)?) {
        Ok(())
    } else {
        Err(Unproved::FailedCheck("the answer was given at another origin than its question was posed at"))
    }
}

/// The ceremony that a device's answer belongs to, by the challenge in its client data; `None` where there is none that
/// can be read.
pub fn ceremony_of(client_data: &[u8]) -> Option<CeremonyId> {
    let ClientData { challenge, .. } = read(client_data).ok()?;
    Some(CeremonyId::of_challenge(&decode_base64url(&challenge)?))
}

fn read(client_data: &[u8]) -> Result<ClientData, Unproved> {
    serde_json::from_slice(client_data).map_err(|_| Unproved::FailedCheck("the client data is not what browsers write"))
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
    fn a_member_that_occurs_twice_is_refused() {
        let right = r#"{"type":"webauthn.get","challenge":"YQ","origin":"https://a.example","tokenBinding":"odd"}"#;
        assert_eq!(top_level_origin(right.as_bytes()).ok().as_deref(), Some("https://a.example"));
        for twice in [
            r#""origin":"https://a.example""#,
            r#""\u006frigin":"https://b.example""#,
            r#""challenge":"YQ""#,
            r#""crossOrigin":false,"crossOrigin":true"#,
            r#""topOrigin":null,"topOrigin":null"#,
        ] {
            let text = right.replace('}', &format!(",{twice}}}"));
            assert!(top_level_origin(text.as_bytes()).is_err(), "{text}");
        }
    }
}
