//! What an earlier run left: attempts that a crash interrupted, and accounts that the data knows
//! and the configuration does not.
//!
//! Invariant: nothing waits for an account that no connector speaks for while there is another way;
//! what has none waits, held, until the account is back.

use crate::attempt::facts_of;
use crate::failover::leave_account;
use crate::pieces::{Pieces, lock};
use ieum_core::delivery::{Delivery, Settlement};
use ieum_core::ids::AccountId;
use ieum_core::outgoing::Outcome;
use ieum_core::ports::store::{Advance, StoreFailure};
use ieum_core::settle::settle;
use std::collections::BTreeSet;

/// What was under way when the hub was killed is unknown; it is settled as such.
pub(crate) async fn resolve(
    pieces: &Pieces,
    interrupted: Vec<Delivery>,
) -> Result<(), StoreFailure> {
    let mut settled = Vec::new();
    for delivery in interrupted {
        let Some(message) = pieces.store.message(delivery.message).await? else { continue };
        let Some(facts) = facts_of(pieces, &delivery, &message.new) else { continue };
        let reason = "the hub stopped during the attempt".to_owned();
        let step = settle(facts, Outcome::Unknown { reason: reason.clone() });
        settled.push(Settlement {
            delivery: delivery.seq,
            step,
            evidence: reason.into(),
            at: pieces.now(),
            plus: Vec::new(),
        });
    }
    if settled.is_empty() {
        return Ok(());
    }
    pieces.store.advance(Advance { settled, claim: None }).await.map(|_| ())
}

/// Says which accounts are configured no more: no route of theirs is taken.
pub(crate) fn note_absent(pieces: &Pieces) {
    let absent: Vec<(AccountId, Box<str>)> = pieces.read(|directory| {
        let absent = directory.accounts().filter(|one| !pieces.accounts.contains_key(&one.id));
        absent.map(|one| (one.id, one.name.clone())).collect()
    });
    for (_, name) in &absent {
        tracing::warn!(
            account = %name,
            "the data knows this account and the configuration does not: what is owed there goes \
             other ways, or waits until it is back"
        );
    }
    let ids: BTreeSet<AccountId> = absent.into_iter().map(|(id, _)| id).collect();
    lock(&pieces.health).set_absent(ids);
}

/// Takes what waits for such accounts away, some of it at each call.
pub(crate) async fn leave_absent(pieces: &Pieces) {
    let absent = lock(&pieces.health).absent().clone();
    for account in absent {
        leave_account(pieces, account).await;
    }
}
