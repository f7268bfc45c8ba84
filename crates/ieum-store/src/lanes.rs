//! Lanes: the order of open deliveries of one (conversation, recipient), and which may be claimed.
//!
//! Pure bookkeeping without rows: it knows numbers, and of each lane's first delivery the state,
//! account and time. It does not decide what becomes of a delivery. Invariant: the ready index
//! holds exactly the heads that are `Queued` with an account.

use ieum_core::delivery::{Delivery, Lane, Recipient, State};
use ieum_core::ids::{AccountId, ConversationId, DeliverySeq, PersonId};
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a lane needs to know of its first delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: DeliverySeq,
    pub(crate) state: State,
    pub(crate) account: Option<AccountId>,
    pub(crate) due_at: Timestamp,
    /// Whether it comes instead of another copy, late or again: such heads come in masses.
    pub(crate) labelled: bool,
}

impl Head {
    pub(crate) fn of(delivery: &Delivery) -> Self {
        Self {
            seq: delivery.seq,
            state: delivery.state,
            account: delivery.route.map(|route| route.account),
            due_at: delivery.due_at,
            labelled: delivery.label.is_some(),
        }
    }

    /// Its place in the ready index, if it may be claimed.
    fn ready(&self) -> Option<(AccountId, Place)> {
        let account = self.account?;
        (self.state == State::Queued).then_some((account, (self.due_at, self.seq)))
    }
}

/// A place in the ready index.
type Place = (Timestamp, DeliverySeq);

/// Heads of one account that may be claimed. Whoever leaves another network shares this one with
/// its own people: while both wait, every second claim is of what is plain.
#[derive(Debug, Default)]
struct Ready {
    plain: BTreeMap<Place, Lane>,
    labelled: BTreeMap<Place, Lane>,
    /// Whose turn it is. A hint only: who fails or starts anew may begin with either.
    labelled_next: bool,
}

impl Ready {
    fn of(&mut self, head: Head) -> &mut BTreeMap<Place, Lane> {
        if head.labelled { &mut self.labelled } else { &mut self.plain }
    }

    /// Those that are due, each kind the longest due first, the two taking turns.
    fn due(&mut self, now: Timestamp, rows_max: usize) -> Vec<DeliverySeq> {
        let is_due = |place: &&Place| place.0 <= now;
        let mut plain = self.plain.keys().take_while(is_due).peekable();
        let mut labelled = self.labelled.keys().take_while(is_due).peekable();
        let mut due = Vec::new();
        while due.len() < rows_max {
            // Nobody's turn is used up while the other kind has nothing to claim.
            let next = match (plain.peek(), labelled.peek()) {
                (Some(_), Some(_)) => {
                    self.labelled_next = !self.labelled_next;
                    if self.labelled_next { plain.next() } else { labelled.next() }
                }
                (Some(_), None) => plain.next(),
                (None, _) => labelled.next(),
            };
            let Some((_, seq)) = next else { break };
            due.push(*seq);
        }
        due
    }

    fn first(&self) -> Option<Timestamp> {
        let first = |places: &BTreeMap<Place, Lane>| Some(places.first_key_value()?.0.0);
        first(&self.plain).into_iter().chain(first(&self.labelled)).min()
    }
}

/// Open deliveries of one lane, in order.
pub(crate) type Open = VecDeque<DeliverySeq>;

#[derive(Debug)]
struct Queue {
    head: Head,
    /// All others of the lane.
    behind: Open,
}

/// All lanes that have an open delivery.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    lanes: BTreeMap<Lane, Queue>,
    ready: BTreeMap<AccountId, Ready>,
    /// Heads in doubt.
    unsure: BTreeSet<(Lane, DeliverySeq)>,
    /// Lanes that the present transaction changed.
    touched: Vec<Lane>,
    /// Deliveries that it ended.
    removed: Vec<(Lane, DeliverySeq)>,
}

impl Lanes {
    /// A new open delivery at the end of its lane.
    pub(crate) fn append(&mut self, lane: Lane, new: Head) {
        self.touched.push(lane);
        if let Some(queue) = self.lanes.get_mut(&lane) {
            queue.behind.push_back(new.seq);
            return;
        }
        self.lanes.insert(lane, Queue { head: new, behind: Open::new() });
        self.file(lane, new);
    }

    /// Heads in this state, in the order of their lanes.
    pub(crate) fn heads_in(&self, state: State) -> Vec<DeliverySeq> {
        let heads = self.lanes.values().map(|queue| queue.head);
        let found = heads.filter(|head| head.state == state);
        found.map(|head| head.seq).collect()
    }

    /// Heads in doubt, in the order of their lanes; asked for every second.
    pub(crate) fn unsure_heads(&self) -> Vec<DeliverySeq> {
        self.unsure.iter().map(|(_, seq)| *seq).collect()
    }

