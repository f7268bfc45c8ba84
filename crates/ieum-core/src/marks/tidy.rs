//! The normal form of marks: nested where they can be, whole lines where they are blocks.

use super::{LINK_BYTES_MAX, MARKS_MAX, Mark, MarkKind, line_around};
use std::ops::Range;

/// What a link may begin with; whatever else is tapped could start a program.
const SCHEMES: &[&str] = &["https://", "http://", "mailto:", "tel:", "geo:", "xmpp:"];

/// The marks in their normal form: those that lie in the text, in their order. Blocks take whole
/// lines; links and mentions do not overlap; strong and the like have no blank edges and meet
/// nowhere. Of more than [`MARKS_MAX`] the first are kept.
#[must_use]
pub fn tidy<W: Clone + PartialEq>(text: &str, marks: Vec<Mark<W>>) -> Vec<Mark<W>> {
    if marks.is_empty() {
        return marks;
    }
    let fits = |mark: &Mark<W>| mark.start < mark.end && text.get(mark.start..mark.end).is_some();
    let marks = marks.into_iter().filter(fits).take(MARKS_MAX);
    let mut marks: Vec<_> = marks.collect();
    marks.sort_by_key(|mark| (mark.kind.rank(), mark.start, mark.end));
    // Joined before their edges are looked at: pieces of one mark may have blank ones.
    let marks = joined(marks).into_iter().filter_map(|mark| shaped(text, mark));
    let marks: Vec<_> = marks.collect();
    let (mut blocks, inline): (Vec<_>, Vec<_>) =
        marks.into_iter().partition(|mark| mark.kind.is_block());
    blocks.sort_by_key(|mark| (mark.start, mark.end));
    let mut tidied: Vec<Mark<W>> = Vec::new();
    for block in blocks {
        if tidied.last().is_none_or(|last| last.end < block.start) {
            tidied.push(block);
        }
    }
    let mut pieces = in_blocks(text, &tidied, inline);
    pieces.sort_by_key(|mark| (mark.kind.rank(), mark.start, mark.end));
    let pieces = joined(pieces);
    tidied.extend(pieces);
    tidied.sort_by_key(|mark| (mark.start, mark.kind.rank()));
    tidied.truncate(MARKS_MAX);
    tidied
}

/// What is shown as it stands is a block where it takes lines; a link has a usable address.
fn shaped<W: PartialEq>(text: &str, mark: Mark<W>) -> Option<Mark<W>> {
    let Mark { start, end, kind } = mark;
    let inner = without_edges(text, start, end, char::is_whitespace)?;
    let has_lines = text.get(inner.clone())?.contains('\n');
    let is_whole = line_around(text, inner.start, inner.end) == inner;
    let kind = if kind == MarkKind::Pre && !has_lines && !is_whole {
        MarkKind::Code
    } else if kind == MarkKind::Code && has_lines {
        MarkKind::Pre
    } else if let Some(to) = kind.link() {
        MarkKind::Link(usable(to)?)
    } else {
        kind
    };
    let range = if kind.is_block() {
        let lines = without_edges(text, start, end, |c| c == '\n')?;
        line_around(text, lines.start, lines.end)
    } else {
        inner
    };
    Some(Mark::new(range, kind))
}

/// A stretch without what its edges are not to be; nothing where nothing is left.
fn without_edges(
    text: &str,
    start: usize,
    end: usize,
    edge: impl Fn(char) -> bool,
) -> Option<Range<usize>> {
    let words = text.get(start..end)?;
    let from = start + (words.len() - words.trim_start_matches(&edge).len());
    let to = start + words.trim_end_matches(&edge).len();
    (from < to).then_some(from..to)
}

/// An address as it can stand between brackets of markdown.
fn usable(to: &str) -> Option<Box<str>> {
    let lower = to.get(..to.len().min(8)).unwrap_or(to).to_ascii_lowercase();
    let known = SCHEMES.iter().any(|scheme| lower.starts_with(scheme));
    let plain = !to.chars().any(|c| c.is_whitespace() || c.is_control());
    if !known || !plain {
        return None;
    }
    let mut address = String::with_capacity(to.len());
    for character in to.chars() {
        match character {
            '(' => address.push_str("%28"),
            ')' => address.push_str("%29"),
            '<' => address.push_str("%3C"),
            '>' => address.push_str("%3E"),
            '\\' => address.push_str("%5C"),
            other => address.push(other),
        }
    }
    (address.len() <= LINK_BYTES_MAX).then(|| address.into())
}

/// Marks cut where blocks begin and end, none within what is shown as it stands.
fn in_blocks<W: Clone>(text: &str, blocks: &[Mark<W>], marks: Vec<Mark<W>>) -> Vec<Mark<W>> {
    let mut pieces = Vec::new();
    for mark in marks {
        let (mut at, is_whole) = (mark.start, mark.kind.rank() <= 3);
        let touched = blocks.iter().filter(|block| block.start <= mark.end && block.end >= at);
        let touched: Vec<_> = touched.collect();
        let inside = |block: &&&Mark<W>| block.start <= mark.start && mark.end <= block.end;
        match (touched.iter().find(inside), touched.is_empty()) {
            (Some(block), _) if matches!(block.kind, MarkKind::Pre) => continue,
            (Some(_), _) | (None, true) => {
                pieces.extend(trimmed(text, mark.start, mark.end, &mark.kind));
                continue;
            }
            (None, false) => {}
        }
        for block in touched.iter().filter(|_| !is_whole) {
            pieces.extend(trimmed(text, at, block.start, &mark.kind));
            if matches!(block.kind, MarkKind::Quote) {
                let (start, end) = (at.max(block.start), mark.end.min(block.end));
                pieces.extend(trimmed(text, start, end, &mark.kind));
            }
            at = at.max(block.end);
        }
        if !is_whole {
            pieces.extend(trimmed(text, at, mark.end, &mark.kind));
        }
    }
    pieces
}

/// A piece of a mark without blank edges; nothing where nothing is left.
fn trimmed<W: Clone>(text: &str, start: usize, end: usize, kind: &MarkKind<W>) -> Option<Mark<W>> {
    let range = without_edges(text, start, end, char::is_whitespace)?;
    Some(Mark::new(range, kind.clone()))
}

/// Marks of one kind that touch are one; of links and mentions that overlap the first stays.
fn joined<W: Clone + PartialEq>(pieces: Vec<Mark<W>>) -> Vec<Mark<W>> {
    let mut kept: Vec<Mark<W>> = Vec::new();
    for piece in pieces {
        if piece.kind.rank() <= 1 {
            kept.push(piece);
            continue;
        }
        if piece.kind.rank() <= 3 {
            let mut calls = kept.iter().filter(|other| !other.kind.is_block());
            let free = |other: &Mark<W>| other.end <= piece.start || other.start >= piece.end;
            if calls.all(free) {
                kept.push(piece);
            }
            continue;
        }
        match kept.last_mut().filter(|last| last.kind == piece.kind && last.end >= piece.start) {
            Some(last) => last.end = last.end.max(piece.end),
            None => kept.push(piece),
        }
    }
    kept
}
