//! One Rust file, read and parsed, with its tests told apart from its code.
//!
//! Judges nothing. Invariant: `code_lines + test_lines` is the number of lines of the file.

use std::ops::RangeInclusive;
use syn::spanned::Spanned;

/// A Rust source file.
pub(crate) struct Source {
    /// Relative to the workspace's root.
    pub(crate) path: String,
    /// The whole text.
    pub(crate) text: String,
    /// The parsed file, or where and why it does not parse.
    pub(crate) syntax: Result<syn::File, (usize, String)>,
    is_test_file: bool,
    test_blocks: Vec<RangeInclusive<usize>>,
}

impl Source {
    /// Parses `text`; a file that does not parse is kept, so that it can be reported.
    pub(crate) fn parse(path: &str, text: String) -> Self {
        let syntax = syn::parse_file(&text)
            .map_err(|failure| (failure.span().start().line, failure.to_string()));
        let (is_test_file, test_blocks) = match &syntax {
            Ok(file) => (is_test_path(path) || is_for_tests(&file.attrs), test_blocks(file)),
            Err(_) => (is_test_path(path), Vec::new()),
        };
        Self { path: path.to_owned(), text, syntax, is_test_file, test_blocks }
    }

    /// Lines that serve tests.
    pub(crate) fn test_lines(&self) -> usize {
        if self.is_test_file {
            return self.text.lines().count();
        }
        self.test_blocks.iter().map(|block| block.end() + 1 - block.start()).sum()
    }

    /// Lines that do not serve tests.
    pub(crate) fn code_lines(&self) -> usize {
        self.text.lines().count().saturating_sub(self.test_lines())
    }

    /// Lines of code in the narrow sense: without tests, blank lines and lines of comment.
    pub(crate) fn lines_of_code(&self) -> usize {
        if self.is_test_file {
            return 0;
        }
        let is_code = |(index, line): &(usize, &str)| {
            let line = line.trim_start();
            let in_tests = self.test_blocks.iter().any(|block| block.contains(&(index + 1)));
            !in_tests && !line.is_empty() && !line.starts_with("//")
        };
        self.text.lines().enumerate().filter(is_code).count()
    }
}

/// Marks files that some other file declares as `#[cfg(test)] mod name;`.
pub(crate) fn mark_test_files(sources: &mut [Source]) {
    let declared: Vec<String> = sources.iter().flat_map(declared_test_files).collect();
    for source in sources.iter_mut() {
        let stem = source.path.trim_end_matches(".rs");
        let below = |root: &String| stem == root || stem.starts_with(&format!("{root}/"));
        source.is_test_file |= declared.iter().any(below);
    }
}

/// The paths, without `.rs`, of the modules that `source` declares for tests only.
fn declared_test_files(source: &Source) -> Vec<String> {
    let Ok(file) = &source.syntax else {
        return Vec::new();
    };
    let stem = source.path.trim_end_matches(".rs");
    let folder = match stem.rsplit_once('/') {
        Some((folder, "lib" | "main" | "mod")) => folder,
        _ => stem,
    };
    let mut found = Vec::new();
    for item in &file.items {
        if let syn::Item::Mod(module) = item
            && module.content.is_none()
            && is_for_tests(&module.attrs)
        {
            found.push(format!("{folder}/{}", module.ident));
        }
    }
    found
}

fn is_test_path(path: &str) -> bool {
    let stem = path.trim_end_matches(".rs");
    path.split('/').any(|part| part == "tests" || part == "benches")
        || stem.ends_with("/tests")
        || stem.ends_with("_tests")
}

fn test_blocks(file: &syn::File) -> Vec<RangeInclusive<usize>> {
    let mut blocks = Vec::new();
    for item in &file.items {
        if let syn::Item::Mod(module) = item
            && module.content.is_some()
            && is_for_tests(&module.attrs)
        {
            blocks.push(module.span().start().line..=module.span().end().line);
        }
    }
    blocks
}

/// Whether the attributes hold `cfg(test)` or `cfg(all(test, ..))`.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string().replace(' ', "");
            condition == "test" || condition.starts_with("all(test,")
        }
        syn::Meta::Path(_) | syn::Meta::List(_) | syn::Meta::NameValue(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_block_counts_with_its_attribute() {
        let text = "//! x\nfn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        let source = Source::parse("src/a.rs", text.to_owned());
        assert_eq!((source.code_lines(), source.test_lines()), (2, 4));
        assert_eq!(source.lines_of_code(), 1);
    }

    #[test]
    fn whole_files_are_tests_by_path_by_attribute_or_by_declaration() {
        let line = "//! x\n".to_owned();
        let mut sources = vec![
            Source::parse("crates/a/src/lib.rs", "#[cfg(test)]\nmod seeds;\nmod kept;\n".into()),
            Source::parse("crates/a/src/seeds.rs", line.clone()),
            Source::parse("crates/a/src/seeds/deep.rs", line.clone()),
            Source::parse("crates/a/src/kept.rs", line.clone()),
            Source::parse("crates/a/tests/journey.rs", line.clone()),
            Source::parse("crates/a/src/b/tests.rs", line),
            Source::parse("crates/a/src/c.rs", "//! x\n#![cfg(test)]\n".into()),
        ];
        mark_test_files(&mut sources);
        let tests: Vec<bool> = sources.iter().map(|source| source.code_lines() == 0).collect();
        assert_eq!(tests, [false, true, true, false, true, true, true]);
    }

    #[test]
    fn code_for_everything_but_tests_is_code() {
        let text = "#[cfg(not(test))]\nmod a {\n}\n".to_owned();
        assert_eq!(Source::parse("src/a.rs", text).test_lines(), 0);
    }
}
