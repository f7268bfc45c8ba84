//! Lookups, pages, receipts and the journal.

use super::sample::*;
use super::{Bench, wait};
use ieum_core::delivery::{Recipient, State, Step};
use ieum_core::ids::{ChatKey, ConversationId, DeliverySeq, JournalSeq, MessageSeq};
use ieum_core::ids::{NativeMessageId, PersonId};
use ieum_core::inbound::ReceiptLevel;
use ieum_core::journal::JournalEvent;
use ieum_core::ports::store::{OpenFilter, PAGE_ROWS_MAX, ReceiptNote, Store};
use ieum_core::time::Timestamp;

fn note(native: Option<&str>, level: ReceiptLevel) -> ReceiptNote {
    ReceiptNote {
        account: LINE,
        chat: chat(LINE, 1),
        native: native.map(NativeMessageId::new),
        level,
        at: Timestamp(5_000),
    }
}

fn three_sent(store: &dyn Store) {
    wait(store.change(Timestamp(1), people())).unwrap();
    for number in 1..=3 {
        admit(store, event(number, 1, vec![to_person(LINE, 1)]));
        let claims = claim(store, LINE, number % 2 == 0);
        settle(store, claims[0].delivery.seq, sent(&format!("l{number}")));
    }
}

fn states(store: &dyn Store) -> Vec<State> {
    (1..=3).map(|seq| wait(store.deliveries_of(MessageSeq(seq))).unwrap()[0].state).collect()
}

#[test]
fn a_receipt_raises_its_delivery_and_never_lowers_it() {
    for bench in Bench::both() {
        let store = bench.store();
        three_sent(store);
        let record = |native, level| {
            let note = note(Some(native), level);
            wait(store.record_receipt(Timestamp(30), note)).unwrap()
        };
        let second = vec![DeliverySeq(2)];
        assert_eq!(record("l2", ReceiptLevel::Delivered), second);
        assert_eq!(record("l2", ReceiptLevel::Delivered), []);
        assert_eq!(record("l2", ReceiptLevel::Read), second);
        assert_eq!(record("l2", ReceiptLevel::Delivered), []);
        assert_eq!(record("nobody", ReceiptLevel::Read), []);
        assert_eq!(states(store), [State::Sent, State::Read, State::Sent]);
    }
}

#[test]
fn a_receipt_for_a_chat_raises_what_was_sent_there_by_then() {
    for bench in Bench::both() {
        let store = bench.store();
        three_sent(store);
        let mut elsewhere = note(None, ReceiptLevel::Read);
        elsewhere.chat = ChatKey::new("another");
        assert_eq!(wait(store.record_receipt(Timestamp(30), elsewhere)).unwrap(), []);
        let mut early = note(None, ReceiptLevel::Read);
        early.at = Timestamp(999);
        assert_eq!(wait(store.record_receipt(Timestamp(30), early)).unwrap(), []);
        let all = note(None, ReceiptLevel::Read);
        let raised = wait(store.record_receipt(Timestamp(30), all)).unwrap();
        assert_eq!(raised, [1, 2, 3].map(DeliverySeq));
        assert_eq!(states(store), [State::Read; 3]);
    }
}

#[test]
fn messages_are_found_by_id_by_copy_and_by_conversation() {
    for mut bench in Bench::both() {
        three_sent(bench.store());
        admit(bench.store(), event(4, 2, vec![]));
        for _ in 0..2 {
            let store = bench.store();
            for number in 1..=4 {
                let found = wait(store.message_by_id(id(number))).unwrap().unwrap();
                assert_eq!(found.new.id, id(number));
                let native = NativeMessageId::new(format!("n{number}"));
                let written = store.message_by_copy(KAKAO, chat(KAKAO, 9), native);
                assert_eq!(wait(written).unwrap().unwrap().seq, MessageSeq(number));
            }
            let theirs = store.message_by_copy(LINE, chat(LINE, 1), NativeMessageId::new("l3"));
            assert_eq!(wait(theirs).unwrap().unwrap().seq, MessageSeq(3));
            assert_eq!(wait(store.message_by_id(id(9))).unwrap(), None);
            let page = store.page_messages(ConversationId(1), MessageSeq(3), 10);
            let page: Vec<u64> = wait(page).unwrap().iter().map(|m| m.seq.0).collect();
            assert_eq!(page, [2, 1]);
            bench.crash();
        }
    }
}

#[test]
fn the_newest_of_many_conversations_is_told_in_their_order() {
    for mut bench in Bench::both() {
        wait(bench.store().change(Timestamp(1), people())).unwrap();
        for (number, conversation) in [(1, 1), (2, 2), (3, 1), (4, 3)] {
            admit(bench.store(), event(number, conversation, vec![]));
        }
        for _ in 0..2 {
            let asked = [3, 9, 1, 2, 1].map(ConversationId).to_vec();
            let newest = wait(bench.store().newest_in(asked)).unwrap();
            let newest: Vec<_> = newest.into_iter().map(|seq| seq.map(|seq| seq.0)).collect();
            assert_eq!(newest, [Some(4), None, Some(3), Some(2), Some(3)]);
            let many = vec![ConversationId(1); PAGE_ROWS_MAX + 1];
            assert_eq!(wait(bench.store().newest_in(many)).unwrap().len(), PAGE_ROWS_MAX);
            bench.crash();
        }
    }
}

