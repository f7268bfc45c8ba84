//! Media on its way: what came with messages is fetched once, and deliveries wait for it a while.
//!
//! A message is acknowledged before its file is here; that it is wanted is durable before that.
//! One loop fetches what is wanted, with the credentials of the account that heard of it, and goes
//! on after a crash with what the media room still wants. Invariant: nobody waits for a file for
//! ever, and whoever gets a message without its file is told so in its place.

use crate::account::Account;
use crate::backoff::media_wait_ms;
use crate::pieces::{Pieces, lock};
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use ieum_core::content::{Content, What};
use ieum_core::delivery::Claim;
use ieum_core::media::erase::Eraser;
use ieum_core::media::link::{self, LinkFault};
use ieum_core::media::sniff::{SNIFFED_BYTES_MAX, kind, media_type};
use ieum_core::media::{Kept, MediaId, MediaState, Missing, Wanted, tidy_name};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{FetchFailure, Fetched};
use ieum_core::ports::media::{MediaFailure, MediaSink, Opened};
use ieum_core::time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

/// Files that are fetched at once.
const FETCHES_MAX: usize = 4;
/// How often the media room is asked when no bell rings.
const LOOK_MS: u64 = 1_000;
/// Longest fetch of one file.
const FETCH_MS_MAX: u64 = 30 * 60_000;
/// How long a file is tried for: its network may be down as long as a long outage.
const WANTED_MS_MAX: u64 = 3 * 24 * 3_600_000;
/// How often unused files are cleared away.
const COLLECT_MS: u64 = 3_600_000;
/// A delivery whose file is on its way right now waits so many times longer.
const UNDER_WAY_PATIENCE: u64 = 10;
/// Shortest and longest time between two looks of one delivery whether its file is here.
const LOOK_AGAIN_MS: (u64, u64) = (100, 2_000);

/// Files being fetched.
pub(crate) type Fetching = BTreeSet<MediaId>;

/// Runs until `stop`; what is under way then is fetched anew at the next start.
pub(crate) async fn fetch_all(pieces: Arc<Pieces>, mut stop: watch::Receiver<bool>) {
    let mut under_way: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    let mut collected_at = pieces.now();
    loop {
        start_due(&pieces, &mut under_way).await;
        if pieces.now().ms_since(collected_at) >= COLLECT_MS {
            collected_at = pieces.now();
            collect(&pieces).await;
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(()) = under_way.next(), if !under_way.is_empty() => {}
            () = pieces.media_bell.notified() => {}
            () = pieces.clock.sleep(LOOK_MS) => {}
        }
    }
    drop(under_way);
    lock(&pieces.fetching).clear();
}

async fn start_due(pieces: &Arc<Pieces>, under_way: &mut FuturesUnordered<BoxFuture<'static, ()>>) {
    if under_way.len() >= FETCHES_MAX {
        return;
    }
    let due = match pieces.media.due(pieces.now(), 2 * FETCHES_MAX).await {
        Ok(due) => due,
        Err(failure) => {
            tracing::error!(%failure, "nothing is fetched now");
            return;
        }
    };
    for (wanted, tries) in due {
        if under_way.len() >= FETCHES_MAX || !lock(&pieces.fetching).insert(wanted.id) {
            continue;
        }
        let pieces = Arc::clone(pieces);
        under_way.push(Box::pin(async move {
            fetch_one(&pieces, &wanted, tries).await;
            lock(&pieces.fetching).remove(&wanted.id);
        }));
    }
}

async fn collect(pieces: &Pieces) {
    let kept_ms = i64::try_from(pieces.settings.media.kept_ms).unwrap_or(i64::MAX);
    let before = Timestamp(pieces.now().0.saturating_sub(kept_ms));
    match pieces.media.collect(before).await {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "unused files were cleared away"),
        Err(failure) => tracing::error!(%failure, "unused files were not cleared away"),
    }
}

