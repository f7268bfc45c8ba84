//! A first, simple health: failures in a row of a route and of a cell.
//!
//! It keeps the place of the real detector: evidence goes in, changes of cells come out, and
//! nothing else in the house knows the rule. A *route* (one chat) is judged by its own attempts,
//! because most outages hit some rooms and spare others; a *cell* is judged by several routes
//! together, or by one route and a probe. Invariant: a refusal that concerns one recipient never
//! counts.

use super::{Cell, CellChange, CellState, Function, Surface};
use crate::delivery::Route;
use crate::network::Network;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Failures in a row that put a route down.
pub const ROUTE_FAILURES: u32 = 2;
/// Failures in a row that put a cell down.
pub const CELL_FAILURES: u32 = 3;
/// Good pulses in a row that bring a cell back.
pub const CELL_GOODS: u32 = 3;
/// How long a cell stays down at least.
pub const CELL_DOWN_MS_MIN: u64 = 10_000;
/// How long a route rests before it is tried again, the first time; doubled by each relapse.
pub const ROUTE_REST_MS: u64 = 2_000;
/// The longest rest.
pub const ROUTE_REST_MS_MAX: u64 = 15_000;
/// How long a gateway may be away before receiving counts as down.
pub const STREAM_AWAY_MS_MAX: u64 = 10_000;

#[derive(Debug, Clone, Default)]
struct CellRecord {
    state: CellState,
    since: Timestamp,
    failures: u32,
    goods: u32,
    /// Routes (or probes, as `None`) that failed since the last success.
    failing: Vec<Option<Route>>,
    last_failure: Timestamp,
    evidence: Box<str>,
}

#[derive(Debug, Clone, Copy, Default)]
struct RouteRecord {
    failures: u32,
    down: bool,
    rest_ms: u64,
    try_at: Timestamp,
}

/// What happened to one attempt or probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence<'a> {
    /// Which cell it speaks for.
    pub cell: Cell,
    /// Which route was tried; `None` for probes and pulses.
    pub route: Option<Route>,
    /// Whether the network worked.
    pub good: bool,
    /// When.
    pub at: Timestamp,
    /// In short.
    pub reason: &'a str,
}

/// How a cell stands, for pages and metrics.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CellView {
    /// Which.
    pub cell: Cell,
    /// Its state.
    pub state: CellState,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub evidence: Box<str>,
}

/// What is known of all cells and of the routes that failed lately.
#[derive(Debug, Clone, Default)]
pub struct HealthBook {
    cells: BTreeMap<Cell, CellRecord>,
    routes: BTreeMap<Route, RouteRecord>,
}

/// The cell that our own calls of a function speak for.
#[must_use]
pub fn api_cell(network: Network, function: Function) -> Cell {
    Cell { network, function, surface: Surface::Api }
}

impl HealthBook {
    /// Takes evidence in; returns the changes that follow from it.
    pub fn observe(&mut self, evidence: Evidence<'_>) -> Option<CellChange> {
        if let Some(route) = evidence.route {
            self.observe_route(route, evidence.good, evidence.at);
        }
        let record = self.cells.entry(evidence.cell).or_default();
        if evidence.good { record.good(evidence) } else { record.bad(evidence) }
    }

    fn observe_route(&mut self, route: Route, good: bool, at: Timestamp) {
        if good {
            self.routes.remove(&route);
            return;
        }
        let record = self.routes.entry(route).or_default();
        record.failures += 1;
        if record.failures >= ROUTE_FAILURES {
            record.rest_ms = (record.rest_ms * 2).clamp(ROUTE_REST_MS, ROUTE_REST_MS_MAX);
            record.down = true;
            record.try_at = at.plus_ms(record.rest_ms);
        }
    }

    /// Whether new messages should not take this route now.
    #[must_use]
    pub fn route_down(&self, network: Network, route: Route) -> bool {
        self.routes.get(&route).is_some_and(|record| record.down) || self.network_down(network)
    }

    /// Whether one more failure of this route would put it (or its cell) down.
    #[must_use]
    pub fn would_be_down(&self, cell: Cell, route: Route) -> bool {
        let failures = self.routes.get(&route).map_or(0, |record| record.failures);
        failures + 1 >= ROUTE_FAILURES
            || self.cells.get(&cell).is_some_and(|record| {
                let others = record.failing.iter().any(|other| *other != Some(route));
                record.failures + 1 >= CELL_FAILURES && others
            })
    }

    /// Whether a network's sending is down as a whole.
    #[must_use]
    pub fn network_down(&self, network: Network) -> bool {
        self.state(api_cell(network, Function::Send)) == CellState::Down
    }

    /// The state of one cell.
    #[must_use]
    pub fn state(&self, cell: Cell) -> CellState {
        self.cells.get(&cell).map_or(CellState::Up, |record| record.state)
    }

    /// Whether something held for this route may be tried now, to see whether it works again.
    #[must_use]
    pub fn trial_due(&self, network: Network, route: Route, now: Timestamp) -> bool {
        match self.routes.get(&route) {
            Some(record) if record.down => now >= record.try_at,
            Some(_) | None => {
                let cell = api_cell(network, Function::Send);
                !self.network_down(network)
                    || self.cells.get(&cell).is_some_and(|record| {
                        now.ms_since(record.last_failure) >= ROUTE_REST_MS_MAX
                    })
            }
        }
    }

    /// Lets a route that rested take ordinary traffic again: one more failure puts it back.
    pub fn forgive_rested(&mut self, now: Timestamp, after_ms: u64) {
        for record in self.routes.values_mut() {
            if record.down && now.ms_since(record.try_at) >= after_ms {
                record.down = false;
                record.failures = ROUTE_FAILURES.saturating_sub(1);
            }
        }
    }

    /// All cells that were ever heard of.
    #[must_use]
    pub fn view(&self) -> Vec<CellView> {
        self.cells
            .iter()
            .map(|(cell, record)| CellView {
                cell: *cell,
                state: record.state,
                since: record.since,
                evidence: record.evidence.clone(),
            })
            .collect()
    }
}

impl CellRecord {
    fn good(&mut self, evidence: Evidence<'_>) -> Option<CellChange> {
        self.failures = 0;
        self.failing.clear();
        self.goods = self.goods.saturating_add(1);
        let rested = evidence.at.ms_since(self.last_failure) >= CELL_DOWN_MS_MIN;
        let proven = evidence.route.is_some() || (self.goods >= CELL_GOODS && rested);
        if self.state == CellState::Up || !proven {
            return None;
        }
        let text = format!("{} good in a row: {}", self.goods, evidence.reason);
        Some(self.turn(evidence, CellState::Up, text))
    }

    fn bad(&mut self, evidence: Evidence<'_>) -> Option<CellChange> {
        self.goods = 0;
        self.failures = self.failures.saturating_add(1);
        self.last_failure = evidence.at;
        if !self.failing.contains(&evidence.route) && self.failing.len() < 16 {
            self.failing.push(evidence.route);
        }
        let agreed = self.failing.len() >= 2 || evidence.route.is_none();
        if self.state == CellState::Down || self.failures < CELL_FAILURES || !agreed {
            return None;
        }
        let text = format!(
            "{} failures in a row on {} routes, last: {}",
            self.failures,
            self.failing.len(),
            evidence.reason
        );
        Some(self.turn(evidence, CellState::Down, text))
    }

    fn turn(&mut self, evidence: Evidence<'_>, to: CellState, text: String) -> CellChange {
        let from = self.state;
        self.state = to;
        self.since = evidence.at;
        self.evidence = text.into();
        CellChange { cell: evidence.cell, from, to, evidence: self.evidence.clone() }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
