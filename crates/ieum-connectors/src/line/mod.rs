//! LINE, through the Messaging API: signed webhooks in, pushes out.
//!
//! Not the reply API or LINE Login. Invariant: every push carries its retry key on the
//! first try already, so that a repetition is told (409) and never shown twice.

mod capabilities;
mod outcome;
mod read;
mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use capabilities::{RATE_PUBLISHED, capabilities};
pub use read::decode;

use crate::api_base::{API_URL_COMPLAINT, ApiBase, bearer};
use crate::complaints::complaints;
use crate::doors::{Doors, Secret};
use crate::files::open::open;
use crate::hooks::check_plain;
use crate::verdict::refused;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use ieum_core::ids::{Cursor, UserKey};
use ieum_core::inbound::{Arrival, ChatRef};
use ieum_core::network::{Capabilities, Network, RateLimits};
use ieum_core::outgoing::{Outcome, Outgoing, Scope};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{
    Connector, FetchFailure, Fetched, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile,
};
use ieum_core::ports::http::HttpLimits;
use sha2::Sha256;

/// The public API's address.
pub const API_URL: &str = "https://api.line.me";
/// Where the bytes of messages are.
pub const CONTENT_URL: &str = "https://api-data.line.me";
/// Largest answer that is read; a push answers with a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a signature before base64.
const SIGNATURE_BYTES: usize = 32;

/// One Messaging API channel, as configured.
#[derive(Debug, Clone)]
pub struct LineConfig {
    /// Where the API is, normally [`API_URL`].
    pub api_url: String,
    /// Channel access token.
    pub access_token: Secret,
    /// Channel secret; webhook calls are signed with it.
    pub channel_secret: Secret,
    /// How long one call may take.
    pub timeout_ms: u64,
    /// The speed that LINE grants; normally [`RATE_PUBLISHED`].
    pub rate: RateLimits,
}

/// LINE keeps the bytes of messages at a host of their own; whoever stands in for it may not.
fn content_base(config: &LineConfig) -> Option<ApiBase> {
    let url = config.api_url.trim_end_matches('/');
    ApiBase::new(if url == API_URL { CONTENT_URL } else { url })
}

/// LINE for one account.
#[derive(Debug)]
pub struct Line {
    doors: Doors,
    limits: HttpLimits,
    capabilities: Capabilities,
    signature: Hmac<Sha256>,
    address: write::Address,
}

impl Line {
    /// Prepares what every call shares; calls nobody.
    ///
    /// # Errors
    /// All complaints at once, each opening with the name of its field; no secret is repeated.
    pub fn new(config: &LineConfig, doors: Doors) -> Result<Self, Vec<&'static str>> {
        let secret = config.channel_secret.expose().as_bytes();
        let signature = Hmac::new_from_slice(secret).ok().filter(|_| !secret.is_empty());
        let base = ApiBase::new(&config.api_url);
        let bearer = bearer(config.access_token.expose());
        let complaints = complaints([
            (base.is_some(), API_URL_COMPLAINT),
            (bearer.is_some(), "access_token is empty or holds characters that no header may"),
            // With an empty one everybody could sign.
            (signature.is_some(), "channel_secret is empty"),
            (config.timeout_ms > 0, "timeout_ms must not be zero"),
        ]);
        let address = base.zip(bearer).and_then(|(base, bearer)| {
            let content = content_base(config)?;
            write::Address::new(&base, content, bearer)
        });
        let (Some(address), Some(signature), []) = (address, signature, complaints.as_slice())
        else {
            return Err(complaints);
        };
        Ok(Self {
            doors,
            limits: HttpLimits {
                timeout_ms: config.timeout_ms,
                answer_bytes_max: ANSWER_BYTES_MAX,
            },
            capabilities: capabilities(config.rate),
            signature,
            address,
        })
    }

    /// Compares the signature over the raw bytes in constant time.
    fn is_genuine(&self, hook: HookRequest<'_>) -> bool {
        let Some(given) = hook.headers.get(wire::SIGNATURE_HEADER) else {
            return false;
        };
        // The decoder asks for room by its own estimate: three bytes for four characters.
        let mut signature = [0; SIGNATURE_BYTES + 1];
        let Ok(SIGNATURE_BYTES) = STANDARD.decode_slice(given.as_bytes(), &mut signature) else {
            return false;
        };
        let expected = self.signature.clone().chain_update(hook.body);
        let (signature, _) = signature.split_at(SIGNATURE_BYTES);
        expected.verify_slice(signature).is_ok()
    }
}

impl Connector for Line {
    fn network(&self) -> Network {
        Network::Line
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn accept(&self, hook: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        check_plain(hook)?;
        if !self.is_genuine(hook) {
            return Err(HookRefusal::Forged);
        }
        decode(hook.body)
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.address.push(outgoing) {
                Ok(request) => outcome::of_push(self.doors.http.call(request, self.limits).await),
                Err(why) => refused(Scope::Message, why),
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(async move {
            let asked = self.doors.clock.now();
            let called = self.doors.http.call(self.address.bot_info(), self.limits).await;
            outcome::of_probe(called, self.doors.clock.now().ms_since(asked))
        })
    }

    fn listen<'a>(
        &'a self,
        _inbox: &'a dyn Inbox,
        _cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd> {
        Box::pin(std::future::ready(ListenEnd::NotUsed))
    }

    fn fetch<'a>(&'a self, place: &'a str) -> BoxFuture<'a, Result<Fetched, FetchFailure>> {
        Box::pin(async move {
            let source = self.address.file(place);
            let unknown = || FetchFailure::Gone("not an address".to_owned());
            open(&self.doors, source.ok_or_else(unknown)?).await
        })
    }

    fn profile<'a>(
        &'a self,
        chat: &'a ChatRef,
        user: &'a UserKey,
    ) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(async move {
            let request = self.address.profile(chat, user)?;
            outcome::of_profile(self.doors.http.call(request, self.limits).await)
        })
    }
}
