//! Failover and its return: what moves when a route or a network turns.
//!
//! Invariant: a move is one transaction, with the change of health that caused it; a delivery that
//! is being attempted is left to its attempt.

use crate::account::Account;
use crate::attempt::facts_of;
use crate::doubt;
use crate::notices::HUB_CONVERSATION;
use crate::pieces::{Bell, Pieces, bell_of, bells, lock};
use crate::summary;
use ieum_core::delivery::{
    Delivery, Label, NewDelivery, Recipient, Route, Settlement, State, Step,
};
use ieum_core::health::book::{OurCall, api_cell};
use ieum_core::health::{CellChange, Function};
use ieum_core::ids::{AccountId, ConversationId, DeliverySeq, PersonId};
use ieum_core::message::{Class, NewMessage};
use ieum_core::ports::store::{Admission, Moves, OpenFilter, StoreFailure};
use ieum_core::route::{PlanFacts, next_route, stand_ins};
use ieum_core::time::Timestamp;
use std::collections::BTreeSet;

/// Takes an attempt in as evidence, after its settlement is durable. Bad evidence is taken in
/// behind the gate: nothing is planned between the turn of a route and the leaving of it.
pub(crate) async fn observe_bad(pieces: &Pieces, account: &Account, one: &Moving) {
    account.reached(false);
    // Whether it is this network or our own line, the others know.
    pieces.ring_probes();
    let _nothing_is_planned = pieces.gate.write().await;
    let (changes, down) = {
        let mut health = lock(&pieces.health);
        let changes = health.observe(call_of(account, one, false));
        let route = one.delivery.route;
        (changes, route.is_some_and(|route| health.route_down(account.network, route)))
    };
    let conversation = Some(one.delivery.conversation);
    if changes.is_empty() && down {
        leave(pieces, Left { account: account.id, conversation }, vec![]).await;
    }
    left_behind_gate(pieces, changes).await;
}

fn call_of(account: &Account, one: &Moving, good: bool) -> OurCall {
    OurCall {
        cell: api_cell(account.network, Function::Send),
        account: account.id,
        route: one.delivery.route,
        id: one.delivery.seq.0,
        good,
        began_at: one.began_at,
        at: one.settlement.at,
    }
}

/// Takes a success in as evidence; cheap, because nearly every attempt is one. `None` when nothing
/// turned by it.
pub(crate) fn observe_good(
    pieces: &Pieces,
    account: &Account,
    one: &Moving,
) -> Option<Vec<CellChange>> {
    let route = one.delivery.route;
    let mut health = lock(&pieces.health);
    let was_down = route.is_some_and(|route| health.route_down(account.network, route));
    let changes = health.observe(call_of(account, one, true));
    if account.reached(true) || was_down {
        pieces.sweep_bell.notify_one();
    }
    (!changes.is_empty() || health.has_turned_routes()).then_some(changes)
}

/// Cells turned, or routes by the answer of others: leave them, or come back to them. Each change
/// names its network: what one account saw may be the witness that another network's turn waited
/// for.
pub(crate) async fn follow(pieces: &Pieces, changes: Vec<CellChange>) {
    if changes.is_empty() && !lock(&pieces.health).has_turned_routes() {
        return;
    }
    let _nothing_is_planned = pieces.gate.write().await;
    let routes = lock(&pieces.health).take_turned_routes();
    let accounts: BTreeSet<AccountId> = routes.iter().map(|route| route.account).collect();
    left_behind_gate(pieces, changes).await;
    for account in accounts {
        leave(pieces, Left { account, conversation: None }, Vec::new()).await;
    }
}

async fn left_behind_gate(pieces: &Pieces, changes: Vec<CellChange>) {
    for change in changes {
        left_one(pieces, change).await;
    }
}

async fn left_one(pieces: &Pieces, mut change: CellChange) {
    doubt::follow(pieces, &mut change);
    tracing::warn!(
        network = change.cell.network.word(),
        from = ?change.from,
        to = ?change.to,
        evidence = %change.evidence,
        "a cell turned"
    );
    let network = change.cell.network;
    let mut changes = vec![change];
    if lock(&pieces.health).network_down(network) {
        for account in pieces.accounts.values().filter(|account| account.network == network) {
            let left = Left { account: account.id, conversation: None };
            leave(pieces, left, std::mem::take(&mut changes)).await;
        }
    }
    if !changes.is_empty() {
        record(pieces, changes).await;
    }
    lock(&pieces.held).turned();
    pieces.sweep_bell.notify_one();
}

