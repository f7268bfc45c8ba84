//! The roster: who is in a conversation, and by which way each would be reached now.
//!
//! Pure, by the same rules as planning. Invariant: whoever is shown as reached would get a message
//! of now there, and nobody else is.

use super::{PlanFacts, elsewhere, joined_rooms, next_route, persons_in, room_up, usable};
use crate::directory::{Person, Purpose};
use crate::ids::PersonId;
use crate::network::Network;
use crate::people::groups::{Charter, Role};
use crate::people::here::order_of;
use std::collections::BTreeMap;

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: Box<str>,
    /// What they may do.
    pub role: Role,
    /// Where they are reached now; `None` means that they cannot be.
    pub reached: Option<Network>,
    /// Whether that is in a room.
    pub in_room: bool,
}

/// All members, in the order in which they came.
#[must_use]
pub fn roster(facts: PlanFacts<'_>) -> Vec<Seat> {
    let charter = Charter::of(facts.directory, facts.conversation.id);
    let (mut rooms, mut down) = (BTreeMap::new(), BTreeMap::new());
    for room in joined_rooms(facts.directory, facts.conversation) {
        let Some(network) = facts.directory.network_of(room.account) else { continue };
        let there = if room_up(facts, room) { &mut rooms } else { &mut down };
        for person in persons_in(facts.directory, room) {
            there.entry(person).or_insert(network);
        }
    }
    let members = facts.conversation.members.iter();
    let seats = members.filter_map(|id| facts.directory.person(*id)).map(|person| {
        let room = rooms.get(&person.id).copied();
        Seat {
            person: person.id,
            name: person.name.clone(),
            role: charter.role(person.id),
            reached: room.or_else(|| match down.get(&person.id) {
                Some(failing) => instead(facts, person.id, *failing),
                None => personally(facts, person),
            }),
            in_room: room.is_some(),
        }
    });
    seats.collect()
}

/// The network by which somebody of a room that is down stands in for it.
fn instead(facts: PlanFacts<'_>, person: PersonId, failing: Network) -> Option<Network> {
    let way = elsewhere(facts, person, failing)?;
    facts.directory.network_of(way.account)
}

/// The network by which a message of now would go to somebody alone.
fn personally(facts: PlanFacts<'_>, person: &Person) -> Option<Network> {
    let id = facts.conversation.id;
    let order = order_of(facts.directory, person.id, &person.routes);
    let home = usable(facts.directory, (person, id), &order, Purpose::Talk).next()?;
    if !facts.health.route_down(home.1, home.0) {
        return Some(home.1);
    }
    let other = next_route(facts.directory, facts.health, person.id, id, Some(home.0))?;
    facts.directory.network_of(other.account)
}
