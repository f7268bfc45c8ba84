//! The calls of the load: what LINE and Telegram post to a webhook, proven as each proves it.
//!
//! Written by hand so that the measuring side takes few cycles; a test lets the connectors read
//! them. Invariant: every event has its own id, and ids of one network grow.

use super::ledger::text;
use crate::doors::clock::SystemClock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use ieum_core::ports::clock::Clock;
use sha2::Sha256;
use std::io::Write as _;
use std::net::SocketAddr;

/// The account that LINE's calls come in for.
pub const LINE_ACCOUNT: &str = "bench-line";
/// With what they are signed.
pub const CHANNEL_SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The account that Telegram's calls come in for.
pub const TELEGRAM_ACCOUNT: &str = "bench-telegram";
/// What proves them.
pub const SECRET_TOKEN: &str = "bench";
/// Ids of LINE messages grow from here.
const MESSAGE_ID_FIRST: u64 = 540_000_000_000_000_000;

/// From where to where messages cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Direction {
    /// LINE in; out over Telegram, which cannot repeat a call safely.
    #[default]
    LineToTelegram,
    /// Telegram in; out over LINE, which can.
    TelegramToLine,
}

/// The LINE group of a conversation.
#[must_use]
pub fn group_id(conversation: usize) -> String {
    format!("C{conversation:032x}")
}

/// The Telegram group of a conversation.
#[must_use]
pub fn chat_id(conversation: usize) -> String {
    format!("-{}", 1_000 + conversation)
}

/// One message of a run.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Which conversation.
    pub conversation: usize,
    /// Who wrote it.
    pub author: usize,
    /// Its number in the conversation.
    pub counter: usize,
    /// Its number in the run.
    pub serial: u64,
}

/// Builds calls in one buffer.
#[derive(Debug)]
pub struct Calls {
    hub: SocketAddr,
    direction: Direction,
    key: Hmac<Sha256>,
    body: Vec<u8>,
    bytes: Vec<u8>,
}

impl Calls {
    /// For a hub there.
    #[must_use]
    pub fn new(hub: SocketAddr, direction: Direction) -> Self {
        // A key of one block needs no hashing and is always taken.
        let mut block = [0; 64];
        let secret = CHANNEL_SECRET.as_bytes();
        block.iter_mut().zip(secret).for_each(|(place, byte)| *place = *byte);
        let key = Hmac::new(&block.into());
        Self { hub, direction, key, body: Vec::new(), bytes: Vec::new() }
    }

    /// The next call, head and body.
    ///
    /// # Errors
    /// When the clock stands before 1970.
    pub fn bytes(&mut self, place: Place) -> anyhow::Result<&[u8]> {
        let now_ms = u64::try_from(SystemClock.now().0)?;
        self.body.clear();
        self.bytes.clear();
        match self.direction {
            Direction::LineToTelegram => self.line(place, now_ms)?,
            Direction::TelegramToLine => self.telegram(place, now_ms / 1_000)?,
        }
        self.bytes.extend_from_slice(&self.body);
        Ok(&self.bytes)
    }

    fn line(&mut self, place: Place, now_ms: u64) -> std::io::Result<()> {
        let Place { conversation, author, counter, serial } = place;
        let (group, event) = (group_id(conversation), ulid(now_ms, serial));
        let (message, text) = (MESSAGE_ID_FIRST + serial, text(conversation, counter));
        write!(
            self.body,
            "{{\"destination\":\"U0000000000000000000000000000000f\",\
             \"events\":[{{\"type\":\"message\",\
             \"mode\":\"active\",\"timestamp\":{now_ms},\"source\":{{\"type\":\"group\",\
             \"groupId\":\"{group}\",\"userId\":\"U{author:032x}\"}},\
             \"webhookEventId\":\"{event}\",\"deliveryContext\":{{\"isRedelivery\":false}},\
             \"replyToken\":\"{event}nHuyWiB7yP5Zw52FIkcQobQuGDXCTA\",\"message\":{{\
             \"id\":\"{message}\",\"type\":\"text\",\"quoteToken\":\"q3Plxr4AgKd{message}\",\
             \"text\":\"{text}\"}}}}]}}"
        )?;
        let mut signature = self.key.clone();
        signature.update(&self.body);
        let signature = STANDARD.encode(signature.finalize().into_bytes());
        write!(
            self.bytes,
            "POST /hooks/{LINE_ACCOUNT} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             user-agent: LineBotWebhook/2.0\r\nx-line-signature: {signature}\r\n\
             content-length: {}\r\n\r\n",
            self.hub,
            self.body.len()
        )
    }

