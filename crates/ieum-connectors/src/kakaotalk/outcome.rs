//! What came of a call: KakaoTalk's answer -> `Outcome` or `Pulse`.
//!
//! A documented code decides; without one the HTTP status does. Invariant: what is not a definite
//! yes or a definite no (an unknown code, a page of HTML, a time-out) is `Unknown`, and no reason
//! repeats a text that the network sent.

use super::wire::{ErrorAnswer, GuideAnswer, SendAnswer};
use ieum_core::outgoing::{CopyKey, Fault, Outcome, Scope};
use ieum_core::ports::connector::Pulse;
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Response, StatusCode};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Longest wait that a `Retry-After` is believed; a longer one is tried again after this.
const RETRY_AFTER_MS_MAX: u64 = 24 * 3_600 * 1_000;

/// What a documented code means for a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Deferred(Fault),
    Refused(Scope),
    Unknown,
}

/// Every documented code that can answer a send, with its meaning and our words for it.
const CODES: &[(i64, Meaning, &str)] = &[
    (-1, Meaning::Unknown, "internal error"),
    (
        -2,
        Meaning::Refused(Scope::Message),
        "the request body is not accepted",
    ),
    (
        -3,
        Meaning::Refused(Scope::Account),
        "the feature is not enabled for this app",
    ),
    (
        -4,
        Meaning::Refused(Scope::Account),
        "the account is restricted",
    ),
    (
        -5,
        Meaning::Refused(Scope::Account),
        "the app has no permission",
    ),
    (
        -6,
        Meaning::Refused(Scope::Account),
        "the request is forbidden",
    ),
    (-7, Meaning::Deferred(Fault::Network), "under maintenance"),
    (-10, Meaning::Deferred(Fault::Limit), "over quota"),
    (
        -401,
        Meaning::Refused(Scope::Account),
        "the bot token is not valid",
    ),
    (-603, Meaning::Unknown, "internal time-out"),
    (
        -870,
        Meaning::Refused(Scope::Message),
        "the message is not accepted",
    ),
    (
        -871,
        Meaning::Refused(Scope::Message),
        "the guide is not accepted",
    ),
    (
        -872,
        Meaning::Refused(Scope::Message),
        "the command is not accepted",
    ),
    (
        -873,
        Meaning::Refused(Scope::Account),
        "the bot is not valid",
    ),
    (
        -876,
        Meaning::Refused(Scope::Recipient),
        "the chat key is not valid",
    ),
    (
        -877,
        Meaning::Refused(Scope::Recipient),
        "the person is not a friend of the channel",
    ),
    (
        -878,
        Meaning::Refused(Scope::Message),
        "the bubble is not valid",
    ),
    (
        -879,
        Meaning::Refused(Scope::Recipient),
        "the room has switched bot messages off",
    ),
    (
        -880,
        Meaning::Refused(Scope::Recipient),
        "the bot is not in the room",
    ),
    (
        -881,
        Meaning::Deferred(Fault::Request),
        "the answer token is used or expired",
    ),
    (
        -9798,
        Meaning::Deferred(Fault::Network),
        "under maintenance",
    ),
];

/// What an answer to a send of `parts` parts means.
pub(super) fn of_answer(answer: &Response<Bytes>, parts: usize, now: Timestamp) -> Outcome {
    let status = answer.status();
    if status.is_success() {
        return of_taken(answer.body(), parts);
    }
    let after_ms = retry_after_ms(answer.headers(), now);
    match serde_json::from_slice::<ErrorAnswer>(answer.body()) {
        Ok(error) => of_code(&error, status, after_ms),
        Err(_) => of_status(status, after_ms),
    }
}

/// What the absence of an answer means.
pub(super) fn of_failure(failure: &HttpFailure) -> Outcome {
    match failure {
        HttpFailure::NotSent(_) => Outcome::Deferred {
            after_ms: 0,
            fault: Fault::Network,
            reason: failure.to_string(),
        },
        HttpFailure::NoAnswer(_) | HttpFailure::AnswerTooLarge => Outcome::Unknown {
            reason: failure.to_string(),
        },
    }
}

