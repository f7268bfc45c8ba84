//! What idle conversations cost in memory: builds many and prints bytes for each of them.
//!
//! `cargo run --release -p ieum-core --example idle_directory [guests|persons] [conversations]`.
//! Each conversation has two rooms and two addresses, either of guests or of two persons who
//! agreed to talk there. Linux only: the figure is the growth of the resident set.

#![allow(clippy::unwrap_used, reason = "a measuring tool: what fails is to be seen at once")]

use ieum_core::directory::{
    Account, Address, Change, Consent, Conversation, ConversationKind, Directory, Language, Person,
    Purpose, Room,
};
use ieum_core::ids::{AccountId, AddressId, ChatKey, ConversationId, PersonId, RoomId, UserKey};
use ieum_core::network::Network;
use ieum_core::time::Timestamp;
use std::io::Write;

const PAGE_BYTES: u64 = 4_096;
const LINE: AccountId = AccountId(1);
const TELEGRAM: AccountId = AccountId(2);

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * PAGE_BYTES
}

fn line_key(letter: char, number: u64) -> String {
    format!("{letter}{:032x}", u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060))
}

/// The network's ids of a user and of their direct chat, by turns on LINE and Telegram.
fn user(number: u64) -> (AccountId, Network, String) {
    if number.is_multiple_of(2) {
        (LINE, Network::Line, line_key('U', number))
    } else {
        (TELEGRAM, Network::Telegram, (583_920_000 + number).to_string())
    }
}

fn address(number: u64, person: Option<PersonId>) -> Address {
    let (account, _, key) = user(number);
    Address {
        id: AddressId(number),
        account,
        direct: person.map(|_| ChatKey::new(key.clone())),
        user: UserKey::new(key),
        person,
        name: format!("김민지{number}").into(),
        icon_url: None,
        blocked: false,
        current: None,
    }
}

fn person(number: u64) -> Person {
    Person {
        id: PersonId(number),
        name: format!("김민지{number}").into(),
        language: Language::Ko,
        routes: vec![AddressId(number)],
        consents: vec![Consent {
            network: user(number).1,
            purpose: Purpose::Talk,
            given: true,
            at: Timestamp(1_716_180_240_000),
            source: "wrote to us".into(),
        }],
    }
}

fn room(number: u64, conversation: ConversationId) -> Room {
    let (account, _, _) = user(number);
    let chat = if account == LINE {
        line_key('C', number)
    } else {
        format!("-100{}", 1_583_920_000 + number)
    };
    Room {
        id: RoomId(number),
        account,
        chat: ChatKey::new(chat),
        title: "우리 가족".into(),
        conversation: Some(conversation),
        joined: true,
        present: vec![AddressId(number)],
    }
}

fn changes(number: u64, persons: bool) -> Vec<Change> {
    let id = ConversationId(number);
    let pair = [number * 2, number * 2 + 1];
    let members: Vec<PersonId> = pair.iter().filter(|_| persons).map(|n| PersonId(*n)).collect();
    let mut changes: Vec<Change> =
        members.iter().map(|member| Change::Person(person(member.0))).collect();
    let owner = |number: u64| persons.then_some(PersonId(number));
    changes.extend(pair.iter().map(|n| Change::Address(address(*n, owner(*n)))));
    changes.extend(pair.iter().map(|n| Change::Room(room(*n, id))));
    changes.push(Change::Conversation(Conversation {
        id,
        kind: ConversationKind::Group,
        title: "우리 가족".into(),
        members,
        rooms: pair.iter().map(|n| RoomId(*n)).collect(),
    }));
    changes
}

fn main() {
    let mut words = std::env::args().skip(1);
    let persons = words.next().is_some_and(|word| word == "persons");
    let count: u64 = words.next().map_or(100_000, |word| word.parse().unwrap());
    let mut directory = Directory::default();
    for (id, name, network) in [(LINE, "l", Network::Line), (TELEGRAM, "t", Network::Telegram)] {
        directory.apply(Change::Account(Account { id, name: name.into(), network }));
    }
    let before = resident_bytes();
    (1..=count).flat_map(|number| changes(number, persons)).for_each(|one| directory.apply(one));
    let grown = resident_bytes() - before;
    assert_eq!(directory.conversations().count() as u64, count, "all of them are there");
    let each = grown / count;
    let kind = if persons { "persons" } else { "guests" };
    let mut out = std::io::stdout();
    writeln!(out, "{count} conversations of {kind}: {grown} bytes, {each} for each of them")
        .unwrap();
}
