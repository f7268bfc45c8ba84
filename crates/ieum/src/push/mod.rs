//! Tells devices of messages by Web Push.
//!
//! The address of a push service comes from a browser, so whoever is signed in chooses where the
//! hub calls: it calls public hosts only, over TLS, follows nobody elsewhere and reads nothing of
//! the answer but its head. Invariant: a push service can read none of what is told.

mod seal;
mod vapid;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use ieum_connectors::doors::Doors;
use ieum_core::content::HubSecret;
use ieum_core::people::push::{PUSH_KEY_BYTES, host_of};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::http::{CarryLimits, HttpFailure, HttpTransport, Reach, Upload};
use ieum_core::ports::push::{Note, Push, PushOutcome, Pusher};
use p256::{PublicKey, SecretKey};
use seal::Seal;
use serde_json::json;
use std::sync::Arc;
use vapid::OwnKey;

/// Longest time without a byte from a push service.
const IDLE_MS: u64 = 10_000;
/// Longest rest that a push service may ask for.
const REST_MS_MAX: u64 = 3_600_000;
/// Tries to draw a key for one message; each fails once in 2^32.
const DRAWS_MAX: usize = 8;

/// Pushes with a key of the hub's own.
#[derive(Debug)]
pub struct WebPush {
    key: OwnKey,
    /// Where operators of push services find the hub's.
    contact: Option<String>,
    http: Arc<dyn HttpTransport>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl WebPush {
    /// The pusher of the hub that has this secret; none in the case of one secret in 2^256.
    #[must_use]
    pub fn new(secret: &HubSecret, public_url: Option<&str>, doors: &Doors) -> Option<Self> {
        let contact = public_url.filter(|url| url.starts_with("https://"));
        Some(Self {
            key: OwnKey::of(secret)?,
            contact: contact.map(str::to_owned),
            http: Arc::clone(&doors.http),
            clock: Arc::clone(&doors.clock),
            entropy: Arc::clone(&doors.entropy),
        })
    }

    fn request(&self, push: Push<'_>) -> Result<Request<Upload>, String> {
        let endpoint = &*push.to.endpoint;
        let host = host_of(endpoint).ok_or("no address of a push service")?;
        let device = PublicKey::from_sec1_bytes(&push.to.key).map_err(|_| "no key of a device")?;
        let own = self.draw().ok_or("no randomness")?;
        let salt = self.entropy.next_16();
        let seal = Seal { device: &device, secret: &push.to.secret, own: &own, salt };
        let body = seal.body(told(push.note).as_bytes()).ok_or("too long for a push")?;
        let contact = self.contact.as_deref();
        let authorization = self.key.authorization(host, contact, self.clock.now());
        let topic: String = push.topic.iter().map(|byte| format!("{byte:02x}")).collect();
        Request::builder()
            .method(Method::POST)
            .uri(endpoint)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header("ttl", push.ttl_s)
            .header("urgency", if push.is_urgent { "high" } else { "normal" })
            .header("topic", topic)
            .body(Upload::Whole(Bytes::from(body)))
            .map_err(|error| error.to_string())
    }

    fn draw(&self) -> Option<SecretKey> {
        let drawn = || {
            let bytes = [self.entropy.next_16(), self.entropy.next_16()].concat();
            SecretKey::from_slice(&bytes).ok()
        };
        (0..DRAWS_MAX).find_map(|_| drawn())
    }
}

/// What the worker of the pages reads.
fn told(note: &Note) -> String {
    json!({
        "conversation": note.conversation,
        "message": note.message,
        "title": note.title,
        "text": note.text,
    })
    .to_string()
}

impl Pusher for WebPush {
    fn public_key(&self) -> [u8; PUSH_KEY_BYTES] {
        self.key.public()
    }

    fn is_key(&self, key: &[u8]) -> bool {
        PublicKey::from_sec1_bytes(key).is_ok()
    }

    fn push<'a>(&'a self, push: Push<'a>) -> BoxFuture<'a, PushOutcome> {
        Box::pin(async move {
            let request = match self.request(push) {
                Ok(request) => request,
                Err(why) => return PushOutcome::Refused(why),
            };
            let limits = CarryLimits { idle_ms: IDLE_MS, reach: Reach::PublicOnly };
            match self.http.carry(request, limits).await {
                Ok(answer) => outcome(answer.status(), answer.headers()),
                Err(HttpFailure::NotSent(_) | HttpFailure::NoAnswer(_)) => PushOutcome::Later(None),
                Err(HttpFailure::AnswerTooLarge) => PushOutcome::Taken,
            }
        })
    }
}

/// What an answer means (RFC 8030, sections 5 and 8.4; RFC 8292, section 4.2).
fn outcome(status: StatusCode, headers: &HeaderMap) -> PushOutcome {
    match status {
        status if status.is_success() => PushOutcome::Taken,
        StatusCode::NOT_FOUND | StatusCode::GONE => PushOutcome::Gone,
        status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            let told = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = told.and_then(|text| text.trim().parse::<u64>().ok());
            PushOutcome::Later(seconds.map(|s| s.saturating_mul(1_000).min(REST_MS_MAX)))
        }
        status => PushOutcome::Refused(format!("answered {status}")),
    }
}

#[cfg(test)]
mod tests;
