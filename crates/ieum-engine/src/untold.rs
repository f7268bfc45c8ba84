//! What ended badly and whose author an earlier hub did not tell any more.
//!
//! The end is in the journal with its evidence; that its author was told is an event key of the
//! store, noted in one transaction with the telling. Invariant: an author is told once of each
//! recipient that a message did not reach, by whichever hub comes first.

use crate::pieces::{Pieces, lock};
use ieum_core::delivery::{Recipient, Step};
use ieum_core::ids::{DeliverySeq, EventKey, JournalSeq, MessageSeq};
use ieum_core::journal::{JournalEntry, JournalEvent, Planned};
use ieum_core::ports::store::{PAGE_ROWS_MAX, StoreFailure};
use std::collections::BTreeMap;

/// Newest entries of the journal that a start looks at: what ended longer ago was told.
const ENTRIES_MAX: u64 = 20_000;

/// By which the store knows that somebody was told of this end.
pub(crate) fn key_of(message: MessageSeq, recipient: Recipient) -> EventKey {
    match recipient {
        Recipient::Person(person) => EventKey::new(format!("ieum:ended:{message}:p{person}")),
        Recipient::Room(room) => EventKey::new(format!("ieum:ended:{message}:r{room}")),
    }
}

/// Remembers all ends that may be untold; the store knows those that are not.
pub(crate) async fn take_up(pieces: &Pieces) -> Result<(), StoreFailure> {
    let entries = pieces.store.counts().await?.journal;
    let mut after = JournalSeq(entries.saturating_sub(ENTRIES_MAX));
    let mut ends = Ends::default();
    loop {
        let page = pieces.store.page_journal(after, PAGE_ROWS_MAX).await?;
        page.iter().for_each(|entry| ends.read(entry));
        let Some(last) = page.last() else { break };
        after = last.seq;
    }
    lock(&pieces.ended_badly).extend(ends.bad);
    Ok(())
}

/// The ends of a stretch of the journal.
#[derive(Debug, Default)]
struct Ends {
    planned: BTreeMap<DeliverySeq, (MessageSeq, Recipient)>,
    bad: Vec<(MessageSeq, Recipient)>,
}

impl Ends {
    fn read(&mut self, entry: &JournalEntry) {
        match &entry.event {
            JournalEvent::Admitted { message, deliveries, .. } => self.plan(*message, deliveries),
            JournalEvent::Settled { delivery, step, plus, .. } => {
                let Some((message, recipient)) = self.planned.get(delivery).copied() else {
                    return;
                };
                if matches!(step, Step::Dead { .. } | Step::Expired) {
                    self.bad.push((message, recipient));
                }
                self.plan(message, plus);
            }
            JournalEvent::Opened { .. }
            | JournalEvent::Claimed { .. }
            | JournalEvent::Receipt { .. }
            | JournalEvent::Changed { .. }
            | JournalEvent::Read { .. }
            | JournalEvent::Health { .. }
            | JournalEvent::Copied { .. }
            | JournalEvent::Erased { .. }
            | JournalEvent::Accessed { .. } => {}
        }
    }

    fn plan(&mut self, message: MessageSeq, deliveries: &[Planned]) {
        for one in deliveries {
            self.planned.insert(one.delivery, (message, one.recipient));
        }
    }
}
