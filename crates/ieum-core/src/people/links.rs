//! Links: how two addresses become one person's, and part again.
//!
//! A code that one address got and another sent back proves that somebody reads both; then the
//! first is asked and names nobody but by a yes. A code that stood on a page proves no reader of
//! the chat that sends it: that chat is asked. Pure. Invariants: a link takes two proofs and one
//! yes; a person who has several addresses is never taken over by another; nobody is left without
//! any address.

use crate::directory::{Address, Change, Consent, Conversation, ConversationKind, Directory};
use crate::directory::{Gone, Person, Purpose};
use crate::ids::{AddressId, PersonId};
use crate::network::Network;
use crate::people::contacts::merged;
use crate::people::groups;
use crate::people::sessions;
use crate::people::terms;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How long a question waits for its yes: 10 minutes.
pub const QUESTION_MS: u64 = 10 * 60 * 1_000;

/// "Is that you, too?": one at a time for each address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Who is asked: the address that got the code.
    pub asked: AddressId,
    /// About whom: the address that sent it back.
    pub about: AddressId,
    /// Whose page showed the code, where they have no address; then the sender itself is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<PersonId>,
    /// Until when the answer counts.
    pub expires_at: Timestamp,
}

/// Why two addresses are not joined, or not parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkRefusal {
    /// One of them is not there, or nobody's.
    #[error("no such address")]
    Unknown,
    /// They are one person's already.
    #[error("the addresses are one person's already")]
    Same,
    /// Both persons have other addresses, too.
    #[error("the address belongs to another person, who has others too")]
    BothHaveOthers,
    /// They are the two of a direct conversation.
    #[error("the two talk to each other in a direct conversation")]
    TalkToEachOther,
    /// It is the only one that the person has.
    #[error("it is the person's only address")]
    Last,
}

/// The question that follows from a code that came back.
///
/// # Errors
/// When the two could not be joined anyway.
pub fn question(
    directory: &Directory,
    asked: AddressId,
    about: AddressId,
    now: Timestamp,
) -> Result<Change, LinkRefusal> {
    joined(directory, asked, about, now)?;
    let expires_at = now.plus_ms(QUESTION_MS);
    Ok(Change::Question(Question { asked, about, page: None, expires_at }))
}

/// The question that follows from a code of somebody's page, who has no address yet: the one that
/// sent it is asked, for whoever sees that page will read and write as they do.
///
/// # Errors
/// When it could not be theirs anyway.
pub fn page_question(
    directory: &Directory,
    page: PersonId,
    asked: AddressId,
    now: Timestamp,
) -> Result<Change, LinkRefusal> {
    adopted(directory, page, asked, now)?;
    let expires_at = now.plus_ms(QUESTION_MS);
    Ok(Change::Question(Question { asked, about: asked, page: Some(page), expires_at }))
}

/// What a yes to a question brings: the changes, and who it is now.
///
/// # Errors
/// When it has become impossible since.
pub fn answered(
    directory: &Directory,
    question: Question,
    now: Timestamp,
) -> Result<(Vec<Change>, PersonId), LinkRefusal> {
    match question.page {
        Some(page) => Ok((adopted(directory, page, question.asked, now)?, page)),
        None => joined(directory, question.asked, question.about, now),
    }
}

/// Joins the persons of two addresses into one: the changes, and who it is now.
///
/// Whoever has more addresses stays; the other brings their address, conversations and consents.
/// What each wrote stays with the address that wrote it.
///
/// # Errors
/// A [`LinkRefusal`]; nothing is to be changed.
pub fn joined(
    directory: &Directory,
    first: AddressId,
    second: AddressId,
    now: Timestamp,
) -> Result<(Vec<Change>, PersonId), LinkRefusal> {
    let (one, other) = (owner(directory, first)?, owner(directory, second)?);
    if one.id == other.id {
        return Err(LinkRefusal::Same);
    }
    let second_stays = other.routes.len() > one.routes.len();
    let (mut stays, goes, moves) =
        if second_stays { (other, one, first) } else { (one, other, second) };
    let mut address = directory.address(moves).cloned().ok_or(LinkRefusal::Unknown)?;
    let mut changes = absorbed(directory, &mut stays, goes.id)?;
    address.person = Some(stays.id);
    stays.routes.push(moves);
    for id in [first, second] {
        let network = directory.address(id).and_then(|one| directory.network_of(one.account));
        agree_if_silent(&mut stays, network, now);
    }
    let id = stays.id;
    let asked = [first, second].map(|id| Change::Gone(Gone::Question(id)));
    changes.extend([Change::Address(address), Change::Person(stays)].into_iter().chain(asked));
    Ok((changes, id))
}

