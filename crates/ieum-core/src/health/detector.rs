//! The detector: evidence in, changes of cells out. All cells, and our own line.
//!
//! Pure and deterministic: it has no clock, and the same calls give the same changes. Invariants: a
//! turn for the worse has a witness that our own line works, if there is anybody to ask; people's
//! reports alone never make a cell down; the operator's word stands above everything.

use super::cadence::Suspicion;
use super::evidence::{Evidence, Grounds, Kind, Rule, Sign};
use super::line::{Line, Verdict, Witness};
use super::parameters::{Parameters, Tuned};
use super::turn::CellRecord;
use super::{Cell, CellChange, CellState, Function, Surface};
use crate::delivery::Route;
use crate::ids::PersonId;
use crate::network::Network;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// How a cell stands, for pages and metrics.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CellView {
    /// Which.
    pub cell: Cell,
    /// Its state.
    pub state: CellState,
    /// Since when.
    pub since: Timestamp,
    /// Why, in one line.
    pub evidence: Box<str>,
    /// Why, in full; `None` for one that never turned.
    pub grounds: Option<Grounds>,
    /// Whether the operator holds it there.
    pub held: bool,
}

/// What follows from a person's report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reported {
    /// Cells that turned.
    pub changes: Vec<CellChange>,
    /// Who is to be moved at once; empty until enough independent people agree.
    pub movers: Vec<PersonId>,
}

/// All that is known of all networks.
#[derive(Debug, Clone)]
pub struct Detector {
    tuned: Tuned,
    cells: BTreeMap<Cell, CellRecord>,
    line: Line,
    /// The time of the newest evidence.
    heard_at: Timestamp,
}

impl Default for Detector {
    fn default() -> Self {
        Self::new(Parameters::default())
    }
}

