//! Telegram's answer -> [`Outcome`].
//!
//! Telegram has no idempotent sends, so a wrong "it did not happen" would be a double that nobody
//! labels. Invariant: only a 4xx in Telegram's own JSON is a definite no. A 5xx is `Unknown` even
//! in JSON: the server may have handed the message on before it failed.

use super::wire;
use crate::retry_after;
use crate::wire_text::reason;
use bytes::Bytes;
use http::{Response, StatusCode};
use ieum_core::ids::{ChatKey, NativeMessageId};
use ieum_core::outgoing::{Act, CopyKey, Fault, Outcome, Scope};
use ieum_core::ports::connector::{Probe, Pulse};
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;
use serde_json::value::RawValue;

/// Wait after "too fast" when Telegram does not say how long.
const RATE_LIMIT_BACK_OFF_MS: u64 = 1_000;

/// What a call gave.
pub(super) type Called = Result<Response<Bytes>, HttpFailure>;

/// A definite answer that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct No {
    pub(super) code: u16,
    pub(super) description: String,
    pub(super) moved_to: Option<i64>,
    /// What Telegram asks for, else ours.
    pub(super) retry_after_ms: u64,
}

impl No {
    pub(super) fn reason(&self) -> String {
        reason(&format!("Telegram {}: {}", self.code, self.description))
    }
}

/// Why a call has no result.
#[derive(Debug)]
pub(super) enum Failed {
    /// Telegram says so.
    No(No),
    /// It was never sent.
    NotSent(String),
    /// It may have been heard.
    Unsure(String),
}

/// The result of a call, as JSON. A 429 is a "no" whatever its body says.
pub(super) fn read(called: &Called, now: Timestamp) -> Result<&str, Failed> {
    let response = called.as_ref().map_err(failed)?;
    let status = response.status();
    let answer = serde_json::from_slice::<wire::Answer<'_>>(response.body()).ok();
    match answer {
        Some(answer) if answer.ok && status.is_success() => {
            Ok(answer.result.map_or("null", RawValue::get))
        }
        answer if answer.as_ref().is_some_and(|answer| !answer.ok) || status == 429 => {
            Err(Failed::No(no(answer, response, now)))
        }
        _ => Err(foreign(status)),
    }
}

/// A failure's own words may hold the address, and with it the token: they are not passed on.
fn failed(failure: &HttpFailure) -> Failed {
    match failure {
        HttpFailure::NotSent(_) => Failed::NotSent("Telegram could not be reached".to_owned()),
        HttpFailure::NoAnswer(_) => Failed::Unsure("no answer from Telegram".to_owned()),
        HttpFailure::AnswerTooLarge => Failed::Unsure("Telegram's answer was too large".to_owned()),
    }
}

/// An answer that is not Telegram's own.
pub(super) fn foreign(status: StatusCode) -> Failed {
    Failed::Unsure(format!("Telegram {}: answer is not Telegram's", status.as_u16()))
}

fn no(answer: Option<wire::Answer<'_>>, response: &Response<Bytes>, now: Timestamp) -> No {
    let answer = answer.filter(|answer| !answer.ok);
    let parameters = answer.as_ref().and_then(|answer| answer.parameters);
    let code = answer.as_ref().and_then(|answer| answer.error_code);
    let told = parameters.and_then(|parameters| parameters.retry_after);
    let told_ms = told.map(|seconds| seconds.saturating_mul(1_000));
    let wait_ms = told_ms.unwrap_or_else(|| retry_after::wait_ms(response.headers(), now));
    No {
        code: code.unwrap_or(response.status().as_u16()),
        description: answer.and_then(|answer| answer.description).unwrap_or_default(),
        moved_to: parameters.and_then(|parameters| parameters.migrate_to_chat_id),
        retry_after_ms: if wait_ms > 0 { wait_ms } else { RATE_LIMIT_BACK_OFF_MS },
    }
}

