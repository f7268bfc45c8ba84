//! The states of one cell and when they follow one another.
//!
//! ```text
//!        slow sum, reports, receipts                 hard sums
//!   up ───────────────────────────────▶ degraded ───────────────▶ down ◀───┐ relapse
//!    ▲ ◀──────── calm ──────────────────┘   (or at once)            │ clean │
//!    └──────────── the last step of the ramp ─────────── recovering ◀───────┘
//! ```
//!
//! Invariant: traffic returns only after nothing failed for `clean_ms` and enough was good, and
//! it returns step by step.

use super::evidence::{Evidence, Grounds, Kind, Rule, Sign};
use super::parameters::{RAMP_PERMILLE, Tuned};
use super::watch::Watch;
use super::{Cell, CellChange, CellState};
use crate::time::Timestamp;

/// How often a relapse doubles the dwell at most.
const RELAPSES_MAX: u32 = 16;

/// One cell with its state.
#[derive(Debug, Clone)]
pub(super) struct CellRecord {
    pub(super) cell: Cell,
    pub(super) watch: Watch,
    pub(super) state: CellState,
    pub(super) since: Timestamp,
    pub(super) held: Option<CellState>,
    /// Since when a turn waits for a witness, and since when a witness must have been seen.
    pub(super) waiting: Option<(Timestamp, Timestamp)>,
    pub(super) grounds: Option<Grounds>,
    pub(super) evidence: Box<str>,
    goods: u32,
    proven: bool,
    clean_since: Timestamp,
    calm_since: Option<Timestamp>,
    step: usize,
    step_since: Timestamp,
    relapses: u32,
    fell_before: bool,
    up_since: Timestamp,
}

impl CellRecord {
    pub(super) fn new(cell: Cell) -> Self {
        Self {
            cell,
            watch: Watch::default(),
            state: CellState::Up,
            since: Timestamp::default(),
            held: None,
            waiting: None,
            grounds: None,
            evidence: Box::default(),
            goods: 0,
            proven: false,
            clean_since: Timestamp::default(),
            calm_since: None,
            step: 0,
            step_since: Timestamp::default(),
            relapses: 0,
            fell_before: false,
            up_since: Timestamp::default(),
        }
    }

    /// The state that counts: the operator's word, or else our own.
    pub(super) fn shown(&self) -> CellState {
        self.held.unwrap_or(self.state)
    }

    /// The share of traffic that this cell may carry, per mille.
    pub(super) fn share_permille(&self) -> u32 {
        match self.shown() {
            CellState::Up | CellState::Degraded => 1_000,
            CellState::Down => 0,
            CellState::Recovering => RAMP_PERMILLE.get(self.step).copied().unwrap_or(1_000),
        }
    }

    /// Takes evidence in; true when it says something about our line as well.
    pub(super) fn take(&mut self, evidence: &Evidence, tuned: &Tuned) -> bool {
        match evidence.sign {
            Sign::Good => {
                self.watch.good(evidence, tuned);
                self.goods = self.goods.saturating_add(1);
                self.proven |= evidence.kind != Kind::Pulse;
                true
            }
            Sign::Bad => {
                let counts = self.watch.bad(evidence, tuned);
                let broken = self.watch.is_broken(evidence.kind, evidence.source, tuned);
                if !broken {
                    self.goods = 0;
                    self.proven = false;
                    self.clean_since = evidence.at;
                }
                counts
            }
            Sign::Late => {
                self.watch.late(evidence);
                false
            }
        }
    }

    /// What the evidence asks for now.
    pub(super) fn decide(&mut self, now: Timestamp, tuned: &Tuned) -> Option<(CellState, Rule)> {
        self.watch.age(now, tuned);
        match self.state {
            CellState::Up | CellState::Degraded => self.decide_open(now, tuned),
            CellState::Down => self.decide_down(now, tuned),
            CellState::Recovering => self.decide_recovering(now, tuned),
        }
    }

    fn decide_open(&mut self, now: Timestamp, tuned: &Tuned) -> Option<(CellState, Rule)> {
        if let Some(rule) = self.watch.down_by(self.cell, now, 1, tuned) {
            return Some((CellState::Down, rule));
        }
        if self.state == CellState::Up {
            let rule = self.watch.degraded_by(now, tuned)?;
            return Some((CellState::Degraded, rule));
        }
        if !self.watch.is_calm(now, tuned) {
            self.calm_since = None;
            return None;
        }
        let calm_since = *self.calm_since.get_or_insert(now);
        (now.ms_since(calm_since) >= tuned.given.calm_ms).then_some((CellState::Up, Rule::Calm))
    }

