//! What our own script is told when a step is refused: `{"refusal", "message", "reload"}`.

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

use crate::wording::Words;

/// Why a step of a page's script is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptRefusal {
    /// No account has this passkey. The script tells the browser to forget it.
    UnknownPasskey,
    /// The ceremony is unknown here, spent or older than five minutes.
    ExpiredCeremony,
    /// What was sent is not what a page of ours sends.
    Malformed,
    /// The device's answer does not verify.
    NotAccepted,
    /// It does, and contradicts what the device said before. The script takes both for the same; the sentence says
    /// more.
    Doubted,
    /// A limit was reached.
    TooManyTries {
        /// How long to wait, where that is known.
        wait: Option<Duration>,
    },
    /// Not an address, or not one that may have an account here.
    InvalidEmail,
    /// An address of a domain that gets no accounts here.
    EmailNotAllowed,
    /// The mail server cannot write to the address.
    NoMailTo,
    /// The account is disabled; told only to its owner.
    AccountDisabled,
    /// The account was recovered, and until its owner has answered, this passkey opens nothing.
    Rests,
    /// The recovery that made this passkey was contested, and it opens nothing.
    Contested,
    /// There is no recovery to be contested, or the passkey has to be proved again for that.
    ContestEnded,
    /// The review after a recovery lists other passkeys by now.
    ReviewChanged,
    /// No new accounts.
    RegistrationClosed,
    /// Without a token, with an old one, or from another site.
    RefusedForm,
    /// No cookie came that could say which page sent it.
    NoCookie,
    /// Not the number on the waiting screen.
    WrongNumber {
        /// How many more numbers may be typed; at least 1.
        tries_left: u32,
    },
    /// The last number was wrong too: the link is closed.
    NumbersSpent,
    /// No such code, or one that is used or over. They are not told apart, so that a guesser learns nothing.
    NoLink,
    /// As many browsers as may have brought the code.
    LinkCrowded,
    /// The link was approved with another browser that has its code.
    LinkElsewhere,
    /// The link is over.
    LinkTooOld,
    /// The link was turned down.
    LinkDenied,
    /// The two devices are not seen to be in one network, and the operator allows nothing else.
    OtherNetwork,
    /// The link is not approved yet.
    NotApproved,
    /// The operator has switched linking off.
    LinkOff,
    /// The session has ended.
    NotSignedIn,
    /// Removing the last passkey needs the address typed.
    LastPasskey,
    /// The address typed is not the account's.
    EmailMismatch,
    /// The address typed is the account's already.
    OwnAddress,
    /// The account's address was changed, which can still be undone.
    ChangedLately,
    /// A recovery of the account is under way.
    Recovering,
    /// The passkey to be changed is no longer there.
    NoPasskey,
    /// The account has as many passkeys as it may have.
    TooManyPasskeys,
    /// The recovery has expired, or was never begun in this browser.
    RecoveryEnded,
    /// The store cannot be reached.
    Unavailable,
    /// A mistake of ours.
    Fault,
}

