//! The path of a request, in the only spelling that is let through.
//!
//! A path is refused, never rewritten: what a route was chosen by is, byte for byte, what the upstream
//! receives. So a path must mean one thing to everybody, and whatever two servers are known to read
//! differently is not a path here.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::own_paths::SEGMENT;

/// What a request asks for: its path and, kept apart and raw, its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTarget {
    /// The path before the first `?`.
    pub path: CanonicalPath,
    /// What stands behind the first `?`, where there is one.
    pub query: Option<Query>,
}

/// A path that everybody reads alike. `as_str` is byte for byte what came in.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CanonicalPath {
    text: Box<str>,
    /// Whether a segment has parameters (`;…`), which some servers cut off and others do not.
    parameters: bool,
}

/// The raw query of a request, without its `?`: visible ASCII without `#`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Query(Box<str>);

/// A path below which a route stands, by whole segments: `/api` holds `/api` and `/api/x`, not `/apix`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPrefix {
    text: Box<str>,
    /// The path with its escapes decoded and without a slash at the end; the root is empty.
    decoded: Box<[u8]>,
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Empty, or not starting with `/`.
    #[error("the path does not start with “/”")]
    NotAbsolute,
    /// A space, a control character, a byte outside ASCII, or one that must be percent-encoded in a URL.
    #[error("the path has a character that must be percent-encoded")]
    Character,
    /// `\`, which some servers take for `/`.
    #[error("the path has a backslash")]
    Backslash,
    /// `//`, or a segment with nothing but parameters before another one.
    #[error("the path has an empty segment (“//”)")]
    EmptySegment,
    /// `.` or `..`, also with parameters behind it.
    #[error("the path has a “.” or “..” segment")]
    DotSegment,
    /// `%` without two hexadecimal digits.
    #[error("the path has a “%” without two hexadecimal digits behind it")]
    Escape,
    /// `%2F` or `%5C`.
    #[error("the path has an encoded “/” or “\\”")]
    EncodedSeparator,
    /// An escape for a letter, digit, `-`, `.`, `_` or `~`, which needs none (RFC 3986 §6.2.2.2).
    #[error("the path encodes a letter, digit, “-”, “.”, “_” or “~”, which need no encoding")]
    EncodedUnreserved,
    /// An escape for a control character.
    #[error("the path has an encoded control character")]
    EncodedControl,
    /// The decoded path is not UTF-8; overlong forms have been used to hide `/` and `.`.
    #[error("the path does not decode to UTF-8")]
    NotUtf8,
    /// A character that cannot stand in a query unencoded.
    #[error("the query has a space, a control character, a “#” or a character outside ASCII")]
    Query,
    /// A prefix with `;`, which would mean different things to different servers.
    #[error("a route’s path cannot have a “;”")]
    ParameterInPrefix,
}

