//! Which cookies are the gateway's own, and how they are kept apart from the app's.
//!
//! Names are compared whole, after splitting the header as RFC 6265 §5.4 writes it; nothing is found by substring.

/// What the names of the gateway's own cookies begin with, in lowercase.
const OURS: [&[u8]; 3] = [b"bmauth", b"__host-bmauth", b"__secure-bmauth"];

/// Whether a cookie of that name is the gateway's own: never to the app, never set by the app. Case does not matter, so
/// that no other spelling of one of ours can be planted beside it.
pub fn is_ours(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'b' | b'B' | b'_'))
        && OURS.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

/// What one look through the `Cookie` headers of a request finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundCookies<'a> {
    /// The value of the one cookie of the name that was looked for. Two of them count as none: one was planted, and
    /// which is unknown.
    pub only: Option<&'a [u8]>,
    /// What of them is the app's.
    pub apps: AppCookies,
}

/// What of a request's `Cookie` headers is left for the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppCookies {
    /// Exactly what came in, which was one header or none.
    AsItCame,
    /// No cookie at all.
    Nothing,
    /// Only what [`without_ours`] writes: some of the cookies are ours.
    Some,
}

/// The name of each cookie of a request, and its value.
pub fn all<'a>(headers: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
    headers.flat_map(pairs).map(name_and_value)
}

/// Looks through the cookies of a request for the one of exactly that name.
pub fn find<'a>(headers: impl Iterator<Item = &'a [u8]>, name: &str) -> FoundCookies<'a> {
    let (mut values, mut value, mut ours, mut theirs, mut count) = (0, None, false, false, 0);
    for header in headers {
        count += 1;
        for pair in pairs(header) {
            let (its_name, its_value) = name_and_value(pair);
            match is_ours(its_name) {
                true => ours = true,
                false => theirs = true,
            }
            if its_name == name.as_bytes() {
                values += 1;
                value = its_value.or(Some(b""));
            }
        }
    }
    let apps = match (ours, theirs) {
        (false, _) if count < 2 => AppCookies::AsItCame,
        (_, true) => AppCookies::Some,
        (_, false) => AppCookies::Nothing,
    };
    FoundCookies { only: value.filter(|_| values == 1), apps }
}

/// The cookies of a request without the gateway's own, in one line, each byte for byte as it came in. Several headers,
/// which HTTP/2 allows, become one (RFC 9113 §8.2.3).
pub fn without_ours<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut line = Vec::new();
    for pair in headers.flat_map(pairs).filter(|pair| !is_ours(name_and_value(pair).0)) {
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        line.extend_from_slice(pair);
    }
    line
}

/// Whether a `Set-Cookie` header makes a browser send a cookie that reads as one of the gateway's.
pub fn sets_ours(header: &[u8]) -> bool {
    let mut pair = header.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    // A cookie without a name goes out as its bare value: `=bmauth=x` comes back as `bmauth=x`.
    while let Some(rest) = pair.strip_prefix(b"=") {
        pair = rest.trim_ascii_start();
    }
    is_ours(name_and_value(pair).0)
}

