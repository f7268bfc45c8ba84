//! Where the workspace is and which files of it are ours.
//!
//! Reads files only. Invariant: paths handed out are relative to the root, with `/` between parts.

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use std::fs;
use std::path::{Path, PathBuf};

/// The workspace, as `cargo metadata` describes it.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder that holds the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// Our own packages; dependencies are not resolved, so that no network is needed.
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// Asks cargo about the workspace that this program was started in.
    pub(crate) fn locate() -> Result<Self> {
        let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
        Ok(Self {
            root: metadata.workspace_root.clone().into_std_path_buf(),
            target: metadata.target_directory.clone().into_std_path_buf(),
            metadata,
        })
    }
}

/// Every file below `root` that is ours, sorted; what is built or installed is left out.
pub(crate) fn files(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                if !is_foreign(&name) {
                    folders.push(entry.path());
                }
            } else if let Ok(relative) = entry.path().strip_prefix(root) {
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_foreign(folder: &str) -> bool {
    folder == ".git"
        || folder == "node_modules"
        || folder == "__pycache__"
        || folder == "target"
        || folder.starts_with("target-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_finds_this_file_and_nothing_built() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let found = files(root).unwrap();
        assert!(found.contains(&"src/tree.rs".to_owned()), "{found:?}");
        assert!(found.is_sorted());
        for name in ["target", "target-mine", "node_modules", ".git"] {
            assert!(is_foreign(name), "{name}");
        }
        assert!(!is_foreign("targets"));
    }
}
