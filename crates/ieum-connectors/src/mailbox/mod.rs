//! A mailbox as it is read over IMAP.
//!
//! Not what a letter says: that is for mail's own folder. Invariant: nothing in the mailbox is
//! marked, moved or deleted.

mod answers;
pub(crate) mod imap;
mod place;
