//! What a mailbox's server answers: lines, literals within them, and what it tells unasked.
//!
//! Invariant: an answer is bounded in lines, and a literal in bytes; what is beyond is garbled.

use crate::mail::wire::{Silence, Talk};
use bytes::Bytes;

/// Most of one letter that is read; what is beyond it are attachments.
pub(super) const LETTER_BYTES_MAX: usize = 1 << 20;
/// Most lines of one answer.
const ANSWER_LINES_MAX: usize = 10_000;

/// One line of an answer, with what was said literally within it.
pub(super) struct Said {
    pub(super) line: String,
    pub(super) literal: Option<Bytes>,
}

/// What came of a command.
pub(super) struct Answer {
    /// Whether it was carried out.
    pub(super) done: bool,
    pub(super) lines: Vec<Said>,
}

impl Answer {
    /// Whether letters came meanwhile.
    pub(super) fn tells_of_letters(&self) -> bool {
        self.lines.iter().any(|said| tells_of_letters(&said.line))
    }

    /// The number behind a name in brackets, as `[UIDNEXT 7]`.
    pub(super) fn told(&self, name: &str) -> Option<u32> {
        self.lines.iter().find_map(|said| number_after(&said.line, name))
    }

    /// The numbers of a search.
    pub(super) fn found(&self) -> Vec<u32> {
        let lines = self.lines.iter().filter_map(|said| said.line.strip_prefix("* SEARCH"));
        let mut uids: Vec<u32> =
            lines.flat_map(str::split_whitespace).filter_map(|uid| uid.parse().ok()).collect();
        uids.sort_unstable();
        uids.dedup();
        uids
    }
}

/// `* 3 EXISTS`, which may come at any time.
pub(super) fn tells_of_letters(line: &str) -> bool {
    line.starts_with("* ") && line.ends_with(" EXISTS")
}

/// Gives a command.
pub(super) async fn command(talk: &mut Talk<'_>, text: &str) -> Result<Answer, Silence> {
    talk.say(format!("ieum {text}\r\n")).await?;
    answer(talk, "ieum").await
}

/// The answer to what was said under a tag.
pub(super) async fn answer(talk: &mut Talk<'_>, tag: &str) -> Result<Answer, Silence> {
    let mut lines = Vec::new();
    while lines.len() < ANSWER_LINES_MAX {
        let line = talk.line().await?;
        if let Some(ended) = line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
            return Ok(Answer { done: ended.starts_with("OK"), lines });
        }
        let literal = match literal_bytes(&line) {
            Some(count) if count <= LETTER_BYTES_MAX => Some(talk.exactly(count).await?),
            Some(_) => return Err(Silence::Garbled),
            None => None,
        };
        lines.push(Said { line, literal });
    }
    Err(Silence::Garbled)
}

/// `... {123}` at the end of a line: so many bytes follow.
fn literal_bytes(line: &str) -> Option<usize> {
    let (_, count) = line.strip_suffix('}')?.rsplit_once('{')?;
    count.parse().ok()
}

fn number_after(line: &str, name: &str) -> Option<u32> {
    let (_, rest) = line.split_once(name)?;
    rest.split(']').next()?.trim().parse().ok()
}

/// A text as one word of a command.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
