//! Telegram, through the Bot API: long polling or webhooks in, one call a message out.
//!
//! Not media (a file is only noted), topics (a room is spoken to as a whole) or user accounts.
//! Invariant: no call is ever repeated here, because Telegram would show the message twice.

mod capabilities;
mod outcome;
mod poll;
mod read;
mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use capabilities::RATE_PUBLISHED;
pub use read::{Us, decode};

use crate::api_base::ApiBase;
use crate::doors::{Doors, Secret};
use ieum_core::ids::{Cursor, UserKey};
use ieum_core::inbound::{Arrival, ChatRef};
use ieum_core::network::{Capabilities, Network, RateLimits};
use ieum_core::outgoing::{Outcome, Outgoing};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{
    Connector, HOOK_BODY_BYTES_MAX, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile,
    Pulse,
};
use ieum_core::ports::http::HttpLimits;
use std::sync::OnceLock;

/// The public API's address.
pub const API_URL: &str = "https://api.telegram.org";
/// Telegram's servers cut longer waits to this.
pub const POLL_SECONDS_MAX: u64 = 50;
/// Longest webhook secret that Telegram takes.
const WEBHOOK_SECRET_BYTES_MAX: usize = 256;
/// Largest answer to anything but polling that is read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Which way updates come in. Telegram allows one of the two for a bot.
#[derive(Debug, Clone)]
pub enum Receive {
    /// We ask for them.
    Polling {
        /// How long one call waits for something to happen, up to [`POLL_SECONDS_MAX`].
        poll_seconds: u64,
    },
    /// Telegram calls our hook.
    Webhook {
        /// As registered by `setWebhook`: 1 to 256 of `A-Z a-z 0-9 _ -`.
        secret_token: Secret,
    },
}

/// One bot, as configured.
#[derive(Debug, Clone)]
pub struct TelegramConfig {
    /// Where the API is, normally [`API_URL`].
    pub api_url: String,
    /// The bot token, `<number>:<secret>`.
    pub bot_token: Secret,
    /// The bot's user name, to know mentions of it; asked from Telegram when it is not given.
    pub bot_name: Option<String>,
    /// The way in.
    pub receive: Receive,
    /// How long one call may take, beyond what polling waits.
    pub timeout_ms: u64,
    /// The speed that Telegram grants; normally [`RATE_PUBLISHED`].
    pub rate: RateLimits,
}

/// What is wrong with a configuration; secrets are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigComplaint {
    /// `api_url`
    #[error("api_url must be an absolute http or https address without a query")]
    ApiUrl,
    /// `bot_token`
    #[error("bot_token must be a number, a colon, and letters, digits, '_' or '-'")]
    BotToken,
    /// `poll_seconds`
    #[error("poll_seconds must be at most 50")]
    PollSeconds,
    /// `secret_token`
    #[error("secret_token must be 1 to 256 letters, digits, '_' or '-'")]
    SecretToken,
    /// `timeout_ms`
    #[error("timeout_ms must not be zero")]
    Timeout,
}

/// Telegram for one account.
#[derive(Debug)]
pub struct Telegram {
    doors: Doors,
    limits: HttpLimits,
    capabilities: Capabilities,
    methods: write::Methods,
    our_id: i64,
    /// Learnt at most once; a restart learns it again.
    our_name: OnceLock<Box<str>>,
    /// What webhook calls must carry; `None` when we poll.
    webhook_secret: Option<Secret>,
    poll_s: u64,
}

impl Telegram {
    /// Prepares what every call shares; calls nobody.
    ///
    /// # Errors
    /// All complaints at once.
    pub fn new(config: TelegramConfig, doors: Doors) -> Result<Self, Vec<ConfigComplaint>> {
        let token = config.bot_token.expose();
        let our_id = id_in_token(token);
        let methods = write::Methods::new(&config.api_url, token);
        let url_fits = ApiBase::new(&config.api_url).is_some();
        let complaints = complaints(&config, url_fits, our_id.is_some());
        let (Some(our_id), Some(methods), []) = (our_id, methods, complaints.as_slice()) else {
            return Err(complaints);
        };
        let our_name = OnceLock::new();
        if let Some(name) = config.bot_name.as_deref() {
            our_name.get_or_init(|| name.trim_start_matches('@').into());
        }
        let (webhook_secret, poll_s) = match config.receive {
            Receive::Polling { poll_seconds } => (None, poll_seconds),
            Receive::Webhook { secret_token } => (Some(secret_token), 0),
        };
        Ok(Self {
            doors,
            limits: HttpLimits {
                timeout_ms: config.timeout_ms,
                answer_bytes_max: ANSWER_BYTES_MAX,
            },
            capabilities: capabilities::capabilities(config.rate),
            methods,
            our_id,
            our_name,
            webhook_secret,
            poll_s,
        })
    }

