//! Changes outside an attempt: failover, holding, release, catch-up, with the change of health
//! that caused them. Invariant: a delivery that is `Attempting` or ended is left alone,
//! but for one that was sent and is doubted.

use super::Book;
use super::admit::check_admissions;
use crate::rows::{RowAnswer, Rows};
use ieum_core::delivery::{Settlement, State, Step};
use ieum_core::journal::JournalEvent;
use ieum_core::ports::store::{Admitted, Moves};

impl<R: Rows> Book<R> {
    /// Verb `apply_moves`.
    pub(crate) fn apply_moves(&mut self, moves: Moves) -> RowAnswer<Vec<Admitted>> {
        check_admissions(&moves.admissions)?;
        self.check_settlements(&moves.moved)?;
        let at = moves.at;
        for change in moves.health {
            self.follow_change(at, &change)?;
            self.record(JournalEvent::Health { at, change });
        }
        for (id, telling) in moves.tellings {
            self.keep_telling(id, telling)?;
        }
        for settlement in moves.moved {
            self.move_one(settlement)?;
        }
        self.admit_all(at, moves.admissions)
    }

    fn move_one(&mut self, settlement: Settlement) -> RowAnswer<()> {
        let Some(row) = self.delivery(settlement.delivery)? else {
            return Ok(());
        };
        match row.delivery.state {
            State::Queued | State::Unsure | State::Held => self.take_step(&row, settlement),
            State::Sent | State::Doubted if matches!(settlement.step, Step::Doubted { .. }) => {
                self.doubt(&row, settlement)
            }
            State::Attempting
            | State::Sent
            | State::Delivered
            | State::Read
            | State::Superseded
            | State::Expired
            | State::Dead
            | State::Withdrawn
            | State::Doubted => Ok(()),
        }
    }
}
