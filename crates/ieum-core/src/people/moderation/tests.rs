//! Moderation: doors, waits, bans over all networks, reports up to the operator.

use super::*;
use crate::directory::{Address, Directory, Language, Person};
use crate::ids::{AccountId, UserKey};
use crate::people::groups::{found, leave};
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

const NOW: Timestamp = Timestamp(5_000_000);
const ROOM: ConversationId = ConversationId(1);
const OWNER: Actor = Actor::Person(PersonId(1));

#[derive(Debug)]
struct Steps(AtomicU64);

impl Entropy for Steps {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
    }
}

fn door(seed: u64) -> JoinKey {
    JoinKey::draw(&Steps(AtomicU64::new(seed.wrapping_mul(0xD6E8_FEB8_6659_FD93))))
}

fn address(id: u64, person: Option<u64>) -> Change {
    Change::Address(Address {
        id: AddressId(id),
        account: AccountId(1),
        user: UserKey::new(format!("u{id}")),
        person: person.map(PersonId),
        name: "".into(),
        icon_url: None,
        direct: None,
        blocked: false,
        current: None,
    })
}

fn person(id: u64, addresses: &[u64]) -> Change {
    let routes = addresses.iter().copied().map(AddressId).collect();
    let (name, language) = (format!("p{id}").into(), Language::Ko);
    Change::Person(Person { id: PersonId(id), name, language, routes, consents: Vec::new() })
}

fn apply(directory: &mut Directory, deed: Deed) -> Done {
    let done = deed.unwrap();
    done.changes.iter().cloned().for_each(|change| directory.apply(change));
    done
}

/// An open conversation that 1 leads; 2 and 3 came in by the door. Each `n` has the addresses `n`
/// and `n + 10`.
fn open() -> Directory {
    let mut directory = Directory::default();
    for id in 1..=4 {
        directory.apply(address(id, Some(id)));
        directory.apply(address(id + 10, Some(id)));
        directory.apply(person(id, &[id, id + 10]));
    }
    let made = found(&directory, PersonId(1), "동네");
    apply(&mut directory, made);
    let opened = set_door(&directory, ROOM, OWNER, Some(door(1)));
    apply(&mut directory, opened);
    for id in [2, 3] {
        let came = enter(&directory, door(1), PersonId(id), NOW);
        assert_eq!(apply(&mut directory, came).news, [], "not told to thousands");
    }
    directory
}

#[test]
fn a_door_lets_in_until_it_is_closed_and_another_key_is_another_door() {
    let mut directory = open();
    let conversation = directory.conversation(ROOM).unwrap();
    assert_eq!(conversation.kind, ConversationKind::Open);
    assert_eq!(conversation.members.len(), 3);
    let no = Err(GroupRefusal::NoConversation);
    assert_eq!(enter(&directory, door(2), PersonId(4), NOW), no);
    let by_member = set_door(&directory, ROOM, Actor::Person(PersonId(2)), None);
    assert_eq!(by_member, Err(GroupRefusal::NotAllowed));
    let closed = set_door(&directory, ROOM, OWNER, None);
    apply(&mut directory, closed);
    assert_eq!(enter(&directory, door(1), PersonId(4), NOW), no);
    assert_eq!(directory.conversation(ROOM).unwrap().kind, ConversationKind::Group);
    let anew = set_door(&directory, ROOM, OWNER, Some(door(2)));
    apply(&mut directory, anew);
    assert_eq!(enter(&directory, door(1), PersonId(4), NOW), no);
    assert!(enter(&directory, door(2), PersonId(4), NOW).is_ok());
}

#[test]
fn a_ban_holds_for_every_address_however_they_are_called_later() {
    let mut directory = open();
    let banned = ban(&directory, ROOM, OWNER, (PersonId(2), " 욕설 "), NOW);
    let done = apply(&mut directory, banned);
    assert_eq!(done.told, Some(PersonId(2)));
    assert_eq!(done.news, [News::Removed(PersonId(2))]);
    let charter = Charter::of(&directory, ROOM);
    assert_eq!(&*charter.bans[0].reason, "욕설");
    let again = |directory: &Directory, id| enter(directory, door(1), PersonId(id), NOW);
    assert_eq!(again(&directory, 2), Err(GroupRefusal::Banned));
    // They part one address, which begins anew as somebody else.
    directory.apply(person(2, &[2]));
    directory.apply(person(9, &[12]));
    directory.apply(address(12, Some(9)));
    assert_eq!(again(&directory, 9), Err(GroupRefusal::Banned));
    assert!(charter.bans_address(&directory, AddressId(12)), "in a room as well");
    // They link a further network, which is theirs now.
    directory.apply(address(20, Some(2)));
    directory.apply(person(2, &[2, 20]));
    assert!(charter.bans_address(&directory, AddressId(20)));
    assert!(!charter.bans_address(&directory, AddressId(3)));
    let lifted = unban(&directory, ROOM, OWNER, PersonId(2));
    apply(&mut directory, lifted);
    assert!(again(&directory, 2).is_ok() && again(&directory, 9).is_ok());
}

