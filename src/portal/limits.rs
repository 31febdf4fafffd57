//! How often one network may change things. It keeps a single client from filling the store; what protects accounts
//! is counted in the store itself.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::header::RETRY_AFTER;

use super::Portal;
use super::caller::Caller;
use super::handler::{self, PageError};
use super::views::script_refusal::ScriptRefusal;
use crate::domain::visitor::Visitor;
use crate::gate::refusal::{GateRefusal, RETRY_SOON};

/// Requests a second that a network may go on with.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(20).expect("20 is not 0");
/// Requests it may make at once: an office behind one address on a Monday morning.
const BURST: NonZeroU32 = NonZeroU32::new(400).expect("400 is not 0");

/// A leaky bucket for each network.
#[derive(Debug)]
pub struct Limits {
    networks: DefaultKeyedRateLimiter<Vec<u8>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { networks: RateLimiter::keyed(Quota::per_second(PER_SECOND).allow_burst(BURST)) }
    }
}

impl Limits {
    /// Whether that visitor's network may ask once more.
    pub fn allow(&self, visitor: &Visitor) -> bool {
        self.networks.check_key(&visitor.network()).is_ok()
    }

    /// Forgets networks whose bucket is full again.
    pub fn sweep(&self) {
        self.networks.retain_recent();
        self.networks.shrink_to_fit();
    }
}

/// Refuses with 429 a network that asks too often.
pub async fn enforce(State(portal): State<Arc<Portal>>, caller: Caller, request: Request, next: Next) -> Response {
    if portal.limits.allow(&caller.visitor) {
        return next.run(request).await;
    }
    let mut response = match handler::is_script(request.headers()) {
        true => ScriptRefusal::TooManyTries.into_response(),
        false => PageError::from(GateRefusal::TooManyTries).into_response(),
    };
    // The bucket fills by itself: other limits, with the same refusal, take longer.
    response.headers_mut().insert(RETRY_AFTER, RETRY_SOON);
    response
}
