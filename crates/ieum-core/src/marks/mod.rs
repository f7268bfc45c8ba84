//! Marks: what stretches of a text are beside their words: somebody who is called, a link, bold.
//!
//! A text and its marks travel apart, so that whoever knows no marks reads the words as they
//! stand. As canonical content they are the draft's markdown ([`write()`], [`read()`]), beside the
//! plain words. Invariants: a mark lies between two characters' borders of its text; the marks
//! that [`tidy()`] gives are all that [`write()`] can write and [`read()`] gives back.

mod called;
mod pieces;
mod read;
mod tidy;
mod write;

pub use called::{CALLED_NAMES_MAX, called, placed};
pub use pieces::{Block, Stretch, blocks, staying, stretches};
pub use read::read;
pub use tidy::tidy;
pub use write::write;

use crate::ids::{AddressId, AuthorKey, PersonId, UserKey};
use std::ops::Range;

/// Most marks of one text.
pub const MARKS_MAX: usize = 200;
/// Longest address of a link, in bytes.
pub const LINK_BYTES_MAX: usize = 2_000;

/// One stretch of a text, in bytes of UTF-8, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark<W> {
    /// Where it begins.
    pub start: usize,
    /// Behind its last byte.
    pub end: usize,
    /// What it is.
    pub kind: MarkKind<W>,
}

/// What a stretch of a text is; `W` says who is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkKind<W> {
    /// Lines that somebody else said.
    Quote,
    /// Lines that are to be shown as they stand.
    Pre,
    /// Somebody who is to be notified.
    Mention(W),
    /// A link to this address.
    Link(Box<str>),
    /// Strong.
    Bold,
    /// Emphasised.
    Italic,
    /// Struck out.
    Strike,
    /// To be shown as it stands, within a line.
    Code,
}

/// Whom a person of the hub means: what canonical content names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    /// A person, wherever they are reached.
    Person(PersonId),
    /// Who is reached at an address, whoever that is.
    Address(AddressId),
}

/// Whom a network names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// One of its users.
    User(UserKey),
    /// Somebody from elsewhere, who is shown there as a user of their own.
    Author(AuthorKey),
    /// Somebody from elsewhere, by the whole name under which they are shown there.
    Shown(Box<str>),
}

const ADDRESS_URI: &str = "mimi://ieum.invalid/a/";
const PERSON_URI: &str = "mimi://ieum.invalid/u/";

impl Whom {
    /// As canonical content writes it: the hub's own number, no name and no native id.
    #[must_use]
    pub fn uri(self) -> String {
        match self {
            Self::Person(id) => format!("{PERSON_URI}{id}"),
            Self::Address(id) => format!("{ADDRESS_URI}{id}"),
        }
    }

    /// Whom a URI of [`Whom::uri`] names.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        let number = |digits: &str| digits.parse::<u64>().ok();
        if let Some(id) = uri.strip_prefix(PERSON_URI) {
            return number(id).map(|id| Self::Person(PersonId(id)));
        }
        number(uri.strip_prefix(ADDRESS_URI)?).map(|id| Self::Address(AddressId(id)))
    }
}

impl<W> MarkKind<W> {
    /// Outer kinds before inner ones.
    fn rank(&self) -> u8 {
        match self {
            Self::Quote => 0,
            Self::Pre => 1,
            Self::Mention(_) => 2,
            Self::Link(_) => 3,
            Self::Bold => 4,
            Self::Italic => 5,
            Self::Strike => 6,
            Self::Code => 7,
        }
    }

    /// Where its words lead, where they are a link.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        if let Self::Link(to) = self { Some(to) } else { None }
    }

    /// Who is called by it.
    #[must_use]
    pub fn called(&self) -> Option<&W> {
        if let Self::Mention(who) = self { Some(who) } else { None }
    }

    /// Whether it takes whole lines.
    #[must_use]
    pub fn is_block(&self) -> bool {
        matches!(self, Self::Quote | Self::Pre)
    }

    /// Whether it is one thing that cannot go on in another part.
    fn is_whole(&self) -> bool {
        matches!(self, Self::Mention(_))
    }

    /// The same with somebody else named; `None` where nobody is left to be named.
    pub fn named<V>(self, whom: impl FnOnce(W) -> Option<V>) -> Option<MarkKind<V>> {
        Some(match self {
            Self::Quote => MarkKind::Quote,
            Self::Pre => MarkKind::Pre,
            Self::Mention(who) => MarkKind::Mention(whom(who)?),
            Self::Link(to) => MarkKind::Link(to),
            Self::Bold => MarkKind::Bold,
            Self::Italic => MarkKind::Italic,
            Self::Strike => MarkKind::Strike,
            Self::Code => MarkKind::Code,
        })
    }
}

impl<W> Mark<W> {
    /// A mark of a stretch.
    #[must_use]
    pub fn new(range: Range<usize>, kind: MarkKind<W>) -> Self {
        Self { start: range.start, end: range.end, kind }
    }

    /// What it marks of `text`; nothing where it does not fit.
    #[must_use]
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    /// The same with somebody else named.
    pub fn named<V>(self, whom: impl FnOnce(W) -> Option<V>) -> Option<Mark<V>> {
        let Self { start, end, kind } = self;
        Some(Mark { start, end, kind: kind.named(whom)? })
    }
}

/// The marks of a piece of a text, counted from the piece's beginning. What goes on beyond the
/// piece is cut; somebody who is called is called in one piece or not at all.
#[must_use]
pub fn within<W: Clone>(marks: &[Mark<W>], piece: Range<usize>) -> Vec<Mark<W>> {
    let overlapping = marks.iter().filter(|mark| mark.start < piece.end && mark.end > piece.start);
    overlapping
        .filter(|mark| {
            !mark.kind.is_whole() || (mark.start >= piece.start && mark.end <= piece.end)
        })
        .map(|mark| Mark {
            start: mark.start.max(piece.start) - piece.start,
            end: mark.end.min(piece.end) - piece.start,
            kind: mark.kind.clone(),
        })
        .collect()
}

/// Where a piece that would end at `end` has to end, so that nobody's call is torn.
pub(crate) fn end_around<W>(marks: &[Mark<W>], start: usize, end: usize) -> usize {
    let torn = marks.iter().find(|mark| {
        mark.kind.is_whole() && mark.start > start && mark.start < end && mark.end > end
    });
    torn.map_or(end, |mark| mark.start)
}

/// All marks moved by what now stands in front of their text.
pub fn move_on<W>(marks: &mut [Mark<W>], by: usize) {
    for mark in marks {
        mark.start += by;
        mark.end += by;
    }
}

/// The marks of the end of a text, from byte `cut` on; one without a place keeps having none.
#[must_use]
pub fn move_back<W: Clone>(marks: &[Mark<W>], cut: usize) -> Vec<Mark<W>> {
    let kept = marks.iter().filter(|mark| mark.start == mark.end || mark.start >= cut);
    let moved = kept.map(|mark| Mark {
        start: mark.start.saturating_sub(cut),
        end: mark.end.saturating_sub(cut),
        kind: mark.kind.clone(),
    });
    moved.collect()
}

/// The whole lines that a stretch touches, without the last one's break.
fn line_around(text: &str, start: usize, end: usize) -> Range<usize> {
    let before = text.get(..start).unwrap_or_default();
    let behind = text.get(end..).unwrap_or_default();
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    from..end + behind.find('\n').unwrap_or(behind.len())
}

#[cfg(test)]
mod tests;
