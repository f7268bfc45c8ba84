//! Hearing: what somebody said, as canonical content, and in which conversation they meant it.

use crate::calling::Heard;
use crate::compose::{native_salt, uris};
use crate::identify::{Place, Scene, short};
use crate::intake::Taking;
use crate::notices::{self, HUB_CONVERSATION};
use crate::pieces::Pieces;
use crate::talk::{Meaning, meaning};
use crate::told::{ReplyPlace, remember_unreadable};
use ieum_core::content::{Content, MessageId, What};
use ieum_core::directory::{Change, Language};
use ieum_core::ids::{AddressId, ConversationId, NativeMessageId};
use ieum_core::inbound::{FileKind, FileNote, Inbound, InboundKind, InboundMessage, Unreadable};
use ieum_core::media::{MediaId, PLACE_BYTES_MAX, Wanted, tidy_name};
use ieum_core::message::{Author, NewMessage, Source};
use ieum_core::network::NameSource;
use ieum_core::ports::store::StoreFailure;

/// Longest text that is taken from a network, in bytes; networks' own limits are far below.
const TEXT_BYTES_MAX: usize = 128 * 1024;
/// Longest name that somebody may tell us, in characters.
const TOLD_NAME_CHARS_MAX: usize = 20;

impl Taking<'_> {
    /// The canonical content of what was said, and where it belongs.
    pub(crate) async fn said(
        &self,
        event: &Inbound,
        scene: Scene,
    ) -> Result<Option<Said>, StoreFailure> {
        match &event.kind {
            InboundKind::Message(message) if message.text.len() <= TEXT_BYTES_MAX => {
                self.message(event, message, scene).await
            }
            InboundKind::Edit { native, text, marks } => {
                // Not every network keeps people from changing each other's words.
                let said = self.earlier(event, native).await?;
                let Some(target) = said.filter(|said| said.author == author(scene)) else {
                    return Ok(None);
                };
                let uris = uris(author(scene), target.conversation);
                let salt = self.salt(event, event.event.as_str());
                let heard = self.heard(target.conversation);
                let (text, marks) = heard.marked((text, marks), text.clone());
                let content = Content::text(salt, &uris.sender, &uris.room, &text);
                let content = content.marked(&text, &marks).replacing(target.id);
                Ok(Some(Said::new(target.conversation, content)))
            }
            InboundKind::Withdrawal { native } => {
                // What is gone where it was said, by whoever leads there, is gone for all. A copy
                // of ours that somebody takes away is theirs alone.
                let said = self.earlier(event, native).await?;
                let may = |said: &Earlier| said.is_there || said.author == author(scene);
                let Some(target) = said.filter(may) else {
                    return Ok(None);
                };
                let uris = uris(author(scene), target.conversation);
                let salt = self.salt(event, event.event.as_str());
                let content = match target.reacts_to {
                    Some(to) => {
                        Content::reaction_withdrawal(salt, &uris.sender, &uris.room, target.id, to)
                    }
                    None => Content::withdrawal(salt, &uris.sender, &uris.room, target.id),
                };
                Ok(Some(Said::new(target.conversation, content)))
            }
            InboundKind::Reaction { native, emoji, own } => {
                let standing = own.clone().unwrap_or_else(|| standing(event, native));
                Box::pin(self.reaction(event, native, standing, emoji.as_deref(), scene)).await
            }
            InboundKind::Unreadable(why) => Ok(self.cannot_read(*why, scene)),
            InboundKind::Button { payload } => {
                let message =
                    InboundMessage { text: payload.to_string(), ..InboundMessage::default() };
                self.message(event, &message, scene).await
            }
            InboundKind::WeJoined => Ok(self.greeting(scene)),
            InboundKind::Message(_)
            | InboundKind::PeopleJoined(_)
            | InboundKind::PeopleLeft(_)
            | InboundKind::WeLeft
            | InboundKind::Migrated { .. }
            | InboundKind::Receipt { .. } => Ok(None),
        }
    }

    async fn message(
        &self,
        event: &Inbound,
        message: &InboundMessage,
        scene: Scene,
    ) -> Result<Option<Said>, StoreFailure> {
        let answered = match &message.reply_to {
            Some(native) => self.earlier(event, native).await?,
            None => None,
        };
        if let (Some(name), Some(address)) = (self.told_name(&message.text), scene.address) {
            let answer = Box::pin(self.rename(address, name)).await?;
            return Ok(Some(Said::answer(self.pieces, answer)));
        }
        if let Some(answer) = self.for_the_hub(event, message, scene).await? {
            return Ok(Some(Said::answer(self.pieces, answer)));
        }
        let Some(meant) = self.meant(message, scene, answered).await? else {
            return Ok(None);
        };
        let (conversation, text) = match meant {
            Meaning::Say { conversation, text, .. } => (conversation, text),
            Meaning::Answer(answer) | Meaning::Turn { answer, .. } => {
                return Ok(Some(Said::answer(self.pieces, answer)));
            }
        };
        let native = if message.native.as_str().is_empty() {
            event.event.as_str()
        } else {
            message.native.as_str()
        };
        let uris = uris(author(scene), conversation);
        let salt = self.salt(event, native);
        let wanted = message.file.as_ref().and_then(|file| self.wanted(event, native, file));
        let media = wanted.as_ref().map(|wanted| wanted.id);
        let heard = self.heard(conversation);
        let (text, marks) = heard.marked((&message.text, &message.marks), text);
        let content = match &message.file {
            Some(file) => Content::file(salt, &uris.sender, &uris.room, (file, media), &text),
            None => Content::text(salt, &uris.sender, &uris.room, &text),
        };
        let mut content = content.marked(&text, &marks);
        if let Some(answered) = answered.filter(|earlier| earlier.conversation == conversation) {
            content = content.reply_to(answered.id);
        }
        let source = Source {
            account: self.account.id,
            chat: event.chat.key.clone(),
            native: NativeMessageId::new(native),
            quote: message.quote.clone(),
        };
        Ok(Some(Said { source: Some(source), wanted, ..Said::new(conversation, content) }))
    }

    fn heard(&self, conversation: ConversationId) -> Heard<'_> {
        Heard { pieces: self.pieces, account: self.account, conversation }
    }

    /// What is to be fetched of a message's file.
    fn wanted(&self, event: &Inbound, native: &str, file: &FileNote) -> Option<Wanted> {
        let place = file.place.as_ref().filter(|place| place.len() <= PLACE_BYTES_MAX)?;
        if file.kind == FileKind::Place {
            return None;
        }
        let (account, chat) = (self.account.id, event.chat.key.as_str());
        Some(Wanted {
            id: MediaId::of_native(&self.pieces.secret, account, chat, native),
            account,
            place: place.clone(),
            kind: file.kind,
            name: tidy_name(file.name.as_deref().unwrap_or_default()).into(),
            duration_ms: file.duration_ms,
            at: self.now,
        })
    }

    /// What the hub answers to words that are for itself.
    async fn for_the_hub(
        &self,
        event: &Inbound,
        message: &InboundMessage,
        scene: Scene,
    ) -> Result<Option<String>, StoreFailure> {
        if message.file.is_some() {
            return Ok(None);
        }
        match (scene.place, scene.address) {
            (Place::Direct(person), Some(address)) => {
                let quotes = message.reply_to.is_some();
                self.commanded(event, &message.text, (person, address), quotes).await
            }
            (Place::Room(room, _), Some(address)) => {
                self.room_said(&message.text, room, address).await
            }
            (Place::Direct(_) | Place::Room(..), None) => Ok(None),
        }
    }

    /// `이름 민지`: the name that somebody wants to be seen by, where the network tells none.
    fn told_name<'t>(&self, text: &'t str) -> Option<&'t str> {
        let asked = self.account.connector.capabilities().names == NameSource::AskedOnce;
        let words = text.trim();
        let name = ["이름 ", "name "].iter().find_map(|word| words.strip_prefix(word))?.trim();
        let plain = !name.is_empty()
            && name.chars().count() <= TOLD_NAME_CHARS_MAX
            && name.chars().all(|c| c.is_alphanumeric() || c == ' ');
        (asked && plain).then_some(name)
    }

    async fn rename(&self, address: AddressId, name: &str) -> Result<String, StoreFailure> {
        self.pieces
            .change(|directory| {
                let mut changes = Vec::new();
                let found = directory.address(address).cloned();
                let person = found.as_ref().and_then(|address| address.person);
                if let Some(mut address) = found {
                    address.name = short(name);
                    changes.push(Change::Address(address));
                }
                let person = person.and_then(|id| directory.person(id)).cloned();
                if let Some(mut person) = person.filter(|person| person.name.is_empty()) {
                    person.name = short(name);
                    changes.push(Change::Person(person));
                }
                (changes, ())
            })
            .await?;
        Ok(notices::named(name, self.pieces.settings.language))
    }

    /// Which conversation is meant, and with which words.
    async fn meant(
        &self,
        message: &InboundMessage,
        scene: Scene,
        answered: Option<Earlier>,
    ) -> Result<Option<Meaning>, StoreFailure> {
        let (person, address) = match (scene.place, scene.address) {
            (Place::Room(_, conversation), _) => {
                let text = message.text.clone();
                return Ok(conversation.map(|conversation| Meaning::Say {
                    conversation,
                    text,
                    switch: false,
                }));
            }
            (Place::Direct(person), Some(address)) => (person, address),
            (Place::Direct(_), None) => return Ok(None),
        };
        let quoted = answered.map(|earlier| earlier.conversation);
        let meant = self
            .pieces
            .read(|directory| meaning(directory, person, address, &message.text, quoted));
        if let Meaning::Say { conversation, switch: true, .. }
        | Meaning::Turn { conversation, .. } = &meant
        {
            self.switch(address, *conversation).await?;
        }
        Ok(Some(meant))
    }

    async fn switch(&self, address: AddressId, to: ConversationId) -> Result<(), StoreFailure> {
        self.pieces
            .change(|directory| {
                let address = directory.address(address).filter(|a| a.current != Some(to));
                let change = address.cloned().map(|mut address| {
                    address.current = Some(to);
                    Change::Address(address)
                });
                (change.into_iter().collect(), ())
            })
            .await
    }

    async fn reaction(
        &self,
        event: &Inbound,
        native: &NativeMessageId,
        standing: NativeMessageId,
        emoji: Option<&str>,
        scene: Scene,
    ) -> Result<Option<Said>, StoreFailure> {
        let Some(target) = self.earlier(event, native).await? else {
            return Ok(None);
        };
        let uris = uris(author(scene), target.conversation);
        let salt = self.salt(event, event.event.as_str());
        let content = match emoji {
            Some(emoji) => Content::reaction(salt, &uris.sender, &uris.room, target.id, emoji),
            None => {
                let Some(earlier) = self.earlier(event, &standing).await? else {
                    return Ok(None);
                };
                Content::reaction_withdrawal(salt, &uris.sender, &uris.room, earlier.id, target.id)
            }
        };
        let source = emoji.map(|_| Source {
            account: self.account.id,
            chat: event.chat.key.clone(),
            native: standing,
            quote: None,
        });
        Ok(Some(Said { source, ..Said::new(target.conversation, content) }))
    }

    fn greeting(&self, scene: Scene) -> Option<Said> {
        let Place::Direct(person) = scene.place else {
            return None;
        };
        let language = self.pieces.read(|directory| {
            directory.person(person).map_or(Language::Ko, |person| person.language)
        });
        Some(Said::answer(self.pieces, notices::help(language).to_owned()))
    }

    /// Tells where it was said that the hub cannot read it, once in a while.
    fn cannot_read(&self, why: Unreadable, scene: Scene) -> Option<Said> {
        let place = match scene.place {
            Place::Room(room, _) => ReplyPlace::Room(room),
            Place::Direct(person) => ReplyPlace::Person(person, scene.address?),
        };
        let due = remember_unreadable(self.account, place, self.pieces.now());
        let text = notices::unreadable(why, self.pieces.settings.language);
        due.then(|| Said::answer(self.pieces, text.to_owned()))
    }

    fn salt(&self, event: &Inbound, native: &str) -> [u8; 16] {
        native_salt(self.pieces, self.account.network.word(), event.chat.key.as_str(), native)
    }

    /// The message of ours that a native id stands for, in this arrival or in the store.
    async fn earlier(
        &self,
        event: &Inbound,
        native: &NativeMessageId,
    ) -> Result<Option<Earlier>, StoreFailure> {
        let here = self.before.iter().rev().find_map(|taken| {
            let message = taken.admission.message.as_ref()?;
            let source = message.source.as_ref()?;
            let same = source.chat == event.chat.key && source.native == *native;
            same.then(|| Earlier::of(message, true))
        });
        if here.is_some() {
            return Ok(here);
        }
        let (account, chat) = (self.account.id, event.chat.key.clone());
        let found = self.pieces.store.message_by_copy(account, chat, native.clone()).await?;
        Ok(found.map(|message| {
            let source = message.new.source.as_ref();
            let is_there = source.is_some_and(|source| {
                source.account == account
                    && source.chat == event.chat.key
                    && source.native == *native
            });
            Earlier::of(&message.new, is_there)
        }))
    }
}

