//! Settling: what becomes of a delivery after an attempt, and of one whose answer never came.
//!
//! Pure: facts and an outcome in, one [`Step`] out. Invariants: only an accepted last part ends as
//! sent; a definite no never ends a delivery while a way is left; doubt is never resolved by
//! forgetting, and a copy that may be a second one is labelled. The whole protocol is told in
//! docs/delivery.md.

use crate::delivery::{Delivery, Label, Route, Step};
use crate::message::Class;
use crate::network::Network;
use crate::outgoing::{Fault, Outcome, Scope};
use crate::time::Timestamp;

/// Attempts on one route that end in a no which is nobody's outage.
pub const ATTEMPTS_PER_ROUTE_MAX: u32 = 20;
/// The first wait after a failure; doubled each time.
pub const RETRY_MS_MIN: u64 = 1_000;
/// The longest wait between two attempts on one route, before it is spread by a quarter.
pub const RETRY_MS_MAX: u64 = 30_000;
/// The longest that a chat message waits for an answer that does not come.
pub const UNSURE_CHAT_MS_MAX: u64 = 30_000;
/// A network that asks for a longer pause than this is left for the next way.
pub const PAUSE_MS_MAX: u64 = 30_000;

/// What settling looks at.
#[derive(Debug, Clone, Copy)]
pub struct SettleFacts<'a> {
    /// The claimed delivery; `attempts` counts the one that ended now.
    pub delivery: &'a Delivery,
    /// How its message is treated in doubt.
    pub class: Class,
    /// When its message was accepted.
    pub accepted_at: Timestamp,
    /// When its message loses its worth.
    pub expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// Uniform in `0..1000`; spreads retries.
    pub jitter: u64,
    /// The network of the present route.
    pub network: Network,
    /// Whether the network carries out a repeated call once.
    pub idempotent: bool,
    /// How many parts the rendered message has.
    pub parts: u32,
    /// How many of them this attempt carried.
    pub carried: u32,
    /// Whether the present route is down, this outcome taken into account.
    pub route_down: bool,
    /// Whether anybody answered since the first attempt on this route (or there is nobody to
    /// ask): while nobody does it is our own line, and nothing moves.
    pub answered: bool,
    /// The next way to the same person, if there is one.
    pub next: Option<Route>,
}

/// Settles an attempt.
#[must_use]
pub fn settle(facts: SettleFacts<'_>, outcome: Outcome) -> Step {
    match outcome {
        Outcome::Accepted { copies } => {
            let part = facts.delivery.part.saturating_add(facts.carried.max(1));
            if part >= facts.parts {
                Step::Sent { copies }
            } else {
                Step::NextPart { copies, part }
            }
        }
        Outcome::Unknown { .. } if facts.idempotent => repeat(facts),
        Outcome::Unknown { .. } => unknown(facts),
        Outcome::Deferred { .. } | Outcome::Refused { .. } if expired(facts) => Step::Expired,
        Outcome::Deferred { after_ms, fault, .. } => deferred(facts, after_ms, fault),
        Outcome::Refused { moved_to: Some(_), .. } if may_try_again(facts) => {
            again(facts, after_first(facts), None)
        }
        Outcome::Refused { scope, .. } => refused(facts, scope),
    }
}

/// Decides about a delivery whose answer did not come in time (state `Unsure`, due).
///
/// What is decided is always labelled: nobody knows whether the first copy arrived. While nobody
/// answers at all it stays undecided.
#[must_use]
pub fn decide(facts: SettleFacts<'_>) -> Step {
    if expired(facts) {
        return Step::Expired;
    }
    if facts.class == Class::OnceOnly {
        return until_expired(facts);
    }
    match facts.next {
        Some(route) if facts.answered => another_way(facts, route),
        Some(_) => Step::Unsure { decide_at: facts.now },
        None if facts.route_down => Step::Hold { label: Some(Label::Again) },
        None => again(facts, after_first(facts), Some(Label::Again)),
    }
}

/// How long doubt about a message may last.
#[must_use]
pub fn unsure_ms_max(class: Class, accepted_at: Timestamp, expires_at: Timestamp) -> u64 {
    match class {
        Class::Urgent => 0,
        Class::Chat => UNSURE_CHAT_MS_MAX.min(expires_at.ms_since(accepted_at) / 4),
        Class::OnceOnly => expires_at.ms_since(accepted_at),
    }
}

/// The wait before attempt number `attempts + 1`: doubling, spread by a quarter.
#[must_use]
pub fn retry_ms(attempts: u32, jitter: u64) -> u64 {
    let doubled = RETRY_MS_MIN.saturating_mul(1 << attempts.saturating_sub(1).min(10));
    spread(doubled.min(RETRY_MS_MAX), jitter)
}

fn spread(wait_ms: u64, jitter: u64) -> u64 {
    wait_ms - wait_ms / 4 + wait_ms.saturating_mul(jitter.min(1_000)) / 2_000
}

fn expired(facts: SettleFacts<'_>) -> bool {
    facts.now >= facts.expires_at
}

/// Attempts of the present part, or fewer: each accepted part took at least one, but a call can
/// carry several parts.
fn failures(facts: SettleFacts<'_>) -> u32 {
    let delivery = facts.delivery;
    delivery.attempts.saturating_sub(delivery.part).max(1)
}

