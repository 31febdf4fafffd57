//! The ways in which servers read a path: each of these alone or after any of the others.
//!
//! - Decoding, up to three times, since one server behind another decodes what the first one passed on; with or without
//!   the slashes, since many split a path at its slashes first and then decode each part.
//! - Merging slashes: all of them (nginx), those at the start (Python's HTTP server), or so many from the start; or
//!   taking what follows two of them for a host (RFC 3986 §4.2, as the URL parsers of browsers and Node do with a
//!   target that begins so).
//! - Dropping the parameters of segments (Java's servlet containers), of so many from the start, or all from the first
//!   `;` on.
//! - Cutting at a decoded `?` or `#`, where a decoded target is parsed once more.
//!
//! What is left as it is stops a path from standing below a route, so it is enough to know each step as far as it goes
//! from the start. Case is not handled here, but where routes are compared. Neither is a slash at the end: it makes no
//! other route.

use super::PathError;

/// How often a path is decoded at most.
const MOST_DECODINGS: usize = 3;
/// How many readings are looked at.
const MOST_READINGS: usize = 64;
/// How many bytes all of them may have: a few of the longest path.
const MOST_BYTES: usize = 256 * 1024;

/// What a path may be read as; none where it is read as it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Readings(Box<[Box<[u8]>]>);

impl Readings {
    /// All readings of a path whose escapes are whole.
    ///
    /// # Errors
    /// One of them is dangerous wherever it leads, or they are too many.
    pub(super) fn of(raw: &[u8]) -> Result<Self, PathError> {
        let mut all: Vec<Box<[u8]>> = Vec::with_capacity(4);
        add(understood(raw), &mut all)?;
        let mut decoded = 0;
        read_on(&mut all, decoded)?;
        for _ in 0..MOST_DECODINGS {
            let known = all.len();
            for at in decoded..known {
                for found in all.get(at).map(|reading| once_decoded(reading)).unwrap_or_default() {
                    add(found, &mut all)?;
                }
            }
            read_on(&mut all, known)?;
            decoded = known;
        }
        // A path that needs more decoding than that has something to hide.
        let is_last = |reading: &[u8]| once_decoded(reading).iter().all(|found| **found == *reading);
        let is_done = all.get(decoded..).unwrap_or_default().iter().all(|reading| is_last(reading));
        if is_done { Ok(Self(all.into())) } else { Err(PathError::TooManyReadings) }
    }

    /// Whether the path is read as it is written.
    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, or only `plain` where there are none.
    pub(super) fn or<'a>(&'a self, plain: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let plain = self.0.is_empty().then_some(plain);
        plain.into_iter().chain(self.0.iter().map(AsRef::as_ref))
    }
}

/// Adds what the readings from `at` on may be read as without decoding, and what comes of that.
fn read_on(all: &mut Vec<Box<[u8]>>, mut at: usize) -> Result<(), PathError> {
    while let Some(reading) = all.get(at) {
        let mut found = merged(reading)?;
        found.extend(without_parameters(reading)?);
        found.extend(without_host(reading));
        found.extend([b'?', b'#', b';'].iter().filter_map(|&cut| cut_at(reading, cut)));
        for found in found {
            add(found, all)?;
        }
        at += 1;
    }
    Ok(())
}

/// Adds a reading that is not there yet.
fn add(reading: Vec<u8>, all: &mut Vec<Box<[u8]>>) -> Result<(), PathError> {
    if all.iter().any(|known| **known == *reading) {
        return Ok(());
    }
    let bytes = all.iter().map(|reading| reading.len()).sum::<usize>() + reading.len();
    // The first one is the path itself, which is as long as it may be.
    if all.len() == MOST_READINGS || bytes > MOST_BYTES && !all.is_empty() {
        return Err(PathError::TooManyReadings);
    }
    check(&reading)?;
    all.push(reading.into());
    Ok(())
}

