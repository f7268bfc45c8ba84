//! Claims that wait for something to become due.

use super::sample::{
    KAKAO, LINE, admit, claim, event, people, request, route, sent, seqs, settle, settlement,
    to_person,
};
use super::{Bench, wait};
use ieum_core::delivery::{State, Step};
use ieum_core::ids::{AccountId, DeliverySeq, JournalSeq};
use ieum_core::journal::JournalEvent;
use ieum_core::ports::store::{
    Advance, Advanced, ClaimNext, ClaimRequest, Moves, Store, StoreAnswer, StoreFailure,
};
use ieum_core::time::Timestamp;
use std::task::{Context, Poll, Waker};

fn next_of(account: AccountId, expected_at: Option<i64>) -> ClaimNext {
    let expected_at = expected_at.map(Timestamp);
    ClaimNext { claim: request(account, 5, true), expected_at }
}

/// Whether it still waits when everything before was carried out.
fn waits(store: &dyn Store, asked: &mut StoreAnswer<'_, Advanced>) -> bool {
    wait(store.counts()).unwrap();
    match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => true,
        Poll::Ready(answer) => panic!("answered {answer:?}"),
    }
}

#[test]
fn what_is_admitted_is_claimed_with_it_for_who_waits_for_its_account() {
    for bench in Bench::both() {
        let store = bench.store();
        let mut line = store.claim_next(next_of(LINE, None));
        let mut kakao = store.claim_next(next_of(KAKAO, None));
        assert!(waits(store, &mut line) && waits(store, &mut kakao));
        admit(store, event(1, 1, vec![to_person(LINE, 1), to_person(LINE, 2)]));
        let claimed = wait(line).unwrap();
        assert_eq!((seqs(&claimed.claims), claimed.next_due_at), (vec![1, 2], None));
        assert_eq!(claimed.claims[0].delivery.tried_at, Some(Timestamp(10)), "its own time");
        assert!(waits(store, &mut kakao));
        assert!(claim(store, LINE, true).is_empty(), "claimed once");
        let journal = wait(store.page_journal(JournalSeq(0), 10)).unwrap();
        let claims = journal.iter().filter(|e| matches!(e.event, JournalEvent::Claimed { .. }));
        assert_eq!(claims.count(), 2);
    }
}

#[test]
fn what_a_settlement_or_a_move_makes_due_is_claimed_with_it() {
    for bench in Bench::both() {
        let store = bench.store();
        wait(store.change(Timestamp(1), people())).unwrap();
        for number in 1..=2 {
            admit(store, event(number, 1, vec![to_person(LINE, 1)]));
        }
        claim(store, LINE, true);
        let mut line = store.claim_next(next_of(LINE, None));
        assert!(waits(store, &mut line), "the lane has an attempt under way");
        settle(store, DeliverySeq(1), sent("a"));
        assert_eq!(seqs(&wait(line).unwrap().claims), [2]);

        admit(store, event(3, 2, vec![to_person(KAKAO, 3)]));
        let line = store.claim_next(next_of(LINE, None));
        let (route, at) = (route(LINE, 3), Timestamp(30));
        let moved = settlement(DeliverySeq(3), Step::NextRoute { route, label: None, at });
        wait(store.apply_moves(Moves { at, moved: vec![moved], ..Moves::default() })).unwrap();
        let claims = wait(line).unwrap().claims;
        assert_eq!(seqs(&claims), [3]);
        assert_eq!(claims[0].delivery.state, State::Attempting);
    }
}

#[test]
fn a_newer_claim_answers_the_one_before_and_one_without_room_is_answered_at_once() {
    for bench in Bench::both() {
        let store = bench.store();
        let first = store.claim_next(next_of(LINE, None));
        let mut second = store.claim_next(next_of(LINE, None));
        assert_eq!(wait(first), Ok(Advanced::default()), "nothing, and no news");
        assert!(waits(store, &mut second));
        let claim = ClaimRequest { rows_max: 0, lanes_max: 0, ..request(LINE, 5, true) };
        let third = store.claim_next(ClaimNext { claim, expected_at: None });
        assert_eq!(wait(second), Ok(Advanced::default()));
        assert_eq!(wait(third), Ok(Advanced::default()));
        admit(store, event(1, 1, vec![to_person(LINE, 1)]));
        assert_eq!(seqs(&super::sample::claim(store, LINE, true)), [1], "nobody waited");
    }
}

