//! Marks in the languages that more than one network speaks.
//!
//! Not here: what one network alone writes, such as Telegram's entities.

pub(crate) mod edits;
pub(crate) mod html;
pub(crate) mod html_read;
pub(crate) mod places;
pub(crate) mod styling;
