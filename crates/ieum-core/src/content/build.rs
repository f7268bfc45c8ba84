//! The messages that the hub makes from what networks tell: text, edit, withdrawal, reaction, file.
//!
//! Text that people typed into a network is plain text: read as markdown, its stars and angle
//! brackets would be lost. Nothing here checks limits; see [`Content::check`].

use std::borrow::Cow;

use super::limits::CONTENT_TYPE_BYTES_MAX;
use super::read::media_type_of;
use super::{
    Body, Content, Disposition, Extensions, External, MARKDOWN_TEXT, MessageId, PLAIN_TEXT, Part,
    SALT_BYTES, Semantics,
};
use crate::inbound::{FileKind, FileNote};
use crate::marks::{self, Mark, Whom};
use crate::media::{MediaId, tidy_name};
use crate::place::Point;

/// Longest markdown that stands beside the plain words, in bytes; a longer text has no marks.
const MARKDOWN_BYTES_MAX: usize = 96 * 1024;

impl Content {
    /// Content with a body and nothing else.
    #[must_use]
    pub fn new(salt: [u8; SALT_BYTES], sender_uri: &str, room_uri: &str, part: Part) -> Self {
        Self {
            salt,
            replaces: None,
            topic_id: Vec::new(),
            expires: None,
            in_reply_to: None,
            extensions: Extensions {
                sender_uri: Some(sender_uri.to_owned()),
                room_uri: Some(room_uri.to_owned()),
                ..Extensions::default()
            },
            part,
        }
    }

    /// A plain text.
    #[must_use]
    pub fn text(salt: [u8; SALT_BYTES], sender_uri: &str, room_uri: &str, text: &str) -> Self {
        let part = Part::plain(Disposition::RENDER, text);
        Self::new(salt, sender_uri, room_uri, part)
    }

    /// The same text or caption with these [tidy](marks::tidy) marks: the words as they stand, for
    /// whoever knows no marks, and beside them the same as markdown.
    #[must_use]
    pub fn marked(self, text: &str, marks: &[Mark<Whom>]) -> Self {
        if marks.is_empty() {
            return self;
        }
        let markdown = marks::write(text, marks);
        if markdown.len() > MARKDOWN_BYTES_MAX {
            return self;
        }
        let disposition = self.part.disposition;
        let marked = Part::of_type(disposition, MARKDOWN_TEXT, &markdown);
        let semantics = match self.part.body {
            Body::External(_) => Semantics::SingleUnit,
            Body::Null | Body::Single { .. } | Body::Multi { .. } => Semantics::ChooseOne,
        };
        let body = Body::Multi { semantics, parts: vec![self.part, marked] };
        let part = Part { disposition, language: String::new(), body };
        Self { part, ..self }
    }

    /// A new version of a text. `replaces` is the first version, also for a second edit.
    #[must_use]
    pub fn edit(
        salt: [u8; SALT_BYTES],
        sender_uri: &str,
        room_uri: &str,
        replaces: MessageId,
        text: &str,
    ) -> Self {
        Self::text(salt, sender_uri, room_uri, text).replacing(replaces)
    }

    /// The withdrawal of a message. `replaces` is its first version.
    #[must_use]
    pub fn withdrawal(
        salt: [u8; SALT_BYTES],
        sender_uri: &str,
        room_uri: &str,
        replaces: MessageId,
    ) -> Self {
        let part = Part::null(Disposition::RENDER);
        Self::new(salt, sender_uri, room_uri, part).replacing(replaces)
    }

    /// A reaction to the message `target`.
    #[must_use]
    pub fn reaction(
        salt: [u8; SALT_BYTES],
        sender_uri: &str,
        room_uri: &str,
        target: MessageId,
        emoji: &str,
    ) -> Self {
        let part = Part::plain(Disposition::REACTION, emoji);
        Self::new(salt, sender_uri, room_uri, part).reply_to(target)
    }

    /// The withdrawal of a reaction: `reaction` is the message that reacted to `target`.
    #[must_use]
    pub fn reaction_withdrawal(
        salt: [u8; SALT_BYTES],
        sender_uri: &str,
        room_uri: &str,
        reaction: MessageId,
        target: MessageId,
    ) -> Self {
        let part = Part::null(Disposition::REACTION);
        Self::new(salt, sender_uri, room_uri, part).replacing(reaction).reply_to(target)
    }

    /// A file that was sent on a network: kind, name and size, the text that came with it, and by
    /// which id the hub keeps its bytes, where there are any to keep. Of a place: where it is.
    #[must_use]
    pub fn file(
        salt: [u8; SALT_BYTES],
        sender_uri: &str,
        room_uri: &str,
        (file, media): (&FileNote, Option<MediaId>),
        caption: &str,
    ) -> Self {
        let url = match (file.kind, &file.place) {
            (FileKind::Place, Some(place)) => Point::from_uri(place).map(Point::uri),
            _ => media.map(|media| media.url()),
        };
        let external = External {
            content_type: content_type(file),
            url: url.unwrap_or_default(),
            size: file.bytes.unwrap_or_default(),
            description: caption.to_owned(),
            filename: tidy_name(file.name.as_deref().unwrap_or_default()),
            ..External::default()
        };
        let part = Part {
            disposition: Disposition::ATTACHMENT,
            language: String::new(),
            body: Body::External(Box::new(external)),
        };
        Self::new(salt, sender_uri, room_uri, part)
    }

    /// The same, as an answer to `message`.
    #[must_use]
    pub fn reply_to(self, message: MessageId) -> Self {
        Self { in_reply_to: Some(message), ..self }
    }

    /// The same, as a new version of `message`.
    #[must_use]
    pub fn replacing(self, message: MessageId) -> Self {
        Self { replaces: Some(message), ..self }
    }
}

/// The media type of a file: as told where that says the same kind, else the one of its kind.
fn content_type(file: &FileNote) -> Cow<'static, str> {
    let told = file.media_type.as_deref().unwrap_or_default();
    let class = told.split('/').next().unwrap_or_default();
    let agrees = match file.kind {
        FileKind::Picture => class == "image",
        FileKind::Video => class == "video",
        FileKind::Audio => class == "audio",
        FileKind::File => !matches!(class, "" | "image" | "video" | "audio"),
        FileKind::Sticker | FileKind::Place | FileKind::Other => false,
    };
    let plain = told.len() <= CONTENT_TYPE_BYTES_MAX && told.chars().all(|c| c.is_ascii_graphic());
    if agrees && plain && told.contains('/') {
        Cow::Owned(told.to_ascii_lowercase())
    } else {
        Cow::Borrowed(media_type_of(file.kind))
    }
}

impl Part {
    /// A part of plain text.
    #[must_use]
    pub fn plain(disposition: Disposition, text: &str) -> Self {
        Self::of_type(disposition, PLAIN_TEXT, text)
    }

    fn of_type(disposition: Disposition, content_type: &'static str, text: &str) -> Self {
        Self {
            disposition,
            language: String::new(),
            body: Body::Single {
                content_type: Cow::Borrowed(content_type),
                content: text.as_bytes().to_vec(),
            },
        }
    }

    /// A part with nothing in it: what was there is withdrawn.
    #[must_use]
    pub fn null(disposition: Disposition) -> Self {
        Self { disposition, language: String::new(), body: Body::Null }
    }
}
