//! What came of a call: KakaoTalk's answer -> `Outcome` or `Pulse`.
//!
//! A documented code decides; without one the HTTP status does. Invariant: what is not a definite
//! yes or a definite no (an unknown code, a page of HTML, a time-out) is `Unknown`, and no reason
//! repeats a text that the network sent.

use super::wire::{ErrorAnswer, SendAnswer};
use crate::retry_after;
use crate::verdict::refused;
use ieum_core::outgoing::{CopyKey, Fault, Outcome, Scope};
use ieum_core::ports::connector::Pulse;
use ieum_core::time::Timestamp;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::de::IgnoredAny;

/// What an answer that is not a yes means.
#[derive(Debug, Clone, Copy)]
enum Meaning {
    Later(Fault),
    Never(Scope),
    Unknown,
}

const UNKNOWN: Meaning = Meaning::Unknown;
const NETWORK: Meaning = Meaning::Later(Fault::Network);
const LIMIT: Meaning = Meaning::Later(Fault::Limit);
const REQUEST: Meaning = Meaning::Later(Fault::Request);
const MESSAGE: Meaning = Meaning::Never(Scope::Message);
const RECIPIENT: Meaning = Meaning::Never(Scope::Recipient);
const ACCOUNT: Meaning = Meaning::Never(Scope::Account);

/// Every documented code that can answer a send, with its meaning and our words for it.
const CODES: &[(i64, Meaning, &str)] = &[
    (-1, UNKNOWN, "internal error"),
    (-2, MESSAGE, "the request body is not accepted"),
    (-3, ACCOUNT, "the app lacks the feature"),
    (-4, ACCOUNT, "the account is restricted"),
    (-5, ACCOUNT, "the app has no permission"),
    (-6, ACCOUNT, "the request is forbidden"),
    (-7, NETWORK, "under maintenance"),
    (-10, LIMIT, "over quota"),
    (-401, ACCOUNT, "the bot token is not valid"),
    (-603, UNKNOWN, "internal time-out"),
    (-870, MESSAGE, "the message is not accepted"),
    (-871, MESSAGE, "the guide is not accepted"),
    (-872, MESSAGE, "the command is not accepted"),
    (-873, ACCOUNT, "the bot is not valid"),
    (-876, RECIPIENT, "the chat key is not valid"),
    (-877, RECIPIENT, "not a friend of the channel"),
    (-878, MESSAGE, "the bubble is not valid"),
    (-879, RECIPIENT, "the room switched bots off"),
    (-880, RECIPIENT, "the bot is not in the room"),
    (-881, REQUEST, "the answer token is spent"),
    (-9798, NETWORK, "under maintenance"),
];

/// What an answer to a send of `parts` parts means.
pub(super) fn of_answer(answer: &Response<Bytes>, parts: usize, now: Timestamp) -> Outcome {
    if answer.status().is_success() {
        return of_taken(answer.body(), parts);
    }
    let status = answer.status();
    let (meaning, reason) = match serde_json::from_slice(answer.body()) {
        Ok(ErrorAnswer { code }) => of_code(code, status),
        Err(_) => of_status(status),
    };
    match meaning {
        Meaning::Later(fault) => {
            // A spent token is no reason to wait: the next attempt goes without it.
            let waits = u64::from(fault != Fault::Request);
            let after_ms = waits * retry_after::wait_ms(answer.headers(), now);
            later(after_ms, fault, reason)
        }
        Meaning::Never(scope) => refused(scope, reason),
        Meaning::Unknown => Outcome::Unknown { reason },
    }
}

/// What the answer to the guide call says about KakaoTalk and about our token.
pub(super) fn pulse(answer: &Response<Bytes>, asked_at: Timestamp, now: Timestamp) -> Pulse {
    let is_json = serde_json::from_slice::<IgnoredAny>(answer.body()).is_ok();
    let good = Pulse::Good { took_ms: now.ms_since(asked_at) };
    if answer.status().is_success() && is_json {
        return good;
    }
    let outcome = of_answer(answer, 0, now);
    match (outcome.blames_network(), outcome) {
        (_, Outcome::Refused { scope: Scope::Account, reason, .. }) => Pulse::Refused { reason },
        (Some(true), Outcome::Deferred { reason, .. } | Outcome::Unknown { reason }) => bad(reason),
        _ => good,
    }
}

pub(super) fn bad(reason: impl Into<String>) -> Pulse {
    Pulse::Bad { reason: reason.into() }
}

fn later(after_ms: u64, fault: Fault, reason: String) -> Outcome {
    Outcome::Deferred { after_ms, fault, reason }
}

/// A 2xx: only its counts tell whether it went. KakaoTalk gives no message ids.
fn of_taken(body: &[u8], parts: usize) -> Outcome {
    let counts = serde_json::from_slice(body);
    let counts = counts.map(|SendAnswer { send_count, error_count }| (send_count, error_count));
    let copies = vec![CopyKey::default(); parts];
    let reason = match counts {
        Ok((1.., 0)) => return Outcome::Accepted { copies },
        Ok((0, 1..)) => return refused(Scope::Recipient, "the network sent it to nobody"),
        Ok(_) => "the counts of sent and failed do not tell".into(),
        Err(_) => "answered yes in a form that is not known".into(),
    };
    Outcome::Unknown { reason }
}

fn of_code(code: i64, status: StatusCode) -> (Meaning, String) {
    let known = CODES.iter().find(|(known, ..)| *known == code);
    let (meaning, words) = known.map_or((UNKNOWN, "not known"), |row| (row.1, row.2));
    (meaning, format!("code {code} (status {}): {words}", status.as_u16()))
}

/// An answer without a code. 504 says itself that nobody waited for the end.
fn of_status(status: StatusCode) -> (Meaning, String) {
    let meaning = match status.as_u16() {
        401 | 403 => ACCOUNT,
        429 => LIMIT,
        504 => UNKNOWN,
        500..=599 => NETWORK,
        _ => UNKNOWN,
    };
    (meaning, format!("status {} without a code", status.as_u16()))
}
