//! Step 4 of the straight way: claim what is due, attempt it, settle.
//!
//! One loop for each account, so that a network that hangs delays no other. What is due is asked
//! for ahead of time: the store hands it out in the transaction that makes it due. Invariants: at
//! most `in_flight_max` attempts at once, one of a lane; an outcome is never dropped: when the
//! store cannot write, it is kept and written later.

use crate::account::Account;
use crate::attempt::{attempt, released};
use crate::failover::{Moving, consequences, follow, observe_bad, observe_good};
use crate::pieces::{Pieces, lock};
use crate::runs::{Next, Runs};
use futures_util::future::OptionFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use ieum_core::delivery::Claim;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::store::{
    Advance, Advanced, CLAIM_ROWS_MAX, ClaimNext, ClaimRequest, RUN_ROWS_MAX, StoreFailure,
};
use ieum_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// How long the loop waits before it asks a store that failed again.
const STORE_REST_MS: u64 = 500;

/// Most deliveries of one lane claimed at once where a call cannot be repeated safely: a crash
/// leaves all of them in doubt.
const DOUBTFUL_RUN_ROWS_MAX: usize = 4;

/// How long what is asked for ahead of time may stand before a bell has it asked anew. Bells then
/// say nothing that the store does not know; this is for what a jumping clock leaves behind.
const STAND_MS_MAX: u64 = 1_000;

/// Most settlements on their way to the store at once; more go together.
const SETTLING_MAX: usize = 4;

/// How often a claim that stands is asked for again at the end.
const TAKE_BACK_TRIES_MAX: usize = 100;

type Settling = BoxFuture<'static, (Vec<Moving>, Result<Advanced, StoreFailure>)>;
type Claiming = BoxFuture<'static, Result<Advanced, StoreFailure>>;

struct Dispatch {
    pieces: Arc<Pieces>,
    account: Arc<Account>,
    under_way: FuturesUnordered<BoxFuture<'static, Moving>>,
    /// What was claimed behind the attempts under way.
    runs: Runs,
    settled: Vec<Moving>,
    settling: FuturesUnordered<Settling>,
    /// What is asked for: one claim, and behind it the one without room that takes it back.
    claiming: FuturesUnordered<Claiming>,
    taking_back: bool,
    asked_at: Timestamp,
    /// Whether to ask anew though something is asked for.
    wanted: bool,
    next_due_at: Option<Timestamp>,
    /// The rest of a store that failed: nothing is asked of it before that is over, whatever
    /// happens meanwhile.
    rest: Option<BoxFuture<'static, ()>>,
    /// What follows from failures: leaving a route that turned.
    aftermath: FuturesUnordered<BoxFuture<'static, ()>>,
}

/// Runs until `stop`; then waits for attempts under way and settles them.
pub(crate) async fn dispatch(
    pieces: Arc<Pieces>,
    account: Arc<Account>,
    mut stop: watch::Receiver<bool>,
) {
    let mut dispatch = Dispatch {
        pieces,
        account,
        under_way: FuturesUnordered::new(),
        runs: Runs::default(),
        settled: Vec::new(),
        settling: FuturesUnordered::new(),
        claiming: FuturesUnordered::new(),
        taking_back: false,
        asked_at: Timestamp(0),
        wanted: true,
        next_due_at: None,
        rest: None,
        aftermath: FuturesUnordered::new(),
    };
    while dispatch.turn(&mut stop).await {}
    dispatch.finish().await;
}

enum Event {
    Stop,
    Claimed(Result<Advanced, StoreFailure>),
    Settled(Vec<Moving>, Result<Advanced, StoreFailure>),
    Attempted(Moving),
    /// Somebody may have made something due.
    Bell,
    /// Something has changed here.
    Changed,
    /// Something is due by the clock.
    Due,
}

impl Dispatch {
    /// One event; false when it was the stop signal.
    async fn turn(&mut self, stop: &mut watch::Receiver<bool>) -> bool {
        if self.rest.is_none() {
            self.settle();
            self.claim();
        }
        match self.next_event(stop).await {
            Event::Stop => return false,
            Event::Claimed(answer) => self.claimed(answer),
            Event::Settled(sent, answer) => self.settled(sent, answer),
            Event::Attempted(one) => {
                self.attempted(one);
                self.take_ready();
            }
            Event::Bell => self.wanted |= self.stood_long(),
            Event::Changed => self.wanted = true,
            Event::Due => {
                self.wanted = true;
                self.rest = None;
            }
        }
        true
    }

