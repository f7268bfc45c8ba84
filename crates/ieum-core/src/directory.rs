//! Who is there: accounts, persons, addresses, rooms, conversations.
//!
//! The directory is small next to the messages and is held whole in memory, packed while nobody
//! asks for it; every change is one [`Change`], durable in the store before it is applied here.
//! Invariant: applying the stored changes in order to an empty directory gives the same directory
//! again.

mod index;
mod lists;
mod packed;
mod table;

use crate::health::Cell;
use crate::health::hold::Hold;
use crate::ids::{AccountId, AddressId, ChatKey, ConversationId, PersonId, RoomId, UserKey};
use crate::inbound::ChatRef;
use crate::network::{ChatKind, Network};
use crate::people::code::{Code, CodeId, Party};
use crate::people::codes::{Codes, Tally};
use crate::people::contacts::{Card, Cards};
use crate::people::farewell::Farewell;
use crate::people::groups::{Charter, Charters};
use crate::people::here::{Stay, Stays};
use crate::people::links::Question;
use crate::people::sessions::{Door, Doors};
use crate::people::terms::Terms;
use crate::time::Timestamp;
use index::{KeyIndex, Memberships};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use table::Table;

/// Most persons in one conversation.
pub const MEMBERS_PER_CONVERSATION_MAX: usize = 10_000;
/// Most rooms joined to one conversation.
pub const ROOMS_PER_CONVERSATION_MAX: usize = 32;
/// Longest kept display name or title, in characters.
pub const NAME_CHARS_MAX: usize = 100;
/// Changes after which everything that was read is packed again.
const CHANGES_BETWEEN_FOLDS: u32 = 32_768;

/// The hub's own identity on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its name in the configuration and in `/hooks/{account}`.
    pub name: Box<str>,
    /// On which network.
    pub network: Network,
}

/// The language that bot texts are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Korean.
    #[default]
    Ko,
    /// English.
    En,
}

/// What somebody agreed to on a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Being talked to by contacts.
    Talk,
    /// Being reached there when another network fails.
    Failover,
    /// Receiving public notices.
    Notices,
}

/// A person's word on one network and purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Where.
    pub network: Network,
    /// For what.
    pub purpose: Purpose,
    /// Yes, or no.
    pub given: bool,
    /// When it was said.
    pub at: Timestamp,
    /// How it was said, for the record.
    pub source: Box<str>,
}

/// A human being who uses the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their number.
    pub id: PersonId,
    /// The name that others see.
    pub name: Box<str>,
    /// In which language the hub speaks to them.
    pub language: Language,
    /// Their addresses in the order of their own wish.
    pub routes: Vec<AddressId>,
    /// What they agreed to; the last word on a network and purpose counts.
    pub consents: Vec<Consent>,
}

impl Person {
    /// Whether they agreed to `purpose` on `network`. Silence is no.
    #[must_use]
    pub fn agreed(&self, network: Network, purpose: Purpose) -> bool {
        self.consents
            .iter()
            .rev()
            .find(|consent| consent.network == network && consent.purpose == purpose)
            .is_some_and(|consent| consent.given)
    }
}

/// Where one person or guest is reached on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Its number.
    pub id: AddressId,
    /// Through which of our accounts.
    pub account: AccountId,
    /// The user's id there.
    pub user: UserKey,
    /// Whose it is; nobody's for a guest of a room.
    pub person: Option<PersonId>,
    /// The name that the network (or, where it tells none, the person) gave.
    pub name: Box<str>,
    /// Their picture there.
    pub icon_url: Option<Box<str>>,
    /// Their direct chat with our account, once it is open.
    pub direct: Option<ChatKey>,
    /// Whether they blocked our account.
    pub blocked: bool,
    /// The conversation that unaddressed words in the direct chat go to.
    pub current: Option<ConversationId>,
}

