//! The tables in SQLite, seen by the writer's one connection.
//!
//! A transaction begins with its first write and ends by [`SqliteRows::commit`] or
//! [`SqliteRows::roll_back`]. Invariant: caches and finder follow the end of the transaction.

use super::failure::{damaged, failure};
use super::finder::Finder;
use super::format::{self, DELIVERY, MESSAGE, column, number};
use super::journal;
use super::recent::Recent;
use crate::row::DeliveryRow;
use crate::rows::{FindKind, FindRow, RowAnswer, Rows};
use ieum_core::delivery::{Lane, Step};
use ieum_core::directory::{Change, Directory, Endpoint};
use ieum_core::ids::{AccountId, ChatKey, Cursor, DeliverySeq, EventKey};
use ieum_core::ids::{JournalSeq, MessageSeq, NativeMessageId, QuoteKey};
use ieum_core::journal::{JournalEntry, JournalEvent};
use ieum_core::message::Message;
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::store::{CopyNote, Counts, OpenFilter, PAGE_ROWS_MAX};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One connection and what belongs to it.
#[derive(Debug)]
pub(super) struct SqliteRows {
    connection: Connection,
    in_transaction: bool,
    finder: Finder,
    recent: Recent,
    /// Periods that have event keys.
    periods: Vec<i64>,
}

impl SqliteRows {
    /// Over a migrated file.
    pub(super) fn open(connection: Connection) -> RowAnswer<Self> {
        let (finder, mark) = Finder::open(&connection)?;
        let mut rows = Self {
            connection,
            in_transaction: false,
            finder,
            recent: Recent::default(),
            periods: Vec::new(),
        };
        rows.read_periods()?;
        rows.rebuild_finder(mark)?;
        Ok(rows)
    }

    /// Writes the entries of this transaction and makes all of it durable.
    pub(super) fn commit(&mut self, events: &[JournalEvent], counts: &Counts) -> RowAnswer<()> {
        if !events.is_empty() {
            self.begin()?;
            journal::append(&self.connection, events, counts)?;
        }
        if !self.in_transaction {
            return Ok(());
        }
        self.finder.write_some(&self.connection)?;
        self.run("COMMIT", [])?;
        self.in_transaction = false;
        self.finder.committed(JournalSeq(counts.journal));
        Ok(())
    }

    /// Undoes this transaction.
    pub(super) fn roll_back(&mut self) -> RowAnswer<()> {
        self.finder.rolled_back();
        self.recent.clear();
        self.in_transaction = false;
        if !self.connection.is_autocommit() {
            self.run("ROLLBACK", [])?;
        }
        self.read_periods()
    }