/// Refuses what no app needs and what some take for another path.
fn check(reading: &[u8]) -> Result<(), PathError> {
    let mut before = 0;
    for &byte in reading {
        match (before, byte) {
            (_, b'\\') => return Err(PathError::Backslash),
            // Those above ASCII are two bytes in UTF-8.
            (_, 0..=0x1f | 0x7f) | (0xc2, 0x80..=0x9f) => return Err(PathError::EncodedControl),
            // What begins longer forms of ASCII, of two bytes up to six, and of the halves of surrogate pairs.
            (_, 0xc0 | 0xc1)
            | (0xe0, 0x80..=0x9f)
            | (0xf0, 0x80..=0x8f)
            | (0xf8, 0x80..=0x87)
            | (0xfc, 0x80..=0x83)
            | (0xed, 0xa0..=0xbf) => return Err(PathError::Overlong),
            _ => {}
        }
        before = byte;
    }
    let is_dots = |segment: &[u8]| matches!(segment, b"." | b"..");
    if reading.split(|&byte| byte == b'/').any(is_dots) { Err(PathError::DotSegment) } else { Ok(()) }
}

/// The path with those escapes decoded that any server may read as what they stand for, and that lead nowhere else: a
/// browser may write `@`, a space or a letter outside ASCII so, or not (RFC 3986 §2.4).
fn understood(raw: &[u8]) -> Vec<u8> {
    decode(raw, |meant| {
        let is_unreserved = meant.is_ascii_alphanumeric() || b"-._~".contains(&meant);
        !is_unreserved && !b"/\\;?#%".contains(&meant)
    })
}

/// Everything decoded, and everything but slashes; nothing where nothing is encoded. What only looks like an escape
/// stays.
fn once_decoded(reading: &[u8]) -> Vec<Vec<u8>> {
    if !reading.contains(&b'%') {
        return Vec::new();
    }
    vec![decode(reading, |_| true), decode(reading, |meant| meant != b'/')]
}

fn decode(path: &[u8], is_decoded: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, after)) = rest.split_first() {
        let meant = match after {
            [high, low, ..] if byte == b'%' => hex_value(*high).zip(hex_value(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        match meant.filter(|&meant| is_decoded(meant)) {
            Some(meant) => {
                decoded.push(meant);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded
}

/// What a hexadecimal digit stands for.
pub(super) fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// With the first so many runs of slashes merged.
fn merged(reading: &[u8]) -> Result<Vec<Vec<u8>>, PathError> {
    let mut ways: Vec<Vec<u8>> = Vec::new();
    let mut merged = Vec::with_capacity(reading.len());
    for (at, &byte) in reading.iter().enumerate() {
        if byte == b'/' && merged.last() == Some(&b'/') {
            if reading.get(at + 1) != Some(&b'/') {
                ways.push([&*merged, reading.get(at + 1..).unwrap_or_default()].concat());
                few(&ways)?;
            }
        } else {
            merged.push(byte);
        }
    }
    Ok(ways)
}

fn few(ways: &[Vec<u8>]) -> Result<(), PathError> {
    let bytes: usize = ways.iter().map(Vec::len).sum();
    if ways.len() < MOST_READINGS && bytes <= MOST_BYTES { Ok(()) } else { Err(PathError::TooManyReadings) }
}

fn without_host(reading: &[u8]) -> Option<Vec<u8>> {
    let behind = reading.strip_prefix(b"//")?;
    let host = behind.iter().position(|&byte| byte != b'/').unwrap_or(behind.len());
    let behind = behind.get(host..).unwrap_or_default();
    let path = behind.iter().position(|&byte| byte == b'/').and_then(|end| behind.get(end..));
    Some(path.unwrap_or(b"/").to_vec())
}

/// Without the parameters of the first so many segments that have any.
fn without_parameters(reading: &[u8]) -> Result<Vec<Vec<u8>>, PathError> {
    let mut ways: Vec<Vec<u8>> = Vec::new();
    let mut kept = Vec::with_capacity(reading.len());
    let mut rest = reading;
    while let Some(begin) = rest.iter().position(|&byte| byte == b';') {
        let (before, parameters) = rest.split_at_checked(begin).unwrap_or((rest, b""));
        kept.extend_from_slice(before);
        let end = parameters.iter().position(|&byte| byte == b'/').unwrap_or(parameters.len());
        rest = parameters.get(end..).unwrap_or_default();
        ways.push([&*kept, rest].concat());
        few(&ways)?;
    }
    Ok(ways)
}

fn cut_at(reading: &[u8], cut: u8) -> Option<Vec<u8>> {
    let end = reading.iter().position(|&byte| byte == cut)?;
    reading.get(..end).map(<[u8]>::to_vec)
}
