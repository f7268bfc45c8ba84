//! Tells devices of what was said: one loop behind the journal.
//!
//! Nothing of it is promised. A crash forgets what waits, a device that cannot be told within a
//! few tries is left alone, and no message's way depends on it. Invariants: a device is told of a
//! message once at most, as far as its push service says what became of it; nobody is told of what
//! they read, on any network or page.

mod note;
pub(crate) mod subscribe;

use crate::pieces::{Pieces, lock};
use crate::search::{self, Present};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ieum_core::content::{Content, What};
use ieum_core::ids::{ConversationId, JournalSeq, MessageSeq, PersonId};
use ieum_core::journal::JournalEvent;
use ieum_core::message::{Author, Class, Message};
use ieum_core::people::push::{PushQueue, Subscription, Waiting, devices, ended, hearers, is_read};
use ieum_core::people::sessions::SessionMark;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::push::{Note, Push, PushOutcome, Pusher};
use ieum_core::ports::store::StoreFailure;
use ieum_core::route::author_person;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Entries of the journal read at a time.
const ROWS_PER_READ: usize = 256;
/// Calls to push services under way.
const UNDER_WAY_MAX: usize = 32;
/// Of these to devices of one person: nobody's push services hold up the others'.
const UNDER_WAY_PER_PERSON_MAX: usize = 4;
/// Times that a device is tried.
const ATTEMPTS_MAX: u32 = 3;
/// The rest before each further try, in milliseconds.
const RESTS_MS: [u64; 2] = [5_000, 60_000];
/// Devices that wait for a further try.
const AGAIN_MAX: usize = 2_000;
/// How long the loop sleeps when nothing is due.
const IDLE_MS: u64 = 60_000;
/// Longest time that a push service keeps something for a device that is away: a day.
const TTL_MS_MAX: u64 = 24 * 3_600_000;

/// One device that is to be told.
#[derive(Debug)]
struct Job {
    person: PersonId,
    conversation: ConversationId,
    said_at: Timestamp,
    until: Timestamp,
    is_urgent: bool,
    mark: SessionMark,
    device: Subscription,
    note: Note,
    topic: [u8; 16],
    attempt: u32,
}

/// What the loop knows.
#[derive(Debug)]
struct Desk {
    pieces: Arc<Pieces>,
    pusher: Arc<dyn Pusher>,
    queue: PushQueue,
    /// Up to where the journal was read; none while nobody listens.
    after: Option<JournalSeq>,
    /// By when they are due, and a number.
    jobs: BTreeMap<(Timestamp, u64), Job>,
    numbers: u64,
    under_way: BTreeMap<PersonId, usize>,
}

type Told = (Job, PushOutcome);

/// Runs until `stop`.
pub(crate) async fn push(
    pieces: Arc<Pieces>,
    pusher: Arc<dyn Pusher>,
    mut stop: watch::Receiver<bool>,
) {
    let mut bell = pieces.journal_bell.subscribe();
    let mut desk = Desk::new(pieces, pusher);
    let mut calls: FuturesUnordered<BoxFuture<'static, Told>> = FuturesUnordered::new();
    loop {
        bell.borrow_and_update();
        if let Err(failure) = desk.look().await {
            tracing::warn!(%failure, "devices were not told of all that was said");
        }
        desk.call_due(&mut calls);
        let rest = desk.rest_ms();
        let clock = Arc::clone(&desk.pieces.clock);
        let ended = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            Some(told) = calls.next(), if !calls.is_empty() => Some(told),
            _ = bell.changed() => None,
            () = clock.sleep(rest) => None,
        };
        if let Some((job, outcome)) = ended {
            desk.told(job, outcome).await;
        }
    }
}

impl Desk {
    fn new(pieces: Arc<Pieces>, pusher: Arc<dyn Pusher>) -> Self {
        Self {
            pieces,
            pusher,
            queue: PushQueue::default(),
            after: None,
            jobs: BTreeMap::new(),
            numbers: 0,
            under_way: BTreeMap::new(),
        }
    }

