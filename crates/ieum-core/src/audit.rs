//! The audit: replays the journal and proves that the promises were kept.
//!
//! Pure and streaming: entry after entry in, one report out. It believes nothing but the journal
//! and, at the end, what the store says is still open; it does not know how `settle` decides, only
//! what may never happen. Invariant: memory follows the open deliveries, not the length of the
//! journal.
//!
//! What the journal does not tell: a claim on a network that repeats by key is not journaled, so a
//! delivery may go from queued to sent at once; lifetimes and texts are not in it either.

mod report;

pub use report::{AuditReport, Ended, Rule, StillOpen, VIOLATIONS_KEPT_MAX, Violation};

use crate::delivery::{Lane, Recipient, State, Step};
use crate::ids::{ConversationId, DeliverySeq, JournalSeq, MessageSeq};
use crate::journal::{JournalEntry, JournalEvent, Planned};
use std::collections::{BTreeMap, BTreeSet};

/// The evidence of an attempt without a certain answer begins with this word.
pub const DOUBT_WORD: &str = "unknown";
/// Message ids are compared with at least so many before them, and at most twice as many.
pub const IDS_COMPARED_MIN: usize = 500_000;
/// Changes of these may take back what somebody is owed.
const TAKES_BACK: [&str; 4] = ["person", "card", "conversation", "terms"];
/// Of so many deliveries that ended without being sent it is remembered that they did.
const UNSENT_KEPT_MAX: usize = 100_000;

/// A replay under way.
#[derive(Debug, Default)]
pub struct Audit {
    report: AuditReport,
    journal: JournalSeq,
    message: MessageSeq,
    delivery: DeliverySeq,
    /// The last change of who is there and what they agreed to.
    changed: JournalSeq,
    open: BTreeMap<DeliverySeq, Open>,
    lanes: BTreeMap<Lane, BTreeSet<DeliverySeq>>,
    unsent: BTreeSet<DeliverySeq>,
    ids: LatestIds,
}

/// What is remembered of an open delivery.
#[derive(Debug, Clone)]
struct Open {
    lane: Lane,
    planned_at: JournalSeq,
    state: State,
    has_route: bool,
    /// The highest attempt claimed of the present part on the present route.
    attempt: u32,
    part: u32,
    labelled: bool,
    /// Whether the next attempt may make a second copy.
    doubt: bool,
}

/// Message ids of the recent past, in two generations.
#[derive(Debug, Default)]
struct LatestIds {
    young: BTreeSet<u128>,
    old: BTreeSet<u128>,
}

impl Audit {
    /// Begins before the first entry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How far the replay is, to go on reading from there.
    #[must_use]
    pub fn after(&self) -> JournalSeq {
        self.journal
    }

    /// Takes the next entry in.
    pub fn replay(&mut self, entry: &JournalEntry) {
        if entry.seq.0 != self.journal.0 + 1 {
            self.violation_at(entry.seq, None, Rule::JournalGap);
        }
        self.journal = entry.seq;
        self.report.entries += 1;
        match &entry.event {
            JournalEvent::Admitted { message, id, conversation, deliveries, .. } => {
                self.admitted(*message, id);
                self.planned(*conversation, deliveries);
            }
            JournalEvent::Claimed { delivery, attempt, .. } => self.claimed(*delivery, *attempt),
            JournalEvent::Settled { delivery, step, evidence, plus, .. } => {
                self.settled(*delivery, step, evidence, plus)
            }
            JournalEvent::Receipt { delivery, .. } => self.received(*delivery),
            JournalEvent::Copied { message, .. } => {
                if *message > self.message {
                    self.violation(None, Rule::CopyOfNothing);
                }
            }
            JournalEvent::Changed { entity, .. } if TAKES_BACK.contains(&&**entity) => {
                self.changed = entry.seq;
            }
            JournalEvent::Erased { messages, .. } => {
                if messages.iter().any(|message| *message > self.message) {
                    self.violation(None, Rule::CopyOfNothing);
                }
            }
            JournalEvent::Changed { .. }
            | JournalEvent::Accessed { .. }
            | JournalEvent::Opened { .. }
            | JournalEvent::Read { .. }
            | JournalEvent::Health { .. } => {}
        }
    }

