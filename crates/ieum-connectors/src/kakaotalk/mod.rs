//! KakaoTalk, through its Bot API: REST to send, a gateway or a webhook to receive.
//!
//! Not the older chatbot skills, not the message API of logged-in users, never the client's own
//! protocol. Invariant: the same event gives the same keys whichever way it came in.

mod capabilities;
#[cfg(test)]
mod fakes;
mod gateway;
mod outcome;
mod read;
#[cfg(test)]
mod tests;
mod wire;
mod write;

pub use capabilities::{RATE_UNPUBLISHED, capabilities};
pub use read::{Malformed, Reading, decode};

use crate::api_base::ApiBase;
use crate::complaints::complaints;
use crate::doors::{Doors, Secret};
use crate::verdict;
use ieum_core::ids::{Cursor, UserKey};
use ieum_core::inbound::{Arrival, ChatRef};
use ieum_core::network::{Capabilities, Network, RateLimits};
use ieum_core::outgoing::{Outcome, Outgoing};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{
    Connector, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile, Pulse,
};
use ieum_core::ports::http::HttpLimits;

use http::{HeaderName, HeaderValue};

/// Largest answer of the Bot API that is read.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Which of the known states of the bot platform we speak to. Kakao has published the platform in
/// steps, and sources of different months disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Edition {
    /// RESUME carries `sequence`.
    July2026,
    /// RESUME carries `seq`.
    #[default]
    October2026,
}

/// Which way events come in. KakaoTalk allows one of the two for a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Receive {
    /// We hold a connection to the gateway.
    #[default]
    Gateway,
    /// KakaoTalk calls our hook.
    Webhook,
}

/// How long we wait, in milliseconds of the clock port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// A whole REST call.
    pub call_ms: u64,
    /// Opening the gateway connection, each of its greetings, and writing one frame.
    pub connect_ms: u64,
    /// The answer to a heartbeat.
    pub heartbeat_ack_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { call_ms: 10_000, connect_ms: 10_000, heartbeat_ack_ms: 10_000 }
    }
}

/// One bot, as configured.
#[derive(Debug, Clone)]
pub struct KakaoTalkConfig {
    /// `https://kapi.kakao.com`, or a stand-in.
    pub api_url: String,
    /// `wss://bot-gateway.kakao.com/gateway`, or a stand-in; unused with [`Receive::Webhook`].
    pub gateway_url: String,
    /// The bot token.
    pub bot_token: Secret,
    /// The bot's display name, to take a mention of it off a text.
    pub bot_name: Option<String>,
    /// Name and whole value of the header that the operator registered with KakaoTalk. Needed with
    /// [`Receive::Webhook`]: nothing else proves a call genuine.
    pub webhook: Option<(HeaderName, Secret)>,
    /// State of the platform.
    pub edition: Edition,
    /// The way in.
    pub receive: Receive,
    /// Waits.
    pub timeouts: Timeouts,
    /// The speed that Kakao granted; [`RATE_UNPUBLISHED`] if nothing was said.
    pub rate: RateLimits,
}

/// The connector.
#[derive(Debug)]
pub struct KakaoTalk {
    config: KakaoTalkConfig,
    doors: Doors,
    capabilities: Capabilities,
}

impl KakaoTalk {
    /// Builds the connector of one bot; calls nobody.
    ///
    /// # Errors
    /// All complaints at once, each opening with the name of its field; no secret is repeated.
    pub fn new(config: KakaoTalkConfig, doors: Doors) -> Result<Self, Vec<&'static str>> {
        let complaints = wrong_in(&config);
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let capabilities = capabilities(config.rate);
        Ok(Self { config, doors, capabilities })
    }

    async fn say(&self, outgoing: &Outgoing) -> Outcome {
        let (request, parts) = match write::call(&self.config, outgoing) {
            Ok(call) => call,
            Err(refusal) => return refusal,
        };
        match self.doors.http.call(request, self.limits()).await {
            Ok(answer) => outcome::of_answer(&answer, parts, self.doors.clock.now()),
            Err(failure) => verdict::of_silence(&failure),
        }
    }

    async fn ask(&self) -> Pulse {
        let Some(request) = write::request(&self.config, wire::GUIDE_PATH, None) else {
            return outcome::bad("the API cannot be addressed");
        };
        let asked_at = self.doors.clock.now();
        match self.doors.http.call(request, self.limits()).await {
            Ok(answer) => outcome::pulse(&answer, asked_at, self.doors.clock.now()),
            Err(failure) => outcome::bad(verdict::told(&failure)),
        }
    }

    fn limits(&self) -> HttpLimits {
        HttpLimits { timeout_ms: self.config.timeouts.call_ms, answer_bytes_max: ANSWER_BYTES_MAX }
    }
}

impl Connector for KakaoTalk {
    fn network(&self) -> Network {
        Network::KakaoTalk
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn accept(&self, hook: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        if self.config.receive != Receive::Webhook || !hook.path.is_empty() {
            return Err(HookRefusal::NotUsed);
        }
        let proof = self.config.webhook.as_ref();
        if !proof.is_some_and(|(header, secret)| secret.is_in(hook.headers, header)) {
            return Err(HookRefusal::Forged);
        }
        let reading = Reading {
            bot_name: self.config.bot_name.as_deref(),
            received_at: self.doors.clock.now(),
        };
        decode(hook.body, reading).map_err(|why| HookRefusal::Malformed(why.to_string()))
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(self.say(outgoing))
    }

    /// The guide call tells nothing about who we are.
    fn probe(&self) -> BoxFuture<'_, Probe> {
        let identity = None;
        Box::pin(async move { Probe { pulse: self.ask().await, identity } })
    }

    fn listen<'a>(
        &'a self,
        inbox: &'a dyn Inbox,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd> {
        match self.config.receive {
            Receive::Gateway => Box::pin(gateway::listen(&self.config, &self.doors, inbox, cursor)),
            Receive::Webhook => Box::pin(async { ListenEnd::NotUsed }),
        }
    }

    /// KakaoTalk tells no names.
    fn profile<'a>(&'a self, _: &'a ChatRef, _: &'a UserKey) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(async { None })
    }
}

fn wrong_in(config: &KakaoTalkConfig) -> Vec<&'static str> {
    let gateway = config.receive == Receive::Gateway;
    // A plain ws address is a plain http address but for its first letters.
    let gateway_url = config.gateway_url.strip_prefix("ws").map(|rest| format!("http{rest}"));
    let gateway_fits = gateway_url.is_some_and(|url| ApiBase::new(&url).is_some());
    let proof = config.webhook.as_ref().map(|(_, secret)| secret);
    let Timeouts { call_ms, connect_ms, heartbeat_ack_ms } = config.timeouts;
    complaints([
        (ApiBase::new(&config.api_url).is_some(), "api_url: not a plain http(s) address"),
        (!gateway || gateway_fits, "gateway_url: not a plain ws(s) address"),
        (is_header_text(&config.bot_token), "bot_token: empty or not visible ASCII"),
        (
            gateway || proof.is_some_and(is_header_text),
            "webhook: needs a header and a secret of visible ASCII",
        ),
        (![call_ms, connect_ms, heartbeat_ack_ms].contains(&0), "timeouts: must be above zero"),
    ])
}

fn is_header_text(secret: &Secret) -> bool {
    !secret.is_empty() && HeaderValue::from_str(secret.expose()).is_ok()
}
