//! Health: which networks work, by our own evidence (DESIGN §7; docs/health.md tells it all).

pub mod book;
pub mod cadence;
pub mod detector;
pub mod evidence;
pub mod hold;
mod lag;
mod line;
pub mod parameters;
pub mod rhythm;
mod routes;
mod steady;
mod sum;
mod turn;
mod watch;
mod words;

pub use lag::BEAT_MS;
pub use line::Witness;

use crate::network::Network;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What of a network is watched.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Function {
    /// Carrying our messages.
    #[n(0)]
    Send,
    /// Bringing us people's messages.
    #[n(1)]
    Receive,
    /// Letting us in.
    #[n(2)]
    Login,
    /// Carrying files.
    #[n(3)]
    Media,
}

/// Seen from where.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Surface {
    /// People's phones.
    #[n(0)]
    Mobile,
    /// People's computers.
    #[n(1)]
    Pc,
    /// Our own calls.
    #[n(2)]
    Api,
}

/// What health is kept for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
pub struct Cell {
    /// The network.
    #[n(0)]
    pub network: Network,
    /// The function.
    #[n(1)]
    pub function: Function,
    /// The surface.
    #[n(2)]
    pub surface: Surface,
}

/// How a cell is.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    Encode,
    Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum CellState {
    /// Works.
    #[default]
    #[n(0)]
    Up,
    /// Works for some.
    #[n(1)]
    Degraded,
    /// Does not work: new messages take the next route at once.
    #[n(2)]
    Down,
    /// Works again; traffic returns step by step.
    #[n(3)]
    Recovering,
}

/// A change of a cell, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct CellChange {
    /// Which cell.
    #[n(0)]
    pub cell: Cell,
    /// What it was.
    #[n(1)]
    pub from: CellState,
    /// What it is.
    #[n(2)]
    pub to: CellState,
    /// Why, in one line.
    #[n(3)]
    pub evidence: Box<str>,
    /// Why, in full; `None` in journals of older versions.
    #[n(4)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grounds: Option<Box<evidence::Grounds>>,
}
