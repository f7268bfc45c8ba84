//! The load: webhook calls over kept-alive connections, one for each person who writes.
//!
//! Closed loop (the next post leaves when the hub acknowledged the last one), or paced. Invariant:
//! every event has its own id, and a person's messages leave one after another.

use super::calls::{Calls, Direction, Place};
use super::ledger::Ledger;
use super::peer::PeerArguments;
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
    /// Which connection, and so who writes.
    pub connection: usize,
    /// How many connections there are.
    pub connections: usize,
    /// How many messages.
    pub messages: u64,
    /// Messages a second over all conversations; as fast as the hub takes them when absent.
    pub rate: Option<f64>,
    /// From where to where.
    pub direction: Direction,
}

impl Load {
    /// What each connection is to send, when everybody writes the same number of messages.
    #[must_use]
    pub fn shared_out(of: PeerArguments, hub: SocketAddr) -> Vec<Self> {
        let connections = of.connections;
        let (each, rest) = (of.messages / connections as u64, of.messages % connections as u64);
        let load = |connection: usize| Self {
            hub,
            conversation: connection % of.conversations,
            connection,
            connections,
            messages: each + u64::from(rest > connection as u64),
            rate: of.rate,
            direction: of.direction,
        };
        (0..connections).map(load).collect()
    }
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
        let serial = number * load.connections as u64 + load.connection as u64;
        let (conversation, author) = (load.conversation, load.connection);
        let place = Place { conversation, author, counter, serial };
        socket.write_all(calls.bytes(place)?).await?;
        let answer = answers.next(&mut socket).await?.context("the hub closed the connection")?;
        let status = answer.head.get(9..12).unwrap_or(b"");
        ensure!(
            status == b"200",
            "the hub answered {} {}",
            String::from_utf8_lossy(status),
            String::from_utf8_lossy(answer.body)
        );
        ledger.borrow_mut().acknowledged(conversation, counter, watch.elapsed());
    }
    Ok(load.messages)
}

/// Waits until message `number` of this connection is due; connections take turns.
#[allow(clippy::cast_precision_loss, reason = "numbers of messages are far below 2^53")]
async fn wait_for_turn(load: Load, number: u64, watch: Stopwatch) {
    let Some(rate) = load.rate else { return };
    let place = number as f64 * load.connections as f64 + load.connection as f64;
    let due = Duration::from_secs_f64(place / rate);
    let left = due.saturating_sub(watch.elapsed());
    if !left.is_zero() {
        let ms = u64::try_from(left.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
        SystemClock.sleep(ms).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn messages_are_shared_out_evenly_over_people_and_conversations() {
        for (messages, conversations, connections) in
            [(100, 1, 8), (101, 3, 7), (5, 4, 6), (9, 9, 9)]
        {
            let of = PeerArguments {
                messages,
                conversations,
                connections,
                rate: None,
                direction: Direction::default(),
            };
            let loads = Load::shared_out(of, "127.0.0.1:1".parse().unwrap());
            let most = loads.iter().map(|load| load.messages).max().unwrap();
            let fewest = loads.iter().map(|load| load.messages).min().unwrap();
            assert_eq!(loads.iter().map(|load| load.messages).sum::<u64>(), messages);
            assert!(most - fewest <= 1);
            let mut people = BTreeMap::<usize, usize>::new();
            loads.iter().for_each(|load| *people.entry(load.conversation).or_default() += 1);
            assert_eq!(people.len(), conversations, "each has somebody who writes");
            assert!(people.values().max().unwrap() - people.values().min().unwrap() <= 1);
        }
    }
}
