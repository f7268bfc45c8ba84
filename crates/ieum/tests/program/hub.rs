//! A hub as a process, in a folder of its own, and what is asked of it.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const TOKEN: &str = "a-token-for-tests-only";

pub(crate) fn ieum(folder: &TempDir, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ieum"));
    command.current_dir(folder.path()).args(words);
    command
}

pub(crate) fn run(folder: &TempDir, words: &[&str]) -> Output {
    ieum(folder, words).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A folder with a configuration that has one account, whose network is not there.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("token", TOKEN);
    write("bot", "12345:a-bot-token");
    write(
        "ieum.toml",
        "[hub]\nlisten = \"127.0.0.1:0\"\n[[hub.api_tokens]]\nname = \"operator\"\n\
         secret = { file = \"token\" }\n[[account]]\nname = \"t\"\nnetwork = \"telegram\"\n\
         api_url = \"http://127.0.0.1:9\"\nbot_token = { file = \"bot\" }\n",
    );
    folder
}

/// A running hub, ended when it is dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) url: String,
}

impl Serving {
    pub(crate) fn start(folder: &TempDir) -> Self {
        let mut child = ieum(folder, &["serve", "--data", "data"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").unwrap();
        Self { child, url: url.to_owned() }
    }

    /// Asks it to stop and waits; returns whether it ended well.
    pub(crate) fn stop(mut self) -> bool {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        assert!(asked.unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

/// Makes a conversation by a call of the interface.
pub(crate) fn make_conversation(url: &str) {
    call(url, "POST", "/v1/conversations", "{\"kind\":\"group\",\"title\":\"family\"}");
}

/// One call of the interface, which must go well; what it answers.
#[allow(clippy::disallowed_methods, reason = "a test makes its calls by hand")]
pub(crate) fn call(url: &str, method: &str, path: &str, body: &str) -> Value {
    use std::io::{Read, Write};
    let address = url.strip_prefix("http://").unwrap();
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 2"), "{answer}");
    serde_json::from_str(body).unwrap_or_default()
}

pub(crate) fn send(folder: &TempDir, url: &str, key: &str) -> Value {
    let words = ["send", "--url", url, "--conversation", "1", "--key", key, "--json", "안녕"];
    let sent = run(folder, &words);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    serde_json::from_slice(&sent.stdout).unwrap()
}

pub(crate) fn messages(folder: &TempDir, url: &str) -> u64 {
    let status = run(folder, &["status", "--url", url, "--json"]);
    assert!(status.status.success(), "{}", text(&status.stderr));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    status["counts"]["messages"].as_u64().unwrap()
}
