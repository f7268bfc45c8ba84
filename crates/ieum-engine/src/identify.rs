//! Who and where: the address behind a sender, the room or direct chat behind a native chat.
//!
//! What is known is found under a read lock; only what is new or changed takes the lock of
//! changes and one transaction. Invariant: two events of the same user never make two addresses.

use crate::account::Account;
use crate::pieces::Pieces;
use ieum_core::directory::{
    Address, Change, Consent, Directory, NAME_CHARS_MAX, Person, Purpose, Room,
};
use ieum_core::ids::{AddressId, ChatKey, ConversationId, PersonId, RoomId, UserKey};
use ieum_core::inbound::{ChatRef, Inbound, Sender};
use ieum_core::network::{ChatKind, NameSource};
use ieum_core::ports::connector::Profile;
use ieum_core::ports::store::StoreFailure;
use ieum_core::time::Timestamp;

/// Where an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a room, joined to a conversation or not.
    Room(RoomId, Option<ConversationId>),
    /// In somebody's direct chat with our account.
    Direct(PersonId),
}

/// Who did it, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scene {
    pub(crate) address: Option<AddressId>,
    pub(crate) place: Place,
}

/// Finds the scene of an event, making what is new of it durable first.
pub(crate) async fn scene(
    pieces: &Pieces,
    account: &Account,
    event: &Inbound,
) -> Result<Option<Scene>, StoreFailure> {
    if let Some(scene) = pieces.read(|directory| known(directory, account, event)) {
        return Ok(Some(scene));
    }
    Box::pin(new_scene(pieces, account, event)).await
}

async fn new_scene(
    pieces: &Pieces,
    account: &Account,
    event: &Inbound,
) -> Result<Option<Scene>, StoreFailure> {
    let profile = first_profile(pieces, account, event).await;
    let now = pieces.now();
    pieces
        .change(|directory| {
            let mut draft = Draft::new(directory, account, now);
            let scene = draft.scene(event, profile.as_ref());
            (draft.changes, scene)
        })
        .await
}

/// Whether what an event calls a room is somebody's direct chat. Some networks tell that only once,
/// when the chat is opened.
pub(crate) fn is_known_direct(pieces: &Pieces, account: &Account, event: &Inbound) -> bool {
    let chat = &event.chat.key;
    event.chat.kind == ChatKind::Group
        && pieces.read(|directory| {
            directory.room_of_chat(account.id, chat).is_none()
                && directory.address_of_chat(account.id, chat).is_some()
        })
}

/// The scene, if nothing of it is new.
fn known(directory: &Directory, account: &Account, event: &Inbound) -> Option<Scene> {
    let address = match &event.sender {
        None => None,
        Some(sender) => {
            let address = directory.address_of_user(account.id, &sender.key)?;
            let renamed = sender.name.as_ref().is_some_and(|name| short(name) != address.name);
            if renamed || address.blocked {
                return None;
            }
            Some(address)
        }
    };
    let place = match event.chat.kind {
        ChatKind::Group => {
            let room = directory.room_of_chat(account.id, &event.chat.key)?;
            let seen = address.is_none_or(|address| room.present.contains(&address.id));
            let named = event.title.as_ref().is_none_or(|title| short(title) == room.title);
            if !seen || !named || !room.joined {
                return None;
            }
            Place::Room(room.id, room.conversation)
        }
        ChatKind::Direct => {
            let address =
                address.or_else(|| directory.address_of_chat(account.id, &event.chat.key))?;
            if address.direct.as_ref() != Some(&event.chat.key) {
                return None;
            }
            return Some(Scene {
                address: Some(address.id),
                place: Place::Direct(address.person?),
            });
        }
    };
    Some(Scene { address: address.map(|address| address.id), place })
}

/// Stands for whoever spoke in a room that does not say who: no network has such an id.
const SOMEBODY: char = '?';

/// The user that stands for whoever speaks in this chat.
pub(crate) fn somebody_of(chat: &ChatRef) -> UserKey {
    UserKey::new(format!("{SOMEBODY}{}", chat.key.as_str()))
}

pub(crate) fn is_somebody(user: &UserKey) -> bool {
    user.as_str().starts_with(SOMEBODY)
}

async fn first_profile(pieces: &Pieces, account: &Account, event: &Inbound) -> Option<Profile> {
    let sender = event.sender.as_ref()?;
    let wanted = account.connector.capabilities().names == NameSource::ByProfile;
    let named = pieces.read(|directory| {
        directory
            .address_of_user(account.id, &sender.key)
            .is_some_and(|address| !address.name.is_empty())
    });
    if !wanted || named || is_somebody(&sender.key) {
        return None;
    }
    let asked = account.connector.profile(&event.chat, &sender.key);
    let patience = pieces.clock.sleep(pieces.settings.profile_ms_max);
    tokio::select! {
        biased;
        profile = asked => profile,
        () = patience => None,
    }
}

