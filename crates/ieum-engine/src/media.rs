//! Files of messages on their way out: who waits for one, how long, and what a link opens.
//!
//! Not the fetching of them: see [`fetching`](crate::fetching). Invariant: nobody waits for a file
//! for ever, and whoever gets a message without its file is told so in its place.

use crate::pieces::{Pieces, lock};
use bytes::Bytes;
use ieum_core::content::{Content, What};
use ieum_core::delivery::Claim;
use ieum_core::media::link::{self, LinkFault};
use ieum_core::media::{MediaId, MediaState, Missing};
use ieum_core::ports::media::{MediaFailure, MediaSink, Opened};
use ieum_core::time::Timestamp;

/// A delivery whose file is on its way right now waits so many times longer.
const UNDER_WAY_PATIENCE: u64 = 10;
/// Shortest and longest time between two looks of one delivery whether its file is here.
const LOOK_AGAIN_MS: (u64, u64) = (100, 2_000);

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
            let under_way = lock(&pieces.fetching).contains(id);
            let patience = if under_way { UNDER_WAY_PATIENCE } else { 1 };
            if waited_ms >= pieces.settings.media.wait_ms.saturating_mul(patience) {
                return Ok(FileHere::Without(Some(id), None));
            }
            let (least, most) = LOOK_AGAIN_MS;
            Err(now.plus_ms((waited_ms / 4).clamp(least, most)))
        }
    }
}
