//! Planning: to whom a message is owed, and by which way each of them is reached now.
//!
//! Invariants: nobody is planned for who did not agree to be reached there; the author and those
//! who saw the message where it was written are owed nothing; every other joined room is owed one
//! delivery, and so is every other member whom no room that works reaches, unless they are listed
//! as unreachable or, in a direct conversation, blocks the author; nobody is owed two.

pub mod roster;
pub mod security;

use crate::delivery::{Label, NewDelivery, Recipient, Route, State};
use crate::directory::{Conversation, Directory, Endpoint, Person, Purpose, Room};
use crate::health::book::HealthBook;
use crate::ids::{AddressId, ConversationId, PersonId, RoomId};
use crate::message::Author;
use crate::network::Network;
use crate::people::here::order_of;
use crate::people::withdrawal::shuts_out;
use std::collections::BTreeSet;

/// What planning looks at.
#[derive(Debug, Clone, Copy)]
pub struct PlanFacts<'a> {
    /// Who is there.
    pub directory: &'a Directory,
    /// What works.
    pub health: &'a HealthBook,
    /// Where the message belongs.
    pub conversation: &'a Conversation,
    /// Who said it.
    pub author: Author,
    /// The joined room in which it was said.
    pub source_room: Option<RoomId>,
}

/// Who is owed what, and who cannot be reached now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// One for each recipient; some start `Held`.
    pub deliveries: Vec<NewDelivery>,
    /// Members for whom there is no way now.
    pub unreachable: Vec<PersonId>,
}

/// Plans a message.
#[must_use]
pub fn plan(facts: PlanFacts<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut covered = authors_side(facts);
    let mut down = Vec::new();
    let mut owed = BTreeSet::from_iter(facts.source_room);
    for room in joined_rooms(facts.directory, facts.conversation) {
        if !owed.insert(room.id) {
            continue;
        }
        let up = room_up(facts, room);
        plan.deliveries.push(to_room(room, up));
        if up {
            covered.extend(persons_in(facts.directory, room));
        } else {
            down.push(room);
        }
    }
    stand_in(facts, &down, &mut covered, &mut plan);
    for member in &facts.conversation.members {
        let shut_out = || shuts_out(facts.directory, facts.conversation, *member, facts.author);
        if covered.insert(*member) && !shut_out() {
            personally(facts, *member, &mut plan);
        }
    }
    plan
}

/// The copies that the people of a room get personally while the room itself cannot be reached,
/// leaving out the author, who knows.
#[must_use]
pub fn stand_ins(facts: PlanFacts<'_>, room: &Room) -> Plan {
    let mut plan = Plan::default();
    let mut covered = authors_side(facts);
    for other in joined_rooms(facts.directory, facts.conversation) {
        if other.id != room.id && room_up(facts, other) {
            covered.extend(persons_in(facts.directory, other));
        }
    }
    stand_in(facts, &[room], &mut covered, &mut plan);
    plan
}

/// The next way to a person whose present one, `besides`, failed: of those that work and are agreed
/// to for failover, the next in the order of their own wish, which begins again after its end.
///
/// It goes on from `besides` instead of starting over, so that a person with three ways is not
/// moved to and fro between two that fail.
#[must_use]
pub fn next_route(
    directory: &Directory,
    health: &HealthBook,
    person: PersonId,
    conversation: ConversationId,
    besides: Option<Route>,
) -> Option<Route> {
    let tried: &[Route] = besides.as_slice();
    next_untried(directory, health, person, conversation, tried)
}

/// Like [`next_route`], leaving out every route that already said no; it goes on from the last.
/// `None` means that every way that works has refused.
#[must_use]
pub fn next_untried(
    directory: &Directory,
    health: &HealthBook,
    person: PersonId,
    conversation: ConversationId,
    tried: &[Route],
) -> Option<Route> {
    let person = directory.person(person)?;
    let last = tried.last().map(|last| last.endpoint);
    let is_last = |id: &AddressId| Some(Endpoint::Address(*id)) == last;
    let start = person.routes.iter().position(is_last).map_or(0, |at| at + 1);
    let (before, after) = person.routes.split_at_checked(start)?;
    // Where they say they are is asked first, wherever it stands in their order.
    let round: Vec<AddressId> = after.iter().chain(before).copied().collect();
    let order = order_of(directory, person.id, &round);
    usable(directory, (person, conversation), &order, Purpose::Failover)
        .filter(|(route, _)| !tried.contains(route))
        .find(|(route, network)| !health.route_down(*network, *route))
        .map(|(route, _)| route)
}

/// The way by which the hub's own words reach somebody: the first that they agreed to be talked to
/// by and that works, else the first of them.
#[must_use]
pub fn way_to_tell(
    directory: &Directory,
    health: &HealthBook,
    person: PersonId,
    conversation: ConversationId,
) -> Option<Route> {
    let person = directory.person(person)?;
    let order = order_of(directory, person.id, &person.routes);
    let ways = || usable(directory, (person, conversation), &order, Purpose::Talk);
    let up = ways().find(|(route, network)| !health.route_down(*network, *route));
    up.or_else(|| ways().next()).map(|(route, _)| route)
}

