//! Admitting, claiming, settling, moving.

use super::sample::*;
use super::{Bench, wait};
use ieum_core::delivery::{Label, State, Step};
use ieum_core::health::{Cell, CellChange, CellState, Function, Surface};
use ieum_core::ids::{AccountId, Cursor, DeliverySeq, EventKey, JournalSeq, MessageSeq};
use ieum_core::journal::JournalEvent;
use ieum_core::network::Network;
use ieum_core::outgoing::Scope;
use ieum_core::ports::store::{
    Admission, Admitted, Advance, Moves, OpenFilter, SEEN_KEPT_MS, Store, StoreFailure,
};
use ieum_core::time::Timestamp;

#[test]
fn a_repeated_event_is_known_and_stores_nothing() {
    for bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![to_person(LINE, 1)]));
        let again = wait(store.admit(batch(vec![event(1, 1, vec![to_person(LINE, 1)])]))).unwrap();
        assert_eq!(again, [Admitted::Known]);
        let counts = wait(store.counts()).unwrap();
        assert_eq!((counts.messages, counts.deliveries), (1, 1));
        assert_eq!(counts.repeated_events, 1);
        assert_eq!(counts.open.get(&LINE.0), Some(&1));
    }
}

#[test]
fn a_repeated_message_id_is_known_under_another_event_or_none() {
    for bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![]));
        let mut other = event(2, 1, vec![]);
        other.message = Some(message(1, 1));
        let mut none = other.clone();
        none.event = None;
        let answers = wait(store.admit(batch(vec![other, none]))).unwrap();
        assert_eq!(answers, [Admitted::Known, Admitted::Known]);
    }
}

#[test]
fn a_batch_and_its_cursor_are_one_transaction() {
    for mut bench in Bench::both() {
        let mut polled = batch(vec![event(1, 1, vec![]), event(2, 1, vec![])]);
        polled.cursor = Some((KAKAO, Cursor::new("42")));
        wait(bench.store().admit(polled)).unwrap();
        bench.crash();
        let loaded = wait(bench.store().load(Timestamp(5))).unwrap();
        assert_eq!(loaded.cursors[&KAKAO], Cursor::new("42"));
        assert_eq!(wait(bench.store().counts()).unwrap().messages, 2);
    }
}

#[test]
fn only_the_head_of_a_lane_is_claimed_and_lanes_do_not_wait_for_each_other() {
    for bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![to_person(LINE, 1), to_person(LINE, 2)]));
        admit(store, event(2, 1, vec![to_person(LINE, 1), to_person(KAKAO, 3)]));
        admit(store, event(3, 2, vec![to_person(LINE, 1)]));
        assert_eq!(seqs(&claim(store, LINE, true)), [1, 2, 5]);
        assert_eq!(seqs(&claim(store, LINE, true)), [0_u64; 0]);
        settle(store, DeliverySeq(1), sent("a"));
        let next = claim(store, LINE, true);
        assert_eq!(seqs(&next), [3]);
        assert_eq!(next[0].delivery.attempts, 1);
        assert_eq!(next[0].delivery.state, State::Attempting);
        assert_eq!(next[0].message.new, message(2, 1));
    }
}

#[test]
fn one_advance_settles_and_claims_the_next_of_the_lane() {
    for bench in Bench::both() {
        let store = bench.store();
        for number in 1..=3 {
            admit(store, event(number, 1, vec![to_person(LINE, 1)]));
        }
        claim(store, LINE, true);
        let advanced = wait(store.advance(Advance {
            settled: vec![settlement(DeliverySeq(1), sent("a"))],
            claim: Some(request(LINE, 1_000, true)),
        }))
        .unwrap();
        assert_eq!(seqs(&advanced.claims), [2]);
        assert_eq!(advanced.next_due_at, None);
    }
}

#[test]
fn a_retry_waits_until_it_is_due_and_blocks_its_lane() {
    for bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![to_person(LINE, 1)]));
        admit(store, event(2, 1, vec![to_person(LINE, 1)]));
        claim(store, LINE, true);
        let retry = Step::RetryAt { at: Timestamp(5_000), label: Some(Label::Again) };
        settle(store, DeliverySeq(1), retry);
        let early = Advance { settled: vec![], claim: Some(request(LINE, 4_999, true)) };
        let early = wait(store.advance(early)).unwrap();
        assert!(early.claims.is_empty());
        assert_eq!(early.next_due_at, Some(Timestamp(5_000)));
        let due = Advance { settled: vec![], claim: Some(request(LINE, 5_000, true)) };
        let claims = wait(store.advance(due)).unwrap().claims;
        assert_eq!(seqs(&claims), [1]);
        assert_eq!(claims[0].delivery.attempts, 2);
        assert_eq!(claims[0].delivery.label, Some(Label::Again));
        assert_eq!(claims[0].delivery.tried_at, Some(Timestamp(1_000)));
    }
}

