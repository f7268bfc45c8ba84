//! Who is signed in on the page, and who was: sessions by the digest of a secret that only the
//! browser has.
//!
//! Pure. Invariants: nothing here lets anybody in who read it; a session that ended is never found
//! again; what a person is told of their sign-ins names no secret.

use crate::directory::{Change, Directory};
use crate::ids::PersonId;
use crate::people::passkeys::{PASSKEYS_PER_PERSON_MAX, Passkey, PasskeyId};
use crate::people::push::Subscription;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most sessions of one person; the oldest end first.
pub const SESSIONS_PER_PERSON_MAX: usize = 16;
/// Sign-ins and sign-outs that are remembered for each person; the oldest are forgotten first.
pub const VISITS_PER_PERSON_MAX: usize = 40;
/// How long a session lasts: 30 days.
pub const SESSION_MS: u64 = 30 * 24 * 3_600 * 1_000;
/// Longest name of a browser that is kept, in characters.
pub const BROWSER_CHARS_MAX: usize = 40;

/// The SHA-256 of a session's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionMark(pub [u8; 32]);

/// One browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// By which it is recognised.
    pub mark: SessionMark,
    /// Since when.
    pub opened_at: Timestamp,
    /// Which browser, in a word or two.
    pub browser: Box<str>,
    /// How its device hears of messages, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<Subscription>,
}

impl Session {
    /// One that begins.
    #[must_use]
    pub fn new(mark: SessionMark, opened_at: Timestamp, browser: &str) -> Self {
        Self { mark, opened_at, browser: browser.into(), push: None }
    }

    /// Whether its time is not over.
    #[must_use]
    pub fn lasts(&self, now: Timestamp) -> bool {
        now.ms_since(self.opened_at) < SESSION_MS
    }
}

/// What happened at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitKind {
    /// Signed in.
    Opened,
    /// Signed out.
    Closed,
    /// Signed out everywhere.
    ClosedAll,
    /// Signed in by a passkey.
    OpenedByPasskey,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was taken away.
    PasskeyRemoved,
}

/// One line of what a person is told of their sign-ins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: VisitKind,
    /// With which browser, in a word or two.
    pub browser: Box<str>,
}

/// Everything at the door of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// Whose.
    pub person: PersonId,
    /// Who is signed in as them, the oldest first.
    pub sessions: Vec<Session>,
    /// What happened, the oldest first.
    pub visits: Vec<Visit>,
    /// By what they may come in without a code, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passkeys: Vec<Passkey>,
}

impl Door {
    /// One by which nobody ever came.
    #[must_use]
    pub fn unused(person: PersonId) -> Self {
        Self { person, sessions: Vec::new(), visits: Vec::new(), passkeys: Vec::new() }
    }

    pub(crate) fn of(directory: &Directory, person: PersonId) -> Self {
        directory.doors().of(person).cloned().unwrap_or_else(|| Self::unused(person))
    }

    /// Opens a session, and notes how.
    pub(crate) fn open(
        &mut self,
        mark: SessionMark,
        browser: &str,
        (now, kind): (Timestamp, VisitKind),
    ) {
        let browser = browser_name(browser);
        self.note(now, kind, &browser);
        self.sessions.retain(|session| session.lasts(now));
        self.sessions.push(Session::new(mark, now, &browser));
        let over = self.sessions.len().saturating_sub(SESSIONS_PER_PERSON_MAX);
        self.sessions.drain(..over);
    }

    pub(crate) fn note(&mut self, at: Timestamp, kind: VisitKind, browser: &str) {
        let browser = browser.into();
        self.visits.push(Visit { at, kind, browser });
        let over = self.visits.len().saturating_sub(VISITS_PER_PERSON_MAX);
        self.visits.drain(..over);
    }
}

/// A browser's name, no longer than it is kept.
pub(crate) fn browser_name(told: &str) -> Box<str> {
    told.chars().take(BROWSER_CHARS_MAX).collect()
}

/// All doors, found by person, by session, by passkey and by where a device hears of messages.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    of: BTreeMap<PersonId, Door>,
    sessions: BTreeMap<SessionMark, PersonId>,
    passkeys: BTreeMap<PasskeyId, PersonId>,
    endpoints: BTreeMap<Box<str>, PersonId>,
}

