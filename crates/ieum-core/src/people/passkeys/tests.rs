//! Whose passkey it is, whatever happens in between.

use super::*;
use crate::directory::{Language, Person};
use crate::people::sessions::merged;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000);

fn town(people: u64) -> Directory {
    let mut directory = Directory::default();
    for id in (1..=people).map(PersonId) {
        let (routes, consents) = (Vec::new(), Vec::new());
        let person = Person { id, name: "민지".into(), language: Language::Ko, routes, consents };
        directory.apply(Change::Person(person));
    }
    directory
}

fn id(number: u8) -> PasskeyId {
    PasskeyId([number; 32].into())
}

fn passkey(number: u8) -> Passkey {
    Passkey {
        id: id(number),
        handle: UserHandle([number; 16]),
        fixed: [1; 90].into(),
        changing: [0; 7].into(),
        name: "Chrome · Android".into(),
        added_at: NOW,
        used_at: None,
    }
}

fn apply(directory: &mut Directory, changes: Vec<Change>) {
    changes.into_iter().for_each(|change| directory.apply(change));
}

fn add(directory: &mut Directory, person: u64, number: u8) -> Result<(), PasskeyRefusal> {
    let changes = added(directory, PersonId(person), passkey(number))?;
    apply(directory, changes);
    Ok(())
}

fn enter(directory: &Directory, number: u8) -> Result<(Vec<Change>, PersonId), PasskeyRefusal> {
    let (mark, browser) = (SessionMark([number; 32]), "Safari · iPhone");
    entered(directory, Entry { id: &id(number), changing: &[9; 7], mark, browser }, NOW)
}

#[test]
fn whoever_has_it_comes_in_and_it_is_told() {
    let mut directory = town(2);
    add(&mut directory, 2, 7).unwrap();
    let (changes, who) = enter(&directory, 7).unwrap();
    apply(&mut directory, changes);
    assert_eq!(who, PersonId(2));
    assert_eq!(directory.doors().person_in(SessionMark([7; 32]), NOW), Some(PersonId(2)));
    let door = directory.doors().of(PersonId(2)).unwrap();
    let kinds: Vec<VisitKind> = door.visits.iter().map(|visit| visit.kind).collect();
    assert_eq!(kinds, [VisitKind::PasskeyAdded, VisitKind::OpenedByPasskey]);
    assert_eq!(door.passkeys[0].used_at, Some(NOW));
    assert_eq!(*door.passkeys[0].changing, [9; 7], "the counter is kept");
}

#[test]
fn what_was_taken_away_opens_nothing_and_only_its_person_takes_it_away() {
    let mut directory = town(2);
    add(&mut directory, 1, 7).unwrap();
    let take = |directory: &Directory, person| {
        removed(directory, PersonId(person), &id(7), ("Safari", NOW))
    };
    assert_eq!(take(&directory, 2), Err(PasskeyRefusal::Unknown));
    let changes = take(&directory, 1).unwrap();
    apply(&mut directory, changes);
    assert_eq!(enter(&directory, 7), Err(PasskeyRefusal::Unknown));
    assert_eq!(take(&directory, 1), Err(PasskeyRefusal::Unknown));
    assert!(add(&mut directory, 2, 7).is_ok(), "nobody has it now");
}

#[test]
fn one_credential_is_one_persons_and_there_are_bounds() {
    let mut directory = town(2);
    assert_eq!(add(&mut directory, 3, 1), Err(PasskeyRefusal::NoPerson));
    for number in 0..16 {
        add(&mut directory, 1, number).unwrap();
    }
    assert_eq!(add(&mut directory, 1, 99), Err(PasskeyRefusal::TooMany));
    assert_eq!(add(&mut directory, 2, 3), Err(PasskeyRefusal::Taken));
    let large = Passkey { id: PasskeyId(vec![1; 1_024].into()), ..passkey(1) };
    assert_eq!(added(&directory, PersonId(2), large), Err(PasskeyRefusal::TooLarge));
    let none = Passkey { id: PasskeyId(Box::default()), ..passkey(1) };
    assert_eq!(added(&directory, PersonId(2), none), Err(PasskeyRefusal::TooLarge));
}

#[test]
fn who_turns_out_to_be_another_brings_their_passkeys_and_no_session() {
    let mut directory = town(2);
    add(&mut directory, 1, 1).unwrap();
    add(&mut directory, 2, 2).unwrap();
    let (changes, _) = enter(&directory, 2).unwrap();
    apply(&mut directory, changes);
    let changes = merged(&directory, PersonId(2), PersonId(1));
    apply(&mut directory, changes);
    assert_eq!(directory.doors().person_in(SessionMark([2; 32]), NOW), None);
    assert_eq!(enter(&directory, 1).unwrap().1, PersonId(1));
    assert_eq!(enter(&directory, 2).unwrap().1, PersonId(1));
}

proptest! {
    #[test]
    fn every_passkey_is_that_of_whoever_added_it_last(
        deeds in prop::collection::vec((1..4_u64, 0..12_u8, prop::bool::ANY), 0..60),
    ) {
        let mut directory = town(3);
        let mut owners = std::collections::BTreeMap::new();
        for (person, number, adds) in deeds {
            let owner = owners.get(&number).copied();
            if adds {
                let told = add(&mut directory, person, number);
                prop_assert_eq!(told.is_ok(), owner.is_none());
                owners.entry(number).or_insert(person);
            } else {
                let told = removed(&directory, PersonId(person), &id(number), ("", NOW));
                prop_assert_eq!(told.is_ok(), owner == Some(person));
                if let Ok(changes) = told {
                    apply(&mut directory, changes);
                    owners.remove(&number);
                }
            }
        }
        for number in 0..12 {
            let who = enter(&directory, number).ok().map(|(_, person)| person.0);
            prop_assert_eq!(who, owners.get(&number).copied());
        }
    }
}
