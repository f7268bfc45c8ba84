//! The statements of every message, held ready: looking them up by their text would cost a tenth
//! of carrying them out. Invariant: each is reset when its execution returns.

use super::failure::failure;
use crate::rows::RowAnswer;
use rusqlite::{Connection, Statement};

const SEEN: &str = "INSERT OR IGNORE INTO seen(period, account, key) VALUES(?1, ?2, ?3)";
const MESSAGE: &str = "INSERT INTO message(seq, id, conversation, accepted_at, origin_at,
    expires_at, first_delivery, deliveries, detail, content)
    VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
const DELIVERY: &str = "INSERT INTO delivery(seq, message, conversation, recipient, account,
    state, due_at, detail) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const CHANGE: &str =
    "UPDATE delivery SET state = ?2, due_at = ?3, detail = ?4, account = ?5 WHERE seq = ?1";

/// The statements.
#[derive(Debug)]
pub(super) struct Hot<'c> {
    /// Remembers an event key: period, account, key.
    pub(super) seen: Statement<'c>,
    /// Writes a message.
    pub(super) message: Statement<'c>,
    /// Writes a delivery.
    pub(super) delivery: Statement<'c>,
    /// Changes a delivery: number, state, due_at, detail, account.
    pub(super) change: Statement<'c>,
}

impl<'c> Hot<'c> {
    /// Prepares them.
    pub(super) fn prepare(connection: &'c Connection) -> RowAnswer<Self> {
        let prepare = |sql| connection.prepare(sql).map_err(failure);
        Ok(Self {
            seen: prepare(SEEN)?,
            message: prepare(MESSAGE)?,
            delivery: prepare(DELIVERY)?,
            change: prepare(CHANGE)?,
        })
    }
}
