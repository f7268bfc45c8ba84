//! Speaking with a file: natively where the chat takes it, else as words with a link.
//!
//! Invariant: a reader who does not get the file reads what it was and why it is not there.

use crate::media::FileHere;
use crate::speak::{Body, Spoken};
use ieum_core::content::{Content, External, MessageId};
use ieum_core::inbound::FileKind;
use ieum_core::marks::move_on;
use ieum_core::media::link::{self, LINK_LIFETIME_MS};
use ieum_core::media::{Kept, MediaId, Missing};
use ieum_core::network::{ChatCapabilities, FileDoor, FileWay, Places};
use ieum_core::outgoing::{Act, FileContent, Part, PartFile, PartPlace};
use ieum_core::place::Point;
use ieum_core::ports::media::Opened;
use ieum_core::render::measure::measure;
use ieum_core::render::words;

/// Largest picture that is its own preview: what LINE takes for one.
const PREVIEW_BYTES_MAX: u64 = 1_000_000;
/// The small picture that stands for films and large pictures, below the links.
pub(crate) const PREVIEW_NAME: &str = "preview.png";

impl Spoken<'_> {
    /// A message with a file, as parts of this call.
    pub(crate) async fn filed(
        &self,
        content: &Content,
        file: &External,
        here: &FileHere,
    ) -> (Act, u32, u32) {
        let (answers, mut marks) = (content.in_reply_to, self.marks(content));
        if let FileHere::Opened(id, opened) = here
            && let Some(shown) = self.shown_file(file, *id, opened)
        {
            let parts = self.with_file((&file.description, &marks), answers, shown).await;
            return self.call(parts);
        }
        let place = self.shown_place(file);
        let body = self.file_in_words(file, here);
        // The caption is the end of it.
        move_on(&mut marks, body.len() - file.description.len());
        if let Some(place) = place {
            let parts = self.with_place((&body, &marks), answers, place).await;
            return self.call(parts);
        }
        self.words((&body, &marks), answers).await
    }

    /// The place that a message is, where this chat shows places.
    fn shown_place(&self, told: &External) -> Option<PartPlace> {
        let point = point_of(told).filter(|_| self.chat_capabilities().places != Places::Words)?;
        let first = told.description.lines().next().unwrap_or_default();
        let named = if told.filename.is_empty() { first } else { &told.filename };
        let word = words::file_word(FileKind::Place, self.language());
        let name = if named.is_empty() { word } else { named };
        Some(PartPlace { point, name: name.to_owned() })
    }

    /// The words, and the place with them or behind them.
    async fn with_place(
        &self,
        body: Body<'_>,
        answers: Option<MessageId>,
        place: PartPlace,
    ) -> Vec<Part> {
        let (reply, quoted) = self.answered(answers).await;
        let mut parts = self.rendered(body, reply, quoted.as_ref());
        match (self.chat_capabilities().places, &mut *parts) {
            (Places::WithText, [.., last]) => last.place = Some(place),
            (Places::Words | Places::Alone | Places::WithText, _) => {
                let sender = parts.last().and_then(|part| part.sender.clone());
                parts.push(Part { sender, place: Some(place), ..Part::default() });
            }
        }
        parts
    }

    fn chat_capabilities(&self) -> &ChatCapabilities {
        self.account.connector.capabilities().of(self.chat.kind)
    }

    /// The file as this chat takes it; `None` where it takes it in no way.
    fn shown_file(&self, told: &External, id: MediaId, opened: &Opened) -> Option<PartFile> {
        let Kept { kind, media_type, bytes, duration_ms, .. } = &opened.kept;
        let way: &FileWay = self.chat_capabilities().file_way(*kind, media_type, *bytes)?;
        let link = self.link(id).filter(|link| link.starts_with("https://"));
        if way.by == FileDoor::PublicLink && link.is_none() {
            return None;
        }
        let is_small = *kind == FileKind::Picture && *bytes <= PREVIEW_BYTES_MAX;
        let preview = if is_small { link.clone() } else { self.below_links(PREVIEW_NAME) };
        Some(PartFile {
            kind: way.kind,
            media_type: media_type.clone(),
            name: file_name(told, &opened.kept),
            bytes: *bytes,
            duration_ms: *duration_ms,
            link,
            preview,
            content: FileContent(std::sync::Arc::clone(&opened.file)),
        })
    }

    /// In one part where the caption fits, else the words first and the file behind them.
    async fn with_file(
        &self,
        caption: Body<'_>,
        answers: Option<MessageId>,
        file: PartFile,
    ) -> Vec<Part> {
        let (reply, quoted) = self.answered(answers).await;
        let caps = self.chat_capabilities();
        let mut parts = self.rendered(caption, reply, quoted.as_ref());
        let fits = |part: &Part| measure(&part.text, caps.text_unit) <= caps.caption_max;
        if let [only] = &mut *parts
            && (only.text.is_empty() || fits(only))
        {
            only.file = Some(file);
            return parts;
        }
        let buttons = parts.last_mut().map(|part| std::mem::take(&mut part.buttons));
        let sender = parts.last().and_then(|part| part.sender.clone());
        let buttons = buttons.unwrap_or_default();
        parts.push(Part { sender, buttons, file: Some(file), ..Part::default() });
        parts
    }

    /// `[사진 IMG.jpg · 1.2 MB]`, what is to be known about it, the words that came with it.
    fn file_in_words(&self, file: &External, here: &FileHere) -> String {
        let language = self.language();
        let (kind, name, bytes) = match here {
            FileHere::Opened(_, Opened { kept, .. }) => {
                (file.kind(), file_name(file, kept), kept.bytes)
            }
            FileHere::None | FileHere::Without(..) => {
                (file.kind(), file.filename.clone(), file.size)
            }
        };
        let mut text = words::file_text(kind, &name, bytes, language);
        let why = match here {
            FileHere::None => {
                let is_shown = self.chat_capabilities().places != Places::Words;
                point_of(file).filter(|_| !is_shown).map(Point::map_link)
            }
            FileHere::Opened(id, _) => {
                self.link(*id).or_else(|| Some(words::not_carried(language).to_owned()))
            }
            FileHere::Without(Some(id), _) => {
                let late = words::not_here_yet(language);
                let link = self.link(*id).map(|link| format!("{late}\n{link}"));
                link.or_else(|| Some(late.to_owned()))
            }
            FileHere::Without(None, why) => {
                Some(words::missing(why.unwrap_or(Missing::Gone), language).to_owned())
            }
        };
        for line in why.iter().map(String::as_str).chain([&*file.description]) {
            if !line.is_empty() {
                text.push('\n');
                text.push_str(line);
            }
        }
        text
    }

    /// A public address of a file for a while.
    fn link(&self, id: MediaId) -> Option<String> {
        let pieces = self.pieces;
        self.below_links(&link::write(&pieces.secret, id, pieces.now(), LINK_LIFETIME_MS))
    }

    fn below_links(&self, last: &str) -> Option<String> {
        let base = self.pieces.settings.media.public_url.as_deref()?;
        Some(format!("{base}/m/{last}"))
    }
}

/// Where the place is that a message is.
fn point_of(told: &External) -> Option<Point> {
    if told.kind() == FileKind::Place { Point::from_uri(&told.url) } else { None }
}

/// A name that people can open it by, whatever it came with.
fn file_name(told: &External, kept: &Kept) -> String {
    let name = if told.filename.is_empty() { &*kept.name } else { &*told.filename };
    if !name.is_empty() {
        return name.to_owned();
    }
    let ending = match &*kept.media_type {
        "image/jpeg" => "jpg",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "video/quicktime" => "mov",
        "application/octet-stream" => "bin",
        known => known.rsplit(['/', '-', '.']).next().unwrap_or("bin"),
    };
    let word = match kept.kind {
        FileKind::Picture => "picture",
        FileKind::Sticker => "sticker",
        FileKind::Video => "video",
        FileKind::Audio => "audio",
        FileKind::File | FileKind::Place | FileKind::Other => "file",
    };
    format!("{word}.{ending}")
}
