//! Leaving for good: nothing of a person is left, and nothing of anybody else is lost.

use super::*;
use crate::directory::{Consent, ConversationKind, Purpose, Room};
use crate::ids::{AccountId, ChatKey, RoomId};
use crate::network::Network;
use crate::people::contacts::{Contact, Standing};
use crate::people::groups::Invitation;
use crate::people::here::Stay;
use crate::people::moderation::{Report, Ruling};
use crate::people::passkeys::{Passkey, PasskeyId, UserHandle};
use crate::people::push::{PUSH_KEY_BYTES, PUSH_SECRET_BYTES, Subscription, Tells};
use crate::people::sessions::{Session, SessionMark, Visit, VisitKind};
use proptest::prelude::*;

const MINA: PersonId = PersonId(1);
const JUN: PersonId = PersonId(2);
const SORA: PersonId = PersonId(3);
const NOW: Timestamp = Timestamp(1_000);
const SECRETS: [&str; 7] =
    ["민아", "mina", "minas-chat", "mina.png", "Firefox", "minas reason", "minas-device"];

fn address(id: u64, person: PersonId, user: &str) -> Change {
    Change::Address(Address {
        id: AddressId(id),
        account: AccountId(1),
        user: UserKey::new(user),
        person: Some(person),
        name: "민아".into(),
        icon_url: Some(format!("https://pictures.example/{user}.png").into()),
        direct: Some(ChatKey::new(format!("{user}s-chat"))),
        blocked: false,
        current: Some(ConversationId(1)),
    })
}

fn person(id: PersonId, name: &str, routes: &[u64]) -> Change {
    let source = "민아 said so".into();
    let (network, purpose) = (Network::Line, Purpose::Talk);
    Change::Person(Person {
        id,
        name: name.into(),
        language: Language::Ko,
        routes: routes.iter().copied().map(AddressId).collect(),
        consents: vec![Consent { network, purpose, given: true, at: NOW, source }],
    })
}

fn conversation(id: u64, kind: ConversationKind, members: &[PersonId]) -> Change {
    let (title, rooms) = ("가족".into(), vec![RoomId(1)]);
    let members = members.to_vec();
    Change::Conversation(Conversation { id: ConversationId(id), kind, title, members, rooms })
}

fn card(person: PersonId, handle: &str, others: &[PersonId]) -> Change {
    let contact =
        |other: &PersonId| Contact { other: *other, standing: Standing::Accepted, at: NOW };
    let contacts = others.iter().map(contact).collect();
    Change::Card(Card { person, handle: Some(handle.into()), contacts, asked: Vec::new() })
}

fn charter() -> Change {
    let report = |by, about, reason: &str| Report {
        id: 1,
        by,
        about,
        message: None,
        reason: reason.into(),
        at: NOW,
        ruling: Ruling::Open,
        appeal: (about == MINA).then(|| "minas reason".into()),
        heard: false,
    };
    Change::Charter(Charter {
        owner: Some(MINA),
        moderators: vec![JUN],
        invited: vec![Invitation { person: SORA, by: MINA, at: NOW }],
        reports: vec![report(MINA, JUN, "minas reason"), report(JUN, MINA, "juns reason")],
        ..Charter::empty(ConversationId(1))
    })
}

fn subscription() -> Subscription {
    Subscription {
        endpoint: "https://push.example/minas-device".into(),
        key: [4; PUSH_KEY_BYTES].into(),
        secret: [1; PUSH_SECRET_BYTES].into(),
        tells: Tells::Words,
        since: NOW,
    }
}

/// 민아 leads a group with 준, talks to him alone, and knows 소라.
fn town() -> Directory {
    let mut directory = Directory::default();
    let session = Session {
        push: Some(subscription()),
        ..Session::new(SessionMark([7; 32]), NOW, "Firefox")
    };
    let passkey = Passkey {
        id: PasskeyId([3; 32].into()),
        handle: UserHandle([3; 16]),
        fixed: [3; 90].into(),
        changing: [3; 7].into(),
        name: "Firefox".into(),
        added_at: NOW,
        used_at: None,
    };
    let visit = Visit { at: NOW, kind: VisitKind::Opened, browser: "Firefox".into() };
    let changes = [
        address(1, MINA, "mina"),
        address(2, MINA, "mina2"),
        address(3, JUN, "jun"),
        person(MINA, "민아", &[1, 2]),
        person(JUN, "준", &[3]),
        person(SORA, "소라", &[]),
        Change::Room(Room {
            id: RoomId(1),
            account: AccountId(1),
            chat: ChatKey::new("family"),
            title: "가족".into(),
            conversation: Some(ConversationId(1)),
            joined: true,
            present: vec![AddressId(1), AddressId(3)],
        }),
        conversation(1, ConversationKind::Group, &[MINA, JUN]),
        conversation(2, ConversationKind::Direct, &[MINA, JUN]),
        charter(),
        card(MINA, "mina", &[JUN, SORA]),
        card(JUN, "jun", &[MINA, SORA]),
        Change::Door(Door {
            sessions: vec![session],
            visits: vec![visit],
            passkeys: vec![passkey],
            ..Door::unused(MINA)
        }),
        Change::Stay(Stay { person: MINA, address: AddressId(1), until: Timestamp(9_000) }),
    ];
    changes.into_iter().for_each(|change| directory.apply(change));
    directory
}