    async fn next_event(&mut self, stop: &mut watch::Receiver<bool>) -> Event {
        let account = Arc::clone(&self.account);
        let due = self.wait_for_due();
        let (claiming, settling) = (&mut self.claiming, &mut self.settling);
        let (under_way, aftermath) = (&mut self.under_way, &mut self.aftermath);
        let rest = OptionFuture::from(self.rest.as_mut());
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Event::Stop,
            Some(()) = rest => Event::Due,
            Some(answer) = claiming.next(), if !claiming.is_empty() => Event::Claimed(answer),
            Some((sent, answer)) = settling.next(), if !settling.is_empty() => {
                Event::Settled(sent, answer)
            }
            Some(one) = under_way.next(), if !under_way.is_empty() => Event::Attempted(one),
            Some(()) = aftermath.next(), if !aftermath.is_empty() => Event::Changed,
            () = account.bell.notified() => Event::Bell,
            () = due => Event::Due,
        }
    }

    /// Whether what is asked for was asked so long ago that a bell is to be believed.
    fn stood_long(&self) -> bool {
        let now = self.pieces.now();
        now < self.asked_at || now.ms_since(self.asked_at) >= STAND_MS_MAX
    }

    fn wait_for_due(&self) -> BoxFuture<'static, ()> {
        match self.next_due_at.filter(|_| self.free() > 0 && self.rest.is_none()) {
            // The claim that follows looks at the same clock: one more keeps it from being early.
            Some(at) => self.pieces.clock.sleep(at.ms_since(self.pieces.now()).saturating_add(1)),
            None => Box::pin(std::future::pending()),
        }
    }

    /// Attempts that ended at the same time are settled in the same transaction.
    fn take_ready(&mut self) {
        use futures_util::FutureExt;
        while let Some(Some(settlement)) = self.under_way.next().now_or_never() {
            self.attempted(settlement);
        }
    }

    /// An attempt ended. What was claimed behind it goes at once where it succeeded; elsewhere it
    /// waits behind it again.
    fn attempted(&mut self, one: Moving) {
        let next = self.runs.next(&one);
        self.settled.push(one);
        match next {
            Next::Nothing => {}
            Next::Attempt(claim) => self.start(*claim),
            Next::Release(claims) => {
                self.account.release_calls(claims.len());
                let pieces = &self.pieces;
                self.settled.extend(claims.into_iter().map(|claim| released(pieces, claim)));
            }
        }
    }

    fn start(&mut self, claim: Claim) {
        self.account.begin_call(self.pieces.now());
        let (pieces, account) = (Arc::clone(&self.pieces), Arc::clone(&self.account));
        self.under_way.push(Box::pin(attempt(pieces, account, claim)));
    }

    /// Hands outcomes to the store.
    fn settle(&mut self) {
        if self.settled.is_empty() || self.settling.len() >= SETTLING_MAX {
            return;
        }
        let settled = self.settled.iter().map(|one| one.settlement.clone()).collect();
        let sent = std::mem::take(&mut self.settled);
        let store = Arc::clone(&self.pieces.store);
        self.settling.push(Box::pin(async move {
            let answer = store.advance(Advance { settled, claim: None }).await;
            (sent, answer)
        }));
    }

    /// Asks for what is due next, once. Anew, when that is wanted: but only when it is known what
    /// became of the claim before, so that both together take no more than there is room for.
    fn claim(&mut self) {
        if !self.claiming.is_empty() {
            if self.wanted && !self.taking_back {
                self.take_back();
            }
            return;
        }
        self.taking_back = false;
        let (free, now) = (self.free(), self.pieces.now());
        let rows_max = self.account.calls_left(now).min(CLAIM_ROWS_MAX);
        if free > 0 && rows_max > 0 {
            self.wanted = false;
            self.asked_at = now;
            self.ask(free, rows_max);
        } else if rows_max == 0 {
            // As many calls began as a second may have: look again when there is room.
            self.next_due_at = Some(self.account.calls_free_at(now));
        }
    }

    /// A claim answers those before it, and one without room is answered at once.
    fn take_back(&mut self) {
        self.taking_back = true;
        self.ask(0, 0);
    }

    fn ask(&mut self, lanes_max: usize, rows_max: usize) {
        let repeatable = self.account.connector.capabilities().always_idempotent();
        let claim = ClaimRequest {
            account: self.account.id,
            lanes_max,
            rows_max,
            run_max: if repeatable { RUN_ROWS_MAX } else { DOUBTFUL_RUN_ROWS_MAX },
            now: self.pieces.now(),
            durable: !repeatable,
        };
        let next = ClaimNext { claim, expected_at: self.next_due_at };
        let store = Arc::clone(&self.pieces.store);
        self.claiming.push(Box::pin(async move { store.claim_next(next).await }));
    }

    /// How many more attempts may be under way.
    fn free(&self) -> usize {
        self.account.rate.in_flight_max.saturating_sub(self.under_way.len())
    }

    fn settled(&mut self, sent: Vec<Moving>, answer: Result<Advanced, StoreFailure>) {
        if let Err(failure) = answer {
            self.store_failed(&failure);
            let later = std::mem::replace(&mut self.settled, sent);
            self.settled.extend(later);
            return;
        }
        self.pieces.ring_journal();
        for one in sent {
            self.follow_up(one);
        }
    }

    fn store_failed(&mut self, failure: &StoreFailure) {
        let metrics = &self.pieces.metrics;
        metrics.count(&metrics.store_failures, 1);
        tracing::error!(account = %self.account.name, %failure, "nothing settled or claimed");
        self.rest = Some(self.pieces.clock.sleep(STORE_REST_MS));
        self.wanted = true;
    }

    fn claimed(&mut self, answer: Result<Advanced, StoreFailure>) {
        match answer {
            Ok(advanced) => {
                self.next_due_at = advanced.next_due_at;
                self.start_all(advanced.claims);
            }
            Err(failure) => self.store_failed(&failure),
        }
    }

    fn start_all(&mut self, claims: Vec<Claim>) {
        if claims.is_empty() {
            return;
        }
        self.account.claim_calls(claims.len());
        let mut lanes = lock(&self.pieces.under_way);
        lanes.extend(claims.iter().map(|claim| claim.delivery.lane()));
        drop(lanes);
        for claim in claims {
            if let Some(first) = self.runs.add(claim) {
                self.start(first);
            }
        }
    }

    /// What follows from a settlement that is durable now.
    fn follow_up(&mut self, one: Moving) {
        if self.runs.settled(one.delivery.lane()) {
            lock(&self.pieces.under_way).remove(&one.delivery.lane());
        }
        consequences(&self.pieces, &one.delivery, &one.settlement);
        let (pieces, account) = (Arc::clone(&self.pieces), Arc::clone(&self.account));
        match one.good {
            Some(true) => {
                if let Some(change) = observe_good(&pieces, &account, &one) {
                    self.aftermath.push(Box::pin(async move { follow(&pieces, change).await }));
                }
            }
            Some(false) => self
                .aftermath
                .push(Box::pin(async move { observe_bad(&pieces, &account, &one).await })),
            None => {}
        }
    }

    /// Lets attempts under way end and settles them: nothing is left half-known by a calm stop.
    async fn finish(mut self) {
        self.release_claimed().await;
        while let Some((sent, answer)) = self.settling.next().await {
            self.settled(sent, answer);
        }
        self.settled.extend(self.runs.stop().map(|claim| released(&self.pieces, claim)));
        while let Some(settlement) = self.under_way.next().await {
            self.attempted(settlement);
        }
        // Of one lane in its order: what was released came after what was under way.
        self.settled.sort_by_key(|one| one.settlement.delivery);
        let settled: Vec<_> = self.settled.drain(..).map(|one| one.settlement).collect();
        if settled.is_empty() {
            return;
        }
        if let Err(failure) = self.pieces.store.advance(Advance { settled, claim: None }).await {
            tracing::error!(account = %self.account.name, %failure, "outcomes not kept at stop");
        }
        debug_assert_eq!(self.account.in_flight.load(Ordering::Relaxed), 0, "all attempts ended");
    }

    /// Asks for nothing any more; what was handed out meanwhile is not to be attempted.
    async fn release_claimed(&mut self) {
        for _ in 0..TAKE_BACK_TRIES_MAX {
            // Once more when the store was ill, or had not heard of the claim yet.
            if !self.claiming.is_empty() {
                self.take_back();
            }
            let Some(answer) = self.claiming.next().await else { break };
            let claims = answer.map(|advanced| advanced.claims).unwrap_or_default();
            self.settled.extend(claims.into_iter().map(|claim| released(&self.pieces, claim)));
        }
    }
}
