//! `ieum bench pages`: how soon the inbox of somebody with much to read is there, what open pages
//! cost, and how soon something new reaches them.
//!
//! The hub is a real one in a process of its own, over a store that another process wrote. Times
//! are taken outside of it. Invariant: every page that is counted was answered whole and says
//! what it must show.

use super::calls::{Calls, Direction, Place};
use super::child::Process;
use super::ledger::percentile_ms;
use super::peer::{Ready, say};
use super::wire::{MessageReader, find};
use super::{library, machine};
use crate::doors::clock::{Stopwatch, SystemClock};
use crate::store::{self, StoreKind};
use anyhow::{Context, ensure};
use ieum_core::ports::clock::Clock;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How often each page is asked for.
const ASKED: usize = 50;
/// Posts whose way to the open pages is timed.
const POSTS: usize = 20;
/// How long an open page is waited for.
const HEARD_MS_MAX: u64 = 10_000;
/// How long to rest before memory is read.
const SETTLED_MS: u64 = 2_000;
/// An address where nobody listens: nothing is sent here.
const NOBODY: &str = "127.0.0.1:9";

/// What is to be measured.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct PagesArguments {
    /// How many conversations the reader has.
    #[arg(long, default_value_t = 10_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=200_000))]
    conversations: u32,
    /// How many messages one of them has.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..))]
    messages: u32,
    /// How many pages are open at once.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    open: u32,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Figures {
    conversations: u32,
    messages: u32,
    list_ms_p50: f64,
    list_ms_p99: f64,
    list_kb: usize,
    conversation_ms_p50: f64,
    conversation_ms_p99: f64,
    older_ms_p50: f64,
    script_kb: usize,
    open_pages: u32,
    open_pages_mb: f64,
    live_ms_p50: f64,
    live_ms_p99: f64,
    fsync_ms_p50: f64,
}

/// Measures.
///
/// # Errors
/// When a process fails or a page is not what it should be.
pub fn main(arguments: PagesArguments) -> anyhow::Result<bool> {
    let folder = tempfile::Builder::new().prefix("ieum-bench-").tempdir()?;
    let runtime = crate::runtime::build()?;
    runtime.block_on(async {
        let store = store::open(StoreKind::Sqlite, folder.path())?;
        library::fill(store.as_ref(), arguments.conversations, arguments.messages).await?;
        anyhow::Ok(store.close().await?)
    })?;
    let fsync_ms_p50 = machine::fsync_ms_p50(folder.path())?;
    let mut hub = Process::start(&[
        "bench-hub".to_owned(),
        format!("--data={}", folder.path().display()),
        format!("--sink={NOBODY}"),
    ])?;
    let ready: Ready = hub.hear()?;
    let figures = runtime.block_on(measure(arguments, ready.address, hub.id(), fsync_ms_p50))?;
    hub.finish()?;
    if arguments.json {
        say(&figures)?;
    } else {
        crate::command::say(&serde_json::to_string_pretty(&figures)?)?;
    }
    Ok(true)
}

async fn measure(
    arguments: PagesArguments,
    hub: SocketAddr,
    process: u32,
    fsync_ms_p50: f64,
) -> anyhow::Result<Figures> {
    let mut browser = Browser::open(hub).await?;
    let newest = format!("#{}", arguments.messages - 1);
    let list = browser.ask_often("/inbox", "class=\"rows\"").await?;
    let conversation = browser.ask_often("/inbox/1", &newest).await?;
    let page = browser.ask("/inbox/1").await?;
    let older = older_than(&page).context("no link to earlier messages")?;
    let older = browser.ask_often(&format!("/inbox/1{older}"), "class=\"said\"").await?;
    let list_kb = browser.ask("/inbox").await?.len().div_ceil(1_024);
    let script_kb = browser.ask("/assets/page.js").await?.len().div_ceil(1_024);
    let (live, open_pages_mb) = open_pages(arguments, hub, process).await?;
    Ok(Figures {
        conversations: arguments.conversations,
        messages: arguments.messages,
        list_ms_p50: percentile_ms(&list, 50),
        list_ms_p99: percentile_ms(&list, 99),
        list_kb,
        conversation_ms_p50: percentile_ms(&conversation, 50),
        conversation_ms_p99: percentile_ms(&conversation, 99),
        older_ms_p50: percentile_ms(&older, 50),
        script_kb,
        open_pages: arguments.open,
        open_pages_mb,
        live_ms_p50: percentile_ms(&live, 50),
        live_ms_p99: percentile_ms(&live, 99),
        fsync_ms_p50,
    })
}

/// One signed-in browser with a kept-alive connection.
struct Browser {
    hub: SocketAddr,
    socket: TcpStream,
    answers: MessageReader,
}

impl Browser {
    async fn open(hub: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(hub).await?;
        socket.set_nodelay(true)?;
        Ok(Self { hub, socket, answers: MessageReader::default() })
    }

