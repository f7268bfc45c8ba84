//! Reading typed keys out of a parsed TOML table, collecting complaints instead of stopping.
//!
//! A getter returns `None` both for an absent key and for a wrong one; the wrong one has left a
//! complaint. Invariant: a key that no getter asked for is complained about by
//! [`Section::finish`].

use super::complaint::Complaint;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file being read and what was found wrong so far.
#[derive(Debug)]
pub(super) struct Page<'a> {
    text: &'a str,
    complaints: RefCell<Vec<Complaint>>,
}

impl<'a> Page<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, complaints: RefCell::default() }
    }

    pub(super) fn complain(&self, span: Option<Range<usize>>, key: String, text: String) {
        let line = span.map(|span| self.line_at(span.start));
        let complaint = Complaint { line, key, text };
        self.complaints.borrow_mut().push(complaint);
    }

    /// Everything found, in the order of the file.
    pub(super) fn into_complaints(self) -> Vec<Complaint> {
        let mut complaints = self.complaints.into_inner();
        complaints.sort();
        complaints
    }

    fn line_at(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}

/// One table of the file.
#[derive(Debug)]
pub(super) struct Section<'a> {
    page: &'a Page<'a>,
    path: String,
    span: Range<usize>,
    table: &'a DeTable<'a>,
    asked: RefCell<BTreeSet<&'static str>>,
}

type Value<'a> = &'a Spanned<DeValue<'a>>;

impl<'a> Section<'a> {
    pub(super) fn new(
        page: &'a Page<'a>,
        path: String,
        span: Range<usize>,
        table: &'a DeTable<'a>,
    ) -> Self {
        Self { page, path, span, table, asked: RefCell::default() }
    }

    /// Complains about `key`, at its own line or at that of the section.
    pub(super) fn complain(&self, key: &str, text: impl Into<String>) {
        let value = self.table.get(key).map(Spanned::span);
        let span = value.unwrap_or_else(|| self.span.clone());
        self.page.complain(Some(span), self.path_of(key), text.into());
    }

    /// Where the section stands, for complaints that come later.
    pub(super) fn place(&self) -> (Option<usize>, String) {
        (Some(self.page.line_at(self.span.start)), self.path.clone())
    }

    /// What the last getter said, or a complaint that an absent key is needed.
    pub(super) fn required<T>(&self, key: &'static str, value: Option<T>, want: &str) -> Option<T> {
        if value.is_none() && !self.table.contains_key(key) {
            self.complain(key, format!("missing; expected {want}"));
        }
        value
    }

    pub(super) fn value(&self, key: &'static str) -> Option<Value<'a>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    pub(super) fn text(&self, key: &'static str) -> Option<&'a str> {
        self.typed(key, "a text in quotes", |value| value.as_str())
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<&'a str>> {
        self.typed(key, "a list of texts in quotes", |value| {
            value.as_array()?.iter().map(|item| item.get_ref().as_str()).collect()
        })
    }

    pub(super) fn number<N>(&self, key: &'static str, within: RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let want = format!("a whole number from {} to {}", within.start(), within.end());
        self.typed(key, &want, |value| {
            let digits = value.as_integer()?;
            let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok()?;
            let number = N::try_from(number).ok()?;
            within.contains(&number).then_some(number)
        })
    }

    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.typed(key, &words.join(" or "), |value| {
            let word = value.as_str()?;
            choices.iter().find(|choice| choice.0 == word).map(|choice| choice.1)
        })
    }

    /// A table inside this one.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let table = self.typed(key, "a table", |value| value.as_table())?;
        let span = self.table.get(key).map_or(0..0, Spanned::span);
        Some(Section::new(self.page, self.path_of(key), span, table))
    }

    /// The tables of an array; paths count from one, as people do.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let array = self.typed(key, "a list of tables", |value| value.as_array());
        let mut sections = Vec::new();
        for (index, item) in array.into_iter().flatten().enumerate() {
            let path = format!("{}[{}]", self.path_of(key), index + 1);
            match item.get_ref().as_table() {
                Some(table) => sections.push(Section::new(self.page, path, item.span(), table)),
                None => self.page.complain(Some(item.span()), path, "expected a table".into()),
            }
        }
        sections
    }

    /// Complains about every key that nobody asked for.
    pub(super) fn finish(self) {
        let asked = self.asked.borrow();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if asked.contains(name) {
                continue;
            }
            let text = match nearest(name, &asked) {
                Some(known) => format!("unknown key; did you mean `{known}`?"),
                None => "unknown key".to_owned(),
            };
            self.page.complain(Some(key.span()), self.path_of(name), text);
        }
    }

    fn path_of(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    fn typed<T>(
        &self,
        key: &'static str,
        want: &str,
        read: impl FnOnce(&'a DeValue<'a>) -> Option<T>,
    ) -> Option<T> {
        let read = read(self.value(key)?.get_ref());
        if read.is_none() {
            self.complain(key, format!("expected {want}"));
        }
        read
    }
}

/// The known key that `name` was probably meant to be.
fn nearest(name: &str, known: &BTreeSet<&'static str>) -> Option<&'static str> {
    const EDITS_MAX: usize = 2;
    let near = known.iter().map(|key| (edits(name, key), *key)).min()?;
    (near.0 <= EDITS_MAX && near.0 < name.len()).then_some(near.1)
}

/// How many letters must be added, removed or changed to turn one word into the other.
fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.bytes().enumerate() {
        let mut next = vec![index + 1];
        for ((other, diagonal), above) in to.bytes().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            let changed = diagonal + usize::from(letter != other);
            next.push(changed.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
