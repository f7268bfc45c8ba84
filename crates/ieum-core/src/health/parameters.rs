//! What the detector is set to, each default with its reason. Not how evidence is counted: that is
//! in `sum.rs`.
//!
//! Everything is a whole number (per mille, milliseconds, thousandths of a nat), so that the same
//! evidence gives the same sums on every machine. Invariant: [`Weights::of`] is the only place
//! that sees a logarithm, and it rounds at once.

use serde::{Deserialize, Serialize};

/// How often something fails when all is well, and when it is sick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odds {
    /// Failures in a thousand while the cell is well.
    pub well_permille: u32,
    /// Failures in a thousand while it is sick.
    pub sick_permille: u32,
}

/// What one piece of evidence adds to a sum, in thousandths of a nat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weights {
    /// For a failure; positive.
    pub bad: i64,
    /// For a success; negative.
    pub good: i64,
}

impl Weights {
    /// The logarithms of the likelihood ratios, rounded to thousandths.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "at most 7,000 either way, see the clamp")]
    pub fn of(odds: Odds) -> Self {
        let [well, sick] =
            [odds.well_permille, odds.sick_permille].map(|p| f64::from(p.clamp(1, 999)) / 1_000.0);
        let milli = |ratio: f64| (ratio.ln() * 1_000.0).round() as i64;
        Self { bad: milli(sick / well), good: milli((1.0 - sick) / (1.0 - well)) }
    }
}

macro_rules! odds {
    ($well:literal, $sick:literal) => {
        Odds { well_permille: $well, sick_permille: $sick }
    };
}

/// All of it. Times in milliseconds, sums in thousandths of a nat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// Canaries, hard: a round trip over people's own apps fails now and then (5 %), and hardly
    /// any survives an outage (70 %).
    pub canary: Odds,
    /// Sends, hard: our own calls fail less (2 %), and half of them is an outage.
    pub send: Odds,
    /// Pulses: a cheap call that fails says as much as a send.
    pub pulse: Odds,
    /// Receipts, as the trace of a black hole.
    pub receipt: Odds,
    /// Canaries, slow: 3 → 20 %.
    pub canary_slow: Odds,
    /// Sends, slow: 1 → 8 %, the share of the smallest outage that was ever published.
    pub send_slow: Odds,
    /// Receipts, slow. They are asked only of people who confirmed something lately, so that fewer
    /// than three in a thousand are missing in good times.
    pub receipt_slow: Odds,
    /// Canaries alone mean down: four failures in a row, from at least two pairs.
    pub canaries_trip_milli: i64,
    /// Sends alone mean down: four failures in a row, on at least two routes.
    pub sends_trip_milli: i64,
    /// Two kinds that agree mean down at this much of each.
    pub together_trip_milli: i64,
    /// What sends need when pulses agree with them: three failures. More than between two kinds of
    /// real traffic, because a login page can be down for an hour while messages pass.
    pub sends_with_pulses_trip_milli: i64,
    /// The slow sum that means degraded.
    pub slow_trip_milli: i64,
    /// Pulses alone: degraded; down for functions that have no other evidence.
    pub pulses_trip_milli: i64,
    /// A hard sum must stand for this long since it left zero, or be twice its threshold: a hiccup
    /// of two or three seconds is over by then. Four seconds are half of what there is to find an
    /// outage in.
    pub settle_ms: u64,
    /// The slow sum when only one source failed must have grown over this long: one phone in a
    /// lift is no outage, one that fails steadily is a share of one.
    pub alone_ms: u64,
    /// Failures in a row of one pair that count; afterwards it is the pair that is broken. Eight:
    /// enough for a single pair to show a partial outage, and no more.
    pub pair_row_max: u32,
    /// Failures in a row of one route that count; the route has its own rule by then.
    pub route_row_max: u32,
    /// A success that took longer than this counts as a failure in the slow sum.
    pub slow_answer_ms: u32,
    /// A sum that heard nothing for this long starts again: two failures hours apart do not add up.
    pub stale_ms: u64,
    /// Above one piece of evidence a second, thresholds grow by the logarithm of the rate: a
    /// busy hub has more chances for a coincidence, and loses no time by it.
    pub rate_raises_trips: bool,

    /// Reports by independent people within this window count together. Half an hour: few people
    /// say so at all.
    pub reports_window_ms: u64,
    /// So many of them mean degraded.
    pub reports_trip: u32,
    /// What one report adds to a hard sum; all of them together at most a third of its threshold.
    pub report_milli: i64,

    /// Arrivals in a thousand that are left in an outage, for the sum over silence.
    pub inbound_left_permille: u32,
    /// Chat comes in bursts: so many messages carry the evidence of one independent arrival.
    pub inbound_burst: u32,
    /// The sum over silence that means degraded.
    pub inbound_trip_milli: i64,

    /// How far back a witness for our own line is heard.
    pub witness_window_ms: u64,
    /// How long a turn waits for any witness before it goes without: more than a call may hang.
    pub witness_wait_ms: u64,
    /// Failures this long after our own line came back belong to calls that left before.
    pub own_tail_ms: u64,

    /// How long the sums must be low before degraded ends.
    pub calm_ms: u64,
    /// Good signs in a row before traffic returns.
    pub goods_min: u32,
    /// How long nothing may have failed before traffic returns. A minute, and five seconds for the
    /// pace at which we look.
    pub clean_ms: u64,
    /// How long each step of the return lasts; doubled by each relapse.
    pub dwell_ms: u64,
    /// The longest step.
    pub dwell_ms_max: u64,
    /// A relapse is forgotten after this long up.
    pub relapse_ms: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            canary: odds!(50, 700),
            send: odds!(20, 500),
            pulse: odds!(20, 500),
            receipt: odds!(20, 500),
            canary_slow: odds!(30, 200),
            send_slow: odds!(10, 80),
            receipt_slow: odds!(3, 80),
            canaries_trip_milli: 9_000,
            sends_trip_milli: 12_000,
            together_trip_milli: 6_000,
            sends_with_pulses_trip_milli: 8_000,
            slow_trip_milli: 7_000,
            pulses_trip_milli: 12_000,
            settle_ms: 4_000,
            alone_ms: 20_000,
            pair_row_max: 8,
            route_row_max: 3,
            slow_answer_ms: 8_000,
            stale_ms: 900_000,
            rate_raises_trips: true,
            reports_window_ms: 1_800_000,
            reports_trip: 3,
            report_milli: 1_000,
            inbound_left_permille: 200,
            inbound_burst: 4,
            inbound_trip_milli: 7_000,
            witness_window_ms: 30_000,
            witness_wait_ms: 20_000,
            own_tail_ms: 12_000,
            calm_ms: 60_000,
            goods_min: 10,
            clean_ms: 65_000,
            dwell_ms: 30_000,
            dwell_ms_max: 480_000,
            relapse_ms: 1_800_000,
        }
    }
}

