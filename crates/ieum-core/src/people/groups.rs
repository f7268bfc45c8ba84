//! Groups: who leads a conversation, who is invited, who comes and goes.
//!
//! Pure: each act returns the changes to be made durable and the news to be told. Invariants: a
//! conversation that has an owner keeps one as long as anybody is in it; nobody becomes a member
//! but by their own yes or an operator's word; what an invitation is answered depends on the one
//! who invites alone.

use super::moderation::{Ban, JoinKey, Newcomer, Report};
use crate::directory::{
    Change, Conversation, ConversationKind, Directory, MEMBERS_PER_CONVERSATION_MAX,
    NAME_CHARS_MAX, Person,
};
use crate::ids::{AddressId, ConversationId, PersonId};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Invitations of one conversation that wait at a time.
pub const INVITED_MAX: usize = 100;
/// Invitations that one person may have waiting, of those made within [`INVITING_MS`].
pub const INVITING_MAX: usize = 20;
/// How long an invitation waits and counts: a week.
pub const INVITING_MS: u64 = 7 * 24 * 3_600_000;
/// Conversations that one person may lead.
pub const LED_MAX: usize = 100;
/// Moderators of one conversation.
pub const MODERATORS_MAX: usize = 50;

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Speaks and invites.
    Member,
    /// Removes and bans members, decides reports.
    Moderator,
    /// Everything; there is one.
    Owner,
}

/// Somebody who was asked to come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Who.
    pub person: PersonId,
    /// By whom.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
}

/// How a conversation is led. One that has none is led by the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charter {
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Who leads it.
    pub owner: Option<PersonId>,
    /// Who helps, the longest serving first.
    pub moderators: Vec<PersonId>,
    /// Who was asked to come in.
    pub invited: Vec<Invitation>,
    /// How anybody may come in; closed without one.
    pub key: Option<JoinKey>,
    /// How long each member waits between two messages, in milliseconds.
    pub slow_ms: u64,
    /// Who may neither come in nor speak.
    pub bans: Vec<Ban>,
    /// Who came in by the door a short while ago.
    pub newcomers: Vec<Newcomer>,
    /// What was reported, the oldest first.
    pub reports: Vec<Report>,
}

/// All charters, found by conversation and by door.
#[derive(Debug, Clone, Default)]
pub struct Charters {
    of: BTreeMap<ConversationId, Charter>,
    keys: BTreeMap<JoinKey, ConversationId>,
    /// By who is invited.
    invited: BTreeMap<PersonId, Vec<ConversationId>>,
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Whoever runs the hub.
    Operator,
    /// One of its people.
    Person(PersonId),
}

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupRefusal {
    /// There is no such conversation, or it is not one of the actor's.
    #[error("no such conversation")]
    NoConversation,
    /// There is no such person in it.
    #[error("no such member")]
    NoMember,
    /// It has two people for good.
    #[error("a direct conversation stays as it is")]
    Direct,
    /// The actor's role does not go that far.
    #[error("that is for those who lead the conversation")]
    NotAllowed,
    /// The title is empty or too long.
    #[error("a title has 1 to 100 characters")]
    Title,
    /// Nobody asked the actor to come in, or it is too late.
    #[error("there is no invitation")]
    NotInvited,
    /// It has as many people, invitations, moderators or reports as it may.
    #[error("that is full")]
    Full,
    /// The actor did that too often.
    #[error("too often; later again")]
    TooMany,
    /// The actor may not come in or speak there.
    #[error("a ban stands")]
    Banned,
    /// There is no such report.
    #[error("no such report")]
    NoReport,
}

/// What is told to those who are in the conversation afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It has another title.
    Renamed(Box<str>),
    /// Somebody came in.
    Came(PersonId),
    /// Somebody left by themselves.
    Left(PersonId),
    /// Somebody was removed.
    Removed(PersonId),
    /// Somebody has another role.
    Role(PersonId, Role),
}

/// What an act comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done {
    /// To be made durable.
    pub changes: Vec<Change>,
    /// To be told to members.
    pub news: Vec<News>,
    /// Who is to be told in person, being no member (yet, or any more).
    pub told: Option<PersonId>,
}

/// What an act comes to, or why to nothing.
pub type Deed = Result<Done, GroupRefusal>;

