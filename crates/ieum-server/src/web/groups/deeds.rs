//! What people do with groups on the page.
//!
//! Invariants: each deed is done in the name of the one who is signed in, and nothing is done in a
//! group that they are not in.

use super::shown;
use crate::edge::Shared;
use crate::problem::Problem;
use crate::web::form::{Sent, sound};
use crate::web::frame::{Tab, page as framed};
use crate::web::inbox::mine;
use crate::web::reader::Reader;
use crate::web::sessions::{SignedIn, not_ours};
use crate::web::wrong::Wrong;
use axum::extract::rejection::PathRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use ieum_core::directory::{ConversationKind, Directory};
use ieum_core::ids::{ConversationId, MessageSeq, PersonId, RoomId};
use ieum_core::people::code::{CodePurpose, Party};
use ieum_core::people::contacts::Standing;
use ieum_core::people::groups::{Actor, Charter, Role};
use ieum_core::people::moderation::Ruling;
use ieum_core::route::author_person;
use ieum_engine::{ChangeFailure, CodeFailure, GroupAct, WantedCode};
use serde::Deserialize;

/// A group to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Founding {
    csrf: String,
    title: String,
}

/// Whether somebody comes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answering {
    csrf: String,
    comes: Comes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Comes {
    Yes,
    No,
}

/// A code for a room is wanted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joining {
    csrf: String,
}

/// What is done to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deed {
    Rename,
    Invite,
    Contact,
    Leave,
    Remove,
    Member,
    Moderator,
    Owner,
    Open,
    Renew,
    Close,
    Slow,
    Ban,
    Unban,
    Report,
    Dismissed,
    Removed,
    Banned,
    Part,
}

/// A deed, with what it needs: whom, in which words, which room or report or how many seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    csrf: String,
    deed: Deed,
    #[serde(default)]
    person: Option<u64>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    number: Option<u64>,
}

