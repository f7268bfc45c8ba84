//! Who is owed what: a small town drawn in a few words, and the plan that follows from it.

use super::roster::roster;
use super::security::SecurityLevel;
use super::*;
use crate::directory::{Account, Address, Change, Consent, ConversationKind, Language};
use crate::health::book::{OurCall, api_cell};
use crate::health::{CellState, Function};
use crate::ids::{AccountId, ChatKey, ConversationId, UserKey};
use crate::people::terms::{Reach, Terms};
use crate::time::Timestamp;
use Network::{KakaoTalk, Line, Telegram};
use expect_test::{Expect, expect};
use proptest::prelude::*;

const HERE: ConversationId = ConversationId(1);
const NETWORKS: [Network; 3] = [KakaoTalk, Line, Telegram];

fn account(network: Network) -> AccountId {
    let place = NETWORKS.iter().position(|one| *one == network).unwrap();
    AccountId(u64::try_from(place).unwrap() + 1)
}

fn address(person: u64, network: Network) -> AddressId {
    AddressId(person * 10 + account(network).0)
}

fn direct(person: u64, network: Network) -> Route {
    Route { account: account(network), endpoint: Endpoint::Address(address(person, network)) }
}

/// A word for each way: `k`, `l`, `t` with consent to talk and failover, `K`, `L`, `T` to failover
/// alone, `-` in front of one that is blocked, `?` in front of one without any consent.
#[derive(Debug, Clone)]
struct Neighbour {
    id: u64,
    ways: Vec<(char, Network)>,
}

fn neighbour(id: u64, ways: &str) -> Neighbour {
    let mut found = Vec::new();
    let mut mark = ' ';
    for letter in ways.chars() {
        let network = match letter.to_ascii_lowercase() {
            'k' => KakaoTalk,
            'l' => Line,
            't' => Telegram,
            _ => {
                mark = letter;
                continue;
            }
        };
        let kind = match mark {
            ' ' if letter.is_uppercase() => 'F',
            other => other,
        };
        found.push((kind, network));
        mark = ' ';
    }
    Neighbour { id, ways: found }
}

#[derive(Debug, Default)]
struct Town {
    directory: Directory,
    health: HealthBook,
    members: Vec<PersonId>,
    rooms: Vec<RoomId>,
    kind: Option<ConversationKind>,
}

impl Town {
    fn of(neighbours: &[Neighbour]) -> Self {
        let mut town = Self::default();
        for network in NETWORKS {
            town.directory.apply(Change::Account(Account {
                id: account(network),
                name: network.word().into(),
                network,
            }));
        }
        for neighbour in neighbours {
            town.moves_in(neighbour);
        }
        town
    }

    fn moves_in(&mut self, neighbour: &Neighbour) {
        let person = PersonId(neighbour.id);
        self.members.push(person);
        let mut consents = Vec::new();
        for (kind, network) in &neighbour.ways {
            self.directory.apply(Change::Address(Address {
                id: address(neighbour.id, *network),
                account: account(*network),
                user: UserKey::new(format!("u{}", neighbour.id)),
                person: Some(person),
                name: "".into(),
                icon_url: None,
                direct: Some(ChatKey::new(format!("d{}", neighbour.id))),
                blocked: *kind == '-',
                current: None,
            }));
            for purpose in [Purpose::Talk, Purpose::Failover] {
                consents.push(Consent {
                    network: *network,
                    purpose,
                    given: *kind != '?' && (purpose == Purpose::Failover || *kind != 'F'),
                    at: Timestamp(0),
                    source: "".into(),
                });
            }
        }
        let routes = neighbour.ways.iter();
        self.directory.apply(Change::Person(Person {
            id: person,
            name: format!("p{person}").into(),
            language: Language::Ko,
            routes: routes.map(|(_, network)| address(person.0, *network)).collect(),
            consents,
        }));
    }

