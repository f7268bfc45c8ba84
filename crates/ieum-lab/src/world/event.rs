//! What happens in a network that a bot may be told of. Faults may withhold it; each network then
//! puts it into its own words, or keeps it to itself as its rules say.

use ieum_core::time::Timestamp;

use super::World;
use super::held::Waiting;
use crate::fault::cell::{Backlog, Function};
use crate::fault::mode::Mode;
use crate::fault::{Asked, Fault};
use crate::network::{Network, Surface};
use crate::{kakaotalk, line, telegram};

/// Something that happened in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A person wrote.
    Message(u64),
    /// A person edited.
    Edited(u64),
    /// A person withdrew.
    Withdrawn(u64),
    /// A person reacted, or took the reaction (`old`) back.
    Reacted { message: u64, user: String, old: Option<String>, new: Option<String> },
    /// A person tapped a button of ours.
    Tapped { message: u64, user: String, label: String, action: String, value: String },
    /// Our bot was brought in.
    BotJoined { by: Option<String> },
    /// Our bot was put out.
    BotLeft { by: Option<String> },
    /// A person came.
    Joined(String),
    /// A person went.
    Left(String),
    /// A person added or started our bot, or unblocked it.
    Followed { user: String, unblocked: bool },
    /// A person blocked our bot.
    Unfollowed(String),
    /// Telegram: the group became a supergroup; the chat's record has the new id.
    Migrated { old: String },
    /// LINE: the account of a person was linked.
    Linked { user: String, nonce: String, ok: bool },
    /// KakaoTalk: a person saw an advertisement through.
    AdReward { user: String },
}

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) chat: String,
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

/// What became of an event at the door to our bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// It is on its way to our bot.
    Told,
    /// A fault holds it back.
    Withheld,
    /// A fault swallowed it: our bot never hears of it.
    Swallowed,
    /// The network's rules keep it from bots.
    NotTold,
}

const TO_BOT: [Function; 2] = [Function::Recv, Function::Webhook];

impl World {
    /// Offers an event to our bot.
    pub(crate) fn emit(&mut self, network: Network, chat: &str, by: &str, what: What) -> Told {
        let now = self.now();
        let draw = self.draw();
        let event = Event { chat: chat.to_owned(), at: now, what };
        let place = (network, chat.to_owned());
        let asked = to_bot(network, chat, by);
        let swallows =
            |fault: &Fault| fault.cell.mode == Mode::Blackhole || fault.backlog() == Backlog::Lose;
        let swallowed = self.faults.hit(&asked, now).is_some_and(swallows);
        let released = self.withheld.pass(place, event, &self.faults, &asked, (now, draw));
        if released.is_empty() && !swallowed {
            return Told::Withheld;
        }
        let mut told = if swallowed { Told::Swallowed } else { Told::NotTold };
        for (_, event) in released {
            if self.tell(network, &event) && !swallowed {
                told = Told::Told;
            }
        }
        told
    }

    /// Lets through the events that no fault holds any more.
    pub(crate) fn release_events(&mut self, now: Timestamp) {
        while let Some((place, mut held)) = self.withheld.take_due(now) {
            let asked = to_bot(place.0, &place.1, "");
            let released = held.release(&self.faults, &asked, now);
            let next = held.next_due(&self.faults, &asked);
            for (_, event) in released {
                self.tell(place.0, &event);
            }
            self.withheld.put_back(place, held, next);
        }
    }

    /// Asks every queue anew when it is due: the faults changed.
    pub(crate) fn recount_events(&mut self) {
        let faults = &self.faults;
        self.withheld
            .recount(|(network, chat), held| held.next_due(faults, &to_bot(*network, chat, "")));
    }

    /// The next moment at which a withheld event gets through.
    pub(crate) fn next_event(&self) -> Option<Timestamp> {
        self.withheld.next_due()
    }

    fn tell(&mut self, network: Network, event: &Event) -> bool {
        if self.ears.is_open(network) {
            return self.tell_directly(network, event);
        }
        let told = match network {
            Network::Kakaotalk => kakaotalk::event::tell(self, event),
            Network::Line => line::event::tell(self, event),
            Network::Telegram => telegram::event::tell(self, event),
        };
        if told {
            self.bells.ring(network);
        }
        told
    }
}

fn to_bot<'a>(network: Network, chat: &'a str, by: &'a str) -> Asked<'a> {
    Asked { network, functions: &TO_BOT, surface: Surface::Api, room: chat, user: by, carrier: "" }
}

/// Queues of withheld events by chat.
pub(crate) type Withheld = Waiting<(Network, String), Event>;
