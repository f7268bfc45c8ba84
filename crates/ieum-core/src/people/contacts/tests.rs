//! Contacts, above all what the one who asks can learn.

use super::*;
use crate::directory::{Language, Person};
use proptest::prelude::*;

const MINJI: PersonId = PersonId(1);
const YUNA: PersonId = PersonId(2);
const JUNHO: PersonId = PersonId(3);
const NOW: Timestamp = Timestamp(1_000);

/// Three persons; 유나 has the handle `yuna`.
fn town() -> Directory {
    let mut directory = Directory::default();
    for id in [MINJI, YUNA, JUNHO] {
        let (language, routes, consents) = (Language::Ko, Vec::new(), Vec::new());
        directory.apply(Change::Person(Person { id, name: "".into(), language, routes, consents }));
    }
    let changes = take_handle(&directory, YUNA, Some("@Yuna")).unwrap();
    applied(&mut directory, changes);
    directory
}

fn applied(directory: &mut Directory, changes: Vec<Change>) {
    changes.into_iter().for_each(|change| directory.apply(change));
}

fn asks(directory: &mut Directory, from: PersonId, handle: &str, now: Timestamp) {
    let changes = request(directory, from, handle, now).unwrap();
    applied(directory, changes);
}

fn says(directory: &mut Directory, person: PersonId, other: PersonId, standing: Standing) {
    let changes = answer(directory, person, other, standing, NOW).unwrap();
    applied(directory, changes);
}

fn standing(directory: &Directory, of: PersonId, other: PersonId) -> Option<Standing> {
    directory.cards().of(of)?.standing(other)
}

#[test]
fn a_request_that_is_accepted_makes_both_contacts_and_one_conversation() {
    let mut directory = town();
    asks(&mut directory, MINJI, "yuna", NOW);
    assert_eq!(standing(&directory, YUNA, MINJI), Some(Standing::Asks));
    assert!(directory.conversations_of(MINJI).is_empty(), "asking alone opens nothing");
    says(&mut directory, YUNA, MINJI, Standing::Accepted);
    for (one, other) in [(MINJI, YUNA), (YUNA, MINJI)] {
        assert_eq!(standing(&directory, one, other), Some(Standing::Accepted));
        assert_eq!(directory.conversations_of(one).len(), 1);
    }
    asks(&mut directory, MINJI, "yuna", NOW);
    assert_eq!(standing(&directory, YUNA, MINJI), Some(Standing::Accepted));
    assert_eq!(directory.conversations().count(), 1);
}

#[test]
fn who_is_let_go_of_is_a_stranger_who_may_ask_again() {
    let mut directory = town();
    asks(&mut directory, MINJI, "yuna", NOW);
    assert_eq!(unblock(&directory, YUNA, MINJI), Err(ContactRefusal::NobodyAsks));
    says(&mut directory, YUNA, MINJI, Standing::Blocked);
    assert!(directory.cards().blocks(YUNA, MINJI));
    let changes = unblock(&directory, YUNA, MINJI).unwrap();
    applied(&mut directory, changes);
    assert_eq!(standing(&directory, YUNA, MINJI), None);
    assert_eq!(unblock(&directory, YUNA, MINJI), Err(ContactRefusal::NobodyAsks));
    assert_eq!(unblock(&directory, PersonId(99), MINJI), Err(ContactRefusal::NoPerson));
    asks(&mut directory, MINJI, "yuna", NOW);
    assert_eq!(standing(&directory, YUNA, MINJI), Some(Standing::Asks));
}

#[test]
fn two_who_ask_each_other_agree() {
    let mut directory = town();
    let changes = take_handle(&directory, MINJI, Some("minji")).unwrap();
    applied(&mut directory, changes);
    asks(&mut directory, MINJI, "yuna", NOW);
    asks(&mut directory, YUNA, "minji", NOW);
    assert_eq!(standing(&directory, MINJI, YUNA), Some(Standing::Accepted));
    assert_eq!(standing(&directory, YUNA, MINJI), Some(Standing::Accepted));
}

