//! How long the media room waits between two tries.

/// Shortest and longest wait, before jitter.
const WAIT_MS: (u64, u64) = (1_000, 300_000);

/// The wait after so many failed tries: doubled each time, less up to a quarter by `jitter`
/// (0 to 1,000).
pub(crate) fn media_wait_ms(tries: u32, jitter: u64) -> u64 {
    let (least, most) = WAIT_MS;
    let wait = least.saturating_mul(1_u64.checked_shl(tries).unwrap_or(u64::MAX)).min(most);
    wait - wait / 4 * jitter.min(1_000) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes() {
        let waits: Vec<u64> = [0, 1, 2, 8, 9, 63, 64, u32::MAX].map(|n| media_wait_ms(n, 0)).into();
        assert_eq!(waits, [1_000, 2_000, 4_000, 256_000, 300_000, 300_000, 300_000, 300_000]);
        assert_eq!(media_wait_ms(2, 1_000), 3_000);
        assert_eq!(media_wait_ms(2, 9_999), 3_000);
    }
}
