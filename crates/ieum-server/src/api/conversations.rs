//! `/v1/conversations`: who takes part in them, and which rooms they are joined to.

use super::{Answer, created, cut, json, no_content};
use crate::cursor::List;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PAGE_ROWS_MAX, PageQuery, PathOf, QueryOf, rows};
use crate::words::Word;
use axum::extract::State;
use ieum_core::directory::{Conversation, ConversationKind};
use ieum_core::ids::{ConversationId, PersonId, RoomId};
use ieum_engine::NewConversation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        Endpoint::get("/v1/conversations", "Lists conversations, oldest first", list)
            .query::<PageQuery>()
            .gives::<ConversationPage>(200),
        Endpoint::post("/v1/conversations", "Creates a conversation", create)
            .takes::<NewConversationBody>()
            .gives::<ConversationView>(201)
            .fails(&[Kind::NotFound, Kind::Invalid]),
        Endpoint::get("/v1/conversations/{id}", "One conversation", show)
            .gives::<ConversationView>(200)
            .fails(&[Kind::NotFound]),
    ];
    endpoints.extend(parts());
    endpoints
}

fn parts() -> Vec<Endpoint> {
    const FAILS: &[Kind] = &[Kind::NotFound, Kind::Invalid, Kind::Conflict];
    vec![
        Endpoint::post("/v1/conversations/{id}/members", "Adds a member", add_member)
            .takes::<MemberBody>()
            .gives_nothing(204)
            .fails(FAILS),
        Endpoint::delete(
            "/v1/conversations/{id}/members/{person}",
            "Removes a member",
            remove_member,
        )
        .gives_nothing(204)
        .fails(FAILS),
        Endpoint::post("/v1/conversations/{id}/rooms", "Joins a room", join_room)
            .takes::<RoomBody>()
            .gives_nothing(204)
            .fails(FAILS),
        Endpoint::delete("/v1/conversations/{id}/rooms/{room}", "Parts a room from it", part_room)
            .gives_nothing(204)
            .fails(FAILS),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct ConversationPage {
    conversations: Vec<ConversationView>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// A conversation across networks.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Conversation")]
struct ConversationView {
    id: u64,
    kind: Word<ConversationKind>,
    /// Empty for a direct conversation.
    title: Box<str>,
    /// Its persons; guests of rooms are not listed.
    members: Vec<u64>,
    /// Its rooms.
    rooms: Vec<u64>,
}

/// A conversation to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewConversation")]
#[serde(deny_unknown_fields)]
struct NewConversationBody {
    kind: Word<ConversationKind>,
    /// At most 100 characters; a direct conversation has none.
    #[serde(default)]
    title: String,
    /// The first members.
    #[serde(default)]
    members: Vec<u64>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewMember")]
#[serde(deny_unknown_fields)]
struct MemberBody {
    /// Who.
    person: u64,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "JoinedRoom")]
#[serde(deny_unknown_fields)]
struct RoomBody {
    /// Which.
    room: u64,
}

impl From<&Conversation> for ConversationView {
    fn from(conversation: &Conversation) -> Self {
        Self {
            id: conversation.id.0,
            kind: Word(conversation.kind),
            title: conversation.title.clone(),
            members: conversation.members.iter().map(|id| id.0).collect(),
            rooms: conversation.rooms.iter().map(|id| id.0).collect(),
        }
    }
}

async fn list(State(edge): State<Shared>, QueryOf(page): QueryOf<PageQuery>) -> Answer {
    let rows = rows(page.limit, PAGE_ROWS_MAX)?;
    let after = page.cursor.map_or(Ok(0), |cursor| List::Conversations.key(&cursor))?;
    let mut conversations: Vec<ConversationView> = edge.hub.with_directory(|directory| {
        let rest = directory.conversations_after(ConversationId(after));
        rest.take(rows + 1).map(|conversation| ConversationView::from(&conversation)).collect()
    });
    let next = cut(&mut conversations, rows, |conversation| conversation.id);
    json(&ConversationPage {
        conversations,
        next_cursor: next.map(|key| List::Conversations.cursor(key)),
    })
}

fn find(edge: &Shared, id: ConversationId) -> Result<ConversationView, Problem> {
    let found =
        edge.hub.with_directory(|directory| directory.conversation(id).map(ConversationView::from));
    found.ok_or_else(|| Problem::not_found("conversation"))
}

async fn show(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    json(&find(&edge, ConversationId(id))?)
}

async fn create(
    State(edge): State<Shared>,
    JsonBody(body): JsonBody<NewConversationBody>,
) -> Answer {
    let conversation = NewConversation {
        kind: body.kind.0,
        title: body.title,
        members: body.members.into_iter().map(PersonId).collect(),
    };
    let id = edge.hub.create_conversation(conversation).await?;
    created(format!("/v1/conversations/{id}"), &find(&edge, id)?)
}

async fn add_member(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<MemberBody>,
) -> Answer {
    edge.hub.add_member(ConversationId(id), PersonId(body.person)).await?;
    no_content()
}

async fn remove_member(
    State(edge): State<Shared>,
    PathOf((id, person)): PathOf<(u64, u64)>,
) -> Answer {
    edge.hub.remove_member(ConversationId(id), PersonId(person)).await?;
    no_content()
}

async fn join_room(
    State(edge): State<Shared>,
    PathOf(id): PathOf<u64>,
    JsonBody(body): JsonBody<RoomBody>,
) -> Answer {
    edge.hub.join_room(ConversationId(id), RoomId(body.room)).await?;
    no_content()
}

async fn part_room(State(edge): State<Shared>, PathOf((id, room)): PathOf<(u64, u64)>) -> Answer {
    edge.hub.part_room(ConversationId(id), RoomId(room)).await?;
    no_content()
}
