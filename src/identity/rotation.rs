//! When signing keys are made, published, used and dropped.
//!
//! A new key is published a day before it signs, so that upstreams that keep the key set know it in time. An old one
//! stays published until the last token it signed has expired.
//!
//! A clock that was ahead leaves keys that are to sign in years. They are set back, so that there is always one that
//! signs, and the next is never far. While a clock is ahead, keys retire too soon; a round that makes a key or sets one
//! back drops none. So what was signed before the clock went wrong can be verified at least until the next round.

use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};

use crate::domain::clock::Timestamp;
use crate::domain::plan::{Change, KeyChange};
use crate::domain::signing_key::{Algorithm, PrivateKey, SigningKey};

/// How long a key signs.
pub const SIGNS_FOR: Duration = Duration::from_secs(90 * 24 * 3600);
/// How long it is published before.
pub const PUBLISHED_BEFORE: Duration = Duration::from_secs(24 * 3600);
/// How long it stays published after its successor took over: longer than the longest `identity.lifetime`.
pub const PUBLISHED_AFTER: Duration = Duration::from_secs(2 * 3600);

/// The system's random source failed.
#[derive(Debug, thiserror::Error)]
#[error("a signing key could not be made")]
pub struct KeyError;

/// What is to be done about `keys`, which were read in state `generation`, at `now`: nothing, mostly. Without any key
/// of `algorithm`, one is made that signs at once.
///
/// # Errors
/// [`KeyError`].
pub fn plan(
    generation: u64,
    keys: &[SigningKey],
    algorithm: Algorithm,
    now: Timestamp,
) -> Result<Vec<Change>, KeyError> {
    let of_algorithm = || keys.iter().filter(|key| key.algorithm == algorithm);
    let first = of_algorithm().min_by_key(|key| key.active_from);
    let mut changes = Vec::new();
    let mut newest = None;
    for key in of_algorithm() {
        let is_to_sign_now = first.is_some_and(|first| first.kid == key.kid && first.active_from > now);
        let active_from = if is_to_sign_now {
            now
        } else if key.active_from.before(PUBLISHED_BEFORE).has_come(now) {
            key.active_from
        } else {
            now.after(PUBLISHED_BEFORE)
        };
        newest = newest.max(Some(active_from));
        if active_from != key.active_from {
            let created_at = key.created_at.min(now);
            changes.push(KeyChange::Put(SigningKey { created_at, active_from, ..key.clone() }));
        }
    }
    match newest {
        None => changes.push(KeyChange::Put(generate(algorithm, now, now)?)),
        Some(newest) if now >= newest.after(SIGNS_FOR).before(PUBLISHED_BEFORE) => {
            changes.push(KeyChange::Put(generate(algorithm, now, now.after(PUBLISHED_BEFORE))?));
        }
        Some(_) => {}
    }
    if changes.is_empty() {
        for old in keys {
            let successor = of_algorithm().map(|key| key.active_from).filter(|from| *from > old.active_from).min();
            if successor.is_some_and(|from| now >= from.after(PUBLISHED_AFTER)) {
                changes.push(KeyChange::Drop(old.kid.clone()));
            }
        }
    }
    let mut changes: Vec<_> = changes.into_iter().map(Change::from).collect();
    if !changes.is_empty() {
        // Of several that read the same keys, one changes them.
        changes.insert(0, KeyChange::Advance { was: generation }.into());
    }
    Ok(changes)
}