    fn telegram(&mut self, place: Place, now_s: u64) -> std::io::Result<()> {
        let Place { conversation, author, counter, serial } = place;
        let (chat, text) = (chat_id(conversation), text(conversation, counter));
        let (update, person) = (serial + 1, 10_000 + author);
        write!(
            self.body,
            "{{\"update_id\":{update},\"message\":{{\"message_id\":{update},\
             \"from\":{{\"id\":{person},\"is_bot\":false,\"first_name\":\"하나\"}},\
             \"chat\":{{\"id\":{chat},\"title\":\"bench\",\"type\":\"group\"}},\
             \"date\":{now_s},\"text\":\"{text}\"}}}}"
        )?;
        write!(
            self.bytes,
            "POST /hooks/{TELEGRAM_ACCOUNT} HTTP/1.1\r\nhost: {}\r\n\
             content-type: application/json\r\n\
             x-telegram-bot-api-secret-token: {SECRET_TOKEN}\r\ncontent-length: {}\r\n\r\n",
            self.hub,
            self.body.len()
        )
    }
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
    use crate::doors;
    use crate::doors::entropy::SeededEntropy;
    use ieum_connectors::doors::Secret;
    use ieum_connectors::line::{Line, LineConfig};
    use ieum_connectors::telegram::{Receive, Telegram, TelegramConfig};
    use ieum_core::ports::connector::{Connector, HookRequest};
    use std::sync::Arc;

    #[test]
    fn ulids_grow_with_time_and_serial() {
        let ids = [ulid(1, 9), ulid(1, 40), ulid(2, 0), ulid(1_700_000_000_000, 7)];
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 26));
        assert_eq!(ulid(1, 33), "00000000010000000000000011");
    }

    fn network(direction: Direction) -> Box<dyn Connector> {
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SeededEntropy::new(1)));
        let doors = doors::real(clock, entropy);
        let (api_url, rate) = ("http://127.0.0.1:1".to_owned(), super::super::world::RATE);
        match direction {
            Direction::LineToTelegram => {
                let (access_token, channel_secret) =
                    (Secret::new("token"), Secret::new(CHANNEL_SECRET));
                let config =
                    LineConfig { api_url, access_token, channel_secret, timeout_ms: 1, rate };
                Box::new(Line::new(&config, doors).unwrap())
            }
            Direction::TelegramToLine => {
                let receive = Receive::Webhook { secret_token: Secret::new(SECRET_TOKEN) };
                let bot_token = Secret::new("1:bench");
                let bot_name = None;
                let config =
                    TelegramConfig { api_url, bot_token, bot_name, receive, timeout_ms: 1, rate };
                Box::new(Telegram::new(config, doors).unwrap())
            }
        }
    }

    #[test]
    fn a_call_is_proven_and_read_by_the_connector() {
        for direction in [Direction::LineToTelegram, Direction::TelegramToLine] {
            let mut calls = Calls::new("127.0.0.1:1".parse().unwrap(), direction);
            let place = Place { conversation: 3, author: 3, counter: 7, serial: 451 };
            let bytes = calls.bytes(place).unwrap();
            let head = super::super::wire::find(bytes, b"\r\n\r\n").unwrap() + 4;
            let mut headers = http::HeaderMap::new();
            for line in std::str::from_utf8(&bytes[..head]).unwrap().lines().skip(1) {
                if let Some((name, value)) = line.split_once(": ") {
                    let name: http::HeaderName = name.parse().unwrap();
                    headers.insert(name, value.parse().unwrap());
                }
            }
            let body = bytes::Bytes::copy_from_slice(&bytes[head..]);
            let request = HookRequest { path: "", headers: &headers, body: &body };
            let arrival = network(direction).accept(request).unwrap();
            assert_eq!(arrival.events.len(), 1);
            let printed = format!("{:?}", arrival.events[0]);
            assert!(printed.contains("#3:7#"), "{printed}");
        }
    }
}
