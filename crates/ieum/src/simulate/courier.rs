//! The wire between the hub and the networks: calls arrive after a while, whether or not the hub
//! that made them still lives, and answers travel back.
//!
//! A fault of the network decides when a call arrives. Invariant: a call that left is carried out
//! at most once, and never before it arrived.

use super::eyes::Eyes;
use super::hazard::{Hazards, Way};
use ieum_core::ports::clock::Clock;
use ieum_core::time::Timestamp;
use ieum_lab::world::Posted;
use ieum_lab::world::message::Draft;
use ieum_lab::{Function, Network, Verdict, World};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// What a network answers to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Yes, with the ids of the new messages.
    Taken(Vec<String>),
    /// Its own answer for outages.
    Unavailable,
}

/// One call that says something in a chat.
#[derive(Debug)]
pub(super) struct Call {
    /// On which network.
    pub(super) network: Network,
    /// In which chat, by short name.
    pub(super) chat: String,
    /// Carried out once whatever often it comes, where the network promises that.
    pub(super) once_key: Option<[u8; 16]>,
    /// What is said; empty for a sign of life.
    pub(super) drafts: Vec<Draft>,
}

/// How long a network remembers a key.
const KEY_KEPT_MS: u64 = 24 * 3_600_000;

enum Deed {
    Arrive { call: Call, verdict: Option<Verdict>, back_ms: u64, reply: oneshot::Sender<Answer> },
    Answer(Answer, oneshot::Sender<Answer>),
}

#[derive(Default)]
struct Wire {
    deeds: BTreeMap<(Timestamp, u64), Deed>,
    next_number: u64,
    keys: BTreeMap<[u8; 16], (Timestamp, Vec<String>)>,
    key_ages: BTreeMap<Timestamp, Vec<[u8; 16]>>,
}

/// Everything that is on its way, and the world that it goes to.
pub(super) struct Courier {
    pub(super) world: Mutex<World>,
    /// The operator's watchers.
    pub(super) eyes: Eyes,
    clock: Arc<dyn Clock>,
    hazards: Arc<Hazards>,
    wire: Mutex<Wire>,
    bell: Notify,
    /// Rings when the world may have something to tell our bot.
    pub(super) told: [Notify; 3],
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Courier(..)")
    }
}

impl Courier {
    pub(super) fn new(
        (world, eyes): (World, Eyes),
        clock: Arc<dyn Clock>,
        hazards: Arc<Hazards>,
    ) -> Self {
        let (wire, bell, told) = (Mutex::default(), Notify::new(), Default::default());
        Self { world: Mutex::new(world), eyes, clock, hazards, wire, bell, told }
    }

