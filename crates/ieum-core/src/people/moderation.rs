//! Moderation: doors of open conversations, who may speak how often, bans, reports.
//!
//! Pure, like [`super::groups`]. Invariants: a ban holds for the person and for every address that
//! was or is theirs; every refusal has a reason that the refused one is told; a decision on a
//! report may be brought before the operator once.

use super::groups::{
    Actor, Charter, Deed, Done, GroupRefusal, News, Role, addresses_of, come_in, gone, led,
};
use crate::directory::{Change, ConversationKind, Directory};
use crate::ids::{AddressId, ConversationId, MessageSeq, PersonId};
use crate::ports::entropy::Entropy;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Bans of one conversation.
pub const BANS_MAX: usize = 10_000;
/// Reports of one conversation; decided ones make room for new ones.
pub const REPORTS_MAX: usize = 200;
/// Reports that one person may have waiting in one conversation.
pub const REPORTS_OF_ONE_MAX: usize = 5;
/// Longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 500;
/// Longest wait between two messages that a conversation may ask for: an hour.
pub const SLOW_MS_MAX: u64 = 3_600_000;
/// How long who came in by the door is a newcomer: 10 minutes.
pub const NEWCOMER_MS: u64 = 10 * 60_000;
/// How long a newcomer waits between two messages.
pub const NEWCOMER_GAP_MS: u64 = 15_000;
/// Newcomers of one conversation that are remembered.
pub const NEWCOMERS_MAX: usize = 1_000;
/// Symbols of a door's key: 28^12 keys.
pub const JOIN_KEY_SYMBOLS: usize = 12;

/// What keys are written with: lower case, without lookalikes, fit for every network's deep links.
const ALPHABET: &[u8; 28] = b"23456789acdefghjkmnpqrtuvwxy";

/// The key by which anybody comes into an open conversation. It is no secret, and it is changed by
/// closing the door and opening another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JoinKey([u8; JOIN_KEY_SYMBOLS]);

/// Who may neither come in nor speak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// Who.
    pub person: PersonId,
    /// All addresses that were theirs.
    pub addresses: Vec<AddressId>,
    /// When.
    pub at: Timestamp,
    /// Why, for them and for who decides an appeal.
    pub reason: Box<str>,
}

/// Who came in by the door a short while ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newcomer {
    /// Who.
    pub person: PersonId,
    /// When.
    pub at: Timestamp,
}

/// What was decided about a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ruling {
    /// Nothing yet.
    Open,
    /// There was nothing to be done.
    Dismissed,
    /// The reported one was removed.
    Removed,
    /// The reported one was banned.
    Banned,
}

/// One report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its number within the conversation.
    pub id: u64,
    /// Who reports.
    pub by: PersonId,
    /// Whom.
    pub about: PersonId,
    /// The message that it is about.
    pub message: Option<MessageSeq>,
    /// Why.
    pub reason: Box<str>,
    /// When.
    pub at: Timestamp,
    /// What was decided.
    pub ruling: Ruling,
    /// What the reported one says to the operator about that.
    pub appeal: Option<Box<str>>,
    /// Whether the operator looked at the appeal.
    pub heard: bool,
}

/// Why somebody's words are not carried, with what they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// They are banned.
    Banned,
    /// They spoke a moment ago.
    TooSoon {
        /// When they may speak again.
        after_ms: u64,
    },
    /// They came in a short while ago and speak again too soon.
    NewcomerTooSoon {
        /// When they may speak again.
        after_ms: u64,
    },
    /// They came in a short while ago and bring a link.
    NewcomerLink,
}

impl JoinKey {
    /// A new one.
    #[must_use]
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(std::array::from_fn(|_| {
            let place = usize::try_from(entropy.below(ALPHABET.len() as u64)).unwrap_or_default();
            ALPHABET.get(place).copied().unwrap_or(b'2')
        }))
    }

    /// A key as somebody typed it or a link carried it: any case, with hyphens or spaces.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let mut symbols = typed.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '_'));
        let mut key = [0; JOIN_KEY_SYMBOLS];
        for place in &mut key {
            let byte = u8::try_from(symbols.next()?.to_ascii_lowercase()).ok()?;
            *place = ALPHABET.contains(&byte).then_some(byte)?;
        }
        symbols.next().is_none().then_some(Self(key))
    }
}

