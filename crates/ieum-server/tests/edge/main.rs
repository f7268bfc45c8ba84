//! The edge as its callers meet it: without sockets where the meaning of calls is at stake, over
//! real sockets where peers misbehave.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "a whole test program: what fails here is to be seen at once"
)]

mod acts;
mod api;
mod console;
mod contacts;
mod devices;
mod errors;
mod events;
mod farewell;
mod files;
mod group_pages;
mod groups;
mod hooks;
mod house;
mod inbox;
mod incidents;
mod join;
mod operations;
mod own;
mod pages;
mod past;
mod search;
mod sockets;
mod store;
mod terms;
mod uploads;
