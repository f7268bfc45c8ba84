//! Rooms of XMPP (XEP-0045), as the desk of the XMPP connector keeps them.
//!
//! Not a connector of its own: the part of `xmpp` that knows how a room is entered, read and
//! spoken in. Invariant: a message is known to be ours by its id alone, never by a nickname.

pub(crate) mod calls;
pub(crate) mod rooms;
pub(crate) mod shown;
pub(crate) mod speaking;
mod staying;
