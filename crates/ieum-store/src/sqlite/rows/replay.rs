//! What was in memory only when the hub was last stopped, made again from the journal.
//!
//! It reads what the journal tells after the finder's mark, and decides nothing. Invariant: before
//! the store answers, what is in memory only is less than one run of the finder.

use super::super::failure::{damaged, failure};
use super::super::journal;
use super::{Claims, SqliteRows};
use crate::book::Claimed;
use crate::rows::{FindRow, RowAnswer, Rows};
use ieum_core::delivery::Step;
use ieum_core::ids::{DeliverySeq, JournalSeq};
use ieum_core::journal::JournalEvent;
use ieum_core::ports::store::{PAGE_ROWS_MAX, StoreFailure};
use std::collections::BTreeMap;

impl SqliteRows<'_> {
    /// Puts what was added again on disk when it makes a run, so that it does not grow with each
    /// crash before the run is finished. On a full disk it is left to later commits.
    pub(in super::super) fn finish_run(
        &mut self,
        claimed: &BTreeMap<DeliverySeq, Claimed>,
    ) -> RowAnswer<()> {
        let read_only = self.connection.is_readonly("main").map_err(failure)?;
        if read_only || !self.finder.unfinished() {
            return Ok(());
        }
        match self.write_run(claimed) {
            Err(StoreFailure::Unavailable(why)) => {
                tracing::warn!(why, "the finder's run cannot be written yet");
                self.roll_back()
            }
            written => written,
        }
    }

    fn write_run(&mut self, claimed: &BTreeMap<DeliverySeq, Claimed>) -> RowAnswer<()> {
        self.begin()?;
        self.finder.write_rest(self.connection)?;
        self.write_claims(claimed)?;
        self.run("COMMIT", [])?;
        self.in_transaction = false;
        self.finder.landed();
        Ok(())
    }

    /// Adds what was in memory only when the hub was last stopped; returns the claims.
    pub(super) fn replay(&mut self, mark: JournalSeq) -> RowAnswer<Claims> {
        let mut claims = BTreeMap::new();
        let mut after = mark;
        loop {
            let entries = self.page_journal(after, PAGE_ROWS_MAX)?;
            for entry in &entries {
                self.find_again(&entry.event)?;
                journal::follow_claim(&mut claims, &entry.event);
                after = entry.seq;
            }
            if entries.len() < PAGE_ROWS_MAX {
                self.finder.committed(after);
                return Ok(claims.into_iter().collect());
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
            | JournalEvent::Erased { .. }
            | JournalEvent::Accessed { .. }
            | JournalEvent::Health { .. } => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::failure::failure;
    use super::*;
    use crate::rows::FindKind;
    use crate::sqlite::sealing::Seals;
    use crate::sqlite::{STORE_FILE, connect};
    use ieum_core::ids::MessageSeq;
    use rusqlite::Connection;

    const ROWS: u64 = 70_000;

    fn room(connection: &Connection, pages: u32) {
        let sql = format!("PRAGMA max_page_count = {pages}");
        connection.execute_batch(&sql).map_err(failure).unwrap();
    }

    fn row(number: u64) -> FindRow {
        let key = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (kind, message) = (FindKind::Id, MessageSeq(number));
        FindRow { kind, key, message, delivery: DeliverySeq(0) }
    }

    fn assert_found(rows: &mut SqliteRows<'_>) {
        for number in (0..ROWS).step_by(701) {
            let found = rows.find(FindKind::Id, row(number).key, MessageSeq(u64::MAX), 2);
            assert_eq!(found.unwrap(), [row(number)]);
        }
    }

    #[test]
    fn on_a_full_disk_a_store_opens_and_its_run_waits_for_room() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join(STORE_FILE);
        let connection = connect(&file, &Seals::blind()).unwrap();
        let (mut rows, _) = SqliteRows::open(&connection, Seals::blind()).unwrap();
        (0..ROWS).for_each(|number| rows.finder.add(row(number)));
        rows.finder.committed(JournalSeq(0));
        room(&connection, 1);
        rows.finish_run(&BTreeMap::new()).unwrap();
        assert!(rows.finder.unfinished());
        assert!(connection.is_autocommit() && !rows.in_transaction);
        assert_found(&mut rows);
        room(&connection, 1_000_000);
        rows.finish_run(&BTreeMap::new()).unwrap();
        assert!(!rows.finder.unfinished());
        assert_found(&mut rows);
        drop(rows);
        let (mut rows, _) = SqliteRows::open(&connection, Seals::blind()).unwrap();
        assert_found(&mut rows);
    }
}
