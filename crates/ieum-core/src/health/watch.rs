//! The evidence of one cell: its sums, who failed lately, and which rule they would fire.
//!
//! It changes no state; that is `turn.rs`. Invariant: failures of one source alone never make the
//! cell down, however many they are.

use super::evidence::{Evidence, Kind, Rule, Sign, Source, Sums};
use super::parameters::{Tuned, Weights};
use super::sum::Sum;
use super::{Cell, Function};
use crate::ids::PersonId;
use crate::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Sources whose last failure is remembered.
const SOURCES_MAX: usize = 256;
/// Pieces of evidence that a change of state keeps.
pub(super) const KEPT_MAX: usize = 12;
/// People whose report is remembered.
const REPORTERS_MAX: usize = 10_000;
/// Sources that a rule about a whole cell asks for.
const SOURCES_MIN: usize = 2;
/// How far the slow sums grow beyond their threshold, and hard ones beyond twice theirs.
const SLOW_BEYOND_MILLI: i64 = 4_000;
const HARD_BEYOND_MILLI: i64 = 6_000;
/// Recipients without a receipt that make a black hole.
const RECIPIENTS_MIN: usize = 3;

#[derive(Debug, Clone, Copy, Default)]
struct Failing {
    row: u32,
    last: Timestamp,
}

/// All that was seen of a cell and still counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    canaries: Sum,
    sends: Sum,
    pulses: Sum,
    receipts: Sum,
    slow: Sum,
    /// The slow one of receipts: canaries that pass must not outvote it, they go other ways.
    unconfirmed: Sum,
    silence: Sum,
    failing: BTreeMap<(Kind, Source), Failing>,
    reports: BTreeMap<PersonId, Timestamp>,
    bads: VecDeque<Evidence>,
    goods: VecDeque<Evidence>,
}

impl Watch {
    /// Takes a success in.
    pub(super) fn good(&mut self, evidence: &Evidence, tuned: &Tuned) {
        let slow_max = tuned.given.slow_trip_milli + SLOW_BEYOND_MILLI;
        let ((weights, sum, _), slow) = self.sums(evidence.kind, tuned);
        sum.forget_stale(evidence.at, tuned.given.stale_ms);
        sum.good(weights, evidence.at);
        let crawling = evidence.latency_ms > tuned.given.slow_answer_ms;
        match slow {
            Some(weights) if crawling => {
                let times = (evidence.at, evidence.at);
                self.slow_of(evidence.kind).bad(
                    weights,
                    ((evidence.kind, evidence.id), times),
                    slow_max,
                );
            }
            Some(weights) => self.slow_of(evidence.kind).good(weights, evidence.at),
            None => {}
        }
        if let Some(failing) = self.failing.get_mut(&(evidence.kind, evidence.source)) {
            failing.row = 0;
        }
        keep(&mut self.goods, *evidence);
    }

    /// Takes a failure in; false when it is the source that is broken, and counts no more.
    pub(super) fn bad(&mut self, evidence: &Evidence, tuned: &Tuned) -> bool {
        let counts = self.fails_again(evidence, tuned);
        if counts {
            // What was waited for in vain began to fail when it was sent.
            let sent = evidence.at.0.saturating_sub(i64::from(evidence.latency_ms));
            let key = ((evidence.kind, evidence.id), (evidence.at, Timestamp(sent)));
            let slow_max = tuned.given.slow_trip_milli + SLOW_BEYOND_MILLI;
            let ((weights, sum, trip), slow) = self.sums(evidence.kind, tuned);
            sum.forget_stale(evidence.at, tuned.given.stale_ms);
            sum.bad(weights, key, trip * 2 + HARD_BEYOND_MILLI);
            if let Some(weights) = slow {
                let sum = self.slow_of(evidence.kind);
                sum.forget_stale(evidence.at, tuned.given.stale_ms);
                sum.bad(weights, key, slow_max);
            }
            keep(&mut self.bads, *evidence);
        }
        counts
    }

