//! The only place where tasks start and end.

use crate::account::Account;
use crate::dispatch::dispatch;
use crate::listen::listen;
use crate::pieces::Pieces;
use crate::probe::probe;
use crate::sweep::sweep;
use ieum_core::ids::{AccountId, Cursor};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// All loops of a hub.
#[derive(Debug)]
pub(crate) struct Tasks {
    stop: watch::Sender<bool>,
    set: JoinSet<()>,
}

impl Tasks {
    /// Starts the loops.
    pub(crate) fn start(pieces: &Arc<Pieces>, mut cursors: BTreeMap<AccountId, Cursor>) -> Self {
        let stop = watch::Sender::new(false);
        let mut set = JoinSet::new();
        for account in pieces.accounts.values() {
            let cursor = cursors.remove(&account.id);
            start_account(&mut set, pieces, account, cursor, &stop);
        }
        set.spawn(sweep(Arc::clone(pieces), stop.subscribe()));
        Self { stop, set }
    }

    /// Stops them all and waits: attempts under way end and are settled.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.set.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a loop ended badly");
            }
        }
    }
}

fn start_account(
    set: &mut JoinSet<()>,
    pieces: &Arc<Pieces>,
    account: &Arc<Account>,
    cursor: Option<Cursor>,
    stop: &watch::Sender<bool>,
) {
    set.spawn(dispatch(Arc::clone(pieces), Arc::clone(account), stop.subscribe()));
    set.spawn(probe(Arc::clone(pieces), Arc::clone(account), stop.subscribe()));
    set.spawn(listen(Arc::clone(pieces), Arc::clone(account), cursor, stop.subscribe()));
}