fn left(person: PersonId) -> Directory {
    let mut directory = town();
    let changes = leave(&directory, person, NOW).unwrap();
    changes.into_iter().for_each(|change| directory.apply(change));
    directory
}

#[test]
fn nothing_of_a_person_is_left_but_a_number() {
    let directory = left(MINA);
    let mut all = format!("{directory:?} {:?} {:?}", directory.cards(), directory.doors());
    all.push_str(&format!("{:?} {:?}", directory.charters(), directory.stays()));
    let told = format!("{:?}", town());
    for secret in SECRETS.iter().take(3) {
        assert!(told.contains(secret), "{secret} was there");
    }
    // 준's address is called like hers in this town; only hers are looked at.
    for secret in &SECRETS[1..] {
        assert!(!all.contains(secret), "{secret} is still there: {all}");
    }
    assert!(directory.conversations_of(MINA).is_empty());
    assert!(directory.cards().person_called("mina").is_none());
    assert_eq!(directory.person(MINA).unwrap().name.as_ref(), "떠난 사람");
    assert!(directory.address_of_user(AccountId(1), &UserKey::new("mina")).is_none());
    assert!(directory.address_of_chat(AccountId(1), &ChatKey::new("minas-chat")).is_none());
}

#[test]
fn others_keep_what_is_theirs() {
    let directory = left(MINA);
    assert_eq!(directory.conversation(ConversationId(1)).unwrap().members, [JUN]);
    assert_eq!(directory.conversation(ConversationId(2)).unwrap().members, [JUN]);
    let charter = directory.charters().of(ConversationId(1)).unwrap();
    assert_eq!(charter.owner, Some(JUN), "who moderates longest leads");
    assert!(charter.invited.is_empty());
    let reasons: Vec<_> = charter.reports.iter().map(|report| &*report.reason).collect();
    assert_eq!(reasons, ["", "juns reason"]);
    let known: Vec<_> = directory.cards().of(JUN).unwrap().contacts.iter().collect();
    assert_eq!(known.iter().map(|one| one.other).collect::<Vec<_>>(), [SORA]);
    assert_eq!(directory.room(RoomId(1)).unwrap().present, [AddressId(3)]);
    assert!(directory.address(AddressId(3)).unwrap().direct.is_some());
}

#[test]
fn a_farewell_knows_what_they_wrote_and_is_said_once() {
    let mut directory = left(MINA);
    let farewell = directory.farewells().next().unwrap().clone();
    assert!(farewell.wrote(Author::Person(MINA)));
    assert!(farewell.wrote(Author::Address(AddressId(2))));
    assert!(!farewell.wrote(Author::Address(AddressId(3))));
    assert!(!farewell.wrote(Author::Hub));
    assert_eq!(leave(&directory, MINA, NOW), Ok(Vec::new()), "it goes on where it was");
    assert_eq!(leave(&directory, PersonId(99), NOW), Err(FarewellRefusal::NoPerson));
    directory.apply(Change::Gone(Gone::Farewell(MINA)));
    assert_eq!(directory.farewells().count(), 0);
}

fn orders() -> impl Strategy<Value = Vec<PersonId>> {
    Just(vec![MINA, JUN, SORA]).prop_shuffle()
}

proptest! {
    #[test]
    fn no_order_of_leaving_leaves_anybody_behind(order in orders()) {
        let mut directory = town();
        for person in order {
            let changes = leave(&directory, person, NOW).unwrap();
            changes.into_iter().for_each(|change| directory.apply(change));
            prop_assert!(directory.conversations_of(person).is_empty());
        }
        prop_assert!(directory.conversations().all(|one| one.members.is_empty()));
        prop_assert!(directory.addresses().all(|one| one.person.is_none() && one.direct.is_none()));
        prop_assert_eq!(directory.farewells().count(), 3);
    }
}
