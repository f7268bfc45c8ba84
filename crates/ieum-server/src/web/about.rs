//! What is being written about: the message that is answered, or the one that is edited.
//!
//! Invariant: only a message of the open conversation, and for editing only one's own.

use super::inbox::Before;
use super::reader::Reader;
use crate::edge::Shared;
use crate::views::message::{ContentKind, MessageView};
use ieum_core::ids::{ConversationId, PersonId};
use ieum_engine::Present;
use maud::{Markup, html};

/// A message and what is done with it.
pub(super) struct About {
    view: MessageView,
    is_edit: bool,
}

impl About {
    /// What the address of the page names, where that is possible.
    pub(super) async fn of(
        edge: &Shared,
        conversation: ConversationId,
        person: PersonId,
        asked: &Before,
    ) -> Option<Self> {
        let (name, is_edit) = match (&asked.edit, &asked.reply) {
            (Some(name), _) => (name, true),
            (None, Some(name)) => (name, false),
            (None, None) => return None,
        };
        let found = edge.hub.store().message_by_id(name.parse().ok()?).await.ok()??;
        let here = found.new.conversation == conversation;
        let mut view = edge.hub.with_directory(|directory| MessageView::of(&found, directory));
        let now = edge.hub.present(vec![found.seq]).await.unwrap_or_default().remove(&found.seq);
        match now {
            Some(Present::Withdrawn) => return None,
            Some(Present::Says(version)) => {
                view.text = edge.hub.with_directory(|all| MessageView::of(&version, all)).text;
            }
            None => {}
        }
        let own = view.author.person == Some(person.0) && view.kind == ContentKind::Text;
        (here && (own || !is_edit)).then_some(Self { view, is_edit })
    }

    /// What stands in the field at first.
    pub(super) fn draft(&self) -> &str {
        let text = self.view.text.as_deref().unwrap_or_default();
        if self.is_edit { text } else { "" }
    }

    /// The line above the field, with the way back.
    pub(super) fn shown(&self, reader: &Reader, conversation: ConversationId) -> Markup {
        let name = if self.is_edit { "edit" } else { "reply" };
        let lead = match self.is_edit {
            true => reader.say("고치는 중", "Editing"),
            false => reader.say("답하는 중", "Answering"),
        };
        let line = self.view.text.as_deref().and_then(|text| text.lines().next());
        html! {
            input type="hidden" name=(name) value=(self.view.id);
            p class="quoted about" {
                span class="one-line" {
                    strong { (lead) } " " (self.view.author.name) ": " (line.unwrap_or("…"))
                }
                a href={ "/inbox/" (conversation) } { (reader.say("그만두기", "Cancel")) }
            }
        }
    }
}
