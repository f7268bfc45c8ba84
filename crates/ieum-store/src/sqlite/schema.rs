//! The tables on disk and how older ones become today's. See docs/store.md.
//!
//! Invariant: a migration that was released is never changed; a new one is added after it.

use super::failure::{OpenFailure, failure};
use super::{finder, open};
use crate::rows::RowAnswer;
use rusqlite::Connection;

/// One way from a version to the next.
struct Migration {
    script: &'static str,
    /// What a script cannot say; then comes the second script.
    rest: Option<(Work, &'static str)>,
}

/// What is to be done between two scripts.
type Work = fn(&Connection) -> RowAnswer<()>;

/// Each brings the schema from its index to the next version.
const MIGRATIONS: [Migration; 16] = [
    Migration { script: V1, rest: None },
    Migration { script: V2, rest: Some((open::fill, V2_REST)) },
    Migration { script: V3, rest: None },
    Migration { script: V4, rest: None },
    Migration { script: V5, rest: None },
    Migration { script: V6, rest: None },
    Migration { script: V7, rest: None },
    Migration { script: V8, rest: None },
    Migration { script: V9, rest: None },
    Migration { script: V10, rest: None },
    Migration { script: V11, rest: Some((finder::fill_newest, "")) },
    Migration { script: V12, rest: None },
    Migration { script: V13, rest: None },
    Migration { script: V14, rest: None },
    Migration { script: V15, rest: None },
    Migration { script: V16, rest: None },
];

/// Every key of the hot path grows: rows are appended.
const V1: &str = "
CREATE TABLE message(
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    conversation INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    origin_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    first_delivery INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    detail BLOB NOT NULL,
    content BLOB NOT NULL
);
CREATE TABLE delivery(
    seq INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    account INTEGER NOT NULL,
    state INTEGER NOT NULL,
    open INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    detail BLOB NOT NULL
);
CREATE INDEX open_lane ON delivery(conversation, recipient) WHERE open = 1;
CREATE INDEX open_account ON delivery(account) WHERE open = 1;
CREATE TABLE later_delivery(
    message INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    PRIMARY KEY(message, delivery)
) WITHOUT ROWID;
CREATE TABLE seen(
    period INTEGER NOT NULL,
    account INTEGER NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY(period, account, key)
) WITHOUT ROWID;
CREATE TABLE journal(
    first INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    entries BLOB NOT NULL,
    figures BLOB NOT NULL
);
CREATE TABLE finder(slot INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE TABLE finder_mark(
    one INTEGER PRIMARY KEY CHECK (one = 1),
    runs INTEGER NOT NULL,
    journal INTEGER NOT NULL
);
INSERT INTO finder_mark VALUES(1, 0, 0);
CREATE TABLE added_copy(
    seq INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,
    account INTEGER NOT NULL,
    chat TEXT NOT NULL,
    native TEXT NOT NULL,
    quote TEXT
);
CREATE INDEX added_copy_message ON added_copy(message);
CREATE TABLE directory(
    kind INTEGER NOT NULL,
    id INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY(kind, id)
) WITHOUT ROWID;
CREATE TABLE cursor(account INTEGER PRIMARY KEY, position TEXT NOT NULL);
";

/// Open deliveries as bits instead of two indexes: with a backlog, each lane's head and tail were
/// on pages of their own, to be written with each message.
const V2: &str = "
CREATE TABLE open_chunk(
    account INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY(account, chunk)
) WITHOUT ROWID;
";
const V2_REST: &str = "
DROP INDEX open_lane;
DROP INDEX open_account;
ALTER TABLE delivery DROP COLUMN open;
";

/// Incidents, and what they did to deliveries.
const V3: &str = "
CREATE TABLE incident(id INTEGER PRIMARY KEY, network TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE incident_touch(
    incident INTEGER NOT NULL,
    delivery INTEGER NOT NULL,
    how INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY(incident, delivery)
) WITHOUT ROWID;
";

/// One-time codes and counts are rows of the directory; an older hub would not know them.
const V4: &str = "";

/// Where people said they are, and what addresses were asked: the same.
const V5: &str = "";

/// Handles and contacts: the same.
const V6: &str = "";

/// Terms, and deliveries that were taken back: the same.
const V7: &str = "";

/// Who is signed in on the page: the same.
const V8: &str = "";

/// How conversations are led: the same.
const V9: &str = "";

/// Deliveries that were sent and doubted afterwards: the same.
const V10: &str = "";

/// The newest message of each conversation: a list of many asks for it, and most of them are long
/// silent.
const V11: &str = "
CREATE TABLE newest(conversation INTEGER PRIMARY KEY, message INTEGER NOT NULL);
";

/// Farewells, texts that were taken away, and who looked at whose: the same.
const V12: &str = "";

/// Contents may be sealed: by these keys.
const V13: &str = "CREATE TABLE sealing(key INTEGER PRIMARY KEY);";

/// Passkeys stand at the doors of the directory; an older hub would forget them.
const V14: &str = "";

/// How devices hear of messages stands at the doors with their sessions: the same.
const V15: &str = "";

/// The operator's word on a part of a network stands in the directory: the same.
const V16: &str = "";

/// Marks a file as ours (`PRAGMA application_id`): the letters `Ieum`.
const APPLICATION_ID: i32 = 0x4965_756d;

/// Brings the file to today's schema, or refuses it untouched.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenFailure> {
    let found: u32 = pragma(connection, "user_version")?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if found > MIGRATIONS.len() {
        return Err(OpenFailure::Newer { found, known: MIGRATIONS.len() });
    }
    let id: i32 = pragma(connection, "application_id")?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failure)?;
    if id != APPLICATION_ID && (found > 0 || tables > 0) {
        return Err(OpenFailure::Foreign);
    }
    for (version, migration) in MIGRATIONS.iter().enumerate().skip(found) {
        step(connection, version + 1, migration)?;
    }
    Ok(())
}

/// Refuses a file of any other schema than today's.
pub(super) fn expect_present(connection: &Connection) -> Result<(), OpenFailure> {
    if pragma::<i32>(connection, "application_id")? != APPLICATION_ID {
        return Err(OpenFailure::Foreign);
    }
    let found: u32 = pragma(connection, "user_version")?;
    match (usize::try_from(found).unwrap_or(usize::MAX), MIGRATIONS.len()) {
        (found, known) if found > known => Err(OpenFailure::Newer { found, known }),
        (found, known) if found < known => Err(OpenFailure::Older { found, known }),
        _ => Ok(()),
    }
}

fn step(
    connection: &mut Connection,
    version: usize,
    migration: &Migration,
) -> Result<(), OpenFailure> {
    let transaction = connection.transaction().map_err(failure)?;
    transaction.execute_batch(migration.script).map_err(failure)?;
    if let Some((work, script)) = migration.rest {
        work(&transaction)?;
        transaction.execute_batch(script).map_err(failure)?;
    }
    transaction
        .execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"
        ))
        .map_err(failure)?;
    transaction.commit().map_err(failure)?;
    Ok(())
}

fn pragma<T: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> Result<T, OpenFailure> {
    let answer = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0));
    Ok(answer.map_err(failure)?)
}
