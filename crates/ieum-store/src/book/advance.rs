//! Settling what came back and claiming what is due.
//!
//! Invariant: what is claimed is the head of its lane or follows one that is claimed with it, is
//! `Queued` before and `Attempting` after, so that nobody else claims of a lane with an attempt in
//! flight.

use super::{Book, Claimed, gone};
use crate::lanes::Head;
use crate::row::{DeliveryRow, check_step, cut_evidence};
use crate::rows::{FindRow, RowAnswer, Rows};
use ieum_core::delivery::{Claim, Delivery, Lane, Route, Settlement, State, Step};
use ieum_core::ids::{ChatKey, DeliverySeq};
use ieum_core::journal::{JournalEvent, Planned};
use ieum_core::message::{Class, Message};
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::store::{
    Advance, Advanced, CLAIM_ROWS_MAX, ClaimNext, ClaimRequest, RUN_ROWS_MAX, StoreFailure,
};
use ieum_core::time::Timestamp;
use std::sync::Arc;

impl<R: Rows> Book<R> {
    /// Verb `advance`.
    pub(crate) fn advance(&mut self, advance: Advance) -> RowAnswer<Advanced> {
        self.check_settlements(&advance.settled)?;
        for settlement in advance.settled {
            self.settle(settlement)?;
        }
        let Some(request) = advance.claim else {
            return Ok(Advanced::default());
        };
        let claims = self.claim_due(&request)?;
        Ok(Advanced { claims, next_due_at: self.lanes.next_due_at(request.account) })
    }

    /// Verb `claim_next`, looked at before a transaction ends: what it answers, if it does.
    pub(crate) fn claim_next(&mut self, next: &ClaimNext) -> RowAnswer<Option<Advanced>> {
        let now = self.moment.map_or(next.claim.now, |moment| moment.max(next.claim.now));
        let request = ClaimRequest { now, ..next.claim };
        let room = request.rows_max > 0 && request.lanes_max > 0;
        let claims = if room { self.claim_due(&request)? } else { Vec::new() };
        let next_due_at = self.lanes.next_due_at(request.account);
        let news = !claims.is_empty() || !room || next_due_at != next.expected_at;
        Ok(news.then_some(Advanced { claims, next_due_at }))
    }

    pub(super) fn check_settlements(&mut self, settled: &[Settlement]) -> RowAnswer<()> {
        for settlement in settled {
            match self.delivery(settlement.delivery)? {
                Some(row) => check_step(&row, settlement)?,
                None => return Err(unknown_delivery(settlement.delivery)),
            }
        }
        Ok(())
    }

    fn settle(&mut self, settlement: Settlement) -> RowAnswer<()> {
        match self.delivery(settlement.delivery)? {
            Some(row) if !row.delivery.state.ended() => self.take_step(&row, settlement),
            _ => Ok(()),
        }
    }

    /// Applies a step to an open delivery, with what it plans and its entry.
    pub(super) fn take_step(&mut self, old: &DeliveryRow, settled: Settlement) -> RowAnswer<()> {
        self.moment = Some(self.moment.map_or(settled.at, |moment| moment.max(settled.at)));
        let waits = matches!(old.delivery.state, State::Queued | State::Held);
        if waits && matches!(settled.step, Step::Unsure { .. }) {
            // Only an attempt can leave a doubt, and only the head of a lane was attempted.
            return Ok(());
        }
        if matches!(settled.step, Step::Doubted { .. }) {
            // Nothing that is open was ever said yes to.
            return Ok(());
        }
        let chat = self.chat_for(old, &settled.step)?;
        let mut new = old.clone();
        new.apply(&settled.step, settled.at, chat);
        self.replace(old, &new)?;
        self.touch_by_step(&old.delivery, &settled.step, settled.at)?;
        self.index_copies(&new, copies_in(&settled.step).len());
        self.settled(&new, settled)
    }

    /// Plans what a step plans and writes its entry.
    pub(super) fn settled(&mut self, new: &DeliveryRow, settled: Settlement) -> RowAnswer<()> {
        let plus = self.plan_later(new, &settled)?;
        self.record(JournalEvent::Settled {
            at: settled.at,
            delivery: settled.delivery,
            step: settled.step,
            evidence: cut_evidence(&settled.evidence),
            plus,
        });
        Ok(())
    }

    fn chat_for(&mut self, row: &DeliveryRow, step: &Step) -> RowAnswer<Option<ChatKey>> {
        match row.delivery.route {
            Some(route) if !copies_in(step).is_empty() => self.rows.chat_of(route.endpoint),
            _ => Ok(None),
        }
    }

