//! The health book that planning and the loops read: the detector for cells, and a rule of its
//! own for each route.
//!
//! A *route* (one chat) is judged by its own attempts, because most outages hit some rooms and
//! spare others; that is also what *degraded* means: each recipient by themselves. A *cell* is the
//! detector's. While a network returns, a fixed share of its routes is open, the same ones in every
//! step. Invariants: a refusal that concerns one recipient never counts; while nobody at all
//! answers it is our own line, and no route is left.

use super::cadence::Suspicion;
use super::detector::Detector;
use super::evidence::{Evidence, Grounds, Kind, Sign, Source};
use super::lag::Lag;
use super::parameters::Parameters;
use super::routes::{Failure, Routes};
use super::steady::SteadyTime;
use super::{Cell, CellChange, CellState, Function, Surface};
use crate::delivery::Route;
use crate::directory::Endpoint;
use crate::ids::{AccountId, PersonId};
use crate::network::Network;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

pub use super::detector::CellView;
pub use super::routes::{ROUTE_FAILURES, ROUTE_REST_MS, ROUTE_REST_MS_MAX};

/// A time further ahead of the newest evidence than this was told by a clock set back since.
const CLOCK_AHEAD_MS_MAX: u64 = 60_000;

/// One attempt or probe of ours, and how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OurCall {
    /// Which cell it speaks for.
    pub cell: Cell,
    /// Whose it was.
    pub account: AccountId,
    /// Which route was tried; `None` for probes and other signs of life.
    pub route: Option<Route>,
    /// The delivery, or zero.
    pub id: u64,
    /// Whether the network worked.
    pub good: bool,
    /// When the call left.
    pub began_at: Timestamp,
    /// When its answer came, or was waited for no longer.
    pub at: Timestamp,
}

/// What is known of all cells and of the routes that failed lately.
#[derive(Debug, Clone, Default)]
pub struct HealthBook {
    detector: Detector,
    routes: Routes,
    /// The newest failure of a send, by network: trials of a network that is down rest after it.
    failed_at: BTreeMap<Network, Timestamp>,
    /// Accounts whose newest sign of life was none.
    silent: BTreeSet<AccountId>,
    /// Networks that take what they do not deliver.
    hollow: BTreeSet<Network>,
    /// Accounts that nobody speaks for: the data knows them, the configuration does not.
    absent: BTreeSet<AccountId>,
    /// Whether we were late ourselves.
    lag: Lag,
    /// All times inside are steady ones; those that come in and go out are the clock's.
    time: SteadyTime,
}

/// The cell that our own calls of a function speak for.
#[must_use]
pub fn api_cell(network: Network, function: Function) -> Cell {
    Cell { network, function, surface: Surface::Api }
}

impl HealthBook {
    /// An empty book.
    #[must_use]
    pub fn new(parameters: Parameters) -> Self {
        Self { detector: Detector::new(parameters), ..Self::default() }
    }

    /// The detector, to ask what does not depend on the time.
    #[must_use]
    pub fn detector(&self) -> &Detector {
        &self.detector
    }

    /// Takes one of our own calls in; returns the changes that follow from it, of whichever
    /// network. Routes may have turned besides: see [`Self::take_turned_routes`].
    pub fn observe(&mut self, call: OurCall) -> Vec<CellChange> {
        let at = self.time.hear(call.at);
        let call = OurCall { at, began_at: self.time.steady(call.began_at), ..call };
        if !call.good && self.lag.excuses(call.began_at, at) {
            return Vec::new();
        }
        let (kind, source) = match call.route {
            Some(route) => (Kind::Send, Source::Route(route)),
            None => (Kind::Pulse, Source::Account(call.account)),
        };
        match call.route {
            Some(route) => self.observe_route(route, call),
            None => self.observe_pulse(call),
        }
        let sign = if call.good { Sign::Good } else { Sign::Bad };
        let OurCall { cell, id, at, .. } = call;
        let evidence = Evidence { cell, kind, source, sign, id, at, latency_ms: 0 };
        let changes = self.detector.observe(evidence);
        if call.good {
            self.routes.answered(at, &self.detector);
        }
        self.told(changes)
    }

    /// Whether routes went down because others answered, and nobody left them yet.
    #[must_use]
    pub fn has_turned_routes(&self) -> bool {
        self.routes.has_turned()
    }

