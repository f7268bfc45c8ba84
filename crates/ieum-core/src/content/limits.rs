//! The sizes that content may have; decoding and checking refuse what is larger.

/// Bytes of a sender or room URI.
pub const URI_BYTES_MAX: usize = 4_095;
