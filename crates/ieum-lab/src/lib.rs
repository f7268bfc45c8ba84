//! The lab: KakaoTalk's Bot API, LINE's Messaging API and Telegram's Bot API as simulators on
//! loopback, with people, screens, the networks' own rules, and faults.
//!
//! It is written from the networks' specifications and knows nothing of any connector, so that one
//! misreading cannot pass on both sides. Of this project's crates it uses only the core's clock and
//! entropy ports; all waiting follows that clock, which may run faster than the wall's.
//!
//! [`World`] can be driven directly, without a socket; [`Lab`] puts servers before it.

mod bell;
mod control;
pub mod fault;
mod kakaotalk;
mod line;
mod moment;
mod network;
mod outbound;
mod reading;
mod shared;
mod tasks;
mod telegram;
pub mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};

use axum::Router;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::entropy::Entropy;
use ieum_core::time::Timestamp;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use fault::Verdict;
pub use fault::cell::{Backlog, Cell, ChatFilter, Function, ShareKey};
pub use fault::mode::Mode;
pub use fault::scenario::{Scenario, ScenarioError};
pub use network::{Network, Surface};
use shared::Shared;
pub use world::World;

/// Who lives in the lab at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Population {
    /// Nobody but our bot.
    Empty,
    /// A family of six over three messengers, with a room `family` on each.
    #[default]
    Family,
}

/// How a lab is started.
#[derive(Debug)]
pub struct LabOptions {
    /// The clock that all waiting follows.
    pub clock: Arc<dyn Clock>,
    /// Where ids, tokens and chances come from.
    pub entropy: Arc<dyn Entropy>,
    /// Ports of KakaoTalk, LINE, Telegram and the control; zero for any free one.
    pub ports: [u16; 4],
    /// Who lives in it.
    pub population: Population,
}

impl LabOptions {
    /// Free ports and the family.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy, ports: [0; 4], population: Population::default() }
    }
}

/// Where the simulated KakaoTalk is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KakaotalkAddress {
    /// The REST interface.
    pub api: String,
    /// The gateway.
    pub gateway: String,
    /// The token of our bot.
    pub bot_token: String,
}

/// Where the simulated LINE is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineAddress {
    /// The REST interface, content included.
    pub api: String,
    /// What signs the webhooks.
    pub channel_secret: String,
    /// The token of our channel.
    pub access_token: String,
}

/// Where the simulated Telegram is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TelegramAddress {
    /// The root before `/bot<token>/`.
    pub api: String,
    /// The token of our bot.
    pub bot_token: String,
}

/// What the JSON line holds, in its order.
#[derive(Serialize)]
struct Addresses<'a> {
    kakaotalk: &'a KakaotalkAddress,
    line: &'a LineAddress,
    telegram: &'a TelegramAddress,
    control: &'a str,
}

/// A running lab. It stops when it is told to or dropped.
#[derive(Debug)]
pub struct Lab {
    /// Where KakaoTalk is.
    pub kakaotalk: KakaotalkAddress,
    /// Where LINE is.
    pub line: LineAddress,
    /// Where Telegram is.
    pub telegram: TelegramAddress,
    /// Where the control calls go.
    pub control: String,
    shared: Shared,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// The routers of a lab without sockets, for tests that call them directly.
#[derive(Debug, Clone)]
pub struct Routers {
    /// KakaoTalk (the gateway needs a socket).
    pub kakaotalk: Router,
    /// LINE.
    pub line: Router,
    /// Telegram.
    pub telegram: Router,
    /// The control calls.
    pub control: Router,
}

impl Routers {
    fn new(shared: &Shared) -> Self {
        Self {
            kakaotalk: kakaotalk::router(shared.clone()),
            line: line::router(shared.clone()),
            telegram: telegram::router(shared.clone()),
            control: control::router(shared.clone()),
        }
    }
}

impl Lab {
    /// Starts the servers on loopback. Must be called within a tokio runtime.
    pub async fn start(options: LabOptions) -> io::Result<Self> {
        let mut world = World::new(options.clock, options.entropy);
        if options.population == Population::Family {
            world.add_family().map_err(io::Error::other)?;
        }
        let (stop, stopped) = watch::channel(false);
        let shared = Shared::new(world, stopped);
        let routers = Routers::new(&shared);
        let [kakaotalk, line, telegram, control] = options.ports;
        let mut tasks = tasks::start_loops(&shared);
        let mut serve = async |port, router| {
            let (address, task) = serve(&shared, port, router).await?;
            tasks.push(task);
            io::Result::Ok(address)
        };
        let kakaotalk = serve(kakaotalk, routers.kakaotalk).await?;
        let line = serve(line, routers.line).await?;
        let telegram = serve(telegram, routers.telegram).await?;
        let control = format!("http://{}", serve(control, routers.control).await?);
        let world = shared.lock();
        let kakaotalk = KakaotalkAddress {
            api: format!("http://{kakaotalk}"),
            gateway: format!("ws://{kakaotalk}/gateway"),
            bot_token: world.bot(Network::Kakaotalk).token.clone(),
        };
        let line = LineAddress {
            api: format!("http://{line}"),
            channel_secret: world.bot(Network::Line).secret.clone(),
            access_token: world.bot(Network::Line).token.clone(),
        };
        let telegram = TelegramAddress {
            api: format!("http://{telegram}"),
            bot_token: world.bot(Network::Telegram).token.clone(),
        };
        drop(world);
        Ok(Self { kakaotalk, line, telegram, control, shared, stop, tasks })
    }

    /// The line that `ieum lab --json` prints.
    #[must_use]
    pub fn json_line(&self) -> String {
        let addresses = Addresses {
            kakaotalk: &self.kakaotalk,
            line: &self.line,
            telegram: &self.telegram,
            control: &self.control,
        };
        // Plain strings always have a JSON form.
        serde_json::to_string(&addresses).unwrap_or_default()
    }

    /// The routers behind the servers, to call them without a socket.
    #[must_use]
    pub fn routers(&self) -> Routers {
        Routers::new(&self.shared)
    }

    /// The world behind the servers, brought up to the present. Do not hold it over an await.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.lock()
    }

    /// Plays a scenario from `start` on.
    pub fn play(&self, scenario: &Scenario, start: Timestamp) -> Vec<u64> {
        self.world().play(scenario, start)
    }

    /// Stops all servers and waits for them.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            // A task that panicked has stopped too.
            drop(task.await);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn serve(
    shared: &Shared,
    port: u16,
    router: Router,
) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    Ok((address, tasks::start_server(shared, listener, router)))
}

/// A lab without sockets or tasks: the routers and the world behind them. Webhooks are not sent and
/// held things move only when something asks.
#[derive(Debug)]
pub struct Desk {
    /// The routers.
    pub routers: Routers,
    shared: Shared,
    _stop: watch::Sender<bool>,
}

impl Desk {
    /// Puts routers before a world.
    #[must_use]
    pub fn new(world: World) -> Self {
        let (stop, stopped) = watch::channel(false);
        let shared = Shared::new(world, stopped);
        Self { routers: Routers::new(&shared), shared, _stop: stop }
    }

    /// The world behind the routers, brought up to the present.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.shared.lock()
    }
}
