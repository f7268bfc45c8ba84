//! The tables in SQLite, seen by the writer's one connection.
//!
//! A transaction begins with its first write and ends by [`SqliteRows::commit`] or
//! [`SqliteRows::roll_back`]. Invariant: caches and finder follow the end of the transaction.

mod replay;

use super::entities;
use super::erase;
use super::failure::failure;
use super::finder::Finder;
use super::format::{self, DELIVERY, MESSAGE, column, number};
use super::hot::Hot;
use super::incidents;
use super::journal;
use super::open::OpenBits;
use super::recent::Recent;
use super::sealing::Seals;
use crate::book::Claimed;
use crate::lanes::Head;
use crate::row::DeliveryRow;
use crate::rows::{FindKind, FindRow, RowAnswer, Rows};
use ieum_core::delivery::Lane;
use ieum_core::directory::{Change, Directory, Endpoint};
use ieum_core::ids::{AccountId, ChatKey, ConversationId, Cursor, DeliverySeq, EventKey};
use ieum_core::ids::{IncidentId, JournalSeq, MessageSeq, NativeMessageId, QuoteKey};
use ieum_core::incident::{Incident, Touch};
use ieum_core::journal::{JournalEntry, JournalEvent};
use ieum_core::message::Message;
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::store::{CopyNote, Counts, TouchCounts};
use ieum_core::time::Timestamp;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One connection and what belongs to it.
#[derive(Debug)]
pub(super) struct SqliteRows<'c> {
    connection: &'c Connection,
    hot: Hot<'c>,
    in_transaction: bool,
    finder: Finder,
    recent: Recent,
    open: OpenBits,
    seals: Seals,
    /// Periods that have event keys.
    periods: Vec<i64>,
}

/// Deliveries that the journal tells were claimed and not settled since, and when.
pub(super) type Claims = Vec<(DeliverySeq, Timestamp)>;

impl<'c> SqliteRows<'c> {
    /// Over a migrated file; with what was claimed when it was last open.
    pub(super) fn open(connection: &'c Connection, seals: Seals) -> RowAnswer<(Self, Claims)> {
        let (finder, mark) = Finder::open(connection)?;
        let open = OpenBits::open(connection)?;
        let mut rows = Self {
            connection,
            hot: Hot::prepare(connection)?,
            in_transaction: false,
            finder,
            recent: Recent::default(),
            open,
            seals,
            periods: Vec::new(),
        };
        rows.read_periods()?;
        let claims = rows.replay(mark)?;
        Ok((rows, claims))
    }

    /// Writes the entries of this transaction and makes all of it durable.
    ///
    /// When the finder's mark passes journal entries, claims that only those told are written to
    /// their rows: they will not be read again.
    pub(super) fn commit(
        &mut self,
        events: &[JournalEvent],
        counts: &Counts,
        claimed: &BTreeMap<DeliverySeq, Claimed>,
    ) -> RowAnswer<()> {
        if !events.is_empty() {
            self.begin()?;
            journal::append(self.connection, events, counts)?;
        }
        if !self.in_transaction {
            return Ok(());
        }
        self.open.write(self.connection)?;
        if self.finder.write_some(self.connection)? {
            self.write_claims(claimed)?;
        }
        self.run("COMMIT", [])?;
        self.in_transaction = false;
        self.finder.committed(JournalSeq(counts.journal));
        self.open.committed();
        Ok(())
    }

    /// Undoes this transaction.
    pub(super) fn roll_back(&mut self) -> RowAnswer<()> {
        self.finder.rolled_back();
        self.open.rolled_back();
        self.recent.clear();
        self.in_transaction = false;
        if !self.connection.is_autocommit() {
            self.run("ROLLBACK", [])?;
        }
        self.read_periods()
    }

    #[cfg(test)]
    pub(super) fn forget_recent(&mut self) {
        self.recent.clear();
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        self.connection
    }

