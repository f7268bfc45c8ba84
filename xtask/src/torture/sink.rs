//! The networks behind the hub: they take every message, late, and note what each chat saw.
//!
//! Not a simulator: no limits, no faults. It keeps the one rule that matters after a crash: LINE
//! carries out a call once for each retry key. Invariant: a copy counts as seen when its whole
//! call was read, whether or not the hub lives to hear the answer.

use super::chance::Chance;
use super::clock;
use super::http::{Message, Peer};
use super::ledger::Ledger;
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A network takes up to this long to answer, so that a kill finds calls under way.
const ANSWER_MS_MAX: u64 = 8;

/// Both networks at one address.
#[derive(Debug)]
pub(super) struct Sink {
    ledger: Arc<Mutex<Ledger>>,
    retry_keys: Mutex<BTreeSet<String>>,
    number: AtomicU64,
    seed: u64,
}

impl Sink {
    /// Listens on a free port of this machine, for as long as the process lives.
    pub(super) fn open(ledger: Arc<Mutex<Ledger>>, seed: u64) -> Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let sink = Arc::new(Self {
            ledger,
            retry_keys: Mutex::default(),
            number: AtomicU64::new(1),
            seed,
        });
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let sink = Arc::clone(&sink);
                // A connection ends when the hub is killed: that is no failure.
                thread::spawn(move || drop(sink.answer_all(socket)));
            }
        });
        Ok(address)
    }

    fn answer_all(&self, socket: TcpStream) -> Result<()> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mut chance = Chance::new(self.seed, number);
        let mut peer = Peer::new(socket)?;
        while let Some(request) = peer.next()? {
            let (status, answer) = self.answer(&request, &mut chance);
            let answer = answer.to_string();
            let head = format!(
                "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n\
                 content-length: {}\r\n\r\n{answer}",
                answer.len()
            );
            peer.write(head.as_bytes())?;
        }
        Ok(())
    }

    fn answer(&self, request: &Message, chance: &mut Chance) -> (u16, Value) {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        if path.ends_with("/sendMessage") {
            let number = self.take_telegram(&request.json());
            clock::sleep_ms(chance.between(0, ANSWER_MS_MAX));
            (200, telegram(&sent(number)))
        } else if path == "/v2/bot/message/push" {
            let answer = self.take_line(request);
            clock::sleep_ms(chance.between(0, ANSWER_MS_MAX));
            answer
        } else if path.ends_with("/getMe") {
            let us = json!({"id": 1, "is_bot": true, "first_name": "t", "username": "t_bot"});
            (200, telegram(&us))
        } else if path == "/v2/bot/info" {
            let us = json!({
                "userId": "U0000000000000000000000000000000f", "basicId": "@torture",
                "displayName": "torture", "chatMode": "bot", "markAsReadMode": "auto",
            });
            (200, us)
        } else if path.starts_with("/v2/bot/") {
            let profile = json!({
                "displayName": "하나", "userId": "U00000000000000000000000000000001",
                "groupId": "C0", "groupName": "모임",
            });
            (200, profile)
        } else {
            (200, telegram(&json!(true)))
        }
    }

    fn take_telegram(&self, body: &Value) -> u64 {
        let chat = body.get("chat_id").map(plain).unwrap_or_default();
        self.see(&chat, body.get("text"));
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    fn take_line(&self, request: &Message) -> (u16, Value) {
        let key = request.header("x-line-retry-key").unwrap_or_default().to_owned();
        let mut keys = self.retry_keys.lock().unwrap_or_else(PoisonError::into_inner);
        if key.is_empty() || keys.insert(key) {
            let body = request.json();
            let chat = body.get("to").map(plain).unwrap_or_default();
            for message in body.get("messages").and_then(Value::as_array).into_iter().flatten() {
                self.see(&chat, message.get("text"));
            }
            let number = self.number.fetch_add(1, Ordering::Relaxed).to_string();
            (200, json!({"sentMessages": [{"id": number, "quoteToken": "q"}]}))
        } else {
            let said = "The retry key is already accepted";
            (409, json!({"message": said, "sentMessages": [{"id": "1", "quoteToken": "q"}]}))
        }
    }

    fn see(&self, chat: &str, text: Option<&Value>) {
        let text = text.and_then(Value::as_str).unwrap_or_default();
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).see(chat, text);
    }
}

fn telegram(result: &Value) -> Value {
    json!({"ok": true, "result": result})
}

fn sent(number: u64) -> Value {
    json!({
        "message_id": number, "date": 1_700_000_000, "text": "-",
        "chat": {"id": -1000, "type": "group", "title": "t"},
        "from": {"id": 1, "is_bot": true, "first_name": "t"},
    })
}

/// A number or a text, without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
