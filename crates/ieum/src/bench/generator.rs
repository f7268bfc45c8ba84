//! The load: webhook calls over kept-alive connections, one conversation each.
//!
//! Closed loop (the next post leaves when the hub acknowledged the last one), or paced. Invariant:
//! every event has its own id, and the counters of a conversation leave in growing order.

use super::calls::{Calls, Direction, Place};
use super::ledger::Ledger;
use super::wire::MessageReader;
use crate::doors::clock::{Stopwatch, SystemClock};
use anyhow::{Context, ensure};
use ieum_core::ports::clock::Clock;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What one connection is to send.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Where the hub is.
    pub hub: SocketAddr,
    /// Which conversation.
    pub conversation: usize,
    /// How many conversations there are, each on its own connection.
    pub conversations: usize,
    /// How many messages.
    pub messages: u64,
    /// Messages a second over all conversations; as fast as the hub takes them when absent.
    pub rate: Option<f64>,
    /// From where to where.
    pub direction: Direction,
}

/// Sends all of `load`; returns how many the hub acknowledged.
///
/// # Errors
/// When the hub answers anything but 200 or the connection fails.
pub async fn run(load: Load, ledger: Rc<RefCell<Ledger>>, watch: Stopwatch) -> anyhow::Result<u64> {
    let mut socket = TcpStream::connect(load.hub).await.context("the hub is not there")?;
    socket.set_nodelay(true)?;
    let mut answers = MessageReader::default();
    let mut calls = Calls::new(load.hub, load.direction);
    for number in 0..load.messages {
        wait_for_turn(load, number, watch).await;
        let counter = ledger.borrow_mut().sent(load.conversation, watch.elapsed());
        let serial = number * load.conversations as u64 + load.conversation as u64;
        let place = Place { conversation: load.conversation, counter, serial };
        socket.write_all(calls.bytes(place)?).await?;
        let answer = answers.next(&mut socket).await?.context("the hub closed the connection")?;
        let status = answer.head.get(9..12).unwrap_or(b"");
        ensure!(
            status == b"200",
            "the hub answered {} {}",
            String::from_utf8_lossy(status),
            String::from_utf8_lossy(answer.body)
        );
    }
    Ok(load.messages)
}

/// Waits until message `number` of this conversation is due; conversations take turns.
#[allow(clippy::cast_precision_loss, reason = "numbers of messages are far below 2^53")]
async fn wait_for_turn(load: Load, number: u64, watch: Stopwatch) {
    let Some(rate) = load.rate else { return };
    let place = number as f64 * load.conversations as f64 + load.conversation as f64;
    let due = Duration::from_secs_f64(place / rate);
    let left = due.saturating_sub(watch.elapsed());
    if !left.is_zero() {
        let ms = u64::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        SystemClock.sleep(ms).await;
    }
}
