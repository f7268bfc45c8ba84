//! Speaking: one message as one chat is to see it.
//!
//! What the network can do natively is done natively; the rest is said in words.

use crate::account::Account;
use crate::calling;
use crate::compose::native_salt;
use crate::media::FileHere;
use crate::notices::{HUB_CONVERSATION, answer_word, nameless};
use crate::pieces::Pieces;
use crate::talk;
use ieum_core::content::{Content, MessageId, What};
use ieum_core::delivery::{Claim, Recipient};
use ieum_core::directory::{ConversationKind, Directory, Language};
use ieum_core::ids::{AuthorKey, ConversationId, PersonId, UserKey};
use ieum_core::inbound::{ChatRef, FileKind};
use ieum_core::marks::{Mark, move_on};
use ieum_core::message::{Author, Message};
use ieum_core::network::{AuthorSupport, Hears, Network, ReplySupport};
use ieum_core::outgoing::{Act, ActingAuthor, Button, Part, ReplyTarget};
use ieum_core::ports::store::CopyNote;
use ieum_core::render::words;
use ieum_core::render::{Called, LabelFacts, Quote, RenderFacts, Speaker, render, shown_sender};
use ieum_core::route::author_person;
use std::borrow::Cow;

/// A text and what its stretches are.
pub(crate) type Body<'a> = (&'a str, &'a [Called]);

/// One message on its way into one chat.
pub(crate) struct Spoken<'a> {
    pub(crate) pieces: &'a Pieces,
    pub(crate) account: &'a Account,
    pub(crate) claim: &'a Claim,
    pub(crate) chat: &'a ChatRef,
    pub(crate) file: &'a FileHere,
}

