//! A token bucket: how often somebody may call. Pure; the time is handed in.
//!
//! Invariant: over any span, at most `burst` plus `per_second` times its seconds are let through,
//! even when the clock stands still or jumps back.

use ieum_core::time::Timestamp;

/// How often a token may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Calls a second, in the long run; at least 1.
    pub per_second: u32,
    /// Calls at once after a rest; at least 1.
    pub burst: u32,
}

const MILLI: u64 = 1_000;

/// What is left to one caller.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket {
    /// Thousandths of a call: one call a second is one thousandth a millisecond.
    left_milli: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub(crate) fn full(rate: Rate, now: Timestamp) -> Self {
        Self { left_milli: u64::from(rate.burst.max(1)) * MILLI, at: now }
    }

    /// Takes one call, or says in how many milliseconds there will be one.
    pub(crate) fn take(&mut self, rate: Rate, now: Timestamp) -> Result<(), u64> {
        let per_ms = u64::from(rate.per_second.max(1));
        let gained = now.ms_since(self.at).saturating_mul(per_ms);
        let full = u64::from(rate.burst.max(1)) * MILLI;
        self.left_milli = self.left_milli.saturating_add(gained).min(full);
        self.at = self.at.max(now);
        match self.left_milli.checked_sub(MILLI) {
            Some(left) => {
                self.left_milli = left;
                Ok(())
            }
            None => Err((MILLI - self.left_milli).div_ceil(per_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 2, burst: 3 };

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let mut bucket = Bucket::full(RATE, Timestamp(0));
        let mut passed = 0;
        for ms in 0..10_000 {
            passed += i32::from(bucket.take(RATE, Timestamp(ms)).is_ok());
        }
        assert_eq!(passed, 3 + 19);
    }

    #[test]
    fn the_wait_it_names_is_enough_and_not_too_long() {
        let mut bucket = Bucket::full(RATE, Timestamp(0));
        while bucket.take(RATE, Timestamp(0)).is_ok() {}
        let wait_ms = bucket.take(RATE, Timestamp(0)).unwrap_err();
        assert_eq!(wait_ms, 500);
        assert!(bucket.take(RATE, Timestamp(499)).is_err());
        assert!(bucket.take(RATE, Timestamp(500)).is_ok());
    }

    #[test]
    fn a_clock_that_jumps_back_gives_nothing() {
        let mut bucket = Bucket::full(RATE, Timestamp(5_000));
        while bucket.take(RATE, Timestamp(5_000)).is_ok() {}
        assert!(bucket.take(RATE, Timestamp(0)).is_err());
        assert!(bucket.take(RATE, Timestamp(5_000)).is_err());
    }
}