impl Charter {
    /// Of a conversation that nobody leads.
    #[must_use]
    pub const fn empty(conversation: ConversationId) -> Self {
        Self {
            conversation,
            owner: None,
            moderators: Vec::new(),
            invited: Vec::new(),
            key: None,
            slow_ms: 0,
            bans: Vec::new(),
            newcomers: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Of a conversation, whether or not it was ever led.
    #[must_use]
    pub fn of(directory: &Directory, conversation: ConversationId) -> Self {
        let found = directory.charters().of(conversation).cloned();
        found.unwrap_or_else(|| Self::empty(conversation))
    }

    /// The role of a member.
    #[must_use]
    pub fn role(&self, member: PersonId) -> Role {
        if self.owner == Some(member) {
            Role::Owner
        } else if self.moderators.contains(&member) {
            Role::Moderator
        } else {
            Role::Member
        }
    }

    /// How far an actor may go, being in the conversation; `None` for who is not in it.
    pub(super) fn reach(&self, conversation: &Conversation, actor: Actor) -> Option<Role> {
        match actor {
            Actor::Operator => Some(Role::Owner),
            Actor::Person(person) => {
                conversation.members.contains(&person).then(|| self.role(person))
            }
        }
    }

    pub(super) fn set_role(&mut self, member: PersonId, role: Role) {
        self.moderators.retain(|one| *one != member);
        if self.owner == Some(member) {
            self.owner = None;
        }
        match role {
            Role::Member => {}
            Role::Moderator => self.moderators.push(member),
            Role::Owner => self.owner = Some(member),
        }
    }

    /// Somebody is no member any more; who leads instead, if they did.
    pub(super) fn without(&mut self, left: PersonId, rest: &[PersonId]) -> Option<PersonId> {
        let led = self.owner == Some(left);
        self.set_role(left, Role::Member);
        self.newcomers.retain(|one| one.person != left);
        let next = self.moderators.iter().find(|one| rest.contains(one)).or(rest.first()).copied();
        let next = next.filter(|_| led)?;
        self.set_role(next, Role::Owner);
        Some(next)
    }
}

impl Charters {
    /// A charter is new or changed.
    pub(crate) fn put(&mut self, charter: Charter) {
        if let Some(old) = self.of.get(&charter.conversation) {
            if let Some(door) = old.key {
                self.keys.remove(&door);
            }
            for one in &old.invited {
                if let Some(all) = self.invited.get_mut(&one.person) {
                    all.retain(|id| *id != charter.conversation);
                }
            }
        }
        for one in &charter.invited {
            self.invited.entry(one.person).or_default().push(charter.conversation);
        }
        self.invited.retain(|_, all| !all.is_empty());
        self.keys.extend(charter.key.map(|door| (door, charter.conversation)));
        self.of.insert(charter.conversation, charter);
    }

    /// How a conversation is led.
    #[must_use]
    pub fn of(&self, conversation: ConversationId) -> Option<&Charter> {
        self.of.get(&conversation)
    }

    /// The conversation behind a door.
    #[must_use]
    pub fn behind(&self, door: JoinKey) -> Option<ConversationId> {
        self.keys.get(&door).copied()
    }

    /// All of them, by conversation.
    pub fn all(&self) -> impl Iterator<Item = &Charter> {
        self.of.values()
    }

    /// The conversations that somebody is invited to, the latest last.
    #[must_use]
    pub fn inviting(&self, person: PersonId, now: Timestamp) -> Vec<ConversationId> {
        let all = self.invited.get(&person).into_iter().flatten();
        let mut waiting: Vec<(Timestamp, ConversationId)> = all
            .filter_map(|id| {
                let invited = self.of(*id)?.invited.iter().find(|one| one.person == person)?;
                (now.ms_since(invited.at) < INVITING_MS).then_some((invited.at, *id))
            })
            .collect();
        waiting.sort_unstable();
        waiting.into_iter().map(|(_, id)| id).collect()
    }
}

/// A title as it is kept.
///
/// # Errors
/// When it is empty or too long.
pub fn title(typed: &str) -> Result<Box<str>, GroupRefusal> {
    let title = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = (1..=NAME_CHARS_MAX).contains(&title.chars().count());
    if fits { Ok(title.into()) } else { Err(GroupRefusal::Title) }
}

/// The conversation and its charter, for an actor who is in it.
pub(super) fn led(
    directory: &Directory,
    id: ConversationId,
    actor: Actor,
) -> Result<(Conversation, Charter, Role), GroupRefusal> {
    let conversation = directory.conversation(id).ok_or(GroupRefusal::NoConversation)?;
    if conversation.kind == ConversationKind::Direct {
        return Err(GroupRefusal::Direct);
    }
    let charter = Charter::of(directory, id);
    let reach = charter.reach(conversation, actor).ok_or(GroupRefusal::NoConversation)?;
    Ok((conversation.clone(), charter, reach))
}

/// Makes a group that `owner` leads.
///
/// # Errors
/// A [`GroupRefusal`], here and in all acts below; nothing is to be changed.
pub fn found(directory: &Directory, owner: PersonId, typed: &str) -> Deed {
    directory.person(owner).ok_or(GroupRefusal::NoMember)?;
    let title = title(typed)?;
    let mine = directory.conversations_of(owner).iter();
    let charters = mine.filter_map(|id| directory.charters().of(*id));
    if charters.filter(|charter| charter.owner == Some(owner)).count() >= LED_MAX {
        return Err(GroupRefusal::TooMany);
    }
    let id = directory.next_ids().conversation;
    let (kind, members, rooms) = (ConversationKind::Group, vec![owner], Vec::new());
    let conversation = Conversation { id, kind, title, members, rooms };
    let charter = Charter { owner: Some(owner), ..Charter::empty(id) };
    let changes = vec![Change::Conversation(conversation), Change::Charter(charter)];
    Ok(Done { changes, ..Done::default() })
}

/// Gives a conversation another title.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn rename(directory: &Directory, id: ConversationId, actor: Actor, typed: &str) -> Deed {
    let (mut conversation, _, reach) = led(directory, id, actor)?;
    if reach < Role::Moderator {
        return Err(GroupRefusal::NotAllowed);
    }
    conversation.title = title(typed)?;
    let news = vec![News::Renamed(conversation.title.clone())];
    Ok(Done { changes: vec![Change::Conversation(conversation)], news, told: None })
}

/// Asks whoever has this handle to come in. What comes of it does not tell whether there is
/// somebody, or whether they are in it, banned, or block the one who asks.
///
/// # Errors
/// A [`GroupRefusal`] that depends on the one who asks alone.
pub fn invite(
    directory: &Directory,
    id: ConversationId,
    by: PersonId,
    handle: &str,
    now: Timestamp,
) -> Deed {
    let (conversation, mut charter, _) = led(directory, id, Actor::Person(by))?;
    let fresh = |one: &Invitation| now.ms_since(one.at) < INVITING_MS;
    charter.invited.retain(fresh);
    let mine = directory.conversations_of(by).iter();
    let all = mine.filter_map(|id| directory.charters().of(*id)).flat_map(|one| &one.invited);
    if all.filter(|one| one.by == by && fresh(one)).count() >= INVITING_MAX {
        return Err(GroupRefusal::TooMany);
    }
    if charter.invited.len() >= INVITED_MAX {
        return Err(GroupRefusal::Full);
    }
    let found = directory.cards().person_called(handle);
    let person = found.filter(|person| {
        !conversation.members.contains(person)
            && !directory.cards().blocks(*person, by)
            && !charter.bans(directory, *person)
            && charter.invited.iter().all(|one| one.person != *person)
    });
    // An invitation that finds nobody counts like one that does: it is kept under nobody's number.
    let invited = Invitation { person: person.unwrap_or(PersonId(0)), by, at: now };
    charter.invited.push(invited);
    Ok(Done { changes: vec![Change::Charter(charter)], news: Vec::new(), told: person })
}

/// Comes in, having been asked, or declines.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn answer_invitation(
    directory: &Directory,
    id: ConversationId,
    person: PersonId,
    comes: bool,
    now: Timestamp,
) -> Deed {
    if !directory.charters().inviting(person, now).contains(&id) {
        return Err(GroupRefusal::NotInvited);
    }
    let mut charter = Charter::of(directory, id);
    charter.invited.retain(|one| one.person != person);
    if !comes {
        return Ok(Done { changes: vec![Change::Charter(charter)], ..Done::default() });
    }
    let conversation = directory.conversation(id).ok_or(GroupRefusal::NotInvited)?;
    come_in(directory, conversation.clone(), charter, person)
}

