//! One cumulated sum of evidence (CUSUM, Page 1954): grows with failures, shrinks with successes,
//! never below zero.
//!
//! It knows neither cells nor states. Invariant: a penalty is given back at most once, and only as
//! long as the sum that it went into has not been at zero since.

use super::evidence::Kind;
use super::parameters::Weights;
use crate::time::Timestamp;
use std::collections::VecDeque;

/// Penalties that can still be given back.
pub(super) const PENALTIES_MAX: usize = 256;

/// What a penalty was for.
pub(super) type PenaltyId = (Kind, u64);

/// A sum in thousandths of a nat.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    milli: i64,
    onset: Timestamp,
    touched: Timestamp,
    penalties: VecDeque<(PenaltyId, i64)>,
    rate: Rate,
}

impl Sum {
    pub(super) fn milli(&self) -> i64 {
        self.milli
    }

    /// When it left zero; `None` while it is there.
    pub(super) fn onset(&self) -> Option<Timestamp> {
        (self.milli > 0).then_some(self.onset)
    }

    pub(super) fn good(&mut self, weights: Weights, at: Timestamp) {
        self.rate.count(at);
        self.touched = at;
        self.shrink(-weights.good);
    }

    /// Takes in a failure that was seen `at` and began at `since`; the sum grows no further than
    /// `milli_max`, so that it finds its way back.
    pub(super) fn bad(
        &mut self,
        weights: Weights,
        (id, (at, since)): (PenaltyId, (Timestamp, Timestamp)),
        milli_max: i64,
    ) {
        self.rate.count(at);
        let fresh = self.milli == 0;
        self.add(weights.bad, at, milli_max);
        if fresh {
            self.onset = since.min(at);
        }
        if self.penalties.len() == PENALTIES_MAX {
            self.penalties.pop_front();
        }
        self.penalties.push_back((id, weights.bad));
    }

    /// Adds what is not to be given back.
    pub(super) fn add(&mut self, milli: i64, at: Timestamp, milli_max: i64) {
        self.touched = at;
        if milli <= 0 {
            return self.shrink(-milli);
        }
        if self.milli == 0 {
            self.onset = at;
        }
        self.milli = (self.milli + milli).min(milli_max);
    }

    /// Gives back the penalty for `id`, if it still stands.
    pub(super) fn refund(&mut self, id: PenaltyId) {
        if let Some(at) = self.penalties.iter().position(|(penalty, _)| *penalty == id)
            && let Some((_, milli)) = self.penalties.remove(at)
        {
            self.shrink(milli);
        }
    }

    pub(super) fn reset(&mut self) {
        self.milli = 0;
        self.penalties.clear();
    }

    /// Starts again when nothing was heard for long.
    pub(super) fn forget_stale(&mut self, now: Timestamp, stale_ms: u64) {
        if self.milli > 0 && now.ms_since(self.touched) > stale_ms {
            self.reset();
        }
    }

    /// The threshold at the present rate of evidence: plus its logarithm above one a second.
    pub(super) fn raised(&self, trip_milli: i64, raises: bool) -> i64 {
        if raises { trip_milli + self.rate.log_milli() } else { trip_milli }
    }

    fn shrink(&mut self, milli: i64) {
        self.milli = (self.milli - milli).max(0);
        if self.milli == 0 {
            self.penalties.clear();
        }
    }
}

/// Pieces of evidence in the minute before the present one, and in this one so far.
#[derive(Debug, Clone, Copy, Default)]
struct Rate {
    minute: i64,
    now: u32,
    before: u32,
}

const MINUTE_MS: i64 = 60_000;

impl Rate {
    fn count(&mut self, at: Timestamp) {
        let minute = at.0.div_euclid(MINUTE_MS);
        if minute != self.minute {
            self.before = if minute == self.minute + 1 { self.now } else { 0 };
            self.now = 0;
            self.minute = minute;
        }
        self.now = self.now.saturating_add(1);
    }

