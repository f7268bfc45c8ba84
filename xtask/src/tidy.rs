//! `cargo xtask tidy`: the rules of the house, proved by reading the sources.
//!
//! Needs neither network nor build. Each rule is a function from what was read to violations; this
//! file only gathers and prints. Invariant: every violation names a file, a line and the rule.

mod arrows;
mod shape;
mod source;
mod text;
mod totals;

use crate::tree::{self, Workspace};
use anyhow::{Context, Result};
use source::Source;
use std::fmt;
use std::fs;
use std::path::Path;

/// One place where the sources break a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Checks everything, prints each violation and the totals, and tells whether there was none.
pub(crate) fn run(place: &Workspace) -> Result<bool> {
    let (violations, totals) = inspect(place)?;
    for violation in &violations {
        println!("{violation}");
    }
    println!("tidy: {totals}; {} violations", violations.len());
    Ok(violations.is_empty())
}

fn inspect(place: &Workspace) -> Result<(Vec<Violation>, totals::Totals)> {
    let files = tree::files(&place.root)?;
    let mut violations = arrows::check(&place.metadata);
    let mut sources = Vec::new();
    for path in &files {
        if text::may_name_paths(path) {
            let text = read(&place.root, path)?;
            violations.extend(text::machine_paths(path, &text));
        }
        if path.ends_with(".rs") {
            sources.push(Source::parse(path, read(&place.root, path)?));
        }
    }
    source::mark_test_files(&mut sources);
    for source in &sources {
        violations.extend(text::check(source));
        violations.extend(shape::check(source));
    }
    let totals = totals::Totals::measure(&place.root, &sources);
    violations.extend(totals.check());
    violations.sort();
    Ok((violations, totals))
}

fn read(root: &Path, path: &str) -> Result<String> {
    fs::read_to_string(root.join(path)).with_context(|| path.to_owned())
}
