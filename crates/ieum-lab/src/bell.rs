//! Bells that wake the lab's loops early. A lost ring is harmless: every loop looks again when its
//! own wait is over.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::network::Network;

/// One bell for each network and one for the pump that lets held things through.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bells {
    pump: Arc<Notify>,
    kakaotalk: Arc<Notify>,
    line: Arc<Notify>,
    telegram: Arc<Notify>,
}

impl Bells {
    pub(crate) fn of(&self, network: Network) -> Arc<Notify> {
        Arc::clone(match network {
            Network::Kakaotalk => &self.kakaotalk,
            Network::Line => &self.line,
            Network::Telegram => &self.telegram,
        })
    }

    pub(crate) fn pump(&self) -> Arc<Notify> {
        Arc::clone(&self.pump)
    }

    pub(crate) fn ring(&self, network: Network) {
        self.of(network).notify_waiters();
    }

    /// Wakes the loops of the networks, but not the pump.
    pub(crate) fn wake(&self) {
        Network::ALL.into_iter().for_each(|network| self.ring(network));
    }

    pub(crate) fn ring_all(&self) {
        self.pump.notify_one();
        self.wake();
    }
}
