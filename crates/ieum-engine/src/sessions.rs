//! Sessions and passkeys at work: decided in `ieum_core::people`, made durable here.
//!
//! Invariant: nobody is let in before it is durable that they came, and none is told that they are
//! out before it is durable that they left; whoever gets one more passkey hears of it everywhere.

use crate::commands::say_to;

use crate::people::ChangeFailure;
use crate::pieces::Pieces;
use crate::replies;
use ieum_core::content::salt_for_native;
use ieum_core::directory::{Change, Directory};
use ieum_core::ids::PersonId;
use ieum_core::people::passkeys::{self, Entry, Passkey, PasskeyId, PasskeyRefusal, UserHandle};
use ieum_core::people::sessions::{self, SessionMark};
use ieum_core::ports::store::StoreFailure;

/// Why nothing came of a passkey.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyFailure {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] PasskeyRefusal),
    /// The store cannot write now.
    #[error("not available now")]
    Unavailable,
}

impl From<StoreFailure> for PasskeyFailure {
    fn from(failure: StoreFailure) -> Self {
        tracing::error!(%failure, "a change of passkeys was not kept");
        Self::Unavailable
    }
}

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

/// By what authenticators know a person: the same for all their passkeys, and nobody else's.
pub(crate) fn passkey_handle(pieces: &Pieces, person: PersonId) -> UserHandle {
    UserHandle(salt_for_native(&pieces.secret, "passkey", "handle", &person.to_string()))
}

pub(crate) async fn add_passkey(
    pieces: &Pieces,
    person: PersonId,
    passkey: Passkey,
) -> Result<(), PasskeyFailure> {
    let passkey = Passkey { added_at: pieces.now(), used_at: None, ..passkey };
    let name = passkey.name.clone();
    let decided = pieces.change(|directory| match passkeys::added(directory, person, passkey) {
        Ok(changes) => (changes, Ok(())),
        Err(refusal) => (Vec::new(), Err(refusal)),
    });
    decided.await??;
    let routes = pieces.read(|directory| directory.person(person).map(|one| one.routes.clone()));
    let text = replies::passkey_added(&name, pieces.language_of(person));
    for address in routes.unwrap_or_default() {
        // It is added: that a chat does not hear of it now changes nothing about that.
        if let Err(failure) = say_to(pieces, person, address, &text).await {
            tracing::error!(%failure, %person, "nobody was told of a new passkey");
        }
    }
    Ok(())
}

pub(crate) async fn remove_passkey(
    pieces: &Pieces,
    person: PersonId,
    id: &PasskeyId,
    browser: &str,
) -> Result<(), PasskeyFailure> {
    let now = pieces.now();
    let decided =
        pieces.change(|directory| match passkeys::removed(directory, person, id, (browser, now)) {
            Ok(changes) => (changes, Ok(())),
            Err(refusal) => (Vec::new(), Err(refusal)),
        });
    Ok(decided.await??)
}

pub(crate) async fn enter_by_passkey(
    pieces: &Pieces,
    entry: Entry<'_>,
) -> Result<PersonId, PasskeyFailure> {
    let now = pieces.now();
    let decided = pieces.change(|directory| match passkeys::entered(directory, entry, now) {
        Ok((changes, person)) => (changes, Ok(person)),
        Err(refusal) => (Vec::new(), Err(refusal)),
    });
    Ok(decided.await??)
}
