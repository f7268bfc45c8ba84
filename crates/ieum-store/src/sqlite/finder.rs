//! The finder: from ids, native copies and conversations to messages, written behind in sorted
//! runs.
//!
//! Keys here are random, and a tree over random keys would cost a page write for each row. So new
//! rows gather in memory; a full set is frozen, sorted, and appended to the table chunk by chunk,
//! a little with each commit, as one run. A lookup asks memory, then the runs, newest first. What
//! was not yet in a finished run is rebuilt from the journal after the mark, and written whole
//! before the store answers once it makes a run: else it would grow with each crash. Which message
//! is the newest of a conversation is written beside each run, so that a list of many long silent
//! ones does not ask every run. Invariant: a row is found from the moment it is added.

use super::failure::{damaged, failure};
use super::format::{column, number};
use super::live::Live;
use crate::rows::{FindKind, FindRow, RowAnswer};
use ieum_core::ids::{ConversationId, DeliverySeq, JournalSeq, MessageSeq};
use rusqlite::{Connection, OptionalExtension};

/// Rows of one run.
pub(super) const RUN_ROWS_MAX: usize = 65_536;
/// Rows of one chunk: with its header it fills one page of 4,096 bytes.
const CHUNK_ROWS_MAX: usize = 160;
/// Bytes of one row: kind, key, message, delivery.
const ROW_BYTES: usize = 1 + 8 + 8 + 8;
/// A run's chunks have the slots after `run << SLOT_BITS`, which itself holds the first row of
/// each chunk.
const SLOT_BITS: u32 = 10;
/// Chunks that one run has slots for. What is frozen with more becomes several runs at once.
const RUN_CHUNKS_MAX: usize = (1 << SLOT_BITS) - 1;

/// Rows in memory and how far they are on disk.
#[derive(Debug, Default)]
pub(super) struct Finder {
    live: Live,
    frozen: Option<Frozen>,
    /// Finished runs in the table: 1 to this.
    runs: u64,
    /// How many were in memory before the present transaction.
    live_before: usize,
}

#[derive(Debug)]
struct Frozen {
    rows: Vec<FindRow>,
    /// Chunks that are durable, and with the present transaction.
    chunks_durable: usize,
    chunks: usize,
    finished: bool,
    /// The journal's entries up to here are covered by this run and those before.
    journal: JournalSeq,
}

