//! The directory on disk: one JSON body an entity, the last change of it.
//!
//! Invariant: an entity that is gone has no row.

use super::failure::{damaged, failure};
use super::format::column;
use crate::rows::RowAnswer;
use ieum_core::directory::{Change, Directory, Endpoint, Gone};
use ieum_core::ids::ChatKey;
use rusqlite::{Connection, OptionalExtension};

/// Kinds of rows. Stored: never reused. Conversations come after whom they name.
const KIND_ACCOUNT: i64 = 0;
const KIND_PERSON: i64 = 1;
const KIND_ADDRESS: i64 = 2;
const KIND_ROOM: i64 = 3;
const KIND_CONVERSATION: i64 = 4;
const KIND_CODE: i64 = 5;
const KIND_TALLY: i64 = 6;
const KIND_STAY: i64 = 7;
const KIND_QUESTION: i64 = 8;
const KIND_CARD: i64 = 9;
const KIND_TERMS: i64 = 10;
const KIND_DOOR: i64 = 11;
const KIND_CHARTER: i64 = 12;
const KIND_FAREWELL: i64 = 13;
const KIND_HOLD: i64 = 14;

fn key(change: &Change) -> (i64, u64) {
    match change {
        Change::Account(account) => (KIND_ACCOUNT, account.id.0),
        Change::Person(person) => (KIND_PERSON, person.id.0),
        Change::Address(address) => (KIND_ADDRESS, address.id.0),
        Change::Room(room) => (KIND_ROOM, room.id.0),
        Change::Conversation(conversation) => (KIND_CONVERSATION, conversation.id.0),
        Change::Code(code) => (KIND_CODE, code.id.0),
        Change::Tally(tally) => (KIND_TALLY, tally.party.number()),
        Change::Stay(stay) => (KIND_STAY, stay.person.0),
        Change::Question(question) => (KIND_QUESTION, question.asked.0),
        Change::Card(card) => (KIND_CARD, card.person.0),
        Change::Terms(terms) => (KIND_TERMS, terms.person.0),
        Change::Door(door) => (KIND_DOOR, door.person.0),
        Change::Charter(charter) => (KIND_CHARTER, charter.conversation.0),
        Change::Farewell(farewell) => (KIND_FAREWELL, farewell.person.0),
        Change::Hold(hold) => (KIND_HOLD, hold.cell.number()),
        Change::Gone(Gone::Hold(cell)) => (KIND_HOLD, cell.number()),
        Change::Gone(Gone::Farewell(person)) => (KIND_FAREWELL, person.0),
        Change::Gone(Gone::Code(id)) => (KIND_CODE, id.0),
        Change::Gone(Gone::Stay(person)) => (KIND_STAY, person.0),
        Change::Gone(Gone::Question(address)) => (KIND_QUESTION, address.0),
        Change::Gone(Gone::Tally(party)) => (KIND_TALLY, party.number()),
    }
}

/// Writes one change.
pub(super) fn put(connection: &Connection, change: &Change) -> RowAnswer<()> {
    let (kind, id) = key(change);
    if let Change::Gone(_) = change {
        let sql = "DELETE FROM directory WHERE kind = ?1 AND id = ?2";
        let gone = connection
            .prepare_cached(sql)
            .and_then(|mut delete| delete.execute((kind, column(id))));
        return gone.map(drop).map_err(failure);
    }
    let body = serde_json::to_string(change).map_err(damaged)?;
    let sql = "INSERT OR REPLACE INTO directory(kind, id, body) VALUES(?1, ?2, ?3)";
    let put =
        connection.prepare_cached(sql).and_then(|mut put| put.execute((kind, column(id), body)));
    put.map(drop).map_err(failure)
}

/// The whole directory.
pub(super) fn read(connection: &Connection) -> RowAnswer<Directory> {
    let sql = "SELECT body FROM directory ORDER BY kind, id";
    let mut select = connection.prepare_cached(sql).map_err(failure)?;
    let mut rows = select.query([]).map_err(failure)?;
    let mut directory = Directory::default();
    while let Some(row) = rows.next().map_err(failure)? {
        let body = row.get_ref(0).map_err(failure)?;
        let body = body.as_str().map_err(damaged)?;
        directory.apply(serde_json::from_str(body).map_err(damaged)?);
    }
    Ok(directory)
}

/// The chat behind an endpoint, as it is called now.
pub(super) fn chat(connection: &Connection, endpoint: Endpoint) -> RowAnswer<Option<ChatKey>> {
    let (kind, id) = match endpoint {
        Endpoint::Address(id) => (KIND_ADDRESS, id.0),
        Endpoint::Room(id) => (KIND_ROOM, id.0),
    };
    let sql = "SELECT body FROM directory WHERE kind = ?1 AND id = ?2";
    let body: Option<String> = connection
        .prepare_cached(sql)
        .and_then(|mut select| select.query_row((kind, column(id)), |row| row.get(0)).optional())
        .map_err(failure)?;
    let change = body.map(|body| serde_json::from_str(&body).map_err(damaged));
    Ok(match change.transpose()? {
        Some(Change::Address(address)) => address.direct,
        Some(Change::Room(room)) => Some(room.chat),
        Some(_) | None => None,
    })
}
