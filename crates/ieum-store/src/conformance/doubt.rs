//! Doubting what was sent: paging through it, owing it again, and receipts that come after all.

use super::sample::*;
use super::{Bench, wait};
use ieum_core::audit::Audit;
use ieum_core::delivery::{Label, NewDelivery, State, Step};
use ieum_core::ids::{ConversationId, DeliverySeq, JournalSeq, NativeMessageId};
use ieum_core::inbound::ReceiptLevel;
use ieum_core::network::Network;
use ieum_core::ports::store::{Moves, OpenFilter, ReceiptNote, SentFilter, Store};
use ieum_core::time::Timestamp;

const DOUBTED: Step = Step::Doubted { conversation: ConversationId(1) };
const ALL: SentFilter = SentFilter { account: KAKAO, since: Timestamp(0), until: Timestamp(1_001) };

fn send(store: &dyn Store, number: u64, native: &str) -> DeliverySeq {
    wait(store.change(Timestamp(0), people())).unwrap();
    let seq = admit(store, event(number, 1, vec![to_person(KAKAO, number)])).remove(0);
    claim(store, KAKAO, true);
    settle(store, seq, sent(native));
    seq
}

fn copy_of(seq: DeliverySeq, person: u64) -> NewDelivery {
    let label = Some(Label::InsteadOf(Network::KakaoTalk));
    NewDelivery { label, stands_in_for: Some(seq), ..to_person(LINE, person) }
}

fn doubt(store: &dyn Store, seq: DeliverySeq, person: u64) {
    let mut moved = settlement(seq, DOUBTED);
    moved.plus = vec![copy_of(seq, person)];
    let moves = Moves { at: Timestamp(30), moved: vec![moved], ..Moves::default() };
    wait(store.apply_moves(moves)).unwrap();
}

fn states(store: &dyn Store, number: u64) -> Vec<State> {
    let message = ieum_core::ids::MessageSeq(number);
    let found = wait(store.deliveries_of(message)).unwrap();
    found.into_iter().map(|delivery| delivery.state).collect()
}

fn receipt(store: &dyn Store, native: &str) -> Vec<DeliverySeq> {
    let person = 1;
    let word = ReceiptNote {
        account: KAKAO,
        chat: chat(KAKAO, person),
        native: Some(NativeMessageId::new(native)),
        level: ReceiptLevel::Delivered,
        at: Timestamp(60),
    };
    wait(store.record_receipt(Timestamp(61), word)).unwrap()
}

fn assert_clean(store: &dyn Store) {
    let mut audit = Audit::new();
    let entries = wait(store.page_journal(JournalSeq(0), 1_000)).unwrap();
    entries.iter().for_each(|entry| audit.replay(entry));
    let open = wait(store.page_open(OpenFilter::default(), DeliverySeq(0))).unwrap();
    let report = audit.finish(open.into_iter().map(|one| (one.seq, one.state)));
    assert_eq!(report.violations, []);
}

#[test]
fn what_is_doubted_is_owed_again_and_the_figures_stay_right() {
    for mut bench in Bench::both() {
        let store = bench.store();
        let seq = send(store, 1, "k1");
        doubt(store, seq, 1);
        assert_eq!(states(store, 1), [State::Doubted, State::Queued]);
        let counts = wait(store.counts()).unwrap();
        assert_eq!(counts.open.into_iter().collect::<Vec<_>>(), [(LINE.0, 1)]);
        assert_clean(store);
        bench.crash();
        let store = bench.store();
        assert_eq!(states(store, 1), [State::Doubted, State::Queued]);
        let claims = claim(store, LINE, true);
        assert_eq!(claims[0].delivery.stands_in_for, Some(seq));
        settle(store, claims[0].delivery.seq, sent("l1"));
        assert_eq!(wait(store.counts()).unwrap().open.len(), 0);
        assert_clean(store);
    }
}

#[test]
fn only_what_was_sent_can_be_doubted() {
    for bench in Bench::both() {
        let store = bench.store();
        let open = admit(store, event(1, 1, vec![to_person(KAKAO, 1)])).remove(0);
        doubt(store, open, 1);
        assert_eq!(states(store, 1), [State::Queued]);
        claim(store, KAKAO, true);
        settle(store, open, Step::Expired);
        doubt(store, open, 1);
        assert_eq!(states(store, 1), [State::Expired]);
        let received = send(store, 2, "k2");
        let word = ReceiptNote {
            account: KAKAO,
            chat: chat(KAKAO, 2),
            native: Some(NativeMessageId::new("k2")),
            level: ReceiptLevel::Read,
            at: Timestamp(60),
        };
        wait(store.record_receipt(Timestamp(61), word)).unwrap();
        doubt(store, received, 2);
        assert_eq!(states(store, 2), [State::Read]);
        assert_clean(store);
    }
}

