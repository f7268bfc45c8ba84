//! `/v1/rooms`: chats of one network that an account of the hub is a member of.

use super::{Answer, created, cut, json, no_content};
use crate::cursor::List;
use crate::edge::Shared;
use crate::endpoint::Endpoint;
use crate::problem::{Kind, Problem};
use crate::read::{JsonBody, PAGE_ROWS_MAX, PageQuery, PathOf, QueryOf, rows};
use crate::words::Word;
use axum::extract::State;
use ieum_core::directory::{Directory, Room};
use ieum_core::ids::{AddressId, ChatKey, RoomId};
use ieum_core::network::Network;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All endpoints of this file.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/v1/rooms", "Lists rooms, oldest first", list)
            .query::<PageQuery>()
            .gives::<RoomPage>(200),
        Endpoint::get("/v1/rooms/{id}", "One room, and who is in it", show)
            .gives::<RoomWithPeopleView>(200)
            .fails(&[Kind::NotFound]),
        Endpoint::put("/v1/rooms/{id}/people/{address}", "Says that somebody is in a room", enter)
            .gives_nothing(204)
            .fails(&[Kind::NotFound, Kind::Invalid]),
        Endpoint::delete(
            "/v1/rooms/{id}/people/{address}",
            "Says that somebody is no longer in a room",
            leave,
        )
        .gives_nothing(204)
        .fails(&[Kind::NotFound, Kind::Invalid]),
        Endpoint::post("/v1/rooms", "Makes a room known before anything was said in it", register)
            .takes::<NewRoomBody>()
            .gives::<RoomView>(201)
            .fails(&[Kind::NotFound, Kind::Invalid, Kind::Conflict]),
    ]
}

#[derive(Debug, Serialize, JsonSchema)]
struct RoomPage {
    rooms: Vec<RoomView>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// A chat of one network.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Room")]
struct RoomView {
    id: u64,
    /// The name of the hub's account that is its member.
    account: Option<Box<str>>,
    network: Option<Word<Network>>,
    /// The network's id of it.
    chat: Box<str>,
    /// Its title, where the network tells one.
    title: Box<str>,
    /// The conversation that it is joined to.
    conversation: Option<u64>,
    /// Whether the account is still in it.
    joined: bool,
}

/// A chat of one network, and who is in it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RoomWithPeople")]
struct RoomWithPeopleView {
    #[serde(flatten)]
    room: RoomView,
    /// Who has been seen in it.
    present: Vec<PresentView>,
}

/// Somebody in a room.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Present")]
struct PresentView {
    /// The number of their address.
    address: u64,
    /// The name that they have there.
    name: Box<str>,
    /// Who they are; null for a guest.
    person: Option<u64>,
}

/// A room to be known.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "NewRoom")]
#[serde(deny_unknown_fields)]
struct NewRoomBody {
    /// The name of the hub's account that is its member.
    account: String,
    /// The network's id of it.
    chat: String,
    /// At most 100 characters.
    #[serde(default)]
    title: String,
}

impl RoomView {
    fn of(room: &Room, directory: &Directory) -> Self {
        let account = directory.account(room.account);
        Self {
            id: room.id.0,
            account: account.map(|account| account.name.clone()),
            network: account.map(|account| Word(account.network)),
            chat: room.chat.0.clone(),
            title: room.title.clone(),
            conversation: room.conversation.map(|id| id.0),
            joined: room.joined,
        }
    }
}

async fn list(State(edge): State<Shared>, QueryOf(page): QueryOf<PageQuery>) -> Answer {
    let rows = rows(page.limit, PAGE_ROWS_MAX)?;
    let after = page.cursor.map_or(Ok(0), |cursor| List::Rooms.key(&cursor))?;
    let mut rooms: Vec<RoomView> = edge.hub.with_directory(|directory| {
        let rest = directory.rooms_after(RoomId(after));
        rest.take(rows + 1).map(|room| RoomView::of(&room, directory)).collect()
    });
    let next = cut(&mut rooms, rows, |room| room.id);
    json(&RoomPage { rooms, next_cursor: next.map(|key| List::Rooms.cursor(key)) })
}

fn find(edge: &Shared, id: RoomId) -> Option<RoomView> {
    edge.hub
        .with_directory(|directory| directory.room(id).map(|room| RoomView::of(room, directory)))
}

fn present(room: &Room, directory: &Directory) -> Vec<PresentView> {
    let people = room.present.iter().filter_map(|id| directory.address(*id));
    people
        .map(|address| PresentView {
            address: address.id.0,
            name: address.name.clone(),
            person: address.person.map(|id| id.0),
        })
        .collect()
}

async fn show(State(edge): State<Shared>, PathOf(id): PathOf<u64>) -> Answer {
    let found = edge.hub.with_directory(|directory| {
        let room = directory.room(RoomId(id))?;
        let present = present(room, directory);
        Some(RoomWithPeopleView { room: RoomView::of(room, directory), present })
    });
    json(&found.ok_or_else(|| Problem::not_found("room"))?)
}

async fn enter(State(edge): State<Shared>, PathOf(path): PathOf<(u64, u64)>) -> Answer {
    edge.hub.set_present(RoomId(path.0), AddressId(path.1), true).await?;
    no_content()
}

async fn leave(State(edge): State<Shared>, PathOf(path): PathOf<(u64, u64)>) -> Answer {
    edge.hub.set_present(RoomId(path.0), AddressId(path.1), false).await?;
    no_content()
}

async fn register(State(edge): State<Shared>, JsonBody(body): JsonBody<NewRoomBody>) -> Answer {
    let chat = ChatKey::new(body.chat);
    let id = edge.hub.register_room(&body.account, chat, &body.title).await?;
    let view = find(&edge, id);
    let view = view.ok_or_else(|| Problem::internal("a registered room is not there"))?;
    created(format!("/v1/rooms/{id}"), &view)
}
