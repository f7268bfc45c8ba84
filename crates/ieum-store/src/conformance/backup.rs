//! Copies of a store: made while it is written to, looked through, put in place, torn by crashes.

use super::sample::*;
use super::wait;
use crate::sqlite::{CopyProgress, OpenFailure, PartialCopy, STORE_FILE, SqliteStore, problems};
use ieum_core::ids::{JournalSeq, MessageSeq};
use ieum_core::ports::store::{Store, StoreFailure};
use ieum_core::time::Timestamp;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// So long that a few hundred messages take several steps.
const CONTENT_BYTES: usize = 16 << 10;

fn large(number: u64) -> ieum_core::ports::store::Admission {
    let mut event = event(number, 1, vec![to_person(LINE, 1)]);
    event.message.as_mut().unwrap().content = vec![7; CONTENT_BYTES].into();
    event
}

/// A directory whose store has the messages `1..=last`, closed.
fn directory(last: u64) -> TempDir {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    wait(store.change(Timestamp(1), people())).unwrap();
    (1..=last).for_each(|number| drop(admit(&store, event(number, 1, vec![to_person(LINE, 1)]))));
    wait(store.close()).unwrap();
    directory
}

fn back_up(directory: &Path, target: &Path) {
    PartialCopy::of_directory(directory, target, |_| {}).unwrap().keep().unwrap();
}

fn messages(store: &dyn Store) -> u64 {
    wait(store.counts()).unwrap().messages
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_copy_is_of_one_moment_however_much_is_written_meanwhile() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    wait(store.change(Timestamp(1), people())).unwrap();
    (1..=300).for_each(|number| drop(admit(&store, large(number))));
    let before = wait(store.page_journal(JournalSeq(0), 1_000)).unwrap();
    let target = directory.path().join("copy");
    let (mut steps, mut number) = (0, 300);
    let copy = PartialCopy::of_directory(directory.path(), &target, |at: CopyProgress| {
        assert!(at.pages <= at.pages_all);
        steps += 1;
        number += 1;
        admit(&store, large(number));
    });
    let copy = copy.unwrap();
    assert!(steps > 3, "{steps} steps");
    assert!(!target.exists(), "under its name only when it is whole");
    assert_eq!(problems(copy.file()).unwrap(), [""; 0]);
    copy.keep().unwrap();
    let looked_at = SqliteStore::inspect(&target).unwrap();
    assert_eq!(messages(&looked_at), 300);
    assert_eq!(wait(looked_at.page_journal(JournalSeq(0), 1_000)).unwrap(), before);
    assert!(wait(looked_at.message(MessageSeq(300))).unwrap().is_some());
    assert_eq!(messages(&store), 300 + steps);
    assert_eq!(names(directory.path()).iter().filter(|name| name.contains("copy")).count(), 1);
}

#[test]
fn a_copy_that_is_looked_at_does_not_change() {
    let directory = directory(3);
    let target = directory.path().join("copy");
    back_up(directory.path(), &target);
    let bytes = fs::read(&target).unwrap();
    let store = SqliteStore::inspect(&target).unwrap();
    let refused = wait(store.admit(batch(vec![event(9, 1, vec![])])));
    assert!(matches!(refused, Err(StoreFailure::Unavailable(_))), "{refused:?}");
    assert_eq!(messages(&store), 3);
    wait(store.close()).unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
    let copies = names(directory.path()).iter().filter(|name| name.starts_with("copy")).count();
    assert_eq!(copies, 1, "and nothing lies beside it");
}

#[test]
fn a_copy_given_up_leaves_nothing_and_keeps_no_hub_out() {
    let (old, new) = (directory(1), directory(2));
    let file = new.path().join("copy");
    back_up(new.path(), &file);
    let before = names(old.path());
    let copy = PartialCopy::for_directory(&file, old.path(), |_| {}).unwrap();
    let refused = SqliteStore::open(old.path());
    assert!(matches!(refused, Err(OpenFailure::InUse { .. })), "{refused:?}");
    drop(copy);
    assert_eq!(names(old.path()), before);
    assert_eq!(messages(&SqliteStore::open(old.path()).unwrap()), 1);
}

#[test]
fn a_copy_is_not_put_over_an_open_store() {
    let (old, new) = (directory(1), directory(2));
    let file = new.path().join("copy");
    back_up(new.path(), &file);
    let store = SqliteStore::open(old.path()).unwrap();
    let refused = PartialCopy::for_directory(&file, old.path(), |_| {});
    assert!(matches!(refused, Err(OpenFailure::InUse { .. })), "{refused:?}");
    admit(&store, event(2, 1, vec![]));
    assert_eq!(messages(&store), 2);
}

#[test]
fn what_was_changed_in_a_copy_is_put_in_place_and_the_old_store_is_kept() {
    let (old, new) = (directory(1), directory(2));
    let file = new.path().join("copy");
    back_up(new.path(), &file);
    // The log of a hub that was killed belongs to the old file.
    fs::write(old.path().join("ieum.sqlite3-wal"), "of the old store").unwrap();
    let copy = PartialCopy::for_directory(&file, old.path(), |_| {}).unwrap();
    let store = SqliteStore::open_copy(&copy).unwrap();
    wait(store.load(Timestamp(50))).unwrap();
    admit(&store, event(3, 1, vec![]));
    wait(store.close()).unwrap();
    copy.put_in_place().unwrap();
    let store = SqliteStore::open(old.path()).unwrap();
    assert_eq!(messages(&store), 3);
    wait(store.close()).unwrap();
    assert_eq!(messages(&SqliteStore::inspect(&file).unwrap()), 2, "the backup is as it was");
    let log = fs::read_to_string(old.path().join("ieum.sqlite3.replaced-wal")).unwrap();
    assert_eq!(log, "of the old store");
    let replaced = old.path().join("ieum.sqlite3.replaced");
    fs::remove_file(old.path().join("ieum.sqlite3.replaced-wal")).unwrap();
    assert_eq!(messages(&SqliteStore::inspect(&replaced).unwrap()), 1);
}

