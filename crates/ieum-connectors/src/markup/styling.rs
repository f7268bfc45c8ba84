//! Message styling (XEP-0393) <-> marks: `*strong*`, `_emphasis_`, `~strike~`, `` `code` ``,
//! quoted lines, and lines between fences.
//!
//! Nothing can be escaped in it. So a mark that would be read otherwise is left out and its words
//! stay, and a text of plain words that would be read as styled says that it is not. A quote is
//! read where a blank stands behind its sign: `>_<` is a face. Invariant: nothing but the signs of
//! what is read is taken out of a text.

use super::edits::{Edit, edited};
use ieum_core::marks::{MARKS_MAX, Mark, MarkKind, tidy};
use std::ops::Range;

/// Longest text whose styling is read; a longer one is read as it stands.
const STYLED_BYTES_MAX: usize = 64 * 1024;
const FENCE: &str = "```";

/// The sign that stands before and behind a stretch of a line.
fn sign<W>(kind: &MarkKind<W>) -> Option<char> {
    match kind {
        MarkKind::Bold => Some('*'),
        MarkKind::Italic => Some('_'),
        MarkKind::Strike => Some('~'),
        MarkKind::Code => Some('`'),
        MarkKind::Quote | MarkKind::Pre | MarkKind::Mention(_) | MarkKind::Link(_) => None,
    }
}

fn meant<W>(sign: char) -> Option<MarkKind<W>> {
    Some(match sign {
        '*' => MarkKind::Bold,
        '_' => MarkKind::Italic,
        '~' => MarkKind::Strike,
        '`' => MarkKind::Code,
        _ => return None,
    })
}

/// The text without the signs of its styling, and what they say of it beside the marks it has.
pub(crate) fn read<W: Clone + PartialEq>(
    text: String,
    mut marks: Vec<Mark<W>>,
) -> (String, Vec<Mark<W>>) {
    if text.len() > STYLED_BYTES_MAX {
        return (text, marks);
    }
    let mut found = Found { text: &text, marks: Vec::new(), cuts: Vec::new() };
    found.blocks();
    if found.marks.is_empty() {
        return (text, marks);
    }
    let Found { marks: styles, cuts, .. } = found;
    let unplaced = marks.iter().filter(|mark| mark.start == mark.end).cloned();
    let unplaced: Vec<_> = unplaced.collect();
    marks.extend(styles);
    let (text, marks) = edited(&text, cuts, marks);
    let mut marks = tidy(&text, marks);
    marks.extend(unplaced);
    (text, marks)
}

/// Whether a text without marks would be read as one with some.
pub(crate) fn seems_styled(text: &str) -> bool {
    let mut found = Found::<()> { text, marks: Vec::new(), cuts: Vec::new() };
    found.blocks();
    found.marks.iter().any(|mark| mark.kind != MarkKind::Quote)
}

/// What is found in a text: what its stretches are, and the signs that say so.
struct Found<'t, W> {
    text: &'t str,
    marks: Vec<Mark<W>>,
    cuts: Vec<Edit>,
}

