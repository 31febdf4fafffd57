//! The pages for when something is in the way.

use std::num::NonZeroU64;

use askama::Template;

use super::chrome::Chrome;
use super::frame::{Frame, finish};
use crate::domain::own_paths;
use crate::gate::detour;
use crate::wording::Words;

/// A page that says what is in the way, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure<'a> {
    /// The request is malformed.
    BadRequest,
    /// Signed in, but not allowed here.
    Forbidden {
        /// Who is signed in, where that is known.
        email: Option<&'a str>,
    },
    /// None of our pages, and no route.
    NotFound,
    /// An address that the proxy in front only asks about.
    AskedOnly,
    /// A host name we do not serve.
    Misdirected,
    /// A limit was reached.
    TooManyTries {
        /// Seconds until it is worth trying again, where that is known.
        wait: Option<NonZeroU64>,
    },
    /// A mistake of ours.
    Fault,
    /// The app does not answer.
    UpstreamDown,
    /// Nobody can sign in for now: the store cannot be reached.
    Unavailable,
    /// The visitor came back without the cookie they were given.
    CookieLoop {
        /// The page they want.
        return_to: &'a str,
    },
    /// A form without its token, with an old one, or from another site.
    RefusedForm {
        /// The page that has a fresh form.
        retry: &'a str,
    },
    /// The recovery this belongs to has expired, or was never begun in this browser.
    RecoveryEnded,
    /// The registration this belongs to has expired, or was never begun in this browser.
    RegistrationEnded {
        /// Where the visitor goes once the account is ready.
        return_to: Option<&'a str>,
    },
}

#[derive(Template)]
#[template(path = "pages/failure.html")]
struct Page<'a> {
    frame: Frame<'a>,
    words: Words<'a>,
    text: String,
    action: Option<Action>,
    /// For who could come back as somebody else.
    sign_out_url: Option<&'static str>,
}

/// The one button of the page.
struct Action {
    label: String,
    url: String,
}

impl Failure<'_> {
    /// The status to send it with.
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode;
        match self {
            Self::BadRequest | Self::CookieLoop { .. } => StatusCode::BAD_REQUEST,
            Self::Forbidden { .. } | Self::RefusedForm { .. } => StatusCode::FORBIDDEN,
            Self::NotFound | Self::AskedOnly => StatusCode::NOT_FOUND,
            Self::RegistrationEnded { .. } | Self::RecoveryEnded => StatusCode::GONE,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Fault => StatusCode::INTERNAL_SERVER_ERROR,
            Self::UpstreamDown => StatusCode::BAD_GATEWAY,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The page as HTML.
    pub fn render(&self, chrome: &Chrome<'_>) -> String {
        let words = chrome.words();
        let frame = Frame::without_languages(chrome, words.say(self.heading()));
        let sign_out_url = match self {
            Self::Forbidden { email: Some(_) } => Some(own_paths::SIGN_OUT),
            _ => None,
        };
        let (text, action) = (self.text(words), self.action(words));
        finish(&Page { frame, words, text, action, sign_out_url })
    }

    fn heading(&self) -> &'static str {
        match self {
            Self::BadRequest => "error-bad-request-heading",
            Self::Forbidden { .. } => "error-forbidden-heading",
            Self::NotFound => "error-not-found-heading",
            Self::AskedOnly => "error-asked-only-heading",
            Self::Misdirected => "error-misdirected-heading",
            Self::TooManyTries { .. } => "error-too-many-heading",
            Self::Fault => "error-fault-heading",
            Self::UpstreamDown => "error-upstream-heading",
            Self::Unavailable => "error-unavailable-heading",
            Self::CookieLoop { .. } => "error-cookie-heading",
            Self::RefusedForm { .. } => "error-form-heading",
            Self::RegistrationEnded { .. } | Self::RecoveryEnded => "error-ended-heading",
        }
    }

    fn text(&self, words: Words<'_>) -> String {
        match *self {
            Self::BadRequest => words.say("error-bad-request-text"),
            Self::Forbidden { email: None } => words.say("error-forbidden-text"),
            Self::Forbidden { email: Some(email) } => words.with("error-forbidden-who", "email", email.to_owned()),
            Self::NotFound => words.say("error-not-found-text"),
            Self::AskedOnly => words.say("error-asked-only-text"),
            Self::Misdirected => words.say("error-misdirected-text"),
            Self::TooManyTries { wait: None } => words.say("error-too-many-text"),
            Self::TooManyTries { wait: Some(seconds) } => {
                words.with("error-too-many-minutes", "minutes", seconds.get().div_ceil(60))
            }
            Self::Fault => words.say("error-fault-text"),
            Self::UpstreamDown => words.say("error-upstream-text"),
            Self::Unavailable => words.say("error-unavailable-text"),
            Self::CookieLoop { .. } => words.say("error-cookie-text"),
            Self::RefusedForm { .. } => words.say("error-form-text"),
            Self::RegistrationEnded { .. } | Self::RecoveryEnded => words.say("error-ended-text"),
        }
    }

    fn action(&self, words: Words<'_>) -> Option<Action> {
        // An empty address is the page itself, asked for again with GET.
        let again = |url: String| Some(Action { label: words.say("try-again"), url });
        match *self {
            Self::Misdirected | Self::AskedOnly => None,
            Self::BadRequest | Self::NotFound => Some(Action { label: words.say("error-home"), url: "/".to_owned() }),
            Self::Forbidden { .. }
            | Self::TooManyTries { .. }
            | Self::Fault
            | Self::UpstreamDown
            | Self::Unavailable => again(String::new()),
            Self::CookieLoop { return_to } => again(detour::returning(own_paths::SIGN_IN, Some(return_to))),
            Self::RefusedForm { retry } => again(retry.to_owned()),
            Self::RecoveryEnded => {
                Some(Action { label: words.say("error-ended-again"), url: own_paths::RECOVER.to_owned() })
            }
            Self::RegistrationEnded { return_to } => Some(Action {
                label: words.say("error-ended-again"),
                url: detour::returning(own_paths::REGISTER, return_to),
            }),
        }
    }
}
