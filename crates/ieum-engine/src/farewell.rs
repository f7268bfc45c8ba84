//! Taking away what somebody left behind: their texts in the store, the index and the media room,
//! some at a time, from where the last pass ended.
//!
//! Decided in `ieum_core::people::farewell`. Invariant: how far it got is written after what it
//! did, so that a pass that was cut off is repeated and never left out.

use crate::failover::{self, moving};
use crate::people::ChangeFailure;
use crate::pieces::{Pieces, lock};
use ieum_core::delivery::{Delivery, Recipient, State, Step};
use ieum_core::directory::{Change, Gone};
use ieum_core::ids::{MessageSeq, PersonId};
use ieum_core::message::{Author, Message};
use ieum_core::people::farewell::{self, Farewell};
use ieum_core::ports::store::{Access, StoreFailure};

/// Messages that one pass looks at.
const PASS_ROWS: usize = 512;
/// What the journal says of a text whose author left before it arrived.
const EVIDENCE: &str = "its author left for good";
/// Evidence of what still waited when its text was taken away.
const RETIRED: &str = "texts are not kept so long";

/// Lets a person leave everything, at once; their texts are taken away behind this. `by` is the
/// operator who does it, if it is not themselves.
pub(crate) async fn leave(
    pieces: &Pieces,
    person: PersonId,
    by: Option<&str>,
) -> Result<(), ChangeFailure> {
    let now = pieces.now();
    if let Some(by) = by {
        note(pieces, person, "delete", by).await?;
    }
    let left = pieces.change(|directory| match farewell::leave(directory, person, now) {
        Ok(changes) => (changes, Ok(())),
        Err(refusal) => (Vec::new(), Err(refusal)),
    });
    left.await?.map_err(|_| ChangeFailure::NotFound("person"))?;
    pieces.sweep_bell.notify_one();
    Ok(())
}

/// Notes an operator's look at what the hub holds of a person.
pub(crate) async fn note(
    pieces: &Pieces,
    person: PersonId,
    what: &str,
    by: &str,
) -> Result<(), ChangeFailure> {
    pieces
        .read(|directory| directory.person(person).map(drop))
        .ok_or(ChangeFailure::NotFound("person"))?;
    let access = Access { person, what: what.into(), by: by.into() };
    pieces.store.note_access(pieces.now(), access).await?;
    pieces.ring_journal();
    Ok(())
}

/// Takes some more away for each who left.
pub(crate) async fn pass(pieces: &Pieces) -> Result<(), StoreFailure> {
    let waiting: Vec<Farewell> = pieces.read(|directory| directory.farewells().cloned().collect());
    for farewell in waiting {
        some(pieces, farewell).await?;
    }
    Ok(())
}

async fn some(pieces: &Pieces, mut farewell: Farewell) -> Result<(), StoreFailure> {
    let messages = pieces.store.messages_after(farewell.reached, PASS_ROWS).await?;
    let mut gone = Vec::new();
    let mut reached = farewell.reached;
    for message in &messages {
        if farewell::has_text(message) && is_theirs(pieces, &farewell, message).await? {
            if !settled(pieces, message, (Step::Withdrawn, EVIDENCE)).await? {
                break;
            }
            gone.push(message.as_ref());
        }
        reached = message.seq;
    }
    take_away(pieces, &gone).await?;
    let change = match messages.is_empty() {
        true => Change::Gone(Gone::Farewell(farewell.person)),
        false if reached == farewell.reached => return Ok(()),
        false => {
            farewell.reached = reached;
            Change::Farewell(farewell)
        }
    };
    pieces.change(|_| (vec![change], ())).await
}

/// What they wrote, and what the hub said to them alone.
async fn is_theirs(
    pieces: &Pieces,
    farewell: &Farewell,
    message: &Message,
) -> Result<bool, StoreFailure> {
    if message.new.author != Author::Hub {
        return Ok(farewell.wrote(message.new.author));
    }
    let deliveries = pieces.store.deliveries_of(message.seq).await?;
    let to_them = |one: &Delivery| one.recipient == Recipient::Person(farewell.person);
    Ok(!deliveries.is_empty() && deliveries.iter().all(to_them))
}

/// Ends what of a message still waits; whether nothing of it is under way any more.
async fn settled(
    pieces: &Pieces,
    message: &Message,
    (step, evidence): (Step, &str),
) -> Result<bool, StoreFailure> {
    let deliveries = pieces.store.deliveries_of(message.seq).await?;
    let mut open: Vec<Delivery> = deliveries.into_iter().filter(|one| !one.state.ended()).collect();
    if open.is_empty() {
        return Ok(true);
    }
    open.retain(|one| matches!(one.state, State::Queued | State::Unsure | State::Held));
    let end = |one| moving(one, step.clone(), evidence, pieces.now(), Vec::new());
    failover::apply(pieces, Vec::new(), open.into_iter().map(end).collect()).await?;
    let deliveries = pieces.store.deliveries_of(message.seq).await?;
    Ok(deliveries.iter().all(|one| one.state.ended()))
}

/// Takes texts away everywhere; the store last, which tells what is left to do.
pub(crate) async fn take_away(pieces: &Pieces, gone: &[&Message]) -> Result<(), StoreFailure> {
    if gone.is_empty() {
        return Ok(());
    }
    let places: Vec<MessageSeq> = gone.iter().map(|message| message.seq).collect();
    let files: Vec<_> = gone.iter().filter_map(|message| farewell::file_of(message)).collect();
    let unavailable = |what: String| StoreFailure::Unavailable(what);
    if !files.is_empty() {
        let forgotten = pieces.media.forget(files).await;
        forgotten.map_err(|failure| unavailable(failure.to_string()))?;
    }
    if let Some(index) = &pieces.search {
        let forgotten = index.forget(places.clone()).await;
        forgotten.map_err(|failure| unavailable(failure.to_string()))?;
    }
    pieces.store.erase(pieces.now(), places).await?;
    pieces.ring_journal();
    Ok(())
}

/// Takes away what is older than texts are kept, some at a time.
pub(crate) async fn retire(pieces: &Pieces) -> Result<(), StoreFailure> {
    let Some(kept_ms) = pieces.settings.texts_kept_ms else { return Ok(()) };
    let after = *lock(&pieces.retired);
    let now = pieces.now();
    let old = |message: &Message| now.ms_since(message.new.accepted_at) >= kept_ms;
    let first = pieces.store.messages_after(after, 1).await?;
    if !first.iter().any(|message| old(message)) {
        return Ok(());
    }
    let messages = pieces.store.messages_after(after, PASS_ROWS).await?;
    let (mut gone, mut reached) = (Vec::new(), after);
    for message in messages.iter().take_while(|message| old(message)) {
        if farewell::has_text(message) {
            // Older than any lifetime: what still waits has no way, and holds up nobody else.
            if !settled(pieces, message, (Step::Expired, RETIRED)).await? {
                break;
            }
            gone.push(message.as_ref());
        }
        reached = message.seq;
    }
    take_away(pieces, &gone).await?;
    *lock(&pieces.retired) = reached;
    Ok(())
}
