//! Contacts: who may begin a talk with whom, by the consent of both.
//!
//! A request names a handle and carries nothing else. Pure. Invariant: what the one who asks is
//! told, and what is written of them, depends on their own doing alone: an unknown handle, one
//! whose person ignores or blocks them, and one who has not looked yet are all the same.

use crate::directory::{Change, Conversation, ConversationKind, Directory};
use crate::ids::PersonId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Shortest and longest handle, in characters.
pub const HANDLE_CHARS: std::ops::RangeInclusive<usize> = 3..=20;
/// Requests that one person may make within [`ASKING_MS`].
pub const REQUESTS_MAX: usize = 20;
/// How long a request counts and waits: a day. Then it may be made again.
pub const ASKING_MS: u64 = 24 * 3_600_000;
/// Most requests that wait for one person; further ones are dropped unseen.
pub const PENDING_MAX: usize = 100;
/// Most entries of one person's list.
pub const CONTACTS_MAX: usize = 2_000;

/// What one person said of another who asked, or was accepted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// They ask to be a contact; nothing was said yet.
    Asks,
    /// Both agreed.
    Accepted,
    /// Not answered, and not shown again.
    Ignored,
    /// Whatever they ask or say to this person alone is not let through.
    Blocked,
}

/// One entry of a person's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The other.
    pub other: PersonId,
    /// What was said of them.
    pub standing: Standing,
    /// When.
    pub at: Timestamp,
}

/// A request that somebody made, as they see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The handle that they wrote.
    pub handle: Box<str>,
    /// When.
    pub at: Timestamp,
}

/// A person's handle, list and requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Whose.
    pub person: PersonId,
    /// By which they can be asked; nobody is found otherwise.
    pub handle: Option<Box<str>>,
    /// Their list.
    pub contacts: Vec<Contact>,
    /// What they asked within the last day.
    pub asked: Vec<Asked>,
}

impl Card {
    fn of(directory: &Directory, person: PersonId) -> Self {
        let empty = || Self { person, handle: None, contacts: Vec::new(), asked: Vec::new() };
        directory.cards().of(person).cloned().unwrap_or_else(empty)
    }

    /// What they said of somebody.
    #[must_use]
    pub fn standing(&self, other: PersonId) -> Option<Standing> {
        self.contacts.iter().find(|entry| entry.other == other).map(|entry| entry.standing)
    }

    fn set(&mut self, other: PersonId, standing: Standing, at: Timestamp) {
        self.contacts.retain(|entry| entry.other != other);
        self.contacts.push(Contact { other, standing, at });
    }

    fn pending(&self) -> usize {
        self.contacts.iter().filter(|entry| entry.standing == Standing::Asks).count()
    }
}

/// All cards, found by person and by handle.
#[derive(Debug, Clone, Default)]
pub struct Cards {
    of: BTreeMap<PersonId, Card>,
    handles: BTreeMap<Box<str>, PersonId>,
}

impl Cards {
    /// A card is new or changed.
    pub(crate) fn put(&mut self, card: Card) {
        if let Some(handle) = self.of.get(&card.person).and_then(|old| old.handle.as_ref()) {
            self.handles.remove(handle);
        }
        if let Some(handle) = &card.handle {
            self.handles.insert(handle.clone(), card.person);
        }
        self.of.insert(card.person, card);
    }

    /// A person's card, if they ever had to do with contacts.
    #[must_use]
    pub fn of(&self, person: PersonId) -> Option<&Card> {
        self.of.get(&person)
    }

    /// All cards.
    pub fn all(&self) -> impl Iterator<Item = &Card> {
        self.of.values()
    }

    /// Who has this handle, as somebody typed it. For signing in and inviting: nobody is told.
    #[must_use]
    pub fn person_called(&self, typed: &str) -> Option<PersonId> {
        self.handles.get(&handle(typed)?).copied()
    }

    /// Whether `person` blocks `other`.
    #[must_use]
    pub fn blocks(&self, person: PersonId, other: PersonId) -> bool {
        self.of(person).and_then(|card| card.standing(other)) == Some(Standing::Blocked)
    }
}

