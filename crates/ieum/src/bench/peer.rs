//! The measuring process: generator and sink on one thread, so that both use one clock.
//!
//! It says where the sink is, waits for one line that says where the hub is, runs, and prints the
//! tally as one line. Invariant: it ends by itself, also when the hub loses messages.

use super::calls::Direction;
use super::generator::{Load, run};
use super::ledger::{Ledger, Tally};
use super::sink::{Sink, serve};
use crate::doors::clock::{Stopwatch, SystemClock};
use anyhow::Context;
use ieum_core::ports::clock::Clock;
use std::cell::RefCell;
use std::io::Write;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::net::TcpListener;
use tokio::task::{JoinSet, LocalSet};

/// How long the sink waits without any arrival before it counts the rest as lost.
const SILENCE_MS_MAX: u64 = 5_000;
/// How often it looks.
const LOOK_MS: u64 = 5;

/// What the measuring process is asked to do.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct PeerArguments {
    /// How many messages.
    #[arg(long)]
    pub messages: u64,
    /// Over how many conversations.
    #[arg(long)]
    pub conversations: usize,
    /// How many people write at once, no fewer than there are conversations.
    #[arg(long)]
    pub connections: usize,
    /// Messages a second; as fast as the hub takes them when absent.
    #[arg(long, value_parser = super::relay::rate)]
    pub rate: Option<f64>,
    /// From where to where messages cross.
    #[arg(long, value_enum, default_value_t)]
    pub direction: Direction,
}

/// Where the sink listens, as the first line says.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Ready {
    /// Address and port.
    pub(super) address: SocketAddr,
}

/// Runs the process.
///
/// # Errors
/// When the hub does not answer as it should.
pub fn main(arguments: PeerArguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, measure(arguments))
}

async fn measure(arguments: PeerArguments) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&Ready { address: listener.local_addr()? })?;
    let watch = Stopwatch::start();
    let ledger = Rc::new(RefCell::new(Ledger::new(arguments.conversations)));
    let sink = Sink { ledger: Rc::clone(&ledger), watch };
    let serving = tokio::task::spawn_local(serve(listener, sink));
    let hub = hub_address().await?;
    let tally = post_all(arguments, hub, ledger, watch).await?;
    serving.abort();
    say(&tally)
}

/// Reads the hub's address from standard input while the sink already answers.
async fn hub_address() -> anyhow::Result<SocketAddr> {
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let ready: Ready = serde_json::from_str(&line.await??).context("no address of the hub")?;
    Ok(ready.address)
}

async fn post_all(
    arguments: PeerArguments,
    hub: SocketAddr,
    ledger: Rc<RefCell<Ledger>>,
    watch: Stopwatch,
) -> anyhow::Result<Tally> {
    let began = watch.elapsed();
    let mut posting = JoinSet::new();
    for load in Load::shared_out(arguments, hub) {
        posting.spawn_local(run(load, Rc::clone(&ledger), watch));
    }
    let mut acknowledged = 0;
    while let Some(posted) = posting.join_next().await {
        acknowledged += posted??;
    }
    wait_for_arrivals(&ledger, acknowledged).await;
    let ledger = ledger.replace(Ledger::new(0));
    let mut tally = ledger.tally(acknowledged);
    tally.seconds = (tally.seconds - began.as_secs_f64()).max(0.0);
    Ok(tally)
}

async fn wait_for_arrivals(ledger: &RefCell<Ledger>, expected: u64) {
    let (mut arrived, mut silent_ms) = (0, 0);
    while arrived < expected && silent_ms < SILENCE_MS_MAX {
        SystemClock.sleep(LOOK_MS).await;
        let now = ledger.borrow().arrivals();
        silent_ms = if now == arrived { silent_ms + LOOK_MS } else { 0 };
        arrived = now;
    }
    // A moment for copies that should not come.
    SystemClock.sleep(LOOK_MS * 10).await;
}

/// Prints one line of JSON for the parent process.
pub(super) fn say<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}
