//! How much somebody may send within an hour, so that nobody fills the disk alone.
//!
//! In memory. Invariant: within any hour by the clock nobody passes [`HOUR_BYTES_MAX`].

use ieum_core::ids::PersonId;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What one person may send from pages within an hour: 512 MiB.
const HOUR_BYTES_MAX: u64 = 512 << 20;
const HOUR_MS: u64 = 3_600_000;
/// People whose hour is counted; beyond, those whose hour is over are forgotten first.
const COUNTED_MAX: usize = 4_096;

/// Since when, and how much.
type Spent = (Timestamp, u64);

/// What each sent in their hour.
#[derive(Debug, Default)]
pub(in crate::web) struct Budgets(Mutex<BTreeMap<PersonId, Spent>>);

impl Budgets {
    /// Takes so many bytes of somebody's hour; whether they had as many left.
    pub(super) fn take(&self, person: PersonId, bytes: u64, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= COUNTED_MAX {
            all.retain(|_, (since, _)| now.ms_since(*since) < HOUR_MS);
        }
        let (since, spent) = all.entry(person).or_insert((now, 0));
        if now.ms_since(*since) >= HOUR_MS {
            (*since, *spent) = (now, 0);
        }
        let after = spent.saturating_add(bytes);
        let fits = after <= HOUR_BYTES_MAX;
        if fits {
            *spent = after;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_holds_so_much_for_each_and_then_begins_anew() {
        let budgets = Budgets::default();
        let take = |person, bytes, at| budgets.take(PersonId(person), bytes, Timestamp(at));
        assert!(take(1, HOUR_BYTES_MAX, 0));
        assert!(!take(1, 1, 3_599_999));
        assert!(take(2, HOUR_BYTES_MAX - 1, 5));
        assert!(!take(2, 2, 6));
        assert!(take(2, 1, 6), "what does not fit takes nothing");
        assert!(take(1, 1, 3_600_000));
    }

    #[test]
    fn people_whose_hour_is_over_are_forgotten() {
        let budgets = Budgets::default();
        for person in 0..10_000_u64 {
            let at = Timestamp(i64::try_from(person).unwrap() * 3_600_000);
            assert!(budgets.take(PersonId(person), 1, at));
        }
        assert!(budgets.0.lock().unwrap().len() <= COUNTED_MAX);
    }
}
