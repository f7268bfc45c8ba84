//! Which of our crates may know which other one.
//!
//! Read off `cargo metadata`, so that a dependency behind a feature or a target counts too.
//! Invariant: an arrow that is not drawn in `FLOORS` is a violation.

use super::Violation;
use cargo_metadata::{DependencyKind, Metadata};

/// A crate, what it may know, and what its tests may know besides.
struct Floor {
    name: &'static str,
    knows: &'static [&'static str],
    tests_know: &'static [&'static str],
}

const FLOORS: &[Floor] = &[
    Floor { name: "ieum-core", knows: &[], tests_know: &[] },
    Floor { name: "ieum-store", knows: &["ieum-core"], tests_know: &[] },
    Floor { name: "ieum-connectors", knows: &["ieum-core"], tests_know: &[] },
    Floor { name: "ieum-engine", knows: &["ieum-core"], tests_know: &["ieum-store"] },
    Floor { name: "ieum-server", knows: &["ieum-core", "ieum-engine"], tests_know: &[] },
    Floor { name: "ieum-lab", knows: &["ieum-core"], tests_know: &[] },
    Floor {
        name: "ieum",
        knows: &[
            "ieum-core",
            "ieum-store",
            "ieum-connectors",
            "ieum-engine",
            "ieum-server",
            "ieum-lab",
        ],
        tests_know: &[],
    },
    Floor { name: "xtask", knows: &[], tests_know: &[] },
];

/// One crate's dependency on another crate of the workspace.
struct Arrow<'a> {
    from: &'a str,
    to: &'a str,
    is_for_tests: bool,
}

/// Every arrow of the workspace that is not drawn.
pub(crate) fn check(metadata: &Metadata) -> Vec<Violation> {
    let ours: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for package in &metadata.packages {
        let path = manifest(metadata, package);
        found.extend(
            unknown_floor(package.name.as_str()).map(|what| Violation::new(&path, 1, what)),
        );
        for dependency in &package.dependencies {
            let arrow = Arrow {
                from: package.name.as_str(),
                to: &dependency.name,
                is_for_tests: dependency.kind == DependencyKind::Development,
            };
            if ours.contains(&arrow.to) {
                found.extend(judge(&arrow).map(|what| Violation::new(&path, 1, what)));
            }
        }
    }
    found
}

fn manifest(metadata: &Metadata, package: &cargo_metadata::Package) -> String {
    let path = &package.manifest_path;
    path.strip_prefix(&metadata.workspace_root).unwrap_or(path).to_string()
}

fn unknown_floor(name: &str) -> Option<String> {
    let is_known = FLOORS.iter().any(|floor| floor.name == name);
    (!is_known).then(|| format!("`{name}` stands on no floor of the house"))
}

fn judge(arrow: &Arrow<'_>) -> Option<String> {
    let floor = FLOORS.iter().find(|floor| floor.name == arrow.from)?;
    let allowed = floor.knows.contains(&arrow.to)
        || (arrow.is_for_tests && floor.tests_know.contains(&arrow.to));
    (!allowed).then(|| format!("`{}` may not know `{}`", arrow.from, arrow.to))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrow(from: &'static str, to: &'static str, is_for_tests: bool) -> Option<String> {
        judge(&Arrow { from, to, is_for_tests })
    }

    #[test]
    fn arrows_point_down_only() {
        assert_eq!(arrow("ieum-store", "ieum-core", false), None);
        assert_eq!(arrow("ieum", "ieum-lab", false), None);
        for (from, to) in [
            ("ieum-core", "ieum-store"),
            ("ieum-connectors", "ieum-store"),
            ("ieum-engine", "ieum-connectors"),
            ("ieum-server", "ieum-store"),
            ("ieum-lab", "ieum-connectors"),
            ("ieum", "xtask"),
        ] {
            assert!(arrow(from, to, false).is_some(), "{from} -> {to}");
            assert!(arrow(from, to, true).is_some(), "tests of {from} -> {to}");
        }
    }

    #[test]
    fn only_tests_of_the_engine_know_a_store() {
        assert!(arrow("ieum-engine", "ieum-store", false).is_some());
        assert_eq!(arrow("ieum-engine", "ieum-store", true), None);
    }

    #[test]
    fn a_crate_without_a_floor_is_reported() {
        assert!(unknown_floor("ieum-attic").is_some());
        assert_eq!(unknown_floor("ieum-core"), None);
    }

    #[test]
    fn this_workspace_obeys() {
        let workspace = crate::tree::Workspace::locate().unwrap();
        assert_eq!(check(&workspace.metadata), []);
        assert_eq!(workspace.metadata.packages.len(), FLOORS.len());
    }
}
