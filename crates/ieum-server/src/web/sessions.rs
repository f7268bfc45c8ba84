//! Who is signed in: sessions by the digest of a secret that only the browser has.
//!
//! They live in memory: after a restart people sign in again, by whatever way works. Invariants: a
//! session is made by a code alone and never taken from what a browser brought; its secret is in
//! no log, page or address.

use super::reader::{Reader, cookie};
use crate::edge::{Edge, Shared};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use ieum_core::ids::PersonId;
use ieum_core::ports::entropy::Entropy;
use ieum_core::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq;

/// The cookie that holds the secret.
const COOKIE: &str = "ieum_session";
/// Most sessions of all people; the oldest end first.
const SESSIONS_MAX: usize = 100_000;
/// Most sessions of one person; the oldest end first.
const SESSIONS_PER_PERSON_MAX: usize = 16;
/// How long a session lasts: 30 days.
const SESSION_MS: u64 = 30 * 24 * 3_600 * 1_000;

type Mark = [u8; 32];

#[derive(Debug, Clone)]
struct Session {
    person: PersonId,
    csrf: String,
    opened_at: Timestamp,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<BTreeMap<Mark, Session>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Mark, Session>> {
        // Each change is one call to the map: a thread that died with it left nothing half done.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a session; its secret is told once.
    pub(crate) fn open(&self, person: PersonId, entropy: &dyn Entropy, now: Timestamp) -> String {
        let secret = format!("{}{}", hex(entropy.next_16()), hex(entropy.next_16()));
        let session = Session { person, csrf: hex(entropy.next_16()), opened_at: now };
        let mut open = self.lock();
        open.retain(|_, session| now.ms_since(session.opened_at) < SESSION_MS);
        let of_person = open.values().filter(|session| session.person == person).count();
        if of_person >= SESSIONS_PER_PERSON_MAX {
            end_oldest(&mut open, |session| session.person == person);
        }
        if open.len() >= SESSIONS_MAX {
            end_oldest(&mut open, |_| true);
        }
        open.insert(mark(&secret), session);
        secret
    }

    fn of(&self, secret: &str, now: Timestamp) -> Option<Session> {
        let session = self.lock().get(&mark(secret)).cloned()?;
        (now.ms_since(session.opened_at) < SESSION_MS).then_some(session)
    }

    /// Ends the session with this secret.
    pub(super) fn end(&self, secret: &str) {
        self.lock().remove(&mark(secret));
    }

    /// Ends all sessions of a person.
    pub(super) fn end_all(&self, person: PersonId) {
        self.lock().retain(|_, session| session.person != person);
    }
}

fn end_oldest(open: &mut BTreeMap<Mark, Session>, which: impl Fn(&Session) -> bool) {
    let found = open.iter().filter(|(_, session)| which(session));
    let oldest = found.min_by_key(|(_, session)| session.opened_at).map(|(mark, _)| *mark);
    if let Some(mark) = oldest {
        open.remove(&mark);
    }
}

fn mark(secret: &str) -> Mark {
    Sha256::digest(secret).into()
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who made a request, by the session that it brought.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) person: PersonId,
    /// What every form of theirs must carry.
    pub(crate) csrf: String,
    /// The session's secret, to end it.
    pub(super) secret: String,
}

impl SignedIn {
    /// Who is behind these headers.
    pub(crate) fn of(headers: &HeaderMap, edge: &Shared) -> Option<Self> {
        let secret = cookie(headers, COOKIE)?;
        let session = edge.pages.sessions.of(secret, edge.hub.now())?;
        let person = session.person;
        edge.hub.with_directory(|directory| directory.person(person).map(drop))?;
        Some(Self { person, csrf: session.csrf, secret: secret.to_owned() })
    }

    /// Whether the session has not ended.
    pub(super) fn lasts(&self, edge: &Edge) -> bool {
        edge.pages.sessions.of(&self.secret, edge.hub.now()).is_some()
    }

    /// Whether a form came from one of this session's own pages.
    pub(crate) fn sent(&self, csrf: &str) -> bool {
        self.csrf.as_bytes().ct_eq(csrf.as_bytes()).into()
    }
}

impl FromRequestParts<Shared> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, edge: &Shared) -> Result<Self, Response> {
        Self::of(&parts.headers, edge).ok_or_else(|| Redirect::to("/sign-in").into_response())
    }
}

/// The cookie line that hands a secret to the browser, or takes it back.
pub(super) fn cookie_line(secret: Option<&str>, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let (value, age) = secret.map_or(("", 0), |secret| (secret, SESSION_MS / 1_000));
    let line = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}");
    HeaderValue::from_str(&line).ok()
}

/// The hidden field of every form.
pub(super) fn csrf_field(who: &SignedIn) -> maud::Markup {
    maud::html! { input type="hidden" name="csrf" value=(who.csrf); }
}

/// Whether the reader came through TLS, by the word of the proxy in front.
pub(super) fn is_secure(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|value| value == "https")
}

/// A page's answer to a form that was not sent from one of our pages.
pub(super) fn not_ours(reader: &Reader) -> Response {
    let detail = "this form was not sent from one of our pages";
    let problem = crate::problem::Problem::new(crate::problem::Kind::Malformed, detail);
    super::wrong::Wrong::new(reader, problem).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Debug, Default)]
    struct Steps(AtomicU64);

    impl Entropy for Steps {
        fn next_u64(&self) -> u64 {
            self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed)
        }
    }

    #[test]
    fn a_session_ends_by_time_by_its_owner_and_with_all_of_theirs() {
        let (sessions, entropy) = (Sessions::default(), Steps::default());
        let open = |person, at| sessions.open(PersonId(person), &entropy, Timestamp(at));
        let (one, two, other) = (open(1, 0), open(1, 5), open(2, 0));
        let person =
            |secret: &str, at| sessions.of(secret, Timestamp(at)).map(|session| session.person.0);
        assert_eq!((person(&one, 9), person(&other, 9)), (Some(1), Some(2)));
        assert_eq!((person("", 9), person("0", 9)), (None, None));
        sessions.end(&one);
        assert_eq!((person(&one, 9), person(&two, 9)), (None, Some(1)));
        let over = i64::try_from(SESSION_MS).unwrap();
        assert_eq!((person(&two, over + 4), person(&two, over + 5)), (Some(1), None));
        sessions.end_all(PersonId(1));
        assert_eq!((person(&two, 9), person(&other, 9)), (None, Some(2)));
    }

    #[test]
    fn the_oldest_sessions_of_a_person_make_room() {
        let (sessions, entropy) = (Sessions::default(), Steps::default());
        let open = |at: i64| sessions.open(PersonId(1), &entropy, Timestamp(at));
        let all: Vec<_> = (0..=SESSIONS_PER_PERSON_MAX).map(|at| open(at as i64)).collect();
        let is_open = |secret: &String| sessions.of(secret, Timestamp(99)).is_some();
        assert!(!is_open(&all[0]));
        assert_eq!(all.iter().filter(|one| is_open(one)).count(), SESSIONS_PER_PERSON_MAX);
    }
}
