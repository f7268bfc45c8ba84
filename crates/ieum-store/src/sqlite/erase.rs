//! Overwriting what a message said.
//!
//! Invariant: what was there is not only let go, its bytes are overwritten.

use super::failure::failure;
use super::format::{self, column};
use crate::rows::RowAnswer;
use ieum_core::message::Message;
use rusqlite::Connection;

/// Puts a message without its text in the place of the one with it, within a transaction.
pub(super) fn overwrite(connection: &Connection, erased: &Message) -> RowAnswer<()> {
    let detail = format::message_detail(&erased.new, None)?;
    connection.execute_batch("PRAGMA secure_delete = ON").map_err(failure)?;
    let sql = "UPDATE message SET content = x'', detail = ?2 WHERE seq = ?1";
    let written = connection
        .prepare_cached(sql)
        .and_then(|mut update| update.execute((column(erased.seq.0), detail)));
    // Everything else need not pay for it.
    connection.execute_batch("PRAGMA secure_delete = OFF").map_err(failure)?;
    written.map(drop).map_err(failure)
}