/// Where the visitor goes on from a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// On the page as it is.
    Stay,
    /// On a fresh page alone, as this one has become too old.
    Reload,
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

    /// Its status, the name the script knows it by, the catalogue's name of its sentence, and what can put it right.
    const fn row(self) -> (StatusCode, &'static str, &'static str, Remedy) {
        use Remedy::{Reload, Stay};
        use StatusCode as S;
        match self {
            Self::UnknownPasskey => (S::UNAUTHORIZED, "unknown-passkey", "refusal-unknown-passkey", Stay),
            Self::ExpiredCeremony => (S::UNAUTHORIZED, "expired-ceremony", "refusal-expired-ceremony", Stay),
            Self::Malformed => (S::BAD_REQUEST, "malformed", "failed", Stay),
            Self::NotAccepted => (S::UNAUTHORIZED, "not-accepted", "refusal-not-accepted", Stay),
            Self::Doubted => (S::UNAUTHORIZED, "not-accepted", "refusal-doubted", Stay),
            Self::TooManyTries { wait: Some(_) } => {
                (S::TOO_MANY_REQUESTS, "too-many-tries", "error-too-many-text", Stay)
            }
            Self::TooManyTries { wait: None } => (S::TOO_MANY_REQUESTS, "too-many-tries", "error-too-many-later", Stay),
            Self::InvalidEmail => (S::BAD_REQUEST, "invalid-email", "email-invalid", Stay),
            Self::EmailNotAllowed => (S::FORBIDDEN, "email-not-allowed", "refusal-email-not-allowed", Stay),
            Self::NoMailTo => (S::UNPROCESSABLE_ENTITY, "no-mail-to", "email-no-mail-to", Stay),
            Self::AccountDisabled => (S::FORBIDDEN, "account-disabled", "refusal-account-disabled", Stay),
            Self::Rests => (S::FORBIDDEN, "rests", "refusal-rests", Stay),
            Self::Contested => (S::FORBIDDEN, "rests", "refusal-contested", Stay),
            Self::ContestEnded => (S::UNAUTHORIZED, "expired-ceremony", "refusal-contest-ended", Stay),
            Self::ReviewChanged => (S::CONFLICT, "review-changed", "review-changed", Reload),
            Self::RegistrationClosed => (S::FORBIDDEN, "registration-closed", "register-closed", Stay),
            Self::RefusedForm => (S::FORBIDDEN, "refused-form", "refusal-form", Reload),
            Self::NoCookie => (S::FORBIDDEN, "no-cookie", "refusal-no-cookie", Reload),
            Self::WrongNumber { .. } => (S::UNPROCESSABLE_ENTITY, "wrong-number", "refusal-wrong-number", Stay),
            Self::NumbersSpent => (S::GONE, "numbers-spent", "refusal-numbers-spent", Stay),
            Self::NoLink => (S::NOT_FOUND, "no-link", "refusal-no-link", Stay),
            Self::LinkCrowded => (S::CONFLICT, "link-crowded", "refusal-link-crowded", Stay),
            Self::LinkElsewhere => (S::GONE, "link-elsewhere", "refusal-link-elsewhere", Stay),
            Self::LinkTooOld => (S::GONE, "link-too-old", "refusal-link-too-old", Stay),
            Self::LinkDenied => (S::GONE, "link-denied", "refusal-link-denied", Stay),
            Self::OtherNetwork => (S::FORBIDDEN, "other-network", "refusal-other-network", Stay),
            Self::NotApproved => (S::CONFLICT, "not-approved", "refusal-not-approved", Stay),
            Self::LinkOff => (S::FORBIDDEN, "link-off", "refusal-link-off", Stay),
            Self::NotSignedIn => (S::UNAUTHORIZED, "not-signed-in", "refusal-not-signed-in", Reload),
            Self::LastPasskey => (S::UNPROCESSABLE_ENTITY, "last-passkey", "refusal-last-passkey", Stay),
            Self::EmailMismatch => (S::UNPROCESSABLE_ENTITY, "email-mismatch", "refusal-email-mismatch", Stay),
            Self::OwnAddress => (S::UNPROCESSABLE_ENTITY, "own-address", "refusal-own-address", Stay),
            Self::ChangedLately => (S::CONFLICT, "changed-lately", "refusal-changed-lately", Stay),
            Self::Recovering => (S::CONFLICT, "recovering", "refusal-recovering", Stay),
            Self::NoPasskey => (S::NOT_FOUND, "no-passkey", "refusal-no-passkey", Reload),
            Self::TooManyPasskeys => (S::CONFLICT, "too-many-passkeys", "refusal-too-many-passkeys", Stay),
            Self::RecoveryEnded => (S::GONE, "recovery-ended", "refusal-recovery-ended", Stay),
            Self::Unavailable => (S::SERVICE_UNAVAILABLE, "unavailable", "refusal-unavailable", Stay),
            Self::Fault => (S::INTERNAL_SERVER_ERROR, "fault", "failed", Stay),
        }
    }

    /// The name the script knows it by.
    pub const fn code(self) -> &'static str {
        self.row().1
    }

    /// The status to send it with.
    pub const fn status(self) -> StatusCode {
        self.row().0
    }

    /// When it is worth trying again, where that is known.
    pub const fn wait(self) -> Option<Duration> {
        if let Self::TooManyTries { wait } = self { wait } else { None }
    }

    /// Whether only a fresh page can put it right.
    fn needs_reload(self) -> bool {
        let (_, _, _, remedy) = self.row();
        remedy == Remedy::Reload
    }

    /// What it says to a person.
    pub fn message(self, words: Words<'_>) -> String {
        let (_, _, sentence, _) = self.row();
        if let Self::WrongNumber { tries_left } = self {
            words.with(sentence, "tries", tries_left)
        } else if let Self::TooManyTries { wait: Some(wait) } = self {
            words.with(sentence, "wait", words.wait(wait))
        } else {
            words.say(sentence)
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
                "message": "That took too long, or it was done already. Press the button again.",
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
