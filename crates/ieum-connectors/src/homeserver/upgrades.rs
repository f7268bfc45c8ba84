//! Rooms that go on elsewhere (Client-Server API, "Room upgrades"): a conversation is carried over
//! only where the new room's beginning names the old one.
//!
//! A tombstone is the word of whoever has the power for it in the old room; only the new room's
//! create event, which nobody can change, says that its makers meant it too. Invariant: without
//! both no conversation moves, and our bot stays in no room that it was lured into.

use super::answer::Failed;
use super::users::Unheard;
use super::{Call, Homeserver, client, escaped};
use crate::matrix::read::{Errand, Upgrade};
use crate::matrix::{Matrix, Memory};
use crate::wire_text::{ID_BYTES_MAX, into_id};
use ieum_core::ids::{ChatKey, EventKey};
use ieum_core::inbound::{Arrival, ChatRef, Inbound, InboundKind};
use ieum_core::network::ChatKind;
use ieum_core::ports::connector::Inbox;
use ieum_core::time::Timestamp;
use serde_json::{Value, json};

/// Most upgrades that wait to be let into the new room; beyond them the oldest are forgotten.
const UPGRADES_MAX: usize = 1_000;
/// Most upgrades of which it is remembered that the new room knows nothing of them.
const REFUSED_MAX: usize = 10_000;
/// What the old room is told then.
const NOT_FOLLOWED: &str = "대화를 옮기지 않았습니다: 새 방이 이 방을 이어받는다고 하지 않습니다. · \
     Not moved: the new room does not name this one as its predecessor.";

/// Our bot's place with regard to a room, and what the room says it goes on from.
enum Beginning {
    Outside,
    GoesOnFrom(Option<Box<str>>),
}

impl Memory {
    /// Remembers an upgrade until it is judged.
    pub(crate) fn expect_upgrade(&mut self, upgrade: &Upgrade, now: Timestamp) {
        for room in [&upgrade.old, &upgrade.new] {
            self.expected.insert(room.clone(), now);
        }
        if !self.upgrades.contains(upgrade) {
            if self.upgrades.len() >= UPGRADES_MAX {
                self.upgrades.pop_front();
            }
            self.upgrades.push_back(upgrade.clone());
        }
    }
}

impl Matrix {
    /// The upgrades that are to end in this room.
    fn upgrades_into(&self, room: &str) -> Vec<Upgrade> {
        let memory = self.memory();
        memory.upgrades.iter().filter(|upgrade| *upgrade.new == *room).cloned().collect()
    }

    /// Goes into the new room and judges. Where our bot is not let in, an invitation brings it.
    pub(crate) async fn follow(&self, upgrade: &Upgrade, inbox: &dyn Inbox) -> Result<(), Failed> {
        if let Beginning::GoesOnFrom(old) = self.home.beginning(&upgrade.new).await? {
            return self.judge(upgrade, old.as_deref(), inbox).await.map(|_| ());
        }
        match self.home.enter(&upgrade.new, &self.us.bot).await {
            Ok(()) => {}
            Err(Unheard::Before(failed) | Unheard::Answered(failed)) => return Err(failed),
            Err(Unheard::Shut(_) | Unheard::Banned) => return Ok(()),
        }
        let Beginning::GoesOnFrom(old) = self.home.beginning(&upgrade.new).await? else {
            return Ok(());
        };
        if !self.judge(upgrade, old.as_deref(), inbox).await? {
            // Nobody asked for us there: we came because of the tombstone alone.
            self.home.leave(&upgrade.new, &self.us.bot).await?;
        }
        Ok(())
    }

    /// Judges what waited for this room, which our bot is in now.
    pub(crate) async fn judge_waiting(&self, room: &str, inbox: &dyn Inbox) -> Result<(), Failed> {
        let waiting = self.upgrades_into(room);
        if waiting.is_empty() {
            return Ok(());
        }
        let Beginning::GoesOnFrom(old) = self.home.beginning(room).await? else {
            return Ok(());
        };
        for upgrade in waiting {
            self.judge(&upgrade, old.as_deref(), inbox).await?;
        }
        Ok(())
    }

