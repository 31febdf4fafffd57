//! One request while it is served: its name, and what is known of it by now. Whatever is logged meanwhile tells that,
//! so that the id on an error page finds its cause.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::named::NamedHost;
use crate::auth::principal::{Principal, PrincipalId};
use crate::domain::route::RouteId;
use crate::gate::peer::RequestId;
use crate::telemetry::span::{Span, SpanValue};

/// A request that is served.
#[derive(Debug)]
pub(super) struct Served {
    /// Its name in the log.
    pub(super) id: RequestId,
    /// Set once it is let through for a principal: it stops when that one's standing ends.
    pub(super) stop: OnceLock<Principal>,
    known: Mutex<KnownRequest>,
}

/// What is known of a request by now.
#[derive(Debug, Default)]
struct KnownRequest {
    host: Option<Arc<NamedHost>>,
    route: Option<RouteId>,
    principal: Option<PrincipalId>,
}

impl Served {
    pub(super) fn new(id: RequestId) -> Self {
        Self { id, stop: OnceLock::new(), known: Mutex::default() }
    }

    /// It is for that host.
    pub(super) fn is_for(&self, host: &Arc<NamedHost>) {
        self.note(|known| known.host = Some(Arc::clone(host)));
    }

    /// It belongs to that route.
    pub(super) fn is_of(&self, route: RouteId) {
        self.note(|known| known.route = Some(route));
    }

    /// It is from that one.
    pub(super) fn is_from(&self, principal: &Principal) {
        self.note(|known| known.principal = Some(principal.id()));
    }

    /// Nothing is logged while this is held.
    fn note(&self, change: impl FnOnce(&mut KnownRequest)) {
        change(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Span for Served {
    fn name(&self) -> &'static str {
        "request"
    }

    fn fields(&self, tell: &mut dyn FnMut(&'static str, SpanValue<'_>)) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        tell("id", SpanValue::Text(&self.id));
        if let Some(host) = &known.host {
            tell("host", SpanValue::Text(&host.host));
        }
        if let Some(RouteId(place)) = known.route {
            tell("route", SpanValue::Number(u64::try_from(place).unwrap_or(u64::MAX)));
        }
        if let Some(principal) = &known.principal {
            tell("principal", SpanValue::Text(principal));
        }
    }
}

/// Gives each request its name in the log.
pub(super) struct RequestIds(AtomicU64);

impl RequestIds {
    /// Names that differ from one run to the next by `seed`.
    pub(super) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Numbers follow each other; names do not, so that they do not tell how much goes on here.
    pub(super) fn next(&self) -> RequestId {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        // The finaliser of SplitMix64: one-to-one, so no two names are alike.
        let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        RequestId(mixed ^ (mixed >> 31))
    }
}

impl fmt::Debug for RequestIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestIds").finish_non_exhaustive()
    }
}