/// What the answer to the guide call says about KakaoTalk and about our token.
pub(super) fn pulse(answer: &Response<Bytes>, took_ms: u64, now: Timestamp) -> Pulse {
    if answer.status().is_success() {
        return match serde_json::from_slice::<GuideAnswer>(answer.body()) {
            Ok(_) => Pulse::Good { took_ms },
            Err(_) => Pulse::Bad {
                reason: "answered with something that is not JSON".into(),
            },
        };
    }
    match of_answer(answer, 0, now) {
        Outcome::Refused {
            scope: Scope::Account,
            reason,
            ..
        } => Pulse::Refused { reason },
        Outcome::Deferred {
            fault: Fault::Network,
            reason,
            ..
        }
        | Outcome::Unknown { reason } => Pulse::Bad { reason },
        Outcome::Refused {
            scope: Scope::Message | Scope::Recipient,
            ..
        }
        | Outcome::Deferred {
            fault: Fault::Limit | Fault::Request,
            ..
        }
        | Outcome::Accepted { .. } => Pulse::Good { took_ms },
    }
}

/// A 2xx: only its counts tell whether it went. KakaoTalk gives no message ids.
fn of_taken(body: &[u8], parts: usize) -> Outcome {
    let Ok(counts) = serde_json::from_slice::<SendAnswer>(body) else {
        return Outcome::Unknown {
            reason: "answered yes in a form that is not known".into(),
        };
    };
    match (counts.send_count, counts.error_count) {
        (1.., 0) => Outcome::Accepted {
            copies: vec![CopyKey::default(); parts],
        },
        (0, 1..) => refused(Scope::Recipient, "the network sent it to nobody".into()),
        (0, 0) => Outcome::Unknown {
            reason: "neither sent nor failed".into(),
        },
        (1.., 1..) => Outcome::Unknown {
            reason: "partly sent, partly failed".into(),
        },
    }
}

fn of_code(error: &ErrorAnswer, status: StatusCode, after_ms: u64) -> Outcome {
    let Some((code, meaning, words)) = CODES.iter().find(|(code, ..)| *code == error.code) else {
        let reason = format!(
            "code {} with status {} is not known",
            error.code,
            status.as_u16()
        );
        return Outcome::Unknown { reason };
    };
    let inner = error.extras.as_ref().and_then(|extras| extras.code);
    let reason = match inner.filter(|inner| inner != code) {
        Some(inner) => format!("code {code} ({inner}): {words}"),
        None => format!("code {code}: {words}"),
    };
    match *meaning {
        Meaning::Deferred(Fault::Request) => Outcome::Deferred {
            after_ms: 0,
            fault: Fault::Request,
            reason,
        },
        Meaning::Deferred(fault) => Outcome::Deferred {
            after_ms,
            fault,
            reason,
        },
        Meaning::Refused(scope) => refused(scope, reason),
        Meaning::Unknown => Outcome::Unknown { reason },
    }
}

/// An answer without a code. 504 says itself that nobody waited for the end.
fn of_status(status: StatusCode, after_ms: u64) -> Outcome {
    let reason = format!("status {} without a code", status.as_u16());
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => refused(Scope::Account, reason),
        StatusCode::TOO_MANY_REQUESTS => Outcome::Deferred {
            after_ms,
            fault: Fault::Limit,
            reason,
        },
        StatusCode::GATEWAY_TIMEOUT => Outcome::Unknown { reason },
        _ if status.is_server_error() => Outcome::Deferred {
            after_ms,
            fault: Fault::Network,
            reason,
        },
        _ => Outcome::Unknown { reason },
    }
}

fn refused(scope: Scope, reason: String) -> Outcome {
    Outcome::Refused {
        scope,
        moved_to: None,
        reason,
    }
}

/// `Retry-After` as seconds or as a date; zero when there is none or it cannot be read.
fn retry_after_ms(headers: &HeaderMap, now: Timestamp) -> u64 {
    let Some(text) = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
    else {
        return 0;
    };
    let text = text.trim();
    let wait_ms = match text.parse::<u64>() {
        Ok(seconds) => seconds.saturating_mul(1_000),
        Err(_) => OffsetDateTime::parse(text, &Rfc2822).map_or(0, |date| {
            Timestamp(date.unix_timestamp().saturating_mul(1_000)).ms_since(now)
        }),
    };
    wait_ms.min(RETRY_AFTER_MS_MAX)
}
