//! What happens in a run besides talk, as a list of moments drawn from the seed: crashes, a store
//! that falls ill, a clock that is set, people who take back their consent.

use super::dice::Dice;
use ieum_core::time::Timestamp;
use std::collections::VecDeque;

/// Crashes of a run, and more for each day of it.
const CRASHES_MAX: u64 = 4;
/// Most of any kind of trouble in one run.
const TROUBLES_MAX: u64 = 40;
/// Steps between the moment of a crash and the crash itself: which step it hits is chance.
const FUSE_STEPS_MAX: u64 = 40;
/// How long the store is ill at most, in milliseconds.
const ILL_MS_MAX: u64 = 20_000;
/// How wrong the hub's clock is at most, in milliseconds.
const WRONG_MS_MAX: u64 = 3_600_000;

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The hub dies after so many more steps.
    Crash(u64),
    /// The store is ill for so many milliseconds.
    Illness(u64),
    /// The hub's clock is wrong by so many milliseconds from now on.
    Clock(i64),
    /// This person takes back the consent for their second network.
    Withdrawal(usize),
}

/// Draws the troubles between two moments, in order.
pub(super) fn drawn(
    dice: &Dice,
    (from, to): (Timestamp, Timestamp),
    people: usize,
) -> VecDeque<(Timestamp, Trouble)> {
    let span_ms = to.ms_since(from);
    let days = span_ms / 86_400_000;
    let people = u64::try_from(people).unwrap_or(u64::MAX);
    let mut all = Vec::new();
    let mut add = |times: u64, trouble: &dyn Fn() -> Trouble| {
        for _ in 0..times.min(TROUBLES_MAX) {
            all.push((from.plus_ms(dice.between(0, span_ms)), trouble()));
        }
    };
    add(dice.between(0, CRASHES_MAX + 1) + days, &|| {
        Trouble::Crash(dice.between(1, FUSE_STEPS_MAX + 1))
    });
    add(dice.between(0, 3) + days / 4, &|| Trouble::Illness(dice.between(100, ILL_MS_MAX)));
    add(dice.between(0, 3) + days / 8, &|| Trouble::Clock(wrong_by_ms(dice)));
    add(dice.between(0, 2) + people / 40, &|| {
        Trouble::Withdrawal(usize::try_from(dice.between(0, people)).unwrap_or(0))
    });
    all.sort_by_key(|(at, _)| *at);
    all.into()
}

/// Right again in one case of three, a little wrong in one, and wrong by up to an hour in one.
fn wrong_by_ms(dice: &Dice) -> i64 {
    let most = match dice.between(0, 3) {
        0 => return 0,
        1 => 5_000,
        _ => WRONG_MS_MAX,
    };
    let ms = i64::try_from(dice.between(1, most)).unwrap_or(0);
    if dice.happens(500) { ms } else { -ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_come_in_order_within_the_run_and_every_kind_comes() {
        let (from, to) = (Timestamp(1_000), Timestamp(3_600_000));
        let mut kinds = [0; 4];
        for seed in 0..100 {
            let troubles = drawn(&Dice::new(seed, 5), (from, to), 24);
            assert!(troubles.iter().is_sorted_by_key(|(at, _)| *at));
            assert!(troubles.iter().all(|(at, _)| (from..to).contains(at)));
            for (_, trouble) in troubles {
                kinds[match trouble {
                    Trouble::Crash(steps) => usize::from(steps == 0),
                    Trouble::Illness(_) => 1,
                    Trouble::Clock(_) => 2,
                    Trouble::Withdrawal(person) => 3 + usize::from(person >= 24),
                }] += 1;
            }
        }
        assert!(kinds.iter().all(|times| *times > 20), "{kinds:?}");
    }

    #[test]
    fn months_do_not_drown_in_trouble() {
        let to = Timestamp(365 * 86_400_000);
        let troubles = drawn(&Dice::new(1, 5), (Timestamp(0), to), 10_000);
        assert!(u64::try_from(troubles.len()).unwrap() <= 4 * TROUBLES_MAX, "{}", troubles.len());
    }
}
