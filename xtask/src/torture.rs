//! `cargo xtask torture`: a real hub under load, killed again and again at moments drawn by chance.
//!
//! Judges by what was acknowledged to the load and seen by the networks, both kept outside of the
//! hub, and by `ieum audit`. Invariant: a broken promise ends the task with a non-zero code, one
//! line of JSON that holds the seed, and the data left in place.

mod chance;
mod clock;
mod disk;
mod generator;
mod http;
mod hub;
mod ledger;
mod sink;
mod trials;

use crate::process;
use crate::tree::Workspace;
use anyhow::{Context, Result, bail};
use chance::Chance;
use generator::{Generator, Shared};
use hub::{Hub, Place};
use ledger::Ledger;
use serde_json::{Value, json};
use sink::Sink;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const CONVERSATIONS: u32 = 64;
/// Messages a second unless told.
const RATE: u32 = 1_000;
/// One kill in so many comes while the hub starts.
const EARLY_KILL_ONCE_IN: u64 = 5;
const EARLY_KILL_MS_MAX: u64 = 120;
const LATE_KILL_MS_MIN: u64 = 300;
const LATE_KILL_MS_MAX: u64 = 1_800;
/// Up to so many kills, messages live shortly: doubt after a crash lasts a quarter of their life.
const SHORT_KILLS_MAX: u32 = 12;
const SHORT_LIFETIME_S: u64 = 72;
const LIFETIME_S: u64 = 3 * 24 * 3_600;
/// After the last kill doubt lasts 30 s at most; the hub may work for so long.
const DRAIN_MS_MAX: u64 = 120_000;
const LOOK_MS: u64 = 100;

/// What is to be done.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct TortureArguments {
    /// How often the hub is killed
    #[arg(long, default_value_t = 10)]
    pub(crate) kills: u32,
    /// Messages a second, over 64 conversations
    #[arg(long, default_value_t = RATE, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) rate: u32,
    /// Which moments; from the clock unless told
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The program to torture; this workspace's release binary unless told
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,
    /// Leave out the full disk, the damaged page and the jumps of the clock
    #[arg(long)]
    pub(crate) kills_only: bool,
    /// Print one line of JSON and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

impl TortureArguments {
    /// So many kills of this program, or only the trials when there are none, at the usual rate
    /// and at moments drawn anew.
    pub(crate) fn new(kills: u32, program: PathBuf) -> Self {
        let kills_only = kills > 0;
        Self { kills, rate: RATE, seed: None, program: Some(program), kills_only, json: false }
    }
}

/// Runs the task; tells whether every promise was kept.
pub(crate) fn run(workspace: &Workspace, arguments: &TortureArguments) -> Result<bool> {
    let program = match &arguments.program {
        Some(program) => std::path::absolute(program)?,
        None => build(workspace)?,
    };
    let seed = arguments.seed.unwrap_or_else(clock::unix_ms);
    let is_short = arguments.kills <= SHORT_KILLS_MAX;
    let lifetime_s = if is_short { SHORT_LIFETIME_S } else { LIFETIME_S };
    let (mut kept, mut report) = in_a_folder(&program, seed, |place| {
        Torture::begin(arguments, lifetime_s, seed, place).and_then(Torture::carry_out)
    })?;
    if !arguments.kills_only {
        let (held, trials) = trials::run(workspace, &program, seed)?;
        kept &= held;
        report.as_object_mut().context("a report is an object")?.insert("trials".into(), trials);
    }
    if !arguments.json && kept {
        println!("every promise was kept");
    }
    println!("{report}");
    Ok(kept)
}

/// Tortures in a folder of its own, which stays when something was wrong.
fn in_a_folder(
    program: &Path,
    seed: u64,
    torture: impl FnOnce(Place) -> Result<(bool, Value)>,
) -> Result<(bool, Value)> {
    let folder = tempfile::Builder::new().prefix("ieum-torture-").tempdir()?;
    let place = Place {
        program: program.to_owned(),
        folder: folder.path().to_owned(),
        environment: Vec::new(),
    };
    let tortured = torture(place).with_context(|| format!("seed {seed}"));
    if !matches!(tortured, Ok((true, _))) {
        println!("the data is left in {}", folder.keep().display());
    }
    tortured
}

/// Builds the release binary; quick when it is there.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--package", "ieum", "--locked", "--quiet"]);
    if !process::run(cargo.current_dir(&workspace.root))? {
        bail!("the program cannot be built");
    }
    Ok(workspace.target.join("release").join("ieum"))
}

/// A run under way.
struct Torture {
    arguments: TortureArguments,
    seed: u64,
    chance: Chance,
    place: Place,
    shared: Arc<Shared>,
    hub: Hub,
    began: Instant,
    start_ms_max: u128,
}

