//! The homeserver's answer -> [`Outcome`].
//!
//! Sends carry a transaction id, so what is `Unknown` is repeated and shown once. Invariant: only a
//! 4xx in Matrix's own JSON, with an error code that is documented, is a definite no.

use super::wire;
use crate::homeserver::answer::{Failed, No};
use crate::verdict;
use crate::wire_text::{ID_BYTES_MAX, into_id, reason};
use ieum_core::ids::NativeMessageId;
use ieum_core::outgoing::{Act, CopyKey, Fault, Outcome, Scope};
use ieum_core::ports::connector::{Probe, Pulse};

/// Wait before a message goes to a room again that our bot was called to and is not yet let into.
const EXPECTED_BACK_OFF_MS: u64 = 2_000;

/// What an error code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    About(Scope),
    TooFast,
    DoneBefore,
}

/// The error codes of the Client-Server API that an act may be answered.
const CODES: [(&str, Says); 22] = [
    ("M_FORBIDDEN", Says::About(Scope::Recipient)),
    ("M_NOT_FOUND", Says::About(Scope::Recipient)),
    ("M_GUEST_ACCESS_FORBIDDEN", Says::About(Scope::Recipient)),
    ("M_INCOMPATIBLE_ROOM_VERSION", Says::About(Scope::Recipient)),
    ("M_UNABLE_TO_AUTHORISE_JOIN", Says::About(Scope::Recipient)),
    ("M_UNABLE_TO_GRANT_JOIN", Says::About(Scope::Recipient)),
    ("M_TOO_LARGE", Says::About(Scope::Message)),
    ("M_BAD_JSON", Says::About(Scope::Message)),
    ("M_NOT_JSON", Says::About(Scope::Message)),
    ("M_INVALID_PARAM", Says::About(Scope::Message)),
    ("M_MISSING_PARAM", Says::About(Scope::Message)),
    ("M_BAD_STATE", Says::About(Scope::Message)),
    ("M_UNKNOWN_TOKEN", Says::About(Scope::Account)),
    ("M_MISSING_TOKEN", Says::About(Scope::Account)),
    ("M_UNAUTHORIZED", Says::About(Scope::Account)),
    ("M_USER_DEACTIVATED", Says::About(Scope::Account)),
    ("M_USER_LOCKED", Says::About(Scope::Account)),
    ("M_USER_SUSPENDED", Says::About(Scope::Account)),
    ("M_EXCLUSIVE", Says::About(Scope::Account)),
    ("M_LIMIT_EXCEEDED", Says::TooFast),
    ("M_RESOURCE_LIMIT_EXCEEDED", Says::TooFast),
    ("M_DUPLICATE_ANNOTATION", Says::DoneBefore),
];

/// What became of a message whose preparation failed: it was certainly not said.
pub(super) fn before_saying(failed: Failed) -> Outcome {
    let reason = failed.reason();
    let later = |after_ms, fault| Outcome::Deferred { after_ms, fault, reason: reason.clone() };
    match failed {
        Failed::No(no) => match says(&no) {
            Some(Says::TooFast) => later(no.retry_after_ms, Fault::Limit),
            Some(Says::About(scope)) => verdict::refused(scope, reason.clone()),
            Some(Says::DoneBefore) | None => later(0, Fault::Network),
        },
        // A proxy before the homeserver, which takes less than it.
        Failed::Foreign(413) => verdict::refused(Scope::Message, reason.clone()),
        Failed::Silence(_) | Failed::Foreign(_) => later(0, Fault::Network),
    }
}

/// What becomes of a message to a room that our bot was called to and is not let into yet.
pub(super) fn not_yet_let_in(failed: &Failed) -> Outcome {
    let (after_ms, reason) = (EXPECTED_BACK_OFF_MS, failed.reason());
    Outcome::Deferred { after_ms, fault: Fault::Request, reason }
}

/// What became of an act that failed.
fn of_failed(failed: Failed, act: &Act) -> Outcome {
    let reason = failed.reason();
    let no = match failed {
        Failed::No(no) => no,
        Failed::Silence(failure) => return verdict::of_silence(&failure),
        Failed::Foreign(413) => return verdict::refused(Scope::Message, reason),
        Failed::Foreign(_) => return Outcome::Unknown { reason },
    };
    match says(&no) {
        // The room is there; what the act points to is not.
        Some(Says::About(Scope::Recipient))
            if &*no.code == "M_NOT_FOUND" && !matches!(act, Act::Say(_)) =>
        {
            verdict::refused(Scope::Message, reason)
        }
        Some(Says::About(scope)) => verdict::refused(scope, reason),
        Some(Says::TooFast) => {
            Outcome::Deferred { after_ms: no.retry_after_ms, fault: Fault::Limit, reason }
        }
        Some(Says::DoneBefore) => Outcome::Accepted { copies: Vec::new() },
        None => Outcome::Unknown { reason },
    }
}

fn says(no: &No) -> Option<Says> {
    let known = CODES.iter().find(|(code, _)| *code == &*no.code);
    known.map(|(_, says)| *says).or((no.status == 429).then_some(Says::TooFast))
}

/// What came of an act. Only what people see later as a message of its own is kept by its id.
pub(super) fn of_act(act: &Act, result: Result<wire::EventIdOnly, Failed>) -> Outcome {
    let sent = match result {
        Ok(sent) => sent,
        Err(failed) => return of_failed(failed, act),
    };
    let is_kept = matches!(act, Act::Say(_) | Act::React { emoji: Some(_), .. });
    let native = into_id(sent.event_id, ID_BYTES_MAX).filter(|_| is_kept).map(NativeMessageId);
    let copies = native.map(|native| CopyKey { native, quote: None });
    Outcome::Accepted { copies: copies.into_iter().collect() }
}

/// What `whoami` shows.
pub(super) fn of_probe(us: &str, result: Result<wire::WhoAmI, Failed>, took_ms: u64) -> Probe {
    let silent = |pulse| Probe { pulse, identity: None };
    match result {
        Ok(told) if &*told.user_id == us => {
            Probe { pulse: Pulse::Good { took_ms }, identity: Some(us.to_owned()) }
        }
        Ok(told) => {
            let told = told.user_id;
            let reason = reason(&format!("the homeserver takes us for {told}, not {us}"));
            silent(Pulse::Refused { reason })
        }
        Err(failed) => {
            let reason = failed.reason();
            silent(match failed {
                Failed::No(no) if says(&no) == Some(Says::TooFast) => Pulse::Good { took_ms },
                Failed::No(_) => Pulse::Refused { reason },
                Failed::Silence(_) | Failed::Foreign(_) => Pulse::Bad { reason },
            })
        }
    }
}
