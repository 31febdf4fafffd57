//! What the browser's error means for the person before it. The script of a page tells the name, which is counted, and
//! nothing else.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::domain::webauthn_error::{PasskeyCall, WebauthnError};
use crate::portal::Portal;
use crate::portal::caller::Caller;
use crate::portal::handler::ScriptBody;

/// What the script sends.
#[derive(Deserialize)]
pub struct WebauthnErrorReport {
    ceremony: CeremonyKind,
    name: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CeremonyKind {
    Create,
    Get,
}

/// What it says then.
#[derive(Debug, Serialize)]
pub struct WebauthnErrorReply {
    /// `None` where the page has words of its own, and these would say no more.
    message: Option<String>,
}

/// Counts it, and finds the words.
pub async fn post(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    ScriptBody(WebauthnErrorReport { ceremony, name }): ScriptBody<WebauthnErrorReport>,
) -> Json<WebauthnErrorReply> {
    let asked = match ceremony {
        CeremonyKind::Create => PasskeyCall::Create,
        CeremonyKind::Get => PasskeyCall::Get,
    };
    let error = WebauthnError::of(&name);
    portal.counts.webauthn_error(asked, error);
    let message = words_for(asked, error, caller.inside_app).map(|key| caller.words(&portal).say(key));
    Json(WebauthnErrorReply { message })
}

/// The catalogue's name of the sentence. A browser inside of another app often has passkeys in name only, and says of
/// all that they are not allowed.
const fn words_for(asked: PasskeyCall, error: WebauthnError, inside_app: bool) -> Option<&'static str> {
    use WebauthnError as E;
    Some(match (error, asked) {
        (E::NotAllowed | E::NotSupported | E::Unknown, PasskeyCall::Create | PasskeyCall::Get) if inside_app => {
            "device-inside"
        }
        (E::NotAllowed, PasskeyCall::Create | PasskeyCall::Get) | (E::InvalidState, PasskeyCall::Create) => {
            return None;
        }
        (E::Constraint, PasskeyCall::Create | PasskeyCall::Get) => "device-constraint",
        (E::NotSupported, PasskeyCall::Create | PasskeyCall::Get) => "device-not-supported",
        (E::Abort, PasskeyCall::Create | PasskeyCall::Get) => "device-stopped",
        (E::Security, PasskeyCall::Create | PasskeyCall::Get) => "device-address",
        (
            E::NotReadable | E::Unknown | E::Data | E::Encoding | E::Operation | E::Timeout,
            PasskeyCall::Create | PasskeyCall::Get,
        )
        | (E::InvalidState, PasskeyCall::Get) => "device-unreadable",
        (E::Type | E::DataClone | E::Other, PasskeyCall::Create | PasskeyCall::Get) => "device-odd",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;
    use crate::wording::Words;

    #[test]
    fn every_error_is_said_by_the_page_or_has_words_in_every_language() {
        for error in WebauthnError::ALL {
            for asked in PasskeyCall::ALL {
                let Some(key) = words_for(asked, error, false) else {
                    assert!(matches!(error, WebauthnError::NotAllowed | WebauthnError::InvalidState));
                    continue;
                };
                for language in Language::ALL {
                    assert_ne!(Words::new(language, "Acme Notes").say(key), key);
                }
            }
        }
        assert_eq!(words_for(PasskeyCall::Get, WebauthnError::NotAllowed, true), Some("device-inside"));
        assert_eq!(words_for(PasskeyCall::Create, WebauthnError::InvalidState, true), None);
    }
}
