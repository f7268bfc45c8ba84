//! A real `ieum serve` with one conversation over LINE and Telegram.

use crate::peers::Peer;
use crate::wire::{Message, exchange};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const TOKEN: &str = "a-token-for-tests-only";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Where people speak.
pub(crate) const GROUP: &str = "C00000000000000000000000000000001";
/// The other LINE group of the conversation.
pub(crate) const OTHER_GROUP: &str = "C00000000000000000000000000000002";
/// The Telegram group of the conversation.
pub(crate) const CHAT: &str = "-1001";

/// A running hub, its networks, and where its log is.
#[derive(Debug)]
pub(crate) struct Hub {
    child: Child,
    folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) line: Peer,
    pub(crate) telegram: Peer,
}

impl Hub {
    pub(crate) fn start() -> Self {
        Self::start_with("", 1_000)
    }

    /// Starts it with further sections of configuration and its own patience with Telegram.
    pub(crate) fn start_with(sections: &str, telegram_timeout_ms: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (line, telegram) = (Peer::open(), Peer::open());
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("token", TOKEN);
        write("secret", SECRET);
        write("bot", "12345:a-bot-token");
        write("ieum.toml", &config(&line, &telegram, sections, telegram_timeout_ms));
        let mut child = Command::new(env!("CARGO_BIN_EXE_ieum"))
            .current_dir(folder.path())
            .args(["serve", "--data", "data"])
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let address = first.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        let hub = Self { child, folder, address, line, telegram };
        hub.join();
        hub
    }

    fn join(&self) {
        let made = json!({"kind": "group", "title": "모임"});
        let id = self.post("/v1/conversations", &made)["id"].clone();
        assert_eq!(id, 1);
        self.join_rooms(&id, &[("l", GROUP), ("l", OTHER_GROUP), ("t", CHAT)]);
    }

    fn join_rooms(&self, conversation: &Value, rooms: &[(&str, &str)]) {
        for (account, chat) in rooms {
            let room = self.post("/v1/rooms", &json!({"account": account, "chat": chat}));
            let path = format!("/v1/conversations/{conversation}/rooms");
            self.post(&path, &json!({"room": room["id"]}));
        }
    }

    /// One more conversation, whose only room is a group of Telegram; returns its number.
    pub(crate) fn join_telegram_alone(&self, chat: &str) -> u64 {
        let made = json!({"kind": "group", "title": "다른 모임"});
        let id = self.post("/v1/conversations", &made)["id"].clone();
        self.join_rooms(&id, &[("t", chat)]);
        id.as_u64().unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", path, body.to_string().as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.call("GET", path, b"")
    }

    fn call(&self, method: &str, path: &str, body: &[u8]) -> Value {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\n\
             content-type: application/json\r\n"
        );
        let answer = exchange(self.address, &head, body);
        assert!((200..300).contains(&answer.status()), "{path}: {answer:?}");
        answer.json()
    }

    /// A call of LINE with a signature that is right for its body.
    pub(crate) fn line_hook(&self, body: &[u8]) -> Message {
        let head = line_head(&signature(body));
        exchange(self.address, &head, body)
    }

    /// A call of Telegram with the right secret.
    pub(crate) fn telegram_hook(&self, body: &[u8]) -> Message {
        let head = format!(
            "POST /hooks/t HTTP/1.1\r\ncontent-type: application/json\r\n\
             x-telegram-bot-api-secret-token: {SECRET}\r\n"
        );
        exchange(self.address, &head, body)
    }

    pub(crate) fn messages(&self) -> u64 {
        self.get("/v1/counts")["messages"].as_u64().unwrap()
    }

    /// The most memory that it ever used.
    pub(crate) fn memory_mb_max(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
    }

    /// Fails if the log tells of a panic or of an error.
    pub(crate) fn check_log(&self) {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        assert!(!log.contains("panicked"), "{log}");
        assert!(!log.contains(SECRET) && !log.contains("a-bot-token"), "a secret in the log");
    }

    /// Asks it to end, waits, and replays its journal.
    pub(crate) fn stop_and_audit(mut self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
        self.check_log();
        let audit = Command::new(env!("CARGO_BIN_EXE_ieum"))
            .current_dir(self.folder.path())
            .args(["audit", "--json", "--data", "data"])
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&audit.stdout).into_owned();
        assert!(audit.status.success(), "{report}");
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have been stopped already.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

fn config(line: &Peer, telegram: &Peer, sections: &str, telegram_timeout_ms: u64) -> String {
    let rate = "per_second_max = 10000\nper_room_minute_max = 600000\n";
    format!(
        "[hub]\nlisten = \"127.0.0.1:0\"\n\
         [[hub.api_tokens]]\nname = \"t\"\nsecret = {{ file = \"token\" }}\nper_second = 10000\n\
         [[account]]\nname = \"l\"\nnetwork = \"line\"\naccess_token = {{ file = \"bot\" }}\n\
         channel_secret = {{ file = \"secret\" }}\napi_url = \"http://{}\"\ntimeout_ms = 1000\n\
         {rate}\
         [[account]]\nname = \"t\"\nnetwork = \"telegram\"\nbot_token = {{ file = \"bot\" }}\n\
         receive = \"webhook\"\nsecret_token = {{ file = \"secret\" }}\nbot_name = \"t_bot\"\n\
         api_url = \"http://{}\"\ntimeout_ms = {telegram_timeout_ms}\n{rate}\
         [health]\nprobe_ms = 1000\nprobe_down_ms = 500\n{sections}",
        line.address, telegram.address
    )
}

pub(crate) fn signature(body: &[u8]) -> String {
    let mut key = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    key.update(body);
    STANDARD.encode(key.finalize().into_bytes())
}

pub(crate) fn line_head(signature: &str) -> String {
    format!(
        "POST /hooks/l HTTP/1.1\r\ncontent-type: application/json\r\n\
         x-line-signature: {signature}\r\n"
    )
}

/// A call with one text of a group, as LINE makes it.
pub(crate) fn said(number: u64, text: &str) -> Value {
    json!({
        "destination": "U0000000000000000000000000000000f",
        "events": [{
            "type": "message", "mode": "active", "timestamp": 1_716_180_240_000_u64 + number,
            "source": {
                "type": "group", "groupId": GROUP,
                "userId": "U00000000000000000000000000000001",
            },
            "webhookEventId": format!("01HYA{number:021}"),
            "deliveryContext": {"isRedelivery": false},
            "replyToken": "r", "message": {
                "id": (540_000_000_000_u64 + number).to_string(), "type": "text",
                "quoteToken": "q", "text": text,
            },
        }],
    })
}
