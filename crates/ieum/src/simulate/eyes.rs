//! The operator's watchers of a simulation: users of the network that will swallow messages, who
//! look at their screens and tell the hub what they saw.
//!
//! They are there only in outages that swallow: nothing else can notice those. They also keep the
//! count by which the checkers know since when the hub could know. Invariant: what a watcher saw
//! is told once, whenever it came up.

use super::network::in_lab;
use super::reception::{Reception, lock};
use ieum_core::health;
use ieum_core::ids::ChatKey;
use ieum_core::inbound::ChatRef;
use ieum_core::network::{ChatKind, Network};
use ieum_core::ports::clock::Clock;
use ieum_core::time::Timestamp;
use ieum_engine::Watcher;
use ieum_lab::Mode;
use ieum_lab::world::people::{NewUser, direct_id};
use ieum_lab::world::screen::Line;
use ieum_lab::{Function, Scenario, Surface, World};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

/// How many watch.
const EYES: usize = 6;
/// How often they look, in milliseconds.
const GLANCE_MS: u64 = 500;
/// A canary that came up for nobody for so long is a reason for doubt, in milliseconds.
const MISSED_MS: u64 = 2_500;
/// So many must have missed one before nothing more may be lost.
const BLIND_MIN: usize = 2;

/// Who watches, and what they saw.
#[derive(Debug, Default)]
pub(super) struct Eyes {
    network: Option<Network>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Canaries that the network took and nobody saw yet, by watcher.
    out: BTreeMap<String, BTreeMap<String, Timestamp>>,
    /// Canaries that came up.
    texts: BTreeSet<String>,
    /// What the hub is still to be told: watcher and text.
    untold: VecDeque<(String, String)>,
}

impl Eyes {
    /// Watchers of the network that an outage lets swallow messages; else nobody.
    pub(super) fn of(scenario: Option<&Scenario>) -> Self {
        let swallows = |scenario: &&Scenario| {
            let mut cells = scenario.cells.iter();
            cells.any(|cell| cell.function == Function::Send && cell.mode == Mode::Blackhole)
        };
        let there = scenario.filter(swallows).map(|scenario| scenario.network);
        let all = Network::ALL.into_iter();
        let network = there.and_then(|there| all.into_iter().find(|n| in_lab(*n) == Some(there)));
        Self { network, seen: Mutex::default() }
    }

    fn names(&self) -> impl Iterator<Item = String> {
        let count = if self.network.is_some() { EYES } else { 0 };
        (0..count).map(|number| format!("eye{number}"))
    }

    /// Makes them users of their network.
    pub(super) fn join(&self, world: &mut World) -> anyhow::Result<()> {
        let Some(network) = self.network.and_then(in_lab) else { return Ok(()) };
        for id in self.names() {
            world.add_user(NewUser {
                network,
                id,
                name: None,
                native: None,
                surfaces: Some(BTreeSet::from([Surface::Mobile])),
                carrier: None,
                follows: None,
            })?;
        }
        Ok(())
    }

    /// As the hub is told of them.
    pub(super) fn watchers(&self) -> Vec<Watcher> {
        let Some(network) = self.network else { return Vec::new() };
        let each = self.names().map(|name| Watcher {
            account: network.word().to_owned(),
            chat: ChatRef { key: ChatKey::new(direct_id(&name)), kind: ChatKind::Direct },
            surface: health::Surface::Mobile,
            name,
        });
        each.collect()
    }

    /// The network took what was said in a chat.
    pub(super) fn taken(&self, network: Network, chat: &str, text: &str, at: Timestamp) {
        let name = chat.strip_prefix("direct:").filter(|_| self.network == Some(network));
        let Some(name) = name.filter(|name| self.names().any(|eye| eye == *name)) else { return };
        let mut seen = lock(&self.seen);
        if !seen.texts.contains(text) {
            seen.out.entry(name.to_owned()).or_default().insert(text.to_owned(), at);
        }
    }

    /// Lines that came up on a screen.
    pub(super) fn see(&self, name: &str, lines: &[Line]) {
        if !self.names().any(|eye| eye == name) {
            return;
        }
        let mut seen = lock(&self.seen);
        for line in lines.iter().filter(|line| !line.own) {
            if seen.texts.insert(line.text.clone()) {
                seen.untold.push_back((name.to_owned(), line.text.clone()));
                if let Some(out) = seen.out.get_mut(name) {
                    out.remove(&line.text);
                }
            }
        }
    }

    /// The network that they watch, and since when enough of them missed what it had taken.
    pub(super) fn blind_since(&self) -> Option<(Network, Timestamp)> {
        let seen = lock(&self.seen);
        let firsts = seen.out.values().filter_map(|out| out.values().min().copied());
        let mut firsts: Vec<Timestamp> = firsts.collect();
        firsts.sort_unstable();
        self.network.zip(firsts.get(BLIND_MIN - 1).copied())
    }

    fn misses_one(&self, now: Timestamp) -> bool {
        let missed = |at: &Timestamp| now.ms_since(*at) >= MISSED_MS;
        lock(&self.seen).out.values().any(|out| out.values().any(missed))
    }

    /// Looks at the screens and tells the hub, for ever.
    pub(super) async fn watch(reception: Arc<Reception>) {
        let eyes = &reception.courier.eyes;
        let Some((network, there)) = eyes.network.and_then(|one| Some((one, in_lab(one)?))) else {
            return;
        };
        loop {
            reception.truth.sleep(GLANCE_MS).await;
            for name in eyes.names() {
                let lines = reception.courier.world().screen(there, &name).unwrap_or_default();
                eyes.see(&name, &lines);
            }
            let now = reception.truth.now();
            if eyes.misses_one(now) {
                lock(&reception.ledger).blame(network, now);
            }
            eyes.tell(&reception).await;
        }
    }

    /// What cannot be told now is told when the hub is back.
    async fn tell(&self, reception: &Reception) {
        let mut hub = reception.hub.subscribe();
        let Some(there) = hub.borrow_and_update().clone() else { return };
        loop {
            let Some((name, text)) = lock(&self.seen).untold.pop_front() else { return };
            tokio::select! {
                biased;
                _ = hub.changed() => return,
                _ = there.seen(&name, &text) => {}
            }
        }
    }
}
