//! The ground floor of Ieum: nouns, pure decisions and ports.
//!
//! Nothing here opens a socket or a file, reads a clock, draws a random number or knows an async
//! runtime. What a decision needs (`now`, `jitter`, facts) is handed in; what it wants done is
//! returned. Invariant: two calls with the same arguments give the same answer.

pub mod audit;
pub mod content;
pub mod delivery;
pub mod directory;
pub mod doubt;
pub mod health;
pub mod ids;
pub mod inbound;
pub mod incident;
pub mod journal;
pub mod marks;
pub mod media;
pub mod message;
pub mod network;
pub mod outgoing;
pub mod past;
pub mod people;
pub mod place;
pub mod ports;
pub mod render;
pub mod route;
pub mod search;
pub mod settle;
pub mod telling;
pub mod time;
