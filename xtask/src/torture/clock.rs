//! Real time, for a task that waits for real processes.
//!
//! Not for the product, whose time comes through a port. Invariant: nothing else here waits.
#![allow(clippy::disallowed_methods, reason = "a process is killed in real time")]

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Now, to measure spans by.
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970.
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Waits.
pub(super) fn sleep_ms(ms: u64) {
    thread::sleep(Duration::from_millis(ms));
}

/// Waits until `due`; at once when that has passed.
pub(super) fn sleep_until(due: Instant) {
    thread::sleep(due.saturating_duration_since(now()));
}
