//! Telegram's answer -> [`Outcome`].
//!
//! Telegram has no idempotent sends, so a wrong "it did not happen" would be a double that nobody
//! labels. Invariant: only a 4xx in Telegram's own JSON is a definite no. A 5xx is `Unknown` even
//! in JSON: the server may have handed the message on before it failed.

use super::wire;
use crate::retry_after;
use crate::verdict;
use crate::wire_text::{joined, reason};
use bytes::Bytes;
use http::{Response, StatusCode};
use ieum_core::ids::{ChatKey, NativeMessageId};
use ieum_core::outgoing::{Act, CopyKey, Fault, Outcome, Scope};
use ieum_core::ports::connector::{Probe, Pulse};
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Wait after "too fast" when Telegram does not say how long.
const RATE_LIMIT_BACK_OFF_MS: u64 = 1_000;

/// What a call gave.
pub(crate) type Called = Result<Response<Bytes>, HttpFailure>;

/// A definite answer that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct No {
    pub(crate) code: u16,
    pub(crate) description: String,
    pub(crate) moved_to: Option<i64>,
    /// What Telegram asks for, else ours.
    pub(crate) retry_after_ms: u64,
}

/// Why a call has no result.
#[derive(Debug)]
pub(crate) enum Failed<'a> {
    /// Telegram says so.
    No(No),
    /// Nobody answered.
    Silence(&'a HttpFailure),
    /// What answered with this status is not Telegram.
    Foreign(StatusCode),
}

impl Failed<'_> {
    /// Why, in words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::No(no) => reason(&format!("Telegram {}: {}", no.code, no.description)),
            Self::Silence(failure) => verdict::told(failure).to_owned(),
            Self::Foreign(status) => format!("status {}: not Telegram's answer", status.as_u16()),
        }
    }
}

/// The result of a call, as JSON. A 429 is a "no" whatever its body says.
pub(crate) fn read(called: &Called, now: Timestamp) -> Result<&str, Failed<'_>> {
    let response = called.as_ref().map_err(Failed::Silence)?;
    let status = response.status();
    let answer = serde_json::from_slice::<wire::Answer<'_>>(response.body()).ok();
    match answer {
        Some(answer) if answer.ok && status.is_success() => {
            Ok(answer.result.map_or("null", RawValue::get))
        }
        answer if answer.as_ref().is_some_and(|answer| !answer.ok) || status == 429 => {
            Err(Failed::No(no(answer, response, now)))
        }
        _ => Err(Failed::Foreign(status)),
    }
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
pub(crate) fn of_act(act: &Act, called: &Called, now: Timestamp) -> Outcome {
    let copies = read(called, now).and_then(|result| copies(act, result));
    let failed = match copies {
        Ok(copies) => return Outcome::Accepted { copies },
        Err(failed) => failed,
    };
    match &failed {
        Failed::No(no) => of_no(act, no, failed.reason()),
        Failed::Silence(failure) => verdict::of_silence(failure),
        Failed::Foreign(_) => Outcome::Unknown { reason: failed.reason() },
    }
}

fn copies<'a>(act: &Act, result: &'a str) -> Result<Vec<CopyKey>, Failed<'a>> {
    if !matches!(act, Act::Say(_)) {
        return Ok(Vec::new());
    }
    let sent: Option<wire::MessageNumber> = parse(result)?;
    let native = sent.map(|sent| NativeMessageId::new(sent.message_id.to_string()));
    Ok(native.map(|native| CopyKey { native, quote: None }).into_iter().collect())
}

/// Reads a result; one of another shape is not Telegram's.
pub(crate) fn parse<'a, R: Deserialize<'a>>(result: &'a str) -> Result<R, Failed<'a>> {
    serde_json::from_str(result).map_err(|_| Failed::Foreign(StatusCode::OK))
}

fn of_no(act: &Act, no: &No, reason: String) -> Outcome {
    match no.code {
        400 => of_bad_request(act, no, reason),
        401 | 404 => verdict::refused(Scope::Account, reason),
        403 => verdict::refused(Scope::Recipient, reason),
        409 => Outcome::Deferred { after_ms: 0, fault: Fault::Request, reason },
        413 => verdict::refused(Scope::Message, reason),
        429 => Outcome::Deferred { after_ms: no.retry_after_ms, fault: Fault::Limit, reason },
        _ => Outcome::Unknown { reason },
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

fn of_bad_request(act: &Act, no: &No, reason: String) -> Outcome {
    let said = no.description.to_ascii_lowercase();
    if matches!(act, Act::Edit { .. }) && said.contains("message is not modified") {
        return Outcome::Accepted { copies: Vec::new() };
    }
    let moved_to = no.moved_to.map(|to| ChatKey::new(to.to_string()));
    let chat = moved_to.is_some() || ABOUT_THE_CHAT.iter().any(|known| said.contains(known));
    let scope = if chat { Scope::Recipient } else { Scope::Message };
    Outcome::Refused { scope, moved_to, reason }
}

/// What `getMe` shows: life, and our user name without `@`.
pub(crate) fn of_probe(called: &Called, took_ms: u64, now: Timestamp) -> (Probe, Option<Box<str>>) {
    let failed = match read(called, now).and_then(parse::<wire::User>) {
        Ok(us) => {
            let name = us.username.as_ref().map(|name| format!("(@{name})"));
            let identity = Some(joined([us.first_name.as_deref(), name.as_deref()], " "));
            return (Probe { pulse: Pulse::Good { took_ms }, identity }, us.username);
        }
        Err(failed) => failed,
    };
    let code = if let Failed::No(no) = &failed { no.code } else { 0 };
    let reason = failed.reason();
    let pulse = match code {
        401 | 403 | 404 => Pulse::Refused { reason },
        429 => Pulse::Good { took_ms },
        _ => Pulse::Bad { reason },
    };
    (Probe { pulse, identity: None }, None)
}
