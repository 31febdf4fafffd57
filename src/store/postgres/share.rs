//! How much networks have asked of all gateways together. It may be lost, which lets them ask a little more.

use std::collections::BTreeMap;

use tokio::time::{Instant, timeout_at};

use super::fault::PostgresFault;
use super::{DEADLINE, Inner};
use crate::store::{BucketLevel, BucketTaken};

// What is in a bucket leaks out of it at its own rate, by the clock of the database.
const ADD: &str = "INSERT INTO buckets AS bucket (name, taken, level) \
                   SELECT name, more, more FROM unnest($1::bytea[], $2::bigint[]) AS told (name, more) \
                   ON CONFLICT (name) DO UPDATE SET taken = bucket.taken + excluded.taken, at = clock_timestamp(), \
                   level = excluded.level + greatest(0, bucket.level - extract(epoch FROM clock_timestamp() - bucket.at) \
                   * (SELECT rate FROM unnest($1::bytea[], $3::float8[]) AS told (name, rate) \
                      WHERE told.name = bucket.name)) \
                   RETURNING name, taken, ceil(least(level, 2147483647))::bigint";

impl Inner {
    /// Adds what was taken; returns what was taken of each bucket in all. It is not tried again where the connection
    /// breaks: what was added already would be added twice.
    pub(super) async fn share(&self, taken: &[BucketTaken]) -> Result<Vec<BucketLevel>, PostgresFault> {
        // In the order of their names, so that gateways do not wait for each other in a circle.
        let mut more = BTreeMap::<&[u8], (i64, f64)>::new();
        for BucketTaken { bucket, more: taken, per_second } in taken {
            let (sum, rate) = more.entry(&bucket.0[..]).or_default();
            (*sum, *rate) = (*sum + i64::from(*taken), f64::from(*per_second));
        }
        let names: Vec<_> = more.keys().copied().collect();
        let (counts, rates): (Vec<_>, Vec<_>) = more.values().copied().unzip();
        let until = Instant::now() + DEADLINE;
        let _turn = self.turn(until).await?;
        let added = timeout_at(until, async {
            let lease = self.pool.lease().await?;
            let rows = lease.rows(ADD, &[&names, &counts, &rates]).await?;
            lease.give_back();
            Ok(rows)
        });
        let added = added.await.unwrap_or(Err(PostgresFault::Deadline));
        self.note(added.as_ref().err());
        let added = added?;
        let shared = added.iter().map(|row| {
            let (total, level) = (u64::try_from(row.get::<_, i64>(1)), u32::try_from(row.get::<_, i64>(2)));
            let shared = BucketLevel { total: total.unwrap_or_default(), level: level.unwrap_or_default() };
            (row.get::<_, Vec<u8>>(0), shared)
        });
        let all: BTreeMap<_, _> = shared.collect();
        Ok(taken.iter().map(|taken| all.get(&taken.bucket.0[..]).copied().unwrap_or_default()).collect())
    }
}
