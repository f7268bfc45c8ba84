//! A text with marks as HTML, as Matrix and mail take it.
//!
//! Invariants: every character of the text is in it, escaped; what is opened is closed, in order.

use ieum_core::ids::UserKey;
use ieum_core::marks::{Mark, MarkKind, blocks, staying, stretches, tidy};

/// The HTML of a text; `person` gives the address behind which somebody who is called is found.
pub(crate) fn write(
    text: &str,
    marks: &[Mark<UserKey>],
    person: impl Fn(&UserKey) -> Option<String>,
) -> String {
    let marks = tidy(text, marks.to_vec());
    let mut out = String::with_capacity(text.len() + 64);
    for (range, kind) in blocks(text, &marks) {
        let (open, close) = match kind {
            Some(MarkKind::Pre) => ("<pre><code>", "</code></pre>"),
            Some(_) => ("<blockquote>", "</blockquote>"),
            None => ("", ""),
        };
        out.push_str(open);
        if matches!(kind, Some(MarkKind::Pre)) {
            escape(&mut out, text.get(range).unwrap_or_default(), "\n");
        } else {
            inline(&mut out, text, stretches(range, &marks), &person);
        }
        out.push_str(close);
    }
    out
}

fn inline(
    out: &mut String,
    text: &str,
    stretches: Vec<(std::ops::Range<usize>, Vec<&Mark<UserKey>>)>,
    person: &impl Fn(&UserKey) -> Option<String>,
) {
    let mut open: Vec<&Mark<UserKey>> = Vec::new();
    for (range, now) in stretches {
        turn(out, &mut open, &now, person);
        escape(out, text.get(range).unwrap_or_default(), "<br>\n");
    }
    turn(out, &mut open, &[], person);
}

/// Closes what ends and opens what begins.
fn turn<'m>(
    out: &mut String,
    open: &mut Vec<&'m Mark<UserKey>>,
    now: &[&'m Mark<UserKey>],
    person: &impl Fn(&UserKey) -> Option<String>,
) {
    let same = staying(open, now);
    for mark in open.drain(same..).rev() {
        out.push_str("</");
        out.push_str(tag(&mark.kind));
        out.push('>');
    }
    for mark in now.iter().skip(same) {
        let link = mark.kind.link().map(str::to_owned);
        let to = link.or_else(|| mark.kind.called().and_then(person));
        out.push('<');
        out.push_str(tag(&mark.kind));
        if let Some(to) = to {
            out.push_str(" href=\"");
            escape(out, &to, " ");
            out.push('"');
        }
        out.push('>');
        open.push(mark);
    }
}

fn tag(kind: &MarkKind<UserKey>) -> &'static str {
    match kind {
        MarkKind::Mention(_) | MarkKind::Link(_) => "a",
        MarkKind::Bold => "strong",
        MarkKind::Italic => "em",
        MarkKind::Strike => "del",
        MarkKind::Code => "code",
        MarkKind::Quote => "blockquote",
        MarkKind::Pre => "pre",
    }
}

/// Text that means nothing else in HTML, with `line` for the end of a line.
pub(crate) fn escape(out: &mut String, text: &str, line: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str(line),
            other => out.push(other),
        }
    }
}
