//! Contents encrypted at rest, under keys that do not lie beside them.
//!
//! Each content is sealed alone: 12 random bytes, then ChaCha20-Poly1305 over it, bound to the
//! message's id, so that it opens in its own place only. The first key writes, all of them read.
//! Invariant: a store that has sealed contents is not opened for writing without their keys.

use super::failure::{OpenFailure, damaged, failure};
use super::format::{Stored, column, number};
use crate::rows::RowAnswer;
use ieum_core::message::Message;
use ieum_core::ports::store::StoreFailure;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, OptionalExtension};
use std::sync::Arc;

/// A key of the store, made from a secret of the operator's.
#[derive(Clone)]
pub struct StoreKey(hmac::Key);

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("StoreKey(..)")
    }
}

impl StoreKey {
    /// The key that a secret stands for; 32 random bytes are best, words of one's own are guessed.
    #[must_use]
    pub fn of_secret(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// A key for one purpose.
    pub(crate) fn derived(&self, purpose: &[u8]) -> hmac::Tag {
        hmac::sign(&self.0, purpose)
    }

    /// By which it is recognised; tells nothing of it. Positive, as columns are.
    pub(crate) fn id(&self) -> u64 {
        let bytes = self.derived(b"ieum store key id");
        let number = bytes.as_ref().iter().take(8).fold(0, |all, byte| all << 8 | u64::from(*byte));
        number >> 1
    }
}

/// One key at work.
struct Seal {
    id: u64,
    key: LessSafeKey,
}

/// All keys of a store.
pub(super) struct Seals {
    seals: Vec<Seal>,
    /// Contents are not to be read: what looks through a copy needs none.
    blind: bool,
    random: SystemRandom,
}

impl std::fmt::Debug for Seals {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Seals({})", self.seals.len())
    }
}

impl Seals {
    /// The first of these writes, all of them read; without any, contents are written as they are.
    pub(super) fn new(keys: &[StoreKey]) -> RowAnswer<Self> {
        let seals = keys.iter().map(|key| {
            let bytes = key.derived(b"ieum store contents 1");
            let unbound = UnboundKey::new(&CHACHA20_POLY1305, bytes.as_ref());
            let unbound = unbound.map_err(|_| StoreFailure::Rule("no key".to_owned()))?;
            Ok(Seal { id: key.id(), key: LessSafeKey::new(unbound) })
        });
        let seals = seals.collect::<RowAnswer<_>>()?;
        Ok(Self { seals, blind: false, random: SystemRandom::new() })
    }

    /// Reads no content that is sealed.
    pub(super) fn blind() -> Self {
        Self { seals: Vec::new(), blind: true, random: SystemRandom::new() }
    }

    /// Refuses a file of whose keys one is not here. Changes nothing.
    pub(super) fn check(&self, connection: &Connection) -> Result<(), OpenFailure> {
        let known = "SELECT 1 FROM sqlite_schema WHERE name = 'sealing'";
        let known = connection.query_row(known, [], |_| Ok(())).optional().map_err(failure)?;
        if known.is_none() || self.blind {
            return Ok(());
        }
        let mut select = connection.prepare("SELECT key FROM sealing").map_err(failure)?;
        let ids = select.query_map([], |row| row.get::<_, i64>(0)).map_err(failure)?;
        for id in ids {
            let id = number(id.map_err(failure)?);
            if !self.seals.iter().any(|seal| seal.id == id) {
                return Err(OpenFailure::KeyMissing { any: !self.seals.is_empty() });
            }
        }
        Ok(())
    }

    /// Remembers by which key contents are written from now on.
    pub(super) fn note(&self, connection: &Connection) -> RowAnswer<()> {
        let Some(first) = self.seals.first() else { return Ok(()) };
        let insert = "INSERT OR IGNORE INTO sealing(key) VALUES(?1)";
        connection.execute(insert, [column(first.id)]).map(drop).map_err(failure)
    }

    /// A content as it is to be written, and by which key.
    pub(super) fn seal(&self, message: &Message) -> RowAnswer<(Arc<[u8]>, Option<u64>)> {
        let content = &message.new.content;
        let Some(seal) = self.seals.first().filter(|_| !content.is_empty()) else {
            return Ok((Arc::clone(content), None));
        };
        let mut nonce = [0; NONCE_LEN];
        let broken = |_| StoreFailure::Unavailable("a content was not sealed".to_owned());
        self.random.fill(&mut nonce).map_err(broken)?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + content.len() + 16);
        sealed.extend_from_slice(content);
        let (place, bound) = (Nonce::assume_unique_for_key(nonce), bound_to(message));
        seal.key.seal_in_place_append_tag(place, bound, &mut sealed).map_err(broken)?;
        sealed.splice(..0, nonce);
        Ok((sealed.into(), Some(seal.id)))
    }

    /// A message as it was said.
    pub(super) fn open(&self, stored: Stored) -> RowAnswer<Message> {
        let Stored { mut message, sealed_by } = stored;
        let Some(id) = sealed_by else { return Ok(message) };
        if self.blind {
            message.new.content = Arc::from([]);
            return Ok(message);
        }
        let seal = self.seals.iter().find(|seal| seal.id == id);
        let seal = seal.ok_or_else(|| damaged("a content is sealed by a key that is not here"))?;
        let (nonce, sealed) = message
            .new
            .content
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(|| damaged("a sealed content was cut"))?;
        let (nonce, mut sealed) = (Nonce::assume_unique_for_key(*nonce), sealed.to_vec());
        let opened = seal.key.open_in_place(nonce, bound_to(&message), &mut sealed);
        let opened: &[u8] = opened.map_err(|_| damaged("a sealed content is not genuine"))?;
        message.new.content = opened.into();
        Ok(message)
    }
}

fn bound_to(message: &Message) -> Aad<[u8; 32]> {
    Aad::from(*message.new.id.as_bytes())
}
