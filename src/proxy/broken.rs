//! Why an exchange broke off, and on whose side.

use std::io;

use pingora::{Error, ErrorSource, ErrorType};

/// Whether the app closed the connection instead of answering.
pub(super) fn was_closed(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    let is_reset = cause.is_some_and(|cause| {
        matches!(
            cause.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe
        )
    });
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<h2::Error>());
    let is_gone = cause
        .is_some_and(|cause| cause.is_io() || cause.is_go_away() || cause.reason() == Some(h2::Reason::REFUSED_STREAM));
    is_reset || is_gone || error.is_canceled() || error.is_incomplete_message()
}

/// The app broke off, or does not speak HTTP.
pub(super) fn of_app(error: hyper::Error) -> Box<Error> {
    let kind = if error.is_parse() { ErrorType::InvalidHTTPHeader } else { ErrorType::ConnectionClosed };
    let mut error = Error::because(kind, "the app's answer", error);
    error.esource = ErrorSource::Upstream;
    error
}

/// The app breaks the rules.
pub(super) fn protocol(why: &'static str) -> Box<Error> {
    Error::explain(ErrorType::InvalidHTTPHeader, why).into_up()
}

/// The client broke off, or breaks the rules.
pub(super) fn of_client(error: Box<Error>) -> Box<Error> {
    error.into_down()
}

/// Whether the client's body broke off because a chunk of it is malformed, as `guard` says.
pub(super) fn is_broken_chunk(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData)
}

/// The app said and took nothing for too long.
pub(super) fn late() -> Box<Error> {
    Error::explain(ErrorType::ReadTimedout, "the app is silent").into_up()
}

/// Whether it is that one.
pub(super) fn is_late(error: &Error) -> bool {
    (error.etype(), error.esource()) == (&ErrorType::ReadTimedout, &ErrorSource::Upstream)
}

/// The client paused for too long within its request.
pub(super) fn paused() -> Box<Error> {
    Error::explain(ErrorType::ReadTimedout, "the client pauses").into_down()
}
