//! Who lives in a simulation: people, their addresses, consents and conversations, as data.
//!
//! Everything is drawn from the seed. Invariant: everybody belongs to exactly one conversation, so
//! that what they write in a direct chat is never ambiguous.

use super::dice::Dice;
use ieum_core::network::Network;
use std::collections::BTreeMap;

/// People of a group; the last group takes what is left.
const GROUP_PEOPLE: usize = 6;
/// Of a thousand conversations, those of two people without any room.
const PAIRS: u64 = 250;
/// Of a thousand people, those with an address on a second network.
const SECOND_ADDRESS: u64 = 600;
/// Of a thousand second addresses, those that may be used in an outage.
const AGREED: u64 = 750;
/// Where people live, as often as they live there.
const HOMES: [Network; 10] = [
    Network::KakaoTalk,
    Network::KakaoTalk,
    Network::KakaoTalk,
    Network::KakaoTalk,
    Network::KakaoTalk,
    Network::Line,
    Network::Line,
    Network::Line,
    Network::Telegram,
    Network::Telegram,
];

/// One person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Someone {
    /// Short name on every network of theirs.
    pub(super) name: String,
    /// The network that they use.
    pub(super) home: Network,
    /// Another one that they have.
    pub(super) second: Option<Network>,
    /// Whether they agreed to be reached on it in an outage.
    pub(super) agreed: bool,
    /// Their conversation.
    pub(super) group: usize,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Its people, by number.
    pub(super) people: Vec<usize>,
    /// The people of its rooms, by network; none for two people who talk directly.
    pub(super) rooms: BTreeMap<Network, Vec<usize>>,
}

/// Everybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct People {
    /// By number.
    pub(super) all: Vec<Someone>,
    /// By number.
    pub(super) groups: Vec<Group>,
}

/// The short name of a conversation's room on any network.
pub(super) fn room_name(group: usize) -> String {
    format!("g{group}")
}

impl People {
    /// So many people.
    pub(super) fn drawn(people: usize, dice: &Dice) -> Self {
        let mut drawn = Self::default();
        while drawn.all.len() < people {
            let left = people - drawn.all.len();
            let pair = dice.happens(PAIRS) || left < 3;
            let size = if pair { 2 } else { GROUP_PEOPLE };
            // Nobody is left to talk to nobody.
            let size = if left <= size + 1 { left } else { size };
            drawn.add_group(size, pair, dice);
        }
        drawn
    }

    fn add_group(&mut self, size: usize, pair: bool, dice: &Dice) {
        let group = self.groups.len();
        let first = self.all.len();
        for number in first..first + size {
            let someone = someone(number, group, dice);
            self.all.push(someone);
        }
        let people: Vec<usize> = (first..first + size).collect();
        let mut rooms: BTreeMap<Network, Vec<usize>> = BTreeMap::new();
        for number in people.iter().filter(|_| !pair) {
            if let Some(someone) = self.all.get(*number) {
                rooms.entry(someone.home).or_default().push(*number);
            }
        }
        self.groups.push(Group { people, rooms });
    }

    /// Who is called so on a network.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        name.strip_prefix('p')?.parse().ok().filter(|number| *number < self.all.len())
    }
}

fn someone(number: usize, group: usize, dice: &Dice) -> Someone {
    let home = dice.one_of(&HOMES).copied().unwrap_or(Network::Line);
    let others: Vec<Network> = [Network::KakaoTalk, Network::Line, Network::Telegram]
        .into_iter()
        .filter(|network| *network != home)
        .collect();
    let second = dice.one_of(&others).copied().filter(|_| dice.happens(SECOND_ADDRESS));
    let agreed = dice.happens(AGREED);
    Someone { name: format!("p{number}"), home, second, agreed, group }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_somebody_to_talk_to_and_one_conversation() {
        for count in [2, 3, 7, 8, 24, 1_000] {
            let people = People::drawn(count, &Dice::new(3, 1));
            assert_eq!(people.all.len(), count);
            let mut seen = vec![0; count];
            for (number, group) in people.groups.iter().enumerate() {
                assert!(group.people.len() >= 2, "{count}: {group:?}");
                let in_rooms: usize = group.rooms.values().map(Vec::len).sum();
                assert!(in_rooms == 0 || in_rooms == group.people.len());
                for person in &group.people {
                    seen[*person] += 1;
                    assert_eq!(people.all[*person].group, number);
                }
            }
            assert!(seen.iter().all(|times| *times == 1));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_people_and_names_lead_back() {
        let people = People::drawn(50, &Dice::new(9, 1));
        assert_eq!(people, People::drawn(50, &Dice::new(9, 1)));
        assert_ne!(people, People::drawn(50, &Dice::new(10, 1)));
        assert_eq!(people.named("p49"), Some(49));
        assert_eq!(people.named("p50"), None);
        assert_eq!(people.named("bot"), None);
    }
}
