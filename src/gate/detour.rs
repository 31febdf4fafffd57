//! The way round by one of our own pages, and from there back to what was asked for.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

use crate::domain::return_to::ReturnTo;

/// What stands in a query unencoded: the unreserved characters (RFC 3986 §2.3), and `/` for legibility.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The path and query of `page`, which lead back to `return_to`.
pub fn by_way_of(page: &str, return_to: &ReturnTo) -> String {
    let mut written = String::with_capacity(page.len() + return_to.as_str().len() + 32);
    written.push_str(page);
    written.push_str("?return_to=");
    written.extend(utf8_percent_encode(return_to.as_str(), IN_QUERY));
    written
}

/// `path?return_to=…`, or `path` alone where there is nothing to return to.
pub fn returning(path: &str, return_to: Option<&str>) -> String {
    match return_to {
        Some(return_to) => with(path, "return_to", return_to),
        None => path.to_owned(),
    }
}

/// `path` with one more parameter in its query.
pub fn with(path: &str, name: &str, value: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    let parameter = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    format!("{path}{separator}{parameter}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::own_paths::SIGN_IN;

    #[test]
    fn where_to_go_back_to_is_one_parameter() {
        let by_way = |text: &str| by_way_of(SIGN_IN, &ReturnTo::parse(text).unwrap());
        assert_eq!(by_way("/a?b=//c&d"), "/_bmauth/sign-in?return_to=/a%3Fb%3D//c%26d");
        assert_eq!(by_way("/"), "/_bmauth/sign-in?return_to=/");
    }

    #[test]
    fn the_way_back_is_one_parameter_whatever_it_contains() {
        assert_eq!(
            returning(SIGN_IN, Some("/notes?id=7&x=\"#top")),
            "/_bmauth/sign-in?return_to=%2Fnotes%3Fid%3D7%26x%3D%22%23top"
        );
        assert_eq!(returning(SIGN_IN, None), "/_bmauth/sign-in");
    }

    #[test]
    fn a_second_parameter_follows_the_first() {
        assert_eq!(with(&returning(SIGN_IN, Some("/a")), "lang", "de"), "/_bmauth/sign-in?return_to=%2Fa&lang=de");
    }
}
