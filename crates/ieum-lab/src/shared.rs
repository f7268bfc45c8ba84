//! What the routers and loops share: the world behind its lock, the clock and the stop signal,
//! and the one place where a fault meets a request of our bot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::response::Response;
use ieum_core::ports::clock::Clock;
use tokio::sync::watch;

use crate::bell::Bells;
use crate::fault::Verdict;
use crate::fault::cell::Function;
use crate::network::Network;
use crate::outbound::Outbound;
use crate::world::{Posted, World};

/// How long a request under `hang` is kept before its connection is given up.
pub(crate) const HANG_MS_MAX: u64 = 600_000;
/// The largest body of any request: the limit that LINE documents.
pub(crate) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Handed to every router and loop.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bells: Bells,
    pub(crate) outbound: Outbound,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Shared {
    pub(crate) fn new(world: World, stop: watch::Receiver<bool>) -> Self {
        Self {
            clock: Arc::clone(&world.clock),
            bells: world.bells.clone(),
            world: Arc::new(Mutex::new(world)),
            outbound: Outbound::new(),
            stop,
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance();
        world
    }

    /// Completes when the lab stops.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.clone();
        // An error means that the lab is gone, which is a stop too.
        drop(stop.wait_for(|stopped| *stopped).await);
    }

    /// Waits; true when the wait ended because the lab stops.
    pub(crate) async fn pause(&self, ms: u64) -> bool {
        tokio::select! {
            biased;
            () = self.stopped() => true,
            () = self.clock.sleep(ms) => false,
        }
    }

    /// Carries out a request of our bot, or spoils it as the faults say. `refuse` makes the
    /// network's own answer for its outages.
    pub(crate) async fn spoil<A, R>(
        &self,
        network: Network,
        functions: &[Function],
        chat: &str,
        act: A,
        refuse: R,
    ) -> Response
    where
        A: FnOnce(&mut World, Posted) -> Response,
        R: FnOnce() -> Response,
    {
        let verdict = self.lock().verdict(network, functions, chat);
        match verdict {
            Verdict::Pass => act(&mut self.lock(), Posted::Once),
            Verdict::Duplicate => act(&mut self.lock(), Posted::Twice),
            Verdict::Blackhole => act(&mut self.lock(), Posted::Nowhere),
            Verdict::Delay { ms } => {
                self.pause(ms).await;
                act(&mut self.lock(), Posted::Once)
            }
            Verdict::Refuse { carried_out } => {
                if carried_out {
                    drop(act(&mut self.lock(), Posted::Once));
                }
                refuse()
            }
            Verdict::Hang { carried_out } => {
                if carried_out {
                    drop(act(&mut self.lock(), Posted::Once));
                }
                self.pause(HANG_MS_MAX).await;
                refuse()
            }
        }
    }
}
