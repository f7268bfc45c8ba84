//! How people and rooms come to be and change: create, join, leave, follow, block, sign in.

use super::World;
use super::error::WorldError;
use super::event::What;
use super::people::{Chat, ChatKind, NewRoom, NewUser, User, direct_id};
use crate::network::{Network, Surface};

/// Users and rooms that one network may have.
const ENTRIES_MAX: usize = 200_000;
/// The longest short name, in bytes.
const ID_BYTES_MAX: usize = 128;

impl World {
    /// Creates a person with the direct chat to our bot. Our bot is told nothing.
    pub fn add_user(&mut self, new: NewUser) -> Result<&User, WorldError> {
        self.check_id(&new.id)?;
        let key = (new.network, new.id.clone());
        if self.users.contains_key(&key) {
            return Err(WorldError::Taken { id: new.id });
        }
        let native = match new.native {
            Some(native) => self.checked_user_native(new.network, native)?,
            None => self.new_user_native(new.network),
        };
        let surfaces = new.surfaces.unwrap_or_else(Self::surfaces_default);
        if surfaces.is_empty() || surfaces.contains(&Surface::Api) {
            return Err(bad("surfaces are mobile, pc or both"));
        }
        let user = User {
            id: new.id.clone(),
            network: new.network,
            name: new.name.unwrap_or_else(|| new.id.clone()),
            native: native.clone(),
            signed_in: surfaces.clone(),
            surfaces,
            carrier: new.carrier.unwrap_or_else(|| "skt".to_owned()),
            follows: new.follows.unwrap_or(true),
            blocked: false,
        };
        self.user_by_native.insert((new.network, native), new.id.clone());
        self.add_direct(&user);
        Ok(self.users.entry(key).or_insert(user))
    }

    /// Creates a room. When our bot is in it, it is told that it was brought in.
    pub fn add_room(&mut self, new: NewRoom) -> Result<&Chat, WorldError> {
        self.advance();
        self.check_id(&new.id)?;
        let (network, id) = (new.network, new.id.clone());
        if id.starts_with("direct:") {
            return Err(bad("the names direct:... are kept for direct chats"));
        }
        if self.chats.contains_key(&(network, id.clone())) {
            return Err(WorldError::Taken { id });
        }
        let chat = self.room_of(new)?;
        let by = chat.members.first().cloned();
        let bot = chat.bot;
        self.chat_by_native.insert((network, chat.native.clone()), id.clone());
        self.chats.insert((network, id.clone()), chat);
        if bot {
            self.emit(network, &id, "", What::BotJoined { by });
        }
        self.chats.get(&(network, id.clone())).ok_or(WorldError::NoRoom { network, room: id })
    }

    fn room_of(&self, new: NewRoom) -> Result<Chat, WorldError> {
        let network = new.network;
        let kind = new.kind.unwrap_or(match network {
            Network::Telegram => ChatKind::Supergroup,
            Network::Kakaotalk | Network::Line => ChatKind::Group,
        });
        if kind == ChatKind::Direct || !kind.exists_on(network) {
            return Err(bad(&format!("{network} has no rooms of kind {kind:?}")));
        }
        let members = new.members.iter().map(|name| {
            let found = self.find_user(network, name);
            let missing = || WorldError::NoUser { network, user: name.clone() };
            found.map(|user| user.id.clone()).ok_or_else(missing)
        });
        Ok(Chat {
            members: members.collect::<Result<_, _>>()?,
            native: self.new_chat_native(network, kind),
            title: new.title.unwrap_or_else(|| new.id.clone()),
            id: new.id,
            network,
            kind,
            bot: new.bot.unwrap_or(true),
            bot_removed: false,
            bot_admin: new.bot_admin,
            bot_muted: false,
            standby: false,
            migrated_from: None,
        })
    }

    /// A person, or our bot (`bot`), comes into a room.
    pub fn join(&mut self, network: Network, user: &str, room: &str) -> Result<(), WorldError> {
        self.advance();
        let place = self.room_place(network, room)?;
        if user == super::BOT {
            let chat = self.chat_mut(&place)?;
            if chat.bot {
                return Err(bad("our bot is in the room already"));
            }
            (chat.bot, chat.bot_removed) = (true, false);
            let by = chat.members.first().cloned();
            self.emit(network, &place.1, "", What::BotJoined { by });
            return Ok(());
        }
        let id = self.user_id(network, user)?;
        if !self.chat_mut(&place)?.members.insert(id.clone()) {
            return Err(bad("the user is in the room already"));
        }
        self.emit(network, &place.1, &id, What::Joined(id.clone()));
        Ok(())
    }

