//! What a line must not have as it is: whatever moves a terminal's cursor, ends a line for some reader, or turns the
//! order of the letters around.

/// Whether a character is written as an escape.
pub(super) fn is_needed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether nothing in a text is.
pub(super) fn is_plain(text: &str) -> bool {
    // Without an early end, so that it is done for many bytes at once.
    let visible = text.bytes().fold(true, |so_far, byte| so_far & matches!(byte, b' '..=b'~'));
    visible || !text.contains(is_needed)
}