impl std::fmt::Display for JoinKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|symbol| write!(f, "{}", char::from(*symbol)))
    }
}

impl std::fmt::Debug for JoinKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JoinKey({self})")
    }
}

impl From<JoinKey> for String {
    fn from(door: JoinKey) -> Self {
        door.to_string()
    }
}

impl TryFrom<String> for JoinKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::read(&text).ok_or("no key of a door")
    }
}

impl Charter {
    /// Whether somebody is banned, by themselves or by an address that is theirs now.
    #[must_use]
    pub fn bans(&self, directory: &Directory, person: PersonId) -> bool {
        let theirs = || addresses_of(directory, person);
        !self.bans.is_empty()
            && self.bans.iter().any(|ban| {
                ban.person == person || theirs().iter().any(|one| ban.addresses.contains(one))
            })
    }

    /// Whether it keeps anybody from speaking at all.
    #[must_use]
    pub fn may_hush(&self) -> bool {
        self.slow_ms > 0 || !self.bans.is_empty() || !self.newcomers.is_empty()
    }

    /// Whether a banned one writes from this address, in a room or anywhere.
    #[must_use]
    pub fn bans_address(&self, directory: &Directory, address: AddressId) -> bool {
        let owner = directory.address(address).and_then(|one| one.person);
        self.bans.iter().any(|ban| ban.addresses.contains(&address))
            || owner.is_some_and(|person| self.bans(directory, person))
    }

    /// Whether somebody's words are carried now; `spoke_at` is when they last spoke here.
    #[must_use]
    pub fn hush(
        &self,
        person: PersonId,
        text: &str,
        spoke_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Silence> {
        if self.role(person) > Role::Member {
            return None;
        }
        let since_ms = spoke_at.map_or(u64::MAX, |at| now.ms_since(at));
        let young = |one: &Newcomer| one.person == person && now.ms_since(one.at) < NEWCOMER_MS;
        if self.newcomers.iter().any(young) {
            if has_link(text) {
                return Some(Silence::NewcomerLink);
            }
            if since_ms < NEWCOMER_GAP_MS.max(self.slow_ms) {
                let after_ms = NEWCOMER_GAP_MS.max(self.slow_ms) - since_ms;
                return Some(Silence::NewcomerTooSoon { after_ms });
            }
        }
        (since_ms < self.slow_ms).then(|| Silence::TooSoon { after_ms: self.slow_ms - since_ms })
    }
}

fn has_link(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["http://", "https://", "www.", "t.me/", "open.kakao.com", "line.me/"]
        .iter()
        .any(|sign| lower.contains(sign))
}

fn moderated(
    directory: &Directory,
    id: ConversationId,
    actor: Actor,
) -> Result<(crate::directory::Conversation, Charter, Role), GroupRefusal> {
    let (conversation, charter, reach) = led(directory, id, actor)?;
    if reach < Role::Moderator {
        return Err(GroupRefusal::NotAllowed);
    }
    Ok((conversation, charter, reach))
}

fn short(reason: &str) -> Box<str> {
    reason.trim().chars().take(REASON_CHARS_MAX).collect::<String>().into()
}

/// Opens a conversation to whoever has the key, or closes it; only its owner may.
///
/// # Errors
/// A [`GroupRefusal`], here and in all acts below; nothing is to be changed.
pub fn set_door(
    directory: &Directory,
    id: ConversationId,
    actor: Actor,
    door: Option<JoinKey>,
) -> Deed {
    let (mut conversation, mut charter, reach) = led(directory, id, actor)?;
    if reach < Role::Owner {
        return Err(GroupRefusal::NotAllowed);
    }
    charter.key = door;
    conversation.kind = match door {
        Some(_) => ConversationKind::Open,
        None => ConversationKind::Group,
    };
    let changes = vec![Change::Conversation(conversation), Change::Charter(charter)];
    Ok(Done { changes, ..Done::default() })
}

/// Comes in by the door.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn enter(directory: &Directory, door: JoinKey, person: PersonId, now: Timestamp) -> Deed {
    let id = directory.charters().behind(door).ok_or(GroupRefusal::NoConversation)?;
    let conversation = directory.conversation(id).ok_or(GroupRefusal::NoConversation)?;
    let mut charter = Charter::of(directory, id);
    charter.newcomers.retain(|one| now.ms_since(one.at) < NEWCOMER_MS);
    if charter.newcomers.len() >= NEWCOMERS_MAX {
        return Err(GroupRefusal::TooMany);
    }
    if !conversation.members.contains(&person) {
        charter.newcomers.push(Newcomer { person, at: now });
    }
    come_in(directory, conversation.clone(), charter, person)
}

