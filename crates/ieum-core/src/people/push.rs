//! Who hears of a message by Web Push, on which of their devices, and what a device is told.
//!
//! A subscription belongs to one session and ends with it: signing out silences a device, whoever
//! does it and wherever. Pure. Invariants: a device belongs to one session alone; nobody hears of
//! their own words, of words that they shut out, or against their terms.

mod queue;

pub use queue::{PENDING_MAX, PushQueue, SETTLE_MS, Waiting};

use crate::delivery::{Delivery, Recipient, State};
use crate::directory::{Change, Conversation, Directory};
use crate::ids::PersonId;
use crate::message::Author;
use crate::people::sessions::{Door, SessionMark};
use crate::people::withdrawal::shuts_out;
use crate::route::author_person;
use crate::route::security::SecurityLevel;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest address of a push service, in bytes; those in use have some 200 to 500.
pub const ENDPOINT_BYTES_MAX: usize = 1_024;
/// A device's public key: a point of P-256, uncompressed (RFC 8291, section 2.1).
pub const PUSH_KEY_BYTES: usize = 65;
/// A device's authentication secret (RFC 8291, section 3.2).
pub const PUSH_SECRET_BYTES: usize = 16;
/// Longest text of a message in a notification, in characters.
pub const TOLD_CHARS_MAX: usize = 160;

/// What a notification shows to whoever holds the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tells {
    /// Who said it, where, and the words.
    #[default]
    Words,
    /// That there is something new, and nothing else.
    OnlyThat,
}

/// Where and how one device hears of messages.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The address at the device's push service. Who has it can send there.
    pub endpoint: Box<str>,
    /// The device's public key, of [`PUSH_KEY_BYTES`].
    pub key: Box<[u8]>,
    /// The device's authentication secret, of [`PUSH_SECRET_BYTES`].
    pub secret: Box<[u8]>,
    /// What is shown there.
    pub tells: Tells,
    /// Since when.
    pub since: Timestamp,
}

/// Shows nothing that lets anybody send to the device.
impl fmt::Debug for Subscription {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = host_of(&self.endpoint).unwrap_or("?");
        write!(out, "Subscription({host}, {:?}, since {:?})", self.tells, self.since)
    }
}

/// Why a device does not hear of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushRefusal {
    /// Nobody is signed in there.
    #[error("no such session")]
    NoSession,
    /// The address is none of a push service.
    #[error("this is no address of a push service")]
    Endpoint,
    /// The keys are none of a device.
    #[error("these are no keys of a device")]
    Keys,
}

/// The host of a push service's address: https, a name, the usual port, nobody's password.
///
/// Whether the name leads to a machine of ours is looked at when it is called.
#[must_use]
pub fn host_of(endpoint: &str) -> Option<&str> {
    let rest = endpoint.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let is_name = host.bytes().all(letter)
        && host
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()))
        && host.contains('.')
        && !host.starts_with('.');
    let sound =
        endpoint.len() <= ENDPOINT_BYTES_MAX && endpoint.bytes().all(|b| b.is_ascii_graphic());
    (is_name && sound).then_some(host)
}

/// Lets the device of a session hear of messages: the changes. What it had before is replaced, and
/// nobody else hears there any more.
///
/// # Errors
/// A [`PushRefusal`]; nothing is to be changed.
pub fn subscribed(
    directory: &Directory,
    mark: SessionMark,
    subscription: Subscription,
) -> Result<Vec<Change>, PushRefusal> {
    host_of(&subscription.endpoint).ok_or(PushRefusal::Endpoint)?;
    let is_point = subscription.key.len() == PUSH_KEY_BYTES && subscription.key.first() == Some(&4);
    if !is_point || subscription.secret.len() != PUSH_SECRET_BYTES {
        return Err(PushRefusal::Keys);
    }
    let now = subscription.since;
    let person = directory.doors().person_in(mark, now).ok_or(PushRefusal::NoSession)?;
    let before = directory.doors().hears_at(&subscription.endpoint);
    let mut changes = match before {
        Some(other) if other != person => ended(directory, &subscription.endpoint),
        Some(_) | None => Vec::new(),
    };
    let mut own = Door::of(directory, person);
    silence(&mut own, |one| one.endpoint == subscription.endpoint);
    let mut sessions = own.sessions.iter_mut();
    let session = sessions.find(|session| session.mark == mark).ok_or(PushRefusal::NoSession)?;
    session.push = Some(subscription);
    changes.push(Change::Door(own));
    Ok(changes)
}

