//! LINE's answer -> [`Outcome`].
//!
//! LINE has no error codes: the status and the English sentence tell. Invariants: what LINE does
//! not document is `Unknown`; so is a 5xx or an answer that is not LINE's own JSON, because the
//! push may have been taken (repeating it with the same retry key then gives 409).

use super::wire;
use crate::verdict;
use crate::wire_text::{ID_BYTES_MAX, QUOTE_BYTES_MAX, into_id, reason};
use bytes::Bytes;
use http::{Response, StatusCode};
use ieum_core::ids::{NativeMessageId, QuoteKey};
use ieum_core::outgoing::{CopyKey, Fault, Outcome, Scope};
use ieum_core::ports::connector::{Probe, Profile, Pulse};
use ieum_core::ports::http::HttpFailure;

/// LINE tells no time after "too fast" (limits are per second), so this is ours.
const RATE_LIMIT_BACK_OFF_MS: u64 = 1_000;

type Called = Result<Response<Bytes>, HttpFailure>;

/// What came of a push.
pub(super) fn of_push(called: Called) -> Outcome {
    let response = match called {
        Ok(response) => response,
        Err(failure) => return verdict::of_silence(&failure),
    };
    let answer = serde_json::from_slice::<wire::Answer>(response.body()).ok();
    let status = response.status();
    if status == StatusCode::OK || status == StatusCode::CONFLICT {
        return of_taken(status, answer);
    }
    let said = answer.as_ref().and_then(|answer| answer.message.as_deref());
    of_error(status, said)
}

/// 200, or 409 for a retry key that was taken before.
fn of_taken(status: StatusCode, answer: Option<wire::Answer>) -> Outcome {
    let unsure = || unknown(status, "answer is not LINE's");
    let Some(answer) = answer else {
        return unsure();
    };
    let repeated = answer.message.is_some_and(|said| said.contains("retry key"));
    match answer.sent_messages {
        Some(sent) if status == StatusCode::OK || repeated => {
            Outcome::Accepted { copies: sent.into_iter().map(copy).collect() }
        }
        None if status == StatusCode::CONFLICT && repeated => {
            Outcome::Accepted { copies: Vec::new() }
        }
        Some(_) | None => unsure(),
    }
}

/// An id that cannot be kept is left out: the push was taken all the same.
fn copy(sent: wire::SentMessage) -> CopyKey {
    CopyKey {
        native: into_id(sent.id, ID_BYTES_MAX).map(NativeMessageId).unwrap_or_default(),
        quote: sent.quote_token.and_then(|token| into_id(token, QUOTE_BYTES_MAX)).map(QuoteKey),
    }
}

fn of_error(status: StatusCode, said: Option<&str>) -> Outcome {
    let sentence = said.unwrap_or_default();
    match (status.as_u16(), said) {
        (429, _) if sentence.contains("monthly limit") => refused(Scope::Account, status, sentence),
        (429, _) => Outcome::Deferred {
            after_ms: RATE_LIMIT_BACK_OFF_MS,
            fault: Fault::Limit,
            reason: numbered(status, sentence),
        },
        (413 | 415, _) => refused(Scope::Message, status, sentence),
        (400, Some(_)) => refused(scope_of_400(sentence), status, sentence),
        (401 | 403, Some(_)) => refused(Scope::Account, status, sentence),
        (404, Some(_)) => refused(Scope::Recipient, status, sentence),
        _ => unknown(status, said.unwrap_or("answer is not LINE's")),
    }
}

fn scope_of_400(sentence: &str) -> Scope {
    let recipient = ["Failed to send messages", "The property, 'to',"];
    if recipient.iter().any(|known| sentence.contains(known)) {
        Scope::Recipient
    } else {
        Scope::Message
    }
}

fn refused(scope: Scope, status: StatusCode, said: &str) -> Outcome {
    verdict::refused(scope, numbered(status, said))
}

fn unknown(status: StatusCode, said: &str) -> Outcome {
    Outcome::Unknown { reason: numbered(status, said) }
}

fn numbered(status: StatusCode, said: &str) -> String {
    reason(&format!("LINE {}: {said}", status.as_u16()))
}

/// What a call to `/v2/bot/info` shows.
pub(super) fn of_probe(called: Called, took_ms: u64) -> Probe {
    let silent = |pulse| Probe { pulse, identity: None };
    let response = match called {
        Ok(response) => response,
        Err(failure) => {
            return silent(Pulse::Bad { reason: verdict::told(&failure).to_owned() });
        }
    };
    let status = response.status();
    match status.as_u16() {
        200 => match serde_json::from_slice::<wire::BotInfo>(response.body()) {
            Ok(bot) => Probe { pulse: Pulse::Good { took_ms }, identity: Some(identity(bot)) },
            Err(_) => silent(Pulse::Bad { reason: numbered(status, "answer is not LINE's") }),
        },
        401 | 403 => silent(Pulse::Refused { reason: numbered(status, "token not accepted") }),
        429 => silent(Pulse::Good { took_ms }),
        _ => silent(Pulse::Bad { reason: numbered(status, "no sign of life") }),
    }
}

/// "Name (@basic)" as far as LINE tells it, else the user id.
fn identity(bot: wire::BotInfo) -> String {
    match (bot.display_name, bot.basic_id) {
        (Some(name), Some(basic)) => format!("{} ({})", name, basic),
        (Some(name), None) => name.into_string(),
        (None, Some(basic)) => basic.into_string(),
        (None, None) => bot.user_id.into_string(),
    }
}

/// What a profile call tells; anything but a name is `None`.
pub(super) fn of_profile(called: Called) -> Option<Profile> {
    let response = called.ok().filter(|response| response.status() == StatusCode::OK)?;
    let profile: wire::UserProfile = serde_json::from_slice(response.body()).ok()?;
    Some(Profile {
        name: profile.display_name,
        icon_url: profile.picture_url.filter(|url| url.starts_with("https://")),
    })
}
