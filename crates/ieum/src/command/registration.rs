//! `ieum check --matrix-registration`: the files that a homeserver's operator is given.
//!
//! Invariant: a file is readable by its owner only, because it holds the tokens of both sides.

use crate::config::{AccountSettings, Config, NetworkSettings};
use anyhow::{Context, bail};
use ieum_connectors::matrix::{MatrixConfig, registration};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes one file for each Matrix account into `folder`; returns their paths.
///
/// # Errors
/// When there is no such account, its address is not known, or a file cannot be written.
pub fn write_all(config: &Config, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let files: Vec<(PathBuf, String)> = config
        .accounts
        .iter()
        .filter_map(|account| Some((account, matrix(account)?)))
        .map(|(account, matrix)| {
            let url = hook(config, account, matrix)?;
            Ok((folder.join(format!("{}.yaml", account.name)), registration(matrix, &url)))
        })
        .collect::<anyhow::Result<_>>()?;
    if files.is_empty() {
        bail!("no account of the configuration is on Matrix");
    }
    for (path, text) in &files {
        write_private(path, text).with_context(|| path.display().to_string())?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

fn matrix(account: &AccountSettings) -> Option<&MatrixConfig> {
    match &account.network {
        NetworkSettings::Matrix(matrix) => Some(matrix),
        NetworkSettings::KakaoTalk(_)
        | NetworkSettings::Line(_)
        | NetworkSettings::Telegram(_)
        | NetworkSettings::Xmpp(_)
        | NetworkSettings::Mail(_) => None,
    }
}

/// Where the homeserver is to hand in what happens.
fn hook(
    config: &Config,
    account: &AccountSettings,
    matrix: &MatrixConfig,
) -> anyhow::Result<String> {
    let url = matrix.hub_url.as_deref().or(config.hub.public_url.as_deref());
    let name = &account.name;
    let url = url.with_context(|| format!("account {name} needs hub_url, or hub.public_url"))?;
    Ok(format!("{}/hooks/{name}", url.trim_end_matches('/')))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}
