//! Whom a command is about.

use crate::auth::operate::Who;
use crate::domain::email::Email;

/// How an account is named, as it was typed.
pub(super) fn who(typed: &str) -> Result<String, String> {
    match Who::parse(typed) {
        Some(_) => Ok(typed.to_owned()),
        None => Err("it is neither an e-mail address nor the id of an account".to_owned()),
    }
}

/// An e-mail address that was typed.
pub(super) fn parse_email(typed: &str) -> Result<Email, String> {
    Email::parse(typed).map_err(|why| why.to_string())
}