fn generate(algorithm: Algorithm, created_at: Timestamp, active_from: Timestamp) -> Result<SigningKey, KeyError> {
    let pkcs8 = match algorithm {
        Algorithm::Es256 => {
            let random = SystemRandom::new();
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
        }
        // Version 1, without the public half: the form that jsonwebtoken reads.
        Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()),
    };
    let pkcs8 = pkcs8.map_err(|_| KeyError)?.as_ref().to_vec();
    let mut name = [0; 16];
    aws_lc_rs::rand::fill(&mut name).map_err(|_| KeyError)?;
    Ok(SigningKey {
        kid: uuid::Builder::from_random_bytes(name).into_uuid().simple().to_string(),
        algorithm,
        pkcs8: PrivateKey(pkcs8),
        created_at,
        active_from,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn apply(keys: &mut Vec<SigningKey>, now: Timestamp, algorithm: Algorithm) -> usize {
        let changes = plan(7, keys, algorithm, now).unwrap();
        let count = changes.len().saturating_sub(1);
        for (place, change) in changes.into_iter().enumerate() {
            match change {
                Change::Key(KeyChange::Advance { was: 7 }) if place == 0 => {}
                Change::Key(KeyChange::Put(key)) => {
                    keys.retain(|other| other.kid != key.kid);
                    keys.push(key);
                }
                Change::Key(KeyChange::Drop(kid)) => keys.retain(|key| key.kid != kid),
                other => panic!("{other:?}"),
            }
        }
        count
    }

    #[test]
    fn the_first_key_signs_at_once_and_is_kept() {
        let now = Timestamp::from_unix(1_000_000);
        let mut keys = Vec::new();
        assert_eq!(apply(&mut keys, now, Algorithm::Es256), 1);
        assert_eq!(keys[0].active_from, now);
        assert_eq!(apply(&mut keys, now, Algorithm::Es256), 0);
    }

    #[test]
    fn a_successor_is_published_a_day_before_it_signs_and_the_old_key_outlives_its_tokens() {
        let start = Timestamp::from_unix(1_000_000);
        let mut keys = Vec::new();
        apply(&mut keys, start, Algorithm::Es256);
        let old = keys[0].kid.clone();
        let due = start.after(SIGNS_FOR).before(PUBLISHED_BEFORE);
        assert_eq!(apply(&mut keys, due.before(Duration::from_secs(1)), Algorithm::Es256), 0);
        assert_eq!(apply(&mut keys, due, Algorithm::Es256), 1);
        assert_eq!(keys[1].active_from, due.after(DAY));
        // Both are published until well after the new one has taken over.
        let over = due.after(DAY).after(PUBLISHED_AFTER);
        assert_eq!(apply(&mut keys, over.before(Duration::from_secs(1)), Algorithm::Es256), 0);
        assert_eq!(apply(&mut keys, over, Algorithm::Es256), 1);
        assert!(keys.iter().all(|key| key.kid != old));
    }

    #[test]
    fn a_clock_that_was_ahead_or_is_set_back_leaves_a_key_that_signs_and_others_that_are_near() {
        let years = Duration::from_secs(10 * 365 * 24 * 3600);
        let hour = Duration::from_secs(3600);
        let right = Timestamp::from_unix(2_000_000_000);
        for wrong in [right.after(years), right.before(years), right.after(hour), right.before(hour), right.after(DAY)]
        {
            // What there is when the clock goes wrong: nothing; one key; the next one of which is published.
            for age in [None, Some(DAY), Some(SIGNS_FOR.saturating_sub(hour))] {
                let mut keys = Vec::new();
                if let Some(age) = age {
                    apply(&mut keys, right.before(age), Algorithm::Es256);
                    apply(&mut keys, right.before(hour), Algorithm::Es256);
                }
                let before: Vec<_> = keys.iter().map(|key| key.kid.clone()).collect();
                for (step, now) in [wrong, right, wrong, wrong.after(hour), right.after(hour)].into_iter().enumerate() {
                    apply(&mut keys, now, Algorithm::Es256);
                    assert!(keys.iter().any(|key| key.active_from <= now), "{wrong} {age:?} {now}: {keys:?}");
                    let far = now.after(PUBLISHED_BEFORE).after(DAY);
                    assert!(
                        keys.iter().all(|key| key.active_from < far && key.created_at <= now.after(hour)),
                        "{keys:?}"
                    );
                    assert!(keys.len() <= 4, "{keys:?}");
                    let kept = before.iter().all(|kid| keys.iter().any(|key| key.kid == *kid));
                    assert!(
                        step > 1 || kept,
                        "a key was dropped whose tokens may still be good: {wrong} {age:?} {now}"
                    );
                }
                // From then on all goes as ever.
                let later = right.after(SIGNS_FOR);
                for day in 0..100 {
                    apply(&mut keys, right.after(DAY * day), Algorithm::Es256);
                    apply(&mut keys, right.after(DAY * day).after(hour), Algorithm::Es256);
                }
                assert!(keys.len() <= 2 && keys.iter().all(|key| key.active_from <= later.after(DAY * 10)), "{keys:?}");
            }
        }
    }

    #[test]
    fn another_algorithm_gets_its_own_key_at_once() {
        let now = Timestamp::from_unix(1_000_000);
        let mut keys = Vec::new();
        apply(&mut keys, now, Algorithm::Es256);
        let later = now.after(DAY);
        assert_eq!(apply(&mut keys, later, Algorithm::EdDsa), 1);
        assert_eq!(apply(&mut keys, later.after(PUBLISHED_AFTER), Algorithm::EdDsa), 1);
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].algorithm, Algorithm::EdDsa);
    }
}
