//! When the machine's clock is set back, what was planned by the wrong clock comes earlier by as
//! much: otherwise a message of an hour that never was would keep its lane waiting for an hour.
//!
//! A clock that jumps forward needs nothing: what is due by it goes. Invariant: nothing is planned
//! for later than it was, and nothing ends by this.

use crate::doubt;
use crate::failover;
use crate::pieces::{Pieces, lock};
use ieum_core::delivery::{Delivery, Settlement, State, Step};
use ieum_core::ids::{DeliverySeq, JournalSeq};
use ieum_core::ports::store::{Moves, OpenFilter, Store, StoreFailure};
use ieum_core::time::Timestamp;

/// What a clock may go back by without being noticed: less than what anybody waits for.
const BACK_MS_MIN: u64 = 2_000;

const EVIDENCE: &str = "the clock went back";

/// The latest moment that a store tells of; before a hub opens it, that of its last hub.
pub(crate) async fn latest_of(store: &dyn Store) -> Result<Timestamp, StoreFailure> {
    let last = store.counts().await?.journal.saturating_sub(1);
    let last = store.page_journal(JournalSeq(last), 1).await?;
    Ok(last.first().map_or(Timestamp::default(), |entry| entry.event.at()))
}

/// Compares the clock with the latest moment that was seen, and follows it when it went back.
pub(crate) async fn follow(pieces: &Pieces) -> Result<(), StoreFailure> {
    let now = pieces.now();
    let latest = *lock(&pieces.latest);
    let back_ms = latest.ms_since(now);
    if back_ms >= BACK_MS_MIN {
        tracing::warn!(back_ms, "the clock went back; what waits is planned anew");
        bring_forward(pieces, now, back_ms).await?;
        doubt::follow_clock_back(pieces, latest, now);
    }
    // Only now: what could not be written is tried again by the next sweep.
    *lock(&pieces.latest) = now;
    Ok(())
}

async fn bring_forward(pieces: &Pieces, now: Timestamp, ms: u64) -> Result<(), StoreFailure> {
    let mut after = DeliverySeq(0);
    loop {
        let page = pieces.store.page_open(OpenFilter::default(), after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        let moved: Vec<Settlement> =
            page.iter().filter_map(|delivery| earlier(delivery, now, ms)).collect();
        if !moved.is_empty() {
            pieces.store.apply_moves(Moves { at: now, moved, ..Moves::default() }).await?;
            failover::wake_all(pieces);
        }
    }
}

/// A delivery that waits for a moment, `ms` earlier; never before now.
fn earlier(delivery: &Delivery, now: Timestamp, ms: u64) -> Option<Settlement> {
    let wait_ms = delivery.due_at.ms_since(now);
    let due = now.plus_ms(wait_ms.saturating_sub(ms));
    let step = match delivery.state {
        _ if wait_ms == 0 => return None,
        State::Queued => Step::RetryAt { at: due, label: delivery.label },
        State::Unsure => Step::Unsure { decide_at: due },
        // Held ones wait for a network and attempts for their answers, neither for a moment.
        State::Held | State::Attempting => return None,
        State::Sent
        | State::Delivered
        | State::Read
        | State::Superseded
        | State::Expired
        | State::Dead
        | State::Withdrawn
        | State::Doubted => return None,
    };
    let (delivery, evidence) = (delivery.seq, EVIDENCE.into());
    Some(Settlement { delivery, step, evidence, at: now, plus: Vec::new() })
}