impl Sent for Founding {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Sent for Answering {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Sent for Joining {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Sent for Wanted {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Wanted {
    /// The act that it stands for; `None` when something is missing.
    fn act(self, directory: &Directory, id: ConversationId, me: PersonId) -> Option<GroupAct> {
        let by = Actor::Person(me);
        let (person, number) = (self.person.map(PersonId), self.number);
        let text = self.text.unwrap_or_default();
        Some(match self.deed {
            Deed::Rename => GroupAct::Rename(id, by, text),
            Deed::Invite => GroupAct::Invite(id, me, text),
            Deed::Contact => GroupAct::Invite(id, me, contacts_handle(directory, me, person?)?),
            Deed::Leave => GroupAct::Leave(id, me),
            Deed::Remove => GroupAct::Remove(id, by, person?),
            Deed::Member => GroupAct::Appoint(id, by, person?, Role::Member),
            Deed::Moderator => GroupAct::Appoint(id, by, person?, Role::Moderator),
            Deed::Owner => GroupAct::Appoint(id, by, person?, Role::Owner),
            Deed::Open | Deed::Renew => GroupAct::Open(id, by, true),
            Deed::Close => GroupAct::Open(id, by, false),
            Deed::Slow => GroupAct::Slow(id, by, number?.saturating_mul(1_000)),
            Deed::Ban => GroupAct::Ban(id, by, person?, text),
            Deed::Unban => GroupAct::Unban(id, by, person?),
            Deed::Report => GroupAct::Report(id, me, person?, number.map(MessageSeq), text),
            Deed::Dismissed => GroupAct::Decide(id, by, number?, Ruling::Dismissed),
            Deed::Removed => GroupAct::Decide(id, by, number?, Ruling::Removed),
            Deed::Banned => GroupAct::Decide(id, by, number?, Ruling::Banned),
            Deed::Part => return None,
        })
    }
}

/// The handle of somebody whose contact the reader is: of nobody else.
fn contacts_handle(directory: &Directory, me: PersonId, other: PersonId) -> Option<String> {
    let standing = directory.cards().of(me)?.standing(other);
    let handle = directory.cards().of(other)?.handle.as_ref();
    handle.filter(|_| standing == Some(Standing::Accepted)).map(ToString::to_string)
}

/// Where a deed that was refused leads, and what is told there, or a page of its own.
fn refused(reader: &Reader, back: &str, failure: ChangeFailure) -> Response {
    let word = match failure {
        ChangeFailure::Invalid(_) => "title",
        ChangeFailure::Conflict(_) => "refused",
        failure @ (ChangeFailure::NotFound(_) | ChangeFailure::Unavailable) => {
            return Wrong::new(reader, failure).into_response();
        }
    };
    Redirect::to(&format!("{back}?done={word}")).into_response()
}

/// Makes a group that the reader leads.
pub(crate) async fn found(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(founding): Form<Founding>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &founding)?;
    match edge.hub.group_act(GroupAct::Found(who.person, founding.title)).await {
        Ok(id) => Ok(Redirect::to(&format!("/groups/{id}")).into_response()),
        Err(failure) => Ok(refused(&reader, "/groups", failure)),
    }
}

/// Comes in where the reader was asked, or does not.
pub(crate) async fn answer(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(answering): Form<Answering>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &answering)?;
    let Ok(Path(id)) = id else { return Err(Wrong::nothing(&reader).into_response()) };
    let id = ConversationId(id);
    let comes = answering.comes == Comes::Yes;
    match edge.hub.group_act(GroupAct::Answer(id, who.person, comes)).await {
        Ok(_) if comes => Ok(Redirect::to(&format!("/groups/{id}")).into_response()),
        Ok(_) => Ok(Redirect::to("/groups?done=kept").into_response()),
        Err(failure) => Ok(refused(&reader, "/groups", failure)),
    }
}

/// Does something to a group.
pub(crate) async fn act(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &wanted)?;
    let nothing = || Wrong::nothing(&reader).into_response();
    let id = id.ok().map(|Path(id)| ConversationId(id));
    let id = id.filter(|id| mine(&edge, *id, who.person).is_some()).ok_or_else(nothing)?;
    let (deed, back) = (wanted.deed, format!("/groups/{id}"));
    if deed == Deed::Open && is_open(&edge, id) {
        // Sent twice: the link that is there stays good.
        return Ok(Redirect::to(&format!("{back}?done=kept")).into_response());
    }
    let came = if deed == Deed::Part {
        let room = wanted.number.map(RoomId).ok_or_else(|| not_ours(&reader))?;
        part(&edge, id, who.person, room).await
    } else {
        let wanted = about_message(&edge, id, wanted).await.ok_or_else(nothing)?;
        let act = edge.hub.with_directory(|directory| wanted.act(directory, id, who.person));
        edge.hub.group_act(act.ok_or_else(|| not_ours(&reader))?).await.map(|_| ())
    };
    match came {
        Ok(()) => Ok(Redirect::to(&after(deed, &back)).into_response()),
        Err(failure) => Ok(refused(&reader, &back, failure)),
    }
}

/// A report of one message is about whoever said it, whatever the form says; none where there is no
/// such message in the conversation, or its author is no person of the hub.
async fn about_message(edge: &Shared, id: ConversationId, wanted: Wanted) -> Option<Wanted> {
    let (Deed::Report, Some(seq)) = (wanted.deed, wanted.number) else { return Some(wanted) };
    let seq = MessageSeq(seq.min(i64::MAX.unsigned_abs()));
    let message = edge.hub.store().message(seq).await.ok().flatten()?;
    let author = (message.new.conversation == id).then_some(message.new.author)?;
    let person = edge.hub.with_directory(|directory| author_person(directory, author))?;
    Some(Wanted { person: Some(person.0), ..wanted })
}

fn after(deed: Deed, back: &str) -> String {
    match deed {
        Deed::Leave => "/groups?done=left".to_owned(),
        Deed::Invite | Deed::Contact => format!("{back}?done=invited"),
        Deed::Report => format!("{back}?done=reported"),
        Deed::Rename
        | Deed::Remove
        | Deed::Member
        | Deed::Moderator
        | Deed::Owner
        | Deed::Open
        | Deed::Renew
        | Deed::Close
        | Deed::Slow
        | Deed::Ban
        | Deed::Unban
        | Deed::Dismissed
        | Deed::Removed
        | Deed::Banned
        | Deed::Part => format!("{back}?done=kept"),
    }
}

fn is_open(edge: &Shared, id: ConversationId) -> bool {
    edge.hub.with_directory(|directory| {
        directory.conversation(id).is_some_and(|one| one.kind == ConversationKind::Open)
    })
}

/// Parts a room: by those who lead the group alone.
async fn part(
    edge: &Shared,
    id: ConversationId,
    me: PersonId,
    room: RoomId,
) -> Result<(), ChangeFailure> {
    let role = edge.hub.with_directory(|directory| Charter::of(directory, id).role(me));
    if role < Role::Moderator {
        return Err(ChangeFailure::Conflict("that is for those who lead it".to_owned()));
    }
    edge.hub.part_room(id, room).await
}

/// Shows a code that the reader is to say in a room. It stands on no other page and in no address,
/// and is worth nothing in anybody else's mouth.
pub(crate) async fn code(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Form(joining): Form<Joining>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &joining)?;
    let found = id.ok().and_then(|Path(id)| mine(&edge, ConversationId(id), who.person));
    let grouped = found.filter(|(id, _)| {
        let kind = edge.hub.with_directory(|all| all.conversation(*id).map(|one| one.kind));
        kind != Some(ConversationKind::Direct)
    });
    let (id, title) = grouped.ok_or_else(|| Wrong::nothing(&reader).into_response())?;
    let wanted = WantedCode {
        purpose: CodePurpose::JoinRoom,
        owner: Party::Person(who.person),
        asked_by: None,
        conversation: Some(id),
    };
    match edge.hub.issue_code(wanted).await {
        Ok(issued) => {
            let body = shown::code(&reader, id, &title, &issued.text.to_string());
            Ok(framed(&reader, Tab::Inbox, &title, &body).into_response())
        }
        Err(CodeFailure::Refused(_)) => {
            Ok(Redirect::to(&format!("/groups/{id}?done=refused")).into_response())
        }
        Err(CodeFailure::NotFound(_)) => Err(Wrong::nothing(&reader).into_response()),
        Err(CodeFailure::Unavailable) => {
            let problem = Problem::unavailable("the hub made no code");
            Err(Wrong::new(&reader, problem).into_response())
        }
    }
}
