//! The marks of a text made to fit what a network can show, and cut as its parts are cut.
//!
//! Invariants: no address of a link is lost where links are not shown; whoever is called stands in
//! one part; where a part ends depends on the text, its marks and the limit, not on who of those
//! who are called can be notified.

use super::measure::TextUnit;
use super::split::{parts, split};
use crate::ids::UserKey;
use crate::marks::{Mark, MarkKind, end_around, move_on, within};
use crate::network::{ChatCapabilities, Formats};
use std::borrow::Cow;

/// Whoever is called, with their user where the chat can notify them.
pub type Called = Mark<Option<UserKey>>;

/// A text and its marks as a chat shows them.
pub(super) fn fitted<'t>(
    text: &'t str,
    marks: &[Called],
    chat: &ChatCapabilities,
) -> (Cow<'t, str>, Vec<Called>) {
    match chat.formats {
        Formats::All => (Cow::Borrowed(text), marks.to_vec()),
        Formats::Styles => with_addresses(text, marks),
        Formats::Words => in_words(text, marks),
    }
}

/// A text for readers who see no links: their addresses stand behind their words.
fn with_addresses<'t>(text: &'t str, marks: &[Called]) -> (Cow<'t, str>, Vec<Called>) {
    let kept = marks.iter().filter(|mark| mark.kind.link().is_none());
    with_added(
        text,
        kept.cloned().collect(),
        marks.iter().filter_map(|mark| address(text, mark)).collect(),
    )
}

/// Where the address of a link is to stand, where its words do not say it.
fn address<W>(text: &str, mark: &Mark<W>) -> Option<(usize, String)> {
    let to = mark.kind.link().filter(|to| !says(mark.of(text), to))?;
    Some((mark.end, format!(" ({to})")))
}

/// A text for readers who see no marks: addresses of links behind their words, a sign before each
/// quoted line. Of the marks only who is called is left.
#[must_use]
pub fn in_words<'t, W: Clone>(text: &'t str, marks: &[Mark<W>]) -> (Cow<'t, str>, Vec<Mark<W>>) {
    let mut added: Vec<(usize, String)> = Vec::new();
    for mark in marks {
        match &mark.kind {
            MarkKind::Link(_) => added.extend(address(text, mark)),
            MarkKind::Quote => {
                let breaks = mark.of(text).match_indices('\n').map(|(at, _)| mark.start + at + 1);
                added.extend(
                    std::iter::once(mark.start).chain(breaks).map(|at| (at, "> ".to_owned())),
                );
            }
            MarkKind::Pre
            | MarkKind::Mention(_)
            | MarkKind::Bold
            | MarkKind::Italic
            | MarkKind::Strike
            | MarkKind::Code => {}
        }
    }
    let calls = marks.iter().filter(|mark| matches!(mark.kind, MarkKind::Mention(_)));
    with_added(text, calls.cloned().collect(), added)
}

/// Whether people read the address from the words of a link.
fn says(words: &str, to: &str) -> bool {
    let plain = |text: &str| {
        let text = text.trim_end_matches('/');
        let schemes = ["https://", "http://", "mailto:", "tel:"];
        let bare = schemes.iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
        bare.replace("%28", "(").replace("%29", ")")
    };
    plain(words) == plain(to)
}

fn with_added<W>(
    text: &str,
    mut marks: Vec<Mark<W>>,
    mut added: Vec<(usize, String)>,
) -> (Cow<'_, str>, Vec<Mark<W>>) {
    if added.is_empty() {
        return (Cow::Borrowed(text), marks);
    }
    added.sort_by_key(|(at, _)| *at);
    let mut whole = String::with_capacity(text.len() + added.len() * 16);
    let mut from = 0;
    for (at, words) in &added {
        whole.push_str(text.get(from..*at).unwrap_or_default());
        whole.push_str(words);
        from = *at;
    }
    whole.push_str(text.get(from..).unwrap_or_default());
    for mark in &mut marks {
        let before = |end: usize| {
            let earlier = added.iter().take_while(|(at, _)| *at < end);
            earlier.map(|(_, words)| words.len()).sum::<usize>()
        };
        mark.end += before(mark.end);
        mark.start += before(mark.start + 1);
    }
    (Cow::Owned(whole), marks)
}

/// The bodies that a text is split into, see [`split`]; nobody's call is torn.
pub(super) fn bodies<'t>(
    text: &'t str,
    limit: usize,
    unit: TextUnit,
    marks: &[Called],
) -> Vec<&'t str> {
    if marks.is_empty() {
        return split(text, limit, unit);
    }
    let (mut bodies, mut at) = (Vec::new(), 0);
    while let Some(part) = text.get(at..).and_then(|rest| parts(rest, limit, unit).next()) {
        let end = end_around(marks, at, at + part.len());
        bodies.push(text.get(at..end).unwrap_or_default());
        at = end;
    }
    bodies
}

/// The marks of the body at `from`, in a part where `head` bytes stand in front of it.
pub(super) fn of_part(
    marks: &[Called],
    body: std::ops::Range<usize>,
    head: usize,
    mentions_max: usize,
) -> Vec<Mark<UserKey>> {
    let mut calls = 0;
    let here = within(marks, body).into_iter().filter_map(|mark| mark.named(|user| user));
    let mut here: Vec<_> = here
        .filter(|mark| {
            let is_call = matches!(mark.kind, MarkKind::Mention(_));
            calls += usize::from(is_call);
            !is_call || calls <= mentions_max
        })
        .collect();
    move_on(&mut here, head);
    here
}
