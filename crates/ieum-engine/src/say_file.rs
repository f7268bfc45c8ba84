//! A picture or file that somebody sends from a page: into the media room first, then said.
//!
//! Invariants: nothing is said of a file that is not here whole and durable; what is said to be a
//! picture, film or sound is one by its bytes; the same key says it once, with the bytes that came
//! with it first.

use crate::hub::Hub;
use crate::media;
use crate::pieces::{Pieces, lock};
use crate::say::{self, API_ACCOUNT, Said, Say, SayFailure, Words};
use crate::search::{self, Present};
use bytes::Bytes;
use ieum_core::content::salt_for_native;
use ieum_core::content::{Content, What};
use ieum_core::ids::{ConversationId, MessageSeq, PersonId};
use ieum_core::inbound::{FileKind, FileNote};
use ieum_core::media::erase::Eraser;
use ieum_core::media::sniff::{SNIFFED_BYTES_MAX, is_shown, kind, media_type};
use ieum_core::media::{Kept, MediaId, MediaState, Wanted, tidy_name};
use ieum_core::ports::media::{MediaFailure, MediaSink, Opened};
use std::fmt;

/// Largest file that a page takes, whatever the operator allows networks.
pub const UPLOAD_BYTES_MAX: usize = 32 << 20;

/// A file that is coming in. Dropped before it is said, it leaves nothing behind.
pub struct FileDraft {
    sink: Box<dyn MediaSink>,
    eraser: Option<Eraser>,
    head: Vec<u8>,
    bytes: u64,
    bytes_max: u64,
}

impl fmt::Debug for FileDraft {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "FileDraft({} bytes)", self.bytes)
    }
}

/// What its sender says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTold {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
}

impl From<MediaFailure> for SayFailure {
    fn from(failure: MediaFailure) -> Self {
        tracing::error!(%failure, "a file was not taken");
        Self::Unavailable
    }
}

impl FileDraft {
    /// Adds bytes to its end.
    ///
    /// # Errors
    /// When it is too large, or the media room cannot write.
    pub async fn write(&mut self, piece: Bytes) -> Result<(), SayFailure> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > self.bytes_max {
            return Err(SayFailure::Invalid(format!(
                "a file has at most {} bytes",
                self.bytes_max
            )));
        }
        let room = SNIFFED_BYTES_MAX.saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(room));
        let piece = self.eraser.as_mut().map_or(piece.clone(), |eraser| eraser.take(&piece).into());
        Ok(media::write(&mut self.sink, piece).await?)
    }

    /// What it is, by what its sender says and its bytes prove.
    fn what(&self, told: &FileTold) -> Result<Kept, SayFailure> {
        if self.bytes == 0 {
            return Err(SayFailure::Invalid("the file is empty".to_owned()));
        }
        let found = media_type(&self.head);
        let said = said_kind(&told.media_type);
        if said != FileKind::File && !is_shown(found) {
            let why = "the file is not the picture, film or sound that it is said to be";
            return Err(SayFailure::Invalid(why.to_owned()));
        }
        Ok(Kept {
            hash: [0; 32],
            bytes: self.bytes,
            kind: kind(said, found),
            media_type: found.into(),
            name: tidy_name(&told.name).into(),
            duration_ms: None,
        })
    }
}

fn said_kind(media_type: &str) -> FileKind {
    match media_type.split('/').next().map(str::to_ascii_lowercase).as_deref() {
        Some("image") => FileKind::Picture,
        Some("video") => FileKind::Video,
        Some("audio") => FileKind::Audio,
        Some(_) | None => FileKind::File,
    }
}

/// A file of a message that is here, or what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileAt {
    /// It is here.
    Here(Kept),
    /// It is on its way.
    Coming,
    /// It will not come, or was cleared away.
    Nowhere,
}

impl Hub {
    /// Begins to take a file.
    ///
    /// # Errors
    /// When the media room cannot write.
    pub async fn begin_file(&self) -> Result<FileDraft, SayFailure> {
        let sink = self.pieces.media.begin().await?;
        let eraser = self.pieces.settings.media.erases_places.then(Eraser::default);
        let bytes_max = self.pieces.settings.media.bytes_max.min(UPLOAD_BYTES_MAX as u64);
        Ok(FileDraft { sink, eraser, head: Vec::new(), bytes: 0, bytes_max })
    }