#[test]
fn the_next_route_starts_afresh_and_keeps_the_former_copy_findable() {
    for bench in Bench::both() {
        let store = bench.store();
        wait(store.change(Timestamp(1), people())).unwrap();
        admit(store, event(1, 1, vec![to_person(KAKAO, 1)]));
        claim(store, KAKAO, true);
        let Step::Sent { copies } = sent("k1") else { unreachable!() };
        settle(store, DeliverySeq(1), Step::NextPart { copies, part: 1 });
        assert_eq!(claim(store, KAKAO, true)[0].delivery.part, 1);
        let next = Step::NextRoute {
            route: route(LINE, 1),
            label: Some(Label::InsteadOf(Network::KakaoTalk)),
            at: Timestamp(30),
        };
        settle(store, DeliverySeq(1), next);
        assert!(claim(store, KAKAO, true).is_empty());
        let claims = claim(store, LINE, true);
        let delivery = &claims[0].delivery;
        assert_eq!((delivery.attempts, delivery.part), (1, 0));
        assert!(delivery.copies.is_empty());
        settle(store, DeliverySeq(1), sent("l1"));
        let natives = wait(store.copies_of(MessageSeq(1))).unwrap();
        let named: Vec<_> = natives
            .iter()
            .map(|note| (note.account, note.key.native.as_str(), note.delivery))
            .collect();
        let first = Some(DeliverySeq(1));
        assert_eq!(named, [(KAKAO, "n1", None), (KAKAO, "k1", first), (LINE, "l1", first)]);
        for (account, native) in [(KAKAO, "k1"), (LINE, "l1")] {
            let found = store.message_by_copy(account, chat(account, 1), native_id(native));
            assert_eq!(wait(found).unwrap().unwrap().seq, MessageSeq(1));
        }
    }
}

fn native_id(native: &str) -> ieum_core::ids::NativeMessageId {
    ieum_core::ids::NativeMessageId::new(native)
}

#[test]
fn an_ended_delivery_ignores_settlements_and_what_they_plan() {
    for bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![to_person(LINE, 1)]));
        claim(store, LINE, true);
        settle(store, DeliverySeq(1), sent("a"));
        let before = wait(store.counts()).unwrap();
        let scope = Scope::Recipient;
        let mut late = settlement(DeliverySeq(1), Step::Dead { scope });
        late.plus = vec![to_person(KAKAO, 2)];
        let advance = Advance { settled: vec![late], claim: None };
        wait(store.advance(advance)).unwrap();
        assert_eq!(wait(store.counts()).unwrap(), before);
    }
}

#[test]
fn a_broken_rule_is_refused_and_leaves_no_trace() {
    for bench in Bench::both() {
        let store = bench.store();
        let mut wrong = to_person(LINE, 1);
        wrong.state = State::Sent;
        let two = batch(vec![event(1, 1, vec![]), event(2, 1, vec![wrong])]);
        assert!(matches!(wait(store.admit(two)), Err(StoreFailure::Rule(_))));
        let orphan = Admission { deliveries: vec![to_person(LINE, 1)], ..Admission::default() };
        let orphan = wait(store.admit(batch(vec![orphan])));
        assert!(matches!(orphan, Err(StoreFailure::Rule(_))));
        let unknown =
            Advance { settled: vec![settlement(DeliverySeq(9), Step::Expired)], claim: None };
        let unknown = wait(store.advance(unknown));
        assert!(matches!(unknown, Err(StoreFailure::Rule(_))));
        assert_eq!(wait(store.counts()).unwrap(), Default::default());
        admit(store, event(1, 1, vec![]));
    }
}

