//! The journal on disk: one chunk or a few for each commit. Invariant: chunks follow each other
//! without a gap.

use super::failure::{damaged, failure};
use super::format::{column, figures, number, read_figures};
use crate::rows::RowAnswer;
use ieum_core::ids::{DeliverySeq, JournalSeq};
use ieum_core::journal::{JournalEntry, JournalEvent};
use ieum_core::ports::store::Counts;
use ieum_core::time::Timestamp;
use minicbor::Decoder;
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::BTreeMap;

/// Most entries of one chunk, so that a page does not have to read far more than it shows.
const CHUNK_ENTRIES_MAX: usize = 512;

/// Room that most entries fit into.
const ENTRY_BYTES_USUAL: usize = 128;

/// Appends the entries of one transaction, of which the last has the number `counts.journal`.
pub(super) fn append(
    connection: &Connection,
    events: &[JournalEvent],
    counts: &Counts,
) -> RowAnswer<()> {
    let figures = figures(counts)?;
    let mut insert = connection
        .prepare_cached("INSERT INTO journal(first, count, entries, figures) VALUES(?1,?2,?3,?4)")
        .map_err(failure)?;
    let mut left = u64::try_from(events.len()).unwrap_or(u64::MAX);
    for chunk in events.chunks(CHUNK_ENTRIES_MAX) {
        let first = counts.journal + 1 - left;
        let count = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        let entries = encode_entries(chunk)?;
        insert.execute((column(first), column(count), entries, &figures)).map_err(failure)?;
        left -= count;
    }
    Ok(())
}

/// Entries above `after`, in order.
pub(super) fn page(
    connection: &Connection,
    after: JournalSeq,
    rows_max: usize,
) -> RowAnswer<Vec<JournalEntry>> {
    let mut select = connection
        .prepare_cached(
            "SELECT first, count, entries FROM journal WHERE first >= coalesce(
                 (SELECT first FROM journal WHERE first <= ?1 ORDER BY first DESC LIMIT 1), 0)
             ORDER BY first",
        )
        .map_err(failure)?;
    let next = after.0.saturating_add(1);
    let mut chunks = select.query([column(next)]).map_err(failure)?;
    let mut entries = Vec::new();
    while entries.len() < rows_max {
        let Some(row) = chunks.next().map_err(failure)? else {
            break;
        };
        read_chunk(row, next, rows_max, &mut entries)?;
    }
    Ok(entries)
}

/// The figures as of the last chunk.
pub(super) fn saved_counts(connection: &Connection) -> RowAnswer<Counts> {
    let last = connection
        .prepare_cached("SELECT first, count, figures FROM journal ORDER BY first DESC LIMIT 1")
        .map_err(failure)?
        .query_row([], |row| {
            let last = number(row.get(0)?) + number(row.get(1)?) - 1;
            let bytes = row.get_ref(2)?.as_blob().unwrap_or_default();
            Ok(read_figures(bytes, last))
        })
        .optional()
        .map_err(failure)?;
    last.unwrap_or_else(|| Ok(Counts::default()))
}

fn encode_entries(events: &[JournalEvent]) -> RowAnswer<Vec<u8>> {
    let mut bytes = Vec::with_capacity(events.len() * ENTRY_BYTES_USUAL);
    for event in events {
        minicbor::encode(event, &mut bytes).map_err(damaged)?;
    }
    Ok(bytes)
}

fn read_chunk(
    row: &Row<'_>,
    next: u64,
    rows_max: usize,
    entries: &mut Vec<JournalEntry>,
) -> RowAnswer<()> {
    let first = number(row.get(0).map_err(failure)?);
    let count = number(row.get(1).map_err(failure)?);
    let bytes = row.get_ref(2).map_err(failure)?;
    let mut decoder = Decoder::new(bytes.as_blob().map_err(damaged)?);
    for seq in first..first.saturating_add(count) {
        if entries.len() >= rows_max {
            break;
        }
        if seq < next {
            decoder.skip().map_err(damaged)?;
            continue;
        }
        entries
            .push(JournalEntry { seq: JournalSeq(seq), event: decoder.decode().map_err(damaged)? });
    }
    Ok(())
}

/// Follows which deliveries are claimed.
pub(super) fn follow_claim(claims: &mut BTreeMap<DeliverySeq, Timestamp>, event: &JournalEvent) {
    match event {
        JournalEvent::Claimed { at, delivery, .. } => {
            claims.insert(*delivery, *at);
        }
        JournalEvent::Settled { delivery, .. } => {
            claims.remove(delivery);
        }
        JournalEvent::Opened { .. }
        | JournalEvent::Admitted { .. }
        | JournalEvent::Receipt { .. }
        | JournalEvent::Changed { .. }
        | JournalEvent::Read { .. }
        | JournalEvent::Copied { .. }
        | JournalEvent::Erased { .. }
        | JournalEvent::Accessed { .. }
        | JournalEvent::Health { .. } => {}
    }
}
