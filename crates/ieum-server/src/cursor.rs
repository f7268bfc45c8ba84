//! Cursors: where the next page of a list begins, opaque to callers.
//!
//! Base64 of the list's own letter and the last key. Invariant: a cursor of one list is refused
//! by every other one.

use crate::problem::{Kind, Problem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Which list a cursor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// `/v1/people`.
    People,
    /// `/v1/addresses`.
    Addresses,
    /// `/v1/conversations`.
    Conversations,
    /// `/v1/rooms`.
    Rooms,
    /// `/v1/conversations/{id}/messages`.
    Messages,
    /// `/v1/deliveries`.
    Deliveries,
    /// `/v1/messages/{message}/deliveries`.
    Owed,
    /// `/v1/incidents`.
    Incidents,
    /// `/v1/incidents/{id}/deliveries`.
    Touched,
    /// `/v1/people/{id}/search`.
    Found,
}

impl List {
    const fn letter(self) -> u8 {
        match self {
            Self::People => b'p',
            Self::Addresses => b'a',
            Self::Conversations => b'c',
            Self::Rooms => b'r',
            Self::Messages => b'm',
            Self::Deliveries => b'd',
            Self::Owed => b'o',
            Self::Incidents => b'i',
            Self::Touched => b't',
            Self::Found => b'f',
        }
    }

    /// The cursor after `key`.
    pub(crate) fn cursor(self, key: u64) -> String {
        let mut bytes = vec![self.letter()];
        bytes.extend(key.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The key of a cursor that this list gave.
    pub(crate) fn key(self, cursor: &str) -> Result<u64, Problem> {
        let problem = || Problem::new(Kind::Malformed, "the cursor is not one of this list's");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| problem())?;
        match bytes.split_first() {
            Some((letter, key)) if *letter == self.letter() => {
                Ok(u64::from_be_bytes(key.try_into().map_err(|_| problem())?))
            }
            Some(_) | None => Err(problem()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_return_their_key_to_their_own_list_only() {
        for key in [0, 1, 255, u64::MAX] {
            let cursor = List::People.cursor(key);
            assert_eq!(List::People.key(&cursor).unwrap(), key);
            assert!(List::Rooms.key(&cursor).is_err());
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in ["", "AAAA", "cA", "%%%", "cAAAAAAAAAAAAA==", "가"] {
            assert!(List::People.key(bad).is_err(), "{bad}");
        }
    }
}
