//! The world called directly, for drivers that run the whole hub in one process: what our bot
//! hears as plain records instead of the networks' JSON, and screens that can be emptied so that
//! months fit into memory.
//!
//! It is no network interface: limits of speed, tokens and retry keys belong to the routers.
//! Invariant: our bot hears here exactly what the network's own rules let it hear.

use std::collections::{BTreeMap, VecDeque};

use ieum_core::time::Timestamp;

use super::World;
use super::event::{Event, What};
use super::screen::Line;
use crate::network::Network;
use crate::{kakaotalk, telegram};

/// Messages that one network keeps for a bot that does not take them; the oldest go first.
pub const HEARD_MAX: usize = 1_000_000;

/// A message that our bot hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The chat, by short name.
    pub chat: String,
    /// Whether it is somebody's direct chat with our bot.
    pub direct: bool,
    /// Short name of the author.
    pub author: String,
    /// The name that the others see.
    pub author_name: String,
    /// The message's id on the wire.
    pub native: String,
    /// The words, without a mention of our bot where the network cuts it off.
    pub text: String,
    /// When the network took it.
    pub at: Timestamp,
}

/// What waits for our bot, by network; a network that is not in it speaks JSON.
#[derive(Debug, Default)]
pub(crate) struct Ears(BTreeMap<Network, VecDeque<Heard>>);

impl Ears {
    pub(crate) fn is_open(&self, network: Network) -> bool {
        self.0.contains_key(&network)
    }
}

impl World {
    /// From now on what people say on this network waits for [`World::heard`]. Other events
    /// (comings, goings, edits) are not told this way.
    pub fn hear_directly(&mut self, network: Network) {
        self.ears.0.entry(network).or_default();
    }

    /// Takes what our bot heard since it was last asked, oldest first.
    pub fn heard(&mut self, network: Network) -> Vec<Heard> {
        self.advance();
        let waiting = self.ears.0.get_mut(&network);
        waiting.map(|waiting| waiting.drain(..).collect()).unwrap_or_default()
    }

    /// Takes every line off every screen: network, short name and lines in the order in which
    /// they came up. What is taken is not shown by [`World::screen`] any more.
    pub fn take_lines(&mut self) -> Vec<((Network, String), Vec<Line>)> {
        self.advance();
        self.screens.take_lines()
    }

    /// Forgets messages that a network took before `moment`: what a fault still holds of them is
    /// lost.
    pub fn forget_before(&mut self, moment: Timestamp) {
        let first_kept = self.messages.iter().find(|(_, message)| message.sent_at >= moment);
        let key = first_kept.map_or(u64::MAX, |(key, _)| *key);
        let kept = self.messages.split_off(&key);
        for message in std::mem::replace(&mut self.messages, kept).into_values() {
            self.by_native.remove(&(message.network, message.chat, message.native));
        }
        self.screens.forget_below(key);
    }

    pub(crate) fn tell_directly(&mut self, network: Network, event: &Event) -> bool {
        let Some(heard) = self.hearing(network, event) else {
            return false;
        };
        let Some(waiting) = self.ears.0.get_mut(&network) else {
            return false;
        };
        if waiting.len() >= HEARD_MAX {
            waiting.pop_front();
        }
        waiting.push_back(heard);
        self.bells.ring(network);
        true
    }

    fn hearing(&self, network: Network, event: &Event) -> Option<Heard> {
        let What::Message(key) = event.what else {
            return None;
        };
        let message = self.messages.get(&key)?;
        let chat = self.find_chat(network, &event.chat)?;
        let (heard, text) = match network {
            Network::Kakaotalk => (
                kakaotalk::event::may_hear(self, chat, message),
                kakaotalk::event::without_bot(message),
            ),
            Network::Line => (true, message.text.clone()),
            Network::Telegram => {
                (telegram::event::may_hear(self, chat, message), message.text.clone())
            }
        };
        let author = self.find_user(network, &message.author)?;
        (heard && chat.bot).then(|| Heard {
            chat: chat.id.clone(),
            direct: chat.is_direct(),
            author: author.id.clone(),
            author_name: author.name.clone(),
            native: message.native.clone(),
            text,
            at: message.sent_at,
        })
    }
}
