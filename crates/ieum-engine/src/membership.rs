//! Comings and goings: who is in a room, whether we are, and under which id it goes on.

use crate::account::Account;
use crate::identify::{Draft, short};
use crate::pieces::Pieces;
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::ChatKey;
use ieum_core::inbound::{Inbound, InboundKind, Sender};
use ieum_core::network::ChatKind;
use ieum_core::ports::store::StoreFailure;

/// Takes an event in if it is a coming or going; false when it is something else.
pub(crate) async fn membership(
    pieces: &Pieces,
    account: &Account,
    event: &Inbound,
) -> Result<bool, StoreFailure> {
    let now = pieces.now();
    let decide = |directory: &Directory| {
        let draft = Draft::new(directory, account, now);
        match &event.kind {
            InboundKind::PeopleJoined(people) if event.chat.kind == ChatKind::Direct => {
                Some(renamed(draft, people))
            }
            InboundKind::PeopleLeft(people) if event.chat.kind == ChatKind::Direct => {
                Some(blocked(draft, &event.chat.key, people))
            }
            InboundKind::PeopleJoined(people) => Some(joined(draft, event, people)),
            InboundKind::PeopleLeft(people) => Some(left(draft, event, people)),
            InboundKind::WeLeft => Some(we_left(draft, event)),
            InboundKind::Migrated { to } => Some(migrated(directory, account, event, to)),
            InboundKind::WeJoined if event.chat.kind == ChatKind::Group => {
                Some(we_joined(draft, event))
            }
            InboundKind::Message(_)
            | InboundKind::Edit { .. }
            | InboundKind::Withdrawal { .. }
            | InboundKind::Reaction { .. }
            | InboundKind::Unreadable(_)
            | InboundKind::WeJoined
            | InboundKind::Button { .. }
            | InboundKind::Receipt { .. } => None,
        }
    };
    pieces
        .change(|directory| match decide(directory) {
            Some(changes) => (changes, true),
            None => (Vec::new(), false),
        })
        .await
}

/// A room goes on elsewhere; not where another conversation is, or somebody's direct chat: who
/// leads a room says where it goes, and may not take others' words with it.
fn migrated(
    directory: &Directory,
    account: &Account,
    event: &Inbound,
    to: &ChatKey,
) -> Vec<Change> {
    let there = directory.room_of_chat(account.id, to).cloned();
    let is_taken = there.as_ref().is_some_and(|room| room.conversation.is_some())
        || directory.address_of_chat(account.id, to).is_some();
    if is_taken && *to != event.chat.key {
        tracing::warn!(account = %account.name, "a room was to go on where another one is");
        return Vec::new();
    }
    let Some(mut moved) = directory.room_of_chat(account.id, &event.chat.key).cloned() else {
        return Vec::new();
    };
    moved.chat = to.clone();
    // One chat is one room: what was seen of the new one before it was said to be this one, as by
    // an invitation into it, stands for the old one from now on.
    let seen = there.filter(|there| there.id != moved.id).map(|mut there| {
        let more = there.present.iter().filter(|who| !moved.present.contains(who)).copied();
        let more: Vec<_> = more.collect();
        moved.present.extend(more);
        there.chat = event.chat.key.clone();
        there
    });
    seen.into_iter().chain([moved]).map(Change::Room).collect()
}

fn we_joined(mut draft: Draft<'_>, event: &Inbound) -> Vec<Change> {
    let mut room = draft.room(&event.chat.key);
    room.joined = true;
    if let Some(title) = &event.title {
        room.title = short(title);
    }
    draft.put_room(room);
    draft.changes
}

fn joined(mut draft: Draft<'_>, event: &Inbound, people: &[Sender]) -> Vec<Change> {
    let mut room = draft.room(&event.chat.key);
    room.joined = true;
    if let Some(title) = &event.title {
        room.title = short(title);
    }
    for person in people {
        let address = draft.address(person, None);
        if !room.present.contains(&address.id) {
            room.present.push(address.id);
        }
        draft.put_address(Some(address));
    }
    draft.put_room(room);
    draft.changes
}

fn left(mut draft: Draft<'_>, event: &Inbound, people: &[Sender]) -> Vec<Change> {
    let mut room = draft.room(&event.chat.key);
    for person in people {
        let address = draft.address(person, None);
        room.present.retain(|present| *present != address.id);
    }
    draft.put_room(room);
    draft.changes
}

fn we_left(mut draft: Draft<'_>, event: &Inbound) -> Vec<Change> {
    match event.chat.kind {
        ChatKind::Group => {
            let mut room = draft.room(&event.chat.key);
            room.joined = false;
            draft.put_room(room);
        }
        ChatKind::Direct => return blocked(draft, &event.chat.key, event.sender.as_slice()),
    }
    draft.changes
}

/// In a direct chat nobody is seen for the first time; they may have a new name.
fn renamed(mut draft: Draft<'_>, people: &[Sender]) -> Vec<Change> {
    for person in people {
        let address = draft.address(person, None);
        draft.put_address(Some(address));
    }
    draft.changes
}

/// Who left their direct chat cannot be reached there; another's is nothing to them.
fn blocked(mut draft: Draft<'_>, chat: &ChatKey, people: &[Sender]) -> Vec<Change> {
    for person in people {
        let mut address = draft.address(person, None);
        if address.direct.as_ref().is_some_and(|direct| direct != chat) {
            continue;
        }
        address.blocked = true;
        draft.put_address(Some(address));
    }
    draft.changes
}