    /// Gives the penalty back for what arrived after all.
    pub(super) fn late(&mut self, evidence: &Evidence) {
        let id = (evidence.kind, evidence.id);
        self.sum_of(evidence.kind).refund(id);
        self.slow_of(evidence.kind).refund(id);
        if let Some(failing) = self.failing.get_mut(&(evidence.kind, evidence.source)) {
            failing.row = 0;
        }
        keep(&mut self.bads, *evidence);
    }

    /// Takes in how many people wrote in a span where `expected_milli` thousandths of a message
    /// were expected, by the logarithm of a Poisson ratio.
    pub(super) fn silence(&mut self, came: u32, expected_milli: u64, at: Timestamp, tuned: &Tuned) {
        let given = &tuned.given;
        let left = i64::from(given.inbound_left_permille.clamp(1, 999));
        let expected = i64::try_from(expected_milli).unwrap_or(i64::MAX).min(100_000);
        let for_outage = expected * (1_000 - left) / 1_000;
        let per_arrival = Weights::of(super::parameters::Odds {
            well_permille: 999,
            sick_permille: given.inbound_left_permille,
        });
        let against = i64::from(came.min(10_000)) * per_arrival.bad;
        let milli = (for_outage + against) / i64::from(given.inbound_burst.max(1));
        self.silence.add(milli, at, given.inbound_trip_milli + SLOW_BEYOND_MILLI);
    }

    /// Takes a person's report in.
    pub(super) fn report(&mut self, person: PersonId, at: Timestamp, tuned: &Tuned) {
        let window = tuned.given.reports_window_ms;
        self.reports.retain(|_, reported| at.ms_since(*reported) <= window);
        if self.reports.len() < REPORTERS_MAX {
            self.reports.insert(person, at);
        }
    }

    /// Who reported within the window.
    pub(super) fn reporters(&self, now: Timestamp, tuned: &Tuned) -> Vec<PersonId> {
        let window = tuned.given.reports_window_ms;
        let fresh = |at: &Timestamp| now.ms_since(*at) <= window;
        self.reports.iter().filter(|(_, at)| fresh(at)).map(|(person, _)| *person).collect()
    }

    /// The rule by which the cell is down, if one fires; `part` divides the thresholds.
    pub(super) fn down_by(
        &self,
        cell: Cell,
        now: Timestamp,
        part: i64,
        tuned: &Tuned,
    ) -> Option<Rule> {
        let given = &tuned.given;
        let reports = self.reports_milli(now, tuned);
        let over = |sum: &Sum, trip: i64| {
            let trip = sum.raised(trip, given.rate_raises_trips) / part;
            let milli = sum.milli() + reports.min(trip / 3);
            let stands = |onset| now.ms_since(onset) >= given.settle_ms || milli >= 2 * trip;
            milli >= trip && sum.onset().is_some_and(stands)
        };
        let several = |kind, sum: &Sum| self.sources(kind, sum.onset()) >= SOURCES_MIN;
        let canaries = &self.canaries;
        if over(canaries, given.canaries_trip_milli) && several(Kind::Canary, canaries) {
            return Some(Rule::Canaries);
        }
        if over(&self.sends, given.sends_trip_milli) && several(Kind::Send, &self.sends) {
            return Some(Rule::Sends);
        }
        let together = given.together_trip_milli;
        let canaries_agree = over(canaries, together);
        let sends_agree = over(&self.sends, together);
        let receipts_agree = over(&self.receipts, together);
        let pulses_agree = over(&self.pulses, together);
        let agreed = canaries_agree && (sends_agree || receipts_agree)
            || sends_agree && receipts_agree
            || canaries_agree && pulses_agree && several(Kind::Canary, canaries)
            || pulses_agree && over(&self.sends, given.sends_with_pulses_trip_milli);
        if agreed {
            return Some(Rule::Together);
        }
        let only_pulses = cell.function != Function::Send;
        (only_pulses && over(&self.pulses, given.pulses_trip_milli)).then_some(Rule::Pulses)
    }

