//! Incidents: what was wrong with a network from the first sign until all of it worked again.
//!
//! An incident is told by the changes of the network's cells and decides nothing itself: the store
//! follows each change in the transaction that records it, so that an incident and what it moved
//! are durable together. Invariant: a network has at most one open incident, and an incident is
//! open exactly as long as a cell of it is not up.

use crate::delivery::{Recipient, Route, Step};
use crate::health::{Cell, CellChange, CellState};
use crate::ids::{DeliverySeq, IncidentId, MessageSeq};
use crate::network::Network;
use crate::telling::Telling;
use crate::time::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most changes kept in full; of the rest only their number and what they add up to.
pub const TURNS_MAX: usize = 256;

/// One change of a cell, within an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Turn {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// From what to what, and why.
    #[n(1)]
    pub change: CellChange,
}

/// How one cell fared in an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct CellRecord {
    /// Which.
    #[n(0)]
    pub cell: Cell,
    /// Its state since `since`.
    #[n(1)]
    pub state: CellState,
    /// Since when.
    #[n(2)]
    pub since: Timestamp,
    /// How long it was down before that, in milliseconds.
    #[n(3)]
    pub down_ms: u64,
    /// How long it was degraded or recovering before that, in milliseconds.
    #[n(4)]
    pub impaired_ms: u64,
}

impl CellRecord {
    /// How long it was down up to `now`, in milliseconds.
    #[must_use]
    pub fn down_ms_until(&self, now: Timestamp) -> u64 {
        let still = if self.state == CellState::Down { now.ms_since(self.since) } else { 0 };
        self.down_ms + still
    }

    fn turn(&mut self, to: CellState, at: Timestamp) {
        let lasted = at.ms_since(self.since);
        match self.state {
            CellState::Down => self.down_ms += lasted,
            CellState::Degraded | CellState::Recovering => self.impaired_ms += lasted,
            CellState::Up => {}
        }
        (self.state, self.since) = (to, at);
    }
}

/// What was wrong with a network, from the first sign to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Incident {
    /// Its number.
    #[n(0)]
    pub id: IncidentId,
    /// Of which network.
    #[n(1)]
    pub network: Network,
    /// When the evidence turned: before anybody could know.
    #[n(2)]
    pub onset: Timestamp,
    /// When it was noticed.
    #[n(3)]
    pub opened_at: Timestamp,
    /// When all cells were up again.
    #[n(4)]
    pub closed_at: Option<Timestamp>,
    /// The worst that any cell was: `Down` before `Degraded`.
    #[n(5)]
    pub worst: CellState,
    /// Every cell that was ever not up in it.
    #[n(6)]
    pub cells: Vec<CellRecord>,
    /// What happened, in order; at most [`TURNS_MAX`].
    #[n(7)]
    pub turns: Vec<Turn>,
    /// Changes beyond those.
    #[n(8)]
    pub turns_left_out: u64,
    /// Who of the operator's was told, in order; at most [`TELLINGS_MAX`].
    ///
    /// [`TELLINGS_MAX`]: crate::telling::TELLINGS_MAX
    #[n(9)]
    #[cbor(default)]
    #[serde(default)]
    pub tellings: Vec<Telling>,
}

impl Incident {
    /// Opens with the first change away from up; `None` for any other change.
    #[must_use]
    pub fn open(id: IncidentId, at: Timestamp, change: &CellChange) -> Option<Self> {
        if change.to == CellState::Up {
            return None;
        }
        let onset = change.grounds.as_ref().map_or(at, |grounds| grounds.onset.min(at));
        let mut incident = Self {
            id,
            network: change.cell.network,
            onset,
            opened_at: at,
            closed_at: None,
            worst: change.to,
            cells: Vec::new(),
            turns: Vec::new(),
            turns_left_out: 0,
            tellings: Vec::new(),
        };
        incident.follow(at, change);
        Some(incident)
    }

    /// Follows a further change; closes with the last cell that comes up.
    pub fn follow(&mut self, at: Timestamp, change: &CellChange) {
        match self.cells.iter_mut().find(|record| record.cell == change.cell) {
            Some(record) => record.turn(change.to, at),
            None => self.cells.push(CellRecord {
                cell: change.cell,
                state: change.to,
                since: at,
                down_ms: 0,
                impaired_ms: 0,
            }),
        }
        if severity(change.to) > severity(self.worst) {
            self.worst = change.to;
        }
        if self.turns.len() < TURNS_MAX {
            self.turns.push(Turn { at, change: change.clone() });
        } else {
            self.turns_left_out += 1;
        }
        let over = self.cells.iter().all(|record| record.state == CellState::Up);
        self.closed_at = over.then_some(at);
    }