impl Finder {
    /// As the table has it; returns after which journal entry rows must be added again.
    pub(super) fn open(connection: &Connection) -> RowAnswer<(Self, JournalSeq)> {
        let (runs, journal): (i64, i64) = connection
            .query_row("SELECT runs, journal FROM finder_mark", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(failure)?;
        let finder = Self { runs: number(runs), ..Self::default() };
        Ok((finder, JournalSeq(number(journal))))
    }

    /// Adds a row.
    pub(super) fn add(&mut self, row: FindRow) {
        self.live.add(row);
    }

    /// Whether something added lately has this key.
    pub(super) fn found_lately(&self, kind: FindKind, key: u64) -> Option<MessageSeq> {
        let live = self.live.of(kind, key).next();
        let frozen = || self.frozen.as_ref().and_then(|run| run.first(kind, key));
        live.or_else(frozen).map(|row| row.message)
    }

    /// Rows of this key and of messages below `before`, newest first.
    pub(super) fn find(
        &self,
        connection: &Connection,
        sought: (FindKind, u64),
        before: MessageSeq,
        rows_max: usize,
    ) -> RowAnswer<Vec<FindRow>> {
        let (low, mut high) = (lowest(sought.0, sought.1), lowest(sought.0, sought.1));
        high.message = before;
        let mut found = self.live.find(sought, before);
        found.truncate(rows_max);
        if let Some(frozen) = &self.frozen {
            frozen.find(low, high, rows_max, &mut found);
        }
        for run in (1..=self.runs).rev() {
            if found.len() >= rows_max {
                break;
            }
            find_in_run(connection, run, (low, high), rows_max, &mut found)?;
        }
        Ok(found)
    }

    /// The newest message of a conversation.
    pub(super) fn newest_in(
        &self,
        connection: &Connection,
        conversation: ConversationId,
    ) -> RowAnswer<Option<MessageSeq>> {
        let (kind, key) = (FindKind::Conversation, conversation.0);
        let live = self.live.of(kind, key).next();
        let frozen = || self.frozen.as_ref().and_then(|run| run.last(kind, key));
        if let Some(row) = live.or_else(frozen) {
            return Ok(Some(row.message));
        }
        let mut select = connection
            .prepare_cached("SELECT message FROM newest WHERE conversation = ?1")
            .map_err(failure)?;
        let found = select.query_row([column(key)], |row| row.get(0)).optional();
        Ok(found.map_err(failure)?.map(|seq| MessageSeq(number(seq))))
    }

    /// Writes a part of the frozen run, within the present transaction: twice as much as was
    /// added, so that a run is finished before the next one is full. Returns whether the mark
    /// moved.
    pub(super) fn write_some(&mut self, connection: &Connection) -> RowAnswer<bool> {
        let added = self.live.len() - self.live_before;
        let chunks = 1 + 2 * added / CHUNK_ROWS_MAX;
        match &mut self.frozen {
            Some(frozen) if !frozen.finished => {
                frozen.write(connection, self.runs + 1, chunks)?;
                Ok(frozen.finished)
            }
            _ => Ok(false),
        }
    }

    /// Whether rows are frozen that are not all on disk yet.
    pub(super) fn unfinished(&self) -> bool {
        self.frozen.is_some()
    }

    /// Writes all that is left of the frozen run, within the present transaction; the mark moves.
    pub(super) fn write_rest(&mut self, connection: &Connection) -> RowAnswer<()> {
        match &mut self.frozen {
            Some(frozen) => frozen.write(connection, self.runs + 1, usize::MAX),
            None => Ok(()),
        }
    }

    /// The transaction is durable that wrote of the frozen run.
    pub(super) fn landed(&mut self) {
        if let Some(frozen) = &mut self.frozen {
            frozen.chunks_durable = frozen.chunks;
            if frozen.finished {
                self.runs += frozen.runs();
                self.frozen = None;
            }
        }
    }

    /// The transaction is durable; the journal ends at `journal`.
    pub(super) fn committed(&mut self, journal: JournalSeq) {
        self.landed();
        if self.frozen.is_none() && self.live.len() >= RUN_ROWS_MAX {
            self.frozen = Some(Frozen {
                rows: self.live.take_sorted(),
                chunks_durable: 0,
                chunks: 0,
                finished: false,
                journal,
            });
        }
        self.live_before = self.live.len();
    }

    /// The transaction failed.
    pub(super) fn rolled_back(&mut self) {
        self.live.truncate(self.live_before);
        if let Some(frozen) = &mut self.frozen {
            frozen.chunks = frozen.chunks_durable;
            frozen.finished = false;
        }
    }
}

impl Frozen {
    /// How many runs it becomes: one, unless far more was added than a run is meant to hold.
    fn runs(&self) -> u64 {
        let runs = self.rows.len().div_ceil(RUN_CHUNKS_MAX * CHUNK_ROWS_MAX);
        u64::try_from(runs).unwrap_or(u64::MAX)
    }

    fn write(&mut self, connection: &Connection, run: u64, chunks: usize) -> RowAnswer<()> {
        for rows in self.rows.chunks(CHUNK_ROWS_MAX).skip(self.chunks).take(chunks) {
            write_slot(connection, slot_of(run, self.chunks), rows)?;
            write_newest(connection, rows)?;
            self.chunks += 1;
        }
        if self.chunks * CHUNK_ROWS_MAX < self.rows.len() {
            return Ok(());
        }
        for (run, rows) in (run..).zip(self.rows.chunks(RUN_CHUNKS_MAX * CHUNK_ROWS_MAX)) {
            let firsts: Vec<FindRow> = rows.iter().step_by(CHUNK_ROWS_MAX).copied().collect();
            write_slot(connection, run << SLOT_BITS, &firsts)?;
        }
        connection
            .execute(
                "UPDATE finder_mark SET runs = ?1, journal = ?2",
                (column(run + self.runs() - 1), column(self.journal.0)),
            )
            .map_err(failure)?;
        self.finished = true;
        Ok(())
    }

    fn first(&self, kind: FindKind, key: u64) -> Option<FindRow> {
        let low = lowest(kind, key);
        let from = self.rows.partition_point(|row| *row < low);
        let found = self.rows.get(from)?;
        (found.kind == kind && found.key == key).then_some(*found)
    }

    fn last(&self, kind: FindKind, key: u64) -> Option<FindRow> {
        let end = self.rows.partition_point(|row| (row.kind, row.key) <= (kind, key));
        let found = self.rows.get(end.checked_sub(1)?)?;
        (found.kind == kind && found.key == key).then_some(*found)
    }

