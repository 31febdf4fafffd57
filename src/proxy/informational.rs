//! The answers that come before the answer (1xx): passed on in the order they come, and never more than a few at a
//! time.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::{HeaderMap, HeaderValue};
use http::{Request, StatusCode};

/// How many informational answers wait to be passed on. A client may do without any of them (RFC 9110 §15.2), and an
/// app may send them faster than the client takes them.
const MOST: usize = 16;

/// The informational answers that came and were not passed on yet.
#[derive(Clone, Default)]
pub(super) struct Informational(Arc<Mutex<Vec<InformationalHead>>>);

type InformationalHead = (StatusCode, HeaderMap<HeaderValue>);

impl Informational {
    /// Asks for those to a request.
    pub(super) fn ask_for<B>(&self, request: &mut Request<B>) {
        let told = self.clone();
        hyper::ext::on_informational(request, move |response| {
            let mut waiting = told.0.lock().unwrap_or_else(PoisonError::into_inner);
            if waiting.len() < MOST {
                waiting.push((response.status(), response.headers().clone()));
            }
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Those that came since the last time.
    pub(super) fn take(&self) -> Vec<InformationalHead> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
