//! Where a visitor goes back to who is led by way of one of our pages.

use std::net::IpAddr;

use http::header::REFERER;
use http::{HeaderMap, Method};

use super::decide::{OwnAddress, is_own_origin};
use super::gatekeeper::Gatekeeper;
use crate::domain::path::RequestTarget;
use crate::domain::return_to::{ReturnTo, ReturnToError};

/// A request whose visitor is led by way of one of our pages.
#[derive(Clone, Copy)]
pub struct Led<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// What it is for.
    pub target: &'a RequestTarget,
    /// The headers of the request.
    pub headers: &'a HeaderMap,
    /// Where it was sent.
    pub address: OwnAddress<'a>,
    /// The visitor's address.
    pub client: Option<IpAddr>,
}

/// Where its visitor goes back to: to what it is for; to the page of the form, where that is what it sends; to the root
/// where neither can be gone back to. What is too long for an address is kept as a bookmark.
pub async fn way_back(led: Led<'_>, gatekeeper: &dyn Gatekeeper) -> ReturnTo {
    let page;
    let target = if matches!(*led.method, Method::GET | Method::HEAD) {
        led.target
    } else if let Some(form) = page_asked_from(led.headers, |origin| is_own_origin(origin, led.address)) {
        // Asked for with GET, what the form was sent to may do or show anything.
        page = form;
        &page
    } else {
        return ReturnTo::root();
    };
    match ReturnTo::to(target) {
        Ok(return_to) => return_to,
        Err(ReturnToError::TooLong) => {
            let kept = gatekeeper.bookmark(&led.address.authority.host, target, led.client).await;
            kept.map_or_else(ReturnTo::root, |name| ReturnTo::bookmarked(&name))
        }
        Err(ReturnToError::Path(_) | ReturnToError::Reserved) => ReturnTo::root(),
    }
}

/// The page whose form or script asks, where its browser says so, and it is one of the app on an origin that `is_own`.
pub fn page_asked_from(headers: &HeaderMap, is_own: impl Fn(&str) -> bool) -> Option<RequestTarget> {
    let mut referers = headers.get_all(REFERER).iter();
    let (Some(referer), None) = (referers.next(), referers.next()) else { return None };
    let referer = referer.to_str().ok()?;
    let authority_at = referer.find("://")? + 3;
    let target_at = authority_at + referer.get(authority_at..)?.find('/')?;
    let (origin, target) = referer.split_at_checked(target_at)?;
    let target = RequestTarget::parse(target.as_bytes()).ok()?;
    (is_own(origin) && !target.path.is_reserved()).then_some(target)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::domain::host::Authority;
    use crate::domain::route::Scheme;

    /// The page of a form that was sent to `https://a.example` with these referers.
    fn page(referers: &[&str]) -> Option<String> {
        let authority = Authority::parse(b"a.example").unwrap();
        let mut headers = HeaderMap::new();
        for referer in referers {
            headers.append(REFERER, HeaderValue::from_bytes(referer.as_bytes()).unwrap());
        }
        let address = OwnAddress { authority: &authority, public_scheme: Scheme::Https, public_port: None };
        page_asked_from(&headers, |origin| is_own_origin(origin, address)).map(|target| target.to_string())
    }

    #[test]
    fn the_page_of_a_form_is_on_the_same_origin_and_the_apps() {
        assert_eq!(page(&["https://a.example/notes/7?edit"]).as_deref(), Some("/notes/7?edit"));
        assert_eq!(page(&["https://a.example:443/"]).as_deref(), Some("/"));
        assert_eq!(page(&["https://a.example//evil.example"]).as_deref(), Some("//evil.example"));
        for referers in [
            &[][..],
            &[""],
            &["/notes/7"],
            &["https://a.example"],
            &["https://evil.example/notes/7"],
            &["https://a.example.evil.example/notes/7"],
            &["https://me@a.example/notes/7"],
            &["https://a.example:8443/notes/7"],
            &["http://a.example/notes/7"],
            &["https://a.example/notes/7#x"],
            &["https://a.example/../x"],
            &["https://a.example/a b"],
            &["https://a.example\\/notes/7"],
            &["https://a.example/ä"],
            &["https://a.example/_bmauth/devices"],
            &["https://a.example/_bmauth/sign-in?return_to=/x"],
            &["https://a.example/_BMAuth/x"],
            &["https://a.example/notes/7", "https://a.example/notes/7"],
            &["https://a.example/notes/7, https://a.example/notes/7"],
        ] {
            assert_eq!(page(referers), None, "{referers:?}");
        }
    }
}
