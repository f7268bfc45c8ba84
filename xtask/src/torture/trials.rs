//! What else befalls a hub: no room on its disk, no right to write, a damaged page, a clock that
//! jumps. Each under load, judged by the same ledger and audit as the kills.
//!
//! A trial that a machine does not allow is left out, and says so. Invariant: a trial ends with
//! every acknowledged message seen.

use super::disk::Disk;
use super::hub::Place;
use super::{LIFETIME_S, SHORT_LIFETIME_S, Torture, TortureArguments, clock, in_a_folder, locked};
use crate::test::toolbox;
use crate::tree::Workspace;
use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Messages a second meanwhile.
const RATE: u32 = 200;
/// How long a state is looked at.
const SPELL_MS: u64 = 1_500;
/// The log has room of its own; until that is used up, a full disk is not felt.
const FULL_MS_MAX: u64 = 60_000;
/// Work goes on by itself within so long after there is room again.
const AGAIN_MS_MAX: u64 = 10_000;
const LOOK_MS: u64 = 50;
const PAGE_BYTES: usize = 4_096;
const STORE: &str = "ieum.sqlite3";
const EARLY: &str = "early.sqlite3";
const LAST: &str = "last.sqlite3";
const CLOCK_FILE: &str = "clock";
/// An hour forward, back, further back, and forward again.
const JUMPS_S: [&str; 4] = ["+3600", "+0", "-3600", "+0"];

/// What came of a trial; `Null` when it was left out.
type Report = (bool, Value);

/// All trials; whether every promise was kept, and what each saw.
pub(super) fn run(workspace: &Workspace, program: &Path, seed: u64) -> Result<Report> {
    let faketime = toolbox::unpack_faketime(workspace)?;
    let mut all = Map::new();
    let mut kept = true;
    let mut trial = |name: &str, tried: Result<Report>| -> Result<()> {
        let (held, report) = tried?;
        kept &= held;
        all.insert(name.to_owned(), report);
        Ok(())
    };
    trial("full_disk", in_a_folder(program, seed, |place| full_disk(place, seed)))?;
    trial("damaged_page", in_a_folder(program, seed, |place| damaged_page(place, seed)))?;
    let jumps = match &faketime {
        Some(library) => in_a_folder(program, seed, |place| clock_jumps(place, seed, library)),
        None => skipped("clock jumps need Debian's package libfaketime"),
    };
    trial("clock_jumps", jumps)?;
    Ok((kept, Value::Object(all)))
}

fn skipped(why: &str) -> Result<Report> {
    println!("skipped: {why}");
    Ok((true, Value::Null))
}

fn begin(place: Place, lifetime_s: u64, seed: u64) -> Result<Torture> {
    let mut arguments = TortureArguments::new(0, place.program.clone());
    arguments.rate = RATE;
    Torture::begin(&arguments, lifetime_s, seed, place)
}

/// No room: nothing is acknowledged, all is answered, and it goes on by itself. Then no right to
/// write at all.
fn full_disk(place: Place, seed: u64) -> Result<Report> {
    let Some(disk) = Disk::open(&place.data())? else {
        return skipped("a full disk needs the right to mount, or prlimit");
    };
    let mut torture = begin(place, SHORT_LIFETIME_S, seed)?;
    let (mut full_ms, mut again_ms) = (0, 0);
    let loaded = torture.under_load(|torture| {
        clock::sleep_ms(SPELL_MS);
        disk.fill(torture.hub.id())?;
        full_ms = torture.until("a full disk is answered 503", FULL_MS_MAX, Torture::is_stuck)?;
        disk.free(torture.hub.id())?;
        let before = torture.acknowledged();
        again_ms = torture.until("it goes on by itself", AGAIN_MS_MAX, |torture| {
            Ok(torture.acknowledged() > before)
        })?;
        disk.fill(torture.hub.id())?;
        torture.until("a full disk is answered 503", FULL_MS_MAX, Torture::is_stuck)?;
        *torture.address() = None;
        torture.hub.stop()?;
        if let Disk::Mounted(_) = disk {
            disk.free(0)?;
        }
        torture.hub = torture.place.start()?;
        torture.await_hub().map(drop)
    })?;
    let refused_read_only = torture.read_only(&disk)?;
    let open = torture.drain()?;
    let refused = locked(&torture.shared.ledger).refused();
    let (kept, report) = torture.judge(loaded, open)?;
    let told = json!({
        "by": disk.word(), "full_after_ms": full_ms, "again_after_ms": again_ms,
        "answered_503": refused, "read_only_refused": refused_read_only, "run": report,
    });
    Ok((kept && refused > 0, told))
}