    /// Puts everything into the one file and closes it.
    pub(super) fn close(self) -> RowAnswer<()> {
        let Self { connection, .. } = self;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failure)?;
        connection.close().map_err(|(_, error)| failure(error))
    }

    #[cfg(test)]
    pub(super) fn forget_recent(&mut self) {
        self.recent.clear();
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
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

    /// Adds what was in memory only when the hub was last stopped.
    fn rebuild_finder(&mut self, mark: JournalSeq) -> RowAnswer<()> {
        let mut after = mark;
        loop {
            let entries = self.page_journal(after, PAGE_ROWS_MAX)?;
            for entry in &entries {
                self.find_again(&entry.event)?;
                after = entry.seq;
            }
            if entries.len() < PAGE_ROWS_MAX {
                self.finder.committed(after);
                return Ok(());
            }
        }
    }

    fn find_again(&mut self, event: &JournalEvent) -> RowAnswer<()> {
        match event {
            JournalEvent::Admitted { message, .. } => {
                let found = self.message(*message)?;
                let found = found.ok_or_else(|| damaged(format!("message {message} is gone")))?;
                FindRow::of_message(&found).for_each(|row| self.finder.add(row));
            }
            JournalEvent::Settled {
                delivery,
                step: Step::Sent { .. } | Step::NextPart { .. },
                ..
            } => {
                if let Some(row) = self.delivery(*delivery)? {
                    let message = row.delivery.message;
                    FindRow::of_copies(message, &row.copy_notes())
                        .for_each(|row| self.finder.add(row));
                }
            }
            JournalEvent::Copied { message, .. } => {
                let notes = self.added_copies(*message)?;
                FindRow::of_copies(*message, &notes).for_each(|row| self.finder.add(row));
            }
            JournalEvent::Opened { .. }
            | JournalEvent::Claimed { .. }
            | JournalEvent::Settled { .. }
            | JournalEvent::Receipt { .. }
            | JournalEvent::Changed { .. }
            | JournalEvent::Read { .. }
            | JournalEvent::Health { .. } => {}
        }
        Ok(())
    }

    fn open_of_account(
        &self,
        account: i64,
        filter: OpenFilter,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<DeliveryRow>> {
        let sql = format!(
            "SELECT {DELIVERY} FROM delivery INDEXED BY open_account
             WHERE open = 1 AND account = ?1 AND seq > ?2
               AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR conversation = ?4)
             ORDER BY seq LIMIT ?5"
        );
        let state = filter.state.map(format::state_number);
        let conversation = filter.conversation.map(|id| column(id.0));
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let params = (account, column(after.0), state, conversation, limit);
        self.all(&sql, params, format::read_delivery)?.into_iter().collect()
    }

    fn open_accounts(&self) -> RowAnswer<Vec<i64>> {
        let mut accounts = Vec::new();
        let mut after = i64::MIN;
        let sql = "SELECT account FROM delivery INDEXED BY open_account
                   WHERE open = 1 AND account > ?1 ORDER BY account LIMIT 1";
        while let Some(account) = self.one(sql, [after], |row| row.get(0))? {
            accounts.push(account);
            after = account;
        }
        Ok(accounts)
    }

    fn first_open_after(&self, after: Option<(i64, i64)>) -> RowAnswer<Option<DeliveryRow>> {
        let sql = format!(
            "SELECT {DELIVERY} FROM delivery INDEXED BY open_lane
             WHERE open = 1 AND (conversation, recipient) > (?1, ?2)
             ORDER BY conversation, recipient, seq LIMIT 1"
        );
        let after = after.unwrap_or((i64::MIN, i64::MIN));
        self.one(&sql, after, format::read_delivery)?.transpose()
    }
}

fn lane_numbers(lane: Lane) -> (i64, i64) {
    (column(lane.conversation.0), format::recipient_number(lane.recipient))
}

impl Rows for SqliteRows {
    fn note_seen(&mut self, period: i64, account: AccountId, key: &EventKey) -> RowAnswer<bool> {
        let sql = "INSERT OR IGNORE INTO seen(period, account, key) VALUES(?1, ?2, ?3)";
        let new = self.write(sql, (period, column(account.0), key.as_str()))? > 0;
        if !self.periods.contains(&period) {
            self.periods.push(period);
            self.periods.sort_unstable();
        }
        Ok(new)
    }

    fn seen_before(&mut self, period: i64, account: AccountId, key: &EventKey) -> RowAnswer<bool> {
        let sql = "SELECT 1 FROM seen WHERE period = ?1 AND account = ?2 AND key = ?3";
        for earlier in self.periods.iter().take_while(|found| **found < period) {
            let params = (*earlier, column(account.0), key.as_str());
            if self.one(sql, params, |_| Ok(()))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
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
        let sql = "INSERT INTO message(seq, id, conversation, accepted_at, origin_at, expires_at,
                   first_delivery, deliveries, detail, content)
                   VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let params = (
            column(message.seq.0),
            new.id.as_bytes(),
            column(new.conversation.0),
            new.accepted_at.0,
            new.origin_at.0,
            new.expires_at.0,
            column(first.0),
            column(count),
            format::message_detail(new)?,
            &*new.content,
        );
        self.write(sql, params)?;
        self.recent.keep_message(message);
        Ok(())
    }

