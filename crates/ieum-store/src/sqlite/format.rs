//! How rows are written in bytes. Stored: field numbers are never reused.
//!
//! Invariant: what was written by any released version is read back the same.

use super::failure::damaged;
use crate::lanes::Head;
use crate::row::{DeliveryRow, FormerCopy};
use crate::rows::RowAnswer;
use ieum_core::content::MessageId;
use ieum_core::delivery::{Delivery, Label, Lane, Recipient, Route, State};
use ieum_core::directory::Endpoint;
use ieum_core::ids::RoomId;
use ieum_core::ids::{AccountId, ChatKey, ConversationId, DeliverySeq, MessageSeq, PersonId};
use ieum_core::message::{Author, Class, Message, NewMessage, Source};
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::store::Counts;
use ieum_core::time::Timestamp;
use minicbor::{Decode, Encode};
use rusqlite::Row;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Columns of a delivery, as [`read_delivery`] reads them.
pub(super) const DELIVERY: &str =
    "seq, message, conversation, recipient, account, state, due_at, detail";
/// Columns of a message, as [`read_message`] reads them.
pub(super) const MESSAGE: &str =
    "seq, id, conversation, accepted_at, origin_at, expires_at, detail, content";

/// Room that most encoded values fit into.
const ENCODED_BYTES_USUAL: usize = 192;

/// What of a message is not needed by any query.
#[derive(Debug, Decode)]
struct MessageDetail {
    #[n(0)]
    author: Author,
    #[n(1)]
    class: Class,
    #[n(2)]
    source: Option<Source>,
    /// By which key the content is sealed.
    #[n(3)]
    sealed_by: Option<u64>,
}

/// What of a delivery is not needed by any query.
#[derive(Debug, Decode)]
struct DeliveryDetail {
    #[n(0)]
    endpoint: Option<Endpoint>,
    #[n(1)]
    attempts: u32,
    #[n(2)]
    part: u32,
    #[n(3)]
    tried_at: Option<Timestamp>,
    #[n(4)]
    label: Option<Label>,
    #[n(5)]
    stands_in_for: Option<DeliverySeq>,
    #[n(6)]
    chat: Option<ChatKey>,
    #[n(7)]
    copies: Vec<CopyKey>,
    #[n(8)]
    former: Vec<FormerCopy>,
}

/// The figures beside each chunk of the journal.
#[derive(Debug, Default, Encode, Decode)]
struct Figures {
    #[n(0)]
    messages: u64,
    #[n(1)]
    repeated_events: u64,
    #[n(2)]
    deliveries: u64,
    #[n(3)]
    open: BTreeMap<u64, u64>,
    #[n(4)]
    dead: u64,
    #[n(5)]
    expired: u64,
}

/// [`MessageDetail`] as it is written.
#[derive(Debug, Encode)]
struct MessageDetailOf<'a> {
    #[n(0)]
    author: Author,
    #[n(1)]
    class: Class,
    #[n(2)]
    source: Option<&'a Source>,
    #[n(3)]
    sealed_by: Option<u64>,
}

/// [`DeliveryDetail`] as it is written.
#[derive(Debug, Encode)]
struct DeliveryDetailOf<'a> {
    #[n(0)]
    endpoint: Option<Endpoint>,
    #[n(1)]
    attempts: u32,
    #[n(2)]
    part: u32,
    #[n(3)]
    tried_at: Option<Timestamp>,
    #[n(4)]
    label: Option<Label>,
    #[n(5)]
    stands_in_for: Option<DeliverySeq>,
    #[n(6)]
    chat: Option<&'a ChatKey>,
    #[n(7)]
    copies: &'a [CopyKey],
    #[n(8)]
    former: &'a [FormerCopy],
}

/// A message's detail, and by which key its content is sealed.
pub(super) fn message_detail(new: &NewMessage, sealed_by: Option<u64>) -> RowAnswer<Vec<u8>> {
    let source = new.source.as_ref();
    encode(&MessageDetailOf { author: new.author, class: new.class, source, sealed_by })
}

/// A message as it lies in its row.
#[derive(Debug)]
pub(super) struct Stored {
    /// With its content as it was written.
    pub(super) message: Message,
    /// By which key that is sealed.
    pub(super) sealed_by: Option<u64>,
}

/// A delivery's detail.
pub(super) fn delivery_detail(row: &DeliveryRow) -> RowAnswer<Vec<u8>> {
    let delivery = &row.delivery;
    encode(&DeliveryDetailOf {
        endpoint: delivery.route.map(|route| route.endpoint),
        attempts: delivery.attempts,
        part: delivery.part,
        tried_at: delivery.tried_at,
        label: delivery.label,
        stands_in_for: delivery.stands_in_for,
        chat: row.chat.as_ref(),
        copies: &delivery.copies,
        former: &row.former,
    })
}

/// A row of [`MESSAGE`].
pub(super) fn read_message(row: &Row<'_>) -> rusqlite::Result<RowAnswer<Stored>> {
    let id: [u8; 32] = row.get(1)?;
    let content: Arc<[u8]> = row.get_ref(7)?.as_blob().unwrap_or_default().into();
    let detail = match decode::<MessageDetail>(row.get_ref(6)?.as_blob().unwrap_or_default()) {
        Ok(detail) => detail,
        Err(failure) => return Ok(Err(failure)),
    };
    let sealed_by = detail.sealed_by;
    let message = Message {
        seq: MessageSeq(number(row.get(0)?)),
        new: NewMessage {
            id: MessageId::from_bytes(id),
            conversation: ConversationId(number(row.get(2)?)),
            author: detail.author,
            source: detail.source,
            accepted_at: Timestamp(row.get(3)?),
            origin_at: Timestamp(row.get(4)?),
            expires_at: Timestamp(row.get(5)?),
            class: detail.class,
            content,
        },
    };
    Ok(Ok(Stored { message, sealed_by }))
}

