//! Figures of the loops, as plain numbers.

use ieum_core::outgoing::Outcome;
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the latency histogram, in milliseconds; one more bucket is unbounded.
pub const LATENCY_BOUNDS_MS: [u64; 12] =
    [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000, 300_000];

#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) admitted: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) ignored: AtomicU64,
    accepted: AtomicU64,
    deferred: AtomicU64,
    refused: AtomicU64,
    unknown: AtomicU64,
    pub(crate) store_failures: AtomicU64,
    latency: [AtomicU64; LATENCY_BOUNDS_MS.len() + 1],
    latency_ms_sum: AtomicU64,
}

impl Metrics {
    pub(crate) fn count(&self, counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn outcome(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Accepted { .. } => &self.accepted,
            Outcome::Deferred { .. } => &self.deferred,
            Outcome::Refused { .. } => &self.refused,
            Outcome::Unknown { .. } => &self.unknown,
        };
        self.count(counter, 1);
    }

    pub(crate) fn latency(&self, ms: u64) {
        let bucket = LATENCY_BOUNDS_MS.iter().position(|bound| ms <= *bound);
        if let Some(counter) = self.latency.get(bucket.unwrap_or(LATENCY_BOUNDS_MS.len())) {
            self.count(counter, 1);
        }
        self.count(&self.latency_ms_sum, ms);
    }

    pub(crate) fn snapshot(&self) -> EngineMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EngineMetrics {
            admitted: read(&self.admitted),
            repeated: read(&self.repeated),
            ignored: read(&self.ignored),
            accepted: read(&self.accepted),
            deferred: read(&self.deferred),
            refused: read(&self.refused),
            unknown: read(&self.unknown),
            store_failures: read(&self.store_failures),
            latency: self.latency.each_ref().map(read),
            latency_ms_sum: read(&self.latency_ms_sum),
        }
    }
}

/// Counters since the start.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct EngineMetrics {
    /// Events admitted.
    pub admitted: u64,
    /// Repeated events turned away.
    pub repeated: u64,
    /// Events of unknown kinds.
    pub ignored: u64,
    /// Attempts that were accepted.
    pub accepted: u64,
    /// Attempts with a definite no for now.
    pub deferred: u64,
    /// Attempts with a definite no.
    pub refused: u64,
    /// Attempts without a certain answer.
    pub unknown: u64,
    /// Settlements and claims that the store could not take.
    pub store_failures: u64,
    /// From acceptance to the network's yes, by [`LATENCY_BOUNDS_MS`].
    pub latency: [u64; LATENCY_BOUNDS_MS.len() + 1],
    /// Sum of those times.
    pub latency_ms_sum: u64,
}
