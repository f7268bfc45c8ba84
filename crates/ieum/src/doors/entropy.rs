//! The entropy port: the operating system's randomness, or a seeded generator.
//!
//! Both are `ChaCha20`; they differ in the seed. Invariant: one seed gives the same bits in the
//! same order of calls.

use ieum_core::ports::entropy::Entropy;
use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Random bits that nobody can foresee, seeded once by the operating system.
pub struct SystemEntropy(Mutex<ChaCha20Rng>);

impl SystemEntropy {
    /// Takes a seed from the operating system.
    ///
    /// # Errors
    /// When the operating system gives none.
    pub fn new() -> Result<Self, rand_core::OsError> {
        let generator = ChaCha20Rng::try_from_rng(&mut rand_core::OsRng)?;
        Ok(Self(Mutex::new(generator)))
    }
}

/// The same bits for the same seed: demonstrations and tests.
pub struct SeededEntropy(Mutex<ChaCha20Rng>);

impl SeededEntropy {
    /// Begins the sequence of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Entropy for SystemEntropy {
    fn next_u64(&self) -> u64 {
        draw(&self.0)
    }
}

impl Entropy for SeededEntropy {
    fn next_u64(&self) -> u64 {
        draw(&self.0)
    }
}

fn draw(generator: &Mutex<ChaCha20Rng>) -> u64 {
    generator.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
}

impl fmt::Debug for SystemEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemEntropy(..)")
    }
}

impl fmt::Debug for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededEntropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn draws(entropy: &dyn Entropy) -> Vec<u64> {
        (0..64).map(|_| entropy.next_u64()).collect()
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        assert_eq!(draws(&SeededEntropy::new(7)), draws(&SeededEntropy::new(7)));
        assert_ne!(draws(&SeededEntropy::new(7)), draws(&SeededEntropy::new(8)));
    }

    #[test]
    fn the_system_never_repeats_itself() {
        let (one, two) = (SystemEntropy::new().unwrap(), SystemEntropy::new().unwrap());
        let all: BTreeSet<u64> = draws(&one).into_iter().chain(draws(&two)).collect();
        assert_eq!(all.len(), 128);
    }

    #[test]
    fn the_state_of_a_generator_does_not_print() {
        let printed = format!("{:?} {:?}", SystemEntropy::new(), SeededEntropy::new(1));
        assert_eq!(printed, "Ok(SystemEntropy(..)) SeededEntropy(..)");
    }
}