/// The cookies in the value of one header, without the white space around them; empty ones are left out.
fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    header.split(|&byte| byte == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

/// A cookie without `=` has a name to some servers and a value to others; here it counts as a name.
fn name_and_value(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut halves = pair.splitn(2, |&byte| byte == b'=');
    let name = halves.next().unwrap_or_default().trim_ascii_end();
    (name, halves.next().map(<[u8]>::trim_ascii_start))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes<'a>(headers: &'a [&str]) -> impl Iterator<Item = &'a [u8]> {
        headers.iter().map(|header| header.as_bytes())
    }

    fn left(headers: &[&str]) -> AppCookies {
        find(bytes(headers), "bmauth").apps
    }

    #[track_caller]
    fn leaves(headers: &[&str], expected: &str) {
        assert_eq!(left(headers), AppCookies::Some, "{headers:?}");
        assert_eq!(without_ours(bytes(headers)), expected.as_bytes(), "{headers:?}");
    }

    fn value(headers: &[&str], name: &str) -> Option<String> {
        find(bytes(headers), name).only.map(|value| String::from_utf8(value.to_vec()).unwrap())
    }

    #[test]
    fn one_field_without_ours_is_untouched() {
        for header in ["a=1", "a=1;b=2;  c", "", "notbmauth=1; x=bmauth", "a=\"; q\";;"] {
            assert_eq!(left(&[header]), AppCookies::AsItCame, "{header}");
        }
        assert_eq!(left(&[]), AppCookies::AsItCame);
    }

    #[test]
    fn ours_are_taken_out_in_every_spelling_and_the_others_stay_byte_for_byte() {
        leaves(&["a=1; __Host-bmauth=secret; b=\"x y\""], "a=1; b=\"x y\"");
        leaves(&["bmauth=1;a=%20;BMAuth-Lang=de"], "a=%20");
        leaves(&["a=1; __SECURE-BMAUTH=2; __host-bmauth-flow = 3;bmauth"], "a=1");
        leaves(&["a=1; bmauth_anything=2"], "a=1");
        // A quote does not hide what stands behind a semicolon.
        leaves(&["a=\"1; __Host-bmauth=secret; b=2\""], "a=\"1; b=2\"");
        for only_ours in ["bmauth=1", " __Host-bmauth=1 ; bmauth-lang=de;", "bmauth"] {
            assert_eq!(left(&[only_ours]), AppCookies::Nothing, "{only_ours}");
        }
    }

    #[test]
    fn crumbs_become_one_line() {
        leaves(&["a=1", "b=2"], "a=1; b=2");
        leaves(&["a=1", ""], "a=1");
        leaves(&["", "a=1;\tbmauth\t=\t2;;=", " "], "a=1; =");
        assert_eq!(left(&["", " ; "]), AppCookies::Nothing);
        leaves(&["a=1", "b=2; c=3", "__Host-bmauth=1"], "a=1; b=2; c=3");
        assert_eq!(left(&["bmauth=1", "bmauth-flow=2"]), AppCookies::Nothing);
    }

    #[test]
    fn the_value_is_read_by_its_whole_name() {
        assert_eq!(value(&["a=1; __Host-bmauth=x=y; b=2"], "__Host-bmauth").as_deref(), Some("x=y"));
        assert_eq!(value(&["a=__Host-bmauth=1"], "__Host-bmauth"), None);
        assert_eq!(value(&["x__Host-bmauth=1; __Host-bmauth-flow=2"], "__Host-bmauth"), None);
        assert_eq!(value(&["__host-bmauth=1"], "__Host-bmauth"), None);
    }

    #[test]
    fn two_values_count_as_none() {
        assert_eq!(value(&["bmauth=1; bmauth=1"], "bmauth"), None);
        assert_eq!(value(&["bmauth=1", "bmauth=2"], "bmauth"), None);
        assert_eq!(value(&["bmauth; bmauth=2"], "bmauth"), None);
        assert_eq!(value(&["bmauth=1; BMAuth=2"], "bmauth").as_deref(), Some("1"));
    }

    #[test]
    fn an_app_cannot_set_ours() {
        for header in [
            "__Host-bmauth=evil; Path=/; Secure",
            "bmauth=evil",
            " BMAUTH-flow = evil",
            "=bmauth=evil; Path=/",
            "= = __Host-bmauth=evil",
            "bmauth",
            "bmauth; Path=/",
            "__Secure-bmauth=1",
        ] {
            assert!(sets_ours(header.as_bytes()), "{header}");
        }
        for header in ["a=bmauth", "xbmauth=1", "a=1; bmauth=2", "", "=", "a=1; Path=/bmauth=1"] {
            assert!(!sets_ours(header.as_bytes()), "{header}");
        }
    }

    fn cookie() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z]{1,4}=[a-z=\" ,%]{0,6}",
            "(__Host-|__Secure-|)[bB][mM][aA]uth(-flow|-lang|)( ?= ?[a-z]{0,4}|)",
            "[a-z]{0,3}bmauth=[a-z]{0,3}",
            "[;, =\"]{0,3}",
        ]
    }

    proptest! {
        #[test]
        fn no_cookie_of_ours_is_left_and_no_other_is_lost(headers in proptest::collection::vec(
            proptest::collection::vec(cookie(), 0..5).prop_map(|cookies| cookies.join("; ")), 0..4)) {
            let names = |text: &str| -> Vec<String> {
                text.split(';').map(|pair| pair.trim_ascii().to_owned()).filter(|pair| !pair.is_empty()).collect()
            };
            let all: Vec<String> = headers.iter().flat_map(|header| names(header)).collect();
            let bytes = || headers.iter().map(|header| header.as_bytes());
            let left = match find(bytes(), "bmauth").apps {
                AppCookies::AsItCame => all.clone(),
                AppCookies::Nothing => Vec::new(),
                AppCookies::Some => names(std::str::from_utf8(&without_ours(bytes())).unwrap()),
            };
            let plain = |pair: &&String| {
                let name = pair.split('=').next().unwrap().trim_ascii().to_ascii_lowercase();
                !["bmauth", "__host-bmauth", "__secure-bmauth"].iter().any(|prefix| name.starts_with(prefix))
            };
            let expected: Vec<&String> = all.iter().filter(plain).collect();
            prop_assert_eq!(left.iter().collect::<Vec<_>>(), expected);
        }

        #[test]
        fn a_value_is_found_where_exactly_one_cookie_has_exactly_that_name(headers in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![cookie(), "[ \t]?(bmauth|BMAuth|bmauths)[ \t]?(=[ \t]?[a-c=]{0,2})?"], 0..3)
                .prop_map(|cookies| cookies.join(";")), 0..3)) {
            let all = headers.iter().flat_map(|header| header.split(';').map(str::trim));
            let named: Vec<&str> = all
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .filter_map(|(name, value)| (name.trim() == "bmauth").then_some(value.trim()))
                .collect();
            let found = find(headers.iter().map(|header| header.as_bytes()), "bmauth").only;
            prop_assert_eq!(found, if let [one] = *named { Some(one.as_bytes()) } else { None });
        }

        #[test]
        fn what_a_browser_would_send_back_is_checked(name in "=?[ =]{0,2}(__Host-|)b?mauth[a-z]{0,2}", value in "[a-z=]{0,4}") {
            let header = format!("{name}={value}; Path=/");
            // What RFC 6265bis §5.7 stores: the name before the first `=`, or none; sent without `=` where it has none.
            let (name, value) = header.split(';').next().unwrap().split_once('=').unwrap();
            let (name, value) = (name.trim_ascii(), value.trim_ascii());
            let sent = if name.is_empty() { value.to_owned() } else { format!("{name}={value}") };
            if left(&[&sent]) == AppCookies::Nothing {
                prop_assert!(sets_ours(header.as_bytes()), "{}", header);
            }
        }
    }
}
