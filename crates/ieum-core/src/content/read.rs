//! What a message is for whoever carries it on: text, edit, withdrawal, reaction, file or other.

use super::{Body, Content, Disposition, External, MessageId, Part, Semantics};
use crate::inbound::FileKind;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'c> {
    /// A text; whether it answers a message is in [`Content::in_reply_to`].
    Text(&'c str),
    /// A new version of a text.
    Edit {
        /// The first version.
        replaces: MessageId,
        /// The text as it is now.
        text: &'c str,
    },
    /// A message is withdrawn.
    Withdrawal {
        /// The first version of it.
        replaces: MessageId,
    },
    /// A reaction to a message.
    Reaction {
        /// The message reacted to.
        target: MessageId,
        /// The reaction.
        emoji: &'c str,
        /// The reaction that this one takes the place of.
        replaces: Option<MessageId>,
    },
    /// A reaction is withdrawn.
    ReactionWithdrawal {
        /// The message that reacted.
        replaces: MessageId,
        /// The message reacted to, where it is named.
        target: Option<MessageId>,
    },
    /// A file, or another thing that lies elsewhere.
    File {
        /// The file.
        file: &'c External,
        /// The file that this one takes the place of.
        replaces: Option<MessageId>,
    },
    /// Sound content that none of the above describes.
    Other,
}

impl Content {
    /// What the message is for.
    #[must_use]
    pub fn what(&self) -> What<'_> {
        if self.part.disposition == Disposition::REACTION {
            return self.what_reaction();
        }
        match (&self.part.body, self.replaces) {
            (Body::Null, Some(replaces)) => What::Withdrawal { replaces },
            (Body::External(file), replaces) => What::File { file, replaces },
            (_, replaces) => match (self.part.text(), replaces) {
                (Some(text), Some(replaces)) => What::Edit { replaces, text },
                (Some(text), None) => What::Text(text),
                (None, _) => What::Other,
            },
        }
    }

    fn what_reaction(&self) -> What<'_> {
        let (replaces, target) = (self.replaces, self.in_reply_to);
        match (&self.part.body, replaces) {
            (Body::Null, Some(replaces)) => What::ReactionWithdrawal { replaces, target },
            _ => match (target, self.part.text_of_any_disposition()) {
                (Some(target), Some(emoji)) => What::Reaction {
                    target,
                    emoji,
                    replaces,
                },
                _ => What::Other,
            },
        }
    }
}

impl Part {
    /// The text of a part that is to be shown: plain or markdown (which may be shown as it
    /// stands), in the first part that has one where the reader may choose.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if !self.disposition.is_shown() {
            return None;
        }
        if let Body::Multi {
            semantics: Semantics::ChooseOne,
            parts,
        } = &self.body
        {
            return parts.iter().find_map(Self::text);
        }
        self.text_of_any_disposition()
    }

    fn text_of_any_disposition(&self) -> Option<&str> {
        let Body::Single {
            content_type,
            content,
        } = &self.body
        else {
            return None;
        };
        is_text(content_type)
            .then(|| std::str::from_utf8(content).ok())
            .flatten()
    }
}

/// Media types of kinds that have no registered one: in the vendor tree, and ours.
const STICKER: &str = "application/vnd.ieum.sticker";
const PLACE: &str = "application/vnd.ieum.place";
const UNKNOWN_KIND: &str = "application/vnd.ieum.other";

impl External {
    /// What kind of thing it is, by its media type.
    #[must_use]
    pub fn kind(&self) -> FileKind {
        let media_type = essence(&self.content_type).to_ascii_lowercase();
        match (media_type.as_str(), media_type.split('/').next()) {
            (STICKER, _) => FileKind::Sticker,
            (PLACE, _) => FileKind::Place,
            (UNKNOWN_KIND | "", _) => FileKind::Other,
            (_, Some("image")) => FileKind::Picture,
            (_, Some("video")) => FileKind::Video,
            (_, Some("audio")) => FileKind::Audio,
            _ => FileKind::File,
        }
    }
}

/// The media type by which a kind of file is written; [`External::kind`] reads it.
pub(super) fn media_type_of(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Picture => "image/*",
        FileKind::Video => "video/*",
        FileKind::Audio => "audio/*",
        FileKind::File => "application/octet-stream",
        FileKind::Sticker => STICKER,
        FileKind::Place => PLACE,
        FileKind::Other => UNKNOWN_KIND,
    }
}

fn is_text(content_type: &str) -> bool {
    let essence = essence(content_type);
    ["text/plain", "text/markdown"]
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
}

/// A media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}
