//! The leaky bucket of each network, which all gateways of a store drain together.
//!
//! Each gateway has a bucket of its own and answers by that alone. What the others took out of theirs is taken out of
//! this one, too, a moment later. So a network gets what one bucket gives, and of each gateway at most what that moment
//! and the share of small users let through.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota, RateLimiter};

use crate::store::BucketLevel;

/// The bytes that name a network.
pub(super) type NetworkKey = Vec<u8>;

/// How many networks are told of at most; of more, those that took most since they were last told of.
const MOST: usize = 10_000;
/// A network that takes less than this part of what it may is not told of.
const PART: f32 = 0.1;

/// One bucket for each network.
#[derive(Debug)]
pub(super) struct Buckets {
    local: DefaultKeyedRateLimiter<NetworkKey>,
    /// What leaks out of a bucket each second, and how much goes into it.
    per_second: NonZeroU32,
    burst: NonZeroU32,
    /// What networks took here, where other gateways want to know.
    takers: Option<Mutex<HashMap<NetworkKey, Taker>>>,
}

/// What a network took here.
#[derive(Debug, Default)]
struct Taker {
    /// Since it was last told.
    untold: u32,
    /// How much lately: it leaks as the bucket does, but by that [`PART`] of it.
    lately: f32,
    /// What all gateways had given when that was last asked.
    total: Option<u64>,
}

/// What a network took here since that was last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NetworkUsage {
    pub(super) network: NetworkKey,
    pub(super) more: u32,
}

