//! The data folder: who may read it, and the hub's secret.
//!
//! Invariant: a secret is made only together with the data that depends on it.

use anyhow::{Context, bail};
use ieum_connectors::doors::Secret;
use ieum_core::content::HubSecret;
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::media::MediaStore;
use ieum_core::ports::search::SearchIndex;
use ieum_store::{MediaFolder, STORE_FILE, SearchFolder, StoreKey};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// The hub's secret within the data folder.
pub const SECRET_FILE: &str = "hub.secret";
/// Shortest secret that is taken.
pub const SECRET_BYTES_MIN: usize = 16;

/// Makes the folder, readable by nobody else.
///
/// # Errors
/// When the system does not allow it.
pub fn make_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    let made = builder.create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// The secret as configured, else that of the folder; a new folder gets a new one.
///
/// # Errors
/// When it is too short, cannot be read or written, or is missing beside existing data.
pub fn hub_secret(
    configured: Option<&Secret>,
    folder: &Path,
    entropy: &dyn Entropy,
) -> anyhow::Result<HubSecret> {
    if let Some(secret) = configured {
        return long_enough(secret.expose(), "hub.secret of the configuration");
    }
    let path = folder.join(SECRET_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => long_enough(text.trim(), &path.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if folder.join(STORE_FILE).exists() {
                bail!(
                    "{} has a store but no {SECRET_FILE}: bring it back, or repeated events of \
                     the networks would not be recognised",
                    folder.display()
                );
            }
            make_secret(&path, entropy)
        }
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// The media room of the folder; a new one gets a new key.
///
/// # Errors
/// When it cannot be used, or its key is missing.
pub fn media(folder: &Path, entropy: &dyn Entropy) -> anyhow::Result<Arc<dyn MediaStore>> {
    let mut key = [0; 32];
    let (first, second) = key.split_at_mut(16);
    first.copy_from_slice(&entropy.next_16());
    second.copy_from_slice(&entropy.next_16());
    let opened = MediaFolder::open(folder, key);
    Ok(Arc::new(opened.with_context(|| format!("the media of {}", folder.display()))?))
}

/// The search index of the folder; one that is missing or spoilt is made anew.
///
/// # Errors
/// When the folder cannot be written.
pub fn search(folder: &Path, key: Option<&StoreKey>) -> anyhow::Result<Arc<dyn SearchIndex>> {
    let opened = SearchFolder::open_sealed(folder, key);
    Ok(Arc::new(opened.with_context(|| format!("the search index of {}", folder.display()))?))
}

fn long_enough(text: &str, place: &str) -> anyhow::Result<HubSecret> {
    if text.len() < SECRET_BYTES_MIN {
        bail!("{place} is shorter than {SECRET_BYTES_MIN} bytes");
    }
    Ok(HubSecret::new(text.as_bytes()))
}

fn make_secret(path: &Path, entropy: &dyn Entropy) -> anyhow::Result<HubSecret> {
    let halves = [entropy.next_16(), entropy.next_16()];
    let text: String = halves.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(HubSecret::new(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::entropy::{SeededEntropy, SystemEntropy};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_folder_gets_a_secret_that_stays() {
        let folder = tempfile::tempdir().unwrap();
        let first = hub_secret(None, folder.path(), &SystemEntropy::new().unwrap()).unwrap();
        let again = hub_secret(None, folder.path(), &SeededEntropy::new(2)).unwrap();
        assert_eq!(first.expose(), again.expose());
        assert_eq!(first.expose().len(), 64);
        let mode = fs::metadata(folder.path().join(SECRET_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn data_without_its_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(STORE_FILE), "data").unwrap();
        let refused = hub_secret(None, folder.path(), &SeededEntropy::new(1)).unwrap_err();
        assert!(refused.to_string().contains("bring it back"), "{refused}");
        assert!(!folder.path().join(SECRET_FILE).exists());
    }

    #[test]
    fn a_configured_secret_goes_first_and_must_be_long() {
        let folder = tempfile::tempdir().unwrap();
        let entropy = SeededEntropy::new(1);
        let configured = Secret::new("0123456789abcdef");
        let secret = hub_secret(Some(&configured), folder.path(), &entropy).unwrap();
        assert_eq!(secret.expose(), b"0123456789abcdef");
        let short = hub_secret(Some(&Secret::new("short")), folder.path(), &entropy);
        assert!(short.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        make_folder(&deep).unwrap();
        make_folder(&deep).unwrap();
        let mode = fs::metadata(&deep).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
