//! Ids and texts as they stand in a network's JSON, and cuts counted as networks count them.
//!
//! Not a place for anything that only one network needs. Invariant: no cut ever splits a character.

use ieum_core::marks::Mark;
use std::ops::Range;

/// Longest network id (user, chat, message, event) that is taken.
pub(crate) const ID_BYTES_MAX: usize = 255;
/// Longest quote token that is taken.
pub(crate) const QUOTE_BYTES_MAX: usize = 1_024;
/// Longest reason that goes into the journal.
const REASON_CHARS_MAX: usize = 200;

/// The string as an id: not empty, no longer than `bytes_max`, without control characters.
pub(crate) fn into_id(text: Box<str>, bytes_max: usize) -> Option<Box<str>> {
    let fits = (1..=bytes_max).contains(&text.len());
    (fits && !text.bytes().any(|byte| byte.is_ascii_control())).then_some(text)
}

/// A stretch of a text, in UTF-16 units, as a network names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) length: u64,
}

impl Span {
    fn holds(self, at: u64) -> bool {
        at >= self.start && at - self.start < self.length
    }
}

/// The text without the spans; a gap that a cut would double is closed and the end is trimmed.
pub(crate) fn cut_spans(text: String, spans: &[Span]) -> String {
    if spans.is_empty() {
        return text;
    }
    let pieces = kept_pieces(&text, spans);
    let mut kept: String = pieces.into_iter().filter_map(|piece| text.get(piece)).collect();
    kept.truncate(kept.trim_end().len());
    kept
}

/// What stays of a text, in bytes and in order.
fn kept_pieces(text: &str, spans: &[Span]) -> Vec<Range<usize>> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let (mut units, mut after_cut, mut gap_stands) = (0_u64, false, true);
    for (at, character) in text.char_indices() {
        let cut = spans.iter().any(|span| span.holds(units));
        units += character.len_utf16() as u64;
        let doubles = after_cut && gap_stands && character.is_whitespace();
        if !cut && !doubles {
            let end = at + character.len_utf8();
            match pieces.last_mut().filter(|piece| piece.end == at) {
                Some(piece) => piece.end = end,
                None => pieces.push(at..end),
            }
            gap_stands = character.is_whitespace();
        }
        after_cut = cut;
    }
    pieces
}

/// The same for a text with marks, which stay on their words.
pub(crate) fn cut_marked<W: Clone>(
    text: String,
    spans: &[Span],
    mut marks: Vec<Mark<W>>,
) -> (String, Vec<Mark<W>>) {
    if spans.is_empty() || marks.is_empty() {
        return (cut_spans(text, spans), marks);
    }
    let pieces = kept_pieces(&text, spans);
    let moved = |at: usize| {
        let before = pieces.iter().filter(|piece| piece.start < at);
        before.map(|piece| piece.end.min(at) - piece.start).sum::<usize>()
    };
    let kept = cut_spans(text.clone(), spans);
    for mark in &mut marks {
        (mark.start, mark.end) = (moved(mark.start), moved(mark.end).min(kept.len()));
    }
    marks.retain(|mark| mark.start < mark.end);
    (kept, marks)
}

/// Where the stretch lies in bytes; `None` where it does not lie on whole characters of the text.
pub(crate) fn bytes_of(text: &str, span: Span) -> Option<Range<usize>> {
    let end = span.start.checked_add(span.length)?;
    let (mut units, mut from, mut to) = (0_u64, None, None);
    let ends = text.char_indices().map(|(at, c)| (at, c.len_utf16() as u64));
    for (at, length) in ends.chain([(text.len(), 0)]) {
        if units == span.start {
            from.get_or_insert(at);
        }
        if units == end {
            to.get_or_insert(at);
        }
        if units > end {
            break;
        }
        units += length;
    }
    Some(from?..to?)
}

/// The stretch of a range of bytes; `None` where it does not lie on whole characters of the text.
pub(crate) fn units_of(text: &str, range: Range<usize>) -> Option<Span> {
    let start = utf16_length(text.get(..range.start)?) as u64;
    let length = utf16_length(text.get(range)?) as u64;
    Some(Span { start, length })
}

/// The part of `text` inside the span, or `None` when the span does not end within the text.
pub(crate) fn inside(text: &str, span: Span) -> Option<String> {
    let end = span.start.checked_add(span.length)?;
    let (mut at, mut found) = (0_u64, String::new());
    for character in text.chars() {
        if at >= end {
            break;
        }
        if at >= span.start {
            found.push(character);
        }
        at += character.len_utf16() as u64;
    }
    (at == end).then_some(found)
}

/// Length in UTF-16 units.
pub(crate) fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The longest beginning of `text` within `units_max` UTF-16 units.
pub(crate) fn first_utf16(text: &str, units_max: usize) -> String {
    let mut length = 0;
    let fits = |character: &char| {
        length += character.len_utf16();
        length <= units_max
    };
    text.chars().take_while(fits).collect()
}

/// What there is of `parts`, with `between` between them; empty ones are left out.
pub(crate) fn joined<const PARTS: usize>(parts: [Option<&str>; PARTS], between: &str) -> String {
    let told = parts.into_iter().flatten().filter(|part| !part.is_empty());
    told.collect::<Vec<_>>().join(between)
}

