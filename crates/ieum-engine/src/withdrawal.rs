//! What waits for somebody who does not want it any more, or is gone: ended at once.
//!
//! Decided in `ieum_core::people::withdrawal`. A change that takes something away holds the gate:
//! nothing is planned between it and the end of what waits. What is being attempted meanwhile is
//! left to its attempt, and asked about again before the next. Invariant: no attempt begins, after
//! a withdrawal was answered, on a way that it closed.

use crate::failover::{self, Moving};
use crate::pieces::{Pieces, lock};
use ieum_core::delivery::{Delivery, Label, Lane, Recipient, State, Step};
use ieum_core::directory::Directory;
use ieum_core::health::book::HealthBook;
use ieum_core::ids::{DeliverySeq, PersonId};
use ieum_core::message::{Class, NewMessage};
use ieum_core::people::withdrawal::{Concern, Verdict, Waiting, verdict};
use ieum_core::ports::store::{OpenFilter, PAGE_ROWS_MAX, StoreFailure};
use std::collections::BTreeSet;

/// Most deliveries that one change ends while planning waits; what is beyond them ends one by one,
/// when it would be attempted.
const ENDED_AT_ONCE_MAX: usize = 5_000;

/// Ends or moves what waits for whoever a change concerns. Called behind the gate.
pub(crate) async fn follow(pieces: &Pieces, concerns: &BTreeSet<Concern>) {
    let mut left = ENDED_AT_ONCE_MAX;
    for lane in lanes_of(pieces, concerns) {
        match in_lane(pieces, lane, left).await {
            Ok(looked_at) => left = left.saturating_sub(looked_at),
            // Each is asked about once more before it is attempted.
            Err(failure) => tracing::error!(%failure, "what waits was not ended at once"),
        }
        if left == 0 {
            break;
        }
    }
    lock(&pieces.held).turned();
}

fn lanes_of(pieces: &Pieces, concerns: &BTreeSet<Concern>) -> BTreeSet<Lane> {
    let of_person = |directory: &Directory, person: PersonId| -> Vec<Lane> {
        let recipient = Recipient::Person(person);
        let mine = directory.conversations_of(person).iter();
        mine.map(|conversation| Lane { conversation: *conversation, recipient }).collect()
    };
    pieces.read(|directory| {
        let each = concerns.iter().flat_map(|concern| match concern {
            Concern::Person(person) => of_person(directory, *person),
            Concern::Lane(lane) => vec![*lane],
        });
        each.collect()
    })
}

/// How many deliveries of a lane were looked at.
async fn in_lane(pieces: &Pieces, lane: Lane, most: usize) -> Result<usize, StoreFailure> {
    let filter = OpenFilter {
        conversation: Some(lane.conversation),
        recipient: Some(lane.recipient),
        ..OpenFilter::default()
    };
    let (mut looked_at, mut after) = (0, DeliverySeq(0));
    loop {
        let page = pieces.store.page_open(filter, after).await?;
        let Some(last) = page.last() else { break };
        (after, looked_at) = (last.seq, looked_at + page.len());
        let full = page.len() == PAGE_ROWS_MAX;
        let mut moved = Vec::new();
        for delivery in page {
            moved.extend(taken_back(pieces, delivery).await?);
        }
        failover::apply(pieces, Vec::new(), moved).await?;
        if !full || looked_at >= most {
            break;
        }
    }
    Ok(looked_at)
}

async fn taken_back(pieces: &Pieces, delivery: Delivery) -> Result<Option<Moving>, StoreFailure> {
    if !matches!(delivery.state, State::Queued | State::Unsure | State::Held) {
        return Ok(None);
    }
    let Some(message) = pieces.store.message(delivery.message).await? else {
        return Ok(None);
    };
    let judged = judge(pieces, &delivery, &message.new);
    let moved =
        |(step, evidence)| failover::moving(delivery, step, evidence, pieces.now(), Vec::new());
    Ok(judged.map(moved))
}

/// What becomes of a delivery by what is agreed to now; `None` when it may go where it is to go.
pub(crate) fn judge(
    pieces: &Pieces,
    delivery: &Delivery,
    message: &NewMessage,
) -> Option<(Step, &'static str)> {
    let tried = pieces.tried_with(delivery);
    let in_doubt = message.class == Class::OnceOnly && delivery.tried_at.is_some();
    let waiting = Waiting {
        conversation: delivery.conversation,
        author: message.author,
        recipient: delivery.recipient,
        route: delivery.route,
        label: delivery.label,
        tried: &tried,
        may_move: !in_doubt || delivery.state == State::Attempting && delivery.attempts <= 1,
    };
    let judged = |directory: &Directory, health: &HealthBook| verdict(directory, health, waiting);
    match pieces.read_with_health(judged) {
        Verdict::Stays => None,
        Verdict::Ends(evidence) => Some((Step::Withdrawn, evidence)),
        Verdict::Moves { to, from } => {
            let label = Some(Label::InsteadOf(from));
            Some((Step::NextRoute { route: to, label, at: pieces.now() }, "consent withdrawn"))
        }
    }
}