    /// The world, brought up to the present; not to be held over an await.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.advance();
        world
    }

    /// The bell of one network.
    pub(super) fn told(&self, network: Network) -> &Notify {
        let [kakaotalk, line, telegram] = &self.told;
        match network {
            Network::Kakaotalk => kakaotalk,
            Network::Line => line,
            Network::Telegram => telegram,
        }
    }

    /// Lets one network look for what it has to tell.
    pub(super) fn ring(&self, network: Network) {
        self.told(network).notify_one();
        self.bell.notify_one();
    }

    /// Lets every network look for what it has to tell.
    pub(super) fn ring_all(&self) {
        self.told.iter().for_each(Notify::notify_one);
        self.bell.notify_one();
    }

    /// Sends a call off; the answer may never come.
    pub(super) fn call(&self, call: Call) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        let way = self.hazards.way();
        let back_ms = match way {
            Way::LateAnswer(ms) => ms,
            Way::Clear | Way::Lost => self.hazards.travel_ms(),
        };
        let verdict = (way == Way::Lost).then_some(Verdict::Hang { carried_out: false });
        let there_ms = self.hazards.travel_ms();
        self.put(there_ms, Deed::Arrive { call, verdict, back_ms, reply });
        answer
    }

    fn put(&self, after_ms: u64, deed: Deed) {
        let due = self.clock.now().plus_ms(after_ms);
        let mut wire = self.wire();
        let number = wire.next_number;
        wire.next_number += 1;
        wire.deeds.insert((due, number), deed);
        drop(wire);
        self.bell.notify_one();
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries what is due, and lets through what a fault held, for ever.
    pub(super) async fn carry(self: Arc<Self>) {
        loop {
            let now = self.clock.now();
            while let Some(deed) = self.take_due(now) {
                self.carry_out(deed);
            }
            let next = self.next_due();
            let wait = async {
                match next {
                    Some(due) => self.clock.sleep(due.ms_since(now).max(1)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = self.bell.notified() => {}
                () = wait => {
                    drop(self.world());
                    self.told.iter().for_each(Notify::notify_one);
                }
            }
        }
    }

    fn next_due(&self) -> Option<Timestamp> {
        let world = self.world().next_due();
        let wire = self.wire().deeds.keys().next().map(|(due, _)| *due);
        world.into_iter().chain(wire).min()
    }

    fn take_due(&self, now: Timestamp) -> Option<Deed> {
        let mut wire = self.wire();
        let first = wire.deeds.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    fn carry_out(&self, deed: Deed) {
        match deed {
            // Nobody waits for it any more: that is what late answers are.
            Deed::Answer(answer, reply) => drop(reply.send(answer)),
            Deed::Arrive { call, verdict, back_ms, reply } => {
                self.arrived(call, verdict, back_ms, reply);
            }
        }
    }

    fn arrived(
        &self,
        call: Call,
        verdict: Option<Verdict>,
        back_ms: u64,
        reply: oneshot::Sender<Answer>,
    ) {
        let verdict = verdict.unwrap_or_else(|| self.verdict(&call));
        let answer = match verdict {
            Verdict::Pass => self.act(&call, Posted::Once),
            Verdict::Duplicate => self.act(&call, Posted::Twice),
            Verdict::Blackhole => self.act(&call, Posted::Nowhere),
            Verdict::Delay { ms } => {
                let verdict = Some(Verdict::Pass);
                self.put(ms, Deed::Arrive { call, verdict, back_ms, reply });
                return;
            }
            Verdict::Refuse { carried_out } => {
                if carried_out {
                    self.act(&call, Posted::Once);
                }
                Answer::Unavailable
            }
            Verdict::Hang { carried_out } => {
                if carried_out {
                    self.act(&call, Posted::Once);
                }
                return;
            }
        };
        self.put(back_ms, Deed::Answer(answer, reply));
    }

    fn verdict(&self, call: &Call) -> Verdict {
        let function = if call.drafts.is_empty() { Function::Login } else { Function::Send };
        self.world().verdict(call.network, &[function], &call.chat)
    }

    fn act(&self, call: &Call, how: Posted) -> Answer {
        if let Some(natives) = call.once_key.and_then(|key| self.remembered(&key)) {
            return Answer::Taken(natives);
        }
        let mut world = self.world();
        let drafts = call.drafts.iter().cloned();
        let natives: Vec<String> = drafts
            .filter_map(|draft| {
                let sent = world.bot_send(call.network, &call.chat, draft, how);
                sent.map(|message| message.native.clone())
            })
            .collect();
        drop(world);
        if let Some(key) = call.once_key {
            self.remember(key, natives.clone());
        }
        Answer::Taken(natives)
    }

    fn remembered(&self, key: &[u8; 16]) -> Option<Vec<String>> {
        self.wire().keys.get(key).map(|(_, natives)| natives.clone())
    }

    fn remember(&self, key: [u8; 16], natives: Vec<String>) {
        let now = self.clock.now();
        let mut wire = self.wire();
        wire.keys.insert(key, (now, natives));
        wire.key_ages.entry(now).or_default().push(key);
        while let Some(oldest) = wire.key_ages.first_entry() {
            if now.ms_since(*oldest.key()) < KEY_KEPT_MS {
                return;
            }
            for key in oldest.remove() {
                wire.keys.remove(&key);
            }
        }
    }
}
