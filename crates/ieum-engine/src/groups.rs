//! Groups and moderation at work: decided in `ieum_core::people`, made durable here and told.
//!
//! Invariants: members are told after it is durable, in their own language; what an invitation
//! takes does not depend on whom it finds, so whoever is invited hears of it from the sweep.

use crate::commands::say_to;
use crate::compose::hub_text;
use crate::group_words;
use crate::intake::plan_of;
use crate::notices::HUB_CONVERSATION;
use crate::people::ChangeFailure;
use crate::pieces::{Pieces, lock};
use ieum_core::delivery::Recipient;
use ieum_core::directory::{Change, Directory, Endpoint, Language};
use ieum_core::ids::{AddressId, ConversationId, MessageSeq, PersonId};
use ieum_core::message::Author;
use ieum_core::people::groups::{self, Actor, Deed, Done, GroupRefusal, News, Role};
use ieum_core::people::moderation::{self, JoinKey, Ruling};
use ieum_core::ports::store::{Admission, AdmitBatch, StoreFailure};
use ieum_core::route::roster::{Seat, roster};
use ieum_core::route::{PlanFacts, way_to_tell};
use ieum_core::time::Timestamp;

/// Words that wait to be told by the sweep.
pub(crate) const TO_TELL_MAX: usize = 10_000;

/// Something that somebody does to a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAct {
    /// Makes a group with this title, led by this person.
    Found(PersonId, String),
    /// Gives it another title.
    Rename(ConversationId, Actor, String),
    /// A member asks whoever has this handle to come in.
    Invite(ConversationId, PersonId, String),
    /// Who was asked comes in, or does not.
    Answer(ConversationId, PersonId, bool),
    /// A member leaves.
    Leave(ConversationId, PersonId),
    /// A member is taken out.
    Remove(ConversationId, Actor, PersonId),
    /// A member gets another role.
    Appoint(ConversationId, Actor, PersonId, Role),
    /// It is opened to whoever has the link, or closed.
    Open(ConversationId, Actor, bool),
    /// Somebody comes in by the door.
    Enter(JoinKey, PersonId),
    /// Members may speak only so often, in milliseconds.
    Slow(ConversationId, Actor, u64),
    /// Somebody is banned, for a reason.
    Ban(ConversationId, Actor, PersonId, String),
    /// A ban is lifted.
    Unban(ConversationId, Actor, PersonId),
    /// A member reports another, perhaps for a message, for a reason.
    Report(ConversationId, PersonId, PersonId, Option<MessageSeq>, String),
    /// A report is decided.
    Decide(ConversationId, Actor, u64, Ruling),
    /// The reported one brings the decision before the operator.
    Appeal(ConversationId, PersonId, u64, String),
    /// The operator hears them: the decision stands, or does not.
    Hear(ConversationId, u64, bool),
}

impl From<GroupRefusal> for ChangeFailure {
    fn from(refusal: GroupRefusal) -> Self {
        match refusal {
            GroupRefusal::NoConversation => Self::NotFound("conversation"),
            GroupRefusal::NoMember => Self::NotFound("member"),
            GroupRefusal::NoReport => Self::NotFound("report"),
            GroupRefusal::Title => Self::Invalid(refusal.to_string()),
            GroupRefusal::Direct
            | GroupRefusal::NotAllowed
            | GroupRefusal::NotInvited
            | GroupRefusal::Full
            | GroupRefusal::TooMany
            | GroupRefusal::Banned => Self::Conflict(refusal.to_string()),
        }
    }
}

/// Decides about an act.
fn decided(directory: &Directory, act: &GroupAct, door: JoinKey, now: Timestamp) -> Deed {
    match act {
        GroupAct::Found(owner, title) => groups::found(directory, *owner, title),
        GroupAct::Rename(id, by, title) => groups::rename(directory, *id, *by, title),
        GroupAct::Invite(id, by, handle) => groups::invite(directory, *id, *by, handle, now),
        GroupAct::Answer(id, who, comes) => {
            groups::answer_invitation(directory, *id, *who, *comes, now)
        }
        GroupAct::Leave(id, who) => groups::leave(directory, *id, *who),
        GroupAct::Remove(id, by, who) => groups::remove(directory, *id, *by, *who),
        GroupAct::Appoint(id, by, who, role) => groups::appoint(directory, *id, *by, *who, *role),
        GroupAct::Open(id, by, open) => {
            moderation::set_door(directory, *id, *by, open.then_some(door))
        }
        GroupAct::Enter(door, who) => moderation::enter(directory, *door, *who, now),
        GroupAct::Slow(id, by, slow_ms) => moderation::set_slow(directory, *id, *by, *slow_ms),
        GroupAct::Ban(id, by, who, reason) => {
            moderation::ban(directory, *id, *by, (*who, reason), now)
        }
        GroupAct::Unban(id, by, who) => moderation::unban(directory, *id, *by, *who),
        GroupAct::Report(id, by, about, message, reason) => {
            moderation::report(directory, *id, *by, (*about, *message), reason, now)
        }
        GroupAct::Decide(id, by, report, ruling) => {
            moderation::decide(directory, *id, *by, (*report, *ruling), now)
        }
        GroupAct::Appeal(id, who, report, text) => {
            moderation::appeal(directory, *id, *who, *report, text)
        }
        GroupAct::Hear(id, report, stands) => moderation::hear(directory, *id, *report, *stands),
    }
}

