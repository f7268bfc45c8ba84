//! Step 5 of the straight way, and the decision of step 6: render, one attempt, settle.
//!
//! Invariant: whatever happens in here ends in exactly one settlement of the claimed delivery.

use crate::account::Account;
use crate::failover::{self, Moving};
use crate::media::file_of;
use crate::notices::HUB_CONVERSATION;
use crate::pieces::{Pieces, lock};
use crate::speak::Spoken;
use crate::withdrawal::judge;
use ieum_core::content::Content;
use ieum_core::delivery::{Claim, Delivery, Recipient, Route, Settlement, Step};
use ieum_core::directory::Endpoint;
use ieum_core::health::Function;
use ieum_core::health::book::api_cell;
use ieum_core::ids::{ChatKey, DeliverySeq};
use ieum_core::message::NewMessage;
use ieum_core::network::{ChatKind, Network};
use ieum_core::outgoing::{Outcome, Outgoing, Scope};
use ieum_core::route::next_untried;
use ieum_core::settle::{SettleFacts, settle};
use ieum_core::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A call ready to be made.
struct Call {
    outgoing: Outgoing,
    parts: u32,
    carried: u32,
}

/// Why no call is made.
enum NoCall {
    /// It comes to the same as this answer of the network.
    As(Outcome),
    /// It can only go later, and why.
    Later(Timestamp, &'static str),
    /// Its lifetime passed while it waited.
    Expired,
    /// Its recipient does not agree to it now.
    TakenBack(Step, &'static str),
}

/// Makes the attempt of one claim.
pub(crate) async fn attempt(pieces: Arc<Pieces>, account: Arc<Account>, claim: Claim) -> Moving {
    account.in_flight.fetch_add(1, Ordering::Relaxed);
    let began_at = pieces.now();
    let (settlement, good) = run(&pieces, &account, &claim).await;
    account.in_flight.fetch_sub(1, Ordering::Relaxed);
    Moving { delivery: claim.delivery, settlement, good, began_at }
}

/// What becomes of a claim that is not attempted after all: it waits in its lane again.
pub(crate) fn released(pieces: &Pieces, claim: Claim) -> Moving {
    let at = pieces.now();
    let settlement = Settlement {
        delivery: claim.delivery.seq,
        step: Step::RetryAt { at, label: None },
        evidence: "an earlier one did not pass".into(),
        at,
        plus: Vec::new(),
    };
    Moving { delivery: claim.delivery, settlement, good: None, began_at: at }
}

/// The settlement, and whether the network proved to work (`None`: it says nothing about that).
async fn run(pieces: &Pieces, account: &Account, claim: &Claim) -> (Settlement, Option<bool>) {
    let delivery = claim.delivery.seq;
    let call = match prepare(pieces, account, claim).await {
        Ok(call) => call,
        Err(NoCall::Later(at, why)) => {
            return (unsent(pieces, delivery, Step::RetryAt { at, label: None }, why), None);
        }
        Err(NoCall::Expired) => {
            return (unsent(pieces, delivery, Step::Expired, "its lifetime passed"), None);
        }
        Err(NoCall::TakenBack(step, evidence)) => {
            return (unsent(pieces, delivery, step, evidence), None);
        }
        Err(NoCall::As(outcome)) => {
            let ended = (pieces.now(), outcome);
            return (conclude(pieces, account, claim, (1, 1), ended).await, None);
        }
    };
    let began_at = pieces.now();
    let outcome = account.connector.send(&call.outgoing).await;
    pieces.metrics.outcome(&outcome);
    if let Outcome::Refused { moved_to: Some(to), .. } = &outcome {
        follow_move(pieces, claim.delivery.route, to.clone()).await;
    }
    let good = outcome.blames_network().map(|blamed| !blamed);
    let ended = (began_at, outcome);
    (conclude(pieces, account, claim, (call.parts, call.carried), ended).await, good)
}

/// The settlement of a claim for which no call was made.
fn unsent(pieces: &Pieces, delivery: DeliverySeq, step: Step, why: &str) -> Settlement {
    Settlement { delivery, step, evidence: why.into(), at: pieces.now(), plus: Vec::new() }
}

async fn follow_move(pieces: &Pieces, route: Option<Route>, to: ChatKey) {
    let Some(Route { endpoint: Endpoint::Room(room), .. }) = route else {
        return;
    };
    let moved = pieces
        .change(|directory| {
            let change = directory.room(room).cloned().map(|mut room| {
                room.chat = to;
                ieum_core::directory::Change::Room(room)
            });
            (change.into_iter().collect(), ())
        })
        .await;
    if let Err(failure) = moved {
        tracing::error!(%failure, "a room's new id was not kept; the next refusal repeats it");
    }
}

async fn conclude(
    pieces: &Pieces,
    account: &Account,
    claim: &Claim,
    (parts, carried): (u32, u32),
    (began_at, outcome): (Timestamp, Outcome),
) -> Settlement {
    let now = pieces.now();
    let evidence = evidence_of(&outcome);
    let way = (account.network, is_idempotent(account, &claim.delivery));
    let mut facts = settle_facts(pieces, way, &claim.delivery, &claim.message.new);
    if outcome.blames_network() == Some(true) {
        // The book takes this in only after the settlement is durable; the decision looks ahead.
        facts.route_down |= would_be_down(pieces, account, claim.delivery.route, began_at);
    }
    let step = settle(SettleFacts { parts, carried, ..facts }, outcome);
    if let Step::Sent { .. } = step {
        pieces.metrics.latency(now.ms_since(claim.message.new.accepted_at));
    }
    let plus = failover::stand_ins_for(pieces, &claim.delivery, &claim.message.new, &step).await;
    Settlement { delivery: claim.delivery.seq, step, evidence: evidence.into(), at: now, plus }
}

fn would_be_down(
    pieces: &Pieces,
    account: &Account,
    route: Option<Route>,
    began_at: Timestamp,
) -> bool {
    let cell = api_cell(account.network, Function::Send);
    route.is_some_and(|route| lock(&pieces.health).would_be_down(cell, route, began_at))
}

fn is_idempotent(account: &Account, delivery: &Delivery) -> bool {
    account.connector.capabilities().of(kind_of(delivery)).idempotent_send
}

/// The facts of settling without a new attempt; `None` for what has no route. Of an account that
/// no connector speaks for nothing can be asked again.
pub(crate) fn facts_of<'a>(
    pieces: &Pieces,
    delivery: &'a Delivery,
    message: &NewMessage,
) -> Option<SettleFacts<'a>> {
    let account = delivery.route?.account;
    let network = pieces.read(|directory| directory.network_of(account))?;
    let idempotent =
        pieces.accounts.get(&account).is_some_and(|account| is_idempotent(account, delivery));
    Some(settle_facts(pieces, (network, idempotent), delivery, message))
}

