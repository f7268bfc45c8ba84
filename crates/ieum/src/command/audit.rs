//! `ieum audit`: replays the journal of a data folder or of a backup and proves the promises.
//!
//! It opens the store of a folder like a hub would, so no hub can run on it meanwhile; a backup is
//! only read. Invariant: it changes nothing but what opening changes.

use crate::doors::clock::SystemClock;
use crate::store;
use anyhow::ensure;
use ieum_core::audit::{Audit, AuditReport};
use ieum_core::ids::DeliverySeq;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::{OpenFilter, PAGE_ROWS_MAX, Store};
use ieum_store::SqliteStore;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to audit.
#[derive(Debug, Clone, clap::Args)]
pub struct AuditArguments {
    /// The data folder.
    #[arg(long, value_name = "FOLDER", required_unless_present = "file")]
    data: Option<PathBuf>,
    /// A backup, by `ieum backup`.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    file: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command; returns whether every promise was kept.
///
/// # Errors
/// When the store cannot be read.
pub fn main(arguments: &AuditArguments) -> anyhow::Result<bool> {
    let report = crate::runtime::build()?.block_on(replay(arguments))?;
    if arguments.json {
        super::say(&serde_json::to_string(&report)?)?;
    } else {
        super::say(as_text(&report)?.trim_end())?;
    }
    Ok(report.clean())
}

async fn replay(arguments: &AuditArguments) -> anyhow::Result<AuditReport> {
    let store: Arc<dyn Store> = match (&arguments.file, &arguments.data) {
        (Some(file), _) => Arc::new(SqliteStore::inspect(file)?),
        (None, data) => open_folder(data.as_deref().unwrap_or(Path::new("."))).await?,
    };
    let report = prove(store.as_ref()).await?;
    store.close().await?;
    Ok(report)
}

async fn open_folder(folder: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let file = folder.join(ieum_store::STORE_FILE);
    ensure!(file.is_file(), "there is no store in {}", folder.display());
    let store = store::open_blind(folder)?;
    store.load(SystemClock.now()).await?;
    Ok(store)
}

/// Replays the whole journal of a store.
pub(super) async fn prove(store: &dyn Store) -> anyhow::Result<AuditReport> {
    let mut audit = Audit::new();
    loop {
        let entries = store.page_journal(audit.after(), PAGE_ROWS_MAX).await?;
        let Some(last) = entries.last().map(|entry| entry.seq) else {
            break;
        };
        entries.iter().for_each(|entry| audit.replay(entry));
        ensure!(audit.after() == last, "the journal cannot be read past {last}");
    }
    Ok(audit.finish(still_open(store).await?.into_iter()))
}

async fn still_open(
    store: &dyn Store,
) -> anyhow::Result<Vec<(DeliverySeq, ieum_core::delivery::State)>> {
    let mut open = Vec::new();
    let mut after = DeliverySeq(0);
    loop {
        let page = store.page_open(OpenFilter::default(), after).await?;
        let Some(last) = page.last() else {
            return Ok(open);
        };
        after = last.seq;
        open.extend(page.iter().map(|delivery| (delivery.seq, delivery.state)));
    }
}

/// The report as rows of keys and figures, violations below.
pub(super) fn as_text(report: &AuditReport) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    flatten("", &serde_json::to_value(report)?, &mut rows);
    let verdict = if report.clean() { "every promise was kept" } else { "PROMISES WERE BROKEN" };
    rows.push(verdict.to_owned());
    Ok(rows.join("\n"))
}

fn flatten(path: &str, value: &serde_json::Value, rows: &mut Vec<String>) {
    match value.as_object() {
        Some(object) => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, rows);
            }
        }
        None => match value.as_array() {
            Some(items) => rows.extend(items.iter().map(|item| format!("{path}: {item}"))),
            None => rows.push(format!("{path:<32} {value}")),
        },
    }
}