    fn message(&mut self, seq: MessageSeq) -> RowAnswer<Option<Arc<Message>>> {
        if let Some(message) = self.recent.message(seq) {
            return Ok(Some(message));
        }
        let sql = format!("SELECT {MESSAGE} FROM message WHERE seq = ?1");
        let found = self.one(&sql, [column(seq.0)], format::read_message)?;
        Ok(found.transpose()?.map(Arc::new))
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
        let sql = "INSERT INTO delivery(seq, message, conversation, recipient, account, state,
                   open, due_at, detail) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let params = (
            column(row.delivery.seq.0),
            column(row.delivery.message.0),
            conversation,
            recipient,
            column(row.account().unwrap_or_default().0),
            format::state_number(row.delivery.state),
            !row.delivery.state.ended(),
            row.delivery.due_at.0,
            format::delivery_detail(row)?,
        );
        self.write(sql, params)?;
        self.recent.keep_delivery(row);
        Ok(())
    }

    fn update_delivery(&mut self, row: &DeliveryRow) -> RowAnswer<()> {
        let delivery = &row.delivery;
        let seq = column(delivery.seq.0);
        let state = format::state_number(delivery.state);
        let detail = format::delivery_detail(row)?;
        let open = !delivery.state.ended();
        if open && self.recent.account_of(delivery.seq) == Some(row.account()) {
            // No index holds what changes.
            let sql = "UPDATE delivery SET state = ?2, due_at = ?3, detail = ?4 WHERE seq = ?1";
            self.write(sql, (seq, state, delivery.due_at.0, detail))?;
        } else {
            let sql = "UPDATE delivery SET state = ?2, due_at = ?3, detail = ?4, account = ?5,
                       open = ?6 WHERE seq = ?1";
            let account = column(row.account().unwrap_or_default().0);
            let params = (seq, state, delivery.due_at.0, detail, account, open);
            self.write(sql, params)?;
        }
        self.recent.keep_delivery(row);
        Ok(())
    }

    fn delivery(&mut self, seq: DeliverySeq) -> RowAnswer<Option<DeliveryRow>> {
        if let Some(row) = self.recent.delivery(seq) {
            return Ok(Some(row));
        }
        let sql = format!("SELECT {DELIVERY} FROM delivery WHERE seq = ?1");
        let found = self.one(&sql, [column(seq.0)], format::read_delivery)?;
        found.transpose()
    }

    fn open_in_lane(
        &mut self,
        lane: Lane,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<DeliverySeq>> {
        let sql = "SELECT seq FROM delivery INDEXED BY open_lane
                   WHERE open = 1 AND conversation = ?1 AND recipient = ?2 AND seq > ?3
                   ORDER BY seq LIMIT ?4";
        let (conversation, recipient) = lane_numbers(lane);
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let params = (conversation, recipient, column(after.0), limit);
        let seqs: Vec<i64> = self.all(sql, params, |row| row.get(0))?;
        Ok(seqs.into_iter().map(|seq| DeliverySeq(number(seq))).collect())
    }

    fn lane_heads(
        &mut self,
        after: Option<Lane>,
        rows_max: usize,
    ) -> RowAnswer<Vec<(DeliveryRow, bool)>> {
        let mut heads = Vec::new();
        let mut after = after.map(lane_numbers);
        while heads.len() < rows_max {
            let Some(row) = self.first_open_after(after)? else {
                break;
            };
            let lane = row.delivery.lane();
            after = Some(lane_numbers(lane));
            let more = !self.open_in_lane(lane, row.delivery.seq, 1)?.is_empty();
            heads.push((row, more));
        }
        Ok(heads)
    }

    fn open_page(
        &mut self,
        filter: OpenFilter,
        after: DeliverySeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<DeliveryRow>> {
        let accounts = match filter.account {
            Some(account) => vec![column(account.0)],
            None => self.open_accounts()?,
        };
        let mut rows = Vec::new();
        for account in accounts {
            rows.extend(self.open_of_account(account, filter, after, rows_max)?);
        }
        rows.sort_by_key(|row| row.delivery.seq);
        rows.truncate(rows_max);
        Ok(rows)
    }

    fn recently_sent(&mut self, account: AccountId, rows_max: u64) -> RowAnswer<Vec<DeliveryRow>> {
        let sql = format!(
            "SELECT {DELIVERY} FROM delivery
             WHERE seq > (SELECT coalesce(max(seq), 0) FROM delivery) - ?2
               AND +account = ?1 AND +state IN (4, 5)
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
        self.finder.find(&self.connection, (kind, key), before, rows_max)
    }

    fn found_lately(&self, kind: FindKind, key: u64) -> Option<MessageSeq> {
        self.finder.found_lately(kind, key)
    }

    fn put_change(&mut self, change: &Change) -> RowAnswer<()> {
        let (kind, id) = directory_key(change);
        let body = serde_json::to_string(change).map_err(damaged)?;
        let sql = "INSERT OR REPLACE INTO directory(kind, id, body) VALUES(?1, ?2, ?3)";
        self.write(sql, (kind, column(id), body))?;
        self.recent.follow(change);
        Ok(())
    }

    fn directory(&mut self) -> RowAnswer<Directory> {
        let mut select = self.prepare("SELECT body FROM directory ORDER BY kind, id")?;
        let mut rows = select.query([]).map_err(failure)?;
        let mut directory = Directory::default();
        while let Some(row) = rows.next().map_err(failure)? {
            let body = row.get_ref(0).map_err(failure)?;
            let body = body.as_str().map_err(damaged)?;
            directory.apply(serde_json::from_str(body).map_err(damaged)?);
        }
        Ok(directory)
    }

    fn chat_of(&mut self, endpoint: Endpoint) -> RowAnswer<Option<ChatKey>> {
        if let Some(chat) = self.recent.chat(endpoint) {
            return Ok(chat);
        }
        let (kind, id) = match endpoint {
            Endpoint::Address(id) => (KIND_ADDRESS, id.0),
            Endpoint::Room(id) => (KIND_ROOM, id.0),
        };
        let sql = "SELECT body FROM directory WHERE kind = ?1 AND id = ?2";
        let read = |row: &Row<'_>| row.get::<_, String>(0);
        let body = self.one(sql, (kind, column(id)), read)?;
        let change = body.map(|body| serde_json::from_str(&body).map_err(damaged));
        let chat = match change.transpose()? {
            Some(Change::Address(address)) => address.direct,
            Some(Change::Room(room)) => Some(room.chat),
            _ => None,
        };
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

    fn page_journal(&mut self, after: JournalSeq, rows_max: usize) -> RowAnswer<Vec<JournalEntry>> {
        journal::page(&self.connection, after, rows_max)
    }

    fn saved_counts(&mut self) -> RowAnswer<Counts> {
        journal::saved_counts(&self.connection)
    }
}

/// Kinds of the directory's rows. Stored: never reused. Conversations come after whom they name.
const KIND_ACCOUNT: i64 = 0;
const KIND_PERSON: i64 = 1;
const KIND_ADDRESS: i64 = 2;
const KIND_ROOM: i64 = 3;
const KIND_CONVERSATION: i64 = 4;

fn directory_key(change: &Change) -> (i64, u64) {
    match change {
        Change::Account(account) => (KIND_ACCOUNT, account.id.0),
        Change::Person(person) => (KIND_PERSON, person.id.0),
        Change::Address(address) => (KIND_ADDRESS, address.id.0),
        Change::Room(room) => (KIND_ROOM, room.id.0),
        Change::Conversation(conversation) => (KIND_CONVERSATION, conversation.id.0),
    }
}
