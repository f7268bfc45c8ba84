//! Chance in simulations: numbers of one seeded sequence, in the shapes that are asked for.

use crate::doors::entropy::SeededEntropy;
use ieum_core::ports::entropy::Entropy;

/// A seeded sequence. Those of different `purpose` are independent of one another, so that one
/// more draw for the networks leaves what people say as it was.
#[derive(Debug)]
pub(super) struct Dice(SeededEntropy);

impl Dice {
    /// Begins the sequence of a seed for one purpose.
    pub(super) fn new(seed: u64, purpose: u64) -> Self {
        Self(SeededEntropy::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ purpose))
    }

    /// Uniform in `low..high`; `low` when that is empty.
    pub(super) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.0.below(high.saturating_sub(low))
    }

    /// True in so many of a thousand cases.
    pub(super) fn happens(&self, thousandths: u64) -> bool {
        self.0.below(1_000) < thousandths
    }

    /// One of several; `None` of none.
    pub(super) fn one_of<'a, T>(&self, choices: &'a [T]) -> Option<&'a T> {
        let last = u64::try_from(choices.len()).unwrap_or(u64::MAX);
        choices.get(usize::try_from(self.0.below(last)).unwrap_or(0))
    }

    /// The wait for the next event of a stream of so many events a millisecond.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "53 random bits as a fraction; a wait beyond the range of numbers is no wait"
    )]
    pub(super) fn wait_ms(&self, per_ms: f64) -> u64 {
        let fraction = ((self.0.next_u64() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0;
        (-fraction.ln() / per_ms).min(1e15) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_keeps_its_rate() {
        let dice = Dice::new(1, 1);
        let total: u64 = (0..10_000).map(|_| dice.wait_ms(0.001)).sum();
        assert!((9_500_000..10_500_000).contains(&total), "{total} ms for 10,000 events of 1/s");
    }

    #[test]
    fn purposes_do_not_disturb_one_another() {
        let (one, same, other) = (Dice::new(7, 1), Dice::new(7, 1), Dice::new(7, 2));
        let draw = |dice: &Dice| (0..20).map(|_| dice.between(0, 1 << 40)).collect::<Vec<_>>();
        let drawn = draw(&one);
        assert_eq!(drawn, draw(&same));
        assert_ne!(drawn, draw(&other));
    }

    #[test]
    fn nothing_can_be_chosen_from_nothing() {
        let dice = Dice::new(1, 1);
        assert_eq!(dice.one_of::<u8>(&[]), None);
        assert_eq!(dice.one_of(&[4]), Some(&4));
        assert_eq!(dice.between(5, 5), 5);
        assert!(dice.happens(1_000) && !dice.happens(0));
    }
}
