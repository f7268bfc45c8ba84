//! What the hub tells people about their own messages: who cannot be reached, what ended badly.

use crate::account::Account;
use crate::compose::hub_text;
use crate::notices::{self, HUB_CONVERSATION};
use crate::pieces::{Pieces, lock};
use ieum_core::delivery::{NewDelivery, Recipient, Route, State};
use ieum_core::directory::Endpoint;
use ieum_core::ids::{AddressId, ConversationId, EventKey, MessageSeq, PersonId, RoomId};
use ieum_core::message::NewMessage;
use ieum_core::network::{NameSource, Network};
use ieum_core::ports::store::{Admission, AdmitBatch, Admitted, StoreFailure};
use ieum_core::route::author_person;
use ieum_core::time::Timestamp;
use std::collections::BTreeSet;

/// Most addresses that are remembered as asked for a name.
const ASKED_MAX: usize = 100_000;

/// Most places that are remembered as told that the hub cannot read what is said there.
const UNREADABLE_MAX: usize = 10_000;
/// How long somebody who goes on unheard is left in peace.
const UNREADABLE_PEACE_MS: u64 = 3_600_000;

/// Where the author is to be told what concerns their message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReplyPlace {
    /// In the room where they wrote.
    Room(RoomId),
    /// In their direct chat.
    Person(PersonId, AddressId),
}

/// A delivery of the hub's own words to the place where somebody wrote.
pub(crate) fn to_place(pieces: &Pieces, place: ReplyPlace) -> Option<NewDelivery> {
    let (recipient, endpoint) = match place {
        ReplyPlace::Room(room) => (Recipient::Room(room), Endpoint::Room(room)),
        ReplyPlace::Person(person, address) => {
            (Recipient::Person(person), Endpoint::Address(address))
        }
    };
    let account = pieces.read(|directory| directory.locate(endpoint)).map(|(id, _)| id)?;
    let route = Some(Route { account, endpoint });
    Some(NewDelivery { recipient, route, state: State::Queued, label: None, stands_in_for: None })
}

/// Tells the author, once for each change, who cannot be reached.
pub(crate) async fn tell_unreachable(
    pieces: &Pieces,
    conversation: ConversationId,
    place: ReplyPlace,
    unreachable: &[PersonId],
) -> Result<(), StoreFailure> {
    let now_out: BTreeSet<PersonId> = unreachable.iter().copied().collect();
    {
        let mut told = lock(&pieces.told);
        let before = told.get(&conversation);
        if before == Some(&now_out) || (before.is_none() && now_out.is_empty()) {
            return Ok(());
        }
        told.insert(conversation, now_out.clone());
    }
    if now_out.is_empty() {
        return Ok(());
    }
    let text = pieces.read(|directory| {
        let names: Vec<&str> = now_out
            .iter()
            .filter_map(|id| directory.person(*id))
            .map(|person| &*person.name)
            .collect();
        notices::unreachable(&names, pieces.settings.language)
    });
    let Some(delivery) = to_place(pieces, place) else {
        return Ok(());
    };
    let about = pieces.read(|directory| {
        let person = now_out.first().and_then(|id| directory.person(*id))?;
        let address = person.routes.first().and_then(|id| directory.address(*id))?;
        directory.network_of(address.account)
    });
    tell(pieces, hub_text(pieces, conversation, &text, None), delivery, about).await.map(drop)
}

/// Admits one line of the hub's own for one recipient; `about` names the network whose incident
/// it tells of. Gives its place.
pub(crate) async fn tell(
    pieces: &Pieces,
    message: NewMessage,
    delivery: NewDelivery,
    about: Option<Network>,
) -> Result<Option<MessageSeq>, StoreFailure> {
    let deliveries = vec![delivery];
    let admission = Admission { message: Some(message), deliveries, about, ..Admission::default() };
    let at = pieces.now();
    let batch = AdmitBatch { at, admissions: vec![admission], cursor: None };
    let admitted = pieces.admit(batch).await?;
    Ok(admitted.into_iter().find_map(|one| match one {
        Admitted::New { message, .. } => message,
        Admitted::Known => None,
    }))
}

/// Admits one line of the hub's own for one recipient, unless this key was noted before.
pub(crate) async fn tell_once(
    pieces: &Pieces,
    message: NewMessage,
    delivery: NewDelivery,
    key: EventKey,
) -> Result<(), StoreFailure> {
    let event = delivery.route.map(|route| (route.account, key));
    let (message, deliveries) = (Some(message), vec![delivery]);
    let admission = Admission { event, message, deliveries, ..Admission::default() };
    let batch = AdmitBatch { at: pieces.now(), admissions: vec![admission], cursor: None };
    pieces.admit(batch).await.map(drop)
}

/// Asks somebody once for the name that the others are to see, where the network tells none.
pub(crate) async fn ask_name(
    pieces: &Pieces,
    account: &Account,
    address: AddressId,
    place: ReplyPlace,
) -> Result<(), StoreFailure> {
    if account.connector.capabilities().names != NameSource::AskedOnce {
        return Ok(());
    }
    let named = pieces.read(|directory| {
        let address = directory.address(address)?;
        let person = address.person.and_then(|id| directory.person(id));
        Some(!address.name.is_empty() || person.is_some_and(|person| !person.name.is_empty()))
    });
    if named != Some(false) || !remember_asked(pieces, address) {
        return Ok(());
    }
    let text = notices::what_name(pieces.settings.language);
    let Some(delivery) = to_place(pieces, place) else {
        return Ok(());
    };
    tell(pieces, hub_text(pieces, HUB_CONVERSATION, text, None), delivery, None).await.map(drop)
}

/// False when this address was asked since the hub started.
fn remember_asked(pieces: &Pieces, address: AddressId) -> bool {
    let mut asked = lock(&pieces.asked);
    asked.len() < ASKED_MAX && asked.insert(address)
}

/// False when this place was told a short while ago.
pub(crate) fn remember_unreadable(account: &Account, place: ReplyPlace, now: Timestamp) -> bool {
    let mut told = lock(&account.unreadable);
    if told.len() >= UNREADABLE_MAX {
        told.retain(|_, at| now.ms_since(*at) < UNREADABLE_PEACE_MS);
    }
    let fresh = told.get(&place).is_some_and(|at| now.ms_since(*at) < UNREADABLE_PEACE_MS);
    if !fresh && told.len() < UNREADABLE_MAX {
        told.insert(place, now);
        return true;
    }
    false
}

/// The place where the author of a message is told about it.
pub(crate) fn place_of_author(pieces: &Pieces, message: &NewMessage) -> Option<ReplyPlace> {
    let source = message.source.as_ref()?;
    pieces.read(|directory| {
        if let Some(room) = directory.room_of_chat(source.account, &source.chat) {
            return Some(ReplyPlace::Room(room.id));
        }
        let address = directory.address_of_chat(source.account, &source.chat)?;
        let person = author_person(directory, message.author)?;
        Some(ReplyPlace::Person(person, address.id))
    })
}