/// Changes in the making, seen as if they were made.
pub(crate) struct Draft<'a> {
    directory: &'a Directory,
    account: &'a Account,
    now: Timestamp,
    next_address: u64,
    next_person: u64,
    pub(crate) changes: Vec<Change>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(directory: &'a Directory, account: &'a Account, now: Timestamp) -> Self {
        let next = directory.next_ids();
        Self {
            directory,
            account,
            now,
            next_address: next.address.0,
            next_person: next.person.0,
            changes: Vec::new(),
        }
    }

    fn scene(&mut self, event: &Inbound, profile: Option<&Profile>) -> Option<Scene> {
        let address = event.sender.as_ref().map(|sender| self.address(sender, profile));
        match event.chat.kind {
            ChatKind::Group => {
                let mut room = self.room(&event.chat.key);
                room.joined = true;
                if let Some(title) = &event.title {
                    room.title = short(title);
                }
                if let Some(address) = &address
                    && !room.present.contains(&address.id)
                {
                    room.present.push(address.id);
                }
                let place = Place::Room(room.id, room.conversation);
                self.put_room(room);
                let id = address.as_ref().map(|address| address.id);
                self.put_address(address);
                Some(Scene { address: id, place })
            }
            ChatKind::Direct => self.direct_scene(&event.chat, address),
        }
    }

    /// A direct chat is its first owner's: who else is let into it does not get what is theirs
    /// alone there, and says nothing to the hub.
    fn direct_scene(&mut self, chat: &ChatRef, address: Option<Address>) -> Option<Scene> {
        let owner = self.directory.address_of_chat(self.account.id, &chat.key);
        let is_anothers = |one: &Address| owner.is_some_and(|owner| owner.id != one.id);
        if address.as_ref().is_some_and(is_anothers) {
            return None;
        }
        let mut address = address.or_else(|| owner.cloned())?;
        address.direct = Some(chat.key.clone());
        address.blocked = false;
        let person = address.person.unwrap_or_else(|| self.new_person(&address));
        address.person = Some(person);
        let id = address.id;
        self.put_address(Some(address));
        Some(Scene { address: Some(id), place: Place::Direct(person) })
    }

    /// The address of a sender, new or with what the event tells about it.
    pub(crate) fn address(&mut self, sender: &Sender, profile: Option<&Profile>) -> Address {
        let known = self.directory.address_of_user(self.account.id, &sender.key).cloned();
        let mut address = known.unwrap_or_else(|| self.new_address(&sender.key));
        if let Some(name) = &sender.name {
            address.name = short(name);
        }
        if let Some(profile) = profile {
            address.name = short(&profile.name);
            address.icon_url.clone_from(&profile.icon_url);
        }
        address.blocked = false;
        address
    }

    fn new_address(&mut self, user: &UserKey) -> Address {
        let drafted = self.changes.iter().find_map(|change| match change {
            Change::Address(address) if address.user == *user => Some(address.clone()),
            Change::Account(_)
            | Change::Person(_)
            | Change::Address(_)
            | Change::Room(_)
            | Change::Conversation(_)
            | Change::Code(_)
            | Change::Tally(_)
            | Change::Stay(_)
            | Change::Question(_)
            | Change::Card(_)
            | Change::Terms(_)
            | Change::Door(_)
            | Change::Charter(_)
            | Change::Farewell(_)
            | Change::Hold(_)
            | Change::Gone(_) => None,
        });
        drafted.unwrap_or_else(|| {
            let id = AddressId(self.next_address);
            self.next_address += 1;
            Address {
                id,
                account: self.account.id,
                user: user.clone(),
                person: None,
                name: "".into(),
                icon_url: None,
                direct: None,
                blocked: false,
                current: None,
            }
        })
    }

    /// Somebody who wrote to our account: a person with this one way, agreed to by writing.
    fn new_person(&mut self, address: &Address) -> PersonId {
        let id = PersonId(self.next_person);
        self.next_person += 1;
        self.changes.push(Change::Person(Person {
            id,
            name: address.name.clone(),
            language: ieum_core::directory::Language::default(),
            routes: vec![address.id],
            consents: vec![Consent {
                network: self.account.network,
                purpose: Purpose::Talk,
                given: true,
                at: self.now,
                source: "wrote to our account".into(),
            }],
        }));
        id
    }

    /// The room with this native chat, new or known.
    pub(crate) fn room(&self, chat: &ChatKey) -> Room {
        self.directory.room_of_chat(self.account.id, chat).cloned().unwrap_or_else(|| Room {
            id: self.directory.next_ids().room,
            account: self.account.id,
            chat: chat.clone(),
            title: "".into(),
            conversation: None,
            joined: true,
            present: Vec::new(),
        })
    }

    pub(crate) fn put_room(&mut self, room: Room) {
        if self.directory.room(room.id) != Some(&room) {
            self.changes.push(Change::Room(room));
        }
    }

    pub(crate) fn put_address(&mut self, address: Option<Address>) {
        let Some(address) = address else { return };
        if self.directory.address(address.id) != Some(&address) {
            self.changes.push(Change::Address(address));
        }
    }
}

/// A name within [`NAME_CHARS_MAX`], on one line.
pub(crate) fn short(name: &str) -> Box<str> {
    let line: String =
        name.chars().map(|c| if c.is_control() { ' ' } else { c }).take(NAME_CHARS_MAX).collect();
    line.trim().into()
}
