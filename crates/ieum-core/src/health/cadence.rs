//! How often canaries and probes go out: seldom while all is well, often as soon as something
//! looks wrong, and never more in a day than the budget.
//!
//! Pure: facts in, a wait out. Invariant: the waits of a day never spend more than its budget.

use serde::{Deserialize, Serialize};

/// How much a cell is suspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspicion {
    /// Nothing failed lately.
    None,
    /// Something failed a while ago.
    Some,
    /// Something failed just now, or a turn waits for its witness.
    Fresh,
    /// It is down or returns: a steady pace, to see the return.
    Known,
}

/// A failure stays fresh for so long.
const FRESH_MS: u64 = 10_000;
/// A failure raises some suspicion for so long.
const SOME_MS: u64 = 60_000;

impl Suspicion {
    pub(super) fn of(since_bad_ms: Option<u64>, waiting: bool) -> Self {
        match since_bad_ms {
            _ if waiting => Self::Fresh,
            Some(ms) if ms < FRESH_MS => Self::Fresh,
            Some(ms) if ms < SOME_MS => Self::Some,
            Some(_) | None => Self::None,
        }
    }
}

/// The pace of one cell's canaries. All waits are between two canaries of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cadence {
    /// While all is well. Twelve seconds: four pairs taking turns give a sign every three, so
    /// that half of all outages meet a canary within a second and a half.
    pub well_ms: u64,
    /// When something failed within the last minute.
    pub some_ms: u64,
    /// When something failed just now. One second: four pairs decide within a few.
    pub fresh_ms: u64,
    /// While it is down: sixty seconds hold the ten good signs that a return takes.
    pub known_ms: u64,
    /// When a canary that has not arrived counts as missing. Two and a half seconds: five times an
    /// ordinary round trip; one that arrives later gives its penalty back.
    pub deadline_ms: u64,
    /// Canaries of all pairs of a cell in a day. Networks that count messages need less: the
    /// waits grow to fit.
    pub daily_max: u32,
}

impl Default for Cadence {
    fn default() -> Self {
        Self {
            well_ms: 12_000,
            some_ms: 6_000,
            fresh_ms: 1_000,
            known_ms: 5_000,
            deadline_ms: 2_500,
            daily_max: 40_000,
        }
    }
}

/// How much of a day's canaries were spent, and how much of the day is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Canaries sent since the day began, of all pairs of the cell.
    pub today: u32,
    /// Milliseconds until it ends.
    pub left_ms: u64,
    /// Pairs that share the budget.
    pub pairs: u32,
}

impl Cadence {
    /// How long a pair waits before its next canary; `None` when the day's budget is spent.
    ///
    /// Up to three quarters of what is left are for quiet hours: the wait never falls below what
    /// they allow, so that a suspicion always finds something left to spend.
    #[must_use]
    pub fn wait_ms(&self, suspicion: Suspicion, spent: Spent) -> Option<u64> {
        let left = self.daily_max.checked_sub(spent.today).filter(|left| *left > 0)?;
        let pairs = u64::from(spent.pairs.max(1));
        let for_quiet = (u64::from(left) * 3 / 4).max(1);
        let lasting_ms = spent.left_ms.saturating_mul(pairs) / for_quiet;
        let wanted_ms = match suspicion {
            Suspicion::None => self.well_ms.max(lasting_ms),
            Suspicion::Some => self.some_ms.max(lasting_ms / 2),
            Suspicion::Fresh => self.fresh_ms,
            Suspicion::Known => self.known_ms,
        };
        Some(wanted_ms.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY_MS: u64 = 86_400_000;

    #[test]
    fn suspicion_fades() {
        for (since, waiting, expected) in [
            (None, false, Suspicion::None),
            (Some(0), false, Suspicion::Fresh),
            (Some(9_999), false, Suspicion::Fresh),
            (Some(10_000), false, Suspicion::Some),
            (Some(60_000), false, Suspicion::None),
            (Some(60_000), true, Suspicion::Fresh),
        ] {
            assert_eq!(Suspicion::of(since, waiting), expected, "{since:?} {waiting}");
        }
    }

    #[test]
    fn a_quiet_day_fits_the_default_budget_with_a_reserve() {
        let cadence = Cadence::default();
        let spent = Spent { today: 0, left_ms: DAY_MS, pairs: 4 };
        assert_eq!(cadence.wait_ms(Suspicion::None, spent), Some(12_000));
        assert_eq!(cadence.wait_ms(Suspicion::Fresh, spent), Some(1_000));
        let small = Cadence { daily_max: 400, ..cadence };
        assert_eq!(small.wait_ms(Suspicion::None, spent), Some(DAY_MS * 4 / 300));
    }

    #[test]
    fn nothing_is_sent_beyond_the_budget() {
        let cadence = Cadence::default();
        let spent = Spent { today: cadence.daily_max, left_ms: DAY_MS / 2, pairs: 4 };
        for suspicion in [Suspicion::None, Suspicion::Fresh, Suspicion::Known] {
            assert_eq!(cadence.wait_ms(suspicion, spent), None);
        }
    }

    proptest! {
        #[test]
        fn a_quiet_rest_of_the_day_never_runs_out(
            daily_max in 10_u32..50_000,
            spent_share in 0_u32..99,
            gone_ms in 0..DAY_MS - 600_000,
        ) {
            let cadence = Cadence { daily_max, ..Cadence::default() };
            let mut today = daily_max * spent_share / 100;
            let mut left_ms = DAY_MS - gone_ms;
            loop {
                let spent = Spent { today, left_ms, pairs: 1 };
                let Some(wait) = cadence.wait_ms(Suspicion::None, spent) else {
                    prop_assert!(false, "ran out with {left_ms} ms left");
                    break;
                };
                if wait >= left_ms {
                    break;
                }
                left_ms -= wait;
                today += 1;
            }
            prop_assert!(today <= daily_max);
        }
    }
}
