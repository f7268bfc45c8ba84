//! Telegram's updates and `getUpdates`: long polling with offsets, and the conflicts of two
//! pollers or of a poller and a webhook.

use std::collections::{BTreeSet, VecDeque};

use ieum_core::time::Timestamp;
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::{Outcome, Problem};
use crate::fault::Verdict;
use crate::fault::cell::Function;
use crate::network::Network;
use crate::shared::{HANG_MS_MAX, Shared};
use crate::world::message::BOT;

/// The longest poll.
const POLL_S_MAX: u64 = 50;
/// Updates in one answer.
const LIMIT_MAX: usize = 100;
/// A poll that repeats an offset sooner than this waits as long, if there is nothing to tell.
const REPEAT_WAIT_MS: u64 = 3_000;
/// A poll that repeats an offset sooner than this is told one update.
const REPEAT_ONE_MS: u64 = 500;
/// How long updates are kept.
const UPDATES_KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// How many updates are kept.
const UPDATES_MAX: usize = 1_000_000;
/// Kinds that arrive only when they are asked for.
const ON_DEMAND: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// One update on its way.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(crate) id: i64,
    pub(crate) at: Timestamp,
    pub(crate) body: Value,
}

/// All updates that are not confirmed.
#[derive(Debug, Default)]
pub(crate) struct Updates {
    waiting: VecDeque<Update>,
    last_id: i64,
    allowed: BTreeSet<String>,
    poll: u64,
    last_poll: Option<(i64, Timestamp)>,
}

impl Updates {
    /// Adds one; false when this kind was not asked for.
    pub(crate) fn add(&mut self, kind: &str, body: Value, at: Timestamp) -> bool {
        let wanted = if self.allowed.is_empty() {
            !ON_DEMAND.contains(&kind)
        } else {
            self.allowed.contains(kind)
        };
        if !wanted {
            return false;
        }
        self.last_id = self.last_id.max(FIRST_ID) + 1;
        let mut update = json!({ "update_id": self.last_id });
        crate::reading::put(&mut update, kind, body);
        self.waiting.push_back(Update { id: self.last_id, at, body: update });
        if self.waiting.len() > UPDATES_MAX {
            self.waiting.pop_front();
        }
        true
    }

    /// Takes the list of kinds, when one was given.
    pub(crate) fn allow(&mut self, given: Option<&Value>) {
        if let Some(kinds) = given.and_then(Value::as_array) {
            self.allowed = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
    }

    /// Notes a poll and slows down one that repeats the last one's offset; gives how many updates
    /// it may get and how long it waits.
    fn slow_down(
        &mut self,
        offset: i64,
        (limit, wait_ms): (usize, u64),
        now: Timestamp,
    ) -> (usize, u64) {
        let last = self.last_poll.replace((offset, now));
        let since = last.filter(|(last, _)| *last == offset).map(|(_, at)| now.ms_since(at));
        let sooner = |ms| since.is_some_and(|since| since < ms);
        (
            if sooner(REPEAT_ONE_MS) { 1 } else { limit },
            if sooner(REPEAT_WAIT_MS) { wait_ms.max(REPEAT_WAIT_MS) } else { wait_ms },
        )
    }

    pub(crate) fn allowed(&self) -> &BTreeSet<String> {
        &self.allowed
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(crate) fn count(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn first(&self) -> Option<&Update> {
        self.waiting.front()
    }

    pub(crate) fn confirm(&mut self, below: i64) {
        while self.waiting.front().is_some_and(|update| update.id < below) {
            self.waiting.pop_front();
        }
    }

    pub(crate) fn expire(&mut self, now: Timestamp) {
        while self.waiting.front().is_some_and(|one| now.ms_since(one.at) >= UPDATES_KEPT_MS) {
            self.waiting.pop_front();
        }
    }

    fn page(&mut self, offset: i64, limit: usize, now: Timestamp) -> Vec<Value> {
        self.expire(now);
        if offset < 0 {
            let last = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            let surplus = self.waiting.len().saturating_sub(last);
            self.waiting.drain(..surplus);
        } else if offset > 0 {
            self.confirm(offset);
        }
        self.waiting.iter().take(limit).map(|update| update.body.clone()).collect()
    }
}

/// Update ids begin somewhere, as they do at Telegram.
const FIRST_ID: i64 = 100_000;

/// `getUpdates`.
pub(crate) async fn get_updates(shared: &Shared, arguments: &Arguments) -> Outcome {
    spoiled(shared).await?;
    let offset = arguments.number("offset").unwrap_or(0);
    let limit = arguments.number("limit").and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.map_or(LIMIT_MAX, |limit| limit.clamp(1, LIMIT_MAX));
    let wait_s = arguments.number("timeout").and_then(|wait| u64::try_from(wait).ok());
    let wait_ms = wait_s.unwrap_or(0).min(POLL_S_MAX) * 1_000;
    let allowed = arguments.nested("allowed_updates")?;
    let (poll, limit, wait_ms) = {
        let mut world = shared.lock();
        let (now, limits) = (world.now(), world.rules.rate_limits);
        if world.telegram.webhook.url().is_some() {
            return Err(Problem::new(409, WEBHOOK_ACTIVE));
        }
        let updates = &mut world.telegram.updates;
        updates.allow(allowed.as_ref());
        updates.poll += 1;
        let slowed = updates.slow_down(offset, (limit, wait_ms), now);
        let (limit, wait_ms) = if limits { slowed } else { (limit, wait_ms) };
        (updates.poll, limit, wait_ms)
    };
    shared.bells.ring(Network::Telegram);
    let until = shared.clock.now().plus_ms(wait_ms);
    wait_for_updates(shared, poll, (offset, limit), until).await
}

async fn wait_for_updates(
    shared: &Shared,
    poll: u64,
    (offset, limit): (i64, usize),
    until: Timestamp,
) -> Outcome {
    let bell = shared.bells.of(Network::Telegram);
    loop {
        let rung = bell.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        let now = shared.clock.now();
        {
            let mut world = shared.lock();
            let updates = &mut world.telegram.updates;
            if updates.poll != poll {
                return Err(Problem::new(409, OTHER_POLLER));
            }
            let page = updates.page(offset, limit, now);
            if !page.is_empty() || now >= until {
                return Ok(Value::Array(page));
            }
        }
        tokio::select! {
            biased;
            () = shared.stopped() => return Err(Problem::new(500, "Internal Server Error")),
            () = rung => {}
            () = shared.clock.sleep(until.ms_since(now).max(1)) => {}
        }
    }
}

/// Under a `login` fault polling fails like any call that does not send.
async fn spoiled(shared: &Shared) -> Result<(), Problem> {
    let verdict = shared.lock().verdict(Network::Telegram, &[Function::Login], BOT);
    match verdict {
        Verdict::Pass | Verdict::Duplicate => Ok(()),
        Verdict::Delay { ms } => {
            shared.pause(ms).await;
            Ok(())
        }
        Verdict::Refuse { .. } => Err(Problem::new(502, "Bad Gateway")),
        Verdict::Hang { .. } | Verdict::Blackhole => {
            shared.pause(HANG_MS_MAX).await;
            Err(Problem::new(502, "Bad Gateway"))
        }
    }
}

const WEBHOOK_ACTIVE: &str = "Conflict: can't use getUpdates method while webhook is active; use \
                              deleteWebhook to delete the webhook first";
const OTHER_POLLER: &str = "Conflict: terminated by other getUpdates request; make sure that only \
                            one bot instance is running";
