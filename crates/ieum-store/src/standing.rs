//! Claims that wait for something to become due.
//!
//! One for each account, asked by [`Store::claim_next`]; looked at in every transaction before it
//! ends. Invariant: each is answered once; who does not listen any more claims nothing.
//!
//! [`Store::claim_next`]: ieum_core::ports::store::Store::claim_next

use crate::book::Book;
use crate::rows::{RowAnswer, Rows};
use futures_channel::oneshot;
use ieum_core::ids::AccountId;
use ieum_core::ports::store::{Advanced, ClaimNext, StoreFailure};
use std::collections::BTreeMap;

/// Where an answer is waited for.
pub(crate) type Asker = oneshot::Sender<Result<Advanced, StoreFailure>>;

/// An answer that is given when its transaction is durable.
pub(crate) type Answered = (Asker, Advanced);

/// All that wait.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    waiting: BTreeMap<AccountId, (ClaimNext, Asker)>,
}

impl Standing {
    /// Waits for something to claim. Whoever waited for the same account has nothing, and no news.
    pub(crate) fn ask(&mut self, next: ClaimNext, asker: Asker) {
        if let Some((before, asker)) = self.waiting.insert(next.claim.account, (next, asker)) {
            let next_due_at = before.expected_at;
            drop(asker.send(Ok(Advanced { claims: Vec::new(), next_due_at })));
        }
    }

    /// Those that have their answer by now; what they claimed is claimed in the book.
    pub(crate) fn answer<R: Rows>(&mut self, book: &mut Book<R>) -> RowAnswer<Vec<Answered>> {
        self.waiting.retain(|_, (_, asker)| !asker.is_canceled());
        let mut answers = Vec::new();
        for (account, (next, _)) in &self.waiting {
            if let Some(advanced) = book.claim_next(next)? {
                answers.push((*account, advanced));
            }
        }
        let taken = answers.into_iter().filter_map(|(account, advanced)| {
            self.waiting.remove(&account).map(|(_, asker)| (asker, advanced))
        });
        Ok(taken.collect())
    }

    /// Tells all that wait that there will be nothing.
    pub(crate) fn fail(&mut self, failure: &StoreFailure) {
        for (_, (_, asker)) in std::mem::take(&mut self.waiting) {
            drop(asker.send(Err(failure.clone())));
        }
    }
}
