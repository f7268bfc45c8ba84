//! Groups: the rules by name, and lives of groups by chance.

use super::*;
use crate::directory::{Address, Language};
use crate::ids::{AccountId, UserKey};
use crate::people::contacts::{Card, Contact, Standing, take_handle};
use crate::people::moderation::{self, Ruling};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_000_000);
const PEOPLE: u64 = 6;

/// So many people, each with one address and the handle `pN__`.
fn village() -> Directory {
    let mut directory = Directory::default();
    for id in 1..=PEOPLE {
        let person = PersonId(id);
        directory.apply(Change::Address(Address {
            id: AddressId(id),
            account: AccountId(1),
            user: UserKey::new(format!("u{id}")),
            person: Some(person),
            name: "".into(),
            icon_url: None,
            direct: None,
            blocked: false,
            current: None,
        }));
        directory.apply(Change::Person(Person {
            id: person,
            name: format!("p{id}").into(),
            language: Language::Ko,
            routes: vec![AddressId(id)],
            consents: Vec::new(),
        }));
        let changes = take_handle(&directory, person, Some(&format!("p{id}__"))).unwrap();
        apply(&mut directory, changes);
    }
    directory
}

fn apply(directory: &mut Directory, changes: Vec<Change>) {
    changes.into_iter().for_each(|change| directory.apply(change));
}

fn done(directory: &mut Directory, deed: Deed) -> Done {
    let done = deed.unwrap();
    apply(directory, done.changes.clone());
    done
}

/// A group that person 1 leads and these people came into.
fn group(directory: &mut Directory, others: &[u64]) -> ConversationId {
    let deed = found(directory, PersonId(1), "  우리   모임 ");
    done(directory, deed);
    let id = ConversationId(1);
    for other in others {
        let deed = invite(directory, id, PersonId(1), &format!("@p{other}__"), NOW);
        assert_eq!(done(directory, deed).told, Some(PersonId(*other)));
        let deed = answer_invitation(directory, id, PersonId(*other), true, NOW);
        assert_eq!(done(directory, deed).news, [News::Came(PersonId(*other))]);
    }
    id
}

fn members(directory: &Directory, id: ConversationId) -> Vec<u64> {
    directory.conversation(id).unwrap().members.iter().map(|id| id.0).collect()
}

#[test]
fn a_group_is_made_named_filled_and_handed_over() {
    let mut directory = village();
    let id = group(&mut directory, &[2, 3, 4]);
    assert_eq!(&*directory.conversation(id).unwrap().title, "우리 모임");
    let (one, three) = (Actor::Person(PersonId(1)), PersonId(3));
    let deed = appoint(&directory, id, one, three, Role::Moderator);
    done(&mut directory, deed);
    let deed = leave(&directory, id, PersonId(1));
    let news = [News::Left(PersonId(1)), News::Role(three, Role::Owner)];
    assert_eq!(done(&mut directory, deed).news, news, "who moderates longest leads on");
    let deed = leave(&directory, id, three);
    let news = [News::Left(three), News::Role(PersonId(2), Role::Owner)];
    assert_eq!(done(&mut directory, deed).news, news, "then who is there longest");
    assert_eq!(members(&directory, id), [2, 4]);
    for last in [2, 4].map(PersonId) {
        let deed = leave(&directory, id, last);
        done(&mut directory, deed);
    }
    assert_eq!(Charter::of(&directory, id).owner, None, "nobody is left to lead");
}

