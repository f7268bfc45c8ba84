//! The ledger: what people said, what was acknowledged to the networks, and what the networks
//! acknowledged to the hub. It stands outside the hub and never asks it.
//!
//! Invariant: an entry is acknowledged only when the hub said yes to the network that told of it.

use super::people::People;
use crate::mark;
use ieum_core::network::Network;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reasons for doubt that follow one another closer than this are one, in milliseconds.
const BLAMED_APART_MS: u64 = 60_000;
/// How old a reason for doubt may be when something moves because of it, in milliseconds: coming
/// back takes longer with each relapse.
const EVIDENCE_MS: u64 = 7_200_000;

/// One thing that somebody said.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Who.
    pub(super) author: usize,
    /// On which network.
    pub(super) network: Network,
    /// Whether it was said in the conversation's room, where others saw it at once.
    pub(super) in_room: bool,
    /// When the network took it.
    pub(super) said_at: Timestamp,
    /// The network's id of it.
    pub(super) native: String,
    /// When the hub acknowledged it.
    pub(super) acknowledged_at: Option<Timestamp>,
    /// Where networks said yes to a copy: in the room, or in somebody's direct chat.
    pub(super) taken: Vec<(Network, Option<usize>)>,
    /// What each of the conversation's people saw of it, in the order of the conversation.
    pub(super) sights: Vec<Sights>,
}

/// What one person saw of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sights {
    /// Copies that say nothing about themselves.
    pub(super) plain: u16,
    /// Copies with a label.
    pub(super) labelled: u16,
    /// Copies that came by another network, as their label says.
    pub(super) moved: u16,
    /// When the first of them came up.
    pub(super) first_at: Option<Timestamp>,
}

/// Everything that was said and acknowledged.
#[derive(Debug)]
pub(super) struct Ledger {
    people: Arc<People>,
    entries: Vec<Entry>,
    /// When each network gave the hub a reason to doubt it, a minute apart at least.
    blamed: BTreeMap<Network, Vec<Timestamp>>,
    /// Who took back their consent, and when that was acknowledged.
    withdrawn: BTreeMap<usize, Timestamp>,
}

impl Ledger {
    pub(super) fn new(people: Arc<People>) -> Self {
        let (blamed, withdrawn) = (BTreeMap::new(), BTreeMap::new());
        Self { people, entries: Vec::new(), blamed, withdrawn }
    }

    /// Who there is.
    pub(super) fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// The number that the next thing said will bear.
    pub(super) fn next_number(&self) -> usize {
        self.entries.len()
    }

    /// Somebody said something and the network took it.
    pub(super) fn said(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Everything said, by number.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry whose mark a text bears.
    pub(super) fn of_text(&mut self, text: &str) -> Option<(usize, &mut Entry)> {
        let number = mark::number_of(text)?;
        self.entries.get_mut(number).map(|entry| (number, entry))
    }

    /// The hub acknowledged what bears this text.
    pub(super) fn acknowledged(&mut self, text: &str, at: Timestamp) {
        if let Some((_, entry)) = self.of_text(text) {
            entry.acknowledged_at.get_or_insert(at);
        }
    }

    /// A network said yes to a copy in a chat.
    pub(super) fn taken(&mut self, network: Network, chat: &str, text: &str) {
        let person = chat.strip_prefix("direct:").and_then(|name| self.people.named(name));
        if let Some((_, entry)) = self.of_text(text) {
            let place = (network, person);
            if !entry.taken.contains(&place) {
                entry.taken.push(place);
            }
        }
    }

    /// A network gave the hub a reason to doubt it.
    pub(super) fn blame(&mut self, network: Network, at: Timestamp) {
        let times = self.blamed.entry(network).or_default();
        if times.last().is_none_or(|last| at.ms_since(*last) >= BLAMED_APART_MS) {
            times.push(at);
        }
    }

    /// Whether the hub had a reason to doubt a network shortly before then.
    pub(super) fn was_blamed(&self, network: Network, by: Timestamp) -> bool {
        let times = self.blamed.get(&network).map(Vec::as_slice).unwrap_or_default();
        let before = times.partition_point(|at| *at <= by);
        let last = before.checked_sub(1).and_then(|last| times.get(last));
        last.is_some_and(|last| by.ms_since(*last) <= EVIDENCE_MS)
    }

    /// Somebody took back their consent to be reached on their second network.
    pub(super) fn withdraws(&mut self, person: usize, at: Timestamp) {
        self.withdrawn.entry(person).or_insert(at);
    }

    /// When somebody took back their consent.
    pub(super) fn withdrawn_at(&self, person: usize) -> Option<Timestamp> {
        self.withdrawn.get(&person).copied()
    }

    /// Whom an entry is owed to: places in its conversation and the people there, without its
    /// author and those who saw it where it was said.
    pub(super) fn owed(&self, entry: &Entry) -> Vec<(usize, usize)> {
        let group = self.people.all.get(entry.author).map(|author| author.group);
        let Some(group) = group.and_then(|group| self.people.groups.get(group)) else {
            return Vec::new();
        };
        let room = group.rooms.get(&entry.network).filter(|_| entry.in_room);
        let there = |person: &usize| room.is_some_and(|room| room.contains(person));
        let places = group.people.iter().copied().enumerate();
        places.filter(|(_, person)| *person != entry.author && !there(person)).collect()
    }
}
