//! The tables of a page.

use super::read;

/// The rows of all tables below a heading, up to the next one of its rank or above: their cells, without the header.
#[track_caller]
pub fn below(page: &str, heading: &str) -> Vec<Vec<String>> {
    let rank = heading.bytes().take_while(|byte| *byte == b'#').count();
    let text = read(page);
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let is_above = |line: &&str| {
        let begins = line.bytes().take_while(|byte| *byte == b'#').count();
        (1..=rank).contains(&begins) && line.as_bytes().get(begins) == Some(&b' ')
    };
    let lines: Vec<&str> = lines.take_while(|line| !is_above(line)).collect();
    let is_rule = |line: &str| line.starts_with("|---");
    let rows = lines.iter().enumerate().filter(|(at, line)| {
        let is_header = lines.get(at + 1).is_some_and(|next| is_rule(next));
        line.starts_with('|') && !is_header && !is_rule(line)
    });
    let rows: Vec<_> = rows.map(|(_, line)| cells(line)).collect();
    assert!(!rows.is_empty(), "{page} has no table below {heading:?}");
    rows
}

/// The cells of a row; `\|` is no end of one.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim().trim_start_matches('|').replace("\\|", "\u{0}");
    let row = row.strip_suffix('|').unwrap_or(&row);
    row.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

/// What a cell has as code: `` `x` `` is x. A code may have backticks of its own.
pub fn code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

#[test]
fn a_row_is_read_cell_by_cell() {
    assert_eq!(cells("| a | `b \\| c` | |"), ["a", "`b | c`", ""]);
    assert_eq!(code("`b | c`"), Some("b | c"));
    assert_eq!(code("b"), None);
}
