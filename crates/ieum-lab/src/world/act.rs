//! What people do in their apps: write, edit, withdraw, react, tap.

use ieum_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::error::WorldError;
use super::event::{Told, What};
use super::message::{BOT, Draft, Kind, Media, Mention, Message, utf16_len};
use super::people::{User, direct_id};
use super::screen::Change;
use crate::fault::cell::Function;
use crate::fault::{Asked, Verdict};
use crate::network::{Network, Surface};

/// UTF-16 units that a person may write in one message on Telegram.
const TELEGRAM_UNITS_MAX: usize = 4_096;
/// The same on KakaoTalk and LINE.
const OTHERS_UNITS_MAX: usize = 10_000;

/// A person writes.
#[derive(Debug, Clone)]
pub struct Say {
    /// The network.
    pub network: Network,
    /// Who, by short name or wire id.
    pub user: String,
    /// Where; the direct chat with our bot when absent.
    pub room: Option<String>,
    /// The words.
    pub text: String,
    /// What it is; words by default.
    pub kind: Kind,
    /// What hangs on it.
    pub media: Option<Media>,
    /// The wire id of the message that it answers.
    pub reply_to: Option<String>,
    /// Who is mentioned, by short name (`bot` for our bot, `all` for everybody). A text that
    /// begins with `@` and the bot's name mentions it anyway.
    pub mention: Vec<String>,
    /// From which surface; the phone where there is one.
    pub surface: Option<Surface>,
}

impl Say {
    /// Plain words.
    #[must_use]
    pub fn text(network: Network, user: &str, room: Option<&str>, text: &str) -> Self {
        Self {
            network,
            user: user.to_owned(),
            room: room.map(str::to_owned),
            text: text.to_owned(),
            kind: Kind::Text,
            media: None,
            reply_to: None,
            mention: Vec::new(),
            surface: None,
        }
    }
}

/// What became of what a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The message's id on the wire; absent while it is late.
    pub message: Option<String>,
    /// `sent`, `late` (the network is slow) or `lost` (the app says sent, nobody ever sees it).
    pub state: &'static str,
    /// What our bot gets of it.
    pub bot: Told,
}

/// A person edits an own message.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// The network.
    pub network: Network,
    /// Who.
    pub user: String,
    /// Where; the direct chat with our bot when absent.
    #[serde(default)]
    pub room: Option<String>,
    /// The wire id of the message.
    pub message: String,
    /// The new words.
    pub text: String,
}

/// A person withdraws an own message.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdraw {
    /// The network.
    pub network: Network,
    /// Who.
    pub user: String,
    /// Where; the direct chat with our bot when absent.
    #[serde(default)]
    pub room: Option<String>,
    /// The wire id of the message.
    pub message: String,
}

/// A person reacts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct React {
    /// The network.
    pub network: Network,
    /// Who.
    pub user: String,
    /// Where; the direct chat with our bot when absent.
    #[serde(default)]
    pub room: Option<String>,
    /// The wire id of the message.
    pub message: String,
    /// The reaction; absent to take it back.
    #[serde(default)]
    pub emoji: Option<String>,
}

/// A person taps a button under a message of our bot.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tap {
    /// The network.
    pub network: Network,
    /// Who.
    pub user: String,
    /// Where; the direct chat with our bot when absent.
    #[serde(default)]
    pub room: Option<String>,
    /// The wire id of the message.
    pub message: String,
    /// What is written on the button.
    pub button: String,
}

/// What a slow network has taken but not yet passed on.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    chat: (Network, String),
    author: String,
    draft: Draft,
}

