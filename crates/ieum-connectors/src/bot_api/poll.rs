//! Telegram's long polling.
//!
//! One call waits for updates, the next one confirms them. Invariants: an offset is asked for only
//! after everything before it is durable in the inbox; an update that cannot be read is counted
//! and passed over, for Telegram would send it again for ever.

use crate::backoff::Backoff;
use crate::telegram::outcome::{self, Called, Failed, No};
use crate::telegram::read::read_update;
use crate::telegram::{Telegram, Us, wire};
use http::StatusCode;
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::connector::{Inbox, ListenEnd, Pulse};
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;
use serde_json::value::RawValue;

/// Most updates that Telegram gives at once.
const UPDATES_PER_POLL_MAX: usize = 100;
/// Largest batch that is read; after a larger one updates are fetched one by one.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Wait after an empty answer that came before its time, so that no server makes us spin.
const EMPTY_PAUSE_MS: u64 = 250;

/// What to do after a poll or a greeting.
enum Step {
    /// It went well; go on polling.
    Polled,
    /// It failed: wait (`None` by our own back-off), then greet again.
    Wait(Option<u64>),
    /// It is over.
    End(ListenEnd),
}

/// One batch, read.
struct Batch {
    arrival: Arrival,
    /// The number that confirms it, unless it was empty.
    next: Option<i64>,
}

/// Polls until the inbox closes or polling makes no sense.
pub(crate) async fn listen(
    telegram: &Telegram,
    inbox: &dyn Inbox,
    cursor: Option<Cursor>,
    wait_s: u64,
) -> ListenEnd {
    // A cursor that is not ours is dropped: what comes again is recognised by its event key.
    let offset = cursor.and_then(|cursor| cursor.as_str().parse().ok());
    let mut poller = Poller { telegram, inbox, wait_s, offset, limit: UPDATES_PER_POLL_MAX };
    let mut backoff = Backoff::default();
    loop {
        let mut step = poller.greet().await;
        while matches!(step, Step::Polled) {
            backoff.reset();
            step = poller.poll().await;
        }
        let asked = match step {
            Step::End(end) => return end,
            Step::Wait(asked) => asked,
            Step::Polled => None,
        };
        let entropy = &*telegram.doors.entropy;
        let wait = asked.unwrap_or_else(|| backoff.next_ms(entropy));
        telegram.doors.clock.sleep(wait).await;
    }
}

struct Poller<'a> {
    telegram: &'a Telegram,
    inbox: &'a dyn Inbox,
    wait_s: u64,
    offset: Option<i64>,
    limit: usize,
}

impl Poller<'_> {
    /// Asks who we are: a quick sign of life, and our name for mentions.
    async fn greet(&self) -> Step {
        let probe = self.telegram.ask_who_we_are().await;
        self.inbox.pulse(probe.pulse.clone());
        match probe.pulse {
            Pulse::Good { .. } => Step::Polled,
            Pulse::Bad { .. } => Step::Wait(None),
            Pulse::Refused { reason } => Step::End(ListenEnd::Fatal(reason)),
        }
    }

    async fn poll(&mut self) -> Step {
        let telegram = self.telegram;
        let wait_ms = self.wait_s.saturating_mul(1_000);
        let asked = wire::get_updates(self.offset, self.limit, self.wait_s);
        let from = telegram.doors.clock.now();
        let called = telegram.call(&("getUpdates", asked), wait_ms, BATCH_BYTES_MAX).await;
        let now = telegram.doors.clock.now();
        match self.read(&called, now) {
            Ok(batch) => self.hand_in(batch, now.ms_since(from), wait_ms).await,
            Err(step) => step,
        }
    }

    fn read(&mut self, called: &Called, now: Timestamp) -> Result<Batch, Step> {
        if matches!(called, Err(HttpFailure::AnswerTooLarge)) {
            self.limit = 1;
        }
        let result = outcome::read(called, now);
        let batch = result.and_then(|result| read_batch(result, self.telegram.us(), now));
        batch.map_err(|failed| self.failed(&failed))
    }

    fn failed(&self, failed: &Failed<'_>) -> Step {
        let reason = failed.reason();
        match failed {
            Failed::No(No { code: 401 | 404, .. }) => Step::End(ListenEnd::Fatal(reason)),
            Failed::No(no) if no.code == 409 && no.description.contains("webhook is active") => {
                Step::End(ListenEnd::Fatal(reason))
            }
            Failed::No(no) if no.code == 429 => Step::Wait(Some(no.retry_after_ms)),
            Failed::No(_) | Failed::Silence(_) | Failed::Foreign(_) => {
                self.inbox.pulse(Pulse::Bad { reason });
                Step::Wait(None)
            }
        }
    }

    /// Makes the batch and its offset durable, then moves on.
    async fn hand_in(&mut self, batch: Batch, took_ms: u64, wait_ms: u64) -> Step {
        if let Some(next) = batch.next {
            let cursor = Cursor::new(next.to_string());
            if self.inbox.deliver(batch.arrival, Some(cursor)).await.is_err() {
                return Step::End(ListenEnd::InboxClosed);
            }
            self.offset = Some(next);
        } else if took_ms < wait_ms.clamp(1, EMPTY_PAUSE_MS) {
            self.telegram.doors.clock.sleep(EMPTY_PAUSE_MS).await;
        }
        // Waiting was asked for; only what is beyond it speaks of the network.
        self.inbox.pulse(Pulse::Good { took_ms: took_ms.saturating_sub(wait_ms) });
        self.limit = UPDATES_PER_POLL_MAX;
        Step::Polled
    }
}

/// Reads update by update; there must be a number to go on from unless there are no updates.
fn read_batch<'a>(result: &'a str, us: Us<'_>, now: Timestamp) -> Result<Batch, Failed<'a>> {
    let updates: Vec<&RawValue> = outcome::parse(result)?;
    let (mut arrival, mut last, nothing) = (Arrival::default(), None, updates.is_empty());
    for raw in updates.into_iter().take(UPDATES_PER_POLL_MAX).map(RawValue::get) {
        let (id, read) = match serde_json::from_str::<wire::Update>(raw) {
            Ok(update) => (Some(update.update_id), read_update(&update, us, now).ok().flatten()),
            Err(_) => (number_of(raw), None),
        };
        last = last.max(id);
        arrival.ignored += u32::from(read.is_none());
        arrival.events.extend(read);
    }
    let next = last.and_then(|last| last.checked_add(1));
    let whole = nothing || next.is_some();
    whole.then_some(Batch { arrival, next }).ok_or(Failed::Foreign(StatusCode::OK))
}

/// The number of an update that cannot be read as a whole.
fn number_of(raw: &str) -> Option<i64> {
    serde_json::from_str::<wire::UpdateIdOnly>(raw).ok().map(|update| update.update_id)
}
