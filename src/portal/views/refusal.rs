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
    /// Not the number on the waiting screen.
    WrongNumber {
        /// How many more numbers may be typed; at least 1.
        tries_left: u32,
    },
    /// The last number was wrong too: the link is closed.
    NumbersSpent,
    /// No such code, or one that is used or over: whoever guesses learns nothing.
    NoLink,
    /// The link is over.
    LinkTooOld,
    /// The link was turned down.
    LinkDenied,
    /// The two devices are in different networks, and the operator allows one only.
    OtherNetwork,
    /// The link is not approved yet.
    NotApproved,
    /// The operator has switched linking off.
    LinkOff,
    /// The session has ended.
    NotSignedIn,
    /// What was asked for needs a passkey used just now.
    ConfirmNeeded,
    /// Removing the last passkey needs the address typed.
    LastPasskey,
    /// The address typed is not the account's.
    EmailMismatch,
    /// The passkey to be changed is no longer there.
    NoPasskey,
    /// The recovery has expired, or was never begun in this browser.
    RecoveryEnded,
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
        RefusalBody { refusal: self.code(), message: self.message(words), reload: self.needs_reload() }
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
            Self::WrongNumber { .. } => "wrong-number",
            Self::NumbersSpent => "numbers-spent",
            Self::NoLink => "no-link",
            Self::LinkTooOld => "link-too-old",
            Self::LinkDenied => "link-denied",
            Self::OtherNetwork => "other-network",
            Self::NotApproved => "not-approved",
            Self::LinkOff => "link-off",
            Self::NotSignedIn => "not-signed-in",
            Self::ConfirmNeeded => "confirm-needed",
            Self::LastPasskey => "last-passkey",
            Self::EmailMismatch => "email-mismatch",
            Self::NoPasskey => "no-passkey",
            Self::RecoveryEnded => "recovery-ended",
            Self::Unavailable => "unavailable",
            Self::Fault => "fault",
        }
    }

    /// The status to send it with.
    pub fn status(self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::UnknownPasskey | Self::ExpiredCeremony | Self::NotAccepted | Self::NotSignedIn => {
                StatusCode::UNAUTHORIZED
            }
            Self::TooManyTries => StatusCode::TOO_MANY_REQUESTS,
            Self::InvalidEmail => StatusCode::BAD_REQUEST,
            Self::EmailNotAllowed
            | Self::AccountDisabled
            | Self::RegistrationClosed
            | Self::RefusedForm
            | Self::OtherNetwork
            | Self::LinkOff
            | Self::ConfirmNeeded => StatusCode::FORBIDDEN,
            Self::NoLink | Self::NoPasskey => StatusCode::NOT_FOUND,
            Self::NotApproved => StatusCode::CONFLICT,
            Self::NumbersSpent | Self::LinkTooOld | Self::LinkDenied | Self::RecoveryEnded => StatusCode::GONE,
            Self::WrongNumber { .. } | Self::LastPasskey | Self::EmailMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether only a fresh page can put it right.
    fn needs_reload(self) -> bool {
        matches!(self, Self::RefusedForm | Self::NotSignedIn | Self::NoPasskey)
    }

    fn message(self, words: Words<'_>) -> String {
        match self {
            Self::WrongNumber { tries_left } => words.with("refusal-wrong-number", "tries", tries_left),
            other => words.say(other.key()),
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
            Self::WrongNumber { .. } => "refusal-wrong-number",
            Self::NumbersSpent => "refusal-numbers-spent",
            Self::NoLink => "refusal-no-link",
            Self::LinkTooOld => "refusal-link-too-old",
            Self::LinkDenied => "refusal-link-denied",
            Self::OtherNetwork => "refusal-other-network",
            Self::NotApproved => "refusal-not-approved",
            Self::LinkOff => "refusal-link-off",
            Self::NotSignedIn => "refusal-not-signed-in",
            Self::ConfirmNeeded => "refusal-confirm-needed",
            Self::LastPasskey => "refusal-last-passkey",
            Self::EmailMismatch => "refusal-email-mismatch",
            Self::NoPasskey => "refusal-no-passkey",
            Self::RecoveryEnded => "refusal-recovery-ended",
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
        assert_eq!(
            json(ScriptRefusal::WrongNumber { tries_left: 2 }),
            serde_json::json!({
                "refusal": "wrong-number",
                "message": "That is not the number on that screen. 2 tries left.",
            })
        );
    }
}
