//! Ways into the tables: from a network's own id to an entity, from a person to conversations.
//!
//! The indexes hold numbers only, no second copy of a text. Invariant: an index answers with
//! candidates; whoever asks compares the entity itself.

use crate::ids::{AccountId, ConversationId, PersonId};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Numbers of entities by a hash of their account and native id.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyIndex {
    /// By the hash's highest bits; each list sorted by hash and number.
    lists: BTreeMap<u64, Vec<(u64, u64)>>,
}

/// Bits of the hash that choose a list: 4,096 lists at most.
const LIST_BITS: u32 = 12;
/// Entries by which a list grows: it is to be small, not fast to fill.
const LIST_GROWTH: usize = 8;

fn hash(account: AccountId, key: &str) -> u64 {
    // Without random keys: the index lives as long as the process and its order shows nowhere.
    let mut hasher = DefaultHasher::new();
    (account, key).hash(&mut hasher);
    hasher.finish()
}

const fn list_of(hash: u64) -> u64 {
    hash >> (u64::BITS - LIST_BITS)
}

impl KeyIndex {
    /// Remembers an entity under one of its keys.
    pub(super) fn insert(&mut self, account: AccountId, key: &str, id: u64) {
        let entry = (hash(account, key), id);
        let list = self.lists.entry(list_of(entry.0)).or_default();
        if let Err(place) = list.binary_search(&entry) {
            if list.len() == list.capacity() {
                list.reserve_exact(LIST_GROWTH);
            }
            list.insert(place, entry);
        }
    }

    /// Forgets that.
    pub(super) fn remove(&mut self, account: AccountId, key: &str, id: u64) {
        let entry = (hash(account, key), id);
        if let Some(list) = self.lists.get_mut(&list_of(entry.0))
            && let Ok(place) = list.binary_search(&entry)
        {
            list.remove(place);
        }
    }

    /// The entities that may have this key, the newest first; nearly always one.
    pub(super) fn candidates(&self, account: AccountId, key: &str) -> impl Iterator<Item = u64> {
        let hash = hash(account, key);
        let list = self.lists.get(&list_of(hash)).map_or(&[][..], Vec::as_slice);
        let start = list.partition_point(|entry| *entry < (hash, 0));
        let rest = list.get(start..).unwrap_or_default();
        let end = rest.partition_point(|entry| entry.0 == hash);
        rest.get(..end).unwrap_or_default().iter().rev().map(|(_, id)| *id)
    }
}

/// Persons in one page of [`Memberships`].
const PAGE_PERSONS: usize = 32;

/// The conversations of each person, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Memberships {
    pages: BTreeMap<u64, Box<[List; PAGE_PERSONS]>>,
}

/// Most people are in no or one conversation.
#[derive(Debug, Clone, Default)]
enum List {
    #[default]
    None,
    One(ConversationId),
    #[allow(clippy::box_collection, reason = "a list is twice as large without the box")]
    More(Box<Vec<ConversationId>>),
}

fn place(person: PersonId) -> (u64, usize) {
    let persons = PAGE_PERSONS as u64;
    (person.0 / persons, usize::try_from(person.0 % persons).unwrap_or_default())
}

impl Memberships {
    /// The conversations of a person.
    pub(super) fn of(&self, person: PersonId) -> &[ConversationId] {
        let (page, slot) = place(person);
        let list = self.pages.get(&page).and_then(|lists| lists.get(slot));
        list.map_or(&[], List::as_slice)
    }

    /// Adds a conversation to a person's.
    pub(super) fn insert(&mut self, person: PersonId, conversation: ConversationId) {
        let (page, slot) = place(person);
        let lists = self.pages.entry(page).or_default();
        if let Some(list) = lists.get_mut(slot) {
            list.insert(conversation);
        }
    }

    /// Takes a conversation from a person's.
    pub(super) fn remove(&mut self, person: PersonId, conversation: ConversationId) {
        let (page, slot) = place(person);
        let lists = self.pages.get_mut(&page);
        if let Some(list) = lists.and_then(|lists| lists.get_mut(slot)) {
            list.remove(conversation);
        }
    }
}

impl List {
    fn as_slice(&self) -> &[ConversationId] {
        match self {
            Self::None => &[],
            Self::One(only) => std::slice::from_ref(only),
            Self::More(list) => list,
        }
    }

    fn insert(&mut self, new: ConversationId) {
        match self {
            Self::None => *self = Self::One(new),
            Self::One(only) if *only == new => {}
            Self::One(only) => {
                let (first, second) = (new.min(*only), new.max(*only));
                *self = Self::More(Box::new(vec![first, second]));
            }
            Self::More(list) => {
                if let Err(place) = list.binary_search(&new) {
                    list.insert(place, new);
                }
            }
        }
    }

    fn remove(&mut self, gone: ConversationId) {
        match self {
            Self::One(only) if *only == gone => *self = Self::None,
            Self::None | Self::One(_) => {}
            Self::More(list) => {
                if let Ok(place) = list.binary_search(&gone) {
                    list.remove(place);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn memberships_are_a_set(
            steps in prop::collection::vec((0_u64..70, 0_u64..6, any::<bool>()), 0..300),
        ) {
            let mut index = Memberships::default();
            let mut set = BTreeSet::new();
            for (person, conversation, member) in steps {
                let (person, conversation) = (PersonId(person), ConversationId(conversation));
                if member {
                    index.insert(person, conversation);
                    set.insert((person, conversation));
                } else {
                    index.remove(person, conversation);
                    set.remove(&(person, conversation));
                }
            }
            for person in (0..71).map(PersonId) {
                let of = set.iter().filter(|(member, _)| *member == person);
                let wanted: Vec<_> = of.map(|(_, conversation)| *conversation).collect();
                prop_assert_eq!(index.of(person), wanted);
            }
        }
    }

    #[test]
    fn all_entities_under_one_key_are_candidates_until_they_are_removed() {
        let mut index = KeyIndex::default();
        let account = AccountId(1);
        index.insert(account, "a", 3);
        index.insert(account, "a", 9);
        index.insert(AccountId(2), "a", 4);
        assert!(index.candidates(account, "a").eq([9, 3]));
        index.remove(account, "a", 9);
        index.remove(account, "b", 3);
        assert!(index.candidates(account, "a").eq([3]));
        assert_eq!(index.candidates(account, "b").count(), 0);
    }
}
