//! Splitting a text that is longer than a network carries, and cutting one short.
//!
//! Works on the text alone: it adds no numbering, no ellipsis and trims nothing. Invariants: the
//! parts of a text joined together are the text; no part is longer than the limit; what people see
//! as one character is not torn unless it alone is longer than the limit.

use std::iter::FusedIterator;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::measure::{TextUnit, fits};

/// Splits `text` into parts of at most `limit` units; an empty text has no parts.
///
/// A part ends after a blank line, else a line, else a word, if one ends in the last third of what
/// fits; else at the last whole character that fits. A limit below
/// [`TextUnit::units_per_char_max`] counts as that.
///
/// The time is linear in the text; a text that fits is given back as it is.
#[must_use]
pub fn split(text: &str, limit: usize, unit: TextUnit) -> Vec<&str> {
    parts(text, limit, unit).collect()
}

/// The parts that [`split`] gives, one at a time.
#[must_use]
pub fn parts(text: &str, limit: usize, unit: TextUnit) -> Parts<'_> {
    Parts { rest: text, limit: limit.max(unit.units_per_char_max()), unit }
}

/// The longest beginning of `text` that fits and tears no character, for quotes and names.
///
/// Empty when the first character, with all that is combined with it, does not fit.
#[must_use]
pub fn cut(text: &str, limit: usize, unit: TextUnit) -> &str {
    if fits(text, limit, unit) {
        return text;
    }
    let window = window(text, limit, unit);
    let end = if is_border(text, window.len()) { window.len() } else { last_border(window) };
    text.get(..end).unwrap_or_default()
}

/// The parts of a text, see [`parts`].
#[derive(Clone, Debug)]
pub struct Parts<'t> {
    rest: &'t str,
    limit: usize,
    unit: TextUnit,
}

impl<'t> Iterator for Parts<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let end = if fits(self.rest, self.limit, self.unit) {
            self.rest.len()
        } else {
            end_of_part(self.rest, self.limit, self.unit)
        };
        let (part, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        Some(part)
    }
}

impl FusedIterator for Parts<'_> {}

/// How good it is to end a part somewhere; later is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Character,
    Word,
    Line,
    Paragraph,
}

/// Where the first part of `text`, which does not fit, ends.
fn end_of_part(text: &str, limit: usize, unit: TextUnit) -> usize {
    let window = window(text, limit, unit);
    // Only the window is walked: one endless character must not be walked again for each part.
    let mut before = Ending::Character;
    let (mut best, mut best_at) = (Ending::Character, 0);
    for (at, grapheme) in window.grapheme_indices(true) {
        let end = at + grapheme.len();
        if end == window.len() && !is_border(text, end) {
            break;
        }
        let ending = ending_after(grapheme, before);
        let found = if end <= window.len() / 3 * 2 { Ending::Character } else { ending };
        if found >= best {
            (best, best_at) = (found, end);
        }
        before = ending;
    }
    if best_at == 0 { window.len() } else { best_at }
}

/// What ends with `grapheme`, which follows upon an ending of `before`.
fn ending_after(grapheme: &str, before: Ending) -> Ending {
    match grapheme {
        "\n" | "\r\n" | "\r" | "\u{2028}" if before >= Ending::Line => Ending::Paragraph,
        "\u{2029}" => Ending::Paragraph,
        "\n" | "\r\n" | "\r" | "\u{2028}" => Ending::Line,
        "。" | "、" | "，" | "！" | "？" => Ending::Word,
        // A space that is there to keep two words together does not part them.
        "\u{a0}" | "\u{202f}" => Ending::Character,
        _ if grapheme.chars().all(char::is_whitespace) => Ending::Word,
        _ => Ending::Character,
    }
}

