//! An incident as `/v1` and the public status show it.

use super::delivery::{RecipientView, RouteView};
use crate::words::Word;
use ieum_core::directory::Directory;
use ieum_core::health::evidence::{Evidence, Grounds, Kind, Rule, Sign, Sums};
use ieum_core::health::{Cell, CellState, Function, Surface};
use ieum_core::incident::{CellRecord, Incident, Touch, Touched, Turn};
use ieum_core::network::Network;
use ieum_core::ports::store::TouchCounts;
use ieum_core::telling::{Stage, Telling};
use ieum_core::time::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// An incident in short.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Incident")]
pub(crate) struct IncidentView {
    pub(crate) id: u64,
    pub(crate) network: Word<Network>,
    /// The worst that any part of it was.
    pub(crate) worst: Word<CellState>,
    /// When the evidence turned, in Unix milliseconds: before anybody could know.
    pub(crate) onset_ms: i64,
    /// When it was noticed, in Unix milliseconds.
    pub(crate) opened_at_ms: i64,
    /// When all of it worked again, in Unix milliseconds; null while it goes on.
    pub(crate) closed_at_ms: Option<i64>,
    /// From the onset to the end, or to now, in milliseconds.
    pub(crate) lasted_ms: u64,
    /// Every part that was touched.
    pub(crate) cells: Vec<CellRecordView>,
}

/// How one part of the network fared.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IncidentCell")]
pub(crate) struct CellRecordView {
    pub(crate) function: Word<Function>,
    pub(crate) surface: Word<Surface>,
    pub(crate) state: Word<CellState>,
    /// How long it was down, in milliseconds.
    pub(crate) down_ms: u64,
}

/// All of an incident.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct IncidentDetail {
    #[serde(flatten)]
    incident: IncidentView,
    /// What happened, in order, and how the hub knew.
    turns: Vec<TurnView>,
    /// Further changes that are not kept one by one.
    turns_left_out: u64,
    /// Deliveries that left for another way.
    moved: u64,
    /// The ways that they took, by network.
    ways: BTreeMap<&'static str, u64>,
    /// Deliveries that had no other way and waited.
    held: u64,
    /// Deliveries of which nobody knew whether they arrived.
    in_doubt: u64,
    /// Notices that told people about it.
    told: u64,
    /// Who of the operator's was told, in order.
    tellings: Vec<TellingView>,
    /// The names of those who could not be reached meanwhile; at most 200.
    out_of_reach: Vec<String>,
}

/// One change of one part, with its evidence.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IncidentTurn")]
struct TurnView {
    at_ms: i64,
    function: Word<Function>,
    surface: Word<Surface>,
    from: Word<CellState>,
    to: Word<CellState>,
    /// Why, in one line.
    evidence: Box<str>,
    /// Why, in full; null where only the line was kept.
    grounds: Option<GroundsView>,
}

/// A channel of the operator's that was told.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "IncidentTelling")]
struct TellingView {
    /// The channel: `webhook`, or account and chat.
    channel: Box<str>,
    /// What it was told.
    stage: Word<Stage>,
    at_ms: i64,
}

/// Why a part turned.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Grounds")]
struct GroundsView {
    /// The rule that fired.
    rule: Word<Rule>,
    /// When the evidence turned, in Unix milliseconds.
    onset_ms: i64,
    /// The sums at that moment, in thousandths of a nat.
    sums: SumsView,
    /// How many sources were failing.
    sources: u32,
    /// Good signs of others since the onset: why it was not the hub's own line.
    witnesses: u32,
    /// The newest signs, oldest first.
    last: Vec<SignView>,
}

/// The sums of a part, in thousandths of a nat.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sums")]
struct SumsView {
    canaries: i64,
    sends: i64,
    pulses: i64,
    receipts: i64,
    slow: i64,
    silence: i64,
    reports: i64,
}

/// One sign that was seen.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sign")]
struct SignView {
    at_ms: i64,
    kind: Word<Kind>,
    sign: Word<Sign>,
    /// The delivery, canary or call that showed it.
    id: u64,
    latency_ms: u32,
}

