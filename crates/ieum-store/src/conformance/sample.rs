//! Small values to put into stores.

use ieum_core::content::{HubSecret, MessageId};
use ieum_core::delivery::{Claim, NewDelivery, Recipient, Route, Settlement, State, Step};
use ieum_core::directory::{Address, Change, Endpoint, Room};
use ieum_core::ids::{AccountId, AddressId, ChatKey, ConversationId, DeliverySeq, EventKey};
use ieum_core::ids::{NativeMessageId, PersonId, RoomId, UserKey};
use ieum_core::message::{Author, Class, NewMessage, Source};
use ieum_core::outgoing::CopyKey;
use ieum_core::people::code::{Code, CodeId, CodePurpose, CodeText, Party};
use ieum_core::people::codes::Tally;
use ieum_core::people::contacts::{Asked, Card, Contact, Standing};
use ieum_core::people::here::Stay;
use ieum_core::people::links::Question;
use ieum_core::people::passkeys::{Passkey, PasskeyId, UserHandle};
use ieum_core::people::push::{PUSH_KEY_BYTES, PUSH_SECRET_BYTES, Subscription, Tells};
use ieum_core::people::sessions::{Door, Session, SessionMark, Visit, VisitKind};
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted, Advance, ClaimRequest, Store};
use ieum_core::time::Timestamp;

use super::wait;

pub(super) const KAKAO: AccountId = AccountId(1);
pub(super) const LINE: AccountId = AccountId(2);

pub(super) fn chat(account: AccountId, person: u64) -> ChatKey {
    ChatKey::new(format!("chat-{account}-{person}"))
}

pub(super) fn address(account: AccountId, person: u64) -> AddressId {
    AddressId(account.0 * 1_000 + person)
}

pub(super) fn route(account: AccountId, person: u64) -> Route {
    Route { account, endpoint: Endpoint::Address(address(account, person)) }
}

/// Persons 1 to 9 with an address on each account, and room 1 of LINE.
pub(super) fn people() -> Vec<Change> {
    let at = |account: AccountId, person: u64| {
        Change::Address(Address {
            id: address(account, person),
            account,
            user: UserKey::new(format!("user-{person}")),
            person: Some(PersonId(person)),
            name: "민지".into(),
            icon_url: None,
            direct: Some(chat(account, person)),
            blocked: false,
            current: None,
        })
    };
    let room = Change::Room(Room {
        id: RoomId(1),
        account: LINE,
        chat: ChatKey::new("room-1"),
        title: "가족".into(),
        conversation: Some(ConversationId(1)),
        joined: true,
        present: vec![address(LINE, 1)],
    });
    let mut changes: Vec<Change> = (1..10).flat_map(|p| [at(KAKAO, p), at(LINE, p)]).collect();
    changes.push(room);
    changes
}

/// A one-time code for a person, which is good until 600,000.
pub(super) fn code(number: u64) -> Change {
    let secret = HubSecret::new(*b"a secret of the tests, 32 bytes.");
    let text = CodeText::read(&format!("ACDE-234{}", number % 8 + 2)).unwrap();
    Change::Code(Code {
        id: CodeId(number),
        mark: text.mark(CodePurpose::Link, &secret),
        purpose: CodePurpose::Link,
        owner: Party::Person(PersonId(number)),
        conversation: Some(ConversationId(1)),
        expires_at: Timestamp(600_000),
        wrong_tries: 1,
    })
}

/// How often an address asked.
pub(super) fn tally(number: u64) -> Change {
    let party = Party::Address(AddressId(number));
    Change::Tally(Tally { party, since: Timestamp(7), issues: 2, guesses: 9 })
}

/// Where a person said they are.
pub(super) fn stay(person: u64) -> Change {
    let (address, until) = (address(LINE, person), Timestamp(500));
    Change::Stay(Stay { person: PersonId(person), address, until })
}

/// What an address was asked.
pub(super) fn question(number: u64) -> Change {
    let (asked, about) = (AddressId(number), address(LINE, number));
    Change::Question(Question { asked, about, page: None, expires_at: Timestamp(600) })
}

/// A handle, a request and an entry of each standing.
pub(super) fn card(person: u64) -> Change {
    use Standing::{Accepted, Asks, Blocked, Ignored};
    let entries = (4..).zip([Asks, Accepted, Ignored, Blocked]);
    let entry = |(other, standing)| Contact { other: PersonId(other), standing, at: Timestamp(7) };
    Change::Card(Card {
        person: PersonId(person),
        handle: Some(format!("민지{person}").into()),
        contacts: entries.map(entry).collect(),
        asked: vec![Asked { handle: "yuna".into(), at: Timestamp(8) }],
    })
}

/// A door with a session and a line of each kind.
pub(super) fn door(person: u64) -> Change {
    use VisitKind::{Closed, ClosedAll, Opened};
    let at = Timestamp(9);
    let visit = |kind| Visit { at, kind, browser: "Firefox · Linux".into() };
    let mark = SessionMark([u8::try_from(person).unwrap(); 32]);
    Change::Door(Door {
        person: PersonId(person),
        sessions: vec![Session::new(mark, at, "Chrome · Android")],
        visits: [Opened, Closed, ClosedAll].map(visit).to_vec(),
        passkeys: Vec::new(),
    })
}

