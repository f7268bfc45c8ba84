//! Waits between attempts to listen again: doubling, with jitter.
//!
//! Pure; the caller waits. Invariant: a wait lies between half of its step and the whole of it,
//! so that hubs which lost the same network do not come back together.

use ieum_core::ports::entropy::Entropy;

/// The first step.
const STEP_MS_MIN: u64 = 1_000;
/// The last step where nothing else is said.
const STEP_MS_MAX: u64 = 30_000;

/// How long to wait next.
#[derive(Debug)]
pub(crate) struct Backoff {
    step_ms: u64,
    step_ms_max: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::up_to(STEP_MS_MAX)
    }
}

impl Backoff {
    /// Waits whose last step is this long.
    pub(crate) fn up_to(step_ms_max: u64) -> Self {
        Self { step_ms: STEP_MS_MIN.min(step_ms_max), step_ms_max }
    }

    /// Starts from the first step again: the network works.
    pub(crate) fn reset(&mut self) {
        *self = Self::up_to(self.step_ms_max);
    }

    /// The next wait.
    pub(crate) fn next_ms(&mut self, entropy: &dyn Entropy) -> u64 {
        let half = self.step_ms / 2;
        self.step_ms = (self.step_ms * 2).min(self.step_ms_max);
        half + entropy.below(half + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Always(u64);

    impl Entropy for Always {
        fn next_u64(&self) -> u64 {
            self.0
        }
    }

    fn steps(entropy: &dyn Entropy) -> Vec<u64> {
        let mut backoff = Backoff::default();
        (0..7).map(|_| backoff.next_ms(entropy)).collect()
    }

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let high = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
        assert_eq!(steps(&Always(u64::MAX)), high);
        assert_eq!(steps(&Always(0)), high.map(|ms| ms / 2));
    }

    #[test]
    fn a_nearer_last_step_is_kept_over_a_reset() {
        let mut backoff = Backoff::up_to(1_500);
        for _ in 0..2 {
            let waits: Vec<u64> = (0..3).map(|_| backoff.next_ms(&Always(u64::MAX))).collect();
            assert_eq!(waits, [1_000, 1_500, 1_500]);
            backoff.reset();
        }
    }

    #[test]
    fn a_reset_starts_over() {
        let mut backoff = Backoff::default();
        backoff.next_ms(&Always(0));
        backoff.next_ms(&Always(0));
        backoff.reset();
        assert_eq!(backoff.next_ms(&Always(0)), 500);
    }
}