    /// Reads what happened since, and makes jobs of what is due.
    async fn look(&mut self) -> Result<(), StoreFailure> {
        if !self.pieces.read(|directory| directory.doors().anybody_hears()) {
            self.after = None;
            self.queue = PushQueue::default();
            return Ok(());
        }
        let heard_from = lock(&self.pieces.heard_from).take();
        if self.after.is_none() {
            self.after = match heard_from {
                None => Some(JournalSeq(self.pieces.store.counts().await?.journal)),
                from => from,
            };
        }
        while let Some(after) = self.after {
            let page = self.pieces.store.page_journal(after, ROWS_PER_READ).await?;
            let Some(last) = page.last().map(|entry| entry.seq) else { break };
            for entry in page {
                if let JournalEvent::Admitted { at, message, conversation, author, .. } =
                    entry.event
                {
                    self.said(at, message, (conversation, author)).await?;
                }
            }
            self.after = Some(last);
        }
        while let Some(waiting) = self.queue.take_due(self.pieces.now()) {
            self.prepare(waiting).await?;
        }
        Ok(())
    }

    /// Something was said: who speaks has seen what was there, the others are to hear of it.
    async fn said(
        &mut self,
        at: Timestamp,
        message: MessageSeq,
        (conversation, author): (ConversationId, Author),
    ) -> Result<(), StoreFailure> {
        let (speaker, hearers) = self.pieces.read(|directory| {
            let found = directory.conversation(conversation);
            let hearers = found.map(|found| hearers(directory, found, author));
            (author_person(directory, author), hearers.unwrap_or_default())
        });
        if let Some(speaker) = speaker {
            self.queue.seen(speaker, conversation);
        }
        if hearers.is_empty() {
            return Ok(());
        }
        let found = self.pieces.store.message(message).await?;
        if found.is_some_and(|found| is_worth_telling(&found)) {
            for person in hearers {
                self.queue.add(person, conversation, message, at);
            }
        }
        Ok(())
    }

    /// What waited its while: is it still news?
    async fn prepare(&mut self, waiting: Waiting) -> Result<(), StoreFailure> {
        let Waiting { person, conversation, .. } = waiting;
        let Some(message) = self.pieces.store.message(waiting.message).await? else {
            return Ok(());
        };
        let deliveries = self.pieces.store.deliveries_of(waiting.message).await?;
        let said_at = message.new.accepted_at;
        if is_read(&deliveries, person) || self.saw(person, conversation, said_at) {
            return Ok(());
        }
        let Some(message) = self.as_it_reads_now(message).await? else { return Ok(()) };
        let now = self.pieces.now();
        let devices = self.pieces.read(|directory| {
            let found = directory.conversation(conversation);
            let hears = found
                .is_some_and(|one| hearers(directory, one, message.new.author).contains(&person));
            if hears { devices(directory, person, now) } else { Vec::new() }
        });
        for (mark, device) in devices {
            let note = note::note(&self.pieces, &message, waiting, device.tells);
            self.add(now, self.job(&message, (person, mark, device), note));
        }
        Ok(())
    }

    /// The message as it was edited since; none where it was taken back.
    async fn as_it_reads_now(
        &self,
        message: Arc<Message>,
    ) -> Result<Option<Arc<Message>>, StoreFailure> {
        let Ok(later) = search::present(&self.pieces, vec![message.seq]).await else {
            return Ok(Some(message));
        };
        Ok(match later.get(&message.seq) {
            Some(Present::Withdrawn) => None,
            Some(Present::Says(version)) => Some(Arc::clone(version)),
            None => Some(message),
        })
    }

    fn job(
        &self,
        message: &Message,
        (person, mark, device): (PersonId, SessionMark, Subscription),
        note: Note,
    ) -> Job {
        let new = &message.new;
        Job {
            person,
            conversation: new.conversation,
            said_at: new.accepted_at,
            until: new.expires_at.min(new.accepted_at.plus_ms(TTL_MS_MAX)),
            is_urgent: new.class == Class::Urgent,
            mark,
            device,
            note,
            topic: note::topic(&self.pieces, person, new.conversation),
            attempt: 0,
        }
    }

    fn add(&mut self, due: Timestamp, job: Job) {
        if self.jobs.len() < AGAIN_MAX {
            self.numbers = self.numbers.wrapping_add(1);
            self.jobs.insert((due, self.numbers), job);
        }
    }

