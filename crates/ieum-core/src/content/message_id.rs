//! The message id: what a message is known by, here and in every copy of it.
//!
//! It is derived from the message itself and never drawn at random, so the same native event gives
//! the same id after a crash, a retry or a second webhook. Invariant: two ids are equal exactly
//! when sender, room, encoded content and salt were equal.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// Bytes of a message id.
pub const MESSAGE_ID_BYTES: usize = 32;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;

/// The first byte of every id: the digest that follows is SHA-256.
pub(super) const DIGEST_SHA256: u8 = 0x01;

/// The id of a message, as draft-ietf-mimi-content-08 derives it.
///
/// Written as 64 lower-case hexadecimal digits wherever people or JSON see it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; MESSAGE_ID_BYTES]);

impl MessageId {
    /// An id from its bytes, e.g. as the store keeps it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; MESSAGE_ID_BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; MESSAGE_ID_BYTES] {
        &self.0
    }

    /// Four upper-case hexadecimal digits that people can compare by eye, e.g. `7F2A`.
    ///
    /// Taken from bytes 1 and 2, because byte 0 is the same in every id. Only a label: never look
    /// a message up by it alone.
    #[must_use]
    pub fn short(&self) -> String {
        let [_, high, low, ..] = self.0;
        format!("{high:02X}{low:02X}")
    }
}

impl From<[u8; MESSAGE_ID_BYTES]> for MessageId {
    fn from(bytes: [u8; MESSAGE_ID_BYTES]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for MessageId {
    type Error = MessageIdError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self).map_err(|_| MessageIdError)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Halves, because a number is written at once and a byte at a time is slow.
        let (high, low) = self.0.split_at(MESSAGE_ID_BYTES / 2);
        for half in [high, low] {
            let number = half.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
            write!(out, "{number:032x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "MessageId({self})")
    }
}

/// The text or bytes are no message id: 32 bytes, as hex 64 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message id is {MESSAGE_ID_BYTES} bytes, written as 64 hexadecimal digits")]
pub struct MessageIdError;

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != MESSAGE_ID_BYTES || !rest.is_empty() {
            return Err(MessageIdError);
        }
        let mut id = [0; MESSAGE_ID_BYTES];
        for (byte, [high, low]) in id.iter_mut().zip(pairs) {
            *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        }
        Ok(Self(id))
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The id of an encoded message.
///
/// `0x01` and the first 31 bytes of SHA-256 over sender, room, message and salt; the two URIs are
/// each preceded by their length in two bytes. Valid content has no URI near 65,535 bytes
/// ([`super::limits::URI_BYTES_MAX`]); a longer one is hashed whole, its length written as 65,535.
#[must_use]
pub fn message_id(
    sender_uri: &str,
    room_uri: &str,
    message: &[u8],
    salt: &[u8; SALT_BYTES],
) -> MessageId {
    let mut digest = Sha256::new();
    for uri in [sender_uri, room_uri] {
        let length = u16::try_from(uri.len()).unwrap_or(u16::MAX);
        digest.update(length.to_be_bytes());
        digest.update(uri.as_bytes());
    }
    digest.update(message);
    digest.update(salt);
    let mut id = [DIGEST_SHA256; MESSAGE_ID_BYTES];
    let [_, rest @ ..] = &mut id;
    fill(rest, digest.finalize());
    MessageId(id)
}

/// The hub's own secret, from which the salts of messages read from networks are derived.
///
/// Never printed: whoever knows it can guess the text of a short message from its id.
#[derive(Clone)]
pub struct HubSecret {
    bytes: Vec<u8>,
    keyed: Hmac<Sha256>,
}

/// Bytes of the blocks of SHA-256, the length to which HMAC brings every key.
const BLOCK_BYTES: usize = 64;

impl HubSecret {
    /// A secret from its bytes; 32 random ones are best.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        // As HMAC says: a key longer than a block is hashed first, a shorter one padded with zeros.
        let mut block = [0; BLOCK_BYTES];
        if bytes.len() > BLOCK_BYTES {
            fill(&mut block, Sha256::digest(&bytes));
        } else {
            fill(&mut block, bytes.iter().copied());
        }
        Self { bytes, keyed: Hmac::new(&block.into()) }
    }

    /// The bytes, for keeping them in the store.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for HubSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("HubSecret(..)")
    }
}

/// The salt of a message read from a network: the same native event always gives the same salt.
///
/// The first 16 bytes of HMAC-SHA-256 over network, room and native id. Each of the three is
/// preceded by its length in eight bytes, so that no two events can run together into one input.
#[must_use]
pub fn salt_for_native(
    secret: &HubSecret,
    network: &str,
    room: &str,
    native_id: &str,
) -> [u8; SALT_BYTES] {
    let mut mac = secret.keyed.clone();
    for field in [network, room, native_id] {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field.as_bytes());
    }
    let mut salt = [0; SALT_BYTES];
    fill(&mut salt, mac.finalize().into_bytes());
    salt
}

/// Writes as many bytes as there are, and as there is room for.
fn fill(room: &mut [u8], bytes: impl IntoIterator<Item = u8>) {
    for (place, byte) in room.iter_mut().zip(bytes) {
        *place = byte;
    }
}

fn hex_digit(digit: u8) -> Result<u8, MessageIdError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(MessageIdError),
    }
}
