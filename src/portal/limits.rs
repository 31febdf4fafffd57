//! How often one network may change things, and how many challenges it may have open. It keeps a single client from
//! filling the store; what protects accounts is counted in the store itself.

mod bucket;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use self::bucket::{Buckets, NetworkUsage};
use super::Portal;
use super::caller::Caller;
use super::handler::{self, PageError};
use super::views::script_refusal::ScriptRefusal;
use crate::auth::Auth;
use crate::domain::visitor::Visitor;
use crate::gate::refusal::GateRefusal;
use crate::store::{BucketTaken, StoreError};

/// Requests a second that a network may go on with.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(20).expect("20 is not 0");
/// Requests it may make at once: an office behind one address on a Monday morning.
const BURST: NonZeroU32 = NonZeroU32::new(400).expect("400 is not 0");

/// Challenges that a network may have at once for visitors who are not signed in, and one more each second. Each is
/// kept until it is answered or five minutes are over: so there are never more than 600 of one network at a gateway.
const CHALLENGES: NonZeroU32 = NonZeroU32::new(300).expect("300 is not 0");
const CHALLENGES_PER_SECOND: NonZeroU32 = NonZeroU32::new(1).expect("1 is not 0");

/// How often gateways of one store tell each other what networks took.
pub const TELL_EVERY: Duration = Duration::from_millis(500);

/// How many networks are told of in one statement.
const AT_ONCE: usize = 1000;

/// Leaky buckets for each network.
#[derive(Debug)]
pub struct Limits {
    networks: Buckets,
    challenges: Buckets,
}

impl Limits {
    /// Full buckets; where other gateways have the same store, they are drained [together](Limits::share).
    pub fn new(is_shared: bool) -> Self {
        Self {
            networks: Buckets::new(PER_SECOND, BURST, is_shared),
            challenges: Buckets::new(CHALLENGES_PER_SECOND, CHALLENGES, is_shared),
        }
    }

    /// Whether that visitor's network may ask once more.
    ///
    /// # Errors
    /// It may not: how long that lasts.
    pub fn allow(&self, visitor: &Visitor) -> Result<(), Duration> {
        self.networks.take(visitor.network())
    }

    /// Whether that visitor's network may have one more challenge.
    ///
    /// # Errors
    /// It may not: how long that lasts.
    pub fn allow_challenge(&self, visitor: &Visitor) -> Result<(), Duration> {
        // Visitors of no known address are not one network: they would keep each other out.
        if visitor.address.is_none() {
            return Ok(());
        }
        self.challenges.take(visitor.network())
    }

    /// Tells other gateways what networks took here, and takes out what they took there. To be called every
    /// [`TELL_EVERY`].
    ///
    /// # Errors
    /// The store failed: each gateway counts by itself until the next time.
    pub async fn share(&self, auth: &Auth) -> Result<(), StoreError> {
        for (kind, buckets) in [("requests", &self.networks), ("challenges", &self.challenges)] {
            let per_second = buckets.per_second();
            for told in buckets.to_tell(TELL_EVERY).chunks(AT_ONCE) {
                let taken = |told: &NetworkUsage| BucketTaken {
                    bucket: auth.bucket(kind, &told.network),
                    more: told.more,
                    per_second,
                };
                let shared = auth.ledger().share(&told.iter().map(taken).collect::<Vec<_>>()).await?;
                for (told, shared) in told.iter().zip(shared) {
                    buckets.learn(told, shared);
                }
            }
        }
        Ok(())
    }

    /// Forgets networks whose bucket is full again.
    pub fn sweep(&self) {
        self.networks.sweep();
        self.challenges.sweep();
    }
}

/// Refuses with 429 a network that asks too often.
pub async fn enforce(State(portal): State<Arc<Portal>>, caller: Caller, request: Request, next: Next) -> Response {
    let Err(wait) = portal.limits.allow(&caller.visitor) else { return next.run(request).await };
    let wait = Some(wait);
    match handler::is_script(request.headers()) {
        true => ScriptRefusal::TooManyTries { wait }.into_response(),
        false => PageError::Refused { refusal: GateRefusal::TooManyTries, retry: None, wait }.into_response(),
    }
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
        Err(wait) => ScriptRefusal::TooManyTries { wait: Some(wait) }.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::SecretDigest;
    use crate::domain::visitor::ClientKind;

    fn visitor(address: Option<&str>) -> Visitor {
        Visitor {
            browser: SecretDigest::from_bytes([1; 32]),
            description: String::new(),
            address: address.map(|address| address.parse().unwrap()),
            language: "en".to_owned(),
            offset: None,
            session: None,
            origin: None,
            device: None,
            press: None,
            client: ClientKind::Pages,
        }
    }

    #[test]
    fn challenges_are_counted_apart_and_a_network_that_is_full_is_told_when_there_is_room() {
        let limits = Limits::new(false);
        let full = visitor(Some("192.0.2.1"));
        let given = (0..10_000).filter(|_| limits.allow_challenge(&full).is_ok()).count();
        // One a second comes free meanwhile.
        assert!((300..310).contains(&given), "{given}");
        let wait = limits.allow_challenge(&full).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert!(limits.allow(&full).is_ok(), "the other bucket is as it was");
        assert!(limits.allow_challenge(&visitor(Some("192.0.2.2"))).is_ok());
        assert!((0..1000).all(|_| limits.allow_challenge(&visitor(None)).is_ok()), "nobody knows whose these are");
    }
}
