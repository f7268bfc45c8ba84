//! The way back: what a sweep does with lanes whose head waits for a way.
//!
//! Their own route works again, or may; another one opened; or there is one for the first time.
//! Invariants: of a lane everything goes in order; what outlived its lifetime meanwhile is told in
//! one message, once.

use crate::digest::{self, Digest};
use crate::failover::{apply_with, moving};
use crate::held::Look;
use crate::pieces::Pieces;
use ieum_core::delivery::{Delivery, Label, Lane, Recipient, Route, State, Step};
use ieum_core::directory::Directory;
use ieum_core::health::book::HealthBook;
use ieum_core::ids::DeliverySeq;
use ieum_core::message::Class;
use ieum_core::ports::store::{OpenFilter, StoreFailure};
use ieum_core::route::{next_route, way_to_tell};
use ieum_core::time::Timestamp;

/// Most deliveries of one lane that one sweep releases.
const HELD_PER_SWEEP_MAX: usize = 500;

/// The oldest held deliveries of a lane.
async fn held_in(pieces: &Pieces, lane: Lane) -> Result<Vec<Delivery>, StoreFailure> {
    let conversation = Some(lane.conversation);
    let recipient = Some(lane.recipient);
    let filter = OpenFilter { account: None, state: Some(State::Held), conversation, recipient };
    let mut held = Vec::new();
    let mut after = DeliverySeq(0);
    loop {
        let page = pieces.store.page_open(filter, after).await?;
        let Some(last) = page.last() else { return Ok(held) };
        after = last.seq;
        held.extend(page.into_iter().filter(|held| held.lane() == lane));
        if held.len() >= HELD_PER_SWEEP_MAX {
            held.truncate(HELD_PER_SWEEP_MAX);
            return Ok(held);
        }
    }
}

/// The evidence of what a digest told of.
const IN_A_DIGEST: &str = "told in a digest: its lifetime passed";

/// What the sweep does with one lane whose head waits for a route.
pub(crate) async fn try_lane(
    pieces: &Pieces,
    lane: Lane,
    route: Option<Route>,
) -> Result<LaneState, StoreFailure> {
    let held = held_in(pieces, lane).await?;
    if held.is_empty() {
        return Ok(LaneState::Free);
    }
    let full = held.len() == HELD_PER_SWEEP_MAX;
    let now = pieces.now();
    let Some(way) = way_for(pieces, lane, route, &held).await? else {
        return Ok(LaneState::Waiting);
    };
    let (mut moved, mut blocked) = (Vec::new(), false);
    let mut digest = Digest::default();
    let digest_route = way.route().or_else(|| digest::route_of(&held));
    for (index, delivery) in held.into_iter().enumerate() {
        let Some(message) = pieces.store.message(delivery.message).await? else {
            continue;
        };
        let gap = pieces.settings.catch_up_gap_ms;
        let at = now.plus_ms(gap.saturating_mul(u64::try_from(index).unwrap_or(u64::MAX)));
        if now >= message.new.expires_at {
            if matches!(way, Way::Trial) {
                // A digest is for a network that is back; until then nothing is too late.
                break;
            }
            let told = digest_route.is_some() && digest.take(&message);
            let step = if told { Step::Superseded } else { Step::Expired };
            let evidence = if told { IN_A_DIGEST } else { "its lifetime passed" };
            moved.push(moving(delivery, step, evidence, now, Vec::new()));
            continue;
        }
        let in_doubt = message.new.class == Class::OnceOnly && delivery.tried_at.is_some();
        let Some(step) = way.step(&delivery, (index, at), in_doubt) else {
            blocked = true;
            break;
        };
        moved.push(moving(delivery, step, way.evidence(), now, Vec::new()));
    }
    let digest = digest_route.and_then(|route| digest.admission(pieces, lane, route, way.label()));
    apply_with(pieces, Vec::new(), moved, digest.into_iter().collect()).await?;
    Ok(if full || blocked || matches!(way, Way::Trial) {
        LaneState::Waiting
    } else {
        LaneState::Free
    })
}

/// A lane that something can be done about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chance {
    pub(crate) lane: Lane,
    pub(crate) route: Option<Route>,
    /// Whether its network is down as a whole.
    pub(crate) down: bool,
    /// Whether its route is only to be tried.
    pub(crate) trial: bool,
}

