//! What an audit found. Invariant: however spoiled a journal is, the report stays small.

use crate::ids::{DeliverySeq, JournalSeq};
use serde::{Deserialize, Serialize};

/// Most violations that a report names; all are counted.
pub const VIOLATIONS_KEPT_MAX: usize = 100;

/// What a journal proves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditReport {
    /// Entries read.
    pub entries: u64,
    /// Messages accepted.
    pub messages: u64,
    /// Deliveries planned.
    pub deliveries: u64,
    /// Attempts that were written down before they left.
    pub claims: u64,
    /// Words of networks on how far deliveries got.
    pub receipts: u64,
    /// Deliveries that had been sent and were doubted afterwards: their network takes what it does
    /// not deliver.
    #[serde(default)]
    pub doubted: u64,
    /// How deliveries ended.
    pub ended: Ended,
    /// Where the others stand, by the journal.
    pub open: StillOpen,
    /// Violations of the promises, the first [`VIOLATIONS_KEPT_MAX`].
    pub violations: Vec<Violation>,
    /// All violations, named or not.
    pub violations_found: u64,
}

impl AuditReport {
    /// Whether every promise that the journal speaks of was kept.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.violations_found == 0
    }

    pub(super) fn add(&mut self, violation: Violation) {
        self.violations_found += 1;
        if self.violations.len() < VIOLATIONS_KEPT_MAX {
            self.violations.push(violation);
        }
    }
}

/// Deliveries that ended, by how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ended {
    /// The network took every part.
    pub sent: u64,
    /// Of those, with a label.
    pub labelled: u64,
    /// Everybody got it another way.
    pub superseded: u64,
    /// Its lifetime passed.
    pub expired: u64,
    /// Refused on every way.
    pub dead: u64,
    /// Taken back: the recipient left, or does not want it any more.
    #[serde(default)]
    pub withdrawn: u64,
}

/// Deliveries that did not end, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StillOpen {
    /// To be attempted.
    pub queued: u64,
    /// Claimed.
    pub attempting: u64,
    /// Without a certain answer.
    pub unsure: u64,
    /// Waiting for their network.
    pub held: u64,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The entry that broke it; the last one for what was missing at the end.
    pub journal: JournalSeq,
    /// The delivery, where the rule is about one.
    pub delivery: Option<DeliverySeq>,
    /// Which rule.
    pub rule: Rule,
    /// Which promise it belongs to.
    pub promise: u8,
}

/// What may not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A journal number is missing or comes again.
    JournalGap,
    /// A message's number is not the next one.
    MessageGap,
    /// A delivery's number is not the next one.
    DeliveryGap,
    /// Something happened to a delivery that was never planned.
    NeverPlanned,
    /// Something happened to a delivery that had ended.
    AfterEnd,
    /// The delivery's state does not allow the step.
    IllegalStep,
    /// A delivery without a route was attempted or queued.
    WithoutRoute,
    /// A step has no evidence.
    WithoutEvidence,
    /// A receipt is about a delivery that was not sent.
    ReceiptUnsent,
    /// A native copy belongs to no message.
    CopyOfNothing,
    /// The journal left it open, the store does not have it.
    MissingInStore,
    /// The store has it open, the journal does not.
    OpenInStoreAlone,
    /// The journal and the store have it in different states.
    StateDiffers,
    /// A message id was accepted twice.
    MessageTwice,
    /// One plan owes the same recipient two copies.
    OwedTwice,
    /// A copy that may be a second one has no label.
    Unlabelled,
    /// It was claimed while an attempt was under way.
    InFlightTwice,
    /// The number of an attempt did not grow.
    AttemptRepeated,
    /// A part that was accepted before is to be sent again on the same route.
    PartBack,
    /// It was attempted before an earlier delivery of its lane had ended.
    OutOfOrder,
    /// It ended as taken back, and nobody had changed anything since it was planned.
    TakenBackByNobody,
    /// It was doubted and had never been sent.
    DoubtUnsent,
    /// It was doubted, and nothing stands in for it.
    DoubtForNothing,
}

impl Rule {
    /// The promise of the house that the rule belongs to: accepted is kept (1), once or labelled
    /// (2), in order (3).
    #[must_use]
    pub fn promise(self) -> u8 {
        match self {
            Self::JournalGap
            | Self::MessageGap
            | Self::DeliveryGap
            | Self::NeverPlanned
            | Self::AfterEnd
            | Self::IllegalStep
            | Self::WithoutRoute
            | Self::WithoutEvidence
            | Self::TakenBackByNobody
            | Self::ReceiptUnsent
            | Self::DoubtUnsent
            | Self::DoubtForNothing
            | Self::CopyOfNothing
            | Self::MissingInStore
            | Self::OpenInStoreAlone
            | Self::StateDiffers => 1,
            Self::MessageTwice
            | Self::OwedTwice
            | Self::Unlabelled
            | Self::InFlightTwice
            | Self::AttemptRepeated
            | Self::PartBack => 2,
            Self::OutOfOrder => 3,
        }
    }
}
