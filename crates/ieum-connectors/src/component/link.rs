//! What `send` and `probe` ask of the stream, and how they wait for it.
//!
//! Invariant: an order is written, or it is given up unwritten; never both. Who waited too long
//! and gives it up knows for certain that nothing left.

use crate::verdict::refused;
use crate::xmpp::outcome;
use futures_channel::{mpsc, oneshot};
use futures_util::future::{Either, select};
use ieum_core::network::ChatKind;
use ieum_core::outgoing::{Fault, Outcome, Outgoing, Scope};
use ieum_core::ports::clock::Clock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Most orders that wait for the stream.
const ORDERS_MAX: usize = 1_024;
/// How long an order waits for a stream: a person may have another way, a room has none.
const WAIT_DIRECT_MS: u64 = 3_000;
const WAIT_ROOM_MS: u64 = 45_000;

const WAITING: u8 = 0;
const LEFT: u8 = 1;
const GIVEN_UP: u8 = 2;

/// What is asked.
#[derive(Debug)]
pub(crate) enum Asked {
    /// One attempt.
    Say(Outgoing),
    /// A sign of life; the outcome is `Accepted` when the server answered.
    Life,
}

/// Something asked, by somebody who waits.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) asked: Asked,
    answer: oneshot::Sender<Outcome>,
    stage: Arc<AtomicU8>,
}

impl Order {
    /// An order and its answer, without anybody's patience.
    #[cfg(test)]
    pub(crate) fn new(asked: Asked) -> (Self, oneshot::Receiver<Outcome>) {
        let (answer, heard) = oneshot::channel();
        (Self { asked, answer, stage: Arc::default() }, heard)
    }

    /// Takes the right to write it; false when nobody wants it any more.
    pub(crate) fn leaves(&self) -> bool {
        !self.answer.is_canceled() && change(&self.stage, LEFT) != GIVEN_UP
    }

    /// Whether somebody still waits.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.answer.is_canceled()
    }

    /// Tells what came of it.
    pub(crate) fn ends(self, outcome: Outcome) {
        // Who does not wait any more has taken it for unknown.
        let _told_or_gone = self.answer.send(outcome);
    }
}

/// Moves on from `WAITING` only; gives the stage that stands then.
fn change(stage: &AtomicU8, to: u8) -> u8 {
    match stage.compare_exchange(WAITING, to, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => to,
        Err(other) => other,
    }
}

/// Where orders are left and, while somebody listens, taken.
#[derive(Debug)]
pub(crate) struct Link {
    orders: mpsc::Sender<Order>,
    queue: Mutex<Option<mpsc::Receiver<Order>>>,
    up: AtomicBool,
}

impl Link {
    pub(crate) fn new() -> Self {
        let (orders, queue) = mpsc::channel(ORDERS_MAX);
        Self { orders, queue: Mutex::new(Some(queue)), up: AtomicBool::new(false) }
    }

    /// Takes the queue, to listen; `None` while somebody else has it.
    pub(crate) fn take_queue(&self) -> Option<mpsc::Receiver<Order>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Gives the queue back.
    pub(crate) fn put_queue(&self, queue: mpsc::Receiver<Order>) {
        *self.queue.lock().unwrap_or_else(PoisonError::into_inner) = Some(queue);
    }

    /// Says whether there is a stream now.
    pub(crate) fn set_up(&self, up: bool) {
        self.up.store(up, Ordering::SeqCst);
    }

    /// Asks, and waits at most `answer_ms` from when it left.
    pub(crate) async fn ask(&self, asked: Asked, answer_ms: u64, clock: &dyn Clock) -> Outcome {
        let wait_ms = match &asked {
            Asked::Life if !self.up.load(Ordering::SeqCst) => {
                return outcome::not_sent("no stream to the server");
            }
            Asked::Life => answer_ms,
            Asked::Say(outgoing) => match outgoing.chat.kind {
                ChatKind::Direct => WAIT_DIRECT_MS,
                ChatKind::Group => WAIT_ROOM_MS,
            },
        };
        let (answer, heard) = oneshot::channel();
        let stage = Arc::new(AtomicU8::new(WAITING));
        let order = Order { asked, answer, stage: Arc::clone(&stage) };
        if self.orders.clone().try_send(order).is_err() {
            let reason = "too much waits for the stream".to_owned();
            return Outcome::Deferred { after_ms: 0, fault: Fault::Limit, reason };
        }
        let heard = match select(heard, clock.sleep(wait_ms)).await {
            Either::Left((told, _)) => return told.unwrap_or_else(|_| gone(&stage)),
            Either::Right(((), heard)) => heard,
        };
        if change(&stage, GIVEN_UP) == GIVEN_UP {
            return outcome::not_sent("no stream to the server, or no way into the room");
        }
        match select(heard, clock.sleep(answer_ms)).await {
            Either::Left((told, _)) => told.unwrap_or_else(|_| gone(&stage)),
            Either::Right(((), _)) => outcome::unanswered("written, and no answer came"),
        }
    }
}

/// Listening ended without a word about the order.
fn gone(stage: &AtomicU8) -> Outcome {
    match change(stage, GIVEN_UP) {
        GIVEN_UP => outcome::not_sent("nobody listens"),
        _ => outcome::unanswered("written, and the stream was given up"),
    }
}

/// A call that nobody can carry out.
pub(crate) fn impossible(reason: &str) -> Outcome {
    refused(Scope::Message, reason)
}