/// Changes what is shown on the device of a session: the changes.
///
/// # Errors
/// [`PushRefusal::NoSession`], also where its device hears nothing.
pub fn told(
    directory: &Directory,
    mark: SessionMark,
    tells: Tells,
    now: Timestamp,
) -> Result<Vec<Change>, PushRefusal> {
    let person = directory.doors().person_in(mark, now).ok_or(PushRefusal::NoSession)?;
    let mut door = Door::of(directory, person);
    let session = door.sessions.iter_mut().find(|session| session.mark == mark);
    let subscription = session.and_then(|session| session.push.as_mut());
    subscription.ok_or(PushRefusal::NoSession)?.tells = tells;
    Ok(vec![Change::Door(door)])
}

/// Silences the device of a session: the changes. Nothing where it hears nothing.
#[must_use]
pub fn unsubscribed(directory: &Directory, mark: SessionMark, now: Timestamp) -> Vec<Change> {
    let Some(person) = directory.doors().person_in(mark, now) else { return Vec::new() };
    let mut door = Door::of(directory, person);
    let session = door.sessions.iter_mut().find(|session| session.mark == mark);
    let had = session.and_then(|session| session.push.take());
    had.map(|_| Change::Door(door)).into_iter().collect()
}

/// Forgets an address that its push service does not know any more: the changes.
#[must_use]
pub fn ended(directory: &Directory, endpoint: &str) -> Vec<Change> {
    let Some(person) = directory.doors().hears_at(endpoint) else { return Vec::new() };
    let mut door = Door::of(directory, person);
    silence(&mut door, |one| &*one.endpoint == endpoint);
    vec![Change::Door(door)]
}

fn silence(door: &mut Door, is_meant: impl Fn(&Subscription) -> bool) {
    for session in &mut door.sessions {
        if session.push.as_ref().is_some_and(&is_meant) {
            session.push = None;
        }
    }
}

/// The devices on which somebody hears of messages now.
#[must_use]
pub fn devices(
    directory: &Directory,
    person: PersonId,
    now: Timestamp,
) -> Vec<(SessionMark, Subscription)> {
    let sessions = directory.doors().of(person).into_iter().flat_map(|door| &door.sessions);
    let lasting = sessions.filter(|session| session.lasts(now));
    lasting.filter_map(|session| Some((session.mark, session.push.clone()?))).collect()
}

/// Who of a conversation is to hear of words by this author. Terms that name ways for a
/// conversation, or ask for nothing that a hub can read, are kept by silence: a push service is
/// none of the ways they name.
#[must_use]
pub fn hearers(
    directory: &Directory,
    conversation: &Conversation,
    author: Author,
) -> Vec<PersonId> {
    if author == Author::Hub {
        return Vec::new();
    }
    let speaker = author_person(directory, author);
    let hears = |member: &&PersonId| {
        Some(**member) != speaker
            && directory.doors().hears(**member)
            && !shuts_out(directory, conversation, **member, author)
            && directory.terms_of(**member).is_none_or(|terms| {
                let narrowed = terms.reaches.iter().any(|one| one.conversation == conversation.id);
                terms.security_min <= SecurityLevel::Transport && !narrowed
            })
    };
    conversation.members.iter().filter(hears).copied().collect()
}

/// Whether a network told that somebody read their own copy of a message.
#[must_use]
pub fn is_read(deliveries: &[Delivery], person: PersonId) -> bool {
    let own = Recipient::Person(person);
    deliveries.iter().any(|one| one.recipient == own && one.state == State::Read)
}

/// A text in one line, no longer than a notification shows.
#[must_use]
pub fn in_one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > TOLD_CHARS_MAX {
            let short: String = line.chars().take(TOLD_CHARS_MAX - 1).collect();
            return format!("{short}…");
        }
    }
    line
}

#[cfg(test)]
mod tests;