    fn us(&self) -> Us<'_> {
        Us { id: self.our_id, name: self.our_name.get().map(|name| &**name) }
    }

    async fn ask_who_we_are(&self) -> Probe {
        let asked = self.doors.clock.now();
        let request = match self.methods.us() {
            Ok(request) => request,
            Err(why) => {
                let pulse = Pulse::Refused { reason: why.reason.to_owned() };
                return Probe { pulse, identity: None };
            }
        };
        let called = self.doors.http.call(request, self.limits).await;
        let now = self.doors.clock.now();
        let (probe, named) = outcome::of_probe(&called, now.ms_since(asked), now);
        if let Some(name) = named.and_then(|named| named.name) {
            self.our_name.get_or_init(|| name);
        }
        probe
    }
}

/// The bot's user id stands in front of the colon.
fn id_in_token(token: &str) -> Option<i64> {
    let (id, secret) = token.split_once(':')?;
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    (digits && is_plain(secret)).then(|| id.parse().ok()).flatten()
}

/// What Telegram allows in tokens and secrets.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !text.is_empty() && text.bytes().all(plain)
}

fn complaints(config: &TelegramConfig, url_fits: bool, token_fits: bool) -> Vec<ConfigComplaint> {
    let way_in = match &config.receive {
        Receive::Polling { poll_seconds } => {
            (*poll_seconds > POLL_SECONDS_MAX, ConfigComplaint::PollSeconds)
        }
        Receive::Webhook { secret_token } => {
            let secret = secret_token.expose();
            let fits = is_plain(secret) && secret.len() <= WEBHOOK_SECRET_BYTES_MAX;
            (!fits, ConfigComplaint::SecretToken)
        }
    };
    let checks = [
        (!url_fits, ConfigComplaint::ApiUrl),
        (!token_fits, ConfigComplaint::BotToken),
        way_in,
        (config.timeout_ms == 0, ConfigComplaint::Timeout),
    ];
    checks.into_iter().filter_map(|(wrong, complaint)| wrong.then_some(complaint)).collect()
}

impl Connector for Telegram {
    fn network(&self) -> Network {
        Network::Telegram
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn accept(&self, hook: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        let secret = self.webhook_secret.as_ref().ok_or(HookRefusal::NotUsed)?;
        let given = hook.headers.get(wire::SECRET_HEADER).ok_or(HookRefusal::Forged)?;
        if !secret.matches(given.as_bytes()) {
            return Err(HookRefusal::Forged);
        }
        if hook.body.len() > HOOK_BODY_BYTES_MAX {
            return Err(HookRefusal::Malformed("the body is too large".to_owned()));
        }
        decode(hook.body, self.us(), self.doors.clock.now())
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match self.methods.act(outgoing) {
                Ok(request) => {
                    let called = self.doors.http.call(request, self.limits).await;
                    outcome::of_act(&outgoing.act, &called, self.doors.clock.now())
                }
                Err(write::Unsendable { scope, reason }) => {
                    Outcome::Refused { scope, moved_to: None, reason: reason.to_owned() }
                }
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(self.ask_who_we_are())
    }

    fn listen<'a>(
        &'a self,
        inbox: &'a dyn Inbox,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd> {
        if self.webhook_secret.is_some() {
            return Box::pin(std::future::ready(ListenEnd::NotUsed));
        }
        Box::pin(poll::listen(self, inbox, cursor))
    }

    /// Names come with the messages.
    fn profile<'a>(
        &'a self,
        _chat: &'a ChatRef,
        _user: &'a UserKey,
    ) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(std::future::ready(None))
    }
}