/// Why a try ended without a file.
enum Failed {
    /// The network's word, or its silence.
    Source(FetchFailure),
    /// The media room cannot write.
    Room(MediaFailure),
}

impl From<MediaFailure> for Failed {
    fn from(failure: MediaFailure) -> Self {
        Self::Room(failure)
    }
}

async fn fetch_one(pieces: &Pieces, wanted: &Wanted, tries: u32) {
    let fetched = tokio::select! {
        biased;
        fetched = fetched(pieces, wanted) => fetched,
        () = pieces.clock.sleep(FETCH_MS_MAX) => Err(later("too slow")),
    };
    let ended = match fetched {
        Ok(kept) => {
            tracing::debug!(bytes = kept.bytes, "a file is here");
            pieces.ring_all();
            Ok(())
        }
        Err(failed) => failed_try(pieces, wanted, tries, failed).await,
    };
    if let Err(failure) = ended {
        tracing::error!(%failure, "what became of a file was not noted");
    }
}

fn later(reason: &str) -> Failed {
    Failed::Source(FetchFailure::Later { after_ms: 0, reason: reason.to_owned() })
}

async fn failed_try(
    pieces: &Pieces,
    wanted: &Wanted,
    tries: u32,
    failed: Failed,
) -> Result<(), MediaFailure> {
    let now = pieces.now();
    let (after_ms, reason) = match failed {
        Failed::Source(FetchFailure::Gone(reason)) => {
            tracing::warn!(%reason, "a file does not come");
            return pieces.media.give_up(wanted.id, Missing::Gone).await;
        }
        Failed::Source(FetchFailure::TooLarge) => {
            return pieces.media.give_up(wanted.id, Missing::TooLarge).await;
        }
        Failed::Source(FetchFailure::Later { after_ms, reason }) => (after_ms, reason),
        Failed::Room(failure) => (0, failure.to_string()),
    };
    if now.ms_since(wanted.at) >= WANTED_MS_MAX {
        return pieces.media.give_up(wanted.id, Missing::Late).await;
    }
    tracing::debug!(%reason, tries, "a file did not come yet");
    let wait_ms = after_ms.max(media_wait_ms(tries, pieces.entropy.below(1_001)));
    pieces.media.postpone(wanted.id, now.plus_ms(wait_ms)).await
}

async fn fetched(pieces: &Pieces, wanted: &Wanted) -> Result<Kept, Failed> {
    let account: &Arc<Account> = pieces
        .accounts
        .get(&wanted.account)
        .ok_or_else(|| Failed::Source(FetchFailure::Gone("the account is gone".to_owned())))?;
    let opened = account.connector.fetch(&wanted.place).await.map_err(Failed::Source)?;
    let bytes_max = pieces.settings.media.bytes_max;
    if opened.bytes.is_some_and(|bytes| bytes > bytes_max) {
        return Err(Failed::Source(FetchFailure::TooLarge));
    }
    let sink = pieces.media.begin().await?;
    let eraser = pieces.settings.media.erases_places.then(Eraser::default);
    let (sink, head) = pour(opened, (sink, eraser), bytes_max).await?;
    let media_type = media_type(&head);
    let kept = Kept {
        hash: [0; 32],
        bytes: 0,
        kind: kind(wanted.kind, media_type),
        media_type: media_type.into(),
        name: tidy_name(&wanted.name).into(),
        duration_ms: wanted.duration_ms,
    };
    Ok(sink.keep(wanted.id, kept, pieces.now()).await?)
}

type Poured = (Box<dyn MediaSink>, Vec<u8>);

