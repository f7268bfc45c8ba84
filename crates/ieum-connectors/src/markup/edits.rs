//! Stretches of a text put in the place of others, with its marks kept on their words.
//!
//! Invariants: what no edit touches stays as it stands; a mark never lies outside of the new text.

use ieum_core::marks::Mark;
use std::ops::Range;

/// What is to stand in the place of a range of bytes; an empty range takes nothing away.
pub(crate) type Edit = (Range<usize>, String);

/// The text with all edits, in order of their places; one that begins within another is left out.
pub(crate) fn edited<W>(
    text: &str,
    mut edits: Vec<Edit>,
    mut marks: Vec<Mark<W>>,
) -> (String, Vec<Mark<W>>) {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    edits.retain(|(range, words)| {
        let free = range.start >= from && text.get(range.clone()).is_some();
        if free {
            out.push_str(text.get(from..range.start).unwrap_or_default());
            out.push_str(words);
            from = range.end;
        }
        free
    });
    out.push_str(text.get(from..).unwrap_or_default());
    for mark in &mut marks {
        let (start, end) = (mark.start, mark.end);
        // What is put in at an edge of a mark stands outside of it.
        mark.start = moved(&edits, start, |range| range.end <= start);
        mark.end = moved(&edits, end, |range| range.end <= end && range.start < end);
    }
    marks.retain(|mark| mark.start <= mark.end && out.get(mark.start..mark.end).is_some());
    (out, marks)
}

/// Where a place lies behind these edits.
fn moved(edits: &[Edit], place: usize, before: impl Fn(&Range<usize>) -> bool) -> usize {
    let (mut at, mut inside) = (place, 0);
    for (range, words) in edits {
        if before(range) {
            at = at + words.len() - range.len();
        } else if range.start < place {
            // Within what was taken away: where that began.
            inside = place - range.start;
        }
    }
    at - inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use ieum_core::marks::MarkKind;
    use proptest::prelude::*;

    fn bold(range: Range<usize>) -> Mark<()> {
        Mark::new(range, MarkKind::Bold)
    }

    #[test]
    fn marks_stay_on_their_words() {
        let edits = vec![
            (0..0, "*".to_owned()),
            (1..1, "*".to_owned()),
            (2..4, "longer".to_owned()),
            (5..6, String::new()),
        ];
        let marks = vec![bold(0..1), bold(2..4), bold(4..6), bold(3..6)];
        let (text, marks) = edited("abcdef", edits, marks);
        assert_eq!(text, "*a*blongere");
        let words: Vec<&str> = marks.iter().map(|mark| mark.of(&text)).collect();
        assert_eq!(words, ["a", "longer", "e", "longere"]);
    }

    #[test]
    fn of_edits_that_meet_the_first_is_made() {
        let edits = vec![(1..3, "x".to_owned()), (2..4, "y".to_owned()), (0..99, "z".to_owned())];
        assert_eq!(edited::<()>("abcdef", edits, Vec::new()).0, "axdef");
    }

    proptest! {
        #[test]
        fn no_mark_leaves_its_text(
            text in "[a가 \\n]{0,20}",
            edits in prop::collection::vec((0_usize..40, 0_usize..6, "[xy가]{0,3}"), 0..6),
            marks in prop::collection::vec((0_usize..40, 0_usize..9), 0..6),
        ) {
            let edits = edits.into_iter().map(|(at, length, words)| (at..at + length, words));
            let marks: Vec<_> =
                marks.into_iter().map(|(at, length)| bold(at..at + length)).collect();
            let (out, marks) = edited(&text, edits.collect(), marks);
            for mark in marks {
                prop_assert!(out.get(mark.start..mark.end).is_some());
            }
        }
    }
}