impl World {
    /// A person writes. Fails with [`WorldError::NotSent`] where the app cannot send now.
    pub fn say(&mut self, say: Say) -> Result<Said, WorldError> {
        self.advance();
        let user = self.member(say.network, &say.user, say.room.as_deref())?.clone();
        let chat = self.chat_of(&user, say.room.as_deref())?;
        let surface = pick_surface(&user, say.surface)?;
        let key = (say.network, chat.clone());
        let draft = self.drafted(say, &user, &chat)?;
        let verdict = self.verdict_for(&user, &chat, surface, draft.kind.is_media());
        let why = |why| WorldError::NotSent { network: user.network, surface, why };
        match verdict {
            Verdict::Refuse { .. } => Err(why("cannot send now")),
            Verdict::Hang { .. } => Err(why("gives no answer")),
            Verdict::Blackhole => Ok(self.lose(&key, &user.id, draft)),
            Verdict::Delay { ms } => Ok(self.put_off(&key, &user.id, draft, ms)),
            Verdict::Pass => Ok(self.publish(&key, &user.id, draft, 1)),
            Verdict::Duplicate => Ok(self.publish(&key, &user.id, draft, 2)),
        }
    }

    /// A person edits an own message (LINE: in groups; Telegram: anywhere; KakaoTalk: no).
    pub fn edit(&mut self, edit: &Edit) -> Result<Told, WorldError> {
        self.advance();
        if edit.network == Network::Kakaotalk {
            return Err(WorldError::Unsupported { network: edit.network, what: "edit messages" });
        }
        let (chat, user, key) =
            self.own(edit.network, &edit.user, edit.room.as_deref(), &edit.message)?;
        self.rewrite(key, &edit.text);
        self.broadcast(&chat, &user, &Change::Edit(key, edit.text.clone()));
        Ok(self.emit(chat.0, &chat.1, &user, What::Edited(key)))
    }

    /// A person withdraws an own message.
    pub fn withdraw(&mut self, withdraw: &Withdraw) -> Result<Told, WorldError> {
        self.advance();
        let (chat, user, key) = self.own(
            withdraw.network,
            &withdraw.user,
            withdraw.room.as_deref(),
            &withdraw.message,
        )?;
        self.erase(key);
        self.broadcast(&chat, &user, &Change::Withdraw(key));
        Ok(self.emit(chat.0, &chat.1, &user, What::Withdrawn(key)))
    }

    /// A person reacts, or takes a reaction back.
    pub fn react(&mut self, react: &React) -> Result<Told, WorldError> {
        self.advance();
        let user = self.member(react.network, &react.user, react.room.as_deref())?.clone();
        let chat = (react.network, self.chat_of(&user, react.room.as_deref())?);
        let key = self.message_key(&chat, &react.message)?;
        let old = self.set_reaction(&chat, key, &user.id, react.emoji.clone());
        let new = react.emoji.clone();
        let what = What::Reacted { message: key, user: user.id.clone(), old, new };
        Ok(self.emit(chat.0, &chat.1, &user.id, what))
    }

    /// A person taps a button.
    pub fn tap(&mut self, tap: &Tap) -> Result<Told, WorldError> {
        self.advance();
        let user = self.member(tap.network, &tap.user, tap.room.as_deref())?.clone();
        let chat = (tap.network, self.chat_of(&user, tap.room.as_deref())?);
        let key = self.message_key(&chat, &tap.message)?;
        let message = self.messages.get(&key);
        let button = message
            .and_then(|message| message.buttons.iter().find(|one| one.label == tap.button))
            .cloned()
            .ok_or_else(|| WorldError::Bad { what: format!("no button {:?}", tap.button) })?;
        if button.action == "message" {
            let says_value = tap.network == Network::Line && !button.value.is_empty();
            let words = if says_value { button.value } else { button.label };
            let mut say = Say::text(tap.network, &user.id, Some(&chat.1), &words);
            if tap.network == Network::Kakaotalk {
                say.mention = vec![BOT.to_owned()];
            }
            return self.say(say).map(|said| said.bot);
        }
        let what = What::Tapped {
            message: key,
            user: user.id.clone(),
            label: button.label,
            action: button.action,
            value: button.value,
        };
        Ok(self.emit(chat.0, &chat.1, &user.id, what))
    }

