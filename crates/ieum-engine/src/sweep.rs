//! The sweep: once a second, whatever no bell rang for.
//!
//! It decides about answers that never came, tries routes that rested, tells authors about
//! messages that ended badly, and forgets what may be forgotten. A lost bell is harmless because
//! of it.

use crate::clock_back;
use crate::doubt;
use crate::failover::{self, decide_unsure};
use crate::farewell;
use crate::groups;
use crate::left_over;
use crate::notices;
use crate::pieces::{Bell, Pieces, lock};
use crate::summary;
use crate::told::{place_of_author, tell_once, to_place};
use crate::untold;
use crate::waking;
use crate::way_back::{LaneState, try_lane, with_a_way};
use ieum_core::delivery::{Recipient, State};
use ieum_core::directory::Directory;
use ieum_core::ids::{DeliverySeq, MessageSeq};
use ieum_core::ports::store::{OpenFilter, StoreFailure};
use ieum_core::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

/// A route that rested this long takes ordinary traffic again, one failure from its next rest.
const FORGIVE_MS: u64 = 60_000;
/// Time between two clearings of old event keys.
const FORGET_MS: u64 = 3_600_000;

/// Runs until `stop`.
pub(crate) async fn sweep(pieces: Arc<Pieces>, mut stop: watch::Receiver<bool>) {
    let mut forgotten_at = pieces.now();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = pieces.sweep_bell.notified() => {}
            () = pieces.clock.sleep(pieces.settings.sweep_ms) => {}
        }
        if let Err(failure) = once(&pieces, &mut forgotten_at).await {
            tracing::error!(%failure, "the sweep did not end; the next one goes on");
            pieces.clock.sleep(pieces.settings.sweep_ms).await;
        }
    }
}

async fn once(pieces: &Pieces, forgotten_at: &mut Timestamp) -> Result<(), StoreFailure> {
    clock_back::follow(pieces).await?;
    let now = pieces.now();
    turn_by_time(pieces, now).await;
    let ended = |directory: &Directory| (directory.stays().ended(now), ());
    pieces.change(ended).await?;
    left_over::leave_absent(pieces).await;
    decide_unsure(pieces).await?;
    doubt::pass(pieces).await?;
    lanes(pieces).await?;
    tell_ended(pieces).await?;
    summary::say(pieces).await?;
    groups::tell_waiting(pieces).await?;
    farewell::pass(pieces).await?;
    farewell::retire(pieces).await?;
    if now.ms_since(*forgotten_at) >= FORGET_MS {
        pieces.store.forget_seen(now).await?;
        pieces.fold();
        *forgotten_at = now;
    }
    pieces.ring_all();
    Ok(())
}

/// What follows from time alone, and a call to whoever a turn waits for as its witness.
async fn turn_by_time(pieces: &Pieces, now: Timestamp) {
    let (changes, wants_witness) = {
        let mut health = lock(&pieces.health);
        health.forgive_rested(now, FORGIVE_MS);
        (health.tick(now), health.detector().wants_witness())
    };
    failover::follow(pieces, changes).await;
    if wants_witness {
        pieces.ring_probes();
    }
}

/// Looks at lanes that wait. What can do nothing is not read from the store, and a network that is
/// down as a whole is tried through one lane at a time.
async fn lanes(pieces: &Pieces) -> Result<(), StoreFailure> {
    waking::pass(pieces).await?;
    let now = pieces.now();
    let looks = lock(&pieces.held).look(now, |account| pieces.down_as_a_whole(account));
    if looks.is_empty() {
        return Ok(());
    }
    let mut tried = BTreeSet::new();
    for look in with_a_way(pieces, looks, now) {
        let account = look.route.map(|route| route.account);
        if look.trial && look.down && !tried.insert(account) {
            continue;
        }
        if try_lane(pieces, look.lane, look.route).await? == LaneState::Free {
            lock(&pieces.held).remove(look.lane);
        }
    }
    Ok(())
}

/// Finds the lanes that were held when the hub last stopped.
pub(crate) async fn remember_held(pieces: &Pieces) -> Result<(), StoreFailure> {
    let filter = OpenFilter { state: Some(State::Held), ..OpenFilter::default() };
    let mut after = DeliverySeq(0);
    loop {
        let page = pieces.store.page_open(filter, after).await?;
        for delivery in &page {
            pieces.ring(&[Bell::Held(delivery.lane(), delivery.route)]);
        }
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
    }
}

async fn tell_ended(pieces: &Pieces) -> Result<(), StoreFailure> {
    let ended = std::mem::take(&mut *lock(&pieces.ended_badly));
    for (message, recipient) in ended {
        tell_author(pieces, message, recipient).await?;
    }
    Ok(())
}

/// A message that reached somebody by no way is shown to its author, never dropped in silence.
async fn tell_author(
    pieces: &Pieces,
    message: MessageSeq,
    recipient: Recipient,
) -> Result<(), StoreFailure> {
    let Some(message) = pieces.store.message(message).await? else {
        return Ok(());
    };
    if message.new.author == ieum_core::message::Author::Hub {
        return Ok(());
    }
    let Some(place) = place_of_author(pieces, &message.new) else {
        return Ok(());
    };
    let Some(delivery) = to_place(pieces, place) else {
        return Ok(());
    };
    let language = pieces.settings.language;
    let name = pieces.read(|directory| match recipient {
        Recipient::Person(id) => directory.person(id).map(|person| person.name.to_string()),
        Recipient::Room(id) => directory.room(id).map(|room| room.title.to_string()),
    });
    let name = name.unwrap_or_default();
    let text = notices::dead(&name, &message.new.id.short(), language);
    let conversation = message.new.conversation;
    let notice = crate::compose::hub_text(pieces, conversation, &text, Some(message.new.id));
    let key = untold::key_of(message.seq, recipient);
    tell_once(pieces, notice, delivery, key).await
}