/// Those lanes for which there may be a way, without asking the store.
pub(crate) fn with_a_way(pieces: &Pieces, looks: Vec<Look>, now: Timestamp) -> Vec<Chance> {
    pieces.read_with_health(|directory, health| {
        let each = looks.into_iter().filter_map(|look| {
            let Look { lane, route, down } = look;
            let way = way_of(directory, health, (lane, route), now)?;
            Some(Chance { lane, route, down, trial: matches!(way, Way::Trial) })
        });
        each.collect()
    })
}

/// Whether a lane still has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneState {
    /// Nothing is held any more.
    Free,
    /// Look again at the next sweep.
    Waiting,
}

#[derive(Debug, Clone, Copy)]
enum Way {
    /// The route works again: everything goes, oldest first.
    Open,
    /// The route may work again: the oldest tries it.
    Trial,
    /// There was no way to this person, and now there is one that they talk by.
    Home(Route),
    /// Another way opened for this person.
    Other(Route, ieum_core::network::Network),
}

impl Way {
    fn route(self) -> Option<Route> {
        match self {
            Self::Open | Self::Trial => None,
            Self::Home(route) | Self::Other(route, _) => Some(route),
        }
    }

    /// The label of what goes this way because of the outage alone.
    fn label(self) -> Option<Label> {
        match self {
            Self::Open | Self::Trial | Self::Home(_) => None,
            Self::Other(_, from) => Some(Label::InsteadOf(from)),
        }
    }

    /// What becomes of one of a lane by this way; `None` when it and all behind it wait on.
    fn step(
        self,
        delivery: &Delivery,
        (index, at): (usize, Timestamp),
        in_doubt: bool,
    ) -> Option<Step> {
        match self {
            Self::Trial if index > 0 => None,
            Self::Trial | Self::Open => Some(Step::RetryAt { at, label: delivery.label }),
            Self::Home(route) => Some(Step::NextRoute { route, label: Some(Label::Late), at }),
            // It may have arrived, and must not arrive twice.
            Self::Other(..) if in_doubt => None,
            Self::Other(route, network) => {
                let label = Some(Label::InsteadOf(network));
                Some(Step::NextRoute { route, label, at })
            }
        }
    }

    fn evidence(self) -> &'static str {
        match self {
            Self::Open => "its route is up again",
            Self::Trial => "a trial of its route",
            Self::Home(_) => "a way opened",
            Self::Other(..) => "another way opened",
        }
    }
}

/// The way of a lane. What is too late tries nothing any more; by another way it can still be told.
async fn way_for(
    pieces: &Pieces,
    lane: Lane,
    route: Option<Route>,
    held: &[Delivery],
) -> Result<Option<Way>, StoreFailure> {
    let now = pieces.now();
    let route = held.first().and_then(|head| head.route).or(route);
    let found =
        pieces.read_with_health(|directory, health| way_of(directory, health, (lane, route), now));
    if !matches!(found, Some(Way::Trial)) || !is_too_late(pieces, held.first(), now).await? {
        return Ok(found);
    }
    let other =
        |directory: &Directory, health: &HealthBook| other_way(directory, health, (lane, route));
    Ok(pieces.read_with_health(other).or(found))
}

async fn is_too_late(
    pieces: &Pieces,
    head: Option<&Delivery>,
    now: Timestamp,
) -> Result<bool, StoreFailure> {
    let Some(head) = head else { return Ok(false) };
    let message = pieces.store.message(head.message).await?;
    Ok(message.is_some_and(|message| now >= message.new.expires_at))
}

fn way_of(
    directory: &Directory,
    health: &HealthBook,
    (lane, route): (Lane, Option<Route>),
    now: Timestamp,
) -> Option<Way> {
    let network = route.and_then(|route| directory.network_of(route.account));
    if let (Some(route), Some(network)) = (route, network) {
        if !health.route_down(network, route) {
            return Some(Way::Open);
        }
        if health.trial_due(network, route, now) {
            return Some(Way::Trial);
        }
    }
    other_way(directory, health, (lane, route))
}

fn other_way(
    directory: &Directory,
    health: &HealthBook,
    (lane, route): (Lane, Option<Route>),
) -> Option<Way> {
    let network = route.and_then(|route| directory.network_of(route.account));
    let Recipient::Person(person) = lane.recipient else {
        return None;
    };
    let works = |route: &Route| {
        let network = directory.network_of(route.account);
        network.is_some_and(|network| !health.route_down(network, *route))
    };
    if route.is_none()
        && let Some(home) = way_to_tell(directory, health, person, lane.conversation).filter(works)
    {
        return Some(Way::Home(home));
    }
    let other = next_route(directory, health, person, lane.conversation, route)?;
    let from = network.or_else(|| directory.network_of(other.account))?;
    Some(Way::Other(other, from))
}
