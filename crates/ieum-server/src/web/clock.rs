//! Moments and spans in the words of people.
//!
//! Invariant: a page shows the wall clock of the hub's own place, and machines read UTC beside it.

use super::reader::Reader;
use ieum_core::directory::Language;
use ieum_core::time::Timestamp;
use maud::{Markup, html};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
/// A day.
pub(crate) const DAY_MS: u64 = 24 * HOUR_MS;

/// The hub's wall: what time it is, and how far from UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wall {
    /// Now.
    pub(crate) now: Timestamp,
    /// Minutes east of UTC.
    pub(crate) utc_offset_minutes: i32,
}

impl Wall {
    fn local(self, at: Timestamp) -> Option<OffsetDateTime> {
        let offset = UtcOffset::from_whole_seconds(self.utc_offset_minutes.saturating_mul(60));
        let moment = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000)).ok()?;
        moment.checked_to_offset(offset.ok()?)
    }

    /// The day, without the year where it is this year's.
    pub(crate) fn day(self, at: Timestamp, language: Language) -> String {
        let (Some(then), Some(now)) = (self.local(at), self.local(self.now)) else {
            return String::new();
        };
        let (year, month, day) = (then.year(), u8::from(then.month()), then.day());
        let name = MONTHS.get(usize::from(month - 1)).copied().unwrap_or_default();
        match (language, year == now.year()) {
            (Language::Ko, true) => format!("{month}월 {day}일"),
            (Language::Ko, false) => format!("{year}년 {month}월 {day}일"),
            (Language::En, true) => format!("{day} {name}"),
            (Language::En, false) => format!("{day} {name} {year}"),
        }
    }

    /// The hour and minute.
    pub(crate) fn clock(self, at: Timestamp) -> String {
        self.local(at)
            .map_or_else(String::new, |then| format!("{:02}:{:02}", then.hour(), then.minute()))
    }

    /// Whether two moments are on one day.
    pub(crate) fn same_day(self, one: Timestamp, other: Timestamp) -> bool {
        self.local(one).map(OffsetDateTime::date) == self.local(other).map(OffsetDateTime::date)
    }

    /// A moment for people and machines.
    pub(crate) fn moment(self, at: Timestamp, reader: &Reader) -> Markup {
        let clock = self.clock(at);
        let words = match self.same_day(at, self.now) {
            true => format!("{} {clock}", reader.say("오늘", "today")),
            false => format!("{} {clock}", self.day(at, reader.language)),
        };
        html! { time datetime=(machine(at)) { (words) } }
    }
}

fn machine(at: Timestamp) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1_000)).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}

/// How long something lasted, in its two largest units.
pub(crate) fn span(ms: u64, language: Language) -> String {
    let units = [
        (ms / DAY_MS, "일", "d"),
        (ms % DAY_MS / HOUR_MS, "시간", "h"),
        (ms % HOUR_MS / MINUTE_MS, "분", "min"),
        (ms % MINUTE_MS / SECOND_MS, "초", "s"),
    ];
    let first = units.iter().position(|(number, _, _)| *number > 0).unwrap_or(units.len() - 1);
    let shown = units.iter().skip(first).take(2).enumerate();
    let words = shown.filter(|(place, (number, _, _))| *place == 0 || *number > 0);
    let words = words.map(|(_, (number, korean, english))| match language {
        Language::Ko => format!("{number}{korean}"),
        Language::En => format!("{number} {english}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_two_units() {
        let table = [
            (0, "0초", "0 s"),
            (999, "0초", "0 s"),
            (59_000, "59초", "59 s"),
            (60_000, "1분", "1 min"),
            (372_000, "6분 12초", "6 min 12 s"),
            (HOUR_MS + 5_000, "1시간", "1 h"),
            (3 * DAY_MS + 2 * HOUR_MS + 7, "3일 2시간", "3 d 2 h"),
        ];
        for (ms, korean, english) in table {
            assert_eq!(span(ms, Language::Ko), korean);
            assert_eq!(span(ms, Language::En), english);
        }
    }

    #[test]
    fn the_wall_is_the_hubs() {
        // 13 May 2024, 13:44 in Seoul.
        let at = Timestamp(1_715_575_440_000);
        let wall = Wall { now: at, utc_offset_minutes: 540 };
        assert_eq!(
            (wall.clock(at), wall.day(at, Language::Ko)),
            ("13:44".into(), "5월 13일".into())
        );
        let late = at.plus_ms(11 * HOUR_MS);
        assert!(!wall.same_day(at, late));
        let wall = Wall { now: at.plus_ms(300 * DAY_MS), utc_offset_minutes: -60 };
        assert_eq!(
            (wall.clock(at), wall.day(at, Language::En)),
            ("03:44".into(), "13 May 2024".into())
        );
    }

    #[test]
    fn no_moment_is_too_far_to_be_written() {
        let wall = Wall { now: Timestamp(0), utc_offset_minutes: 100_000 };
        for ms in [i64::MIN, i64::MAX] {
            assert_eq!(wall.clock(Timestamp(ms)), "");
            assert_eq!(wall.day(Timestamp(ms), Language::Ko), "");
        }
    }
}
