//! Starts the lab on free loopback ports with a real clock, prints its JSON line and runs until
//! standard input closes or it is interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::entropy::Entropy;
use ieum_core::time::Timestamp;
use ieum_lab::{Lab, LabOptions};
use tokio::io::AsyncReadExt;

#[derive(Debug)]
struct WallClock;

impl Clock for WallClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock port's implementation")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ms = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Timestamp(ms)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock port's implementation")]
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(ms)))
    }
}

/// A seed of the operating system's, spread by a hash of a counter.
#[derive(Debug)]
struct SystemEntropy {
    seed: [u8; 32],
    counter: AtomicU64,
}

impl SystemEntropy {
    fn open() -> std::io::Result<Self> {
        let mut seed = [0; 32];
        std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut seed)?;
        Ok(Self { seed, counter: AtomicU64::new(0) })
    }
}

impl Entropy for SystemEntropy {
    fn next_u64(&self) -> u64 {
        use sha2::Digest;
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        let digest = sha2::Sha256::new().chain_update(self.seed).chain_update(count.to_le_bytes());
        digest.finalize().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "the line is what the example is for")]
async fn main() -> std::io::Result<()> {
    let entropy = Arc::new(SystemEntropy::open()?);
    let lab = Lab::start(LabOptions::new(Arc::new(WallClock), entropy)).await?;
    println!("{}", lab.json_line());
    let mut input = tokio::io::stdin();
    let mut byte = [0; 64];
    let closed = async { while input.read(&mut byte).await.is_ok_and(|count| count > 0) {} };
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => {}
        () = closed => {}
    }
    lab.stop().await;
    Ok(())
}
