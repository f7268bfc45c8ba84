//! What a device is told of a message: as much as its person wants to be read there.
//!
//! Invariant: with [`Tells::OnlyThat`] a note holds no name and no word of anybody's.

use crate::pieces::Pieces;
use crate::speak::author_name;
use ieum_core::content::{Content, What, salt_for_native};
use ieum_core::directory::{Conversation, ConversationKind, Language};
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::message::Message;
use ieum_core::people::push::{Tells, Waiting, in_one_line};
use ieum_core::ports::push::Note;
use ieum_core::render::words::file_word;

/// The note for one person.
pub(super) fn note(pieces: &Pieces, message: &Message, waiting: Waiting, tells: Tells) -> Note {
    let language = pieces.language_of(waiting.person);
    let (title, text) = match tells {
        Tells::OnlyThat => only_that(waiting.count, language),
        Tells::Words => words(pieces, message, waiting.count, language),
    };
    let (conversation, message) = (waiting.conversation, message.new.id.to_string());
    Note { conversation, message, title, text }
}

/// By what a push service knows that one note takes the place of another, and nothing else.
pub(super) fn topic(pieces: &Pieces, person: PersonId, conversation: ConversationId) -> [u8; 16] {
    salt_for_native(&pieces.secret, "push", &person.to_string(), &conversation.to_string())
}

fn only_that(count: u32, language: Language) -> (String, String) {
    let (title, text) = match (language, count) {
        (Language::Ko, 1) => ("이음", "새 메시지가 왔어요".to_owned()),
        (Language::Ko, _) => ("이음", format!("새 메시지 {count}개가 왔어요")),
        (Language::En, 1) => ("Ieum", "A new message".to_owned()),
        (Language::En, _) => ("Ieum", format!("{count} new messages")),
    };
    (title.to_owned(), text)
}

fn words(pieces: &Pieces, message: &Message, count: u32, language: Language) -> (String, String) {
    let said = said(message, language);
    let (author, conversation) = pieces.read(|directory| {
        let author = author_name(directory, message.new.author, language);
        let conversation = directory.conversation(message.new.conversation).cloned();
        (author.unwrap_or_default(), conversation)
    });
    let title = conversation.as_ref().and_then(title_of);
    let (title, text) = match title {
        Some(title) => (title, format!("{author}: {said}")),
        None => (author, said),
    };
    let title = if count > 1 { format!("{title} ({count})") } else { title };
    (in_one_line(&title), in_one_line(&text))
}

/// The title of a group; two who talk alone need none.
fn title_of(conversation: &Conversation) -> Option<String> {
    let named = conversation.kind != ConversationKind::Direct && !conversation.title.is_empty();
    named.then(|| conversation.title.to_string())
}

fn said(message: &Message, language: Language) -> String {
    let Ok(content) = Content::decode(&message.new.content) else { return String::new() };
    match content.what() {
        What::Text(text) | What::Edit { text, .. } => text.to_owned(),
        What::File { file, .. } => {
            format!("[{}] {}", file_word(file.kind(), language), file.filename)
        }
        What::Reaction { .. }
        | What::Withdrawal { .. }
        | What::ReactionWithdrawal { .. }
        | What::Other => "…".to_owned(),
    }
}
