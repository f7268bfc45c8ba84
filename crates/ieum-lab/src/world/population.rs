//! Who lives in the lab when nobody says otherwise: our bot on each network, and a family of six
//! over three messengers.

use std::collections::BTreeSet;

use ieum_core::ports::entropy::Entropy;

use super::error::WorldError;
use super::people::{ChatKind, NewRoom, NewUser};
use super::{Bot, World};
use crate::network::{Network, Surface};

/// The short name of the family's room on every network.
pub const FAMILY_ROOM: &str = "family";

/// Network, short name, name, surfaces and carrier of everybody in the family.
const FAMILY: [(Network, &str, &str, &[Surface], &str); 9] = [
    (Network::Kakaotalk, "minji", "민지", &[Surface::Mobile, Surface::Pc], "skt"),
    (Network::Kakaotalk, "father", "아버지", &[Surface::Mobile, Surface::Pc], "kt"),
    (Network::Kakaotalk, "mother", "어머니", &[Surface::Pc], "lgu"),
    (Network::Kakaotalk, "grandmother", "할머니", &[Surface::Mobile], "skt"),
    (Network::Line, "yuna", "유나", &[Surface::Mobile], "skt"),
    (Network::Line, "minji", "민지", &[Surface::Mobile, Surface::Pc], "skt"),
    (Network::Telegram, "junho", "준호", &[Surface::Mobile, Surface::Pc], "kt"),
    (Network::Telegram, "father", "아버지", &[Surface::Mobile], "kt"),
    (Network::Line, "mother", "어머니", &[Surface::Mobile], "lgu"),
];

impl World {
    /// Adds the family: its people, and a room `family` (가족) on each network with our bot in it.
    pub fn add_family(&mut self) -> Result<(), WorldError> {
        for (network, id, name, surfaces, carrier) in FAMILY {
            self.add_user(NewUser {
                network,
                id: id.to_owned(),
                name: Some(name.to_owned()),
                native: None,
                surfaces: Some(surfaces.iter().copied().collect::<BTreeSet<_>>()),
                carrier: Some(carrier.to_owned()),
                follows: None,
            })?;
        }
        for network in Network::ALL {
            let members = FAMILY.iter().filter(|one| one.0 == network);
            self.add_room(NewRoom {
                network,
                id: FAMILY_ROOM.to_owned(),
                title: Some("가족".to_owned()),
                kind: (network == Network::Telegram).then_some(ChatKind::Supergroup),
                members: members.map(|one| one.1.to_owned()).collect(),
                bot: None,
                bot_admin: false,
            })?;
        }
        Ok(())
    }
}

/// Our bot's account on a network, with ids, tokens and secrets in the network's own form.
pub(super) fn bot(network: Network, entropy: &dyn Entropy) -> Bot {
    let hex = || entropy.next_16().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (native, token) = match network {
        Network::Kakaotalk => (format!("{}!", hex()), hex()),
        Network::Line => (format!("U{}", hex()), format!("{}{}", hex(), hex())),
        Network::Telegram => {
            let id = 5_000_000_000 + entropy.below(1_000_000_000);
            (id.to_string(), format!("{id}:AA{}", hex()))
        }
    };
    Bot { name: "이음".to_owned(), username: "ieum_bot".to_owned(), native, token, secret: hex() }
}
