use std::collections::BTreeSet;

use super::*;

fn path(text: &str) -> RequestPath {
    RequestPath::parse(text.as_bytes()).expect("a path")
}

fn readings(text: &str) -> BTreeSet<String> {
    path(text).readings().map(|reading| reading.escape_ascii().to_string()).collect()
}

#[track_caller]
fn keeps(text: &str) {
    assert_eq!(RequestPath::parse(text.as_bytes()).map(String::from), Ok(text.to_owned()));
}

#[track_caller]
fn refuses(raw: &[u8], why: PathError) {
    assert_eq!(RequestPath::parse(raw), Err(why), "{}", raw.escape_ascii());
}

#[test]
fn a_path_is_kept_byte_for_byte() {
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
        "//a",
        "/a//b",
        "/a%2Fb",
        "/%7eann/%41%5F%2D",
        "/caf%E9",
        "/100%25",
        "/@babel%2fcore",
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
fn dot_segments_are_refused_in_every_reading() {
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
        "/..%2f",
        "/a%2f..%2fb",
        "/a%252f..%252fb",
        "/%252e%252e/a",
        "/%25252e%25252e/a",
        "/a/..%3fb",
        "/a/.%23b",
        "//..",
        "/..%253bx",
    ] {
        refuses(raw.as_bytes(), PathError::DotSegment);
    }
    // A dot in a name leads nowhere.
    keeps("/a%2eb");
}