/// A chat of one network that our account is a member of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Its number.
    pub id: RoomId,
    /// Through which of our accounts.
    pub account: AccountId,
    /// The network's id.
    pub chat: ChatKey,
    /// Its title, where told.
    pub title: Box<str>,
    /// The conversation that it is joined to.
    pub conversation: Option<ConversationId>,
    /// Whether our account is still in it.
    pub joined: bool,
    /// Who has been seen in it.
    pub present: Vec<AddressId>,
}

/// Direct (two persons), group, or open to anyone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConversationKind {
    /// Two persons.
    Direct,
    /// By invitation.
    Group,
    /// Anyone with the link.
    Open,
}

/// A conversation across networks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Its number.
    pub id: ConversationId,
    /// Of which kind.
    pub kind: ConversationKind,
    /// Its title; a direct conversation has none.
    pub title: Box<str>,
    /// Its persons. Guests of rooms are not listed here.
    pub members: Vec<PersonId>,
    /// Its rooms.
    pub rooms: Vec<RoomId>,
}

/// One durable change: the whole new state of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A new or changed account.
    Account(Account),
    /// A new or changed person.
    Person(Person),
    /// A new or changed address.
    Address(Address),
    /// A new or changed room.
    Room(Room),
    /// A new or changed conversation.
    Conversation(Conversation),
    /// A one-time code, new or with one try less.
    Code(Code),
    /// How often somebody asked for codes and guessed.
    Tally(Tally),
    /// Where somebody said they are.
    Stay(Stay),
    /// Whether another address is theirs, somebody was asked.
    Question(Question),
    /// A person's handle and contacts.
    Card(Card),
    /// What a person asks of the ways to them.
    Terms(Terms),
    /// Who is signed in as a person, and who was.
    Door(Door),
    /// How a conversation is led.
    Charter(Charter),
    /// Who left, and whose texts are being taken away.
    Farewell(Farewell),
    /// The operator's word on a part of a network.
    Hold(Hold),
    /// What is not there any more.
    Gone(Gone),
}

/// An entity that is over and leaves nothing behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// A code was used, or its time is over.
    Code(CodeId),
    /// Nobody counts any more how often they tried.
    Tally(Party),
    /// A person is no longer where they said.
    Stay(PersonId),
    /// What an address was asked was answered, or is over.
    Question(AddressId),
    /// All texts of somebody who left are taken away.
    Farewell(PersonId),
    /// The operator took back their word on a part of a network.
    Hold(Cell),
}

/// All of them, with the indexes that the straight way needs.
///
/// Reading an entity leaves it open in memory; see [`Directory::fold`].
#[derive(Clone, Default)]
pub struct Directory {
    accounts: BTreeMap<AccountId, Account>,
    persons: Table<Person>,
    addresses: Table<Address>,
    rooms: Table<Room>,
    conversations: Table<Conversation>,
    /// By the user's id and, where it is open, the direct chat's.
    address_keys: KeyIndex,
    room_keys: KeyIndex,
    memberships: Memberships,
    codes: Codes,
    stays: Stays,
    cards: Cards,
    terms: BTreeMap<PersonId, Terms>,
    doors: Doors,
    charters: Charters,
    questions: BTreeMap<AddressId, Question>,
    farewells: BTreeMap<PersonId, Farewell>,
    holds: BTreeMap<Cell, Hold>,
    changes: u32,
}

/// Shows who is there; the indexes follow from it, and what is open is nobody's concern.
impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.accounts()).entries(self.persons()).entries(self.addresses());
        list.entries(self.rooms()).entries(self.conversations());
        list.entries(self.codes.waiting()).finish()
    }
}

