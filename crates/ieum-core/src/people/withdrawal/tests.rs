//! Who is still owed what, in worlds by chance, and each reason for an end by name.

use super::*;
use crate::directory::{Account, Address, Consent, Language};
use crate::ids::{AccountId, AddressId, ChatKey, UserKey};
use crate::people::contacts::Contact;
use crate::people::terms::{Reach, Terms};
use crate::route::security::SecurityLevel;
use crate::time::Timestamp;
use Network::{KakaoTalk, Line, Mail};
use proptest::prelude::*;

const WAYS: [Network; 3] = [KakaoTalk, Line, Mail];
const ME: PersonId = PersonId(1);
const YOU: PersonId = PersonId(2);
const TALK: ConversationId = ConversationId(1);

fn account(network: Network) -> AccountId {
    let place = WAYS.iter().position(|one| *one == network).unwrap();
    AccountId(u64::try_from(place).unwrap() + 1)
}

fn way(person: PersonId, network: Network) -> Route {
    let address = AddressId(person.0 * 10 + account(network).0);
    Route { account: account(network), endpoint: Endpoint::Address(address) }
}

fn consents(agreed: &[(Network, Purpose)]) -> Vec<Consent> {
    let given = |(network, purpose): &(Network, Purpose)| Consent {
        network: *network,
        purpose: *purpose,
        given: true,
        at: Timestamp(0),
        source: "test".into(),
    };
    agreed.iter().map(given).collect()
}

fn person(id: PersonId, agreed: &[(Network, Purpose)]) -> Person {
    let address = |network| match way(id, network).endpoint {
        Endpoint::Address(address) => address,
        Endpoint::Room(_) => unreachable!(),
    };
    let (name, language) = (format!("p{id}").into(), Language::Ko);
    let routes = WAYS.map(address).to_vec();
    Person { id, name, language, routes, consents: consents(agreed) }
}

fn moves_in(directory: &mut Directory, person: Person) {
    for (network, id) in WAYS.into_iter().zip(person.routes.clone()) {
        directory.apply(Change::Address(Address {
            id,
            account: account(network),
            user: UserKey::new(format!("u{id}")),
            person: Some(person.id),
            name: "".into(),
            icon_url: None,
            direct: Some(ChatKey::new(format!("d{id}"))),
            blocked: false,
            current: None,
        }));
    }
    directory.apply(Change::Person(person));
}

fn talk(kind: ConversationKind, members: &[PersonId]) -> Conversation {
    let rooms = vec![RoomId(7)];
    Conversation { id: TALK, kind, title: "".into(), members: members.to_vec(), rooms }
}

/// Two people who agreed to everything on KakaoTalk and LINE, in a conversation of their own.
fn two(kind: ConversationKind) -> Directory {
    let mut directory = Directory::default();
    for network in WAYS {
        let name = network.word().into();
        directory.apply(Change::Account(Account { id: account(network), name, network }));
    }
    let all = [KakaoTalk, Line].map(|one| [(one, Purpose::Talk), (one, Purpose::Failover)]);
    for id in [ME, YOU] {
        moves_in(&mut directory, person(id, all.as_flattened()));
    }
    directory.apply(Change::Conversation(talk(kind, &[ME, YOU])));
    directory
}

fn to_me(network: Network) -> Waiting<'static> {
    Waiting {
        conversation: TALK,
        author: Author::Person(YOU),
        recipient: Recipient::Person(ME),
        route: Some(way(ME, network)),
        label: None,
        tried: &[],
        may_move: true,
    }
}

fn judged(directory: &Directory, one: Waiting<'_>) -> Verdict {
    verdict(directory, &HealthBook::default(), one)
}

fn block(person: PersonId, other: PersonId) -> Change {
    let at = Timestamp(1);
    let contacts = vec![Contact { other, standing: Standing::Blocked, at }];
    Change::Card(Card { person, handle: None, contacts, asked: Vec::new() })
}

#[test]
fn a_block_ends_what_waits_in_the_talk_of_the_two_and_nothing_in_groups() {
    for (kind, expected) in [
        (ConversationKind::Direct, Verdict::Ends("blocks the author")),
        (ConversationKind::Group, Verdict::Stays),
    ] {
        let mut directory = two(kind);
        assert_eq!(judged(&directory, to_me(KakaoTalk)), Verdict::Stays);
        assert_eq!(narrowed(&directory, &[block(ME, YOU)]), BTreeSet::from([Concern::Person(ME)]),);
        directory.apply(block(ME, YOU));
        assert_eq!(judged(&directory, to_me(KakaoTalk)), expected);
        assert!(narrowed(&directory, &[block(ME, YOU)]).is_empty(), "nothing new");
        let hubs = Waiting { author: Author::Hub, ..to_me(KakaoTalk) };
        assert_eq!(judged(&directory, hubs), Verdict::Stays, "the hub is nobody's to block");
    }
}

#[test]
fn who_leaves_is_owed_nothing_more_and_neither_is_a_parted_room() {
    let mut directory = two(ConversationKind::Group);
    let room = Waiting { recipient: Recipient::Room(RoomId(7)), route: None, ..to_me(Line) };
    assert_eq!(judged(&directory, room), Verdict::Stays);
    let rest = Conversation { rooms: Vec::new(), ..talk(ConversationKind::Group, &[YOU]) };
    let lane = |recipient| Concern::Lane(Lane { conversation: TALK, recipient });
    let gone = [lane(Recipient::Person(ME)), lane(Recipient::Room(RoomId(7)))];
    let change = [Change::Conversation(rest.clone())];
    assert_eq!(narrowed(&directory, &change), BTreeSet::from(gone));
    directory.apply(Change::Conversation(rest));
    assert_eq!(judged(&directory, to_me(Line)), Verdict::Ends("left the conversation"));
    assert_eq!(judged(&directory, room), Verdict::Ends("the room was parted"));
    let own_words = Waiting { conversation: ConversationId(0), ..to_me(Line) };
    assert_eq!(judged(&directory, own_words), Verdict::Stays, "between the hub and them");
}