impl Doors {
    /// A door is new or changed.
    pub(crate) fn put(&mut self, door: Door) {
        if let Some(old) = self.of.get(&door.person) {
            for session in &old.sessions {
                self.sessions.remove(&session.mark);
            }
            // One that moved to another person's door stays theirs, whichever door changes first.
            let mine = |owner: &PersonId| *owner == door.person;
            for endpoint in endpoints(old) {
                if self.endpoints.get(endpoint).is_some_and(mine) {
                    self.endpoints.remove(endpoint);
                }
            }
            for passkey in &old.passkeys {
                if self.passkeys.get(&passkey.id).is_some_and(mine) {
                    self.passkeys.remove(&passkey.id);
                }
            }
        }
        for session in &door.sessions {
            self.sessions.insert(session.mark, door.person);
        }
        for passkey in &door.passkeys {
            self.passkeys.insert(passkey.id.clone(), door.person);
        }
        for endpoint in endpoints(&door) {
            self.endpoints.insert(endpoint.into(), door.person);
        }
        self.of.insert(door.person, door);
    }

    /// A person's door, if they ever signed in.
    #[must_use]
    pub fn of(&self, person: PersonId) -> Option<&Door> {
        self.of.get(&person)
    }

    /// A passkey, and whose it is.
    #[must_use]
    pub fn passkey(&self, id: &PasskeyId) -> Option<(PersonId, &Passkey)> {
        let person = *self.passkeys.get(id)?;
        let passkey = self.of.get(&person)?.passkeys.iter().find(|passkey| passkey.id == *id)?;
        Some((person, passkey))
    }

    /// Who hears of messages at this address of a push service.
    #[must_use]
    pub fn hears_at(&self, endpoint: &str) -> Option<PersonId> {
        self.endpoints.get(endpoint).copied()
    }

    /// Whether somebody hears of messages on a device of theirs.
    #[must_use]
    pub fn hears(&self, person: PersonId) -> bool {
        self.of.get(&person).is_some_and(|door| endpoints(door).next().is_some())
    }

    /// Whether anybody does.
    #[must_use]
    pub fn anybody_hears(&self) -> bool {
        !self.endpoints.is_empty()
    }

    /// Whose session this is, while it lasts.
    #[must_use]
    pub fn person_in(&self, mark: SessionMark, now: Timestamp) -> Option<PersonId> {
        let person = *self.sessions.get(&mark)?;
        let mut sessions = self.of.get(&person)?.sessions.iter();
        sessions.any(|session| session.mark == mark && session.lasts(now)).then_some(person)
    }
}

fn endpoints(door: &Door) -> impl Iterator<Item = &str> {
    door.sessions.iter().filter_map(|session| Some(&*session.push.as_ref()?.endpoint))
}

/// Signs a person in: the changes. Nothing where there is no such person.
#[must_use]
pub fn opened(
    directory: &Directory,
    person: PersonId,
    mark: SessionMark,
    browser: &str,
    now: Timestamp,
) -> Vec<Change> {
    if directory.person(person).is_none() {
        return Vec::new();
    }
    let mut door = Door::of(directory, person);
    door.open(mark, browser, (now, VisitKind::Opened));
    vec![Change::Door(door)]
}

/// Ends one session: the changes. Nothing where there is no such session.
#[must_use]
pub fn closed(directory: &Directory, mark: SessionMark, now: Timestamp) -> Vec<Change> {
    let Some(person) = directory.doors().sessions.get(&mark) else { return Vec::new() };
    let mut door = Door::of(directory, *person);
    let ends = door.sessions.iter().position(|session| session.mark == mark);
    let Some(ends) = ends else { return Vec::new() };
    let session = door.sessions.remove(ends);
    door.note(now, VisitKind::Closed, &session.browser);
    vec![Change::Door(door)]
}

/// Ends all sessions of a person, by their word from `browser`: the changes.
#[must_use]
pub fn closed_all(
    directory: &Directory,
    person: PersonId,
    browser: &str,
    now: Timestamp,
) -> Vec<Change> {
    let mut door = Door::of(directory, person);
    if door.sessions.is_empty() {
        return Vec::new();
    }
    door.sessions.clear();
    door.note(now, VisitKind::ClosedAll, browser);
    vec![Change::Door(door)]
}

