//! The path of a request: byte for byte what came in, with every reading of it that some app might take.
//!
//! A path is never rewritten: what a route was chosen by is what the upstream receives. Where servers are known to read
//! a path differently, each reading has to lead to the same (see [`super::route::Routes::find`]), and what is dangerous
//! in any of them is refused here.

mod fold;
mod of_route;
mod readings;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::own_paths::SEGMENT;

pub use of_route::RoutePath;

pub(super) use fold::fold;

use readings::{Readings, hex_value};

/// What a request asks for: its path and, kept apart and raw, its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTarget {
    /// The path before the first `?`.
    pub path: RequestPath,
    /// What stands behind the first `?`, where there is one.
    pub query: Option<Query>,
}

/// A path that no server can take for a way up or out. `as_str` is byte for byte what came in.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestPath {
    text: Box<str>,
    readings: Readings,
}

/// The raw query of a request, without its `?`: visible ASCII without `#`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Query(Box<str>);

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Empty, or not starting with `/`.
    #[error("the path does not start with “/”")]
    NotAbsolute,
    /// A space, a control character, a byte outside ASCII, or one that must be percent-encoded in a URL.
    #[error("the path has a character that must be percent-encoded")]
    Character,
    /// `\`, which some servers take for `/`, plain or encoded.
    #[error("the path has a backslash")]
    Backslash,
    /// `.` or `..`, in whatever reading.
    #[error("the path has a “.” or “..” segment")]
    DotSegment,
    /// `%` without two hexadecimal digits.
    #[error("the path has a “%” without two hexadecimal digits behind it")]
    Escape,
    /// An escape for a control character.
    #[error("the path has an encoded control character")]
    EncodedControl,
    /// Longer forms than UTF-8 has for a character, which have been used to hide `/` and `.`.
    #[error("the path hides a character in a form that is longer than UTF-8 allows")]
    Overlong,
    /// More than could be looked at.
    #[error("the path can be read in too many ways")]
    TooManyReadings,
    /// A character that cannot stand in a query unencoded.
    #[error("the query has a space, a control character, a “#” or a character outside ASCII")]
    Query,
    /// What servers read differently, in the path of a route.
    #[error(
        "a route’s path cannot have “//” or “;”, nor an escape for a letter, a digit or one of “- . _ ~ / ; ? # %”"
    )]
    NotForRoutes,
}

impl RequestTarget {
    /// Reads a request target in origin form (RFC 9112 §3.2.1).
    ///
    /// # Errors
    /// The request is malformed and deserves a 400.
    pub fn parse(target: &[u8]) -> Result<Self, PathError> {
        let mut halves = target.splitn(2, |&byte| byte == b'?');
        let path = RequestPath::parse(halves.next().unwrap_or_default())?;
        let query = halves.next().map(Query::parse).transpose()?;
        Ok(Self { path, query })
    }
}

impl RequestTarget {
    /// Whether `raw` is this target, byte for byte.
    pub fn is_written(&self, raw: &[u8]) -> bool {
        let Some(rest) = raw.strip_prefix(self.path.as_str().as_bytes()) else { return false };
        match &self.query {
            None => rest.is_empty(),
            Some(query) => rest.strip_prefix(b"?") == Some(query.as_str().as_bytes()),
        }
    }
}

impl fmt::Display for RequestTarget {
    /// As it came in.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path.as_str())?;
        match &self.query {
            None => Ok(()),
            Some(query) => write!(f, "?{}", query.as_str()),
        }
    }
}

impl RequestPath {
    /// Reads the bytes before the `?`.
    ///
    /// # Errors
    /// It is no path, or one that some server would take for a way up, out, or to where it does not say.
    pub fn parse(raw: &[u8]) -> Result<Self, PathError> {
        let segments = raw.strip_prefix(b"/").ok_or(PathError::NotAbsolute)?;
        let is_plain = check_bytes(segments)?;
        let readings = if is_plain { Readings::default() } else { Readings::of(raw)? };
        let text = str::from_utf8(raw).map_err(|_| PathError::Character)?;
        Ok(Self { text: text.into(), readings })
    }

    /// The path as it came in, which is how it goes out.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path as it is understood here, and every other way in which some server may: one for a path of plain bytes.
    ///
    /// What does not lead an app elsewhere is decoded in all of them: `/%40me` is `/@me`.
    pub fn readings(&self) -> impl Iterator<Item = &[u8]> {
        self.readings.or(self.text.as_bytes())
    }

    /// Whether this is one of the gateway's own paths: `/_bmauth` or anything below it, in any reading. Such a path is
    /// never forwarded.
    pub fn is_reserved(&self) -> bool {
        self.readings().any(|reading| {
            let mut rest = reading.get(1..).unwrap_or_default().split(|&byte| byte == b'/');
            rest.next().is_some_and(|first| *fold(first) == *SEGMENT.as_bytes())
        })
    }

    /// Whether every server reads it as it is written.
    pub fn is_plain(&self) -> bool {
        self.readings.are_none()
    }

    /// Whether `//` stands at the start of some reading: what follows could be taken for a host.
    pub fn may_begin_with_a_host(&self) -> bool {
        self.readings().any(|reading| reading.starts_with(b"//"))
    }
}

/// Checks what can be told from each byte alone, and says whether they are plain: all servers read them alike.
fn check_bytes(segments: &[u8]) -> Result<bool, PathError> {
    let mut is_plain = true;
    let (mut length, mut is_dots) = (0, true);
    let mut at = 0;
    while let Some(&byte) = segments.get(at) {
        at += 1;
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => (length, is_dots) = (length + 1, false),
            b'/' => {
                if is_dots && (length == 1 || length == 2) {
                    return Err(PathError::DotSegment);
                }
                // `//`: an empty segment before another one.
                is_plain &= length > 0;
                (length, is_dots) = (0, true);
            }
            b'.' => length += 1,
            b'%' => {
                let is_hex = |at| segments.get(at).is_some_and(|&digit| hex_value(digit).is_some());
                if !is_hex(at) || !is_hex(at + 1) {
                    return Err(PathError::Escape);
                }
                at += 2;
                (is_plain, length, is_dots) = (false, length + 1, false);
            }
            b';' => (is_plain, length, is_dots) = (false, length + 1, false),
            b'\\' => return Err(PathError::Backslash),
            // What no browser sends unencoded (the URL standard's path percent-encode set), and `#`.
            b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'#' | b'?' => return Err(PathError::Character),
            visible if visible.is_ascii_graphic() => (length, is_dots) = (length + 1, false),
            _ => return Err(PathError::Character),
        }
    }
    if is_dots && (length == 1 || length == 2) { Err(PathError::DotSegment) } else { Ok(is_plain) }
}

impl Query {
    /// Reads the bytes behind the `?`.
    ///
    /// # Errors
    /// A byte that cannot stand in a query: space, control, `#`, or outside ASCII.
    pub fn parse(raw: &[u8]) -> Result<Self, PathError> {
        let fine = raw.iter().all(|&byte| byte.is_ascii_graphic() && byte != b'#');
        let text = str::from_utf8(raw).ok().filter(|_| fine).ok_or(PathError::Query)?;
        Ok(Self(text.into()))
    }

    /// The query as it came in, without its `?`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for RequestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestPath({:?})", self.text)
    }
}

/// Queries carry codes and tokens of the application, so their text stays out of logs.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Query(…)")
    }
}

impl TryFrom<String> for RequestPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(text.as_bytes())
    }
}

impl From<RequestPath> for String {
    fn from(path: RequestPath) -> Self {
        path.text.into()
    }
}
