//! The stage: the lab and a hub, on free loopback ports, over a folder that is gone afterwards.

use super::DemoArguments;
use super::cast::{self, FAMILY, PLAYED, ROOM, in_lab};
use super::day::Script;
use super::eyes::Eyes;
use crate::doors;
use crate::doors::clock::ScaledClock;
use crate::doors::entropy::SeededEntropy;
use crate::store::{self, StoreKind};
use anyhow::Context;
use bytes::Bytes;
use ieum_connectors::doors::{Doors, Secret};
use ieum_connectors::kakaotalk::{self, KakaoTalk, KakaoTalkConfig};
use ieum_connectors::line::{self, Line, LineConfig};
use ieum_connectors::telegram::{self, Telegram, TelegramConfig};
use ieum_core::content::HubSecret;
use ieum_core::delivery::Step;
use ieum_core::ids::JournalSeq;
use ieum_core::journal::JournalEvent;
use ieum_core::network::Network;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::Connector;
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::http::{HttpLimits, HttpTransport};
use ieum_core::ports::store::PAGE_ROWS_MAX;
use ieum_core::time::Timestamp;
use ieum_engine::{AccountSetup, Hub, HubSetup};
use ieum_lab::{Lab, LabOptions, Population};
use ieum_store::{MemoryMedia, SearchFolder};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long before the first line the stage is set, on the scaled clock.
const LEAD_MS: i64 = 60_000;
/// How long one call of ours may take, on the scaled clock.
const CALL_MS: u64 = 10_000;
/// A call gets at least so long on the wall clock, or a fast clock would only measure the machine.
const CALL_WALL_MS_MIN: f64 = 250.0;

/// Everything that runs during a demonstration.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) clock: Arc<ScaledClock>,
    pub(super) lab: Arc<Lab>,
    pub(super) hub: Hub,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    servers: JoinSet<()>,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// Starts the lab and the hub and brings the family in.
    pub(super) async fn set(
        arguments: &DemoArguments,
        script: &Script,
        eyes: Eyes,
    ) -> anyhow::Result<Self> {
        let first = script.lines.first().map_or(script.outage_at, |line| line.at);
        let start = Timestamp(first.0.min(script.outage_at.0) - LEAD_MS);
        let clock = Arc::new(ScaledClock::new(arguments.speed, start));
        let entropy = Arc::new(SeededEntropy::new(arguments.seed));
        let lab = Lab::start(LabOptions {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&entropy) as Arc<dyn Entropy>,
            ports: [0; 4],
            population: Population::Empty,
        })
        .await?;
        let lab = Arc::new(lab);
        cast::enter(&mut lab.world())?;
        eyes.join(&mut lab.world())?;
        let folder = tempfile::tempdir()?;
        let doors = doors::real(clock.clone(), entropy.clone());
        let hub = start_hub(&lab, &doors, (arguments.speed, eyes), folder.path()).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let mut servers = JoinSet::new();
        servers.spawn(serve(listener, hub.clone(), stopped));
        let hook = format!("http://{address}/hooks/line");
        let webhook = format!(r#"{{"network":"line","url":"{hook}"}}"#);
        control(&*doors.http, &lab.control, "webhook", webhook).await?;
        servers.spawn(super::steady::keep(Arc::clone(&clock), hub.clone()));
        servers.spawn(eyes.watch(Arc::clone(&lab), hub.clone(), Arc::clone(&clock)));
        cast::register(&hub, || natives(&lab), &rooms(&lab)).await?;
        Ok(Self { clock, lab, hub, address, stop, servers, _folder: folder })
    }

    /// How long after `outage_at` the first delivery took another way; `None` when none did.
    pub(super) async fn first_failover_ms(
        &self,
        outage_at: Timestamp,
    ) -> anyhow::Result<Option<u64>> {
        let mut after = JournalSeq(0);
        loop {
            let page = self.hub.store().page_journal(after, PAGE_ROWS_MAX).await?;
            for entry in &page {
                if let Some(at) = moved_at(&entry.event)
                    && at >= outage_at
                {
                    return Ok(Some(at.ms_since(outage_at)));
                }
            }
            let Some(last) = page.last() else {
                return Ok(None);
            };
            after = last.seq;
        }
    }

    /// Leaves everything up until the program is interrupted.
    pub(super) async fn keep(&self) {
        self.clock.set_speed(1.0);
        eprintln!("hub: http://{}  lab control: {}", self.address, self.lab.control);
        eprintln!("press Ctrl-C to end");
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "cannot wait for Ctrl-C");
        }
    }

    /// Ends everything.
    pub(super) async fn strike(mut self) {
        self.stop.send_replace(true);
        self.hub.stop().await;
        self.servers.shutdown().await;
        self.clock.run_freely();
        // Whoever looked at its screens is gone by now.
        if let Some(lab) = Arc::into_inner(self.lab) {
            lab.stop().await;
        }
    }
}

/// The moment at which a delivery left its usual way.
fn moved_at(event: &JournalEvent) -> Option<Timestamp> {
    use ieum_core::delivery::Label;
    let moved = |label: &Option<Label>| matches!(label, Some(Label::InsteadOf(_)));
    match event {
        JournalEvent::Admitted { at, deliveries, .. } => {
            deliveries.iter().any(|planned| moved(&planned.label)).then_some(*at)
        }
        JournalEvent::Settled { at, step: Step::NextRoute { .. }, .. } => Some(*at),
        JournalEvent::Settled { at, plus, .. } => {
            plus.iter().any(|planned| moved(&planned.label)).then_some(*at)
        }
        JournalEvent::Opened { .. }
        | JournalEvent::Claimed { .. }
        | JournalEvent::Receipt { .. }
        | JournalEvent::Changed { .. }
        | JournalEvent::Read { .. }
        | JournalEvent::Health { .. }
        | JournalEvent::Copied { .. }
        | JournalEvent::Erased { .. }
        | JournalEvent::Accessed { .. } => None,
    }
}

