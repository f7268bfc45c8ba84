//! What the networks of the town keep of files, and which files their chats take.

use crate::town::TownClock;
use bytes::Bytes;
use ieum_core::inbound::FileKind::{Audio, File, Picture, Video};
use ieum_core::inbound::{FileKind, FileNote, InboundKind, InboundMessage};
use ieum_core::marks::{Mark, Named};
use ieum_core::network::FileDoor::{PublicLink, Upload};
use ieum_core::network::{ChatKind, FileDoor, FileWay, Network};
use ieum_core::outgoing::Part;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::{FetchFailure, Fetched};
use ieum_core::ports::http::{HttpFailure, PieceStream};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and the rest of a picture";
pub const OGG: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0OpusHead and the rest of a voice";
pub const SVG: &[u8] = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";

const fn way(kind: FileKind, by: FileDoor) -> FileWay {
    FileWay { kind, types: &[], bytes_max: 1_000, by }
}

/// KakaoTalk and LINE fetch what is served, Telegram and Matrix take uploads.
pub fn files(network: Network) -> &'static [FileWay] {
    const SERVED: &[FileWay] = &[way(Picture, PublicLink)];
    const UPLOADED: &[FileWay] =
        &[way(Picture, Upload), way(Video, Upload), way(Audio, Upload), way(File, Upload)];
    match network {
        Network::Telegram | Network::Matrix => UPLOADED,
        Network::KakaoTalk | Network::Line | Network::Xmpp | Network::Mail => SERVED,
    }
}

/// How a part's file looks on a screen.
pub fn shown(part: &Part) -> String {
    let Some(file) = &part.file else { return String::new() };
    let link = if file.link.is_some() { " linked" } else { "" };
    format!("{{{:?} {} {} {}B{link}}}", file.kind, file.name, file.media_type, file.bytes)
}

/// A file behind a place, and what the next asking for it comes to.
#[derive(Debug, Default)]
pub struct Shelf {
    files: Mutex<BTreeMap<String, Bytes>>,
    /// What the next fetches come to instead.
    pub failures: Mutex<VecDeque<FetchFailure>>,
    /// Places that were asked for, one for each asking.
    pub asked: Mutex<Vec<String>>,
    /// How long it takes to open one.
    pub takes_ms: AtomicU64,
}

impl Shelf {
    pub fn put(&self, place: &str, bytes: &'static [u8]) {
        self.files.lock().unwrap().insert(place.to_owned(), Bytes::from_static(bytes));
    }

    pub fn fails(&self, times: usize) {
        let later = FetchFailure::Later { after_ms: 0, reason: "503".to_owned() };
        self.failures.lock().unwrap().extend(std::iter::repeat_n(later, times));
    }

    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub fn open(
        &self,
        clock: Arc<TownClock>,
        place: &str,
    ) -> BoxFuture<'static, Result<Fetched, FetchFailure>> {
        self.asked.lock().unwrap().push(place.to_owned());
        let failure = self.failures.lock().unwrap().pop_front();
        let bytes = self.files.lock().unwrap().get(place).cloned();
        let drips = place.starts_with("drip");
        let takes_ms = self.takes_ms.load(Ordering::Relaxed);
        Box::pin(async move {
            clock.sleep(takes_ms).await;
            if let Some(failure) = failure {
                return Err(failure);
            }
            let bytes = bytes.ok_or_else(|| FetchFailure::Gone("404".to_owned()))?;
            let told = Some(bytes.len() as u64);
            let pieces = bytes.chunks(7).map(Bytes::copy_from_slice).collect();
            let pieces: Box<dyn PieceStream> = match drips {
                true => Box::new(Drips(clock)),
                false => Box::new(Pieces(pieces)),
            };
            Ok(Fetched { media_type: None, bytes: told.filter(|_| !drips), pieces })
        })
    }
}

struct Pieces(VecDeque<Bytes>);

impl PieceStream for Pieces {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, HttpFailure>> {
        let piece = self.0.pop_front();
        Box::pin(std::future::ready(Ok(piece)))
    }
}

/// A source that always has a little more.
struct Drips(Arc<TownClock>);

impl PieceStream for Drips {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, HttpFailure>> {
        Box::pin(async {
            self.0.sleep(1_000).await;
            Ok(Some(Bytes::from_static(&[7; 4_000])))
        })
    }
}

impl crate::town::Town {
    /// Somebody sends a file that lies on their network's shelf; returns its native id.
    pub async fn sends(
        &self,
        network: Network,
        room: &str,
        user: &str,
        (kind, name, place): (FileKind, &str, &str),
        caption: &str,
    ) -> String {
        let file = FileNote {
            name: Some(name).filter(|name| !name.is_empty()).map(Into::into),
            place: Some(place.into()),
            ..FileNote::of(kind)
        };
        let message = InboundMessage {
            native: ieum_core::ids::NativeMessageId::new(format!("f-{place}")),
            text: caption.to_owned(),
            file: Some(file),
            ..InboundMessage::default()
        };
        let chat = (room, ChatKind::Group);
        self.happens(network, chat, user, InboundKind::Message(message)).await
    }

    /// Somebody of LINE sends a picture with a caption that is more than plain.
    pub async fn shows(&self, place: &str, caption: &str, marks: Vec<Mark<Named>>) {
        let note = FileNote {
            name: Some("바다.png".into()),
            place: Some(place.into()),
            ..FileNote::of(Picture)
        };
        let message = InboundMessage {
            native: ieum_core::ids::NativeMessageId::new(format!("f-{place}")),
            text: caption.to_owned(),
            marks,
            file: Some(note),
            ..InboundMessage::default()
        };
        let chat = ("Croom", ChatKind::Group);
        self.happens(Network::Line, chat, "Uyuna", InboundKind::Message(message)).await;
    }
}