    /// Compares what the journal left open with what the store says is open, in any order. Both
    /// must be of the same moment: nothing may be written between the last entry and this.
    #[must_use]
    pub fn finish(mut self, open: impl Iterator<Item = (DeliverySeq, State)>) -> AuditReport {
        for delivery in self.open.values() {
            count_open(&mut self.report.open, delivery.state);
        }
        for (seq, state) in open {
            match self.open.remove(&seq) {
                Some(known) if agree(known.state, state) => {}
                Some(_) => self.violation(Some(seq), Rule::StateDiffers),
                None => self.violation(Some(seq), Rule::OpenInStoreAlone),
            }
        }
        for seq in std::mem::take(&mut self.open).into_keys() {
            self.violation(Some(seq), Rule::MissingInStore);
        }
        self.report
    }

    fn violation(&mut self, delivery: Option<DeliverySeq>, rule: Rule) {
        self.violation_at(self.journal, delivery, rule);
    }

    fn violation_at(&mut self, journal: JournalSeq, delivery: Option<DeliverySeq>, rule: Rule) {
        self.report.add(Violation { journal, delivery, rule, promise: rule.promise() });
    }

    fn admitted(&mut self, message: MessageSeq, id: &[u8; 32]) {
        self.report.messages += 1;
        if message.0 != self.message.0 + 1 {
            self.violation(None, Rule::MessageGap);
        }
        self.message = message;
        if !self.ids.insert(id) {
            self.violation(None, Rule::MessageTwice);
        }
    }

    fn planned(&mut self, conversation: ConversationId, deliveries: &[Planned]) {
        let mut recipients: BTreeSet<Recipient> = BTreeSet::new();
        for planned in deliveries {
            self.report.deliveries += 1;
            let seq = planned.delivery;
            if seq.0 != self.delivery.0 + 1 {
                self.violation(Some(seq), Rule::DeliveryGap);
            }
            self.delivery = self.delivery.max(seq);
            if !recipients.insert(planned.recipient) {
                self.violation(Some(seq), Rule::OwedTwice);
            }
            let open = Open::planned(self.journal, conversation, planned);
            self.lanes.entry(open.lane).or_default().insert(seq);
            self.open.insert(seq, open);
        }
    }

    fn claimed(&mut self, seq: DeliverySeq, attempt: u32) {
        self.report.claims += 1;
        let Some(mut open) = self.opened(seq) else {
            return;
        };
        let broken = if open.state == State::Attempting {
            Some(Rule::InFlightTwice)
        } else if open.state != State::Queued {
            Some(Rule::IllegalStep)
        } else if attempt <= open.attempt {
            Some(Rule::AttemptRepeated)
        } else {
            self.attempted(seq, &open)
        };
        if let Some(rule) = broken {
            self.violation(Some(seq), rule);
        }
        open.state = State::Attempting;
        open.attempt = attempt;
        self.open.insert(seq, open);
    }

    fn settled(&mut self, seq: DeliverySeq, step: &Step, evidence: &str, plus: &[Planned]) {
        if let Step::Doubted { conversation } = step {
            return self.doubted((seq, *conversation), evidence, plus);
        }
        let Some(mut open) = self.opened(seq) else {
            for planned in plus {
                self.delivery = self.delivery.max(planned.delivery);
            }
            return;
        };
        let lane = open.lane;
        if evidence.trim().is_empty() {
            self.violation(Some(seq), Rule::WithoutEvidence);
        }
        if let Some(rule) = self.broken_by(seq, &open, step) {
            self.violation(Some(seq), rule);
        }
        open.apply(step, evidence);
        if open.state.ended() {
            self.ended(seq, &open);
        } else {
            self.open.insert(seq, open);
        }
        self.planned(lane.conversation, plus);
        for copy in plus.iter().filter(|copy| copy.label.is_none()) {
            self.violation(Some(copy.delivery), Rule::Unlabelled);
        }
    }

