//! From words to a canonical message: content, id, lifetime.

use crate::pieces::Pieces;
use ieum_core::content::{Content, MessageId, salt_for_native};
use ieum_core::ids::{AddressId, ConversationId, PersonId};
use ieum_core::message::{Author, Class, NewMessage, Source};
use ieum_core::time::Timestamp;

/// The two URIs of a message's content.
#[derive(Debug, Clone)]
pub(crate) struct Uris {
    pub(crate) sender: String,
    pub(crate) room: String,
}

/// Our own URIs: the hub's numbers, no names and no native ids.
pub(crate) fn uris(author: Author, conversation: ConversationId) -> Uris {
    let sender = match author {
        Author::Address(AddressId(id)) => format!("mimi://ieum.invalid/a/{id}"),
        Author::Person(PersonId(id)) => format!("mimi://ieum.invalid/u/{id}"),
        Author::Hub => "mimi://ieum.invalid/u/hub".to_owned(),
    };
    Uris { sender, room: format!("mimi://ieum.invalid/r/{conversation}") }
}

/// When and how a message came.
#[derive(Debug, Clone)]
pub(crate) struct Circumstances {
    pub(crate) conversation: ConversationId,
    pub(crate) author: Author,
    pub(crate) source: Option<Source>,
    pub(crate) accepted_at: Timestamp,
    pub(crate) origin_at: Timestamp,
    pub(crate) class: Class,
}

/// Seals content into a message.
pub(crate) fn seal(pieces: &Pieces, content: &Content, how: Circumstances) -> NewMessage {
    let (id, bytes) = content.seal();
    let lifetime = match how.class {
        Class::Urgent => pieces.settings.urgent_lifetime_ms,
        Class::Chat | Class::OnceOnly => pieces.settings.chat_lifetime_ms,
    };
    NewMessage {
        id,
        conversation: how.conversation,
        author: how.author,
        source: how.source,
        accepted_at: how.accepted_at,
        origin_at: how.origin_at,
        expires_at: how.accepted_at.plus_ms(lifetime),
        class: how.class,
        content: bytes.into(),
    }
}

/// The salt of a native event: the same event, the same message id.
pub(crate) fn native_salt(pieces: &Pieces, network: &str, chat: &str, native: &str) -> [u8; 16] {
    salt_for_native(&pieces.secret, network, chat, native)
}

/// A text of the hub's own.
pub(crate) fn hub_text(
    pieces: &Pieces,
    conversation: ConversationId,
    text: &str,
    answers: Option<MessageId>,
) -> NewMessage {
    let uris = uris(Author::Hub, conversation);
    let mut content = Content::text(pieces.entropy.next_16(), &uris.sender, &uris.room, text);
    if let Some(answers) = answers {
        content = content.reply_to(answers);
    }
    let now = pieces.now();
    let how = Circumstances {
        conversation,
        author: Author::Hub,
        source: None,
        accepted_at: now,
        origin_at: now,
        class: Class::Chat,
    };
    seal(pieces, &content, how)
}