#[test]
fn backslashes_are_refused_in_every_reading() {
    for raw in ["/a\\b", "/\\evil.example", "/a%5cb", "/a%5Cb", "/a%255cb", "/a%25255Cb"] {
        refuses(raw.as_bytes(), PathError::Backslash);
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
    for raw in ["/%", "/%2", "/%zz", "/%2/", "/%g0", "/%%32", "/%u002f", "/% 2", "/%+2", "/a/%2", "/%2x%"] {
        refuses(raw.as_bytes(), PathError::Escape);
    }
}

#[test]
fn encoded_control_characters_are_refused_in_every_reading() {
    for byte in (0..0x20).chain([0x7f]) {
        refuses(format!("/a%{byte:02x}").as_bytes(), PathError::EncodedControl);
        refuses(format!("/a%25{byte:02x}").as_bytes(), PathError::EncodedControl);
    }
    refuses(b"/%C2%85", PathError::EncodedControl);
}

#[test]
fn longer_forms_than_utf_8_allows_are_refused_in_every_reading() {
    for raw in [
        "/%c0%ae%c0%ae/",
        "/%c0%af",
        "/%c0%2f",
        "/%c1%9c",
        "/%e0%80%af",
        "/%f0%80%80%af",
        "/%f8%80%80%80%af",
        "/%fc%80%80%80%80%af",
        "/%ed%a0%80",
        "/%25c0%25ae",
    ] {
        refuses(raw.as_bytes(), PathError::Overlong);
    }
    // Older encodings have bytes of their own.
    for raw in ["/%ff", "/%E4", "/%e9t%e9", "/%E0%C3"] {
        keeps(raw);
    }
}

#[test]
fn a_plain_path_has_one_reading_and_so_has_what_only_needs_its_escapes() {
    for (text, reading) in
        [("/a/B;".trim_end_matches(';'), "/a/B"), ("/a%20b", "/a b"), ("/%40me", "/@me"), ("/%C3%A4", "/\\xc3\\xa4")]
    {
        assert_eq!(readings(text), BTreeSet::from([reading.to_owned()]), "{text}");
    }
}

#[test]
fn every_way_to_read_a_path_is_known() {
    for (text, expected) in [
        ("/a%2Fb", &["/a%2Fb", "/a/b"][..]),
        ("/%7Ea", &["/%7Ea", "/~a"]),
        ("/a//b", &["/a//b", "/a/b"]),
        ("//h/a", &["//h/a", "/h/a", "/a"]),
        ("//h", &["//h", "/h", "/"]),
        ("/a;x/b", &["/a;x/b", "/a/b", "/a"]),
        ("/a%3Bx", &["/a%3Bx", "/a;x", "/a"]),
        ("/a%3fb%23c", &["/a%3fb%23c", "/a?b#c", "/a", "/a?b"]),
        ("/%2561", &["/%2561", "/%61", "/a"]),
        ("/%252561", &["/%252561", "/%2561", "/%61", "/a"]),
        ("/%61/b%2Fc", &["/%61/b%2Fc", "/a/b/c", "/a/b%2Fc"]),
        ("//a//b", &["//a//b", "/a//b", "/a/b", "//b", "/b", "/"]),
        ("/a;x/b;y", &["/a;x/b;y", "/a/b;y", "/a/b", "/a"]),
        ("/%2F%2Fa", &["/%2F%2Fa", "///a", "/a", "/"]),
        ("/100%25", &["/100%25", "/100%"]),
        ("/%E9%61", &["/\\xe9%61", "/\\xe9a"]),
    ] {
        assert_eq!(readings(text), expected.iter().map(|&text| text.to_owned()).collect(), "{text}");
    }
}

#[test]
fn a_path_with_too_many_readings_is_refused() {
    let many: String = (0..4).map(|number| format!("/%25253B{number}/%2F%252F/%3Bx%253Bx;x%23%2523%3F")).collect();
    refuses(many.as_bytes(), PathError::TooManyReadings);
    let long = format!("/{}%2525{}", "a".repeat(30_000), "//;%253b".repeat(4));
    refuses(long.as_bytes(), PathError::TooManyReadings);
    refuses(b"/%25252561", PathError::TooManyReadings);
    keeps(&format!("/{}%2Fa%2Bb", "a".repeat(30_000)));
}

#[test]
fn the_path_of_a_route_has_one_reading() {
    for text in ["/", "/api", "/api/", "/@me", "/%40me", "/%C3%A4", "/a%20b", "/a.b/~c"] {
        assert!(RoutePath::parse(text).is_ok(), "{text}");
    }
    for text in ["//", "/a//b", "/a;b", "/a%3Bb", "/a%2Fb", "/%61", "/a%25b", "/a%3Fb", "/%E9"] {
        assert_eq!(RoutePath::parse(text), Err(PathError::NotForRoutes), "{text}");
    }
    assert_eq!(RoutePath::parse("/api/"), RoutePath::parse("/api"));
    let same = |one, other| {
        RoutePath::parse(one).is_ok_and(|one| RoutePath::parse(other).is_ok_and(|other| one.is_same(&other)))
    };
    assert!(same("/%40me", "/@me") && same("/%c3%a4", "/%C3%A4") && !same("/a", "/A"));
}

#[test]
fn own_paths_are_reserved_in_every_reading() {
    for own in [
        "/_bmauth",
        "/_bmauth/",
        "/_bmauth/sign-in",
        "/_BMAUTH/x",
        "/_BmAuth",
        "/_bmauth;x/y",
        "/_bmauth%3Bx",
        "/_bmauth%3b/x",
        "/%5Fbmauth/x",
        "/%5fbma%75th",
        "/_bmauth%2Fx",
        "/_bmauth%252fx",
        "//_bmauth/x",
        "//h/_bmauth",
        "/%2F_bmauth",
        "/_bmauth%3fx",
        "/%255fbmauth",
        "/;x/_bmauth",
    ] {
        assert!(path(own).is_reserved(), "{own}");
    }
    for other in ["/", "/_bmauthx", "/x/_bmauth", "/bmauth", "/_bmauth.html", "/link", "/x//_bmauth", "/x%2F_bmauth"] {
        assert!(!path(other).is_reserved(), "{other}");
    }
}

#[test]
fn what_may_be_taken_for_a_host_is_known() {
    for text in ["//a", "/%2Fa", "/%252fa", "/;x/a"] {
        assert!(path(text).may_begin_with_a_host(), "{text}");
    }
    for text in ["/a", "/a//b", "/a%2F%2Fb"] {
        assert!(!path(text).may_begin_with_a_host(), "{text}");
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
    let all = ["/", "/?", "/a", "/a?", "/a?b", "/a?b?", "/a?b=c", "/a%20b", "/A", "/a/", "/a/b", "/ab", "/a;b", "//a"];
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
