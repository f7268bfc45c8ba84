//! A disk that can be full and read-only: a small one in memory where mounting is allowed, else
//! limits on what one process may write.
//!
//! Invariant: what was mounted is taken away again, at the latest when its value goes away.

use crate::process;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Room on the disk in memory. SQLite's log alone takes four of it.
const DISK_MB: u32 = 24;
const FILLER: &str = "filler";
const FILLED_AT_ONCE: usize = 64 << 10;

/// Where a hub keeps its data.
#[derive(Debug)]
pub(super) enum Disk {
    /// One of its own, in memory.
    Mounted(PathBuf),
    /// Only the process can be kept from writing (`prlimit`), and only by whoever is not root a
    /// folder can be made read-only.
    Limited(PathBuf),
}

impl Disk {
    /// A disk at `folder`; nothing where this machine allows neither way.
    pub(super) fn open(folder: &Path) -> Result<Option<Self>> {
        fs::create_dir_all(folder)?;
        let size = format!("size={DISK_MB}m,mode=700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder);
        if process::answers(&mut mount) {
            return Ok(Some(Self::Mounted(folder.to_owned())));
        }
        let limits = process::answers(Command::new("prlimit").arg("--version"));
        Ok(limits.then(|| Self::Limited(folder.to_owned())))
    }

    /// How it is done.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Mounted(_) => "tmpfs",
            Self::Limited(_) => "prlimit",
        }
    }

    /// Leaves no room to the process `id`.
    pub(super) fn fill(&self, id: u32) -> Result<()> {
        match self {
            Self::Mounted(folder) => fill(&folder.join(FILLER)),
            Self::Limited(_) => limit(id, "0:unlimited"),
        }
    }

    /// Gives the room back.
    pub(super) fn free(&self, id: u32) -> Result<()> {
        match self {
            Self::Mounted(folder) => Ok(fs::remove_file(folder.join(FILLER))?),
            Self::Limited(_) => limit(id, "unlimited:unlimited"),
        }
    }

    /// Lets nobody write, or lets them again; false where that cannot be done. Nobody may have a
    /// file open.
    pub(super) fn set_read_only(&self, read_only: bool) -> Result<bool> {
        let (mode, letters) = if read_only { ("ro", "a-w") } else { ("rw", "u+w") };
        match self {
            Self::Mounted(folder) => {
                let mut mount = Command::new("mount");
                mount.args(["-o", &format!("remount,{mode}")]).arg(folder);
                Ok(process::answers(&mut mount))
            }
            Self::Limited(folder) => {
                ensure!(process::answers(Command::new("chmod").args(["-R", letters]).arg(folder)));
                // Root writes all the same.
                Ok(!read_only || File::create(folder.join(FILLER)).is_err())
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Mounted(folder) = self {
            // Lazily: what a failed trial left open must not keep it.
            process::answers(Command::new("umount").arg("--lazy").arg(folder));
        }
    }
}

fn fill(filler: &Path) -> Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(filler)?;
    for size in [FILLED_AT_ONCE, 1] {
        let bytes = vec![0; size];
        loop {
            match file.write_all(&bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
    }
    Ok(())
}

fn limit(id: u32, bytes: &str) -> Result<()> {
    let mut prlimit = Command::new("prlimit");
    prlimit.arg(format!("--pid={id}")).arg(format!("--fsize={bytes}"));
    ensure!(process::answers(&mut prlimit), "prlimit --fsize={bytes} is refused");
    Ok(())
}
