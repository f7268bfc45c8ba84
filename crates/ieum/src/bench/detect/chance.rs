//! Seeded chance: a stream, and a number that belongs to a place and a moment.
//!
//! The second is why this is not the program's entropy door: two detectors that ask at different
//! times must meet the same world. Invariant: the same words give the same numbers.

/// A stream of random numbers (Splitmix64, Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

/// Mixes words into one number.
pub(super) fn mixed(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |sum, word| finish(sum ^ word))
}

/// Mixes words into a share between 0 and 1.
pub(super) fn share(words: &[u64]) -> f64 {
    unit(mixed(words))
}

fn finish(sum: u64) -> u64 {
    let mut mixed = sum.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

impl Chance {
    pub(super) fn new(words: &[u64]) -> Self {
        Self(mixed(words))
    }

    pub(super) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        finish(self.0)
    }

    /// Between 0 and 1.
    pub(super) fn share(&mut self) -> f64 {
        unit(self.word())
    }

    /// The wait for an event that comes `mean_ms` apart on average.
    pub(super) fn wait_ms(&mut self, mean_ms: f64) -> u64 {
        whole(-mean_ms * (1.0 - self.share()).ln())
    }
}

/// Milliseconds as a whole number; what is beyond a thousand years is cut.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=3e13 before"
)]
pub(super) fn whole(ms: f64) -> u64 {
    ms.clamp(0.0, 3e13) as u64
}

/// A whole number of milliseconds for arithmetic with shares.
pub(super) fn real(ms: u64) -> f64 {
    ms as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_and_repeat() {
        let mut chance = Chance::new(&[1, 2]);
        let shares: Vec<f64> = (0..10_000).map(|_| chance.share()).collect();
        let mean = shares.iter().sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
        let mut again = Chance::new(&[1, 2]);
        assert!(shares.iter().all(|share| share.to_bits() == again.share().to_bits()));
    }

    #[test]
    fn waits_have_their_mean() {
        let mut chance = Chance::new(&[3]);
        let sum: u64 = (0..10_000).map(|_| chance.wait_ms(500.0)).sum();
        assert!((4_700_000..5_300_000).contains(&sum), "{sum}");
    }
}
