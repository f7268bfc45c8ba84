//! Stored formats: files written by each released schema are read right for ever.
//!
//! `tests/fixtures/store-vN.sqlite3` was written by [`fill`] with schema N and is never written
//! again. A new schema adds a fixture: when its file is missing, the test writes it and fails.

use super::sample::*;
use super::wait;
use crate::MemoryStore;
use crate::sqlite::{STORE_FILE, SqliteStore};
use ieum_core::delivery::{Label, State, Step};
use ieum_core::directory::{Account, Conversation, ConversationKind, Language, Person};
use ieum_core::directory::{Change, Gone};
use ieum_core::health::book::api_cell;
use ieum_core::health::hold::Hold;
use ieum_core::health::{Cell, CellChange, CellState, Function, Surface};
use ieum_core::ids::{AddressId, NativeMessageId, PersonId};
use ieum_core::ids::{ConversationId, Cursor, DeliverySeq, IncidentId, JournalSeq, MessageSeq};
use ieum_core::inbound::ReceiptLevel;
use ieum_core::incident::Incident;
use ieum_core::message::Author;
use ieum_core::network::Network;
use ieum_core::outgoing::Scope;
use ieum_core::people::code::{CodeId, Party};
use ieum_core::people::farewell::Farewell;
use ieum_core::people::groups::{Charter, Invitation};
use ieum_core::people::moderation::{Ban, JoinKey, Newcomer, Report, Ruling};
use ieum_core::people::push::devices;
use ieum_core::people::sessions::Door;
use ieum_core::people::terms::{Reach, Terms};
use ieum_core::ports::store::{Access, Moves, OpenFilter, ReceiptNote, Store};
use ieum_core::route::security::SecurityLevel;
use ieum_core::time::Timestamp;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The schema that is written now.
const PRESENT: u32 = 16;

/// The schema that keeps incidents first.
const INCIDENTS_SINCE: u32 = 3;

/// The schema that keeps one-time codes first.
const CODES_SINCE: u32 = 4;

/// The schema that keeps stays and questions first.
const STAYS_SINCE: u32 = 5;

/// The schema that keeps contacts first.
const CARDS_SINCE: u32 = 6;

/// The schema that keeps terms and what was taken back first.
const TERMS_SINCE: u32 = 7;

/// The schema that keeps sessions first.
const DOORS_SINCE: u32 = 8;

/// The schema that keeps charters first.
const CHARTERS_SINCE: u32 = 9;

/// The schema that keeps doubt in what was sent first.
const DOUBT_SINCE: u32 = 10;

/// The schema that takes texts away first.
const FAREWELLS_SINCE: u32 = 12;

/// The schema that keeps passkeys first.
const PASSKEYS_SINCE: u32 = 14;

/// The schema that keeps how devices hear of messages first.
const DEVICES_SINCE: u32 = 15;

/// The schema that keeps the operator's word on a network first.
const HOLDS_SINCE: u32 = 16;

/// Puts in what one schema keeps first.
type Fill = fn(&dyn Store);

/// What each schema keeps first, in the order in which it was written.
const FILLS: [(u32, Fill); 11] = [
    (CODES_SINCE, fill_codes),
    (STAYS_SINCE, fill_stays),
    (CARDS_SINCE, fill_cards),
    (TERMS_SINCE, fill_terms),
    (DOORS_SINCE, fill_doors),
    (CHARTERS_SINCE, fill_charters),
    (DOUBT_SINCE, fill_doubt),
    (FAREWELLS_SINCE, fill_farewells),
    (PASSKEYS_SINCE, fill_passkeys),
    (DEVICES_SINCE, fill_devices),
    (HOLDS_SINCE, fill_holds),
];

