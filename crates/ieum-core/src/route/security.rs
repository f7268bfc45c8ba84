//! How well a way keeps what goes over it from others' eyes.
//!
//! Not a measurement: what each network offers to programs by its own documentation. Invariant:
//! nothing that the hub carries is called end-to-end encrypted, because the hub reads it.

use crate::network::Network;
use serde::{Deserialize, Serialize};

/// What somebody may ask of every way to them. The order is from plain to strict.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum SecurityLevel {
    /// It may travel in the clear between servers.
    #[default]
    Plain,
    /// Encrypted on every hop; the network and the hub can read it.
    Transport,
    /// Only the devices of its people can read it.
    EndToEnd,
}

impl SecurityLevel {
    /// From plain to strict.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Transport, Self::EndToEnd];

    /// What a network keeps to, as far as our account speaks on it.
    #[must_use]
    pub const fn of(network: Network) -> Self {
        match network {
            // Servers hand mail on in the clear where the next one offers nothing better.
            Network::Mail => Self::Plain,
            Network::KakaoTalk
            | Network::Line
            | Network::Telegram
            | Network::Matrix
            | Network::Xmpp => Self::Transport,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_and_no_bridged_way_claims_the_highest() {
        assert!(SecurityLevel::ALL.is_sorted());
        for network in Network::ALL {
            assert!(SecurityLevel::of(network) < SecurityLevel::EndToEnd, "{network:?}");
        }
        assert!(SecurityLevel::of(Network::Mail) < SecurityLevel::of(Network::Line));
    }
}
