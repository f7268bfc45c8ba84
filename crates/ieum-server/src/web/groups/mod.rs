//! Groups and open conversations: the list with its invitations, one group with its people, rooms,
//! door and reports.
//!
//! What may be done is decided in `ieum_core::people`. Invariant: a group that the reader is not in
//! is answered like one that is not.

mod deeds;
mod led;
mod open;
mod shown;

pub(super) use deeds::{act, answer, code, found};
pub(super) use open::{enter, page as door};

use super::frame::{Tab, page as framed};
use super::inbox::mine;
use super::reader::Reader;
use super::sessions::{SignedIn, is_secure};
use super::wrong::Wrong;
use crate::edge::Shared;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use ieum_core::directory::{Conversation, ConversationKind, Directory};
use ieum_core::ids::{ConversationId, PersonId, RoomId};
use ieum_core::network::Network;
use ieum_core::people::contacts::Standing;
use ieum_core::people::groups::{Charter, Role};
use ieum_core::people::moderation::{Ban, Report, Ruling};
use ieum_core::route::roster::Seat;
use serde::Deserialize;

/// People, bans and reports of one page; the rest is counted.
const ROWS_MAX: usize = 200;

/// What the address of a page may carry.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    /// A word about what was just done: one of a few that are known.
    #[serde(default)]
    done: Option<String>,
}

/// A group as one of its members sees it.
struct Group {
    id: ConversationId,
    title: String,
    me: PersonId,
    charter: Charter,
    is_open: bool,
    seats: Vec<Seat>,
    rooms: Vec<(RoomId, Network, Box<str>)>,
    /// Contacts of the reader who are not in it and can be asked.
    contacts: Vec<(PersonId, Box<str>)>,
    /// The address of its public page.
    link: Option<String>,
}

impl Group {
    /// What a member sees; nothing for everybody else.
    fn of(edge: &Shared, id: ConversationId, me: PersonId, origin: &str) -> Option<Self> {
        let (_, title) = mine(edge, id, me)?;
        let seats = edge.hub.roster(id)?;
        edge.hub.with_directory(|directory| {
            let conversation = directory.conversation(id)?;
            let charter = Charter::of(directory, id);
            (conversation.kind != ConversationKind::Direct).then(|| Self {
                id,
                title,
                me,
                is_open: conversation.kind == ConversationKind::Open,
                seats,
                rooms: rooms(directory, conversation),
                contacts: contacts(directory, conversation, me),
                link: charter.key.map(|key| format!("{origin}/open/{key}")),
                charter,
            })
        })
    }

    fn role(&self) -> Role {
        self.charter.role(self.me)
    }

    fn leads(&self) -> bool {
        self.role() >= Role::Moderator
    }

    /// What waits for a moderator. Nobody sits over a report about themselves.
    fn reports(&self) -> impl Iterator<Item = &Report> {
        let waits = |one: &&Report| one.ruling == Ruling::Open && one.about != self.me;
        self.charter.reports.iter().filter(waits).take(ROWS_MAX)
    }

    fn bans(&self) -> impl Iterator<Item = &Ban> {
        self.charter.bans.iter().rev().take(ROWS_MAX)
    }
}

fn rooms(directory: &Directory, of: &Conversation) -> Vec<(RoomId, Network, Box<str>)> {
    let known = of.rooms.iter().filter_map(|id| directory.room(*id));
    let named = known.filter_map(|room| {
        Some((room.id, directory.network_of(room.account)?, room.title.clone()))
    });
    named.collect()
}

fn contacts(directory: &Directory, of: &Conversation, me: PersonId) -> Vec<(PersonId, Box<str>)> {
    let all = directory.cards().of(me).into_iter().flat_map(|card| &card.contacts);
    let free = all.filter(|one| one.standing == Standing::Accepted);
    let free = free.filter(|one| !of.members.contains(&one.other));
    let named = free.filter_map(|one| {
        // Invitations find people by their handle.
        directory.cards().of(one.other)?.handle.as_ref()?;
        Some((one.other, directory.person(one.other)?.name.clone()))
    });
    named.take(ROWS_MAX).collect()
}

/// Where the browser found the hub, or where it is said to be.
fn origin(edge: &Shared, headers: &HeaderMap) -> String {
    if let Some(url) = &edge.public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let scheme = if is_secure(headers) { "https" } else { "http" };
    host.map(|host| format!("{scheme}://{host}")).unwrap_or_default()
}

/// The groups of the reader and where they are asked to come in.
pub(super) async fn list(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    Query(told): Query<Told>,
) -> Response {
    let now = edge.hub.now();
    let (invitations, groups) = edge.hub.with_directory(|directory| {
        let titled = |id: &ConversationId| {
            let found = directory.conversation(*id)?;
            let group = found.kind != ConversationKind::Direct;
            group.then(|| (*id, found.title.clone(), found.members.len()))
        };
        let invited = directory.charters().inviting(who.person, now);
        let own = directory.conversations_of(who.person).iter().rev();
        let own = own.filter_map(titled).take(ROWS_MAX).collect::<Vec<_>>();
        (invited.iter().filter_map(titled).collect::<Vec<_>>(), own)
    });
    let title = reader.say("모임", "Groups");
    let body = shown::list(&reader, &who, &invitations, &groups, told.done.as_deref());
    framed(&reader, Tab::Inbox, title, &body).into_response()
}

/// One group.
pub(super) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    id: Result<Path<u64>, PathRejection>,
    headers: HeaderMap,
    Query(told): Query<Told>,
) -> Response {
    let origin = origin(&edge, &headers);
    let group =
        id.ok().and_then(|Path(id)| Group::of(&edge, ConversationId(id), who.person, &origin));
    let Some(group) = group else { return Wrong::nothing(&reader).into_response() };
    let body = group.body(&edge, &reader, &who, told.done.as_deref());
    framed(&reader, Tab::Inbox, &group.title, &body).into_response()
}