/// The longest beginning of `text` of at most `limit` units, torn characters or not.
fn window(text: &str, limit: usize, unit: TextUnit) -> &str {
    let mut left = limit;
    let over = text.char_indices().find(|(_, character)| {
        match left.checked_sub(unit.of_char(*character)) {
            Some(less) => {
                left = less;
                false
            }
            None => true,
        }
    });
    let end = over.map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

/// Whether what people see as a character ends at byte `at`.
fn is_border(text: &str, at: usize) -> bool {
    GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0).unwrap_or(false)
}

/// Where the last character of `text`, which is torn, begins.
fn last_border(text: &str) -> usize {
    let mut cursor = GraphemeCursor::new(text.len(), text.len(), true);
    cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::measure::measure;
    use super::*;

    fn check(text: &str, limit: usize, unit: TextUnit, expected: &[&str]) {
        assert_eq!(split(text, limit, unit), expected, "{text:?} at {limit}");
    }

    #[test]
    fn a_text_that_fits_is_one_part_and_none_has_no_part() {
        check("", 10, TextUnit::Chars, &[]);
        check("안녕하세요", 5, TextUnit::Chars, &["안녕하세요"]);
        check("안녕하세요", 15, TextUnit::Bytes, &["안녕하세요"]);
    }

    #[test]
    fn parts_end_where_the_text_pauses() {
        check("one two three", 9, TextUnit::Chars, &["one two ", "three"]);
        check("a line\nb c d", 9, TextUnit::Chars, &["a line\n", "b c d"]);
        check("abcde\n\nf\ng h i", 10, TextUnit::Chars, &["abcde\n\n", "f\ng h i"]);
        check("abcde\r\n\r\nf g h", 12, TextUnit::Bytes, &["abcde\r\n\r\n", "f g h"]);
        check("今日は。明日も行く", 6, TextUnit::Chars, &["今日は。明日", "も行く"]);
        check("今日は。明日も行く", 5, TextUnit::Chars, &["今日は。", "明日も行く"]);
        // A pause before the last third would leave parts too short.
        check("a bcdefghijkl", 9, TextUnit::Chars, &["a bcdefgh", "ijkl"]);
        check("12\u{a0}kmabc", 5, TextUnit::Chars, &["12\u{a0}km", "abc"]);
    }

    /// One syllable of three conjoining letters, as some systems write it.
    const SYLLABLE: &str = "\u{1100}\u{1161}\u{11a8}";

    #[test]
    fn what_is_seen_as_one_character_is_not_torn() {
        let two = SYLLABLE.repeat(2);
        check(&SYLLABLE.repeat(3), 8, TextUnit::Chars, &[&two, SYLLABLE]);
        check("👨‍👩‍👧👨‍👩‍👧", 9, TextUnit::Chars, &["👨‍👩‍👧", "👨‍👩‍👧"]);
        check("🇰🇷🇯🇵🇰🇷", 3, TextUnit::Chars, &["🇰🇷", "🇯🇵", "🇰🇷"]);
        check("👍🏽👍🏽", 7, TextUnit::Utf16, &["👍🏽", "👍🏽"]);
        check("e\u{301}e\u{301}e\u{301}", 5, TextUnit::Chars, &["e\u{301}e\u{301}", "e\u{301}"]);
        check("ab\r\ncd", 3, TextUnit::Chars, &["ab", "\r\nc", "d"]);
    }

    #[test]
    fn a_character_over_the_limit_is_torn_and_kept() {
        check("👨‍👩‍👧", 4, TextUnit::Chars, &["👨‍👩\u{200d}", "👧"]);
        check("e\u{301}\u{301}\u{301}", 2, TextUnit::Chars, &["e\u{301}", "\u{301}\u{301}"]);
        check("👍👍", 0, TextUnit::Utf16, &["👍", "👍"]);
        check("한", 1, TextUnit::Bytes, &["한"]);
    }

    #[test]
    fn cutting_tears_nothing() {
        let cases = [
            ("", 0, ""),
            ("abc", 0, ""),
            ("abc", 2, "ab"),
            ("민지👨‍👩‍👧", 6, "민지"),
            ("민지👨‍👩‍👧", 7, "민지👨‍👩‍👧"),
            ("🇰🇷🇯🇵", 3, "🇰🇷"),
            ("e\u{301}\u{301}", 2, ""),
            ("\u{1100}\u{1161}\u{11a8}x", 2, ""),
        ];
        for (text, limit, expected) in cases {
            assert_eq!(cut(text, limit, TextUnit::Chars), expected, "{text:?} at {limit}");
        }
    }

    #[test]
    fn one_endless_character_is_split_in_linear_time() {
        // Two million bytes: walked once for each of 500 parts they would take minutes.
        let text = format!("e{}", "\u{301}".repeat(1_000_000));
        let parts = split(&text, 4_096, TextUnit::Utf16);
        assert_eq!(parts.len(), 245);
        assert_eq!(parts.concat().len(), text.len());
    }

    /// Pieces that combine with their neighbours, and the pauses at which parts should end.
    fn tangled_text() -> impl Strategy<Value = String> {
        let pieces = [
            "a",
            "word ",
            "\n",
            "\n\n",
            "\r\n",
            "\r",
            "한",
            "ᄀ",
            "ᅡ",
            "ᆨ",
            "각",
            "\u{1100}\u{1161}\u{11a8}",
            "👍",
            "🏽",
            "\u{200d}",
            "👨",
            "👩‍👧",
            "🇰",
            "🇷",
            "e",
            "\u{301}",
            "\u{327}",
            "\u{fe0f}",
            "\u{20e3}",
            "1",
            "\u{200f}",
            "\u{202e}",
            "م",
            "ر",
            "\u{610}",
            "क",
            "्",
            "ष",
            "ि",
            "\u{a0}",
            "。",
            "\u{2029}",
        ];
        proptest::collection::vec(prop::sample::select(pieces.to_vec()), 0..120)
            .prop_map(|pieces| pieces.concat())
    }

    fn unit() -> impl Strategy<Value = TextUnit> {
        prop::sample::select(vec![TextUnit::Utf16, TextUnit::Chars, TextUnit::Bytes])
    }

    fn borders(text: &str) -> Vec<usize> {
        text.grapheme_indices(true).map(|(at, _)| at).collect()
    }

    proptest! {
        #[test]
        fn no_character_is_lost_and_no_limit_exceeded(
            text in prop_oneof![tangled_text(), any::<String>()],
            limit in 4..60_usize,
            unit in unit(),
        ) {
            let parts = split(&text, limit, unit);
            prop_assert_eq!(parts.concat(), text.as_str());
            for part in &parts {
                prop_assert!(!part.is_empty());
                prop_assert!(measure(part, unit) <= limit, "{:?}", part);
            }
            let count_min = measure(&text, unit).div_ceil(limit);
            prop_assert!(parts.len() >= count_min);
        }

        #[test]
        fn only_what_is_over_the_limit_is_torn(
            text in tangled_text(), limit in 4..60_usize, unit in unit(),
        ) {
            let longest = text.graphemes(true).map(|grapheme| measure(grapheme, unit)).max();
            prop_assume!(longest.is_some_and(|longest| longest <= limit));
            let borders = borders(&text);
            let mut at = 0;
            for part in parts(&text, limit, unit) {
                prop_assert!(borders.contains(&at), "torn at {}: {:?}", at, text);
                at += part.len();
            }
        }

        #[test]
        fn cutting_gives_the_longest_whole_beginning(
            text in tangled_text(), limit in 0..60_usize, unit in unit(),
        ) {
            let ends = borders(&text).into_iter().chain([text.len()]);
            let expected = ends
                .filter_map(|end| text.get(..end))
                .rfind(|start| measure(start, unit) <= limit);
            prop_assert_eq!(cut(&text, limit, unit), expected.unwrap_or_default());
        }
    }
}
