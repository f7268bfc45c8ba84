//! Telegram's Bot API as a bot uses it beside single messages: waiting for updates, files, places.
//!
//! Not the connector: its shapes, words and judgements stay in its own folder. Invariant: nothing
//! here is done twice that Telegram might show twice.

pub(crate) mod files;
pub(crate) mod handles;
pub(crate) mod marks;
pub(crate) mod poll;
pub(crate) mod things;
