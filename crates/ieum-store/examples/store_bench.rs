//! What the store alone costs: messages admitted, claimed durably and settled, one by one.
//!
//! `store_bench [MESSAGES] [LANES] [TASKS] [BACKLOG] [DIRECTORY]`: so many tasks admit a message
//! of the next conversation when their last one is durable, while one dispatcher settles and
//! claims, with one `Advance` in flight. The backlog is admitted before the measuring starts and
//! is still there when it ends. Prints one line of JSON. It is a measure, not a test: it judges
//! nothing.

use futures_util::stream::{FuturesUnordered, StreamExt};
use ieum_core::content::MessageId;
use ieum_core::delivery::{NewDelivery, Recipient, Route, Settlement, State, Step};
use ieum_core::directory::{Change, Endpoint, Room};
use ieum_core::ids::{AccountId, ChatKey, ConversationId, DeliverySeq, EventKey};
use ieum_core::ids::{NativeMessageId, RoomId};
use ieum_core::message::{Author, Class, NewMessage, Source};
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::store::{Admission, AdmitBatch, Advance, ClaimRequest, Store, StoreFailure};
use ieum_core::time::Timestamp;
use ieum_store::SqliteStore;
use std::cell::Cell;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

const CONTENT_BYTES: usize = 200;
const FSYNCS: usize = 200;

struct Arguments {
    messages: u64,
    lanes: u64,
    tasks: u64,
    backlog: u64,
    directory: PathBuf,
}

