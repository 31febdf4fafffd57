//! Words in columns, for people.

use std::io::{ErrorKind, Write as _};

use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::CommandError;

/// Rows below a line of headings, each column as wide as it must be.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| plain(cell))).collect();
    let mut widths = headings.map(|heading| heading.width());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&headings.map(str::to_owned)).chain(&rows) {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            // Some letters take two columns.
            let rest = " ".repeat(width.saturating_sub(cell.width()));
            format!("{cell}{rest}")
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A moment of the socket's answers as people read it: `2026-11-21 23:58 UTC`.
pub(super) fn moment(rfc3339: &str) -> String {
    match (rfc3339.get(..10), rfc3339.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => "unknown".to_owned(),
    }
}

/// Text that another person chose, without what a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if obeyed(c) { '\u{fffd}' } else { c }).collect()
}

/// Prints `value` for scripts, or `text` for people.
pub(super) fn print<T: Serialize>(json: bool, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), CommandError> {
    let mut text = if json { serde_json::to_string_pretty(value).map_err(anyhow::Error::from)? } else { text(value) };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        // `bmauth users list | head` has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written.map_err(anyhow::Error::from)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = [["ann@example.com".to_owned(), "é".to_owned()], ["b".to_owned(), String::new()]];
        assert_eq!(table(["EMAIL", "IT"], &rows), "EMAIL            IT\nann@example.com  é\nb\n");
        let rows = ["用户@a.cn", "jörg@a.cn", "jo\u{308}rg@a"].map(|email| [email.to_owned(), "x".to_owned()]);
        assert_eq!(table(["EMAIL", "IT"], &rows), "EMAIL      IT\n用户@a.cn  x\njörg@a.cn  x\njo\u{308}rg@a     x\n");
    }

    #[test]
    fn a_terminal_obeys_no_name() {
        let rows = [["\u{1b}[2Jmy\nphone\u{202e}".to_owned()]];
        assert_eq!(table(["N"], &rows), "N\n\u{fffd}[2Jmy\u{fffd}phone\u{fffd}\n");
    }

    #[test]
    fn moments_are_to_the_minute() {
        assert_eq!(moment("2026-11-21T23:58:07Z"), "2026-11-21 23:58 UTC");
        assert_eq!(moment(""), "unknown");
    }
}
