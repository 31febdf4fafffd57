//! `/_bmauth/unsupported`: where the scripts of pages lead a browser to that has no passkeys, before it is asked for anything.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::Uri;

use crate::domain::own_paths::{DEVICES, LINK, LINK_START, RECOVER, REGISTER, SIGN_IN};
use crate::gate::detour;
use crate::portal::caller::{self, Caller};
use crate::portal::views::unsupported::UnsupportedPage;
use crate::portal::{Portal, answer};

/// The page, with the address to open in another browser. Of where the visitor comes from, that has which page it is and
/// where they want to go, and nothing that belongs to this browser alone.
pub async fn get(State(portal): State<Arc<Portal>>, caller: Caller, uri: Uri) -> Response {
    let path = detour::returning(page(caller::query(&uri, "from").as_deref()), caller.return_path());
    let address = format!("{}{path}", portal.origins.public());
    let view = UnsupportedPage { address: &address, path: &path };
    answer::page(&portal, &caller, |chrome| view.render(chrome))
}

/// The page to begin with in another browser.
fn page(from: Option<&str>) -> &'static str {
    let is_of = |page: &&str| from.is_some_and(|from| from == *page || from.starts_with(&format!("{page}/")));
    [LINK_START, LINK, REGISTER, RECOVER, DEVICES].into_iter().find(is_of).unwrap_or(SIGN_IN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::own_paths::{FRONT, RECOVER_DEVICE};

    #[test]
    fn whatever_it_comes_from_it_leads_to_a_page_of_ours_to_begin_with() {
        assert_eq!(page(Some(REGISTER)), REGISTER);
        assert_eq!(page(Some(LINK_START)), LINK_START);
        assert_eq!(page(Some(RECOVER_DEVICE)), RECOVER, "the code is good in the browser that asked for it");
        for from in [None, Some(""), Some("/"), Some(FRONT), Some("//evil.example"), Some("https://evil.example/")] {
            assert_eq!(page(from), SIGN_IN, "{from:?}");
        }
    }
}
