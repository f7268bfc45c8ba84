//! The operator's word on a network, and people's: both are evidence like any other, and what
//! follows from them is moved and recorded like any other turn.

use crate::failover;
use crate::pieces::{Pieces, lock};
use ieum_core::health::{Cell, CellState};
use ieum_core::ids::PersonId;

/// What a person's report came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportAnswer {
    /// How many people reported the same lately, this one included.
    pub reporters: usize,
}

/// Keeps a cell in a state until it is released.
pub(crate) async fn hold(pieces: &Pieces, cell: Cell, state: CellState) {
    let changes = lock(&pieces.health).hold(cell, state, pieces.now());
    failover::follow(pieces, changes).await;
}

/// Lets a cell be what the hub's own evidence says.
pub(crate) async fn release(pieces: &Pieces, cell: Cell) {
    let changes = lock(&pieces.health).release(cell, pieces.now());
    failover::follow(pieces, changes).await;
}

/// Takes in that a person says a network does not work for them.
pub(crate) async fn report(pieces: &Pieces, cell: Cell, person: PersonId) -> ReportAnswer {
    let (changes, reporters) = lock(&pieces.health).report(cell, person, pieces.now());
    failover::follow(pieces, changes).await;
    ReportAnswer { reporters }
}
