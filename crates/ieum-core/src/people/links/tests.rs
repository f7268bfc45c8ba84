//! Joining and parting, as small worlds.

use super::*;
use crate::directory::{Account, Language};
use crate::ids::{AccountId, ChatKey, ConversationId, UserKey};
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: Timestamp = Timestamp(1_000);

/// Persons with so many addresses each; address `10 * person + n` is on account `n`.
fn world(addresses: &[u64]) -> Directory {
    let mut directory = Directory::default();
    for (id, network) in (1..).zip(Network::ALL) {
        directory.apply(Change::Account(Account {
            id: AccountId(id),
            name: network.word().into(),
            network,
        }));
    }
    for (person, count) in (1..).zip(addresses) {
        let routes: Vec<AddressId> = (1..=*count).map(|n| AddressId(10 * person + n)).collect();
        for (account, id) in (1..).zip(&routes) {
            directory.apply(Change::Address(Address {
                id: *id,
                account: AccountId(account),
                user: UserKey::new(format!("u{id}")),
                person: Some(PersonId(person)),
                name: "".into(),
                icon_url: None,
                direct: Some(ChatKey::new(format!("u{id}"))),
                blocked: false,
                current: Some(ConversationId(1)),
            }));
        }
        let name = format!("p{person}").as_str().into();
        let (id, language) = (PersonId(person), Language::Ko);
        directory.apply(Change::Person(Person { id, name, language, routes, consents: vec![] }));
    }
    directory
}

fn converse(directory: &mut Directory, id: u64, kind: ConversationKind, members: &[u64]) {
    let members = members.iter().copied().map(PersonId).collect();
    let id = ConversationId(id);
    let conversation = Conversation { id, kind, title: "".into(), members, rooms: vec![] };
    directory.apply(Change::Conversation(conversation));
}

fn apply(directory: &mut Directory, changes: Vec<Change>) {
    changes.into_iter().for_each(|change| directory.apply(change));
}

fn person_of(directory: &Directory, address: u64) -> Option<PersonId> {
    directory.address(AddressId(address)).and_then(|address| address.person)
}

#[test]
fn who_has_more_addresses_stays_whoever_asked() {
    for (first, second) in [(11, 21), (21, 11)] {
        let mut directory = world(&[2, 1]);
        converse(&mut directory, 1, ConversationKind::Group, &[2]);
        let join = joined(&directory, AddressId(first), AddressId(second), NOW).unwrap();
        assert_eq!(join.1, PersonId(1));
        apply(&mut directory, join.0);
        assert_eq!(person_of(&directory, 21), Some(PersonId(1)));
        let person = directory.person(PersonId(1)).unwrap();
        assert_eq!(person.routes, [11, 12, 21].map(AddressId));
        assert!(directory.person(PersonId(2)).unwrap().routes.is_empty());
        assert_eq!(directory.conversations_of(PersonId(1)), [ConversationId(1)]);
        assert!(directory.conversations_of(PersonId(2)).is_empty());
    }
}

#[test]
fn nobody_with_several_addresses_is_taken_over() {
    let directory = world(&[2, 2]);
    let refused = joined(&directory, AddressId(11), AddressId(21), NOW);
    assert_eq!(refused.unwrap_err(), LinkRefusal::BothHaveOthers);
    let asked = question(&directory, AddressId(11), AddressId(21), NOW);
    assert_eq!(asked, Err(LinkRefusal::BothHaveOthers), "nor is anybody asked");
}

#[test]
fn a_word_that_was_given_stands_and_silence_becomes_yes() {
    let mut directory = world(&[1, 1]);
    let mut person = directory.person(PersonId(2)).unwrap().clone();
    let (network, purpose, source) = (Network::KakaoTalk, Purpose::Failover, "그만".into());
    person.consents.push(Consent { network, purpose, given: false, at: NOW, source });
    directory.apply(Change::Person(person));
    let (changes, id) = joined(&directory, AddressId(11), AddressId(21), NOW).unwrap();
    apply(&mut directory, changes);
    let person = directory.person(id).unwrap();
    assert!(!person.agreed(Network::KakaoTalk, Purpose::Failover));
    assert!(person.agreed(Network::KakaoTalk, Purpose::Talk));
}

#[test]
fn the_two_of_a_direct_conversation_are_not_one() {
    let mut directory = world(&[1, 1]);
    converse(&mut directory, 1, ConversationKind::Direct, &[1, 2]);
    let refused = joined(&directory, AddressId(11), AddressId(21), NOW);
    assert_eq!(refused.unwrap_err(), LinkRefusal::TalkToEachOther);
}

