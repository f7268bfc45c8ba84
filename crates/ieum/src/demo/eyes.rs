//! The operator's watchers of a demonstration: users of the network that will swallow messages,
//! whose screens are read and told to the hub, as the scripts on real phones do.
//!
//! They are there only in outages that swallow: nothing else can notice those. Invariant: a line
//! of a screen is told once.

use super::cast::{PLAYED, in_lab};
use super::stage::call_ms;
use crate::doors::clock::ScaledClock;
use ieum_core::health;
use ieum_core::health::cadence::Cadence;
use ieum_core::ids::ChatKey;
use ieum_core::inbound::ChatRef;
use ieum_core::network::{ChatKind, Network};
use ieum_core::ports::clock::Clock;
use ieum_engine::{Hub, Settings, Watcher};
use ieum_lab::world::people::{NewUser, direct_id};
use ieum_lab::{Function, Lab, Mode, Scenario, Surface, World};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many watch: enough that two of them are among the share that an outage hits.
const EYES: usize = 8;
/// How often they look, in milliseconds of the story.
const GLANCE_MS: u64 = 500;

/// Who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Eyes {
    network: Option<Network>,
}

impl Eyes {
    /// Watchers of the network that an outage lets swallow messages; else nobody.
    pub(super) fn of(scenario: &Scenario) -> Self {
        let swallows = scenario
            .cells
            .iter()
            .any(|cell| cell.function == Function::Send && cell.mode == Mode::Blackhole);
        let there = |network: &Network| swallows && in_lab(*network) == scenario.network;
        Self { network: PLAYED.into_iter().find(there) }
    }

    fn names(self) -> impl Iterator<Item = String> {
        let count = if self.network.is_some() { EYES } else { 0 };
        (0..count).map(|number| format!("eye{number}"))
    }

    /// Makes them users of their network.
    pub(super) fn join(self, world: &mut World) -> anyhow::Result<()> {
        let Some(network) = self.network.map(in_lab) else { return Ok(()) };
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

    /// The hub's settings with them in. On a fast clock a canary is waited for as long as a call,
    /// or it would only measure the machine.
    pub(super) fn settings(self, lab: &Lab, speed: f64) -> Settings {
        let settings = Settings::default();
        let deadline_ms = settings.canary.deadline_ms.max(call_ms(speed) / 2);
        let canary = Cadence { deadline_ms, ..settings.canary };
        Settings { watchers: self.watchers(&lab.world()), canary, ..settings }
    }

    fn watchers(self, world: &World) -> Vec<Watcher> {
        let Some(network) = self.network else { return Vec::new() };
        let one = |name: String| {
            let user = world.find_user(in_lab(network), &name)?;
            let direct = world.find_chat(in_lab(network), &direct_id(&name))?;
            // KakaoTalk addresses the direct chat by the user.
            let by_user = network == Network::KakaoTalk;
            let chat = if by_user { user.native.clone() } else { direct.native.clone() };
            Some(Watcher {
                name,
                account: network.word().to_owned(),
                chat: ChatRef { key: ChatKey::new(chat), kind: ChatKind::Direct },
                surface: health::Surface::Mobile,
            })
        };
        self.names().filter_map(one).collect()
    }

    /// Looks at the screens and tells the hub, for ever.
    pub(super) async fn watch(self, lab: Arc<Lab>, hub: Hub, clock: Arc<ScaledClock>) {
        let Some(network) = self.network else { return };
        let mut told: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        loop {
            clock.sleep(GLANCE_MS).await;
            for name in self.names() {
                let lines = lab.world().screen(in_lab(network), &name).unwrap_or_default();
                let told = told.entry(name.clone()).or_default();
                for line in lines.into_iter().filter(|line| !line.own) {
                    if told.insert(line.message.clone()) {
                        let _of_ours = hub.seen(&name, &line.text).await;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_watch_what_swallows_and_nothing_else() {
        for (id, network) in [
            ("K7", Some(Network::KakaoTalk)),
            ("L3", Some(Network::Line)),
            ("L4", Some(Network::Line)),
            ("K2", None),
            ("L1", None),
        ] {
            let eyes = Eyes::of(&Scenario::named(id).unwrap());
            assert_eq!(eyes.network, network, "{id}");
            assert_eq!(eyes.names().count(), if network.is_some() { EYES } else { 0 });
        }
    }
}
