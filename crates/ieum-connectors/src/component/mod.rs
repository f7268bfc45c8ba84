//! The stream of an XMPP component (XEP-0114), and the orders that wait for it.
//!
//! Not a connector of its own: the part of `xmpp` that dials, proves, waits and reconnects. It does
//! not know what a stanza says. Invariant: an order is written, or given up unwritten; never both.

pub(crate) mod link;
pub(crate) mod stream;
