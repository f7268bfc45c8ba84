//! Changes that an operator (later: people themselves) makes to the directory.

use crate::identify::short;
use crate::pieces::Pieces;
use ieum_core::directory::{
    Address, Change, Consent, Conversation, ConversationKind, Directory, Language,
    MEMBERS_PER_CONVERSATION_MAX, Person, Purpose, ROOMS_PER_CONVERSATION_MAX, Room,
};
use ieum_core::ids::{AddressId, ChatKey, ConversationId, PersonId, RoomId, UserKey};
use ieum_core::network::Network;
use ieum_core::people::groups::{self, Actor};
use ieum_core::people::links::{LinkRefusal, absorbed};
use ieum_core::ports::store::StoreFailure;

/// Longest native id that is kept, in bytes.
const NATIVE_BYTES_MAX: usize = 256;

/// A person to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// The name that others see.
    pub name: String,
    /// In which language the hub speaks to them.
    pub language: Language,
}

/// A conversation to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConversation {
    /// Of which kind.
    pub kind: ConversationKind,
    /// Its title; a direct conversation has none.
    pub title: String,
    /// Its persons.
    pub members: Vec<PersonId>,
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeFailure {
    /// There is no such thing.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The request cannot be carried out as it is.
    #[error("{0}")]
    Invalid(String),
    /// It contradicts what is already there.
    #[error("{0}")]
    Conflict(String),
    /// The store cannot write now.
    #[error("not available now")]
    Unavailable,
}

impl From<StoreFailure> for ChangeFailure {
    fn from(failure: StoreFailure) -> Self {
        tracing::error!(%failure, "a change was not kept");
        Self::Unavailable
    }
}

type Decision<R> = Result<(Vec<Change>, R), ChangeFailure>;

/// Decides under the lock of changes; an error changes nothing.
async fn decide<R>(
    pieces: &Pieces,
    decision: impl FnOnce(&Directory) -> Decision<R>,
) -> Result<R, ChangeFailure> {
    pieces
        .change(|directory| match decision(directory) {
            Ok((changes, answer)) => (changes, Ok(answer)),
            Err(failure) => (Vec::new(), Err(failure)),
        })
        .await?
}

fn named(name: &str) -> Result<Box<str>, ChangeFailure> {
    let name = short(name);
    if name.is_empty() {
        return Err(ChangeFailure::Invalid("the name is empty".to_owned()));
    }
    Ok(name)
}

fn native(key: &str, what: &str) -> Result<(), ChangeFailure> {
    if key.is_empty() || key.len() > NATIVE_BYTES_MAX {
        let text = format!("{what} must have 1 to {NATIVE_BYTES_MAX} bytes");
        return Err(ChangeFailure::Invalid(text));
    }
    Ok(())
}

fn account_of(pieces: &Pieces, name: &str) -> Result<ieum_core::ids::AccountId, ChangeFailure> {
    let account = pieces.accounts.values().find(|account| &*account.name == name);
    account.map(|account| account.id).ok_or(ChangeFailure::NotFound("account"))
}

pub(crate) async fn create_person(
    pieces: &Pieces,
    new: NewPerson,
) -> Result<PersonId, ChangeFailure> {
    let name = named(&new.name)?;
    decide(pieces, |directory| {
        let id = directory.next_ids().person;
        let person =
            Person { id, name, language: new.language, routes: Vec::new(), consents: Vec::new() };
        Ok((vec![Change::Person(person)], id))
    })
    .await
}

