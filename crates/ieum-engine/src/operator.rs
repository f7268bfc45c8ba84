//! The operator's word on a network, and people's: both are evidence like any other, and what
//! follows from them is moved and recorded like any other turn.

use crate::failover;
use crate::pieces::{Pieces, lock};
use ieum_core::directory::{Change, Directory, Gone};
use ieum_core::health::hold::Hold;
use ieum_core::health::{Cell, CellState};
use ieum_core::ids::PersonId;
use ieum_core::ports::store::StoreFailure;

/// What a person's report came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportAnswer {
    /// How many people reported the same lately, this one included.
    pub reporters: usize,
}

/// Keeps a cell in a state until it is released, whatever restarts meanwhile: the word is durable
/// before anything moves.
pub(crate) async fn hold(
    pieces: &Pieces,
    cell: Cell,
    state: CellState,
    by: &str,
) -> Result<(), StoreFailure> {
    let word = Hold::new(cell, state, by, pieces.now());
    pieces.change(|_| (vec![Change::Hold(word)], ())).await?;
    let changes = lock(&pieces.health).hold(cell, state, pieces.now());
    failover::follow(pieces, changes).await;
    Ok(())
}

/// Lets a cell be what the hub's own evidence says. What was moved comes back first: who is
/// stopped between the two finds the word still standing.
pub(crate) async fn release(pieces: &Pieces, cell: Cell) -> Result<(), StoreFailure> {
    let changes = lock(&pieces.health).release(cell, pieces.now());
    failover::follow(pieces, changes).await;
    let gone =
        |directory: &Directory| directory.hold_of(cell).map(|_| Change::Gone(Gone::Hold(cell)));
    pieces.change(|directory| (gone(directory).into_iter().collect(), ())).await
}

/// Takes in that a person says a network does not work for them.
pub(crate) async fn report(pieces: &Pieces, cell: Cell, person: PersonId) -> ReportAnswer {
    let (changes, reporters) = lock(&pieces.health).report(cell, person, pieces.now());
    failover::follow(pieces, changes).await;
    ReportAnswer { reporters }
}
