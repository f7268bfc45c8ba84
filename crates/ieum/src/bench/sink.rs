//! The other side of the hub: answers like LINE and Telegram at once, and notes what arrives.
//!
//! Not a simulator (that is the lab): no rules, no faults, as few cycles as possible. Invariant: a
//! message counts as arrived when its whole request was read.

use super::ledger::Ledger;
use super::wire::{MessageReader, find};
use crate::doors::clock::Stopwatch;
use std::cell::RefCell;
use std::io::Write as _;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

/// What the sink needs of a run.
#[derive(Debug, Clone)]
pub struct Sink {
    /// Where arrivals are counted.
    pub ledger: Rc<RefCell<Ledger>>,
    /// The clock of the run.
    pub watch: Stopwatch,
}

/// Accepts connections until it is dropped.
pub async fn serve(listener: TcpListener, sink: Sink) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let sink = sink.clone();
        connections.spawn_local(async move {
            if let Err(error) = answer_all(socket, sink).await {
                tracing::debug!(%error, "a connection to the sink ended");
            }
        });
    }
}

async fn answer_all(mut socket: TcpStream, sink: Sink) -> anyhow::Result<()> {
    socket.set_nodelay(true)?;
    let mut requests = MessageReader::default();
    let mut answer = Vec::new();
    let mut number = 0_u64;
    while let Some(request) = requests.next(&mut socket).await? {
        number += 1;
        let line = request.head.split(|byte| *byte == b'\r').next().unwrap_or(b"");
        let body = if carries_message(line) {
            sink.ledger.borrow_mut().arrived(request.body, sink.watch.elapsed());
            accepted(line, number)
        } else {
            other(line)
        };
        answer.clear();
        write!(
            answer,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )?;
        socket.write_all(&answer).await?;
    }
    Ok(())
}

fn carries_message(line: &[u8]) -> bool {
    find(line, b"/sendMessage").is_some() || find(line, b"/message/push").is_some()
}

/// The answer to a message, in the network's own form.
fn accepted(line: &[u8], number: u64) -> String {
    if find(line, b"/sendMessage").is_some() {
        format!(
            "{{\"ok\":true,\"result\":{{\"message_id\":{number},\"date\":1700000000,\
             \"from\":{{\"id\":1,\"is_bot\":true,\"first_name\":\"bench\"}},\
             \"chat\":{{\"id\":-1000,\"type\":\"group\",\"title\":\"bench\"}},\"text\":\"-\"}}}}"
        )
    } else {
        format!("{{\"sentMessages\":[{{\"id\":\"{number}\",\"quoteToken\":\"q{number}\"}}]}}")
    }
}

/// Who we are, and who others are.
fn other(line: &[u8]) -> String {
    let answer = if find(line, b"/getMe").is_some() {
        "{\"ok\":true,\"result\":{\"id\":1,\"is_bot\":true,\"first_name\":\"bench\",\
         \"username\":\"bench_bot\"}}"
    } else if find(line, b"/v2/bot/info").is_some() {
        "{\"userId\":\"U0000000000000000000000000000000f\",\"basicId\":\"@bench\",\
         \"displayName\":\"bench\",\"chatMode\":\"bot\",\"markAsReadMode\":\"auto\"}"
    } else if find(line, b"/v2/bot/").is_some() {
        "{\"displayName\":\"하나\",\"userId\":\"U00000000000000000000000000000001\"}"
    } else {
        "{\"ok\":true,\"result\":true}"
    };
    answer.to_owned()
}
