//! Screens: what a person sees in the app, in order. They are the ground truth for lost, doubled
//! and disordered messages. A person's screen is the union of the surfaces: a line stands on it
//! from the first moment at which any of them shows it.

use std::collections::BTreeMap;

use ieum_core::time::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::World;
use super::held::Waiting;
use super::message::{Button, Media, Message};
use crate::fault::Asked;
use crate::fault::cell::Function;
use crate::network::{Network, Surface};

/// One line on a screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The network.
    pub network: Network,
    /// The chat, by short name.
    pub chat: String,
    /// The message's id on the wire.
    pub message: String,
    /// Short name of the author, or `bot`.
    pub author: String,
    /// The name that stands over the line.
    pub author_name: String,
    /// Is it the person's own?
    pub own: bool,
    /// `text`, `image`, ...
    pub kind: &'static str,
    /// The words as shown now.
    pub text: String,
    /// When the network took it.
    pub sent_at: Timestamp,
    /// When the person saw it first.
    pub shown_at: Timestamp,
    /// The surface that showed it first.
    pub surface: Surface,
    /// 1, or 2 and more when the network showed the same message again.
    pub copy: u32,
    /// The wire id of the message that it answers.
    pub reply_to: Option<String>,
    /// The quoted words.
    pub quote: Option<String>,
    /// Was it edited?
    pub edited: bool,
    /// Was it withdrawn? Its text is then gone.
    pub withdrawn: bool,
    /// Reactions by short name.
    pub reactions: BTreeMap<String, String>,
    /// What can be tapped.
    pub buttons: Vec<Button>,
    /// The file that hangs on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<Box<ShownFile>>,
}

/// A file as a person finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownFile {
    /// Its name.
    pub name: String,
    /// What it is said to be.
    pub content_type: String,
    /// How many bytes the network has of it.
    pub bytes: usize,
    /// SHA-256 of them, in hexadecimal digits.
    pub sha256: String,
    /// Where it lies instead, if a bot gave an address.
    pub url: Option<String>,
}

impl ShownFile {
    fn of(media: &Media) -> Self {
        let digest = Sha256::digest(&media.bytes);
        Self {
            name: media.file_name.clone(),
            content_type: media.content_type.clone(),
            bytes: media.bytes.len(),
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            url: media.url.clone(),
        }
    }
}

fn shown(media: &Media) -> Box<ShownFile> {
    Box::new(ShownFile::of(media))
}

/// A change on its way to a screen.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Show(u64),
    Edit(u64, String),
    Withdraw(u64),
    React(u64, String, Option<String>),
}

/// How often one message was shown to one person, and by which surfaces.
#[derive(Debug, Default)]
struct Shown {
    by: Vec<Surface>,
    copies: usize,
}

/// A person on a network.
pub(crate) type Person = (Network, String);

/// All screens of all people, and what is on its way to them.
#[derive(Debug, Default)]
pub(crate) struct Screens {
    lines: BTreeMap<Person, Vec<(u64, Line)>>,
    shown: BTreeMap<(Person, u64), Shown>,
    held: Waiting<Place, Change>,
}

/// One chat on one surface of one person.
type Place = (Person, String, Surface);

const RECEIVE: [Function; 1] = [Function::Recv];
const RECEIVE_SIGNED_OUT: [Function; 2] = [Function::Recv, Function::Login];

impl World {
    /// What a person sees, oldest first; `None` for an unknown person.
    pub fn screen(&mut self, network: Network, user: &str) -> Option<Vec<Line>> {
        self.advance();
        let id = self.find_user(network, user)?.id.clone();
        let lines = self.screens.lines.get(&(network, id));
        let mut lines: Vec<Line> =
            lines.into_iter().flatten().map(|(_, line)| line.clone()).collect();
        lines.sort_by_key(|line| line.shown_at);
        Some(lines)
    }

    /// Sends a change to every member of a chat; the author sees it at once.
    pub(crate) fn broadcast(&mut self, chat: &(Network, String), author: &str, change: &Change) {
        self.spread(chat, author, true, change);
    }

    /// Sends a change to every member of a chat but its author.
    pub(crate) fn broadcast_again(
        &mut self,
        chat: &(Network, String),
        author: &str,
        change: &Change,
    ) {
        self.spread(chat, author, false, change);
    }

    fn spread(&mut self, chat: &(Network, String), author: &str, to_author: bool, change: &Change) {
        let Some(members) = self.chats.get(chat).map(|found| found.members.clone()) else {
            return;
        };
        for member in members.iter().filter(|member| to_author || *member != author) {
            let surfaces =
                self.users.get(&(chat.0, member.clone())).map(|user| user.surfaces.clone());
            for surface in surfaces.into_iter().flatten() {
                self.offer(chat, member, surface, member == author, change);
            }
        }
    }

    /// One change to one surface of one member.
    fn offer(
        &mut self,
        chat: &(Network, String),
        member: &str,
        surface: Surface,
        own: bool,
        change: &Change,
    ) {
        let now = self.now();
        let person = (chat.0, member.to_owned());
        if own {
            self.show(&person, surface, now, change.clone());
            return;
        }
        let Some(user) = self.users.get(&person) else {
            return;
        };
        if chat.1.starts_with("direct:") && (user.blocked || !user.follows) {
            return;
        }
        let draw = self.draw();
        let Some(user) = self.users.get(&person) else {
            return;
        };
        let functions = if user.signed_in.contains(&surface) {
            RECEIVE.as_slice()
        } else {
            RECEIVE_SIGNED_OUT.as_slice()
        };
        let asked = Asked {
            network: chat.0,
            functions,
            surface,
            room: &chat.1,
            user: member,
            carrier: &user.carrier,
        };
        let place = (person.clone(), chat.1.clone(), surface);
        let held = &mut self.screens.held;
        let released = held.pass(place, change.clone(), &self.faults, &asked, (now, draw));
        for (moment, change) in released {
            self.show(&person, surface, moment, change);
        }
    }

