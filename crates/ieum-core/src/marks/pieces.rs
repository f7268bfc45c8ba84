//! A marked text as its writers walk it: block by block, and within them stretch by stretch.

use super::{Mark, MarkKind};
use std::ops::Range;

/// Lines of a text, and the block that they are, if any.
pub type Block<'m, W> = (Range<usize>, Option<&'m MarkKind<W>>);

/// A stretch of a text, and the marks that lie on all of it, the outermost first.
pub type Stretch<'m, W> = (Range<usize>, Vec<&'m Mark<W>>);

/// The blocks of a text and what stands between them, each without the line break behind it. The
/// marks are [tidy](super::tidy()).
#[must_use]
pub fn blocks<'m, W>(text: &str, marks: &'m [Mark<W>]) -> Vec<Block<'m, W>> {
    let (mut blocks, mut at) = (Vec::new(), 0);
    for mark in marks.iter().filter(|mark| mark.kind.is_block()) {
        if mark.start > at {
            blocks.push((at..mark.start - 1, None));
        }
        blocks.push((mark.start..mark.end, Some(&mark.kind)));
        at = mark.end + 1;
    }
    if at <= text.len() {
        blocks.push((at..text.len(), None));
    }
    blocks
}

/// The stretches of a block; together they are the block.
#[must_use]
pub fn stretches<W>(block: Range<usize>, marks: &[Mark<W>]) -> Vec<Stretch<'_, W>> {
    let inside: Vec<&Mark<W>> = marks
        .iter()
        .filter(|mark| !mark.kind.is_block())
        .filter(|mark| mark.start >= block.start && mark.end <= block.end)
        .collect();
    let mut cuts: Vec<usize> = inside.iter().flat_map(|mark| [mark.start, mark.end]).collect();
    cuts.extend([block.start, block.end]);
    cuts.sort_unstable();
    cuts.dedup();
    let ends = cuts.iter().copied().skip(1);
    let stretches = cuts.iter().copied().zip(ends).map(|(from, to)| {
        let here = inside.iter().copied().filter(|mark| mark.start <= from && mark.end >= to);
        let mut here: Vec<_> = here.collect();
        here.sort_by_key(|mark| mark.kind.rank());
        (from..to, here)
    });
    stretches.collect()
}

/// How many of the open marks stay open.
#[must_use]
pub fn staying<W>(open: &[&Mark<W>], now: &[&Mark<W>]) -> usize {
    open.iter().zip(now).take_while(|(old, new)| std::ptr::eq(**old, **new)).count()
}