/// A page of garbage: a hub refuses to start and names the way out, which works; also with a copy
/// that was made under load and is older than what was acknowledged.
fn damaged_page(place: Place, seed: u64) -> Result<Report> {
    let mut torture = begin(place, SHORT_LIFETIME_S, seed)?;
    let mut early = Value::Null;
    let first = torture.under_load(|torture| {
        clock::sleep_ms(SPELL_MS);
        early = torture.place.must(&["backup", EARLY])?;
        clock::sleep_ms(SPELL_MS);
        Ok(())
    })?;
    ensure!(torture.drain()? == 0, "not all was done before the last copy");
    torture.place.must(&["backup", LAST])?;
    torture.go_back_to(LAST)?;
    // What the early copy does not know is acknowledged and seen; what comes next must be, too,
    // under numbers that the networks were already called with.
    torture.go_back_to(EARLY)?;
    locked(&torture.shared.ledger).begin_anew();
    let anew = torture.under_load(|_| {
        clock::sleep_ms(SPELL_MS);
        Ok(())
    })?;
    let open = torture.drain()?;
    let (kept, report) = torture.judge(first + anew, open)?;
    Ok((kept, json!({ "early_copy": early, "run": report })))
}

/// An hour forward and back, under load, with a kill after each jump.
fn clock_jumps(mut place: Place, seed: u64, library: &Path) -> Result<Report> {
    let file = place.folder.join(CLOCK_FILE);
    fs::write(&file, "+0")?;
    let mut set = |name: &str, value: &Path| {
        place.environment.push((name.to_owned(), value.as_os_str().to_owned()));
    };
    set("LD_PRELOAD", library);
    set("FAKETIME_TIMESTAMP_FILE", &file);
    for name in ["FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC", "FAKETIME_DISABLE_SHM"] {
        set(name, Path::new("1"));
    }
    let mut torture = begin(place, LIFETIME_S, seed)?;
    let loaded = torture.under_load(|torture| {
        for jump in JUMPS_S {
            clock::sleep_ms(SPELL_MS);
            fs::write(&file, jump)?;
            clock::sleep_ms(SPELL_MS);
            torture.kill()?;
            torture.await_hub()?;
        }
        Ok(())
    })?;
    let open = torture.drain()?;
    let (kept, report) = torture.judge(loaded, open)?;
    Ok((kept, json!({ "jumps_s": JUMPS_S, "run": report })))
}

impl Torture {
    fn acknowledged(&self) -> usize {
        locked(&self.shared.ledger).acknowledged()
    }

    /// Whether for a spell all was answered that nothing can be stored, and nothing acknowledged.
    fn is_stuck(&self) -> Result<bool> {
        let look = || {
            let ledger = locked(&self.shared.ledger);
            (ledger.acknowledged(), ledger.refused())
        };
        let before = look();
        clock::sleep_ms(SPELL_MS);
        let after = look();
        Ok(after.0 == before.0 && after.1 > before.1)
    }

    /// Waits until something is so; how long that took, in milliseconds.
    fn until(
        &mut self,
        what: &str,
        ms_max: u64,
        is_so: impl Fn(&Self) -> Result<bool>,
    ) -> Result<u128> {
        let began = clock::now();
        while !is_so(self)? {
            if let Some(status) = self.hub.ended()? {
                bail!("{what}: the hub ended by itself: {status}");
            }
            ensure!(began.elapsed() < Duration::from_millis(ms_max), "{what}: not so");
            clock::sleep_ms(LOOK_MS);
        }
        Ok(began.elapsed().as_millis())
    }

    /// Stops, starts where nothing may be written, which is refused, and starts again. Null where
    /// this machine cannot take the right away.
    fn read_only(&mut self, disk: &Disk) -> Result<Value> {
        *self.address() = None;
        self.hub.stop()?;
        let taken = disk.set_read_only(true)?;
        let told = if taken { Value::from(self.place.refusal()?) } else { Value::Null };
        disk.set_read_only(false)?;
        if let Some(told) = told.as_str() {
            ensure!(told.contains("ead-only") || told.contains("denied"), "unclear: {told}");
        } else {
            skipped("a read-only disk needs the right to mount, or not to be root")?;
        }
        self.hub = self.place.start()?;
        self.await_hub()?;
        Ok(told)
    }

    /// Stops, damages the last page, is refused, and goes back to a copy.
    fn go_back_to(&mut self, copy: &str) -> Result<()> {
        *self.address() = None;
        self.hub.stop()?;
        let store = self.place.data().join(STORE);
        let mut bytes = fs::read(&store)?;
        let last = bytes.len().saturating_sub(PAGE_BYTES);
        bytes.iter_mut().skip(last).for_each(|byte| *byte = 0xa5);
        fs::write(&store, bytes)?;
        let told = self.place.refusal()?;
        ensure!(told.contains("ieum restore"), "the way out is not named: {told}");
        self.place.must(&["restore", copy, "--replace"])?;
        self.hub = self.place.start()?;
        self.await_hub().map(drop)
    }
}
