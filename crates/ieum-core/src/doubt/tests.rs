//! Who is owed a second copy, of every kind of delivery; and that nobody ever is owed two.

use super::*;
use crate::content::MessageId;
use crate::directory::Endpoint;
use crate::ids::{AccountId, AddressId, ConversationId, DeliverySeq, MessageSeq, RoomId};
use crate::message::Class;
use proptest::prelude::*;

const TRIED: Timestamp = Timestamp(1_000_000);
const MINJI: Recipient = Recipient::Person(PersonId(1));
const FAMILY: Recipient = Recipient::Room(RoomId(1));

fn way(account: u64) -> Route {
    Route { account: AccountId(account), endpoint: Endpoint::Address(AddressId(account)) }
}

fn sent(seq: u64, recipient: Recipient) -> Delivery {
    Delivery {
        seq: DeliverySeq(seq),
        message: MessageSeq(1),
        conversation: ConversationId(1),
        recipient,
        route: Some(way(1)),
        state: State::Sent,
        attempts: 1,
        part: 0,
        due_at: TRIED,
        tried_at: Some(TRIED),
        label: None,
        stands_in_for: None,
        copies: Vec::new(),
    }
}

fn message(class: Class, author: Author) -> NewMessage {
    NewMessage {
        id: MessageId::from_bytes([1; 32]),
        conversation: ConversationId(1),
        author,
        class,
        accepted_at: TRIED,
        origin_at: TRIED,
        expires_at: TRIED.plus_ms(3_600_000),
        source: None,
        content: Vec::new().into(),
    }
}

fn owed(
    delivery: &Delivery,
    hole: Hole,
    next: Option<Route>,
    rest: (&[Delivery], &[NewDelivery]),
) -> Vec<NewDelivery> {
    let (siblings, stand_ins) = rest;
    let network = Network::KakaoTalk;
    second_copies(DoubtFacts { delivery, siblings, network, hole, next, stand_ins })
}

#[test]
fn doubt_lasts_as_long_as_the_class_allows() {
    let someone = Author::Person(PersonId(9));
    let delivery = sent(1, MINJI);
    let due = |class, author, after_ms| {
        is_due(&delivery, &message(class, author), TRIED.plus_ms(after_ms))
    };
    assert!(due(Class::Urgent, someone, 0));
    assert!(!due(Class::Chat, someone, 29_999));
    assert!(due(Class::Chat, someone, 30_000));
    assert!(!due(Class::Chat, someone, 3_600_000), "its worth is gone");
    for after_ms in [0, 30_000, 3_599_999, 3_600_000] {
        assert!(!due(Class::OnceOnly, someone, after_ms), "never doubled by itself");
        assert!(!due(Class::Urgent, Author::Hub, after_ms), "the hub does not repeat itself");
    }
}

#[test]
fn only_what_was_sent_and_not_confirmed_is_doubted() {
    let chat = message(Class::Chat, Author::Person(PersonId(9)));
    let late = TRIED.plus_ms(60_000);
    for (state, expected) in [
        (State::Sent, true),
        (State::Doubted, true),
        (State::Delivered, false),
        (State::Read, false),
        (State::Queued, false),
        (State::Attempting, false),
        (State::Unsure, false),
        (State::Held, false),
        (State::Superseded, false),
        (State::Expired, false),
        (State::Dead, false),
        (State::Withdrawn, false),
    ] {
        let delivery = Delivery { state, ..sent(1, MINJI) };
        assert_eq!(is_due(&delivery, &chat, late), expected, "{state:?}");
    }
}

#[test]
fn a_person_gets_it_by_another_way_at_once_or_where_it_went_when_that_works() {
    let delivery = sent(1, MINJI);
    let moved = owed(&delivery, Hole::Open, Some(way(2)), (&[], &[]));
    let [copy] = moved.as_slice() else { panic!("{moved:?}") };
    assert_eq!((copy.route, copy.state), (Some(way(2)), State::Queued));
    assert_eq!(copy.label, Some(Label::InsteadOf(Network::KakaoTalk)));
    assert!(owed(&delivery, Hole::Open, None, (&[], &[])).is_empty(), "they wait");
    let [copy] = &owed(&delivery, Hole::Closed, Some(way(2)), (&[], &[]))[..] else { panic!() };
    assert_eq!((copy.route, copy.state), (Some(way(1)), State::Held));
    assert_eq!(copy.label, Some(Label::Again));
}

#[test]
fn a_room_gets_it_again_and_its_people_meanwhile() {
    let delivery = sent(1, FAMILY);
    let stand_in = NewDelivery {
        recipient: MINJI,
        route: Some(way(2)),
        state: State::Queued,
        label: Some(Label::InsteadOf(Network::KakaoTalk)),
        stands_in_for: None,
    };
    let stand_ins = std::slice::from_ref(&stand_in);
    let meanwhile = owed(&delivery, Hole::Open, None, (&[], stand_ins));
    assert_eq!(meanwhile.len(), 1);
    assert_eq!(meanwhile[0].stands_in_for, Some(DeliverySeq(1)));
    let theirs = Delivery { stands_in_for: Some(DeliverySeq(1)), ..sent(2, MINJI) };
    let siblings = [delivery.clone(), theirs];
    assert!(owed(&delivery, Hole::Open, None, (&siblings, stand_ins)).is_empty());
    let after = owed(&delivery, Hole::Closed, None, (&siblings, stand_ins));
    assert_eq!(after.len(), 1);
    assert_eq!((after[0].recipient, after[0].label), (FAMILY, Some(Label::Again)));
}

fn store(planned: &NewDelivery, seq: u64) -> Delivery {
    Delivery {
        route: planned.route,
        label: planned.label,
        stands_in_for: planned.stands_in_for,
        ..sent(seq, planned.recipient)
    }
}

proptest! {
    /// However often a hole is looked at, and whatever ways open and close meanwhile.
    #[test]
    fn nobody_is_owed_two_and_every_copy_is_labelled(
        room in any::<bool>(),
        looks in prop::collection::vec((any::<bool>(), prop::option::of(2_u64..4)), 1..20),
    ) {
        let delivery = sent(1, if room { FAMILY } else { MINJI });
        let mut siblings = vec![delivery.clone()];
        for (closed, next) in looks {
            let hole = if closed { Hole::Closed } else { Hole::Open };
            let next = next.map(way);
            let stand_ins: Vec<NewDelivery> = next.iter().map(|route| NewDelivery {
                recipient: MINJI,
                route: Some(*route),
                state: State::Queued,
                label: Some(Label::InsteadOf(Network::KakaoTalk)),
                stands_in_for: None,
            }).collect();
            let copies = owed(&delivery, hole, next, (&siblings, &stand_ins));
            for copy in &copies {
                prop_assert!(copy.label.is_some() && copy.route.is_some());
                prop_assert_eq!(copy.stands_in_for, Some(delivery.seq));
                let number = siblings.len() as u64 + 1;
                siblings.push(store(copy, number));
            }
            let mut recipients: Vec<Recipient> =
                siblings.iter().skip(1).map(|one| one.recipient).collect();
            let owed_in_all = recipients.len();
            recipients.sort();
            recipients.dedup();
            prop_assert_eq!(recipients.len(), owed_in_all);
            if closed {
                prop_assert!(recipients.contains(&delivery.recipient), "nothing stays lost");
            }
        }
    }
}