    /// Lets through what no fault holds any more, on every screen.
    pub(crate) fn release_screens(&mut self, now: Timestamp) {
        while let Some((place, mut held)) = self.screens.held.take_due(now) {
            let (person, chat, surface) = &place;
            let mut next = None;
            let mut released = Vec::new();
            if let Some(asked) = self.asked_to_show(person, chat, *surface) {
                released = held.release(&self.faults, &asked, now);
                next = held.next_due(&self.faults, &asked);
            }
            for (moment, change) in released {
                self.show(person, *surface, moment, change);
            }
            self.screens.held.put_back(place, held, next);
        }
    }

    /// Asks every queue anew when it is due: faults or sign-ins changed.
    pub(crate) fn recount_screens(&mut self) {
        let mut held = std::mem::take(&mut self.screens.held);
        held.recount(|(person, chat, surface), held| {
            held.next_due(&self.faults, &self.asked_to_show(person, chat, *surface)?)
        });
        self.screens.held = held;
    }

    /// The next moment at which something held gets through to a screen.
    pub(crate) fn next_on_screens(&self) -> Option<Timestamp> {
        self.screens.held.next_due()
    }

    fn asked_to_show<'a>(
        &'a self,
        person: &'a Person,
        chat: &'a str,
        surface: Surface,
    ) -> Option<Asked<'a>> {
        let user = self.users.get(person)?;
        let functions = if user.signed_in.contains(&surface) {
            RECEIVE.as_slice()
        } else {
            RECEIVE_SIGNED_OUT.as_slice()
        };
        Some(Asked {
            network: person.0,
            functions,
            surface,
            room: chat,
            user: &person.1,
            carrier: &user.carrier,
        })
    }

    /// Shows one message to one person at once.
    pub(crate) fn show_now(
        &mut self,
        person: &Person,
        surface: Surface,
        moment: Timestamp,
        key: u64,
    ) {
        self.show_line(person, surface, moment, key);
    }

    fn show(&mut self, person: &Person, surface: Surface, moment: Timestamp, change: Change) {
        match change {
            Change::Show(key) => self.show_line(person, surface, moment, key),
            Change::Edit(key, text) => self.screens.with_lines(person, key, |line| {
                line.text.clone_from(&text);
                line.edited = true;
            }),
            Change::Withdraw(key) => self.screens.with_lines(person, key, |line| {
                line.text.clear();
                line.withdrawn = true;
            }),
            Change::React(key, who, what) => {
                self.screens.with_lines(person, key, |line| match &what {
                    Some(emoji) => {
                        line.reactions.insert(who.clone(), emoji.clone());
                    }
                    None => {
                        line.reactions.remove(&who);
                    }
                });
            }
        }
    }

    fn show_line(&mut self, person: &Person, surface: Surface, moment: Timestamp, key: u64) {
        let shown = self.screens.shown.entry((person.clone(), key)).or_default();
        let on_this_surface = shown.by.iter().filter(|one| **one == surface).count();
        shown.by.push(surface);
        // A second surface shows the same line; the same surface again is a double.
        if on_this_surface < shown.copies {
            return;
        }
        shown.copies += 1;
        let copy = u32::try_from(shown.copies).unwrap_or(u32::MAX);
        let Some(mut line) = self.messages.get(&key).map(|message| self.line_of(message)) else {
            return;
        };
        line.shown_at = moment;
        line.surface = surface;
        line.copy = copy;
        line.own = line.author == person.1;
        self.screens.lines.entry(person.clone()).or_default().push((key, line));
    }

    fn line_of(&self, message: &Message) -> Line {
        let reply_to = message.reply_to.and_then(|key| self.messages.get(&key));
        Line {
            network: message.network,
            chat: message.chat.clone(),
            message: message.native.clone(),
            author: message.author.clone(),
            author_name: self.author_name(message),
            own: false,
            kind: message.kind.name(),
            text: message.text.clone(),
            sent_at: message.sent_at,
            shown_at: message.sent_at,
            surface: Surface::Mobile,
            copy: 1,
            reply_to: reply_to.map(|quoted| quoted.native.clone()),
            quote: message.quote.clone(),
            edited: false,
            withdrawn: false,
            reactions: BTreeMap::new(),
            buttons: message.buttons.clone(),
            file: message.media.as_ref().filter(|_| message.kind.is_media()).map(shown),
        }
    }

    fn author_name(&self, message: &Message) -> String {
        if let Some(sender) = &message.sender {
            return sender.clone();
        }
        let user = self.users.get(&(message.network, message.author.clone()));
        user.map_or_else(|| self.bot(message.network).name.clone(), |user| user.name.clone())
    }
}

impl Screens {
    /// Takes all lines off all screens, with the person on whose they stood.
    pub(crate) fn take_lines(&mut self) -> Vec<(Person, Vec<Line>)> {
        let taken = std::mem::take(&mut self.lines).into_iter();
        taken.map(|(person, lines)| (person, lines.into_iter().map(|(_, l)| l).collect())).collect()
    }

    /// Forgets what was shown of messages with a number below `key`.
    pub(crate) fn forget_below(&mut self, key: u64) {
        self.shown.retain(|(_, shown), _| *shown >= key);
    }

    fn with_lines(&mut self, person: &Person, key: u64, mut act: impl FnMut(&mut Line)) {
        let lines = self.lines.get_mut(person).into_iter().flatten();
        lines.filter(|(one, _)| *one == key).for_each(|(_, line)| act(line));
    }
}
