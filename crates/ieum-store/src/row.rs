//! A delivery with what the store keeps beside it, and what a step does to it.
//!
//! Invariant: an ended delivery changes only by a receipt, or by doubt after it was sent.

use ieum_core::delivery::{Delivery, EVIDENCE_CHARS_MAX, NewDelivery, Settlement, State, Step};
use ieum_core::ids::{AccountId, ChatKey, ConversationId, DeliverySeq, MessageSeq};
use ieum_core::inbound::ReceiptLevel;
use ieum_core::journal::Planned;
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::store::{CopyNote, StoreFailure};
use ieum_core::time::Timestamp;
use minicbor::{Decode, Encode};

/// A copy made on a route that the delivery has left since. Stored: numbers are never reused.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct FormerCopy {
    #[n(0)]
    pub(crate) account: AccountId,
    #[n(1)]
    pub(crate) chat: ChatKey,
    #[n(2)]
    pub(crate) key: CopyKey,
}

/// One row of the deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryRow {
    pub(crate) delivery: Delivery,
    /// The chat in which `delivery.copies` were made, as it was called then.
    pub(crate) chat: Option<ChatKey>,
    pub(crate) former: Vec<FormerCopy>,
}

impl DeliveryRow {
    /// As planned at `at`.
    pub(crate) fn planned(
        new: &NewDelivery,
        seq: DeliverySeq,
        place: (MessageSeq, ConversationId),
        at: Timestamp,
    ) -> Self {
        let state = match new.route {
            Some(_) => new.state,
            None => State::Held,
        };
        let delivery = Delivery {
            seq,
            message: place.0,
            conversation: place.1,
            recipient: new.recipient,
            route: new.route,
            state,
            attempts: 0,
            part: 0,
            due_at: at,
            tried_at: None,
            label: new.label,
            stands_in_for: new.stands_in_for,
            copies: Vec::new(),
        };
        Self { delivery, chat: None, former: Vec::new() }
    }

    /// For the journal's entry of its planning.
    pub(crate) fn to_planned(&self) -> Planned {
        Planned {
            delivery: self.delivery.seq,
            recipient: self.delivery.recipient,
            route: self.delivery.route,
            held: self.delivery.state == State::Held,
            stands_in_for: self.delivery.stands_in_for,
            label: self.delivery.label,
        }
    }

    /// The account of its route now.
    pub(crate) fn account(&self) -> Option<AccountId> {
        self.delivery.route.map(|route| route.account)
    }

    /// Taken for an attempt.
    pub(crate) fn claim(&mut self, now: Timestamp) {
        self.delivery.state = State::Attempting;
        self.delivery.attempts = self.delivery.attempts.saturating_add(1);
        self.delivery.tried_at.get_or_insert(now);
    }

    /// Applies a step taken at `at`; new copies are in `chat`.
    pub(crate) fn apply(&mut self, step: &Step, at: Timestamp, chat: Option<ChatKey>) {
        match step {
            Step::Sent { copies } => {
                self.add_copies(copies, chat);
                self.delivery.state = State::Sent;
            }
            Step::NextPart { copies, part } => {
                self.add_copies(copies, chat);
                self.delivery.part = *part;
                self.queue(at);
            }
            Step::RetryAt { at, label } => {
                self.delivery.label = label.or(self.delivery.label);
                self.queue(*at);
            }
            Step::NextRoute { route, label, at } => {
                self.leave_route();
                self.delivery.route = Some(*route);
                self.delivery.label = *label;
                self.queue(*at);
            }
            Step::Hold { label } => {
                self.delivery.state = State::Held;
                self.delivery.label = *label;
            }
            Step::Unsure { decide_at } => {
                self.delivery.state = State::Unsure;
                self.delivery.due_at = *decide_at;
            }
            Step::Superseded => self.delivery.state = State::Superseded,
            Step::Expired => self.delivery.state = State::Expired,
            Step::Dead { .. } => self.delivery.state = State::Dead,
            Step::Withdrawn => self.delivery.state = State::Withdrawn,
            Step::Doubted { .. } => self.delivery.state = State::Doubted,
        }
    }

    /// Raises an ended delivery's state by a receipt; whether that changed it.
    pub(crate) fn receive(&mut self, level: ReceiptLevel) -> bool {
        let raised = match (self.delivery.state, level) {
            (State::Sent | State::Doubted, ReceiptLevel::Delivered) => State::Delivered,
            (State::Sent | State::Doubted | State::Delivered, ReceiptLevel::Read) => State::Read,
            _ => return false,
        };
        self.delivery.state = raised;
        true
    }

    /// All native copies, the oldest first.
    pub(crate) fn copy_notes(&self) -> Vec<CopyNote> {
        let former = self.former.iter().map(|copy| CopyNote {
            account: copy.account,
            chat: copy.chat.clone(),
            key: copy.key.clone(),
            delivery: Some(self.delivery.seq),
        });
        let place = self.account().zip(self.chat.as_ref());
        let present = place.into_iter().flat_map(|(account, chat)| {
            self.delivery.copies.iter().map(move |key| CopyNote {
                account,
                chat: chat.clone(),
                key: key.clone(),
                delivery: Some(self.delivery.seq),
            })
        });
        former.chain(present).collect()
    }

    fn queue(&mut self, due_at: Timestamp) {
        self.delivery.state = State::Queued;
        self.delivery.due_at = due_at;
    }

    fn add_copies(&mut self, copies: &[CopyKey], chat: Option<ChatKey>) {
        self.delivery.copies.extend_from_slice(copies);
        if chat.is_some() {
            self.chat = chat;
        }
    }

    fn leave_route(&mut self) {
        let copies = std::mem::take(&mut self.delivery.copies);
        if let (Some(account), Some(chat)) = (self.account(), self.chat.take()) {
            self.former.extend(copies.into_iter().map(|key| FormerCopy {
                account,
                chat: chat.clone(),
                key,
            }));
        }
        self.delivery.attempts = 0;
        self.delivery.part = 0;
        self.delivery.tried_at = None;
    }
}

/// Refuses what would break a rule, before anything is written.
pub(crate) fn check_planned(deliveries: &[NewDelivery]) -> Result<(), StoreFailure> {
    let allowed = |new: &NewDelivery| matches!(new.state, State::Queued | State::Held);
    match deliveries.iter().find(|new| !allowed(new)) {
        Some(new) => Err(StoreFailure::Rule(format!("a delivery cannot start as {:?}", new.state))),
        None => Ok(()),
    }
}

/// Refuses a step that this delivery cannot take.
pub(crate) fn check_step(row: &DeliveryRow, settlement: &Settlement) -> Result<(), StoreFailure> {
    check_planned(&settlement.plus)?;
    let needs_route =
        matches!(settlement.step, Step::Sent { .. } | Step::NextPart { .. } | Step::RetryAt { .. });
    if needs_route && row.delivery.route.is_none() {
        return Err(StoreFailure::Rule(format!(
            "delivery {} has no route to be tried on",
            row.delivery.seq
        )));
    }
    Ok(())
}

/// Evidence as it is kept.
pub(crate) fn cut_evidence(evidence: &str) -> Box<str> {
    match evidence.char_indices().nth(EVIDENCE_CHARS_MAX) {
        Some((end, _)) => evidence.get(..end).unwrap_or_default().into(),
        None => evidence.into(),
    }
}