/// From the network into the media room, a piece at a time; also gives its first bytes.
async fn pour(
    mut from: Fetched,
    (mut into, mut eraser): (Box<dyn MediaSink>, Option<Eraser>),
    bytes_max: u64,
) -> Result<Poured, Failed> {
    let (mut head, mut bytes) = (Vec::new(), 0_u64);
    loop {
        let piece = from.pieces.next().await.map_err(|_| later("it broke off"))?;
        let Some(piece) = piece else { break };
        bytes = bytes.saturating_add(piece.len() as u64);
        if bytes > bytes_max {
            return Err(Failed::Source(FetchFailure::TooLarge));
        }
        let room = SNIFFED_BYTES_MAX.saturating_sub(head.len());
        head.extend(piece.iter().take(room));
        let piece = eraser.as_mut().map_or(piece.clone(), |eraser| eraser.take(&piece).into());
        write(&mut into, piece).await?;
    }
    let rest = eraser.map(Eraser::finish).unwrap_or_default();
    write(&mut into, rest.into()).await?;
    match from.bytes {
        Some(told) if told != bytes => Err(later("it is not as long as its network said")),
        Some(_) | None => Ok((into, head)),
    }
}

/// Adds a piece to a file, if there is anything in it.
pub(crate) async fn write(into: &mut Box<dyn MediaSink>, piece: Bytes) -> Result<(), MediaFailure> {
    if piece.is_empty() { Ok(()) } else { into.write(piece).await }
}

/// Why a link gives no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkFailure {
    /// It was not made here, or its time is over.
    #[error(transparent)]
    Fault(#[from] LinkFault),
    /// The file is not here, or not yet.
    #[error("the file is not here")]
    NotHere,
    /// The media room cannot read it.
    #[error("the file cannot be read now")]
    Unreadable,
}

/// The file behind a link.
pub(crate) async fn linked_file(pieces: &Pieces, link: &str) -> Result<Opened, LinkFailure> {
    let now = pieces.now();
    let id = link::read(&pieces.secret, link, now)?;
    match pieces.media.open(id, now).await {
        Ok(opened) => opened.ok_or(LinkFailure::NotHere),
        Err(failure) => {
            tracing::error!(%failure, "a linked file cannot be read");
            Err(LinkFailure::Unreadable)
        }
    }
}

/// The file of a message, as far as it is here.
#[derive(Debug, Clone)]
pub(crate) enum FileHere {
    /// It has none that could be fetched.
    None,
    /// Here it is.
    Opened(MediaId, Opened),
    /// It is not here, for this reason or (`None`) not yet.
    Without(Option<MediaId>, Option<Missing>),
}

/// Whether a message can go out: its file is here, will not come, or was waited for long enough.
///
/// # Errors
/// When the delivery is to look again.
pub(crate) async fn file_of(
    pieces: &Pieces,
    claim: &Claim,
    content: &Content,
) -> Result<FileHere, Timestamp> {
    let What::File { file, .. } = content.what() else {
        return Ok(FileHere::None);
    };
    let Some(id) = MediaId::from_url(&file.url) else {
        return Ok(FileHere::None);
    };
    let now = pieces.now();
    let waited_ms = now.ms_since(claim.message.new.accepted_at);
    match pieces.media.open(id, now).await {
        Ok(Some(opened)) => return Ok(FileHere::Opened(id, opened)),
        Ok(None) => {}
        Err(MediaFailure::Damaged(why)) => {
            tracing::error!(%why, "a file cannot be read any more");
            return Ok(FileHere::Without(None, Some(Missing::Gone)));
        }
        Err(failure) => tracing::error!(%failure, "the media room does not answer"),
    }
    match pieces.media.state(id).await {
        Ok(Some(MediaState::Missing(why))) => Ok(FileHere::Without(None, Some(why))),
        Ok(None) => Ok(FileHere::Without(None, Some(Missing::Gone))),
        Ok(Some(MediaState::Wanted { .. } | MediaState::Kept(_))) | Err(_) => {
            let under_way = lock(&pieces.fetching).contains(&id);
            let patience = if under_way { UNDER_WAY_PATIENCE } else { 1 };
            if waited_ms >= pieces.settings.media.wait_ms.saturating_mul(patience) {
                return Ok(FileHere::Without(Some(id), None));
            }
            let (least, most) = LOOK_AGAIN_MS;
            Err(now.plus_ms((waited_ms / 4).clamp(least, most)))
        }
    }
}
