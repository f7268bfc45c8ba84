//! Doubt in what a network took: it said yes, and the evidence says that its yes is worth nothing.
//!
//! Invariant: what is doubted was sent, stays ended, and is owed from then on by the copies that
//! stand in for it; a receipt that comes after all ends those of them that nobody saw yet.

use super::Book;
use crate::row::DeliveryRow;
use crate::rows::{RowAnswer, Rows};
use ieum_core::delivery::{Delivery, Recipient, Settlement, State, Step};
use ieum_core::ids::DeliverySeq;
use ieum_core::ports::store::{PAGE_ROWS_MAX, SentFilter, SentPage};
use ieum_core::time::Timestamp;
use std::collections::BTreeSet;

/// The evidence of a copy that was spared.
const CAME_AFTER_ALL: &str = "a receipt came: the first copy arrived";

impl<R: Rows> Book<R> {
    /// Verb `page_sent`.
    pub(crate) fn page_sent(
        &mut self,
        filter: SentFilter,
        before: DeliverySeq,
    ) -> RowAnswer<SentPage> {
        let rows_max = u64::try_from(PAGE_ROWS_MAX).unwrap_or(u64::MAX);
        let end = before.min(self.next_delivery());
        let first = DeliverySeq(end.0.saturating_sub(rows_max).max(1));
        let mut rows = self.rows.unconfirmed(filter.account, first, end)?;
        rows.retain(|row| {
            let tried = row.delivery.tried_at;
            tried.is_some_and(|tried| filter.since <= tried && tried < filter.until)
        });
        let deliveries = rows.into_iter().map(|row| row.delivery).collect();
        Ok(SentPage { deliveries, rest: (first.0 > 1).then_some(first) })
    }

    /// Doubts what was sent, with the copies that stand in for it.
    pub(super) fn doubt(&mut self, old: &DeliveryRow, settled: Settlement) -> RowAnswer<()> {
        let mut new = old.clone();
        new.apply(&settled.step, settled.at, None);
        self.rows.update_delivery(old, &new)?;
        self.touch_by_step(&old.delivery, &settled.step, settled.at)?;
        self.settled(&new, settled)
    }

    /// Ends what stands in for a doubted delivery and was not said yet.
    pub(super) fn spare_stand_ins(&mut self, at: Timestamp, old: &DeliveryRow) -> RowAnswer<()> {
        for seq in self.may_stand_in(&old.delivery)? {
            let row = self.delivery(seq)?.filter(|row| {
                row.delivery.stands_in_for == Some(old.delivery.seq)
                    && matches!(row.delivery.state, State::Queued | State::Unsure | State::Held)
            });
            let Some(row) = row else { continue };
            let (step, evidence) = (Step::Superseded, CAME_AFTER_ALL.into());
            let spared = Settlement { delivery: seq, step, evidence, at, plus: Vec::new() };
            self.take_step(&row, spared)?;
        }
        Ok(())
    }

    /// Open deliveries among which its stand-ins are, in order. One of a person is owed to the same
    /// person and so in the same lane, however many others the message has; those of a room, which
    /// are few rooms, are of its message and of any lane of its conversation.
    fn may_stand_in(&mut self, old: &Delivery) -> RowAnswer<Vec<DeliverySeq>> {
        let later = |seq: &DeliverySeq| *seq > old.seq;
        match old.recipient {
            Recipient::Person(_) => Ok(self.lanes.open_in(old.lane()).filter(later).collect()),
            Recipient::Room(_) => {
                let open = self.lanes.of_conversation(old.conversation).filter(later);
                let open: BTreeSet<DeliverySeq> = open.collect();
                let mut of_message = self.rows.deliveries_of(old.message)?;
                of_message.retain(|seq| open.contains(seq));
                Ok(of_message)
            }
        }
    }
}