    /// Signs of another kind than those that failed have to be good for twice as long.
    fn decide_down(&self, now: Timestamp, tuned: &Tuned) -> Option<(CellState, Rule)> {
        let given = &tuned.given;
        let clean_ms = if self.proven { given.clean_ms } else { given.clean_ms * 2 };
        let clean = now.ms_since(self.clean_since) >= clean_ms;
        let enough = self.goods >= given.goods_min;
        (clean && enough).then_some((CellState::Recovering, Rule::Clean))
    }

    fn decide_recovering(&self, now: Timestamp, tuned: &Tuned) -> Option<(CellState, Rule)> {
        if self.watch.down_by(self.cell, now, 2, tuned).is_some() {
            return Some((CellState::Down, Rule::Relapse));
        }
        if now.ms_since(self.step_since) < self.dwell_ms(tuned) {
            return None;
        }
        let last = self.step + 1 >= RAMP_PERMILLE.len();
        Some((if last { CellState::Up } else { CellState::Recovering }, Rule::Ramp))
    }

    fn dwell_ms(&self, tuned: &Tuned) -> u64 {
        let doubled = tuned.given.dwell_ms.saturating_mul(1 << self.relapses.min(RELAPSES_MAX));
        doubled.min(tuned.given.dwell_ms_max)
    }

    /// Makes the turn; `None` when only a step of the ramp was passed, or the operator's word
    /// stands above it.
    pub(super) fn turn(
        &mut self,
        (to, rule): (CellState, Rule),
        witnesses: u32,
        now: Timestamp,
        tuned: &Tuned,
    ) -> Option<CellChange> {
        let from = self.shown();
        if to == CellState::Recovering && self.state == CellState::Recovering {
            self.step += 1;
            self.step_since = now;
            return None;
        }
        let grounds = self.grounds_of(rule, witnesses, now, tuned);
        self.enter(to, rule, now, tuned);
        self.state = to;
        self.waiting = None;
        (self.held.is_none()).then(|| self.changed(from, grounds, now))
    }

    /// What follows from entering a state.
    fn enter(&mut self, to: CellState, rule: Rule, now: Timestamp, tuned: &Tuned) {
        self.calm_since = None;
        match to {
            CellState::Down => {
                let again = now.ms_since(self.up_since) <= tuned.given.relapse_ms;
                let relapse = rule == Rule::Relapse || self.fell_before && again;
                self.relapses = if relapse { self.relapses + 1 } else { 0 }.min(RELAPSES_MAX);
                self.fell_before = true;
                self.goods = 0;
                self.proven = false;
                self.clean_since = self.watch.last_bad().unwrap_or(now).min(now);
            }
            CellState::Recovering => {
                self.step = 0;
                self.step_since = now;
                self.watch.reset();
            }
            CellState::Up => {
                self.up_since = now;
                self.watch.reset();
            }
            CellState::Degraded => {}
        }
    }

    /// The operator holds the cell in a state, or lets go of it.
    pub(super) fn hold(
        &mut self,
        state: Option<CellState>,
        now: Timestamp,
        tuned: &Tuned,
    ) -> Option<CellChange> {
        let from = self.shown();
        self.held = state;
        if self.shown() == from {
            return None;
        }
        let grounds = self.grounds_of(Rule::Operator, 0, now, tuned);
        Some(self.changed(from, grounds, now))
    }

    fn grounds_of(&self, rule: Rule, witnesses: u32, now: Timestamp, tuned: &Tuned) -> Grounds {
        let returns = matches!(rule, Rule::Clean | Rule::Ramp | Rule::Calm);
        Grounds {
            rule,
            onset: self.watch.onset().unwrap_or(now),
            sums: self.watch.figures(now, tuned),
            sources: u32::try_from(self.watch.sources_failing()).unwrap_or(u32::MAX),
            witnesses,
            last: self.watch.kept(returns),
            hollow: false,
        }
    }

    fn changed(&mut self, from: CellState, grounds: Grounds, now: Timestamp) -> CellChange {
        self.since = now;
        self.evidence = super::words::words(&grounds, self.goods).into();
        self.grounds = Some(grounds.clone());
        CellChange {
            cell: self.cell,
            from,
            to: self.shown(),
            evidence: self.evidence.clone(),
            grounds: Some(Box::new(grounds)),
        }
    }
}
