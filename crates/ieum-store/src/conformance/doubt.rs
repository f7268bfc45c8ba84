//! Doubting what was sent: paging through it, owing it again, and receipts that come after all.

use super::sample::*;
use super::{Bench, wait};
use ieum_core::audit::Audit;
use ieum_core::delivery::{Claim, Label, NewDelivery, Recipient, Route, Settlement, State, Step};
use ieum_core::directory::{Address, Change, Endpoint};
use ieum_core::ids::{AccountId, ChatKey, ConversationId, DeliverySeq, JournalSeq};
use ieum_core::ids::{NativeMessageId, PersonId, RoomId};
use ieum_core::inbound::ReceiptLevel;
use ieum_core::network::Network;
use ieum_core::ports::store::{Advance, Moves, OpenFilter, ReceiptNote, SentFilter, Store};
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
        send_all(store, KAKAO);
        let mut found = Vec::new();
        let mut before = Some(DeliverySeq(u64::MAX));
        while let Some(end) = before {
            let page = wait(store.page_sent(ALL, end)).unwrap();
            found.extend(page.deliveries.iter().map(|one| one.seq.0));
            before = page.rest;
        }
        found.sort_unstable();
        assert_eq!(found, (1..=2_250).collect::<Vec<u64>>());
    }
}

/// All that is due of an account is sent, each under its own number.
fn send_all(store: &dyn Store, account: AccountId) {
    loop {
        let claims = claim(store, account, false);
        if claims.is_empty() {
            return;
        }
        let told = |one: &Claim| settlement(one.delivery.seq, sent(&one.delivery.seq.to_string()));
        let settled = claims.iter().map(told).collect();
        wait(store.advance(Advance { settled, claim: None })).unwrap();
    }
}

fn doubt_all(store: &dyn Store, all: &[DeliverySeq], instead: impl Fn(DeliverySeq) -> NewDelivery) {
    let moved =
        |seq: &DeliverySeq| Settlement { plus: vec![instead(*seq)], ..settlement(*seq, DOUBTED) };
    let moved = all.iter().map(moved).collect();
    wait(store.apply_moves(Moves { at: Timestamp(30), moved, ..Moves::default() })).unwrap();
}

#[test]
fn many_late_receipts_each_look_at_their_own_copy_only() {
    const RECIPIENTS: u64 = 2_000;
    let home = |person: u64| {
        let Change::Address(one) = people().remove(0) else { unreachable!() };
        let (id, direct) = (address(KAKAO, person), Some(chat(KAKAO, person)));
        let person = Some(PersonId(person));
        Change::Address(Address { id, direct, person, ..one })
    };
    for bench in Bench::both() {
        let store = bench.store();
        let homes = (1..=RECIPIENTS).map(home).collect();
        wait(store.change(Timestamp(0), homes)).unwrap();
        let all = (1..=RECIPIENTS).map(|person| to_person(KAKAO, person)).collect();
        let all = admit(store, event(1, 1, all));
        // Behind each stand-in more is waiting for its person.
        send_all(store, KAKAO);
        doubt_all(store, &all, |seq| copy_of(seq, seq.0));
        admit(store, event(2, 1, all.iter().map(|seq| to_person(LINE, seq.0)).collect()));
        let before = bench.looked_up();
        let word = |seq: DeliverySeq| ReceiptNote {
            account: KAKAO,
            chat: chat(KAKAO, seq.0),
            native: Some(NativeMessageId::new(seq.to_string())),
            level: ReceiptLevel::Delivered,
            at: Timestamp(60),
        };
        let told = |seq: &DeliverySeq| (*seq, store.record_receipt(Timestamp(61), word(*seq)));
        for (seq, raised) in all.iter().map(told).collect::<Vec<_>>() {
            assert_eq!(wait(raised).unwrap(), [seq]);
        }
        let each = (bench.looked_up() - before) / RECIPIENTS;
        assert!(each <= 8, "{each} deliveries were looked up for each receipt");
        let half = usize::try_from(RECIPIENTS).unwrap();
        let found = states(store, 1);
        assert!(found[..half].iter().all(|state| *state == State::Delivered));
        assert!(found[half..].iter().all(|state| *state == State::Superseded), "{found:?}");
        assert_eq!(found.len(), 2 * half);
        assert_eq!(wait(store.counts()).unwrap().open[&LINE.0], RECIPIENTS);
    }
}

#[test]
fn a_receipt_for_a_room_spares_the_copies_of_its_people_and_its_own() {
    for bench in Bench::both() {
        let store = bench.store();
        wait(store.change(Timestamp(0), people())).unwrap();
        let room = NewDelivery {
            recipient: Recipient::Room(RoomId(1)),
            route: Some(Route { account: LINE, endpoint: Endpoint::Room(RoomId(1)) }),
            ..to_person(LINE, 1)
        };
        let stands = |seq: DeliverySeq, person| NewDelivery {
            label: Some(Label::InsteadOf(Network::Line)),
            stands_in_for: Some(seq),
            ..to_person(KAKAO, person)
        };
        // One that has nothing to do with the room waits before, one between, one behind.
        admit(store, event(1, 1, vec![to_person(KAKAO, 3)]));
        let doubted = admit(store, event(2, 1, vec![room.clone(), to_person(KAKAO, 4)]))[0];
        let other = admit(store, event(3, 1, vec![room.clone()]))[0];
        send_all(store, LINE);
        let (label, stands_in_for) = (Some(Label::Again), Some(doubted));
        let again = NewDelivery { state: State::Held, label, stands_in_for, ..room };
        for plus in [vec![stands(doubted, 1), stands(doubted, 2)], vec![again]] {
            let moved = vec![Settlement { plus, ..settlement(doubted, DOUBTED) }];
            wait(store.apply_moves(Moves { moved, ..Moves::default() })).unwrap();
        }
        doubt_all(store, &[other], |seq| stands(seq, 1));
        admit(store, event(4, 1, vec![to_person(KAKAO, 2)]));
        let word = ReceiptNote {
            account: LINE,
            chat: ChatKey::new("room-1"),
            native: Some(NativeMessageId::new(doubted.to_string())),
            level: ReceiptLevel::Read,
            at: Timestamp(60),
        };
        assert_eq!(wait(store.record_receipt(Timestamp(61), word)).unwrap(), [doubted]);
        use State::{Doubted, Queued, Read, Superseded};
        assert_eq!(states(store, 1), [Queued]);
        assert_eq!(states(store, 2), [Read, Queued, Superseded, Superseded, Superseded]);
        assert_eq!(states(store, 3), [Doubted, Queued]);
        assert_eq!(states(store, 4), [Queued]);
        assert_clean(store);
    }
}
