//! What people say, and when: a Poisson stream whose rate follows the hours of a day.
//!
//! Nobody is asked whether they want to speak: the next moment is drawn for all of them together,
//! so that a thousand silent people cost nothing.

use super::dice::Dice;
use ieum_core::time::Timestamp;

/// How much is said in each hour of a day in Korea, in hundredths of the mean.
const HOURS: [u32; 24] = [
    45, 25, 15, 10, 10, 15, 35, 80, 110, 110, 115, 125, 145, 125, 115, 115, 120, 130, 150, 165,
    175, 180, 165, 120,
];
/// The busiest hour of [`HOURS`], in hundredths.
const BUSIEST: u32 = 180;
/// Korea's distance from UTC, in hours.
const KOREA_HOURS: i64 = 9;

/// What people say.
const WORDS: [&str; 8] = [
    "지금 어디야?",
    "저녁 먹었어?",
    "ㅋㅋㅋ",
    "이따 전화할게",
    "네!",
    "사진 봤어",
    "버스 탔어요",
    "응 알겠어",
];

/// The stream of everything that is said.
#[derive(Debug)]
pub(super) struct Traffic {
    dice: Dice,
    /// Things said a millisecond in the busiest hour.
    per_ms_max: f64,
}

impl Traffic {
    /// So many things a person and day, by so many people.
    pub(super) fn new(seed: u64, people: usize, per_day: f64) -> Self {
        let people = f64::from(u32::try_from(people).unwrap_or(u32::MAX));
        let per_ms_max = people * per_day / 86_400_000.0 * f64::from(BUSIEST) / 100.0;
        Self { dice: Dice::new(seed, 0x7AF), per_ms_max }
    }

    /// When the next thing is said.
    pub(super) fn next_after(&self, now: Timestamp) -> Timestamp {
        let mut at = now;
        loop {
            at = at.plus_ms(self.dice.wait_ms(self.per_ms_max).max(1));
            let hour = (at.0.div_euclid(3_600_000) + KOREA_HOURS).rem_euclid(24);
            let busy = usize::try_from(hour).ok().and_then(|hour| HOURS.get(hour));
            let drawn = self.dice.between(0, u64::from(BUSIEST));
            if busy.is_some_and(|busy| drawn < u64::from(*busy)) {
                return at;
            }
        }
    }

    /// Which of so many people speaks.
    pub(super) fn speaker(&self, people: usize) -> usize {
        let people = u64::try_from(people).unwrap_or(u64::MAX);
        usize::try_from(self.dice.between(0, people)).unwrap_or(0)
    }

    /// Their words.
    pub(super) fn words(&self) -> String {
        let words = self.dice.one_of(&WORDS).copied().unwrap_or_default();
        // A few are longer than one message of KakaoTalk.
        if self.dice.happens(10) { format!("{words} ").repeat(150) } else { words.to_owned() }
    }

    /// Whether somebody who cannot write where they are tries it elsewhere.
    pub(super) fn tries_elsewhere(&self) -> bool {
        self.dice.happens(500)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_as_much_as_was_ordered_and_a_quiet_night() {
        let traffic = Traffic::new(1, 1_000, 10.0);
        let (mut at, mut hours) = (Timestamp(0), [0_u32; 24]);
        while at.0 < 10 * 86_400_000 {
            at = traffic.next_after(at);
            hours[usize::try_from((at.0 / 3_600_000 + KOREA_HOURS) % 24).unwrap()] += 1;
        }
        let total: u32 = hours.iter().sum();
        assert!((97_000..103_000).contains(&total), "{total} in ten days");
        assert!(hours[4] * 10 < hours[21], "{hours:?}");
    }

    #[test]
    fn the_curve_is_a_mean_of_one() {
        assert_eq!(HOURS.iter().sum::<u32>(), 2_400);
        assert_eq!(HOURS.iter().max(), Some(&BUSIEST));
    }
}
