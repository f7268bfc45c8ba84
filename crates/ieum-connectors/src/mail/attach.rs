//! A file in a letter, said while it is read (RFC 2045, section 6.8).
//!
//! A letter is written with a mark where its file belongs; the bytes take its place on their way
//! out. Invariant: of a file never more than a piece is in memory, and no line of it is longer than
//! 76 letters or begins with a point.

use super::wire::{Silence, Talk};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ieum_core::outgoing::FileContent;

/// Bytes of one line before base64.
const LINE_BYTES: usize = 57;

/// What a letter holds in place of its file.
pub(super) fn mark(key: &[u8; 16]) -> Vec<u8> {
    [key.as_slice(), b"ieumfile"].concat()
}

/// The letter before and behind its mark, as they are written.
pub(super) fn around(letter: &str, key: &[u8; 16]) -> Option<(String, String)> {
    let (head, tail) = letter.split_once(&STANDARD.encode(mark(key)))?;
    Some((head.to_owned(), tail.to_owned()))
}

/// Says a file in lines of base64.
pub(super) async fn say(talk: &mut Talk<'_>, content: &FileContent) -> Result<(), Silence> {
    let (mut pieces, mut waiting) = (content.pieces(), Vec::new());
    loop {
        // What cannot be read is as if the line were lost: the letter does not end.
        let piece = pieces.next().await.map_err(|_| Silence::Lost)?;
        let last = piece.is_none();
        waiting.extend_from_slice(&piece.unwrap_or_default());
        let whole = if last { waiting.len() } else { waiting.len() / LINE_BYTES * LINE_BYTES };
        let lines: String = waiting
            .drain(..whole)
            .collect::<Vec<u8>>()
            .chunks(LINE_BYTES)
            .map(|line| STANDARD.encode(line) + "\r\n")
            .collect();
        if !lines.is_empty() {
            talk.say(lines).await?;
        }
        if last {
            return Ok(());
        }
    }
}
