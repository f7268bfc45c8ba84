//! The journal of a run as it grows: its digest, a file of it on demand, and what it says about
//! when the hub turned its back on a network.

use anyhow::Context;
use ieum_core::health::CellState;
use ieum_core::ids::JournalSeq;
use ieum_core::journal::{JournalEntry, JournalEvent};
use ieum_core::network::Network;
use ieum_core::ports::store::{PAGE_ROWS_MAX, Store};
use ieum_core::time::Timestamp;
use ieum_lab::{Scenario, Surface};
use ieum_store::MemoryStore;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// A network that works again is not trusted at once: a turn so long after an outage is no false
/// alarm, in milliseconds.
const AFTERMATH_MS: u64 = 120_000;

/// A span in which our bot had reason to doubt a network.
type Span = (Network, Timestamp, Timestamp);

/// What was read so far.
pub(super) struct Record {
    after: JournalSeq,
    digest: Sha256,
    file: Option<BufWriter<File>>,
    outage_at: Timestamp,
    outages: Vec<Span>,
    detected_at: Option<Timestamp>,
    false_switches: u64,
}

impl Record {
    /// Nothing yet. `file` is begun anew.
    pub(super) fn new(
        file: Option<&Path>,
        scenario: Option<&Scenario>,
        outage_at: Timestamp,
    ) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            File::create(path).map(BufWriter::new).with_context(|| path.display().to_string())
        };
        Ok(Self {
            after: JournalSeq(0),
            digest: Sha256::new(),
            file: file.map(open).transpose()?,
            outage_at,
            outages: scenario.map(|one| outages(one, outage_at)).unwrap_or_default(),
            detected_at: None,
            false_switches: 0,
        })
    }

    /// Reads what is new; the hub's clock is wrong by `wrong_by_ms`.
    pub(super) async fn read(
        &mut self,
        store: &MemoryStore,
        wrong_by_ms: i64,
    ) -> anyhow::Result<()> {
        loop {
            let page = store.page_journal(self.after, PAGE_ROWS_MAX).await?;
            let Some(last) = page.last() else { return Ok(()) };
            self.after = last.seq;
            for entry in &page {
                self.take(entry, wrong_by_ms)?;
            }
        }
    }

    fn take(&mut self, entry: &JournalEntry, wrong_by_ms: i64) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.digest.update(&line);
        if let Some(file) = &mut self.file {
            file.write_all(&line)?;
        }
        if let JournalEvent::Health { at, change } = &entry.event
            && matches!(change.to, CellState::Down | CellState::Degraded)
        {
            let at = Timestamp(at.0.saturating_sub(wrong_by_ms));
            self.turned(change.cell.network, at, change.to);
        }
        Ok(())
    }

    fn turned(&mut self, network: Network, at: Timestamp, to: CellState) {
        let hit = |span: &&Span| span.0 == network && span.1 <= at && at < span.2;
        if self.outages.iter().any(|span| hit(&span)) {
            self.detected_at.get_or_insert(at);
        } else if to == CellState::Down {
            self.false_switches += 1;
        }
    }

    /// How long after the outage began the hub turned its back on a network.
    pub(super) fn detected_ms(&self) -> Option<u64> {
        self.detected_at.map(|at| at.ms_since(self.outage_at))
    }

    /// How often it did without an outage.
    pub(super) const fn false_switches(&self) -> u64 {
        self.false_switches
    }

    /// Entries read.
    pub(super) const fn entries(&self) -> u64 {
        self.after.0
    }

    /// SHA-256 over all entries, one line of JSON each.
    pub(super) fn digest(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// When our bot's side of which network is spoiled.
fn outages(scenario: &Scenario, outage_at: Timestamp) -> Vec<Span> {
    let ours = scenario.plan().into_iter().filter(|(_, cell, _)| cell.surface == Surface::Api);
    let span = |(network, cell, fall_ms): (ieum_lab::Network, ieum_lab::Cell, u64)| {
        let network = Network::from_word(network.name())?;
        let start = outage_at.plus_ms(u64::from(cell.start_s) * 1_000);
        let dur_ms = cell.dur_s.map_or(u64::MAX, |dur_s| u64::from(dur_s) * 1_000);
        let end = start.plus_ms(dur_ms).plus_ms(fall_ms).plus_ms(AFTERMATH_MS);
        Some((network, start, end))
    };
    ours.filter_map(span).collect()
}
