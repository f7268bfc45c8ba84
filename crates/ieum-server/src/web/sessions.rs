//! Who makes a request: the person behind the secret in the browser's cookie.
//!
//! The hub keeps digests only ([`ieum_core::people::sessions`]). Invariants: a session is made by a
//! proof alone and never taken from what a browser brought; its secret is in no log, page or
//! address.

use super::reader::{Reader, cookie};
use crate::edge::{Edge, Shared};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use ieum_core::ids::PersonId;
use ieum_core::people::sessions::{SESSION_MS, SessionMark};
use ieum_core::ports::entropy::Entropy;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The cookie that holds the secret.
const COOKIE: &str = "ieum_session";
/// Letters of a secret.
const SECRET_CHARS: usize = 64;

/// A new secret: 256 bits.
pub(super) fn new_secret(entropy: &dyn Entropy) -> String {
    format!("{}{}", hex(&entropy.next_16()), hex(&entropy.next_16()))
}

/// What the hub knows a secret by.
pub(super) fn mark(secret: &str) -> SessionMark {
    SessionMark(Sha256::digest(secret).into())
}

/// What every form of a session carries: told by nothing but its secret, and telling nothing of it.
pub(super) fn csrf_of(secret: &str) -> String {
    let digest = Sha256::new().chain_update("form:").chain_update(secret).finalize();
    hex(digest.get(..16).unwrap_or_default())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who made a request, by the session that it brought.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    /// Who.
    pub(crate) person: PersonId,
    /// What every form of theirs must carry.
    pub(crate) csrf: String,
    /// What the hub knows the session by.
    pub(super) mark: SessionMark,
}

impl SignedIn {
    /// Who is behind these headers.
    pub(crate) fn of(headers: &HeaderMap, edge: &Edge) -> Option<Self> {
        let secret = cookie(headers, COOKIE).filter(|secret| secret.len() == SECRET_CHARS)?;
        let (mark, now) = (mark(secret), edge.hub.now());
        let person = edge.hub.with_directory(|directory| {
            let person = directory.doors().person_in(mark, now)?;
            directory.person(person).map(|person| person.id)
        })?;
        Some(Self { person, csrf: csrf_of(secret), mark })
    }

    /// Whether the session has not ended.
    pub(super) fn lasts(&self, edge: &Edge) -> bool {
        let now = edge.hub.now();
        edge.hub.with_directory(|directory| directory.doors().person_in(self.mark, now).is_some())
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

const BROWSERS: &[(&str, &str)] = &[
    ("KAKAOTALK", "KakaoTalk"),
    ("Line/", "LINE"),
    ("Edg", "Edge"),
    ("SamsungBrowser", "Samsung"),
    ("Whale/", "Whale"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: &[(&str, &str)] = &[
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// Which browser it is, in two words of ours at most: never its own text.
pub(super) fn browser(headers: &HeaderMap) -> String {
    let told = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let told = told.unwrap_or_default();
    let named = |table: &[(&str, &'static str)]| {
        table.iter().find(|(sign, _)| told.contains(sign)).map(|(_, name)| *name)
    };
    let words = [named(BROWSERS), named(SYSTEMS)];
    words.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(agent: &str) -> String {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(agent) {
            headers.insert(header::USER_AGENT, value);
        }
        browser(&headers)
    }

    #[test]
    fn browsers_are_named_as_people_call_them() {
        let table = [
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S918N) AppleWebKit/537.36 (KHTML, like Gecko) \
                 SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
                "Samsung · Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari · iPhone",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/126.0.0.0 Whale/3.27 Safari/537.36",
                "Whale · Windows",
            ),
            ("curl/8.7", ""),
            ("", ""),
        ];
        for (agent, name) in table {
            assert_eq!(named(agent), name, "{agent}");
        }
    }

    #[test]
    fn a_secret_tells_two_things_that_do_not_tell_each_other() {
        let (one, other) = ("a".repeat(64), "b".repeat(64));
        assert_eq!(csrf_of(&one), csrf_of(&one));
        assert_ne!(csrf_of(&one), csrf_of(&other));
        assert_ne!(mark(&one), mark(&other));
        assert!(!hex(&mark(&one).0).contains(&csrf_of(&one)));
    }

    proptest! {
        #[test]
        fn nothing_of_a_browsers_own_words_is_kept(agent in "[ -~]{0,120}") {
            let known = BROWSERS.iter().chain(SYSTEMS).map(|(_, name)| *name);
            let known: Vec<_> = known.collect();
            let words = named(&agent);
            prop_assert!(words.is_empty() || words.split(" · ").all(|word| known.contains(&word)));
        }
    }
}
