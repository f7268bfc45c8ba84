//! Leaving for good: what of a person goes at once, and what is taken away behind them.
//!
//! Pure. [`leave`] gives the changes of the first moment: nobody is reached, found or signed in as
//! them any more. Their texts follow in steps, which a [`Farewell`] remembers. Invariant: what
//! stays of a person in the directory is their number and that they left.

use crate::content::{Content, What};
use crate::directory::{Address, Change, Conversation, Directory, Gone, Language, Person};
use crate::ids::{AddressId, ConversationId, MessageSeq, PersonId, UserKey};
use crate::media::MediaId;
use crate::message::{Author, Message};
use crate::people::code::Party;
use crate::people::contacts::Card;
use crate::people::groups::{self, Charter};
use crate::people::sessions::Door;
use crate::people::terms::Terms;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Somebody who left and whose texts are still being taken away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Farewell {
    /// Who.
    pub person: PersonId,
    /// The addresses that were theirs, in order.
    pub addresses: Vec<AddressId>,
    /// Since when.
    pub at: Timestamp,
    /// Up to which message it is done.
    pub reached: MessageSeq,
}

impl Farewell {
    /// Whether a message is theirs.
    #[must_use]
    pub fn wrote(&self, author: Author) -> bool {
        match author {
            Author::Person(person) => person == self.person,
            Author::Address(address) => self.addresses.binary_search(&address).is_ok(),
            Author::Hub => false,
        }
    }
}

/// Why nobody leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FarewellRefusal {
    /// There is no such person.
    #[error("no such person")]
    NoPerson,
}

/// What is left of a name.
const fn name_of_gone(language: Language) -> &'static str {
    match language {
        Language::Ko => "떠난 사람",
        Language::En => "someone who left",
    }
}

/// Takes a person out of everything. Repeated, it goes on where it was.
///
/// # Errors
/// A [`FarewellRefusal`].
pub fn leave(
    directory: &Directory,
    person: PersonId,
    now: Timestamp,
) -> Result<Vec<Change>, FarewellRefusal> {
    let who = directory.person(person).ok_or(FarewellRefusal::NoPerson)?;
    if directory.farewells().any(|farewell| farewell.person == person) {
        return Ok(Vec::new());
    }
    let theirs = |one: &Address| one.person == Some(person);
    let addresses: Vec<Address> = directory.addresses().filter(theirs).collect();
    let mut ids: Vec<AddressId> = addresses.iter().map(|address| address.id).collect();
    ids.sort_unstable();
    let mut changes = conversations_left(directory, person);
    changes.extend(rooms_left(directory, &ids));
    changes
        .extend(ids.iter().filter_map(|id| {
            directory.question_to(*id).map(|_| Change::Gone(Gone::Question(*id)))
        }));
    changes.extend(addresses.iter().map(unnamed));
    changes.extend(cards_without(directory, person));
    changes.extend(own_entries(directory, person));
    changes.push(Change::Person(Person {
        id: person,
        name: name_of_gone(who.language).into(),
        language: who.language,
        routes: Vec::new(),
        consents: Vec::new(),
    }));
    let reached = MessageSeq(0);
    changes.push(Change::Farewell(Farewell { person, addresses: ids, at: now, reached }));
    Ok(changes)
}

/// An address that is nobody's and that nothing leads to: its number stays in what was said.
fn unnamed(address: &Address) -> Change {
    Change::Address(Address {
        user: UserKey::new(format!("gone-{}", address.id)),
        person: None,
        name: Box::default(),
        icon_url: None,
        direct: None,
        blocked: true,
        current: None,
        ..address.clone()
    })
}

