//! Who plays: a family of six, where each of them is, and their conversations.

use ieum_core::directory::{ConversationKind, Language, Purpose};
use ieum_core::ids::{AddressId, ChatKey, PersonId, RoomId, UserKey};
use ieum_core::network::Network;
use ieum_engine::{Hub, NewConversation, NewPerson};
use ieum_lab::Surface;
use ieum_lab::World;
use ieum_lab::world::people::{NewRoom, NewUser, direct_id};
use std::collections::BTreeSet;

/// The short name of the family's room on every network.
pub(super) const ROOM: &str = "family";
/// Its title, and the conversation's.
pub(super) const TITLE: &str = "가족";

/// One of the family.
#[derive(Debug, Clone, Copy)]
pub(super) struct Role {
    /// Short name.
    pub(super) id: &'static str,
    /// Name that others see.
    pub(super) name: &'static str,
    /// Their networks, the one that they use every day first.
    pub(super) networks: &'static [Network],
    /// Where they read it.
    pub(super) surfaces: &'static [Surface],
}

use Network::{KakaoTalk, Line, Telegram};
use Surface::{Mobile, Pc};

/// Everybody is in the family's room of their first network; the others are second links.
pub(super) const FAMILY: [Role; 6] = [
    Role { id: "minji", name: "민지", networks: &[KakaoTalk, Line], surfaces: &[Mobile, Pc] },
    Role {
        id: "father",
        name: "아버지",
        networks: &[KakaoTalk, Telegram],
        surfaces: &[Pc, Mobile],
    },
    Role { id: "grandmother", name: "할머니", networks: &[KakaoTalk], surfaces: &[Mobile] },
    Role { id: "yuna", name: "유나", networks: &[Line, Telegram], surfaces: &[Mobile] },
    Role { id: "mother", name: "어머니", networks: &[Line, KakaoTalk], surfaces: &[Mobile] },
    Role { id: "junho", name: "준호", networks: &[Telegram], surfaces: &[Mobile, Pc] },
];

/// The two direct conversations, by place in [`FAMILY`].
pub(super) const PAIRS: [[usize; 2]; 2] = [[0, 5], [1, 3]];

/// Where a line is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Talk {
    /// In the family's conversation.
    Family,
    /// In one of [`PAIRS`].
    Pair(usize),
}

impl Talk {
    /// Who belongs to it.
    pub(super) fn people(self) -> Vec<usize> {
        match self {
            Self::Family => (0..FAMILY.len()).collect(),
            Self::Pair(pair) => PAIRS.get(pair).map(|pair| pair.to_vec()).unwrap_or_default(),
        }
    }

    /// What one of them calls it.
    pub(super) fn title_for(self, person: usize) -> &'static str {
        match self {
            Self::Family => TITLE,
            Self::Pair(_) => self
                .people()
                .into_iter()
                .find(|other| *other != person)
                .and_then(|other| FAMILY.get(other))
                .map_or("", |other| other.name),
        }
    }
}

/// The networks of the demo: those that the lab simulates.
pub(super) const PLAYED: [Network; 3] = [KakaoTalk, Line, Telegram];

/// The lab's word for a network of [`PLAYED`].
pub(super) fn in_lab(network: Network) -> ieum_lab::Network {
    if network == KakaoTalk {
        ieum_lab::Network::Kakaotalk
    } else if network == Line {
        ieum_lab::Network::Line
    } else {
        ieum_lab::Network::Telegram
    }
}

/// Puts the family into the lab's world.
pub(super) fn enter(world: &mut World) -> anyhow::Result<()> {
    for role in &FAMILY {
        for network in role.networks {
            add_user(world, role, *network)?;
        }
    }
    for network in PLAYED {
        let at_home = FAMILY.iter().filter(|role| role.networks.first() == Some(&network));
        world.add_room(NewRoom {
            network: in_lab(network),
            id: ROOM.to_owned(),
            title: Some(TITLE.to_owned()),
            kind: None,
            members: at_home.map(|role| role.id.to_owned()).collect(),
            bot: Some(true),
            // Otherwise Telegram's privacy mode hides ordinary talk from our account.
            bot_admin: true,
        })?;
    }
    Ok(())
}

pub(super) fn add_user(world: &mut World, role: &Role, network: Network) -> anyhow::Result<()> {
    world.add_user(NewUser {
        network: in_lab(network),
        id: role.id.to_owned(),
        name: Some(role.name.to_owned()),
        native: None,
        surfaces: Some(role.surfaces.iter().copied().collect::<BTreeSet<_>>()),
        carrier: None,
        follows: None,
    })?;
    Ok(())
}

struct Native {
    user: UserKey,
    direct: ChatKey,
}

/// Makes the family known to the hub, as an operator would: people, links, consents, rooms.
pub(super) async fn register(
    hub: &Hub,
    world: impl Fn() -> Vec<Vec<(Network, String, String)>>,
    rooms: &[(Network, String)],
) -> anyhow::Result<()> {
    let natives = world();
    let mut room_ids: Vec<(Network, RoomId)> = Vec::new();
    for (network, chat) in rooms {
        let chat = ChatKey::new(chat.as_str());
        room_ids.push((*network, hub.register_room(network.word(), chat, TITLE).await?));
    }
    let mut persons = Vec::new();
    for (role, natives) in FAMILY.iter().zip(natives) {
        let new = NewPerson { name: role.name.to_owned(), language: Language::Ko };
        let person = hub.create_person(new).await?;
        for (place, (network, user, direct)) in natives.into_iter().enumerate() {
            let native =
                Native { user: UserKey::new(user.as_str()), direct: ChatKey::new(direct.as_str()) };
            let address = link(hub, person, role, network, native).await?;
            let room = room_ids.iter().find(|(there, _)| *there == network);
            if let (0, Some((_, room))) = (place, room) {
                hub.set_present(*room, address, true).await?;
            }
        }
        persons.push(person);
    }
    conversations(hub, &persons, &room_ids).await
}

async fn link(
    hub: &Hub,
    person: PersonId,
    role: &Role,
    network: Network,
    native: Native,
) -> anyhow::Result<AddressId> {
    let (user, direct) = (native.user, Some(native.direct));
    let address = hub.link_address(person, network.word(), user, direct, role.name).await?;
    for purpose in [Purpose::Talk, Purpose::Failover] {
        hub.set_consent(person, network, purpose, true, "demo").await?;
    }
    Ok(address)
}

async fn conversations(
    hub: &Hub,
    persons: &[PersonId],
    rooms: &[(Network, RoomId)],
) -> anyhow::Result<()> {
    let kind = ConversationKind::Group;
    let new = NewConversation { kind, title: TITLE.to_owned(), members: persons.to_vec() };
    let family = hub.create_conversation(new).await?;
    for (_, room) in rooms {
        hub.join_room(family, *room).await?;
    }
    for pair in PAIRS {
        let members = pair.iter().filter_map(|place| persons.get(*place)).copied().collect();
        let kind = ConversationKind::Direct;
        hub.create_conversation(NewConversation { kind, title: String::new(), members }).await?;
    }
    Ok(())
}

/// The lab's name of somebody's direct chat with our account.
pub(super) fn direct_chat(role: &Role) -> String {
    direct_id(role.id)
}
