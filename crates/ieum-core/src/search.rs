//! Searching what was said: texts brought to one form, the marks by which an index finds them,
//! and what somebody looks for.
//!
//! A text is cut into its single signs and its pairs of neighbours, which finds Korean without
//! knowing its words. Of each only a keyed mark is kept, another one in each conversation: an index
//! tells no text, and what is in one conversation is found by nobody who asks about another.
//! Invariant: a text that [`Query::matches`] has all marks that the query asks for.

use crate::content::{Content, HubSecret, MessageId, What, salt_for_native};
use crate::ids::ConversationId;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// Longest search, in characters.
pub const QUERY_CHARS_MAX: usize = 100;
/// Most words of a search.
pub const QUERY_WORDS_MAX: usize = 8;
/// Most marks kept of one message; of a longer one the beginning is found.
pub const MARKS_PER_MESSAGE_MAX: usize = 4_096;
/// How many bits of a mark are kept; two that are equal by accident are told apart by the text.
const MARK_BITS: u32 = 40;
/// Bytes of the blocks of SHA-256.
const BLOCK_BYTES: usize = 64;

/// By which an index finds a piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SearchMark(pub u64);

/// Makes marks.
#[derive(Clone)]
pub struct SearchKey(Hmac<Sha256>);

impl std::fmt::Debug for SearchKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("SearchKey(..)")
    }
}

impl SearchKey {
    /// The key of a hub.
    #[must_use]
    pub fn new(secret: &HubSecret) -> Self {
        let key = salt_for_native(secret, "search", "marks", "1");
        let mut block = [0; BLOCK_BYTES];
        for (place, byte) in block.iter_mut().zip(key) {
            *place = byte;
        }
        Self(Hmac::new(&block.into()))
    }

    /// The marks of a text in a conversation.
    #[must_use]
    pub fn marks(&self, conversation: ConversationId, text: &str) -> BTreeSet<SearchMark> {
        let mut marks = BTreeSet::new();
        for word in words(&folded(text)) {
            for piece in singles(word).chain(pairs(word)) {
                if marks.len() >= MARKS_PER_MESSAGE_MAX {
                    return marks;
                }
                marks.insert(self.mark(conversation, piece));
            }
        }
        marks
    }

    fn mark(&self, conversation: ConversationId, piece: &str) -> SearchMark {
        let mut mac = self.0.clone();
        mac.update(&conversation.0.to_be_bytes());
        mac.update(piece.as_bytes());
        let first = mac.finalize().into_bytes().into_iter().take(8);
        let number = first.fold(0_u64, |number, byte| number << 8 | u64::from(byte));
        SearchMark(number >> (u64::BITS - MARK_BITS))
    }
}

/// Why nothing was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryFailure {
    /// Nothing but spaces.
    #[error("there is nothing to look for")]
    Empty,
    /// Too much.
    #[error("at most {QUERY_CHARS_MAX} characters and {QUERY_WORDS_MAX} words")]
    TooLong,
}

/// What somebody looks for: words that all occur, in any order, also within longer words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<String>);

impl Query {
    /// Reads what was typed.
    ///
    /// # Errors
    /// A [`QueryFailure`].
    pub fn read(typed: &str) -> Result<Self, QueryFailure> {
        if typed.chars().count() > QUERY_CHARS_MAX {
            return Err(QueryFailure::TooLong);
        }
        let folded = folded(typed);
        let unlike: BTreeSet<&str> = words(&folded).collect();
        match unlike.len() {
            0 => Err(QueryFailure::Empty),
            1..=QUERY_WORDS_MAX => Ok(Self(unlike.into_iter().map(str::to_owned).collect())),
            _ => Err(QueryFailure::TooLong),
        }
    }

    /// Whether a text is what is looked for.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let folded = folded(text);
        self.0.iter().all(|word| folded.contains(word.as_str()))
    }

    /// The marks of all that match, in a conversation.
    #[must_use]
    pub fn marks(&self, key: &SearchKey, conversation: ConversationId) -> Vec<SearchMark> {
        let pieces = self.0.iter().flat_map(|word| {
            let alone = singles(word).filter(|single| single.len() == word.len());
            alone.chain(pairs(word))
        });
        let marks: BTreeSet<_> = pieces.map(|piece| key.mark(conversation, piece)).collect();
        marks.into_iter().collect()
    }
}

/// What a message does to what can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is found by this.
    Said(String),
    /// What an earlier one is found by from now on.
    Instead(MessageId, String),
    /// An earlier one is not found any more.
    Withdrawn(MessageId),
    /// Nothing.
    Nothing,
}

impl Finding {
    /// Of a content.
    #[must_use]
    pub fn of(content: &Content) -> Self {
        match content.what() {
            What::Text(text) => Self::Said(text.to_owned()),
            What::Edit { replaces, text } => Self::Instead(replaces, text.to_owned()),
            What::Withdrawal { replaces } => Self::Withdrawn(replaces),
            What::File { file, replaces } => {
                let text = format!("{} {}", file.filename, file.description);
                match replaces {
                    Some(replaces) => Self::Instead(replaces, text),
                    None => Self::Said(text),
                }
            }
            What::Reaction { .. } | What::ReactionWithdrawal { .. } | What::Other => Self::Nothing,
        }
    }

    /// What it is found by.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Said(text) | Self::Instead(_, text) => Some(text),
            Self::Withdrawn(_) | Self::Nothing => None,
        }
    }
}

/// One form for what reads alike: composed syllables, plain widths, small letters.
fn folded(text: &str) -> String {
    // Small letters may come apart into several signs, which are then composed.
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

fn words(folded: &str) -> impl Iterator<Item = &str> {
    let parting = |sign: char| sign.is_whitespace() || sign.is_control();
    folded.split(parting).filter(|word| !word.is_empty())
}

fn singles(word: &str) -> impl Iterator<Item = &str> {
    pieces(word, 1)
}

fn pairs(word: &str) -> impl Iterator<Item = &str> {
    pieces(word, 2)
}

/// All runs of so many signs.
fn pieces(word: &str, signs: usize) -> impl Iterator<Item = &str> {
    let ends = word.char_indices().skip(1).map(|(at, _)| at).chain([word.len()]);
    let starts = word.char_indices().map(|(at, _)| at);
    starts.zip(ends.skip(signs - 1)).filter_map(|(start, end)| word.get(start..end))
}

#[cfg(test)]
mod tests;