impl Detector {
    /// A detector that has seen nothing yet.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        Self {
            tuned: Tuned::of(parameters),
            cells: BTreeMap::new(),
            line: Line::default(),
            heard_at: Timestamp::default(),
        }
    }

    /// What it is set to.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.tuned.given
    }

    /// Takes one piece of evidence in. Evidence must come in the order of its time; a change may
    /// concern another cell, which waited for this one as its witness.
    pub fn observe(&mut self, evidence: Evidence) -> Vec<CellChange> {
        self.heard_at = evidence.at;
        let excused = self.line.excuses(evidence.at, &self.tuned.given);
        let mut counts = true;
        if !(excused && evidence.sign == Sign::Bad) {
            let record =
                self.cells.entry(evidence.cell).or_insert_with(|| CellRecord::new(evidence.cell));
            counts = record.take(&evidence, &self.tuned);
        }
        let about_line = evidence.kind != Kind::Receipt && evidence.sign != Sign::Late;
        if counts && about_line {
            let witness = Witness::Network(evidence.cell.network);
            self.line.hear(witness, evidence.sign == Sign::Good, evidence.at);
        }
        self.settle(Some(evidence.cell), evidence.at)
    }

    /// Takes in whether a control host answered; such hosts speak for our own line only.
    pub fn control(&mut self, host: u32, good: bool, at: Timestamp) -> Vec<CellChange> {
        self.heard_at = at;
        self.line.hear(Witness::Control(host), good, at);
        self.settle(None, at)
    }

    /// Takes in how many people wrote in a span that ends now, and how many thousandths of a
    /// message were expected in it (see [`super::rhythm`]).
    pub fn inbound(
        &mut self,
        cell: Cell,
        came: u32,
        expected_milli: u64,
        at: Timestamp,
    ) -> Vec<CellChange> {
        if self.line.excuses(at, &self.tuned.given) {
            return Vec::new();
        }
        let record = self.cells.entry(cell).or_insert_with(|| CellRecord::new(cell));
        record.watch.silence(came, expected_milli, at, &self.tuned);
        self.settle(Some(cell), at)
    }

    /// Takes a person's report in.
    pub fn report(&mut self, cell: Cell, person: PersonId, at: Timestamp) -> Reported {
        let record = self.cells.entry(cell).or_insert_with(|| CellRecord::new(cell));
        record.watch.report(person, at, &self.tuned);
        let changes = self.settle(Some(cell), at);
        let movers = self.reporters(cell, at);
        let enough = u32::try_from(movers.len()).unwrap_or(u32::MAX);
        let agreed = enough >= self.tuned.given.reports_trip;
        Reported { changes, movers: if agreed { movers } else { Vec::new() } }
    }

    /// Who reported a cell within the window.
    #[must_use]
    pub fn reporters(&self, cell: Cell, now: Timestamp) -> Vec<PersonId> {
        self.cells.get(&cell).map_or_else(Vec::new, |one| one.watch.reporters(now, &self.tuned))
    }

    /// What follows from time alone; to be called about once a second.
    pub fn tick(&mut self, now: Timestamp) -> Vec<CellChange> {
        self.line.recover(now);
        let cells: Vec<Cell> = self.cells.keys().copied().collect();
        cells.into_iter().filter_map(|cell| self.settle_one(cell, now)).collect()
    }

    /// The operator's word: the cell is in this state until it is released.
    pub fn hold(&mut self, cell: Cell, state: CellState, at: Timestamp) -> Option<CellChange> {
        let record = self.cells.entry(cell).or_insert_with(|| CellRecord::new(cell));
        record.hold(Some(state), at, &self.tuned)
    }

    /// Takes the operator's word back: the cell is what our own evidence says.
    pub fn release(&mut self, cell: Cell, at: Timestamp) -> Option<CellChange> {
        self.cells.get_mut(&cell)?.hold(None, at, &self.tuned)
    }

    /// The state of one cell.
    #[must_use]
    pub fn state(&self, cell: Cell) -> CellState {
        self.cells.get(&cell).map_or(CellState::Up, CellRecord::shown)
    }

    /// The state of a network for our messages: that of sending by its interface, and of people's
    /// phones. A failure of PCs, sign-in or media alone leaves a network no worse than degraded.
    #[must_use]
    pub fn network_state(&self, network: Network) -> CellState {
        let of_network = self.cells.values().filter(|record| record.cell.network == network);
        let worst = of_network.map(|record| match record.shown() {
            CellState::Up => (0, CellState::Up),
            _ if !carries(record.cell) => (1, CellState::Degraded),
            CellState::Degraded => (1, CellState::Degraded),
            CellState::Recovering => (2, CellState::Recovering),
            CellState::Down => (3, CellState::Down),
        });
        worst.max().map_or(CellState::Up, |(_, state)| state)
    }

    /// Whether the operator keeps a network down: nothing is tried there until the word is taken
    /// back.
    #[must_use]
    pub fn held_down(&self, network: Network) -> bool {
        self.cells.values().any(|one| {
            let of_network = one.cell.network == network && carries(one.cell);
            of_network && one.held == Some(CellState::Down)
        })
    }

    /// The share of a network's traffic that it may carry now, per mille.
    #[must_use]
    pub fn share_permille(&self, network: Network) -> u32 {
        let carrying =
            self.cells.values().filter(|one| one.cell.network == network && carries(one.cell));
        carrying.map(CellRecord::share_permille).min().unwrap_or(1_000)
    }

    /// Since when what a cell accepted is in doubt: receipts are missing (DESIGN §6.5).
    #[must_use]
    pub fn doubtful_since(&self, cell: Cell) -> Option<Timestamp> {
        self.cells.get(&cell)?.watch.doubtful_since(&self.tuned)
    }

    /// Whether anybody answered since then, so that a failure is not our own line's; true as well
    /// when there is nobody to ask.
    #[must_use]
    pub fn line_answered_since(&self, since: Timestamp) -> bool {
        self.line.answered_since(since, self.heard_at)
    }

    /// Whether a failure that is seen now may be our own line's: it is sick, or was until just now.
    #[must_use]
    pub fn excuses(&self, now: Timestamp) -> bool {
        self.line.excuses(now, &self.tuned.given)
    }

    /// Whether the failure of one call of `network`, which left and failed then, may be our own
    /// line's: that is sick, came back only after the call had left, or others that failed with
    /// the network did not answer since.
    #[must_use]
    pub fn excuses_call(&self, network: Network, times: (Timestamp, Timestamp)) -> bool {
        self.line.excuses_call(network, times, &self.tuned.given)
    }

    /// The time of the newest evidence.
    #[must_use]
    pub fn heard_at(&self) -> Timestamp {
        self.heard_at
    }

    /// Whether somebody answered since then, and no other network or control host failed: what
    /// fails on `network` is not our own line.
    #[must_use]
    pub fn vouched_for(&self, network: Network, since: Timestamp) -> bool {
        self.line.vouches(network, since, self.heard_at)
    }

    /// Since when our own line is sick.
    #[must_use]
    pub fn own_line_sick_since(&self) -> Option<Timestamp> {
        self.line.sick_since()
    }

    /// How much a cell is suspected, for the pace of canaries and probes.
    #[must_use]
    pub fn suspicion(&self, cell: Cell, now: Timestamp) -> Suspicion {
        let Some(record) = self.cells.get(&cell) else { return Suspicion::None };
        match record.state {
            CellState::Down | CellState::Recovering => Suspicion::Known,
            CellState::Up | CellState::Degraded => {
                let last = record.watch.last_bad();
                Suspicion::of(last.map(|last| now.ms_since(last)), record.waiting.is_some())
            }
        }
    }

    /// Whether some cell waits for a witness: control hosts and other networks should be asked now.
    #[must_use]
    pub fn wants_witness(&self) -> bool {
        self.cells.values().any(|record| record.waiting.is_some())
    }

    /// Whether one more failure of this route would put its cell down now.
    #[must_use]
    pub fn would_be_down(&self, cell: Cell, route: Route) -> bool {
        let at = self.heard_at;
        let Some(record) = self.cells.get(&cell) else { return false };
        let source = super::evidence::Source::Route(route);
        let bad =
            Evidence { cell, kind: Kind::Send, source, sign: Sign::Bad, id: 0, at, latency_ms: 0 };
        let mut watch = record.watch.clone();
        let trips =
            watch.bad(&bad, &self.tuned) && watch.down_by(cell, at, 1, &self.tuned).is_some();
        let mark = record.waiting.map_or(watch.turned_at(), |(_, mark)| Some(mark));
        let absent = self.absent(cell.network);
        let verdict = self.line.verdict(&absent, mark.unwrap_or(at), at, &self.tuned.given);
        trips && matches!(verdict, Verdict::Fine(_) | Verdict::Alone)
    }

    /// All cells that were ever heard of.
    #[must_use]
    pub fn view(&self) -> Vec<CellView> {
        self.cells
            .values()
            .map(|record| CellView {
                cell: record.cell,
                state: record.shown(),
                since: record.since,
                evidence: record.evidence.clone(),
                grounds: record.grounds.clone(),
                held: record.held.is_some(),
            })
            .collect()
    }

    /// The cell that was spoken of, and those that waited for a witness.
    fn settle(&mut self, cell: Option<Cell>, now: Timestamp) -> Vec<CellChange> {
        self.line.recover(now);
        let waits = |record: &&CellRecord| record.waiting.is_some();
        let mut cells: Vec<Cell> =
            self.cells.values().filter(waits).map(|record| record.cell).collect();
        cells.extend(cell.filter(|cell| !cells.contains(cell)));
        cells.into_iter().filter_map(|cell| self.settle_one(cell, now)).collect()
    }

    fn settle_one(&mut self, cell: Cell, now: Timestamp) -> Option<CellChange> {
        let record = self.cells.get_mut(&cell)?;
        let Some((to, rule)) = record.decide(now, &self.tuned) else {
            record.waiting = None;
            return None;
        };
        let worse = matches!(to, CellState::Down | CellState::Degraded);
        let witnesses = if worse && rule != Rule::Reports { self.witnesses(cell, now)? } else { 0 };
        self.cells.get_mut(&cell)?.turn((to, rule), witnesses, now, &self.tuned)
    }

    /// The networks that are no witnesses for `network`: itself, and those known not to be up.
    fn absent(&self, network: Network) -> Vec<Network> {
        let known = |other: &Network| {
            matches!(self.network_state(*other), CellState::Down | CellState::Recovering)
        };
        Network::ALL.into_iter().filter(|other| *other == network || known(other)).collect()
    }

    /// How many good answers of others speak for a turn; `None` when it may not happen now.
    fn witnesses(&mut self, cell: Cell, now: Timestamp) -> Option<u32> {
        let absent = self.absent(cell.network);
        let record = self.cells.get_mut(&cell)?;
        let turned_at = record.watch.turned_at().unwrap_or(now);
        let (since, mark) = *record.waiting.get_or_insert((now, turned_at));
        match self.line.verdict(&absent, mark, now, &self.tuned.given) {
            Verdict::Fine(answers) => Some(answers),
            Verdict::Alone => Some(0),
            Verdict::Unclear => {
                (now.ms_since(since) >= self.tuned.given.witness_wait_ms).then_some(0)
            }
            Verdict::Sick => {
                self.line.fall_sick(now);
                for record in self.cells.values_mut() {
                    record.watch.reset();
                    record.waiting = None;
                }
                None
            }
        }
    }
}

/// Whether a cell carries our messages to where people read them.
fn carries(cell: Cell) -> bool {
    match (cell.function, cell.surface) {
        (Function::Send, Surface::Api | Surface::Mobile) | (Function::Receive, Surface::Mobile) => {
            true
        }
        (Function::Send | Function::Receive, _) | (Function::Login | Function::Media, _) => false,
    }
}

#[cfg(test)]
#[path = "detector_tests.rs"]
mod tests;
