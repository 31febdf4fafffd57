//! Segments of a path, compared without regard to case.

use std::borrow::Cow;

/// A segment as a case-insensitive server sees it. That holds for other scripts too, and for letters like `ſ` and the
/// Kelvin sign, which some servers take for `s` and `k`.
pub(in crate::domain) fn fold(segment: &[u8]) -> Cow<'_, [u8]> {
    if segment.is_ascii() {
        let has_uppercase = segment.iter().any(u8::is_ascii_uppercase);
        return if has_uppercase { segment.to_ascii_lowercase().into() } else { segment.into() };
    }
    let mut folded = Vec::with_capacity(segment.len());
    for chunk in segment.utf8_chunks() {
        let small = chunk.valid().chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
        folded.extend(small.collect::<String>().into_bytes());
        folded.extend_from_slice(chunk.invalid());
    }
    folded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_server_takes_for_the_same_letter_is_the_same() {
        for (written, folded) in [
            ("Admin", "admin"),
            ("ÄRGER", "ärger"),
            ("\u{212a}iosk", "kiosk"),
            ("u\u{17f}ers", "users"),
            ("a-1", "a-1"),
        ] {
            assert_eq!(*fold(written.as_bytes()), *folded.as_bytes(), "{written}");
        }
        assert_eq!(*fold(b"A\xe9B"), *b"a\xe9b");
    }
}
