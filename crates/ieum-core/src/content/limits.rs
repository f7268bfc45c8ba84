//! The sizes that content may have; decoding and checking refuse what is larger.
//!
//! The draft names the depths, the number of parts, the topic, the extension names and values, and
//! the year; it leaves the size of a message to local policy. The other limits are ours, each far
//! above what a network sends.

/// Bytes of a whole encoded message (ours).
pub const MESSAGE_BYTES_MAX: usize = 262_144;

/// Levels of parts, the outermost counted.
pub const PART_LEVELS_MAX: usize = 4;

/// Parts of a message, of all levels.
pub const PARTS_MAX: usize = 1_024;

/// Parts of a multi-part body, at least.
pub const PARTS_PER_MULTI_MIN: usize = 2;

/// Bytes of a topic id.
pub const TOPIC_ID_BYTES_MAX: usize = 4_096;

/// Bytes of a sender or room URI.
pub const URI_BYTES_MAX: usize = 4_095;

/// Bytes of an extension's name.
pub const EXTENSION_NAME_BYTES_MAX: usize = 255;

/// Bytes of an extension's encoded value.
pub const EXTENSION_VALUE_BYTES_MAX: usize = 4_095;

/// Levels of maps, arrays and tags within an extension's value; the map of all extensions is one
/// more, the fourth of the draft.
pub const EXTENSION_VALUE_LEVELS_MAX: usize = 3;

/// The largest absolute value of an integer map key: what a double float holds exactly.
pub const MAP_KEY_INTEGER_MAX: u64 = (1 << 53) - 1;

/// Bytes of a language field (ours).
pub const LANGUAGE_BYTES_MAX: usize = 1_024;

/// Bytes of a content type (ours).
pub const CONTENT_TYPE_BYTES_MAX: usize = 1_024;

/// Bytes of the place where external content lies (ours).
pub const URL_BYTES_MAX: usize = 8_192;

/// Bytes of each of key, nonce, additional data and hash of external content (ours).
pub const CRYPTO_BYTES_MAX: usize = 1_024;

/// Bytes of the description of external content (ours).
pub const DESCRIPTION_BYTES_MAX: usize = 65_536;

/// Bytes of the file name of external content (ours).
pub const FILENAME_BYTES_MAX: usize = 1_024;

/// Seconds that a message may live: a leap year.
pub const EXPIRES_S_MAX: u32 = 366 * 86_400;