fn may_try_again(facts: SettleFacts<'_>) -> bool {
    failures(facts) < ATTEMPTS_PER_ROUTE_MAX
}

/// No wait after the first failure of a part, a growing one after each further.
fn after_first(facts: SettleFacts<'_>) -> u64 {
    match failures(facts) {
        0 | 1 => 0,
        failures => retry_ms(failures - 1, facts.jitter),
    }
}

/// The same route after a wait, which does not outlast the message's lifetime however long the
/// network asks for: at its end the message has to be looked at.
fn again(facts: SettleFacts<'_>, wait_ms: u64, label: Option<Label>) -> Step {
    let at = facts.now.plus_ms(wait_ms);
    let last = facts.expires_at.max(facts.now.plus_ms(retry_ms(failures(facts), facts.jitter)));
    Step::RetryAt { at: at.min(last), label }
}

fn deferred(facts: SettleFacts<'_>, after_ms: u64, fault: Fault) -> Step {
    let wait_ms = after_ms.max(retry_ms(failures(facts), facts.jitter));
    let hurry = facts.class == Class::Urgent && facts.next.is_some() && facts.answered;
    let leave = match fault {
        Fault::Network => facts.route_down || hurry,
        Fault::Limit => after_ms > PAUSE_MS_MAX,
        Fault::Request if may_try_again(facts) => false,
        Fault::Request => return refused(facts, Scope::Message),
    };
    match facts.next {
        Some(route) if leave && !in_doubt_once(facts) => another_way(facts, route),
        None if leave && fault == Fault::Network => hold(facts),
        Some(_) | None => again(facts, wait_ms, None),
    }
}

fn refused(facts: SettleFacts<'_>, scope: Scope) -> Step {
    match (facts.next, scope) {
        _ if in_doubt_once(facts) => until_expired(facts),
        (Some(route), _) => another_way(facts, route),
        // The operator can mend an account; until then its deliveries wait. What was held before
        // is asked for ever more seldom.
        (None, Scope::Account) if facts.route_down || facts.delivery.label.is_none() => hold(facts),
        (None, Scope::Account) => again(facts, retry_ms(failures(facts), facts.jitter), None),
        (None, Scope::Message | Scope::Recipient) => Step::Dead { scope },
    }
}

/// Nothing can be asked: the message waits as long as its class allows, then goes on labelled.
fn unknown(facts: SettleFacts<'_>) -> Step {
    let wait_ms = unsure_ms_max(facts.class, facts.accepted_at, facts.expires_at);
    let since = facts.delivery.tried_at.unwrap_or(facts.now);
    let decide_at = since.plus_ms(wait_ms).min(facts.expires_at);
    if decide_at <= facts.now { decide(facts) } else { Step::Unsure { decide_at } }
}

/// The network can be asked again with the same key: that resolves the doubt. Only when it stays
/// silent for too long does the message go another way.
fn repeat(facts: SettleFacts<'_>) -> Step {
    if expired(facts) {
        return Step::Expired;
    }
    let wait_ms = unsure_ms_max(facts.class, facts.accepted_at, facts.expires_at);
    let since = facts.delivery.tried_at.unwrap_or(facts.now);
    let leave = facts.route_down && facts.now.ms_since(since) >= wait_ms;
    match facts.next {
        Some(route) if leave => another_way(facts, route),
        None if leave => hold(facts),
        Some(_) | None => again(facts, retry_ms(failures(facts), facts.jitter), None),
    }
}

/// Whether a message that must not come twice may have arrived by an earlier attempt. A repetition
/// with the same key is harmless, another way is not. A person who released it took that on.
fn in_doubt_once(facts: SettleFacts<'_>) -> bool {
    let released = facts.delivery.label == Some(Label::Again);
    let earlier = facts.delivery.attempts > 1;
    facts.class == Class::OnceOnly && facts.idempotent && earlier && !released
}

fn until_expired(facts: SettleFacts<'_>) -> Step {
    Step::Unsure { decide_at: facts.expires_at }
}

/// Always labelled: parts of it, or all of it, may have been seen where it was tried before, and
/// who gets it by a way that they keep for outages is told why.
fn another_way(facts: SettleFacts<'_>, route: Route) -> Step {
    Step::NextRoute {
        route,
        label: Some(Label::InsteadOf(facts.network)),
        at: facts.now.plus_ms(move_ms(facts)),
    }
}

/// The first move is at once. One that was moved before waits as long as it is old, so that ways
/// that all say no are not asked in a circle at full speed.
fn move_ms(facts: SettleFacts<'_>) -> u64 {
    match facts.delivery.label {
        Some(Label::InsteadOf(_)) => {
            let age_ms = facts.now.ms_since(facts.accepted_at);
            spread(age_ms.min(RETRY_MS_MAX), facts.jitter)
        }
        Some(Label::Late | Label::Again) | None => 0,
    }
}

fn hold(facts: SettleFacts<'_>) -> Step {
    Step::Hold { label: Some(facts.delivery.label.unwrap_or(Label::Late)) }
}

#[cfg(test)]
mod tests;