    /// The wire id of the newest message of a chat, if any.
    #[must_use]
    pub fn last_message(&self, network: Network, chat: &str) -> Option<&Message> {
        let mut newest = self.messages.values().rev();
        newest.find(|message| message.network == network && message.chat == chat)
    }

    /// Passes on what a slow network had taken.
    pub(crate) fn release_late(&mut self, now: Timestamp) {
        while let Some((due, number)) = self.late.keys().next().copied() {
            if due > now {
                return;
            }
            if let Some(late) = self.late.remove(&(due, number)) {
                self.publish(&late.chat, &late.author, late.draft, 1);
            }
        }
    }

    fn publish(
        &mut self,
        chat: &(Network, String),
        author: &str,
        draft: Draft,
        times: usize,
    ) -> Said {
        let key = self.keep(chat, author, draft);
        let message = self.messages.get(&key).map(|message| message.native.clone());
        let mut bot = Told::NotTold;
        for time in 0..times {
            match time {
                0 => self.broadcast(chat, author, &Change::Show(key)),
                _ => self.broadcast_again(chat, author, &Change::Show(key)),
            }
            bot = self.emit(chat.0, &chat.1, author, What::Message(key));
        }
        Said { message, state: "sent", bot }
    }

    fn lose(&mut self, chat: &(Network, String), author: &str, draft: Draft) -> Said {
        let key = self.keep(chat, author, draft);
        let message = self.messages.get(&key).map(|message| message.native.clone());
        self.show_to(chat, author, key);
        Said { message, state: "lost", bot: Told::Swallowed }
    }

    fn put_off(&mut self, chat: &(Network, String), author: &str, draft: Draft, ms: u64) -> Said {
        let due = self.now().plus_ms(ms);
        let number = self.count();
        let late = Late { chat: chat.clone(), author: author.to_owned(), draft };
        self.late.insert((due, number), late);
        self.bells.pump().notify_one();
        Said { message: None, state: "late", bot: Told::Withheld }
    }

    fn verdict_for(&self, user: &User, chat: &str, surface: Surface, media: bool) -> Verdict {
        let functions = [Function::Send, Function::Media];
        let asked = Asked {
            network: user.network,
            functions: functions.get(..if media { 2 } else { 1 }).unwrap_or(&functions),
            surface,
            room: chat,
            user: &user.id,
            carrier: &user.carrier,
        };
        Verdict::of(self.faults.hit(&asked, self.now()), self.draw())
    }

    fn drafted(&self, say: Say, user: &User, chat: &str) -> Result<Draft, WorldError> {
        let reply_to = match &say.reply_to {
            Some(native) => Some(self.message_key(&(say.network, chat.to_owned()), native)?),
            None => None,
        };
        let (text, mentions) = self.mentioned(say.network, &say.mention, say.text)?;
        let units_max = match say.network {
            Network::Telegram => TELEGRAM_UNITS_MAX,
            Network::Kakaotalk | Network::Line => OTHERS_UNITS_MAX,
        };
        if utf16_len(&text) > units_max {
            let what = format!("the app of {} takes {units_max} UTF-16 units", user.network);
            return Err(WorldError::Bad { what });
        }
        if text.is_empty() && say.kind == Kind::Text {
            return Err(WorldError::Bad { what: "text is empty".to_owned() });
        }
        let media = say.media;
        Ok(Draft { kind: say.kind, text, reply_to, mentions, media, ..Draft::default() })
    }