/// `geo:37.57,126.98;u=35` as people write it (RFC 5870).
pub(crate) fn coordinates(uri: &str) -> Option<String> {
    let point = uri.strip_prefix("geo:")?.split(';').next()?;
    let mut numbers = point.split(',').map(str::parse::<f64>);
    let (latitude, longitude) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    Some(format!("{latitude}, {longitude}"))
}

/// A text without the lines in front that quote what it answers, for apps that show no answers.
pub(crate) fn without_quote(body: Box<str>) -> Box<str> {
    if !body.starts_with("> ") {
        return body;
    }
    let mut rest = &*body;
    while let Some(line) = rest.strip_prefix('>') {
        rest = line.split_once('\n').map_or("", |(_, rest)| rest);
    }
    rest.strip_prefix('\n').unwrap_or(rest).into()
}

/// The call's key as a UUID of version 4 (RFC 9562): the same for every repetition.
pub(crate) fn uuid(key: [u8; 16]) -> String {
    let number = u128::from_be_bytes(key);
    let versioned = (number & !(0xF << 76)) | (0x4 << 76);
    let uuid = (versioned & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        uuid >> 96,
        (uuid >> 80) & 0xFFFF,
        (uuid >> 64) & 0xFFFF,
        (uuid >> 48) & 0xFFFF,
        uuid & 0xFFFF_FFFF_FFFF
    )
}

/// A reason for the journal: one line, bounded.
pub(crate) fn reason(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(REASON_CHARS_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_bounded() {
        let id = |text: &str| into_id(text.into(), 4);
        assert_eq!(id("abcd").as_deref(), Some("abcd"));
        for bad in ["", "abcde", "a\n"] {
            assert_eq!(id(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn keys_become_uuids_that_keep_the_keys_bits() {
        assert_eq!(uuid([0; 16]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid([0xFF; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let key: [u8; 16] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        assert_eq!(uuid(key), "00010203-0405-4607-8809-0a0b0c0d0e0f");
    }

    #[test]
    fn what_is_missing_leaves_no_gap() {
        assert_eq!(joined([Some("Kim"), None, Some(""), Some("Su")], " "), "Kim Su");
        assert_eq!(joined([None, None], " "), "");
    }

    #[test]
    fn cuts_close_their_gaps() {
        let cases = [
            ("@hub hi", 0, 4, "hi"),
            ("hi @hub there", 3, 4, "hi there"),
            ("hi @hub", 3, 4, "hi"),
            ("😀@hub hi", 2, 4, "😀 hi"),
            ("줄\n@hub 둘", 2, 4, "줄\n둘"),
            ("whole", 0, 99, ""),
            ("kept ", 9, 2, "kept"),
        ];
        for (text, start, length, expected) in cases {
            let got = cut_spans(text.to_owned(), &[Span { start, length }]);
            assert_eq!(got, expected, "{text:?}");
        }
        assert_eq!(cut_spans("left ".to_owned(), &[]), "left ");
    }

    #[test]
    fn marks_stay_on_their_words_when_something_is_cut() {
        let text = "@hub 안녕 @철수 😀야".to_owned();
        let kind = ieum_core::marks::MarkKind::<()>::Bold;
        let at = text.find("@철수").unwrap();
        let marks = vec![Mark::new(at..at + 7, kind.clone()), Mark::new(0..4, kind)];
        let (kept, marks) = cut_marked(text, &[Span { start: 0, length: 4 }], marks);
        assert_eq!(kept, "안녕 @철수 😀야");
        let words: Vec<&str> = marks.iter().map(|mark| mark.of(&kept)).collect();
        assert_eq!(words, ["@철수"]);
    }

    #[test]
    fn inside_counts_as_networks_do() {
        assert_eq!(inside("😀@hub", Span { start: 2, length: 4 }).as_deref(), Some("@hub"));
        assert_eq!(inside("@hub", Span { start: 0, length: 9 }), None);
        assert_eq!(inside("@hub", Span { start: u64::MAX, length: 9 }), None);
    }

    #[test]
    fn places_and_quotes_are_read_as_apps_write_them() {
        for (uri, point) in [
            ("geo:37.57,126.98;u=35", Some("37.57, 126.98")),
            ("geo:-90,0.5,12", Some("-90, 0.5")),
            ("geo:north", None),
            ("37.57,126.98", None),
        ] {
            assert_eq!(coordinates(uri).as_deref(), point, "{uri}");
        }
        for (body, rest) in [
            ("> a\n> b\n\nc\n> d", "c\n> d"),
            ("> a\nb", "b"),
            ("> a", ""),
            (">_<", ">_<"),
            ("", ""),
        ] {
            assert_eq!(&*without_quote(body.into()), rest, "{body}");
        }
    }

    #[test]
    fn beginnings_do_not_split_a_pair() {
        assert_eq!(first_utf16("a😀b", 2), "a");
        assert_eq!(first_utf16("a😀b", 3), "a😀");
        assert_eq!(utf16_length("a😀b"), 4);
    }

    proptest! {
        #[test]
        fn no_cut_panics(text in ".*", start in any::<u64>(), length in any::<u64>()) {
            let span = Span { start, length };
            prop_assert!(cut_spans(text.clone(), &[span]).len() <= text.len());
            if let Some(range) = bytes_of(&text, span) {
                prop_assert_eq!(units_of(&text, range.clone()), Some(span));
                let same = inside(&text, span).as_deref() == text.get(range);
                prop_assert!(same, "{:?}", span);
            }
            prop_assert!(inside(&text, span).is_none_or(|part| text.contains(&part)));
        }
    }
}