/// Lets members speak only so often.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn set_slow(directory: &Directory, id: ConversationId, actor: Actor, slow_ms: u64) -> Deed {
    let (_, mut charter, _) = moderated(directory, id, actor)?;
    charter.slow_ms = slow_ms.min(SLOW_MS_MAX);
    Ok(Done { changes: vec![Change::Charter(charter)], ..Done::default() })
}

/// Bans somebody, member or not, on every network.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn ban(
    directory: &Directory,
    id: ConversationId,
    actor: Actor,
    (person, reason): (PersonId, &str),
    now: Timestamp,
) -> Deed {
    let (conversation, mut charter, reach) = moderated(directory, id, actor)?;
    directory.person(person).ok_or(GroupRefusal::NoMember)?;
    if reach <= charter.role(person) && actor != Actor::Operator {
        return Err(GroupRefusal::NotAllowed);
    }
    if charter.bans.len() >= BANS_MAX {
        return Err(GroupRefusal::Full);
    }
    let addresses = addresses_of(directory, person);
    charter.bans.retain(|ban| ban.person != person);
    charter.bans.push(Ban { person, addresses, at: now, reason: short(reason) });
    charter.invited.retain(|one| one.person != person);
    let member = conversation.members.contains(&person);
    let news = member.then_some(News::Removed(person)).into_iter().collect();
    let mut done = gone(conversation, charter, person, news);
    done.told = Some(person);
    Ok(done)
}

/// Lifts a ban.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn unban(directory: &Directory, id: ConversationId, actor: Actor, person: PersonId) -> Deed {
    let (_, mut charter, _) = moderated(directory, id, actor)?;
    let theirs = addresses_of(directory, person);
    let before = charter.bans.len();
    charter.bans.retain(|ban| {
        ban.person != person && !theirs.iter().any(|one| ban.addresses.contains(one))
    });
    if charter.bans.len() == before {
        return Err(GroupRefusal::NoMember);
    }
    let changes = vec![Change::Charter(charter)];
    Ok(Done { changes, news: Vec::new(), told: Some(person) })
}

/// Reports somebody, with a reason, to those who moderate.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn report(
    directory: &Directory,
    id: ConversationId,
    by: PersonId,
    (about, message): (PersonId, Option<MessageSeq>),
    reason: &str,
    now: Timestamp,
) -> Deed {
    let (conversation, mut charter, _) = led(directory, id, Actor::Person(by))?;
    if !conversation.members.contains(&about) || about == by {
        return Err(GroupRefusal::NoMember);
    }
    let waits = |one: &&Report| one.ruling == Ruling::Open;
    if charter.reports.iter().filter(waits).filter(|one| one.by == by).count() >= REPORTS_OF_ONE_MAX
    {
        return Err(GroupRefusal::TooMany);
    }
    if charter.reports.len() >= REPORTS_MAX {
        let done = |one: &Report| one.ruling != Ruling::Open && one.settled();
        let old = charter.reports.iter().position(done).ok_or(GroupRefusal::Full)?;
        charter.reports.remove(old);
    }
    let id = charter.reports.last().map_or(1, |last| last.id + 1);
    charter.reports.push(Report {
        id,
        by,
        about,
        message,
        reason: short(reason),
        at: now,
        ruling: Ruling::Open,
        appeal: None,
        heard: false,
    });
    Ok(Done { changes: vec![Change::Charter(charter)], ..Done::default() })
}

