//! Pages are shown to people, and not read by programs: a page with a form's token is not handed to a script of the
//! app, which has the pages' origin, nor into a frame.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};

use super::caller::Caller;
use super::{Portal, answer};
use crate::gate::refusal::GateRefusal;

/// Where a browser puts a page that is not shown by itself (the Fetch standard's destinations).
const INSIDE_ANOTHER: [&str; 5] = ["iframe", "frame", "embed", "object", "fencedframe"];

/// Refuses with 403 to hand a page to what does not go to it. What was to be set with the page is not set either.
pub async fn only(State(_): State<Arc<Portal>>, caller: Caller, request: Request, next: Next) -> Response {
    let shown = is_shown(request.headers());
    let response = next.run(request).await;
    if shown || !is_page(response.headers()) {
        return response;
    }
    answer::problem(GateRefusal::NotForScripts, &caller)
}

/// Whether the answer is shown to a person as a page of its own, as far as the browser says. One that says nothing is
/// believed: it is no script of today's browsers. A service worker that asks on behalf of a page says `empty`.
fn is_shown(headers: &HeaderMap) -> bool {
    let says = |name: &str| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect::<Vec<_>>();
    let (modes, destinations) = (says("sec-fetch-mode"), says("sec-fetch-dest"));
    let inside = |destination: &&[u8]| INSIDE_ANOTHER.iter().any(|inside| inside.as_bytes() == *destination);
    modes.iter().all(|mode| *mode == b"navigate") && !destinations.iter().any(inside)
}

fn is_page(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_goes_to_a_page_is_shown_it() {
        let is_shown = |sent: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.append(*name, HeaderValue::from_static(value));
            }
            is_shown(&headers)
        };
        const MODE: &str = "sec-fetch-mode";
        const DEST: &str = "sec-fetch-dest";
        assert!(is_shown(&[]));
        assert!(is_shown(&[(MODE, "navigate"), (DEST, "document")]));
        assert!(is_shown(&[(MODE, "navigate"), (DEST, "empty")]), "by a service worker");
        for mode in ["cors", "no-cors", "same-origin", "websocket", "", "Navigate", "navigate, cors"] {
            assert!(!is_shown(&[(MODE, mode), (DEST, "document")]), "{mode}");
            assert!(!is_shown(&[(MODE, mode)]), "{mode}");
            assert!(!is_shown(&[(MODE, "navigate"), (MODE, mode)]), "{mode}");
        }
        for destination in INSIDE_ANOTHER {
            assert!(!is_shown(&[(MODE, "navigate"), (DEST, destination)]), "{destination}");
            assert!(!is_shown(&[(DEST, "document"), (DEST, destination)]), "{destination}");
        }
    }
}
