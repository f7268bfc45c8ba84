//! Summaries: when a network returns, what went another way meanwhile is not sent again but
//! summed up in one line (DESIGN §6.7).
//!
//! The ledger is in memory: a hub that is killed in the middle of an outage sums up only what it
//! carried since. Nothing but that line depends on it. Invariant: a summary is never itself summed
//! up, or one that goes another way would call for the next one for ever.

use crate::compose::hub_text;
use crate::notices;
use crate::pieces::{Pieces, lock};
use crate::told::tell;
use ieum_core::delivery::{Delivery, Label, NewDelivery, Recipient, Route, State, Step};
use ieum_core::directory::{Directory, Endpoint, Language, Purpose};
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::network::Network;
use ieum_core::ports::store::StoreFailure;
use ieum_core::render::words::{clock_text, network_name};
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Most lines that wait to be said.
const ENTRIES_MAX: usize = 100_000;

/// Whose messages of which conversation left which network.
pub(crate) type Key = (ConversationId, PersonId, Network);

/// How many went, when, and by which way the last of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gone {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    way: Network,
}

/// Counts a delivery that was sent another way.
pub(crate) fn count(pieces: &Pieces, delivery: &Delivery, step: &Step, at: Timestamp) {
    let (Recipient::Person(person), Some(Label::InsteadOf(network))) =
        (delivery.recipient, delivery.label)
    else {
        return;
    };
    let way = delivery.route.and_then(|route| pieces.read(|d| d.network_of(route.account)));
    let (Step::Sent { .. }, Some(way)) = (step, way) else { return };
    let key = (delivery.conversation, person, network);
    if pieces.read(|directory| in_a_room(directory, key)) {
        return;
    }
    let mut ledger = lock(&pieces.gone);
    if ledger.gone.len() >= ENTRIES_MAX || ledger.own.remove(&delivery.message) {
        return;
    }
    let entry = ledger.gone.entry(key).or_insert(Gone { count: 0, first: at, last: at, way });
    entry.count += 1;
    entry.last = at;
    entry.way = way;
}

/// Says the lines of the networks that work again.
pub(crate) async fn say(pieces: &Pieces) -> Result<(), StoreFailure> {
    let down: Vec<Network> = {
        let health = lock(&pieces.health);
        Network::ALL.into_iter().filter(|network| health.network_down(*network)).collect()
    };
    let entries: Vec<(Key, Gone)> = {
        let ledger = lock(&pieces.gone);
        let back = ledger.gone.iter().filter(|((_, _, network), _)| !down.contains(network));
        back.map(|(key, gone)| (*key, *gone)).collect()
    };
    for (key, gone) in entries {
        let (conversation, person, network) = key;
        let back = pieces.read_with_health(|directory, health| {
            home(directory, person, network).filter(|route| !health.route_down(network, *route))
        });
        if let Some(route) = back {
            lock(&pieces.gone).gone.remove(&key);
            say_one(pieces, (conversation, person, network), (route, gone)).await?;
        }
    }
    Ok(())
}

async fn say_one(
    pieces: &Pieces,
    (conversation, person, network): Key,
    (route, gone): (Route, Gone),
) -> Result<(), StoreFailure> {
    let language =
        pieces.read(|d| d.person(person).map_or(Language::default(), |person| person.language));
    let clock = |at| clock_text(at, pieces.settings.utc_offset_minutes);
    let way = network_name(gone.way, language);
    let text = notices::summary(gone.count, &clock(gone.first), &clock(gone.last), way, language);
    let delivery = NewDelivery {
        recipient: Recipient::Person(person),
        route: Some(route),
        state: State::Queued,
        label: None,
        stands_in_for: None,
    };
    let line = hub_text(pieces, conversation, &text, None);
    let own = tell(pieces, line, delivery, Some(network)).await?;
    let mut ledger = lock(&pieces.gone);
    if ledger.own.len() < ENTRIES_MAX {
        ledger.own.extend(own);
    }
    Ok(())
}

/// Whoever is in a room of that network gets the messages there, late: nothing is summed up.
fn in_a_room(directory: &Directory, (conversation, person, network): Key) -> bool {
    let Some(conversation) = directory.conversation(conversation) else { return false };
    let rooms = conversation.rooms.iter().filter_map(|id| directory.room(*id));
    rooms.filter(|room| directory.network_of(room.account) == Some(network)).any(|room| {
        let people = room.present.iter().filter_map(|id| directory.address(*id)?.person);
        people.into_iter().any(|present| present == person)
    })
}

/// A person's own chat with our account on a network where they still want to be talked to.
fn home(directory: &Directory, person: PersonId, network: Network) -> Option<Route> {
    let person = directory.person(person).filter(|one| one.agreed(network, Purpose::Talk))?;
    person.routes.iter().find_map(|id| {
        let address = directory.address(*id)?;
        let there = directory.network_of(address.account) == Some(network);
        let open = there && address.direct.is_some() && !address.blocked;
        open.then_some(Route { account: address.account, endpoint: Endpoint::Address(*id) })
    })
}

/// What is counted so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    gone: BTreeMap<Key, Gone>,
    /// Summaries on their way.
    own: BTreeSet<MessageSeq>,
}
