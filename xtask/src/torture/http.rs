//! As much HTTP/1.1 as two local programs need: heads, bodies of a declared length.
//!
//! No chunks, no TLS. Invariant: a message is handed on only when it was read whole.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const READ_BYTES: usize = 16 << 10;
const MESSAGE_BYTES_MAX: usize = 4 << 20;
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// Shown on every call of the hub's own interface.
pub(super) const TOKEN: &str = "a-token-for-torture-only";

/// A connection that requests or answers are read from.
#[derive(Debug)]
pub(super) struct Peer {
    socket: TcpStream,
    read: Vec<u8>,
}

/// A request or an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The first line.
    pub(super) line: String,
    headers: String,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Peer {
    /// Reads from `socket` from here on.
    pub(super) fn new(socket: TcpStream) -> Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket, read: Vec::new() })
    }

    /// Connects; no read or write takes longer than a call may.
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(CALL_TIMEOUT))?;
        socket.set_write_timeout(Some(CALL_TIMEOUT))?;
        Self::new(socket)
    }

    /// Writes all of it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.socket.write_all(bytes)?)
    }

    /// The next message; nothing when the other side closed between two.
    pub(super) fn next(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some((message, taken)) = parse(&self.read)? {
                self.read.drain(..taken);
                return Ok(Some(message));
            }
            let mut part = [0; READ_BYTES];
            match self.socket.read(&mut part)? {
                0 if self.read.is_empty() => return Ok(None),
                0 => bail!("the connection closed within a message"),
                count => self.read.extend_from_slice(part.get(..count).unwrap_or_default()),
            }
        }
    }
}

impl Message {
    /// The value of a header, whose name is written small here.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The status of an answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.line.split(' ').nth(1)?.parse().ok()
    }

    /// The body as JSON; null when it is not.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// One call of the hub's own interface.
pub(super) fn call(hub: SocketAddr, method: &str, path: &str, body: &Value) -> Result<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut peer = Peer::connect(hub)?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {hub}\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    peer.write(request.as_bytes())?;
    let answer = peer.next()?.context("the hub gave no answer")?;
    if !answer.status().is_some_and(|status| (200..300).contains(&status)) {
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        bail!("{method} {path}: {} {told}", answer.line);
    }
    Ok(answer.json())
}

/// The first whole message of `bytes` and its length.
fn parse(bytes: &[u8]) -> Result<Option<(Message, usize)>> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        if bytes.len() > MESSAGE_BYTES_MAX {
            bail!("the head is too long");
        }
        return Ok(None);
    };
    let text = String::from_utf8_lossy(bytes.get(..head).unwrap_or_default()).into_owned();
    let (line, headers) = text.split_once("\r\n").unwrap_or((&text, ""));
    let mut message =
        Message { line: line.to_owned(), headers: headers.to_owned(), body: Vec::new() };
    let length = message.header("content-length").map_or(Ok(0), str::parse::<usize>)?;
    if length > MESSAGE_BYTES_MAX {
        bail!("the body is too long");
    }
    let whole = head + 4 + length;
    let Some(body) = bytes.get(head + 4..whole) else {
        return Ok(None);
    };
    message.body = body.to_vec();
    Ok(Some((message, whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_whole_and_one_at_a_time() {
        let one = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nx-y: z\r\n\r\nabc";
        for end in 0..one.len() {
            assert!(parse(&one[..end]).unwrap().is_none(), "{end}");
        }
        let two = [&one[..], b"HTTP/1.1 404 Not Found\r\n\r\n"].concat();
        let (first, taken) = parse(&two).unwrap().unwrap();
        assert_eq!((first.status(), first.header("x-y")), (Some(200), Some("z")));
        assert_eq!((first.body.as_slice(), taken), (&b"abc"[..], one.len()));
        let (second, _) = parse(&two[taken..]).unwrap().unwrap();
        assert_eq!((second.status(), second.body.len()), (Some(404), 0));
    }

    #[test]
    fn a_length_that_is_none_is_an_error() {
        for length in ["x", "-1", "99999999"] {
            let head = format!("POST / HTTP/1.1\r\ncontent-length: {length}\r\n\r\n");
            assert!(parse(head.as_bytes()).is_err(), "{length}");
        }
    }
}