    /// A page's bytes.
    async fn ask(&mut self, path: &str) -> anyhow::Result<String> {
        self.socket.write_all(request(self.hub, path).as_bytes()).await?;
        let answer = self.answers.next(&mut self.socket).await?.context("no answer")?;
        let head = String::from_utf8_lossy(answer.head);
        ensure!(head.starts_with("HTTP/1.1 200"), "{path} was answered {head}");
        Ok(String::from_utf8(answer.body.to_vec())?)
    }

    /// How long a page takes that says something, in microseconds, sorted.
    async fn ask_often(&mut self, path: &str, says: &str) -> anyhow::Result<Vec<u32>> {
        let mut times = Vec::with_capacity(ASKED);
        for _ in 0..ASKED {
            let watch = Stopwatch::start();
            let page = self.ask(path).await?;
            times.push(micros(watch.elapsed()));
            ensure!(page.contains(says), "{path} does not say {says}");
        }
        times.sort_unstable();
        Ok(times)
    }
}

fn request(hub: SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {hub}\r\naccept: text/html\r\n\
         cookie: ieum_session={}\r\n\r\n",
        library::SESSION_SECRET
    )
}

/// Where the link to earlier messages leads.
fn older_than(page: &str) -> Option<&str> {
    let at = page.find("?before=")?;
    page.get(at..)?.split('"').next()
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// Opens pages that listen; returns how long a message took from its acknowledgement to each of
/// them, in microseconds, sorted, and the memory that they cost, in MB.
async fn open_pages(
    arguments: PagesArguments,
    hub: SocketAddr,
    process: u32,
) -> anyhow::Result<(Vec<u32>, f64)> {
    SystemClock.sleep(SETTLED_MS).await;
    let before_mb = machine::memory_mb(process, "VmRSS")?;
    let mut pages = Vec::new();
    for _ in 0..arguments.open {
        pages.push(OpenPage::open(hub).await?);
    }
    SystemClock.sleep(SETTLED_MS).await;
    let after_mb = machine::memory_mb(process, "VmRSS")?;
    let watch = Stopwatch::start();
    let mut writer = Writer::open(hub).await?;
    let mut times = Vec::new();
    for number in 0..POSTS {
        let mut listening = JoinSet::new();
        for mut page in pages.drain(..) {
            listening.spawn(async move {
                let heard = page.heard(watch).await;
                (page, heard)
            });
        }
        let acknowledged = writer.say(number, watch).await?;
        while let Some(heard) = listening.join_next().await {
            let (page, at) = heard?;
            times.push(micros(at?.saturating_sub(acknowledged)));
            pages.push(page);
        }
    }
    times.sort_unstable();
    Ok((times, after_mb - before_mb))
}

/// Somebody who writes in the first conversation's LINE group.
struct Writer {
    socket: TcpStream,
    answers: MessageReader,
    calls: Calls,
}

impl Writer {
    async fn open(hub: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(hub).await?;
        socket.set_nodelay(true)?;
        let calls = Calls::new(hub, Direction::LineToTelegram);
        Ok(Self { socket, answers: MessageReader::default(), calls })
    }

    /// Says something; returns when that was acknowledged.
    async fn say(&mut self, number: usize, watch: Stopwatch) -> anyhow::Result<Duration> {
        let serial = u64::try_from(number)?;
        let place = Place { conversation: 0, author: 0, counter: number, serial };
        self.socket.write_all(self.calls.bytes(place)?).await?;
        let answer = self.answers.next(&mut self.socket).await?.context("no answer")?;
        ensure!(answer.head.starts_with(b"HTTP/1.1 200"), "a message was not taken");
        Ok(watch.elapsed())
    }
}

/// A page that listens for what is new.
struct OpenPage {
    socket: TcpStream,
    heard: Vec<u8>,
}

impl OpenPage {
    async fn open(hub: SocketAddr) -> anyhow::Result<Self> {
        let mut socket = TcpStream::connect(hub).await?;
        socket.write_all(request(hub, "/inbox/live").as_bytes()).await?;
        let mut page = Self { socket, heard: Vec::new() };
        page.until(b"retry:").await?;
        ensure!(page.heard.starts_with(b"HTTP/1.1 200"), "a page was not opened");
        Ok(page)
    }

    /// When the first conversation moved next.
    async fn heard(&mut self, watch: Stopwatch) -> anyhow::Result<Duration> {
        self.until(b"event: moved\ndata: 1\n").await?;
        Ok(watch.elapsed())
    }

    async fn until(&mut self, words: &[u8]) -> anyhow::Result<()> {
        self.heard.clear();
        let late = SystemClock.sleep(HEARD_MS_MAX);
        let reading = async {
            while find(&self.heard, words).is_none() {
                ensure!(self.socket.read_buf(&mut self.heard).await? > 0, "a page was closed");
            }
            Ok(())
        };
        tokio::select! {
            heard = reading => heard,
            () = late => anyhow::bail!("an open page heard nothing"),
        }
    }
}