    fn find(&self, low: FindRow, high: FindRow, rows_max: usize, found: &mut Vec<FindRow>) {
        let from = self.rows.partition_point(|row| *row < low);
        let to = self.rows.partition_point(|row| *row < high);
        let rows = self.rows.get(from..to).unwrap_or_default();
        let room = rows_max.saturating_sub(found.len());
        found.extend(rows.iter().rev().take(room));
    }
}

/// Where the chunk with this number lies, of rows that are frozen from `run` on.
fn slot_of(run: u64, chunk: usize) -> u64 {
    let place = |number| u64::try_from(number).unwrap_or(u64::MAX);
    ((run + place(chunk / RUN_CHUNKS_MAX)) << SLOT_BITS) + 1 + place(chunk % RUN_CHUNKS_MAX)
}

fn write_slot(connection: &Connection, slot: u64, rows: &[FindRow]) -> RowAnswer<()> {
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO finder(slot, rows) VALUES(?1, ?2)")
        .map_err(failure)?;
    insert.execute((column(slot), pack(rows))).map_err(failure)?;
    Ok(())
}

/// Notes the newest message of each conversation of which sorted rows tell. Rows come in growing
/// order, of one run and run after run: what is noted later is newer.
fn write_newest(connection: &Connection, rows: &[FindRow]) -> RowAnswer<()> {
    let mut note = connection
        .prepare_cached("INSERT OR REPLACE INTO newest(conversation, message) VALUES(?1, ?2)")
        .map_err(failure)?;
    let of_conversations = rows.iter().filter(|row| row.kind == FindKind::Conversation);
    let mut rows = of_conversations.peekable();
    while let Some(row) = rows.next() {
        if rows.peek().is_none_or(|next| next.key != row.key) {
            note.execute((column(row.key), column(row.message.0))).map_err(failure)?;
        }
    }
    Ok(())
}

/// Notes the newest message of each conversation in the runs of a file of an older schema.
pub(super) fn fill_newest(connection: &Connection) -> RowAnswer<()> {
    let (finder, _) = Finder::open(connection)?;
    for run in 1..=finder.runs {
        let start = run << SLOT_BITS;
        for (slot, _) in (start + 1..).zip(read_slot(connection, start)?) {
            write_newest(connection, &read_slot(connection, slot)?)?;
        }
    }
    Ok(())
}

fn lowest(kind: FindKind, key: u64) -> FindRow {
    FindRow { kind, key, message: MessageSeq(0), delivery: DeliverySeq(0) }
}

fn find_in_run(
    connection: &Connection,
    run: u64,
    (low, high): (FindRow, FindRow),
    rows_max: usize,
    found: &mut Vec<FindRow>,
) -> RowAnswer<()> {
    let start = run << SLOT_BITS;
    let firsts = read_slot(connection, start)?;
    let mut chunk = firsts.partition_point(|first| *first < high);
    while chunk > 0 && found.len() < rows_max {
        let slot = start + u64::try_from(chunk).unwrap_or(u64::MAX);
        let rows = read_slot(connection, slot)?;
        let inside = rows.iter().rev().filter(|row| **row >= low && **row < high);
        found.extend(inside.take(rows_max - found.len()));
        if rows.first().is_none_or(|first| *first < low) {
            break;
        }
        chunk -= 1;
    }
    Ok(())
}

fn read_slot(connection: &Connection, slot: u64) -> RowAnswer<Vec<FindRow>> {
    let mut select =
        connection.prepare_cached("SELECT rows FROM finder WHERE slot = ?1").map_err(failure)?;
    let rows = select
        .query_row([column(slot)], |row| Ok(unpack(row.get_ref(0)?.as_blob().unwrap_or_default())))
        .optional()
        .map_err(failure)?;
    rows.unwrap_or_else(|| Err(damaged(format!("slot {slot} of the finder is gone"))))
}

fn pack(rows: &[FindRow]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * ROW_BYTES);
    for row in rows {
        bytes.push(row.kind as u8);
        bytes.extend_from_slice(&row.key.to_be_bytes());
        bytes.extend_from_slice(&row.message.0.to_be_bytes());
        bytes.extend_from_slice(&row.delivery.0.to_be_bytes());
    }
    bytes
}

fn unpack(bytes: &[u8]) -> RowAnswer<Vec<FindRow>> {
    let (rows, rest) = bytes.as_chunks::<ROW_BYTES>();
    if !rest.is_empty() {
        return Err(damaged("a slot of the finder is cut off"));
    }
    rows.iter().map(unpack_row).collect()
}

