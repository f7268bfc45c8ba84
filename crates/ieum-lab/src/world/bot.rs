//! What our bot does in a chat, and how messages of people and of the bot are kept.

use super::World;
use super::message::{BOT, Draft, Message};
use super::people::{Chat, ChatKind};
use super::screen::Change;
use crate::network::{Network, Surface};

/// How a message of our bot reaches the screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// As it should.
    Once,
    /// Twice.
    Twice,
    /// Never: the network said yes and lost it.
    Nowhere,
}

impl World {
    /// Our bot writes into a chat. `None` when there is no such chat; the caller has checked the
    /// network's own rules.
    pub fn bot_send(
        &mut self,
        network: Network,
        chat: &str,
        draft: Draft,
        how: Posted,
    ) -> Option<&Message> {
        self.advance();
        let place = (network, self.find_chat(network, chat)?.id.clone());
        let key = self.keep(&place, BOT, draft);
        let times = match how {
            Posted::Once => 1,
            Posted::Twice => 2,
            Posted::Nowhere => 0,
        };
        for _ in 0..times {
            self.broadcast(&place, "", &Change::Show(key));
        }
        self.messages.get(&key)
    }

    pub(crate) fn bot_edit(&mut self, key: u64, text: &str) {
        let Some(place) = self.place_of(key) else {
            return;
        };
        self.rewrite(key, text);
        self.broadcast(&place, "", &Change::Edit(key, text.to_owned()));
    }

    pub(crate) fn bot_delete(&mut self, key: u64) {
        let Some(place) = self.place_of(key) else {
            return;
        };
        self.erase(key);
        self.broadcast(&place, "", &Change::Withdraw(key));
    }

    /// Sets or takes back a reaction; gives the one that was there before.
    pub(crate) fn set_reaction(
        &mut self,
        chat: &(Network, String),
        key: u64,
        who: &str,
        emoji: Option<String>,
    ) -> Option<String> {
        let message = self.messages.get_mut(&key)?;
        let old = match &emoji {
            Some(emoji) => message.reactions.insert(who.to_owned(), emoji.clone()),
            None => message.reactions.remove(who),
        };
        self.broadcast(chat, who, &Change::React(key, who.to_owned(), emoji));
        old
    }

    /// Keeps a new message and gives its key. Nobody sees it yet.
    pub(crate) fn keep(&mut self, chat: &(Network, String), author: &str, draft: Draft) -> u64 {
        let key = self.count();
        let native = self.next_native(chat);
        let message = Message {
            key,
            network: chat.0,
            chat: chat.1.clone(),
            native: native.clone(),
            author: author.to_owned(),
            kind: draft.kind,
            text: draft.text,
            sent_at: self.now(),
            reply_to: draft.reply_to,
            quote: draft.quote,
            sender: draft.sender,
            buttons: draft.buttons,
            mentions: draft.mentions,
            media: draft.media,
            edited_at: None,
            withdrawn: false,
            reactions: std::collections::BTreeMap::new(),
        };
        self.by_native.insert((chat.0, chat.1.clone(), native), key);
        self.messages.insert(key, message);
        key
    }

    /// Shows a message to its author alone.
    pub(crate) fn show_to(&mut self, chat: &(Network, String), author: &str, key: u64) {
        let person = (chat.0, author.to_owned());
        let now = self.now();
        let surface = self.users.get(&person).and_then(|user| user.surfaces.first().copied());
        self.show_now(&person, surface.unwrap_or(Surface::Mobile), now, key);
    }

    pub(crate) fn rewrite(&mut self, key: u64, text: &str) {
        let now = self.now();
        if let Some(message) = self.messages.get_mut(&key) {
            text.clone_into(&mut message.text);
            message.edited_at = Some(now);
            message.mentions.clear();
        }
    }

    pub(crate) fn erase(&mut self, key: u64) {
        if let Some(message) = self.messages.get_mut(&key) {
            message.withdrawn = true;
        }
    }

    pub(crate) fn place_of(&self, key: u64) -> Option<(Network, String)> {
        self.messages.get(&key).map(|message| (message.network, message.chat.clone()))
    }

    /// A new id in the form of the network. KakaoTalk's stays below 2^53 so that every JSON
    /// reader keeps it whole; Telegram counts in each supergroup apart.
    fn next_native(&mut self, chat: &(Network, String)) -> String {
        let now_ms = u64::try_from(self.now().0).unwrap_or(0);
        match chat.0 {
            Network::Kakaotalk => {
                let id = self.kakaotalk.last_message_id.max(now_ms * 1_000) + 1;
                self.kakaotalk.last_message_id = id;
                id.to_string()
            }
            Network::Line => {
                let id = self.line.last_message_id.max(LINE_ID_MIN + now_ms * 1_000) + 1;
                self.line.last_message_id = id;
                id.to_string()
            }
            Network::Telegram => {
                let apart = self.chats.get(chat).is_some_and(is_supergroup);
                let counter = if apart { chat.1.as_str() } else { "" };
                let last = self.telegram.last_message_ids.entry(counter.to_owned()).or_insert(0);
                *last += 1;
                last.to_string()
            }
        }
    }
}

/// Message ids of LINE have 18 digits.
const LINE_ID_MIN: u64 = 450_000_000_000_000_000;

fn is_supergroup(chat: &Chat) -> bool {
    chat.kind == ChatKind::Supergroup
}
