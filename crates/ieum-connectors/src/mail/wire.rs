//! Mail's words: addresses, ids that prove themselves, and conversations of lines over a stream.
//!
//! Invariant: an id or a return address made here proves that whoever shows it got a letter of
//! ours at that very address; nothing else is taken as a proof.

use crate::doors::Secret;
use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, select};
use hmac::{Hmac, Mac as _};
use ieum_core::ports::clock::Clock;
use ieum_core::ports::dial::ByteStream;
use sha2::Sha256;
use std::fmt::Write as _;

/// Longest line that a server may say.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Longest address that is taken (RFC 5321, section 4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 254;
const TAG_HEX_DIGITS: usize = 20;

/// Whether a text can stand between `<` and `>` in a command, as somebody's address.
pub(crate) fn is_address(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>()[]\\,;:\"".contains(&byte);
    let Some((name, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let filled = !name.is_empty() && !domain.is_empty() && !name.contains('@');
    text.len() <= ADDRESS_BYTES_MAX && filled && text.bytes().all(plain)
}

fn tag(secret: &Secret, purpose: &str, text: &str) -> String {
    // A key of any length is taken: there is no error that could be met.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else {
        return String::new();
    };
    mac.update(purpose.as_bytes());
    mac.update(text.to_ascii_lowercase().as_bytes());
    let mut tag = hex(&mac.finalize().into_bytes());
    tag.truncate(TAG_HEX_DIGITS);
    tag
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

/// Our mailbox, and the secret behind what it hands out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Us<'a> {
    pub(crate) address: &'a str,
    pub(crate) secret: &'a Secret,
}

impl Us<'_> {
    fn parts(&self) -> (&str, &str) {
        self.address.rsplit_once('@').unwrap_or((self.address, ""))
    }

    /// The id of the letter with this key to this person, without brackets.
    pub(crate) fn letter_id(&self, key: &[u8; 16], to: &str) -> String {
        let key = hex(key);
        let proof = tag(self.secret, "letter ", &format!("{key} {to}"));
        format!("ieum.{key}.{proof}@{}", self.parts().1)
    }

    /// Whether this is the id of a letter of ours to this person.
    pub(crate) fn wrote_to(&self, id: &str, person: &str) -> bool {
        let rest = id.strip_prefix("ieum.").and_then(|rest| rest.split_once('@'));
        let Some((key, proof)) = rest.and_then(|(rest, _)| rest.split_once('.')) else {
            return false;
        };
        tag(self.secret, "letter ", &format!("{key} {person}")) == proof
    }

    /// The id under which all letters to a person hang together, without brackets.
    pub(crate) fn thread_id(&self, person: &str) -> String {
        format!("ieum-thread.{}@{}", tag(self.secret, "thread ", person), self.parts().1)
    }

    /// The address to which only this person was asked to answer.
    pub(crate) fn return_address(&self, person: &str) -> String {
        let (name, domain) = self.parts();
        format!("{name}+{}@{domain}", tag(self.secret, "return ", person))
    }

    /// Whether an address is ours, with or without something behind a plus sign.
    pub(crate) fn owns(&self, address: &str) -> bool {
        let (name, domain) = self.parts();
        let given = address.rsplit_once('@');
        given.is_some_and(|(local, host)| {
            let local = local.split_once('+').map_or(local, |(local, _)| local);
            local.eq_ignore_ascii_case(name) && host.eq_ignore_ascii_case(domain)
        })
    }
}

/// Why a conversation with a server ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Silence {
    #[error("the connection was lost")]
    Lost,
    #[error("no answer in time")]
    Late,
    #[error("the server says what no server may")]
    Garbled,
}

/// A conversation of lines.
pub(crate) struct Talk<'a> {
    bytes: Box<dyn ByteStream>,
    unread: BytesMut,
    clock: &'a dyn Clock,
    patience_ms: u64,
}

impl<'a> Talk<'a> {
    pub(crate) fn new(bytes: Box<dyn ByteStream>, clock: &'a dyn Clock, patience_ms: u64) -> Self {
        Self { bytes, unread: BytesMut::new(), clock, patience_ms }
    }

    /// Says something; line ends are the caller's.
    pub(crate) async fn say(&mut self, text: impl Into<Bytes>) -> Result<(), Silence> {
        let saying = self.bytes.send(text.into());
        match select(saying, self.clock.sleep(self.patience_ms)).await {
            Either::Left((said, _)) => said.map_err(|_| Silence::Lost),
            Either::Right(((), _)) => Err(Silence::Late),
        }
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> Result<String, Silence> {
        self.line_within(self.patience_ms).await
    }

    /// The same, with another patience.
    pub(crate) async fn line_within(&mut self, patience_ms: u64) -> Result<String, Silence> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line = self.unread.split_to(end + 1);
                let line = String::from_utf8_lossy(&line);
                return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
            }
            self.more(LINE_BYTES_MAX, patience_ms).await?;
        }
    }

    /// So many bytes.
    pub(crate) async fn exactly(&mut self, count: usize) -> Result<Bytes, Silence> {
        while self.unread.len() < count {
            self.more(usize::MAX, self.patience_ms).await?;
        }
        Ok(self.unread.split_to(count).freeze())
    }

    async fn more(&mut self, most: usize, patience_ms: u64) -> Result<(), Silence> {
        if self.unread.len() > most {
            return Err(Silence::Garbled);
        }
        let reading = self.bytes.next();
        match select(reading, self.clock.sleep(patience_ms)).await {
            Either::Left((bytes, _)) if bytes.is_empty() => Err(Silence::Lost),
            Either::Left((bytes, _)) => {
                self.unread.extend_from_slice(&bytes);
                Ok(())
            }
            Either::Right(((), _)) => Err(Silence::Late),
        }
    }
}
