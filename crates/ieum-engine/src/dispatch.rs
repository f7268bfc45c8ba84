//! Step 4 of the straight way: claim what is due, attempt it, settle.
//!
//! One loop for each account, so that a network that hangs delays no other. Invariants: at most
//! `in_flight_max` attempts at once, one of a lane; an outcome is never dropped: when the store
//! cannot write, it is kept and written later.

use crate::account::Account;
use crate::attempt::{attempt, released};
use crate::failover::{Moving, consequences, follow, observe_bad, observe_good};
use crate::pieces::{Pieces, lock};
use crate::runs::{Next, Runs};
use futures_util::stream::{FuturesUnordered, StreamExt};
use ieum_core::delivery::Claim;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::store::{
    Advance, Advanced, CLAIM_ROWS_MAX, ClaimRequest, RUN_ROWS_MAX, StoreFailure,
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

type Advancing = BoxFuture<'static, (Vec<Moving>, Result<Advanced, StoreFailure>)>;

struct Dispatch {
    pieces: Arc<Pieces>,
    account: Arc<Account>,
    under_way: FuturesUnordered<BoxFuture<'static, Moving>>,
    /// What was claimed behind the attempts under way.
    runs: Runs,
    settled: Vec<Moving>,
    advancing: Option<Advancing>,
    /// Whether something may have become due since the last claim.
    wanted: bool,
    next_due_at: Option<Timestamp>,
    rest: bool,
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
        advancing: None,
        wanted: true,
        next_due_at: None,
        rest: false,
        aftermath: FuturesUnordered::new(),
    };
    while dispatch.turn(&mut stop).await {}
    dispatch.finish().await;
}

enum Event {
    Stop,
    Advanced(Vec<Moving>, Result<Advanced, StoreFailure>),
    Settled(Moving),
    Wake,
}

impl Dispatch {
    /// One event; false when it was the stop signal.
    async fn turn(&mut self, stop: &mut watch::Receiver<bool>) -> bool {
        self.advance_if_wanted();
        match self.next_event(stop).await {
            Event::Stop => return false,
            Event::Advanced(sent, answer) => self.advanced(sent, answer),
            Event::Settled(settlement) => {
                self.attempted(settlement);
                self.take_ready();
            }
            Event::Wake => {
                self.wanted = true;
                self.rest = false;
            }
        }
        true
    }

    async fn next_event(&mut self, stop: &mut watch::Receiver<bool>) -> Event {
        let account = Arc::clone(&self.account);
        let due = self.wait_for_due();
        let advancing = async {
            match &mut self.advancing {
                Some(advancing) => advancing.await,
                None => std::future::pending().await,
            }
        };
        let under_way = &mut self.under_way;
        let aftermath = &mut self.aftermath;
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Event::Stop,
            (sent, answer) = advancing => Event::Advanced(sent, answer),
            Some(settlement) = under_way.next(), if !under_way.is_empty() => {
                Event::Settled(settlement)
            }
            Some(()) = aftermath.next(), if !aftermath.is_empty() => Event::Wake,
            () = account.bell.notified() => Event::Wake,
            () = due => Event::Wake,
        }
    }

    fn wait_for_due(&self) -> BoxFuture<'static, ()> {
        if self.rest {
            return self.pieces.clock.sleep(STORE_REST_MS);
        }
        match self.next_due_at {
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
                let pieces = &self.pieces;
                self.settled.extend(claims.into_iter().map(|claim| released(pieces, claim)));
            }
        }
    }

    fn start(&mut self, claim: Claim) {
        let (pieces, account) = (Arc::clone(&self.pieces), Arc::clone(&self.account));
        self.under_way.push(Box::pin(attempt(pieces, account, claim)));
    }

    fn advance_if_wanted(&mut self) {
        if self.advancing.is_some() || self.rest {
            return;
        }
        let free = self.account.rate.in_flight_max.saturating_sub(self.under_way.len());
        let now = self.pieces.now();
        let rows_max = self.account.calls_left(now).min(CLAIM_ROWS_MAX);
        let claim = (self.wanted || !self.settled.is_empty()) && free > 0 && rows_max > 0;
        if self.settled.is_empty() && !claim {
            if self.wanted && free > 0 {
                // Out of this second's calls: look again in the next one.
                self.next_due_at = Some(Timestamp((now.0.div_euclid(1_000) + 1) * 1_000));
            }
            return;
        }
        let repeatable = self.account.connector.capabilities().always_idempotent();
        let advance = Advance {
            settled: self.settled.iter().map(|one| one.settlement.clone()).collect(),
            claim: claim.then_some(ClaimRequest {
                account: self.account.id,
                lanes_max: free,
                rows_max,
                run_max: if repeatable { RUN_ROWS_MAX } else { DOUBTFUL_RUN_ROWS_MAX },
                now,
                durable: !repeatable,
            }),
        };
        if claim {
            self.wanted = false;
        }
        let sent = std::mem::take(&mut self.settled);
        let store = Arc::clone(&self.pieces.store);
        self.advancing = Some(Box::pin(async move {
            let answer = store.advance(advance).await;
            (sent, answer)
        }));
    }

    fn advanced(&mut self, sent: Vec<Moving>, answer: Result<Advanced, StoreFailure>) {
        self.advancing = None;
        let advanced = match answer {
            Ok(advanced) => advanced,
            Err(failure) => {
                let metrics = &self.pieces.metrics;
                metrics.count(&metrics.store_failures, 1);
                tracing::error!(account = %self.account.name, %failure, "nothing settled");
                let later = std::mem::replace(&mut self.settled, sent);
                self.settled.extend(later);
                self.rest = true;
                self.wanted = true;
                return;
            }
        };
        if !sent.is_empty() {
            self.pieces.ring_journal();
        }
        for one in sent {
            self.follow_up(one);
        }
        self.next_due_at = advanced.next_due_at;
        if !advanced.claims.is_empty() {
            self.account.count_calls(self.pieces.now(), advanced.claims.len());
            // More may be due than one claim took.
            self.wanted = true;
        }
        let mut lanes = lock(&self.pieces.under_way);
        lanes.extend(advanced.claims.iter().map(|claim| claim.delivery.lane()));
        drop(lanes);
        for claim in advanced.claims {
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
        if let Some(advancing) = self.advancing.take() {
            let (sent, answer) = advancing.await;
            self.advanced(sent, answer);
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
}
