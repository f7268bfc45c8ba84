//! What the detector is told, as plain values. Not what follows from it.
//!
//! Invariant: a refusal that concerns one recipient is never evidence; whoever makes evidence of
//! an outcome asks [`crate::outgoing::Outcome::blames_network`] first.

use super::Cell;
use crate::delivery::Route;
use crate::ids::{AccountId, PersonId};
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What kind of thing was seen.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Kind {
    /// A live message of ours.
    #[n(0)]
    Send,
    /// A message between two addresses of the operator's, or one that a watcher should see.
    #[n(1)]
    Canary,
    /// A gateway's heartbeat, a poll, a cheap authenticated call.
    #[n(2)]
    Pulse,
    /// The network's word that a message was delivered.
    #[n(3)]
    Receipt,
}

/// Who showed it. Failures of one source alone never turn a network.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The chat that a message or its receipt belongs to.
    #[n(0)]
    Route(#[n(0)] Route),
    /// A canary pair or a watcher, by its number in the configuration.
    #[n(1)]
    Pair(#[n(0)] u32),
    /// One of our accounts.
    #[n(2)]
    Account(#[n(0)] AccountId),
    /// A person.
    #[n(3)]
    Person(#[n(0)] PersonId),
}

/// How it went.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Sign {
    /// It worked.
    #[n(0)]
    Good,
    /// It failed, or was not there when it was expected.
    #[n(1)]
    Bad,
    /// What was counted as bad under this id arrived after all: the penalty is given back.
    #[n(2)]
    Late,
}

/// One piece of evidence.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
pub struct Evidence {
    /// The cell that it speaks for.
    #[n(0)]
    pub cell: Cell,
    /// What was seen.
    #[n(1)]
    pub kind: Kind,
    /// Who showed it.
    #[n(2)]
    pub source: Source,
    /// How it went.
    #[n(3)]
    pub sign: Sign,
    /// The delivery, canary or call; a late arrival bears the id of what it makes good.
    #[n(4)]
    pub id: u64,
    /// When.
    #[n(5)]
    pub at: Timestamp,
    /// How long a success took, or a failure was waited for, in milliseconds; zero when nobody
    /// looked.
    #[n(6)]
    pub latency_ms: u32,
}

/// Why a cell turned.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Rule {
    /// Canaries failed, of two pairs at least.
    #[n(0)]
    Canaries,
    /// Sends failed, on two routes at least.
    #[n(1)]
    Sends,
    /// Two kinds agreed.
    #[n(2)]
    Together,
    /// Pulses alone.
    #[n(3)]
    Pulses,
    /// The slow sum: a share of the traffic fails.
    #[n(4)]
    Slow,
    /// Receipts are missing for what was accepted.
    #[n(5)]
    Receipts,
    /// People wrote less than they do at this hour.
    #[n(6)]
    Silence,
    /// Independent people reported it.
    #[n(7)]
    Reports,
    /// It failed again while traffic was returning.
    #[n(8)]
    Relapse,
    /// Nothing failed for long enough, and enough was good.
    #[n(9)]
    Clean,
    /// All steps of the return were passed.
    #[n(10)]
    Ramp,
    /// The sums were low for long enough.
    #[n(11)]
    Calm,
    /// The operator's word.
    #[n(12)]
    Operator,
}

/// The sums of a cell, in thousandths of a nat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
pub struct Sums {
    /// Of canaries.
    #[n(0)]
    pub canaries: i64,
    /// Of sends.
    #[n(1)]
    pub sends: i64,
    /// Of pulses.
    #[n(2)]
    pub pulses: i64,
    /// Of missing receipts.
    #[n(3)]
    pub receipts: i64,
    /// The slow one: that of sends and canaries, or that of receipts if it is larger.
    #[n(4)]
    pub slow: i64,
    /// Of silence.
    #[n(5)]
    pub silence: i64,
    /// What people's reports add.
    #[n(6)]
    pub reports: i64,
}

/// Why a cell turned, for whoever was not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Grounds {
    /// The rule that fired.
    #[n(0)]
    pub rule: Rule,
    /// When the evidence turned: what was accepted since and is not confirmed is in doubt.
    #[n(1)]
    pub onset: Timestamp,
    /// The sums at that moment.
    #[n(2)]
    pub sums: Sums,
    /// How many sources were failing.
    #[n(3)]
    pub sources: u32,
    /// Good signs of others since the onset: why it was not our own line. Zero when nobody else
    /// was there to ask.
    #[n(4)]
    pub witnesses: u32,
    /// The newest failures, and with a return the newest good signs; oldest first.
    #[n(5)]
    pub last: Vec<Evidence>,
    /// Whether messages were taken and did not arrive: the network's yes is worth nothing.
    #[n(6)]
    #[cbor(default)]
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hollow: bool,
}
