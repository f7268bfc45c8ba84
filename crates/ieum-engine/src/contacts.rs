//! Contacts at work: decided in `ieum_core::people::contacts`, made durable here.
//!
//! Invariant: a request takes one transaction whether it finds anybody or not, so that neither its
//! answer nor its duration tells.

use crate::pieces::Pieces;
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::PersonId;
use ieum_core::people::contacts::{self, ContactRefusal, Standing};
use ieum_core::ports::store::StoreFailure;

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContactFailure {
    /// By the rules of contacts.
    #[error(transparent)]
    Refused(#[from] ContactRefusal),
    /// The store cannot write now.
    #[error("not available now")]
    Unavailable,
}

impl From<StoreFailure> for ContactFailure {
    fn from(failure: StoreFailure) -> Self {
        tracing::error!(%failure, "a contact was not kept");
        Self::Unavailable
    }
}

async fn decide(
    pieces: &Pieces,
    decision: impl FnOnce(&Directory) -> Result<Vec<Change>, ContactRefusal>,
) -> Result<(), ContactFailure> {
    let decided = |directory: &Directory| match decision(directory) {
        Ok(changes) => (changes, Ok(())),
        Err(refusal) => (Vec::new(), Err(refusal)),
    };
    Ok(pieces.change(decided).await??)
}

pub(crate) async fn take_handle(
    pieces: &Pieces,
    person: PersonId,
    handle: Option<&str>,
) -> Result<(), ContactFailure> {
    decide(pieces, |directory| contacts::take_handle(directory, person, handle)).await
}

pub(crate) async fn request(
    pieces: &Pieces,
    from: PersonId,
    handle: &str,
) -> Result<(), ContactFailure> {
    let now = pieces.now();
    decide(pieces, |directory| contacts::request(directory, from, handle, now)).await
}

pub(crate) async fn unblock(
    pieces: &Pieces,
    person: PersonId,
    other: PersonId,
) -> Result<(), ContactFailure> {
    decide(pieces, |directory| contacts::unblock(directory, person, other)).await
}

pub(crate) async fn answer(
    pieces: &Pieces,
    person: PersonId,
    other: PersonId,
    standing: Standing,
) -> Result<(), ContactFailure> {
    let now = pieces.now();
    decide(pieces, |directory| contacts::answer(directory, person, other, standing, now)).await
}
