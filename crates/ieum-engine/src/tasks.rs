//! The only place where tasks start and end.

use crate::account::Account;
use crate::canary::canary;
use crate::control::ask;
use crate::dispatch::dispatch;
use crate::fetching::fetch_all;
use crate::listen::listen;
use crate::pieces::Pieces;
use crate::probe::{beat, probe};
use crate::push::push;
use crate::search;
use crate::sweep::sweep;
use crate::teller::tell;
use ieum_core::ids::{AccountId, Cursor};
use ieum_core::ports::control::ControlHost;
use ieum_core::ports::push::Pusher;
use ieum_core::ports::tell::Teller;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// All loops of a hub.
#[derive(Debug)]
pub(crate) struct Tasks {
    stop: watch::Sender<bool>,
    set: JoinSet<()>,
    broken: Arc<AtomicBool>,
}

impl Tasks {
    /// Starts the loops.
    pub(crate) fn start(
        pieces: &Arc<Pieces>,
        mut cursors: BTreeMap<AccountId, Cursor>,
        tellers: &[Arc<dyn Teller>],
    ) -> Self {
        let stop = watch::Sender::new(false);
        let mut loops = Loops { set: JoinSet::new(), broken: Arc::default() };
        for account in pieces.accounts.values() {
            let cursor = cursors.remove(&account.id);
            start_account(&mut loops, pieces, account, cursor, &stop);
        }
        loops.start(beat(Arc::clone(pieces), stop.subscribe()));
        loops.start(sweep(Arc::clone(pieces), stop.subscribe()));
        loops.start(fetch_all(Arc::clone(pieces), stop.subscribe()));
        loops.start(search::fill(Arc::clone(pieces), stop.subscribe()));
        for teller in tellers {
            loops.start(tell(Arc::clone(pieces), Arc::clone(teller), stop.subscribe()));
        }
        let Loops { set, broken } = loops;
        Self { stop, set, broken }
    }

    /// Starts a loop for each control host.
    pub(crate) fn ask(&mut self, pieces: &Arc<Pieces>, hosts: Vec<Arc<dyn ControlHost>>) {
        let set = std::mem::take(&mut self.set);
        let mut loops = Loops { set, broken: Arc::clone(&self.broken) };
        for host in hosts {
            loops.start(ask(Arc::clone(pieces), host, self.stop.subscribe()));
        }
        self.set = loops.set;
    }

    /// Starts the loop that tells devices.
    pub(crate) fn push(&mut self, pieces: &Arc<Pieces>, pusher: Arc<dyn Pusher>) {
        let set = std::mem::take(&mut self.set);
        let mut loops = Loops { set, broken: Arc::clone(&self.broken) };
        loops.start(push(Arc::clone(pieces), pusher, self.stop.subscribe()));
        self.set = loops.set;
    }

    /// Whether no loop was ended by a defect.
    pub(crate) fn all_running(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
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

/// Loops being started.
struct Loops {
    set: JoinSet<()>,
    broken: Arc<AtomicBool>,
}

impl Loops {
    fn start(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        let witness = Witness(Arc::clone(&self.broken));
        self.set.spawn(async move {
            work.await;
            drop(witness);
        });
    }
}

/// Tells that a loop ended by a panic. Listening for an account with webhooks ends calmly.
struct Witness(Arc<AtomicBool>);

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

fn start_account(
    loops: &mut Loops,
    pieces: &Arc<Pieces>,
    account: &Arc<Account>,
    cursor: Option<Cursor>,
    stop: &watch::Sender<bool>,
) {
    loops.start(dispatch(Arc::clone(pieces), Arc::clone(account), stop.subscribe()));
    loops.start(probe(Arc::clone(pieces), Arc::clone(account), stop.subscribe()));
    loops.start(listen(Arc::clone(pieces), Arc::clone(account), cursor, stop.subscribe()));
    let watchers = pieces.settings.watchers.iter().enumerate();
    for (number, _) in watchers.filter(|(_, watcher)| *watcher.account == *account.name) {
        let account = Arc::clone(account);
        loops.start(canary(Arc::clone(pieces), account, number, stop.subscribe()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_panic_counts_as_broken() {
        let mut loops = Loops { set: JoinSet::new(), broken: Arc::default() };
        loops.start(async {});
        assert!(loops.set.join_next().await.unwrap().is_ok());
        assert!(!loops.broken.load(Ordering::Relaxed));
        loops.start(async { panic!("a defect") });
        assert!(loops.set.join_next().await.unwrap().is_err());
        assert!(loops.broken.load(Ordering::Relaxed));
    }
}
