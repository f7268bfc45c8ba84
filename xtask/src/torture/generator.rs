//! The load: signed webhooks of LINE groups, one thread and one connection each, paced.
//!
//! As LINE does, an event that got no answer is delivered again under the same id, or, now and
//! then, given up. Invariant: the next message of a conversation leaves only when the fate of the
//! one before is known, so that the order of the counters is the order of acceptance.

use super::chance::Chance;
use super::clock;
use super::http::Peer;
use super::ledger::{Ledger, text};
use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What hooks are signed with.
pub(super) const CHANNEL_SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The account that they come in for.
pub(super) const ACCOUNT: &str = "torture-line";
/// Of so many events without an answer one is given up.
const GIVEN_UP_ONCE_IN: u64 = 4;
/// How long to wait before a hub that is not there is tried again.
const AWAY_MS: u64 = 10;
/// Ids of messages grow from here.
const MESSAGE_ID_FIRST: u64 = 540_000_000_000_000_000;

/// What generators share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Where the hub is; nothing while it is not there.
    pub(super) hub: Mutex<Option<SocketAddr>>,
    /// What was said and seen.
    pub(super) ledger: Arc<Mutex<Ledger>>,
    /// Set when no new message is to begin.
    pub(super) stop: AtomicBool,
}

/// One conversation's load.
#[derive(Debug)]
pub(super) struct Generator {
    /// Which conversation.
    pub(super) conversation: usize,
    /// How many there are.
    pub(super) conversations: usize,
    /// Time between two messages of this conversation.
    pub(super) gap: Duration,
    /// What it draws from.
    pub(super) chance: Chance,
}

/// What came of one post.
enum Posted {
    Acknowledged,
    /// The hub says that it could not store it.
    TryAgain,
    Surprise(String),
}

/// The LINE group that a conversation comes from.
pub(super) fn group(conversation: usize) -> String {
    format!("C{conversation:032x}")
}

impl Generator {
    /// Says one message after another until it is to stop.
    pub(super) fn run(mut self, shared: &Shared) {
        // Conversations take turns.
        let share = u32::try_from(self.conversations).unwrap_or(u32::MAX);
        let turn = u32::try_from(self.conversation).unwrap_or(0);
        let mut due = clock::now() + self.gap / share.max(1) * turn;
        let mut connection = None;
        while !shared.stop.load(Ordering::Relaxed) {
            clock::sleep_until(due);
            due = (due + self.gap).max(clock::now());
            let counter = lock(&shared.ledger).begin(self.conversation);
            self.deliver(shared, counter, &mut connection);
        }
    }

    /// Delivers one event until it is acknowledged or given up.
    fn deliver(&mut self, shared: &Shared, counter: usize, connection: &mut Option<Peer>) {
        let event = Event { said_at_ms: clock::unix_ms(), counter };
        let mut is_redelivery = false;
        loop {
            let Some(mut peer) = connection.take().or_else(|| connect(shared)) else {
                clock::sleep_ms(AWAY_MS);
                continue;
            };
            match self.post(&mut peer, event, is_redelivery) {
                Ok(Posted::Acknowledged) => {
                    *connection = Some(peer);
                    return lock(&shared.ledger).acknowledge(self.conversation, counter);
                }
                Ok(Posted::TryAgain) => {
                    lock(&shared.ledger).refuse();
                    *connection = Some(peer);
                }
                Ok(Posted::Surprise(what)) => return lock(&shared.ledger).surprise(what),
                Err(_) if self.chance.once_in(GIVEN_UP_ONCE_IN) => {
                    return lock(&shared.ledger).give_up();
                }
                Err(_) => {}
            }
            lock(&shared.ledger).redeliver();
            is_redelivery = true;
            clock::sleep_ms(AWAY_MS);
        }
    }

    fn post(&self, peer: &mut Peer, event: Event, is_redelivery: bool) -> Result<Posted> {
        let body = self.body(event, is_redelivery);
        let mut signature = Hmac::<Sha256>::new_from_slice(CHANNEL_SECRET.as_bytes())?;
        signature.update(body.as_bytes());
        let signature = STANDARD.encode(signature.finalize().into_bytes());
        let head = format!(
            "POST /hooks/{ACCOUNT} HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n\
             x-line-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        peer.write(head.as_bytes())?;
        let answer = peer.next()?.context("no answer")?;
        Ok(match answer.status() {
            Some(200) => Posted::Acknowledged,
            Some(503) => Posted::TryAgain,
            _ => {
                let told = String::from_utf8_lossy(&answer.body);
                Posted::Surprise(format!("the hub answered {}: {told}", answer.line))
            }
        })
    }

    fn body(&self, event: Event, is_redelivery: bool) -> String {
        let serial = event.counter * self.conversations + self.conversation;
        let message = MESSAGE_ID_FIRST + serial as u64;
        serde_json::json!({
            "destination": "U0000000000000000000000000000000f",
            "events": [{
                "type": "message", "mode": "active", "timestamp": event.said_at_ms,
                "source": {
                    "type": "group", "groupId": group(self.conversation),
                    "userId": format!("U{:032x}", self.conversation),
                },
                "webhookEventId": ulid(event.said_at_ms, serial as u64),
                "deliveryContext": {"isRedelivery": is_redelivery},
                "replyToken": format!("r{message}"),
                "message": {
                    "id": message.to_string(), "type": "text",
                    "quoteToken": format!("q{message}"),
                    "text": text(self.conversation, event.counter),
                },
            }],
        })
        .to_string()
    }
}

/// One message as LINE tells it, the same at each redelivery.
#[derive(Debug, Clone, Copy)]
struct Event {
    said_at_ms: u64,
    counter: usize,
}

fn connect(shared: &Shared) -> Option<Peer> {
    let hub = *shared.hub.lock().unwrap_or_else(PoisonError::into_inner);
    Peer::connect(hub?).ok()
}

fn lock(ledger: &Mutex<Ledger>) -> std::sync::MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A ULID: 48 bits of time, then 80 that are the serial number here.
fn ulid(ms: u64, serial: u64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bits = u128::from(ms) << 80 | u128::from(serial);
    let letter = |place: u32| {
        let index = usize::try_from(bits >> (place * 5) & 31).unwrap_or(0);
        char::from(ALPHABET.get(index).copied().unwrap_or(b'0'))
    };
    (0..26).rev().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redelivery_differs_by_its_mark_alone() {
        let generator = Generator {
            conversation: 3,
            conversations: 64,
            gap: Duration::from_millis(64),
            chance: Chance::new(1, 3),
        };
        let event = Event { said_at_ms: 1_716_180_240_000, counter: 5 };
        let (first, again) = (generator.body(event, false), generator.body(event, true));
        assert_eq!(first.replace("Redelivery\":false", "Redelivery\":true"), again);
        let next = generator.body(Event { counter: 6, ..event }, false);
        let id = |body: &str| {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            body["events"][0]["webhookEventId"].as_str().unwrap().to_owned()
        };
        assert!(id(&first) < id(&next) && id(&first).len() == 26);
    }
}
