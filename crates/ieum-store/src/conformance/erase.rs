//! Texts that are taken away: gone from what every verb tells, and from the bytes of the file.

use super::sample::*;
use super::{Bench, wait};
use crate::sqlite::{STORE_FILE, SqliteStore};
use ieum_core::ids::PersonId;
use ieum_core::ids::{ConversationId, JournalSeq, MessageSeq};
use ieum_core::journal::JournalEvent;
use ieum_core::ports::store::{Access, Admission, PAGE_ROWS_MAX, Store, StoreFailure};
use ieum_core::time::Timestamp;
use std::path::Path;
use tempfile::TempDir;

fn says(number: u64, text: &str) -> Admission {
    let mut admission = event(number, 1, Vec::new());
    if let Some(message) = &mut admission.message {
        message.content = text.as_bytes().into();
    }
    admission
}

fn erase(store: &dyn Store, seqs: &[u64]) -> u64 {
    let seqs = seqs.iter().copied().map(MessageSeq).collect();
    wait(store.erase(Timestamp(50), seqs)).unwrap()
}

fn content(store: &dyn Store, seq: u64) -> Vec<u8> {
    wait(store.message(MessageSeq(seq))).unwrap().unwrap().new.content.to_vec()
}

#[test]
fn a_text_is_gone_and_its_place_stays() {
    for mut bench in Bench::both() {
        for number in 1..=3 {
            admit(bench.store(), says(number, "말"));
        }
        assert_eq!(erase(bench.store(), &[1, 3, 99]), 2);
        assert_eq!(erase(bench.store(), &[1]), 0, "once");
        for again in [false, true] {
            if again {
                bench.reopen();
            }
            let store = bench.store();
            assert_eq!(content(store, 1), b"");
            assert_eq!(content(store, 2), "말".as_bytes());
            let message = wait(store.message_by_id(id(3))).unwrap().unwrap();
            assert_eq!((message.seq, message.new.source.clone()), (MessageSeq(3), None));
            let page = store.page_messages(ConversationId(1), MessageSeq(9), 9);
            assert_eq!(wait(page).unwrap().len(), 3);
        }
        let journal = wait(bench.store().page_journal(JournalSeq(0), 99)).unwrap();
        let mut erased = Vec::new();
        for entry in journal {
            if let JournalEvent::Erased { messages, .. } = entry.event {
                erased.push(messages);
            }
        }
        assert_eq!(erased, [vec![MessageSeq(1), MessageSeq(3)]]);
    }
}

#[test]
fn what_is_still_to_be_sent_has_no_text_either() {
    for bench in Bench::both() {
        wait(bench.store().change(Timestamp(1), people())).unwrap();
        admit(bench.store(), event(1, 1, vec![to_person(LINE, 1)]));
        erase(bench.store(), &[1]);
        let claims = claim(bench.store(), LINE, false);
        assert!(claims[0].message.new.content.is_empty());
    }
}

#[test]
fn too_many_at_once_are_refused_and_a_look_is_journaled() {
    for bench in Bench::both() {
        let many = (0..=PAGE_ROWS_MAX as u64).map(MessageSeq).collect();
        let refused = wait(bench.store().erase(Timestamp(1), many));
        assert!(matches!(refused, Err(StoreFailure::Rule(_))));
        let access = Access { person: PersonId(4), what: "export".into(), by: "me".into() };
        wait(bench.store().note_access(Timestamp(2), access)).unwrap();
        let journal = wait(bench.store().page_journal(JournalSeq(0), 99)).unwrap();
        let last = &journal.last().unwrap().event;
        let JournalEvent::Accessed { person, what, by, at } = last else { panic!("{last:?}") };
        assert_eq!((person.0, &**what, &**by, at.0), (4, "export", "me", 2));
    }
}

fn bytes_have(folder: &Path, text: &str) -> bool {
    let bytes = std::fs::read(folder.join(STORE_FILE)).unwrap();
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_file_does_not_hold_what_was_taken_away() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let short = "a text that nobody is to read any more";
    let long = format!("{} the end of a long text", "long ".repeat(20_000));
    for number in 1..200 {
        admit(&store, says(number, "other words"));
    }
    admit(&store, says(200, short));
    admit(&store, says(201, &long));
    wait(store.close()).unwrap();
    assert!(
        bytes_have(folder.path(), short) && bytes_have(folder.path(), "the end of a long text")
    );
    let store = SqliteStore::open(folder.path()).unwrap();
    assert_eq!(erase(&store, &[200, 201]), 2);
    wait(store.close()).unwrap();
    assert!(!bytes_have(folder.path(), short));
    assert!(!bytes_have(folder.path(), "the end of a long text"));
    assert!(!bytes_have(folder.path(), "long long long"));
    assert!(bytes_have(folder.path(), "other words"));
}
