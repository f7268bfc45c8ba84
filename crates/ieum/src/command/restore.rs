//! `ieum restore`: puts a backup in the place of data that was lost.
//!
//! Invariants: what is put in place was looked through before; a folder with data is left alone
//! unless told otherwise, and what is replaced is kept beside it; what may have been sent since
//! the backup says so when it is sent again.

use super::{audit, backup};
use crate::data_folder::{self, SECRET_FILE};
use crate::doors::clock::SystemClock;
use anyhow::{Context, bail, ensure};
use ieum_core::audit::AuditReport;
use ieum_core::delivery::{Delivery, Label, Settlement, State, Step};
use ieum_core::ids::DeliverySeq;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::store::{Moves, OpenFilter, Store};
use ieum_core::time::Timestamp;
use ieum_store::{
    MEDIA_ENDING, MEDIA_KEY_FILE, MediaCopied, PartialCopy, STORE_FILE, SqliteStore, bring_media,
    finish_restore, read_media_key,
};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Evidence of what may be sent a second time.
const IN_DOUBT: &str = "a backup was restored: it may have been sent since";

/// What to restore where.
#[derive(Debug, Clone, clap::Args)]
pub struct RestoreArguments {
    /// The backup, by `ieum backup`.
    file: PathBuf,
    /// The data folder; made when it is not there.
    #[arg(long, value_name = "FOLDER")]
    data: PathBuf,
    /// Replace the data of that folder; it is kept beside the new one.
    #[arg(long)]
    replace: bool,
    /// The hub has sent nothing since the backup (a move to another machine): what is open then
    /// goes out without the label of a possible second copy.
    #[arg(long)]
    nothing_sent_since: bool,
    /// Restore the words alone: the pictures and files of the folder stay as they are.
    #[arg(long)]
    without_media: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the command; whether every promise in the restored data was kept.
///
/// # Errors
/// When the backup is damaged, the folder is in use or holds data, or the disk refuses. The folder
/// is as it was then.
pub fn main(arguments: &RestoreArguments) -> anyhow::Result<bool> {
    let (file, data) = (&arguments.file, &arguments.data);
    let runtime = crate::runtime::build()?;
    ensure!(
        arguments.replace || !data.join(STORE_FILE).exists(),
        "there is a store in {}; --replace replaces it and keeps it beside",
        data.display()
    );
    data_folder::make_folder(data)?;
    let copy = PartialCopy::for_directory(file, data, backup::rest(&runtime))
        .with_context(|| format!("cannot restore {}", file.display()))?;
    let prepared = runtime.block_on(prepare(&copy, arguments.nothing_sent_since));
    let (report, in_doubt) =
        prepared.with_context(|| format!("{} was not restored", file.display()))?;
    let media = if arguments.without_media { None } else { bring_files(file, data)? };
    copy.put_in_place()?;
    finish_restore(data)?;
    let secret = bring_secret(file, data)?;
    tell(arguments, &report, (in_doubt, media), secret)?;
    Ok(report.clean())
}

/// Looks through the copy and marks what may be sent a second time; how many those are.
async fn prepare(
    copy: &PartialCopy,
    nothing_sent_since: bool,
) -> anyhow::Result<(AuditReport, usize)> {
    let problems = ieum_store::problems(copy.file())?;
    if let Some(first) = problems.first() {
        bail!("it is damaged: {first}");
    }
    let store = SqliteStore::open_copy(copy)?;
    let now = SystemClock.now();
    store.load(now).await?;
    let in_doubt = if nothing_sent_since { 0 } else { doubt(&store, now).await? };
    let report = audit::prove(&store).await?;
    store.close().await?;
    Ok((report, in_doubt))
}

/// Labels what is open as a possible second copy: the hub may have sent it after the backup.
async fn doubt(store: &dyn Store, at: Timestamp) -> anyhow::Result<usize> {
    let mut after = DeliverySeq(0);
    let mut doubted = 0;
    loop {
        let page = store.page_open(OpenFilter::default(), after).await?;
        let Some(last) = page.last() else { return Ok(doubted) };
        after = last.seq;
        let moved: Vec<Settlement> =
            page.iter().filter_map(|delivery| doubted_one(delivery, at)).collect();
        doubted += moved.len();
        store.apply_moves(Moves { at, moved, ..Moves::default() }).await?;
    }
}

fn doubted_one(delivery: &Delivery, at: Timestamp) -> Option<Settlement> {
    let label = Some(Label::Again);
    let step = match delivery.state {
        State::Queued => Step::RetryAt { at: delivery.due_at, label },
        State::Held => Step::Hold { label },
        // Both are in doubt as it is.
        State::Attempting | State::Unsure => return None,
        State::Sent
        | State::Delivered
        | State::Read
        | State::Superseded
        | State::Expired
        | State::Dead
        | State::Withdrawn
        | State::Doubted => return None,
    };
    Some(Settlement { delivery: delivery.seq, step, evidence: IN_DOUBT.into(), at, plus: vec![] })
}

/// Makes the files beside the backup ready to be put in place, with their key. While the copy of
/// the store is not in its place, no hub can open the folder.
fn bring_files(file: &Path, data: &Path) -> anyhow::Result<Option<MediaCopied>> {
    let folder = backup::beside(file, MEDIA_ENDING);
    if !folder.exists() {
        return Ok(None);
    }
    let own = data.join(MEDIA_KEY_FILE);
    let beside = backup::beside(file, backup::MEDIA_KEY_ENDING);
    let brought = if beside.exists() { Some(read_media_key(&beside)?) } else { None };
    let present = if own.exists() { Some(read_media_key(&own)?) } else { None };
    let Some(key) = brought.or(present) else {
        bail!(
            "{} needs {MEDIA_KEY_FILE} of that hub: bring it to {}, or restore --without-media",
            folder.display(),
            data.display()
        );
    };
    let copied = bring_media(&folder, data, &key)
        .with_context(|| format!("cannot restore {}", folder.display()))?;
    if present != Some(key) {
        if present.is_some() {
            fs::rename(&own, data.join(format!("{MEDIA_KEY_FILE}.replaced")))?;
        }
        backup::write_secret(&own, &key)?;
    }
    Ok(Some(copied))
}

/// What became of the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SecretState {
    /// The folder has the one that belongs to the backup, as far as one can tell.
    There,
    /// It was taken from beside the backup.
    Brought,
    /// There is none anywhere.
    Missing,
}