impl RequestTarget {
    /// Reads a request target in origin form (RFC 9112 §3.2.1).
    ///
    /// # Errors
    /// The request is malformed and deserves a 400.
    pub fn parse(target: &[u8]) -> Result<Self, PathError> {
        let mut halves = target.splitn(2, |&byte| byte == b'?');
        let path = CanonicalPath::parse(halves.next().unwrap_or_default())?;
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

impl CanonicalPath {
    /// Reads the bytes before the `?`.
    ///
    /// # Errors
    /// The path has more than one reading, or is none at all.
    pub fn parse(raw: &[u8]) -> Result<Self, PathError> {
        let path = str::from_utf8(raw).map_err(|_| PathError::Character)?;
        let segments = path.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        let mut parameters = false;
        let mut escapes = false;
        let mut rest = Some(segments);
        while let Some(here) = rest {
            let (segment, after) = match here.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (here, None),
            };
            let found = check_segment(segment, after.is_none())?;
            parameters |= found.parameters;
            escapes |= found.escapes;
            rest = after;
        }
        if escapes {
            check_decoded(path)?;
        }
        Ok(Self { text: path.into(), parameters })
    }

    /// The path as it came in, which is how it goes out.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the path is `prefix` or stands below it, by whole segments.
    ///
    /// Escapes are compared by what they stand for, so that `/%40me` is below `/@me`, as it is for the
    /// server behind.
    pub fn has_prefix(&self, prefix: &PathPrefix) -> bool {
        self.starts_with(prefix, Reading::Strict)
    }

    /// As `has_prefix`, read by a server that cuts the parameters (`;…`) off each segment first and takes capitals for
    /// small letters.
    pub fn has_prefix_read_laxly(&self, prefix: &PathPrefix) -> bool {
        self.starts_with(prefix, Reading::Lax)
    }

    /// Whether a segment has parameters: `/map;lat=50/x`.
    pub fn has_parameters(&self) -> bool {
        self.parameters
    }

    /// Whether this is one of the gateway's own paths: `/_bmauth` or anything below it, in any spelling that
    /// any server could take for it. Such a path is never forwarded.
    pub fn is_reserved(&self) -> bool {
        // As it nearly never is, which is told by one letter.
        if self.text.as_bytes().get(1) != SEGMENT.as_bytes().first() {
            return false;
        }
        let first = self.text.get(1..).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        // `;` and its escape, since parameters may be cut off before or after decoding. Letters need no
        // attention: an escape for one is refused.
        let name = first.split(';').next().unwrap_or_default();
        let name = name.split("%3B").next().unwrap_or_default();
        let name = name.split("%3b").next().unwrap_or_default();
        name.eq_ignore_ascii_case(SEGMENT)
    }

    fn starts_with(&self, prefix: &PathPrefix, reading: Reading) -> bool {
        let mut path = Decode { rest: self.text.as_bytes(), reading };
        for &expected in &prefix.decoded {
            let is_as_expected = match (path.next(), reading) {
                (Some(byte), Reading::Strict) => byte == expected,
                (Some(byte), Reading::Lax) => byte.eq_ignore_ascii_case(&expected),
                (None, _) => false,
            };
            if !is_as_expected {
                return false;
            }
        }
        matches!(path.next(), None | Some(b'/'))
    }
}

struct Found {
    parameters: bool,
    escapes: bool,
}

fn check_segment(segment: &str, last: bool) -> Result<Found, PathError> {
    // Where the segment's name ends and its parameters begin, in decoded bytes.
    let mut name_length: usize = 0;
    let mut name_is_dots = true;
    let mut found = Found { parameters: false, escapes: false };

    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let meant = match byte {
            b'%' => {
                found.escapes = true;
                let high = bytes.next().and_then(hex_value).ok_or(PathError::Escape)?;
                let low = bytes.next().and_then(hex_value).ok_or(PathError::Escape)?;
                check_escape(high << 4 | low)?
            }
            b'\\' => return Err(PathError::Backslash),
            // What no browser sends unencoded (the URL standard's path percent-encode set), and `#`.
            b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'#' | b'?' => {
                return Err(PathError::Character);
            }
            visible if visible.is_ascii_graphic() => visible,
            _ => return Err(PathError::Character),
        };
        if meant == b';' {
            found.parameters = true;
        }
        if !found.parameters {
            name_length += 1;
            name_is_dots &= meant == b'.';
        }
    }
    match name_length {
        // The root, a slash at the end, or `/;jsessionid=…`, which is how some servers link to themselves.
        0 if last => Ok(found),
        0 => Err(PathError::EmptySegment),
        1 | 2 if name_is_dots => Err(PathError::DotSegment),
        _ => Ok(found),
    }
}

fn check_escape(meant: u8) -> Result<u8, PathError> {
    match meant {
        b'/' | b'\\' => Err(PathError::EncodedSeparator),
        b'.' => Err(PathError::DotSegment),
        b'-' | b'_' | b'~' => Err(PathError::EncodedUnreserved),
        letter if letter.is_ascii_alphanumeric() => Err(PathError::EncodedUnreserved),
        control if control.is_ascii_control() => Err(PathError::EncodedControl),
        _ => Ok(meant),
    }
}

/// Checks what only shows in the whole: UTF-8, and the control characters above ASCII.
fn check_decoded(path: &str) -> Result<(), PathError> {
    let decoded: Vec<u8> = Decode { rest: path.as_bytes(), reading: Reading::Strict }.collect();
    let decoded = str::from_utf8(&decoded).map_err(|_| PathError::NotUtf8)?;
    if decoded.chars().any(char::is_control) {
        return Err(PathError::EncodedControl);
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Every byte counts.
    Strict,
    /// Parameters are cut off, and capitals are small letters.
    Lax,
}

/// The bytes a checked path stands for.
struct Decode<'a> {
    rest: &'a [u8],
    reading: Reading,
}