    /// What was sent is owed again: by copies that say so, and to somebody.
    fn doubted(
        &mut self,
        (seq, conversation): (DeliverySeq, ConversationId),
        evidence: &str,
        plus: &[Planned],
    ) {
        self.report.doubted += 1;
        let rule = if seq > self.delivery {
            Some(Rule::NeverPlanned)
        } else if self.open.contains_key(&seq) || self.unsent.contains(&seq) {
            Some(Rule::DoubtUnsent)
        } else if plus.is_empty() || plus.iter().any(|copy| copy.stands_in_for != Some(seq)) {
            Some(Rule::DoubtForNothing)
        } else if evidence.trim().is_empty() {
            Some(Rule::WithoutEvidence)
        } else {
            None
        };
        if let Some(rule) = rule {
            self.violation(Some(seq), rule);
        }
        self.planned(conversation, plus);
        for copy in plus.iter().filter(|copy| copy.label.is_none()) {
            self.violation(Some(copy.delivery), Rule::Unlabelled);
        }
    }

    /// The delivery, if something may happen to it.
    fn opened(&mut self, seq: DeliverySeq) -> Option<Open> {
        let open = self.open.get(&seq).cloned();
        if open.is_none() {
            let rule = if seq > self.delivery { Rule::NeverPlanned } else { Rule::AfterEnd };
            self.violation(Some(seq), rule);
        }
        open
    }

    fn broken_by(&self, seq: DeliverySeq, open: &Open, step: &Step) -> Option<Rule> {
        match step {
            Step::Sent { .. } | Step::NextPart { .. } | Step::Unsure { .. }
                if open.state == State::Held =>
            {
                Some(Rule::IllegalStep)
            }
            Step::NextPart { part, .. } if *part <= open.part => Some(Rule::PartBack),
            // A run of a lane is claimed at once and leaves one by one: the first ends first.
            Step::Sent { .. } | Step::NextPart { .. } if !self.is_first(seq, open) => {
                Some(Rule::OutOfOrder)
            }
            // Its claim was not journaled: what holds of a claim must hold now.
            Step::Sent { .. } | Step::NextPart { .. } | Step::Unsure { .. }
                if open.state == State::Queued =>
            {
                self.attempted(seq, open)
            }
            // Nothing is taken back but after somebody said so, and that is in the journal.
            Step::Withdrawn if self.changed < open.planned_at => Some(Rule::TakenBackByNobody),
            Step::RetryAt { .. } if !open.has_route => Some(Rule::WithoutRoute),
            Step::NextRoute { label: None, .. } => Some(Rule::Unlabelled),
            Step::Sent { .. }
            | Step::NextPart { .. }
            | Step::Unsure { .. }
            | Step::RetryAt { .. }
            | Step::NextRoute { .. }
            | Step::Hold { .. }
            | Step::Superseded
            | Step::Expired
            | Step::Dead { .. }
            | Step::Withdrawn
            | Step::Doubted { .. } => None,
        }
    }

    fn is_first(&self, seq: DeliverySeq, open: &Open) -> bool {
        self.lanes.get(&open.lane).and_then(|lane| lane.first()) == Some(&seq)
    }

    /// Whether all before it in its lane are being attempted: then it may be claimed with them.
    fn is_in_run(&self, seq: DeliverySeq, open: &Open) -> bool {
        let attempting = |before: &DeliverySeq| {
            self.open.get(before).is_some_and(|before| before.state == State::Attempting)
        };
        self.lanes.get(&open.lane).is_some_and(|lane| lane.range(..seq).all(attempting))
    }

    /// What an attempt of a queued delivery may break.
    fn attempted(&self, seq: DeliverySeq, open: &Open) -> Option<Rule> {
        if !open.has_route {
            Some(Rule::WithoutRoute)
        } else if !self.is_in_run(seq, open) {
            Some(Rule::OutOfOrder)
        } else if open.doubt && !open.labelled {
            Some(Rule::Unlabelled)
        } else {
            None
        }
    }

