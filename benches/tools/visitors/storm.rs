//! Many people who sign in at once.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::LocalSet;

use crate::Gateway;
use crate::browser::Browser;
use crate::people::People;

/// What became of them. Times are from when a sign-in was to begin, so that one held up by another counts as late.
#[derive(Serialize)]
pub struct Storm {
    sign_ins: usize,
    seconds: f64,
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
    /// Answered with 503: there were too many at once.
    turned_away: usize,
    /// Answered with anything else.
    failed: usize,
}

#[derive(Default)]
struct Seen {
    times: Vec<Duration>,
    turned_away: usize,
    failed: usize,
}

/// Signs in from `browsers` browsers for that many seconds.
///
/// # Errors
/// The gateway does not answer, or not in the way of its pages.
pub async fn storm(
    gateway: &Gateway,
    people: &People,
    seconds: f64,
    browsers: usize,
    rate: Option<f64>,
) -> anyhow::Result<Storm> {
    let mut open = Vec::with_capacity(browsers);
    for number in 0..browsers {
        open.push(Browser::open(gateway, u32::try_from(number)?).await?);
    }
    // Parsed before it begins: reading keys is the devices' work, not the gateway's.
    let passkeys = (0..browsers.max(1024)).map(|number| people.passkey(number, &gateway.origin));
    let mut hands: Vec<Vec<_>> = (0..browsers).map(|_| Vec::new()).collect();
    for (number, passkey) in passkeys.enumerate() {
        hands[number % browsers].push(passkey);
    }
    let began = Instant::now();
    let end = began + Duration::from_secs_f64(seconds);
    let pause = rate.map(|rate| Duration::from_secs_f64(browsers as f64 / rate));
    let local = LocalSet::new();
    let mut tasks = Vec::with_capacity(browsers);
    for (number, (mut browser, mut passkeys)) in open.into_iter().zip(hands).enumerate() {
        let mut due = began + pause.unwrap_or_default().mul_f64(number as f64 / browsers as f64);
        tasks.push(local.spawn_local(async move {
            let mut seen = Seen::default();
            for turn in 0.. {
                due = pause.map_or_else(Instant::now, |pause| if turn == 0 { due } else { due + pause });
                if due >= end {
                    break;
                }
                tokio::time::sleep_until(due.into()).await;
                browser.is_at(u32::try_from(number + turn * 64).unwrap_or(0));
                let passkey = turn % passkeys.len();
                match browser.sign_in(&mut passkeys[passkey]).await? {
                    None => seen.times.push(due.elapsed()),
                    Some(503) => seen.turned_away += 1,
                    Some(_) => seen.failed += 1,
                }
            }
            anyhow::Ok(seen)
        }));
    }
    let seen = local
        .run_until(async {
            let mut all = Seen::default();
            for task in tasks {
                let seen = task.await??;
                all.times.extend(seen.times);
                all.turned_away += seen.turned_away;
                all.failed += seen.failed;
            }
            anyhow::Ok(all)
        })
        .await?;
    let seconds = began.elapsed().as_secs_f64();
    let Seen { mut times, turned_away, failed } = seen;
    times.sort_unstable();
    let quantile = |part: f64| {
        let place = (times.len() as f64 * part) as usize;
        times.get(place.min(times.len().saturating_sub(1))).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    };
    let (p50_ms, p99_ms) = (quantile(0.5), quantile(0.99));
    let rate = times.len() as f64 / seconds;
    Ok(Storm { sign_ins: times.len(), seconds, rate, p50_ms, p99_ms, turned_away, failed })
}
