//! Everything that the hub holds of a person, in parts that are read one after the other.
//!
//! What they are in the directory first, then what was said where they are or by them or to them
//! alone, then who looked at it. Invariant: nothing of anybody else that they could not see.

use crate::people::ChangeFailure;
use crate::pieces::Pieces;
use ieum_core::delivery::Recipient;
use ieum_core::directory::{Address, Conversation, Directory, Person};
use ieum_core::ids::{AddressId, ConversationId, JournalSeq, MessageSeq, PersonId};
use ieum_core::journal::JournalEvent;
use ieum_core::message::{Author, Message};
use ieum_core::people::contacts::Card;
use ieum_core::people::groups::{Charter, Role};
use ieum_core::people::passkeys::Passkey;
use ieum_core::people::push::Subscription;
use ieum_core::people::sessions::Visit;
use ieum_core::people::terms::Terms;
use ieum_core::ports::store::{PAGE_ROWS_MAX, StoreFailure};
use ieum_core::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Messages that one part looks at.
const PART_ROWS: usize = 256;

/// Where an export goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExportPlace {
    /// With what they are in the directory.
    #[default]
    Begin,
    /// With the messages after this one.
    Messages(MessageSeq),
    /// With the looks after this entry of the journal.
    Looks(JournalSeq),
}

/// One thing that the hub holds of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exported {
    /// Their name, language, routes and consents.
    Person(Person),
    /// An address of theirs.
    Address(Address),
    /// Their handle, contacts and requests.
    Card(Card),
    /// What they ask of the ways to them.
    Terms(Terms),
    /// A conversation that they are in, and what they are there.
    Conversation(Conversation, Role),
    /// A sign-in or sign-out.
    Visit(Visit),
    /// A passkey.
    Passkey(Passkey),
    /// A browser of theirs that hears of messages, and how.
    Device(Box<str>, Subscription),
    /// Something that was said where they are, or by them, or to them alone.
    Message(Arc<Message>),
    /// An operator's look at what the hub holds of them.
    Look {
        /// When.
        at: Timestamp,
        /// At what.
        what: Box<str>,
        /// By whom.
        by: Box<str>,
    },
}

/// A part of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPart {
    /// What it holds; some parts hold nothing.
    pub items: Vec<Exported>,
    /// Where the next one begins; none after the last.
    pub next: Option<ExportPlace>,
}

/// A part of everything that the hub holds of a person.
pub(crate) async fn export(
    pieces: &Pieces,
    person: PersonId,
    place: ExportPlace,
) -> Result<ExportPart, ChangeFailure> {
    match place {
        ExportPlace::Begin => {
            let items = pieces.read(|directory| entries(directory, person));
            let items = items.ok_or(ChangeFailure::NotFound("person"))?;
            Ok(ExportPart { items, next: Some(ExportPlace::Messages(MessageSeq(0))) })
        }
        ExportPlace::Messages(after) => Ok(messages(pieces, person, after).await?),
        ExportPlace::Looks(after) => Ok(looks(pieces, person, after).await?),
    }
}

/// What they are in the directory.
fn entries(directory: &Directory, id: PersonId) -> Option<Vec<Exported>> {
    let person = directory.person(id)?.clone();
    let addresses = directory.addresses().filter(|address| address.person == Some(id));
    let card = directory.cards().of(id).cloned().map(Exported::Card);
    let terms = directory.terms_of(id).cloned().map(Exported::Terms);
    let own = directory.conversations_of(id).iter();
    let conversations = own.filter_map(|one| directory.conversation(*one)).map(|one| {
        let role = Charter::of(directory, one.id).role(id);
        Exported::Conversation(one.clone(), role)
    });
    let door = directory.doors().of(id);
    let visits = door.into_iter().flat_map(|door| door.visits.iter().cloned());
    let passkeys = door.into_iter().flat_map(|door| door.passkeys.iter().cloned());
    let sessions = door.into_iter().flat_map(|door| &door.sessions);
    let devices =
        sessions.filter_map(|one| Some(Exported::Device(one.browser.clone(), one.push.clone()?)));
    let door = passkeys.map(Exported::Passkey).chain(devices).chain(visits.map(Exported::Visit));
    let head = [Exported::Person(person)].into_iter();
    let ways = addresses.map(Exported::Address).chain(card).chain(terms);
    Some(head.chain(ways).chain(conversations).chain(door).collect())
}

/// Whose messages somebody can see.
struct Sight {
    person: PersonId,
    conversations: BTreeSet<ConversationId>,
    addresses: BTreeSet<AddressId>,
}

impl Sight {
    fn of(directory: &Directory, person: PersonId) -> Self {
        let conversations = directory.conversations_of(person).iter().copied().collect();
        let routes = directory.person(person).map(|one| one.routes.clone()).unwrap_or_default();
        Self { person, conversations, addresses: routes.into_iter().collect() }
    }

    async fn sees(&self, pieces: &Pieces, message: &Message) -> Result<bool, StoreFailure> {
        if self.conversations.contains(&message.new.conversation) {
            return Ok(true);
        }
        match message.new.author {
            Author::Person(person) => Ok(person == self.person),
            Author::Address(address) => Ok(self.addresses.contains(&address)),
            Author::Hub => {
                let deliveries = pieces.store.deliveries_of(message.seq).await?;
                let mine = Recipient::Person(self.person);
                Ok(!deliveries.is_empty() && deliveries.iter().all(|one| one.recipient == mine))
            }
        }
    }
}

async fn messages(
    pieces: &Pieces,
    person: PersonId,
    after: MessageSeq,
) -> Result<ExportPart, StoreFailure> {
    let sight = pieces.read(|directory| Sight::of(directory, person));
    let found = pieces.store.messages_after(after, PART_ROWS).await?;
    let next = found
        .last()
        .map_or(ExportPlace::Looks(JournalSeq(0)), |last| ExportPlace::Messages(last.seq));
    let mut items = Vec::new();
    for message in found {
        if sight.sees(pieces, &message).await? {
            items.push(Exported::Message(message));
        }
    }
    Ok(ExportPart { items, next: Some(next) })
}

async fn looks(
    pieces: &Pieces,
    whose: PersonId,
    after: JournalSeq,
) -> Result<ExportPart, StoreFailure> {
    let page = pieces.store.page_journal(after, PAGE_ROWS_MAX).await?;
    let next = page.last().map(|last| ExportPlace::Looks(last.seq));
    let mut items = Vec::new();
    for entry in page {
        if let JournalEvent::Accessed { at, person, what, by } = entry.event
            && person == whose
        {
            items.push(Exported::Look { at, what, by });
        }
    }
    Ok(ExportPart { items, next })
}
