//! Writing points in time as RFC 3339, in UTC.

use ieum_core::time::Timestamp;

/// For example `2026-07-28T05:00:00.000Z`, with this many digits after the second.
pub(crate) fn rfc3339(moment: Timestamp, digits: usize) -> String {
    let (year, month, day) = date(moment.0.div_euclid(86_400_000));
    let of_day = moment.0.rem_euclid(86_400_000);
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60);
    let mut fraction = format!("{:03}", of_day % 1_000);
    while fraction.len() < digits {
        fraction.push('0');
    }
    fraction.truncate(digits);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction}Z")
}

/// The date of the Gregorian calendar, this many days after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        assert_eq!(rfc3339(Timestamp(0), 3), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(Timestamp(1_716_184_320_007), 9), "2024-05-20T05:52:00.007000000Z");
        assert_eq!(rfc3339(Timestamp(1_709_164_800_000), 3), "2024-02-29T00:00:00.000Z");
    }
}
