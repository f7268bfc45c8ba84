//! What a homeserver's answer is: a result, a definite no, or neither.
//!
//! What a no means for a message is not judged here. Invariant: only a 4xx in Matrix's own JSON is
//! a no; a 5xx is one about the way back to us alone.

use crate::retry_after;
use crate::verdict;
use crate::wire_text::reason;
use bytes::Bytes;
use http::Response;
use ieum_core::ports::http::HttpFailure;
use ieum_core::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Wait after "too fast" when the homeserver does not say how long.
const RATE_LIMIT_BACK_OFF_MS: u64 = 1_000;
/// Longest wait that is believed.
const WAIT_MS_MAX: u64 = 24 * 3_600 * 1_000;

/// What a call gave.
pub(crate) type Called = Result<Response<Bytes>, HttpFailure>;

/// A definite answer that says no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct No {
    pub(crate) status: u16,
    pub(crate) code: Box<str>,
    pub(crate) said: Box<str>,
    /// What the homeserver asks for, else ours.
    pub(crate) retry_after_ms: u64,
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The homeserver says so.
    No(No),
    /// Nobody answered.
    Silence(HttpFailure),
    /// What answered with this status is not a homeserver, or is a sick one.
    Foreign(u16),
}

/// What a homeserver says that works but does not reach us, with a 5xx.
const REACHING_US: [&str; 4] =
    ["M_CONNECTION_FAILED", "M_CONNECTION_TIMED_OUT", "M_BAD_STATUS", "M_URL_NOT_SET"];

/// Any refusal.
#[derive(Debug, Deserialize)]
struct Error {
    errcode: Box<str>,
    #[serde(default)]
    error: Box<str>,
    retry_after_ms: Option<u64>,
}

impl Failed {
    /// Whether the homeserver says no with this code.
    pub(crate) fn is(&self, code: &str) -> bool {
        matches!(self, Self::No(no) if &*no.code == code)
    }

    /// Why, in words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::No(no) => reason(&format!("Matrix {} {}: {}", no.status, no.code, no.said)),
            Self::Silence(failure) => verdict::told(failure).to_owned(),
            Self::Foreign(status) => format!("status {status}: not a homeserver's answer"),
        }
    }
}

/// The result of a call. A 5xx is no result and no refusal, but about the way back to us.
pub(crate) fn read<T: DeserializeOwned>(called: Called, now: Timestamp) -> Result<T, Failed> {
    let response = called.map_err(Failed::Silence)?;
    let status = response.status();
    if status.is_success() {
        return serde_json::from_slice(response.body()).map_err(|_| Failed::Foreign(200));
    }
    let error = serde_json::from_slice::<Error>(response.body()).ok();
    let about_us = error.as_ref().is_some_and(|error| REACHING_US.contains(&&*error.errcode));
    let is_no = status.is_client_error() && (error.is_some() || status == 429) || about_us;
    Err(if is_no {
        Failed::No(no(&response, error, now))
    } else {
        Failed::Foreign(status.as_u16())
    })
}

fn no(response: &Response<Bytes>, error: Option<Error>, now: Timestamp) -> No {
    let told = error.as_ref().and_then(|error| error.retry_after_ms);
    let wait_ms = told.unwrap_or_else(|| retry_after::wait_ms(response.headers(), now));
    let (code, said) = error.map_or_else(Default::default, |error| (error.errcode, error.error));
    let retry_after_ms =
        if wait_ms > 0 { wait_ms.min(WAIT_MS_MAX) } else { RATE_LIMIT_BACK_OFF_MS };
    No { status: response.status().as_u16(), code, said, retry_after_ms }
}
