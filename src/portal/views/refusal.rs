//! What our own script is told when a step is refused: `{"refusal", "message", "reload"}`.

use serde::Serialize;

use crate::wording::Words;

/// Why a step of a page's script is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptRefusal {
    /// No account has this passkey. The script tells the browser to forget it.
    UnknownPasskey,
    /// The ceremony is unknown here, spent or older than five minutes.
    ExpiredCeremony,
    /// The device's answer does not verify.
    NotAccepted,
    /// A limit was reached.
    TooManyTries,
    /// Not an address, or not one that may have an account here.
    InvalidEmail,
    /// An address of a domain that gets no accounts here.
    EmailNotAllowed,
    /// The account is disabled; told only to its owner.
    AccountDisabled,
    /// No new accounts.
    RegistrationClosed,
    /// Without a token, with an old one, or from another site.
    RefusedForm,
    /// The store cannot be reached.
    Unavailable,
    /// A mistake of ours.
    Fault,
}

/// The body of the answer.
#[derive(Debug, Serialize)]
pub struct RefusalBody {
    refusal: &'static str,
    message: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reload: bool,
}

impl ScriptRefusal {
    /// The body, in the page's language.
    pub fn body(self, words: Words<'_>) -> RefusalBody {
        RefusalBody { refusal: self.code(), message: words.say(self.key()), reload: self == Self::RefusedForm }
    }

    /// The name the script knows it by.
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownPasskey => "unknown-passkey",
            Self::ExpiredCeremony => "expired-ceremony",
            Self::NotAccepted => "not-accepted",
            Self::TooManyTries => "too-many-tries",
            Self::InvalidEmail => "invalid-email",
            Self::EmailNotAllowed => "email-not-allowed",
            Self::AccountDisabled => "account-disabled",
            Self::RegistrationClosed => "registration-closed",
            Self::RefusedForm => "refused-form",
            Self::Unavailable => "unavailable",
            Self::Fault => "fault",
        }
    }

    /// The status to send it with.
    pub fn status(self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::UnknownPasskey | Self::ExpiredCeremony | Self::NotAccepted => StatusCode::UNAUTHORIZED,
            Self::TooManyTries => StatusCode::TOO_MANY_REQUESTS,
            Self::InvalidEmail => StatusCode::BAD_REQUEST,
            Self::EmailNotAllowed | Self::AccountDisabled | Self::RegistrationClosed | Self::RefusedForm => {
                StatusCode::FORBIDDEN
            }
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::UnknownPasskey => "refusal-unknown-passkey",
            Self::ExpiredCeremony => "refusal-expired-ceremony",
            Self::NotAccepted => "refusal-not-accepted",
            Self::TooManyTries => "error-too-many-text",
            Self::InvalidEmail => "email-invalid",
            Self::EmailNotAllowed => "refusal-email-not-allowed",
            Self::AccountDisabled => "refusal-account-disabled",
            Self::RegistrationClosed => "register-closed",
            Self::RefusedForm => "refusal-form",
            Self::Unavailable => "error-unavailable-text",
            Self::Fault => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;

    #[test]
    fn a_refusal_names_itself_and_says_what_to_do() {
        let words = Words::new(Language::English, "Acme Notes");
        let json = |refusal: ScriptRefusal| serde_json::to_value(refusal.body(words)).unwrap();
        assert_eq!(
            json(ScriptRefusal::ExpiredCeremony),
            serde_json::json!({
                "refusal": "expired-ceremony",
                "message": "This page was open for too long. Press the button again.",
            })
        );
        assert_eq!(json(ScriptRefusal::RefusedForm)["reload"], true);
    }
}