#[test]
fn parting_leaves_the_person_the_rest_and_the_address_nothing() {
    let mut directory = world(&[2]);
    let mut person = directory.person(PersonId(1)).unwrap().clone();
    for network in [Network::KakaoTalk, Network::Line] {
        agree_if_silent(&mut person, Some(network), NOW);
    }
    directory.apply(Change::Person(person));
    let parting = parted(&directory, AddressId(12)).unwrap();
    apply(&mut directory, parting);
    assert_eq!(person_of(&directory, 12), None);
    assert_eq!(directory.address(AddressId(12)).unwrap().current, None);
    let person = directory.person(PersonId(1)).unwrap();
    assert_eq!(person.routes, [AddressId(11)]);
    assert!(person.agreed(Network::KakaoTalk, Purpose::Failover));
    assert!(!person.agreed(Network::Line, Purpose::Talk), "its consents go with it");
    assert_eq!(parted(&directory, AddressId(11)), Err(LinkRefusal::Last));
    assert_eq!(parted(&directory, AddressId(12)), Err(LinkRefusal::Unknown));
}

#[test]
fn a_page_gets_an_address_by_its_own_yes_alone() {
    let mut directory = world(&[0, 1, 2]);
    let refused = page_question(&directory, PersonId(1), AddressId(31), NOW);
    assert_eq!(refused, Err(LinkRefusal::BothHaveOthers), "nobody is asked in vain");
    let asks = page_question(&directory, PersonId(1), AddressId(21), NOW).unwrap();
    apply(&mut directory, vec![asks]);
    assert_eq!(person_of(&directory, 21), Some(PersonId(2)), "nothing has changed yet");
    let question = *directory.question_to(AddressId(21)).unwrap();
    let (changes, who) = answered(&directory, question, NOW).unwrap();
    apply(&mut directory, changes);
    assert_eq!((who, person_of(&directory, 21)), (PersonId(1), Some(PersonId(1))));
    assert_eq!(directory.question_to(AddressId(21)), None, "one yes, once");
}

#[test]
fn a_question_of_old_is_read_as_one_between_two_addresses() {
    let old = r#"{"asked":11,"about":21,"expires_at":600}"#;
    let question: Question = serde_json::from_str(old).unwrap();
    assert_eq!(question.page, None);
    assert_eq!(serde_json::to_string(&question).unwrap(), old);
}

#[test]
fn a_person_made_on_the_page_adopts_an_address_once() {
    let mut directory = world(&[0, 1, 2]);
    let several = adopted(&directory, PersonId(1), AddressId(31), NOW);
    assert_eq!(several, Err(LinkRefusal::BothHaveOthers));
    let changes = adopted(&directory, PersonId(1), AddressId(21), NOW).unwrap();
    apply(&mut directory, changes);
    assert_eq!(person_of(&directory, 21), Some(PersonId(1)));
    assert_eq!(adopted(&directory, PersonId(1), AddressId(21), NOW), Err(LinkRefusal::Same));
    assert_eq!(directory.person(PersonId(1)).unwrap().routes, [AddressId(21)]);
}

proptest! {
    /// Whoever joins and parts in whatever order: every address is listed by exactly the person
    /// whose it says it is, nobody is in a conversation twice, and nobody vanishes from one.
    #[test]
    fn addresses_and_persons_always_agree(
        steps in prop::collection::vec((any::<bool>(), 0..8_u64, 0..8_u64), 0..40),
        groups in prop::collection::vec(prop::collection::btree_set(1..5_u64, 1..4), 0..4),
    ) {
        let mut directory = world(&[2, 1, 1, 3]);
        for (id, members) in (1..).zip(&groups) {
            let members: Vec<u64> = members.iter().copied().collect();
            converse(&mut directory, id, ConversationKind::Group, &members);
        }
        let all: Vec<AddressId> = directory.addresses().map(|address| address.id).collect();
        for (join, one, other) in steps {
            let pick = |n: u64| all[usize::try_from(n).unwrap() % all.len()];
            let changes = if join {
                joined(&directory, pick(one), pick(other), NOW).map(|(changes, _)| changes)
            } else {
                parted(&directory, pick(one))
            };
            apply(&mut directory, changes.unwrap_or_default());
        }
        for address in directory.addresses() {
            let lists: Vec<PersonId> = directory.persons()
                .filter(|person| person.routes.contains(&address.id))
                .map(|person| person.id)
                .collect();
            prop_assert_eq!(lists, address.person.into_iter().collect::<Vec<_>>());
        }
        for conversation in directory.conversations() {
            let distinct: BTreeSet<_> = conversation.members.iter().collect();
            prop_assert_eq!(distinct.len(), conversation.members.len());
            prop_assert!(!conversation.members.is_empty());
        }
    }
}
