//! Lists of who is there: copies, oldest first, which leave nothing open in memory.

use super::{Account, Address, Conversation, Directory, Person, Room};
use crate::ids::{AddressId, ConversationId, PersonId, RoomId};

impl Directory {
    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// All persons.
    pub fn persons(&self) -> impl Iterator<Item = Person> {
        self.persons.all()
    }

    /// The persons after this one.
    pub fn persons_after(&self, id: PersonId) -> impl Iterator<Item = Person> {
        self.persons.after(id.0)
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = Address> {
        self.addresses.all()
    }

    /// The addresses after this one.
    pub fn addresses_after(&self, id: AddressId) -> impl Iterator<Item = Address> {
        self.addresses.after(id.0)
    }

    /// All rooms.
    pub fn rooms(&self) -> impl Iterator<Item = Room> {
        self.rooms.all()
    }

    /// The rooms after this one.
    pub fn rooms_after(&self, id: RoomId) -> impl Iterator<Item = Room> {
        self.rooms.after(id.0)
    }

    /// All conversations.
    pub fn conversations(&self) -> impl Iterator<Item = Conversation> {
        self.conversations.all()
    }

    /// The conversations after this one.
    pub fn conversations_after(&self, id: ConversationId) -> impl Iterator<Item = Conversation> {
        self.conversations.after(id.0)
    }
}
