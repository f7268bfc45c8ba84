//! How much people write at which hour of the week, learned, and what silence then says.
//!
//! It holds counts only; what they mean is the detector's. Invariant: an hour that was never seen
//! expects nothing, so that a new hub never calls silence an outage.

use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Hours of a week.
const HOURS: usize = 168;
const HOUR_MS: i64 = 3_600_000;
/// Weeks that must have been seen before an hour's rate counts.
const WEEKS_MIN: u32 = 2;
/// How much a new week weighs: one part in four, so that a month is remembered.
const NEW_WEEK_PARTS: u64 = 4;

/// One hour of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
struct Hour {
    /// Messages in that hour, in thousandths.
    #[n(0)]
    milli: u64,
    /// Weeks in which it was seen.
    #[n(1)]
    weeks: u32,
}

/// The rhythm of a cell's arrivals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Rhythm {
    #[n(0)]
    hours: Vec<Hour>,
    #[n(1)]
    present: Option<i64>,
    #[n(2)]
    came: u64,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { hours: vec![Hour::default(); HOURS], present: None, came: 0 }
    }
}

impl Rhythm {
    /// Counts arrivals. An hour is learned when it is over, and only if it was watched whole;
    /// hours of an outage should not be counted at all ([`Rhythm::skip`]).
    pub fn count(&mut self, came: u32, at: Timestamp) {
        let hour = at.0.div_euclid(HOUR_MS);
        if self.present != Some(hour) {
            self.learn(hour);
        }
        self.came += u64::from(came);
    }

    /// Leaves the present hour out: it is no ordinary one.
    pub fn skip(&mut self) {
        self.present = None;
        self.came = 0;
    }

    fn learn(&mut self, hour: i64) {
        if let Some(over) = self.present.replace(hour)
            && let Some(known) = self.hours.get_mut(slot(over))
        {
            let milli = self.came * 1_000;
            known.milli = if known.weeks == 0 {
                milli
            } else {
                (known.milli * (NEW_WEEK_PARTS - 1) + milli) / NEW_WEEK_PARTS
            };
            known.weeks = known.weeks.saturating_add(1);
        }
        self.came = 0;
    }

    /// How many thousandths of a message `span_ms` that end at `at` should bring.
    #[must_use]
    pub fn expected_milli(&self, at: Timestamp, span_ms: u64) -> u64 {
        let known = self.hours.get(slot(at.0.div_euclid(HOUR_MS)));
        let known = known.filter(|hour| hour.weeks >= WEEKS_MIN);
        known.map_or(0, |hour| hour.milli.saturating_mul(span_ms) / HOUR_MS.unsigned_abs())
    }
}

fn slot(hour: i64) -> usize {
    usize::try_from(hour.rem_euclid(168)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK_MS: i64 = 168 * HOUR_MS;

    fn weeks(number: i64, came: u32) -> Rhythm {
        let mut rhythm = Rhythm::default();
        for week in 0..number {
            rhythm.count(came, Timestamp(week * WEEK_MS));
            rhythm.count(0, Timestamp(week * WEEK_MS + HOUR_MS));
        }
        rhythm
    }

    #[test]
    fn an_hour_counts_after_two_weeks_and_only_that_hour() {
        let at = Timestamp(5 * WEEK_MS);
        assert_eq!(weeks(1, 60).expected_milli(at, 60_000), 0);
        assert_eq!(weeks(2, 60).expected_milli(at, 60_000), 1_000);
        assert_eq!(weeks(2, 60).expected_milli(Timestamp(at.0 + 2 * HOUR_MS), 60_000), 0);
    }

    #[test]
    fn a_new_week_weighs_a_quarter() {
        let mut rhythm = weeks(2, 60);
        rhythm.count(120, Timestamp(2 * WEEK_MS));
        rhythm.count(0, Timestamp(2 * WEEK_MS + HOUR_MS));
        assert_eq!(rhythm.expected_milli(Timestamp(3 * WEEK_MS), 3_600_000), 75_000);
    }

    #[test]
    fn an_hour_of_an_outage_is_left_out() {
        let mut rhythm = weeks(2, 60);
        rhythm.count(1, Timestamp(2 * WEEK_MS));
        rhythm.skip();
        rhythm.count(0, Timestamp(2 * WEEK_MS + HOUR_MS));
        assert_eq!(rhythm.expected_milli(Timestamp(3 * WEEK_MS), 3_600_000), 60_000);
    }
}
