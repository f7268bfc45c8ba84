//! Our own lag: a hub that does not get the processor hears answers late, and times out calls that
//! were answered. That is no evidence about anybody.
//!
//! Not our own line: a line that is cut fails while we are on time. Invariant: as long as beats
//! come on time, or none ever came, nothing is excused.

use crate::time::Timestamp;

/// Between two beats, in milliseconds.
pub const BEAT_MS: u64 = 2_000;
/// A beat that comes by so much later shows that we were late.
const LATE_MS_MIN: u64 = 2_000;

/// When the last beat came, and when we were last late.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lag {
    beat_at: Option<Timestamp>,
    /// Calls that left before this moment waited for us as well.
    late_until: Option<Timestamp>,
}

impl Lag {
    pub(super) fn beat(&mut self, now: Timestamp) {
        if self.is_late(now) {
            self.late_until = Some(now);
        }
        self.beat_at = Some(now);
    }

    /// Whether a failure of a call that left then and failed now may be ours.
    pub(super) fn excuses(&self, began_at: Timestamp, now: Timestamp) -> bool {
        self.is_late(now) || self.late_until.is_some_and(|late| began_at < late)
    }

    /// A beat is missing. It may be that the loop of beats runs after those it is to warn.
    fn is_late(&self, now: Timestamp) -> bool {
        self.beat_at.is_some_and(|beat| now.ms_since(beat) >= BEAT_MS + LATE_MS_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp(ms)
    }

    #[test]
    fn who_never_heard_a_beat_excuses_nothing() {
        assert!(!Lag::default().excuses(at(0), at(3_600_000)));
    }

    #[test]
    fn only_calls_that_were_under_way_while_we_were_late_are_excused() {
        let mut lag = Lag::default();
        (0..=10).for_each(|beat| lag.beat(at(beat * 2_000)));
        for (began, now, excused, why) in [
            (19_000, 21_000, false, "on time"),
            (19_000, 23_999, false, "a beat that is a little late"),
            (19_000, 24_000, true, "the beat is missing, whoever runs first"),
        ] {
            assert_eq!(lag.excuses(at(began), at(now)), excused, "{why}");
        }
        lag.beat(at(30_000));
        for (began, now, excused, why) in [
            (29_999, 31_000, true, "it left before we were back"),
            (30_000, 31_000, false, "it left after"),
        ] {
            assert_eq!(lag.excuses(at(began), at(now)), excused, "{why}");
        }
    }

    proptest! {
        #[test]
        fn beats_on_time_excuse_nothing(
            gaps in proptest::collection::vec(1_u64..4_000, 1..100),
            took in 0_i64..60_000,
        ) {
            let (mut lag, mut now) = (Lag::default(), at(1_000_000));
            for gap in gaps {
                now = now.plus_ms(gap);
                prop_assert!(!lag.excuses(at(now.0 - took), now));
                lag.beat(now);
            }
        }
    }
}