impl Arguments {
    fn read() -> Result<Self, std::num::ParseIntError> {
        let mut given = std::env::args().skip(1);
        let mut number = |usual| given.next().map_or(Ok(usual), |text| text.parse());
        let (messages, lanes) = (number(100_000)?, number(64)?);
        let (tasks, backlog) = (number(64)?, number(0)?);
        let directory = given.next().map_or_else(
            || std::env::temp_dir().join(format!("ieum-store-bench-{}", std::process::id())),
            PathBuf::from,
        );
        Ok(Self { messages, lanes, tasks, backlog, directory })
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::read()?;
    let Arguments { messages, lanes, tasks, backlog, directory } = &arguments;
    std::fs::create_dir_all(directory)?;
    let fsync_us = fsync_p50_us(directory)?;
    let opening = now();
    let store = SqliteStore::open(directory)?;
    let loaded = wait(store.load(Timestamp(0)))?;
    let open_ms = opening.elapsed().as_millis();
    let before = wait(store.counts())?.messages;
    wait(store.change(Timestamp(0), rooms(*lanes)))?;
    // What an earlier run left under way would hold its lanes for ever.
    let settled = loaded.interrupted.iter().map(|delivery| sent(delivery.seq)).collect();
    wait(store.advance(Advance { settled, claim: None }))?;
    let next = Cell::new(before);
    wait(admit_all(&store, &next, before + backlog, (1_024, *lanes)))?;
    let used = Used::now();
    let start = now();
    let dispatching = dispatch(&store, *messages);
    let admitting = admit_all(&store, &next, before + backlog + messages, (*tasks, *lanes));
    let (mut latencies, ()) = wait(futures_util::future::try_join(admitting, dispatching))?;
    let seconds = start.elapsed().as_secs_f64();
    let used = Used::now().since(&used);
    latencies.sort_unstable();
    let at = |share: usize| latencies.get(latencies.len() * share / 1_000).copied();
    let per_message = |total: f64| total / *messages as f64;
    writeln!(
        std::io::stdout(),
        "{{\"messages\":{messages},\"lanes\":{lanes},\"tasks\":{tasks},\"backlog\":{backlog},\
         \"before\":{before},\"open_ms\":{open_ms},\
         \"per_s\":{:.0},\"admit_us_p50\":{},\"admit_us_p99\":{},\
         \"store_thread_us\":{:.1},\"process_us\":{:.1},\"writes\":{:.2},\"written_bytes\":{:.0},\
         \"fsync_us_p50\":{fsync_us},\"rss_mb\":{}}}",
        *messages as f64 / seconds,
        at(500).unwrap_or_default(),
        at(990).unwrap_or_default(),
        per_message(tick_us(used.thread_ticks)),
        per_message(tick_us(used.process_ticks)),
        per_message(used.writes as f64),
        per_message(used.written_bytes as f64),
        rss_mb(),
    )?;
    wait(store.close())?;
    Ok(())
}

/// So many tasks admit messages until the next one would have the number `end`; returns how long
/// each waited, in microseconds.
async fn admit_all(
    store: &SqliteStore,
    next: &Cell<u64>,
    end: u64,
    (tasks, lanes): (u64, u64),
) -> Result<Vec<u128>, StoreFailure> {
    let admitting = (0..tasks).map(|_| async {
        let mut latencies = Vec::new();
        while next.get() < end {
            let number = next.get();
            next.set(number + 1);
            let start = now();
            store.admit(batch(number, lanes)).await?;
            latencies.push(start.elapsed().as_micros());
        }
        Ok::<_, StoreFailure>(latencies)
    });
    let mut admitting: FuturesUnordered<_> = admitting.collect();
    let mut all = Vec::new();
    while let Some(latencies) = admitting.next().await {
        all.extend(latencies?);
    }
    Ok(all)
}

async fn dispatch(store: &SqliteStore, messages: u64) -> Result<(), StoreFailure> {
    let mut left = messages;
    let mut settled = Vec::new();
    while left > 0 {
        let claim = ClaimRequest {
            account: AccountId(2),
            lanes_max: 256,
            rows_max: 256,
            run_max: 1,
            now: Timestamp(i64::MAX),
            durable: true,
        };
        let advance = Advance { settled: std::mem::take(&mut settled), claim: Some(claim) };
        left = left.saturating_sub(advance.settled.len() as u64);
        let advanced = store.advance(advance).await?;
        settled.extend(advanced.claims.into_iter().map(|claim| sent(claim.delivery.seq)));
    }
    Ok(())
}

fn sent(delivery: DeliverySeq) -> Settlement {
    let native = NativeMessageId::new(format!("{:019}", delivery.0));
    Settlement {
        delivery,
        step: Step::Sent { copies: vec![CopyKey { native, quote: None }] },
        evidence: "200".into(),
        at: Timestamp(2),
        plus: Vec::new(),
    }
}

fn rooms(lanes: u64) -> Vec<Change> {
    let room = |id| {
        Change::Room(Room {
            id: RoomId(id),
            account: AccountId(2),
            chat: ChatKey::new(format!("C{id:032}")),
            title: "".into(),
            conversation: Some(ConversationId(id)),
            joined: true,
            present: Vec::new(),
        })
    };
    (1..=lanes).map(room).collect()
}

fn batch(number: u64, lanes: u64) -> AdmitBatch {
    let id = number % lanes + 1;
    let mix = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [1_u8; 32];
    for (byte, mixed) in bytes.iter_mut().skip(1).zip(mix.to_be_bytes()) {
        *byte = mixed;
    }
    let message = NewMessage {
        id: MessageId::from_bytes(bytes),
        conversation: ConversationId(id),
        author: Author::Hub,
        source: Some(Source {
            account: AccountId(1),
            chat: ChatKey::new(format!("C{id:032}")),
            native: NativeMessageId::new(format!("{number:018}")),
            quote: None,
        }),
        accepted_at: Timestamp(1),
        origin_at: Timestamp(1),
        expires_at: Timestamp(2),
        class: Class::Chat,
        content: Arc::from(vec![7_u8; CONTENT_BYTES]),
    };
    let delivery = NewDelivery {
        recipient: Recipient::Room(RoomId(id)),
        route: Some(Route { account: AccountId(2), endpoint: Endpoint::Room(RoomId(id)) }),
        state: State::Queued,
        label: None,
        stands_in_for: None,
    };
    AdmitBatch {
        at: Timestamp(1),
        admissions: vec![Admission {
            event: Some((AccountId(1), EventKey::new(format!("{number:026}")))),
            message: Some(message),
            deliveries: vec![delivery],
            ..Admission::default()
        }],
        cursor: None,
    }
}

fn fsync_p50_us(directory: &Path) -> std::io::Result<u128> {
    let path = directory.join("fsync-probe");
    let mut file = std::fs::File::create(&path)?;
    let mut taken = Vec::with_capacity(FSYNCS);
    for _ in 0..FSYNCS {
        let start = now();
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        taken.push(start.elapsed().as_micros());
    }
    std::fs::remove_file(path)?;
    taken.sort_unstable();
    Ok(taken.get(FSYNCS / 2).copied().unwrap_or_default())
}

#[allow(clippy::disallowed_methods, reason = "this program measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// User and system time of a process or thread in clock ticks (fields 14 and 15 of its stat).
fn process_ticks(path: &str) -> u64 {
    let stat = std::fs::read_to_string(Path::new("/proc").join(path)).unwrap_or_default();
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn store_ticks() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let named = tasks.filter(|task| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.trim() == "ieum-store")
    });
    let paths = named.map(|task| format!("self/task/{}/stat", task.file_name().to_string_lossy()));
    paths.map(|path| process_ticks(&path)).sum()
}

/// What was used up to a moment.
struct Used {
    process_ticks: u64,
    thread_ticks: u64,
    /// Calls that write, of the process.
    writes: u64,
    written_bytes: u64,
}

impl Used {
    fn now() -> Self {
        let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
        let figure = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|text| text.trim().parse().ok()).unwrap_or_default()
        };
        Self {
            process_ticks: process_ticks("self/stat"),
            thread_ticks: store_ticks(),
            writes: figure("syscw:"),
            written_bytes: figure("wchar:"),
        }
    }

    fn since(self, before: &Self) -> Self {
        Self {
            process_ticks: self.process_ticks - before.process_ticks,
            thread_ticks: self.thread_ticks - before.thread_ticks,
            writes: self.writes - before.writes,
            written_bytes: self.written_bytes - before.written_bytes,
        }
    }
}

fn tick_us(ticks: u64) -> f64 {
    ticks as f64 * 10_000.0
}

fn rss_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1_024
}

/// Waits by parking this thread.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