    /// A person leaves a room, or our bot (`bot`) is put out.
    pub fn leave(&mut self, network: Network, user: &str, room: &str) -> Result<(), WorldError> {
        self.advance();
        let place = self.room_place(network, room)?;
        if user == super::BOT {
            let chat = self.chat_mut(&place)?;
            if !chat.bot {
                return Err(bad("our bot is not in the room"));
            }
            (chat.bot, chat.bot_removed) = (false, true);
            let by = chat.members.first().cloned();
            self.emit(network, &place.1, "", What::BotLeft { by });
            return Ok(());
        }
        let id = self.user_id(network, user)?;
        if !self.chat_mut(&place)?.members.remove(&id) {
            return Err(WorldError::NotMember { user: id, room: place.1 });
        }
        self.emit(network, &place.1, &id, What::Left(id.clone()));
        Ok(())
    }

    /// A person adds or starts our bot, or unblocks it.
    pub fn follow(&mut self, network: Network, user: &str) -> Result<(), WorldError> {
        self.advance();
        let id = self.user_id(network, user)?;
        let Some(found) = self.users.get_mut(&(network, id.clone())) else {
            return Ok(());
        };
        let unblocked = found.blocked;
        (found.follows, found.blocked) = (true, false);
        let what = What::Followed { user: id.clone(), unblocked };
        self.emit(network, &direct_id(&id), &id, what);
        Ok(())
    }

    /// A person blocks our bot.
    pub fn block(&mut self, network: Network, user: &str) -> Result<(), WorldError> {
        self.advance();
        let id = self.user_id(network, user)?;
        let Some(found) = self.users.get_mut(&(network, id.clone())) else {
            return Ok(());
        };
        found.blocked = true;
        self.emit(network, &direct_id(&id), &id, What::Unfollowed(id.clone()));
        Ok(())
    }

    /// Signs a person in or out on one surface. Signing in fails under a `login` fault.
    pub fn sign(
        &mut self,
        network: Network,
        user: &str,
        surface: Surface,
        signed_in: bool,
    ) -> Result<(), WorldError> {
        self.advance();
        let id = self.user_id(network, user)?;
        if signed_in && self.login_is_spoiled(network, &id, surface) {
            return Err(WorldError::NotSent { network, surface, why: "cannot sign in now" });
        }
        let Some(found) = self.users.get_mut(&(network, id)) else {
            return Ok(());
        };
        if !found.surfaces.contains(&surface) {
            return Err(bad("the user does not use that surface"));
        }
        if signed_in {
            found.signed_in.insert(surface);
        } else {
            found.signed_in.remove(&surface);
        }
        self.recount_screens();
        Ok(())
    }

    /// LINE: another module takes a chat over (true), or gives it back to our bot.
    pub fn stand_by(&mut self, chat: &str, standby: bool) -> Result<(), WorldError> {
        let place = self.room_place(Network::Line, chat)?;
        self.chat_mut(&place)?.standby = standby;
        Ok(())
    }

    /// KakaoTalk: the people of a room switch bot messages off or on.
    pub fn mute_bot(&mut self, room: &str, muted: bool) -> Result<(), WorldError> {
        let place = self.room_place(Network::Kakaotalk, room)?;
        self.chat_mut(&place)?.bot_muted = muted;
        Ok(())
    }

    /// Telegram: a group becomes a supergroup with a new id, which is given back.
    pub fn migrate(&mut self, room: &str) -> Result<String, WorldError> {
        self.advance();
        let place = self.room_place(Network::Telegram, room)?;
        let new = self.new_chat_native(Network::Telegram, ChatKind::Supergroup);
        let chat = self.chat_mut(&place)?;
        if chat.kind != ChatKind::Group {
            return Err(bad("only a group can become a supergroup"));
        }
        let old = std::mem::replace(&mut chat.native, new.clone());
        chat.kind = ChatKind::Supergroup;
        chat.migrated_from = Some(old.clone());
        self.chat_by_native.remove(&(Network::Telegram, old.clone()));
        self.chat_by_native.insert((Network::Telegram, new.clone()), place.1.clone());
        self.telegram.migrated.insert(old.clone(), new.clone());
        self.emit(Network::Telegram, &place.1, "", What::Migrated { old });
        Ok(new)
    }

    pub(crate) fn room_place(
        &self,
        network: Network,
        room: &str,
    ) -> Result<(Network, String), WorldError> {
        let chat = self.find_chat(network, room).filter(|chat| !chat.is_direct());
        let missing = || WorldError::NoRoom { network, room: room.to_owned() };
        chat.map(|chat| (network, chat.id.clone())).ok_or_else(missing)
    }