/// Puts the secret that lies beside the backup into the folder. Another one is kept beside it.
fn bring_secret(file: &Path, data: &Path) -> anyhow::Result<SecretState> {
    let own = data.join(SECRET_FILE);
    let present = own.exists();
    let Ok(brought) = fs::read_to_string(backup::beside(file, backup::SECRET_ENDING)) else {
        return Ok(if present { SecretState::There } else { SecretState::Missing });
    };
    if present && fs::read_to_string(&own)? == brought {
        return Ok(SecretState::There);
    }
    if present {
        fs::rename(&own, data.join(format!("{SECRET_FILE}.replaced")))?;
    }
    backup::write_secret(&own, brought.as_bytes())?;
    Ok(SecretState::Brought)
}

fn tell(
    arguments: &RestoreArguments,
    report: &AuditReport,
    (in_doubt, media): (usize, Option<MediaCopied>),
    secret: SecretState,
) -> anyhow::Result<()> {
    let missing = secret == SecretState::Missing;
    if arguments.json {
        let told = json!({
            "data": arguments.data, "in_doubt": in_doubt, "secret_missing": missing,
            "audit": report, "media": media.map(backup::media_told),
        });
        super::say(&serde_json::to_string(&told)?)?;
        return Ok(());
    }
    super::say(&format!("{} is in place", arguments.data.join(STORE_FILE).display()))?;
    if let Some(MediaCopied { files, missing, .. }) = media {
        super::say(&format!("{files} files are in place, {missing} are missing"))?;
    }
    if in_doubt > 0 {
        super::say(&format!(
            "{in_doubt} deliveries were open; they go out labelled as possible second copies"
        ))?;
    }
    if missing {
        super::say(&format!(
            "bring {SECRET_FILE} (or [hub] secret) of that hub before it is started"
        ))?;
    }
    if !report.clean() {
        super::say(audit::as_text(report)?.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_beside_the_backup_goes_first_and_the_other_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (file, data) = (folder.path().join("b.sqlite3"), folder.path().join("data"));
        fs::create_dir(&data).unwrap();
        assert_eq!(bring_secret(&file, &data).unwrap(), SecretState::Missing);
        fs::write(folder.path().join("b.sqlite3.secret"), "of the backup").unwrap();
        assert_eq!(bring_secret(&file, &data).unwrap(), SecretState::Brought);
        assert_eq!(bring_secret(&file, &data).unwrap(), SecretState::There);
        fs::write(data.join(SECRET_FILE), "another").unwrap();
        assert_eq!(bring_secret(&file, &data).unwrap(), SecretState::Brought);
        let kept = fs::read_to_string(data.join("hub.secret.replaced")).unwrap();
        assert_eq!(kept, "another");
        assert_eq!(fs::read_to_string(data.join(SECRET_FILE)).unwrap(), "of the backup");
    }
}