impl Report {
    /// Whether nobody waits for anything any more.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.ruling != Ruling::Open && (self.appeal.is_none() || self.heard)
    }
}

/// Decides about a report: what it comes to is done with it.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn decide(
    directory: &Directory,
    id: ConversationId,
    actor: Actor,
    (report, ruling): (u64, Ruling),
    now: Timestamp,
) -> Deed {
    let (conversation, charter, _) = moderated(directory, id, actor)?;
    let found = charter.reports.iter().find(|one| one.id == report);
    let (about, reason) = found
        .filter(|one| one.ruling == Ruling::Open && ruling != Ruling::Open)
        .map(|one| (one.about, one.reason.clone()))
        .ok_or(GroupRefusal::NoReport)?;
    // Nobody sits over a report about themselves.
    if actor == Actor::Person(about) {
        return Err(GroupRefusal::NotAllowed);
    }
    let there = conversation.members.contains(&about);
    let mut done = match ruling {
        Ruling::Banned => ban(directory, id, actor, (about, &reason), now)?,
        Ruling::Removed if there => super::groups::remove(directory, id, actor, about)?,
        Ruling::Removed | Ruling::Dismissed | Ruling::Open => {
            Done { changes: vec![Change::Charter(charter)], ..Done::default() }
        }
    };
    in_charter(&mut done, |charter| {
        for one in charter.reports.iter_mut().filter(|one| one.id == report) {
            one.ruling = ruling;
        }
    });
    Ok(done)
}

/// Brings a decision before the operator, by the one whom it is about; once.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn appeal(
    directory: &Directory,
    id: ConversationId,
    person: PersonId,
    report: u64,
    text: &str,
) -> Deed {
    let mut charter = Charter::of(directory, id);
    let found = charter.reports.iter_mut().find(|one| one.id == report && one.about == person);
    let one = found
        .filter(|one| matches!(one.ruling, Ruling::Removed | Ruling::Banned))
        .filter(|one| one.appeal.is_none())
        .ok_or(GroupRefusal::NoReport)?;
    one.appeal = Some(short(text));
    Ok(Done { changes: vec![Change::Charter(charter)], ..Done::default() })
}

/// The operator's word on an appeal: the decision stands, or is undone.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn hear(directory: &Directory, id: ConversationId, report: u64, stands: bool) -> Deed {
    let charter = Charter::of(directory, id);
    let about = charter
        .reports
        .iter()
        .find(|one| one.id == report && one.appeal.is_some() && !one.heard)
        .map(|one| one.about)
        .ok_or(GroupRefusal::NoReport)?;
    let banned = charter.bans(directory, about);
    let mut done = match stands || !banned {
        true => Done { changes: vec![Change::Charter(charter)], ..Done::default() },
        false => unban(directory, id, Actor::Operator, about)?,
    };
    done.told = Some(about);
    in_charter(&mut done, |charter| {
        for one in charter.reports.iter_mut().filter(|one| one.id == report) {
            one.heard = true;
            one.ruling = if stands { one.ruling } else { Ruling::Dismissed };
        }
    });
    Ok(done)
}

/// Changes the charter among the changes of an act.
fn in_charter(done: &mut Done, change: impl FnOnce(&mut Charter)) {
    for one in &mut done.changes {
        if let Change::Charter(charter) = one {
            return change(charter);
        }
    }
}

#[cfg(test)]
mod tests;
