//! A process that writes is killed at any moment, again and again: what it had been told was
//! durable is there, and what was claimed durably is known to be interrupted.
//!
//! The writing process is this test's own binary, started again with a directory in its arguments.

use super::wait;
use crate::SqliteStore;
use ieum_core::content::MessageId;
use ieum_core::delivery::{NewDelivery, Recipient, Route, Settlement, State, Step};
use ieum_core::directory::Endpoint;
use ieum_core::ids::{AccountId, AddressId, ConversationId, DeliverySeq, EventKey, JournalSeq};
use ieum_core::ids::{MessageSeq, PersonId};
use ieum_core::journal::JournalEvent;
use ieum_core::message::{Author, Class, NewMessage};
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted, Advance, ClaimRequest, Store};
use ieum_core::ports::store::{Advanced, PAGE_ROWS_MAX};
use ieum_core::time::Timestamp;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROUNDS: u64 = 10;
const LANES: u64 = 7;
const ACCOUNT: AccountId = AccountId(1);

#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed() {
    let directory = tempfile::TempDir::new().unwrap();
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        // Some rounds die while opening, some in the middle of much work.
        acknowledged.read(directory.path(), round * round * 7);
        acknowledged.check(directory.path());
    }
    assert!(acknowledged.admitted.len() > 100, "too little was written to mean anything");
}

#[test]
fn writer() {
    // Only as a child of the test above; on its own it has nothing to do.
    let directory = std::env::args().find_map(|argument| {
        let directory = argument.strip_prefix("directory=")?;
        Some(PathBuf::from(directory))
    });
    if let Some(directory) = directory {
        write(&directory);
    }
}

/// Admits, claims and settles without end, and says what it was told was durable.
fn write(directory: &Path) {
    let store = SqliteStore::open(directory).unwrap();
    let loaded = wait(store.load(Timestamp(1))).unwrap();
    let mut number = wait(store.counts()).unwrap().messages;
    let mut out = std::io::stdout();
    let mut settled: Vec<Settlement> = loaded.interrupted.iter().map(|d| sent(d.seq)).collect();
    loop {
        let admissions = (0..3).map(|_| {
            number += 1;
            admission(number)
        });
        let batch = AdmitBatch { at: Timestamp(1), admissions: admissions.collect(), cursor: None };
        for admitted in wait(store.admit(batch)).unwrap() {
            if let Admitted::New { message, .. } = admitted {
                writeln!(out, "ack admitted {}", message.unwrap()).unwrap();
            }
        }
        let done: Vec<DeliverySeq> = settled.iter().map(|settled| settled.delivery).collect();
        let advanced = advance(&store, std::mem::take(&mut settled));
        for seq in done {
            writeln!(out, "ack settled {seq}").unwrap();
        }
        for claim in advanced.claims {
            writeln!(out, "ack claimed {}", claim.delivery.seq).unwrap();
            settled.push(sent(claim.delivery.seq));
        }
    }
}

fn advance(store: &SqliteStore, settled: Vec<Settlement>) -> Advanced {
    let claim = ClaimRequest {
        account: ACCOUNT,
        lanes_max: 5,
        rows_max: 15,
        run_max: 3,
        now: Timestamp(1),
        durable: true,
    };
    let advance = Advance { settled, claim: Some(claim) };
    wait(store.advance(advance)).unwrap()
}

fn sent(delivery: DeliverySeq) -> Settlement {
    Settlement {
        delivery,
        step: Step::Sent { copies: Vec::new() },
        evidence: "".into(),
        at: Timestamp(1),
        plus: Vec::new(),
    }
}

fn admission(number: u64) -> Admission {
    let lane = number % LANES + 1;
    let mut id = [1; 32];
    id[1..9].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    let message = NewMessage {
        id: MessageId::from_bytes(id),
        conversation: ConversationId(lane),
        author: Author::Hub,
        source: None,
        accepted_at: Timestamp(1),
        origin_at: Timestamp(1),
        expires_at: Timestamp(2),
        class: Class::Chat,
        content: number.to_string().into_bytes().into(),
    };
    let delivery = NewDelivery {
        recipient: Recipient::Person(PersonId(lane)),
        route: Some(Route { account: ACCOUNT, endpoint: Endpoint::Address(AddressId(lane)) }),
        state: State::Queued,
        label: None,
        stands_in_for: None,
    };
    Admission {
        event: Some((ACCOUNT, EventKey::new(format!("{number:012}")))),
        message: Some(message),
        deliveries: vec![delivery],
        ..Admission::default()
    }
}

/// What the writers said over all rounds.
#[derive(Debug, Default)]
struct Acknowledged {
    admitted: BTreeSet<u64>,
    claimed: BTreeSet<u64>,
    settled: BTreeSet<u64>,
}

impl Acknowledged {
    /// Lets a writer work until it said so many lines, and kills it.
    fn read(&mut self, directory: &Path, lines_max: u64) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["conformance::kill::writer", "--exact", "--nocapture", "--test-threads=1"])
            .arg(format!("directory={}", directory.display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..=lines_max {
            let line = lines.next().unwrap().unwrap();
            self.note(&line);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            self.note(&line);
        }
    }

    fn note(&mut self, line: &str) {
        // The test harness prints its own words, on the first line even before ours.
        let Some((_, word)) = line.split_once("ack ") else {
            return;
        };
        let Some((kind, number)) = word.split_once(' ') else {
            return;
        };
        let Ok(number) = number.parse() else { return };
        match kind {
            "admitted" => self.admitted.insert(number),
            "claimed" => self.claimed.insert(number),
            "settled" => self.settled.insert(number),
            _ => false,
        };
    }

    fn check(&self, directory: &Path) {
        let store = SqliteStore::open(directory).unwrap();
        let loaded = wait(store.load(Timestamp(2))).unwrap();
        let interrupted: BTreeSet<u64> = loaded.interrupted.iter().map(|d| d.seq.0).collect();
        for number in &self.admitted {
            let message = wait(store.message(MessageSeq(*number))).unwrap().unwrap();
            assert_eq!(&*message.new.content, number.to_string().as_bytes());
            let found = wait(store.message_by_id(message.new.id)).unwrap();
            assert_eq!(found.unwrap().seq.0, *number);
            // One message has one delivery here, so their numbers are the same.
            let state = wait(store.deliveries_of(message.seq)).unwrap()[0].state;
            if self.settled.contains(number) {
                assert_eq!(state, State::Sent, "settled {number}");
            } else if self.claimed.contains(number) {
                let known = interrupted.contains(number) || state == State::Sent;
                assert!(known, "claimed {number} is {state:?}");
            }
        }
        check_journal(&store);
        wait(store.close()).unwrap();
    }
}

/// The feed has no gaps and tells of every message.
fn check_journal(store: &SqliteStore) {
    let counts = wait(store.counts()).unwrap();
    let (mut after, mut admitted) = (0, 0);
    loop {
        let page = wait(store.page_journal(JournalSeq(after), PAGE_ROWS_MAX)).unwrap();
        for entry in &page {
            assert_eq!(entry.seq.0, after + 1);
            after += 1;
            admitted += u64::from(matches!(entry.event, JournalEvent::Admitted { .. }));
        }
        if page.is_empty() {
            break;
        }
    }
    assert_eq!((after, admitted), (counts.journal, counts.messages));
}
