//! Telegram's long polling.
//!
//! One call waits for updates, the next one confirms them. Invariants: an offset is asked for only
//! after everything before it is durable in the inbox; an update that cannot be read is counted
//! and passed over, for Telegram would send it again for ever.

use super::outcome::{self, Called, No};
use super::read::{Us, read_update};
use super::{Telegram, wire};
use crate::backoff::Backoff;
use ieum_core::ids::Cursor;
use ieum_core::inbound::Arrival;
use ieum_core::ports::connector::{Inbox, ListenEnd, Pulse};
use ieum_core::ports::http::{HttpFailure, HttpLimits};
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
pub(super) async fn listen(
    telegram: &Telegram,
    inbox: &dyn Inbox,
    cursor: Option<Cursor>,
) -> ListenEnd {
    // A cursor that is not ours is dropped: what comes again is recognised by its event key.
    let offset = cursor.and_then(|cursor| cursor.as_str().parse().ok());
    let mut poller = Poller { telegram, inbox, offset, limit: UPDATES_PER_POLL_MAX };
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
        let asked = match telegram.methods.updates(self.offset, self.limit, telegram.poll_s) {
            Ok(request) => request,
            Err(why) => return Step::End(ListenEnd::Fatal(why.reason.to_owned())),
        };
        let wait_ms = telegram.poll_s.saturating_mul(1_000);
        let limits = HttpLimits {
            timeout_ms: telegram.limits.timeout_ms.saturating_add(wait_ms),
            answer_bytes_max: BATCH_BYTES_MAX,
        };
        let from = telegram.doors.clock.now();
        let called = telegram.doors.http.call(asked, limits).await;
        let now = telegram.doors.clock.now();
        match self.read(called, now) {
            Ok(batch) => self.hand_in(batch, now.ms_since(from), wait_ms).await,
            Err(step) => step,
        }
    }

    fn read(&mut self, called: Called, now: Timestamp) -> Result<Batch, Step> {
        let response = match called {
            Ok(response) => response,
            Err(failure) => {
                if failure == HttpFailure::AnswerTooLarge {
                    self.limit = 1;
                }
                return Err(self.bad(outcome::told(&failure).to_owned()));
            }
        };
        if let Some(no) = outcome::read_no(&response, now) {
            return Err(self.refused(&no));
        }
        let batch = read_batch(response.body(), self.telegram.us(), now);
        batch.filter(|_| response.status().is_success()).ok_or_else(|| {
            let code = response.status().as_u16();
            self.bad(format!("Telegram {code}: no updates in the answer"))
        })
    }

    fn bad(&self, reason: String) -> Step {
        self.inbox.pulse(Pulse::Bad { reason });
        Step::Wait(None)
    }

    fn refused(&self, no: &No) -> Step {
        match no.code {
            401 | 404 => Step::End(ListenEnd::Fatal(no.reason())),
            409 if no.description.contains("webhook is active") => {
                Step::End(ListenEnd::Fatal(no.reason()))
            }
            429 => Step::Wait(Some(no.retry_after_ms.unwrap_or(outcome::RATE_LIMIT_BACK_OFF_MS))),
            _ => self.bad(no.reason()),
        }
    }

    /// Makes the batch and its offset durable, then moves on.
    async fn hand_in(&mut self, batch: Batch, took_ms: u64, wait_ms: u64) -> Step {
        let Some(next) = batch.next else {
            if took_ms < wait_ms.clamp(1, EMPTY_PAUSE_MS) {
                self.telegram.doors.clock.sleep(EMPTY_PAUSE_MS).await;
            }
            // Waiting was asked for; only what is beyond it speaks of the network.
            self.inbox.pulse(Pulse::Good { took_ms: took_ms.saturating_sub(wait_ms) });
            self.limit = UPDATES_PER_POLL_MAX;
            return Step::Polled;
        };
        let cursor = Cursor::new(next.to_string());
        if self.inbox.deliver(batch.arrival, Some(cursor)).await.is_err() {
            return Step::End(ListenEnd::InboxClosed);
        }
        self.inbox.pulse(Pulse::Good { took_ms: took_ms.saturating_sub(wait_ms) });
        self.offset = Some(next);
        self.limit = UPDATES_PER_POLL_MAX;
        Step::Polled
    }
}

/// Reads a batch in one go, and only when that fails update by update.
fn read_batch(body: &[u8], us: Us<'_>, now: Timestamp) -> Option<Batch> {
    type Whole<'a> = wire::Answer<'a, Vec<wire::Update<'a>>>;
    type OneByOne<'a> = wire::Answer<'a, Vec<&'a RawValue>>;
    let mut reading = Reading { us, now, arrival: Arrival::default(), last: None };
    if let Ok(answer) = serde_json::from_slice::<Whole<'_>>(body) {
        let updates = answer.result.filter(|_| answer.ok)?;
        for update in updates.into_iter().take(UPDATES_PER_POLL_MAX) {
            reading.take(update);
        }
        return reading.finish();
    }
    let answer: OneByOne<'_> = serde_json::from_slice(body).ok()?;
    let updates = answer.result.filter(|_| answer.ok)?;
    for raw in updates.into_iter().take(UPDATES_PER_POLL_MAX) {
        match serde_json::from_str::<wire::Update<'_>>(raw.get()) {
            Ok(update) => reading.take(update),
            Err(_) => reading.pass_over(raw.get()),
        }
    }
    reading.finish()
}

/// A batch being read.
struct Reading<'a> {
    us: Us<'a>,
    now: Timestamp,
    arrival: Arrival,
    last: Option<i64>,
}

impl Reading<'_> {
    fn take(&mut self, update: wire::Update<'_>) {
        self.last = self.last.max(Some(update.update_id));
        match read_update(update, self.us, self.now) {
            Ok(Some(inbound)) => self.arrival.events.push(inbound),
            Ok(None) | Err(_) => self.arrival.ignored += 1,
        }
    }

    fn pass_over(&mut self, raw: &str) {
        self.arrival.ignored += 1;
        if let Ok(update) = serde_json::from_str::<wire::UpdateIdOnly>(raw) {
            self.last = self.last.max(Some(update.update_id));
        }
    }

    /// `None` when there were updates and none of them had a number to go on from.
    fn finish(self) -> Option<Batch> {
        let nothing = self.arrival.events.is_empty() && self.arrival.ignored == 0;
        let next = self.last.and_then(|last| last.checked_add(1));
        (nothing || next.is_some()).then_some(Batch { arrival: self.arrival, next })
    }
}
