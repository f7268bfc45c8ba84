//! What our users do without being told by a message: come when invited, leave when put out, and
//! ask the homeserver to hand in what it kept for us while we were away.
//!
//! A homeserver that could not reach us waits longer and longer, up to minutes; our asking whether
//! it reaches us ends that wait. Invariant: nothing here is kept over a restart; a message into a
//! room brings its users in as well.

use crate::backoff::Backoff;
use crate::homeserver::answer::Failed;
use crate::homeserver::users::Unheard;
use crate::matrix::Matrix;
use crate::matrix::read::Errand;
use crate::wire_text::{ID_BYTES_MAX, into_id};
use futures_util::future::{Either, poll_fn, select};
use ieum_core::ids::{ChatKey, EventKey};
use ieum_core::inbound::{Arrival, ChatRef, Inbound, InboundKind};
use ieum_core::network::ChatKind;
use ieum_core::ports::connector::{Inbox, ListenEnd, Pulse};
use std::task::Poll;

/// Time between two questions whether the homeserver reaches us.
const PING_MS: u64 = 30_000;
/// The same while the homeserver is away.
const AWAY_MS: u64 = 1_000;
/// Errands that may wait; those beyond are not done.
const ERRANDS_MAX: usize = 10_000;
/// How often an errand is tried.
const TRIES_MAX: u32 = 8;
/// How long our bot may wait to be let into a room that it was called to.
const EXPECTED_MS_MAX: u64 = 3_600_000;
/// Members of a room that are looked at when our users leave it.
const LEAVING_MAX: usize = 10_000;

impl Matrix {
    /// Puts errands into the queue and wakes who does them.
    pub(crate) fn charge(&self, errands: Vec<Errand>) {
        if errands.is_empty() {
            return;
        }
        let now = self.home.now();
        let mut memory = self.memory();
        for errand in errands {
            match &errand {
                Errand::Join(room) => drop(memory.expected.insert(room.clone(), now)),
                Errand::Follow(upgrade) => memory.expect_upgrade(upgrade, now),
                Errand::Decline { .. } | Errand::Vacate(_) => {}
            }
            if memory.errands.len() < ERRANDS_MAX {
                memory.errands.push_back((errand, 1));
            }
        }
        drop(memory);
        self.bell.wake();
    }

    /// An errand that failed comes after all others.
    fn try_again(&self, errand: Errand, tries: u32) {
        if tries < TRIES_MAX {
            self.memory().errands.push_back((errand, tries + 1));
        }
    }

    /// Does errands and keeps the homeserver awake until the inbox closes.
    pub(crate) async fn run_errands(&self, inbox: &dyn Inbox) -> ListenEnd {
        let mut backoff = Backoff::default();
        while let Err(failed) = self.start().await {
            inbox.pulse(pulse_of(&failed));
            self.home.doors.clock.sleep(backoff.next_ms(&*self.home.doors.entropy)).await;
        }
        let (mut backoff, mut ping_in_ms) = (Backoff::default(), 0);
        loop {
            let before = self.home.now();
            let errand = self.next_errand(ping_in_ms).await;
            let waited_ms = self.home.now().ms_since(before);
            ping_in_ms = ping_in_ms.saturating_sub(waited_ms);
            match errand {
                Some((errand, tries)) => match self.run_errand(&errand, inbox).await {
                    Ok(()) => backoff.reset(),
                    Err(failed) => {
                        inbox.pulse(pulse_of(&failed));
                        self.try_again(errand, tries);
                        self.home
                            .doors
                            .clock
                            .sleep(backoff.next_ms(&*self.home.doors.entropy))
                            .await;
                    }
                },
                None => ping_in_ms = self.ping(inbox, &mut backoff).await,
            }
        }
    }

    /// The next errand, or none when `ms` have passed.
    async fn next_errand(&self, ms: u64) -> Option<(Errand, u32)> {
        let next = poll_fn(|context| {
            self.bell.register(context.waker());
            self.memory().errands.pop_front().map_or(Poll::Pending, Poll::Ready)
        });
        match select(next, self.home.doors.clock.sleep(ms)).await {
            Either::Left((errand, _)) => Some(errand),
            Either::Right(((), _)) => None,
        }
    }