impl Decode<'_> {
    fn decode_one(&mut self) -> Option<u8> {
        match self.rest {
            [b'%', high, low, rest @ ..] => {
                self.rest = rest;
                Some(hex_value(*high)? << 4 | hex_value(*low)?)
            }
            [byte, rest @ ..] => {
                self.rest = rest;
                Some(*byte)
            }
            [] => None,
        }
    }
}

impl Iterator for Decode<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let byte = self.decode_one()?;
        if byte == b';' && self.reading == Reading::Lax {
            // A raw slash ends the parameters; there is no encoded one.
            let end = self.rest.iter().position(|&byte| byte == b'/')?;
            self.rest = self.rest.get(end..)?;
            return self.decode_one();
        }
        Some(byte)
    }
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
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

impl PathPrefix {
    /// Reads the path of a route. A slash at its end changes nothing.
    ///
    /// # Errors
    /// The path is not canonical, or has parameters.
    pub fn parse(written: &str) -> Result<Self, PathError> {
        let path = CanonicalPath::parse(written.as_bytes())?;
        if path.parameters {
            return Err(PathError::ParameterInPrefix);
        }
        let text = match written.strip_suffix('/') {
            Some("") | None => written,
            Some(without) => without,
        };
        let decoded = Decode { rest: text.as_bytes(), reading: Reading::Strict };
        let decoded = if text == "/" { Box::default() } else { decoded.collect() };
        Ok(Self { text: text.into(), decoded })
    }

    /// The prefix as it was written, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How specific it is: of two prefixes of one path, the longer one is below the other.
    pub fn length(&self) -> usize {
        self.decoded.len()
    }

    /// Whether both hold the same paths, however they are written.
    pub fn is_same(&self, other: &Self) -> bool {
        self.decoded == other.decoded
    }
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CanonicalPath({:?})", self.text)
    }
}

/// Queries carry codes and tokens of the application, so their text stays out of logs.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Query(…)")
    }
}

impl fmt::Display for PathPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for CanonicalPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(text.as_bytes())
    }
}

