//! The hub of one run as the networks see it: there, gone, or there again; and LINE's webhooks,
//! which call it whether or not it is there.
//!
//! Invariant: a call that a dying hub was answering is not answered.

use super::clock::{VirtualClock, WallClock};
use super::courier::Courier;
use super::hazard::Hazards;
use super::ledger::Ledger;
use super::network::{Direct, arrival};
use super::store::TroubledStore;
use crate::doors::entropy::SeededEntropy;
use futures_util::stream::{FuturesUnordered, StreamExt};
use ieum_core::content::HubSecret;
use ieum_core::network::Network;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::Connector;
use ieum_engine::{AccountSetup, Hub, HubFailure, HubSetup, Settings};
use ieum_lab::world::direct::Heard;
use ieum_store::{MemoryMedia, MemoryStore};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// After how long a webhook that was not answered comes again, in milliseconds; then never.
const AGAIN_MS: [u64; 5] = [1_000, 10_000, 60_000, 300_000, 1_800_000];
/// Webhooks under way at once.
const WEBHOOKS_MAX: usize = 64;

/// Locks; a panic elsewhere ends the run anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything of a run that outlives the hub.
#[derive(Debug)]
pub(super) struct Reception {
    pub(super) truth: VirtualClock,
    pub(super) wall: WallClock,
    pub(super) hazards: Arc<Hazards>,
    pub(super) courier: Arc<Courier>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) store: Arc<MemoryStore>,
    pub(super) connectors: Vec<Arc<Direct>>,
    pub(super) seed: u64,
    /// Whether the hub may doubt what a network took.
    pub(super) doubting: bool,
    pub(super) hub: watch::Sender<Option<Hub>>,
}

impl Reception {
    /// Starts a hub over the store.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn start_hub(&self) -> Result<Hub, HubFailure> {
        let (store, hazards) = (Arc::clone(&self.store), Arc::clone(&self.hazards));
        let accounts = self.connectors.iter().map(|connector| AccountSetup {
            name: connector.network().word().to_owned(),
            connector: Arc::clone(connector) as Arc<dyn Connector>,
            rate: None,
        });
        let entropy = SeededEntropy::new(self.seed.rotate_left(17) ^ self.hazards.life());
        let store = TroubledStore::new(store, hazards, Arc::new(self.truth.clone()));
        let store = if self.doubting { store } else { store.without_doubt() };
        Hub::start(HubSetup {
            store: Arc::new(store),
            media: Arc::new(MemoryMedia::default()),
            search: None,
            clock: Arc::new(self.wall.clone()),
            entropy: Arc::new(entropy),
            secret: HubSecret::new(*b"a secret of simulations, 32 byte"),
            accounts: accounts.collect(),
            tellers: Vec::new(),
            settings: Settings { watchers: self.courier.eyes.watchers(), ..Settings::default() },
        })
        .await
    }

    /// Lets the hub be as dead as a killed process, and the store as its restart finds it.
    pub(super) async fn bury_hub(&self) {
        self.hub.send_replace(None);
        // Its tasks are dropped when the runtime comes to them.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        self.store.reopen();
    }

    /// LINE's side: what our bot hears is called in, again and again, for ever.
    pub(super) async fn webhooks(self: Arc<Self>) {
        let line = ieum_lab::Network::Line;
        let mut under_way = FuturesUnordered::new();
        loop {
            for heard in self.courier.world().heard(line) {
                under_way.push(self.webhook(heard));
            }
            let full = under_way.len() >= WEBHOOKS_MAX;
            tokio::select! {
                biased;
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                () = self.courier.told(line).notified(), if !full => {}
            }
        }
    }

    /// One event, until it is answered or given up.
    async fn webhook(&self, heard: Heard) {
        self.truth.sleep(self.hazards.travel_ms() + self.hazards.webhook_ms()).await;
        for again_ms in AGAIN_MS {
            if self.call_in(&heard).await {
                lock(&self.ledger).acknowledged(&heard.text, self.truth.now());
                if self.hazards.repeats() {
                    self.truth.sleep(again_ms).await;
                    // The same again: the hub knows it, or is not there.
                    self.call_in(&heard).await;
                }
                return;
            }
            self.truth.sleep(again_ms).await;
        }
    }

    /// Whether the hub said yes.
    async fn call_in(&self, heard: &Heard) -> bool {
        let mut hub = self.hub.subscribe();
        let Some(there) = hub.borrow_and_update().clone() else {
            return false;
        };
        let arrival = arrival(Network::Line, std::slice::from_ref(heard));
        let life = self.hazards.life();
        tokio::select! {
            biased;
            _ = hub.changed() => false,
            answer = there.take_arrival(Network::Line.word(), arrival) => {
                answer.is_ok() && self.hazards.life() == life
            }
        }
    }
}
