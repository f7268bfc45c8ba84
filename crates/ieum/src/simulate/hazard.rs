//! What goes wrong besides the networks: crashes of the hub between two of its steps, a store that
//! does not answer, answers that come late, calls that are lost, webhooks doubled and reordered.
//!
//! A *step* is any moment at which the hub hands something to a port or takes it back. Invariant:
//! nothing that belongs to a crashed hub does anything after its crash.

use super::dice::Dice;
use ieum_core::ports::clock::Clock;
use ieum_core::time::Timestamp;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// Of a thousand calls, those whose answer comes after everybody stopped waiting for it.
const LATE_ANSWERS: u64 = 2;
/// Of a thousand calls, those that never arrive.
const LOST_CALLS: u64 = 1;
/// Of a thousand webhooks and streamed batches, those that come again.
const REPEATED: u64 = 20;
/// Of a thousand webhooks, those that are slow enough to be overtaken.
const OVERTAKEN: u64 = 20;
/// Of a thousand verbs, those for which the store takes its time.
const SLOW_VERBS: u64 = 50;
/// Of a thousand writing verbs, those that fail while the store is ill.
const ILL_VERBS: u64 = 500;

/// How much goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Troubles {
    /// Whether anything does.
    pub(super) on: bool,
}

/// The hazards of one run.
#[derive(Debug)]
pub(super) struct Hazards {
    dice: Dice,
    troubles: Troubles,
    armed: AtomicBool,
    /// Which life of the hub this is.
    life: AtomicU64,
    /// Steps until the hub dies; 0: it does not.
    fuse: AtomicU64,
    /// Rings when the hub died.
    pub(super) died: Notify,
    ill_until: Mutex<Timestamp>,
    clock: Arc<dyn Clock>,
}

/// What becomes of a call of the hub on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It arrives and is answered.
    Clear,
    /// It arrives; the answer takes so long in milliseconds.
    LateAnswer(u64),
    /// It never arrives.
    Lost,
}

impl Hazards {
    pub(super) fn new(seed: u64, troubles: Troubles, clock: Arc<dyn Clock>) -> Self {
        Self {
            dice: Dice::new(seed, 0x4A2),
            troubles,
            armed: AtomicBool::new(false),
            life: AtomicU64::new(1),
            fuse: AtomicU64::new(0),
            died: Notify::new(),
            ill_until: Mutex::new(Timestamp(i64::MIN)),
            clock,
        }
    }

    /// From now on things go wrong, or not any more.
    pub(super) fn arm(&self, armed: bool) {
        self.armed.store(armed && self.troubles.on, Ordering::Relaxed);
        if !armed {
            self.fuse.store(0, Ordering::Relaxed);
        }
    }

    fn strikes(&self, thousandths: u64) -> bool {
        self.armed.load(Ordering::Relaxed) && self.dice.happens(thousandths)
    }

    /// Which life of the hub this is.
    pub(super) fn life(&self) -> u64 {
        self.life.load(Ordering::Relaxed)
    }

    /// The hub dies after so many more steps.
    pub(super) fn light_fuse(&self, steps: u64) {
        if self.armed.load(Ordering::Relaxed) {
            self.fuse.store(steps.max(1), Ordering::Relaxed);
        }
    }

    /// The hub is started again.
    pub(super) fn revive(&self) {
        self.fuse.store(0, Ordering::Relaxed);
        self.life.fetch_add(1, Ordering::Relaxed);
    }

    /// One step of the hub of this `life`; never ends when it died.
    pub(super) async fn step(&self, life: u64) {
        if life == self.life() && !self.burns() {
            return;
        }
        std::future::pending::<()>().await;
    }

    /// Whether this step is the last one.
    fn burns(&self) -> bool {
        match self.fuse.load(Ordering::Relaxed) {
            0 => false,
            1 => {
                self.life.fetch_add(1, Ordering::Relaxed);
                self.fuse.store(0, Ordering::Relaxed);
                self.died.notify_one();
                true
            }
            left => {
                self.fuse.store(left - 1, Ordering::Relaxed);
                false
            }
        }
    }

    /// The store is ill for so long.
    pub(super) fn sicken_store(&self, ms: u64) {
        let until = self.clock.now().plus_ms(ms);
        *self.ill_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Whether this verb of the store fails.
    pub(super) fn store_fails(&self) -> bool {
        let until = *self.ill_until.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock.now() < until && self.strikes(ILL_VERBS)
    }

    /// How long a verb of the store takes, in milliseconds.
    pub(super) fn store_ms(&self) -> u64 {
        if self.strikes(SLOW_VERBS) { self.dice.between(1, 40) } else { 0 }
    }

    /// How a call of the hub fares on its way.
    pub(super) fn way(&self) -> Way {
        if self.strikes(LATE_ANSWERS) {
            return Way::LateAnswer(self.dice.between(4_000, 60_000));
        }
        if self.strikes(LOST_CALLS) { Way::Lost } else { Way::Clear }
    }

    /// The time that one way between the hub and a network takes, in milliseconds.
    pub(super) fn travel_ms(&self) -> u64 {
        self.dice.between(10, 60)
    }

    /// How much longer a webhook takes than another, in milliseconds.
    pub(super) fn webhook_ms(&self) -> u64 {
        if self.strikes(OVERTAKEN) { self.dice.between(50, 3_000) } else { 0 }
    }

    /// Whether the network tells the same again.
    pub(super) fn repeats(&self) -> bool {
        self.strikes(REPEATED)
    }
}
