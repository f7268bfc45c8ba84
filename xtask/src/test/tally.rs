//! Counts of tests, and how they are read from the lines that test runners print.
//!
//! Invariant: what a runner printed and how it ended are both believed when either is bad.

use std::fmt;

/// How many tests passed, failed and were skipped.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// A thing that had to work and did not.
    pub(crate) fn one_failed() -> Self {
        Self { failed: 1, ..Self::default() }
    }

    /// A thing that could not be tried here.
    pub(crate) fn one_skipped() -> Self {
        Self { skipped: 1, ..Self::default() }
    }

    /// Adds other counts to these.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// The counts, once it is known whether the program ended well.
    pub(crate) fn with_exit(mut self, ended_well: bool) -> Self {
        if !ended_well && self.failed == 0 {
            self.failed = 1;
        }
        if ended_well && self == Self::default() {
            self.passed = 1;
        }
        self
    }

    /// Reads the closing line of cargo-nextest, of cargo test, or `N passed, N failed`.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        let counts = if let Some((head, rest)) = line.split_once(" run: ") {
            head.starts_with("Summary [").then_some(rest)?
        } else if let Some(rest) = line.strip_prefix("test result: ") {
            rest.split_once(". ")?.1
        } else {
            line.split_once(" passed, ")?.0.parse::<u64>().ok()?;
            line
        };
        let mut tally = Self::default();
        for part in counts.split([',', ';']) {
            tally.add(read_part(part.trim()));
        }
        Some(tally)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Reads `12 passed (1 slow)`; what is not a count of ours is nothing.
fn read_part(part: &str) -> Tally {
    let mut words = part.split_whitespace();
    let count = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
    match words.next() {
        Some("passed") => Tally { passed: count, ..Tally::default() },
        Some("failed" | "timed" | "exec") => Tally { failed: count, ..Tally::default() },
        Some("skipped" | "ignored") => Tally { skipped: count, ..Tally::default() },
        _ => Tally::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn closing_lines_are_read() {
        for (line, expected) in [
            ("     Summary [   0.003s] 3 tests run: 3 passed, 1 skipped", counts(3, 0, 1)),
            (
                "Summary [ 1.2s] 9 tests run: 5 passed (1 slow), 3 failed, 1 timed out, 0 skipped",
                counts(5, 4, 0),
            ),
            (
                "test result: ok. 3 passed; 0 failed; 2 ignored; 0 measured; 1 filtered out",
                counts(3, 0, 2),
            ),
            ("test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured", counts(3, 1, 0)),
            ("7 passed, 0 failed", counts(7, 0, 0)),
            ("7 passed, 2 failed, 1 skipped", counts(7, 2, 1)),
        ] {
            assert_eq!(Tally::read(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn other_lines_are_not_counts() {
        for line in ["", "ok 3 passed, 1 failed", "running 3 tests", "server run: 3 passed, x"] {
            assert_eq!(Tally::read(line), None, "{line}");
        }
    }

    #[test]
    fn a_bad_end_is_a_failure_even_when_all_passed() {
        assert_eq!(counts(5, 0, 0).with_exit(false), counts(5, 1, 0));
        assert_eq!(counts(5, 2, 0).with_exit(false), counts(5, 2, 0));
        assert_eq!(counts(0, 0, 0).with_exit(true), counts(1, 0, 0));
        assert_eq!(counts(0, 0, 1).with_exit(true), counts(0, 0, 1));
    }
}