impl From<CanonicalPath> for String {
    fn from(path: CanonicalPath) -> Self {
        path.text.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> CanonicalPath {
        CanonicalPath::parse(text.as_bytes()).expect("a canonical path")
    }

    fn prefix(text: &str) -> PathPrefix {
        PathPrefix::parse(text).expect("a prefix")
    }

    #[track_caller]
    fn keeps(text: &str) {
        assert_eq!(CanonicalPath::parse(text.as_bytes()).map(String::from), Ok(text.to_owned()));
    }

    #[track_caller]
    fn refuses(raw: &[u8], why: PathError) {
        assert_eq!(CanonicalPath::parse(raw), Err(why), "{}", raw.escape_ascii());
    }

    #[test]
    fn a_canonical_path_is_kept_byte_for_byte() {
        for text in [
            "/",
            "/a",
            "/a/",
            "/a/b.html",
            "/.well-known/x",
            "/...",
            "/..a",
            "/a..b/c.",
            "/a%20b",
            "/%E4%BD%A0",
            "/%e4%bd%a0",
            "/@me:x,y+z!$&'()*=",
            "/[id]|^",
            "/a%25b",
            "/a%3Fb%23c",
            "/map;lat=50/x",
            "/;jsessionid=1",
            "/a/;x",
            "/~ann/_x-1",
        ] {
            keeps(text);
        }
    }

    #[test]
    fn a_path_that_is_not_absolute_is_refused() {
        for raw in ["", "*", "a", "http://example.com/", "example.com:443", "%2Fa", "\\a", " /"] {
            refuses(raw.as_bytes(), PathError::NotAbsolute);
        }
    }

    #[test]
    fn empty_segments_are_refused() {
        for raw in ["//", "//a", "/a//b", "/a//", "/;x/a", "/a/;/b", "/%3Bx/a"] {
            refuses(raw.as_bytes(), PathError::EmptySegment);
        }
    }

    #[test]
    fn dot_segments_are_refused_in_every_encoding() {
        for raw in [
            "/.",
            "/..",
            "/./a",
            "/../a",
            "/a/..",
            "/a/../b",
            "/a/.",
            "/..;/a",
            "/.;x",
            "/a/..;x=1/b",
            "/..%3B/a",
            "/%2e",
            "/%2E%2e/a",
            "/.%2e/a",
            "/%2e./a",
            "/a%2eb",
        ] {
            refuses(raw.as_bytes(), PathError::DotSegment);
        }
    }

    #[test]
    fn other_separators_are_refused_plain_and_encoded() {
        refuses(b"/a\\b", PathError::Backslash);
        refuses(b"/\\evil.example", PathError::Backslash);
        for raw in ["/a%2fb", "/a%2Fb", "/%2f", "/a%5cb", "/a%5Cb", "/..%2f"] {
            refuses(raw.as_bytes(), PathError::EncodedSeparator);
        }
    }

    #[test]
    fn bytes_that_need_encoding_are_refused() {
        for byte in (0..=b' ').chain(0x7f..=0xff).chain(*b"\"<>`{}#?") {
            refuses(&[b'/', byte], PathError::Character);
        }
        refuses("/ä".as_bytes(), PathError::Character);
    }

    #[test]
    fn broken_escapes_are_refused() {
        for raw in ["/%", "/%2", "/%zz", "/%2/", "/%g0", "/%%32", "/%u002f", "/% 2", "/%+2"] {
            refuses(raw.as_bytes(), PathError::Escape);
        }
    }

    #[test]
    fn escapes_that_are_not_needed_are_refused() {
        for raw in ["/%61dmin", "/%41", "/%30", "/%2D", "/%5fbmauth", "/%7e"] {
            refuses(raw.as_bytes(), PathError::EncodedUnreserved);
        }
    }

    #[test]
    fn encoded_control_characters_are_refused() {
        for byte in (0..0x20).chain([0x7f]) {
            refuses(format!("/a%{byte:02x}").as_bytes(), PathError::EncodedControl);
        }
        refuses(b"/%C2%85", PathError::EncodedControl);
    }

    #[test]
    fn overlong_and_broken_utf_8_is_refused() {
        for raw in ["/%c0%ae%c0%ae/", "/%c0%af", "/%e0%80%af", "/%ff", "/%E4", "/%ed%a0%80"] {
            refuses(raw.as_bytes(), PathError::NotUtf8);
        }
    }

    #[test]
    fn a_prefix_holds_whole_segments() {
        let api = prefix("/api");
        for inside in ["/api", "/api/", "/api/x"] {
            assert!(path(inside).has_prefix(&api), "{inside}");
        }
        for outside in ["/", "/apix", "/ap", "/API", "/x/api", "/api.html", "/api;x"] {
            assert!(!path(outside).has_prefix(&api), "{outside}");
        }
        assert!(path("/").has_prefix(&prefix("/")));
        assert!(path("/any/thing").has_prefix(&prefix("/")));
    }

    #[test]
    fn a_slash_at_the_end_of_a_prefix_changes_nothing() {
        assert_eq!(prefix("/api/"), prefix("/api"));
        assert!(path("/api").has_prefix(&prefix("/api/")));
    }

    #[test]
    fn escapes_are_compared_by_what_they_stand_for() {
        assert!(path("/%40me/x").has_prefix(&prefix("/@me")));
        assert!(path("/@me").has_prefix(&prefix("/%40me")));
        assert!(path("/%c3%a4/x").has_prefix(&prefix("/%C3%A4")));
        assert!(prefix("/%40me").is_same(&prefix("/@me")));
    }

    #[test]
    fn parameters_can_be_read_both_ways() {
        let admin = prefix("/a/admin");
        for spelling in ["/a/admin;x", "/a;y/admin;x/z", "/a/admin%3Bx/z", "/a%3b/admin"] {
            assert!(!path(spelling).has_prefix(&admin), "{spelling}");
            assert!(path(spelling).has_prefix_read_laxly(&admin), "{spelling}");
        }
        assert!(!path("/a/adminx;y").has_prefix_read_laxly(&admin));
        assert_eq!(PathPrefix::parse("/a;b"), Err(PathError::ParameterInPrefix));
    }

    #[test]
    fn own_paths_are_reserved_in_every_spelling() {
        for own in [
            "/_bmauth",
            "/_bmauth/",
            "/_bmauth/sign-in",
            "/_BMAUTH/x",
            "/_BmAuth",
            "/_bmauth;x/y",
            "/_bmauth%3Bx",
            "/_bmauth%3b/x",
        ] {
            assert!(path(own).is_reserved(), "{own}");
        }
        for other in ["/", "/_bmauthx", "/x/_bmauth", "/bmauth", "/_bmauth.html", "/link"] {
            assert!(!path(other).is_reserved(), "{other}");
        }
    }

    #[test]
    fn a_target_is_split_at_its_first_question_mark() {
        let target = RequestTarget::parse(b"/a?b=/../%2f?c").expect("a target");
        assert_eq!(target.path.as_str(), "/a");
        assert_eq!(target.query.as_ref().map(Query::as_str), Some("b=/../%2f?c"));
        assert_eq!(format!("{:?}", target.query), "Some(Query(…))");
        assert_eq!(RequestTarget::parse(b"/a").map(|target| target.query), Ok(None));
        for bad in [&b"/a?b#c"[..], b"/a?b c", b"/a?\x7f", b"/a?\r\n", b"/a?\xe4"] {
            assert_eq!(RequestTarget::parse(bad), Err(PathError::Query), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_target_is_known_again_byte_for_byte_and_nothing_else_is_taken_for_it() {
        let all = ["/", "/?", "/a", "/a?", "/a?b", "/a?b?", "/a?b=c", "/a%20b", "/A", "/a/", "/a/b", "/ab", "/a;b"];
        for text in all {
            let target = RequestTarget::parse(text.as_bytes()).expect("a target");
            assert_eq!(target.to_string(), text);
            for other in all {
                assert_eq!(target.is_written(other.as_bytes()), other == text, "{text} {other}");
            }
            for other in [&b""[..], b"?", b"a", b"/a#b", b"*", b"http://notes.example.com/"] {
                assert!(!target.is_written(other), "{text} {}", other.escape_ascii());
            }
        }
    }

    /// Decodes again and again, as a careless chain of servers would, and resolves what it finds.
    fn careless(path: &str) -> Vec<String> {
        let mut text = path.replace('\\', "/");
        text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
        let mut segments = Vec::new();
        for segment in text.split('/') {
            match segment.split(';').next().unwrap_or_default() {
                "" | "." => {}
                ".." => {
                    segments.pop();
                }
                name => segments.push(name.to_owned()),
            }
        }
        segments
    }

    fn likely() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("/"),
            Just("a"),
            Just("api"),
            Just("_bmauth"),
            Just("."),
            Just(".."),
            Just(";"),
            Just("%2e"),
            Just("%2F"),
            Just("%40"),
            Just("@"),
            Just("%3B"),
            Just("\\"),
            Just("%5c"),
            Just("%00"),
            Just("%"),
            Just("%c3%a4"),
            Just("%C0%AE"),
            Just("B"),
        ];
        proptest::collection::vec(piece, 0..9).prop_map(|pieces| format!("/{}", pieces.concat()))
    }

    proptest! {
        #[test]
        fn what_is_let_through_is_unchanged(raw in proptest::collection::vec(any::<u8>(), 0..16)) {
            if let Ok(path) = CanonicalPath::parse(&raw) {
                prop_assert_eq!(path.as_str().as_bytes(), raw.as_slice());
            }
        }

        #[test]
        fn what_is_let_through_does_not_move_when_a_server_resolves_it(text in likely()) {
            if let Ok(path) = CanonicalPath::parse(text.as_bytes()) {
                let names: Vec<String> = text.split('/')
                    .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
                    .map(|segment| segment.split(';').next().unwrap_or_default().to_owned())
                    .filter(|name| !name.is_empty())
                    .collect();
                prop_assert_eq!(careless(&text), names.clone());
                let own = names.first().is_some_and(|name| name.eq_ignore_ascii_case("_bmauth"));
                prop_assert_eq!(path.is_reserved(), own);
            }
        }

        #[test]
        fn a_prefix_is_matched_as_segments_are(text in likely(), wanted in likely()) {
            let (Ok(path), Ok(prefix)) = (CanonicalPath::parse(text.as_bytes()), PathPrefix::parse(&wanted)) else { return Ok(()) };
            let path_names = careless(&text);
            let prefix_names = careless(&wanted);
            prop_assert_eq!(path.has_prefix_read_laxly(&prefix), path_names.starts_with(&prefix_names));
            if !path.has_parameters() {
                prop_assert_eq!(path.has_prefix(&prefix), path_names.starts_with(&prefix_names));
            }
        }
    }
}