fn fixture(version: u32) -> PathBuf {
    let name = format!("tests/fixtures/store-v{version}.sqlite3");
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn every_format_that_was_ever_written_is_read_right() {
    write_if_missing(&fixture(PRESENT));
    for version in 1..=PRESENT {
        let directory = TempDir::new().unwrap();
        std::fs::copy(fixture(version), directory.path().join(STORE_FILE)).unwrap();
        let old = SqliteStore::open(directory.path()).unwrap();
        let same = MemoryStore::new();
        fill(&same);
        for (_, fill) in FILLS.iter().filter(|(since, _)| version >= *since) {
            fill(&same);
        }
        assert_eq!(told(&old), told(&same), "format {version}");
        if version >= INCIDENTS_SINCE {
            assert_eq!(incidents(&old), incidents(&same), "format {version}");
        }
        let next = admit(&old, event(99, 3, vec![to_person(LINE, 1)]));
        assert_eq!(next, admit(&same, event(99, 3, vec![to_person(LINE, 1)])));
    }
}

fn write_if_missing(path: &Path) {
    if path.exists() {
        return;
    }
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(directory.path()).unwrap();
    fill(&store);
    for (_, fill) in FILLS {
        fill(&store);
    }
    wait(store.close()).unwrap();
    std::fs::copy(directory.path().join(STORE_FILE), path).unwrap();
    panic!("{} was missing and is written now: keep it", path.display());
}

/// Everything that a store tells of what [`fill`] did.
fn told(store: &dyn Store) -> Vec<String> {
    let mut lines = Vec::new();
    let counts = wait(store.counts()).unwrap();
    for seq in (1..=counts.messages).map(MessageSeq) {
        let message = wait(store.message(seq)).unwrap().unwrap();
        let by_id = wait(store.message_by_id(message.new.id)).unwrap().unwrap();
        assert_eq!(by_id, message);
        lines.push(format!("{message:?}"));
        lines.push(format!("{:?}", wait(store.deliveries_of(seq)).unwrap()));
        lines.push(format!("{:?}", wait(store.copies_of(seq)).unwrap()));
    }
    let all = (0..10).map(ConversationId).collect();
    lines.push(format!("{:?}", wait(store.newest_in(all)).unwrap()));
    let page = store.page_messages(ConversationId(1), MessageSeq(u64::MAX), 100);
    lines.push(format!("{:?}", wait(page).unwrap()));
    let open = wait(store.page_open(OpenFilter::default(), DeliverySeq(0))).unwrap();
    lines.push(format!("{open:?}"));
    lines.push(format!("{counts:?}"));
    let journal = wait(store.page_journal(JournalSeq(0), 1_000)).unwrap();
    lines.extend(journal.iter().map(|entry| format!("{entry:?}")));
    let loaded = wait(store.load(Timestamp(99))).unwrap();
    lines.push(format!("{loaded:?}"));
    let directory = &loaded.directory;
    lines.push(format!("{:?} {:?}", directory.codes(), directory.stays()));
    lines.push(format!("{:?}", directory.cards()));
    lines.push(format!("{:?}", directory.terms_of(PersonId(1))));
    lines.push(format!("{:?}", directory.doors()));
    // A subscription shows little of itself.
    lines.extend(devices(directory, PersonId(4), Timestamp(100)).into_iter().map(|(mark, one)| {
        format!("{mark:?} {} {:?} {:?} {one:?}", one.endpoint, one.key, one.secret)
    }));
    lines.push(format!("{:?}", directory.charters()));
    lines.push(format!("{:?}", directory.holds().collect::<Vec<_>>()));
    lines.push(format!("{:?}", directory.farewells().collect::<Vec<_>>()));
    let asked = (0..3).map(|id| directory.question_to(AddressId(id)));
    lines.push(format!("{:?}", asked.collect::<Vec<_>>()));
    lines
}

/// What it tells of incidents.
fn incidents(store: &dyn Store) -> Vec<String> {
    let page = wait(store.page_incidents(IncidentId(u64::MAX), 10)).unwrap();
    let touched = |incident: &Incident| {
        format!("{:?}", wait(store.page_touched(incident.id, DeliverySeq(0), 10)).unwrap())
    };
    assert!(!page.is_empty(), "one was opened");
    page.iter().map(|incident| format!("{incident:?} {}", touched(incident))).collect()
}

/// One of everything that is stored. It must stay as it is: the fixtures hold its results.
fn fill(store: &dyn Store) {
    wait(store.load(Timestamp(1))).unwrap();
    wait(store.change(Timestamp(2), directory())).unwrap();
    let mut polled = batch(vec![event(1, 1, vec![to_person(KAKAO, 1), to_person(LINE, 2)])]);
    polled.cursor = Some((LINE, Cursor::new("s-42")));
    wait(store.admit(polled)).unwrap();
    let Step::Sent { copies } = sent("k1") else { unreachable!() };
    claim(store, KAKAO, true);
    settle(store, DeliverySeq(1), Step::NextPart { copies, part: 1 });
    claim(store, KAKAO, true);
    settle(store, DeliverySeq(1), Step::Unsure { decide_at: Timestamp(40) });
    claim(store, LINE, true);
    settle(store, DeliverySeq(2), sent("l2"));
    wait(store.apply_moves(failover())).unwrap();
    claim(store, LINE, true);
    let word = ReceiptNote {
        account: LINE,
        chat: chat(LINE, 2),
        native: Some(NativeMessageId::new("l2")),
        level: ReceiptLevel::Read,
        at: Timestamp(60),
    };
    let mut echoed = event(3, 1, endings());
    echoed.receipts =
        vec![ReceiptNote { native: Some(NativeMessageId::new("echo")), ..word.clone() }];
    admit(store, echoed);
    wait(store.record_receipt(Timestamp(61), word)).unwrap();
    end_some(store);
}

/// Codes of both owners, a count, and one of each that is gone again.
fn fill_codes(store: &dyn Store) {
    let kept = [code(1), code(2), tally(1), tally(2)];
    let gone = [Gone::Code(CodeId(2)), Gone::Tally(Party::Address(AddressId(2)))];
    let changes = kept.into_iter().chain(gone.map(Change::Gone));
    wait(store.change(Timestamp(80), changes.collect())).unwrap();
}

/// Stays and questions, and one of each that is gone again.
fn fill_stays(store: &dyn Store) {
    let kept = [stay(1), stay(2), question(1), question(2)];
    let gone = [Gone::Stay(PersonId(2)), Gone::Question(AddressId(2))];
    let changes = kept.into_iter().chain(gone.map(Change::Gone));
    wait(store.change(Timestamp(90), changes.collect())).unwrap();
}

/// A card of each kind of standing.
fn fill_cards(store: &dyn Store) {
    wait(store.change(Timestamp(95), vec![card(1), card(2)])).unwrap();
}

/// Somebody's terms, and a delivery that ended because of them.
fn fill_terms(store: &dyn Store) {
    let reach = Reach { conversation: ConversationId(1), networks: vec![Network::Line] };
    let security_min = SecurityLevel::Transport;
    let terms = Terms { person: PersonId(1), security_min, reaches: vec![reach] };
    wait(store.change(Timestamp(96), vec![Change::Terms(terms)])).unwrap();
    admit(store, event(98, 1, vec![to_person(KAKAO, 1)]));
    let open = wait(store.page_open(OpenFilter::default(), DeliverySeq(0))).unwrap();
    let moved = vec![settlement(open.last().unwrap().seq, Step::Withdrawn)];
    wait(store.apply_moves(Moves { at: Timestamp(97), moved, ..Moves::default() })).unwrap();
}

/// A door with a passkey.
fn fill_passkeys(store: &dyn Store) {
    wait(store.change(Timestamp(99), vec![door_with_passkey(3)])).unwrap();
}

/// A door whose session hears of messages.
fn fill_devices(store: &dyn Store) {
    wait(store.change(Timestamp(100), vec![door_with_device(4)])).unwrap();
}

/// What an operator holds, and what was released.
fn fill_holds(store: &dyn Store) {
    let cell = |network| api_cell(network, Function::Send);
    let hold =
        |network, state| Change::Hold(Hold::new(cell(network), state, "당직", Timestamp(101)));
    let held = vec![hold(Network::KakaoTalk, CellState::Down), hold(Network::Line, CellState::Up)];
    wait(store.change(Timestamp(101), held)).unwrap();
    let gone = Change::Gone(Gone::Hold(cell(Network::Line)));
    wait(store.change(Timestamp(102), vec![gone])).unwrap();
}

/// A door with sessions, and one that all have left.
fn fill_doors(store: &dyn Store) {
    wait(store.change(Timestamp(97), vec![door(1), door(2)])).unwrap();
    let Change::Door(two) = door(2) else { unreachable!() };
    let left = Door { sessions: Vec::new(), ..two };
    wait(store.change(Timestamp(98), vec![Change::Door(left)])).unwrap();
}

/// A charter with one of everything in it.
fn fill_charters(store: &dyn Store) {
    let (one, two, at) = (PersonId(1), PersonId(2), Timestamp(98));
    let charter = Charter {
        owner: Some(one),
        moderators: vec![two],
        invited: vec![Invitation { person: PersonId(3), by: one, at }],
        key: JoinKey::read("2345-6789-acde"),
        slow_ms: 5_000,
        bans: vec![Ban { person: two, addresses: vec![AddressId(2)], at, reason: "욕설".into() }],
        newcomers: vec![Newcomer { person: two, at }],
        reports: vec![Report {
            id: 1,
            by: one,
            about: two,
            message: Some(MessageSeq(1)),
            reason: "광고".into(),
            at,
            ruling: Ruling::Banned,
            appeal: Some("아니에요".into()),
            heard: false,
        }],
        ..Charter::empty(ConversationId(1))
    };
    wait(store.change(at, vec![Change::Charter(charter)])).unwrap();
}

/// A delivery that was sent and doubted, and the copy that stands in for it.
fn fill_doubt(store: &dyn Store) {
    let seq = admit(store, event(97, 1, vec![to_person(KAKAO, 2)])).remove(0);
    claim(store, KAKAO, true);
    settle(store, seq, sent("k97"));
    let mut copy = to_person(LINE, 2);
    (copy.label, copy.stands_in_for) = (Some(Label::InsteadOf(Network::KakaoTalk)), Some(seq));
    let mut moved = settlement(seq, Step::Doubted { conversation: ConversationId(1) });
    moved.plus = vec![copy];
    let moved = vec![moved];
    wait(store.apply_moves(Moves { at: Timestamp(98), moved, ..Moves::default() })).unwrap();
}

/// Somebody who left, one whose texts are gone, a text that was taken away, and a look.
fn fill_farewells(store: &dyn Store) {
    let farewell = |person| Farewell {
        person: PersonId(person),
        addresses: vec![AddressId(person)],
        at: Timestamp(99),
        reached: MessageSeq(1),
    };
    let gone = Change::Gone(Gone::Farewell(PersonId(2)));
    let changes = vec![Change::Farewell(farewell(1)), Change::Farewell(farewell(2)), gone];
    wait(store.change(Timestamp(99), changes)).unwrap();
    assert_eq!(wait(store.erase(Timestamp(99), vec![MessageSeq(1)])).unwrap(), 1);
    let access = Access { person: PersonId(1), what: "export".into(), by: "console".into() };
    wait(store.note_access(Timestamp(99), access)).unwrap();
}

fn directory() -> Vec<Change> {
    let mut changes = people();
    changes.push(Change::Account(Account {
        id: KAKAO,
        name: "kakao".into(),
        network: Network::KakaoTalk,
    }));
    changes.push(Change::Person(Person {
        id: PersonId(1),
        name: "민지".into(),
        language: Language::Ko,
        routes: vec![address(KAKAO, 1), address(LINE, 1)],
        consents: Vec::new(),
    }));
    changes.push(Change::Conversation(Conversation {
        id: ConversationId(1),
        kind: ConversationKind::Group,
        title: "가족".into(),
        members: vec![PersonId(1)],
        rooms: Vec::new(),
    }));
    changes
}

fn failover() -> Moves {
    let next = Step::NextRoute {
        route: route(LINE, 1),
        label: Some(Label::InsteadOf(Network::KakaoTalk)),
        at: Timestamp(50),
    };
    let mut moved = settlement(DeliverySeq(1), next);
    let mut plus = to_person(LINE, 3);
    plus.stands_in_for = Some(DeliverySeq(1));
    moved.plus = vec![plus];
    let mut own = event(2, 2, vec![to_person(LINE, 4)]);
    own.event = None;
    if let Some(message) = &mut own.message {
        (message.author, message.source) = (Author::Hub, None);
    }
    Moves {
        at: Timestamp(50),
        health: vec![CellChange {
            cell: Cell {
                network: Network::KakaoTalk,
                function: Function::Send,
                surface: Surface::Api,
            },
            from: CellState::Up,
            to: CellState::Down,
            evidence: "12 of 12 sends failed".into(),
            grounds: None,
        }],
        moved: vec![moved],
        admissions: vec![own],
        ..Moves::default()
    }
}

/// Deliveries 5 to 10 of the third message.
fn endings() -> Vec<ieum_core::delivery::NewDelivery> {
    let mut endings: Vec<_> = (5..10).map(|person| to_person(KAKAO, person)).collect();
    let mut nowhere = to_person(KAKAO, 1);
    (nowhere.route, nowhere.state) = (None, State::Held);
    endings.push(nowhere);
    endings
}

fn end_some(store: &dyn Store) {
    let retry = Step::RetryAt { at: Timestamp(70), label: Some(Label::Again) };
    let hold = Step::Hold { label: Some(Label::Late) };
    let dead = Step::Dead { scope: Scope::Recipient };
    let steps = [Step::Superseded, Step::Expired, dead, retry, hold];
    for (seq, step) in (5..).map(DeliverySeq).zip(steps) {
        settle(store, seq, step);
    }
}