/// A door with a passkey and what is noted of passkeys.
pub(super) fn door_with_passkey(person: u64) -> Change {
    use VisitKind::{OpenedByPasskey, PasskeyAdded, PasskeyRemoved};
    let number = u8::try_from(person).unwrap();
    let at = Timestamp(9);
    let passkey = Passkey {
        id: PasskeyId(vec![number; 40].into()),
        handle: UserHandle([number; 16]),
        fixed: (0..90).collect(),
        changing: [1, 2, 3, 4, 5, 6, 7].into(),
        name: "Safari · iPhone".into(),
        added_at: at,
        used_at: Some(Timestamp(10)),
    };
    let visit = |kind| Visit { at, kind, browser: "Safari · iPhone".into() };
    Change::Door(Door {
        visits: [PasskeyAdded, OpenedByPasskey, PasskeyRemoved].map(visit).to_vec(),
        passkeys: vec![passkey],
        ..Door::unused(PersonId(person))
    })
}

/// A door whose session hears of messages.
pub(super) fn door_with_device(person: u64) -> Change {
    let number = u8::try_from(person).unwrap();
    let push = Some(Subscription {
        endpoint: format!("https://push.example/{person}").into(),
        key: [4; PUSH_KEY_BYTES].into(),
        secret: [number; PUSH_SECRET_BYTES].into(),
        tells: Tells::OnlyThat,
        since: Timestamp(11),
    });
    let session = Session::new(SessionMark([number; 32]), Timestamp(9), "Firefox · Android");
    let sessions = vec![Session { push, ..session }];
    Change::Door(Door { sessions, ..Door::unused(PersonId(person)) })
}

pub(super) fn to_person(account: AccountId, person: u64) -> NewDelivery {
    NewDelivery {
        recipient: Recipient::Person(PersonId(person)),
        route: Some(route(account, person)),
        state: State::Queued,
        label: None,
        stands_in_for: None,
    }
}

pub(super) fn id(number: u64) -> MessageId {
    let mut bytes = [1; 32];
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[1..9].copy_from_slice(&mixed.to_be_bytes());
    bytes[9..17].copy_from_slice(&number.to_be_bytes());
    MessageId::from_bytes(bytes)
}

pub(super) fn message(number: u64, conversation: u64) -> NewMessage {
    NewMessage {
        id: id(number),
        conversation: ConversationId(conversation),
        author: Author::Address(AddressId(7)),
        source: Some(Source {
            account: KAKAO,
            chat: chat(KAKAO, 9),
            native: NativeMessageId::new(format!("n{number}")),
            quote: None,
        }),
        accepted_at: Timestamp(10),
        origin_at: Timestamp(9),
        expires_at: Timestamp(100_000),
        class: Class::Chat,
        content: format!("말 {number}").into_bytes().into(),
    }
}

/// Event `number` carrying message `number`.
pub(super) fn event(number: u64, conversation: u64, deliveries: Vec<NewDelivery>) -> Admission {
    Admission {
        event: Some((KAKAO, EventKey::new(format!("e{number:09}")))),
        message: Some(message(number, conversation)),
        deliveries,
        ..Admission::default()
    }
}

pub(super) fn batch(admissions: Vec<Admission>) -> AdmitBatch {
    AdmitBatch { at: Timestamp(10), admissions, cursor: None }
}

/// Admits one message and gives its deliveries' numbers.
pub(super) fn admit(store: &dyn Store, admission: Admission) -> Vec<DeliverySeq> {
    match wait(store.admit(batch(vec![admission]))).unwrap().remove(0) {
        Admitted::New { deliveries, .. } => deliveries,
        Admitted::Known => panic!("known already"),
    }
}

pub(super) fn request(account: AccountId, now: i64, durable: bool) -> ClaimRequest {
    let now = Timestamp(now);
    ClaimRequest { account, lanes_max: 100, rows_max: 100, run_max: 1, now, durable }
}

pub(super) fn claim(store: &dyn Store, account: AccountId, durable: bool) -> Vec<Claim> {
    let advance = Advance { settled: Vec::new(), claim: Some(request(account, 1_000, durable)) };
    wait(store.advance(advance)).unwrap().claims
}

pub(super) fn seqs(claims: &[Claim]) -> Vec<u64> {
    claims.iter().map(|claim| claim.delivery.seq.0).collect()
}

pub(super) fn settlement(delivery: DeliverySeq, step: Step) -> Settlement {
    Settlement { delivery, step, evidence: "200".into(), at: Timestamp(20), plus: Vec::new() }
}

pub(super) fn sent(native: &str) -> Step {
    Step::Sent { copies: vec![CopyKey { native: NativeMessageId::new(native), quote: None }] }
}

pub(super) fn settle(store: &dyn Store, delivery: DeliverySeq, step: Step) {
    let advance = Advance { settled: vec![settlement(delivery, step)], claim: None };
    wait(store.advance(advance)).unwrap();
}
