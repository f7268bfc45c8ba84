//! Who judges: our detector and the usual ones that it is measured against.
//!
//! All of them are told the same things; each makes of it what its kind does. Invariant: a judge
//! knows nothing of the world but what it was told, except the oracle.

use super::baseline::{Consecutive, Fixed, Phi, Rolling};
use ieum_core::health::cadence::Suspicion;
use ieum_core::health::detector::Detector;
use ieum_core::health::evidence::{Evidence, Sign, Source};
use ieum_core::health::parameters::Parameters;
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::ids::PersonId;
use ieum_core::network::Network;
use ieum_core::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A judge with its setting.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Setting {
    /// Ours, with all thresholds multiplied; with lower ones it also waits less.
    Ours {
        /// In hundredths.
        percent: u32,
    },
    /// So many windows in a row in which at least half failed.
    Fixed {
        /// Seconds of a window.
        window_s: u32,
        /// How many.
        times: u32,
    },
    /// Failures in a row of a source eject it; half of the sources ejected is down.
    Consecutive {
        /// How many.
        failures: u32,
    },
    /// Phi accrual over the successes (Hayashibara and others 2004).
    Phi {
        /// The threshold.
        phi: u32,
    },
    /// A rolling window of ten seconds: so much volume, such a share of failures.
    Rolling {
        /// Pieces of evidence at least.
        volume: u32,
        /// Failures in a hundred.
        percent: u32,
    },
    /// Knows the truth and says it a second later.
    Oracle,
}

impl Setting {
    /// The kind's name in tables.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Ours { .. } => "ours",
            Self::Fixed { .. } => "fixed",
            Self::Consecutive { .. } => "consecutive",
            Self::Phi { .. } => "phi",
            Self::Rolling { .. } => "rolling",
            Self::Oracle => "oracle",
        }
    }

    /// How it is set, in short.
    pub(super) fn words(self) -> String {
        match self {
            Self::Ours { percent } => format!("x{}.{:02}", percent / 100, percent % 100),
            Self::Fixed { window_s, times } => format!("{window_s} s x {times}"),
            Self::Consecutive { failures } => format!("{failures} in a row"),
            Self::Phi { phi } => format!("phi {phi}"),
            Self::Rolling { volume, percent } => format!("{percent} % of {volume}"),
            Self::Oracle => "+1 s".to_owned(),
        }
    }

    /// All that are compared: ours first, the usual settings among them.
    pub(super) fn all() -> Vec<Self> {
        let ours = [10, 25, 50, 75, 100, 150, 200].map(|percent| Self::Ours { percent });
        let fixed = [(10, 1), (10, 2), (30, 2), (60, 1), (60, 2), (60, 3)]
            .map(|(window_s, times)| Self::Fixed { window_s, times });
        let consecutive = [2, 3, 4, 5, 7].map(|failures| Self::Consecutive { failures });
        let phi = [1, 2, 3, 5, 8, 12].map(|phi| Self::Phi { phi });
        let rolling = [(3, 50), (5, 50), (10, 50), (20, 50), (5, 30), (10, 80)]
            .map(|(volume, percent)| Self::Rolling { volume, percent });
        let usual = [&fixed[..], &consecutive, &phi, &rolling].concat();
        [&ours[..], &usual, &[Self::Oracle]].concat()
    }

    /// Made ready to judge; `truth` is for the oracle alone.
    pub(super) fn judge(self, truth: &BTreeMap<Network, Vec<(u64, u64)>>) -> Box<dyn Judge> {
        match self {
            Self::Ours { percent } => Box::new(Ours(Detector::new(scaled(percent)))),
            Self::Fixed { window_s, times } => {
                let window_ms = u64::from(window_s) * 1_000;
                Box::new(PerCell::new(move || Box::new(Fixed::new(window_ms, times))))
            }
            Self::Consecutive { failures } => {
                Box::new(PerCell::new(move || Box::new(Consecutive::new(failures))))
            }
            Self::Phi { phi } => Box::new(PerCell::new(move || Box::new(Phi::new(phi)))),
            Self::Rolling { volume, percent } => {
                Box::new(PerCell::new(move || Box::new(Rolling::new(volume, percent))))
            }
            Self::Oracle => Box::new(Oracle { truth: truth.clone(), now_ms: 0 }),
        }
    }
}

fn scaled(percent: u32) -> Parameters {
    let mut scaled = Parameters::default();
    let trips = [
        &mut scaled.canaries_trip_milli,
        &mut scaled.sends_trip_milli,
        &mut scaled.together_trip_milli,
        &mut scaled.sends_with_pulses_trip_milli,
        &mut scaled.slow_trip_milli,
        &mut scaled.pulses_trip_milli,
    ];
    for trip in trips {
        *trip = *trip * i64::from(percent) / 100;
    }
    let shorter = u64::from(percent.min(100));
    scaled.settle_ms = scaled.settle_ms * shorter / 100;
    scaled.alone_ms = scaled.alone_ms * shorter / 100;
    scaled
}