    /// The natural logarithm of the rate a second, in thousandths, zero below one a second; by
    /// doublings, which is as fine as a rate is known.
    fn log_milli(self) -> i64 {
        const LN_2_MILLI: i64 = 693;
        let per_second = self.before / 60;
        i64::from(per_second.max(1).ilog2()) * LN_2_MILLI
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WEIGHTS: Weights = Weights { bad: 3_219, good: -673 };
    const TRIP: i64 = 12_000;
    const MOST: i64 = 30_000;

    fn of(id: u64) -> PenaltyId {
        (Kind::Send, id)
    }

    fn bad(sum: &mut Sum, id: u64, ms: i64) {
        sum.bad(WEIGHTS, (of(id), (at(ms), at(ms))), MOST);
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms)
    }

    #[test]
    fn it_remembers_when_it_left_zero() {
        let mut sum = Sum::default();
        assert_eq!(sum.onset(), None);
        bad(&mut sum, 1, 10);
        bad(&mut sum, 2, 20);
        assert_eq!((sum.milli(), sum.onset()), (6_438, Some(at(10))));
        for ms in 0..10 {
            sum.good(WEIGHTS, at(30 + ms));
        }
        assert_eq!((sum.milli(), sum.onset()), (0, None));
    }

    #[test]
    fn a_late_arrival_takes_its_penalty_back_once() {
        let mut sum = Sum::default();
        bad(&mut sum, 1, 10);
        bad(&mut sum, 2, 20);
        sum.refund(of(1));
        sum.refund(of(1));
        assert_eq!(sum.milli(), 3_219);
        sum.refund(of(2));
        assert_eq!(sum.milli(), 0);
    }

    #[test]
    fn a_penalty_that_was_worked_off_is_not_given_back() {
        let mut sum = Sum::default();
        bad(&mut sum, 1, 10);
        (0..5).for_each(|ms| sum.good(WEIGHTS, at(20 + ms)));
        bad(&mut sum, 2, 40);
        sum.refund(of(1));
        assert_eq!(sum.milli(), 3_219);
    }

    #[test]
    fn ten_a_second_raise_the_threshold_by_three_doublings() {
        let mut sum = Sum::default();
        for tick in 0..1_800 {
            sum.good(WEIGHTS, at(tick * 100));
        }
        assert_eq!(sum.raised(TRIP, true), TRIP + 3 * 693);
        assert_eq!(sum.raised(TRIP, false), TRIP);
        sum.good(WEIGHTS, at(1_000_000));
        assert_eq!(sum.raised(TRIP, true), TRIP, "a busy minute long ago is forgotten");
    }

    #[test]
    fn what_is_stale_is_forgotten() {
        let mut sum = Sum::default();
        bad(&mut sum, 1, 0);
        sum.forget_stale(at(900_000), 900_000);
        assert_eq!(sum.milli(), 3_219);
        sum.forget_stale(at(900_001), 900_000);
        assert_eq!(sum.milli(), 0);
    }

    proptest! {
        #[test]
        fn it_stays_between_zero_and_a_little_beyond(
            steps in prop::collection::vec(0_u8..4, 0..400),
        ) {
            let mut sum = Sum::default();
            for (index, step) in (0_i64..).zip(&steps) {
                let id = index.unsigned_abs() % 7;
                match step {
                    0 => bad(&mut sum, id, index),
                    1 => sum.refund(of(id)),
                    _ => sum.good(WEIGHTS, at(index)),
                }
                prop_assert!((0..=MOST).contains(&sum.milli()));
                prop_assert!(sum.penalties.len() <= PENALTIES_MAX);
                prop_assert_eq!(sum.onset().is_some(), sum.milli() > 0);
            }
        }

        #[test]
        fn refunding_everything_leaves_no_more_than_was_worked_off(fails in 1_u64..4) {
            let mut sum = Sum::default();
            (0..fails).for_each(|id| bad(&mut sum, id, 0));
            (0..fails).for_each(|id| sum.refund(of(id)));
            prop_assert_eq!(sum.milli(), 0);
        }
    }
}