impl<W: PartialEq> Found<'_, W> {
    /// Line by line: fences first, then quotes, then what stands within lines.
    fn blocks(&mut self) {
        let (mut at, mut quote): (usize, Option<usize>) = (0, None);
        while let Some(rest) = self.text.get(at..).filter(|rest| !rest.is_empty()) {
            let line = rest.split('\n').next().unwrap_or_default();
            let end = at + line.len();
            let quoted = line.strip_prefix("> ");
            if quoted.is_none()
                && let Some(start) = quote.take()
            {
                self.mark(start..at - 1, MarkKind::Quote);
            }
            if let Some(words) = quoted {
                quote.get_or_insert(at);
                self.cut(at..at + 2);
                self.spans(end - words.len()..end, true);
            } else if line.starts_with(FENCE)
                && let Some(behind) = self.fenced(at, end)
            {
                at = behind;
                continue;
            } else {
                self.spans(at..end, true);
            }
            at = end + 1;
        }
        if let Some(start) = quote {
            self.mark(start..self.text.len(), MarkKind::Quote);
        }
    }

    /// Lines between a fence and the next one; where they end. A fence that nobody closes is none.
    fn fenced(&mut self, open: usize, first: usize) -> Option<usize> {
        let inner = self.text.get(first + 1..)?;
        let ends = |(at, _): &(usize, &str)| {
            let behind = inner.get(at + FENCE.len()..).unwrap_or_default();
            (*at == 0 || inner.get(..*at).is_some_and(|before| before.ends_with('\n')))
                && (behind.is_empty() || behind.starts_with('\n'))
        };
        let (length, _) = inner.match_indices(FENCE).find(ends)?;
        let (start, close) = (first + 1, first + 1 + length);
        if length < 2 {
            return None;
        }
        self.cut(open..start);
        self.cut(close - 1..close + FENCE.len());
        self.mark(start..close - 1, MarkKind::Pre);
        Some(close + FENCE.len() + 1)
    }

    /// Stretches of one line; `free` where a sign may stand at its beginning.
    fn spans(&mut self, line: Range<usize>, free: bool) {
        let (mut at, mut free, mut hopeless) = (line.start, free, String::new());
        let end = line.end;
        while let Some(rest) = self.text.get(at..end) {
            let Some(character) = rest.chars().next() else { return };
            let next = at + character.len_utf8();
            let kind = meant(character).filter(|_| free && !hopeless.contains(character));
            free = character.is_whitespace();
            if let Some(kind) = kind
                && self.marks.len() < MARKS_MAX
            {
                match self.closed(character, next..end) {
                    Some(close) => {
                        self.cut(at..next);
                        self.cut(close..close + 1);
                        if kind != MarkKind::Code {
                            self.spans(next..close, true);
                        }
                        self.mark(next..close, kind);
                        at = close + 1;
                        continue;
                    }
                    None => hopeless.push(character),
                }
            }
            at = next;
        }
    }

    /// Where the same sign ends a stretch: behind a character that is no blank.
    fn closed(&self, sign: char, inner: Range<usize>) -> Option<usize> {
        let words = self.text.get(inner.clone())?;
        let begins = |c: char| !c.is_whitespace() && c != sign;
        words.chars().next().filter(|first| begins(*first))?;
        let ends = |at: &usize| {
            let before = words.get(..*at).and_then(|before| before.chars().next_back());
            before.is_some_and(|c| !c.is_whitespace())
        };
        let mut closing = words.match_indices(sign).map(|(at, _)| at);
        closing.find(ends).map(|at| inner.start + at)
    }

    fn cut(&mut self, range: Range<usize>) {
        self.cuts.push((range, String::new()));
    }

    fn mark(&mut self, range: Range<usize>, kind: MarkKind<W>) {
        self.marks.push(Mark::new(range, kind));
    }
}

/// The text with the signs of its styling; the marks without signs stay on their words.
pub(crate) fn write<W: Clone + PartialEq>(
    text: &str,
    marks: Vec<Mark<W>>,
) -> (String, Vec<Mark<W>>) {
    let (blocks, mut spans): (Vec<_>, Vec<_>) =
        marks.iter().cloned().partition(|mark| mark.kind.is_block());
    let mut edits: Vec<Edit> = Vec::new();
    for block in blocks {
        let is_pre = matches!(block.kind, MarkKind::Pre);
        if is_pre {
            spans.retain(|span| span.start >= block.end || span.end <= block.start);
        }
        let written = if is_pre { pre(text, &block) } else { quote(text, &block) };
        edits.extend(written);
    }
    spans.retain(|span| sign(&span.kind).is_some());
    let pieces = spans.into_iter().flat_map(|span| by_lines(text, &span)).collect();
    edits.extend(signs(text, pieces));
    let calls = marks.into_iter().filter(|mark| matches!(mark.kind, MarkKind::Mention(_)));
    edited(text, edits, calls.collect())
}

