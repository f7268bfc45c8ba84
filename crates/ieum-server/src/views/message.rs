//! A message as `/v1` shows it: its content in plain fields instead of CBOR.

use crate::words::Word;
use ieum_core::content::{Content, What};
use ieum_core::directory::Directory;
use ieum_core::message::{Author, Class, Message};
use ieum_core::network::Network;
use ieum_engine::Say;
use schemars::JsonSchema;
use serde::Serialize;

/// A message.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Message")]
pub(crate) struct MessageView {
    /// Its place in the hub's order.
    pub(crate) seq: u64,
    /// Its canonical id: 64 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) conversation: u64,
    pub(crate) author: AuthorView,
    /// When the hub took it, in Unix milliseconds.
    pub(crate) accepted_at_ms: i64,
    /// When it was said by the network's word, in Unix milliseconds.
    origin_at_ms: i64,
    /// After this it is not delivered any more, in Unix milliseconds.
    expires_at_ms: i64,
    class: Word<Class>,
    pub(crate) kind: ContentKind,
    /// The text, the emoji of a reaction, or the caption of a file.
    pub(crate) text: Option<String>,
    /// The canonical id of the message that it answers or reacts to.
    pub(crate) reply_to: Option<String>,
    /// The canonical id of the message whose place it takes.
    pub(crate) replaces: Option<String>,
    /// For files.
    pub(crate) file: Option<FileView>,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ContentKind {
    Text,
    Edit,
    Withdrawal,
    Reaction,
    ReactionWithdrawal,
    File,
    Other,
    /// Its text was taken away for good.
    Removed,
}

/// A file that a message speaks of.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "File")]
pub(crate) struct FileView {
    /// Its name, where told.
    pub(crate) name: String,
    /// Its media type, where told.
    media_type: String,
    /// Its size; 0 where not told.
    bytes: u64,
}

/// Who said something.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Author")]
pub(crate) struct AuthorView {
    kind: AuthorKind,
    /// The name that others see.
    pub(crate) name: Box<str>,
    pub(crate) person: Option<u64>,
    address: Option<u64>,
    /// Where they said it; null for the hub's own interface.
    pub(crate) network: Option<Word<Network>>,
}

/// A person, somebody who only writes in a joined room, or the hub itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AuthorKind {
    Person,
    Guest,
    Hub,
}

impl AuthorView {
    fn of(author: Author, directory: &Directory) -> Self {
        let nobody = Self {
            kind: AuthorKind::Hub,
            name: "Ieum".into(),
            person: None,
            address: None,
            network: None,
        };
        match author {
            Author::Hub => nobody,
            Author::Person(id) => Self {
                kind: AuthorKind::Person,
                name: directory.person(id).map(|person| person.name.clone()).unwrap_or_default(),
                person: Some(id.0),
                ..nobody
            },
            Author::Address(id) => {
                let address = directory.address(id);
                let person = address.and_then(|address| address.person);
                let shown = person.and_then(|id| directory.person(id)).map(|found| &found.name);
                let name = shown.or(address.map(|address| &address.name));
                let account = address.map(|address| address.account);
                Self {
                    kind: person.map_or(AuthorKind::Guest, |_| AuthorKind::Person),
                    name: name.cloned().unwrap_or_default(),
                    person: person.map(|id| id.0),
                    address: Some(id.0),
                    network: account.and_then(|id| directory.network_of(id)).map(Word),
                }
            }
        }
    }
}

impl MessageView {
    /// A message with the names that its people have now.
    pub(crate) fn of(message: &Message, directory: &Directory) -> Self {
        let new = &message.new;
        let mut view = Self {
            seq: message.seq.0,
            id: new.id.to_string(),
            conversation: new.conversation.0,
            author: AuthorView::of(new.author, directory),
            accepted_at_ms: new.accepted_at.0,
            origin_at_ms: new.origin_at.0,
            expires_at_ms: new.expires_at.0,
            class: Word(new.class),
            kind: ContentKind::Other,
            text: None,
            reply_to: None,
            replaces: None,
            file: None,
        };
        if new.content.is_empty() {
            view.kind = ContentKind::Removed;
            return view;
        }
        match Content::decode(&new.content) {
            Ok(content) => view.fill(&content),
            Err(error) => tracing::warn!(message = %message.seq, %error, "unreadable content"),
        }
        view
    }

    fn fill(&mut self, content: &Content) {
        self.reply_to = content.in_reply_to.map(|id| id.to_string());
        self.replaces = content.replaces.map(|id| id.to_string());
        let (kind, text) = match content.what() {
            What::Text(text) => (ContentKind::Text, Some(text)),
            What::Edit { text, .. } => (ContentKind::Edit, Some(text)),
            What::Withdrawal { .. } => (ContentKind::Withdrawal, None),
            What::Reaction { emoji, .. } => (ContentKind::Reaction, Some(emoji)),
            What::ReactionWithdrawal { .. } => (ContentKind::ReactionWithdrawal, None),
            What::File { file, .. } => {
                self.file = Some(FileView {
                    name: file.filename.clone(),
                    media_type: file.content_type.to_string(),
                    bytes: file.size,
                });
                let caption = Some(file.description.as_str());
                (ContentKind::File, caption.filter(|caption| !caption.is_empty()))
            }
            What::Other => (ContentKind::Other, None),
        };
        self.kind = kind;
        self.text = text.map(str::to_owned);
    }

    /// Whether this is what `say` asked for.
    pub(crate) fn says(&self, say: &Say) -> bool {
        self.conversation == say.conversation.0
            && self.author.person == say.person.map(|id| id.0)
            && self.text.as_deref() == Some(say.text.as_str())
            && self.reply_to == say.reply_to.map(|id| id.to_string())
            && self.class.0 == say.class
    }
}