#[test]
fn who_may_speak_when_and_with_what() {
    let mut directory = open();
    let slow = set_slow(&directory, ROOM, OWNER, 60_000);
    apply(&mut directory, slow);
    let charter = Charter::of(&directory, ROOM);
    let spoke = Some(NOW);
    let (soon, later) = (NOW.plus_ms(20_000), NOW.plus_ms(NEWCOMER_MS + 1));
    let hush = |id, text, spoke, now| charter.hush(PersonId(id), text, spoke, now);
    assert_eq!(hush(2, "안녕", None, NOW), None, "the first word is free");
    assert_eq!(hush(2, "https://x.kr", None, NOW), Some(Silence::NewcomerLink));
    let wait = Silence::NewcomerTooSoon { after_ms: 40_000 };
    assert_eq!(hush(2, "또", spoke, soon), Some(wait));
    assert_eq!(hush(2, "https://x.kr", spoke, later), None);
    let wait = Silence::TooSoon { after_ms: 59_999 };
    assert_eq!(hush(2, "또", Some(later), later.plus_ms(1)), Some(wait));
    assert_eq!(hush(1, "https://x.kr", spoke, NOW), None, "who leads is not slowed");
}

#[test]
fn a_report_goes_to_moderators_and_an_appeal_to_the_operator_once() {
    let mut directory = open();
    let (two, three) = (PersonId(2), PersonId(3));
    let told = report(&directory, ROOM, three, (two, Some(MessageSeq(7))), "광고예요", NOW);
    apply(&mut directory, told);
    let by_member = decide(&directory, ROOM, Actor::Person(three), (1, Ruling::Banned), NOW);
    assert_eq!(by_member, Err(GroupRefusal::NotAllowed));
    let too_early = appeal(&directory, ROOM, two, 1, "아니에요");
    assert_eq!(too_early, Err(GroupRefusal::NoReport));
    let decided = decide(&directory, ROOM, OWNER, (1, Ruling::Banned), NOW);
    apply(&mut directory, decided);
    let charter = Charter::of(&directory, ROOM);
    assert_eq!(charter.reports[0].ruling, Ruling::Banned);
    assert!(charter.bans(&directory, two));
    let twice = decide(&directory, ROOM, OWNER, (1, Ruling::Dismissed), NOW);
    assert_eq!(twice, Err(GroupRefusal::NoReport));
    let appealed = appeal(&directory, ROOM, two, 1, "광고가 아니었어요");
    apply(&mut directory, appealed);
    assert_eq!(appeal(&directory, ROOM, two, 1, "또"), Err(GroupRefusal::NoReport));
    assert!(!Charter::of(&directory, ROOM).reports[0].settled());
    let heard = hear(&directory, ROOM, 1, false);
    assert_eq!(apply(&mut directory, heard).told, Some(two));
    let charter = Charter::of(&directory, ROOM);
    assert!(charter.bans.is_empty() && charter.reports[0].settled());
    assert_eq!(hear(&directory, ROOM, 1, true), Err(GroupRefusal::NoReport));
    assert!(enter(&directory, door(1), two, NOW).is_ok());
}

#[test]
fn reports_are_few_and_about_others() {
    let mut directory = open();
    let (two, three) = (PersonId(2), PersonId(3));
    let own = report(&directory, ROOM, two, (two, None), "나", NOW);
    assert_eq!(own, Err(GroupRefusal::NoMember));
    for _ in 0..REPORTS_OF_ONE_MAX {
        let one = report(&directory, ROOM, three, (two, None), &"긴 ".repeat(900), NOW);
        apply(&mut directory, one);
    }
    let more = report(&directory, ROOM, three, (two, None), "또", NOW);
    assert_eq!(more, Err(GroupRefusal::TooMany));
    let reports = &Charter::of(&directory, ROOM).reports;
    assert!(reports.iter().all(|one| one.reason.chars().count() <= REASON_CHARS_MAX));
    let left = leave(&directory, ROOM, two);
    apply(&mut directory, left);
    let decided = decide(&directory, ROOM, OWNER, (1, Ruling::Removed), NOW);
    assert!(decided.is_ok(), "who left before cannot be removed, and the report is decided");
}

proptest! {
    #[test]
    fn a_key_is_read_back_however_it_is_typed(seed: u64, upper: bool, hyphens: bool) {
        let key = door(seed);
        let mut typed = key.to_string();
        prop_assert_eq!(typed.len(), JOIN_KEY_SYMBOLS);
        prop_assert!(typed.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if hyphens {
            typed.insert(4, '-');
            typed.insert(9, ' ');
        }
        let typed = if upper { typed.to_uppercase() } else { typed };
        prop_assert_eq!(JoinKey::read(&typed), Some(key));
        let shorter: String = typed.chars().skip(1).collect();
        prop_assert_eq!(JoinKey::read(&shorter), None);
        let json = serde_json::to_string(&key).unwrap();
        prop_assert_eq!(serde_json::from_str::<JoinKey>(&json).unwrap(), key);
    }
}