    fn index_copies(&mut self, row: &DeliveryRow, added: usize) {
        let notes = row.copy_notes();
        let new = notes.get(notes.len().saturating_sub(added)..);
        FindRow::of_copies(row.delivery.message, new.unwrap_or_default())
            .for_each(|find| self.rows.add_find(find));
    }

    fn plan_later(&mut self, row: &DeliveryRow, settled: &Settlement) -> RowAnswer<Vec<Planned>> {
        if settled.plus.is_empty() {
            return Ok(Vec::new());
        }
        let place = (row.delivery.message, row.delivery.conversation);
        let planned = self.plan(settled.at, place, settled.plus.clone())?;
        for later in &planned {
            self.rows.add_later_delivery(place.0, later.delivery)?;
        }
        Ok(planned)
    }

    fn claim_due(&mut self, request: &ClaimRequest) -> RowAnswer<Vec<Claim>> {
        let rows_max = request.rows_max.min(CLAIM_ROWS_MAX);
        let due = self.lanes.due(request.account, request.now, rows_max.min(request.lanes_max));
        let mut claims = Vec::with_capacity(due.len());
        for seq in due {
            let (row, message) = self.with_message(seq)?;
            claims.push(self.claim(row, message, request));
        }
        if request.run_max > 1 {
            self.claim_runs(&mut claims, request, rows_max)?;
        }
        Ok(claims)
    }

    /// Adds what follows the claimed heads, while there is room.
    fn claim_runs(
        &mut self,
        claims: &mut Vec<Claim>,
        request: &ClaimRequest,
        rows_max: usize,
    ) -> RowAnswer<()> {
        let more = request.run_max.min(RUN_ROWS_MAX).saturating_sub(1);
        let heads: Vec<_> = claims.iter().map(Followed::of).collect();
        for head in heads.into_iter().filter(|head| head.first_attempt) {
            let room = rows_max.saturating_sub(claims.len()).min(more);
            for seq in self.lanes.behind(head.lane, room) {
                let (row, message) = self.with_message(seq)?;
                if !head.may_be_followed_by(&row.delivery, message.new.class, request.now) {
                    break;
                }
                claims.push(self.claim(row, message, request));
            }
        }
        Ok(())
    }

    fn with_message(&mut self, seq: DeliverySeq) -> RowAnswer<(DeliveryRow, Arc<Message>)> {
        let row = self.delivery(seq)?.ok_or_else(|| gone(seq))?;
        match self.rows.message(row.delivery.message)? {
            Some(message) => Ok((row, message)),
            None => {
                let message = row.delivery.message;
                Err(StoreFailure::Damaged(format!("message {message} is gone")))
            }
        }
    }

    fn claim(
        &mut self,
        mut row: DeliveryRow,
        message: Arc<Message>,
        request: &ClaimRequest,
    ) -> Claim {
        row.claim(request.now);
        let delivery = row.delivery.clone();
        let seq = delivery.seq;
        self.lanes.update(delivery.lane(), Head::of(&delivery));
        let durable = request.durable;
        if durable {
            let (at, attempt) = (request.now, delivery.attempts);
            self.record(JournalEvent::Claimed { at, delivery: seq, attempt });
        }
        self.set_claimed(seq, Some(Claimed { row, durable }));
        Claim { delivery, message }
    }
}

/// A claimed head, for what may follow it in a run.
struct Followed {
    lane: Lane,
    route: Option<Route>,
    first_attempt: bool,
}

impl Followed {
    fn of(head: &Claim) -> Self {
        let delivery = &head.delivery;
        let first_attempt = delivery.attempts <= 1 && head.message.new.class != Class::OnceOnly;
        Self { lane: delivery.lane(), route: delivery.route, first_attempt }
    }

    /// What was tried before, or is wanted once only, is claimed alone: a run that breaks leaves
    /// its rest counted as tried.
    fn may_be_followed_by(&self, next: &Delivery, class: Class, now: Timestamp) -> bool {
        next.state == State::Queued
            && next.route == self.route
            && next.due_at <= now
            && next.tried_at.is_none()
            && class != Class::OnceOnly
    }
}

/// The copies that a step brings.
fn copies_in(step: &Step) -> &[CopyKey] {
    match step {
        Step::Sent { copies } | Step::NextPart { copies, .. } => copies,
        Step::RetryAt { .. }
        | Step::NextRoute { .. }
        | Step::Hold { .. }
        | Step::Unsure { .. }
        | Step::Superseded
        | Step::Expired
        | Step::Dead { .. }
        | Step::Withdrawn
        | Step::Doubted { .. } => &[],
    }
}

fn unknown_delivery(seq: DeliverySeq) -> StoreFailure {
    StoreFailure::Rule(format!("there is no delivery {seq}"))
}