#[test]
fn when_the_next_is_due_is_told_unless_it_was_expected() {
    for bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![to_person(LINE, 1)]));
        claim(store, LINE, true);
        let line = store.claim_next(next_of(LINE, None));
        let at = Timestamp(5_000);
        settle(store, DeliverySeq(1), Step::RetryAt { at, label: None });
        let told = wait(line).unwrap();
        assert_eq!((told.claims.len(), told.next_due_at), (0, Some(at)));
        let mut expecting = store.claim_next(next_of(LINE, Some(5_000)));
        assert!(waits(store, &mut expecting));
        let due = ClaimNext { claim: request(LINE, 5_000, true), expected_at: Some(at) };
        let due = store.claim_next(due);
        assert!(wait(expecting).unwrap().claims.is_empty());
        assert_eq!(seqs(&wait(due).unwrap().claims), [1]);
    }
}

#[test]
fn who_listens_no_more_claims_nothing() {
    for bench in Bench::both() {
        let store = bench.store();
        drop(store.claim_next(next_of(LINE, None)));
        admit(store, event(1, 1, vec![to_person(LINE, 1)]));
        assert_eq!(seqs(&claim(store, LINE, true)), [1]);
    }
}

#[test]
fn a_claim_that_stands_ends_with_the_store() {
    for mut bench in Bench::both() {
        let closed = bench.store().claim_next(next_of(LINE, None));
        // The answer may not outlive the store's handle, so it is looked at before reopening.
        let closing = bench.store().close();
        wait(closing).unwrap();
        assert_eq!(wait(closed), Err(StoreFailure::Closed));
        bench.reopen_closed();
        admit(bench.store(), event(1, 1, vec![to_person(LINE, 1)]));
        assert_eq!(seqs(&claim(bench.store(), LINE, true)), [1]);
    }
}

#[test]
fn what_was_handed_out_is_known_to_be_in_doubt_after_a_crash() {
    for mut bench in Bench::both() {
        let asked = bench.store().claim_next(next_of(LINE, None));
        admit(bench.store(), event(1, 1, vec![to_person(LINE, 1)]));
        assert_eq!(seqs(&wait(asked).unwrap().claims), [1]);
        bench.crash();
        let loaded = wait(bench.store().load(Timestamp(50))).unwrap();
        let interrupted: Vec<_> = loaded.interrupted.iter().map(|one| one.seq).collect();
        assert_eq!(interrupted, [DeliverySeq(1)]);
    }
}

#[test]
fn a_transaction_that_fails_leaves_the_claim_standing() {
    let bench = Bench::sqlite();
    let Bench::Sqlite(Some(store), _) = &bench else { unreachable!() };
    admit(store, event(1, 1, vec![to_person(LINE, 1)]));
    admit(store, event(2, 2, vec![to_person(LINE, 2)]));
    assert_eq!(seqs(&claim(store, LINE, true)), [1, 2]);
    let mut asked = store.claim_next(next_of(LINE, None));
    wait(store.limit_pages(1)).unwrap();
    let mut large = event(3, 3, vec![to_person(LINE, 3)]);
    if let Some(message) = &mut large.message {
        message.content = vec![b'x'; 60_000].into();
    }
    let full = wait(store.admit(super::sample::batch(vec![large.clone()])));
    assert!(full.is_err(), "{full:?}");
    assert!(waits(store, &mut asked));
    wait(store.limit_pages(1_000_000)).unwrap();
    admit(store, large);
    assert_eq!(seqs(&wait(asked).unwrap().claims), [3]);
}

#[test]
fn what_only_settles_is_durable_once_it_is_answered() {
    let mut bench = Bench::sqlite();
    admit(bench.store(), event(1, 1, vec![to_person(LINE, 1)]));
    claim(bench.store(), LINE, true);
    let settled = vec![settlement(DeliverySeq(1), sent("a"))];
    wait(bench.store().advance(Advance { settled, claim: None })).unwrap();
    bench.crash();
    let loaded = wait(bench.store().load(Timestamp(50))).unwrap();
    assert!(loaded.interrupted.is_empty());
}