/// A row of [`DELIVERY`].
pub(super) fn read_delivery(row: &Row<'_>) -> rusqlite::Result<RowAnswer<DeliveryRow>> {
    let state = state_of(row.get(5)?);
    let detail = decode::<DeliveryDetail>(row.get_ref(7)?.as_blob().unwrap_or_default());
    let (state, detail) = match (state, detail) {
        (Ok(state), Ok(detail)) => (state, detail),
        (Err(failure), _) | (_, Err(failure)) => return Ok(Err(failure)),
    };
    let account = AccountId(number(row.get(4)?));
    Ok(Ok(DeliveryRow {
        delivery: Delivery {
            seq: DeliverySeq(number(row.get(0)?)),
            message: MessageSeq(number(row.get(1)?)),
            conversation: ConversationId(number(row.get(2)?)),
            recipient: recipient_of(row.get(3)?),
            route: detail.endpoint.map(|endpoint| Route { account, endpoint }),
            state,
            attempts: detail.attempts,
            part: detail.part,
            due_at: Timestamp(row.get(6)?),
            tried_at: detail.tried_at,
            label: detail.label,
            stands_in_for: detail.stands_in_for,
            copies: detail.copies,
        },
        chat: detail.chat,
        former: detail.former,
    }))
}

/// Of a [`DeliveryDetail`] what a lane needs to know.
#[derive(Debug, Decode)]
struct Labelled {
    #[n(4)]
    label: Option<Label>,
}

/// What a lane needs to know: the columns conversation, recipient, account, state, due_at, detail.
pub(super) fn read_place(
    row: &Row<'_>,
    seq: DeliverySeq,
) -> rusqlite::Result<RowAnswer<(Lane, Head)>> {
    let conversation = ConversationId(number(row.get(0)?));
    let lane = Lane { conversation, recipient: recipient_of(row.get(1)?) };
    let account = Some(AccountId(number(row.get(2)?))).filter(|account| account.0 > 0);
    let due_at = Timestamp(row.get(4)?);
    let detail = decode::<Labelled>(row.get_ref(5)?.as_blob().unwrap_or_default());
    let known = state_of(row.get(3)?).and_then(|state| Ok((state, detail?.label.is_some())));
    Ok(known.map(|(state, labelled)| (lane, Head { seq, state, account, due_at, labelled })))
}

/// A recipient in one number: the lowest bit tells rooms from persons.
pub(super) fn recipient_number(recipient: Recipient) -> i64 {
    match recipient {
        Recipient::Person(PersonId(id)) => column(id << 1),
        Recipient::Room(RoomId(id)) => column(id << 1 | 1),
    }
}

fn recipient_of(stored: i64) -> Recipient {
    let id = number(stored) >> 1;
    if stored & 1 == 1 { Recipient::Room(RoomId(id)) } else { Recipient::Person(PersonId(id)) }
}

/// A state in one number.
pub(super) fn state_number(state: State) -> i64 {
    match state {
        State::Queued => 0,
        State::Attempting => 1,
        State::Unsure => 2,
        State::Held => 3,
        State::Sent => 4,
        State::Delivered => 5,
        State::Read => 6,
        State::Superseded => 7,
        State::Expired => 8,
        State::Dead => 9,
        State::Withdrawn => 10,
        State::Doubted => 11,
    }
}

fn state_of(stored: i64) -> RowAnswer<State> {
    Ok(match stored {
        0 => State::Queued,
        1 => State::Attempting,
        2 => State::Unsure,
        3 => State::Held,
        4 => State::Sent,
        5 => State::Delivered,
        6 => State::Read,
        7 => State::Superseded,
        8 => State::Expired,
        9 => State::Dead,
        10 => State::Withdrawn,
        11 => State::Doubted,
        other => return Err(damaged(format!("state {other} of a delivery"))),
    })
}

/// The figures of a chunk.
pub(super) fn figures(counts: &Counts) -> RowAnswer<Vec<u8>> {
    encode(&Figures {
        messages: counts.messages,
        repeated_events: counts.repeated_events,
        deliveries: counts.deliveries,
        open: counts.open.clone(),
        dead: counts.dead,
        expired: counts.expired,
    })
}

/// The figures of a chunk whose last entry is `journal`.
pub(super) fn read_figures(bytes: &[u8], journal: u64) -> RowAnswer<Counts> {
    let figures: Figures = decode(bytes)?;
    Ok(Counts {
        messages: figures.messages,
        repeated_events: figures.repeated_events,
        deliveries: figures.deliveries,
        open: figures.open,
        dead: figures.dead,
        expired: figures.expired,
        journal,
    })
}

/// CBOR of a value.
pub(super) fn encode<T: Encode<()>>(value: &T) -> RowAnswer<Vec<u8>> {
    let mut bytes = Vec::with_capacity(ENCODED_BYTES_USUAL);
    minicbor::encode(value, &mut bytes).map_err(damaged)?;
    Ok(bytes)
}

/// A value from CBOR.
pub(super) fn decode<'a, T: Decode<'a, ()>>(bytes: &'a [u8]) -> RowAnswer<T> {
    minicbor::decode(bytes).map_err(damaged)
}

/// An id or number for a column. Ids are given one by one, so none reaches half of its range.
pub(super) fn column(number: u64) -> i64 {
    number.cast_signed()
}

/// A column's id or number.
pub(super) fn number(column: i64) -> u64 {
    column.cast_unsigned()
}
