//! The simulated world: people, chats, messages, screens and the bot account on three networks.
//! It has no sockets and no tasks; it is deterministic for a given clock and entropy. The routers
//! and the control calls are thin skins over it, and other crates may drive it directly.
//!
//! Invariant: what is on a screen got there through [`World::advance`] or at once, never against a
//! fault that holds it back.

mod act;
mod bot;
pub mod direct;
pub mod error;
pub mod event;
mod held;
pub mod message;
pub mod people;
pub mod population;
pub(crate) mod room;
pub mod screen;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ieum_core::ports::clock::Clock;
use ieum_core::ports::entropy::Entropy;
use ieum_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bell::Bells;
use crate::fault::cell::{Cell, Function};
use crate::fault::scenario::Scenario;
use crate::fault::{Asked, FAULTS_MAX, Faults, Verdict};
use crate::network::{Network, Surface};
use crate::{kakaotalk, line, telegram};
use error::WorldError;
use message::{BOT, Message};
use people::{Chat, User};

pub use act::{Edit, React, Said, Say, Tap, Withdraw};
pub use bot::Posted;

/// The bot account of one network.
#[derive(Debug, Clone, Serialize)]
pub struct Bot {
    /// The name that people see.
    pub name: String,
    /// The name to mention on Telegram, without `@`.
    pub username: String,
    /// The id on the wire.
    pub native: String,
    /// The token of its calls.
    pub token: String,
    /// LINE: what signs its webhooks.
    pub secret: String,
}

/// Which of the networks' own rules are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Rate limits and monthly quotas.
    pub rate_limits: bool,
    /// Telegram's privacy mode.
    pub privacy_mode: bool,
    /// KakaoTalk: only mentions reach the bot in rooms.
    pub mention_only: bool,
    /// LINE: webhooks that were not answered with 2xx come again.
    pub line_redelivery: bool,
    /// LINE: messages a month; no limit when absent.
    pub line_quota: Option<u64>,
    /// LINE: how long films and sounds are being prepared before they can be fetched.
    pub line_transcoding_ms: u64,
    /// LINE: requests a second and endpoint.
    pub line_requests_per_s: u32,
    /// Telegram: messages a second over all chats.
    pub telegram_per_s: u32,
    /// Telegram: messages a minute into one group.
    pub telegram_group_per_min: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            rate_limits: true,
            privacy_mode: false,
            mention_only: true,
            line_redelivery: true,
            line_quota: None,
            line_transcoding_ms: 0,
            line_requests_per_s: 2_000,
            telegram_per_s: 30,
            telegram_group_per_min: 20,
        }
    }
}

/// The whole simulated world.
#[derive(Debug)]
pub struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) bells: Bells,
    pub(crate) users: BTreeMap<(Network, String), User>,
    pub(crate) chats: BTreeMap<(Network, String), Chat>,
    pub(crate) messages: BTreeMap<u64, Message>,
    by_native: BTreeMap<(Network, String, String), u64>,
    user_by_native: BTreeMap<(Network, String), String>,
    chat_by_native: BTreeMap<(Network, String), String>,
    screens: screen::Screens,
    withheld: event::Withheld,
    ears: direct::Ears,
    late: BTreeMap<(Timestamp, u64), act::Late>,
    pub(crate) faults: Faults,
    bots: BTreeMap<Network, Bot>,
    /// Which rules are in force.
    pub rules: Rules,
    counter: u64,
    pub(crate) kakaotalk: kakaotalk::State,
    pub(crate) line: line::State,
    pub(crate) telegram: telegram::State,
}

