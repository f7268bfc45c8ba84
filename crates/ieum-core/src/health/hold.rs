//! The operator's word on a part of a network, as it is kept: what is held, by whom, since when.
//!
//! Health itself is in memory; this is what a start takes up again. Invariant: a part of a network
//! is held by one word at a time, the last.

use super::{Cell, CellState};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest name of an operator that is kept, in characters.
pub const BY_CHARS_MAX: usize = 64;

/// A part of a network is kept in a state until it is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Which part.
    pub cell: Cell,
    /// As what it counts, whatever is seen.
    pub state: CellState,
    /// Who said so: the name of an operator's token.
    pub by: Box<str>,
    /// When.
    pub at: Timestamp,
}

impl Hold {
    /// This operator's word; a name that is too long is cut.
    #[must_use]
    pub fn new(cell: Cell, state: CellState, by: &str, at: Timestamp) -> Self {
        let by: String = by.chars().take(BY_CHARS_MAX).collect();
        Self { cell, state, by: by.into(), at }
    }
}

impl Cell {
    /// A number that no other cell has. Stored, so it must stay so: the bytes of its CBOR.
    #[must_use]
    pub fn number(self) -> u64 {
        let mut bytes = [0; 8];
        // Four bytes: an array of three small numbers.
        let _written = minicbor::encode(self, bytes.as_mut_slice());
        u64::from_be_bytes(bytes) >> 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Function, Surface};
    use crate::network::Network;
    use std::collections::BTreeSet;

    #[test]
    fn every_cell_has_a_number_of_its_own_that_stays() {
        let functions = [Function::Send, Function::Receive, Function::Login, Function::Media];
        let surfaces = [Surface::Mobile, Surface::Pc, Surface::Api];
        let mut numbers = BTreeSet::new();
        for network in Network::ALL {
            for (function, surface) in
                functions.iter().flat_map(|one| surfaces.map(|surface| (*one, surface)))
            {
                let number = Cell { network, function, surface }.number();
                assert!(numbers.insert(number) && number <= u64::from(u32::MAX), "{number:#x}");
            }
        }
        let api =
            Cell { network: Network::KakaoTalk, function: Function::Send, surface: Surface::Api };
        assert_eq!(api.number(), 0x8300_0002, "as it was written first");
    }

    #[test]
    fn a_name_is_kept_whole_unless_it_is_endless() {
        let cell = Cell { network: Network::Line, function: Function::Media, surface: Surface::Pc };
        let by = |name: &str| Hold::new(cell, CellState::Up, name, Timestamp(1)).by;
        assert_eq!(&*by("당직"), "당직");
        assert_eq!(by(&"당".repeat(1_000)).chars().count(), BY_CHARS_MAX);
    }
}