#[test]
fn moves_change_waiting_deliveries_only_and_carry_their_cause() {
    for bench in Bench::both() {
        let store = bench.store();
        wait(store.change(Timestamp(1), people())).unwrap();
        admit(store, event(1, 1, vec![to_person(KAKAO, 1)]));
        admit(store, event(2, 1, vec![to_person(KAKAO, 1), to_person(KAKAO, 2)]));
        claim(store, KAKAO, false);
        let step = Step::NextRoute { route: route(LINE, 1), label: None, at: Timestamp(30) };
        let moved = (1..=2).map(|seq| settlement(DeliverySeq(seq), step.clone()));
        let summary = event(3, 1, vec![to_person(LINE, 3)]);
        let moves = Moves {
            at: Timestamp(30),
            health: vec![kakao_down()],
            moved: moved.collect(),
            admissions: vec![summary],
            ..Moves::default()
        };
        let admitted = wait(store.apply_moves(moves)).unwrap();
        assert!(matches!(admitted[..], [Admitted::New { .. }]));
        let open = wait(store.page_open(OpenFilter::default(), DeliverySeq(0))).unwrap();
        let routes: Vec<AccountId> = open.iter().map(|d| d.route.unwrap().account).collect();
        assert_eq!(routes, [KAKAO, LINE, KAKAO, LINE]);
        assert_eq!(open[0].state, State::Attempting);
        assert_eq!(seqs(&claim(store, LINE, true)), [4]);
        settle(store, DeliverySeq(1), sent("k1"));
        assert_eq!(seqs(&claim(store, LINE, true)), [2]);
    }
}

fn kakao_down() -> CellChange {
    CellChange {
        cell: Cell { network: Network::KakaoTalk, function: Function::Send, surface: Surface::Api },
        from: CellState::Up,
        to: CellState::Down,
        evidence: "12 of 12 sends failed".into(),
        grounds: None,
    }
}

#[test]
fn what_waits_behind_the_head_may_end_without_disturbing_the_order() {
    for bench in Bench::both() {
        let store = bench.store();
        for number in 1..=3 {
            admit(store, event(number, 1, vec![to_person(LINE, 1)]));
        }
        claim(store, LINE, true);
        let moves =
            Moves { moved: vec![settlement(DeliverySeq(2), Step::Expired)], ..Moves::default() };
        wait(store.apply_moves(moves)).unwrap();
        assert!(claim(store, LINE, true).is_empty());
        settle(store, DeliverySeq(1), sent("a"));
        assert_eq!(seqs(&claim(store, LINE, true)), [3]);
        assert_eq!(wait(store.counts()).unwrap().expired, 1);
    }
}

#[test]
fn without_a_route_a_delivery_is_held_until_it_gets_one() {
    for bench in Bench::both() {
        let store = bench.store();
        let mut nowhere = to_person(LINE, 1);
        nowhere.route = None;
        admit(store, event(1, 1, vec![nowhere]));
        assert_eq!(wait(store.counts()).unwrap().open.get(&0), Some(&1));
        let held = OpenFilter { state: Some(State::Held), ..OpenFilter::default() };
        let page = wait(store.page_open(held, DeliverySeq(0))).unwrap();
        assert_eq!(page.len(), 1);
        let step = Step::NextRoute { route: route(LINE, 1), label: None, at: Timestamp(30) };
        let moves = Moves { moved: vec![settlement(DeliverySeq(1), step)], ..Moves::default() };
        wait(store.apply_moves(moves)).unwrap();
        assert_eq!(seqs(&claim(store, LINE, true)), [1]);
        assert_eq!(wait(store.counts()).unwrap().open.get(&0), None);
    }
}

#[test]
fn personal_copies_planned_with_a_step_belong_to_its_message() {
    for bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![to_person(KAKAO, 1)]));
        admit(store, event(2, 1, vec![]));
        let mut held = settlement(DeliverySeq(1), Step::Hold { label: None });
        let mut plus = to_person(LINE, 2);
        plus.stands_in_for = Some(DeliverySeq(1));
        held.plus = vec![plus];
        let moves = Moves { moved: vec![held], ..Moves::default() };
        wait(store.apply_moves(moves)).unwrap();
        let of = wait(store.deliveries_of(MessageSeq(1))).unwrap();
        let of: Vec<_> = of.iter().map(|d| (d.seq.0, d.stands_in_for)).collect();
        assert_eq!(of, [(1, None), (2, Some(DeliverySeq(1)))]);
        let entries = wait(store.page_journal(JournalSeq(2), 10)).unwrap();
        let JournalEvent::Settled { plus, .. } = &entries[0].event else { panic!("{entries:?}") };
        assert_eq!(plus[0].delivery, DeliverySeq(2));
    }
}

const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// A network's event without a message, such as a receipt, admitted on this day.
fn on_day(store: &dyn Store, day: u64, key: &str) -> Admitted {
    let event = Some((KAKAO, EventKey::new(key)));
    let mut one = batch(vec![Admission { event, ..Admission::default() }]);
    one.at = Timestamp(0).plus_ms(day * DAY_MS);
    wait(store.admit(one)).unwrap().remove(0)
}

fn forget_on_day(store: &dyn Store, day: u64) -> u64 {
    wait(store.forget_seen(Timestamp(0).plus_ms(day * DAY_MS))).unwrap()
}

