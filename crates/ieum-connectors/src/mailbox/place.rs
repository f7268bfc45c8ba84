//! Up to where a mailbox was read, and what is read again when all its numbers are new.
//!
//! Pure. Invariant: of letters that were numbered anew only those are read that may still be known
//! from before; what is older is never taken for something new.

use ieum_core::ids::Cursor;
use ieum_core::time::Timestamp;
use time::{Date, OffsetDateTime};

/// How far back a mailbox with new numbers is read: what is known of letters is kept for longer
/// (30 days), so that nothing is said, and nobody greeted, twice.
const REREAD_DAYS_MAX: i64 = 14;
const DAY_MS: i64 = 86_400_000;
/// Most numbers that one search asks about: the answer is one line.
const WINDOW_UIDS_MAX: u32 = 1_000;

/// What of a mailbox was there before its letters were numbered anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reread {
    /// The last of its letters.
    to: u32,
    /// The first day that is read, counted from 1970-01-01.
    since_day: i64,
}

/// Up to where the mailbox was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) validity: u32,
    pub(super) uid: u32,
    reread: Option<Reread>,
}

impl Place {
    /// Behind the letter with this number.
    pub(super) fn behind(validity: u32, uid: u32) -> Self {
        Self { validity, uid, reread: None }
    }

    /// The beginning of a mailbox whose letters, up to `to`, were numbered anew.
    pub(super) fn anew(validity: u32, to: u32, now: Timestamp) -> Self {
        let since_day = now.0.div_euclid(DAY_MS).saturating_sub(REREAD_DAYS_MAX);
        Self { validity, uid: 0, reread: Some(Reread { to, since_day }) }.at(0)
    }

    /// The same mailbox, read up to there.
    pub(super) fn at(self, uid: u32) -> Self {
        Self { uid, reread: self.reread.filter(|reread| uid < reread.to), ..self }
    }

    /// Where a cursor says.
    pub(super) fn from_cursor(cursor: &Cursor) -> Option<Self> {
        let mut parts = cursor.as_str().split(':');
        let mut number = || parts.next().map(str::parse::<i64>).and_then(Result::ok);
        let validity = u32::try_from(number()?).ok()?;
        let uid = u32::try_from(number()?).ok()?;
        let reread = match (number(), number()) {
            (Some(to), Some(since_day)) => Some(Reread { to: u32::try_from(to).ok()?, since_day }),
            _ => None,
        };
        Some(Self { validity, uid, reread }.at(uid))
    }

    /// `VALIDITY:UID`, and while the mailbox is read anew `:TO:DAY`.
    pub(super) fn cursor(self) -> Cursor {
        let Self { validity, uid, reread } = self;
        Cursor::new(match reread {
            Some(Reread { to, since_day }) => format!("{validity}:{uid}:{to}:{since_day}"),
            None => format!("{validity}:{uid}"),
        })
    }

    /// What to search next, with the last number that it asks about; `None` when `top`, the
    /// mailbox's last letter, was read.
    pub(super) fn search(self, top: u32) -> Option<(String, u32)> {
        let from = self.uid.checked_add(1).filter(|from| *from <= top)?;
        let to = top.min(self.uid.saturating_add(WINDOW_UIDS_MAX));
        let Some(reread) = self.reread else {
            return Some((format!("UID SEARCH UID {from}:{to}"), to));
        };
        let to = to.min(reread.to);
        // By both dates: a mailbox that was made anew got everything just now.
        let day = day(reread.since_day);
        Some((format!("UID SEARCH UID {from}:{to} SINCE {day} SENTSINCE {day}"), to))
    }
}

/// A day as RFC 3501 writes it.
fn day(number: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(number.saturating_mul(DAY_MS / 1_000));
    let date = moment.map_or(Date::MIN, OffsetDateTime::date);
    let month: String = date.month().to_string().chars().take(3).collect();
    format!("{}-{month}-{:04}", date.day(), date.year())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_764_000_000_000);

    #[test]
    fn searches_ask_about_few_numbers() {
        for (place, top, expected) in [
            (Place::behind(5, 7), 9, Some(("UID SEARCH UID 8:9", 9))),
            (Place::behind(5, 7), 5_000, Some(("UID SEARCH UID 8:1007", 1_007))),
            (Place::behind(5, 9), 9, None),
            (Place::behind(5, 9), 3, None),
            (Place::behind(5, u32::MAX), u32::MAX, None),
            (
                Place::anew(6, 20, NOW),
                30,
                Some(("UID SEARCH UID 1:20 SINCE 10-Nov-2025 SENTSINCE 10-Nov-2025", 20)),
            ),
            (Place::anew(6, 20, NOW).at(20), 30, Some(("UID SEARCH UID 21:30", 30))),
        ] {
            let search = place.search(top);
            assert_eq!(search.as_ref().map(|(text, to)| (&**text, *to)), expected, "{place:?}");
        }
    }

    #[test]
    fn other_texts_are_no_places() {
        for text in ["", "5", "5:", "x:7", "-1:7", "5:99999999999"] {
            assert_eq!(Place::from_cursor(&Cursor::new(text)), None, "{text}");
        }
        assert_eq!(Place::from_cursor(&Cursor::new("5:7")), Some(Place::behind(5, 7)));
    }

    proptest! {
        #[test]
        fn a_place_is_what_its_cursor_says(validity: u32, uid: u32, to: u32, anew: bool) {
            let anew = anew.then(|| Place::anew(validity, to, NOW).at(uid));
            let place = anew.unwrap_or(Place::behind(validity, uid));
            prop_assert_eq!(Place::from_cursor(&place.cursor()), Some(place));
        }

        #[test]
        fn every_letter_is_asked_about_once(first in 0u32..5_000, to in 0u32..5_000, top: u16) {
            let (mut place, mut next) = (Place::anew(1, to, NOW).at(first), first + 1);
            let top = u32::from(top % 9_000);
            while let Some((text, last)) = place.search(top) {
                let start = format!("UID SEARCH UID {next}:{last}");
                prop_assert!(text.starts_with(&start), "{} {}", text, start);
                prop_assert!(last - next < WINDOW_UIDS_MAX);
                prop_assert_eq!(text.contains("SINCE"), last <= to, "{}", text);
                (place, next) = (place.at(last), last + 1);
            }
            prop_assert_eq!(next, top.max(first) + 1);
        }
    }
}
