//! The addresses our pages link to.

use url::form_urlencoded;

pub(super) const SIGN_IN: &str = "/_bmauth/sign-in";
pub(super) const REGISTER: &str = "/_bmauth/register";
pub(super) const REGISTER_CODE: &str = "/_bmauth/register/code";
pub(super) const SIGN_OUT: &str = "/_bmauth/sign-out";
pub(super) const SIGNED_OUT: &str = "/_bmauth/signed-out";
pub(super) const LINK: &str = "/_bmauth/link";
pub(super) const LINK_START: &str = "/_bmauth/link/start";
pub(super) const RECOVER: &str = "/_bmauth/recover";
pub(super) const RECOVER_CODE: &str = "/_bmauth/recover/code";
pub(super) const RECOVER_DEVICE: &str = "/_bmauth/recover/device";
pub(super) const RECOVER_REVIEW: &str = "/_bmauth/recover/review";
pub(super) const RECOVER_CANCEL: &str = "/_bmauth/recover/cancel";
pub(super) const DEVICES: &str = "/_bmauth/devices";
pub(super) const FASTER: &str = "/_bmauth/faster";

/// `path?return_to=…`, or `path` alone where there is nothing to return to.
pub(super) fn returning(path: &str, return_to: Option<&str>) -> String {
    match return_to {
        Some(return_to) => with(path, "return_to", return_to),
        None => path.to_owned(),
    }
}

/// `path` with one more parameter in its query.
pub(super) fn with(path: &str, name: &str, value: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    let parameter = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
    format!("{path}{separator}{parameter}")
}

#[cfg(test)]
mod tests {
    use super::*;

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