    /// The rule by which the cell is degraded, if one fires.
    pub(super) fn degraded_by(&self, now: Timestamp, tuned: &Tuned) -> Option<Rule> {
        let given = &tuned.given;
        let raises = given.rate_raises_trips;
        let over = |sum: &Sum, trip: i64| sum.milli() >= sum.raised(trip, raises);
        if self.reporters(now, tuned).len() >= count(given.reports_trip) {
            return Some(Rule::Reports);
        }
        let slow = |sum: &Sum| {
            over(sum, given.slow_trip_milli) && self.not_one_alone(sum.onset(), now, tuned)
        };
        if slow(&self.slow) {
            return Some(Rule::Slow);
        }
        if slow(&self.unconfirmed) {
            return Some(Rule::Receipts);
        }
        let recipients = || self.sources(Kind::Receipt, self.receipts.onset());
        if over(&self.receipts, given.sends_trip_milli) && recipients() >= RECIPIENTS_MIN {
            return Some(Rule::Receipts);
        }
        if over(&self.pulses, given.pulses_trip_milli) {
            return Some(Rule::Pulses);
        }
        over(&self.silence, given.inbound_trip_milli).then_some(Rule::Silence)
    }

    /// Whether nothing speaks against the cell any more.
    pub(super) fn is_calm(&self, now: Timestamp, tuned: &Tuned) -> bool {
        let given = &tuned.given;
        let low = |sum: &Sum, trip: i64| sum.milli() < trip / 4;
        low(&self.canaries, given.canaries_trip_milli)
            && low(&self.sends, given.sends_trip_milli)
            && low(&self.pulses, given.pulses_trip_milli)
            && low(&self.receipts, given.sends_trip_milli)
            && low(&self.slow, given.slow_trip_milli)
            && low(&self.unconfirmed, given.slow_trip_milli)
            && low(&self.silence, given.inbound_trip_milli)
            && self.reporters(now, tuned).len() < count(given.reports_trip)
    }

    /// Lets sums that heard nothing for long start again.
    pub(super) fn age(&mut self, now: Timestamp, tuned: &Tuned) {
        for sum in self.all_sums() {
            sum.forget_stale(now, tuned.given.stale_ms);
        }
    }

    /// Forgets everything that the sums hold; who is broken stays known.
    pub(super) fn reset(&mut self) {
        for sum in self.all_sums() {
            sum.reset();
        }
        self.silence.reset();
    }

    /// The sums as they are kept with a change.
    pub(super) fn figures(&self, now: Timestamp, tuned: &Tuned) -> Sums {
        Sums {
            canaries: self.canaries.milli(),
            sends: self.sends.milli(),
            pulses: self.pulses.milli(),
            receipts: self.receipts.milli(),
            slow: self.slow.milli().max(self.unconfirmed.milli()),
            silence: self.silence.milli(),
            reports: self.reports_milli(now, tuned),
        }
    }

    /// When the oldest sum that is not at zero left it.
    pub(super) fn onset(&self) -> Option<Timestamp> {
        let hard = [&self.canaries, &self.sends, &self.pulses, &self.receipts];
        let sums = hard.into_iter().chain([&self.slow, &self.unconfirmed]);
        sums.filter_map(Sum::onset).min()
    }

    /// Since when receipts are missing, when that is no accident any more.
    pub(super) fn doubtful_since(&self, tuned: &Tuned) -> Option<Timestamp> {
        let much = self.receipts.milli() >= tuned.given.together_trip_milli;
        self.receipts.onset().filter(|_| much)
    }

    /// When the last but one failure was seen: witnesses must have answered since.
    pub(super) fn turned_at(&self) -> Option<Timestamp> {
        let bads = self.bads.iter().rev().filter(|bad| bad.sign == Sign::Bad);
        bads.map(|bad| bad.at).take(2).last()
    }

    /// When the newest failure was seen that counted.
    pub(super) fn last_bad(&self) -> Option<Timestamp> {
        self.bads.iter().rev().find(|bad| bad.sign == Sign::Bad).map(|bad| bad.at)
    }

    /// The newest failures, or with `good` the newest good signs, oldest first.
    pub(super) fn kept(&self, good: bool) -> Vec<Evidence> {
        let kept = if good { &self.goods } else { &self.bads };
        kept.iter().copied().collect()
    }

    /// How many sources failed since the onset.
    pub(super) fn sources_failing(&self) -> usize {
        let onset = self.onset();
        [Kind::Send, Kind::Canary, Kind::Pulse, Kind::Receipt]
            .into_iter()
            .map(|kind| self.sources(kind, onset))
            .sum()
    }