async fn record(pieces: &Pieces, health: Vec<CellChange>) {
    if let Err(failure) = apply(pieces, health, Vec::new()).await {
        tracing::error!(%failure, "a change of health was not journaled");
    }
}

/// Most deliveries that are moved while planning waits; what is beyond them fails where it is and
/// moves one by one.
const LEFT_AT_ONCE_MAX: usize = 5_000;

/// What is left: an account's routes in one conversation, or in all of them.
#[derive(Debug, Clone, Copy)]
struct Left {
    account: AccountId,
    conversation: Option<ConversationId>,
}

/// Takes what waits away from routes that are down.
async fn leave(pieces: &Pieces, left: Left, health: Vec<CellChange>) {
    if let Err(failure) = try_leave(pieces, left, health).await {
        // What was not moved is attempted where it is, fails there, and moves one by one.
        tracing::error!(%failure, "deliveries were not moved");
    }
}

async fn try_leave(
    pieces: &Pieces,
    left: Left,
    mut health: Vec<CellChange>,
) -> Result<(), StoreFailure> {
    let filter = OpenFilter {
        account: Some(left.account),
        state: Some(State::Queued),
        conversation: left.conversation,
        recipient: None,
    };
    let mut looked_at = 0;
    let mut after = DeliverySeq(0);
    loop {
        let page = pieces.store.page_open(filter, after).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        looked_at += page.len();
        let mut moved = Vec::new();
        for delivery in page {
            // What is being attempted settles first; what waits behind it follows then.
            if lock(&pieces.under_way).contains(&delivery.lane()) {
                continue;
            }
            moved.extend(away(pieces, delivery).await?);
        }
        apply(pieces, std::mem::take(&mut health), moved).await?;
        if looked_at >= LEFT_AT_ONCE_MAX {
            break;
        }
    }
    apply(pieces, health, Vec::new()).await
}

/// Takes what waits for an account to other ways, as far as there are any.
pub(crate) async fn leave_account(pieces: &Pieces, account: AccountId) {
    let _nothing_is_planned = pieces.gate.write().await;
    leave(pieces, Left { account, conversation: None }, Vec::new()).await;
}

/// Takes to one route of a person's what waits for them on others and was not attempted: they said
/// that they are there. What fails to move is attempted where it is.
pub(crate) async fn gather(pieces: &Pieces, person: PersonId, to: Route) {
    let _nothing_is_planned = pieces.gate.write().await;
    for account in pieces.accounts.keys().filter(|account| **account != to.account) {
        if let Err(failure) = gather_from(pieces, *account, person, to).await {
            tracing::error!(%failure, "deliveries were not moved");
        }
    }
}