#[test]
fn each_role_goes_as_far_as_it_goes() {
    let mut directory = village();
    let id = group(&mut directory, &[2, 3, 4]);
    let [one, two, three, four] = [1, 2, 3, 4].map(|id| Actor::Person(PersonId(id)));
    let deed = appoint(&directory, id, one, PersonId(2), Role::Moderator);
    done(&mut directory, deed);
    let no = Err(GroupRefusal::NotAllowed);
    assert_eq!(rename(&directory, id, three, "다른 이름"), no);
    assert_eq!(remove(&directory, id, three, PersonId(4)), no);
    assert_eq!(remove(&directory, id, two, PersonId(1)), no);
    assert_eq!(appoint(&directory, id, two, PersonId(3), Role::Owner), no);
    assert_eq!(appoint(&directory, id, one, PersonId(1), Role::Member), no, "no group without");
    assert_eq!(rename(&directory, id, one, " "), Err(GroupRefusal::Title));
    assert!(rename(&directory, id, two, "다른 이름").is_ok());
    let stranger = Actor::Person(PersonId(5));
    assert_eq!(rename(&directory, id, stranger, "x"), Err(GroupRefusal::NoConversation));
    let deed = remove(&directory, id, two, PersonId(4));
    assert_eq!(done(&mut directory, deed).told, Some(PersonId(4)));
    assert_eq!(rename(&directory, id, four, "x"), Err(GroupRefusal::NoConversation));
    let deed = appoint(&directory, id, one, PersonId(3), Role::Owner);
    done(&mut directory, deed);
    let charter = Charter::of(&directory, id);
    assert_eq!(charter.role(PersonId(1)), Role::Moderator, "who hands over still helps");
    assert_eq!(charter.role(PersonId(3)), Role::Owner);
}

#[test]
fn an_invitation_looks_the_same_whomever_it_finds() {
    let mut directory = village();
    let id = group(&mut directory, &[2]);
    let contacts = vec![Contact { other: PersonId(1), standing: Standing::Blocked, at: NOW }];
    let (person, handle) = (PersonId(3), Some("p3__".into()));
    directory.apply(Change::Card(Card { person, handle, contacts, asked: Vec::new() }));
    let one = Actor::Person(PersonId(1));
    let banned = moderation::ban(&directory, id, one, (PersonId(4), "욕설"), NOW);
    done(&mut directory, banned);
    for (handle, told) in
        [("p2__", None), ("p3__", None), ("p4__", None), ("nobody", None), ("p5__", Some(5))]
    {
        let found = invite(&directory, id, PersonId(1), handle, NOW).unwrap();
        let [Change::Charter(charter)] = &found.changes[..] else { panic!("{found:?}") };
        assert_eq!(charter.invited.len(), 1, "{handle}");
        assert_eq!((found.told, found.news), (told.map(PersonId), Vec::new()), "{handle}");
    }
    for _ in 0..INVITING_MAX {
        let deed = invite(&directory, id, PersonId(1), "nobody", NOW);
        done(&mut directory, deed);
    }
    let more = invite(&directory, id, PersonId(1), "p5__", NOW);
    assert_eq!(more, Err(GroupRefusal::TooMany));
    let later = NOW.plus_ms(INVITING_MS);
    assert!(invite(&directory, id, PersonId(1), "p5__", later).is_ok());
    let nothing = answer_invitation(&directory, id, PersonId(3), true, NOW);
    assert_eq!(nothing, Err(GroupRefusal::NotInvited));
}

#[test]
fn what_came_with_an_address_comes_along_when_two_turn_out_to_be_one() {
    let mut directory = village();
    let id = group(&mut directory, &[2, 3]);
    let changes = merged(&directory, PersonId(1), PersonId(3));
    apply(&mut directory, changes);
    let charter = Charter::of(&directory, id);
    assert_eq!(charter.owner, Some(PersonId(3)));
    assert_eq!(charter.role(PersonId(1)), Role::Member);
}

/// One act in the life of a group; refusals are part of life.
#[derive(Debug, Clone)]
enum Move {
    Invite(u64, u64),
    Answer(u64, bool),
    Leave(u64),
    Remove(u64, u64),
    Appoint(u64, u64, Role),
    Ban(u64, u64),
    Unban(u64, u64),
    Report(u64, u64),
    Decide(u64, u64, Ruling),
    Merge(u64, u64),
}