/// Under which id a reaction is kept that its network gives none.
fn standing(event: &Inbound, native: &NativeMessageId) -> NativeMessageId {
    let who = event.sender.as_ref().map_or("", |sender| sender.key.as_str());
    NativeMessageId::new(format!("{}#{who}", native.as_str()))
}

#[derive(Debug, Clone, Copy)]
struct Earlier {
    id: MessageId,
    conversation: ConversationId,
    author: Author,
    /// The message that it reacts to, where it is a reaction.
    reacts_to: Option<MessageId>,
    /// It was said there, and is no copy of ours.
    is_there: bool,
}

impl Earlier {
    fn of(message: &NewMessage, is_there: bool) -> Self {
        let content = Content::decode(&message.content).ok();
        let reacts_to = content.as_ref().and_then(|content| match content.what() {
            What::Reaction { target, .. } => Some(target),
            What::Text(_)
            | What::Edit { .. }
            | What::Withdrawal { .. }
            | What::ReactionWithdrawal { .. }
            | What::File { .. }
            | What::Other => None,
        });
        let NewMessage { id, conversation, author, .. } = *message;
        Self { id, conversation, author, reacts_to, is_there }
    }
}

/// What was said, before it is sealed.
pub(crate) struct Said {
    pub(crate) conversation: ConversationId,
    pub(crate) content: Content,
    pub(crate) source: Option<Source>,
    pub(crate) answer: Option<String>,
    /// The file to fetch for it.
    pub(crate) wanted: Option<Wanted>,
}

impl Said {
    fn new(conversation: ConversationId, content: Content) -> Self {
        Self { conversation, content, source: None, answer: None, wanted: None }
    }

    pub(crate) fn answer(pieces: &Pieces, text: String) -> Self {
        let uris = uris(Author::Hub, HUB_CONVERSATION);
        let content = Content::text(pieces.entropy.next_16(), &uris.sender, &uris.room, &text);
        Self { answer: Some(text), ..Self::new(HUB_CONVERSATION, content) }
    }
}

pub(crate) fn author(scene: Scene) -> Author {
    scene.address.map_or(Author::Hub, Author::Address)
}
