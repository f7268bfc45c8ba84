//! A text with its marks as markdown: the subset that the hub writes.
//!
//! A line break of the text is a hard break; a blank line stands between blocks. Whatever could be
//! taken for markdown is escaped. Invariant: [`read`](super::read()) gives back what is written.

use super::pieces::{blocks, staying, stretches};
use super::{Mark, MarkKind, Whom};
use std::ops::Range;

/// What is escaped wherever it stands.
const ESCAPED: &str = "\\`*_~[]<>&#|!";
/// What is escaped where a line begins.
const ESCAPED_FIRST: &str = "-+=";

/// The markdown of a text with [tidy](super::tidy()) marks.
#[must_use]
pub fn write(text: &str, marks: &[Mark<Whom>]) -> String {
    let mut out = String::with_capacity(text.len() + marks.len() * 8);
    for (number, (range, kind)) in blocks(text, marks).into_iter().enumerate() {
        if number > 0 {
            out.push_str("\n\n");
        }
        match kind {
            Some(MarkKind::Pre) => pre(&mut out, text.get(range).unwrap_or_default()),
            Some(_) => {
                out.push_str("> ");
                inline(&mut out, text, range, marks, "\\\n> ");
            }
            None => inline(&mut out, text, range, marks, "\\\n"),
        }
    }
    out
}

fn pre(out: &mut String, lines: &str) {
    let fence = "`".repeat(longest_run(lines).max(2) + 1);
    for piece in [&fence, "\n", lines, "\n", &fence] {
        out.push_str(piece);
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The words of a range, marks opened and closed in their order.
fn inline(out: &mut String, text: &str, range: Range<usize>, marks: &[Mark<Whom>], line: &str) {
    let mut open: Vec<&Mark<Whom>> = Vec::new();
    let mut is_first = true;
    for (stretch, now) in stretches(range, marks) {
        turn(out, &mut open, &now);
        let words = text.get(stretch).unwrap_or_default();
        if now.last().is_some_and(|mark| mark.kind == MarkKind::Code) {
            code(out, words);
            is_first = false;
        } else {
            escaped(out, words, line, &mut is_first);
        }
    }
    turn(out, &mut open, &[]);
}

/// Closes what ends and opens what begins.
fn turn<'m>(out: &mut String, open: &mut Vec<&'m Mark<Whom>>, now: &[&'m Mark<Whom>]) {
    let same = staying(open, now);
    while open.len() > same {
        if let Some(mark) = open.pop() {
            close(out, &mark.kind);
        }
    }
    for mark in now.iter().skip(same) {
        out.push_str(delimiter(&mark.kind).unwrap_or("["));
        open.push(mark);
    }
}

fn close(out: &mut String, kind: &MarkKind<Whom>) {
    let Some(delimiter) = delimiter(kind) else {
        out.push_str("](");
        out.push_str(kind.link().unwrap_or_default());
        out.push_str(&kind.called().map(|whom| whom.uri()).unwrap_or_default());
        out.push(')');
        return;
    };
    out.push_str(delimiter);
}

/// What stands around a stretch; nothing where it stands in brackets with an address behind them.
fn delimiter(kind: &MarkKind<Whom>) -> Option<&'static str> {
    match kind {
        MarkKind::Bold => Some("**"),
        MarkKind::Italic => Some("_"),
        MarkKind::Strike => Some("~~"),
        // Code stands between ticks of its own; blocks have no delimiters within a line.
        MarkKind::Code | MarkKind::Quote | MarkKind::Pre => Some(""),
        MarkKind::Mention(_) | MarkKind::Link(_) => None,
    }
}

fn code(out: &mut String, words: &str) {
    let fence = "`".repeat(longest_run(words) + 1);
    let edge = |c: char| matches!(c, '`' | ' ');
    let room = if words.starts_with(edge) || words.ends_with(edge) { " " } else { "" };
    for piece in [&fence, room, words, room, &fence] {
        out.push_str(piece);
    }
}

/// Words that mean nothing else; `is_first` tells whether a line begins here.
fn escaped(out: &mut String, words: &str, line: &str, is_first: &mut bool) {
    let mut only_digits = *is_first;
    for character in words.chars() {
        if character == '\n' {
            out.push_str(line);
            (*is_first, only_digits) = (true, true);
            continue;
        }
        let numbers = !*is_first && only_digits && matches!(character, '.' | ')');
        let first = *is_first && ESCAPED_FIRST.contains(character);
        if ESCAPED.contains(character) || numbers || first {
            out.push('\\');
        }
        out.push(character);
        only_digits &= character.is_ascii_digit();
        *is_first = false;
    }
}