    /// Carries the conversation over where the new room names the old one; tells whether it does.
    async fn judge(
        &self,
        upgrade: &Upgrade,
        old: Option<&str>,
        inbox: &dyn Inbox,
    ) -> Result<bool, Failed> {
        let agreed = old == Some(&*upgrade.old);
        if agreed {
            let events = moved(upgrade, self.home.now()).into_iter().collect();
            if inbox.deliver(Arrival { events, ignored: 0 }, None).await.is_err() {
                // Looked for again when somebody has something to say in the old room.
                return Ok(true);
            }
        } else if self.refuse(upgrade) {
            self.home.tell_not_followed(upgrade).await?;
        }
        let mut memory = self.memory();
        memory.upgrades.retain(|waiting| waiting != upgrade);
        memory.expected.remove(&upgrade.old);
        memory.expected.remove(&upgrade.new);
        Ok(agreed)
    }

    /// Remembers that an upgrade is none; tells whether that is news.
    fn refuse(&self, upgrade: &Upgrade) -> bool {
        let mut memory = self.memory();
        if memory.refused.len() >= REFUSED_MAX {
            memory.refused.pop_first();
        }
        memory.refused.insert(upgrade.clone())
    }

    /// Whether a room that is closed to our bot goes on elsewhere: what was told of that may have
    /// been lost with a restart.
    pub(super) async fn went_on(&self, room: &str) -> bool {
        let Some(new) = self.home.replacement(room).await else {
            return false;
        };
        let upgrade = Upgrade { old: room.into(), new };
        let news = !self.memory().refused.contains(&upgrade);
        if news {
            self.charge(vec![Errand::Follow(upgrade)]);
        }
        news
    }
}

/// The event by which a conversation moves; the same however often the upgrade is told.
fn moved(upgrade: &Upgrade, at: Timestamp) -> Option<Inbound> {
    let id = |text: &str| into_id(text.into(), ID_BYTES_MAX);
    let (old, new) = (id(&upgrade.old)?, id(&upgrade.new)?);
    Some(Inbound {
        event: EventKey::new(format!("upgrade {old} {new}")),
        at,
        chat: ChatRef { key: ChatKey(old), kind: ChatKind::Group },
        title: None,
        sender: None,
        kind: InboundKind::Migrated { to: ChatKey(new) },
    })
}

impl Homeserver {
    async fn state(&self, room: &str, kind: &str) -> Result<Value, Failed> {
        let path = format!("rooms/{}/state/{kind}", escaped(room));
        self.ask(&Call::get(client(&path, &self.bot))).await
    }

    /// What a room says it goes on from.
    async fn beginning(&self, room: &str) -> Result<Beginning, Failed> {
        match self.state(room, "m.room.create").await {
            Ok(create) => {
                let named = create.get("predecessor").and_then(|old| old.get("room_id"));
                Ok(Beginning::GoesOnFrom(named.and_then(Value::as_str).map(Into::into)))
            }
            Err(failed) if failed.is("M_FORBIDDEN") || failed.is("M_NOT_FOUND") => {
                Ok(Beginning::Outside)
            }
            Err(failed) => Err(failed),
        }
    }

    /// The room in which a room's tombstone says that it goes on.
    async fn replacement(&self, room: &str) -> Option<Box<str>> {
        let tombstone = self.state(room, "m.room.tombstone").await.ok()?;
        let new = tombstone.get("replacement_room")?.as_str()?;
        into_id(new.into(), ID_BYTES_MAX)
    }

    /// Says in the old room why nobody goes; once, by the transaction's id.
    async fn tell_not_followed(&self, upgrade: &Upgrade) -> Result<(), Failed> {
        let transaction = escaped(&format!("not-followed {}", upgrade.new));
        let path = format!("rooms/{}/send/m.room.message/{transaction}", escaped(&upgrade.old));
        let notice = json!({"msgtype": "m.notice", "body": NOT_FOLLOWED, "m.mentions": {}});
        match self.run(&Call::put(client(&path, &self.bot), notice)).await {
            // A room that lets us say nothing is left as it is.
            Err(Failed::No(_)) | Ok(()) => Ok(()),
            Err(failed) => Err(failed),
        }
    }
}
