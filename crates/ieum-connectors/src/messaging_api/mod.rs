//! Parts of LINE's Messaging API that stand for themselves.
//!
//! Not a connector of its own: `line` is. Invariant: nothing here knows an account.

pub(crate) mod pin;
