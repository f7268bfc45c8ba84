//! Markdown of the hub's own subset, back into a text and its marks.
//!
//! Not a reader of any markdown: what [`write`](super::write()) does not write is not read, and the
//! plain words beside it are taken. Invariant: any text gives marks or none, never a panic.

use super::{Mark, MarkKind, Whom, tidy};

/// The text and the marks of markdown; `None` where it is none of ours.
#[must_use]
pub fn read(markdown: &str) -> Option<(String, Vec<Mark<Whom>>)> {
    let mut reading = Reading::default();
    let mut rest = Some(markdown);
    while let Some(block) = rest {
        rest = reading.block(block)?;
        if rest.is_some() {
            reading.text.push('\n');
        }
    }
    let Reading { text, marks } = reading;
    let marks = tidy(&text, marks);
    Some((text, marks))
}

#[derive(Debug, Default)]
struct Reading {
    text: String,
    marks: Vec<Mark<Whom>>,
}

/// What has begun and not ended yet: where in the text.
#[derive(Debug, Default)]
struct Begun {
    bold: Option<usize>,
    italic: Option<usize>,
    strike: Option<usize>,
    bracket: Option<usize>,
}

/// What of a block follows; `None` where it is none of ours.
type Rest<'m> = Option<&'m str>;

impl Reading {
    /// One block, and what stands behind the blank line after it; the outer `None` where it is
    /// none of ours.
    fn block<'m>(&mut self, markdown: &'m str) -> Option<Option<&'m str>> {
        let start = self.text.len();
        if let Some((lines, rest)) = fenced(markdown) {
            self.text.push_str(lines);
            self.mark(start, MarkKind::Pre);
            return Some(rest);
        }
        let (block, rest) = first_block(markdown);
        match block.strip_prefix("> ") {
            Some(quoted) => {
                self.inline(quoted, true)?;
                self.mark(start, MarkKind::Quote);
            }
            None => self.inline(block, false)?,
        }
        Some(rest)
    }

    fn mark(&mut self, start: usize, kind: MarkKind<Whom>) {
        self.marks.push(Mark::new(start..self.text.len(), kind));
    }

    fn inline(&mut self, block: &str, is_quote: bool) -> Option<()> {
        let (mut rest, mut begun) = (block, Begun::default());
        while let Some(character) = rest.chars().next() {
            rest = match character {
                '\\' => self.literal(rest, is_quote)?,
                '*' if rest.starts_with("**") => {
                    self.toggle(&mut begun.bold, MarkKind::Bold);
                    rest.get(2..)?
                }
                '~' if rest.starts_with("~~") => {
                    self.toggle(&mut begun.strike, MarkKind::Strike);
                    rest.get(2..)?
                }
                '_' => {
                    self.toggle(&mut begun.italic, MarkKind::Italic);
                    rest.get(1..)?
                }
                '`' => self.code(rest)?,
                '[' => {
                    begun.bracket = Some(self.text.len());
                    rest.get(1..)?
                }
                ']' => self.bracket(rest, begun.bracket.take()?)?,
                '\n' => return None,
                other => {
                    self.text.push(other);
                    rest.get(other.len_utf8()..)?
                }
            };
        }
        let open = [begun.bold, begun.italic, begun.strike, begun.bracket];
        open.iter().all(Option::is_none).then_some(())
    }

    /// What stands behind a backslash, as it stands.
    fn literal<'m>(&mut self, rest: &'m str, is_quote: bool) -> Rest<'m> {
        let rest = rest.get(1..)?;
        let character = rest.chars().next()?;
        self.text.push(character);
        let rest = rest.get(character.len_utf8()..)?;
        if character == '\n' && is_quote { rest.strip_prefix("> ") } else { Some(rest) }
    }

    fn toggle(&mut self, begun: &mut Option<usize>, kind: MarkKind<Whom>) {
        match begun.take() {
            Some(start) => self.mark(start, kind),
            None => *begun = Some(self.text.len()),
        }
    }

    fn code<'m>(&mut self, rest: &'m str) -> Rest<'m> {
        let after = rest.trim_start_matches('`');
        let fence = rest.get(..rest.len() - after.len())?;
        let end = closing(after, fence)?;
        let words = after.get(..end)?;
        let inner = words.strip_prefix(' ').and_then(|words| words.strip_suffix(' '));
        let start = self.text.len();
        self.text.push_str(inner.unwrap_or(words));
        self.mark(start, MarkKind::Code);
        after.get(end + fence.len()..)
    }

    /// `](address)`: a link, or somebody who is called.
    fn bracket<'m>(&mut self, rest: &'m str, start: usize) -> Rest<'m> {
        let (address, rest) = rest.strip_prefix("](")?.split_once(')')?;
        let kind = match Whom::from_uri(address) {
            Some(whom) => MarkKind::Mention(whom),
            None => MarkKind::Link(address.into()),
        };
        self.mark(start, kind);
        Some(rest)
    }
}

/// All before the first blank line that is none of the text's own, and what follows it.
fn first_block(markdown: &str) -> (&str, Option<&str>) {
    for (at, _) in markdown.match_indices('\n') {
        let block = markdown.get(..at).unwrap_or_default();
        let backslashes = block.len() - block.trim_end_matches('\\').len();
        // A line break of the text stands behind a backslash that is none itself.
        let behind = markdown.get(at..).and_then(|behind| behind.strip_prefix("\n\n"));
        if backslashes % 2 == 0 && behind.is_some() {
            return (block, behind);
        }
    }
    (markdown, None)
}

/// Where ticks of exactly this number stand.
fn closing(text: &str, fence: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let from = at + rest.find('`')?;
        let run = text.get(from..)?;
        let ticks = run.len() - run.trim_start_matches('`').len();
        if ticks == fence.len() {
            return Some(from);
        }
        at = from + ticks;
    }
}

/// Lines between fences, and what follows behind the blank line.
fn fenced(markdown: &str) -> Option<(&str, Option<&str>)> {
    let (fence, rest) = markdown.split_once('\n')?;
    if fence.len() < 3 || fence.bytes().any(|byte| byte != b'`') {
        return None;
    }
    let (lines, behind) = rest.split_once(&format!("\n{fence}"))?;
    match behind.strip_prefix("\n\n") {
        Some(behind) => Some((lines, Some(behind))),
        None => behind.is_empty().then_some((lines, None)),
    }
}