/// A delivery that an incident touched, and the last that it did to it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Touch")]
pub(crate) struct TouchView {
    delivery: u64,
    message: u64,
    recipient: RecipientView,
    how: Word<Touched>,
    at_ms: i64,
    /// The way that it took instead.
    to: Option<RouteView>,
}

impl IncidentView {
    /// In short, as of `now`.
    pub(crate) fn of(incident: &Incident, now: Timestamp) -> Self {
        let end = incident.closed_at.unwrap_or(now);
        Self {
            id: incident.id.0,
            network: Word(incident.network),
            worst: Word(incident.worst),
            onset_ms: incident.onset.0,
            opened_at_ms: incident.opened_at.0,
            closed_at_ms: incident.closed_at.map(|at| at.0),
            lasted_ms: end.ms_since(incident.onset),
            cells: incident.cells.iter().map(|record| CellRecordView::of(record, end)).collect(),
        }
    }
}

impl CellRecordView {
    fn of(record: &CellRecord, end: Timestamp) -> Self {
        let Cell { function, surface, .. } = record.cell;
        Self {
            function: Word(function),
            surface: Word(surface),
            state: Word(record.state),
            down_ms: record.down_ms_until(end),
        }
    }
}

impl IncidentDetail {
    /// All of it, as of `now`; with the ways that were taken and who was out of reach.
    pub(crate) fn of(
        incident: &Incident,
        counts: &TouchCounts,
        (ways, out_of_reach): (BTreeMap<&'static str, u64>, Vec<String>),
        now: Timestamp,
    ) -> Self {
        let count = |how| counts.get(&how).copied().unwrap_or_default();
        Self {
            incident: IncidentView::of(incident, now),
            turns: incident.turns.iter().map(TurnView::of).collect(),
            turns_left_out: incident.turns_left_out,
            moved: count(Touched::Moved),
            ways,
            held: count(Touched::Held),
            in_doubt: count(Touched::InDoubt),
            told: count(Touched::Told),
            tellings: incident.tellings.iter().map(TellingView::of).collect(),
            out_of_reach,
        }
    }
}

impl TellingView {
    fn of(telling: &Telling) -> Self {
        Self { channel: telling.channel.clone(), stage: Word(telling.stage), at_ms: telling.at.0 }
    }
}

impl TurnView {
    fn of(turn: &Turn) -> Self {
        let change = &turn.change;
        Self {
            at_ms: turn.at.0,
            function: Word(change.cell.function),
            surface: Word(change.cell.surface),
            from: Word(change.from),
            to: Word(change.to),
            evidence: change.evidence.clone(),
            grounds: change.grounds.as_deref().map(GroundsView::of),
        }
    }
}

impl GroundsView {
    fn of(grounds: &Grounds) -> Self {
        Self {
            rule: Word(grounds.rule),
            onset_ms: grounds.onset.0,
            sums: SumsView::of(grounds.sums),
            sources: grounds.sources,
            witnesses: grounds.witnesses,
            last: grounds.last.iter().map(SignView::of).collect(),
        }
    }
}

impl SumsView {
    fn of(sums: Sums) -> Self {
        let Sums { canaries, sends, pulses, receipts, slow, silence, reports } = sums;
        Self { canaries, sends, pulses, receipts, slow, silence, reports }
    }
}

impl SignView {
    fn of(evidence: &Evidence) -> Self {
        Self {
            at_ms: evidence.at.0,
            kind: Word(evidence.kind),
            sign: Word(evidence.sign),
            id: evidence.id,
            latency_ms: evidence.latency_ms,
        }
    }
}

impl TouchView {
    /// A touched delivery with the names that its accounts have now.
    pub(crate) fn of(touch: &Touch, directory: &Directory) -> Self {
        Self {
            delivery: touch.delivery.0,
            message: touch.message.0,
            recipient: RecipientView::of(touch.recipient),
            how: Word(touch.how),
            at_ms: touch.at.0,
            to: touch.to.map(|to| RouteView::of(to, directory)),
        }
    }
}
