//! What an authenticator reports of a passkey each time it uses it, and what may change in that (WebAuthn L3 §6.1.1 and
//! §6.1.3).

/// What an authenticator reports of a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The signature counter; synced passkeys always send 0.
    pub counter: u32,
    /// BE: the key may be copied to other devices.
    pub backup_eligible: bool,
    /// BS: the key is copied somewhere now.
    pub backed_up: bool,
}

/// What changed since the last use, and is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportChanges {
    /// The key may be copied to other devices from now on. Password managers began to say so of keys that they had.
    pub can_sync: bool,
    /// The counter began anew: the key was moved to another manager, which counts for itself or not at all.
    pub moved: bool,
}

/// What must not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// The signature counter went back: the key may have been copied.
    CounterWentBack,
    /// The key could be copied to other devices, and now says that it cannot. No authenticator takes a key back.
    NoLongerEligible,
}

impl Report {
    /// Weighs what is said now against what was `known`.
    ///
    /// # Errors
    /// [`Contradiction`]; where there are two, the one that its owner is told of.
    pub fn after(self, known: Self) -> Result<ReportChanges, Contradiction> {
        let goes_on = self.counter > known.counter || (self.counter, known.counter) == (0, 0);
        // Only of a key that could be copied before: any other one that begins anew was taken out of its device.
        let begins_anew = self.counter < known.counter && self.counter <= 1 && known.backup_eligible;
        if !goes_on && !begins_anew {
            return Err(Contradiction::CounterWentBack);
        }
        if known.backup_eligible && !self.backup_eligible {
            return Err(Contradiction::NoLongerEligible);
        }
        Ok(ReportChanges { can_sync: self.backup_eligible && !known.backup_eligible, moved: begins_anew })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: ReportChanges = ReportChanges { can_sync: false, moved: false };

    fn synced(counter: u32) -> Report {
        Report { counter, backup_eligible: true, backed_up: true }
    }

    fn bound(counter: u32) -> Report {
        Report { counter, backup_eligible: false, backed_up: false }
    }

    #[test]
    fn a_counter_goes_up_or_is_none() {
        for report in [synced, bound] {
            for (known, said) in [(0, 0), (0, 1), (0, 900), (5, 6), (5, 500), (u32::MAX - 1, u32::MAX)] {
                assert_eq!(report(said).after(report(known)), Ok(NOTHING), "{known} {said}");
            }
            for (known, said) in [(5, 5), (5, 4), (5, 2), (1, 1), (u32::MAX, 2)] {
                assert_eq!(report(said).after(report(known)), Err(Contradiction::CounterWentBack), "{known} {said}");
            }
        }
    }

    #[test]
    fn a_counter_begins_anew_where_a_key_may_move() {
        for (known, said) in [(5, 0), (5, 1), (1, 0), (2, 1), (u32::MAX, 0)] {
            assert_eq!(
                synced(said).after(synced(known)),
                Ok(ReportChanges { moved: true, ..NOTHING }),
                "{known} {said}"
            );
            let of_a_bound_key = [bound(said).after(bound(known)), synced(said).after(bound(known))];
            assert_eq!(of_a_bound_key, [Err(Contradiction::CounterWentBack); 2], "{known} {said}");
        }
    }

    #[test]
    fn a_key_may_become_one_that_syncs_and_not_the_other_way_round() {
        assert_eq!(synced(0).after(bound(0)), Ok(ReportChanges { can_sync: true, ..NOTHING }));
        assert_eq!(synced(6).after(bound(5)), Ok(ReportChanges { can_sync: true, ..NOTHING }));
        for (known, said) in [(0, 0), (5, 6), (5, 0)] {
            assert_eq!(bound(said).after(synced(known)), Err(Contradiction::NoLongerEligible), "{known} {said}");
        }
        assert_eq!(bound(4).after(synced(5)), Err(Contradiction::CounterWentBack), "its owner is told of this one");
        // Whether it is copied now may change as it likes.
        let not_now = Report { backed_up: false, ..synced(0) };
        assert_eq!((not_now.after(synced(0)), synced(0).after(not_now)), (Ok(NOTHING), Ok(NOTHING)));
    }
}
