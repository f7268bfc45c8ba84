//! What the machine says about a process and its disk: `/proc` and a probe of our own.
//!
//! Invariant: nothing here is asked of the process that is measured.

use crate::doors::clock::Stopwatch;
use anyhow::Context;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

/// Kernel ticks a second, in which `/proc` counts; fixed at 100 for user space on Linux.
const TICKS_PER_SECOND: u64 = 100;
const PROBE_WRITES: usize = 200;
const PROBE_BYTES: usize = 4_096;

/// User and system time that a process has used so far, in microseconds.
///
/// # Errors
/// When the process is gone or the system has no `/proc`.
pub fn cpu_us(pid: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("no /proc of the hub")?;
    // The name in parentheses may hold spaces; what follows it begins with field 3.
    let (_, fields) = stat.rsplit_once(')').context("unreadable /proc/PID/stat")?;
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks * 1_000_000 / TICKS_PER_SECOND)
}

/// Memory of a process in MiB: the line `field` (`VmHWM`, `VmRSS`) of its status.
///
/// # Errors
/// When the process is gone or the system has no `/proc`.
pub fn memory_mb(pid: u32, field: &str) -> anyhow::Result<f64> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).context("no /proc of the hub")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<f64>().ok());
    Ok(kib.with_context(|| format!("no {field} in /proc/PID/status"))? / 1_024.0)
}

/// Median time of writing 4 KiB and `fdatasync`, in milliseconds.
///
/// # Errors
/// When the folder cannot be written.
pub fn fsync_ms_p50(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("disk-probe");
    let mut file = File::create(&path)?;
    let block = [0x55; PROBE_BYTES];
    let mut times = Vec::with_capacity(PROBE_WRITES);
    for _ in 0..PROBE_WRITES {
        let watch = Stopwatch::start();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(watch.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort_unstable();
    let median = times.get(PROBE_WRITES / 2).context("no probe")?;
    Ok(median.as_secs_f64() * 1_000.0)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_own_cost() {
        let us = std::process::id();
        let watch = Stopwatch::start();
        let before = cpu_us(us).unwrap();
        let mut sum = 0_u64;
        while watch.elapsed().as_millis() < 100 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu_us(us).unwrap() >= before + 20_000);
        assert!(memory_mb(us, "VmHWM").unwrap() >= memory_mb(us, "VmRSS").unwrap() / 2.0);
        assert!(memory_mb(us, "VmNone").is_err());
    }

    #[test]
    fn a_disk_takes_some_time() {
        let folder = tempfile::tempdir().unwrap();
        assert!(fsync_ms_p50(folder.path()).unwrap() > 0.0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