    /// Those routes: what waits on them is to leave now.
    pub fn take_turned_routes(&mut self) -> Vec<Route> {
        self.routes.take_turned()
    }

    /// Takes in what no attempt or probe of ours showed: canaries and receipts.
    pub fn observe_other(&mut self, evidence: Evidence) -> Vec<CellChange> {
        let at = self.time.hear(evidence.at);
        let began_at = Timestamp(at.0.saturating_sub(i64::from(evidence.latency_ms)));
        if evidence.sign == Sign::Bad && self.lag.excuses(began_at, at) {
            return Vec::new();
        }
        let changes = self.detector.observe(Evidence { at, ..evidence });
        self.told(changes)
    }

    /// Takes in whether a control host answered a call that left and ended then; such hosts speak
    /// for our own line only.
    pub fn control(
        &mut self,
        host: u32,
        good: bool,
        (began_at, at): (Timestamp, Timestamp),
    ) -> Vec<CellChange> {
        let at = self.time.hear(at);
        if !good && self.lag.excuses(self.time.steady(began_at), at) {
            return Vec::new();
        }
        let changes = self.detector.control(host, good, at);
        if good {
            self.routes.answered(at, &self.detector);
        }
        self.told(changes)
    }

    /// A beat of a loop that does nothing else: when it comes late, everything of ours was late,
    /// and what failed meanwhile failed because of that.
    pub fn beat(&mut self, now: Timestamp) {
        let now = self.time.hear(now);
        self.lag.beat(now);
    }

    /// What follows from time alone; to be called about once a second.
    pub fn tick(&mut self, now: Timestamp) -> Vec<CellChange> {
        let now = self.time.hear(now);
        let changes = self.detector.tick(now);
        self.told(changes)
    }

    /// The operator's word: the cell is in this state until it is released.
    pub fn hold(&mut self, cell: Cell, state: CellState, at: Timestamp) -> Vec<CellChange> {
        let at = self.time.hear(at);
        let change = self.detector.hold(cell, state, at);
        self.told(change.into_iter().collect())
    }

    /// Takes the operator's word back.
    pub fn release(&mut self, cell: Cell, at: Timestamp) -> Vec<CellChange> {
        let at = self.time.hear(at);
        let change = self.detector.release(cell, at);
        self.told(change.into_iter().collect())
    }

    /// Takes a person's report in; returns the changes, and how many people reported the same
    /// lately.
    pub fn report(
        &mut self,
        cell: Cell,
        person: PersonId,
        at: Timestamp,
    ) -> (Vec<CellChange>, usize) {
        let at = self.time.hear(at);
        let reported = self.detector.report(cell, person, at);
        let reporters = self.detector.reporters(cell, at).len();
        (self.told(reported.changes), reporters)
    }

    /// How much a cell is suspected, for the pace of canaries and probes.
    #[must_use]
    pub fn suspicion(&self, cell: Cell, now: Timestamp) -> Suspicion {
        self.detector.suspicion(cell, self.time.steady(now))
    }

    /// Changes with the clock's times.
    fn told(&self, mut changes: Vec<CellChange>) -> Vec<CellChange> {
        for grounds in changes.iter_mut().filter_map(|change| change.grounds.as_deref_mut()) {
            self.tell(grounds);
        }
        changes
    }

    fn tell(&self, grounds: &mut Grounds) {
        grounds.onset = self.time.told(grounds.onset);
        for sign in &mut grounds.last {
            sign.at = self.time.told(sign.at);
        }
    }

    /// A network that answers again after it did not is tried at once: rests were for the silence.
    fn observe_pulse(&mut self, call: OurCall) {
        if !call.good {
            self.silent.insert(call.account);
        } else if self.silent.remove(&call.account) {
            self.routes.wake(call.account, call.at);
            self.failed_at.remove(&call.cell.network);
        }
    }

    fn observe_route(&mut self, route: Route, call: OurCall) {
        if call.good {
            self.routes.works(route);
            return;
        }
        let OurCall { cell: Cell { network, .. }, began_at, at, .. } = call;
        self.failed_at.insert(network, at);
        self.routes.fails(Failure { network, route, began_at, at }, &self.detector);
    }

