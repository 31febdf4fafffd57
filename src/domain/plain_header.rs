//! Who is signed in, in plain headers: for apps that know no tokens.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What a plain header tells of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The account's id, which never changes.
    Id,
    /// The proved address.
    Email,
    /// What they want to be called, where they said so.
    Name,
    /// The groups they are in, with commas between them.
    Groups,
}

impl Fact {
    /// Each fact that a header may tell.
    pub const ALL: [Self; 4] = [Self::Id, Self::Email, Self::Name, Self::Groups];

    /// As the configuration writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Email => "email",
            Self::Name => "name",
            Self::Groups => "groups",
        }
    }
}

/// The headers that are sent where no other names are wanted. No client can send them, wanted or not.
pub const STANDARD: [(&str, Fact); 4] = [
    ("remote-user", Fact::Id),
    ("remote-email", Fact::Email),
    ("remote-name", Fact::Name),
    ("remote-groups", Fact::Groups),
];

/// Besides what is not ASCII: the sign of the encoding itself, so that it can be undone exactly.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

/// The text as a header may carry it: ASCII (RFC 9110 §5.5), with everything else and `%` percent-encoded as UTF-8.
/// `None` where it has a control character: no name or address has one, and an app that decodes it would get it back.
pub fn encode(text: &str) -> Option<String> {
    let has_controls = text.chars().any(char::is_control);
    (!has_controls).then(|| utf8_percent_encode(text, ENCODED).to_string())
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_told_in_ascii() {
        for (text, told) in [
            ("", ""),
            ("Maria Muster", "Maria Muster"),
            ("ann+notes@example.com", "ann+notes@example.com"),
            ("a,b/c:d_e.f@g", "a,b/c:d_e.f@g"),
            ("Zoë Ångström 100 %", "Zo%C3%AB %C3%85ngstr%C3%B6m 100 %25"),
            ("%C3%AB", "%25C3%25AB"),
            ("木", "%E6%9C%A8"),
            ("\u{202e}\u{2028}", "%E2%80%AE%E2%80%A8"),
        ] {
            assert_eq!(encode(text).as_deref(), Some(told));
        }
    }

    #[test]
    fn a_control_character_is_told_in_no_form() {
        for control in ["\r\n", "\0", "\t", "\u{7f}", "\u{85}", "\u{9b}"] {
            assert_eq!(encode(&format!("Eve{control}Remote-User: admin")), None, "{control:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_told_is_visible_ascii_and_reads_back_as_it_was(text in "\\PC*") {
            if let Some(told) = encode(&text) {
                prop_assert!(told.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{}", told);
                prop_assert_eq!(percent_decode_str(&told).decode_utf8().unwrap(), text);
            }
        }
    }
}