    pub(crate) fn user_id(&self, network: Network, user: &str) -> Result<String, WorldError> {
        let missing = || WorldError::NoUser { network, user: user.to_owned() };
        self.find_user(network, user).map(|user| user.id.clone()).ok_or_else(missing)
    }

    fn chat_mut(&mut self, place: &(Network, String)) -> Result<&mut Chat, WorldError> {
        let missing = || WorldError::NoRoom { network: place.0, room: place.1.clone() };
        self.chats.get_mut(place).ok_or_else(missing)
    }

    fn add_direct(&mut self, user: &User) {
        let id = direct_id(&user.id);
        let native = match user.network {
            Network::Kakaotalk => self.new_chat_native(Network::Kakaotalk, ChatKind::Direct),
            Network::Line | Network::Telegram => user.native.clone(),
        };
        let chat = Chat {
            id: id.clone(),
            network: user.network,
            kind: ChatKind::Direct,
            title: user.name.clone(),
            native: native.clone(),
            members: [user.id.clone()].into(),
            bot: true,
            bot_removed: false,
            bot_admin: false,
            bot_muted: false,
            standby: false,
            migrated_from: None,
        };
        self.chat_by_native.insert((user.network, native), id.clone());
        self.chats.insert((user.network, id), chat);
    }

    fn check_id(&self, id: &str) -> Result<(), WorldError> {
        let reserved = id == super::BOT || id == "all";
        if id.is_empty() || id.len() > ID_BYTES_MAX || id.contains('/') || reserved {
            return Err(bad("an id has 1 to 128 bytes without '/', and is not bot or all"));
        }
        if self.users.len() >= ENTRIES_MAX || self.chats.len() >= 2 * ENTRIES_MAX {
            return Err(bad("the world is full"));
        }
        Ok(())
    }

    fn checked_user_native(&self, network: Network, native: String) -> Result<String, WorldError> {
        let fits = match network {
            Network::Kakaotalk => !native.is_empty(),
            Network::Line => is_line_id(&native, 'U'),
            Network::Telegram => native.parse::<i64>().is_ok_and(|id| id > 0 && id < 1 << 52),
        };
        if !fits {
            return Err(bad("that is no id of this network"));
        }
        if self.user_by_native.contains_key(&(network, native.clone())) {
            return Err(WorldError::Taken { id: native });
        }
        Ok(native)
    }

    fn new_user_native(&self, network: Network) -> String {
        match network {
            Network::Kakaotalk => format!("buk_{}", self.random_hex()),
            Network::Line => format!("U{}", self.random_hex()),
            Network::Telegram => {
                (TELEGRAM_USER_MIN + self.entropy.below(TELEGRAM_USER_SPAN)).to_string()
            }
        }
    }

    fn new_chat_native(&self, network: Network, kind: ChatKind) -> String {
        let number = TELEGRAM_USER_MIN + self.entropy.below(TELEGRAM_USER_SPAN);
        match (network, kind) {
            (Network::Kakaotalk, _) => format!("bgk_{}", self.random_hex()),
            (Network::Line, ChatKind::Room) => format!("R{}", self.random_hex()),
            (Network::Line, _) => format!("C{}", self.random_hex()),
            (Network::Telegram, ChatKind::Supergroup) => format!("-100{number}"),
            (Network::Telegram, _) => format!("-{number}"),
        }
    }

    fn login_is_spoiled(&self, network: Network, user: &str, surface: Surface) -> bool {
        let carrier =
            self.users.get(&(network, user.to_owned())).map_or("", |user| user.carrier.as_str());
        let asked = crate::fault::Asked {
            network,
            functions: &[crate::fault::cell::Function::Login],
            surface,
            room: "",
            user,
            carrier,
        };
        self.faults.hit(&asked, self.now()).is_some()
    }
}

/// Ids of people on Telegram have ten digits here, so that `-100` and one of them make a
/// supergroup.
const TELEGRAM_USER_MIN: u64 = 1_000_000_000;
const TELEGRAM_USER_SPAN: u64 = 8_000_000_000;

/// `U`, `C` or `R` and 32 lower-case hex digits.
pub(crate) fn is_line_id(id: &str, kind: char) -> bool {
    let rest = id.strip_prefix(kind);
    rest.is_some_and(|hex| {
        hex.len() == 32 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn bad(what: &str) -> WorldError {
    WorldError::Bad { what: what.to_owned() }
}