/// Why nothing was changed. None of these tells of anybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactRefusal {
    /// No such person (the one who acts).
    #[error("no such person")]
    NoPerson,
    /// It cannot be a handle.
    #[error("a handle has 3 to 20 letters, digits or underscores")]
    NotAHandle,
    /// Somebody has it. Handles are public to whoever types one exactly.
    #[error("the handle is taken")]
    Taken,
    /// Asked too often.
    #[error("too many requests within a day")]
    TooMany,
    /// There is nothing to be answered.
    #[error("that person did not ask")]
    NobodyAsks,
    /// The list is full.
    #[error("the list is full")]
    Full,
}

/// A handle as it is compared: lower case, without the `@` in front.
#[must_use]
pub fn handle(typed: &str) -> Option<Box<str>> {
    let handle = typed.trim().trim_start_matches('@').to_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || ('가'..='힣').contains(&c);
    let fits = HANDLE_CHARS.contains(&handle.chars().count()) && handle.chars().all(plain);
    fits.then(|| handle.into())
}

/// Takes a handle, or with `None` becomes unfindable again.
///
/// # Errors
/// When it is none, or somebody else's.
pub fn take_handle(
    directory: &Directory,
    person: PersonId,
    typed: Option<&str>,
) -> Result<Vec<Change>, ContactRefusal> {
    directory.person(person).ok_or(ContactRefusal::NoPerson)?;
    let wanted = typed.map(|typed| handle(typed).ok_or(ContactRefusal::NotAHandle)).transpose()?;
    let owner = wanted.as_ref().and_then(|handle| directory.cards().handles.get(handle));
    if owner.is_some_and(|owner| *owner != person) {
        return Err(ContactRefusal::Taken);
    }
    Ok(vec![Change::Card(Card { handle: wanted, ..Card::of(directory, person) })])
}

/// Asks to be somebody's contact.
///
/// # Errors
/// Only what depends on the one who asks: the handle's form, and how often they asked.
pub fn request(
    directory: &Directory,
    from: PersonId,
    typed: &str,
    now: Timestamp,
) -> Result<Vec<Change>, ContactRefusal> {
    directory.person(from).ok_or(ContactRefusal::NoPerson)?;
    let handle = handle(typed).ok_or(ContactRefusal::NotAHandle)?;
    let mut card = Card::of(directory, from);
    card.asked.retain(|asked| now.ms_since(asked.at) < ASKING_MS);
    if card.asked.len() >= REQUESTS_MAX {
        return Err(ContactRefusal::TooMany);
    }
    card.asked.push(Asked { handle: handle.clone(), at: now });
    let to = directory.cards().handles.get(&handle).copied().filter(|to| *to != from);
    let mut changes = vec![Change::Card(card.clone())];
    let Some(to) = to else { return Ok(changes) };
    let mut theirs = Card::of(directory, to);
    match (theirs.standing(from), card.standing(to)) {
        // They asked first: both want it.
        (None, Some(Standing::Asks)) => return agreed(directory, card, theirs, now),
        (None, _) if theirs.pending() < PENDING_MAX && theirs.contacts.len() < CONTACTS_MAX => {
            theirs.set(from, Standing::Asks, now);
            changes.push(Change::Card(theirs));
        }
        _ => {}
    }
    Ok(changes)
}

/// Says what becomes of somebody: accepted (if they asked), ignored (if they asked), or blocked.
///
/// # Errors
/// When there is nothing to be answered, or a list is full.
pub fn answer(
    directory: &Directory,
    person: PersonId,
    other: PersonId,
    standing: Standing,
    now: Timestamp,
) -> Result<Vec<Change>, ContactRefusal> {
    directory.person(person).ok_or(ContactRefusal::NoPerson)?;
    let mut card = Card::of(directory, person);
    let before = card.standing(other);
    match (standing, before) {
        (Standing::Accepted, Some(Standing::Asks | Standing::Ignored)) => {
            agreed(directory, card, Card::of(directory, other), now)
        }
        (Standing::Ignored, Some(Standing::Asks)) | (Standing::Blocked, Some(_)) => {
            card.set(other, standing, now);
            Ok(vec![Change::Card(card)])
        }
        (Standing::Blocked, None) if directory.person(other).is_some() && other != person => {
            if card.contacts.len() >= CONTACTS_MAX {
                return Err(ContactRefusal::Full);
            }
            card.set(other, standing, now);
            Ok(vec![Change::Card(card)])
        }
        _ => Err(ContactRefusal::NobodyAsks),
    }
}

