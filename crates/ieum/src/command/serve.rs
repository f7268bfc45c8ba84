//! `ieum serve`: a hub over its data, until it is asked to stop.
//!
//! Invariant: nothing is accepted before the store is open and nothing is cut off when it stops
//! calmly: calls that have begun end, attempts under way are settled, then the store closes.

use crate::config::AccountSettings;
use crate::data_folder;
use crate::doors::control::control_hosts;
use crate::push::WebPush;
use crate::stop::StopSignal;
use crate::store;
use crate::telling::tellers;
use crate::wiring::account_setups;
use anyhow::Context;
use ieum_engine::{Hub, HubSetup};
use ieum_server::{AccountLink, ServerSetup};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;

/// What to serve.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "ieum.toml")]
    config: PathBuf,
    /// The data folder; made when it is not there.
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When the configuration has complaints, or the data or the address is taken.
pub fn main(arguments: &ServeArguments) -> anyhow::Result<()> {
    crate::runtime::build()?.block_on(serve(arguments))
}

async fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    let stop = StopSignal::new()?;
    let doors = super::real_doors()?;
    let (config, connectors) = super::load(&arguments.config, &doors)?;
    let listen = config.hub.listen;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    data_folder::make_folder(&arguments.data)?;
    let configured = config.hub.secret.as_ref();
    let secret = data_folder::hub_secret(configured, &arguments.data, doors.entropy.as_ref())?;
    if config.store_keys.is_empty() {
        tracing::warn!("message texts lie on the disk as they are: [store] key would seal them");
    }
    let public_url = config.hub.public_url.as_deref();
    let tellers = tellers(&config.operator, &connectors, public_url, &doors);
    let hosts = control_hosts(&config.control_hosts, &doors.http);
    let mut settings = config.engine;
    settings.media.public_url = config.hub.public_url.clone();
    let links = account_links(&config.accounts);
    let pusher = WebPush::new(&secret, public_url, &doors);
    let hub = Hub::start(HubSetup {
        tellers,
        store: store::open_sealed(&arguments.data, &config.store_keys)?,
        media: data_folder::media(&arguments.data, doors.entropy.as_ref())?,
        search: Some(data_folder::search(&arguments.data, config.store_keys.first())?),
        clock: doors.clock,
        entropy: doors.entropy,
        secret,
        accounts: account_setups(&config.accounts, connectors),
        settings,
    })
    .await?;
    hub.ask_control_hosts(hosts);
    if let Some(pusher) = pusher {
        hub.push_by(Arc::new(pusher));
    }
    super::say(&format!("listening on http://{}", listener.local_addr()?))?;
    let setup = ServerSetup {
        tokens: config.hub.api_tokens.into_iter().map(|token| token.token).collect(),
        limits: config.limits,
        doors: links,
        public_url: config.hub.public_url.clone(),
    };
    ieum_server::serve(listener, hub.clone(), setup, stop.asked()).await;
    hub.stop().await;
    Ok(())
}

/// Where people find our accounts, as far as the configuration tells.
fn account_links(accounts: &[AccountSettings]) -> Vec<AccountLink> {
    let told = |one: &AccountSettings| {
        Some(AccountLink { account: one.name.clone(), link: one.link.clone()? })
    };
    accounts.iter().filter_map(told).collect()
}