/// A person becomes a member.
pub(super) fn come_in(
    directory: &Directory,
    mut conversation: Conversation,
    mut charter: Charter,
    person: PersonId,
) -> Deed {
    directory.person(person).ok_or(GroupRefusal::NoMember)?;
    if charter.bans(directory, person) {
        return Err(GroupRefusal::Banned);
    }
    if conversation.members.contains(&person) {
        return Ok(Done { changes: vec![Change::Charter(charter)], ..Done::default() });
    }
    if conversation.members.len() >= MEMBERS_PER_CONVERSATION_MAX {
        return Err(GroupRefusal::Full);
    }
    if conversation.members.is_empty() {
        // All others left: somebody has to lead.
        charter.set_role(person, Role::Owner);
    }
    conversation.members.push(person);
    // Who comes to an open conversation is not news to thousands.
    let told = conversation.kind == ConversationKind::Group;
    let news = told.then_some(News::Came(person)).into_iter().collect();
    let changes = vec![Change::Conversation(conversation), Change::Charter(charter)];
    Ok(Done { changes, news, told: None })
}

/// Leaves. The last owner hands over: to who moderates longest, else to who is there longest.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn leave(directory: &Directory, id: ConversationId, person: PersonId) -> Deed {
    let (conversation, charter, _) = led(directory, id, Actor::Person(person))?;
    let told = conversation.kind == ConversationKind::Group;
    let news = told.then_some(News::Left(person)).into_iter().collect();
    Ok(gone(conversation, charter, person, news))
}

