//! The measured process: a real hub that ends when its input closes.
//!
//! Invariant: it measures nothing of itself; the parent reads `/proc`.

use super::peer::{Ready, say};
use super::world;
use crate::command::lab::input_closed;
use crate::store::{self, StoreKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio::net::TcpListener;

/// What the measured process is told.
#[derive(Debug, Clone, clap::Args)]
pub struct HubArguments {
    /// Folder of its data.
    #[arg(long)]
    pub data: PathBuf,
    /// Where LINE and Telegram are.
    #[arg(long)]
    pub sink: SocketAddr,
    /// How many conversations to make; none when the data has them already.
    #[arg(long, default_value_t = 0)]
    pub conversations: usize,
    /// Where it keeps everything.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    pub store: StoreKind,
}

/// Runs the process.
///
/// # Errors
/// When the hub does not start.
pub fn main(arguments: &HubArguments) -> anyhow::Result<()> {
    crate::runtime::build()?.block_on(run(arguments))
}

async fn run(arguments: &HubArguments) -> anyhow::Result<()> {
    let store = store::open(arguments.store, &arguments.data)?;
    if arguments.conversations > 0 {
        world::furnish(store.as_ref(), arguments.conversations).await?;
    }
    let hub = world::start(store, arguments.sink).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(&Ready { address: listener.local_addr()? })?;
    let setup = ieum_server::ServerSetup::default();
    ieum_server::serve(listener, hub.clone(), setup, input_closed()).await;
    hub.stop().await;
    Ok(())
}
