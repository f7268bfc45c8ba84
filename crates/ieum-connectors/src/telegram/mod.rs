//! Telegram, through the Bot API: long polling or webhooks in, one call a message out.
//!
//! Not topics (a room is spoken to as a whole) or user accounts.
//! Invariant: no call is ever repeated here, because Telegram would show the message twice.

mod capabilities;
pub(crate) mod outcome;
pub(crate) mod read;
pub(crate) mod wire;
pub(crate) mod write;

#[cfg(test)]
mod tests;

pub use crate::bot_api::handles::Handles;
pub use capabilities::{RATE_PUBLISHED, capabilities};
pub use read::{Us, decode};

use crate::api_base::{API_URL_COMPLAINT, ApiBase};
use crate::bot_api::{files, poll};
use crate::complaints::complaints;
use crate::doors::{Doors, Secret};
use crate::hooks::check_plain;
use ieum_core::ids::{Cursor, UserKey};
use ieum_core::inbound::{Arrival, ChatRef};
use ieum_core::network::{Capabilities, Network, RateLimits};
use ieum_core::outgoing::{Outcome, Outgoing};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{
    Connector, FetchFailure, Fetched, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile,
};
use ieum_core::ports::http::{HttpFailure, HttpLimits};
use outcome::Called;
use serde_json::json;
use std::sync::OnceLock;

/// The public API's address.
pub const API_URL: &str = "https://api.telegram.org";
/// Telegram's servers cut longer waits to this.
pub const POLL_SECONDS_MAX: u64 = 50;
/// Longest webhook secret that Telegram takes.
const WEBHOOK_SECRET_BYTES_MAX: usize = 256;
/// Largest answer to anything but polling that is read.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 * 1024;

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

/// Telegram for one account.
#[derive(Debug)]
pub struct Telegram {
    pub(crate) config: TelegramConfig,
    pub(crate) doors: Doors,
    capabilities: Capabilities,
    pub(crate) api: ApiBase,
    our_id: i64,
    /// Learnt at most once; a restart learns it again.
    our_name: OnceLock<Box<str>>,
    handles: Handles,
}

impl Telegram {
    /// Prepares what every call shares; calls nobody.
    ///
    /// # Errors
    /// All complaints at once, each opening with the name of its field; no secret is repeated.
    pub fn new(config: TelegramConfig, doors: Doors) -> Result<Self, Vec<&'static str>> {
        let complaints = wrong_in(&config);
        let our_id = id_in_token(config.bot_token.expose());
        let api = ApiBase::new(&config.api_url);
        let (Some(our_id), Some(api), []) = (our_id, api, &*complaints) else {
            return Err(complaints);
        };
        let our_name = OnceLock::new();
        if let Some(name) = config.bot_name.as_deref() {
            our_name.get_or_init(|| name.trim_start_matches('@').into());
        }
        let capabilities = capabilities(config.rate);
        let handles = Handles::default();
        Ok(Self { config, doors, capabilities, api, our_id, our_name, handles })
    }

    /// Makes one call, and waits `wait_ms` longer for its answer than for any other's.
    pub(crate) async fn call(
        &self,
        call: &write::Call,
        wait_ms: u64,
        answer_bytes_max: usize,
    ) -> Called {
        let timeout_ms = self.config.timeout_ms.saturating_add(wait_ms);
        match write::request(&self.api, &self.config.bot_token, call) {
            Some(request) => {
                self.doors.http.call(request, HttpLimits { timeout_ms, answer_bytes_max }).await
            }
            None => Err(HttpFailure::NotSent("not an address".to_owned())),
        }
    }

    async fn say(&self, outgoing: &Outgoing) -> Outcome {
        if let Some(part) = files::with_file(outgoing) {
            return self.say_with_file(outgoing, part).await;
        }
        match write::act(outgoing) {
            Ok(call) => {
                let called = self.call(&call, 0, ANSWER_BYTES_MAX).await;
                outcome::of_act(&outgoing.act, &called, self.doors.clock.now())
            }
            Err(refusal) => refusal,
        }
    }

    pub(crate) fn us(&self) -> Us<'_> {
        let name = self.our_name.get().map(|name| &**name);
        Us { id: self.our_id, name, handles: Some(&self.handles) }
    }

    pub(crate) async fn ask_who_we_are(&self) -> Probe {
        let asked = self.doors.clock.now();
        let called = self.call(&("getMe", json!({})), 0, ANSWER_BYTES_MAX).await;
        let now = self.doors.clock.now();
        let (probe, our_name) = outcome::of_probe(&called, now.ms_since(asked), now);
        if let Some(name) = our_name {
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

fn wrong_in(config: &TelegramConfig) -> Vec<&'static str> {
    let way_in = match &config.receive {
        Receive::Polling { poll_seconds } => {
            (*poll_seconds <= POLL_SECONDS_MAX, "poll_seconds must be at most 50")
        }
        Receive::Webhook { secret_token } => {
            let secret = secret_token.expose();
            let fits = is_plain(secret) && secret.len() <= WEBHOOK_SECRET_BYTES_MAX;
            (fits, "secret_token must be 1 to 256 letters, digits, '_' or '-'")
        }
    };
    complaints([
        (ApiBase::new(&config.api_url).is_some(), API_URL_COMPLAINT),
        (
            id_in_token(config.bot_token.expose()).is_some(),
            "bot_token must be a number, a colon, and letters, digits, '_' or '-'",
        ),
        way_in,
        (config.timeout_ms > 0, "timeout_ms must not be zero"),
    ])
}

impl Connector for Telegram {
    fn network(&self) -> Network {
        Network::Telegram
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn accept(&self, hook: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        let Receive::Webhook { secret_token: secret } = &self.config.receive else {
            return Err(HookRefusal::NotUsed);
        };
        let given = hook.headers.get(wire::SECRET_HEADER).ok_or(HookRefusal::Forged)?;
        if !secret.matches(given.as_bytes()) {
            return Err(HookRefusal::Forged);
        }
        check_plain(hook)?;
        decode(hook.body, self.us(), self.doors.clock.now())
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(self.say(outgoing))
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(self.ask_who_we_are())
    }

    fn listen<'a>(
        &'a self,
        inbox: &'a dyn Inbox,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd> {
        match self.config.receive {
            Receive::Polling { poll_seconds } => {
                Box::pin(poll::listen(self, inbox, cursor, poll_seconds))
            }
            Receive::Webhook { .. } => Box::pin(async { ListenEnd::NotUsed }),
        }
    }

    fn fetch<'a>(&'a self, place: &'a str) -> BoxFuture<'a, Result<Fetched, FetchFailure>> {
        Box::pin(self.open_file(place))
    }

    /// Names come with the messages.
    fn profile<'a>(&'a self, _: &'a ChatRef, _: &'a UserKey) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(async { None })
    }
}
