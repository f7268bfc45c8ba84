//! What a message is for whoever carries it on: text, edit, withdrawal, reaction, file or other.

use super::{Body, Content, Disposition, External, MessageId, Part, Semantics};
use crate::inbound::FileKind;
use crate::marks::{self, Mark, Whom};

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
        if let Some(file) = self.part.file() {
            return What::File { file, replaces: self.replaces };
        }
        match (&self.part.body, self.replaces) {
            (Body::Null, Some(replaces)) => What::Withdrawal { replaces },
            (_, replaces) => match (self.part.text(), replaces) {
                (Some(text), Some(replaces)) => What::Edit { replaces, text },
                (Some(text), None) => What::Text(text),
                (None, _) => What::Other,
            },
        }
    }

    /// The marks of its text or caption; none where it has no other form than plain words, which
    /// costs nothing to find out, or where that does not say the same.
    #[must_use]
    pub fn marks(&self) -> Vec<Mark<Whom>> {
        let Body::Multi { semantics, parts } = &self.part.body else {
            return Vec::new();
        };
        let plain = match semantics {
            Semantics::ChooseOne => self.part.text(),
            Semantics::SingleUnit => self.part.file().map(|file| &*file.description),
            Semantics::ProcessAll => None,
        };
        let markdown = parts.iter().find_map(Part::markdown);
        let read = markdown.and_then(marks::read);
        let same = read.filter(|(text, _)| plain == Some(text));
        same.map(|(_, marks)| marks).unwrap_or_default()
    }

    fn what_reaction(&self) -> What<'_> {
        let (replaces, target) = (self.replaces, self.in_reply_to);
        match (&self.part.body, replaces) {
            (Body::Null, Some(replaces)) => What::ReactionWithdrawal { replaces, target },
            _ => match (target, self.part.text_of_any_disposition()) {
                (Some(target), Some(emoji)) => What::Reaction { target, emoji, replaces },
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
        if let Body::Multi { semantics: Semantics::ChooseOne, parts } = &self.body {
            return parts.iter().find_map(Self::text);
        }
        self.text_of_any_disposition()
    }

    /// The file that it is, alone or as one with its caption as markdown.
    fn file(&self) -> Option<&External> {
        if let Body::Multi { semantics: Semantics::SingleUnit, parts } = &self.body {
            let [Self { body: Body::External(file), .. }, caption] = &**parts else { return None };
            return caption.markdown().map(|_| &**file);
        }
        if let Body::External(file) = &self.body { Some(file) } else { None }
    }

    fn markdown(&self) -> Option<&str> {
        let Body::Single { content_type, content } = &self.body else {
            return None;
        };
        let known = essence(content_type).eq_ignore_ascii_case("text/markdown");
        known.then(|| std::str::from_utf8(content).ok()).flatten()
    }

    fn text_of_any_disposition(&self) -> Option<&str> {
        let Body::Single { content_type, content } = &self.body else {
            return None;
        };
        is_text(content_type).then(|| std::str::from_utf8(content).ok()).flatten()
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
    ["text/plain", "text/markdown"].iter().any(|known| essence.eq_ignore_ascii_case(known))
}

/// A media type without its parameters.
fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; super::super::SALT_BYTES] = [7; super::super::SALT_BYTES];

    fn content(disposition: Disposition, content_type: &'static str, bytes: &[u8]) -> Content {
        let body = Body::Single { content_type: content_type.into(), content: bytes.to_vec() };
        Content::new(SALT, "s", "r", Part { disposition, language: String::new(), body })
    }

    #[test]
    fn text_is_known_by_its_media_type_and_not_by_its_parameters() {
        for known in ["text/plain", "Text/Plain; charset=UTF-8", "text/markdown;variant=GFM-MIMI"] {
            let content = content(Disposition::RENDER, known, b"hi");
            assert_eq!(content.what(), What::Text("hi"), "{known}");
        }
        for unknown in ["text/html;charset=utf-8", "text", "", "application/json", "text/plainer"] {
            let content = content(Disposition::RENDER, unknown, b"hi");
            assert_eq!(content.what(), What::Other, "{unknown}");
        }
    }

    #[test]
    fn an_unknown_disposition_is_shown_and_a_known_one_kept_to() {
        for shown in [0, 1, 4, 9, 255] {
            let content = content(Disposition(shown), "text/plain", b"hi");
            assert_eq!(content.what(), What::Text("hi"), "{shown}");
        }
        for not_shown in [3, 5, 6, 7, 8] {
            let content = content(Disposition(not_shown), "text/plain", b"hi");
            assert_eq!(content.what(), What::Other, "{not_shown}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_other() {
        let not_utf8 = content(Disposition::RENDER, "text/plain", &[0xff]);
        assert_eq!(not_utf8.what(), What::Other);
        let reaction_to_nothing = content(Disposition::REACTION, "text/plain", b"!");
        assert_eq!(reaction_to_nothing.what(), What::Other);
        let nothing_replacing_nothing =
            Content::new(SALT, "s", "r", Part::null(Disposition::RENDER));
        assert_eq!(nothing_replacing_nothing.what(), What::Other);
    }

    #[test]
    fn marks_stand_beside_the_plain_words() {
        let whom = Whom::Person(crate::ids::PersonId(7));
        let marks = vec![Mark::new(0..7, marks::MarkKind::Mention(whom))];
        let plain = Content::text(SALT, "s", "r", "@민지 안녕");
        assert_eq!(plain.marks(), []);
        let marked = plain.clone().marked("@민지 안녕", &marks);
        assert_eq!(marked.what(), What::Text("@민지 안녕"));
        assert_eq!(marked.marks(), marks);
        let (_, bytes) = marked.seal();
        let again = Content::decode(&bytes).unwrap();
        assert_eq!((again.what(), again.marks()), (What::Text("@민지 안녕"), marks.clone()));
        let edit = marked.clone().replacing(MessageId::from([1; 32]));
        assert!(matches!(edit.what(), What::Edit { text: "@민지 안녕", .. }));
        // Markdown that says something else is not believed.
        let other = plain.marked("@민지 잘가", &marks);
        assert_eq!((other.what(), other.marks()), (What::Text("@민지 안녕"), Vec::new()));
    }

    #[test]
    fn marks_stand_beside_a_caption() {
        let note = crate::inbound::FileNote::of(FileKind::Picture);
        let caption = "@민지 봐";
        let file = Content::file(SALT, "s", "r", (&note, None), caption);
        let whom = Whom::Person(crate::ids::PersonId(7));
        let marks = vec![Mark::new(0..7, marks::MarkKind::Mention(whom))];
        let marked = file.clone().marked(caption, &marks);
        let (_, bytes) = marked.seal();
        let again = Content::decode(&bytes).unwrap();
        assert_eq!((again.what(), again.marks()), (file.what(), marks.clone()));
        assert!(matches!(again.what(), What::File { file, .. } if file.description == caption));
        // Markdown that says something else is not believed, and leaves a file a file.
        let other = file.clone().marked("@민지 가", &marks);
        assert_eq!((other.what(), other.marks()), (file.what(), Vec::new()));
        // Without markdown beside it, it is no caption.
        let parts = vec![file.part.clone(), Part::plain(Disposition::RENDER, caption)];
        let body = Body::Multi { semantics: Semantics::SingleUnit, parts };
        let unknown = Content { part: Part { body, ..file.part.clone() }, ..file };
        assert_eq!(unknown.what(), What::Other);
    }

    #[test]
    fn a_reaction_can_take_the_place_of_another() {
        let (first, target) = (MessageId::from([1; 32]), MessageId::from([2; 32]));
        let changed = Content::reaction(SALT, "s", "r", target, "!").replacing(first);
        let what = What::Reaction { target, emoji: "!", replaces: Some(first) };
        assert_eq!(changed.what(), what);
    }

    #[test]
    fn the_kind_of_a_file_is_read_from_real_media_types() {
        let cases = [
            ("image/jpeg", FileKind::Picture),
            ("IMAGE/png; q=1", FileKind::Picture),
            ("video/mp4", FileKind::Video),
            ("audio/ogg;codecs=opus", FileKind::Audio),
            ("application/pdf", FileKind::File),
            ("", FileKind::Other),
        ];
        for (content_type, kind) in cases {
            let file = External { content_type: content_type.into(), ..External::default() };
            assert_eq!(file.kind(), kind, "{content_type}");
        }
    }
}
