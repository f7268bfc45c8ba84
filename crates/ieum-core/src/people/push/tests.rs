//! Which device hears of what, whoever signs in and out and speaks.

use super::*;
use crate::delivery::Label;
use crate::directory::{ConversationKind, Language, Person};
use crate::ids::{ConversationId, DeliverySeq, MessageSeq};
use crate::people::contacts::{Card, Contact, Standing};
use crate::people::sessions::{closed, closed_all, merged, opened};
use crate::people::terms::{Reach, Terms};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000);
const MINA: PersonId = PersonId(1);
const JUN: PersonId = PersonId(2);

fn mark(number: u8) -> SessionMark {
    SessionMark([number; 32])
}

fn device(number: u8) -> Subscription {
    Subscription {
        endpoint: format!("https://push.example/device/{number}").into(),
        key: [4; PUSH_KEY_BYTES].into(),
        secret: [number; PUSH_SECRET_BYTES].into(),
        tells: Tells::Words,
        since: NOW,
    }
}

fn apply(directory: &mut Directory, changes: Vec<Change>) {
    changes.into_iter().for_each(|change| directory.apply(change));
}

/// Two people who talk alone, each signed in once.
fn town(kind: ConversationKind) -> (Directory, Conversation) {
    let mut directory = Directory::default();
    for id in [MINA, JUN] {
        let (routes, consents) = (Vec::new(), Vec::new());
        let person = Person { id, name: "민아".into(), language: Language::Ko, routes, consents };
        directory.apply(Change::Person(person));
        let number = u8::try_from(id.0).unwrap();
        let changes = opened(&directory, id, mark(number), "Firefox", NOW);
        apply(&mut directory, changes);
    }
    let (members, rooms) = (vec![MINA, JUN], Vec::new());
    let both = Conversation { id: ConversationId(1), kind, title: "".into(), members, rooms };
    directory.apply(Change::Conversation(both.clone()));
    (directory, both)
}

fn subscribe(directory: &mut Directory, session: u8, number: u8) -> Result<(), PushRefusal> {
    let changes = subscribed(directory, mark(session), device(number))?;
    apply(directory, changes);
    Ok(())
}

fn heard_at(directory: &Directory, person: PersonId) -> Vec<Box<str>> {
    devices(directory, person, NOW).into_iter().map(|one| one.1.endpoint).collect()
}

#[test]
fn whoever_signs_out_hears_nothing_more() {
    let ends: [fn(&Directory) -> Vec<Change>; 5] = [
        |directory| closed(directory, mark(1), NOW),
        |directory| closed_all(directory, MINA, "", NOW),
        |directory| unsubscribed(directory, mark(1), NOW),
        |directory| ended(directory, "https://push.example/device/7"),
        |directory| merged(directory, MINA, JUN),
    ];
    for (number, end) in ends.iter().enumerate() {
        let (mut directory, both) = town(ConversationKind::Direct);
        subscribe(&mut directory, 1, 7).unwrap();
        assert_eq!(hearers(&directory, &both, Author::Person(JUN)), [MINA]);
        let changes = end(&directory);
        apply(&mut directory, changes);
        assert_eq!(heard_at(&directory, MINA), [] as [Box<str>; 0], "{number}");
        assert_eq!(hearers(&directory, &both, Author::Person(JUN)), [], "{number}");
        assert!(!directory.doors().anybody_hears(), "{number}");
    }
}

#[test]
fn a_device_hears_for_whoever_used_it_last() {
    let (mut directory, _) = town(ConversationKind::Direct);
    subscribe(&mut directory, 1, 7).unwrap();
    subscribe(&mut directory, 2, 7).unwrap();
    assert_eq!(heard_at(&directory, MINA), [] as [Box<str>; 0]);
    assert_eq!(heard_at(&directory, JUN), [device(7).endpoint]);
    assert_eq!(directory.doors().hears_at(&device(7).endpoint), Some(JUN));
}

#[test]
fn a_session_that_is_over_neither_hears_nor_begins_to() {
    let (mut directory, _) = town(ConversationKind::Direct);
    subscribe(&mut directory, 1, 7).unwrap();
    let later = NOW.plus_ms(crate::people::sessions::SESSION_MS);
    assert_eq!(devices(&directory, MINA, later), []);
    let late = Subscription { since: later, ..device(8) };
    assert_eq!(subscribed(&directory, mark(1), late), Err(PushRefusal::NoSession));
    assert_eq!(subscribe(&mut directory, 9, 8), Err(PushRefusal::NoSession));
    assert_eq!(told(&directory, mark(2), Tells::OnlyThat, NOW), Err(PushRefusal::NoSession));
}

