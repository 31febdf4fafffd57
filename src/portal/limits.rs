//! How often one network may change things, and how many challenges it may have open. It keeps a single client from
//! filling the store; what protects accounts is counted in the store itself.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::HeaderValue;
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

/// Challenges that a network may have at once for visitors who are not signed in, and one more each second. Each is kept
/// until it is answered or five minutes are over: so there are never more than 600 of one network.
const CHALLENGES: NonZeroU32 = NonZeroU32::new(300).expect("300 is not 0");
const CHALLENGES_PER_SECOND: NonZeroU32 = NonZeroU32::new(1).expect("1 is not 0");

/// Leaky buckets for each network.
#[derive(Debug)]
pub struct Limits {
    networks: DefaultKeyedRateLimiter<Vec<u8>>,
    challenges: DefaultKeyedRateLimiter<Vec<u8>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            networks: RateLimiter::keyed(Quota::per_second(PER_SECOND).allow_burst(BURST)),
            challenges: RateLimiter::keyed(Quota::per_second(CHALLENGES_PER_SECOND).allow_burst(CHALLENGES)),
        }
    }
}

impl Limits {
    /// Whether that visitor's network may ask once more.
    pub fn allow(&self, visitor: &Visitor) -> bool {
        self.networks.check_key(&visitor.network()).is_ok()
    }

    /// Whether that visitor's network may have one more challenge.
    ///
    /// # Errors
    /// It may not: in how many seconds it may, for `Retry-After`.
    pub fn allow_challenge(&self, visitor: &Visitor) -> Result<(), HeaderValue> {
        // Whom nobody told apart is not one network: they would keep each other out.
        if visitor.address.is_none() {
            return Ok(());
        }
        self.challenges.check_key(&visitor.network()).map_err(|full| {
            let wait = full.wait_time_from(DefaultClock::default().now());
            (wait.as_secs() + 1).into()
        })
    }

    /// Forgets networks whose bucket is full again.
    pub fn sweep(&self) {
        for networks in [&self.networks, &self.challenges] {
            networks.retain_recent();
            networks.shrink_to_fit();
        }
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

/// Refuses with 429 a network that has too many challenges open. It costs nothing of what else the network may do.
pub async fn enforce_challenges(
    State(portal): State<Arc<Portal>>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Response {
    match portal.limits.allow_challenge(&caller.visitor) {
        Ok(()) => next.run(request).await,
        Err(seconds) => {
            let mut response = ScriptRefusal::TooManyTries.into_response();
            response.headers_mut().insert(RETRY_AFTER, seconds);
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::SecretDigest;
    use crate::domain::visitor::Client;

    fn visitor(address: Option<&str>) -> Visitor {
        Visitor {
            browser: SecretDigest::from_bytes([1; 32]),
            description: String::new(),
            address: address.map(|address| address.parse().unwrap()),
            language: "en".to_owned(),
            session: None,
            origin: None,
            device: None,
            press: None,
            client: Client::Pages,
        }
    }

    #[test]
    fn challenges_are_counted_apart_and_a_network_that_is_full_is_told_when_there_is_room() {
        let limits = Limits::default();
        let full = visitor(Some("192.0.2.1"));
        let given = (0..10_000).filter(|_| limits.allow_challenge(&full).is_ok()).count();
        // One a second comes free meanwhile.
        assert!((300..310).contains(&given), "{given}");
        assert_eq!(limits.allow_challenge(&full).unwrap_err(), "1");
        assert!(limits.allow(&full), "the other bucket is as it was");
        assert!(limits.allow_challenge(&visitor(Some("192.0.2.2"))).is_ok());
        assert!((0..1000).all(|_| limits.allow_challenge(&visitor(None)).is_ok()), "nobody knows whose these are");
    }
}
