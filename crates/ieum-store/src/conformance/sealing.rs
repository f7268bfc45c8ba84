//! Contents that are sealed: not to be found in any file, read with their keys alone.

use super::sample::*;
use super::wait;
use crate::search::SearchFolder;
use crate::sqlite::{OpenFailure, STORE_FILE, SqliteStore, StoreKey};
use ieum_core::ids::{ConversationId, MessageSeq};
use ieum_core::ports::search::{IndexBatch, IndexEntry, Look, Reached, SearchIndex};
use ieum_core::ports::store::{Admission, Store, StoreFailure};
use ieum_core::search::SearchMark;
use proptest::prelude::*;
use rusqlite::Connection;
use std::path::Path;
use tempfile::TempDir;

const TEXT: &str = "a text that is for its readers only";

fn key(number: u8) -> StoreKey {
    StoreKey::of_secret(&format!("a secret of the operator's, number {number}"))
}

fn says(number: u64, text: &str) -> Admission {
    let mut admission = event(number, 1, Vec::new());
    if let Some(message) = &mut admission.message {
        message.content = text.as_bytes().into();
    }
    admission
}

fn content(store: &dyn Store, seq: u64) -> Result<Vec<u8>, StoreFailure> {
    let found = wait(store.message(MessageSeq(seq)))?;
    Ok(found.unwrap().new.content.to_vec())
}

/// Whether any file of the folder holds these bytes.
fn lies_in(folder: &Path, text: &[u8]) -> bool {
    let mut files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.any(|file| {
        let bytes = std::fs::read(file).unwrap();
        bytes.windows(text.len()).any(|window| window == text)
    })
}

fn refused(folder: &Path, keys: &[StoreKey], any_given: bool) {
    let before = std::fs::read(folder.join(STORE_FILE)).unwrap();
    match SqliteStore::open_sealed(folder, keys) {
        Err(OpenFailure::KeyMissing { any }) => assert_eq!(any, any_given),
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read(folder.join(STORE_FILE)).unwrap(), before, "nothing was changed");
}

#[test]
fn no_file_holds_a_text_while_it_runs_or_after() {
    for keys in [vec![], vec![key(1)]] {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open_sealed(folder.path(), &keys).unwrap();
        for number in 1..300 {
            admit(&store, says(number, &format!("{TEXT} {number}")));
        }
        let plain = keys.is_empty();
        assert_eq!(lies_in(folder.path(), TEXT.as_bytes()), plain, "the log");
        assert_eq!(content(&store, 7).unwrap(), format!("{TEXT} 7").as_bytes());
        wait(store.close()).unwrap();
        assert_eq!(lies_in(folder.path(), TEXT.as_bytes()), plain, "the file");
        let store = SqliteStore::open_sealed(folder.path(), &keys).unwrap();
        assert_eq!(content(&store, 299).unwrap(), format!("{TEXT} 299").as_bytes());
        let page = wait(store.page_messages(ConversationId(1), MessageSeq(9), 9)).unwrap();
        assert_eq!(&*page[0].new.content, format!("{TEXT} 8").as_bytes());
        let after = wait(store.messages_after(MessageSeq(3), 1)).unwrap();
        assert_eq!(&*after[0].new.content, format!("{TEXT} 4").as_bytes());
    }
}

#[test]
fn a_wrong_key_is_refused_before_anything_is_changed() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open_sealed(folder.path(), &[key(1)]).unwrap();
    admit(&store, says(1, TEXT));
    wait(store.close()).unwrap();
    refused(folder.path(), &[key(2)], true);
    refused(folder.path(), &[], false);
    let store = SqliteStore::open_sealed(folder.path(), &[key(1)]).unwrap();
    assert_eq!(content(&store, 1).unwrap(), TEXT.as_bytes());
}

#[test]
fn keys_follow_each_other_and_plain_texts_stay_readable() {
    let folder = TempDir::new().unwrap();
    let lives = [vec![], vec![key(1)], vec![key(2), key(1)], vec![key(3), key(2), key(1)]];
    for (life, keys) in (1..).zip(&lives) {
        let store = SqliteStore::open_sealed(folder.path(), keys).unwrap();
        admit(&store, says(life, &format!("life {life}")));
        for earlier in 1..=life {
            assert_eq!(content(&store, earlier).unwrap(), format!("life {earlier}").as_bytes());
        }
        wait(store.close()).unwrap();
    }
    refused(folder.path(), &[key(3), key(2)], true);
    refused(folder.path(), &[key(3)], true);
}

