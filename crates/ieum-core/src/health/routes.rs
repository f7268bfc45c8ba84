//! The rule of single routes: which chats failed lately, and which of them are left.
//!
//! Not the detector: a route is judged by its own attempts alone. Invariant: no route goes down
//! while nobody at all answers, for that is our own line.

use super::detector::Detector;
use crate::delivery::Route;
use crate::ids::AccountId;
use crate::network::Network;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Failures in a row that put a route down.
pub const ROUTE_FAILURES: u32 = 2;
/// How long a route rests before it is tried again, the first time; doubled by each relapse.
pub const ROUTE_REST_MS: u64 = 2_000;
/// The longest rest.
pub const ROUTE_REST_MS_MAX: u64 = 15_000;
/// How long after a failure an answer of others still says that our line worked at that time.
const WITNESS_AFTER_MS_MAX: u64 = 5_000;
/// Routes that turned and were not asked for yet; what is beyond them fails where it is and moves
/// one by one.
const TURNED_MAX: usize = 1_000;

/// A failed attempt on one route, in steady time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure {
    pub(super) network: Network,
    pub(super) route: Route,
    pub(super) began_at: Timestamp,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RouteRecord {
    network: Network,
    failures: u32,
    failing_since: Timestamp,
    failed_at: Timestamp,
    pub(super) down: bool,
    rest_ms: u64,
    pub(super) try_at: Timestamp,
}

impl RouteRecord {
    fn first(failure: Failure) -> Self {
        Self {
            network: failure.network,
            failures: 0,
            failing_since: failure.at,
            failed_at: failure.at,
            down: false,
            rest_ms: 0,
            try_at: Timestamp::default(),
        }
    }

    fn fall(&mut self, at: Timestamp) {
        self.rest_ms = (self.rest_ms * 2).clamp(ROUTE_REST_MS, ROUTE_REST_MS_MAX);
        self.down = true;
        self.try_at = at.plus_ms(self.rest_ms);
    }
}

/// Routes that failed lately.
#[derive(Debug, Clone, Default)]
pub(super) struct Routes {
    records: BTreeMap<Route, RouteRecord>,
    /// Failed often enough and wait for somebody to answer.
    waiting: BTreeSet<Route>,
    /// Went down by the answer of others, and nobody left them yet.
    turned: Vec<Route>,
}

impl Routes {
    pub(super) fn get(&self, route: Route) -> Option<&RouteRecord> {
        self.records.get(&route)
    }

    /// An attempt succeeded.
    pub(super) fn works(&mut self, route: Route) {
        if self.records.remove(&route).is_some() {
            self.waiting.remove(&route);
        }
    }

    /// An attempt failed.
    pub(super) fn fails(&mut self, failure: Failure, detector: &Detector) {
        if detector.excuses_call(failure.network, (failure.began_at, failure.at)) {
            return;
        }
        let record =
            self.records.entry(failure.route).or_insert_with(|| RouteRecord::first(failure));
        record.failures = record.failures.saturating_add(1);
        record.failed_at = failure.at;
        if record.failures < ROUTE_FAILURES {
            return;
        }
        if record.down || detector.line_answered_since(record.failing_since) {
            record.fall(failure.at);
            self.waiting.remove(&failure.route);
        } else {
            self.waiting.insert(failure.route);
        }
    }

    /// Somebody answered: the routes that waited for that go down now instead of after their next
    /// failure. The answer counts while the failure is fresh and nobody else failed meanwhile:
    /// later it may only show that our own line is back.
    pub(super) fn answered(&mut self, at: Timestamp, detector: &Detector) {
        for route in std::mem::take(&mut self.waiting) {
            let Some(record) = self.records.get_mut(&route) else { continue };
            let fresh = at.ms_since(record.failed_at) <= WITNESS_AFTER_MS_MAX;
            if fresh && detector.vouched_for(record.network, record.failing_since) {
                record.fall(at);
                if self.turned.len() < TURNED_MAX {
                    self.turned.push(route);
                }
            } else if fresh {
                self.waiting.insert(route);
            }
        }
    }

    /// Whether some route went down by the answer of others.
    pub(super) fn has_turned(&self) -> bool {
        !self.turned.is_empty()
    }

    /// The routes that did; to be left now.
    pub(super) fn take_turned(&mut self) -> Vec<Route> {
        std::mem::take(&mut self.turned)
    }

    /// Whether one more failure of this route, of a call that began then, would put it down.
    pub(super) fn would_fall(
        &self,
        route: Route,
        began_at: Timestamp,
        detector: &Detector,
    ) -> bool {
        self.records.get(&route).is_some_and(|record| {
            let theirs = record.down || detector.line_answered_since(record.failing_since);
            let times = (began_at, detector.heard_at());
            let counts = !detector.excuses_call(record.network, times);
            record.failures + 1 >= ROUTE_FAILURES && theirs && counts
        })
    }

    /// An account answers again after it did not: its routes need not rest any longer.
    pub(super) fn wake(&mut self, account: AccountId, at: Timestamp) {
        let ours = |route: &Route| route.account == account;
        for (_, record) in self.records.iter_mut().filter(|(route, _)| ours(route)) {
            record.try_at = record.try_at.min(at);
        }
    }

    /// Lets routes that rested take ordinary traffic again: one more failure puts them back.
    pub(super) fn forgive_rested(&mut self, now: Timestamp, after_ms: u64) {
        for record in self.records.values_mut() {
            if record.down && now.ms_since(record.try_at) >= after_ms {
                record.down = false;
                record.failures = ROUTE_FAILURES.saturating_sub(1);
            }
        }
    }
}
