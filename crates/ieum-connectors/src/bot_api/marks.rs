//! Telegram's entities <-> marks. Pure.
//!
//! Entities are preferred to a parse mode: no character of a text can be taken for a sign of one.
//! Invariant: every entity that is written lies on whole characters, counted in UTF-16 units.

use super::handles::Handles;
use crate::telegram::wire::{self, Entity};
use crate::wire_text::{Span, bytes_of, units_of};
use ieum_core::ids::UserKey;
use ieum_core::marks::{MARKS_MAX, Mark, MarkKind, Named};
use serde_json::{Value, json};

/// Most entities of one message; Telegram takes no more.
const ENTITIES_MAX: usize = 100;

/// What of a text's entities other networks can show too.
pub(crate) fn read(text: &str, entities: &[Entity], handles: Option<&Handles>) -> Vec<Mark<Named>> {
    let marked = entities.iter().take(MARKS_MAX).filter_map(|entity| {
        let span = Span { start: entity.offset, length: entity.length };
        let range = bytes_of(text, span)?;
        let words = text.get(range.clone())?;
        Some(Mark::new(range, kind(words, entity, handles)?))
    });
    marked.collect()
}

fn kind(words: &str, entity: &Entity, handles: Option<&Handles>) -> Option<MarkKind<Named>> {
    let user = |id: i64| MarkKind::Mention(Named::User(UserKey::new(id.to_string())));
    Some(match &*entity.kind {
        "bold" => MarkKind::Bold,
        "italic" => MarkKind::Italic,
        "strikethrough" => MarkKind::Strike,
        "code" => MarkKind::Code,
        "pre" => MarkKind::Pre,
        "blockquote" | "expandable_blockquote" => MarkKind::Quote,
        "text_link" => MarkKind::Link(entity.url.clone()?),
        "text_mention" => user(entity.user.as_ref().filter(|user| !user.is_bot)?.id),
        "mention" => user(handles?.user(words.strip_prefix('@')?)?),
        _ => return None,
    })
}

/// The entities of a part.
pub(crate) fn entities(text: &str, marks: &[Mark<UserKey>]) -> Vec<Value> {
    let written = marks.iter().filter_map(|mark| {
        let span = units_of(text, mark.start..mark.end)?;
        let mut entity = entity(&mark.kind)?;
        let fields = entity.as_object_mut()?;
        fields.insert("offset".to_owned(), span.start.into());
        fields.insert("length".to_owned(), span.length.into());
        Some(entity)
    });
    written.take(ENTITIES_MAX).collect()
}

fn entity(kind: &MarkKind<UserKey>) -> Option<Value> {
    Some(match kind {
        MarkKind::Quote => json!({"type": "blockquote"}),
        MarkKind::Pre => json!({"type": "pre"}),
        MarkKind::Mention(user) => wire::text_mention(user.as_str().parse().ok()?),
        MarkKind::Link(to) => json!({"type": "text_link", "url": to}),
        MarkKind::Bold => json!({"type": "bold"}),
        MarkKind::Italic => json!({"type": "italic"}),
        MarkKind::Strike => json!({"type": "strikethrough"}),
        MarkKind::Code => json!({"type": "code"}),
    })
}