/// The facts of settling but for the parts.
fn settle_facts<'a>(
    pieces: &Pieces,
    (own, idempotent): (Network, bool),
    delivery: &'a Delivery,
    message: &NewMessage,
) -> SettleFacts<'a> {
    let tried = pieces.tried_with(delivery);
    let tried_at = delivery.tried_at.unwrap_or_else(|| pieces.now());
    let (next, route_down, answered) = pieces.read_with_health(|directory, health| {
        let next = match delivery.recipient {
            Recipient::Person(person) if message.conversation != HUB_CONVERSATION => {
                next_untried(directory, health, person, message.conversation, &tried)
            }
            Recipient::Person(_) | Recipient::Room(_) => None,
        };
        let down = delivery.route.is_none_or(|route| health.route_down(own, route));
        (next, down, health.answered_since(tried_at))
    });
    SettleFacts {
        delivery,
        class: message.class,
        accepted_at: message.accepted_at,
        expires_at: message.expires_at,
        now: pieces.now(),
        jitter: pieces.entropy.below(1_001),
        network: own,
        idempotent,
        parts: 1,
        carried: 1,
        route_down,
        answered,
        next,
    }
}

/// The kind of chat that a delivery goes to.
fn kind_of(delivery: &Delivery) -> ChatKind {
    match delivery.recipient {
        Recipient::Room(_) => ChatKind::Group,
        Recipient::Person(_) => ChatKind::Direct,
    }
}

fn evidence_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { .. } => "accepted".to_owned(),
        Outcome::Deferred { reason, .. } => format!("deferred: {reason}"),
        Outcome::Refused { reason, .. } => format!("refused: {reason}"),
        Outcome::Unknown { reason } => format!("unknown: {reason}"),
    }
}

async fn prepare(pieces: &Pieces, account: &Account, claim: &Claim) -> Result<Call, NoCall> {
    let refused = |scope, reason: &str| {
        NoCall::As(Outcome::Refused { scope, moved_to: None, reason: reason.to_owned() })
    };
    let now = pieces.now();
    if now >= claim.message.new.expires_at && claim.delivery.part == 0 {
        return Err(NoCall::Expired);
    }
    let chat = claim
        .delivery
        .route
        .and_then(|route| pieces.read(|directory| directory.locate(route.endpoint)))
        .filter(|(owner, _)| *owner == account.id)
        .map(|(_, chat)| chat)
        .ok_or_else(|| refused(Scope::Recipient, "the chat is closed to us"))?;
    let content = Content::decode(&claim.message.new.content)
        .map_err(|error| refused(Scope::Message, &format!("content: {error}")))?;
    let file = file_of(pieces, claim, &content).await;
    let file = file.map_err(|at| NoCall::Later(at, "its file is on the way"))?;
    if let Recipient::Room(_) = claim.delivery.recipient {
        let paced = account.room_pace(&chat.key, now);
        paced.map_err(|at| NoCall::Later(at, "the room's pace"))?;
    }
    let spoken = Spoken { pieces, account, claim, chat: &chat, file: &file };
    let (act, parts, carried) = spoken.act(&content).await;
    let author = spoken.acting(&content, &act).await;
    // At the last moment: what was agreed to when it was planned may be taken back by now.
    if let Some((step, evidence)) = judge(pieces, &claim.delivery, &claim.message.new) {
        return Err(NoCall::TakenBack(step, evidence));
    }
    let key = call_key(pieces, claim);
    Ok(Call { outgoing: Outgoing { chat, key, answer_token: None, author, act }, parts, carried })
}

/// The same for every repetition of this part on this route, different for everything else. The
/// message's id is in it because numbers come again when a backup is restored.
fn call_key(pieces: &Pieces, claim: &Claim) -> [u8; 16] {
    let delivery = &claim.delivery;
    let route = delivery.route.map_or_else(String::new, |route| format!("{route:?}"));
    let id = claim.message.new.id;
    crate::compose::native_salt(
        pieces,
        "call",
        &route,
        &format!("{id}/{}/{}", delivery.seq, delivery.part),
    )
}