/// Lets go of a block: who was blocked is a stranger again.
///
/// # Errors
/// When they are not blocked.
pub fn unblock(
    directory: &Directory,
    person: PersonId,
    other: PersonId,
) -> Result<Vec<Change>, ContactRefusal> {
    directory.person(person).ok_or(ContactRefusal::NoPerson)?;
    let mut card = Card::of(directory, person);
    if card.standing(other) != Some(Standing::Blocked) {
        return Err(ContactRefusal::NobodyAsks);
    }
    card.contacts.retain(|entry| entry.other != other);
    Ok(vec![Change::Card(card)])
}

/// What becomes of the lists when `from` turns out to be `to`: whoever was said something of is the
/// new person, and a block is not shaken off by becoming somebody else.
pub(crate) fn merged(directory: &Directory, from: PersonId, to: PersonId) -> Vec<Change> {
    let cards = directory.cards();
    let mut changes = Vec::new();
    if let Some(old) = cards.of(from) {
        let mut card = Card::of(directory, to);
        card.handle = card.handle.or_else(|| old.handle.clone());
        for entry in old.contacts.iter().filter(|entry| entry.other != to) {
            if card.standing(entry.other) < Some(entry.standing) {
                card.set(entry.other, entry.standing, entry.at);
            }
        }
        card.contacts.retain(|entry| entry.other != from);
        let (contacts, asked) = (Vec::new(), Vec::new());
        changes.push(Change::Card(Card { person: from, handle: None, contacts, asked }));
        changes.push(Change::Card(card));
    }
    for card in cards.of.values().filter(|card| ![from, to].contains(&card.person)) {
        let Some(old) = card.contacts.iter().find(|entry| entry.other == from).copied() else {
            continue;
        };
        let mut card = card.clone();
        card.contacts.retain(|entry| entry.other != from);
        if card.standing(to) < Some(old.standing) {
            card.set(to, old.standing, old.at);
        }
        changes.push(Change::Card(card));
    }
    changes
}

/// Both lists name the other, and there is a direct conversation of the two.
fn agreed(
    directory: &Directory,
    mut one: Card,
    mut other: Card,
    now: Timestamp,
) -> Result<Vec<Change>, ContactRefusal> {
    if one.contacts.len() >= CONTACTS_MAX || other.contacts.len() >= CONTACTS_MAX {
        return Err(ContactRefusal::Full);
    }
    one.set(other.person, Standing::Accepted, now);
    // Who was blocked meanwhile is not told, and is not let in by an old question.
    if other.standing(one.person) != Some(Standing::Blocked) {
        other.set(one.person, Standing::Accepted, now);
    }
    for (asker, asked) in [(&mut one, other.handle.clone()), (&mut other, None)] {
        asker.asked.retain(|request| Some(&request.handle) != asked.as_ref());
    }
    let mut members = vec![one.person, other.person];
    members.sort_unstable();
    let theirs = directory.conversations_of(one.person).iter();
    let talks = theirs.filter_map(|id| directory.conversation(*id)).any(|conversation| {
        conversation.kind == ConversationKind::Direct && {
            let mut both = conversation.members.clone();
            both.sort_unstable();
            both == members
        }
    });
    let mut changes = vec![Change::Card(one), Change::Card(other)];
    if !talks {
        let (id, kind) = (directory.next_ids().conversation, ConversationKind::Direct);
        let title = "".into();
        let conversation = Conversation { id, kind, title, members, rooms: Vec::new() };
        changes.push(Change::Conversation(conversation));
    }
    Ok(changes)
}

#[cfg(test)]
mod tests;
