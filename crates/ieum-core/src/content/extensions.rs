//! The extensions of a message: sender and room, which we read, and others, which we keep.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::ContentError;
use super::cbor::check_item;
use super::limits::{
    EXTENSION_NAME_BYTES_MAX, EXTENSION_VALUE_BYTES_MAX, EXTENSION_VALUE_LEVELS_MAX,
    MAP_KEY_INTEGER_MAX,
};

/// The key of the sender's URI.
pub(super) const SENDER_URI: i64 = 1;

/// The key of the room's URI.
pub(super) const ROOM_URI: i64 = 2;

/// The extensions of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Who sent the message.
    pub sender_uri: Option<String>,
    /// Which room it was sent to.
    pub room_uri: Option<String>,
    /// What we carry and do not read.
    pub others: BTreeMap<ExtensionKey, ExtensionValue>,
}

/// The name of an extension, in the order that deterministic CBOR wants.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ExtensionKey {
    /// Registered when positive, private when negative.
    Integer(i64),
    /// Private.
    Text(String),
}

impl ExtensionKey {
    /// Whether an extension of [`Extensions::others`] may have this name: not one that is reserved
    /// or has a field of its own, and within the limits.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        match self {
            Self::Integer(0 | SENDER_URI | ROOM_URI) => false,
            Self::Integer(key) => key.unsigned_abs() <= MAP_KEY_INTEGER_MAX,
            Self::Text(name) => (1..=EXTENSION_NAME_BYTES_MAX).contains(&name.len()),
        }
    }

    /// Orders as the encoded bytes do: by kind, then by number or length, then by text.
    fn rank(&self) -> (u8, u64, &str) {
        match self {
            Self::Integer(key @ 0..) => (0, key.unsigned_abs(), ""),
            Self::Integer(key) => (1, key.unsigned_abs(), ""),
            Self::Text(name) => (2, name.len() as u64, name),
        }
    }
}

impl Ord for ExtensionKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for ExtensionKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The value of an extension: one item of deterministic CBOR within the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionValue(Vec<u8>);

impl ExtensionValue {
    /// A value from its encoding.
    ///
    /// # Errors
    /// When the encoding is malformed, not deterministic, too long or too deep.
    pub fn from_cbor(encoded: &[u8]) -> Result<Self, ContentError> {
        if encoded.len() > EXTENSION_VALUE_BYTES_MAX {
            return Err(ContentError::OverLimit {
                field: "the value of an extension",
                max: EXTENSION_VALUE_BYTES_MAX,
            });
        }
        check_item(encoded, EXTENSION_VALUE_LEVELS_MAX)
            .map_err(|broken| ContentError::Encoding { at: broken.at, rule: broken.rule })?;
        Ok(Self(encoded.to_vec()))
    }

    /// The encoding of the value.
    #[must_use]
    pub fn as_cbor(&self) -> &[u8] {
        &self.0
    }
}
