//! The `Authorization` of a request, as far as it carries an access token of ours.

use std::fmt;

/// The access token of ours that a request carries in `Authorization`, if it carries one.
///
/// Where there is one, it alone decides who is asking, good or not: a client that shows the token of one principal must
/// not be let in as another, whose cookie comes along. Only the one form of RFC 6750 §2.1 lets it in.
#[derive(Clone, PartialEq, Eq)]
pub enum Bearer {
    /// Nothing: the header is the app's affair.
    NotOurs,
    /// This text, alone and as `Bearer`.
    Token(Box<str>),
    /// Something, but beside other credentials or in another form.
    Unclear,
}

impl Bearer {
    /// Reads the values of every `Authorization` header. `is_ours` says whether a text claims to be an access token of
    /// ours.
    pub fn read<'a>(mut values: impl Iterator<Item = &'a [u8]>, is_ours: impl Fn(&str) -> bool) -> Self {
        let Some(first) = values.next() else { return Self::NotOurs };
        let has_ours = |value: &[u8]| pieces(value).any(&is_ours);
        let (mut is_alone, mut any_is_ours) = (true, has_ours(first));
        for other in values {
            is_alone = false;
            any_is_ours |= has_ours(other);
        }
        match token(first) {
            _ if !any_is_ours => Self::NotOurs,
            Some(token) if is_alone && is_ours(token) => Self::Token(token.into()),
            _ => Self::Unclear,
        }
    }

    /// Whether the headers are kept from the app.
    pub fn is_withheld(&self) -> bool {
        match self {
            Self::NotOurs => false,
            Self::Token(_) | Self::Unclear => true,
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOurs => "NotOurs",
            Self::Token(_) => "Token(…)",
            Self::Unclear => "Unclear",
        })
    }
}

/// Whatever some server might take for a token in a header: the texts between spaces, commas, quotes and the like.
fn pieces(field: &[u8]) -> impl Iterator<Item = &str> {
    field.split(|byte| !is_of_token(*byte)).filter_map(|piece| str::from_utf8(piece).ok())
}

/// The token of `Bearer`, one or more spaces, and a token: the scheme in any case (RFC 9110 §11.1), nothing behind it.
fn token(field: &[u8]) -> Option<&str> {
    let (scheme, rest) = str::from_utf8(field).ok()?.split_once(' ')?;
    let token = rest.trim_start_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && token.bytes().all(is_of_token)).then_some(token)
}

/// Whether a byte can stand in a signed token: base64url and dots (RFC 7515 §7.1).
const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "a.ours.b";

    fn read_by(fields: &[&str], is_ours: impl Fn(&str) -> bool) -> Bearer {
        Bearer::read(fields.iter().map(|field| field.as_bytes()), is_ours)
    }

    fn read(fields: &[&str]) -> Bearer {
        read_by(fields, |text| text == OURS)
    }

    #[test]
    fn a_token_of_ours_stands_alone_behind_bearer() {
        for field in ["Bearer a.ours.b", "bearer a.ours.b", "BEARER a.ours.b", "Bearer   a.ours.b"] {
            assert_eq!(read(&[field]), Bearer::Token(OURS.into()), "{field}");
        }
    }

    #[test]
    fn another_form_of_ours_is_still_ours_and_is_refused() {
        for field in [
            "a.ours.b",
            "Bearer\ta.ours.b",
            "Bearer \ta.ours.b",
            "Bearer  a.ours.b\t",
            "Bearer a.ours.b x",
            "Bearer a.ours.b,x",
            "Bearer x, Bearer a.ours.b",
            "Bearer \"a.ours.b\"",
            "Bearer=a.ours.b",
            "Bearer token=a.ours.b",
            "Token a.ours.b",
            "DPoP a.ours.b",
            "Basic a.ours.b",
            "BearerX a.ours.b",
            " Bearer a.ours.b",
        ] {
            assert_eq!(read(&[field]), Bearer::Unclear, "{field}");
            // Also to a reader that takes more for a token than its text.
            assert_eq!(read_by(&[field], |text| text.contains(OURS)), Bearer::Unclear, "{field}");
        }
        for fields in [
            ["Bearer a.ours.b", "Bearer a.ours.b"],
            ["Bearer a.ours.b", "Basic eDp5"],
            ["Basic eDp5", "Bearer a.ours.b"],
            ["", "Bearer a.ours.b"],
        ] {
            assert_eq!(read(&fields), Bearer::Unclear, "{fields:?}");
        }
    }

    #[test]
    fn what_is_not_ours_is_the_apps() {
        for fields in [
            &[][..],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &["Basic eDp5"],
            &["Bearer a.theirs.b"],
            &["Bearer a.ours.bc"],
            &["Bearer a.ours.b.c"],
            &["Bearer aa.ours.b"],
            &["Bearer a.theirs.b", "Bearer a.theirs.b"],
            &["Digest username=\"x\", uri=\"/a.b\""],
        ] {
            assert_eq!(read(fields), Bearer::NotOurs, "{fields:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_hide_no_token() {
        let read = |field: &[u8]| Bearer::read([field].into_iter(), |text| text == OURS);
        for field in [&b"Bearer \xff a.ours.b"[..], b"\xffBearer a.ours.b", b"Bearer a.ours.b\xff"] {
            assert_eq!(read(field), Bearer::Unclear);
        }
        assert_eq!(read(b"Bearer \xff"), Bearer::NotOurs);
    }

    #[test]
    fn no_token_is_shown_to_a_log() {
        assert!(!format!("{:?}", read(&["Bearer a.ours.b"])).contains(OURS));
    }

    #[test]
    fn nothing_of_ours_is_passed_on() {
        for (bearer, withheld) in
            [(Bearer::NotOurs, false), (Bearer::Token(OURS.into()), true), (Bearer::Unclear, true)]
        {
            assert_eq!(bearer.is_withheld(), withheld, "{bearer:?}");
        }
    }
}
