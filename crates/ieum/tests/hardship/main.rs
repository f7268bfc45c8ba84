//! A real hub against a bad world: calls that lie, drip or never end, networks that answer rubbish
//! or nothing. Real processes, sockets and files.
//!
//! Invariant: after every hardship an ordinary message still crosses the hub, its log holds no
//! panic, and its memory stayed below a limit.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a missing value is the failure"
)]

mod calls;
mod hub;
mod networks;
mod peers;
mod wire;