#[test]
fn a_receipt_that_comes_after_all_spares_the_second_copy() {
    for bench in Bench::both() {
        let store = bench.store();
        let seq = send(store, 1, "k1");
        doubt(store, seq, 1);
        assert_eq!(receipt(store, "k1"), [seq]);
        assert_eq!(states(store, 1), [State::Delivered, State::Superseded]);
        assert!(claim(store, LINE, true).is_empty());
        assert_clean(store);
    }
}

#[test]
fn a_receipt_that_comes_when_the_second_copy_left_ends_only_the_doubt() {
    for bench in Bench::both() {
        let store = bench.store();
        let seq = send(store, 1, "k1");
        doubt(store, seq, 1);
        let claimed = claim(store, LINE, true).remove(0).delivery.seq;
        assert_eq!(receipt(store, "k1"), [seq]);
        assert_eq!(states(store, 1), [State::Delivered, State::Attempting]);
        settle(store, claimed, sent("l1"));
        assert_eq!(states(store, 1), [State::Delivered, State::Sent]);
        assert_clean(store);
    }
}

#[test]
fn a_failed_transaction_doubts_nothing() {
    for mut bench in Bench::both() {
        let store = bench.store();
        let seq = send(store, 1, "k1");
        let mut moved = settlement(seq, DOUBTED);
        moved.plus = vec![NewDelivery { state: State::Sent, ..copy_of(seq, 1) }];
        let moves = Moves { at: Timestamp(30), moved: vec![moved], ..Moves::default() };
        assert!(wait(store.apply_moves(moves)).is_err());
        assert_eq!(states(store, 1), [State::Sent]);
        bench.reopen();
        assert_eq!(states(bench.store(), 1), [State::Sent]);
        assert_clean(bench.store());
    }
}

#[test]
fn sent_ones_are_paged_from_the_newest_by_account_and_time() {
    for bench in Bench::both() {
        let store = bench.store();
        let first = send(store, 1, "k1");
        let second = send(store, 2, "k2");
        let doubted = send(store, 3, "k3");
        doubt(store, doubted, 3);
        let page = wait(store.page_sent(ALL, DeliverySeq(u64::MAX))).unwrap();
        let seqs: Vec<_> = page.deliveries.iter().map(|one| one.seq).collect();
        assert_eq!((seqs, page.rest), (vec![first, second, doubted], None));
        let below = wait(store.page_sent(ALL, second)).unwrap();
        assert_eq!(below.deliveries.len(), 1);
        let late = SentFilter { since: Timestamp(1_001), ..ALL };
        assert!(wait(store.page_sent(late, DeliverySeq(u64::MAX))).unwrap().deliveries.is_empty());
        let early = SentFilter { until: Timestamp(1_000), ..ALL };
        assert!(wait(store.page_sent(early, DeliverySeq(u64::MAX))).unwrap().deliveries.is_empty());
        let other = SentFilter { account: LINE, ..ALL };
        assert!(wait(store.page_sent(other, DeliverySeq(u64::MAX))).unwrap().deliveries.is_empty());
    }
}

#[test]
fn pages_of_sent_ones_meet_without_gap_or_overlap() {
    for bench in Bench::both() {
        let store = bench.store();
        let people = (1..10).map(|person| to_person(KAKAO, person));
        let many: Vec<NewDelivery> = people.collect();
        for number in 1..=250 {
            admit(store, event(number, number, many.clone()));
        }
        let mut settled = 0;
        loop {
            let claims = claim(store, KAKAO, false);
            if claims.is_empty() {
                break;
            }
            settled += claims.len();
            claims.iter().for_each(|one| settle(store, one.delivery.seq, sent("x")));
        }
        let mut found = Vec::new();
        let mut before = Some(DeliverySeq(u64::MAX));
        while let Some(end) = before {
            let page = wait(store.page_sent(ALL, end)).unwrap();
            found.extend(page.deliveries.iter().map(|one| one.seq.0));
            before = page.rest;
        }
        found.sort_unstable();
        assert_eq!(found, (1..=2_250).collect::<Vec<u64>>());
        assert_eq!(settled, 2_250);
    }
}
