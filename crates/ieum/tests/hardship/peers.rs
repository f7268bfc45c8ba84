//! Networks behind the hub that can turn bad: one server each, on a free port.

use crate::wire::{Message, now, read, sleep_ms};
use serde_json::{Value, json};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

/// How a network answers calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// As it should.
    Well,
    /// 200 with a page for people.
    Html,
    /// 502 with a page for people.
    BadGateway,
    /// One byte a second, of an answer that would be right.
    Drip,
    /// Takes the call and says nothing.
    Silent,
    /// Hangs up after the call.
    HangUp,
    /// A body without end.
    Endless,
    /// JSON that is nested without end.
    Deep,
}

/// A network and what its chats saw.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A text that a network showed to a chat.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) chat: String,
    pub(crate) text: String,
    pub(crate) at: Instant,
}

impl Peer {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let manner = Arc::new(Mutex::new(Manner::Well));
        let peer = Self { address, manner, seen: Arc::default() };
        let serving = peer.clone();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let peer = serving.clone();
                // The hub may hang up at any time.
                thread::spawn(move || drop(peer.serve(socket)));
            }
        });
        peer
    }

    pub(crate) fn turn(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn manner(&self) -> Manner {
        *self.manner.lock().unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.seen().iter().filter(|seen| seen.text.contains(part)).count()
    }

    fn serve(&self, mut socket: TcpStream) -> std::io::Result<()> {
        socket.set_nodelay(true)?;
        while let Some(request) = read(&mut socket) {
            let manner = self.manner();
            if manner == Manner::Well {
                self.note(&request);
            }
            let good = answer(200, "application/json", &good(&request).to_string());
            let page = "<html><body>점검 중입니다</body></html>";
            match manner {
                Manner::Well => socket.write_all(&good)?,
                Manner::Html => socket.write_all(&answer(200, "text/html", page))?,
                Manner::BadGateway => socket.write_all(&answer(502, "text/html", page))?,
                Manner::Drip => self.drip(&mut socket, &good)?,
                Manner::Silent => self.wait_while(Manner::Silent),
                Manner::HangUp => {}
                Manner::Endless => self.pour(&mut socket)?,
                Manner::Deep => {
                    let body = "[".repeat(60_000);
                    socket.write_all(&answer(200, "application/json", &body))?;
                }
            }
            if manner != Manner::Well {
                return Ok(());
            }
        }
        Ok(())
    }

    fn wait_while(&self, manner: Manner) {
        while self.manner() == manner {
            sleep_ms(20);
        }
    }

    fn drip(&self, socket: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        for byte in bytes {
            socket.write_all(&[*byte])?;
            let next = now() + std::time::Duration::from_secs(1);
            while now() < next && self.manner() == Manner::Drip {
                sleep_ms(20);
            }
            if self.manner() != Manner::Drip {
                // An answer that came whole would say that the message was shown.
                return Ok(());
            }
        }
        Ok(())
    }

    fn pour(&self, socket: &mut TcpStream) -> std::io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[";
        socket.write_all(head.as_bytes())?;
        while self.manner() == Manner::Endless {
            socket.write_all(&[b'['; 64 << 10])?;
        }
        Ok(())
    }

    fn note(&self, request: &Message) {
        let body = request.json();
        let chat = match (&body["chat_id"], &body["to"]) {
            (Value::Null, Value::String(to)) => to.clone(),
            (Value::String(chat), _) => chat.clone(),
            (chat, _) => chat.to_string(),
        };
        let parts = body["messages"].as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        let texts = parts.iter().filter_map(|part| part["text"].as_str());
        let mut seen = self.seen.lock().unwrap();
        seen.extend(texts.map(|text| Seen { chat: chat.clone(), text: text.into(), at: now() }));
    }
}

fn answer(status: u16, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// What LINE or Telegram would answer.
fn good(request: &Message) -> Value {
    let path = request.path();
    if path.ends_with("/sendMessage") {
        json!({"ok": true, "result": {
            "message_id": 7, "date": 1_700_000_000, "text": "-",
            "chat": {"id": -1000, "type": "group", "title": "t"},
        }})
    } else if path.ends_with("/getMe") {
        json!({"ok": true, "result": {
            "id": 1, "is_bot": true, "first_name": "t", "username": "t_bot",
        }})
    } else if path == "/v2/bot/info" {
        json!({
            "userId": "U0000000000000000000000000000000f", "basicId": "@t", "displayName": "t",
            "chatMode": "bot", "markAsReadMode": "auto",
        })
    } else if path.ends_with("/push") {
        json!({"sentMessages": [{"id": "1", "quoteToken": "q"}]})
    } else if path.starts_with("/v2/bot/") {
        json!({"displayName": "하나", "userId": "U00000000000000000000000000000001"})
    } else {
        json!({"ok": true, "result": true})
    }
}