    /// Whether new messages should not take this route now.
    #[must_use]
    pub fn route_down(&self, network: Network, route: Route) -> bool {
        self.absent.contains(&route.account)
            || self.routes.get(route).is_some_and(|record| record.down)
            || place(route) >= self.detector.share_permille(network)
    }

    /// Whether one more failure of this route, of a call that left then, would put it (or its
    /// cell) down.
    #[must_use]
    pub fn would_be_down(&self, cell: Cell, route: Route, began_at: Timestamp) -> bool {
        let began_at = self.time.steady(began_at);
        self.routes.would_fall(route, began_at, &self.detector)
            || self.detector.would_be_down(cell, route)
    }

    /// Whether anybody answered since then, so that our own line may be blamed no more; true as
    /// well when there is nobody to ask.
    #[must_use]
    pub fn answered_since(&self, since: Timestamp) -> bool {
        let heard_at = self.detector.heard_at();
        let since = self.time.steady(since);
        // What was told by a clock that has been set back since lies ahead of everything heard.
        let ahead = since.ms_since(heard_at) > CLOCK_AHEAD_MS_MAX;
        let recently = Timestamp(heard_at.0.saturating_sub_unsigned(CLOCK_AHEAD_MS_MAX));
        self.detector.line_answered_since(if ahead { recently } else { since })
    }

    /// Whether a network's sending is down as a whole.
    #[must_use]
    pub fn network_down(&self, network: Network) -> bool {
        self.detector.network_state(network) == CellState::Down
    }

    /// The state of one cell.
    #[must_use]
    pub fn state(&self, cell: Cell) -> CellState {
        self.detector.state(cell)
    }

    /// Whether something held for this route may be tried now, to see whether it works again.
    #[must_use]
    pub fn trial_due(&self, network: Network, route: Route, now: Timestamp) -> bool {
        let now = self.time.steady(now);
        match self.routes.get(route) {
            _ if self.absent.contains(&route.account) => false,
            _ if self.detector.held_down(network) => false,
            // It would say yes; only what is seen to arrive shows that it is back.
            _ if self.hollow.contains(&network) && self.network_down(network) => false,
            Some(record) if record.down => now >= record.try_at,
            Some(_) | None => {
                let failed_at = self.failed_at.get(&network);
                let rested = |at: &Timestamp| now.ms_since(*at) >= ROUTE_REST_MS_MAX;
                !self.network_down(network) || failed_at.is_none_or(rested)
            }
        }
    }

    /// Says of which accounts nothing can be sent: no connector speaks for them.
    pub fn set_absent(&mut self, accounts: BTreeSet<AccountId>) {
        self.absent = accounts;
    }

    /// The accounts that no connector speaks for.
    #[must_use]
    pub fn absent(&self) -> &BTreeSet<AccountId> {
        &self.absent
    }

    /// Says whether a network takes what it does not deliver: while it is down for that, nothing
    /// that is held is tried there.
    pub fn set_hollow(&mut self, network: Network, hollow: bool) {
        if hollow {
            self.hollow.insert(network);
        } else {
            self.hollow.remove(&network);
        }
    }

    /// Lets a route that rested take ordinary traffic again: one more failure puts it back.
    pub fn forgive_rested(&mut self, now: Timestamp, after_ms: u64) {
        let now = self.time.hear(now);
        self.routes.forgive_rested(now, after_ms);
    }

    /// All cells that were ever heard of.
    #[must_use]
    pub fn view(&self) -> Vec<CellView> {
        let mut views = self.detector.view();
        for view in &mut views {
            view.since = self.time.told(view.since);
            if let Some(grounds) = &mut view.grounds {
                self.tell(grounds);
            }
        }
        views
    }
}

/// A fixed place of a route in `0..1000`, spread evenly: those below the share go first.
fn place(route: Route) -> u32 {
    let (kind, number) = match route.endpoint {
        Endpoint::Address(address) => (1, address.0),
        Endpoint::Room(room) => (2, room.0),
    };
    // Splitmix64's finalizer: every bit of the number moves the place.
    let mut mixed = number.wrapping_mul(4).wrapping_add(kind) ^ route.account.0.rotate_left(40);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    u32::try_from(mixed % 1_000).unwrap_or(0)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