fn unpack_row(bytes: &[u8; ROW_BYTES]) -> RowAnswer<FindRow> {
    let (kind, numbers) = bytes.split_first().unwrap_or((&u8::MAX, &[]));
    let kind = match kind {
        0 => FindKind::Id,
        1 => FindKind::Copy,
        2 => FindKind::Conversation,
        other => return Err(damaged(format!("kind {other} of a finder row"))),
    };
    let mut numbers = numbers.as_chunks::<8>().0.iter();
    let mut next = || numbers.next().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    Ok(FindRow { kind, key: next(), message: MessageSeq(next()), delivery: DeliverySeq(next()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITS: u64 = 200;
    const ROWS_PER_COMMIT: u64 = 700;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE finder(slot INTEGER PRIMARY KEY, rows BLOB NOT NULL);
                 CREATE TABLE finder_mark(runs INTEGER, journal INTEGER);
                 INSERT INTO finder_mark VALUES(0, 0);
                 CREATE TABLE newest(conversation INTEGER PRIMARY KEY, message INTEGER NOT NULL);",
            )
            .unwrap();
        connection
    }

    /// Two keys in three are random, the third is a conversation of many messages.
    fn row(number: u64) -> FindRow {
        let (kind, key) = match number % 3 {
            0 => (FindKind::Id, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            1 => (FindKind::Copy, number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            _ => (FindKind::Conversation, number % 2),
        };
        FindRow { kind, key, message: MessageSeq(number), delivery: DeliverySeq(number % 5) }
    }

    fn commit(finder: &mut Finder, connection: &Connection, number: u64, fails: bool) {
        let transaction = connection.unchecked_transaction().unwrap();
        (number..number + ROWS_PER_COMMIT).for_each(|number| finder.add(row(number)));
        finder.write_some(connection).unwrap();
        if fails {
            drop(transaction);
            finder.rolled_back();
        } else {
            transaction.commit().unwrap();
            finder.committed(JournalSeq(number + ROWS_PER_COMMIT - 1));
        }
    }

    fn filled() -> (Finder, Connection) {
        let connection = connection();
        let mut finder = Finder::default();
        for number in (0..COMMITS).map(|commit| commit * ROWS_PER_COMMIT) {
            commit(&mut finder, &connection, number, true);
            commit(&mut finder, &connection, number, false);
        }
        (finder, connection)
    }

    #[test]
    fn every_row_is_found_wherever_it_is_and_in_order() {
        let (finder, connection) = filled();
        assert!(finder.runs > 0, "no run was finished");
        assert!(finder.live.len() > 0);
        for number in (0..COMMITS * ROWS_PER_COMMIT).step_by(11) {
            let row = row(number);
            let before = MessageSeq(number + 1);
            let found = finder.find(&connection, (row.kind, row.key), before, 1);
            assert_eq!(found.unwrap(), [row]);
        }
        let page = finder.find(
            &connection,
            (FindKind::Conversation, ConversationId(1).0),
            MessageSeq(u64::MAX),
            100_000,
        );
        let page: Vec<u64> = page.unwrap().iter().map(|row| row.message.0).collect();
        let all = (0..COMMITS * ROWS_PER_COMMIT).rev();
        let expected: Vec<u64> = all.filter(|n| n % 3 == 2 && n % 2 == 1).collect();
        assert_eq!(page, expected);
    }

    #[test]
    fn the_newest_of_a_conversation_is_known_wherever_it_is() {
        let (mut finder, connection) = filled();
        let newest = |finder: &Finder, key| {
            finder.newest_in(&connection, ConversationId(key)).unwrap().map(|seq| seq.0)
        };
        let last =
            |key: u64| (0..COMMITS * ROWS_PER_COMMIT).rev().find(|n| n % 3 == 2 && n % 2 == key);
        assert_eq!((newest(&finder, 0), newest(&finder, 1)), (last(0), last(1)), "in memory");
        assert_eq!(newest(&finder, 2), None);
        finder.live = Live::default();
        let noted = [newest(&finder, 0), newest(&finder, 1)];
        finder.frozen = None;
        connection.execute("DELETE FROM newest", []).unwrap();
        fill_newest(&connection).unwrap();
        let of_runs = [0, 1].map(|key| {
            let sought = (FindKind::Conversation, key);
            let found = finder.find(&connection, sought, MessageSeq(u64::MAX), 1).unwrap();
            Some(found[0].message.0)
        });
        assert_eq!([newest(&finder, 0), newest(&finder, 1)], of_runs, "of an older file");
        assert!(noted >= of_runs, "{noted:?} was noted with a run that is not finished");
    }

    #[test]
    fn the_mark_tells_what_must_be_added_again() {
        let (finder, connection) = filled();
        let (mut again, mark) = Finder::open(&connection).unwrap();
        assert_eq!(again.runs, finder.runs);
        (mark.0 + 1..COMMITS * ROWS_PER_COMMIT).for_each(|number| again.add(row(number)));
        for number in (0..COMMITS * ROWS_PER_COMMIT).step_by(97) {
            let sought = (row(number).kind, row(number).key);
            let before = MessageSeq(number + 1);
            let found = again.find(&connection, sought, before, 3).unwrap();
            assert_eq!(found, finder.find(&connection, sought, before, 3).unwrap());
            assert_eq!(found[0], row(number));
        }
    }

    /// Adds what the journal tells after the mark to a finder that was opened again, up to
    /// `total` rows.
    fn opened_again(connection: &Connection, total: u64) -> Finder {
        let (mut finder, mark) = Finder::open(connection).unwrap();
        let first = if mark.0 == 0 { 0 } else { mark.0 + 1 };
        (first..total).for_each(|number| finder.add(row(number)));
        finder.committed(JournalSeq(total - 1));
        finder
    }

    /// The rows of each slot, each run's own slot first.
    fn slots(connection: &Connection) -> Vec<(u64, u64)> {
        let mut select = connection.prepare("SELECT slot, length(rows) FROM finder").unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((number(row.get(0)?), number(row.get(1)?) / 25));
        select.query_map([], read).unwrap().map(Result::unwrap).collect()
    }

    fn assert_whole(finder: &Finder, connection: &Connection, total: u64) {
        for number in (0..total).step_by(401) {
            let sought = (row(number).kind, row(number).key);
            let found = finder.find(connection, sought, MessageSeq(number + 1), 1);
            assert_eq!(found.unwrap(), [row(number)], "of {total}");
        }
        for (slot, rows) in slots(connection) {
            assert!(slot < (finder.runs + 1) << SLOT_BITS, "{slot} is behind the last run");
            let at = slot & ((1 << SLOT_BITS) - 1);
            let room = if at == 0 { RUN_CHUNKS_MAX } else { CHUNK_ROWS_MAX };
            assert!(rows <= u64::try_from(room).unwrap(), "{rows} rows in slot {slot}");
        }
    }

    #[test]
    fn crashes_under_way_never_make_a_run_that_has_no_slots() {
        let connection = connection();
        let mut finder = Finder::default();
        let mut total = 0;
        for crash in 1..=4 {
            // On to where a run is frozen and half of it is written.
            while finder.frozen.as_ref().is_none_or(|run| run.chunks * 2 < run.rows.len() / 160) {
                commit(&mut finder, &connection, total, false);
                total += ROWS_PER_COMMIT;
            }
            finder = opened_again(&connection, total);
            assert!(finder.unfinished(), "nothing was frozen by crash {crash}");
            finder.write_rest(&connection).unwrap();
            finder.landed();
            assert_eq!(finder.runs, crash);
            assert!(!finder.unfinished());
            assert_whole(&finder, &connection, total);
        }
    }

    #[test]
    fn what_is_too_much_for_one_run_becomes_several_at_once() {
        let connection = connection();
        let slotted = u64::try_from(RUN_CHUNKS_MAX * CHUNK_ROWS_MAX).unwrap();
        let mut total = 2 * slotted + 77;
        let mut finder = opened_again(&connection, total);
        commit(&mut finder, &connection, total, true);
        while finder.runs == 0 {
            assert_eq!(number_of_runs(&connection), 0, "before all of it is there, none is");
            commit(&mut finder, &connection, total, false);
            total += ROWS_PER_COMMIT;
        }
        assert_eq!((finder.runs, number_of_runs(&connection)), (3, 3));
        assert_whole(&finder, &connection, total);
        let newest = |finder: &Finder, key| {
            finder.newest_in(&connection, ConversationId(key)).unwrap().map(|seq| seq.0)
        };
        let noted = [newest(&finder, 0), newest(&finder, 1)];
        connection.execute("DELETE FROM newest", []).unwrap();
        fill_newest(&connection).unwrap();
        assert_eq!([newest(&finder, 0), newest(&finder, 1)], noted);
        let page =
            finder.find(&connection, (FindKind::Conversation, 1), MessageSeq(u64::MAX), 200_000);
        let page: Vec<u64> = page.unwrap().iter().map(|row| row.message.0).collect();
        let expected: Vec<u64> = (0..total).rev().filter(|n| n % 3 == 2 && n % 2 == 1).collect();
        assert_eq!(page, expected);
    }

    fn number_of_runs(connection: &Connection) -> u64 {
        Finder::open(connection).unwrap().0.runs
    }
}
