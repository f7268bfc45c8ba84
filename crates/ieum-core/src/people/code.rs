//! A one-time code: what is read out, typed off, and good for one thing only.
//!
//! The text exists in the answer to whoever asked for it and nowhere else: what is kept is its
//! [`Mark`], a keyed hash. Invariant: a mark made for one purpose never equals that of another.

use crate::content::{HubSecret, salt_for_native};
use crate::ids::{AddressId, ConversationId, PersonId};
use crate::ports::entropy::Entropy;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Symbols of a code: 28^8 are 3.8e11 codes.
pub const CODE_SYMBOLS: usize = 8;
/// How long a code is good: 10 minutes.
pub const CODE_LIFE_MS: u64 = 10 * 60 * 1_000;

/// What codes are written with: no 0 and O, no 1, I and L; S, B and Z are read as 5, 8 and 2.
const ALPHABET: &[u8; 28] = b"23456789ACDEFGHJKMNPQRTUVWXY";

/// Digits that are not read for any letter: each code has one of them.
const PLAIN_DIGITS: &[u8; 5] = b"34679";

/// Number of a code: drawn at random, so that it may serve as the ticket of a page that waits for
/// the code to be typed, and nobody can name another's.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct CodeId(pub u64);

/// What a code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodePurpose {
    /// Tying a further network to a person.
    Link,
    /// Signing in on the page.
    SignIn,
    /// Joining a network's room to a conversation.
    JoinRoom,
    /// Coming in on a page by a code that was asked for in a direct chat.
    Enter,
}

impl CodePurpose {
    /// Part of the mark. Stored: never changed.
    const fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::SignIn => "sign-in",
            Self::JoinRoom => "join-room",
            Self::Enter => "enter",
        }
    }
}

/// Who asks for codes or tries them, and is limited in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A person who is signed in, or for whom a code is made.
    Person(PersonId),
    /// Somebody in the direct chat of this address.
    Address(AddressId),
    /// Somebody unknown on the page: a hash of where they come from, of which 62 bits count.
    Peer(u64),
}

impl Party {
    /// The party in one number, under which it is counted.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Person(id) => id.0 << 2,
            Self::Address(id) => id.0 << 2 | 1,
            Self::Peer(hash) => hash << 2 | 2,
        }
    }
}

/// The keyed hash of a code for one purpose: HMAC-SHA-256, of which 16 bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark([u8; 16]);

/// A code as people read it. Its `Debug` does not tell it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CodeText([u8; CODE_SYMBOLS]);

impl CodeText {
    /// A new one. It has a digit that is no lookalike, so that no word of a language is a code.
    #[must_use]
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let mut code =
            Self(std::array::from_fn(|_| symbol(ALPHABET, entropy.below(ALPHABET.len() as u64))));
        if !code.has_plain_digit()
            && let [.., last] = &mut code.0
        {
            *last = symbol(PLAIN_DIGITS, entropy.below(PLAIN_DIGITS.len() as u64));
        }
        code
    }

    /// A code as somebody typed it: any case, with spaces and hyphens, lookalikes forgiven.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let mut symbols = typed.chars().filter(|c| !matches!(c, ' ' | '-' | '\u{2013}'));
        let mut code = [0; CODE_SYMBOLS];
        for place in &mut code {
            *place = symbol_of(symbols.next()?)?;
        }
        symbols.next().is_none().then_some(Self(code)).filter(Self::has_plain_digit)
    }

    fn has_plain_digit(&self) -> bool {
        self.0.iter().any(|symbol| PLAIN_DIGITS.contains(symbol))
    }

    /// What is kept of it.
    #[must_use]
    pub fn mark(&self, purpose: CodePurpose, secret: &HubSecret) -> Mark {
        Mark(salt_for_native(secret, "one-time code", purpose.word(), &self.to_string()))
    }
}

fn symbol(of: &[u8], place: u64) -> u8 {
    let place = usize::try_from(place).unwrap_or_default();
    of.get(place).copied().unwrap_or(b'3')
}

fn symbol_of(typed: char) -> Option<u8> {
    let meant = match typed.to_ascii_uppercase() {
        'S' => '5',
        'B' => '8',
        'Z' => '2',
        other => other,
    };
    let byte = u8::try_from(meant).ok()?;
    ALPHABET.contains(&byte).then_some(byte)
}

/// In two halves: `ABCD-2345`.
impl std::fmt::Display for CodeText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, symbol) in self.0.iter().enumerate() {
            let hyphen = if at == CODE_SYMBOLS / 2 { "-" } else { "" };
            write!(f, "{hyphen}{}", char::from(*symbol))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for CodeText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeText(..)")
    }
}

/// A code that waits to be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Its number.
    pub id: CodeId,
    /// By which it is recognised.
    pub mark: Mark,
    /// What it is good for.
    pub purpose: CodePurpose,
    /// For whom it was made: who it stands for when it comes back.
    pub owner: Party,
    /// The conversation that a room is to be joined to.
    pub conversation: Option<ConversationId>,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// Wrong codes that were typed in its place.
    pub wrong_tries: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Debug)]
    struct Steps(AtomicU64);

    impl Entropy for Steps {
        fn next_u64(&self) -> u64 {
            self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
        }
    }

    fn drawn(seed: u64) -> CodeText {
        CodeText::draw(&Steps(AtomicU64::new(seed)))
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_back_however_it_is_typed(seed: u64, lower: bool, style in 0..4) {
            let code = drawn(seed);
            let shown = code.to_string();
            prop_assert_eq!(shown.len(), CODE_SYMBOLS + 1);
            prop_assert!(!shown.contains(['0', 'O', '1', 'I', 'L', 'S', 'B', 'Z']));
            let typed = match style {
                0 => shown,
                1 => shown.replace('-', ""),
                2 => shown.replace('-', " "),
                _ => shown.replace('5', "S").replace('8', "B").replace('2', "z"),
            };
            let typed = if lower { typed.to_lowercase() } else { typed };
            prop_assert_eq!(CodeText::read(&typed), Some(code));
        }

        #[test]
        fn a_mark_is_of_one_code_one_purpose_and_one_hub(one: u64, other: u64) {
            let (here, there) = (HubSecret::new(*b"one hub"), HubSecret::new(*b"another"));
            let code = drawn(one);
            let mark = code.mark(CodePurpose::Link, &here);
            prop_assert_eq!(mark, code.mark(CodePurpose::Link, &here));
            prop_assert_ne!(mark, code.mark(CodePurpose::SignIn, &here));
            prop_assert_ne!(mark, code.mark(CodePurpose::Link, &there));
            if drawn(other) != code {
                prop_assert_ne!(mark, drawn(other).mark(CodePurpose::Link, &here));
            }
        }
    }

    #[test]
    fn what_is_no_code_is_not_read_as_one() {
        for typed in [
            "",
            "ABCD",
            "ACDE-2345-6",
            "ACDE-234O",
            "ACDE-2341",
            "greatday",
            "한국어가나다라마",
            "ACDE_2345",
        ] {
            assert_eq!(CodeText::read(typed), None, "{typed}");
        }
        assert_eq!(format!("{:?}", drawn(1)), "CodeText(..)");
    }

    #[test]
    fn parties_are_counted_apart() {
        let parties = [Party::Person(PersonId(7)), Party::Address(AddressId(7)), Party::Peer(7)];
        let numbers = parties.map(Party::number);
        assert_eq!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    }
}
