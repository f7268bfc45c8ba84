//! Ids and texts as they stand in a network's JSON, and cuts counted as networks count them.
//!
//! Not a place for anything that only one network needs. Invariant: no cut ever splits a character.

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
    let mut kept = String::with_capacity(text.len());
    let (mut at, mut after_cut) = (0_u64, false);
    for character in text.chars() {
        let cut = spans.iter().any(|span| span.holds(at));
        at += character.len_utf16() as u64;
        if !cut {
            let gap_stands = kept.chars().next_back().is_none_or(char::is_whitespace);
            if !(after_cut && gap_stands && character.is_whitespace()) {
                kept.push(character);
            }
        }
        after_cut = cut;
    }
    kept.truncate(kept.trim_end().len());
    kept
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
            prop_assert!(inside(&text, span).is_none_or(|part| text.contains(&part)));
        }
    }
}