async fn gather_from(
    pieces: &Pieces,
    account: AccountId,
    person: PersonId,
    to: Route,
) -> Result<(), StoreFailure> {
    let filter =
        OpenFilter { account: Some(account), state: Some(State::Queued), ..OpenFilter::default() };
    let Some(network) = pieces.read(|directory| directory.network_of(account)) else {
        return Ok(());
    };
    let (mut looked_at, mut after) = (0, DeliverySeq(0));
    loop {
        let page = pieces.store.page_open(filter, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        looked_at += page.len();
        let theirs = page.into_iter().filter(|delivery| {
            delivery.recipient == Recipient::Person(person)
                && delivery.conversation != HUB_CONVERSATION
                && delivery.tried_at.is_none()
                && !lock(&pieces.under_way).contains(&delivery.lane())
        });
        let at = pieces.now();
        let label = Some(Label::InsteadOf(network));
        let step = Step::NextRoute { route: to, label, at };
        let moved = theirs.map(|one| moving(one, step.clone(), "they said here", at, Vec::new()));
        apply(pieces, Vec::new(), moved.collect()).await?;
        if looked_at >= LEFT_AT_ONCE_MAX {
            return Ok(());
        }
    }
}

/// How one waiting delivery leaves a route that is down.
async fn away(pieces: &Pieces, delivery: Delivery) -> Result<Option<Moving>, StoreFailure> {
    let Some(message) = pieces.store.message(delivery.message).await? else {
        return Ok(None);
    };
    let Some(route) = delivery.route else {
        return Ok(None);
    };
    let now = pieces.now();
    let step = pieces.read_with_health(|directory, health| {
        let network = directory.network_of(route.account)?;
        if !health.route_down(network, route) {
            return None;
        }
        let next = match delivery.recipient {
            // A message that is wanted once only does not move while it is in doubt.
            _ if message.new.class == Class::OnceOnly && delivery.tried_at.is_some() => None,
            Recipient::Person(person) if message.new.conversation != HUB_CONVERSATION => {
                let conversation = delivery.conversation;
                next_route(directory, health, person, conversation, delivery.route)
            }
            Recipient::Person(_) | Recipient::Room(_) => None,
        };
        Some(match next {
            Some(route) => {
                Step::NextRoute { route, label: Some(Label::InsteadOf(network)), at: now }
            }
            None => Step::Hold { label: Some(delivery.label.unwrap_or(Label::Late)) },
        })
    });
    let Some(step) = step else { return Ok(None) };
    let plus = stand_ins_for(pieces, &delivery, &message.new, &step).await;
    Ok(Some(moving(delivery, step, "its route is down", now, plus)))
}

/// A delivery and what becomes of it.
#[derive(Debug)]
pub(crate) struct Moving {
    pub(crate) delivery: Delivery,
    pub(crate) settlement: Settlement,
    /// What the attempt says about the network.
    pub(crate) good: Option<bool>,
    /// When the attempt began; for moves, when they were decided.
    pub(crate) began_at: Timestamp,
}

/// Applies moves in one transaction and wakes whoever they concern.
pub(crate) async fn apply(
    pieces: &Pieces,
    health: Vec<CellChange>,
    moving: Vec<Moving>,
) -> Result<(), StoreFailure> {
    apply_with(pieces, health, moving, Vec::new()).await
}

/// The same, with words of the hub's own that go with it.
pub(crate) async fn apply_with(
    pieces: &Pieces,
    health: Vec<CellChange>,
    moving: Vec<Moving>,
    admissions: Vec<Admission>,
) -> Result<(), StoreFailure> {
    if health.is_empty() && moving.is_empty() && admissions.is_empty() {
        return Ok(());
    }
    let moved = moving.iter().map(|one| one.settlement.clone()).collect();
    let rings: Vec<Bell> = admissions.iter().flat_map(bells).collect();
    let changed = !health.is_empty();
    let moves = Moves { at: pieces.now(), health, moved, admissions, ..Moves::default() };
    pieces.store.apply_moves(moves).await?;
    pieces.ring(&rings);
    if changed {
        pieces.incident_bell.send_modify(|rings| *rings = rings.wrapping_add(1));
    }
    for one in &moving {
        consequences(pieces, &one.delivery, &one.settlement);
    }
    pieces.ring_journal();
    Ok(())
}

/// Keeps the routes that refused a delivery as long as it is open.
fn remember_tried(pieces: &Pieces, delivery: &Delivery, settlement: &Settlement) {
    match (&settlement.step, delivery.route) {
        (Step::NextRoute { .. }, Some(route)) if settlement.evidence.starts_with("refused") => {
            lock(&pieces.tried).entry(delivery.seq).or_default().push(route);
        }
        (
            Step::Sent { .. }
            | Step::Superseded
            | Step::Expired
            | Step::Dead { .. }
            | Step::Withdrawn
            | Step::Doubted { .. },
            _,
        ) => {
            let mut tried = lock(&pieces.tried);
            if !tried.is_empty() {
                tried.remove(&delivery.seq);
            }
        }
        _ => {}
    }
}

/// Wakes or remembers whatever follows from a settled delivery.
pub(crate) fn consequences(pieces: &Pieces, delivery: &Delivery, settlement: &Settlement) {
    summary::count(pieces, delivery, &settlement.step, settlement.at);
    remember_tried(pieces, delivery, settlement);
    match &settlement.step {
        Step::NextRoute { route, .. } => pieces.ring(&[Bell::Due(route.account)]),
        Step::Hold { .. } => {
            pieces.ring(&[Bell::Held(delivery.lane(), delivery.route)]);
            pieces.sweep_bell.notify_one();
        }
        Step::Dead { .. } | Step::Expired => {
            lock(&pieces.ended_badly).push((delivery.message, delivery.recipient));
            pieces.sweep_bell.notify_one();
        }
        // What waits behind it in its lane may go.
        Step::RetryAt { .. } | Step::NextPart { .. } | Step::Withdrawn => {
            if let Some(route) = delivery.route {
                pieces.ring(&[Bell::Due(route.account)]);
            }
        }
        Step::Sent { .. } | Step::Unsure { .. } | Step::Superseded | Step::Doubted { .. } => {}
    }
    let plus: Vec<Bell> =
        settlement.plus.iter().filter_map(|plus| bell_of(delivery.conversation, plus)).collect();
    pieces.ring(&plus);
}

/// Wakes every account: something may be due that was not.
pub(crate) fn wake_all(pieces: &Pieces) {
    pieces.accounts.values().for_each(|account| account.bell.notify_one());
    pieces.ring_journal();
}

/// A step of a delivery that no attempt led to.
pub(crate) fn moving(
    delivery: Delivery,
    step: Step,
    evidence: &str,
    at: Timestamp,
    plus: Vec<NewDelivery>,
) -> Moving {
    let settlement =
        Settlement { delivery: delivery.seq, step, evidence: evidence.into(), at, plus };
    Moving { delivery, settlement, good: None, began_at: at }
}

/// The personal copies that go with the first holding of a room's delivery.
pub(crate) async fn stand_ins_for(
    pieces: &Pieces,
    delivery: &Delivery,
    message: &NewMessage,
    step: &Step,
) -> Vec<NewDelivery> {
    if !matches!((delivery.recipient, step), (Recipient::Room(_), Step::Hold { .. })) {
        return Vec::new();
    }
    match delivery.label {
        None => first_stand_ins(pieces, delivery, message),
        // A second try after doubt: whether it was held before, the copies tell.
        Some(Label::Again) if !is_stood_in_for(pieces, delivery).await => {
            first_stand_ins(pieces, delivery, message)
        }
        Some(_) => Vec::new(),
    }
}

/// Whether personal copies were made for it; where nobody can say, as if there were.
async fn is_stood_in_for(pieces: &Pieces, delivery: &Delivery) -> bool {
    let copies = pieces.store.deliveries_of(delivery.message).await;
    copies.map_or(true, |all| all.iter().any(|copy| copy.stands_in_for == Some(delivery.seq)))
}

/// Personal copies of what a room does not get now.
pub(crate) fn first_stand_ins(
    pieces: &Pieces,
    delivery: &Delivery,
    message: &NewMessage,
) -> Vec<NewDelivery> {
    let Recipient::Room(room) = delivery.recipient else {
        return Vec::new();
    };
    pieces.read_with_health(|directory, health| {
        let Some(room) = directory.room(room) else {
            return Vec::new();
        };
        let Some(conversation) = directory.conversation(message.conversation) else {
            return Vec::new();
        };
        let source_room = message
            .source
            .as_ref()
            .and_then(|source| directory.room_of_chat(source.account, &source.chat))
            .map(|room| room.id);
        let author = message.author;
        let facts = PlanFacts { directory, health, conversation, author, source_room };
        let mut plan = stand_ins(facts, room);
        for copy in &mut plan.deliveries {
            copy.stands_in_for = Some(delivery.seq);
        }
        plan.deliveries
    })
}

/// Decides about deliveries whose answer did not come in time.
pub(crate) async fn decide_unsure(pieces: &Pieces) -> Result<(), StoreFailure> {
    let filter = OpenFilter { state: Some(State::Unsure), ..OpenFilter::default() };
    let mut after = DeliverySeq(0);
    loop {
        let page = pieces.store.page_open(filter, after).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.seq;
        let now = pieces.now();
        let mut moved = Vec::new();
        for delivery in page.into_iter().filter(|delivery| delivery.due_at <= now) {
            moved.extend(decided(pieces, delivery, now).await?);
        }
        apply(pieces, Vec::new(), moved).await?;
    }
}

async fn decided(
    pieces: &Pieces,
    delivery: Delivery,
    now: Timestamp,
) -> Result<Option<Moving>, StoreFailure> {
    let Some(message) = pieces.store.message(delivery.message).await? else {
        return Ok(None);
    };
    let Some(facts) = facts_of(pieces, &delivery, &message.new) else { return Ok(None) };
    let step = ieum_core::settle::decide(facts);
    if matches!(step, Step::Unsure { .. }) {
        // Nobody answers: it may be our own line.
        return Ok(None);
    }
    let plus = stand_ins_for(pieces, &delivery, &message.new, &step).await;
    Ok(Some(moving(delivery, step, "no answer in time", now, plus)))
}