#[test]
fn what_is_no_push_service_or_device_is_refused() {
    let (directory, _) = town(ConversationKind::Direct);
    for endpoint in [
        "http://push.example/1",
        "https://127.0.0.1/1",
        "https://2130706433/1",
        "https://0x7f.1/1",
        "https://localhost/1",
        "https://[::1]/1",
        "https://push.example:22/1",
        "https://user@push.example/1",
        "https://push.example /1",
        "https://.example/1",
        "https:///1",
        "https://push.example/\n",
        "https://푸시.example/1",
        "",
    ] {
        let bad = Subscription { endpoint: endpoint.into(), ..device(1) };
        assert_eq!(subscribed(&directory, mark(1), bad), Err(PushRefusal::Endpoint), "{endpoint}");
    }
    let long = format!("https://push.example/{}", "x".repeat(ENDPOINT_BYTES_MAX));
    assert_eq!(host_of(&long), None);
    let short = Subscription { secret: [1; 15].into(), ..device(1) };
    let packed = Subscription { key: [2; 65].into(), ..device(1) };
    let half = Subscription { key: [4; 33].into(), ..device(1) };
    for bad in [short, packed, half] {
        assert_eq!(subscribed(&directory, mark(1), bad), Err(PushRefusal::Keys));
    }
    assert_eq!(host_of("https://fcm.googleapis.com/fcm/send/x:y"), Some("fcm.googleapis.com"));
}

#[test]
fn terms_and_blocks_hold_for_devices_too() {
    let (mut directory, both) = town(ConversationKind::Direct);
    subscribe(&mut directory, 1, 7).unwrap();
    let hears = |directory: &Directory| hearers(directory, &both, Author::Person(JUN)) == [MINA];
    assert!(hears(&directory));
    let reach =
        |conversation| Reach { conversation: ConversationId(conversation), networks: vec![] };
    let with = |reaches, security_min| Terms { person: MINA, security_min, reaches };
    for (terms, wanted) in [
        (with(vec![reach(1)], SecurityLevel::Plain), false),
        (with(vec![reach(2)], SecurityLevel::Transport), true),
        (with(vec![], SecurityLevel::EndToEnd), false),
        (Terms::none(MINA), true),
    ] {
        directory.apply(Change::Terms(terms.clone()));
        assert_eq!(hears(&directory), wanted, "{terms:?}");
    }
    let contacts = vec![Contact { other: JUN, standing: Standing::Blocked, at: NOW }];
    let card = Card { person: MINA, handle: None, contacts, asked: Vec::new() };
    directory.apply(Change::Card(card));
    assert!(!hears(&directory));
}

#[test]
fn nobody_hears_their_own_words_nor_the_hubs() {
    let (mut directory, both) = town(ConversationKind::Group);
    subscribe(&mut directory, 1, 7).unwrap();
    assert_eq!(hearers(&directory, &both, Author::Person(MINA)), []);
    assert_eq!(hearers(&directory, &both, Author::Hub), []);
}

#[test]
fn read_elsewhere_is_known_by_ones_own_copy() {
    let copy = |recipient, state| Delivery {
        seq: DeliverySeq(1),
        message: MessageSeq(1),
        conversation: ConversationId(1),
        recipient,
        route: None,
        state,
        attempts: 0,
        part: 0,
        due_at: NOW,
        tried_at: None,
        label: None::<Label>,
        stands_in_for: None,
        copies: Vec::new(),
    };
    let table = [
        (Recipient::Person(MINA), State::Read, true),
        (Recipient::Person(MINA), State::Delivered, false),
        (Recipient::Person(JUN), State::Read, false),
    ];
    for (recipient, state, wanted) in table {
        assert_eq!(is_read(&[copy(recipient, state)], MINA), wanted, "{recipient:?} {state:?}");
    }
    assert!(!is_read(&[], MINA));
}

#[test]
fn nothing_that_lets_anybody_send_is_printed() {
    let printed = format!("{:?}", device(77));
    assert_eq!(printed, "Subscription(push.example, Words, since Timestamp(1000))");
}

proptest! {
    #[test]
    fn a_text_is_one_line_that_fits(text in "[\\PC\\n\\t ]{0,400}") {
        let line = in_one_line(&text);
        prop_assert!(line.chars().count() <= TOLD_CHARS_MAX);
        prop_assert!(!line.contains(['\n', '\t']));
        prop_assert!(line.trim() == line);
    }

    /// Whatever happens at the doors, each device hears for at most one session.
    #[test]
    fn a_device_never_hears_for_two(
        deeds in prop::collection::vec((0..4_u8, 1..3_u8, 0..3_u8), 0..40),
    ) {
        let (mut directory, _) = town(ConversationKind::Direct);
        for (deed, session, number) in deeds {
            let person = PersonId(u64::from(session));
            let changes = match deed {
                0 => subscribed(&directory, mark(session), device(number)).unwrap_or_default(),
                1 => unsubscribed(&directory, mark(session), NOW),
                2 => closed(&directory, mark(session), NOW),
                _ => match directory.doors().person_in(mark(session), NOW) {
                    Some(_) => ended(&directory, &device(number).endpoint),
                    None => opened(&directory, person, mark(session), "", NOW),
                },
            };
            apply(&mut directory, changes);
            for number in 0..3 {
                let endpoint = device(number).endpoint;
                let has = |person| heard_at(&directory, person).contains(&endpoint);
                let whose = [MINA, JUN].into_iter().filter(|one| has(*one));
                let whose: Vec<PersonId> = whose.collect();
                prop_assert!(whose.len() <= 1, "{whose:?}");
                prop_assert_eq!(whose.first().copied(), directory.doors().hears_at(&endpoint));
            }
        }
    }
}