impl Spoken<'_> {
    /// What to do in the chat, how many parts there are in all, how many this call carries.
    pub(crate) async fn act(&self, content: &Content) -> (Act, u32, u32) {
        if let Some(act) = self.native_act(content).await {
            return (act, 1, 1);
        }
        if let What::File { file, .. } = content.what() {
            return self.filed(content, file, self.file).await;
        }
        let (body, answers) = self.in_words(content);
        let mut marks = self.marks(content);
        if let What::Edit { text, .. } = content.what() {
            move_on(&mut marks, body.len() - text.len());
        }
        self.words((&body, &marks), answers).await
    }

    /// The marks of its text, with whom this chat can notify.
    pub(crate) fn marks(&self, content: &Content) -> Vec<Called> {
        let chat = self.account.connector.capabilities().of(self.chat.kind);
        let here = (self.account.id, chat);
        calling::in_chat(self.pieces, here, self.claim.delivery.recipient, content.marks())
    }

    /// Edits, withdrawals and reactions, where the network has them and a copy is here.
    async fn native_act(&self, content: &Content) -> Option<Act> {
        let caps = self.account.connector.capabilities().of(self.chat.kind);
        match content.what() {
            What::Edit { replaces, text } if caps.edit => {
                let target = self.our_copy(replaces).await?.key.native;
                let (text, marks) = self.one_text(text, &self.marks(content));
                Some(Act::Edit { target, text, marks })
            }
            What::Withdrawal { replaces } if caps.withdraw => {
                let target = self.our_copy(replaces).await?.key.native;
                Some(Act::Withdraw { target })
            }
            What::Reaction { target, emoji, .. } if caps.react => {
                let target = self.any_copy(target).await?.key.native;
                Some(Act::React { target, emoji: Some(emoji.into()), own: None })
            }
            What::ReactionWithdrawal { replaces, target: Some(target) } if caps.react => {
                let target = self.any_copy(target).await?.key.native;
                let own = self.our_copy(replaces).await.map(|copy| copy.key.native);
                Some(Act::React { target, emoji: None, own })
            }
            What::Text(_)
            | What::Edit { .. }
            | What::Withdrawal { .. }
            | What::Reaction { .. }
            | What::ReactionWithdrawal { .. }
            | What::File { .. }
            | What::Other => None,
        }
    }

    /// As whose user it is done, where the network shows each author as one of their own.
    pub(crate) async fn acting(&self, content: &Content, act: &Act) -> Option<ActingAuthor> {
        let caps = self.account.connector.capabilities().of(self.chat.kind);
        let AuthorSupport::AsUser { name_max } = caps.author else {
            return None;
        };
        let said_before = match (act, content.what()) {
            (Act::Edit { .. }, What::Edit { replaces, .. })
            | (Act::Withdraw { .. }, What::Withdrawal { replaces }) => Some(replaces),
            _ => None,
        };
        let author = match said_before {
            Some(id) => self.pieces.store.message_by_id(id).await.ok()??.new.author,
            None => self.claim.message.new.author,
        };
        let (name, network, icon_url) = self.speaker(author)?;
        let speaker = Speaker { name: &name, network, icon_url: icon_url.as_deref() };
        let shown = shown_sender(speaker, name_max, self.language())?;
        let key = self.pieces.read(|directory| author_key(self.pieces, directory, author))?;
        Some(ActingAuthor { key, shown })
    }

    /// Anything as words, and the earlier message that they point to.
    fn in_words<'c>(&self, content: &'c Content) -> (Cow<'c, str>, Option<MessageId>) {
        let language = self.language();
        match content.what() {
            What::Text(text) => (Cow::Borrowed(text), content.in_reply_to),
            What::Edit { replaces, text } => {
                let words = format!("{}{text}", words::edited_word(language));
                (words.into(), Some(replaces))
            }
            What::Withdrawal { replaces } => {
                (words::withdrawn_text(language).into(), Some(replaces))
            }
            What::Reaction { target, emoji, .. } => {
                (words::reaction_text(Some(emoji), language).into(), Some(target))
            }
            What::ReactionWithdrawal { target, .. } => {
                (words::reaction_text(None, language).into(), target)
            }
            What::File { .. } | What::Other => {
                let text = words::file_text(FileKind::Other, "", 0, language);
                (text.into(), content.in_reply_to)
            }
        }
    }

    /// A text, as the parts of this call.
    pub(crate) async fn words(
        &self,
        body: Body<'_>,
        answers: Option<MessageId>,
    ) -> (Act, u32, u32) {
        let (reply, quoted) = self.answered(answers).await;
        self.call(self.rendered(body, reply, quoted.as_ref()))
    }

    /// Of all parts those of this call; how many there are in all, and how many it carries.
    pub(crate) fn call(&self, all: Vec<Part>) -> (Act, u32, u32) {
        let caps = self.account.connector.capabilities().of(self.chat.kind);
        let total = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let start = usize::try_from(self.claim.delivery.part).unwrap_or(usize::MAX);
        // A file that is gone since the first part went leaves fewer of them: its word is the last.
        let start = start.min(all.len().saturating_sub(1));
        let parts: Vec<Part> =
            all.into_iter().skip(start).take(caps.parts_per_send_max.max(1)).collect();
        let carried = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        (Act::Say(parts), total, carried)
    }

    /// A changed text keeps its head but not its label, quote or second parts.
    fn one_text(&self, text: &str, marks: &[Called]) -> (String, Vec<Mark<UserKey>>) {
        let parts = self.rendered((text, marks), None, None);
        let first = parts.into_iter().next();
        first.map(|part| (part.text, part.marks)).unwrap_or_default()
    }

    pub(crate) fn rendered(
        &self,
        (body, marks): Body<'_>,
        reply: Option<ReplyTarget>,
        quoted: Option<&(String, String)>,
    ) -> Vec<Part> {
        let message = &self.claim.message.new;
        let short_id = message.id.short();
        let speaker = self.speaker(message.author);
        let place = self.place(message.conversation);
        render(&RenderFacts {
            chat: self.account.connector.capabilities().of(self.chat.kind),
            language: self.language(),
            speaker: speaker.as_ref().map(|(name, network, icon_url)| Speaker {
                name,
                network: *network,
                icon_url: icon_url.as_deref(),
            }),
            place: place.as_deref(),
            label: self.claim.delivery.label.map(|label| LabelFacts {
                label,
                short_id: &short_id,
                said_at: message.origin_at,
                utc_offset_minutes: self.pieces.settings.utc_offset_minutes,
            }),
            quote: quoted.map(|(name, text)| Quote { name, text }),
            reply,
            body,
            marks,
            buttons: self.buttons(),
        })
    }

    /// Where our account hears only what is said to it, a tap begins an answer.
    fn buttons(&self) -> Vec<Button> {
        let caps = self.account.connector.capabilities().of(self.chat.kind);
        let spoken = self.claim.message.new.author != Author::Hub;
        if !caps.buttons || caps.hears != Hears::MentionsOnly || !spoken {
            return Vec::new();
        }
        let label = answer_word(self.language()).to_owned();
        vec![Button { payload: label.clone(), label }]
    }

    /// How an earlier message is pointed to: natively, or by name and words.
    pub(crate) async fn answered(
        &self,
        answers: Option<MessageId>,
    ) -> (Option<ReplyTarget>, Option<(String, String)>) {
        let Some(answers) = answers else {
            return (None, None);
        };
        let support = self.account.connector.capabilities().of(self.chat.kind).reply;
        if support != ReplySupport::Quoted
            && let Some(copy) = self.any_copy(answers).await
            && (support == ReplySupport::ById || copy.key.quote.is_some())
        {
            let reply = ReplyTarget { native: copy.key.native, quote: copy.key.quote };
            return (Some(reply), None);
        }
        let Ok(Some(earlier)) = self.pieces.store.message_by_id(answers).await else {
            return (None, None);
        };
        let name = self.speaker(earlier.new.author).map(|(name, ..)| name).unwrap_or_default();
        (None, Some((name, text_of(&earlier))))
    }

    async fn any_copy(&self, id: MessageId) -> Option<CopyNote> {
        let message = self.pieces.store.message_by_id(id).await.ok()??;
        let copies = self.pieces.store.copies_of(message.seq).await.ok()?;
        copies.into_iter().find(|copy| {
            copy.account == self.account.id
                && copy.chat == self.chat.key
                && !copy.key.native.as_str().is_empty()
        })
    }

    /// A copy that we made ourselves: only those can be changed or taken back.
    async fn our_copy(&self, id: MessageId) -> Option<CopyNote> {
        self.any_copy(id).await.filter(|copy| copy.delivery.is_some())
    }

    pub(crate) fn language(&self) -> Language {
        match self.claim.delivery.recipient {
            Recipient::Room(_) => self.pieces.settings.language,
            Recipient::Person(id) => self.pieces.language_of(id),
        }
    }

    /// The author's name, network and picture; none when the hub itself speaks.
    fn speaker(&self, author: Author) -> Option<(String, Option<Network>, Option<Box<str>>)> {
        let language = self.language();
        self.pieces.read(|directory| {
            let name = author_name(directory, author, language)?;
            let Author::Address(id) = author else {
                return Some((name, None, None));
            };
            let address = directory.address(id)?;
            Some((name, directory.network_of(address.account), address.icon_url.clone()))
        })
    }

    /// The conversation's title, where the reader has several in one direct chat.
    fn place(&self, conversation: ConversationId) -> Option<String> {
        let Recipient::Person(reader) = self.claim.delivery.recipient else {
            return None;
        };
        if conversation == HUB_CONVERSATION {
            return None;
        }
        let language = self.pieces.language_of(reader);
        self.pieces.read(|directory| {
            let direct = directory
                .conversation(conversation)
                .is_some_and(|c| c.kind == ConversationKind::Direct);
            let several = directory.conversations_of(reader).len() > 1;
            (several && !direct).then(|| talk::title(directory, conversation, reader, language))
        })
    }
}

