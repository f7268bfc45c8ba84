//! One folder a network: each translates between its network and the nouns of `ieum-core`.
//!
//! A connector reads ([`accept`], [`listen`]), makes one attempt ([`send`]), and asks for a sign of
//! life ([`probe`]). It does not retry, route, store, or log message texts; it never sees another
//! connector. Invariant: what came of an attempt is told as an outcome, and what is not certain is
//! told as `Unknown`.
//!
//! # The files of a folder, in reading order
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | the connector, its checked configuration, the trait, nothing else |
//! | `wire.rs` | the network's own shapes and words; unknown fields are let pass |
//! | `capabilities.rs` | what the network can carry, as data |
//! | `read.rs` | wire -> `Inbound`; `decode` takes any bytes and never panics |
//! | `write.rs` | `Outgoing` -> request |
//! | `outcome.rs` | answer -> `Outcome`; every documented code with its scope |
//! | `gateway.rs`, `poll.rs` or `errands.rs` | `listen`, where there is something to do unasked |
//!
//! XMPP has more to it than a folder may hold: `component` is its stream, `muc` its
//! rooms, `room_archive` their past. So has
//! Matrix: `homeserver` is its server and our users there. And Telegram:
//! `bot_api` waits for updates and carries files; LINE: `messaging_api` has its places; mail:
//! `mailbox` reads letters.
//!
//! # Adding a network
//!
//! 1. A variant of [`Network`], at the end of its type and of `Network::ALL`.
//! 2. A folder here with the files above, and a `pub mod` line below. Take everything that the
//!    network says about limits and errors from its specification and name the source. A code that
//!    the specification does not know is `Unknown`, never a guess.
//! 3. A simulator in `ieum-lab`, written from the specification and not from this crate; for a
//!    network whose server anybody can run, a fidelity script with that server.
//! 4. An arm in the binary's wiring and a section of the example configuration.
//! 5. A page in `docs/networks`: what is carried, what is not and why, set-up, error table.
//!
//! [`accept`]: ieum_core::ports::connector::Connector::accept
//! [`listen`]: ieum_core::ports::connector::Connector::listen
//! [`send`]: ieum_core::ports::connector::Connector::send
//! [`probe`]: ieum_core::ports::connector::Connector::probe
//! [`Network`]: ieum_core::network::Network

mod api_base;
mod backoff;
mod bot_api;
mod complaints;
mod component;
pub mod doors;
mod files;
mod heartbeat;
mod homeserver;
mod hooks;
mod json;
pub mod kakaotalk;
pub mod line;
pub mod mail;
mod mailbox;
mod markup;
pub mod matrix;
mod messaging_api;
mod moment;
mod muc;
mod retry_after;
mod room_archive;
#[cfg(test)]
mod scripted;
pub mod telegram;
mod verdict;
mod wire_text;
mod xml;
pub mod xmpp;