/// Gives an address to a person who has none yet: whoever it was before comes along.
///
/// # Errors
/// When the person has addresses (then one of them is asked), or the other has several.
pub fn adopted(
    directory: &Directory,
    person: PersonId,
    address: AddressId,
    now: Timestamp,
) -> Result<Vec<Change>, LinkRefusal> {
    let mut stays = directory.person(person).cloned().ok_or(LinkRefusal::Unknown)?;
    let goes = owner(directory, address)?;
    if goes.id == person {
        return Err(LinkRefusal::Same);
    }
    if !stays.routes.is_empty() {
        return Err(LinkRefusal::BothHaveOthers);
    }
    let mut moved = directory.address(address).cloned().ok_or(LinkRefusal::Unknown)?;
    let mut changes = absorbed(directory, &mut stays, goes.id)?;
    moved.person = Some(person);
    stays.routes.push(address);
    agree_if_silent(&mut stays, directory.network_of(moved.account), now);
    let over = Change::Gone(Gone::Question(address));
    changes.extend([Change::Address(moved), Change::Person(stays), over]);
    Ok(changes)
}

fn owner(directory: &Directory, address: AddressId) -> Result<Person, LinkRefusal> {
    let person = directory.address(address).and_then(|address| address.person);
    person.and_then(|id| directory.person(id)).cloned().ok_or(LinkRefusal::Unknown)
}

/// Who ties two networks together wants to be reached by one when the other fails, and is told so
/// when asked; a word that was given before stands.
fn agree_if_silent(person: &mut Person, network: Option<Network>, at: Timestamp) {
    let Some(network) = network else { return };
    for purpose in [Purpose::Talk, Purpose::Failover] {
        let said = |old: &Consent| old.network == network && old.purpose == purpose;
        if !person.consents.iter().any(said) {
            let source = "linked".into();
            person.consents.push(Consent { network, purpose, given: true, at, source });
        }
    }
}

/// What comes along when `other`, who has one address at most, turns out to be `owner`:
/// conversations, consents and contacts.
///
/// # Errors
/// When `other` has more addresses, or the two talk to each other.
pub fn absorbed(
    directory: &Directory,
    owner: &mut Person,
    other: PersonId,
) -> Result<Vec<Change>, LinkRefusal> {
    let mut other = directory.person(other).cloned().ok_or(LinkRefusal::Unknown)?;
    if other.routes.len() > 1 {
        return Err(LinkRefusal::BothHaveOthers);
    }
    other.routes.clear();
    for consent in std::mem::take(&mut other.consents) {
        let same = |own: &Consent| own.network == consent.network && own.purpose == consent.purpose;
        if !owner.consents.iter().any(same) {
            owner.consents.push(consent);
        }
    }
    if owner.name.is_empty() {
        owner.name.clone_from(&other.name);
    }
    let mut changes = vec![Change::Gone(Gone::Stay(other.id))];
    for id in directory.conversations_of(other.id) {
        let Some(conversation) = directory.conversation(*id) else { continue };
        changes.push(Change::Conversation(taken_over(conversation, other.id, owner.id)?));
    }
    changes.extend(merged(directory, other.id, owner.id));
    changes.extend(terms::merged(directory, other.id, owner.id));
    // Whoever was signed in as somebody who is no longer there signs in again.
    changes.extend(sessions::merged(directory, other.id, owner.id));
    changes.extend(groups::merged(directory, other.id, owner.id));
    changes.push(Change::Person(other));
    Ok(changes)
}

fn taken_over(
    conversation: &Conversation,
    from: PersonId,
    to: PersonId,
) -> Result<Conversation, LinkRefusal> {
    let mut taken = conversation.clone();
    taken.members.retain(|member| *member != from && *member != to);
    taken.members.push(to);
    if taken.kind == ConversationKind::Direct && taken.members.len() != 2 {
        return Err(LinkRefusal::TalkToEachOther);
    }
    Ok(taken)
}

/// Parts an address from its person: the changes. It is nobody's until somebody writes from it
/// again; then it begins anew, without conversations and contacts of that person.
///
/// # Errors
/// When it is nobody's, or the only one.
pub fn parted(directory: &Directory, address: AddressId) -> Result<Vec<Change>, LinkRefusal> {
    let mut person = owner(directory, address)?;
    if person.routes.len() < 2 {
        return Err(LinkRefusal::Last);
    }
    let parted = directory.address(address).cloned().ok_or(LinkRefusal::Unknown)?;
    person.routes.retain(|route| *route != address);
    let network = directory.network_of(parted.account);
    let others = person.routes.iter().filter_map(|id| directory.address(*id));
    let still = others.map(|other| directory.network_of(other.account)).any(|left| left == network);
    if !still {
        person.consents.retain(|consent| Some(consent.network) != network);
    }
    let stay = directory.stays().of(person.id).filter(|stay| stay.address == address);
    let left = stay.map(|stay| Change::Gone(Gone::Stay(stay.person)));
    let nobodys = Address { person: None, current: None, ..parted };
    let changes = [Change::Person(person), Change::Address(nobodys)];
    let asked = Change::Gone(Gone::Question(address));
    Ok(changes.into_iter().chain(left).chain([asked]).collect())
}

#[cfg(test)]
mod tests;
