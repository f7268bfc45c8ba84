//! What every index must do: the file and the maps give the same answers.

use super::{MemorySearch, SEARCH_FILE, SearchFolder};
use crate::conformance::wait;
use ieum_core::content::MessageId;
use ieum_core::ids::MessageSeq;
use ieum_core::ports::search::{IndexBatch, IndexEntry, Look, Reached, SearchFailure, SearchIndex};
use ieum_core::search::SearchMark;
use proptest::prelude::*;
use tempfile::TempDir;

fn says(message: u64, says: u64, marks: &[u64]) -> IndexEntry {
    let marks = marks.iter().copied().map(SearchMark).collect();
    IndexEntry::Says { message: MessageSeq(message), says: MessageSeq(says), marks }
}

fn batch(reached: u64, entries: Vec<IndexEntry>) -> IndexBatch {
    let (message, id) = (MessageSeq(reached), MessageId::from_bytes([7; 32]));
    IndexBatch { entries, reached: Reached { message, id } }
}

fn find(index: &dyn SearchIndex, any: &[&[u64]], before: u64, rows_max: usize) -> Vec<(u64, u64)> {
    let marks = |all: &&[u64]| all.iter().copied().map(SearchMark).collect();
    let any = any.iter().map(marks).collect();
    let look = Look { any, before: MessageSeq(before), rows_max };
    let found = wait(index.find(look)).unwrap();
    found.iter().map(|place| (place.message.0, place.says.0)).collect()
}

fn both(check: impl Fn(&dyn SearchIndex)) {
    check(&MemorySearch::default());
    let folder = TempDir::new().unwrap();
    check(&SearchFolder::open(folder.path()).unwrap());
}

#[test]
fn what_has_all_marks_of_one_place_is_found_newest_first() {
    both(|index| {
        assert_eq!(wait(index.reached()).unwrap(), None);
        let entries = vec![says(1, 1, &[1, 2]), says(2, 2, &[2, 3]), says(3, 3, &[1, 2, 3])];
        wait(index.put(batch(4, entries))).unwrap();
        assert_eq!(find(index, &[&[2]], 99, 9), [(3, 3), (2, 2), (1, 1)]);
        assert_eq!(find(index, &[&[1, 2]], 99, 9), [(3, 3), (1, 1)]);
        assert_eq!(find(index, &[&[1, 2]], 3, 9), [(1, 1)], "below a place");
        assert_eq!(find(index, &[&[2]], 99, 2), [(3, 3), (2, 2)], "at most so many");
        assert_eq!(find(index, &[&[1, 9], &[2, 3]], 99, 9), [(3, 3), (2, 2)]);
        assert_eq!(find(index, &[&[9]], 99, 9), []);
        assert_eq!(find(index, &[&[], &[]], 99, 9), [], "nothing is not everything");
        assert_eq!(find(index, &[&[2]], u64::MAX, 1), [(3, 3)]);
        assert_eq!(wait(index.reached()).unwrap().unwrap().message, MessageSeq(4));
        wait(index.clear()).unwrap();
        assert_eq!(find(index, &[&[2]], 99, 9), []);
        assert_eq!(wait(index.reached()).unwrap(), None);
        wait(index.close()).unwrap();
        assert_eq!(wait(index.reached()), Err(SearchFailure::Closed));
    });
}

#[test]
fn edits_take_the_place_of_words_and_withdrawals_stay() {
    both(|index| {
        wait(index.put(batch(2, vec![says(1, 1, &[1]), says(2, 2, &[1])]))).unwrap();
        wait(index.put(batch(3, vec![says(1, 3, &[5])]))).unwrap();
        assert_eq!(find(index, &[&[1]], 99, 9), [(2, 2)]);
        assert_eq!(find(index, &[&[5]], 99, 9), [(1, 3)]);
        let entries = vec![IndexEntry::Withdrawn(MessageSeq(1)), says(1, 5, &[1, 5])];
        wait(index.put(batch(5, entries))).unwrap();
        assert_eq!(find(index, &[&[5]], 99, 9), []);
        assert_eq!(find(index, &[&[1]], 99, 9), [(2, 2)]);
        wait(index.forget(vec![MessageSeq(2), MessageSeq(7)])).unwrap();
        assert_eq!(find(index, &[&[1]], 99, 9), []);
        assert_eq!(wait(index.reached()).unwrap().unwrap().message, MessageSeq(5));
    });
}

#[test]
fn the_file_is_read_again_and_one_that_is_spoilt_is_made_anew() {
    let folder = TempDir::new().unwrap();
    let index = SearchFolder::open(folder.path()).unwrap();
    wait(index.put(batch(1, vec![says(1, 1, &[1])]))).unwrap();
    drop(index);
    let index = SearchFolder::open(folder.path()).unwrap();
    assert_eq!(find(&index, &[&[1]], 99, 9), [(1, 1)]);
    drop(index);

    let path = folder.path().join(SEARCH_FILE);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(connection);
    let index = SearchFolder::open(folder.path()).unwrap();
    assert_eq!(wait(index.reached()).unwrap(), None, "another form");
    drop(index);

    std::fs::write(&path, "no database at all, but long enough to be looked at").unwrap();
    let index = SearchFolder::open(folder.path()).unwrap();
    assert_eq!(wait(index.reached()).unwrap(), None, "no database");
    wait(index.put(batch(1, vec![says(1, 1, &[1])]))).unwrap();
    assert_eq!(find(&index, &[&[1]], 99, 9), [(1, 1)]);
}

fn marks(below: usize) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0_u64..6, 1..below)
}

fn places() -> impl Strategy<Value = Vec<Vec<u64>>> {
    prop::collection::vec(marks(3), 1..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_file_and_the_maps_agree(
        steps in prop::collection::vec((1_u64..12, marks(4), 0_u8..4), 1..40),
        looks in prop::collection::vec((places(), 0_u64..14, 1_usize..6), 1..8),
    ) {
        let folder = TempDir::new().unwrap();
        let file = SearchFolder::open(folder.path()).unwrap();
        let maps = MemorySearch::default();
        for (place, (message, marks, deed)) in steps.iter().enumerate() {
            let place = place as u64 + 20;
            let entry = match deed {
                0 => IndexEntry::Withdrawn(MessageSeq(*message)),
                _ => says(*message, place, marks),
            };
            let batch = batch(place, vec![entry]);
            wait(maps.put(batch.clone())).unwrap();
            wait(file.put(batch)).unwrap();
        }
        for (any, before, rows_max) in &looks {
            let any: Vec<&[u64]> = any.iter().map(Vec::as_slice).collect();
            let found = find(&file, &any, *before, *rows_max);
            prop_assert_eq!(found, find(&maps, &any, *before, *rows_max));
        }
    }
}

#[test]
fn what_was_changed_or_withdrawn_is_told_of_and_nothing_else() {
    both(|index| {
        let entries = vec![
            says(1, 1, &[1]),
            says(2, 2, &[2]),
            says(3, 3, &[3]),
            says(1, 4, &[4]),
            IndexEntry::Withdrawn(MessageSeq(2)),
        ];
        wait(index.put(batch(5, entries))).unwrap();
        let asked = [1, 2, 3, 99].map(MessageSeq).to_vec();
        let changed = wait(index.changed(asked)).unwrap();
        let changed: Vec<_> =
            changed.iter().map(|one| (one.message.0, one.says.map(|says| says.0))).collect();
        assert_eq!(changed, [(1, Some(4)), (2, None)]);
        assert_eq!(wait(index.changed(Vec::new())).unwrap(), []);
    });
}
