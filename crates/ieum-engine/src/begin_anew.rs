//! What an earlier hub left open about networks. Health is in memory and begins anew with each
//! start; incidents are durable, and would go on for ever if nobody ended them.
//!
//! Invariant: after this a cell is not up in an open incident exactly when it is not up in memory.

use crate::doubt;
use crate::failover;
use crate::pieces::{Pieces, lock};
use ieum_core::health::evidence::Rule;
use ieum_core::health::hold::Hold;
use ieum_core::health::{Cell, CellChange, CellState};
use ieum_core::ids::IncidentId;
use ieum_core::incident::Incident;
use ieum_core::ports::store::{Moves, StoreFailure};
use std::collections::BTreeSet;

/// Newest incidents that are looked at; a network has at most one that is open.
const INCIDENTS_MAX: usize = 200;

const EVIDENCE: &str = "the hub began anew; what fails now is another incident";

/// Takes the operator's word up again and closes what else was open: a network that is still down
/// shows it by its first failures.
pub(crate) async fn take_up(pieces: &Pieces) -> Result<(), StoreFailure> {
    let incidents = pieces.store.page_incidents(IncidentId(u64::MAX), INCIDENTS_MAX).await?;
    let mut health = Vec::new();
    let mut looked_at = BTreeSet::new();
    for incident in &incidents {
        // Older ones were seen to their end before the newest of the network began.
        if looked_at.insert(incident.network) {
            doubt::take_up(pieces, incident);
        }
    }
    for incident in incidents.iter().filter(|incident| incident.is_open()) {
        for record in &incident.cells {
            if held_by_operator(incident, record.cell) {
                // The incident has this change already.
                drop(lock(&pieces.health).hold(record.cell, record.state, pieces.now()));
            } else if record.state != CellState::Up {
                health.push(CellChange {
                    cell: record.cell,
                    from: record.state,
                    to: CellState::Up,
                    evidence: EVIDENCE.into(),
                    grounds: None,
                });
            }
        }
    }
    if !health.is_empty() {
        pieces.store.apply_moves(Moves { at: pieces.now(), health, ..Moves::default() }).await?;
        failover::wake_all(pieces);
    }
    take_up_holds(pieces, &incidents).await;
    Ok(())
}

/// Holds what operators hold; what was not moved for it yet is moved now.
async fn take_up_holds(pieces: &Pieces, incidents: &[Incident]) {
    let holds: Vec<Hold> = pieces.read(|directory| directory.holds().cloned().collect());
    for Hold { cell, state, .. } in holds {
        let mut open = incidents.iter().filter(|one| one.is_open()).flat_map(|one| &one.cells);
        let recorded = open.any(|record| record.cell == cell && record.state == state);
        let changes = lock(&pieces.health).hold(cell, state, pieces.now());
        if !recorded {
            failover::follow(pieces, changes).await;
        }
    }
}

/// Whether the last that became of a cell was the operator's word that it does not work.
fn held_by_operator(incident: &Incident, cell: Cell) -> bool {
    let last = incident.turns.iter().rev().find(|turn| turn.change.cell == cell);
    last.is_some_and(|turn| {
        let rule = turn.change.grounds.as_ref().map(|grounds| grounds.rule);
        rule == Some(Rule::Operator) && turn.change.to != CellState::Up
    })
}