impl Directory {
    /// Applies one change; an entity with the same id is replaced and its indexes follow.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Account(account) => {
                self.accounts.insert(account.id, account);
            }
            Change::Person(person) => self.persons.put(person.id.0, &person),
            Change::Address(address) => self.put_address(&address),
            Change::Room(room) => self.put_room(&room),
            Change::Conversation(conversation) => self.put_conversation(&conversation),
            Change::Code(code) => self.codes.put(code),
            Change::Tally(tally) => self.codes.put_tally(tally),
            Change::Stay(stay) => self.stays.put(stay),
            Change::Question(question) => {
                self.questions.insert(question.asked, question);
            }
            Change::Card(card) => self.cards.put(card),
            Change::Charter(charter) => self.charters.put(charter),
            Change::Terms(terms) => {
                self.terms.insert(terms.person, terms);
            }
            Change::Door(door) => self.doors.put(door),
            Change::Farewell(one) => drop(self.farewells.insert(one.person, one)),
            Change::Hold(hold) => drop(self.holds.insert(hold.cell, hold)),
            Change::Gone(gone) => self.forget(gone),
        }
        self.changes += 1;
        if self.changes == CHANGES_BETWEEN_FOLDS {
            self.fold();
        }
    }

    /// Packs everything that was read; who asks again waits a microsecond longer, once.
    pub fn fold(&mut self) {
        self.persons.fold();
        self.addresses.fold();
        self.rooms.fold();
        self.conversations.fold();
        self.changes = 0;
    }

    fn forget(&mut self, gone: Gone) {
        match gone {
            Gone::Code(id) => self.codes.remove(id),
            Gone::Tally(party) => self.codes.remove_tally(party),
            Gone::Stay(person) => self.stays.remove(person),
            Gone::Question(address) => drop(self.questions.remove(&address)),
            Gone::Farewell(person) => drop(self.farewells.remove(&person)),
            Gone::Hold(cell) => drop(self.holds.remove(&cell)),
        }
    }

    fn put_address(&mut self, address: &Address) {
        let id = address.id.0;
        if let Some(old) = self.addresses.read(id) {
            for key in keys(&old) {
                self.address_keys.remove(old.account, key, id);
            }
        }
        for key in keys(address) {
            self.address_keys.insert(address.account, key, id);
        }
        self.addresses.put(id, address);
    }

    fn put_room(&mut self, room: &Room) {
        let id = room.id.0;
        if let Some(old) = self.rooms.read(id) {
            self.room_keys.remove(old.account, old.chat.as_str(), id);
        }
        self.room_keys.insert(room.account, room.chat.as_str(), id);
        self.rooms.put(id, room);
    }

    fn put_conversation(&mut self, conversation: &Conversation) {
        let id = conversation.id;
        if let Some(old) = self.conversations.read(id.0) {
            for person in &old.members {
                self.memberships.remove(*person, id);
            }
        }
        for person in &conversation.members {
            self.memberships.insert(*person, id);
        }
        self.conversations.put(id.0, conversation);
    }

    /// The account with this number.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    /// The account with this name.
    #[must_use]
    pub fn account_named(&self, name: &str) -> Option<&Account> {
        self.accounts.values().find(|account| &*account.name == name)
    }

    /// The person with this number.
    #[must_use]
    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.persons.get(id.0)
    }

    /// The address with this number.
    #[must_use]
    pub fn address(&self, id: AddressId) -> Option<&Address> {
        self.addresses.get(id.0)
    }

    /// The room with this number.
    #[must_use]
    pub fn room(&self, id: RoomId) -> Option<&Room> {
        self.rooms.get(id.0)
    }

    /// The conversation with this number.
    #[must_use]
    pub fn conversation(&self, id: ConversationId) -> Option<&Conversation> {
        self.conversations.get(id.0)
    }

    /// The address of a network's user.
    #[must_use]
    pub fn address_of_user(&self, account: AccountId, user: &UserKey) -> Option<&Address> {
        let found = self.address_keys.candidates(account, user.as_str());
        found
            .filter_map(|id| self.addresses.get(id))
            .find(|address| address.account == account && address.user == *user)
    }

    /// The address whose direct chat this is.
    #[must_use]
    pub fn address_of_chat(&self, account: AccountId, chat: &ChatKey) -> Option<&Address> {
        let found = self.address_keys.candidates(account, chat.as_str());
        found
            .filter_map(|id| self.addresses.get(id))
            .find(|address| address.account == account && address.direct.as_ref() == Some(chat))
    }

    /// The room with this native chat.
    #[must_use]
    pub fn room_of_chat(&self, account: AccountId, chat: &ChatKey) -> Option<&Room> {
        let found = self.room_keys.candidates(account, chat.as_str());
        found
            .filter_map(|id| self.rooms.get(id))
            .find(|room| room.account == account && room.chat == *chat)
    }

    /// The conversations that a person is a member of, in the order in which they were made.
    #[must_use]
    pub fn conversations_of(&self, person: PersonId) -> &[ConversationId] {
        self.memberships.of(person)
    }

    /// The one-time codes that wait.
    #[must_use]
    pub fn codes(&self) -> &Codes {
        &self.codes
    }

    /// Who said where they are.
    #[must_use]
    pub fn stays(&self) -> &Stays {
        &self.stays
    }

    /// Handles and contacts.
    #[must_use]
    pub fn cards(&self) -> &Cards {
        &self.cards
    }

    /// How conversations are led.
    #[must_use]
    pub fn charters(&self) -> &Charters {
        &self.charters
    }

    /// What somebody asks of the ways to them, if they ever said.
    #[must_use]
    pub fn terms_of(&self, person: PersonId) -> Option<&Terms> {
        self.terms.get(&person)
    }

    /// Who is signed in on the page.
    #[must_use]
    pub fn doors(&self) -> &Doors {
        &self.doors
    }

    /// What an address was asked; it may be over.
    #[must_use]
    pub fn question_to(&self, address: AddressId) -> Option<&Question> {
        self.questions.get(&address)
    }

    /// The operator's word on a part of a network, while it stands.
    #[must_use]
    pub fn hold_of(&self, cell: Cell) -> Option<&Hold> {
        self.holds.get(&cell)
    }

    /// All that operators hold.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values()
    }

    /// Who left, and whose texts are still being taken away.
    pub fn farewells(&self) -> impl Iterator<Item = &Farewell> {
        self.farewells.values()
    }

    /// The next free numbers.
    #[must_use]
    pub fn next_ids(&self) -> NextIds {
        let after = |last: Option<u64>| last.map_or(1, |id| id.saturating_add(1));
        NextIds {
            account: AccountId(after(self.accounts.last_key_value().map(|(id, _)| id.0))),
            person: PersonId(after(self.persons.last())),
            address: AddressId(after(self.addresses.last())),
            room: RoomId(after(self.rooms.last())),
            conversation: ConversationId(after(self.conversations.last())),
        }
    }

    /// Where an endpoint is now: its account and chat.
    #[must_use]
    pub fn locate(&self, endpoint: Endpoint) -> Option<(AccountId, ChatRef)> {
        match endpoint {
            Endpoint::Room(id) => {
                let room = self.room(id)?;
                let chat = ChatRef { key: room.chat.clone(), kind: ChatKind::Group };
                room.joined.then_some((room.account, chat))
            }
            Endpoint::Address(id) => {
                let address = self.address(id)?;
                let chat = ChatRef { key: address.direct.clone()?, kind: ChatKind::Direct };
                (!address.blocked).then_some((address.account, chat))
            }
        }
    }

    /// The network of an account.
    #[must_use]
    pub fn network_of(&self, account: AccountId) -> Option<Network> {
        self.account(account).map(|account| account.network)
    }
}

/// The native ids under which an address is found.
fn keys(address: &Address) -> impl Iterator<Item = &str> {
    std::iter::once(address.user.as_str()).chain(address.direct.as_ref().map(ChatKey::as_str))
}

/// The next free number of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextIds {
    /// For an account.
    pub account: AccountId,
    /// For a person.
    pub person: PersonId,
    /// For an address.
    pub address: AddressId,
    /// For a room.
    pub room: RoomId,
    /// For a conversation.
    pub conversation: ConversationId,
}

/// An address or a room: what a route ends in.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    minicbor::Encode,
    minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A person's (or guest's) direct chat.
    #[n(0)]
    Address(#[n(0)] AddressId),
    /// A room.
    #[n(1)]
    Room(#[n(0)] RoomId),
}
