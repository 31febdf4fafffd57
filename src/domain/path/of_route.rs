//! The path of a route, as the operator writes it.

use std::fmt;

use super::{PathError, RequestPath, fold};

/// The path that a route holds, and below which it stands by whole segments: `/api` holds `/api` and `/api/x`, not
/// `/apix`. There is one way to read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoutePath {
    text: Box<str>,
    /// As it is understood, without a slash at the end; the root is empty.
    understood: Box<[u8]>,
}

impl RoutePath {
    /// Reads the path of a route. A slash at its end changes nothing.
    ///
    /// # Errors
    /// It is no path, or one that servers read differently.
    pub fn parse(written: &str) -> Result<Self, PathError> {
        let path = RequestPath::parse(written.as_bytes())?;
        let mut readings = path.readings();
        let (understood, others) = (readings.next().unwrap_or_default(), readings.next());
        if others.is_some() || str::from_utf8(understood).is_err() {
            return Err(PathError::NotForRoutes);
        }
        let understood = understood.strip_suffix(b"/").unwrap_or(understood).into();
        let text = match written.strip_suffix('/') {
            Some("") | None => written,
            Some(without) => without,
        };
        Ok(Self { text: text.into(), understood })
    }

    /// The path as it was written, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bytes that a reading of a request's path begins with where it is this one, or below it; none for the root.
    pub(in crate::domain) fn understood(&self) -> &[u8] {
        &self.understood
    }

    /// Its segments as a case-insensitive server reads them.
    pub(in crate::domain) fn folded_segments(&self) -> impl Iterator<Item = Box<[u8]>> {
        self.understood.split(|&byte| byte == b'/').skip(1).map(|segment| fold(segment).into())
    }

    /// Whether `other` is this path or stands below it.
    pub fn holds(&self, other: &Self) -> bool {
        let rest = other.understood.strip_prefix(&*self.understood);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }

    /// Whether both hold the same paths, however they are written.
    pub fn is_same(&self, other: &Self) -> bool {
        self.understood == other.understood
    }
}

impl fmt::Display for RoutePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
