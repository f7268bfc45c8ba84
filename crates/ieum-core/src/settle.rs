//! Settling: what becomes of a delivery after an attempt, and of one whose answer never came.
//!
//! Pure: facts and an outcome in, one [`Step`] out. Invariants: only an accepted last part ends as
//! sent; a definite no never ends a delivery while a way is left; doubt is never resolved by
//! forgetting, and a copy that may be a second one is labelled.

use crate::delivery::{Delivery, Label, Recipient, Route, Step};
use crate::message::Class;
use crate::network::Network;
use crate::outgoing::{Fault, Outcome, Scope};
use crate::time::Timestamp;

/// Attempts on one route that end in a no which is nobody's outage.
pub const ATTEMPTS_PER_ROUTE_MAX: u32 = 20;
/// The first wait after a failure; doubled each time.
pub const RETRY_MS_MIN: u64 = 1_000;
/// The longest wait between two attempts on one route.
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
        Outcome::Unknown { .. } => unknown(facts),
        Outcome::Deferred { .. } | Outcome::Refused { .. } if expired(facts) => Step::Expired,
        Outcome::Deferred {
            after_ms, fault, ..
        } => deferred(facts, after_ms, fault),
        Outcome::Refused {
            moved_to: Some(_), ..
        } if may_try_again(facts) => Step::RetryAt {
            at: facts.now,
            label: None,
        },
        Outcome::Refused { scope, .. } => refused(facts, scope),
    }
}

/// Decides about a delivery whose answer did not come in time (state `Unsure`, due).
#[must_use]
pub fn decide(facts: SettleFacts<'_>) -> Step {
    if expired(facts) {
        return Step::Expired;
    }
    if facts.class == Class::OnceOnly {
        return Step::Unsure {
            decide_at: facts.expires_at,
        };
    }
    match facts.next {
        Some(route) => another_way(facts, route),
        None if facts.route_down => Step::Hold {
            label: Some(Label::Again),
        },
        None => Step::RetryAt {
            at: facts.now,
            label: Some(Label::Again),
        },
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
    let wait = doubled.min(RETRY_MS_MAX);
    wait - wait / 4 + wait.saturating_mul(jitter.min(1_000)) / 2_000
}

fn expired(facts: SettleFacts<'_>) -> bool {
    facts.now >= facts.expires_at
}

fn may_try_again(facts: SettleFacts<'_>) -> bool {
    facts.delivery.attempts < ATTEMPTS_PER_ROUTE_MAX
}

fn deferred(facts: SettleFacts<'_>, after_ms: u64, fault: Fault) -> Step {
    let wait = after_ms.max(retry_ms(facts.delivery.attempts, facts.jitter));
    let again = Step::RetryAt {
        at: facts.now.plus_ms(wait),
        label: None,
    };
    match (fault, facts.next) {
        (Fault::Network, Some(route)) if facts.route_down => another_way(facts, route),
        (Fault::Network, None) if facts.route_down => hold(facts),
        (Fault::Limit, Some(route)) if after_ms > PAUSE_MS_MAX => another_way(facts, route),
        (Fault::Network | Fault::Limit, _) => again,
        (Fault::Request, _) if may_try_again(facts) => again,
        (Fault::Request, _) => refused(facts, Scope::Message),
    }
}

fn refused(facts: SettleFacts<'_>, scope: Scope) -> Step {
    match (facts.next, scope) {
        (Some(route), _) => Step::NextRoute {
            route,
            label: facts.delivery.label,
            at: facts.now,
        },
        // The operator can mend an account; until then its deliveries wait.
        (None, Scope::Account) => hold(facts),
        (None, Scope::Message | Scope::Recipient) => Step::Dead { scope },
    }
}

fn unknown(facts: SettleFacts<'_>) -> Step {
    if facts.idempotent {
        return repeat(facts);
    }
    let wait = unsure_ms_max(facts.class, facts.accepted_at, facts.expires_at);
    let since = facts.delivery.tried_at.unwrap_or(facts.now);
    let decide_at = since.plus_ms(wait);
    if decide_at <= facts.now {
        decide(facts)
    } else {
        Step::Unsure { decide_at }
    }
}

/// The network can be asked again with the same key: that resolves the doubt. Only when it stays
/// silent for too long does the message go another way.
fn repeat(facts: SettleFacts<'_>) -> Step {
    let wait = unsure_ms_max(facts.class, facts.accepted_at, facts.expires_at);
    let since = facts.delivery.tried_at.unwrap_or(facts.now);
    let waited = facts.now.ms_since(since) >= wait;
    match facts.next {
        _ if expired(facts) => Step::Expired,
        Some(route) if facts.route_down && waited => another_way(facts, route),
        None if facts.route_down && waited => Step::Hold {
            label: facts.delivery.label,
        },
        _ => {
            let at = facts
                .now
                .plus_ms(retry_ms(facts.delivery.attempts, facts.jitter));
            Step::RetryAt { at, label: None }
        }
    }
}

fn another_way(facts: SettleFacts<'_>, route: Route) -> Step {
    Step::NextRoute {
        route,
        label: Some(Label::InsteadOf(facts.network)),
        at: facts.now,
    }
}

fn hold(facts: SettleFacts<'_>) -> Step {
    let label = match (facts.delivery.recipient, facts.delivery.label) {
        (_, Some(label)) => label,
        (Recipient::Room(_) | Recipient::Person(_), None) => Label::Late,
    };
    Step::Hold { label: Some(label) }
}

#[cfg(test)]
mod tests;
