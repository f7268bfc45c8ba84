//! Waking: what waits out its own wait before the next attempt goes at once when its account
//! answers again.
//!
//! Not what is held for a route that is down: that is for the way back. Invariant: nothing is woken
//! whose network asked for more time than we would have given it ourselves.

use crate::account::Account;
use crate::failover::{apply, moving};
use crate::pieces::{Pieces, lock};
use ieum_core::delivery::{Delivery, State, Step};
use ieum_core::ids::DeliverySeq;
use ieum_core::ports::store::{OpenFilter, StoreFailure};
use ieum_core::settle::RETRY_MS_MAX;
use ieum_core::time::Timestamp;

/// Most waiting deliveries of one account that are looked at.
const LOOKED_AT_MAX: usize = 5_000;

/// Wakes what waits for accounts that answer again.
pub(crate) async fn pass(pieces: &Pieces) -> Result<(), StoreFailure> {
    for account in pieces.accounts.values() {
        if account.answers_again() {
            wake(pieces, account).await?;
        }
    }
    Ok(())
}

async fn wake(pieces: &Pieces, account: &Account) -> Result<(), StoreFailure> {
    let filter = OpenFilter {
        account: Some(account.id),
        state: Some(State::Queued),
        ..OpenFilter::default()
    };
    let (mut looked_at, mut after) = (0, DeliverySeq(0));
    while looked_at < LOOKED_AT_MAX {
        let page = pieces.store.page_open(filter, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        looked_at += page.len();
        let now = pieces.now();
        let waits =
            |one: &Delivery| is_waiting(one, now) && !lock(&pieces.under_way).contains(&one.lane());
        let woken = page.into_iter().filter(waits).map(|one| {
            let step = Step::RetryAt { at: now, label: one.label };
            moving(one, step, "its account answers again", now, Vec::new())
        });
        apply(pieces, Vec::new(), woken.collect()).await?;
    }
    Ok(())
}

/// The longest of our own waits, which are spread by a quarter.
const OWN_WAIT_MS_MAX: u64 = RETRY_MS_MAX + RETRY_MS_MAX / 4;

/// Whether it failed before and waits no longer than our own waits are.
fn is_waiting(one: &Delivery, now: Timestamp) -> bool {
    let wait_ms = one.due_at.ms_since(now);
    one.attempts > 0 && wait_ms > 0 && wait_ms <= OWN_WAIT_MS_MAX
}
