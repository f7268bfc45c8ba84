//! What was acknowledged and stands on no screen: lost by us, swallowed by a network that had said
//! yes, or ended otherwise with evidence that its author was told of.

use super::ledger::Entry;
use super::people::{Someone, room_name};
use super::reception::{Reception, lock};
use ieum_core::delivery::{Delivery, Recipient, State};
use ieum_core::ids::{ChatKey, NativeMessageId, PersonId};
use ieum_core::ports::store::Store;
use ieum_lab::world::people::direct_id;
use std::collections::BTreeSet;

/// Missing copies that are told in words.
const TOLD_MAX: usize = 20;

/// What is missing.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// Neither seen nor ended with evidence.
    pub(super) lost: u64,
    /// A network said yes to it and never showed it.
    pub(super) swallowed: u64,
    /// Of those, what the hub could know of and had another way for.
    pub(super) swallowed_known: u64,
    /// Ended as expired, superseded or dead.
    pub(super) undelivered: u64,
    /// The first lost ones, in words.
    pub(super) told: Vec<String>,
}

impl Missing {
    fn tell(&mut self, what: String) {
        if self.told.len() < TOLD_MAX {
            self.told.push(what);
        }
    }
}

/// Whether the watchers of somebody's network had missed enough before a message was acknowledged,
/// and that person can be reached over another one.
fn could_know(reception: &Reception, entry: &Entry, (person, someone): (usize, &Someone)) -> bool {
    let withdrawn = lock(&reception.ledger).withdrawn_at(person).is_some();
    let elsewhere = someone.second.is_some() && someone.agreed && !withdrawn;
    let blind = reception.courier.eyes.blind_since();
    let known = blind.is_some_and(|(network, since)| {
        network == someone.home && entry.acknowledged_at.is_some_and(|at| at >= since)
    });
    elsewhere && known
}

/// Looks for everything acknowledged that somebody did not see.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn missing(reception: &Reception) -> anyhow::Result<Missing> {
    let mut missing = Missing::default();
    let (entries, people) = {
        let ledger = lock(&reception.ledger);
        let unseen = ledger.entries().iter().enumerate().filter_map(|(number, entry)| {
            entry.acknowledged_at?;
            let unseen: Vec<usize> = ledger
                .owed(entry)
                .into_iter()
                .filter(|(place, _)| {
                    entry.sights.get(*place).is_none_or(|sights| sights.first_at.is_none())
                })
                .map(|(_, person)| person)
                .collect();
            (!unseen.is_empty()).then(|| (number, entry.clone(), unseen))
        });
        (unseen.collect::<Vec<_>>(), ledger.people().clone())
    };
    for (number, entry, unseen) in entries {
        let deliveries = deliveries(reception, &entry).await?;
        for person in unseen {
            let Some(someone) = people.all.get(person) else { continue };
            let swallowed = entry.taken.iter().any(|(network, direct)| match direct {
                Some(direct) => *direct == person,
                None => *network == someone.home,
            });
            if swallowed {
                missing.swallowed += 1;
                if could_know(reception, &entry, (person, someone)) {
                    missing.swallowed_known += 1;
                    missing.tell(format!(
                        "message {number} of p{} was swallowed, p{person} had another way, and \
                         the watchers had seen nothing for long enough",
                        entry.author
                    ));
                }
            } else if ended(reception, &deliveries, &someone.name) {
                missing.undelivered += 1;
            } else {
                missing.lost += 1;
                let states: Vec<_> = deliveries.iter().map(|one| (one.seq, one.state)).collect();
                missing.tell(format!(
                    "message {number} of p{} was acknowledged and p{person} never saw it; its \
                     deliveries: {states:?}",
                    entry.author
                ));
            }
        }
    }
    Ok(missing)
}

/// The deliveries of what somebody said, found by the id that their network gave it.
async fn deliveries(reception: &Reception, entry: &Entry) -> anyhow::Result<Vec<Delivery>> {
    let hub = reception.hub.borrow().clone();
    let account = hub.and_then(|hub| {
        hub.with_directory(|directory| {
            directory.account_named(entry.network.word()).map(|account| account.id)
        })
    });
    let people = lock(&reception.ledger).people().clone();
    let (Some(account), Some(author)) = (account, people.all.get(entry.author)) else {
        return Ok(Vec::new());
    };
    let chat = if entry.in_room { room_name(author.group) } else { direct_id(&author.name) };
    let native = NativeMessageId::new(entry.native.as_str());
    let store = &reception.store;
    match store.message_by_copy(account, ChatKey::new(chat), native).await? {
        Some(message) => Ok(store.deliveries_of(message.seq).await?),
        None => Ok(Vec::new()),
    }
}

/// Whether everything owed to this person, alone or in a room, has ended with evidence and at
/// least one of it was not simply sent.
fn ended(reception: &Reception, deliveries: &[Delivery], name: &str) -> bool {
    let Some(hub) = reception.hub.borrow().clone() else { return false };
    let theirs: Vec<&Delivery> = hub.with_directory(|directory| {
        let is_them = |person: &PersonId| {
            directory.person(*person).is_some_and(|person| &*person.name == name)
        };
        let room = |recipient: &Recipient| match recipient {
            Recipient::Person(person) => is_them(person),
            Recipient::Room(room) => directory.room(*room).is_some_and(|room| {
                let present: BTreeSet<PersonId> = room
                    .present
                    .iter()
                    .filter_map(|address| directory.address(*address)?.person)
                    .collect();
                present.iter().any(is_them)
            }),
        };
        deliveries.iter().filter(|delivery| room(&delivery.recipient)).collect()
    });
    let told = |state| {
        matches!(state, State::Expired | State::Superseded | State::Dead | State::Withdrawn)
    };
    theirs.iter().all(|one| one.state.ended()) && theirs.iter().any(|one| told(one.state))
}