impl World {
    /// An empty world with one bot account on each network.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let salt = entropy.next_u64();
        let bots = Network::ALL.map(|network| (network, population::bot(network, &*entropy)));
        Self {
            clock,
            entropy,
            bells: Bells::default(),
            users: BTreeMap::new(),
            chats: BTreeMap::new(),
            messages: BTreeMap::new(),
            by_native: BTreeMap::new(),
            user_by_native: BTreeMap::new(),
            chat_by_native: BTreeMap::new(),
            screens: screen::Screens::default(),
            withheld: event::Withheld::default(),
            ears: direct::Ears::default(),
            late: BTreeMap::new(),
            faults: Faults::new(salt),
            bots: bots.into_iter().collect(),
            rules: Rules::default(),
            counter: 0,
            kakaotalk: kakaotalk::State::default(),
            line: line::State::default(),
            telegram: telegram::State::default(),
        }
    }

    /// The present moment of the world's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets everything through that is due. Every call that reads or changes the world does this
    /// first; the lab's pump does it when nobody calls.
    pub fn advance(&mut self) {
        let now = self.now();
        self.release_late(now);
        self.release_screens(now);
        self.release_events(now);
    }

    /// When [`World::advance`] would have something to do next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let late = self.late.keys().next().map(|(moment, _)| *moment);
        let change = self.faults.next_change(self.now());
        [late, change, self.next_on_screens(), self.next_event()].into_iter().flatten().min()
    }

    /// Our bot's account on a network.
    #[must_use]
    pub fn bot(&self, network: Network) -> &Bot {
        static NOBODY: Bot = Bot {
            name: String::new(),
            username: String::new(),
            native: String::new(),
            token: String::new(),
            secret: String::new(),
        };
        self.bots.get(&network).unwrap_or(&NOBODY)
    }

    /// A user by short name or wire id.
    #[must_use]
    pub fn find_user(&self, network: Network, name: &str) -> Option<&User> {
        self.users.get(&(network, name.to_owned())).or_else(|| {
            let id = self.user_by_native.get(&(network, name.to_owned()))?;
            self.users.get(&(network, id.clone()))
        })
    }

    /// A chat by short name or wire id.
    #[must_use]
    pub fn find_chat(&self, network: Network, name: &str) -> Option<&Chat> {
        self.chats.get(&(network, name.to_owned())).or_else(|| {
            let id = self.chat_by_native.get(&(network, name.to_owned()))?;
            self.chats.get(&(network, id.clone()))
        })
    }

    /// A message by its wire id in a chat.
    #[must_use]
    pub fn find_message(&self, network: Network, chat: &str, native: &str) -> Option<&Message> {
        let key = self.by_native.get(&(network, chat.to_owned(), native.to_owned()))?;
        self.messages.get(key)
    }

    /// All users, by network and short name.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// All chats, by network and short name.
    pub fn chats(&self) -> impl Iterator<Item = &Chat> {
        self.chats.values()
    }

    /// The faults that are set.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Sets one fault, beginning now (plus the cell's own `start_s`).
    pub fn spoil(&mut self, cell: Cell) -> Result<u64, WorldError> {
        self.advance();
        let bad = |what: &str| WorldError::Bad { what: what.to_owned() };
        let network = cell.network.ok_or_else(|| bad("a fault needs a network"))?;
        if let Some(what) = cell.complaint() {
            return Err(WorldError::Bad { what });
        }
        if self.faults.all().len() >= FAULTS_MAX {
            return Err(bad("too many faults are set; clear them first"));
        }
        let now = self.now();
        let id = self.faults.add(network, cell, now, 0);
        self.look_again();
        Ok(id)
    }

    /// Plays a scenario from `start` on.
    pub fn play(&mut self, scenario: &Scenario, start: Timestamp) -> Vec<u64> {
        self.advance();
        let plan = scenario.plan();
        let ids = plan
            .into_iter()
            .map(|(network, cell, fall_ms)| self.faults.add(network, cell, start, fall_ms));
        let ids = ids.collect();
        self.look_again();
        ids
    }

    /// Ends all faults; what they held back goes on its way.
    pub fn heal(&mut self) {
        self.advance();
        self.faults.clear();
        self.look_again();
        self.advance();
    }

    /// Ends one fault; false when there is no such.
    pub fn heal_one(&mut self, id: u64) -> bool {
        self.advance();
        let found = self.faults.remove(id);
        self.look_again();
        self.advance();
        found
    }

    /// What is held was held by other faults than there are now: every due moment is asked anew.
    fn look_again(&mut self) {
        self.recount_screens();
        self.recount_events();
        self.bells.ring_all();
    }

    /// Would a call of our bot that sends into this chat be spoiled now?
    #[must_use]
    pub fn is_spoiled(&self, network: Network, function: Function, chat: &str) -> bool {
        let asked = self.asked_of_bot(network, std::slice::from_ref(&function), chat);
        self.faults.hit(&asked, self.now()).is_some()
    }

    /// What a fault does to one request of our bot that arrives now.
    pub fn verdict(&self, network: Network, functions: &[Function], chat: &str) -> Verdict {
        let draw = self.draw();
        let asked = self.asked_of_bot(network, functions, chat);
        Verdict::of(self.faults.hit(&asked, self.now()), draw)
    }

    fn asked_of_bot<'a>(
        &self,
        network: Network,
        functions: &'a [Function],
        chat: &'a str,
    ) -> Asked<'a> {
        Asked { network, functions, surface: Surface::Api, room: chat, user: BOT, carrier: "" }
    }

    /// A number in `0..1`, drawn only while faults are set so that runs without them agree.
    pub(crate) fn draw(&self) -> f64 {
        if self.faults.all().is_empty() {
            return 0.0;
        }
        let thousandths = u32::try_from(self.entropy.below(1_000_000)).unwrap_or(0);
        f64::from(thousandths) / 1_000_000.0
    }

    pub(crate) fn count(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(crate) fn random_hex(&self) -> String {
        self.entropy.next_16().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn surfaces_default() -> BTreeSet<Surface> {
        BTreeSet::from([Surface::Mobile, Surface::Pc])
    }
}