impl Torture {
    fn begin(
        arguments: &TortureArguments,
        lifetime_s: u64,
        seed: u64,
        place: Place,
    ) -> Result<Self> {
        let ledger: Arc<Mutex<Ledger>> = Arc::default();
        place.furnish(Sink::open(Arc::clone(&ledger), seed)?, lifetime_s)?;
        let mut hub = place.start()?;
        let address = hub.listening(hub::START_LIMIT)?.context("the hub does not start")?;
        hub::join(address, CONVERSATIONS as usize, &mut locked(&ledger))?;
        let shared =
            Shared { hub: Mutex::new(Some(address)), ledger, stop: AtomicBool::new(false) };
        Ok(Self {
            arguments: arguments.clone(),
            seed,
            chance: Chance::new(seed, u64::MAX),
            place,
            shared: Arc::new(shared),
            hub,
            began: clock::now(),
            start_ms_max: 0,
        })
    }

    fn carry_out(mut self) -> Result<(bool, Value)> {
        let loaded = self.under_load(Self::kill_again_and_again)?;
        let open = self.drain()?;
        self.judge(loaded, open)
    }

    /// Does something while messages come in; how long the load lasted.
    fn under_load(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<Duration> {
        self.shared.stop.store(false, Ordering::Relaxed);
        let began = clock::now();
        let load = self.load();
        let worked = work(self);
        self.shared.stop.store(true, Ordering::Relaxed);
        worked?;
        let loaded = began.elapsed();
        for generator in load {
            if generator.join().is_err() {
                bail!("a generator failed");
            }
        }
        Ok(loaded)
    }

    fn load(&self) -> Vec<JoinHandle<()>> {
        let gap = Duration::from_secs(1) * CONVERSATIONS / self.arguments.rate;
        let start = |conversation: u32| {
            let generator = Generator {
                conversation: conversation as usize,
                conversations: CONVERSATIONS as usize,
                gap,
                chance: Chance::new(self.seed, u64::from(conversation)),
            };
            let shared = Arc::clone(&self.shared);
            thread::spawn(move || generator.run(&shared))
        };
        (0..CONVERSATIONS).map(start).collect()
    }

    fn kill_again_and_again(&mut self) -> Result<()> {
        for number in 1..=self.arguments.kills {
            let is_early = number > 1 && self.chance.once_in(EARLY_KILL_ONCE_IN);
            let wait_ms = if is_early {
                self.chance.between(0, EARLY_KILL_MS_MAX)
            } else {
                self.await_hub()?;
                self.chance.between(LATE_KILL_MS_MIN, LATE_KILL_MS_MAX)
            };
            clock::sleep_ms(wait_ms);
            self.kill()?;
        }
        self.await_hub().map(drop)
    }

    /// Kills the hub and starts another over its data.
    fn kill(&mut self) -> Result<()> {
        if let Some(status) = self.hub.ended()? {
            bail!("the hub ended by itself: {status}");
        }
        *self.address() = None;
        self.hub.kill()?;
        self.hub = self.place.start()?;
        Ok(())
    }

    /// Waits until the hub listens and tells the load where.
    fn await_hub(&mut self) -> Result<SocketAddr> {
        if let Some(address) = *self.address() {
            return Ok(address);
        }
        let started = clock::now();
        let address = self.hub.listening(hub::START_LIMIT)?.context("the hub does not start")?;
        self.start_ms_max = self.start_ms_max.max(started.elapsed().as_millis());
        *self.address() = Some(address);
        Ok(address)
    }

    fn address(&self) -> MutexGuard<'_, Option<SocketAddr>> {
        locked(&self.shared.hub)
    }

    /// Waits until all is seen and done; returns how many deliveries are still open.
    fn drain(&mut self) -> Result<u64> {
        let address = self.await_hub()?;
        let mut open = hub::open(address)?;
        for _ in 0..DRAIN_MS_MAX / LOOK_MS {
            if open == 0 && locked(&self.shared.ledger).missing() == 0 {
                break;
            }
            clock::sleep_ms(LOOK_MS);
            open = hub::open(address)?;
        }
        Ok(open)
    }

    fn judge(mut self, loaded: Duration, open: u64) -> Result<(bool, Value)> {
        let drain_ms = self.began.elapsed().saturating_sub(loaded).as_millis();
        self.hub.stop()?;
        let (clean, audit) = self.place.audit()?;
        let panics = self.place.panics()?;
        let ledger = locked(&self.shared.ledger);
        let acknowledged = ledger.acknowledged() as u128;
        let per_s = acknowledged * 1_000 / loaded.as_millis().max(1);
        let kept = ledger.kept() && clean && open == 0 && panics.is_empty();
        let report = json!({
            "kept": kept,
            "seed": self.seed,
            "kills": self.arguments.kills,
            "seconds": loaded.as_secs_f64().round(),
            "acknowledged_per_s": per_s,
            "start_ms_max": self.start_ms_max,
            "drain_ms": drain_ms,
            "open": open,
            "panics": panics,
            "seen": ledger.report(),
            "audit_clean": clean,
            "audit": audit,
        });
        Ok((kept, report))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