    fn begin(&mut self) -> RowAnswer<()> {
        if !self.in_transaction {
            self.run("BEGIN IMMEDIATE", [])?;
            self.in_transaction = true;
        }
        Ok(())
    }

    fn prepare(&self, sql: &str) -> RowAnswer<CachedStatement<'_>> {
        self.connection.prepare_cached(sql).map_err(failure)
    }

    fn run(&self, sql: &str, params: impl Params) -> RowAnswer<usize> {
        self.prepare(sql)?.execute(params).map_err(failure)
    }

    /// Writes, within the transaction.
    fn write(&mut self, sql: &str, params: impl Params) -> RowAnswer<usize> {
        self.begin()?;
        self.run(sql, params)
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> RowAnswer<Option<T>> {
        let mut statement = self.prepare(sql)?;
        let found = statement.query_row(params, read);
        found.optional().map_err(failure)
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> RowAnswer<Vec<T>> {
        let mut statement = self.prepare(sql)?;
        let rows = statement.query_map(params, read).map_err(failure)?;
        rows.collect::<Result<_, _>>().map_err(failure)
    }

    fn read_periods(&mut self) -> RowAnswer<()> {
        let mut periods = Vec::new();
        let mut after = i64::MIN;
        let sql = "SELECT period FROM seen WHERE period > ?1 ORDER BY period LIMIT 1";
        while let Some(period) = self.one(sql, [after], |row| row.get(0))? {
            periods.push(period);
            after = period;
        }
        self.periods = periods;
        Ok(())
    }

    /// Writes the claims to their rows of which otherwise only the journal tells.
    fn write_claims(&mut self, claimed: &BTreeMap<DeliverySeq, Claimed>) -> RowAnswer<()> {
        let told = claimed.values().filter(|claimed| claimed.durable);
        told.map(|claimed| &claimed.row).try_for_each(|row| self.write_changed(row))
    }

    fn write_changed(&mut self, row: &DeliveryRow) -> RowAnswer<()> {
        let delivery = &row.delivery;
        let params = (
            column(delivery.seq.0),
            format::state_number(delivery.state),
            delivery.due_at.0,
            format::delivery_detail(row)?,
            column(row.account().unwrap_or_default().0),
        );
        self.begin()?;
        self.hot.change.execute(params).map_err(failure)?;
        Ok(())
    }
}

fn lane_numbers(lane: Lane) -> (i64, i64) {
    (column(lane.conversation.0), format::recipient_number(lane.recipient))
}

impl Rows for SqliteRows<'_> {
    fn note_seen(&mut self, period: i64, account: AccountId, key: &EventKey) -> RowAnswer<bool> {
        self.begin()?;
        let params = (period, column(account.0), key.as_str());
        let new = self.hot.seen.execute(params).map_err(failure)? > 0;
        if !self.periods.contains(&period) {
            self.periods.push(period);
            self.periods.sort_unstable();
        }
        Ok(new)
    }

    fn seen_elsewhere(
        &mut self,
        period: i64,
        account: AccountId,
        key: &EventKey,
    ) -> RowAnswer<bool> {
        let sql = "SELECT 1 FROM seen WHERE period = ?1 AND account = ?2 AND key = ?3";
        for other in self.periods.iter().filter(|found| **found != period) {
            let params = (*other, column(account.0), key.as_str());
            if self.one(sql, params, |_| Ok(()))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A statement by itself locks the file and lets it go again, which takes as long as reading a
    /// row.
    fn begin_reading(&mut self) -> RowAnswer<bool> {
        if !self.in_transaction {
            self.run("BEGIN", [])?;
        }
        Ok(!self.in_transaction)
    }

    fn end_reading(&mut self, begun: bool) -> RowAnswer<()> {
        if begun { self.run("COMMIT", []).map(drop) } else { Ok(()) }
    }

    fn seen_periods(&self) -> Vec<i64> {
        self.periods.clone()
    }

    fn forget_seen(&mut self, before_period: i64, rows_max: usize) -> RowAnswer<u64> {
        if self.periods.first().is_none_or(|first| *first >= before_period) {
            return Ok(0);
        }
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let sql = "DELETE FROM seen WHERE (period, account, key) IN
                   (SELECT period, account, key FROM seen WHERE period < ?1 LIMIT ?2)";
        let forgotten = self.write(sql, (before_period, limit))?;
        self.read_periods()?;
        Ok(u64::try_from(forgotten).unwrap_or(u64::MAX))
    }

    fn insert_message(
        &mut self,
        message: &Arc<Message>,
        first: DeliverySeq,
        count: u64,
    ) -> RowAnswer<()> {
        let new = &message.new;
        let (content, sealed_by) = self.seals.seal(message)?;
        let params = (
            column(message.seq.0),
            new.id.as_bytes(),
            column(new.conversation.0),
            new.accepted_at.0,
            new.origin_at.0,
            new.expires_at.0,
            column(first.0),
            column(count),
            format::message_detail(new, sealed_by)?,
            &*content,
        );
        self.begin()?;
        self.hot.message.execute(params).map_err(failure)?;
        self.recent.keep_message(message, count);
        Ok(())
    }

    fn message(&mut self, seq: MessageSeq) -> RowAnswer<Option<Arc<Message>>> {
        if let Some(message) = self.recent.message(seq) {
            return Ok(Some(message));
        }
        let sql = format!("SELECT {MESSAGE} FROM message WHERE seq = ?1");
        let found = self.one(&sql, [column(seq.0)], format::read_message)?;
        let found = found.transpose()?.map(|stored| self.seals.open(stored)).transpose()?;
        let found = found.map(Arc::new);
        found.iter().for_each(|message| self.recent.keep_read(message));
        Ok(found)
    }

    fn messages_after(
        &mut self,
        after: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Arc<Message>>> {
        let sql = format!("SELECT {MESSAGE} FROM message WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let found = self.all(&sql, (column(after.0), limit), format::read_message)?;
        found.into_iter().map(|stored| self.seals.open(stored?).map(Arc::new)).collect()
    }

    fn erase(&mut self, erased: &Message) -> RowAnswer<()> {
        self.begin()?;
        erase::overwrite(self.connection, erased)?;
        self.recent.forget_message(erased.seq);
        Ok(())
    }

    fn deliveries_of(&mut self, message: MessageSeq) -> RowAnswer<Vec<DeliverySeq>> {
        let sql = "SELECT first_delivery, deliveries FROM message WHERE seq = ?1";
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: Option<(i64, i64)> = self.one(sql, [column(message.0)], read)?;
        let (first, count) = found.unwrap_or_default();
        let planned = number(first)..number(first.saturating_add(count));
        let sql = "SELECT delivery FROM later_delivery WHERE message = ?1 ORDER BY delivery";
        let later: Vec<i64> = self.all(sql, [column(message.0)], |row| row.get(0))?;
        let later = later.into_iter().map(number);
        Ok(planned.chain(later).map(DeliverySeq).collect())
    }

    fn add_later_delivery(&mut self, message: MessageSeq, delivery: DeliverySeq) -> RowAnswer<()> {
        let sql = "INSERT INTO later_delivery(message, delivery) VALUES(?1, ?2)";
        self.write(sql, (column(message.0), column(delivery.0)))?;
        Ok(())
    }

    fn insert_delivery(&mut self, row: &DeliveryRow) -> RowAnswer<()> {
        let (conversation, recipient) = lane_numbers(row.delivery.lane());
        let params = (
            column(row.delivery.seq.0),
            column(row.delivery.message.0),
            conversation,
            recipient,
            column(row.account().unwrap_or_default().0),
            format::state_number(row.delivery.state),
            row.delivery.due_at.0,
            format::delivery_detail(row)?,
        );
        self.begin()?;
        self.hot.delivery.execute(params).map_err(failure)?;
        self.open.turn(row.account(), row.delivery.seq);
        self.recent.keep_delivery(row);
        Ok(())
    }

    fn update_delivery(&mut self, old: &DeliveryRow, new: &DeliveryRow) -> RowAnswer<()> {
        self.write_changed(new)?;
        let was_open = (!old.delivery.state.ended()).then(|| old.account());
        let is_open = (!new.delivery.state.ended()).then(|| new.account());
        if was_open != is_open {
            let turned = [was_open, is_open].into_iter().flatten();
            turned.for_each(|account| self.open.turn(account, new.delivery.seq));
        }
        match is_open {
            Some(_) => self.recent.keep_delivery(new),
            None if was_open.is_some() => self.recent.forget_delivery(new),
            None => {}
        }
        Ok(())
    }

    fn delivery(&mut self, seq: DeliverySeq) -> RowAnswer<Option<DeliveryRow>> {
        if let Some(row) = self.recent.delivery(seq) {
            return Ok(Some(row));
        }
        let sql = format!("SELECT {DELIVERY} FROM delivery WHERE seq = ?1");
        let found = self.one(&sql, [column(seq.0)], format::read_delivery)?.transpose()?;
        let open = found.iter().filter(|row| !row.delivery.state.ended());
        open.for_each(|row| self.recent.keep_delivery(row));
        Ok(found)
    }

    fn open_seqs(
        &mut self,
        account: Option<Option<AccountId>>,
        after: DeliverySeq,
        rows_max: usize,
    ) -> Vec<DeliverySeq> {
        self.open.seqs(account, after, rows_max)
    }

    fn places(&mut self, seqs: &[DeliverySeq]) -> RowAnswer<Vec<(Lane, Head)>> {
        let sql = "SELECT conversation, recipient, account, state, due_at, detail FROM delivery
                   WHERE seq = ?1";
        let mut select = self.prepare(sql)?;
        let place = |seq: &DeliverySeq| {
            let read = |row: &Row<'_>| format::read_place(row, *seq);
            select.query_row([column(seq.0)], read).map_err(failure)?
        };
        seqs.iter().map(place).collect()
    }

    fn unconfirmed(
        &mut self,
        account: AccountId,
        first: DeliverySeq,
        end: DeliverySeq,
    ) -> RowAnswer<Vec<DeliveryRow>> {
        let sql = format!(
            "SELECT {DELIVERY} FROM delivery
             WHERE seq >= ?2 AND seq < ?3 AND +account = ?1 AND +state IN (4, 11)
             ORDER BY seq"
        );
        let params = (column(account.0), column(first.0), column(end.0));
        self.all(&sql, params, format::read_delivery)?.into_iter().collect()
    }

    fn recently_sent(&mut self, account: AccountId, rows_max: u64) -> RowAnswer<Vec<DeliveryRow>> {
        let sql = format!(
            "SELECT {DELIVERY} FROM delivery
             WHERE seq > (SELECT coalesce(max(seq), 0) FROM delivery) - ?2
               AND +account = ?1 AND +state IN (4, 5, 11)
             ORDER BY seq"
        );
        let params = (column(account.0), column(rows_max));
        self.all(&sql, params, format::read_delivery)?.into_iter().collect()
    }

    fn add_copy(&mut self, message: MessageSeq, note: &CopyNote) -> RowAnswer<()> {
        let sql = "INSERT INTO added_copy(message, account, chat, native, quote)
                   VALUES(?1, ?2, ?3, ?4, ?5)";
        let params = (
            column(message.0),
            column(note.account.0),
            note.chat.as_str(),
            note.key.native.as_str(),
            note.key.quote.as_ref().map(QuoteKey::as_str),
        );
        self.write(sql, params)?;
        Ok(())
    }

    fn added_copies(&mut self, message: MessageSeq) -> RowAnswer<Vec<CopyNote>> {
        let sql = "SELECT account, chat, native, quote FROM added_copy
                   WHERE message = ?1 ORDER BY seq";
        let text = |row: &Row<'_>, index| row.get::<_, String>(index);
        self.all(sql, [column(message.0)], |row| {
            Ok(CopyNote {
                account: AccountId(number(row.get(0)?)),
                chat: ChatKey::new(text(row, 1)?),
                key: CopyKey {
                    native: NativeMessageId::new(text(row, 2)?),
                    quote: row.get::<_, Option<String>>(3)?.map(QuoteKey::new),
                },
                delivery: None,
            })
        })
    }

    fn add_find(&mut self, row: FindRow) {
        self.finder.add(row);
    }

    fn find(
        &mut self,
        kind: FindKind,
        key: u64,
        before: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<FindRow>> {
        self.finder.find(self.connection, (kind, key), before, rows_max)
    }

    fn newest_in(&mut self, conversation: ConversationId) -> RowAnswer<Option<MessageSeq>> {
        self.finder.newest_in(self.connection, conversation)
    }

    fn found_lately(&self, kind: FindKind, key: u64) -> Option<MessageSeq> {
        self.finder.found_lately(kind, key)
    }

    fn put_change(&mut self, change: &Change) -> RowAnswer<()> {
        self.begin()?;
        entities::put(self.connection, change)?;
        self.recent.follow(change);
        Ok(())
    }

    fn directory(&mut self) -> RowAnswer<Directory> {
        entities::read(self.connection)
    }

    fn chat_of(&mut self, endpoint: Endpoint) -> RowAnswer<Option<ChatKey>> {
        if let Some(chat) = self.recent.chat(endpoint) {
            return Ok(chat);
        }
        let chat = entities::chat(self.connection, endpoint)?;
        self.recent.keep_chat(endpoint, chat.clone());
        Ok(chat)
    }

    fn put_cursor(&mut self, account: AccountId, cursor: &Cursor) -> RowAnswer<()> {
        let sql = "INSERT OR REPLACE INTO cursor(account, position) VALUES(?1, ?2)";
        self.write(sql, (column(account.0), cursor.as_str()))?;
        Ok(())
    }

    fn cursors(&mut self) -> RowAnswer<BTreeMap<AccountId, Cursor>> {
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let cursors: Vec<(i64, String)> =
            self.all("SELECT account, position FROM cursor", [], read)?;
        let typed = |(account, position)| (AccountId(number(account)), Cursor::new(position));
        Ok(cursors.into_iter().map(typed).collect())
    }

    fn put_incident(&mut self, incident: &Incident) -> RowAnswer<()> {
        self.begin()?;
        incidents::put(self.connection, incident)
    }

    fn latest_incidents(&mut self) -> RowAnswer<Vec<Incident>> {
        incidents::latest(self.connection)
    }

    fn last_incident(&mut self) -> RowAnswer<IncidentId> {
        incidents::last(self.connection)
    }

    fn page_incidents(&mut self, before: IncidentId, rows_max: usize) -> RowAnswer<Vec<Incident>> {
        incidents::page(self.connection, before, rows_max)
    }

    fn put_touch(&mut self, id: IncidentId, touch: Touch) -> RowAnswer<()> {
        self.begin()?;
        incidents::put_touch(self.connection, id, touch)
    }

    fn page_touched(
        &mut self,
        id: IncidentId,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<Touch>> {
        incidents::page_touched(self.connection, id, after, rows_max)
    }

    fn touch_counts(&mut self, id: IncidentId) -> RowAnswer<TouchCounts> {
        incidents::touch_counts(self.connection, id)
    }

    fn page_journal(&mut self, after: JournalSeq, rows_max: usize) -> RowAnswer<Vec<JournalEntry>> {
        journal::page(self.connection, after, rows_max)
    }

    fn saved_counts(&mut self) -> RowAnswer<Counts> {
        journal::saved_counts(self.connection)
    }
}
