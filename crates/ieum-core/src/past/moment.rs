//! Dates and times as messengers write them. Pure; no calendar but the Gregorian.

use crate::time::Timestamp;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    year: i64,
    month: i64,
    day: i64,
}

/// A text that is read from its front.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'t>(pub(super) &'t str);

impl<'t> Reader<'t> {
    pub(super) fn space(&mut self) {
        self.0 = self.0.trim_start();
    }

    pub(super) fn word(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    fn number(&mut self) -> Option<i64> {
        self.space();
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at_checked(end)?;
        let number = digits.parse().ok().filter(|_| digits.len() <= 4)?;
        self.0 = rest;
        Some(number)
    }

    /// The letters in front.
    fn letters(&mut self) -> &'t str {
        let end = self.0.find(|c: char| !c.is_alphabetic()).unwrap_or(self.0.len());
        let (letters, rest) = self.0.split_at_checked(end).unwrap_or((self.0, ""));
        self.0 = rest;
        letters
    }

    /// `2023년 5월 10일`, `2023. 5. 10.`, `2023/05/10`, `2023-05-10`, `May 10, 2023`,
    /// `Wednesday, May 10, 2023`, `Wed, 5/10/2023`.
    pub(super) fn day(&mut self) -> Option<Day> {
        let mut plain = *self;
        let day = if plain.0.starts_with(|c: char| c.is_ascii_digit()) {
            plain.day_by_numbers()
        } else {
            plain.day_in_english()
        };
        let day = day.filter(|day| (1..=12).contains(&day.month) && (1..=31).contains(&day.day))?;
        *self = plain;
        Some(day)
    }

    fn day_by_numbers(&mut self) -> Option<Day> {
        let year = self.number().filter(|year| *year >= 1_900)?;
        let mark = ["년", ".", "/", "-"].into_iter().find(|mark| self.0.starts_with(mark))?;
        self.word(mark)?;
        let month = self.number()?;
        self.word(if mark == "년" { "월" } else { mark })?;
        let day = self.number()?;
        match mark {
            "년" => self.word("일")?,
            _ => self.word(mark).unwrap_or_default(),
        }
        Some(Day { year, month, day })
    }

    fn day_in_english(&mut self) -> Option<Day> {
        let mut word = self.letters();
        if self.word(",").is_some() {
            self.space();
            if self.0.starts_with(|c: char| c.is_ascii_digit()) {
                let month = self.number()?;
                self.word("/")?;
                let day = self.number()?;
                self.word("/")?;
                return Some(Day { year: self.number()?, month, day });
            }
            word = self.letters();
        }
        let short: String = word.chars().take(3).collect::<String>().to_lowercase();
        let place = MONTHS.iter().position(|month| *month == short)?;
        let day = self.number()?;
        self.word(",")?;
        let month = i64::try_from(place).ok()? + 1;
        Some(Day { year: self.number().filter(|year| *year >= 1_900)?, month, day })
    }

    /// `:02`; a colon before anything else belongs to what comes after the time.
    fn seconds(&mut self) -> Option<i64> {
        let mut reader = *self;
        reader.word(":")?;
        let begins = reader.0.starts_with(|c: char| c.is_ascii_digit());
        let second = reader.number().filter(|second| begins && *second <= 60)?;
        *self = reader;
        Some(second)
    }

    /// Seconds of a day: `오후 3:01`, `午後3:01`, `3:01 PM`, `15:01`, `15:01:02`.
    pub(super) fn time(&mut self) -> Option<i64> {
        let mut reader = *self;
        reader.space();
        let front = [("오전", false), ("오후", true), ("午前", false), ("午後", true)];
        let mut noon = front.iter().find(|(word, _)| reader.0.starts_with(word)).copied();
        if let Some((word, _)) = noon {
            reader.word(word)?;
        }
        let hour = reader.number().filter(|hour| *hour <= 24)?;
        reader.word(":")?;
        let minute = reader.number().filter(|minute| *minute <= 59)?;
        let second = reader.seconds().unwrap_or_default();
        if noon.is_none() {
            let mut behind = reader;
            behind.space();
            let back = [("AM", false), ("PM", true), ("am", false), ("pm", true)];
            noon = back.iter().find(|(word, _)| behind.0.starts_with(word)).copied();
            if let Some((word, _)) = noon {
                behind.word(word)?;
                reader = behind;
            }
        }
        *self = reader;
        let hour = match noon {
            Some((_, true)) => hour % 12 + 12,
            Some((_, false)) => hour % 12,
            None => hour,
        };
        Some(hour * 3_600 + minute * 60 + second)
    }
}

impl Day {
    /// The moment so many seconds into the day.
    pub(super) fn at(self, seconds: i64, utc_offset_minutes: i32) -> Timestamp {
        let local = self.number() * 86_400 + seconds;
        Timestamp((local - i64::from(utc_offset_minutes) * 60) * 1_000)
    }

    /// Days since 1970-01-01, counted in eras of 400 years that begin in March.
    fn number(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let month = (self.month + 9) % 12;
        let of_year = (153 * month + 2) / 5 + self.day - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }
}