/// A line break before and behind a block, where there is none.
fn breaks<W>(text: &str, block: &Mark<W>) -> (&'static str, &'static str) {
    let before = text.get(..block.start).unwrap_or_default();
    let behind = text.get(block.end..).unwrap_or_default();
    let own = |there: bool| if there { "" } else { "\n" };
    (
        own(before.is_empty() || before.ends_with('\n')),
        own(behind.is_empty() || behind.starts_with('\n')),
    )
}

fn quote<W>(text: &str, block: &Mark<W>) -> Vec<Edit> {
    let (before, behind) = breaks(text, block);
    let mut edits = vec![(block.start..block.start, format!("{before}> "))];
    let lines = block.of(text).match_indices('\n').map(|(at, _)| block.start + at + 1);
    edits.extend(lines.map(|at| (at..at, "> ".to_owned())));
    if !behind.is_empty() {
        edits.push((block.end..block.end, behind.to_owned()));
    }
    edits
}

fn pre<W>(text: &str, block: &Mark<W>) -> Vec<Edit> {
    if block.of(text).contains(FENCE) {
        return Vec::new();
    }
    let (before, behind) = breaks(text, block);
    vec![
        (block.start..block.start, format!("{before}{FENCE}\n")),
        (block.end..block.end, format!("\n{FENCE}{behind}")),
    ]
}

/// A mark's pieces, one a line, without blank edges.
fn by_lines<W: Clone>(text: &str, mark: &Mark<W>) -> Vec<Mark<W>> {
    let mut at = mark.start;
    let pieces = mark.of(text).split('\n').filter_map(|line| {
        let start = at + (line.len() - line.trim_start().len());
        let range = start..start + line.trim().len();
        at += line.len() + 1;
        (!range.is_empty()).then(|| Mark::new(range, mark.kind.clone()))
    });
    pieces.collect()
}

/// The signs of those stretches of lines that will be read as what they are.
fn signs<W: PartialEq>(text: &str, mut pieces: Vec<Mark<W>>) -> Vec<Edit> {
    // The outer ones first; code has nothing in it.
    pieces.sort_by_key(|mark| {
        let order = sign(&mark.kind).and_then(|sign| "*_~`".find(sign));
        (mark.start, std::cmp::Reverse(mark.end), order)
    });
    let (mut edits, mut open): (Vec<Edit>, Vec<(Mark<W>, char)>) = (Vec::new(), Vec::new());
    for mark in pieces {
        while let Some((done, sign)) = open.pop_if(|(outer, _)| outer.end <= mark.start) {
            edits.push((done.end..done.end, sign.to_string()));
        }
        let Some(own) = sign(&mark.kind) else { continue };
        let around = open.last();
        let fits = around.is_none_or(|(outer, sign)| mark.end <= outer.end && *sign != '`');
        if fits
            && is_free(text, &mark, around.map(|(outer, _)| outer))
            && is_clear(text, &mark, own)
        {
            edits.push((mark.start..mark.start, own.to_string()));
            open.push((mark, own));
        }
    }
    while let Some((done, sign)) = open.pop() {
        edits.push((done.end..done.end, sign.to_string()));
    }
    edits
}

/// Whether a sign before it begins a stretch.
fn is_free<W>(text: &str, mark: &Mark<W>, around: Option<&Mark<W>>) -> bool {
    let before = text.get(..mark.start).and_then(|before| before.chars().next_back());
    before.is_none_or(char::is_whitespace) || around.is_some_and(|outer| outer.start == mark.start)
}

/// Whether no sign within it ends it too early.
fn is_clear<W>(text: &str, mark: &Mark<W>, own: char) -> bool {
    !mark.of(text).contains(own)
}

#[cfg(test)]
#[path = "styling_tests.rs"]
mod tests;
