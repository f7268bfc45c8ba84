//! The finder's rows that no run holds yet, in the order in which they were added.
//!
//! Each row leads to the one before it with the same key: adding costs one look into a hash map,
//! a fourth of what a sorted set costs. Invariant: the map holds the last row of each key.

use crate::rows::{FindKind, FindRow};
use ieum_core::ids::MessageSeq;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// Nothing goes by the map's order; the hasher is named so that none is drawn at random.
type Newest = HashMap<(FindKind, u64), u32, BuildHasherDefault<DefaultHasher>>;

/// The rows.
#[derive(Debug, Default)]
pub(super) struct Live {
    rows: Vec<Linked>,
    newest: Newest,
}

#[derive(Debug)]
struct Linked {
    row: FindRow,
    /// The place of the one before it with the same key.
    before: Option<u32>,
}

impl Live {
    /// Adds a row, unless it is the same as one of this key.
    pub(super) fn add(&mut self, row: FindRow) {
        // Each message is added once; only its copies may be told of again.
        if row.kind == FindKind::Copy && self.of(row.kind, row.key).any(|found| found == row) {
            return;
        }
        let Ok(place) = u32::try_from(self.rows.len()) else {
            return;
        };
        let before = self.newest.insert((row.kind, row.key), place);
        self.rows.push(Linked { row, before });
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Forgets those added after there were so many.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.rows.len() > len
            && let Some(Linked { row, before }) = self.rows.pop()
        {
            match before {
                Some(before) => self.newest.insert((row.kind, row.key), before),
                None => self.newest.remove(&(row.kind, row.key)),
            };
        }
    }

    /// Those with this key, the last added first.
    pub(super) fn of(&self, kind: FindKind, key: u64) -> impl Iterator<Item = FindRow> {
        let mut next = self.newest.get(&(kind, key)).copied();
        std::iter::from_fn(move || {
            let linked = self.rows.get(usize::try_from(next?).ok()?)?;
            next = linked.before;
            Some(linked.row)
        })
    }

    /// Those with this key and of messages below `before`, the newest message first.
    pub(super) fn find(&self, (kind, key): (FindKind, u64), before: MessageSeq) -> Vec<FindRow> {
        let mut found: Vec<_> = self.of(kind, key).filter(|row| row.message < before).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        found
    }

    /// All of them in order; none are left.
    pub(super) fn take_sorted(&mut self) -> Vec<FindRow> {
        self.newest.clear();
        let mut rows: Vec<_> = self.rows.drain(..).map(|linked| linked.row).collect();
        rows.sort_unstable();
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ieum_core::ids::DeliverySeq;

    fn row(kind: FindKind, key: u64, message: u64) -> FindRow {
        FindRow { kind, key, message: MessageSeq(message), delivery: DeliverySeq(0) }
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let mut live = Live::default();
        live.add(row(FindKind::Conversation, 7, 1));
        live.add(row(FindKind::Copy, 9, 1));
        let len = live.len();
        live.add(row(FindKind::Conversation, 7, 2));
        live.add(row(FindKind::Copy, 9, 1));
        live.add(row(FindKind::Id, 3, 2));
        assert_eq!(live.len(), len + 2, "the same copy is added once");
        let both = live.find((FindKind::Conversation, 7), MessageSeq(9));
        assert_eq!(both, [row(FindKind::Conversation, 7, 2), row(FindKind::Conversation, 7, 1)]);
        live.truncate(len);
        assert_eq!(live.of(FindKind::Id, 3).count(), 0);
        let one = live.find((FindKind::Conversation, 7), MessageSeq(9));
        assert_eq!(one, [row(FindKind::Conversation, 7, 1)]);
        let sorted = [row(FindKind::Copy, 9, 1), row(FindKind::Conversation, 7, 1)];
        assert_eq!(live.take_sorted(), sorted);
        assert_eq!((live.len(), live.of(FindKind::Copy, 9).count()), (0, 0));
    }
}
