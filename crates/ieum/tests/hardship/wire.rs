//! Raw HTTP over sockets, as a caller who means no good would write it, and real time.
#![allow(clippy::disallowed_methods, reason = "real sockets wait in real time")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// A hub or a network that takes longer has failed its test.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) fn sleep_ms(ms: u64) {
    thread::sleep(Duration::from_millis(ms));
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

/// A request or an answer.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Message {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Reads one message; nothing when the other side ended or stayed silent.
pub(crate) fn read(socket: &mut TcpStream) -> Option<Message> {
    let mut bytes = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut message = Message { head, body: Vec::new() };
            let length = message.header("content-length").map_or(0, |text| text.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                message.body = bytes[end + 4..end + 4 + length].to_vec();
                return Some(message);
            }
        }
        match socket.read(&mut part) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
        }
    }
}

/// One call over a connection of its own.
pub(crate) fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> Message {
    let mut socket = connect(address);
    let head = format!("{head}host: x\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).unwrap();
    // A body that is too large may be refused before it was taken whole.
    let _refused_early = socket.write_all(body);
    read(&mut socket).unwrap()
}

/// Looks until it is so; fails after the patience of a test.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited too long: {what}");
        sleep_ms(10);
    }
}
