//! Secrets: named in the configuration, kept in files or the environment, never printed.
//!
//! The only file that reads the environment. Invariant: no complaint repeats what was read.

use super::section::Section;
use ieum_connectors::doors::Secret;
use std::path::{Path, PathBuf};

/// Longest secret file.
pub const SECRET_BYTES_MAX: u64 = 16 * 1024;

/// Where secrets are found: files relative to the configuration, and the environment.
pub struct Vault {
    folder: PathBuf,
    environment: fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Vault {
    /// Files are looked for beside the configuration file in `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::with_environment(folder, process_environment)
    }

    /// The same with another environment, for tests.
    #[must_use]
    pub fn with_environment(folder: &Path, environment: fn(&str) -> Option<String>) -> Self {
        Self { folder: folder.to_owned(), environment }
    }

    /// The secret that `key` of `section` points to.
    pub(super) fn secret(&self, section: &Section<'_>, key: &'static str) -> Option<Secret> {
        const FORM: &str = "expected { file = \"path\" } or { env = \"NAME\" }";
        let value = section.value(key)?;
        if value.get_ref().is_str() {
            let text = format!("a secret must not stand in this file; {FORM}");
            section.complain(key, text);
            return None;
        }
        let form = section.section(key)?;
        let found = match (form.text("file"), form.text("env")) {
            (Some(file), None) => self.in_file(file),
            (None, Some(name)) => self.in_environment(name),
            (None, None) | (Some(_), Some(_)) => Err(FORM.to_owned()),
        };
        form.finish();
        found.map_err(|text| section.complain(key, text)).ok()
    }

    fn in_file(&self, file: &str) -> Result<Secret, String> {
        let told = |error: std::io::Error| format!("cannot read the file `{file}`: {error}");
        let path = self.folder.join(file);
        let length = std::fs::metadata(&path).map_err(told)?.len();
        if length > SECRET_BYTES_MAX {
            return Err(format!("the file `{file}` is longer than {SECRET_BYTES_MAX} bytes"));
        }
        let text = std::fs::read_to_string(&path).map_err(told)?;
        some(text.trim(), &format!("the file `{file}`"))
    }

    fn in_environment(&self, name: &str) -> Result<Secret, String> {
        let text = (self.environment)(name)
            .ok_or_else(|| format!("the environment variable `{name}` is not set"))?;
        some(text.trim(), &format!("the environment variable `{name}`"))
    }
}

fn some(text: &str, place: &str) -> Result<Secret, String> {
    if text.is_empty() {
        return Err(format!("{place} is empty"));
    }
    Ok(Secret::new(text))
}

#[allow(
    clippy::disallowed_methods,
    reason = "this file is where the configuration reads the environment"
)]
fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