/// What came of an act. A message without a number was sent all the same.
pub(super) fn of_act(act: &Act, called: &Called, now: Timestamp) -> Outcome {
    match read(called, now).and_then(|result| copies(act, result)) {
        Ok(copies) => Outcome::Accepted { copies },
        Err(Failed::No(no)) => of_no(act, &no),
        Err(Failed::NotSent(reason)) => {
            Outcome::Deferred { after_ms: 0, fault: Fault::Network, reason }
        }
        Err(Failed::Unsure(reason)) => Outcome::Unknown { reason },
    }
}

fn copies(act: &Act, result: &str) -> Result<Vec<CopyKey>, Failed> {
    if !matches!(act, Act::Say(_)) {
        return Ok(Vec::new());
    }
    let sent: Option<wire::MessageNumber> =
        serde_json::from_str(result).map_err(|_| foreign(StatusCode::OK))?;
    let native = sent.map(|sent| NativeMessageId::new(sent.message_id.to_string()));
    Ok(native.map(|native| CopyKey { native, quote: None }).into_iter().collect())
}

fn of_no(act: &Act, no: &No) -> Outcome {
    let refused = |scope| Outcome::Refused { scope, moved_to: None, reason: no.reason() };
    match no.code {
        400 => of_bad_request(act, no),
        401 | 404 => refused(Scope::Account),
        403 => refused(Scope::Recipient),
        409 => Outcome::Deferred { after_ms: 0, fault: Fault::Request, reason: no.reason() },
        413 => refused(Scope::Message),
        429 => Outcome::Deferred {
            after_ms: no.retry_after_ms,
            fault: Fault::Limit,
            reason: no.reason(),
        },
        _ => Outcome::Unknown { reason: no.reason() },
    }
}

/// What a 400 says of the chat; everything else it says is about the message.
const ABOUT_THE_CHAT: [&str; 16] = [
    "chat not found",
    "user not found",
    "chat_id is empty",
    "peer_id_invalid",
    "group chat was upgraded to a supergroup chat",
    "group chat was deactivated",
    "group chat was deleted",
    "not enough rights to send",
    "have no rights to send",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_restricted",
    "chat_send_plain_forbidden",
    "user_is_blocked",
    "message thread not found",
    "topic_closed",
];

fn of_bad_request(act: &Act, no: &No) -> Outcome {
    let said = no.description.to_ascii_lowercase();
    if matches!(act, Act::Edit { .. }) && said.contains("message is not modified") {
        return Outcome::Accepted { copies: Vec::new() };
    }
    let moved_to = no.moved_to.map(|to| ChatKey::new(to.to_string()));
    let chat = moved_to.is_some() || ABOUT_THE_CHAT.iter().any(|known| said.contains(known));
    let scope = if chat { Scope::Recipient } else { Scope::Message };
    Outcome::Refused { scope, moved_to, reason: no.reason() }
}

/// Who `getMe` says that we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Our user name, without `@`.
    pub(super) name: Option<Box<str>>,
    /// Name for people.
    pub(super) shown: String,
}

/// What `getMe` shows: life, and who we are.
pub(super) fn of_probe(called: &Called, took_ms: u64, now: Timestamp) -> (Probe, Option<Named>) {
    let pulse = match read(called, now).and_then(named) {
        Ok(named) => {
            let identity = Some(named.shown.clone());
            return (Probe { pulse: Pulse::Good { took_ms }, identity }, Some(named));
        }
        Err(Failed::No(no)) => match no.code {
            401 | 403 | 404 => Pulse::Refused { reason: no.reason() },
            429 => Pulse::Good { took_ms },
            _ => Pulse::Bad { reason: no.reason() },
        },
        Err(Failed::NotSent(reason) | Failed::Unsure(reason)) => Pulse::Bad { reason },
    };
    (Probe { pulse, identity: None }, None)
}

fn named(result: &str) -> Result<Named, Failed> {
    let user: wire::User = serde_json::from_str(result).map_err(|_| foreign(StatusCode::OK))?;
    let first = user.first_name.as_deref().unwrap_or_default();
    let shown = match &user.username {
        Some(name) => format!("{first} (@{name})"),
        None => first.to_owned(),
    };
    Ok(Named { name: user.username, shown })
}