/// The parameters with their weights worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tuned {
    pub(super) given: Parameters,
    pub(super) canary: Weights,
    pub(super) send: Weights,
    pub(super) pulse: Weights,
    pub(super) receipt: Weights,
    pub(super) canary_slow: Weights,
    pub(super) send_slow: Weights,
    pub(super) receipt_slow: Weights,
}

impl Tuned {
    pub(super) fn of(given: Parameters) -> Self {
        Self {
            canary: Weights::of(given.canary),
            send: Weights::of(given.send),
            pulse: Weights::of(given.pulse),
            receipt: Weights::of(given.receipt),
            canary_slow: Weights::of(given.canary_slow),
            send_slow: Weights::of(given.send_slow),
            receipt_slow: Weights::of(given.receipt_slow),
            given,
        }
    }
}

/// The share of traffic that each step of the return carries, per mille (DESIGN §6.8).
pub const RAMP_PERMILLE: [u32; 3] = [10, 50, 250];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_the_logarithms_of_the_design_to_the_thousandth() {
        let parameters = Parameters::default();
        for (odds, bad, good) in [
            (parameters.canary, 2_639, -1_153),
            (parameters.send, 3_219, -673),
            (parameters.canary_slow, 1_897, -193),
            (parameters.send_slow, 2_079, -73),
            (parameters.receipt_slow, 3_283, -80),
        ] {
            assert_eq!(Weights::of(odds), Weights { bad, good }, "{odds:?}");
        }
    }

    #[test]
    fn odds_at_the_edge_stay_finite() {
        let edge = Weights::of(Odds { well_permille: 0, sick_permille: 1_000 });
        assert_eq!(edge, Weights { bad: 6_907, good: -6_907 });
    }

    #[test]
    fn four_failures_of_a_kind_trip_and_three_do_not() {
        let parameters = Parameters::default();
        for (odds, trip) in [
            (parameters.canary, parameters.canaries_trip_milli),
            (parameters.send, parameters.sends_trip_milli),
            (parameters.canary_slow, parameters.slow_trip_milli),
        ] {
            let bad = Weights::of(odds).bad;
            assert!(4 * bad >= trip && 3 * bad < trip, "{odds:?}");
        }
    }
}
