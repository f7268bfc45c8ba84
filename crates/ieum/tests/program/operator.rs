//! The operator's webhook, as a receiver of the operator's own would check it.
#![allow(clippy::disallowed_methods, reason = "a test waits for a process in real time")]

use super::hub::{Serving, folder, run, text};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

const SECRET: &str = "a-secret-of-the-operator";
const WAIT: Duration = Duration::from_secs(9);

/// A post as it came in.
#[derive(Debug)]
struct Post {
    headers: String,
    body: String,
}

impl Post {
    fn header(&self, name: &str) -> &str {
        let line = self.headers.lines().find(|line| line.starts_with(&format!("{name}: ")));
        line.unwrap().split_once(": ").unwrap().1
    }

    /// Whether the signature is one of the secret over moment and body.
    fn is_genuine(&self, secret: &str) -> bool {
        let (at, signature) = self.header("x-ieum-signature").split_once(",v1=").unwrap();
        let signed = format!("{}.{}", at.strip_prefix("t=").unwrap(), self.body);
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        let expected = mac.finalize().into_bytes();
        let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
        expected == signature
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

fn read(socket: &TcpStream) -> Post {
    let mut reader = BufReader::new(socket);
    let mut headers = String::new();
    while !headers.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut headers).unwrap() > 0);
    }
    let headers = headers.to_lowercase();
    let post = Post { headers, body: String::new() };
    let mut body = vec![0; post.header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    Post { body: text(&body), ..post }
}

/// Takes posts, refusing the first.
fn receiver() -> (u16, Receiver<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (posts, received) = channel();
    std::thread::spawn(move || {
        for (number, socket) in listener.incoming().flatten().enumerate() {
            let post = read(&socket);
            let status = if number == 0 { "503 -" } else { "204 -" };
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            (&socket).write_all(answer.as_bytes()).unwrap();
            if posts.send(post).is_err() {
                return;
            }
        }
    });
    (port, received)
}

fn configured(port: u16) -> TempDir {
    let folder = folder();
    let path = folder.path().join("ieum.toml");
    let config = fs::read_to_string(&path).unwrap()
        + &format!(
            "[operator]\nlanguage = \"en\"\n[operator.webhook]\n\
             url = \"http://127.0.0.1:{port}/ieum\"\nsecret = {{ file = \"operator\" }}\n"
        );
    fs::write(path, config).unwrap();
    fs::write(folder.path().join("operator"), SECRET).unwrap();
    folder
}

fn network(folder: &TempDir, url: &str, words: &[&str]) {
    let done = run(folder, &[&["network"], words, &["--url", url]].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
}

#[test]
fn a_receiver_is_told_by_signed_posts_through_failures_and_a_kill() {
    let (port, posts) = receiver();
    let folder = configured(port);
    let hub = Serving::start(&folder);
    network(&folder, &hub.url, &["hold", "telegram", "down"]);
    let first = posts.recv_timeout(WAIT).unwrap();
    let again = posts.recv_timeout(WAIT).unwrap();
    assert!(first.is_genuine(SECRET) && !first.is_genuine("another-secret-of-theirs"));
    assert!(again.is_genuine(SECRET));
    let ids = [&first, &again].map(|post| post.header("idempotency-key").to_owned());
    assert_eq!(ids[0], ids[1], "what was refused comes again as the same");
    let word = again.json();
    assert_eq!(word["event"], "incident.opened");
    assert_eq!(word["network"], "telegram");
    assert_eq!(word["cells"][0]["state"], "down");
    assert!(word["text"]["ko"].as_str().unwrap().contains("텔레그램 장애 #1 시작"), "{word}");
    assert!(word["text"]["en"].as_str().unwrap().contains("Telegram: incident #1"), "{word}");
    await_told(&folder, &hub.url);
    drop(hub);
    let hub = Serving::start(&folder);
    let after = posts.recv_timeout(Duration::from_secs(3)).map(|post| post.json());
    let opened = after.is_ok_and(|word| word["event"] == "incident.opened");
    assert!(!opened, "it was told of the beginning before the kill");
    await_told(&folder, &hub.url);
    assert!(hub.stop());
}

/// Waits until the incident says who was told.
fn await_told(folder: &TempDir, url: &str) {
    let told = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let told = text(&run(folder, &["incidents", "1", "--url", url]).stdout);
        told.contains("told webhook: opened")
    });
    assert!(told, "the incident does not say who was told");
}
