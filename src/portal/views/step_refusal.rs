//! What a form is refused for whose page comes again.

use std::time::Duration;

use http::StatusCode;

/// Why a page comes again, with a sentence about it, in place of what was asked for. What the page says is the view's:
/// the same refusal reads otherwise where the operator hands out the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepRefusal {
    /// What was entered is no code.
    NotACode,
    /// Not the code.
    WrongCode,
    /// The code before.
    OlderCode,
    /// The code's time is over.
    CodeTooOld,
    /// The last try of the code was wrong too.
    TriesSpent,
    /// Another code was asked for too soon.
    TooSoon {
        /// Until the next one may be asked for.
        wait: Duration,
    },
    /// The address had as many codes as it may have.
    TooManyCodes {
        /// Until there may be another.
        wait: Duration,
    },
    /// The address had as many recoveries as it may have.
    TooManyRecoveries {
        /// Until there may be another.
        wait: Duration,
    },
    /// The code is right, and the address was changed a short time ago.
    ChangedLately,
    /// The code is right, and a recovery of the account is under way.
    Recovering,
    /// What was typed is no address.
    InvalidEmail,
    /// The operator has switched recovery off.
    RecoveryOff,
    /// Nothing that was brought is a whole link.
    LinkNotWhole,
    /// What was brought is a whole link, and not written by us.
    LinkNotRight,
    /// A mail filter has changed the link.
    MangledLink,
    /// The recovery that the link cancels is held no more.
    NoHold,
    /// The change of address that the link undoes cannot be undone any more.
    NoMove,
}

impl StepRefusal {
    /// Its status, its name in the log, and why, in a sentence for the log. docs/troubleshooting.md has each name.
    const fn row(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::NotACode => (S::UNPROCESSABLE_ENTITY, "not-a-code", "what was entered is no code"),
            Self::WrongCode => (S::UNPROCESSABLE_ENTITY, "wrong-code", "this is not the code"),
            Self::OlderCode => (S::UNPROCESSABLE_ENTITY, "older-code", "this is the code before"),
            Self::CodeTooOld => (S::UNPROCESSABLE_ENTITY, "code-too-old", "the time of this code is over"),
            Self::TriesSpent => (S::UNPROCESSABLE_ENTITY, "tries-spent", "the last try of this code was wrong too"),
            Self::TooSoon { .. } => (S::TOO_MANY_REQUESTS, "too-soon", "another code was asked for too soon"),
            Self::TooManyCodes { .. } => (S::TOO_MANY_REQUESTS, "too-many-tries", "no more codes for now"),
            Self::TooManyRecoveries { .. } => {
                (S::TOO_MANY_REQUESTS, "too-many-tries", "too many recoveries were begun")
            }
            Self::ChangedLately => (S::CONFLICT, "changed-lately", "the address was changed lately"),
            Self::Recovering => (S::CONFLICT, "recovering", "the account is being recovered"),
            Self::InvalidEmail => (S::UNPROCESSABLE_ENTITY, "invalid-email", "what was typed is no e-mail address"),
            Self::RecoveryOff => (S::FORBIDDEN, "recovery-off", "recovery is switched off"),
            Self::LinkNotWhole => (S::UNPROCESSABLE_ENTITY, "link-not-whole", "what was brought is no whole link"),
            Self::LinkNotRight => (S::UNPROCESSABLE_ENTITY, "link-not-right", "what was brought is no link of ours"),
            Self::MangledLink => (S::NOT_FOUND, "mangled-link", "the link in a mail has lost its form"),
            Self::NoHold => (S::GONE, "no-hold", "no such recovery is held any more"),
            Self::NoMove => (S::GONE, "no-move", "no such change can be undone any more"),
        }
    }

    /// The page's status.
    pub const fn status(self) -> StatusCode {
        self.row().0
    }

    /// Its name in the log.
    pub const fn name(self) -> &'static str {
        self.row().1
    }

    /// Why, in a sentence for the log.
    pub const fn why(self) -> &'static str {
        self.row().2
    }

    /// When it is worth asking again, where that is known.
    pub const fn wait(self) -> Option<Duration> {
        match self {
            Self::TooSoon { wait } | Self::TooManyCodes { wait } | Self::TooManyRecoveries { wait } => Some(wait),
            Self::NotACode
            | Self::WrongCode
            | Self::OlderCode
            | Self::CodeTooOld
            | Self::TriesSpent
            | Self::ChangedLately
            | Self::Recovering
            | Self::InvalidEmail
            | Self::RecoveryOff
            | Self::LinkNotWhole
            | Self::LinkNotRight
            | Self::MangledLink
            | Self::NoHold
            | Self::NoMove => None,
        }
    }
}
