//! HTML as people's apps write it -> a text and its marks. Pure.
//!
//! Not a browser: what is not words, lines, lists, links and emphasis is passed over, and nothing
//! of a script, a style or a quoted original is read. Invariant: any bytes give a text, in time
//! linear in them, never a panic.

use ieum_core::marks::{MARKS_MAX, Mark, MarkKind, Named};

/// Most HTML that is read, in bytes; of more the plain words are taken.
pub(crate) const HTML_BYTES_MAX: usize = 64 * 1024;
/// Most elements within each other that are kept in mind.
const DEPTH_MAX: usize = 60;
/// Longest name of a character, as in `&nbsp;`.
const ENTITY_BYTES_MAX: usize = 10;
/// Whose words are none of the message's.
const PASSED_OVER: &[&str] = &["mx-reply", "script", "style", "head", "title", "template"];

/// The text of HTML, and its marks. People who are called are links here.
pub(crate) fn read(html: &str) -> (String, Vec<Mark<Named>>) {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (words, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
        page.words(words);
        rest = match tag_at(behind) {
            Some((tag, behind)) => {
                page.tag(tag);
                behind
            }
            None => {
                page.words("<");
                behind.get(1..).unwrap_or_default()
            }
        };
    }
    page.words(rest);
    page.done()
}

/// What stands between angle brackets, and what follows it; `None` where it is no tag.
fn tag_at(html: &str) -> Option<(&str, &str)> {
    if let Some(comment) = html.strip_prefix("<!--") {
        let (_, behind) = comment.split_once("-->").unwrap_or((comment, ""));
        return Some(("", behind));
    }
    let inside = html.strip_prefix('<')?;
    let begins = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?');
    if !inside.starts_with(begins) {
        return None;
    }
    let mut quoted = None;
    for (at, character) in inside.char_indices() {
        match (quoted, character) {
            (None, '>') => return Some((inside.get(..at)?, inside.get(at + 1..)?)),
            (None, '"' | '\'') => quoted = Some(character),
            (Some(quote), _) if quote == character => quoted = None,
            _ => {}
        }
    }
    // It never ends: nothing of it is words.
    Some(("", ""))
}

/// An element that is open.
#[derive(Debug)]
struct Open {
    name: String,
    start: usize,
    link: Option<Box<str>>,
    /// The number of the next item of a list; zero for a list without numbers.
    next: usize,
}

#[derive(Debug, Default)]
struct Page {
    text: String,
    marks: Vec<Mark<Named>>,
    open: Vec<Open>,
    /// How many line breaks are owed before the next words.
    breaks: usize,
    gap: bool,
}

impl Page {
    fn is_in(&self, name: &str) -> bool {
        self.open.iter().any(|open| open.name == name)
    }

    fn words(&mut self, html: &str) {
        if html.is_empty() || self.open.iter().any(|open| PASSED_OVER.contains(&&*open.name)) {
            return;
        }
        let as_it_stands = self.is_in("pre");
        for character in Characters(html) {
            let is_blank = matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{c}');
            if is_blank && !as_it_stands {
                self.gap = true;
                continue;
            }
            self.before_words();
            if character != '\r' {
                self.text.push(character);
            }
        }
    }

    /// The breaks or the gap that are owed.
    fn before_words(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        let owed = std::mem::take(&mut self.breaks);
        if self.text.is_empty() {
            return;
        }
        if owed > 0 {
            let there = self.text.len() - self.text.trim_end_matches('\n').len();
            self.text.extend(std::iter::repeat_n('\n', owed.saturating_sub(there)));
        } else if gap && !self.text.ends_with([' ', '\n']) {
            self.text.push(' ');
        }
    }

    fn owes(&mut self, breaks: usize) {
        self.breaks = self.breaks.max(breaks);
        self.gap = false;
    }

    fn tag(&mut self, tag: &str) {
        let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(tag.len());
        let (name, rest) = tag.split_at_checked(end).unwrap_or((tag, ""));
        let name = name.to_ascii_lowercase();
        match (&*name, closes) {
            ("" | "!doctype", _) => {}
            ("br", _) => {
                self.gap = false;
                self.before_words();
                if !self.text.is_empty() {
                    self.text.push('\n');
                }
            }
            ("hr", _) => self.owes(2),
            ("img", _) => {
                if let Some(words) = attribute(rest, "alt") {
                    self.words(&words);
                }
            }
            (_, true) => self.close(&name),
            (_, false) if tag.ends_with('/') => {}
            (_, false) => self.open(name, rest),
        }
    }