/// The same for an author for ever, whatever becomes of the directory.
pub(crate) fn author_key(
    pieces: &Pieces,
    directory: &Directory,
    author: Author,
) -> Option<AuthorKey> {
    let (word, user) = match author {
        Author::Hub => return None,
        Author::Person(id) => ("ieum", id.to_string()),
        Author::Address(id) => {
            let address = directory.address(id)?;
            let network = directory.network_of(address.account)?;
            (network.word(), address.user.as_str().to_owned())
        }
    };
    let digest = u128::from_be_bytes(native_salt(pieces, "author", word, &user));
    Some(AuthorKey::new(format!("{word}_{digest:032x}")))
}

/// What an author is called; none when the hub itself speaks.
pub(crate) fn author_name(
    directory: &Directory,
    author: Author,
    language: Language,
) -> Option<String> {
    let named = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    let person = author_person(directory, author).and_then(|id| directory.person(id));
    let known = person.and_then(|person| named(&person.name));
    match author {
        Author::Hub => None,
        Author::Person(PersonId(id)) => Some(known.unwrap_or_else(|| nameless(id, language))),
        Author::Address(id) => {
            let address = directory.address(id)?;
            let name = known.or_else(|| named(&address.name));
            Some(name.unwrap_or_else(|| nameless(id.0, language)))
        }
    }
}

/// The words of a message, for a quote or a digest.
pub(crate) fn text_of(message: &Message) -> String {
    let Ok(content) = Content::decode(&message.new.content) else {
        return String::new();
    };
    match content.what() {
        What::Text(text) | What::Edit { text, .. } => text.to_owned(),
        What::Reaction { emoji, .. } => emoji.to_owned(),
        What::File { file, .. } => file.filename.clone(),
        What::Withdrawal { .. } | What::ReactionWithdrawal { .. } | What::Other => String::new(),
    }
}
