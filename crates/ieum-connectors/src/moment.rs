//! Points in time as networks write them.
//!
//! Pure. Invariant: a text that is not a whole moment gives none, never another moment.

use ieum_core::time::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// RFC 3339 with up to nanoseconds, rounded down to milliseconds.
pub(crate) fn from_rfc3339(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc3339).ok().and_then(timestamp)
}

/// The date of an HTTP header.
pub(crate) fn from_http_date(text: &str) -> Option<Timestamp> {
    OffsetDateTime::parse(text, &Rfc2822).ok().and_then(timestamp)
}

fn timestamp(moment: OffsetDateTime) -> Option<Timestamp> {
    let ms = moment.unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(ms).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_whole_and_rounded_down() {
        for (text, ms) in [
            ("2026-07-28T05:00:00.000000000Z", Some(1_785_214_800_000)),
            ("2026-07-28T14:00:00.001999999+09:00", Some(1_785_214_800_001)),
            ("1969-12-31T23:59:59.9999Z", Some(-1)),
            ("2026-07-28T05:00:00", None),
            ("2026-07-28", None),
            ("2026-13-28T05:00:00Z", None),
            ("1785214800000", None),
            ("", None),
        ] {
            assert_eq!(from_rfc3339(text).map(|moment| moment.0), ms, "{text}");
        }
        let date = from_http_date("Tue, 28 Jul 2026 05:00:00 GMT");
        assert_eq!(date, Some(Timestamp(1_785_214_800_000)));
        assert_eq!(from_http_date("tomorrow"), None);
    }
}