    /// Says a file, with `say.text` as what stands beside it, empty or not. A repetition with the
    /// same key of the same person in the same conversation is not said again.
    ///
    /// # Errors
    /// A [`SayFailure`]; nothing was said.
    pub async fn say_file(
        &self,
        say: Say,
        told: FileTold,
        draft: FileDraft,
    ) -> Result<Said, SayFailure> {
        say::check_place(&self.pieces, &say)?;
        let kept = draft.what(&told)?;
        let id = id_of(&self.pieces, &say);
        let kept = match self.pieces.media.state(id).await? {
            Some(MediaState::Kept(before)) => before,
            Some(MediaState::Wanted { .. } | MediaState::Missing(_)) | None => {
                put(&self.pieces, id, draft, kept).await?
            }
        };
        let note = FileNote {
            kind: kept.kind,
            name: Some(kept.name.clone()).filter(|name| !name.is_empty()),
            bytes: Some(kept.bytes),
            media_type: Some(kept.media_type.clone()),
            duration_ms: None,
            place: None,
        };
        say::say_words(&self.pieces, say, Words::File(&note, id)).await
    }

    /// The file of a message in a conversation, for a member of it: none where the message has
    /// none, is not theirs to see, or its file is not here.
    ///
    /// # Errors
    /// When store or media room cannot be read.
    pub async fn file_of(
        &self,
        person: PersonId,
        conversation: ConversationId,
        message: MessageSeq,
    ) -> Result<Option<Opened>, SayFailure> {
        let is_member = self.pieces.read(|directory| {
            let found = directory.conversation(conversation);
            found.is_some_and(|found| found.members.contains(&person))
        });
        if !is_member {
            return Ok(None);
        }
        let found = self.pieces.store.message(message).await;
        let found = found.map_err(|_| SayFailure::Unavailable)?;
        let found = found.filter(|found| found.new.conversation == conversation);
        let Some(id) = found.and_then(|found| media_of(&found.new.content)) else {
            return Ok(None);
        };
        let later = search::present(&self.pieces, vec![message]).await.unwrap_or_default();
        if matches!(later.get(&message), Some(Present::Withdrawn)) {
            return Ok(None);
        }
        Ok(self.pieces.media.open(id, self.now()).await?)
    }

    /// What became of the file that a message's content names; none where it names none that the
    /// hub would keep.
    pub async fn file_at(&self, content: &[u8]) -> Option<FileAt> {
        let id = media_of(content)?;
        Some(match self.pieces.media.state(id).await {
            Ok(Some(MediaState::Kept(kept))) => FileAt::Here(kept),
            Ok(Some(MediaState::Wanted { .. })) => FileAt::Coming,
            Ok(Some(MediaState::Missing(_)) | None) | Err(_) => FileAt::Nowhere,
        })
    }
}

fn media_of(content: &[u8]) -> Option<MediaId> {
    let content = Content::decode(content).ok()?;
    let What::File { file, .. } = content.what() else { return None };
    MediaId::from_url(&file.url)
}

/// An id that nobody fetches meanwhile: it comes from no network.
struct Place<'a>(&'a Pieces, MediaId);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        lock(&self.0.fetching).end(self.1);
    }
}

/// Puts a file into the media room, which takes what was wanted alone.
async fn put(
    pieces: &Pieces,
    id: MediaId,
    draft: FileDraft,
    kept: Kept,
) -> Result<Kept, SayFailure> {
    if !lock(&pieces.fetching).hold(id) {
        return Err(SayFailure::Unavailable);
    }
    let _place = Place(pieces, id);
    // What a crash left of an earlier try.
    pieces.media.forget(vec![id]).await?;
    let wanted = Wanted {
        id,
        account: API_ACCOUNT,
        place: "page".into(),
        kind: kept.kind,
        name: kept.name.clone(),
        duration_ms: None,
        at: pieces.now(),
    };
    pieces.media.want(vec![wanted]).await?;
    let FileDraft { mut sink, eraser, .. } = draft;
    let rest = eraser.map(Eraser::finish).unwrap_or_default();
    media::write(&mut sink, rest.into()).await?;
    Ok(sink.keep(id, kept, pieces.now()).await?)
}

/// By which the bytes are known: the same for the same key, random without one.
fn id_of(pieces: &Pieces, say: &Say) -> MediaId {
    let place = format!("{}/{:?}", say.conversation, say.person);
    MediaId::from_bytes(match &say.idempotency_key {
        Some(key) => salt_for_native(&pieces.secret, "page-file", &place, key),
        None => pieces.entropy.next_16(),
    })
}
