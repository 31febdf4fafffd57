//! Paths and queries of requests, and paths of routes.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::domain::own_paths::SEGMENT;
use crate::domain::path::{CanonicalPath, PathPrefix, RequestTarget};

/// Reads the target of a request. What is read is byte for byte what came in, climbs nowhere in any reading, and is one
/// of our own wherever some reading makes it one.
pub fn path(input: &[u8]) {
    let Ok(target) = RequestTarget::parse(input) else { return };
    assert!(target.is_written(input));
    let text = target.to_string();
    assert_eq!(text.as_bytes(), input);
    assert_eq!(RequestTarget::parse(text.as_bytes()).as_ref(), Ok(&target));

    let path = &target.path;
    let kept = CanonicalPath::try_from(String::from(path.clone()));
    assert_eq!(kept.as_ref(), Ok(path));
    for reading in readings(path.as_str()) {
        goes_down_only(&reading);
        assert!(!is_ours(&reading) || path.is_reserved(), "{path} is one of our own, read as {reading}");
    }
    let url = Url::parse(&format!("https://notes.example.com{text}"));
    let asked = url.as_ref().map(Url::path);
    assert_eq!(asked, Ok(path.as_str()), "a browser asks for something else");

    stands_below(path);
}

/// How servers read a path: as it is or decoded, with parameters or without, cut off before or after decoding.
fn readings(path: &str) -> Vec<String> {
    let decoded = percent_decode_str(path).decode_utf8();
    assert!(decoded.is_ok(), "{path} does not decode to UTF-8");
    let decoded = decoded.unwrap_or_default().into_owned();
    let cut_then_decoded = percent_decode_str(&without_parameters(path)).decode_utf8_lossy().into_owned();
    vec![path.to_owned(), without_parameters(path), without_parameters(&decoded), decoded, cut_then_decoded]
}

fn without_parameters(path: &str) -> String {
    let segments = path.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    segments.collect::<Vec<_>>().join("/")
}

fn goes_down_only(reading: &str) {
    assert!(!reading.contains(|letter: char| letter == '\\' || letter.is_control()), "{reading:?}");
    let segments: Vec<&str> = reading.split('/').collect();
    assert!(segments.len() > 1 && segments.first().is_some_and(|before| before.is_empty()), "{reading:?}");
    for (at, segment) in segments.iter().enumerate().skip(1) {
        assert!(!matches!(*segment, "." | ".."), "{reading:?} has a dot segment");
        assert!(!segment.is_empty() || at + 1 == segments.len(), "{reading:?} has an empty segment");
    }
}

fn is_ours(reading: &str) -> bool {
    reading.split('/').nth(1).is_some_and(|first| first.eq_ignore_ascii_case(SEGMENT))
}

/// A path that can be a route's stands below itself and below what is above it, and nothing stricter finds it than what
/// is lax.
fn stands_below(path: &CanonicalPath) {
    let Ok(prefix) = PathPrefix::parse(path.as_str()) else { return };
    assert!(path.has_prefix(&prefix) && path.has_prefix_read_laxly(&prefix), "{path} is not below itself");
    let again = PathPrefix::parse(prefix.as_str());
    assert!(again.is_ok_and(|again| again.is_same(&prefix)), "{path}");
    for (at, _) in path.as_str().match_indices('/') {
        let above = path.as_str().get(..at.max(1)).unwrap_or_default();
        let above = PathPrefix::parse(above);
        assert!(above.is_ok(), "{path} stands below something that is no path");
        let Ok(above) = above else { return };
        assert!(path.has_prefix(&above) && path.has_prefix_read_laxly(&above), "{path} is not below {above}");
        assert!(above.length() <= prefix.length(), "{above} is longer than {prefix}");
    }
    if let Ok(longer) = PathPrefix::parse(&format!("{}/x", prefix.as_str().trim_end_matches('/'))) {
        assert!(!path.has_prefix(&longer) && !path.has_prefix_read_laxly(&longer), "{path} is below {longer}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::fuzzing::inputs::holds;

    #[test]
    fn whatever_is_read_as_a_path_means_one_thing_to_everybody() {
        let piece = prop_oneof![
            3 => "[a-zA-Z0-9._~!$&'()*+,;=:@|^\\[\\]-]{0,4}".boxed(),
            2 => "%[0-9a-fA-F]{2}".boxed(),
            1 => "(_bmauth|_BMAuth|_bmauth;|%5fbmauth|_bmauth%3[Bb])".boxed(),
            1 => "(\\.\\.?|%2e|%2E%2e|\\\\|%c0%ae|%c3%a9|%c2%85|\u{e9})".boxed(),
        ];
        let segments = proptest::collection::vec(proptest::collection::vec(piece, 0..3), 1..5);
        let query = "(\\?[a-z0-9=&%?/'\"<>|#]{0,8})?";
        let target = (segments, query).prop_map(|(segments, query)| {
            let segments: Vec<String> = segments.iter().map(|pieces| pieces.concat()).collect();
            format!("/{}{query}", segments.join("/"))
        });
        holds("path", super::path, target);
    }
}
