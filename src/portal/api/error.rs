//! What the API says when it does not do what was asked.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::auth::failure::{Failure, WorldFailure};
use crate::gate::refusal::{LoggedRefusal, RETRY_SOON};
use crate::portal::answer::retry_after;
use crate::store::{CommitError, StoreError};

/// Why a request of the API gets nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ApiError {
    /// What was sent is not what this route takes: a sentence says what it does.
    InvalidRequest(String),
    /// No access token, or one of no session.
    Unauthenticated,
    /// No key that signs in; also said of addresses without an account.
    NotProved,
    /// The account is disabled. Said only to who proved to be its owner, unless the operator has accounts revealed.
    Disabled,
    /// The address waits for its code. Said like the one before.
    Unverified,
    /// The refresh token is of no session.
    InvalidRefreshToken,
    /// The code opens nothing.
    InvalidOtp,
    /// The address has an account. Said only where the operator has accounts revealed.
    EmailInUse,
    /// The account has as many keys as it may have.
    TooManyKeys,
    /// New accounts are closed, or not for this address.
    SignUpDisabled,
    /// It takes a session that was elevated with a passkey.
    ElevationNeeded,
    /// A page of an origin that may not call the API.
    ForeignOrigin,
    /// Too many requests of one network, or for one address, and for how long, where that is known.
    TooMany(Option<Duration>),
    /// There is no such route.
    NoRoute,
    /// The route takes another method.
    NoMethod,
    /// The body is too large.
    TooLarge,
    /// Too much at once, or the store does not answer.
    Unavailable,
    /// A fault of the gateway's own.
    Fault,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    status: u16,
    message: &'a str,
    error: &'a str,
}

impl ApiError {
    /// The answer to something that cannot be read.
    pub(super) fn invalid(message: &str) -> Self {
        Self::InvalidRequest(message.to_owned())
    }

    fn parts(&self) -> (StatusCode, &'static str, &str) {
        use StatusCode as S;
        match self {
            Self::InvalidRequest(message) => (S::BAD_REQUEST, "invalid-request", message),
            Self::Unauthenticated => (
                S::UNAUTHORIZED,
                "unauthenticated-user",
                "Sign in first and send the access token as Authorization: Bearer.",
            ),
            Self::NotProved => {
                (S::UNAUTHORIZED, "invalid-email-password", "This e-mail and this key do not sign in together.")
            }
            Self::Disabled => {
                (S::UNAUTHORIZED, "disabled-user", "This account is disabled. Ask whoever runs this app.")
            }
            Self::Unverified => (
                S::UNAUTHORIZED,
                "unverified-user",
                "This e-mail is not confirmed yet. Enter the code that was sent to it.",
            ),
            Self::InvalidRefreshToken => (
                S::UNAUTHORIZED,
                "invalid-refresh-token",
                "This refresh token is not good, or not any more. Sign in again.",
            ),
            Self::InvalidOtp => {
                (S::UNAUTHORIZED, "invalid-otp", "This code is wrong, too old or used up. Ask for another one.")
            }
            Self::EmailInUse => (S::CONFLICT, "email-already-in-use", "This e-mail has an account. Sign in instead."),
            Self::TooManyKeys => {
                (S::CONFLICT, "too-many-keys", "This account has 20 keys, and can have no more. Remove one first.")
            }
            Self::SignUpDisabled => (S::FORBIDDEN, "signup-disabled", "New accounts are not open for this e-mail."),
            Self::ElevationNeeded => {
                (S::FORBIDDEN, "elevated-claim-required", "Use one of your keys first, at /elevate/webauthn.")
            }
            Self::ForeignOrigin => {
                (S::FORBIDDEN, "invalid-request", "Pages of this origin may not call the API: see api.allowed_origins.")
            }
            Self::TooMany(_) => (
                S::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests. Wait for as many seconds as Retry-After says.",
            ),
            Self::NoRoute => (S::NOT_FOUND, "route-not-found", "There is no such route: see openapi.json."),
            Self::NoMethod => {
                (S::METHOD_NOT_ALLOWED, "method-not-allowed", "This route takes another method: see openapi.json.")
            }
            Self::TooLarge => (S::PAYLOAD_TOO_LARGE, "invalid-request", "The body is larger than 64 KiB."),
            Self::Unavailable => {
                (S::SERVICE_UNAVAILABLE, "service-unavailable", "Not right now. Try again in a few seconds.")
            }
            Self::Fault => (S::INTERNAL_SERVER_ERROR, "internal-server-error", "Something failed here. Try again."),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, error, message) = self.parts();
        let logged = LoggedRefusal { name: error, why: message.to_owned().into() };
        let mut response = (status, Json(ErrorBody { status: status.as_u16(), message, error })).into_response();
        let headers = response.headers_mut();
        if let Self::TooMany(Some(wait)) = self {
            headers.insert(header::RETRY_AFTER, retry_after(wait));
        } else if matches!(self, Self::TooMany(None) | Self::Unavailable) {
            headers.insert(header::RETRY_AFTER, RETRY_SOON);
        }
        // RFC 6750 §3.
        if self == Self::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(logged);
        response
    }
}

impl From<WorldFailure> for ApiError {
    fn from(failure: WorldFailure) -> Self {
        failure.log();
        if failure.is_transient() { Self::Unavailable } else { Self::Fault }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        WorldFailure::from(error).into()
    }
}

impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            CommitError::Conflict(_) => Self::Unauthenticated,
        }
    }
}

/// Words what failed: a refusal by `word`, the world's failures alike everywhere and logged once.
pub(super) fn or<R>(word: impl FnOnce(R) -> ApiError) -> impl FnOnce(Failure<R>) -> ApiError {
    move |failure| match failure {
        Failure::Refused(refusal) => word(refusal),
        Failure::World(failure) => failure.into(),
    }
}

/// The answer where there is no route.
pub(super) async fn no_route() -> ApiError {
    ApiError::NoRoute
}

/// Something is here, for another method.
pub(super) async fn no_method() -> ApiError {
    ApiError::NoMethod
}

#[cfg(test)]
impl ApiError {
    /// One of each kind.
    pub(super) fn all() -> Vec<Self> {
        let mut all = vec![Self::invalid("Something.")];
        while let Some(next) = all.last().and_then(Self::next) {
            all.push(next);
        }
        all
    }

    /// The status and the code that a client sees.
    pub(super) fn code(&self) -> (u64, String) {
        let (status, error, _) = self.parts();
        (u64::from(status.as_u16()), error.to_owned())
    }

    /// The kind after this one; a kind that is not here does not compile.
    fn next(&self) -> Option<Self> {
        Some(match self {
            Self::InvalidRequest(_) => Self::Unauthenticated,
            Self::Unauthenticated => Self::NotProved,
            Self::NotProved => Self::Disabled,
            Self::Disabled => Self::Unverified,
            Self::Unverified => Self::InvalidRefreshToken,
            Self::InvalidRefreshToken => Self::InvalidOtp,
            Self::InvalidOtp => Self::EmailInUse,
            Self::EmailInUse => Self::TooManyKeys,
            Self::TooManyKeys => Self::SignUpDisabled,
            Self::SignUpDisabled => Self::ElevationNeeded,
            Self::ElevationNeeded => Self::ForeignOrigin,
            Self::ForeignOrigin => Self::TooMany(None),
            Self::TooMany(_) => Self::NoRoute,
            Self::NoRoute => Self::NoMethod,
            Self::NoMethod => Self::TooLarge,
            Self::TooLarge => Self::Unavailable,
            Self::Unavailable => Self::Fault,
            Self::Fault => return None,
        })
    }
}
