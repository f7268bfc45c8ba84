//! Lanes: the order of open deliveries of one (conversation, recipient), and which may be claimed.
//!
//! Pure bookkeeping without rows: it knows numbers, states, accounts and times. It does not decide
//! what becomes of a delivery. Invariant: only the head of a lane can be claimed, and the ready
//! index holds exactly the heads that are `Queued` with an account.

use ieum_core::delivery::{Delivery, Lane, State};
use ieum_core::ids::{AccountId, DeliverySeq};
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};

/// Most numbers kept in memory for one lane behind its head; the rest stays in the table.
pub(crate) const LANE_WINDOW_MAX: usize = 64;

/// What a lane needs to know of its first delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: DeliverySeq,
    pub(crate) state: State,
    pub(crate) account: Option<AccountId>,
    pub(crate) due_at: Timestamp,
}

impl Head {
    pub(crate) fn of(delivery: &Delivery) -> Self {
        Self {
            seq: delivery.seq,
            state: delivery.state,
            account: delivery.route.map(|route| route.account),
            due_at: delivery.due_at,
        }
    }

    /// Its place in the ready index, if it may be claimed.
    fn ready(&self) -> Option<(AccountId, (Timestamp, DeliverySeq))> {
        let account = self.account?;
        (self.state == State::Queued).then_some((account, (self.due_at, self.seq)))
    }
}

/// What follows the end of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// The head of the lane is who it was, or the lane is empty and gone.
    Nobody,
    /// This one is next: tell the lane about it by [`Lanes::promote`].
    Next(DeliverySeq),
    /// The window is used up: read on after this number and call [`Lanes::refill`].
    Refill(DeliverySeq),
}

#[derive(Debug)]
struct Queue {
    head: Head,
    window: VecDeque<DeliverySeq>,
    /// The table holds more after the window.
    more: bool,
}

/// All lanes that have an open delivery.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: BTreeMap<Lane, Queue>,
    ready: BTreeMap<AccountId, BTreeMap<(Timestamp, DeliverySeq), Lane>>,
}

impl Lanes {
    /// A new open delivery at the end of its lane.
    pub(crate) fn append(&mut self, lane: Lane, new: Head) {
        if let Some(queue) = self.lanes.get_mut(&lane) {
            queue.push(new.seq);
            return;
        }
        self.place(lane, new, false);
    }

    /// A lane as found in the table when it was opened; `more` when others follow its head.
    pub(crate) fn place(&mut self, lane: Lane, head: Head, more: bool) {
        let queue = Queue { head, window: VecDeque::new(), more };
        self.lanes.insert(lane, queue);
        self.file(lane, head);
    }

    /// Heads in this state, in the order of their lanes.
    pub(crate) fn heads_in(&self, state: State) -> Vec<DeliverySeq> {
        let heads = self.lanes.values().map(|queue| queue.head);
        let found = heads.filter(|head| head.state == state);
        found.map(|head| head.seq).collect()
    }

    /// An open delivery changed; what matters is kept only of heads.
    pub(crate) fn update(&mut self, lane: Lane, changed: Head) {
        let Some(queue) = self.lanes.get_mut(&lane) else {
            return;
        };
        if queue.head.seq == changed.seq {
            let old = std::mem::replace(&mut queue.head, changed);
            self.unfile(old);
            self.file(lane, changed);
        }
    }

    /// A delivery ended.
    pub(crate) fn remove(&mut self, lane: Lane, seq: DeliverySeq) -> Follow {
        let Some(queue) = self.lanes.get_mut(&lane) else {
            return Follow::Nobody;
        };
        if queue.head.seq != seq {
            queue.window.retain(|waiting| *waiting != seq);
            return Follow::Nobody;
        }
        let (old, next, more) = (queue.head, queue.window.pop_front(), queue.more);
        self.unfile(old);
        match next {
            Some(next) => Follow::Next(next),
            None if more => Follow::Refill(seq),
            None => {
                self.lanes.remove(&lane);
                Follow::Nobody
            }
        }
    }

    /// The next delivery takes the head.
    pub(crate) fn promote(&mut self, lane: Lane, next: Head) {
        if let Some(queue) = self.lanes.get_mut(&lane) {
            queue.head = next;
            self.file(lane, next);
        }
    }

    /// More of the lane from the table, in order; returns who is to be promoted.
    pub(crate) fn refill(&mut self, lane: Lane, seqs: Vec<DeliverySeq>) -> Option<DeliverySeq> {
        let queue = self.lanes.get_mut(&lane)?;
        queue.more = seqs.len() > LANE_WINDOW_MAX;
        queue.window = VecDeque::from(seqs);
        let next = queue.window.pop_front();
        if next.is_none() {
            self.lanes.remove(&lane);
        }
        next
    }

    /// Heads of this account that are due, the longest due first.
    pub(crate) fn due(
        &self,
        account: AccountId,
        now: Timestamp,
        rows_max: usize,
    ) -> Vec<DeliverySeq> {
        let Some(ready) = self.ready.get(&account) else {
            return Vec::new();
        };
        ready
            .keys()
            .take_while(|(due_at, _)| *due_at <= now)
            .take(rows_max)
            .map(|(_, seq)| *seq)
            .collect()
    }

    /// When the next head of this account is due.
    pub(crate) fn next_due_at(&self, account: AccountId) -> Option<Timestamp> {
        let (due_at, _) = self.ready.get(&account)?.first_key_value()?.0;
        Some(*due_at)
    }

    fn file(&mut self, lane: Lane, head: Head) {
        if let Some((account, place)) = head.ready() {
            self.ready.entry(account).or_default().insert(place, lane);
        }
    }

    fn unfile(&mut self, head: Head) {
        if let Some((account, place)) = head.ready()
            && let Some(ready) = self.ready.get_mut(&account)
        {
            ready.remove(&place);
        }
    }
}

impl Queue {
    fn push(&mut self, seq: DeliverySeq) {
        if self.more || self.window.len() >= LANE_WINDOW_MAX {
            self.more = true;
        } else {
            self.window.push_back(seq);
        }
    }
}
