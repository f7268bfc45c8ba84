//! The load: LINE-signed webhook calls over kept-alive connections, one conversation each.
//!
//! Closed loop (the next post leaves when the hub acknowledged the last one), or paced. Invariant:
//! every event has its own id, and the counters of a conversation leave in growing order.

use super::ledger::{Ledger, text};
use super::wire::MessageReader;
use crate::doors::clock::{Stopwatch, SystemClock};
use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use ieum_core::ports::clock::Clock;
use sha2::Sha256;
use std::cell::RefCell;
use std::io::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The account that posts come in for.
pub const LINE_ACCOUNT: &str = "bench-line";
/// With what they are signed.
pub const CHANNEL_SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Ids of LINE messages grow from here.
const MESSAGE_ID_FIRST: u64 = 540_000_000_000_000_000;

/// What one connection is to send.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Where the hub is.
    pub hub: SocketAddr,
    /// Which conversation.
    pub conversation: usize,
    /// How many conversations there are, each on its own connection.
    pub conversations: usize,
    /// How many messages.
    pub messages: u64,
    /// Messages a second over all conversations; as fast as the hub takes them when absent.
    pub rate: Option<f64>,
}

/// The LINE group of a conversation.
#[must_use]
pub fn group_id(conversation: usize) -> String {
    format!("C{conversation:032x}")
}

/// Sends all of `load`; returns how many the hub acknowledged.
///
/// # Errors
/// When the hub answers anything but 200 or the connection fails.
pub async fn run(load: Load, ledger: Rc<RefCell<Ledger>>, watch: Stopwatch) -> anyhow::Result<u64> {
    let mut socket = TcpStream::connect(load.hub).await.context("the hub is not there")?;
    socket.set_nodelay(true)?;
    let mut answers = MessageReader::default();
    let mut post = Post::new(load);
    for number in 0..load.messages {
        wait_for_turn(load, number, watch).await;
        let counter = ledger.borrow_mut().sent(load.conversation, watch.elapsed());
        socket.write_all(post.bytes(counter, number)?).await?;
        let answer = answers.next(&mut socket).await?.context("the hub closed the connection")?;
        let status = answer.head.get(9..12).unwrap_or(b"");
        ensure!(
            status == b"200",
            "the hub answered {} {}",
            String::from_utf8_lossy(status),
            String::from_utf8_lossy(answer.body)
        );
    }
    Ok(load.messages)
}

/// Waits until message `number` of this conversation is due; conversations take turns.
#[allow(clippy::cast_precision_loss, reason = "numbers of messages are far below 2^53")]
async fn wait_for_turn(load: Load, number: u64, watch: Stopwatch) {
    let Some(rate) = load.rate else { return };
    let place = number as f64 * load.conversations as f64 + load.conversation as f64;
    let due = Duration::from_secs_f64(place / rate);
    let left = due.saturating_sub(watch.elapsed());
    if !left.is_zero() {
        let ms = u64::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        SystemClock.sleep(ms).await;
    }
}

/// Builds signed posts in one buffer.
struct Post {
    load: Load,
    key: Hmac<Sha256>,
    body: Vec<u8>,
    bytes: Vec<u8>,
}

impl Post {
    fn new(load: Load) -> Self {
        // A key of one block needs no hashing and is always taken.
        let mut block = [0; 64];
        let secret = CHANNEL_SECRET.as_bytes();
        block.iter_mut().zip(secret).for_each(|(place, byte)| *place = *byte);
        Self { load, key: Hmac::new(&block.into()), body: Vec::new(), bytes: Vec::new() }
    }

    fn bytes(&mut self, counter: usize, number: u64) -> anyhow::Result<&[u8]> {
        let conversation = self.load.conversation;
        let now_ms = u64::try_from(SystemClock.now().0)?;
        let serial = number * self.load.conversations as u64 + conversation as u64;
        let message = MESSAGE_ID_FIRST + serial;
        let event = ulid(now_ms, serial);
        let group = group_id(conversation);
        let text = text(conversation, counter);
        self.body.clear();
        write!(
            self.body,
            "{{\"destination\":\"U0000000000000000000000000000000f\",\
             \"events\":[{{\"type\":\"message\",\
             \"mode\":\"active\",\"timestamp\":{now_ms},\"source\":{{\"type\":\"group\",\
             \"groupId\":\"{group}\",\"userId\":\"U{conversation:032x}\"}},\
             \"webhookEventId\":\"{event}\",\"deliveryContext\":{{\"isRedelivery\":false}},\
             \"replyToken\":\"{event}nHuyWiB7yP5Zw52FIkcQobQuGDXCTA\",\"message\":{{\
             \"id\":\"{message}\",\"type\":\"text\",\"quoteToken\":\"q3Plxr4AgKd{message}\",\
             \"text\":\"{text}\"}}}}]}}"
        )?;
        let mut signature = self.key.clone();
        signature.update(&self.body);
        let signature = STANDARD.encode(signature.finalize().into_bytes());
        self.bytes.clear();
        write!(
            self.bytes,
            "POST /hooks/{LINE_ACCOUNT} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             user-agent: LineBotWebhook/2.0\r\nx-line-signature: {signature}\r\n\
             content-length: {}\r\n\r\n",
            self.load.hub,
            self.body.len()
        )?;
        self.bytes.extend_from_slice(&self.body);
        Ok(&self.bytes)
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

    #[test]
    fn ulids_grow_with_time_and_serial() {
        let ids = [ulid(1, 9), ulid(1, 40), ulid(2, 0), ulid(1_700_000_000_000, 7)];
        assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 26));
        assert_eq!(ulid(1, 33), "00000000010000000000000011");
    }

    #[test]
    fn a_post_is_signed_and_read_by_the_connector() {
        use ieum_connectors::doors::Secret;
        use ieum_connectors::line::{Line, LineConfig, RATE_PUBLISHED};
        use ieum_core::ports::connector::{Connector, HookRequest};
        let load = Load {
            hub: "127.0.0.1:1".parse().unwrap(),
            conversation: 3,
            conversations: 64,
            messages: 1,
            rate: None,
        };
        let mut post = Post::new(load);
        let bytes = post.bytes(7, 7).unwrap();
        let head = super::super::wire::find(bytes, b"\r\n\r\n").unwrap() + 4;
        let mut headers = http::HeaderMap::new();
        for line in std::str::from_utf8(&bytes[..head]).unwrap().lines().skip(1) {
            if let Some((name, value)) = line.split_once(": ") {
                let name: http::HeaderName = name.parse().unwrap();
                headers.insert(name, value.parse().unwrap());
            }
        }
        let config = LineConfig {
            api_url: "http://127.0.0.1:1".to_owned(),
            access_token: Secret::new("token"),
            channel_secret: Secret::new(CHANNEL_SECRET),
            timeout_ms: 1,
            rate: RATE_PUBLISHED,
        };
        let clock = std::sync::Arc::new(SystemClock);
        let entropy = std::sync::Arc::new(crate::doors::entropy::SeededEntropy::new(1));
        let line = Line::new(&config, crate::doors::real(clock, entropy)).unwrap();
        let body = bytes::Bytes::copy_from_slice(&bytes[head..]);
        let arrival =
            line.accept(HookRequest { path: "", headers: &headers, body: &body }).unwrap();
        assert_eq!(arrival.events.len(), 1);
        let printed = format!("{:?}", arrival.events[0]);
        assert!(printed.contains("#3:7#"), "{printed}");
    }
}
