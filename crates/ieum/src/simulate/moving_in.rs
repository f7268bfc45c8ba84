//! Makes drawn people known: to the lab's world, as users of the networks, and to the hub, as an
//! operator would do it.

use super::dice::Dice;
use super::network::in_lab;
use super::people::{Group, People, Someone, room_name};
use ieum_core::directory::{ConversationKind, Language, Purpose};
use ieum_core::ids::{AddressId, ChatKey, PersonId, RoomId, UserKey};
use ieum_core::network::Network;
use ieum_engine::{Hub, NewConversation, NewPerson};
use ieum_lab::world::people::{NewRoom, NewUser, direct_id};
use ieum_lab::{Surface, World};
use std::collections::{BTreeMap, BTreeSet};

/// On which surfaces people read, as often as they do.
const SURFACES: [&[Surface]; 4] = [
    &[Surface::Mobile],
    &[Surface::Mobile, Surface::Pc],
    &[Surface::Mobile, Surface::Pc],
    &[Surface::Pc],
];
/// The carriers of their phones.
const CARRIERS: [&str; 3] = ["skt", "kt", "lgu"];

/// Puts everybody into the world; our bot is in every room.
pub(super) fn into_world(world: &mut World, people: &People, dice: &Dice) -> anyhow::Result<()> {
    for someone in &people.all {
        let surfaces: &[Surface] = dice.one_of(&SURFACES).copied().unwrap_or(&[Surface::Mobile]);
        let carrier = dice.one_of(&CARRIERS).map(|carrier| (*carrier).to_owned());
        for network in std::iter::once(someone.home).chain(someone.second).filter_map(in_lab) {
            world.add_user(NewUser {
                network,
                id: someone.name.clone(),
                name: None,
                native: None,
                surfaces: Some(surfaces.iter().copied().collect::<BTreeSet<_>>()),
                carrier: carrier.clone(),
                follows: None,
            })?;
        }
    }
    for (number, group) in people.groups.iter().enumerate() {
        for (network, members) in &group.rooms {
            let Some(network) = in_lab(*network) else { continue };
            let members = members.iter().filter_map(|member| people.all.get(*member));
            world.add_room(NewRoom {
                network,
                id: room_name(number),
                title: None,
                kind: None,
                members: members.map(|member| member.name.clone()).collect(),
                bot: Some(true),
                bot_admin: true,
            })?;
        }
    }
    Ok(())
}

/// Makes everybody known to the hub; gives the persons in the order of `people.all`.
pub(super) async fn into_hub(hub: &Hub, people: &People) -> anyhow::Result<Vec<PersonId>> {
    let mut persons = Vec::with_capacity(people.all.len());
    let mut homes = Vec::with_capacity(people.all.len());
    for someone in &people.all {
        let new = NewPerson { name: someone.name.clone(), language: Language::Ko };
        let person = hub.create_person(new).await?;
        persons.push(person);
        homes.push(addresses(hub, person, someone).await?);
    }
    for (number, group) in people.groups.iter().enumerate() {
        conversation(hub, (number, group), &persons, &homes).await?;
    }
    Ok(persons)
}

async fn addresses(hub: &Hub, person: PersonId, someone: &Someone) -> anyhow::Result<AddressId> {
    let home = address(hub, person, someone, someone.home).await?;
    agree(hub, person, someone.home, true).await?;
    if let Some(second) = someone.second {
        address(hub, person, someone, second).await?;
        if someone.agreed {
            agree(hub, person, second, true).await?;
        }
    }
    Ok(home)
}

async fn address(
    hub: &Hub,
    person: PersonId,
    someone: &Someone,
    network: Network,
) -> anyhow::Result<AddressId> {
    let user = UserKey::new(someone.name.as_str());
    let direct = Some(ChatKey::new(direct_id(&someone.name)));
    Ok(hub.link_address(person, network.word(), user, direct, &someone.name).await?)
}

/// Says for a person whether they may be reached on a network.
pub(super) async fn agree(
    hub: &Hub,
    person: PersonId,
    network: Network,
    given: bool,
) -> anyhow::Result<()> {
    for purpose in [Purpose::Talk, Purpose::Failover] {
        hub.set_consent(person, network, purpose, given, "simulation").await?;
    }
    Ok(())
}

async fn conversation(
    hub: &Hub,
    (number, group): (usize, &Group),
    persons: &[PersonId],
    homes: &[AddressId],
) -> anyhow::Result<()> {
    let kind =
        if group.rooms.is_empty() { ConversationKind::Direct } else { ConversationKind::Group };
    let title = if group.rooms.is_empty() { String::new() } else { room_name(number) };
    let members = group.people.iter().filter_map(|place| persons.get(*place)).copied().collect();
    let conversation = hub.create_conversation(NewConversation { kind, title, members }).await?;
    let mut rooms: BTreeMap<Network, RoomId> = BTreeMap::new();
    for network in group.rooms.keys() {
        let (chat, title) = (ChatKey::new(room_name(number)), room_name(number));
        let room = hub.register_room(network.word(), chat, &title).await?;
        hub.join_room(conversation, room).await?;
        rooms.insert(*network, room);
    }
    for (network, members) in &group.rooms {
        let Some(room) = rooms.get(network) else { continue };
        for address in members.iter().filter_map(|member| homes.get(*member)) {
            hub.set_present(*room, *address, true).await?;
        }
    }
    Ok(())
}
