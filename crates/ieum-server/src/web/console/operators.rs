//! Which operators are in the console: in memory, by the digest of a secret, for twelve hours.
//!
//! Invariant: a session is opened by a token of `/v1` alone and opens nothing but the console.

use crate::edge::Shared;
use crate::web::reader::cookie;
use crate::web::sessions::{csrf_of, mark};
use axum::extract::OptionalFromRequestParts;
use http::HeaderValue;
use http::request::Parts;
use ieum_core::people::sessions::SessionMark;
use ieum_core::time::Timestamp;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq;

/// The cookie that holds the secret.
const COOKIE: &str = "ieum_operator";
/// How long an operator stays in: 12 hours.
const STAY_MS: u64 = 12 * 3_600 * 1_000;
/// Most operators' sessions; the oldest ends first.
const OPERATORS_MAX: usize = 64;

/// Who is in.
#[derive(Debug, Default)]
pub(crate) struct Operators {
    inside: Mutex<BTreeMap<SessionMark, (Box<str>, Timestamp)>>,
}

impl Operators {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionMark, (Box<str>, Timestamp)>> {
        // Each change is one call to the map: a thread that died with it left nothing half done.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets in whoever has this secret, by the name of their token.
    pub(super) fn open(&self, secret: &str, name: Box<str>, now: Timestamp) {
        let mut inside = self.lock();
        inside.retain(|_, (_, since)| now.ms_since(*since) < STAY_MS);
        if inside.len() >= OPERATORS_MAX {
            let oldest = inside.iter().min_by_key(|(_, (_, since))| *since).map(|(mark, _)| *mark);
            oldest.and_then(|mark| inside.remove(&mark));
        }
        inside.insert(mark(secret), (name, now));
    }

    fn name(&self, mark: SessionMark, now: Timestamp) -> Option<Box<str>> {
        let inside = self.lock();
        let (name, since) = inside.get(&mark)?;
        (now.ms_since(*since) < STAY_MS).then(|| name.clone())
    }

    /// Ends one stay.
    pub(super) fn close(&self, mark: SessionMark) {
        self.lock().remove(&mark);
    }
}

/// An operator behind a request.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// The name of the token that they came in with.
    pub(super) name: Box<str>,
    /// What every form of theirs must carry.
    pub(super) csrf: String,
    /// What their stay is known by.
    pub(super) mark: SessionMark,
}

impl Operator {
    /// Whether a form came from one of this stay's own pages.
    pub(super) fn sent(&self, csrf: &str) -> bool {
        self.csrf.as_bytes().ct_eq(csrf.as_bytes()).into()
    }
}

impl OptionalFromRequestParts<Shared> for Operator {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        edge: &Shared,
    ) -> Result<Option<Self>, Infallible> {
        let Some(secret) = cookie(&parts.headers, COOKIE) else { return Ok(None) };
        let mark = mark(secret);
        let name = edge.pages.operators.name(mark, edge.hub.now());
        Ok(name.map(|name| Self { name, csrf: csrf_of(secret), mark }))
    }
}

/// The cookie line that hands a secret to the browser, or takes it back.
pub(super) fn cookie_line(secret: Option<&str>, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let (value, age) = secret.map_or(("", 0), |secret| (secret, STAY_MS / 1_000));
    let line = format!(
        "{COOKIE}={value}; Path=/console; HttpOnly; SameSite=Strict; Max-Age={age}{secure}"
    );
    HeaderValue::from_str(&line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stay_ends_by_time_by_its_operator_and_for_too_many_others() {
        let operators = Operators::default();
        let name = |secret: &str, at| operators.name(mark(secret), Timestamp(at));
        operators.open("one", "night".into(), Timestamp(0));
        operators.open("two", "day".into(), Timestamp(1));
        assert_eq!(name("one", 5).as_deref(), Some("night"));
        assert_eq!(name("", 5), None);
        let over = i64::try_from(STAY_MS).unwrap();
        assert_eq!((name("one", over).is_some(), name("two", over).is_some()), (false, true));
        operators.close(mark("two"));
        assert_eq!(name("two", 5), None);
        for number in 0..OPERATORS_MAX {
            operators.open(&number.to_string(), "many".into(), Timestamp(9));
        }
        assert_eq!((name("one", 9).is_some(), name("0", 9).is_some()), (false, true));
        assert_eq!(operators.lock().len(), OPERATORS_MAX);
    }
}