    /// A joined room, in which these persons are, and a guest.
    fn room(mut self, id: u64, network: Network, persons: &[u64]) -> Self {
        let guest = AddressId(900 + id);
        let mut present: Vec<AddressId> = persons.iter().map(|id| address(*id, network)).collect();
        present.push(guest);
        self.directory.apply(Change::Address(Address {
            id: guest,
            account: account(network),
            user: UserKey::new(format!("guest{id}")),
            person: None,
            name: "guest".into(),
            icon_url: None,
            direct: None,
            blocked: false,
            current: None,
        }));
        self.directory.apply(Change::Room(Room {
            id: RoomId(id),
            account: account(network),
            chat: ChatKey::new(format!("r{id}")),
            title: "".into(),
            conversation: Some(ConversationId(1)),
            joined: true,
            present,
        }));
        self.rooms.push(RoomId(id));
        self
    }

    fn without_us_in(mut self, id: u64) -> Self {
        let mut room = self.directory.room(RoomId(id)).unwrap().clone();
        room.joined = false;
        self.directory.apply(Change::Room(room));
        self
    }

    fn fails(&mut self, network: Network, route: Option<Route>, times: u32) {
        for _ in 0..times {
            self.health.observe(OurCall {
                cell: api_cell(network, Function::Send),
                account: AccountId(1),
                route,
                id: 0,
                good: false,
                began_at: Timestamp(0),
                at: Timestamp(0),
            });
        }
    }

    /// A probe is answered: it is not our own line.
    fn answers(&mut self, network: Network) {
        self.health.observe(OurCall {
            cell: api_cell(network, Function::Send),
            account: AccountId(1),
            route: None,
            id: 0,
            good: true,
            began_at: Timestamp(0),
            at: Timestamp(0),
        });
    }

    fn down(mut self, network: Network) -> Self {
        let cell = api_cell(network, Function::Send);
        self.health.hold(cell, CellState::Down, Timestamp(0));
        assert!(self.health.network_down(network));
        self
    }

    /// One room fails while its network works.
    fn sick(mut self, id: u64) -> Self {
        let room = self.directory.room(RoomId(id)).unwrap();
        let route = room_route(room);
        let network = self.directory.network_of(room.account).unwrap();
        self.fails(network, Some(route), 1);
        self.answers(network);
        self.fails(network, Some(route), 1);
        assert!(!self.health.network_down(network));
        assert!(self.health.route_down(network, route));
        self
    }

    fn conversation(&self) -> Conversation {
        Conversation {
            id: ConversationId(1),
            kind: self.kind.unwrap_or(ConversationKind::Group),
            title: "".into(),
            members: self.members.clone(),
            rooms: self.rooms.clone(),
        }
    }

    fn facts<'a>(&'a self, conversation: &'a Conversation, author: Author) -> PlanFacts<'a> {
        PlanFacts {
            directory: &self.directory,
            health: &self.health,
            conversation,
            author,
            source_room: None,
        }
    }

    fn check(&self, author: Author, source_room: Option<u64>, expected: &Expect) {
        let conversation = self.conversation();
        let facts =
            PlanFacts { source_room: source_room.map(RoomId), ..self.facts(&conversation, author) };
        expected.assert_eq(&drawn(&plan(facts)));
    }
}

fn drawn(plan: &Plan) -> String {
    let mut lines = String::new();
    for delivery in &plan.deliveries {
        let to = match delivery.recipient {
            Recipient::Person(id) => format!("person {id}"),
            Recipient::Room(id) => format!("room {id}"),
        };
        let by = match delivery.route {
            Some(route) => NETWORKS.iter().find(|n| account(**n) == route.account).unwrap().word(),
            None => "no way",
        };
        let label = delivery.label.map_or_else(String::new, |label| format!(" {label:?}"));
        lines.push_str(&format!("{to} by {by}: {:?}{label}\n", delivery.state));
    }
    for person in &plan.unreachable {
        lines.push_str(&format!("person {person} cannot be reached\n"));
    }
    lines
}