    fn open(&mut self, name: String, rest: &str) {
        match &*name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.owes(2),
            "div" | "blockquote" | "pre" | "ul" | "ol" | "li" | "tr" | "table" => self.owes(1),
            "td" | "th" => self.gap = true,
            _ => {}
        }
        let is_inline = !matches!(&*name, "p" | "div" | "ul" | "ol" | "table" | "tr" | "span");
        if is_inline && (self.gap || self.breaks > 0) && !self.is_in("mx-reply") {
            self.before_words();
        }
        if name == "li" {
            self.item();
        }
        if self.open.len() < DEPTH_MAX {
            let link = (name == "a").then(|| attribute(rest, "href")).flatten();
            let next = usize::from(name == "ol");
            self.open.push(Open { name, start: self.text.len(), link: link.map(Into::into), next });
        }
    }

    /// What stands in front of an item of a list.
    fn item(&mut self) {
        let list = self.open.iter_mut().rev().find(|open| matches!(&*open.name, "ul" | "ol"));
        let sign = match list {
            Some(list) if list.next > 0 => {
                list.next += 1;
                format!("{}. ", list.next - 1)
            }
            Some(_) | None => "• ".to_owned(),
        };
        self.text.push_str(&sign);
    }

    fn close(&mut self, name: &str) {
        let Some(at) = self.open.iter().rposition(|open| open.name == name) else { return };
        for open in self.open.split_off(at) {
            let range = open.start..self.text.len();
            let kind = match &*open.name {
                "b" | "strong" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => Some(MarkKind::Bold),
                "i" | "em" => Some(MarkKind::Italic),
                "s" | "del" | "strike" => Some(MarkKind::Strike),
                "code" | "tt" if !self.is_in("pre") => Some(MarkKind::Code),
                "pre" => Some(MarkKind::Pre),
                "blockquote" => Some(MarkKind::Quote),
                "a" => open.link.map(MarkKind::Link),
                _ => None,
            };
            if let Some(kind) = kind.filter(|_| self.marks.len() < MARKS_MAX) {
                self.marks.push(Mark::new(range, kind));
            }
            match &*open.name {
                "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.owes(2),
                "div" | "blockquote" | "pre" | "ul" | "ol" | "li" | "tr" | "table" => self.owes(1),
                _ => {}
            }
        }
    }

    fn done(self) -> (String, Vec<Mark<Named>>) {
        let Self { mut text, mut marks, .. } = self;
        text.truncate(text.trim_end().len());
        for mark in &mut marks {
            mark.end = mark.end.min(text.len());
        }
        // Links are left as they were written: some of them are people.
        (text, marks)
    }
}

/// The value of an attribute.
fn attribute(rest: &str, name: &str) -> Option<String> {
    let mut rest = rest;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        let end = rest.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(rest.len());
        let own = rest.get(..end).filter(|own| !own.is_empty())?;
        rest = rest.get(end..)?.trim_start();
        let value = match rest.strip_prefix('=') {
            None => "",
            Some(behind) => {
                let behind = behind.trim_start();
                let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\''));
                let (value, behind) = match quote {
                    Some(quote) => behind.get(1..)?.split_once(quote)?,
                    None => {
                        let end = behind.find(|c: char| c.is_ascii_whitespace());
                        behind.split_at_checked(end.unwrap_or(behind.len()))?
                    }
                };
                rest = behind;
                value
            }
        };
        if own.eq_ignore_ascii_case(name) {
            return Some(Characters(value).collect());
        }
    }
}

/// The characters that HTML stands for.
struct Characters<'h>(&'h str);

impl Iterator for Characters<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let first = self.0.chars().next()?;
        let (character, length) = match (first, entity(self.0)) {
            ('&', Some(found)) => found,
            _ => (first, first.len_utf8()),
        };
        self.0 = self.0.get(length..)?;
        Some(character)
    }
}

fn entity(html: &str) -> Option<(char, usize)> {
    let behind = html.strip_prefix('&')?;
    let end = behind.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';')?;
    let name = behind.get(..end)?;
    let character = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16));
            let number = hex.unwrap_or_else(|| number.parse()).ok()?;
            char::from_u32(number).filter(|c| *c != '\0')?
        }
    };
    Some((character, end + 2))
}