pub(crate) async fn link_address(
    pieces: &Pieces,
    person: PersonId,
    account: &str,
    user: UserKey,
    direct: Option<ChatKey>,
    name: &str,
) -> Result<AddressId, ChangeFailure> {
    native(user.as_str(), "the user")?;
    if let Some(direct) = &direct {
        native(direct.as_str(), "the direct chat")?;
    }
    let account = account_of(pieces, account)?;
    let name = short(name);
    decide(pieces, |directory| {
        let mut owner =
            directory.person(person).cloned().ok_or(ChangeFailure::NotFound("person"))?;
        let known = directory.address_of_user(account, &user).cloned();
        let before = known.as_ref().and_then(|address| address.person);
        let mut changes = match before.filter(|other| *other != person) {
            Some(other) => absorbed(directory, &mut owner, other)?,
            None => Vec::new(),
        };
        let mut address = known.unwrap_or_else(|| Address {
            id: directory.next_ids().address,
            account,
            user: user.clone(),
            person: None,
            name: name.clone(),
            icon_url: None,
            direct: None,
            blocked: false,
            current: None,
        });
        address.person = Some(person);
        address.direct = direct.or(address.direct);
        let id = address.id;
        if !owner.routes.contains(&id) {
            owner.routes.push(id);
        }
        changes.extend([Change::Address(address), Change::Person(owner)]);
        Ok((changes, id))
    })
    .await
}

impl From<LinkRefusal> for ChangeFailure {
    fn from(refusal: LinkRefusal) -> Self {
        match refusal {
            LinkRefusal::Unknown => Self::NotFound("person"),
            LinkRefusal::Same
            | LinkRefusal::BothHaveOthers
            | LinkRefusal::TalkToEachOther
            | LinkRefusal::Last => Self::Conflict(refusal.to_string()),
        }
    }
}

pub(crate) async fn set_consent(
    pieces: &Pieces,
    person: PersonId,
    network: Network,
    purpose: Purpose,
    given: bool,
    source: &str,
) -> Result<(), ChangeFailure> {
    let at = pieces.now();
    let source = short(source);
    decide(pieces, |directory| {
        let mut person =
            directory.person(person).cloned().ok_or(ChangeFailure::NotFound("person"))?;
        person.consents.retain(|old| old.network != network || old.purpose != purpose);
        person.consents.push(Consent { network, purpose, given, at, source });
        Ok((vec![Change::Person(person)], ()))
    })
    .await
}

pub(crate) async fn create_conversation(
    pieces: &Pieces,
    new: NewConversation,
) -> Result<ConversationId, ChangeFailure> {
    let title = match new.kind {
        ConversationKind::Direct => short(&new.title),
        ConversationKind::Group | ConversationKind::Open => named(&new.title)?,
    };
    let mut members = new.members;
    members.sort_unstable();
    members.dedup();
    if new.kind == ConversationKind::Direct && members.len() != 2 {
        let text = "a direct conversation has two members".to_owned();
        return Err(ChangeFailure::Invalid(text));
    }
    if members.len() > MEMBERS_PER_CONVERSATION_MAX {
        let text = format!("at most {MEMBERS_PER_CONVERSATION_MAX} members");
        return Err(ChangeFailure::Invalid(text));
    }
    decide(pieces, |directory| {
        if members.iter().any(|member| directory.person(*member).is_none()) {
            return Err(ChangeFailure::NotFound("person"));
        }
        let id = directory.next_ids().conversation;
        let conversation = Conversation { id, kind: new.kind, title, members, rooms: Vec::new() };
        Ok((vec![Change::Conversation(conversation)], id))
    })
    .await
}

pub(crate) async fn set_member(
    pieces: &Pieces,
    conversation: ConversationId,
    person: PersonId,
    member: bool,
) -> Result<(), ChangeFailure> {
    decide(pieces, |directory| {
        let mut conversation = conversation_of(directory, conversation)?;
        directory.person(person).ok_or(ChangeFailure::NotFound("person"))?;
        if conversation.kind == ConversationKind::Direct {
            let text = "the members of a direct conversation do not change".to_owned();
            return Err(ChangeFailure::Invalid(text));
        }
        match (member, conversation.members.contains(&person)) {
            (true, true) | (false, false) => Ok((Vec::new(), ())),
            (true, false) if conversation.members.len() >= MEMBERS_PER_CONVERSATION_MAX => {
                Err(ChangeFailure::Invalid("the conversation is full".to_owned()))
            }
            (true, false) => {
                conversation.members.push(person);
                Ok((vec![Change::Conversation(conversation)], ()))
            }
            (false, true) => {
                let done = groups::remove(directory, conversation.id, Actor::Operator, person)?;
                Ok((done.changes, ()))
            }
        }
    })
    .await
}