/// Carries out an act; the conversation that it was about. `Err` inside: it was refused.
pub(crate) async fn carry_out(
    pieces: &Pieces,
    act: GroupAct,
) -> Result<Result<ConversationId, GroupRefusal>, StoreFailure> {
    let (now, door) = (pieces.now(), JoinKey::draw(pieces.entropy.as_ref()));
    let done = pieces
        .change(|directory| match decided(directory, &act, door, now) {
            Ok(done) => (done.changes.clone(), Ok(done)),
            Err(refusal) => (Vec::new(), Err(refusal)),
        })
        .await?;
    let done = match done {
        Ok(done) => done,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let id = conversation_of(pieces, &act, &done);
    for news in &done.news {
        tell_members(pieces, id, news).await?;
    }
    if let Some(person) = done.told {
        tell_later(pieces, person, id, &act);
    }
    Ok(Ok(id))
}

fn conversation_of(pieces: &Pieces, act: &GroupAct, done: &Done) -> ConversationId {
    let changed = done.changes.iter().find_map(|change| {
        if let Change::Charter(charter) = change { Some(charter.conversation) } else { None }
    });
    let named = match act {
        GroupAct::Rename(id, ..)
        | GroupAct::Invite(id, ..)
        | GroupAct::Answer(id, ..)
        | GroupAct::Leave(id, _)
        | GroupAct::Remove(id, ..)
        | GroupAct::Appoint(id, ..)
        | GroupAct::Open(id, ..)
        | GroupAct::Slow(id, ..)
        | GroupAct::Ban(id, ..)
        | GroupAct::Unban(id, ..)
        | GroupAct::Report(id, ..)
        | GroupAct::Decide(id, ..)
        | GroupAct::Appeal(id, ..)
        | GroupAct::Hear(id, ..) => Some(*id),
        GroupAct::Enter(door, _) => pieces.read(|all| all.charters().behind(*door)),
        GroupAct::Found(..) => None,
    };
    named.or(changed).unwrap_or_default()
}

/// Tells everybody in a conversation, each in their own language; rooms in the hub's.
async fn tell_members(
    pieces: &Pieces,
    id: ConversationId,
    news: &News,
) -> Result<(), StoreFailure> {
    let _planning = pieces.gate.read().await;
    let mut admissions = Vec::new();
    for language in [Language::Ko, Language::En] {
        let text = pieces.read(|directory| group_words::news(directory, news, language));
        let message = hub_text(pieces, id, &text, None);
        let mut deliveries = plan_of(pieces, &message, None).deliveries;
        let hub = pieces.settings.language;
        pieces.read(|directory| {
            deliveries.retain(|one| match one.recipient {
                Recipient::Room(_) => language == hub,
                Recipient::Person(id) => {
                    directory.person(id).map_or(hub, |one| one.language) == language
                }
            });
        });
        if !deliveries.is_empty() {
            admissions.push(Admission { message: Some(message), deliveries, ..Default::default() });
        }
    }
    if !admissions.is_empty() {
        let batch = AdmitBatch { at: pieces.now(), admissions, cursor: None };
        pieces.admit(batch).await?;
    }
    Ok(())
}

/// Remembers what somebody is to be told; the sweep does. After a crash they are not told: the
/// invitation itself is durable, and shown where they look.
fn tell_later(pieces: &Pieces, person: PersonId, id: ConversationId, act: &GroupAct) {
    let language = pieces.language_of(person);
    let title = pieces.read(|directory| crate::talk::title(directory, id, person, language));
    if let Some(text) = group_words::in_person(act, &title, language) {
        let mut waiting = lock(&pieces.to_tell);
        if waiting.len() < TO_TELL_MAX {
            waiting.push((person, text));
        }
    }
}

/// Tells what waits to be told, each where they agreed to be talked to.
pub(crate) async fn tell_waiting(pieces: &Pieces) -> Result<(), StoreFailure> {
    let waiting = std::mem::take(&mut *lock(&pieces.to_tell));
    for (person, text) in waiting {
        if let Some(address) = where_told(pieces, person) {
            say_to(pieces, person, address, &text).await?;
        }
    }
    Ok(())
}

fn where_told(pieces: &Pieces, person: PersonId) -> Option<AddressId> {
    let way = pieces.read_with_health(|directory, health| {
        way_to_tell(directory, health, person, HUB_CONVERSATION)
    });
    match way?.endpoint {
        Endpoint::Address(address) => Some(address),
        Endpoint::Room(_) => None,
    }
}

/// Who is in a conversation, and where each is reached now.
pub(crate) fn roster_of(pieces: &Pieces, id: ConversationId) -> Option<Vec<Seat>> {
    pieces.read_with_health(|directory, health| {
        let conversation = directory.conversation(id)?;
        let (author, source_room) = (Author::Hub, None);
        Some(roster(PlanFacts { directory, health, conversation, author, source_room }))
    })
}