/// Ends all sessions of somebody who turned out to be another, and brings their passkeys along, as
/// many as one person may have: the changes.
#[must_use]
pub fn merged(directory: &Directory, other: PersonId, owner: PersonId) -> Vec<Change> {
    let Some(theirs) = directory.doors().of(other) else { return Vec::new() };
    if theirs.sessions.is_empty() && theirs.passkeys.is_empty() {
        return Vec::new();
    }
    let closed = Door { sessions: Vec::new(), passkeys: Vec::new(), ..theirs.clone() };
    let mut changes = vec![Change::Door(closed)];
    if !theirs.passkeys.is_empty() {
        let mut own = Door::of(directory, owner);
        let room = PASSKEYS_PER_PERSON_MAX.saturating_sub(own.passkeys.len());
        own.passkeys.extend(theirs.passkeys.iter().take(room).cloned());
        changes.push(Change::Door(own));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Language, Person};
    use proptest::prelude::*;

    fn town(people: u64) -> Directory {
        let mut directory = Directory::default();
        for id in (1..=people).map(PersonId) {
            let (routes, consents) = (Vec::new(), Vec::new());
            let person =
                Person { id, name: "민지".into(), language: Language::Ko, routes, consents };
            directory.apply(Change::Person(person));
        }
        directory
    }

    fn mark(number: u64) -> SessionMark {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        SessionMark(bytes)
    }

    fn apply(directory: &mut Directory, changes: Vec<Change>) {
        for change in changes {
            directory.apply(change);
        }
    }

    #[test]
    fn a_session_ends_by_its_time_to_the_millisecond() {
        let mut directory = town(1);
        let changes = opened(&directory, PersonId(1), mark(1), "Firefox", Timestamp(5));
        apply(&mut directory, changes);
        let whose = |at| directory.doors().person_in(mark(1), Timestamp(at));
        let over = i64::try_from(SESSION_MS).unwrap();
        assert_eq!((whose(over + 4), whose(over + 5)), (Some(PersonId(1)), None));
    }

    #[test]
    fn nobody_signs_in_who_is_not_there_and_nothing_ends_twice() {
        let mut directory = town(1);
        assert_eq!(opened(&directory, PersonId(2), mark(1), "", Timestamp(1)), []);
        assert_eq!(closed(&directory, mark(1), Timestamp(1)), []);
        assert_eq!(closed_all(&directory, PersonId(1), "", Timestamp(1)), []);
        let changes = opened(&directory, PersonId(1), mark(1), "", Timestamp(1));
        apply(&mut directory, changes);
        let changes = closed(&directory, mark(1), Timestamp(2));
        apply(&mut directory, changes);
        assert_eq!(closed(&directory, mark(1), Timestamp(3)), []);
    }

    #[test]
    fn what_happened_is_told_in_order_and_not_for_ever() {
        let mut directory = town(1);
        for at in 0..60 {
            let (number, at) = (u64::try_from(at).unwrap(), Timestamp(at));
            let long = "가".repeat(99);
            let changes = opened(&directory, PersonId(1), mark(number), &long, at);
            apply(&mut directory, changes);
        }
        let door = directory.doors().of(PersonId(1)).unwrap();
        assert_eq!(door.visits.len(), VISITS_PER_PERSON_MAX);
        assert_eq!(door.visits.last().unwrap().at, Timestamp(59));
        assert!(door.visits.is_sorted_by_key(|visit| visit.at));
        assert!(door.visits.iter().all(|one| one.browser.chars().count() == BROWSER_CHARS_MAX));
    }

    #[derive(Debug, Clone)]
    enum Deed {
        Open(u64, u64),
        Close(u64),
        CloseAll(u64),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            4 => (1..4_u64, 0..40_u64).prop_map(|(person, number)| Deed::Open(person, number)),
            2 => (0..40_u64).prop_map(Deed::Close),
            1 => (1..4_u64).prop_map(Deed::CloseAll),
        ]
    }

    proptest! {
        #[test]
        fn who_is_in_is_who_came_in_last_and_did_not_leave(
            deeds in prop::collection::vec(deed(), 0..120),
        ) {
            let mut directory = town(3);
            let mut inside: Vec<(u64, u64)> = Vec::new();
            for (at, deed) in deeds.into_iter().enumerate() {
                let at = Timestamp(i64::try_from(at).unwrap());
                let changes = match deed {
                    // A secret is drawn once: nobody else has its mark.
                    Deed::Open(_, number) if inside.iter().any(|one| one.1 == number) => continue,
                    Deed::Open(person, number) => {
                        inside.push((person, number));
                        let own = inside.iter().filter(|one| one.0 == person).count();
                        if own > SESSIONS_PER_PERSON_MAX {
                            let oldest = inside.iter().position(|one| one.0 == person).unwrap();
                            inside.remove(oldest);
                        }
                        opened(&directory, PersonId(person), mark(number), "", at)
                    }
                    Deed::Close(number) => {
                        inside.retain(|one| one.1 != number);
                        closed(&directory, mark(number), at)
                    }
                    Deed::CloseAll(person) => {
                        inside.retain(|one| one.0 != person);
                        closed_all(&directory, PersonId(person), "", at)
                    }
                };
                apply(&mut directory, changes);
            }
            for number in 0..40 {
                let found = directory.doors().person_in(mark(number), Timestamp(999));
                let wanted = inside.iter().find(|one| one.1 == number).map(|one| PersonId(one.0));
                prop_assert_eq!(found, wanted);
            }
        }
    }
}
