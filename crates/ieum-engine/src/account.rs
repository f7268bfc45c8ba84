//! Accounts at work: the connector, its bells and its speed limit.

use crate::pieces::lock;
use crate::told::ReplyPlace;
use ieum_core::ids::{AccountId, ChatKey};
use ieum_core::network::{Network, RateLimits};
use ieum_core::ports::connector::{Connector, Pulse};
use ieum_core::time::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Rooms whose speed is remembered at once.
const ROOMS_TIMED_MAX: usize = 10_000;

/// One account as configured.
#[derive(Debug, Clone)]
pub struct AccountSetup {
    /// Its name, as in `/hooks/{account}`.
    pub name: String,
    /// Its network.
    pub connector: Arc<dyn Connector>,
    /// Speed limits that replace the network's published ones.
    pub rate: Option<RateLimits>,
}

/// How an account stands, for pages and metrics.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct AccountState {
    /// Its number.
    pub id: AccountId,
    /// Its name.
    pub name: Box<str>,
    /// Its network.
    pub network: Network,
    /// Whether it polls or streams now; `None` when it takes webhooks.
    pub listening: Option<bool>,
    /// When the last good sign of life came.
    pub last_good: Option<Timestamp>,
    /// What the last bad one said.
    pub last_bad: Option<Box<str>>,
    /// Attempts under way.
    pub in_flight: usize,
}

#[derive(Debug, Default)]
struct Signs {
    listening: Option<bool>,
    last_good: Option<Timestamp>,
    last_bad: Option<Box<str>>,
}

/// An account at work.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) name: Box<str>,
    pub(crate) network: Network,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) rate: RateLimits,
    /// Rings when something may be due.
    pub(crate) bell: Notify,
    /// Rings when a sign of life is wanted at once.
    pub(crate) probe_bell: Notify,
    pub(crate) in_flight: AtomicUsize,
    /// When which place was told that the hub cannot read what is said there.
    pub(crate) unreadable: Mutex<BTreeMap<ReplyPlace, Timestamp>>,
    signs: Mutex<Signs>,
    pace: Mutex<Pace>,
}

#[derive(Debug, Default)]
struct Pace {
    second: (i64, u32),
    rooms: BTreeMap<ChatKey, VecDeque<Timestamp>>,
}

impl Account {
    pub(crate) fn new(id: AccountId, setup: AccountSetup) -> Self {
        let rate = setup.rate.unwrap_or(setup.connector.capabilities().rate);
        Self {
            id,
            name: setup.name.into(),
            network: setup.connector.network(),
            connector: setup.connector,
            rate,
            bell: Notify::new(),
            probe_bell: Notify::new(),
            in_flight: AtomicUsize::new(0),
            unreadable: Mutex::default(),
            signs: Mutex::default(),
            pace: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> AccountState {
        let signs = lock(&self.signs);
        AccountState {
            id: self.id,
            name: self.name.clone(),
            network: self.network,
            listening: signs.listening,
            last_good: signs.last_good,
            last_bad: signs.last_bad.clone(),
            in_flight: self.in_flight.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn listening(&self, listening: Option<bool>) {
        lock(&self.signs).listening = listening;
    }

    pub(crate) fn sign(&self, pulse: &Pulse, now: Timestamp) {
        let mut signs = lock(&self.signs);
        match pulse {
            Pulse::Good { .. } => {
                signs.last_good = Some(now);
                signs.last_bad = None;
            }
            Pulse::Bad { reason } | Pulse::Refused { reason } => {
                signs.last_bad = Some(reason.as_str().into());
            }
        }
    }

    /// How many calls may still start in the present second.
    pub(crate) fn calls_left(&self, now: Timestamp) -> usize {
        let second = now.0.div_euclid(1_000);
        let pace = lock(&self.pace);
        let used = if pace.second.0 == second { pace.second.1 } else { 0 };
        usize::try_from(self.rate.per_second_max.saturating_sub(used)).unwrap_or(usize::MAX)
    }

    /// Counts calls that start now.
    pub(crate) fn count_calls(&self, now: Timestamp, calls: usize) {
        let second = now.0.div_euclid(1_000);
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let mut pace = lock(&self.pace);
        if pace.second.0 == second {
            pace.second.1 = pace.second.1.saturating_add(calls);
        } else {
            pace.second = (second, calls);
        }
    }

    /// Counts a call to a room, or says when the next one may start.
    pub(crate) fn room_pace(&self, room: &ChatKey, now: Timestamp) -> Result<(), Timestamp> {
        let most = usize::try_from(self.rate.per_room_minute_max).unwrap_or(usize::MAX);
        // A limit that no minute can reach needs no bookkeeping.
        if most >= 60_000 {
            return Ok(());
        }
        let mut pace = lock(&self.pace);
        if pace.rooms.len() >= ROOMS_TIMED_MAX && !pace.rooms.contains_key(room) {
            pace.rooms
                .retain(|_, times| times.back().is_some_and(|last| now.ms_since(*last) < 60_000));
        }
        let times = pace.rooms.entry(room.clone()).or_default();
        while times.front().is_some_and(|first| now.ms_since(*first) >= 60_000 || *first > now) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= most => Err(first.plus_ms(60_000)),
            Some(_) | None => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}