fn authors_side(facts: PlanFacts<'_>) -> BTreeSet<PersonId> {
    let mut covered = BTreeSet::new();
    covered.extend(author_person(facts.directory, facts.author));
    if let Some(room) = facts.source_room.and_then(|id| facts.directory.room(id)) {
        covered.extend(persons_in(facts.directory, room));
    }
    covered
}

/// The person behind an author; none for guests and the hub.
#[must_use]
pub fn author_person(directory: &Directory, author: Author) -> Option<PersonId> {
    match author {
        Author::Person(person) => Some(person),
        Author::Address(address) => directory.address(address)?.person,
        Author::Hub => None,
    }
}

fn joined_rooms<'a>(
    directory: &'a Directory,
    conversation: &'a Conversation,
) -> impl Iterator<Item = &'a Room> {
    conversation.rooms.iter().filter_map(|id| directory.room(*id)).filter(|room| room.joined)
}

fn persons_in<'a>(
    directory: &'a Directory,
    room: &'a Room,
) -> impl Iterator<Item = PersonId> + use<'a> {
    room.present.iter().filter_map(|id| directory.address(*id)?.person)
}

fn room_route(room: &Room) -> Route {
    Route { account: room.account, endpoint: Endpoint::Room(room.id) }
}

fn room_up(facts: PlanFacts<'_>, room: &Room) -> bool {
    facts
        .directory
        .network_of(room.account)
        .is_some_and(|network| !facts.health.route_down(network, room_route(room)))
}

fn to_room(room: &Room, up: bool) -> NewDelivery {
    NewDelivery {
        recipient: Recipient::Room(room.id),
        route: Some(room_route(room)),
        state: if up { State::Queued } else { State::Held },
        label: (!up).then_some(Label::Late),
        stands_in_for: None,
    }
}

fn stand_in(
    facts: PlanFacts<'_>,
    rooms: &[&Room],
    covered: &mut BTreeSet<PersonId>,
    plan: &mut Plan,
) {
    if rooms.is_empty() {
        return;
    }
    let members: BTreeSet<PersonId> = facts.conversation.members.iter().copied().collect();
    for room in rooms {
        let Some(network) = facts.directory.network_of(room.account) else {
            continue;
        };
        for person in persons_in(facts.directory, room) {
            if !members.contains(&person) || !covered.insert(person) {
                continue;
            }
            match elsewhere(facts, person, network) {
                Some(route) => plan.deliveries.push(NewDelivery {
                    recipient: Recipient::Person(person),
                    route: Some(route),
                    state: State::Queued,
                    label: Some(Label::InsteadOf(network)),
                    stands_in_for: None,
                }),
                None => plan.unreachable.push(person),
            }
        }
    }
}

/// A person's first way over another network: another chat of the failing one is no other way.
fn elsewhere(facts: PlanFacts<'_>, person: PersonId, failing: Network) -> Option<Route> {
    let person = facts.directory.person(person)?;
    let order = order_of(facts.directory, person.id, &person.routes);
    let asked = (person, facts.conversation.id);
    usable(facts.directory, asked, &order, Purpose::Failover)
        .filter(|(_, network)| *network != failing)
        .find(|(route, network)| !facts.health.route_down(*network, *route))
        .map(|(route, _)| route)
}

fn personally(facts: PlanFacts<'_>, member: PersonId, plan: &mut Plan) {
    let home = facts.directory.person(member).and_then(|person| {
        let order = order_of(facts.directory, person.id, &person.routes);
        usable(facts.directory, (person, facts.conversation.id), &order, Purpose::Talk).next()
    });
    let up = home.filter(|(route, network)| !facts.health.route_down(*network, *route));
    let (route, state, label) = match (up, home) {
        (Some((route, _)), _) => (Some(route), State::Queued, None),
        (None, Some((home, network))) => {
            let conversation = facts.conversation.id;
            match next_route(facts.directory, facts.health, member, conversation, Some(home)) {
                Some(way) => (Some(way), State::Queued, Some(Label::InsteadOf(network))),
                None => (Some(home), State::Held, Some(Label::Late)),
            }
        }
        (None, None) => (None, State::Held, Some(Label::Late)),
    };
    if state == State::Held {
        plan.unreachable.push(member);
    }
    let recipient = Recipient::Person(member);
    plan.deliveries.push(NewDelivery { recipient, route, state, label, stands_in_for: None });
}

/// Those of a person's addresses that are a way for a conversation: open, not blocked, agreed to,
/// and within the person's terms.
fn usable<'a>(
    directory: &'a Directory,
    (person, conversation): (&'a Person, ConversationId),
    order: impl IntoIterator<Item = &'a AddressId>,
    purpose: Purpose,
) -> impl Iterator<Item = (Route, Network)> {
    let terms = directory.terms_of(person.id);
    order.into_iter().filter_map(move |id| {
        let address = directory.address(*id)?;
        let network = directory.network_of(address.account)?;
        let open = !address.blocked && address.direct.is_some();
        let allowed = terms.is_none_or(|terms| terms.allow(conversation, network));
        let route = Route { account: address.account, endpoint: Endpoint::Address(*id) };
        (open && allowed && person.agreed(network, purpose)).then_some((route, network))
    })
}

#[cfg(test)]
mod tests;
