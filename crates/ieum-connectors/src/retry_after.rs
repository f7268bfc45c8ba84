//! The `Retry-After` header of HTTP (RFC 9110, section 10.2.3), as seconds or as a date.

use crate::moment;
use http::HeaderMap;
use http::header::RETRY_AFTER;
use ieum_core::time::Timestamp;

/// Longest wait that is believed; after a longer one it is tried again all the same.
const WAIT_MS_MAX: u64 = 24 * 3_600 * 1_000;

/// How long to wait, in milliseconds; zero when the header is missing or cannot be read.
pub(crate) fn wait_ms(headers: &HeaderMap, now: Timestamp) -> u64 {
    let text = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let text = text.unwrap_or_default().trim();
    let wait_ms = match text.parse::<u64>() {
        Ok(seconds) => seconds.saturating_mul(1_000),
        Err(_) => moment::from_http_date(text).map_or(0, |date| date.ms_since(now)),
    };
    wait_ms.min(WAIT_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn seconds_dates_and_rubbish() {
        let now = Timestamp(1_785_214_800_000); // Tue, 28 Jul 2026 05:00:00 GMT
        for (text, wait) in [
            ("0", 0),
            ("7", 7_000),
            (" 7 ", 7_000),
            ("Tue, 28 Jul 2026 05:00:09 GMT", 9_000),
            ("Tue, 28 Jul 2026 04:59:00 GMT", 0),
            ("99999999999999999999", 0),
            ("18446744073709551615", WAIT_MS_MAX),
            ("-3", 0),
            ("soon", 0),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            assert_eq!(wait_ms(&headers, now), wait, "{text}");
        }
        assert_eq!(wait_ms(&HeaderMap::new(), now), 0);
    }
}