#[test]
fn what_was_changed_or_moved_is_damage_and_no_other_text() {
    for spoil in [
        "UPDATE message SET content = zeroblob(60) WHERE seq = 1",
        "UPDATE message SET content = x'00' WHERE seq = 1",
        "UPDATE message SET content = (SELECT content FROM message WHERE seq = 2) WHERE seq = 1",
    ] {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open_sealed(folder.path(), &[key(1)]).unwrap();
        admit(&store, says(1, TEXT));
        admit(&store, says(2, TEXT));
        wait(store.close()).unwrap();
        let connection = Connection::open(folder.path().join(STORE_FILE)).unwrap();
        connection.execute_batch(spoil).unwrap();
        drop(connection);
        // What was written last is read while opening: then that tells it.
        let told = match SqliteStore::open_sealed(folder.path(), &[key(1)]) {
            Ok(store) => content(&store, 1),
            Err(OpenFailure::Store(failure)) => Err(failure),
            Err(other) => panic!("{other:?}"),
        };
        assert!(matches!(told, Err(StoreFailure::Damaged(_))), "{spoil}: {told:?}");
    }
}

#[test]
fn a_backup_is_looked_through_without_a_key_and_read_with_it() {
    let (folder, copies) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = SqliteStore::open_sealed(folder.path(), &[key(1)]).unwrap();
    admit(&store, says(1, TEXT));
    wait(store.close()).unwrap();
    let copy = copies.path().join(STORE_FILE);
    std::fs::copy(folder.path().join(STORE_FILE), &copy).unwrap();
    let looked = SqliteStore::inspect(&copy).unwrap();
    assert_eq!(wait(looked.counts()).unwrap().messages, 1);
    assert_eq!(content(&looked, 1).unwrap(), b"", "blind");
    drop(looked);
    let blind = SqliteStore::open_blind(copies.path()).unwrap();
    assert_eq!(content(&blind, 1).unwrap(), b"");
    drop(blind);
    assert!(!lies_in(copies.path(), TEXT.as_bytes()));
    let store = SqliteStore::open_sealed(copies.path(), &[key(1)]).unwrap();
    assert_eq!(content(&store, 1).unwrap(), TEXT.as_bytes());
}

#[test]
fn the_search_index_is_made_by_the_key_and_anew_by_another() {
    let folder = TempDir::new().unwrap();
    let mark = SearchMark(0x12_3456_789a);
    let finds = |index: &SearchFolder| {
        let look = Look { any: vec![vec![mark]], before: MessageSeq(9), rows_max: 9 };
        wait(index.find(look)).unwrap().len()
    };
    for (number, keys) in [(1, None), (1, Some(key(1))), (2, Some(key(1))), (1, Some(key(2)))] {
        let index = SearchFolder::open_sealed(folder.path(), keys.as_ref()).unwrap();
        // By the same key as before it is still there; by another one it begins anew.
        assert_eq!(finds(&index), number - 1);
        let entry = |seq| IndexEntry::Says {
            message: MessageSeq(seq),
            says: MessageSeq(seq),
            marks: vec![mark],
        };
        let reached = Reached { message: MessageSeq(1), id: id(1) };
        wait(index.put(IndexBatch { entries: vec![entry(1)], reached })).unwrap();
        assert_eq!(finds(&index), 1);
        wait(index.close()).unwrap();
        let plain = lies_in(folder.path(), b"123456789a");
        assert_eq!(plain, keys.is_none());
    }
}

fn contents() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_content_comes_back(contents in contents()) {
        let folder = TempDir::new().unwrap();
        let store = SqliteStore::open_sealed(folder.path(), &[key(1)]).unwrap();
        for (number, bytes) in (1..).zip(&contents) {
            let mut admission = says(number, "");
            if let Some(message) = &mut admission.message {
                message.content = bytes.as_slice().into();
            }
            admit(&store, admission);
        }
        wait(store.close()).unwrap();
        let store = SqliteStore::open_sealed(folder.path(), &[key(1)]).unwrap();
        for (number, bytes) in (1..).zip(&contents) {
            prop_assert_eq!(&content(&store, number).unwrap(), bytes);
        }
    }
}