fn a_move() -> impl Strategy<Value = Move> {
    let who = || 1..=PEOPLE;
    let role = prop::sample::select(vec![Role::Member, Role::Moderator, Role::Owner]);
    let ruling = prop::sample::select(vec![Ruling::Dismissed, Ruling::Removed, Ruling::Banned]);
    prop_oneof![
        3 => (who(), who()).prop_map(|(by, other)| Move::Invite(by, other)),
        3 => (who(), any::<bool>()).prop_map(|(who, yes)| Move::Answer(who, yes)),
        1 => who().prop_map(Move::Leave),
        1 => (who(), who()).prop_map(|(by, other)| Move::Remove(by, other)),
        2 => (who(), who(), role).prop_map(|(by, other, role)| Move::Appoint(by, other, role)),
        1 => (who(), who()).prop_map(|(by, other)| Move::Ban(by, other)),
        1 => (who(), who()).prop_map(|(by, other)| Move::Unban(by, other)),
        1 => (who(), who()).prop_map(|(by, other)| Move::Report(by, other)),
        1 => (who(), 1..4_u64, ruling).prop_map(|(by, id, ruling)| Move::Decide(by, id, ruling)),
        1 => (who(), who()).prop_map(|(from, to)| Move::Merge(from, to)),
    ]
}

fn act(directory: &Directory, id: ConversationId, one: &Move) -> Deed {
    let by = |who: &u64| Actor::Person(PersonId(*who));
    match one {
        Move::Invite(who, other) => {
            invite(directory, id, PersonId(*who), &format!("p{other}__"), NOW)
        }
        Move::Answer(who, yes) => answer_invitation(directory, id, PersonId(*who), *yes, NOW),
        Move::Leave(who) => leave(directory, id, PersonId(*who)),
        Move::Remove(who, other) => remove(directory, id, by(who), PersonId(*other)),
        Move::Appoint(who, other, role) => appoint(directory, id, by(who), PersonId(*other), *role),
        Move::Ban(who, other) => {
            moderation::ban(directory, id, by(who), (PersonId(*other), "욕설"), NOW)
        }
        Move::Unban(who, other) => moderation::unban(directory, id, by(who), PersonId(*other)),
        Move::Report(who, other) => {
            let about = (PersonId(*other), None);
            moderation::report(directory, id, PersonId(*who), about, "광고", NOW)
        }
        Move::Decide(who, report, ruling) => {
            moderation::decide(directory, id, by(who), (*report, *ruling), NOW)
        }
        Move::Merge(from, to) if from != to => {
            let mut changes = merged(directory, PersonId(*from), PersonId(*to));
            let mut conversation = directory.conversation(id).unwrap().clone();
            if conversation.members.contains(&PersonId(*from)) {
                let gone = [PersonId(*from), PersonId(*to)];
                conversation.members.retain(|member| !gone.contains(member));
                conversation.members.push(PersonId(*to));
                changes.push(Change::Conversation(conversation));
            }
            Ok(Done { changes, ..Done::default() })
        }
        Move::Merge(..) => Ok(Done::default()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_group_is_led_as_long_as_anybody_is_in_it(
        moves in prop::collection::vec(a_move(), 0..60),
    ) {
        let mut directory = village();
        let id = group(&mut directory, &[2, 3]);
        for one in &moves {
            let before = members(&directory, id);
            let Ok(done) = act(&directory, id, one) else { continue };
            apply(&mut directory, done.changes);
            let charter = Charter::of(&directory, id);
            let now: Vec<PersonId> = directory.conversation(id).unwrap().members.clone();
            match charter.owner {
                Some(owner) => prop_assert!(now.contains(&owner), "{:?}", one),
                None => prop_assert!(now.is_empty(), "nobody leads {:?} after {:?}", now, one),
            }
            prop_assert!(charter.moderators.iter().all(|one| now.contains(one)));
            prop_assert!(!charter.moderators.iter().any(|one| charter.owner == Some(*one)));
            let came = now.iter().filter(|member| !before.contains(&member.0));
            for person in came {
                let by_own_yes = matches!(one, Move::Answer(who, true) if *who == person.0);
                let became = matches!(one, Move::Merge(_, to) if *to == person.0);
                prop_assert!(by_own_yes || became, "{:?} brought {:?}", one, person);
                prop_assert!(became || !charter.bans(&directory, *person));
            }
        }
    }
}