async fn serve(listener: TcpListener, hub: Hub, mut stopped: watch::Receiver<bool>) {
    let stop = async move {
        // A dropped sender means the same as a stop.
        let _stopped_or_gone = stopped.wait_for(|stop| *stop).await;
    };
    ieum_server::serve(listener, hub, ieum_server::ServerSetup::default(), stop).await;
}

async fn control(
    http: &dyn HttpTransport,
    base: &str,
    path: &str,
    body: String,
) -> anyhow::Result<()> {
    let request = http::Request::post(format!("{base}/{path}"))
        .header("content-type", "application/json")
        .body(Bytes::from(body))?;
    let limits = HttpLimits { timeout_ms: 3_600_000, answer_bytes_max: 1 << 20 };
    let answer = http.call(request, limits).await.context("the lab's control")?;
    anyhow::ensure!(answer.status().is_success(), "the lab's control: {}", answer.status());
    Ok(())
}

fn natives(lab: &Lab) -> Vec<Vec<(Network, String, String)>> {
    let world = lab.world();
    let one = |role: &cast::Role, network: Network| {
        let user = world.find_user(in_lab(network), role.id)?;
        let direct = world.find_chat(in_lab(network), &cast::direct_chat(role))?;
        // KakaoTalk addresses the direct chat by the user.
        let by_user = network == Network::KakaoTalk;
        let direct = if by_user { user.native.clone() } else { direct.native.clone() };
        Some((network, user.native.clone(), direct))
    };
    FAMILY
        .iter()
        .map(|role| role.networks.iter().filter_map(|network| one(role, *network)).collect())
        .collect()
}

fn rooms(lab: &Lab) -> Vec<(Network, String)> {
    let world = lab.world();
    let native = |network| Some(world.find_chat(in_lab(network), ROOM)?.native.clone());
    PLAYED.iter().filter_map(|network| Some((*network, native(*network)?))).collect()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of milliseconds far below 2^53"
)]
pub(super) fn call_ms(speed: f64) -> u64 {
    CALL_MS.max((CALL_WALL_MS_MIN * speed) as u64)
}

async fn start_hub(
    lab: &Lab,
    doors: &Doors,
    (speed, eyes): (f64, Eyes),
    folder: &std::path::Path,
) -> anyhow::Result<Hub> {
    let timeout_ms = call_ms(speed);
    let connectors = [
        kakaotalk(lab, doors, timeout_ms)?,
        line(lab, doors, timeout_ms)?,
        telegram(lab, doors, timeout_ms)?,
    ];
    let accounts = connectors.into_iter().map(|connector| AccountSetup {
        name: connector.network().word().to_owned(),
        connector,
        rate: None,
    });
    let setup = HubSetup {
        store: store::open(StoreKind::Sqlite, folder)?,
        media: Arc::new(MemoryMedia::default()),
        search: Some(Arc::new(SearchFolder::open(folder)?)),
        clock: Arc::clone(&doors.clock),
        entropy: Arc::clone(&doors.entropy),
        secret: HubSecret::new(doors.entropy.next_16()),
        accounts: accounts.collect(),
        tellers: Vec::new(),
        settings: eyes.settings(lab, speed),
    };
    Ok(Hub::start(setup).await?)
}

fn kakaotalk(lab: &Lab, doors: &Doors, call_ms: u64) -> anyhow::Result<Arc<dyn Connector>> {
    let config = KakaoTalkConfig {
        api_url: lab.kakaotalk.api.clone(),
        gateway_url: lab.kakaotalk.gateway.clone(),
        bot_token: Secret::new(lab.kakaotalk.bot_token.as_str()),
        bot_name: Some("이음".to_owned()),
        webhook: None,
        edition: kakaotalk::Edition::default(),
        receive: kakaotalk::Receive::Gateway,
        timeouts: kakaotalk::Timeouts { call_ms, connect_ms: call_ms, heartbeat_ack_ms: call_ms },
        rate: kakaotalk::RATE_UNPUBLISHED,
    };
    let built = KakaoTalk::new(config, doors.clone());
    Ok(Arc::new(built.map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?))
}

fn line(lab: &Lab, doors: &Doors, timeout_ms: u64) -> anyhow::Result<Arc<dyn Connector>> {
    let config = LineConfig {
        api_url: lab.line.api.clone(),
        access_token: Secret::new(lab.line.access_token.as_str()),
        channel_secret: Secret::new(lab.line.channel_secret.as_str()),
        timeout_ms,
        rate: line::RATE_PUBLISHED,
    };
    let built = Line::new(&config, doors.clone());
    Ok(Arc::new(built.map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?))
}

fn telegram(lab: &Lab, doors: &Doors, timeout_ms: u64) -> anyhow::Result<Arc<dyn Connector>> {
    let config = TelegramConfig {
        api_url: lab.telegram.api.clone(),
        bot_token: Secret::new(lab.telegram.bot_token.as_str()),
        bot_name: None,
        receive: telegram::Receive::Polling { poll_seconds: 50 },
        timeout_ms,
        rate: telegram::RATE_PUBLISHED,
    };
    let built = Telegram::new(config, doors.clone());
    Ok(Arc::new(built.map_err(|complaints| anyhow::anyhow!("{complaints:?}"))?))
}
