//! Sessions at work: decided in `ieum_core::people::sessions`, made durable here.
//!
//! Invariant: nobody is let in before it is durable that they came, and none is told that they are
//! out before it is durable that they left.

use crate::people::ChangeFailure;
use crate::pieces::Pieces;
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::PersonId;
use ieum_core::people::sessions::{self, SessionMark};

async fn decide(
    pieces: &Pieces,
    decision: impl FnOnce(&Directory) -> Vec<Change>,
) -> Result<(), ChangeFailure> {
    Ok(pieces.change(|directory| (decision(directory), ())).await?)
}

pub(crate) async fn open(
    pieces: &Pieces,
    person: PersonId,
    mark: SessionMark,
    browser: &str,
) -> Result<(), ChangeFailure> {
    let now = pieces.now();
    decide(pieces, |directory| sessions::opened(directory, person, mark, browser, now)).await
}

pub(crate) async fn close(pieces: &Pieces, mark: SessionMark) -> Result<(), ChangeFailure> {
    let now = pieces.now();
    decide(pieces, |directory| sessions::closed(directory, mark, now)).await
}

pub(crate) async fn close_all(
    pieces: &Pieces,
    person: PersonId,
    browser: &str,
) -> Result<(), ChangeFailure> {
    let now = pieces.now();
    decide(pieces, |directory| sessions::closed_all(directory, person, browser, now)).await
}
