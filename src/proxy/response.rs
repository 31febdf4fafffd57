//! What of the app's answer does not reach the browser: cookies that read as ours.

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use pingora::http::ResponseHeader;

use crate::domain::cookies;

/// Drops the `Set-Cookie` fields that would set one of ours; the others stay as they are, in their order.
///
/// # Errors
/// The remaining ones could not be written back, which does not happen to what was read as a field.
pub(super) fn drop_own_cookies(response: &mut ResponseHeader) -> pingora::Result<()> {
    if !sets_ours(&response.headers) {
        return Ok(());
    }
    let kept: Vec<HeaderValue> = response
        .headers
        .get_all(SET_COOKIE)
        .iter()
        .filter(|value| !cookies::sets_ours(value.as_bytes()))
        .cloned()
        .collect();
    response.remove_header(&SET_COOKIE);
    for value in kept {
        response.append_header(SET_COOKIE, value)?;
    }
    Ok(())
}

fn sets_ours(headers: &HeaderMap) -> bool {
    headers.get_all(SET_COOKIE).iter().any(|value| cookies::sets_ours(value.as_bytes()))
}