/// Takes a member out.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn remove(directory: &Directory, id: ConversationId, actor: Actor, member: PersonId) -> Deed {
    let (conversation, charter, reach) = led(directory, id, actor)?;
    if !conversation.members.contains(&member) {
        return Err(GroupRefusal::NoMember);
    }
    if reach <= charter.role(member) && actor != Actor::Operator {
        return Err(GroupRefusal::NotAllowed);
    }
    let mut done = gone(conversation, charter, member, vec![News::Removed(member)]);
    done.told = Some(member);
    Ok(done)
}

/// Gives a member another role; an owner who appoints another becomes a moderator.
///
/// # Errors
/// A [`GroupRefusal`].
pub fn appoint(
    directory: &Directory,
    id: ConversationId,
    actor: Actor,
    member: PersonId,
    role: Role,
) -> Deed {
    let (conversation, mut charter, reach) = led(directory, id, actor)?;
    if reach < Role::Owner {
        return Err(GroupRefusal::NotAllowed);
    }
    if !conversation.members.contains(&member) {
        return Err(GroupRefusal::NoMember);
    }
    if charter.role(member) == role {
        return Ok(Done::default());
    }
    // There is always an owner: one steps down only by naming another.
    if charter.role(member) == Role::Owner {
        return Err(GroupRefusal::NotAllowed);
    }
    if role == Role::Moderator && charter.moderators.len() >= MODERATORS_MAX {
        return Err(GroupRefusal::Full);
    }
    let before = charter.owner.filter(|_| role == Role::Owner);
    charter.set_role(member, role);
    if let Some(before) = before {
        charter.moderators.push(before);
    }
    let news = vec![News::Role(member, role)];
    Ok(Done { changes: vec![Change::Charter(charter)], news, told: None })
}

pub(super) fn gone(
    mut conversation: Conversation,
    mut charter: Charter,
    left: PersonId,
    mut news: Vec<News>,
) -> Done {
    conversation.members.retain(|member| *member != left);
    let heir = charter.without(left, &conversation.members);
    news.extend(heir.map(|heir| News::Role(heir, Role::Owner)));
    let changes = vec![Change::Conversation(conversation), Change::Charter(charter)];
    Done { changes, news, told: None }
}

/// What becomes of charters when `from` turns out to be `to`.
pub(crate) fn merged(directory: &Directory, from: PersonId, to: PersonId) -> Vec<Change> {
    let mut changes = Vec::new();
    for old in directory.charters().all() {
        let mut charter = old.clone();
        let role = charter.role(from);
        if role > charter.role(to) {
            charter.set_role(from, Role::Member);
            charter.set_role(to, role);
        } else {
            charter.set_role(from, Role::Member);
        }
        for one in &mut charter.invited {
            for person in [&mut one.person, &mut one.by] {
                *person = if *person == from { to } else { *person };
            }
        }
        for ban in charter.bans.iter_mut().filter(|ban| ban.person == from) {
            ban.person = to;
        }
        for one in charter.newcomers.iter_mut().filter(|one| one.person == from) {
            one.person = to;
        }
        if charter != *old {
            changes.push(Change::Charter(charter));
        }
    }
    changes
}

/// All that belongs to a person, by which a ban recognises them.
pub(super) fn addresses_of(directory: &Directory, person: PersonId) -> Vec<AddressId> {
    let found: Option<&Person> = directory.person(person);
    found.map(|person| person.routes.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