#[test]
fn unknown_ignored_blocked_and_unseen_look_the_same_to_who_asks() {
    let outcomes = ["nobody", "yuna", "yuna", "yuna"].iter().enumerate().map(|(case, handle)| {
        let mut directory = town();
        if case > 1 {
            asks(&mut directory, MINJI, "yuna", Timestamp(0));
            let word = if case == 2 { Standing::Ignored } else { Standing::Blocked };
            says(&mut directory, YUNA, MINJI, word);
            let forget = Card { asked: vec![], ..Card::of(&directory, MINJI) };
            directory.apply(Change::Card(forget));
        }
        let answer = request(&directory, MINJI, handle, NOW).map(|_| ());
        asks(&mut directory, MINJI, handle, NOW);
        let mut mine = Card::of(&directory, MINJI);
        mine.asked[0].handle = "(as typed)".into();
        (answer, mine)
    });
    let outcomes: Vec<_> = outcomes.collect();
    assert!(outcomes.iter().all(|one| *one == outcomes[0]), "{outcomes:#?}");
}

#[test]
fn who_was_ignored_or_blocked_does_not_ask_again_however_often_they_try() {
    for word in [Standing::Ignored, Standing::Blocked] {
        let mut directory = town();
        asks(&mut directory, MINJI, "yuna", NOW);
        says(&mut directory, YUNA, MINJI, word);
        asks(&mut directory, MINJI, "yuna", NOW.plus_ms(ASKING_MS));
        assert_eq!(standing(&directory, YUNA, MINJI), Some(word));
    }
}

#[test]
fn an_old_question_that_is_answered_shakes_off_no_block() {
    let mut directory = town();
    asks(&mut directory, MINJI, "yuna", NOW);
    says(&mut directory, MINJI, YUNA, Standing::Blocked);
    says(&mut directory, YUNA, MINJI, Standing::Accepted);
    assert_eq!(standing(&directory, MINJI, YUNA), Some(Standing::Blocked));
    assert!(directory.cards().blocks(MINJI, YUNA));
}

#[test]
fn enumeration_ends_at_the_days_quota_whether_it_finds_anybody_or_not() {
    for handle in ["nobody", "yuna"] {
        let mut directory = town();
        for _ in 0..REQUESTS_MAX {
            asks(&mut directory, MINJI, handle, NOW);
        }
        let refused = request(&directory, MINJI, "yuna", NOW);
        assert_eq!(refused, Err(ContactRefusal::TooMany));
        asks(&mut directory, MINJI, "yuna", NOW.plus_ms(ASKING_MS));
    }
}

#[test]
fn a_flood_of_strangers_is_dropped_unseen_and_answered_alike() {
    let mut directory = town();
    for id in (10..).take(PENDING_MAX + 1).map(PersonId) {
        let (language, routes, consents) = (Language::Ko, Vec::new(), Vec::new());
        directory.apply(Change::Person(Person { id, name: "".into(), language, routes, consents }));
        asks(&mut directory, id, "yuna", NOW);
    }
    assert_eq!(Card::of(&directory, YUNA).pending(), PENDING_MAX);
}

#[test]
fn nobody_is_accepted_who_did_not_ask() {
    let directory = town();
    for word in [Standing::Accepted, Standing::Ignored, Standing::Asks] {
        let refused = answer(&directory, YUNA, MINJI, word, NOW);
        assert_eq!(refused, Err(ContactRefusal::NobodyAsks));
    }
    let blocked = answer(&directory, YUNA, YUNA, Standing::Blocked, NOW);
    assert_eq!(blocked, Err(ContactRefusal::NobodyAsks), "nobody blocks themselves");
}

#[test]
fn a_handle_is_one_persons_and_free_again_once_it_is_given_up() {
    let mut directory = town();
    let taken = take_handle(&directory, MINJI, Some("YUNA"));
    assert_eq!(taken, Err(ContactRefusal::Taken));
    let changes = take_handle(&directory, YUNA, None).unwrap();
    applied(&mut directory, changes);
    let changes = take_handle(&directory, MINJI, Some("yuna")).unwrap();
    applied(&mut directory, changes);
    asks(&mut directory, JUNHO, "yuna", NOW);
    assert_eq!(standing(&directory, MINJI, JUNHO), Some(Standing::Asks));
    assert_eq!(standing(&directory, YUNA, JUNHO), None);
    for typed in ["", "ab", "has space", "a-b-c", "123456789012345678901", "한"] {
        assert_eq!(take_handle(&directory, YUNA, Some(typed)), Err(ContactRefusal::NotAHandle));
    }
}