    /// Puts the mentions before the words, as the apps do when a name is picked from the list.
    fn mentioned(
        &self,
        network: Network,
        who: &[String],
        text: String,
    ) -> Result<(String, Vec<Mention>), WorldError> {
        let bot = self.bot(network);
        let bot_name = if network == Network::Telegram { &bot.username } else { &bot.name };
        let at_bot = format!("@{bot_name}");
        if who.iter().all(|one| one == BOT) && text.starts_with(&at_bot) {
            let mention = Mention { user: BOT.to_owned(), index: 0, length: utf16_len(&at_bot) };
            return Ok((text, vec![mention]));
        }
        let mut prefix = String::new();
        let mut mentions = Vec::new();
        for one in who {
            let (user, name) = match one.as_str() {
                BOT => (BOT.to_owned(), bot_name.clone()),
                "all" => ("all".to_owned(), "All".to_owned()),
                other => {
                    let found = self.find_user(network, other);
                    let user = found.ok_or_else(|| no_user(network, other))?;
                    (user.id.clone(), user.name.clone())
                }
            };
            let index = utf16_len(&prefix);
            prefix.push('@');
            prefix.push_str(&name);
            mentions.push(Mention { user, index, length: utf16_len(&name) + 1 });
            prefix.push(' ');
        }
        Ok((prefix + &text, mentions))
    }

    /// The user, if they are in the chat.
    pub(crate) fn member(
        &self,
        network: Network,
        user: &str,
        room: Option<&str>,
    ) -> Result<&User, WorldError> {
        let found = self.find_user(network, user).ok_or_else(|| no_user(network, user))?;
        let chat = self.chat_of(found, room)?;
        let is_member = self
            .chats
            .get(&(network, chat.clone()))
            .is_some_and(|chat| chat.members.contains(&found.id));
        if is_member {
            Ok(found)
        } else {
            Err(WorldError::NotMember { user: found.id.clone(), room: chat })
        }
    }

    /// The short name of the chat that a user means.
    pub(crate) fn chat_of(&self, user: &User, room: Option<&str>) -> Result<String, WorldError> {
        let Some(room) = room else {
            let bad = |what: &str| Err(WorldError::Bad { what: what.to_owned() });
            return match (user.follows, user.blocked) {
                (_, true) => bad("the user has blocked our bot"),
                (false, _) => bad("the user has not added our bot; POST /follow does that"),
                (true, false) => Ok(direct_id(&user.id)),
            };
        };
        let chat = self
            .find_chat(user.network, room)
            .ok_or_else(|| WorldError::NoRoom { network: user.network, room: room.to_owned() })?;
        Ok(chat.id.clone())
    }

    pub(crate) fn message_key(
        &self,
        chat: &(Network, String),
        native: &str,
    ) -> Result<u64, WorldError> {
        let found = self.find_message(chat.0, &chat.1, native);
        let missing = || WorldError::NoMessage { message: native.to_owned() };
        found.map(|message| message.key).ok_or_else(missing)
    }

    fn own(
        &self,
        network: Network,
        user: &str,
        room: Option<&str>,
        native: &str,
    ) -> Result<((Network, String), String, u64), WorldError> {
        let user = self.member(network, user, room)?;
        let chat = (network, self.chat_of(user, room)?);
        let key = self.message_key(&chat, native)?;
        let is_own = self.messages.get(&key).is_some_and(|message| message.author == user.id);
        if is_own {
            Ok((chat, user.id.clone(), key))
        } else {
            Err(WorldError::NotAuthor { user: user.id.clone(), message: native.to_owned() })
        }
    }
}

fn no_user(network: Network, user: &str) -> WorldError {
    WorldError::NoUser { network, user: user.to_owned() }
}

fn pick_surface(user: &User, wished: Option<Surface>) -> Result<Surface, WorldError> {
    let first = user.surfaces.iter().find(|surface| user.signed_in.contains(surface));
    let surface = match wished {
        Some(surface) if !user.surfaces.contains(&surface) => {
            let what = format!("{:?} does not use {} on {surface}", user.id, user.network);
            return Err(WorldError::Bad { what });
        }
        Some(surface) => surface,
        None => first.or_else(|| user.surfaces.first()).copied().unwrap_or(Surface::Mobile),
    };
    if user.signed_in.contains(&surface) {
        return Ok(surface);
    }
    Err(WorldError::NotSent { network: user.network, surface, why: "is signed out" })
}
