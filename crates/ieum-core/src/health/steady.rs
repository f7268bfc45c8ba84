//! Steady time: what the machine's clock says, without its jumps.
//!
//! Health is all about how long something lasts; a clock that is set back an hour must not make a
//! network stay down an hour longer, nor one set forward bring it back at once. Not a clock: it
//! only hears what others were told. Invariant: steady time never goes back.

use crate::time::Timestamp;

/// What is told a little out of order is no jump: settlements carry the time of their answer.
const DISORDER_MS_MAX: u64 = 1_000;
/// Somebody tells the time each second; what is more than this later was a jump. Far below any
/// span of calm that something follows from, or a clock set forward would pass for one.
const STEP_MS_MAX: u64 = 10_000;

/// Follows a clock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SteadyTime {
    /// The newest time told.
    told: Option<Timestamp>,
    /// By how much steady time is ahead of it (behind: negative), in milliseconds.
    ahead_ms: i64,
}

impl SteadyTime {
    /// Hears the time; returns it without jumps.
    pub(super) fn hear(&mut self, told: Timestamp) -> Timestamp {
        let Some(last) = self.told else {
            self.told = Some(told);
            return told;
        };
        if last.ms_since(told) > DISORDER_MS_MAX {
            self.ahead_ms = self.ahead_ms.saturating_add_unsigned(last.ms_since(told));
            self.told = Some(told);
        } else if told > last {
            let jumped = told.ms_since(last).saturating_sub(STEP_MS_MAX);
            self.ahead_ms = self.ahead_ms.saturating_sub_unsigned(jumped);
            self.told = Some(told);
        }
        self.steady(told)
    }

    /// A time as told, without the jumps heard so far.
    pub(super) fn steady(&self, told: Timestamp) -> Timestamp {
        Timestamp(told.0.saturating_add(self.ahead_ms))
    }

    /// A steady time as the clock would tell it now.
    pub(super) fn told(&self, steady: Timestamp) -> Timestamp {
        Timestamp(steady.0.saturating_sub(self.ahead_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_clock_that_runs_is_believed() {
        let mut time = SteadyTime::default();
        for ms in [0, 1, 1_000, 1_500, 11_500] {
            assert_eq!(time.hear(Timestamp(ms)), Timestamp(ms));
        }
    }

    #[test]
    fn a_jump_either_way_lasts_no_time_worth_speaking_of() {
        let mut time = SteadyTime::default();
        time.hear(Timestamp(10 * HOUR));
        assert_eq!(time.hear(Timestamp(9 * HOUR)), Timestamp(10 * HOUR));
        assert_eq!(time.hear(Timestamp(9 * HOUR + 5_000)), Timestamp(10 * HOUR + 5_000));
        assert_eq!(time.told(Timestamp(10 * HOUR + 5_000)), Timestamp(9 * HOUR + 5_000));
        let ahead = time.hear(Timestamp(20 * HOUR));
        assert_eq!(ahead, Timestamp(10 * HOUR + 5_000 + 10_000));
    }

    #[test]
    fn a_minute_set_forward_is_no_minute_of_calm() {
        let given = super::super::parameters::Parameters::default();
        assert!(STEP_MS_MAX * 4 < given.calm_ms.min(given.clean_ms).min(given.dwell_ms * 2));
        let mut time = SteadyTime::default();
        time.hear(Timestamp(HOUR));
        let steady = time.hear(Timestamp(HOUR + 61_000));
        assert_eq!(steady, Timestamp(HOUR + 10_000));
    }

    #[test]
    fn a_little_disorder_is_no_jump_and_adds_nothing() {
        let mut time = SteadyTime::default();
        time.hear(Timestamp(5_000));
        for _ in 0..100 {
            assert_eq!(time.hear(Timestamp(4_500)), Timestamp(4_500));
            assert_eq!(time.hear(Timestamp(5_000)), Timestamp(5_000));
        }
    }

    proptest! {
        #[test]
        fn steady_time_passes_as_long_as_the_clock_says_or_a_step_at_most(
            steps in proptest::collection::vec(
                (0_i64..2_000, -2 * HOUR..2 * HOUR, any::<bool>()),
                1..80,
            )
        ) {
            let mut time = SteadyTime::default();
            let (mut told, mut truth) = (10 * HOUR, 0);
            let first = time.hear(Timestamp(told));
            for (passed, jump, jumps) in steps {
                let jump = if jumps && jump.abs() > 10_000 { jump } else { 0 };
                told += passed + jump;
                truth += passed;
                let steady = time.hear(Timestamp(told));
                let lasted = steady.0 - first.0;
                // Each jump may add one step, and hide what passed since the last word.
                prop_assert!(lasted >= 0 && lasted <= truth + 80 * 10_000, "{lasted} of {truth}");
                prop_assert_eq!(time.told(steady), Timestamp(told));
            }
        }
    }
}