    /// Open deliveries of a conversation, in no order.
    pub(crate) fn of_conversation(
        &self,
        conversation: ConversationId,
    ) -> impl Iterator<Item = DeliverySeq> {
        let first = Lane { conversation, recipient: Recipient::Person(PersonId(0)) };
        let lanes = self.lanes.range(first..);
        let same = lanes.take_while(move |(lane, _)| lane.conversation == conversation);
        same.flat_map(|(_, queue)| {
            std::iter::once(queue.head.seq).chain(queue.behind.iter().copied())
        })
    }

    /// Open deliveries of one lane, in order.
    pub(crate) fn open_in(&self, lane: Lane) -> impl Iterator<Item = DeliverySeq> {
        let queue = self.lanes.get(&lane).into_iter();
        queue.flat_map(|queue| std::iter::once(queue.head.seq).chain(queue.behind.iter().copied()))
    }

    /// What follows the head of a lane, at most so many, in order.
    pub(crate) fn behind(&self, lane: Lane, rows_max: usize) -> Vec<DeliverySeq> {
        let queue = self.lanes.get(&lane);
        queue.into_iter().flat_map(|queue| queue.behind.iter().copied()).take(rows_max).collect()
    }

    /// An open delivery changed; what matters is kept only of heads.
    pub(crate) fn update(&mut self, lane: Lane, changed: Head) {
        let Some(queue) = self.lanes.get_mut(&lane) else {
            return;
        };
        if queue.head.seq == changed.seq {
            let old = std::mem::replace(&mut queue.head, changed);
            self.touched.push(lane);
            self.unfile(lane, old);
            self.file(lane, changed);
        }
    }

    /// A delivery ended. When it was the head, the answer is who follows: tell the lane about it
    /// by [`Lanes::promote`].
    pub(crate) fn remove(&mut self, lane: Lane, seq: DeliverySeq) -> Option<DeliverySeq> {
        self.touched.push(lane);
        self.removed.push((lane, seq));
        let queue = self.lanes.get_mut(&lane)?;
        if queue.head.seq != seq {
            if let Ok(place) = queue.behind.binary_search(&seq) {
                queue.behind.remove(place);
            }
            return None;
        }
        let (old, next) = (queue.head, queue.behind.pop_front());
        self.unfile(lane, old);
        if next.is_none() {
            self.lanes.remove(&lane);
        }
        next
    }

    /// The next delivery takes the head.
    pub(crate) fn promote(&mut self, lane: Lane, next: Head) {
        if let Some(queue) = self.lanes.get_mut(&lane) {
            queue.head = next;
            self.file(lane, next);
        }
    }

    /// Heads of this account that are due: the longest due first, what is plain and what is
    /// labelled by turns.
    pub(crate) fn due(
        &mut self,
        account: AccountId,
        now: Timestamp,
        rows_max: usize,
    ) -> Vec<DeliverySeq> {
        self.ready.get_mut(&account).map_or_else(Vec::new, |ready| ready.due(now, rows_max))
    }

    /// When the next head of this account is due.
    pub(crate) fn next_due_at(&self, account: AccountId) -> Option<Timestamp> {
        self.ready.get(&account)?.first()
    }

    /// The transaction is durable.
    pub(crate) fn committed(&mut self) {
        self.touched.clear();
        self.removed.clear();
    }

    /// The transaction failed, and the last delivery before it was `last`: takes the lanes apart
    /// that it changed. Returns what was open in them before, in order; what comes first is to be
    /// looked up and given to [`Lanes::put_back`] with the rest.
    pub(crate) fn take_apart(&mut self, last: DeliverySeq) -> BTreeMap<Lane, Open> {
        let mut apart = BTreeMap::new();
        for lane in std::mem::take(&mut self.touched) {
            let open = apart.entry(lane).or_insert_with(Open::new);
            if let Some(queue) = self.lanes.remove(&lane) {
                self.unfile(lane, queue.head);
                *open = queue.behind;
                open.push_front(queue.head.seq);
            }
        }
        for (lane, seq) in std::mem::take(&mut self.removed) {
            let open = apart.entry(lane).or_insert_with(Open::new);
            if let Err(place) = open.binary_search(&seq) {
                open.insert(place, seq);
            }
        }
        for open in apart.values_mut() {
            open.truncate(open.partition_point(|seq| *seq <= last));
        }
        apart.retain(|_, open| !open.is_empty());
        apart
    }

    /// A lane as it was before a failure.
    pub(crate) fn put_back(&mut self, lane: Lane, head: Head, behind: Open) {
        self.lanes.insert(lane, Queue { head, behind });
        self.file(lane, head);
    }

    fn file(&mut self, lane: Lane, head: Head) {
        if head.state == State::Unsure {
            self.unsure.insert((lane, head.seq));
        }
        if let Some((account, place)) = head.ready() {
            self.ready.entry(account).or_default().of(head).insert(place, lane);
        }
    }

    fn unfile(&mut self, lane: Lane, head: Head) {
        if head.state == State::Unsure {
            self.unsure.remove(&(lane, head.seq));
        }
        if let Some((account, place)) = head.ready()
            && let Some(ready) = self.ready.get_mut(&account)
        {
            ready.of(head).remove(&place);
        }
    }
}
