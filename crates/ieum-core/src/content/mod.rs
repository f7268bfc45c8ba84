//! Canonical content: what a message says, the same on every network.

pub mod limits;
mod message_id;

pub use message_id::{
    HubSecret, MESSAGE_ID_BYTES, MessageId, MessageIdError, SALT_BYTES, message_id, salt_for_native,
};