#[test]
fn who_becomes_somebody_else_brings_their_list_and_shakes_off_no_block() {
    let mut directory = town();
    let changes = take_handle(&directory, JUNHO, Some("junho")).unwrap();
    applied(&mut directory, changes);
    asks(&mut directory, MINJI, "yuna", NOW);
    says(&mut directory, YUNA, MINJI, Standing::Blocked);
    asks(&mut directory, MINJI, "junho", NOW);
    says(&mut directory, JUNHO, MINJI, Standing::Accepted);
    let changes = take_handle(&directory, MINJI, Some("minji")).unwrap();
    applied(&mut directory, changes);
    let other = PersonId(9);
    let changes = merged(&directory, MINJI, other);
    applied(&mut directory, changes);
    assert!(directory.cards().blocks(YUNA, other));
    assert_eq!(standing(&directory, JUNHO, other), Some(Standing::Accepted));
    assert_eq!(standing(&directory, JUNHO, MINJI), None);
    assert_eq!(standing(&directory, other, JUNHO), Some(Standing::Accepted));
    assert_eq!(Card::of(&directory, other).handle.as_deref(), Some("minji"));
    assert_eq!(directory.cards().handles.get("minji"), Some(&other));
    assert_eq!(Card::of(&directory, MINJI).contacts, []);
}

#[test]
fn a_flood_of_requests_fills_no_list_beyond_its_limit() {
    let mut directory = town();
    let strangers = (100..400).map(PersonId);
    for id in strangers.clone() {
        let (language, routes, consents) = (Language::Ko, Vec::new(), Vec::new());
        directory.apply(Change::Person(Person { id, name: "".into(), language, routes, consents }));
    }
    for id in strangers.clone() {
        let mut made = 0;
        for number in 0..REQUESTS_MAX + 5 {
            let handle = if number == 0 { "yuna".to_owned() } else { format!("nobody{number}") };
            if let Ok(changes) = request(&directory, id, &handle, NOW) {
                applied(&mut directory, changes);
                made += 1;
            }
        }
        assert_eq!(made, REQUESTS_MAX);
    }
    assert_eq!(directory.cards().of(YUNA).unwrap().contacts.len(), PENDING_MAX);
    let longest = strangers.filter_map(|id| directory.cards().of(id)).map(|one| one.asked.len());
    assert_eq!(longest.max(), Some(REQUESTS_MAX));
    assert!(directory.cards().of(JUNHO).is_none(), "who was not asked has no list");
}

proptest! {
    /// Whatever anybody asks and answers: two persons are either both accepted or neither is, and
    /// a direct conversation of them exists only if both once agreed.
    #[test]
    fn accepted_is_always_mutual_until_one_blocks(
        steps in prop::collection::vec((0..5_u8, 0..3_usize, 0..3_usize), 0..60),
    ) {
        let mut directory = town();
        let all = [MINJI, YUNA, JUNHO];
        let handles = ["minji", "yuna", "junho"];
        for (person, handle) in all.iter().zip(handles) {
            let changes = take_handle(&directory, *person, Some(handle)).unwrap();
            applied(&mut directory, changes);
        }
        for (what, one, other) in steps {
            let words = [Standing::Accepted, Standing::Ignored, Standing::Blocked];
            let word = words[usize::from(what) % 3];
            let changes = if what < 2 {
                request(&directory, all[one], handles[other], NOW)
            } else {
                answer(&directory, all[one], all[other], word, NOW)
            };
            applied(&mut directory, changes.unwrap_or_default());
        }
        for one in all {
            for other in all {
                let there = standing(&directory, one, other);
                if there == Some(Standing::Accepted) {
                    let back = standing(&directory, other, one);
                    let known = matches!(back, Some(Standing::Accepted | Standing::Blocked));
                    prop_assert!(known, "{:?}", back);
                }
            }
        }
        prop_assert!(directory.conversations().all(|one| one.members.len() == 2));
    }
}