#[test]
fn event_keys_are_kept_for_thirty_days_and_then_forgotten() {
    for bench in Bench::both() {
        let store = bench.store();
        let mut first = batch(vec![event(1, 1, vec![])]);
        first.at = Timestamp(0).plus_ms(14 * DAY_MS);
        wait(store.admit(first.clone())).unwrap();
        let kept = first.at.plus_ms(SEEN_KEPT_MS);
        assert_eq!(wait(store.forget_seen(kept)).unwrap(), 0);
        first.at = kept;
        assert_eq!(wait(store.admit(first.clone())).unwrap(), [Admitted::Known]);
        for (day, key) in [(20, "b"), (35, "c"), (50, "d"), (65, "e")] {
            assert_eq!(forget_on_day(store, day), 0);
            assert!(matches!(on_day(store, day, key), Admitted::New { .. }));
        }
        assert_eq!(forget_on_day(store, 75), 1);
        assert_eq!(forget_on_day(store, 75), 0);
        assert_eq!(on_day(store, 75, "b"), Admitted::Known);
    }
}

#[test]
fn whether_an_event_was_admitted_can_be_asked() {
    for mut bench in Bench::both() {
        let knows = |store: &dyn Store, account, key| {
            wait(store.knows_event(account, EventKey::new(key))).unwrap()
        };
        assert!(!knows(bench.store(), KAKAO, "k"));
        assert!(matches!(on_day(bench.store(), 40, "k"), Admitted::New { .. }));
        assert!(matches!(on_day(bench.store(), 60, "later"), Admitted::New { .. }));
        bench.crash();
        assert!(knows(bench.store(), KAKAO, "k"));
        assert!(knows(bench.store(), KAKAO, "later"));
        assert!(!knows(bench.store(), LINE, "k"), "of another account");
        assert!(!knows(bench.store(), KAKAO, "K"));
        assert!(matches!(on_day(bench.store(), 60, "K"), Admitted::New { .. }), "asking adds none");
    }
}

#[test]
fn an_event_is_known_by_a_clock_that_was_set_back() {
    for mut bench in Bench::both() {
        assert!(matches!(on_day(bench.store(), 50, "k"), Admitted::New { .. }));
        assert_eq!(on_day(bench.store(), 40, "k"), Admitted::Known, "15 days before");
        bench.crash();
        let store = bench.store();
        assert_eq!(on_day(store, 1, "k"), Admitted::Known, "of the first days");
        assert_eq!(on_day(store, 50, "k"), Admitted::Known);
        assert!(matches!(on_day(store, 1, "other"), Admitted::New { .. }));
        assert_eq!(on_day(store, 50, "other"), Admitted::Known);
    }
}

#[test]
fn a_clock_that_is_far_ahead_or_behind_for_a_moment_forgets_no_event() {
    const FAR: u64 = 40_000;
    for mut bench in Bench::both() {
        for (day, key) in [(10_015, "b"), (10_030, "c"), (10_045, "d")] {
            assert!(matches!(on_day(bench.store(), day, key), Admitted::New { .. }));
        }
        assert_eq!(forget_on_day(bench.store(), FAR), 0);
        // What came meanwhile counts as one of the periods that stay.
        assert!(matches!(on_day(bench.store(), FAR, "far"), Admitted::New { .. }));
        assert_eq!(forget_on_day(bench.store(), FAR + 1), 0);
        bench.crash();
        let store = bench.store();
        assert_eq!(forget_on_day(store, FAR), 0);
        for key in ["b", "c", "d", "far"] {
            assert_eq!(on_day(store, 10_046, key), Admitted::Known, "{key}");
        }
        assert_eq!(forget_on_day(store, 0), 0, "behind");
        assert_eq!(on_day(store, 10_046, "b"), Admitted::Known);
    }
}

#[test]
fn a_closed_store_says_so() {
    for bench in Bench::both() {
        let store = bench.store();
        wait(store.close()).unwrap();
        assert_eq!(wait(store.counts()), Err(StoreFailure::Closed));
        let admitted = wait(store.admit(batch(vec![event(1, 1, vec![])])));
        assert_eq!(admitted, Err(StoreFailure::Closed));
    }
}

#[test]
fn the_memory_store_fails_when_told_and_only_then() {
    let store = crate::MemoryStore::new();
    store.fail_next(StoreFailure::Unavailable("full".into()));
    let failed = wait(Store::admit(&store, batch(vec![event(1, 1, vec![])])));
    assert_eq!(failed, Err(StoreFailure::Unavailable("full".into())));
    admit(&store, event(1, 1, vec![]));
}
