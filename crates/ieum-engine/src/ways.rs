//! A person's own ways as they set them on the page: which goes first, and which is parted.
//!
//! Invariant: nobody changes an address that is not theirs, and every address that is left hears of
//! one that was parted.

use crate::commands::say_to;
use crate::people::ChangeFailure;
use crate::pieces::Pieces;
use crate::replies;
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::{AddressId, PersonId};
use ieum_core::people::links;

type Decided<R> = Result<(Vec<Change>, R), ChangeFailure>;

async fn decide<R>(
    pieces: &Pieces,
    decision: impl FnOnce(&Directory) -> Decided<R>,
) -> Result<R, ChangeFailure> {
    let decided = |directory: &Directory| match decision(directory) {
        Ok((changes, answer)) => (changes, Ok(answer)),
        Err(failure) => (Vec::new(), Err(failure)),
    };
    pieces.change(decided).await?
}

fn owned(directory: &Directory, person: PersonId, address: AddressId) -> Result<(), ChangeFailure> {
    let routes = directory.person(person).map(|person| person.routes.contains(&address));
    match routes {
        Some(true) => Ok(()),
        Some(false) | None => Err(ChangeFailure::NotFound("address")),
    }
}

/// Puts one of a person's addresses before all others.
pub(crate) async fn put_first(
    pieces: &Pieces,
    person: PersonId,
    address: AddressId,
) -> Result<(), ChangeFailure> {
    decide(pieces, |directory| {
        owned(directory, person, address)?;
        let mut person =
            directory.person(person).cloned().ok_or(ChangeFailure::NotFound("person"))?;
        person.routes.sort_by_key(|id| *id != address);
        Ok((vec![Change::Person(person)], ()))
    })
    .await
}

/// Parts one of a person's addresses and tells the others.
pub(crate) async fn part(
    pieces: &Pieces,
    person: PersonId,
    address: AddressId,
) -> Result<(), ChangeFailure> {
    let (network, left) = decide(pieces, |directory| {
        owned(directory, person, address)?;
        let account = directory.address(address).map(|address| address.account);
        let network = account.and_then(|account| directory.network_of(account));
        let mut left =
            directory.person(person).map(|person| person.routes.clone()).unwrap_or_default();
        left.retain(|id| *id != address);
        Ok((links::parted(directory, address)?, (network, left)))
    })
    .await?;
    let Some(network) = network else { return Ok(()) };
    let text = replies::link_gone(network, pieces.language_of(person));
    for address in left {
        say_to(pieces, person, address, &text).await?;
    }
    Ok(())
}
