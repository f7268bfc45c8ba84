//! Accounts at work: the connector, its bells and its speed limit.

use crate::pace::Pace;
use crate::pieces::lock;
use crate::told::ReplyPlace;
use ieum_core::ids::{AccountId, ChatKey};
use ieum_core::network::{Network, RateLimits};
use ieum_core::ports::connector::{Connector, Pulse};
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

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
    /// The last call to send did not get through.
    is_silent: AtomicBool,
    /// One got through after that, and what waits was not woken yet.
    answers: AtomicBool,
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
            is_silent: AtomicBool::new(false),
            answers: AtomicBool::new(false),
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

    /// Remembers whether a call to send got through; tells whether one did after others did not.
    pub(crate) fn reached(&self, good: bool) -> bool {
        let back = self.is_silent.swap(!good, Ordering::Relaxed) && good;
        if back {
            self.answers.store(true, Ordering::Relaxed);
        }
        back
    }

    /// Whether what waits is to be woken; true once for each return.
    pub(crate) fn answers_again(&self) -> bool {
        self.answers.swap(false, Ordering::Relaxed)
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

    /// How many more calls may be claimed now.
    pub(crate) fn calls_left(&self, now: Timestamp) -> usize {
        lock(&self.pace).calls_left(&self.rate, now)
    }

    /// When there is room again for a call that none is left for now.
    pub(crate) fn calls_free_at(&self, now: Timestamp) -> Timestamp {
        lock(&self.pace).calls_free_at(now)
    }

    /// Calls were claimed: room is kept for them.
    pub(crate) fn claim_calls(&self, calls: usize) {
        lock(&self.pace).claim(calls);
    }

    /// Claimed calls that will not begin.
    pub(crate) fn release_calls(&self, calls: usize) {
        lock(&self.pace).release(calls);
    }

    /// A claimed call begins.
    pub(crate) fn begin_call(&self, now: Timestamp) {
        lock(&self.pace).begin(now);
    }

    /// Counts a call to a room, or says when the next one may start.
    pub(crate) fn room_pace(&self, room: &ChatKey, now: Timestamp) -> Result<(), Timestamp> {
        lock(&self.pace).room(&self.rate, room, now)
    }
}