    fn ended(&mut self, seq: DeliverySeq, open: &Open) {
        self.open.remove(&seq);
        if let Some(lane) = self.lanes.get_mut(&open.lane) {
            lane.remove(&seq);
            if lane.is_empty() {
                self.lanes.remove(&open.lane);
            }
        }
        let ended = &mut self.report.ended;
        if open.state == State::Sent {
            ended.sent += 1;
            ended.labelled += u64::from(open.labelled);
            return;
        }
        ended.superseded += u64::from(open.state == State::Superseded);
        ended.expired += u64::from(open.state == State::Expired);
        ended.dead += u64::from(open.state == State::Dead);
        ended.withdrawn += u64::from(open.state == State::Withdrawn);
        self.unsent.insert(seq);
        if self.unsent.len() > UNSENT_KEPT_MAX {
            self.unsent.pop_first();
        }
    }

    fn received(&mut self, seq: DeliverySeq) {
        self.report.receipts += 1;
        if seq > self.delivery {
            self.violation(Some(seq), Rule::NeverPlanned);
        } else if self.open.contains_key(&seq) || self.unsent.contains(&seq) {
            self.violation(Some(seq), Rule::ReceiptUnsent);
        }
    }
}

impl Open {
    fn planned(at: JournalSeq, conversation: ConversationId, planned: &Planned) -> Self {
        let held = planned.held || planned.route.is_none();
        Self {
            lane: Lane { conversation, recipient: planned.recipient },
            planned_at: at,
            state: if held { State::Held } else { State::Queued },
            has_route: planned.route.is_some(),
            attempt: 0,
            part: 0,
            labelled: planned.label.is_some(),
            doubt: false,
        }
    }

    fn apply(&mut self, step: &Step, evidence: &str) {
        let was_claimed = self.state == State::Attempting;
        self.doubt |= was_claimed && evidence.starts_with(DOUBT_WORD);
        match step {
            Step::Sent { .. } => self.state = State::Sent,
            Step::NextPart { part, .. } => {
                self.state = State::Queued;
                (self.attempt, self.part) = (0, *part);
                self.doubt = false;
            }
            Step::RetryAt { label, .. } => {
                self.state = State::Queued;
                self.labelled |= label.is_some();
            }
            Step::NextRoute { label, .. } => {
                self.state = State::Queued;
                self.has_route = true;
                self.labelled = label.is_some();
                // A move without a label was reported at once; not again at each attempt.
                self.doubt = label.is_some();
                (self.attempt, self.part) = (0, 0);
            }
            Step::Hold { label } => {
                self.state = State::Held;
                self.labelled = label.is_some();
            }
            Step::Unsure { .. } => {
                self.state = State::Unsure;
                self.doubt = true;
            }
            Step::Superseded => self.state = State::Superseded,
            Step::Expired => self.state = State::Expired,
            Step::Dead { .. } => self.state = State::Dead,
            Step::Withdrawn => self.state = State::Withdrawn,
            Step::Doubted { .. } => self.state = State::Doubted,
        }
    }
}

impl LatestIds {
    /// False when it was there.
    fn insert(&mut self, id: &[u8; 32]) -> bool {
        let (first, _) = id.split_at(16);
        let key = first.iter().fold(0_u128, |key, byte| key << 8 | u128::from(*byte));
        if self.old.contains(&key) || !self.young.insert(key) {
            return false;
        }
        if self.young.len() >= IDS_COMPARED_MIN {
            self.old = std::mem::take(&mut self.young);
        }
        true
    }
}

/// Whether a state by the journal and one by the store may stand together: a claim that need not
/// be durable is in the store's memory alone.
fn agree(journal: State, store: State) -> bool {
    journal == store || (journal, store) == (State::Queued, State::Attempting)
}

fn count_open(open: &mut StillOpen, state: State) {
    match state {
        State::Queued => open.queued += 1,
        State::Attempting => open.attempting += 1,
        State::Unsure => open.unsure += 1,
        State::Held => open.held += 1,
        State::Sent
        | State::Delivered
        | State::Read
        | State::Superseded
        | State::Expired
        | State::Dead
        | State::Withdrawn
        | State::Doubted => {}
    }
}

#[cfg(test)]
mod tests;