#[test]
fn a_note_beside_a_message_is_a_further_copy_and_alone_a_receipt() {
    for mut bench in Bench::both() {
        let store = bench.store();
        three_sent(store);
        let mut echoed = event(4, 1, vec![]);
        echoed.receipts = vec![note(Some("echo"), ReceiptLevel::Delivered)];
        admit(store, echoed);
        let mut word = event(5, 1, vec![]);
        word.message = None;
        word.receipts = vec![note(Some("l1"), ReceiptLevel::Delivered)];
        assert_eq!(admit(store, word), []);
        assert_eq!(states(store)[0], State::Delivered);
        bench.crash();
        let store = bench.store();
        let echo = store.message_by_copy(LINE, chat(LINE, 1), NativeMessageId::new("echo"));
        assert_eq!(wait(echo).unwrap().unwrap().seq, MessageSeq(4));
        assert_eq!(wait(store.copies_of(MessageSeq(4))).unwrap().len(), 2);
    }
}

#[test]
fn the_journal_has_no_gaps_and_pages_from_anywhere() {
    for mut bench in Bench::both() {
        wait(bench.store().load(Timestamp(1))).unwrap();
        three_sent(bench.store());
        bench.reopen();
        wait(bench.store().load(Timestamp(2))).unwrap();
        let store = bench.store();
        let all = wait(store.page_journal(JournalSeq(0), PAGE_ROWS_MAX)).unwrap();
        let last = wait(store.counts()).unwrap().journal;
        let numbers: Vec<u64> = all.iter().map(|entry| entry.seq.0).collect();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
        assert!(matches!(all[0].event, JournalEvent::Opened { at: Timestamp(1) }));
        let from_first = usize::try_from(last).unwrap() - 1;
        assert!(matches!(all[from_first].event, JournalEvent::Opened { .. }));
        for after in 0..=last {
            let page = wait(store.page_journal(JournalSeq(after), 3)).unwrap();
            let from = usize::try_from(after).unwrap();
            assert_eq!(page, all[from..all.len().min(from + 3)]);
        }
    }
}

#[test]
fn open_deliveries_are_paged_by_every_filter() {
    for bench in Bench::both() {
        let store = bench.store();
        admit(store, event(1, 1, vec![to_person(LINE, 1), to_person(KAKAO, 2)]));
        admit(store, event(2, 2, vec![to_person(LINE, 3), to_person(KAKAO, 4)]));
        admit(store, event(3, 2, vec![to_person(LINE, 5)]));
        let unsure = Step::Unsure { decide_at: Timestamp(99) };
        let claims = claim(store, LINE, false);
        settle(store, claims[1].delivery.seq, unsure);
        settle(store, claims[2].delivery.seq, sent("x"));
        let page = |account, state, conversation: Option<u64>, after| {
            let conversation = conversation.map(ConversationId);
            let filter = OpenFilter { account, state, conversation, recipient: None };
            let rows = wait(store.page_open(filter, DeliverySeq(after))).unwrap();
            rows.iter().map(|row| row.seq.0).collect::<Vec<_>>()
        };
        assert_eq!(page(None, None, None, 0), [1, 2, 3, 4]);
        assert_eq!(page(None, None, None, 2), [3, 4]);
        assert_eq!(page(Some(LINE), None, None, 0), [1, 3]);
        assert_eq!(page(None, None, Some(2), 0), [3, 4]);
        assert_eq!(page(None, Some(State::Unsure), None, 0), [3]);
        assert_eq!(page(None, Some(State::Attempting), None, 0), [1]);
        assert_eq!(page(None, Some(State::Queued), None, 0), [2, 4]);
        assert_eq!(page(Some(KAKAO), Some(State::Queued), Some(2), 0), [4]);
        let owed = |conversation: Option<u64>, person, after| {
            let (conversation, recipient) =
                (conversation.map(ConversationId), Some(Recipient::Person(PersonId(person))));
            let filter = OpenFilter { conversation, recipient, ..OpenFilter::default() };
            let rows = wait(store.page_open(filter, DeliverySeq(after))).unwrap();
            rows.iter().map(|row| row.seq.0).collect::<Vec<_>>()
        };
        assert_eq!(owed(Some(2), 4, 0), [4]);
        assert_eq!(owed(Some(1), 4, 0), [0; 0], "not in that conversation");
        assert_eq!(owed(Some(2), 4, 4), [0; 0]);
        assert_eq!(owed(None, 2, 0), [2]);
    }
}

#[test]
fn messages_of_all_conversations_are_paged_in_order() {
    for mut bench in Bench::both() {
        for number in 1..=5 {
            let conversation = 1 + number % 2;
            admit(bench.store(), event(number, conversation, vec![to_person(LINE, 1)]));
        }
        bench.reopen();
        let after = |place, rows_max| {
            let found = wait(bench.store().messages_after(MessageSeq(place), rows_max)).unwrap();
            found.iter().map(|message| (message.seq.0, message.new.id)).collect::<Vec<_>>()
        };
        assert_eq!(after(0, 2), [(1, id(1)), (2, id(2))]);
        assert_eq!(after(2, 9), [(3, id(3)), (4, id(4)), (5, id(5))]);
        assert_eq!(after(5, 9), []);
    }
}
