//! What the store alone costs: messages admitted, claimed durably and settled, one by one.
//!
//! `store_bench [MESSAGES] [LANES] [DIRECTORY]`: that many conversations each admit their next
//! message when the last one is durable, while one dispatcher settles and claims. Prints one line
//! of JSON. It is a measure, not a test: it judges nothing.

use futures_util::stream::{FuturesUnordered, StreamExt};
use ieum_core::content::MessageId;
use ieum_core::delivery::{NewDelivery, Recipient, Route, Settlement, State, Step};
use ieum_core::directory::{Change, Endpoint, Room};
use ieum_core::ids::{AccountId, ChatKey, ConversationId, EventKey, NativeMessageId, RoomId};
use ieum_core::message::{Author, Class, NewMessage, Source};
use ieum_core::outgoing::CopyKey;
use ieum_core::ports::store::{Admission, AdmitBatch, Advance, ClaimRequest, Store};
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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let messages = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let lanes = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let directory = arguments.next().map_or_else(
        || std::env::temp_dir().join(format!("ieum-store-bench-{}", std::process::id())),
        PathBuf::from,
    );
    std::fs::create_dir_all(&directory)?;
    let fsync_us = fsync_p50_us(&directory)?;
    let opening = now();
    let store = SqliteStore::open(&directory)?;
    wait(store.load(Timestamp(0)))?;
    let open_ms = opening.elapsed().as_millis();
    let before = wait(store.counts())?.messages;
    wait(store.change(Timestamp(0), rooms(lanes)))?;
    let cpu = (process_ticks("self/stat"), store_ticks());
    let start = now();
    let mut latencies = run(&store, before, messages, lanes)?;
    let seconds = start.elapsed().as_secs_f64();
    let process_us = tick_us(process_ticks("self/stat") - cpu.0) / messages as f64;
    let thread_us = tick_us(store_ticks() - cpu.1) / messages as f64;
    latencies.sort_unstable();
    let at = |share: usize| latencies.get(latencies.len() * share / 1_000).copied();
    writeln!(
        std::io::stdout(),
        "{{\"messages\":{messages},\"lanes\":{lanes},\"before\":{before},\"open_ms\":{open_ms},\
         \"per_s\":{:.0},\"admit_us_p50\":{},\"admit_us_p99\":{},\
         \"store_thread_us\":{thread_us:.1},\
         \"process_us\":{process_us:.1},\"fsync_us_p50\":{fsync_us},\"rss_mb\":{}}}",
        messages as f64 / seconds,
        at(500).unwrap_or_default(),
        at(990).unwrap_or_default(),
        rss_mb(),
    )?;
    wait(store.close())?;
    Ok(())
}

fn run(
    store: &SqliteStore,
    before: u64,
    messages: u64,
    lanes: u64,
) -> Result<Vec<u128>, Box<dyn std::error::Error>> {
    let next = Cell::new(before);
    let end = before + messages;
    let next = &next;
    let admitting = (0..lanes).map(|_| async move {
        let mut latencies = Vec::new();
        while next.get() < end {
            let number = next.get();
            next.set(number + 1);
            let start = now();
            store.admit(batch(number, lanes)).await?;
            latencies.push(start.elapsed().as_micros());
        }
        Ok::<_, ieum_core::ports::store::StoreFailure>(latencies)
    });
    let mut admitting: FuturesUnordered<_> = admitting.collect();
    let admitted = async {
        let mut all = Vec::new();
        while let Some(latencies) = admitting.next().await {
            all.extend(latencies?);
        }
        Ok::<_, ieum_core::ports::store::StoreFailure>(all)
    };
    let (latencies, ()) =
        wait(futures_util::future::try_join(admitted, dispatch(store, messages)))?;
    Ok(latencies)
}

async fn dispatch(
    store: &SqliteStore,
    messages: u64,
) -> Result<(), ieum_core::ports::store::StoreFailure> {
    let mut left = messages;
    let mut settled = Vec::new();
    while left > 0 {
        let claim = ClaimRequest {
            account: AccountId(2),
            rows_max: 256,
            now: Timestamp(i64::MAX),
            durable: true,
        };
        let advance = Advance { settled: std::mem::take(&mut settled), claim: Some(claim) };
        left -= advance.settled.len() as u64;
        let advanced = store.advance(advance).await?;
        settled.extend(advanced.claims.into_iter().map(|claim| {
            let copies = vec![CopyKey {
                native: NativeMessageId::new(format!("{:019}", claim.delivery.seq.0)),
                quote: None,
            }];
            Settlement {
                delivery: claim.delivery.seq,
                step: Step::Sent { copies },
                evidence: "200".into(),
                at: Timestamp(2),
                plus: Vec::new(),
            }
        }));
    }
    Ok(())
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
            receipts: Vec::new(),
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
