//! Following the journal for an event stream: pages as they come, a sign in a silence, an end.
//!
//! Invariant: no journal number is left out or given twice; while nobody asks, nothing is read.

use crate::edge::Shared;
use crate::setup::millis;
use ieum_core::ids::JournalSeq;
use ieum_core::journal::JournalEntry;
use ieum_core::ports::store::StoreFailure;
use tokio::sync::watch;

/// Entries read at a time.
const ROWS_PER_READ: usize = 256;
/// The media type of event streams.
pub(crate) const EVENT_STREAM: &str = "text/event-stream";
/// Sent in a silence, so that both sides notice a dead connection.
pub(crate) const HEARTBEAT: &[u8] = b": \n\n";
/// The first line: how long a client waits before it comes back, in milliseconds.
pub(crate) const RETRY: &[u8] = b"retry: 1000\n\n";

/// What following came to.
pub(crate) enum Followed {
    /// These were written; never empty.
    Page(Vec<JournalEntry>),
    /// Nothing was written for a while.
    Silence,
    /// The server stops.
    End,
}

/// A place in the journal that moves on.
#[derive(Debug)]
pub(crate) struct Follower {
    edge: Shared,
    bell: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    after: JournalSeq,
}

impl Follower {
    /// Follows what comes after `after`, or after now.
    pub(crate) async fn begin(edge: Shared, after: Option<u64>) -> Result<Self, StoreFailure> {
        // Taken before the first reading: what is written in between rings it.
        let bell = edge.hub.journal_bell();
        let after = match after {
            Some(after) => after.min(i64::MAX.unsigned_abs()),
            None => edge.hub.store().counts().await?.journal,
        };
        Ok(Self { closing: edge.closing(), edge, bell, after: JournalSeq(after) })
    }

    /// Waits for what comes next.
    pub(crate) async fn next(&mut self) -> Result<Followed, StoreFailure> {
        let silence = millis(self.edge.limits.heartbeat_ms);
        loop {
            if *self.closing.borrow() {
                return Ok(Followed::End);
            }
            self.bell.borrow_and_update();
            let page = self.edge.hub.store().page_journal(self.after, ROWS_PER_READ).await?;
            if let Some(last) = page.last() {
                self.after = last.seq;
                return Ok(Followed::Page(page));
            }
            let rung = async {
                tokio::select! {
                    biased;
                    closed = self.closing.changed() => closed.is_ok(),
                    rung = self.bell.changed() => rung.is_ok(),
                }
            };
            match tokio::time::timeout(silence, rung).await {
                Ok(true) => {}
                Ok(false) => return Ok(Followed::End),
                Err(_) => return Ok(Followed::Silence),
            }
        }
    }
}
