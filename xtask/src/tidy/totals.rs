//! Rules about sums over many files, each a wall that may be moved one way only.
//!
//! Invariant: a total is printed even when it is well, so that its drift can be seen.

use super::Violation;
use super::source::Source;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// Tests' share of all lines. To be raised when the share has grown, never lowered; aim 35.
const TEST_SHARE_PERCENT_MIN: usize = 28;
const CONNECTOR_LINES_MAX: usize = 1_000;
const LOCKED_PACKAGES_MAX: usize = 350;
const ARCHITECTURE_LINES_MAX: usize = 250;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const CONNECTORS: &str = "crates/ieum-connectors/src/";
const LOCK: &str = "Cargo.lock";

/// What was measured over the whole workspace.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    code_lines: usize,
    test_lines: usize,
    connectors: BTreeMap<String, usize>,
    locked_packages: usize,
    architecture_lines: usize,
}

impl Totals {
    /// Sums up the sources and reads the two files that are not Rust.
    pub(crate) fn measure(root: &Path, sources: &[Source]) -> Self {
        // A file that is not there has no lines; cargo itself refuses to work without its lock.
        let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_default();
        Self {
            code_lines: sources.iter().map(Source::code_lines).sum(),
            test_lines: sources.iter().map(Source::test_lines).sum(),
            connectors: connectors(sources),
            locked_packages: read(LOCK).lines().filter(|line| *line == "[[package]]").count(),
            architecture_lines: read(ARCHITECTURE).lines().count(),
        }
    }

    /// Every total beyond its wall.
    pub(crate) fn check(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        let share = self.test_share_percent();
        if share < TEST_SHARE_PERCENT_MIN {
            let what =
                format!("tests are {share} % of all lines, less than {TEST_SHARE_PERCENT_MIN}");
            found.push(Violation::new("crates", 1, what));
        }
        for (folder, lines) in &self.connectors {
            if *lines > CONNECTOR_LINES_MAX {
                let what = format!("{lines} lines of code, more than {CONNECTOR_LINES_MAX}");
                found.push(Violation::new(folder, 1, what));
            }
        }
        if self.locked_packages > LOCKED_PACKAGES_MAX {
            let what = format!("{} packages, over {LOCKED_PACKAGES_MAX}", self.locked_packages);
            found.push(Violation::new(LOCK, 1, what));
        }
        if self.architecture_lines > ARCHITECTURE_LINES_MAX {
            let what = format!("{} lines, over {ARCHITECTURE_LINES_MAX}", self.architecture_lines);
            found.push(Violation::new(ARCHITECTURE, 1, what));
        }
        found
    }

    fn test_share_percent(&self) -> usize {
        self.test_lines * 100 / (self.test_lines + self.code_lines).max(1)
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.code_lines + self.test_lines;
        write!(out, "{lines} lines of Rust, {} % of them tests; ", self.test_share_percent())?;
        write!(out, "{} locked packages", self.locked_packages)
    }
}

/// Lines of code in each connector's folder, without tests, blank lines and comments.
fn connectors(sources: &[Source]) -> BTreeMap<String, usize> {
    let mut sums = BTreeMap::new();
    for source in sources {
        if let Some(rest) = source.path.strip_prefix(CONNECTORS)
            && let Some((folder, _)) = rest.split_once('/')
        {
            *sums.entry(format!("{CONNECTORS}{folder}")).or_default() += source.lines_of_code();
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(totals: &Totals) -> Vec<String> {
        totals.check().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_wall_holds() {
        let well = Totals { code_lines: 50, test_lines: 50, ..Totals::default() };
        assert_eq!(faults(&well), [""; 0]);
        let locked = Totals { locked_packages: 351, test_lines: 1, ..Totals::default() };
        assert_eq!(faults(&locked), ["Cargo.lock:1: 351 packages, over 350"]);
        let page = Totals { architecture_lines: 251, test_lines: 1, ..Totals::default() };
        assert_eq!(faults(&page), ["ARCHITECTURE.md:1: 251 lines, over 250"]);
    }

    #[test]
    fn a_connector_is_the_sum_of_its_files_without_tests() {
        let half = "const A: u8 = 1;\n".repeat(CONNECTOR_LINES_MAX / 2 + 1);
        let file = |name: &str| Source::parse(&format!("{CONNECTORS}{name}"), half.clone());
        let heavy = [file("line/a.rs"), file("line/b.rs"), file("line/tests.rs"), file("lib.rs")];
        let totals = Totals { connectors: connectors(&heavy), test_lines: 1, ..Totals::default() };
        let expected = "crates/ieum-connectors/src/line:1: 1002 lines of code, more than 1000";
        assert_eq!(faults(&totals), [expected]);
    }

    #[test]
    fn the_share_is_of_all_lines() {
        let totals = Totals { code_lines: 60, test_lines: 40, ..Totals::default() };
        assert_eq!(totals.test_share_percent(), 40);
        assert_eq!(Totals::default().test_share_percent(), 0);
    }
}