fn conversations_left(directory: &Directory, person: PersonId) -> Vec<Change> {
    let mut changed: BTreeMap<ConversationId, (Option<Conversation>, Option<Charter>)> =
        BTreeMap::new();
    for id in directory.conversations_of(person) {
        let entry = changed.entry(*id).or_default();
        for change in without(directory, *id, person) {
            if let Change::Conversation(conversation) = change {
                entry.0 = Some(conversation);
            } else if let Change::Charter(charter) = change {
                entry.1 = Some(charter);
            }
        }
    }
    for charter in directory.charters().all().filter(|charter| speaks_of(charter, person)) {
        let entry = changed.entry(charter.conversation).or_default();
        entry.1.get_or_insert_with(|| charter.clone());
    }
    let both = changed.into_values().flat_map(|(conversation, charter)| {
        let charter = charter.map(|charter| Change::Charter(silent(charter, person)));
        conversation.map(Change::Conversation).into_iter().chain(charter)
    });
    both.collect()
}

/// A conversation and its charter after somebody left.
fn without(directory: &Directory, id: ConversationId, person: PersonId) -> Vec<Change> {
    if let Ok(done) = groups::leave(directory, id, person) {
        return done.changes;
    }
    let left = directory.conversation(id).cloned().map(|mut conversation| {
        conversation.members.retain(|member| *member != person);
        Change::Conversation(conversation)
    });
    left.into_iter().collect()
}

fn speaks_of(charter: &Charter, person: PersonId) -> bool {
    charter.invited.iter().any(|one| one.person == person || one.by == person)
        || charter.newcomers.iter().any(|one| one.person == person)
        || charter.reports.iter().any(|one| one.by == person || one.about == person)
        || charter.moderators.contains(&person)
}

/// The charter without words of or about somebody. Bans stay: they are a number and a reason that
/// others gave.
fn silent(mut charter: Charter, person: PersonId) -> Charter {
    charter.invited.retain(|one| one.person != person && one.by != person);
    charter.newcomers.retain(|one| one.person != person);
    charter.moderators.retain(|one| *one != person);
    for report in &mut charter.reports {
        if report.by == person {
            report.reason = Box::default();
        }
        if report.about == person && report.appeal.is_some() {
            report.appeal = Some(Box::default());
        }
    }
    charter
}

fn rooms_left(directory: &Directory, addresses: &[AddressId]) -> Vec<Change> {
    let theirs = |id: &AddressId| addresses.binary_search(id).is_ok();
    let with = directory.rooms().filter(|room| room.present.iter().any(theirs));
    let without = with.map(|mut room| {
        room.present.retain(|id| !theirs(id));
        Change::Room(room)
    });
    without.collect()
}

fn cards_without(directory: &Directory, person: PersonId) -> Vec<Change> {
    let empty = || Card { person, handle: None, contacts: Vec::new(), asked: Vec::new() };
    let own = directory.cards().of(person).map(|_| Change::Card(empty()));
    let others = directory.cards().all().filter(|card| card.person != person);
    let knowing = others.filter(|card| card.contacts.iter().any(|one| one.other == person));
    let forgotten = knowing.cloned().map(|mut card| {
        card.contacts.retain(|one| one.other != person);
        Change::Card(card)
    });
    own.into_iter().chain(forgotten).collect()
}

/// Terms, sessions, where they are, codes and counts.
fn own_entries(directory: &Directory, person: PersonId) -> Vec<Change> {
    let terms = directory.terms_of(person).map(|_| Change::Terms(Terms::none(person)));
    let door = directory.doors().of(person).map(|_| Change::Door(Door::unused(person)));
    let stay = directory.stays().of(person).map(|_| Change::Gone(Gone::Stay(person)));
    let owner = Party::Person(person);
    let codes = directory.codes().waiting().filter(move |code| code.owner == owner);
    let codes = codes.map(|code| Change::Gone(Gone::Code(code.id)));
    let tally = Change::Gone(Gone::Tally(owner));
    terms.into_iter().chain(door).chain(stay).chain(codes).chain([tally]).collect()
}

/// Whether a message holds anything that can be taken away.
#[must_use]
pub fn has_text(message: &Message) -> bool {
    !message.new.content.is_empty()
}

/// The file of a message, if it has one.
#[must_use]
pub fn file_of(message: &Message) -> Option<MediaId> {
    let content = Content::decode(&message.new.content).ok()?;
    let What::File { file, .. } = content.what() else { return None };
    MediaId::from_url(&file.url)
}

#[cfg(test)]
mod tests;