    /// Makes our bot.
    async fn start(&self) -> Result<(), Failed> {
        self.home.make(&self.us.bot, false).await?;
        self.home.show(&self.us.bot, &self.bot_shown()).await
    }

    /// A room in which our bot is, with its name.
    fn seen(&self, room: &str, title: &str) -> Option<Inbound> {
        let room = into_id(room.into(), ID_BYTES_MAX)?;
        let at = self.home.now();
        Some(Inbound {
            event: EventKey::new(format!("seen {room} {}", at.0)),
            at,
            chat: ChatRef { key: ChatKey(room), kind: ChatKind::Group },
            title: Some(title.into()),
            sender: None,
            kind: InboundKind::PeopleJoined(Vec::new()),
        })
    }

    async fn run_errand(&self, errand: &Errand, inbox: &dyn Inbox) -> Result<(), Failed> {
        match errand {
            Errand::Join(room) => self.join(room, inbox).await,
            Errand::Decline { room, ghost } => self.home.leave(room, ghost).await,
            Errand::Vacate(room) => self.vacate(room).await,
            Errand::Follow(upgrade) => self.follow(upgrade, inbox).await,
        }
    }

    /// Our bot comes in. Where it is not let in it does not insist: an invitation brings it again,
    /// and so does the next message.
    async fn join(&self, room: &str, inbox: &dyn Inbox) -> Result<(), Failed> {
        match self.home.enter(room, &self.us.bot).await {
            Ok(()) => drop(self.memory().expected.remove(room)),
            Err(Unheard::Before(failed) | Unheard::Answered(failed)) => return Err(failed),
            Err(Unheard::Shut(_) | Unheard::Banned) => return Ok(()),
        }
        // First, so that the name is that of the conversation which goes on here.
        self.judge_waiting(room, inbox).await?;
        let name = self.home.room_name(room).await;
        if let Some(seen) = name.and_then(|name| self.seen(room, &name)) {
            // What the inbox does not take now comes when the room is named anew.
            let _closed = inbox.deliver(Arrival { events: vec![seen], ignored: 0 }, None).await;
        }
        Ok(())
    }

    /// All our ghosts leave a room that our bot was put out of.
    async fn vacate(&self, room: &str) -> Result<(), Failed> {
        let members = self.home.members(room).await?;
        for ghost in members.iter().filter(|user| self.us.is_ours(user)).take(LEAVING_MAX) {
            self.home.leave(room, ghost).await?;
        }
        Ok(())
    }

    /// Asks whether the homeserver reaches us; returns when to ask again.
    async fn ping(&self, inbox: &dyn Inbox, backoff: &mut Backoff) -> u64 {
        let asked = self.home.now();
        if let Err(failed) = self.home.reaches_us(&self.registration_id).await {
            inbox.pulse(pulse_of(&failed));
            // A server that is away is seen coming back; one that cannot reach us is left time.
            let is_away = matches!(failed, Failed::Silence(_));
            return if is_away { AWAY_MS } else { backoff.next_ms(&*self.home.doors.entropy) };
        }
        inbox.pulse(Pulse::Good { took_ms: self.home.now().ms_since(asked) });
        backoff.reset();
        PING_MS
    }

    /// Whether our bot waits to be let into a room, or into the one as which it goes on.
    pub(crate) async fn is_waited_for(&self, room: &str) -> bool {
        self.is_expected(room) || self.went_on(room).await
    }

    /// Whether our bot was called to this room, or this room to another one.
    fn is_expected(&self, room: &str) -> bool {
        let now = self.home.now();
        let mut memory = self.memory();
        memory.expected.retain(|_, since| now.ms_since(*since) < EXPECTED_MS_MAX);
        memory.expected.contains_key(room)
    }
}

fn pulse_of(failed: &Failed) -> Pulse {
    let reason = failed.reason();
    match failed {
        // "The homeserver does not reach us" comes as 502 or 504 in its own JSON.
        Failed::No(_) => Pulse::Refused { reason },
        Failed::Silence(_) | Failed::Foreign(_) => Pulse::Bad { reason },
    }
}