fn by(person: u64, network: Network) -> Author {
    Author::Address(address(person, network))
}

#[test]
fn every_room_but_the_one_it_came_from_and_every_person_outside_rooms() {
    let everybody = [neighbour(1, "k"), neighbour(2, "l"), neighbour(3, "t"), neighbour(4, "lk")];
    let town = Town::of(&everybody).room(11, KakaoTalk, &[1]).room(22, Line, &[2]).room(
        33,
        Telegram,
        &[3],
    );
    town.check(
        by(1, KakaoTalk),
        Some(11),
        &expect![[r#"
        room 22 by line: Queued
        room 33 by telegram: Queued
        person 4 by line: Queued
    "#]],
    );
    town.check(
        Author::Person(PersonId(4)),
        None,
        &expect![[r#"
        room 11 by kakaotalk: Queued
        room 22 by line: Queued
        room 33 by telegram: Queued
    "#]],
    );
    town.check(
        Author::Hub,
        None,
        &expect![[r#"
        room 11 by kakaotalk: Queued
        room 22 by line: Queued
        room 33 by telegram: Queued
        person 4 by line: Queued
    "#]],
    );
}

#[test]
fn a_guests_words_go_to_the_others() {
    let town = Town::of(&[neighbour(1, "k"), neighbour(2, "l")]).room(11, KakaoTalk, &[1]);
    town.check(
        Author::Address(AddressId(911)),
        Some(11),
        &expect![[r#"
        person 2 by line: Queued
    "#]],
    );
}

#[test]
fn a_room_that_we_left_carries_nothing_and_covers_nobody() {
    let town = Town::of(&[neighbour(1, "k"), neighbour(2, "l")])
        .room(11, KakaoTalk, &[1])
        .without_us_in(11);
    town.check(
        by(2, Line),
        None,
        &expect![[r#"
        person 1 by kakaotalk: Queued
    "#]],
    );
}

#[test]
fn a_direct_conversation_reaches_the_other_by_their_own_wish() {
    let pair = [neighbour(1, "lk"), neighbour(2, "tl")];
    let mut town = Town::of(&pair);
    town.kind = Some(ConversationKind::Direct);
    town.check(
        by(1, KakaoTalk),
        None,
        &expect![[r#"
        person 2 by telegram: Queued
    "#]],
    );
    let down = town.down(Telegram);
    down.check(
        by(1, KakaoTalk),
        None,
        &expect![[r#"
        person 2 by line: Queued InsteadOf(Telegram)
    "#]],
    );
}

#[test]
fn an_author_in_two_rooms_gets_no_personal_copy() {
    let town = Town::of(&[neighbour(1, "kl"), neighbour(2, "k")])
        .room(11, KakaoTalk, &[1, 2])
        .room(22, Line, &[1]);
    town.check(
        by(1, KakaoTalk),
        Some(11),
        &expect![[r#"
        room 22 by line: Queued
    "#]],
    );
    let down = town.down(KakaoTalk);
    down.check(
        by(1, Line),
        Some(22),
        &expect![[r#"
        room 11 by kakaotalk: Held Late
        person 2 cannot be reached
    "#]],
    );
}

#[test]
fn people_of_a_room_that_is_down_get_it_elsewhere_if_they_agreed() {
    let town = Town::of(&[
        neighbour(1, "t"),
        neighbour(2, "kl"),
        neighbour(3, "kL"),
        neighbour(4, "k?l"),
        neighbour(5, "k-l"),
        neighbour(6, "kt"),
        neighbour(7, "k"),
    ])
    .room(11, KakaoTalk, &[2, 3, 4, 5, 6, 7])
    .room(33, Telegram, &[1, 6])
    .down(KakaoTalk);
    town.check(
        by(1, Telegram),
        Some(33),
        &expect![[r#"
        room 11 by kakaotalk: Held Late
        person 2 by line: Queued InsteadOf(KakaoTalk)
        person 3 by line: Queued InsteadOf(KakaoTalk)
        person 4 cannot be reached
        person 5 cannot be reached
        person 7 cannot be reached
    "#]],
    );
}

#[test]
fn a_sick_room_is_left_for_another_network_and_not_for_another_chat_of_its_own() {
    let town = Town::of(&[neighbour(1, "t"), neighbour(2, "klt"), neighbour(3, "k")])
        .room(11, KakaoTalk, &[2, 3])
        .sick(11);
    town.check(
        by(1, Telegram),
        None,
        &expect![[r#"
        room 11 by kakaotalk: Held Late
        person 2 by line: Queued InsteadOf(KakaoTalk)
        person 3 cannot be reached
    "#]],
    );
}

#[test]
fn who_is_in_two_rooms_that_are_down_stands_in_once() {
    let town = Town::of(&[neighbour(1, "t"), neighbour(2, "klt")])
        .room(11, KakaoTalk, &[2])
        .room(22, Line, &[2])
        .down(KakaoTalk)
        .sick(22);
    town.check(
        by(1, Telegram),
        None,
        &expect![[r#"
        room 11 by kakaotalk: Held Late
        room 22 by line: Held Late
        person 2 by line: Queued InsteadOf(KakaoTalk)
    "#]],
    );
}

#[test]
fn without_a_way_it_is_held_and_told() {
    let town =
        Town::of(&[neighbour(1, "t"), neighbour(2, "k"), neighbour(3, ""), neighbour(4, "L")])
            .down(KakaoTalk);
    town.check(
        by(1, Telegram),
        None,
        &expect![[r#"
        person 2 by kakaotalk: Held Late
        person 3 by no way: Held Late
        person 4 by no way: Held Late
        person 2 cannot be reached
        person 3 cannot be reached
        person 4 cannot be reached
    "#]],
    );
}

#[test]
fn a_room_that_goes_down_later_leaves_out_whom_another_room_reached() {
    let town = Town::of(&[neighbour(1, "t"), neighbour(2, "kl"), neighbour(3, "kl")])
        .room(11, KakaoTalk, &[2, 3])
        .room(22, Line, &[3])
        .down(KakaoTalk);
    let conversation = town.conversation();
    let facts = town.facts(&conversation, by(1, Telegram));
    let room = town.directory.room(RoomId(11)).unwrap();
    expect![[r#"
        person 2 by line: Queued InsteadOf(KakaoTalk)
    "#]]
    .assert_eq(&drawn(&stand_ins(facts, room)));
}

#[test]
fn ways_are_tried_in_a_circle_and_none_twice_once_it_said_no() {
    let town = Town::of(&[neighbour(1, "klt")]);
    let next = |from| next_route(&town.directory, &town.health, PersonId(1), HERE, from);
    let mut way = direct(1, KakaoTalk);
    for expected in [Line, Telegram, KakaoTalk, Line] {
        way = next(Some(way)).unwrap();
        assert_eq!(way, direct(1, expected));
    }
    assert_eq!(next(None), Some(direct(1, KakaoTalk)));
    let besides = |tried: &[Network]| {
        let tried: Vec<Route> = tried.iter().map(|network| direct(1, *network)).collect();
        next_untried(&town.directory, &town.health, PersonId(1), HERE, &tried)
    };
    assert_eq!(besides(&[Line]), Some(direct(1, Telegram)));
    assert_eq!(besides(&[Line, Telegram]), Some(direct(1, KakaoTalk)));
    assert_eq!(besides(&[Telegram, Line]), Some(direct(1, KakaoTalk)));
    assert_eq!(besides(&[Line, Telegram, KakaoTalk]), None);
}

#[test]
fn a_withdrawn_consent_counts_at_once() {
    let mut town = Town::of(&[neighbour(1, "kl")]);
    let mut person = town.directory.person(PersonId(1)).unwrap().clone();
    person.consents.push(Consent {
        network: Line,
        purpose: Purpose::Failover,
        given: false,
        at: Timestamp(1),
        source: "".into(),
    });
    town.directory.apply(Change::Person(person));
    let from = Some(direct(1, KakaoTalk));
    assert_eq!(next_route(&town.directory, &town.health, PersonId(1), HERE, from), None);
}

/// A town by chance: ways of each person, who is in which room, what is down, who speaks where.
#[derive(Debug, Clone)]
struct Chance {
    ways: Vec<String>,
    rooms: Vec<(usize, Vec<u64>)>,
    down: [bool; 3],
    sick: Vec<bool>,
    author: u64,
    source: Option<usize>,
    twice: bool,
}

prop_compose! {
    fn chance()(
        ways in prop::collection::vec("(\\?|-)?[kK]?(\\?|-)?[lL]?(\\?|-)?[tT]?", 1..8),
        rooms in prop::collection::vec((0..3_usize, prop::collection::vec(1..8_u64, 0..6)), 0..5),
        down in prop::array::uniform3(prop::bool::weighted(0.3)),
        sick in prop::collection::vec(prop::bool::weighted(0.3), 5),
        author in 1..9_u64,
        source in prop::option::of(0..5_usize),
        twice in any::<bool>(),
    ) -> Chance {
        Chance { ways, rooms, down, sick, author, source, twice }
    }
}

impl Chance {
    fn town(&self) -> Town {
        let ids = 1_u64..;
        let all: Vec<_> = ids.zip(&self.ways).map(|(id, ways)| neighbour(id, ways)).collect();
        let mut town = Town::of(&all);
        for (index, (network, persons)) in self.rooms.iter().enumerate() {
            town = town.room(100 + index as u64, NETWORKS[*network], persons);
        }
        for network in NETWORKS.into_iter().zip(self.down).filter(|(_, down)| *down) {
            town = town.down(network.0);
        }
        for (index, (network, _)) in self.rooms.iter().enumerate() {
            if self.sick[index] {
                let room = town.directory.room(RoomId(100 + index as u64)).unwrap();
                let route = room_route(room);
                town.fails(NETWORKS[*network], Some(route), 2);
            }
        }
        if self.twice {
            town.rooms.extend(town.rooms.clone());
            town.members.extend(town.members.clone());
        }
        town
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn everybody_is_covered_owed_once_or_told_about(chance in chance()) {
        let town = chance.town();
        let conversation = town.conversation();
        let source = chance.source.filter(|index| *index < chance.rooms.len());
        let facts = PlanFacts {
            source_room: source.map(|index| RoomId(100 + index as u64)),
            ..town.facts(&conversation, Author::Person(PersonId(chance.author)))
        };
        let plan = plan(facts);

        let mut owed: Vec<Recipient> = plan.deliveries.iter().map(|one| one.recipient).collect();
        let count = owed.len();
        owed.sort();
        owed.dedup();
        prop_assert_eq!(owed.len(), count, "a recipient twice");
        for room in &conversation.rooms {
            let source = facts.source_room == Some(*room);
            prop_assert_eq!(owed.contains(&Recipient::Room(*room)), !source);
        }
        for member in &conversation.members {
            check_member(facts, &plan, *member)?;
        }
    }

    #[test]
    fn nobody_is_reached_where_they_did_not_agree(chance in chance()) {
        let town = chance.town();
        let conversation = town.conversation();
        let plan = plan(town.facts(&conversation, Author::Hub));
        for delivery in &plan.deliveries {
            let (Recipient::Person(id), Some(route)) = (delivery.recipient, delivery.route) else {
                continue;
            };
            let person = town.directory.person(id).unwrap();
            let network = town.directory.network_of(route.account).unwrap();
            let instead = matches!(delivery.label, Some(Label::InsteadOf(_)));
            let purpose = if instead { Purpose::Failover } else { Purpose::Talk };
            prop_assert!(person.agreed(network, purpose));
            prop_assert!(town.directory.locate(route.endpoint).is_some(), "a closed chat");
            let queued = delivery.state == State::Queued;
            prop_assert_eq!(queued, !town.health.route_down(network, route));
        }
    }
}

fn check_member(facts: PlanFacts<'_>, plan: &Plan, member: PersonId) -> Result<(), TestCaseError> {
    let sees = |room: &Room| persons_in(facts.directory, room).any(|person| person == member);
    let rooms = || joined_rooms(facts.directory, facts.conversation);
    let at_source = |room: &Room| facts.source_room == Some(room.id);
    let covered = author_person(facts.directory, facts.author) == Some(member)
        || rooms().any(|room| sees(room) && (at_source(room) || room_up(facts, room)));
    let personal: Vec<_> =
        plan.deliveries.iter().filter(|one| one.recipient == Recipient::Person(member)).collect();
    let told = plan.unreachable.contains(&member);
    prop_assert!(personal.len() <= 1);
    match (personal.first(), covered) {
        (copy, true) => prop_assert!(copy.is_none() && !told, "covered already"),
        (Some(copy), false) => prop_assert_eq!(told, copy.state == State::Held),
        (None, false) => prop_assert!(told && rooms().any(sees), "forgotten"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_plan_and_no_failover_goes_below_what_a_contact_asked_for(
        chance in chance(),
        strict in prop::collection::vec(prop::sample::select(&SecurityLevel::ALL[..]), 8),
        closed in prop::collection::vec(prop::sample::subsequence(NETWORKS.to_vec(), 0..=3), 8),
    ) {
        let mut town = chance.town();
        let asked = (1_u64..).map(PersonId).zip(strict).zip(closed);
        for ((person, security_min), networks) in asked {
            let reaches = vec![Reach { conversation: HERE, networks }];
            town.directory.apply(Change::Terms(Terms { person, security_min, reaches }));
        }
        let conversation = town.conversation();
        let plan = plan(town.facts(&conversation, Author::Hub));
        let within = |person, route: Route| {
            let network = town.directory.network_of(route.account).unwrap();
            let terms = town.directory.terms_of(person).unwrap();
            terms.allow(HERE, network) && SecurityLevel::of(network) >= terms.security_min
        };
        for delivery in &plan.deliveries {
            let (Recipient::Person(person), Some(route)) = (delivery.recipient, delivery.route)
            else {
                continue;
            };
            prop_assert!(within(person, route));
            let tried = [route];
            let next =
                next_untried(&town.directory, &town.health, person, HERE, &tried);
            prop_assert!(next.is_none_or(|next| within(person, next)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_roster_says_of_each_member_where_a_message_of_now_goes(chance in chance()) {
        let town = chance.town();
        let mut conversation = town.conversation();
        conversation.members.sort_unstable();
        conversation.members.dedup();
        let facts = town.facts(&conversation, Author::Hub);
        let plan = plan(facts);
        let seats = roster(facts);
        prop_assert_eq!(seats.len(), conversation.members.len());
        for seat in seats {
            let recipient = Recipient::Person(seat.person);
            let copy = plan.deliveries.iter().find(|one| one.recipient == recipient);
            let queued = copy.filter(|copy| copy.state == State::Queued);
            let network = queued.and_then(|copy| town.directory.network_of(copy.route?.account));
            match (seat.in_room, plan.unreachable.contains(&seat.person)) {
                (true, _) => prop_assert!(copy.is_none()),
                (false, true) => prop_assert!(network.is_none() && seat.reached.is_none()),
                (false, false) => prop_assert_eq!(seat.reached, network),
            }
        }
    }
}
