//! KakaoTalk, through its Bot API: REST to send, a gateway or a webhook to receive.
//!
//! Not the older chatbot skills, not the message API of logged-in users, never the client's own
//! protocol. Invariant: the same event gives the same keys whichever way it came in.

mod capabilities;
mod gateway;
mod outcome;
mod read;
mod wire;
mod write;

pub use capabilities::{
    MENTIONS_PER_SEND_MAX, PARTS_PER_SEND_MAX, RATE_UNPUBLISHED, TEXT_CHARS_MAX,
};
pub use read::{
    EVENT_ID_BYTES_MAX, Malformed, Reading, ServerFrame, decode, decode_event, decode_frame,
};

use crate::doors::{Doors, Secret};
use ieum_core::ids::{Cursor, UserKey};
use ieum_core::inbound::{Arrival, ChatRef};
use ieum_core::network::{Capabilities, Network, RateLimits};
use ieum_core::outgoing::{Outcome, Outgoing};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{
    Connector, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile, Pulse,
};
use ieum_core::ports::http::HttpLimits;

use http::{HeaderName, HeaderValue, Uri};

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

/// A header of the operator's own choice that proves a webhook call.
#[derive(Debug, Clone)]
pub struct WebhookProof {
    /// As registered with KakaoTalk.
    pub header: HeaderName,
    /// The whole value of that header.
    pub secret: Secret,
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
        Self {
            call_ms: 10_000,
            connect_ms: 10_000,
            heartbeat_ack_ms: 10_000,
        }
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
    /// Needed with [`Receive::Webhook`]: events carry no signature.
    pub webhook: Option<WebhookProof>,
    /// State of the platform.
    pub edition: Edition,
    /// The way in.
    pub receive: Receive,
    /// Waits.
    pub timeouts: Timeouts,
    /// The speed that Kakao granted; [`RATE_UNPUBLISHED`] if nothing was said.
    pub rate: RateLimits,
}

/// What is wrong with a configuration; secrets are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigComplaint {
    /// `api_url`
    #[error("api_url must be an absolute http or https address without a query")]
    ApiUrl,
    /// `gateway_url`
    #[error("gateway_url must be an absolute ws or wss address")]
    GatewayUrl,
    /// `bot_token`
    #[error("bot_token is empty or holds characters that no header may")]
    BotToken,
    /// `webhook`
    #[error("receiving by webhook needs a proof header with a secret of visible ASCII")]
    Webhook,
    /// `timeouts`
    #[error("timeouts must be above zero")]
    Timeouts,
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
    /// All complaints at once.
    pub fn new(config: KakaoTalkConfig, doors: Doors) -> Result<Self, Vec<ConfigComplaint>> {
        let complaints = complaints(&config);
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let capabilities = capabilities::capabilities(config.rate);
        Ok(Self {
            config,
            doors,
            capabilities,
        })
    }

    async fn say(&self, outgoing: &Outgoing) -> Outcome {
        let call = match write::call(&self.config, outgoing) {
            Ok(call) => call,
            Err(refusal) => return refusal,
        };
        match self.doors.http.call(call.request, self.limits()).await {
            Ok(answer) => outcome::of_answer(&answer, call.parts, self.doors.clock.now()),
            Err(failure) => outcome::of_failure(&failure),
        }
    }

    async fn ask(&self) -> Pulse {
        let Some(request) = write::guide(&self.config) else {
            return Pulse::Refused {
                reason: "the API address cannot be called".into(),
            };
        };
        let asked_at = self.doors.clock.now();
        match self.doors.http.call(request, self.limits()).await {
            Ok(answer) => {
                let now = self.doors.clock.now();
                outcome::pulse(&answer, now.ms_since(asked_at), now)
            }
            Err(failure) => Pulse::Bad {
                reason: failure.to_string(),
            },
        }
    }

    fn limits(&self) -> HttpLimits {
        HttpLimits {
            timeout_ms: self.config.timeouts.call_ms,
            answer_bytes_max: ANSWER_BYTES_MAX,
        }
    }

    /// Whether the call carries the registered header, exactly once.
    fn proves(&self, hook: HookRequest<'_>) -> bool {
        let Some(proof) = &self.config.webhook else {
            return false;
        };
        let mut given = hook.headers.get_all(&proof.header).iter();
        match (given.next(), given.next()) {
            (Some(value), None) => proof.secret.matches(value.as_bytes()),
            _ => false,
        }
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
        if self.config.receive != Receive::Webhook {
            return Err(HookRefusal::NotUsed);
        }
        if !self.proves(hook) {
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
        Box::pin(async {
            Probe {
                pulse: self.ask().await,
                identity: None,
            }
        })
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

fn complaints(config: &KakaoTalkConfig) -> Vec<ConfigComplaint> {
    let gateway = config.receive == Receive::Gateway;
    let waits = [
        config.timeouts.call_ms,
        config.timeouts.connect_ms,
        config.timeouts.heartbeat_ack_ms,
    ];
    [
        (
            !is_address(&config.api_url, &["http", "https"]),
            ConfigComplaint::ApiUrl,
        ),
        (
            gateway && !is_address(&config.gateway_url, &["ws", "wss"]),
            ConfigComplaint::GatewayUrl,
        ),
        (
            !is_header_text(&config.bot_token),
            ConfigComplaint::BotToken,
        ),
        (
            !gateway && !is_proof(config.webhook.as_ref()),
            ConfigComplaint::Webhook,
        ),
        (waits.contains(&0), ConfigComplaint::Timeouts),
    ]
    .into_iter()
    .filter_map(|(wrong, complaint)| wrong.then_some(complaint))
    .collect()
}

fn is_address(text: &str, schemes: &[&str]) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        uri.scheme_str()
            .is_some_and(|scheme| schemes.contains(&scheme))
            && uri.authority().is_some()
            && uri.query().is_none()
    })
}

fn is_header_text(secret: &Secret) -> bool {
    !secret.is_empty() && HeaderValue::from_str(secret.expose()).is_ok()
}

fn is_proof(proof: Option<&WebhookProof>) -> bool {
    proof.is_some_and(|proof| is_header_text(&proof.secret))
}