/// The states that a crash of a restore can leave, from its commit on: by how many of its steps
/// were carried out.
fn torn_restore(steps: usize) -> TempDir {
    let (old, new) = (directory(1), directory(2));
    let at = |name: &str| old.path().join(name);
    fs::write(at("ieum.sqlite3-wal"), "of the old store").unwrap();
    fs::write(at("ieum.sqlite3-shm"), "of the old store").unwrap();
    fs::copy(new.path().join(STORE_FILE), at("ieum.sqlite3.restoring")).unwrap();
    let moves: [(PathBuf, PathBuf); 3] = [
        (at("ieum.sqlite3-wal"), at("ieum.sqlite3.replaced-wal")),
        (at("ieum.sqlite3-shm"), at("thrown-away")),
        (at(STORE_FILE), at("ieum.sqlite3.replaced")),
    ];
    for (from, to) in moves.iter().take(steps) {
        fs::rename(from, to).unwrap();
    }
    old
}

#[test]
fn a_restore_that_a_crash_tore_is_ended_by_whoever_opens_next() {
    for steps in 0..=3 {
        let directory = torn_restore(steps);
        let store = SqliteStore::open(directory.path()).unwrap();
        assert_eq!(messages(&store), 2, "after {steps} steps");
        admit(&store, event(3, 1, vec![]));
        wait(store.close()).unwrap();
        assert_eq!(messages(&SqliteStore::open(directory.path()).unwrap()), 3);
        let names = names(directory.path());
        assert!(names.contains(&"ieum.sqlite3.replaced".to_owned()), "{names:?}");
        assert!(!names.iter().any(|name| name.ends_with(".restoring")), "{names:?}");
        let log = directory.path().join("ieum.sqlite3.replaced-wal");
        assert_eq!(fs::read_to_string(log).unwrap(), "of the old store", "after {steps} steps");
    }
}

#[test]
fn a_file_with_its_log_beside_it_is_no_copy() {
    let (old, new) = (directory(1), directory(2));
    let file = new.path().join(STORE_FILE);
    fs::write(new.path().join("ieum.sqlite3-wal"), "something").unwrap();
    let refused = PartialCopy::for_directory(&file, old.path(), |_| {});
    assert!(matches!(refused, Err(OpenFailure::Torn)), "{refused:?}");
    fs::write(new.path().join("ieum.sqlite3-wal"), "").unwrap();
    drop(PartialCopy::for_directory(&file, old.path(), |_| {}).unwrap());
    let missing = PartialCopy::for_directory(&old.path().join("none"), new.path(), |_| {});
    assert!(matches!(missing, Err(OpenFailure::Directory { .. })), "{missing:?}");
}

/// Overwrites one page of a store; 1 is the first.
fn spoil_page(file: &Path, page: usize) {
    let mut bytes = fs::read(file).unwrap();
    let from = (page - 1) * 4_096;
    bytes[from..from + 4_096].fill(0xa5);
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_damaged_page_is_found_at_once_wherever_it_is() {
    let whole = directory(400);
    let file = whole.path().join(STORE_FILE);
    let pages = usize::try_from(fs::metadata(&file).unwrap().len()).unwrap() / 4_096;
    assert!(pages > 20, "{pages}");
    for page in [1, 2, pages / 2, pages - 1, pages] {
        let damaged = TempDir::new().unwrap();
        let file_there = damaged.path().join(STORE_FILE);
        fs::copy(&file, &file_there).unwrap();
        spoil_page(&file_there, page);
        let spoilt = fs::read(&file_there).unwrap();
        let found = problems(&file_there);
        assert!(!matches!(&found, Ok(found) if found.is_empty()), "page {page}");
        let opened = SqliteStore::open(damaged.path());
        let refused = matches!(opened, Err(OpenFailure::Store(StoreFailure::Damaged(_))));
        assert!(refused, "page {page} of {pages}: {opened:?}");
        drop(opened);
        assert!(fs::read(&file_there).unwrap() == spoilt, "page {page}: it is left as it is");
    }
}

#[test]
fn a_copy_of_an_older_format_is_whole_but_not_looked_into_until_it_is_put_in_place() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v1.sqlite3");
    assert_eq!(problems(&fixture).unwrap(), [""; 0]);
    let inspected = SqliteStore::inspect(&fixture);
    assert!(matches!(inspected, Err(OpenFailure::Older { found: 1, .. })), "{inspected:?}");
    let directory = TempDir::new().unwrap();
    let copy = PartialCopy::for_directory(&fixture, directory.path(), |_| {}).unwrap();
    let count = messages(&SqliteStore::open_copy(&copy).unwrap());
    assert!(count > 0);
    copy.put_in_place().unwrap();
    assert_eq!(messages(&SqliteStore::open(directory.path()).unwrap()), count);
    assert_eq!(names(directory.path()), ["ieum.lock", STORE_FILE]);
}