    /// Calls whom it is time to call, as many as may be at once.
    fn call_due(&mut self, calls: &mut FuturesUnordered<BoxFuture<'static, Told>>) {
        let now = self.pieces.now();
        let due: Vec<_> = self.jobs.range(..=(now, u64::MAX)).map(|(key, _)| *key).collect();
        for key in due {
            if calls.len() >= UNDER_WAY_MAX {
                return;
            }
            let whose = self.jobs.get(&key).map(|job| job.person);
            let busy = whose.and_then(|person| self.under_way.get(&person).copied());
            if busy.unwrap_or(0) >= UNDER_WAY_PER_PERSON_MAX {
                continue;
            }
            let Some(job) = self.jobs.remove(&key).filter(|job| self.is_wanted(job, now)) else {
                continue;
            };
            *self.under_way.entry(job.person).or_default() += 1;
            calls.push(call(Arc::clone(&self.pusher), job, now));
        }
    }

    /// Whether the device still hears, and its person has not seen it meanwhile.
    fn is_wanted(&self, job: &Job, now: Timestamp) -> bool {
        let device = (job.mark, &*job.device.endpoint);
        let hears = self.pieces.read(|directory| {
            let all = devices(directory, job.person, now);
            all.iter().any(|(mark, one)| (*mark, &*one.endpoint) == device)
        });
        hears && now < job.until && !self.saw(job.person, job.conversation, job.said_at)
    }

    fn saw(&self, person: PersonId, conversation: ConversationId, said_at: Timestamp) -> bool {
        lock(&self.pieces.looks).saw(person, conversation, said_at)
    }

    /// What became of a call.
    async fn told(&mut self, mut job: Job, outcome: PushOutcome) {
        if let Some(calls) = self.under_way.get_mut(&job.person) {
            *calls -= 1;
            if *calls == 0 {
                self.under_way.remove(&job.person);
            }
        }
        match outcome {
            PushOutcome::Taken => {}
            PushOutcome::Gone => self.forget(&job.device).await,
            PushOutcome::Refused(why) => {
                tracing::warn!(device = ?job.device, %why, "a push service refused a message");
            }
            PushOutcome::Later(asked_ms) => {
                let rest = usize::try_from(job.attempt).ok().and_then(|at| RESTS_MS.get(at));
                job.attempt += 1;
                if let Some(rest_ms) = rest.filter(|_| job.attempt < ATTEMPTS_MAX) {
                    let rest_ms = asked_ms.unwrap_or(*rest_ms).max(*rest_ms);
                    self.add(self.pieces.now().plus_ms(rest_ms), job);
                }
            }
        }
    }

    async fn forget(&self, device: &Subscription) {
        let gone = self.pieces.change(|directory| (ended(directory, &device.endpoint), ()));
        if let Err(failure) = gone.await {
            tracing::error!(%failure, "a device that is gone was not forgotten");
        }
    }

    /// Until something is due. What is due already waits for a call to end.
    fn rest_ms(&self) -> u64 {
        let now = self.pieces.now();
        let next = self.jobs.range((now, u64::MAX)..).next().map(|((due, _), _)| *due);
        let due = [next, self.queue.next_due()].into_iter().flatten().min();
        due.map_or(IDLE_MS, |due| due.ms_since(now).clamp(1, IDLE_MS))
    }
}

fn call(pusher: Arc<dyn Pusher>, job: Job, now: Timestamp) -> BoxFuture<'static, Told> {
    Box::pin(async move {
        let push = Push {
            to: &job.device,
            note: &job.note,
            ttl_s: u32::try_from(job.until.ms_since(now) / 1_000).unwrap_or(u32::MAX),
            is_urgent: job.is_urgent,
            topic: job.topic,
        };
        let outcome = pusher.push(push).await;
        (job, outcome)
    })
}

/// Words and files are; edits, reactions and what an import brought along are not.
fn is_worth_telling(message: &Message) -> bool {
    let new = &message.new;
    if new.source.is_none() && new.origin_at != new.accepted_at {
        return false;
    }
    let Ok(content) = Content::decode(&new.content) else { return false };
    match content.what() {
        What::Text(_) | What::Other => true,
        What::File { replaces, .. } => replaces.is_none(),
        What::Edit { .. }
        | What::Withdrawal { .. }
        | What::Reaction { .. }
        | What::ReactionWithdrawal { .. } => false,
    }
}
