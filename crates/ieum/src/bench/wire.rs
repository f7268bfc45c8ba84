//! Just enough HTTP/1.1 for the load generator and the sink: heads with a length, kept alive.
//!
//! Hand-written so that the measuring side takes few cycles; never used by the hub. Invariant:
//! bytes after one message stay in the buffer for the next.

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Largest message that is understood.
pub const MESSAGE_BYTES_MAX: usize = 256 * 1024;
const PART_BYTES: usize = 16 * 1024;

/// Reads messages from one connection.
#[derive(Debug)]
pub struct MessageReader {
    buffer: Vec<u8>,
    filled: usize,
    taken: usize,
}

impl Default for MessageReader {
    fn default() -> Self {
        Self { buffer: vec![0; PART_BYTES], filled: 0, taken: 0 }
    }
}

/// One request or answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// First line and headers.
    pub head: &'a [u8],
    /// As long as the head said.
    pub body: &'a [u8],
}

impl MessageReader {
    /// The next message; `None` when the other side closed between two.
    ///
    /// # Errors
    /// When the connection fails or what comes is not understood.
    pub async fn next<R: AsyncRead + Unpin>(
        &mut self,
        socket: &mut R,
    ) -> anyhow::Result<Option<Message<'_>>> {
        self.drop_taken();
        loop {
            if let Some((head, whole)) = lengths(self.unread())? {
                self.taken = whole;
                let (head, rest) = self.buffer.split_at(head);
                let body = rest.get(..whole - head.len()).context("body beyond the buffer")?;
                return Ok(Some(Message { head, body }));
            }
            if self.filled == self.buffer.len() {
                self.buffer.resize(self.filled * 2, 0);
            }
            let free = self.buffer.get_mut(self.filled..).context("no room to read")?;
            match socket.read(free).await? {
                0 if self.filled == 0 => return Ok(None),
                0 => bail!("the connection closed within a message"),
                count => self.filled += count,
            }
        }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or(&[])
    }

    fn drop_taken(&mut self) {
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
    }
}

/// Length of the head and of the whole message, once the whole message is there.
fn lengths(bytes: &[u8]) -> anyhow::Result<Option<(usize, usize)>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        if bytes.len() > MESSAGE_BYTES_MAX {
            bail!("the head is too long");
        }
        return Ok(None);
    };
    let head = end + 4;
    let body = declared(bytes.get(..end).unwrap_or(&[]))?;
    let whole = head + body;
    if whole > MESSAGE_BYTES_MAX {
        bail!("the message is too long");
    }
    Ok((bytes.len() >= whole).then_some((head, whole)))
}

fn declared(head: &[u8]) -> anyhow::Result<usize> {
    const NAME: &[u8] = b"content-length:";
    for line in head.split(|byte| *byte == b'\n') {
        let Some((name, value)) = line.split_at_checked(NAME.len()) else {
            continue;
        };
        if name.eq_ignore_ascii_case(NAME) {
            let digits = std::str::from_utf8(value)?.trim();
            return digits.parse().context("content-length");
        }
    }
    Ok(0)
}

/// Where `part` first stands in `bytes`.
#[must_use]
pub fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut bytes: &[u8]) -> Vec<(String, String)> {
        let mut reader = MessageReader::default();
        let mut messages = Vec::new();
        while let Some(message) = reader.next(&mut bytes).await.unwrap() {
            let text = |part: &[u8]| String::from_utf8(part.to_vec()).unwrap();
            messages.push((text(message.head), text(message.body)));
        }
        messages
    }

    #[tokio::test]
    async fn messages_that_follow_each_other_are_told_apart() {
        let one = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
        let two = "GET /x HTTP/1.1\r\nhost: y\r\n\r\n";
        let bytes = format!("{one}abc{two}{one}def");
        let expected = [(one, "abc"), (two, ""), (one, "def")];
        let expected = expected.map(|(head, body)| (head.to_owned(), body.to_owned()));
        assert_eq!(all(bytes.as_bytes()).await, expected);
    }

    #[tokio::test]
    async fn a_message_larger_than_one_part_is_read_whole() {
        let body = "x".repeat(100_000);
        let bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{body}");
        assert_eq!(all(bytes.as_bytes()).await[0].1.len(), 100_000);
    }

    #[tokio::test]
    async fn what_breaks_off_or_is_too_long_is_an_error() {
        for bytes in [
            "POST / HTTP/1.1\r\ncontent-length: 4\r\n\r\nabc",
            "POST / HTT",
            "POST / HTTP/1.1\r\ncontent-length: 9999999\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        ] {
            let mut reader = MessageReader::default();
            assert!(reader.next(&mut bytes.as_bytes()).await.is_err(), "{bytes}");
        }
    }
}
