//! What a crash, a second handle, a full disk and damage leave.

use super::sample::*;
use super::{Bench, wait};
use crate::sqlite::{LOCK_FILE, OpenFailure, STORE_FILE, SqliteStore};
use ieum_core::delivery::State;
use ieum_core::ids::{DeliverySeq, MessageSeq};
use ieum_core::ports::store::{Store, StoreFailure};
use ieum_core::time::Timestamp;
use tempfile::TempDir;

#[test]
fn durable_claims_are_interrupted_and_others_simply_queued() {
    for mut bench in Bench::both() {
        let store = bench.store();
        wait(store.change(Timestamp(1), people())).unwrap();
        admit(store, event(1, 1, vec![to_person(LINE, 1), to_person(KAKAO, 2)]));
        assert_eq!(seqs(&claim(store, LINE, true)), [1]);
        assert_eq!(seqs(&claim(store, KAKAO, false)), [2]);
        bench.crash();
        let store = bench.store();
        let loaded = wait(store.load(Timestamp(50))).unwrap();
        let interrupted: Vec<_> = loaded.interrupted.iter().map(|d| d.seq.0).collect();
        assert_eq!(interrupted, [1]);
        assert_eq!(loaded.interrupted[0].state, State::Attempting);
        assert_eq!(loaded.directory.addresses().count(), 18);
        assert!(claim(store, LINE, true).is_empty());
        let again = claim(store, KAKAO, false);
        assert_eq!((seqs(&again), again[0].delivery.attempts), (vec![2], 1));
    }
}

#[test]
fn everything_answered_survives_and_figures_go_on() {
    for mut bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![to_person(LINE, 1)]));
        let claims = claim(store, LINE, true);
        settle(store, claims[0].delivery.seq, sent("l1"));
        let counts = wait(store.counts()).unwrap();
        let delivery = wait(store.deliveries_of(MessageSeq(1))).unwrap();
        bench.crash();
        let store = bench.store();
        assert_eq!(wait(store.counts()).unwrap(), counts);
        assert_eq!(wait(store.deliveries_of(MessageSeq(1))).unwrap(), delivery);
        assert_eq!(admit(store, event(2, 1, vec![to_person(LINE, 1)])), [DeliverySeq(2)]);
    }
}

#[test]
fn a_second_handle_is_refused_and_a_later_one_is_not() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    let second = SqliteStore::open(directory.path());
    let Err(OpenFailure::InUse { path }) = second else { panic!("{second:?}") };
    assert_eq!(path, directory.path());
    wait(store.close()).unwrap();
    SqliteStore::open(directory.path()).unwrap();
    assert!(directory.path().join(LOCK_FILE).exists());
}

#[test]
fn a_newer_format_and_a_foreign_file_are_refused_untouched() {
    let directory = TempDir::new().unwrap();
    drop(SqliteStore::open(directory.path()).unwrap());
    let file = directory.path().join(STORE_FILE);
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(raw);
    let newer = SqliteStore::open(directory.path());
    assert!(matches!(newer, Err(OpenFailure::Newer { found: 99, .. })), "{newer:?}");

    let other = TempDir::new().unwrap();
    let raw = rusqlite::Connection::open(other.path().join(STORE_FILE)).unwrap();
    raw.execute_batch("CREATE TABLE theirs(x)").unwrap();
    drop(raw);
    let foreign = SqliteStore::open(other.path());
    assert!(matches!(foreign, Err(OpenFailure::Foreign)), "{foreign:?}");
}

#[test]
fn a_file_that_is_no_database_is_damaged() {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join(STORE_FILE), [b'x'; 8_192]).unwrap();
    let opened = SqliteStore::open(directory.path());
    let damaged = matches!(opened, Err(OpenFailure::Store(StoreFailure::Damaged(_))));
    assert!(damaged, "{opened:?}");
}

#[test]
fn a_full_disk_fails_the_whole_batch_and_passes() {
    let bench = Bench::sqlite();
    let Bench::Sqlite(Some(store), _) = &bench else { unreachable!() };
    wait(store.change(Timestamp(1), people())).unwrap();
    admit(store, event(1, 1, vec![to_person(LINE, 1), to_person(KAKAO, 2)]));
    assert_eq!(seqs(&claim(store, KAKAO, false)), [2]);
    let before = wait(store.counts()).unwrap();
    wait(store.limit_pages(1)).unwrap();
    let mut large = event(2, 1, vec![to_person(LINE, 1)]);
    let content = vec![7; 200_000].into();
    large.message.as_mut().unwrap().content = content;
    let failed = wait(store.admit(batch(vec![large.clone()])));
    assert!(matches!(failed, Err(StoreFailure::Unavailable(_))), "{failed:?}");
    assert_eq!(wait(store.counts()).unwrap(), before);
    assert_eq!(wait(store.message_by_id(id(2))).unwrap(), None);
    wait(store.limit_pages(1_000_000)).unwrap();
    assert!(claim(store, KAKAO, false).is_empty(), "the claim before it still stands");
    settle(store, DeliverySeq(2), sent("k"));
    assert_eq!(admit(store, large), [DeliverySeq(3)]);
    assert_eq!(seqs(&claim(store, LINE, true)), [1]);
}

#[test]
fn damage_found_under_way_stops_all_verbs() {
    let mut bench = Bench::sqlite();
    admit(bench.store(), event(1, 1, vec![to_person(LINE, 1)]));
    bench.reopen();
    let Bench::Sqlite(Some(store), _) = &bench else { unreachable!() };
    wait(store.spoil_delivery(DeliverySeq(1))).unwrap();
    let of = wait(store.deliveries_of(MessageSeq(1)));
    assert!(matches!(of, Err(StoreFailure::Damaged(_))), "{of:?}");
    let admitted = wait(store.admit(batch(vec![event(2, 1, vec![])])));
    assert!(matches!(admitted, Err(StoreFailure::Damaged(_))), "{admitted:?}");
}
