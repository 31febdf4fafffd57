//! Names of groups: what routes ask for, and what apps and API clients are told as roles.

use thiserror::Error;

/// The longest name, in bytes.
const LONGEST: usize = 64;
/// How many groups an account can be in: they travel in every token.
pub const MOST: usize = 64;

/// Why a text is not a group's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GroupError {
    /// Nothing, or too much.
    #[error("a group's name has 1 to 64 characters")]
    Length,
    /// A character that would make two names of it, or none, somewhere on its way.
    #[error("a group's name is ASCII letters, digits and the signs - _ . : / @ +")]
    Character,
}

/// Reads a group's name. It travels in headers and lists, so few signs are allowed.
///
/// # Errors
/// Says what is allowed.
pub fn parse(text: &str) -> Result<String, GroupError> {
    if text.is_empty() || text.len() > LONGEST {
        return Err(GroupError::Length);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@+".contains(&byte);
    if text.bytes().all(plain) { Ok(text.to_owned()) } else { Err(GroupError::Character) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_one_plain_word() {
        for right in ["staff", "org:admins", "a/b", "team-1_x.y", "it@acme"] {
            assert_eq!(parse(right).as_deref(), Ok(right));
        }
        for wrong in ["a b", "a,b", "a\nb", "ä", "\"a\"", "a{b"] {
            assert_eq!(parse(wrong), Err(GroupError::Character), "{wrong:?}");
        }
        assert_eq!((parse(""), parse(&"a".repeat(65))), (Err(GroupError::Length), Err(GroupError::Length)));
    }
}
