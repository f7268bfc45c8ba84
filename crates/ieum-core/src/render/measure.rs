//! How long a text is, in the unit that a network counts.

use serde::Serialize;

/// What a network counts when it limits a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TextUnit {
    /// UTF-16 code units: a character outside the basic plane counts two.
    Utf16,
    /// Unicode scalar values.
    Chars,
    /// Bytes of UTF-8.
    Bytes,
}

impl TextUnit {
    /// Units of the longest character: no limit below this can be kept with every text.
    #[must_use]
    pub const fn units_per_char_max(self) -> usize {
        match self {
            Self::Utf16 => 2,
            Self::Chars => 1,
            Self::Bytes => 4,
        }
    }

    /// Bytes of UTF-8 that one unit stands for at most.
    const fn bytes_per_unit_max(self) -> usize {
        match self {
            Self::Utf16 => 3,
            Self::Chars => 4,
            Self::Bytes => 1,
        }
    }

    /// Units of one character.
    #[must_use]
    pub const fn of_char(self, character: char) -> usize {
        match self {
            Self::Utf16 => character.len_utf16(),
            Self::Chars => 1,
            Self::Bytes => character.len_utf8(),
        }
    }
}

/// The first byte of a character of four bytes, which are two units of UTF-16, is at least this.
const FOUR_BYTES_FIRST: u8 = 0xf0;

/// The length of `text` in `unit`.
#[must_use]
pub fn measure(text: &str, unit: TextUnit) -> usize {
    match unit {
        TextUnit::Bytes => text.len(),
        TextUnit::Chars => text.chars().count(),
        TextUnit::Utf16 => {
            let pairs = text.bytes().filter(|byte| *byte >= FOUR_BYTES_FIRST).count();
            text.chars().count() + pairs
        }
    }
}

/// Whether `text` is at most `limit` long.
///
/// Looks at the number of bytes first, which decides for short texts and for very long ones, so
/// that the time is bounded by `limit` and not by the text.
#[must_use]
pub fn fits(text: &str, limit: usize, unit: TextUnit) -> bool {
    if text.len() <= limit {
        return true;
    }
    text.len() <= limit.saturating_mul(unit.bytes_per_unit_max()) && measure(text, unit) <= limit
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_unit_counts_its_own() {
        let cases = [
            ("", 0, 0, 0),
            ("abc", 3, 3, 3),
            ("한국", 2, 2, 6),
            ("\u{1100}\u{1161}\u{11a8}", 3, 3, 9),
            ("👍🏽", 4, 2, 8),
            ("👨‍👩‍👧", 8, 5, 18),
            ("🇰🇷", 4, 2, 8),
            ("e\u{301}\u{200f}", 3, 3, 6),
        ];
        for (text, utf16, chars, bytes) in cases {
            assert_eq!(measure(text, TextUnit::Utf16), utf16, "{text}");
            assert_eq!(measure(text, TextUnit::Chars), chars, "{text}");
            assert_eq!(measure(text, TextUnit::Bytes), bytes, "{text}");
        }
    }

    proptest! {
        #[test]
        fn measuring_agrees_with_encoding(text in any::<String>(), limit in 0..200_usize) {
            prop_assert_eq!(measure(&text, TextUnit::Utf16), text.encode_utf16().count());
            for unit in [TextUnit::Utf16, TextUnit::Chars, TextUnit::Bytes] {
                let sum: usize = text.chars().map(|character| unit.of_char(character)).sum();
                prop_assert_eq!(measure(&text, unit), sum);
                prop_assert_eq!(fits(&text, limit, unit), sum <= limit);
            }
        }
    }
}