fn conversation_of(
    directory: &Directory,
    id: ConversationId,
) -> Result<Conversation, ChangeFailure> {
    directory.conversation(id).cloned().ok_or(ChangeFailure::NotFound("conversation"))
}

pub(crate) async fn join_room(
    pieces: &Pieces,
    conversation: ConversationId,
    room: RoomId,
) -> Result<(), ChangeFailure> {
    decide(pieces, |directory| {
        let mut conversation = conversation_of(directory, conversation)?;
        let mut room = directory.room(room).cloned().ok_or(ChangeFailure::NotFound("room"))?;
        if room.conversation.is_some_and(|other| other != conversation.id) {
            let text = "the room is joined to another conversation".to_owned();
            return Err(ChangeFailure::Conflict(text));
        }
        if conversation.kind == ConversationKind::Direct {
            let text = "a direct conversation has no rooms".to_owned();
            return Err(ChangeFailure::Invalid(text));
        }
        if conversation.rooms.contains(&room.id) {
            return Ok((Vec::new(), ()));
        }
        if conversation.rooms.len() >= ROOMS_PER_CONVERSATION_MAX {
            let text = format!("at most {ROOMS_PER_CONVERSATION_MAX} rooms");
            return Err(ChangeFailure::Invalid(text));
        }
        room.conversation = Some(conversation.id);
        conversation.rooms.push(room.id);
        Ok((vec![Change::Room(room), Change::Conversation(conversation)], ()))
    })
    .await
}

pub(crate) async fn part_room(
    pieces: &Pieces,
    conversation: ConversationId,
    room: RoomId,
) -> Result<(), ChangeFailure> {
    decide(pieces, |directory| {
        let mut conversation = conversation_of(directory, conversation)?;
        let mut room = directory.room(room).cloned().ok_or(ChangeFailure::NotFound("room"))?;
        if !conversation.rooms.contains(&room.id) {
            return Err(ChangeFailure::NotFound("room in this conversation"));
        }
        room.conversation = None;
        conversation.rooms.retain(|other| *other != room.id);
        Ok((vec![Change::Room(room), Change::Conversation(conversation)], ()))
    })
    .await
}

pub(crate) async fn set_present(
    pieces: &Pieces,
    room: RoomId,
    address: AddressId,
    present: bool,
) -> Result<(), ChangeFailure> {
    decide(pieces, |directory| {
        let mut room = directory.room(room).cloned().ok_or(ChangeFailure::NotFound("room"))?;
        let found = directory.address(address).ok_or(ChangeFailure::NotFound("address"))?;
        if found.account != room.account {
            let text = "the address and the room belong to different accounts".to_owned();
            return Err(ChangeFailure::Invalid(text));
        }
        room.present.retain(|other| *other != address);
        if present {
            room.present.push(address);
        }
        Ok((vec![Change::Room(room)], ()))
    })
    .await
}

pub(crate) async fn register_room(
    pieces: &Pieces,
    account: &str,
    chat: ChatKey,
    title: &str,
) -> Result<RoomId, ChangeFailure> {
    native(chat.as_str(), "the chat")?;
    let account = account_of(pieces, account)?;
    let title = short(title);
    decide(pieces, |directory| {
        if let Some(room) = directory.room_of_chat(account, &chat) {
            return Ok((Vec::new(), room.id));
        }
        let id = directory.next_ids().room;
        let room = Room {
            id,
            account,
            chat,
            title,
            conversation: None,
            joined: true,
            present: Vec::new(),
        };
        Ok((vec![Change::Room(room)], id))
    })
    .await
}