impl Buckets {
    pub(super) fn new(per_second: NonZeroU32, burst: NonZeroU32, is_shared: bool) -> Self {
        let local = RateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst));
        Self { local, per_second, burst, takers: is_shared.then(Mutex::default) }
    }

    fn takers(&self) -> Option<MutexGuard<'_, HashMap<NetworkKey, Taker>>> {
        self.takers.as_ref().map(|takers| takers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How much a network has to take lately to be told of.
    fn much(&self) -> f32 {
        self.burst.get() as f32 * PART
    }

    /// Takes one out of the bucket of a network.
    ///
    /// # Errors
    /// It is empty: for how long.
    pub(super) fn take(&self, network: NetworkKey) -> Result<(), Duration> {
        let empty = |empty: NotUntil<_>| empty.wait_time_from(DefaultClock::default().now());
        self.local.check_key(&network).map_err(empty)?;
        if let Some(mut takers) = self.takers() {
            let taker = takers.entry(network).or_default();
            taker.untold = taker.untold.saturating_add(1);
            // Not much more than it takes to be told of: when it has stopped, it is soon forgotten.
            taker.lately = (taker.lately + 1.0).min(self.much() * 1.25);
        }
        Ok(())
    }

    /// What is to be told of networks, `after` the last time.
    pub(super) fn to_tell(&self, after: Duration) -> Vec<NetworkUsage> {
        let Some(mut takers) = self.takers() else { return Vec::new() };
        let leaked = self.per_second.get() as f32 * PART * after.as_secs_f32();
        let (much, mut told) = (self.much(), Vec::new());
        takers.retain(|network, taker| {
            if taker.lately >= much || taker.total.is_some() {
                told.push(NetworkUsage { network: network.clone(), more: taker.untold });
            }
            taker.lately -= leaked;
            taker.lately > 0.0
        });
        if told.len() > MOST {
            told.sort_unstable_by_key(|told| Reverse(told.more));
            told.truncate(MOST);
        }
        for NetworkUsage { network, .. } in &told {
            if let Some(taker) = takers.get_mut(network) {
                taker.untold = 0;
            }
        }
        told
    }

    /// What all gateways have given a network, after what was told of it: what the others gave since the last time, and
    /// at the first time what of theirs has not leaked out again, is taken out of its bucket here, as far as there is
    /// so much.
    pub(super) fn learn(
        &self,
        NetworkUsage { network, more }: &NetworkUsage,
        BucketLevel { total, level }: BucketLevel,
    ) {
        let Some(mut takers) = self.takers() else { return };
        // One that took nothing for so long that it is forgotten is learned of when it takes again.
        let Some(taker) = takers.get_mut(network) else { return };
        let before = taker.total.replace(total);
        drop(takers);
        let by_others = before.map_or(u64::MAX, |before| total.saturating_sub(before).saturating_sub((*more).into()));
        let left = level.saturating_sub(*more);
        self.drain(network, u32::try_from(by_others).map_or(left, |by_others| by_others.min(left)));
    }

    /// How much leaks out of a bucket in a second.
    pub(super) const fn per_second(&self) -> u32 {
        self.per_second.get()
    }

    fn drain(&self, network: &NetworkKey, count: u32) {
        let mut left = count.min(self.burst.get());
        let mut part = left;
        while let Some(some) = NonZeroU32::new(part.min(left)) {
            if matches!(self.local.check_key_n(network, some), Ok(Ok(()))) {
                left -= some.get();
            } else {
                // There is not so much: what there is goes in ever smaller parts.
                part /= 2;
            }
        }
    }

    /// Forgets networks whose bucket is full again.
    pub(super) fn sweep(&self) {
        self.local.retain_recent();
        self.local.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(500);

    fn buckets(is_shared: bool) -> Buckets {
        Buckets::new(NonZeroU32::new(1).unwrap(), NonZeroU32::new(100).unwrap(), is_shared)
    }

    fn taken(buckets: &Buckets, network: &NetworkKey, tries: u32) -> usize {
        (0..tries).filter(|_| buckets.take(network.clone()).is_ok()).count()
    }

    #[test]
    fn what_others_gave_is_taken_out_and_a_network_that_takes_little_is_not_told_of() {
        let (buckets, network, other) = (buckets(true), vec![1], vec![2]);
        assert_eq!((taken(&buckets, &network, 10), taken(&buckets, &other, 9)), (10, 9));
        let told = NetworkUsage { network: network.clone(), more: 10 };
        assert_eq!(buckets.to_tell(TICK), std::slice::from_ref(&told));
        // Of all that the others have given before, twenty have not leaked.
        buckets.learn(&told, BucketLevel { total: 5_010, level: 10 + 20 });
        assert_eq!(taken(&buckets, &network, 5), 5);
        let told = NetworkUsage { network: network.clone(), more: 5 };
        assert_eq!(buckets.to_tell(TICK), std::slice::from_ref(&told));
        buckets.learn(&told, BucketLevel { total: 5_010 + 5 + 40, level: 75 });
        // 100 but for 10, 20, 5 and 40; one a second comes free meanwhile.
        let left = taken(&buckets, &network, 1000);
        assert!((25..30).contains(&left), "{left}");
        assert!(taken(&buckets, &other, 1000) >= 91, "it has a bucket of its own");
        // More than is left empties it.
        let told = buckets.to_tell(TICK).into_iter().find(|told| told.network == network).unwrap();
        let total = 5_055 + u64::from(told.more) + 1_000_000;
        buckets.learn(&told, BucketLevel { total, level: 1_000_000 });
        assert!(taken(&buckets, &network, 100) <= 1);
    }

    #[test]
    fn a_network_that_has_stopped_is_forgotten_and_counts_anew() {
        let (buckets, network) = (buckets(true), vec![1]);
        taken(&buckets, &network, 50);
        buckets.learn(&NetworkUsage { network: network.clone(), more: 50 }, BucketLevel { total: 50, level: 50 });
        // A tenth of what leaks: a hundred seconds at least.
        let rounds = (0..1000).take_while(|_| !buckets.to_tell(TICK).is_empty()).count();
        assert!((200..300).contains(&rounds), "{rounds}");
        buckets.learn(&NetworkUsage { network: network.clone(), more: 0 }, BucketLevel { total: 90, level: 90 });
        assert_eq!(taken(&buckets, &network, 30), 30, "it is not known any more");
        buckets.learn(&NetworkUsage { network: network.clone(), more: 30 }, BucketLevel { total: 500, level: 30 });
        assert_eq!(taken(&buckets, &network, 20), 20, "what others gave has leaked");
    }

    #[test]
    fn a_total_that_has_begun_anew_and_a_bucket_that_is_not_shared_take_nothing_out() {
        let (shared, alone, network) = (buckets(true), buckets(false), vec![1]);
        for buckets in [&shared, &alone] {
            taken(buckets, &network, 20);
            buckets
                .learn(&NetworkUsage { network: network.clone(), more: 20 }, BucketLevel { total: 1_000, level: 20 });
            buckets.learn(&NetworkUsage { network: network.clone(), more: 0 }, BucketLevel { total: 3, level: 3 });
            assert!((80..85).contains(&taken(buckets, &network, 1000)));
        }
        assert_eq!(alone.to_tell(TICK), []);
    }
}
