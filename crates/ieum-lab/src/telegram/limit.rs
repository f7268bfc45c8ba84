//! Telegram's rate limits: over all chats, in each chat, and in each group a minute. Short bursts
//! are allowed. Each limit is kept as the moment at which it would be unused again.

use std::collections::BTreeMap;

use ieum_core::time::Timestamp;

use crate::world::Rules;

/// Messages that one chat may get at once before a second each counts (assumption).
const CHAT_BURST: u64 = 5;

/// The state of all limits.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    all: i64,
    chats: BTreeMap<String, i64>,
    groups: BTreeMap<String, i64>,
}

impl Limits {
    /// Counts one message, or says after how many seconds to come again.
    pub(crate) fn count(
        &mut self,
        rules: &Rules,
        chat: &str,
        is_group: bool,
        now: Timestamp,
    ) -> Result<(), u64> {
        if !rules.rate_limits {
            return Ok(());
        }
        let per_s = u64::from(rules.telegram_per_s.max(1));
        let per_min = u64::from(rules.telegram_group_per_min.max(1));
        let in_chat = self.chats.get(chat).copied().unwrap_or(0);
        let in_group = self.groups.get(chat).copied().unwrap_or(0);
        let all = advanced(self.all, now, 1_000 / per_s, per_s)?;
        let in_chat = advanced(in_chat, now, 1_000, CHAT_BURST)?;
        let in_group =
            if is_group { advanced(in_group, now, 60_000 / per_min, per_min)? } else { 0 };
        self.all = all;
        self.chats.insert(chat.to_owned(), in_chat);
        self.groups.insert(chat.to_owned(), in_group);
        Ok(())
    }
}

/// The limit after one more, each costing `cost_ms`, with `burst` of them at once.
fn advanced(unused_at: i64, now: Timestamp, cost_ms: u64, burst: u64) -> Result<i64, u64> {
    let next = Timestamp(unused_at.max(now.0)).plus_ms(cost_ms);
    let debt_ms = next.ms_since(now);
    let allowed_ms = cost_ms * burst;
    if debt_ms <= allowed_ms {
        Ok(next.0)
    } else {
        Err((debt_ms - allowed_ms).div_ceil(1_000).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_takes_a_burst_and_then_makes_wait() {
        let mut limits = Limits::default();
        let rules = Rules::default();
        let now = Timestamp(1_000_000);
        for _ in 0..CHAT_BURST {
            assert_eq!(limits.count(&rules, "family", true, now), Ok(()));
        }
        assert_eq!(limits.count(&rules, "family", true, now), Err(1));
        assert_eq!(limits.count(&rules, "other", true, now), Ok(()));
        assert_eq!(limits.count(&rules, "family", true, now.plus_ms(1_000)), Ok(()));
        let off = Rules { rate_limits: false, ..rules };
        assert_eq!(limits.count(&off, "family", true, now), Ok(()));
    }

    #[test]
    fn twenty_a_minute_in_a_group() {
        let mut limits = Limits::default();
        let rules = Rules::default();
        let sent = (0..60)
            .filter(|second| {
                let now = Timestamp(1_000_000).plus_ms(second * 1_000);
                limits.count(&rules, "family", true, now).is_ok()
            })
            .count();
        assert!((20..=40).contains(&sent), "{sent}");
    }
}
