//! "I am here": one address of a person goes first for a while.
//!
//! Pure. Invariant: while somebody stays somewhere, the order of their own wish is untouched and
//! counts again afterwards.

use crate::directory::{Change, Directory, Gone};
use crate::ids::{AddressId, PersonId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How long somebody is where they said: 12 hours.
pub const HERE_MS: u64 = 12 * 3_600_000;
/// Stays that are ended at once.
const ENDED_MAX: usize = 256;

/// Where somebody said they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Who.
    pub person: PersonId,
    /// Their address.
    pub address: AddressId,
    /// Until when.
    pub until: Timestamp,
}

/// All who said where they are.
#[derive(Debug, Clone, Default)]
pub struct Stays {
    of: BTreeMap<PersonId, Stay>,
    ends: BTreeSet<(Timestamp, PersonId)>,
}

impl Stays {
    /// Somebody said where they are.
    pub(crate) fn put(&mut self, stay: Stay) {
        self.remove(stay.person);
        self.ends.insert((stay.until, stay.person));
        self.of.insert(stay.person, stay);
    }

    /// They are there no more.
    pub(crate) fn remove(&mut self, person: PersonId) {
        if let Some(old) = self.of.remove(&person) {
            self.ends.remove(&(old.until, person));
        }
    }

    /// Where a person said they are.
    #[must_use]
    pub fn of(&self, person: PersonId) -> Option<Stay> {
        self.of.get(&person).copied()
    }

    /// The end of those whose time is over; some at a time.
    #[must_use]
    pub fn ended(&self, now: Timestamp) -> Vec<Change> {
        let over = self.ends.iter().take_while(|(until, _)| *until <= now).take(ENDED_MAX);
        over.map(|(_, person)| Change::Gone(Gone::Stay(*person))).collect()
    }
}

/// A person's addresses as they are to be tried: where they are, then by their own wish.
#[must_use]
pub fn order_of(directory: &Directory, person: PersonId, wished: &[AddressId]) -> Vec<AddressId> {
    let here = directory.stays().of(person).map(|stay| stay.address);
    let here = here.filter(|here| wished.contains(here));
    here.into_iter().chain(wished.iter().copied().filter(|id| Some(*id) != here)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stay(person: u64, address: u64, until: i64) -> Change {
        let (person, address) = (PersonId(person), AddressId(address));
        Change::Stay(Stay { person, address, until: Timestamp(until) })
    }

    #[test]
    fn the_place_goes_first_and_only_if_it_is_theirs() {
        let mut directory = Directory::default();
        let wished = [1, 2, 3].map(AddressId);
        assert_eq!(order_of(&directory, PersonId(1), &wished), wished);
        directory.apply(stay(1, 3, 9));
        assert_eq!(order_of(&directory, PersonId(1), &wished), [3, 1, 2].map(AddressId));
        assert_eq!(order_of(&directory, PersonId(2), &wished), wished);
        directory.apply(stay(1, 99, 9));
        assert_eq!(order_of(&directory, PersonId(1), &wished), wished);
    }

    proptest! {
        #[test]
        fn a_stay_ends_at_its_time_and_the_last_word_counts(
            said in prop::collection::vec((0..5_u64, 0..9_u64, 0..100_i64), 0..40),
            now in 0..100_i64,
        ) {
            let mut directory = Directory::default();
            let mut last = BTreeMap::new();
            for (person, address, until) in said {
                directory.apply(stay(person, address, until));
                last.insert(person, (address, until));
            }
            for change in directory.stays().ended(Timestamp(now)) {
                directory.apply(change);
            }
            for (person, (address, until)) in last {
                let found = directory.stays().of(PersonId(person)).map(|stay| stay.address.0);
                prop_assert_eq!(found, (until > now).then_some(address));
            }
        }
    }
}
