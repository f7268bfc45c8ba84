//! Files on their way between a network and the hub: what is the same on every network.
//!
//! `open.rs` fetches, `form.rs` writes the bodies of uploads. Invariant: a file is never in memory
//! whole, and no credential leaves for a host that it was not made for.

pub(crate) mod form;
pub(crate) mod open;

use bytes::{Bytes, BytesMut};
use http::Response;
use ieum_core::ports::http::{HttpFailure, PieceStream};

/// Longest standstill of an exchange that carries a file.
pub(crate) const IDLE_MS_MAX: u64 = 60_000;

/// The whole answer to an upload, which is short.
pub(crate) async fn short_answer(
    called: Result<Response<Box<dyn PieceStream>>, HttpFailure>,
    bytes_max: usize,
) -> Result<Response<Bytes>, HttpFailure> {
    let (head, mut pieces) = called?.into_parts();
    let mut body = BytesMut::new();
    while let Some(piece) = pieces.next().await? {
        if body.len() + piece.len() > bytes_max {
            return Err(HttpFailure::AnswerTooLarge);
        }
        body.extend_from_slice(&piece);
    }
    Ok(Response::from_parts(head, body.freeze()))
}
