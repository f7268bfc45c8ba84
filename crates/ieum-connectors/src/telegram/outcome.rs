//! Telegram's answer -> [`Outcome`].
//!
//! Telegram has no idempotent sends, so a wrong "it did not happen" would be a double that nobody
//! labels. Invariant: only a 4xx in Telegram's own JSON is a definite no. A 5xx is `Unknown` even
//! in JSON: the server may have handed the message on before it failed.

use super::wire;
use crate::retry_after;
use crate::wire_text::{Text, reason};
use bytes::Bytes;
use http::Response;
use ieum_core::ids::{ChatKey, NativeMessageId};
use ieum_core::outgoing::{Act, CopyKey, Fault, Outcome, Scope};
use ieum_core::ports::connector::{Probe, Pulse};
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;

/// Wait after "too fast" when Telegram does not say how long.
pub(super) const RATE_LIMIT_BACK_OFF_MS: u64 = 1_000;
/// What an answer that is not Telegram's own is called.
const FOREIGN: &str = "answer is not Telegram's";

/// What a call gave.
pub(super) type Called = Result<Response<Bytes>, HttpFailure>;

/// A definite answer that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct No {
    pub(super) code: u16,
    pub(super) description: String,
    pub(super) moved_to: Option<i64>,
    pub(super) retry_after_ms: Option<u64>,
}

impl No {
    pub(super) fn reason(&self) -> String {
        reason(&format!("Telegram {}: {}", self.code, self.description))
    }
}

/// Reads Telegram's own "no"; anything else is `None`. A 429 is one whatever its body says.
pub(super) fn read_no(response: &Response<Bytes>, now: Timestamp) -> Option<No> {
    let status = response.status().as_u16();
    let parsed = serde_json::from_slice::<wire::Answer<'_, serde::de::IgnoredAny>>(response.body());
    let answer = parsed.ok().filter(|answer| !answer.ok);
    if answer.is_none() && status != 429 {
        return None;
    }
    let parameters = answer.as_ref().and_then(|answer| answer.parameters);
    let code = answer.as_ref().and_then(|answer| answer.error_code).unwrap_or(status);
    let told = parameters.and_then(|parameters| parameters.retry_after);
    let told_ms = told.map(|seconds| seconds.saturating_mul(1_000));
    let header_ms = || retry_after::wait_ms(response.headers(), now);
    Some(No {
        code,
        description: answer
            .and_then(|answer| answer.description)
            .map_or_else(String::new, Text::into_string),
        moved_to: parameters.and_then(|parameters| parameters.migrate_to_chat_id),
        retry_after_ms: Some(told_ms.unwrap_or_else(header_ms)).filter(|wait_ms| *wait_ms > 0),
    })
}

/// What came of an act.
pub(super) fn of_act(act: &Act, called: Called, now: Timestamp) -> Outcome {
    let response = match called {
        Ok(response) => response,
        Err(failure) => return of_failure(&failure),
    };
    if let Some(no) = read_no(&response, now) {
        return of_no(act, &no);
    }
    if response.status().is_success()
        && let Some(copies) = copies(act, response.body())
    {
        return Outcome::Accepted { copies };
    }
    Outcome::Unknown { reason: format!("Telegram {}: {FOREIGN}", response.status().as_u16()) }
}

/// A failure's own words may hold the address, and with it the token: they are not passed on.
fn of_failure(failure: &HttpFailure) -> Outcome {
    match failure {
        HttpFailure::NotSent(_) => Outcome::Deferred {
            after_ms: 0,
            fault: Fault::Network,
            reason: told(failure).to_owned(),
        },
        HttpFailure::NoAnswer(_) | HttpFailure::AnswerTooLarge => {
            Outcome::Unknown { reason: told(failure).to_owned() }
        }
    }
}

/// A failure without its details.
pub(super) fn told(failure: &HttpFailure) -> &'static str {
    match failure {
        HttpFailure::NotSent(_) => "Telegram could not be reached",
        HttpFailure::NoAnswer(_) => "no answer from Telegram",
        HttpFailure::AnswerTooLarge => "Telegram's answer was too large",
    }
}

/// `None` when the body is not Telegram's `ok`. A message without a number was sent all the same.
fn copies(act: &Act, body: &[u8]) -> Option<Vec<CopyKey>> {
    if !matches!(act, Act::Say(_)) {
        let answer: wire::Answer<'_, serde::de::IgnoredAny> = serde_json::from_slice(body).ok()?;
        return answer.ok.then(Vec::new);
    }
    let answer: wire::Answer<'_, wire::SentMessage> = serde_json::from_slice(body).ok()?;
    let copy = |sent: wire::SentMessage| CopyKey {
        native: NativeMessageId::new(sent.message_id.to_string()),
        quote: None,
    };
    answer.ok.then(|| answer.result.map(copy).into_iter().collect())
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
            after_ms: no.retry_after_ms.unwrap_or(RATE_LIMIT_BACK_OFF_MS),
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
pub(super) fn of_probe(called: Called, took_ms: u64, now: Timestamp) -> (Probe, Option<Named>) {
    let silent = |pulse| (Probe { pulse, identity: None }, None);
    let response = match called {
        Ok(response) => response,
        Err(failure) => {
            return silent(Pulse::Bad { reason: told(&failure).to_owned() });
        }
    };
    if let Some(no) = read_no(&response, now) {
        return silent(match no.code {
            401 | 403 | 404 => Pulse::Refused { reason: no.reason() },
            429 => Pulse::Good { took_ms },
            _ => Pulse::Bad { reason: no.reason() },
        });
    }
    match named(response.body()).filter(|_| response.status().is_success()) {
        Some(named) => {
            let identity = Some(named.shown.clone());
            (Probe { pulse: Pulse::Good { took_ms }, identity }, Some(named))
        }
        None => {
            let code = response.status().as_u16();
            silent(Pulse::Bad { reason: format!("Telegram {code}: {FOREIGN}") })
        }
    }
}

fn named(body: &[u8]) -> Option<Named> {
    let answer: wire::Answer<'_, wire::User<'_>> = serde_json::from_slice(body).ok()?;
    let user = answer.result.filter(|_| answer.ok)?;
    let name = user.username.map(Text::into_box);
    let first = user.first_name.map(Text::into_string).unwrap_or_default();
    let shown = name.as_ref().map_or_else(|| first.clone(), |name| format!("{first} (@{name})"));
    Some(Named { name, shown })
}