    /// Whether a source failed so often in a row that it is the source, if others of its kind work.
    pub(super) fn is_broken(&self, kind: Kind, source: Source, tuned: &Tuned) -> bool {
        let row = self.failing.get(&(kind, source)).map_or(0, |failing| failing.row);
        let alone = |(other, _): &(Kind, Source)| *other == kind;
        let others = self.failing.iter().filter(|(key, failing)| alone(key) && failing.row > 0);
        row >= row_max(kind, tuned) && others.count() <= 1
    }

    fn fails_again(&mut self, evidence: &Evidence, tuned: &Tuned) -> bool {
        let key = (evidence.kind, evidence.source);
        if self.failing.len() >= SOURCES_MAX && !self.failing.contains_key(&key) {
            let oldest = self.failing.iter().min_by_key(|(_, failing)| failing.last);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.failing.remove(&oldest);
            }
        }
        let failing = self.failing.entry(key).or_default();
        failing.row = failing.row.saturating_add(1);
        let counts = failing.row <= row_max(evidence.kind, tuned);
        if counts {
            failing.last = evidence.at;
        }
        counts
    }

    fn sources(&self, kind: Kind, since: Option<Timestamp>) -> usize {
        let Some(since) = since else { return 0 };
        let of_kind = self.failing.iter().filter(|((other, _), _)| *other == kind);
        of_kind.filter(|(_, failing)| failing.last >= since).count()
    }

    fn not_one_alone(&self, onset: Option<Timestamp>, now: Timestamp, tuned: &Tuned) -> bool {
        let Some(onset) = onset else { return false };
        if now.ms_since(onset) < tuned.given.settle_ms {
            return false;
        }
        let several = self.failing.values().filter(|failing| failing.last >= onset).count();
        several >= SOURCES_MIN || now.ms_since(onset) >= tuned.given.alone_ms
    }

    fn reports_milli(&self, now: Timestamp, tuned: &Tuned) -> i64 {
        let reporters = i64::try_from(self.reporters(now, tuned).len()).unwrap_or(i64::MAX);
        reporters.saturating_mul(tuned.given.report_milli)
    }

    fn sum_of(&mut self, kind: Kind) -> &mut Sum {
        match kind {
            Kind::Send => &mut self.sends,
            Kind::Canary => &mut self.canaries,
            Kind::Pulse => &mut self.pulses,
            Kind::Receipt => &mut self.receipts,
        }
    }

    fn slow_of(&mut self, kind: Kind) -> &mut Sum {
        if kind == Kind::Receipt { &mut self.unconfirmed } else { &mut self.slow }
    }

    /// The hard sum of a kind with its weights and threshold, and its weights in the slow sum.
    fn sums(&mut self, kind: Kind, tuned: &Tuned) -> ((Weights, &mut Sum, i64), Option<Weights>) {
        let given = &tuned.given;
        let (weights, trip, slow) = match kind {
            Kind::Send => (tuned.send, given.sends_trip_milli, Some(tuned.send_slow)),
            Kind::Canary => (tuned.canary, given.canaries_trip_milli, Some(tuned.canary_slow)),
            Kind::Pulse => (tuned.pulse, given.pulses_trip_milli, None),
            Kind::Receipt => (tuned.receipt, given.sends_trip_milli, Some(tuned.receipt_slow)),
        };
        ((weights, self.sum_of(kind), trip), slow)
    }

    fn all_sums(&mut self) -> [&mut Sum; 6] {
        let Self { canaries, sends, pulses, receipts, slow, unconfirmed, .. } = self;
        [canaries, sends, pulses, receipts, slow, unconfirmed]
    }
}

fn row_max(kind: Kind, tuned: &Tuned) -> u32 {
    match kind {
        Kind::Canary => tuned.given.pair_row_max,
        Kind::Send | Kind::Receipt => tuned.given.route_row_max,
        Kind::Pulse => u32::MAX,
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn keep(kept: &mut VecDeque<Evidence>, evidence: Evidence) {
    if kept.len() == KEPT_MAX {
        kept.pop_front();
    }
    kept.push_back(evidence);
}
