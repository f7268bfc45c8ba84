//! `ieum bench idle` and `ieum bench start`: what a hub costs that does nothing, and how soon it
//! is there when its store is large.
//!
//! Invariant: the measured process opens a store that another process wrote, so that nothing of
//! the writing is in its memory.

use super::child::Process;
use super::machine;
use super::peer::{Ready, say};
use super::{fill, world};
use crate::doors::clock::{Stopwatch, SystemClock};
use crate::store::{self, StoreKind};
use anyhow::bail;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::Store;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// How long a hub rests before its memory is read.
const SETTLED_MS: u64 = 2_000;
/// An address where nobody listens: an idle hub has nothing to send.
const NOBODY: &str = "127.0.0.1:9";

/// What is to be measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct IdleArguments {
    /// How many conversations, of two joined rooms each.
    #[arg(long, default_value_t = 100_000)]
    conversations: usize,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// What is to be measured.
#[derive(Debug, Clone, clap::Args)]
pub struct StartArguments {
    /// How many messages the store has.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// Keep the store in this folder, and use it again when it is there.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Figures {
    messages: u64,
    conversations: u64,
    start_seconds: f64,
    idle_rss_mb: f64,
    empty_rss_mb: f64,
    fsync_ms_p50: f64,
}

/// Measures an idle hub.
///
/// # Errors
/// When a child process fails.
pub fn idle(arguments: IdleArguments) -> anyhow::Result<bool> {
    let folder = tempfile::Builder::new().prefix("ieum-bench-").tempdir()?;
    crate::runtime::build()?.block_on(async {
        let store = store::open(StoreKind::Sqlite, folder.path())?;
        world::furnish(store.as_ref(), arguments.conversations).await?;
        anyhow::Ok(store.close().await?)
    })?;
    let figures = measure(folder.path(), 0, arguments.conversations as u64)?;
    tell(&figures, arguments.json)
}

/// Measures a start.
///
/// # Errors
/// When a child process fails.
pub fn start(arguments: &StartArguments) -> anyhow::Result<bool> {
    let own = tempfile::Builder::new().prefix("ieum-bench-").tempdir()?;
    let folder = arguments.data.as_deref().unwrap_or(own.path());
    crate::data_folder::make_folder(folder)?;
    let messages = crate::runtime::build()?.block_on(filled(folder, arguments.messages))?;
    let figures = measure(folder, messages, fill::CONVERSATIONS)?;
    tell(&figures, arguments.json)
}

/// Fills an empty store; returns how many messages it has.
async fn filled(folder: &Path, messages: u64) -> anyhow::Result<u64> {
    let store = store::open(StoreKind::Sqlite, folder)?;
    store.load(SystemClock.now()).await?;
    let before = count(store.as_ref()).await?;
    if before == 0 {
        fill::fill(store.as_ref(), messages).await?;
    } else if before < messages {
        bail!("the store in {} has {before} messages only", folder.display());
    }
    let messages = count(store.as_ref()).await?;
    store.close().await?;
    Ok(messages)
}

async fn count(store: &dyn Store) -> anyhow::Result<u64> {
    Ok(store.counts().await?.messages)
}

fn measure(folder: &Path, messages: u64, conversations: u64) -> anyhow::Result<Figures> {
    let empty = tempfile::Builder::new().prefix("ieum-bench-").tempdir()?;
    let fsync_ms_p50 = machine::fsync_ms_p50(empty.path())?;
    let (_, empty_rss_mb) = rest(empty.path())?;
    let (start_seconds, idle_rss_mb) = rest(folder)?;
    Ok(Figures { messages, conversations, start_seconds, idle_rss_mb, empty_rss_mb, fsync_ms_p50 })
}

/// Starts a hub over `folder`; returns how long that took and its memory at rest.
fn rest(folder: &Path) -> anyhow::Result<(f64, f64)> {
    let watch = Stopwatch::start();
    let mut hub = Process::start(&[
        "bench-hub".to_owned(),
        format!("--data={}", folder.display()),
        format!("--sink={NOBODY}"),
    ])?;
    let _ready: Ready = hub.hear()?;
    let seconds = watch.elapsed().as_secs_f64();
    crate::runtime::build()?.block_on(async { SystemClock.sleep(SETTLED_MS).await });
    let rss_mb = machine::memory_mb(hub.id(), "VmRSS")?;
    hub.finish()?;
    Ok((seconds, rss_mb))
}

fn tell(figures: &Figures, json: bool) -> anyhow::Result<bool> {
    if json {
        say(figures)?;
        return Ok(true);
    }
    let added = figures.idle_rss_mb - figures.empty_rss_mb;
    let rows = [
        format!("{} messages, {} conversations", figures.messages, figures.conversations),
        format!("  ready after         {:>10.3} s", figures.start_seconds),
        format!("  memory of a new hub {:>10.1} MB", figures.empty_rss_mb),
        format!("  memory with these   {:>10.1} MB ({added:+.1})", figures.idle_rss_mb),
        format!("  fsync p50           {:>10.3} ms", figures.fsync_ms_p50),
    ];
    crate::command::say(&rows.join("\n"))?;
    Ok(true)
}
