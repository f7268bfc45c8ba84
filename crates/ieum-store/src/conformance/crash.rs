//! What a crash, a second handle, a full disk and damage leave.

use super::sample::*;
use super::{Bench, wait};
use crate::sqlite::{LOCK_FILE, OpenFailure, STORE_FILE, SqliteStore};
use ieum_core::delivery::State;
use ieum_core::ids::{DeliverySeq, MessageSeq, NativeMessageId};
use ieum_core::inbound::ReceiptLevel;
use ieum_core::ports::store::{Admission, Advance, ReceiptNote, Store, StoreFailure};
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

/// Further copies of each message of [`fill`].
const COPIES: u64 = 9;
/// Rows of the finder that each of them brings.
const FIND_ROWS: u64 = COPIES + 3;

/// Admits messages of which each has many copies, so that the finder gets many rows.
fn fill(store: &dyn Store, numbers: std::ops::Range<u64>) {
    let copy = |number: u64, copy: u64| ReceiptNote {
        account: LINE,
        chat: chat(LINE, 1),
        native: Some(NativeMessageId::new(format!("c{number}-{copy}"))),
        level: ReceiptLevel::Delivered,
        at: Timestamp(9),
    };
    let copied = |number| Admission {
        receipts: (0..COPIES).map(|one| copy(number, one)).collect(),
        ..event(number, number % 50, vec![])
    };
    let all: Vec<Admission> = numbers.map(copied).collect();
    for some in all.chunks(200) {
        wait(store.admit(batch(some.to_vec()))).unwrap();
    }
}

fn runs(bench: &Bench) -> (i64, i64) {
    let Bench::Sqlite(_, directory) = bench else { unreachable!() };
    let raw = rusqlite::Connection::open(directory.path().join(STORE_FILE)).unwrap();
    let sql = "SELECT runs, (SELECT coalesce(max(slot), 0) FROM finder) FROM finder_mark";
    raw.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[test]
fn a_run_that_a_crash_interrupted_is_whole_before_the_store_answers() {
    let full = 65_536 / FIND_ROWS + 1;
    let mut bench = Bench::sqlite();
    let store = bench.store();
    wait(store.change(Timestamp(1), people())).unwrap();
    for number in 1..=3 {
        admit(store, event(number, 1, vec![to_person(LINE, 1)]));
    }
    let mut run = request(LINE, 1_000, true);
    run.run_max = 3;
    let claims = wait(store.advance(Advance { settled: vec![], claim: Some(run) })).unwrap().claims;
    assert_eq!(seqs(&claims), [1, 2, 3]);
    fill(store, 4..full + 400);
    assert_eq!(runs(&bench).0, 0, "the run is not finished yet");
    assert_read_as_copy(&bench, full + 399);
    for _ in 0..2 {
        bench.crash();
        let (runs, last_slot) = runs(&bench);
        assert_eq!(runs, 1);
        assert!(last_slot < (runs + 1) << 10, "slot {last_slot}");
        let loaded = wait(bench.store().load(Timestamp(50))).unwrap();
        let interrupted: Vec<_> = loaded.interrupted.iter().map(|one| one.seq.0).collect();
        assert_eq!(interrupted, [1, 2, 3], "of them only the first is the head of its lane");
    }
    let store = bench.store();
    for number in (1..full + 400).step_by(61) {
        assert_eq!(wait(store.message_by_id(id(number))).unwrap().unwrap().seq.0, number);
    }
    let copy = store.message_by_copy(LINE, chat(LINE, 1), NativeMessageId::new("c500-8"));
    assert_eq!(wait(copy).unwrap().unwrap().seq, MessageSeq(500));
    claims.iter().for_each(|one| settle(store, one.delivery.seq, sent("l")));
    assert_eq!(wait(store.counts()).unwrap().open.len(), 0);
}

/// A copy that is only read changes nothing: there the unfinished run stays in memory.
fn assert_read_as_copy(bench: &Bench, messages: u64) {
    let Bench::Sqlite(_, directory) = bench else { unreachable!() };
    let raw = rusqlite::Connection::open(directory.path().join(STORE_FILE)).unwrap();
    let copies = TempDir::new().unwrap();
    let copy = copies.path().join("copy");
    raw.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    let read = SqliteStore::inspect(&copy).unwrap();
    assert_eq!(wait(read.message_by_id(id(7))).unwrap().unwrap().seq, MessageSeq(7));
    assert_eq!(wait(read.counts()).unwrap().messages, messages);
}
