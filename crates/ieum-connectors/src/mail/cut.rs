//! What somebody wrote themselves, out of a letter that repeats what it answers. Pure.
//!
//! Invariant: a line is left out only as a whole, and only for what stands at its beginning or
//! right below it.

/// Beginnings of a line behind which mail programs repeat the letter that is answered.
const REPEATS_BELOW: &[&str] = &[
    "-----Original Message-----",
    "-----원본 메시지-----",
    "----- 원본 메시지 -----",
    "---------- Forwarded message",
    "________________________________",
];
/// Most lines of the words that introduce a quotation.
const INTRODUCTION_LINES_MAX: usize = 3;

/// The text without quotations, their introductions and the signature.
pub(super) fn own_words(text: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut in_quote = false;
    for line in text.lines() {
        let line = line.trim_end();
        // A signature begins with two hyphens and a space, which programs take away.
        if is_end(line) {
            break;
        }
        let quoted = line.starts_with('>');
        if quoted && !in_quote {
            drop_introduction(&mut kept);
        }
        in_quote = quoted || (in_quote && line.is_empty());
        if !quoted {
            kept.push(line);
        }
    }
    let text = kept.join("\n");
    let mut lines: Vec<&str> = Vec::new();
    for line in text.trim().lines() {
        // One empty line is a paragraph, more are what was left out.
        if !(line.is_empty() && lines.last().is_some_and(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// `On Monday, Kim <kim@example> wrote:`, in any language and over up to three lines.
fn drop_introduction(kept: &mut Vec<&str>) {
    let filled = kept.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    if !kept.get(..filled).and_then(<[&str]>::last).is_some_and(|line| line.ends_with([':', '：']))
    {
        return;
    }
    let paragraph = kept.get(..filled).map_or(0, |lines| {
        lines.iter().rposition(|line| line.is_empty()).map_or(0, |empty| empty + 1)
    });
    if filled - paragraph <= INTRODUCTION_LINES_MAX {
        kept.truncate(paragraph);
    } else {
        kept.truncate(filled - 1);
    }
}
/// Whether somebody's own words end with this text, or may go on in the next part of the letter.
pub(super) fn ends(text: &str) -> bool {
    text.lines().any(|line| is_end(line.trim_end()))
}

/// Whether what stands below is a signature, or another letter.
fn is_end(line: &str) -> bool {
    line == "--" || REPEATS_BELOW.iter().any(|start| line.starts_with(start))
}