/// Is told evidence and says what works.
pub(super) trait Judge {
    /// A piece of evidence.
    fn take(&mut self, evidence: &Evidence);
    /// A second passed.
    fn tick(&mut self, now: Timestamp);
    /// What it holds of a network.
    fn state(&self, network: Network) -> CellState;
    /// The share of a network's traffic that it lets go, per mille.
    fn share_permille(&self, network: Network) -> u32 {
        if self.state(network) == CellState::Down { 0 } else { 1_000 }
    }
    /// Whether a control host answered.
    fn control(&mut self, _host: u32, _good: bool, _at: Timestamp) {}
    /// How many people wrote, and how many thousandths were expected.
    fn inbound(&mut self, _cell: Cell, _came: u32, _expected_milli: u64, _at: Timestamp) {}
    /// A person's report.
    fn report(&mut self, _cell: Cell, _person: PersonId, _at: Timestamp) {}
    /// For the pace of canaries.
    fn suspicion(&self, _cell: Cell, _now: Timestamp) -> Suspicion {
        Suspicion::None
    }
}

struct Ours(Detector);

impl Judge for Ours {
    fn take(&mut self, evidence: &Evidence) {
        self.0.observe(*evidence);
    }

    fn tick(&mut self, now: Timestamp) {
        self.0.tick(now);
    }

    fn state(&self, network: Network) -> CellState {
        self.0.network_state(network)
    }

    fn share_permille(&self, network: Network) -> u32 {
        self.0.share_permille(network)
    }

    fn control(&mut self, host: u32, good: bool, at: Timestamp) {
        self.0.control(host, good, at);
    }

    fn inbound(&mut self, cell: Cell, came: u32, expected_milli: u64, at: Timestamp) {
        self.0.inbound(cell, came, expected_milli, at);
    }

    fn report(&mut self, cell: Cell, person: PersonId, at: Timestamp) {
        self.0.report(cell, person, at);
    }

    fn suspicion(&self, cell: Cell, now: Timestamp) -> Suspicion {
        self.0.suspicion(cell, now)
    }
}

/// One of the usual detectors, for one cell.
pub(super) trait Simple {
    /// Something worked, or did not.
    fn take(&mut self, source: u64, good: bool, at_ms: u64);
    /// A second passed.
    fn tick(&mut self, at_ms: u64);
    /// Its verdict.
    fn is_down(&self) -> bool;
}

struct PerCell {
    make: Box<dyn Fn() -> Box<dyn Simple>>,
    cells: BTreeMap<Cell, Box<dyn Simple>>,
}

impl PerCell {
    fn new(make: impl Fn() -> Box<dyn Simple> + 'static) -> Self {
        Self { make: Box::new(make), cells: BTreeMap::new() }
    }
}

impl Judge for PerCell {
    fn take(&mut self, evidence: &Evidence) {
        if evidence.sign == Sign::Late {
            return;
        }
        let cell = self.cells.entry(evidence.cell).or_insert_with(|| (self.make)());
        let source = match evidence.source {
            Source::Pair(pair) => u64::from(pair) + 1,
            Source::Route(_) | Source::Account(_) | Source::Person(_) => 0,
        };
        let at_ms = u64::try_from(evidence.at.0).unwrap_or(0);
        cell.take(source, evidence.sign == Sign::Good, at_ms);
    }

    fn tick(&mut self, now: Timestamp) {
        let at_ms = u64::try_from(now.0).unwrap_or(0);
        self.cells.values_mut().for_each(|cell| cell.tick(at_ms));
    }

    fn state(&self, network: Network) -> CellState {
        let of = |cell: &&Cell| cell.network == network && cell.function == Function::Send;
        let mut down = self.cells.iter().filter(|(cell, _)| of(cell));
        if down.clone().any(|(cell, one)| cell.surface != Surface::Pc && one.is_down()) {
            return CellState::Down;
        }
        if down.any(|(_, one)| one.is_down()) { CellState::Degraded } else { CellState::Up }
    }
}

struct Oracle {
    truth: BTreeMap<Network, Vec<(u64, u64)>>,
    now_ms: u64,
}

impl Judge for Oracle {
    fn take(&mut self, evidence: &Evidence) {
        self.now_ms = self.now_ms.max(u64::try_from(evidence.at.0).unwrap_or(0));
    }

    fn tick(&mut self, now: Timestamp) {
        self.now_ms = self.now_ms.max(u64::try_from(now.0).unwrap_or(0));
    }

    fn state(&self, network: Network) -> CellState {
        let known = |(from, to): &(u64, u64)| (from + 1_000..to + 1_000).contains(&self.now_ms);
        let spans = self.truth.get(&network);
        let down = spans.is_some_and(|spans| spans.iter().any(known));
        if down { CellState::Down } else { CellState::Up }
    }
}
