//! Rules that are read off a file's lines and its name.
//!
//! Invariant: the banned texts are put together here from pieces, so that this file obeys them.

use super::Violation;
use super::source::Source;

const COLUMNS_MAX: usize = 100;
const CODE_LINES_MAX: usize = 600;

/// Names that say nothing, alone or as a word of a longer name.
const EMPTY_WORDS: &[&str] = &["mgr", "util", "utils", "helper", "helpers", "misc"];
/// Names that say nothing when they stand alone.
const EMPTY_NAMES: &[&str] = &["common", "base", "data", "info"];

/// Unfinished work.
const UNFINISHED_CALLS: &[&str] = &[concat!("to", "do!("), concat!("unimple", "mented!(")];
const UNFINISHED_MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("X", "XX")];

/// Folders of one particular machine.
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/", "work/"),
    concat!("/", "root/"),
    concat!("/", "home/"),
    concat!("/", "Users/"),
    concat!("/", "tmp/"),
];
const TEXT_ENDINGS: &[&str] =
    &[".rs", ".toml", ".md", ".py", ".js", ".mjs", ".json", ".yml", ".yaml", ".sh", ".css", "/run"];

/// Every violation of a rule about lines or names.
pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let mut found = name(&source.path);
    if !source.text.starts_with("//!") {
        found.push(Violation::new(&source.path, 1, "does not open with `//!`"));
    }
    let lines = source.code_lines();
    if lines > CODE_LINES_MAX {
        let what = format!("{lines} lines without tests, more than {CODE_LINES_MAX}");
        found.push(Violation::new(&source.path, 1, what));
    }
    for (index, line) in source.text.lines().enumerate() {
        found.extend(
            line_faults(line).into_iter().map(|what| Violation::new(&source.path, index + 1, what)),
        );
    }
    found
}

/// Whether a file of this name is searched for paths of one machine.
pub(crate) fn may_name_paths(path: &str) -> bool {
    TEXT_ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// Absolute paths that only one machine has.
pub(crate) fn machine_paths(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for folder in MACHINE_FOLDERS {
            if names_folder(line, folder) {
                let what = format!("names a folder of one machine: {folder}");
                found.push(Violation::new(path, index + 1, what));
            }
        }
    }
    found
}

/// Tells why a file, folder or module of this name is not allowed, if so.
pub(crate) fn empty_name(name: &str) -> Option<String> {
    let is_empty =
        EMPTY_NAMES.contains(&name) || name.split('_').any(|word| EMPTY_WORDS.contains(&word));
    is_empty.then(|| format!("the name `{name}` says nothing"))
}

fn name(path: &str) -> Vec<Violation> {
    let parts = path.trim_end_matches(".rs").split('/');
    parts.filter_map(empty_name).map(|what| Violation::new(path, 1, what)).collect()
}

fn line_faults(line: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let columns = line.chars().count();
    if columns > COLUMNS_MAX {
        faults.push(format!("{columns} columns, more than {COLUMNS_MAX}"));
    }
    for call in UNFINISHED_CALLS {
        if line.contains(call) {
            faults.push(format!("unfinished: {call}..)"));
        }
    }
    let mut words = line.split(|letter: char| !letter.is_alphanumeric());
    if let Some(mark) = words.find(|word| UNFINISHED_MARKS.contains(word)) {
        faults.push(format!("unfinished: {mark}"));
    }
    faults
}

/// Whether `folder` stands in `line` as the beginning of a path.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-}/*".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<String> {
        let source = Source::parse(path, text.to_owned());
        check(&source).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tidy_file_has_no_faults() {
        assert_eq!(faults("src/a.rs", "//! What it is.\nfn a() {}\n"), [""; 0]);
    }

    #[test]
    fn a_file_must_open_with_its_purpose() {
        assert_eq!(faults("src/a.rs", "fn a() {}\n"), ["src/a.rs:1: does not open with `//!`"]);
    }

    #[test]
    fn long_files_are_refused_but_tests_do_not_count() {
        let code = format!("//! x\n{}", "const A: u8 = 1;\n".repeat(CODE_LINES_MAX));
        assert_eq!(
            faults("src/a.rs", &code),
            ["src/a.rs:1: 601 lines without tests, more than 600"]
        );
        assert_eq!(faults("src/a/tests.rs", &code), [""; 0]);
        let tests = format!("//! x\n#[cfg(test)]\nmod tests {{\n{}}}\n", "// t\n".repeat(700));
        assert_eq!(faults("src/a.rs", &tests), [""; 0]);
    }

    #[test]
    fn columns_are_characters() {
        let wide = format!("//! {}\n", "가".repeat(97));
        assert_eq!(faults("src/a.rs", &wide), ["src/a.rs:1: 101 columns, more than 100"]);
        let fits = format!("//! {}\n", "가".repeat(96));
        assert_eq!(faults("src/a.rs", &fits), [""; 0]);
    }

    #[test]
    fn names_that_say_nothing_are_refused() {
        for path in ["src/util.rs", "src/helpers/a.rs", "src/http_utils.rs", "src/data.rs"] {
            assert_eq!(faults(path, "//! x\n").len(), 1, "{path}");
        }
        for path in ["src/database.rs", "src/data_folder.rs", "src/information.rs"] {
            assert_eq!(faults(path, "//! x\n"), [""; 0], "{path}");
        }
    }

    #[test]
    fn unfinished_work_is_refused() {
        for call in UNFINISHED_CALLS {
            assert_eq!(faults("src/a.rs", &format!("//! x\nfn a() {{ {call}) }}\n")).len(), 1);
        }
        for mark in UNFINISHED_MARKS {
            assert_eq!(faults("src/a.rs", &format!("//! x\n// {mark}: later\n")).len(), 1);
            assert_eq!(faults("src/a.rs", &format!("//! x\n// a{mark}b\n")), [""; 0]);
        }
    }

    #[test]
    fn folders_of_one_machine_are_refused() {
        for folder in MACHINE_FOLDERS {
            assert_eq!(machine_paths("a.md", &format!("see {folder}x\n")).len(), 1, "{folder}");
            assert_eq!(machine_paths("a.md", &format!("{folder}x\n")).len(), 1, "{folder}");
            assert_eq!(machine_paths("a.md", &format!("see our{folder}x\n")), [], "{folder}");
        }
        assert!(may_name_paths(".ci/run") && may_name_paths("README.md"));
        assert!(!may_name_paths("picture.png"));
    }
}