#[test]
fn a_withdrawn_consent_leads_elsewhere_while_somewhere_is_agreed_to() {
    let mut directory = two(ConversationKind::Group);
    let line_alone = person(ME, &[(Line, Purpose::Talk), (Line, Purpose::Failover)]);
    let change = Change::Person(line_alone);
    assert_eq!(
        narrowed(&directory, std::slice::from_ref(&change)),
        BTreeSet::from([Concern::Person(ME)])
    );
    directory.apply(change);
    let from = KakaoTalk;
    assert_eq!(judged(&directory, to_me(from)), Verdict::Moves { to: way(ME, Line), from });
    let in_doubt = Waiting { may_move: false, ..to_me(from) };
    assert_eq!(judged(&directory, in_doubt), Verdict::Ends("consent withdrawn"));
    let tried = [way(ME, Line), way(ME, KakaoTalk)];
    let refused_there = Waiting { tried: &tried, ..to_me(from) };
    assert_eq!(judged(&directory, refused_there), Verdict::Ends("consent withdrawn"));
    directory.apply(Change::Person(person(ME, &[])));
    assert_eq!(judged(&directory, to_me(Line)), Verdict::Ends("consent withdrawn"));
    let without_way = Waiting { route: None, ..to_me(Line) };
    assert_eq!(judged(&directory, without_way), Verdict::Stays, "it goes nowhere anyway");
}

#[test]
fn what_waits_follows_whoever_became_part_of_another_person() {
    let mut directory = two(ConversationKind::Group);
    let mut old = person(ME, &[]);
    let mut new = person(PersonId(3), &[(Line, Purpose::Talk)]);
    new.routes = std::mem::take(&mut old.routes);
    moves_in(&mut directory, new);
    directory.apply(Change::Person(old));
    let members = [PersonId(3), YOU];
    directory.apply(Change::Conversation(talk(ConversationKind::Group, &members)));
    assert_eq!(judged(&directory, to_me(Line)), Verdict::Stays);
    assert_eq!(judged(&directory, to_me(KakaoTalk)), Verdict::Ends("consent withdrawn"));
}

#[test]
fn an_address_that_is_somebody_elses_now_gets_nothing() {
    let mut directory = two(ConversationKind::Group);
    let mut me = directory.person(ME).unwrap().clone();
    me.routes.retain(|id| Endpoint::Address(*id) != way(ME, KakaoTalk).endpoint);
    directory.apply(Change::Person(me));
    let from = KakaoTalk;
    assert_eq!(judged(&directory, to_me(from)), Verdict::Moves { to: way(ME, Line), from });
}

/// What somebody agreed to and asked for, by chance.
fn chance() -> impl Strategy<Value = (Vec<(Network, Purpose)>, SecurityLevel, Option<Vec<Network>>)>
{
    let each = WAYS.map(|one| [(one, Purpose::Talk), (one, Purpose::Failover)]).concat();
    let networks = prop::sample::subsequence(WAYS.to_vec(), 0..=3);
    (
        prop::sample::subsequence(each, 0..=6),
        prop::sample::select(&SecurityLevel::ALL[..]),
        prop::option::of(networks),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn nothing_stays_or_goes_where_it_is_not_agreed_to(
        (agreed, security_min, networks) in chance(),
        from in prop::sample::select(&WAYS[..]),
        instead in any::<bool>(),
        may_move in any::<bool>(),
    ) {
        let mut directory = two(ConversationKind::Group);
        directory.apply(Change::Person(person(ME, &agreed)));
        let reaches = networks.map(|networks| Reach { conversation: TALK, networks });
        let reaches: Vec<Reach> = reaches.into_iter().collect();
        directory.apply(Change::Terms(Terms { person: ME, security_min, reaches }));
        let terms = directory.terms_of(ME).unwrap();
        let label = instead.then_some(Label::InsteadOf(KakaoTalk));
        let one = Waiting { label, may_move, ..to_me(from) };
        let purpose = if instead { Purpose::Failover } else { Purpose::Talk };
        let open = |network, purpose| {
            agreed.contains(&(network, purpose)) && terms.allow(TALK, network)
        };
        match judged(&directory, one) {
            Verdict::Stays => prop_assert!(open(from, purpose)),
            Verdict::Moves { to, .. } => {
                let network = directory.network_of(to.account).unwrap();
                prop_assert!(!open(from, purpose) && may_move);
                prop_assert!(open(network, Purpose::Failover));
                prop_assert!(SecurityLevel::of(network) >= security_min);
            }
            Verdict::Ends(why) => {
                prop_assert_eq!(why, "consent withdrawn");
                prop_assert!(!open(from, purpose));
                let left = WAYS.into_iter().any(|one| open(one, Purpose::Failover));
                prop_assert!(!left || !may_move, "a way was left");
            }
        }
        if security_min == SecurityLevel::EndToEnd {
            prop_assert_eq!(judged(&directory, one), Verdict::Ends("consent withdrawn"));
        }
    }

    #[test]
    fn whatever_a_change_takes_away_is_somebodys_concern(
        (before, _, _) in chance(), (after, _, _) in chance(),
    ) {
        let mut directory = two(ConversationKind::Group);
        directory.apply(Change::Person(person(ME, &before)));
        let change = Change::Person(person(ME, &after));
        let concerns = narrowed(&directory, std::slice::from_ref(&change));
        let lost = before.iter().any(|one| !after.contains(one));
        prop_assert_eq!(!concerns.is_empty(), lost);
    }
}