    /// Whether it goes on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }
}

/// How bad a state is.
fn severity(state: CellState) -> u8 {
    match state {
        CellState::Up => 0,
        CellState::Recovering => 1,
        CellState::Degraded => 2,
        CellState::Down => 3,
    }
}

/// What an incident did to a delivery, or had said about itself. Stored: numbers are never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Touched {
    /// It left for another way.
    #[n(0)]
    Moved,
    /// There was no other way: it waited.
    #[n(1)]
    Held,
    /// An attempt got no certain answer.
    #[n(2)]
    InDoubt,
    /// A notice about the incident itself.
    #[n(3)]
    Told,
}

impl Touched {
    /// What a step away from the incident's network means; `None` when it has nothing to do with
    /// the incident.
    #[must_use]
    pub fn by(step: &Step) -> Option<Self> {
        match step {
            Step::NextRoute { .. } => Some(Self::Moved),
            Step::Hold { .. } => Some(Self::Held),
            Step::Unsure { .. } | Step::Doubted { .. } => Some(Self::InDoubt),
            Step::Sent { .. }
            | Step::NextPart { .. }
            | Step::RetryAt { .. }
            | Step::Superseded
            | Step::Expired
            | Step::Dead { .. }
            | Step::Withdrawn => None,
        }
    }
}

/// A delivery that an incident touched; the last that it did to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct Touch {
    /// Which delivery.
    #[n(0)]
    pub delivery: DeliverySeq,
    /// Its message.
    #[n(1)]
    pub message: MessageSeq,
    /// To whom.
    #[n(2)]
    pub recipient: Recipient,
    /// How.
    #[n(3)]
    pub how: Touched,
    /// When.
    #[n(4)]
    pub at: Timestamp,
    /// The way that it took instead; the way of a notice.
    #[n(5)]
    pub to: Option<Route>,
}

/// How much of the time a cell was not down, in millionths, over the `window_ms` before `now`.
///
/// `incidents` are all of its network that overlap the window; `watched_since` is when the hub
/// began to look: what was before counts neither way. One that began before the window counts
/// with at most the part that can lie within it.
#[must_use]
pub fn uptime_ppm(
    incidents: &[Incident],
    cell: Cell,
    (window_ms, watched_since): (u64, Timestamp),
    now: Timestamp,
) -> u64 {
    let window = window_ms.min(now.ms_since(watched_since));
    if window == 0 {
        return 1_000_000;
    }
    let down = incidents.iter().map(|incident| down_within(incident, cell, window, now));
    let down = down.sum::<u64>().min(window);
    let up = u128::from(window - down) * 1_000_000 / u128::from(window);
    u64::try_from(up).unwrap_or(1_000_000)
}

fn down_within(incident: &Incident, cell: Cell, window_ms: u64, now: Timestamp) -> u64 {
    let record = incident.cells.iter().find(|record| record.cell == cell);
    let end = incident.closed_at.unwrap_or(now);
    let ended_ago = now.ms_since(end);
    let overlap = window_ms.saturating_sub(ended_ago);
    record.map_or(0, |record| record.down_ms_until(end).min(overlap))
}

/// Where the networks' latest incidents are kept while they are followed.
#[derive(Debug, Clone, Default)]
pub struct Latest {
    by_network: BTreeMap<Network, Incident>,
}

impl Latest {
    /// Takes in an incident that was stored.
    pub fn restore(&mut self, incident: Incident) {
        self.by_network.insert(incident.network, incident);
    }

    /// Follows a change; returns the incident that it opened, went on or closed. A new one gets
    /// the number `next`.
    pub fn follow(
        &mut self,
        at: Timestamp,
        change: &CellChange,
        next: IncidentId,
    ) -> Option<&Incident> {
        let network = change.cell.network;
        match self.by_network.get_mut(&network).filter(|incident| incident.is_open()) {
            Some(incident) => incident.follow(at, change),
            None => {
                let opened = Incident::open(next, at, change)?;
                self.by_network.insert(network, opened);
            }
        }
        self.by_network.get(&network)
    }

    /// The open incident of a network.
    #[must_use]
    pub fn open(&self, network: Network) -> Option<&Incident> {
        self.last(network).filter(|incident| incident.is_open())
    }

    /// The newest incident of a network, open or not.
    #[must_use]
    pub fn last(&self, network: Network) -> Option<&Incident> {
        self.by_network.get(&network)
    }

    /// Whether no network has an open one: nothing needs to be looked at.
    #[must_use]
    pub fn calm(&self) -> bool {
        self.by_network.values().all(|incident| !incident.is_open())
    }
}

#[cfg(test)]
#[path = "incident_tests.rs"]
mod tests;
