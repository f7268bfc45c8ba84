//! Matrix, as an application service of one homeserver: transactions in, one event a message out.
//!
//! Not a client of its own and not encrypted: what a room encrypts is said to be unreadable. Each
//! author of another network is a user of their own here, a ghost. Invariant: every event carries
//! the transaction id of its delivery, so that a repetition is shown once.

mod capabilities;
mod outcome;
pub(crate) mod read;
mod registration;
pub(crate) mod wire;
mod write;

#[cfg(test)]
mod tests;

pub use capabilities::{RATE_UNPUBLISHED, capabilities};
pub use read::{Us, decode};
pub use registration::registration;

use crate::api_base::{API_URL_COMPLAINT, ApiBase};
use crate::complaints::complaints;
use crate::doors::{Doors, Secret};
use crate::files::open::open;
use crate::homeserver::answer::Failed;
use crate::homeserver::users::Unheard;
use crate::homeserver::{Call, Homeserver, bearer, client};
use crate::hooks::check_size;
use crate::verdict::refused;
use futures_util::task::AtomicWaker;
use http::header::AUTHORIZATION;
use ieum_core::ids::{Cursor, UserKey};
use ieum_core::inbound::{Arrival, ChatRef};
use ieum_core::network::{Capabilities, Network, RateLimits};
use ieum_core::outgoing::{Act, Outcome, Outgoing, Scope, ShownSender};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{
    Connector, FetchFailure, Fetched, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile,
};
use ieum_core::time::Timestamp;
use read::{Errand, Upgrade};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Longest server name or localpart.
const NAME_BYTES_MAX: usize = 150;

/// One application service, as configured.
#[derive(Debug, Clone)]
pub struct MatrixConfig {
    /// Where the homeserver's Client-Server API is.
    pub api_url: String,
    /// What its users' ids end with.
    pub server_name: String,
    /// Proves us to the homeserver.
    pub as_token: Secret,
    /// Proves the homeserver to us.
    pub hs_token: Secret,
    /// Where the homeserver reaches the hub, for the registration, if not at its public address.
    pub hub_url: Option<String>,
    /// `id` of the registration.
    pub registration_id: String,
    /// Localpart of our bot.
    pub bot: String,
    /// The bot's display name.
    pub bot_name: String,
    /// What the localparts of our ghosts begin with.
    pub ghosts: String,
    /// How long one call may take.
    pub timeout_ms: u64,
    /// The speed; normally [`RATE_UNPUBLISHED`].
    pub rate: RateLimits,
}

/// What only saves calls; a restart may lose all of it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// What our users are still to do, and the how-manieth try it is.
    pub(crate) errands: VecDeque<(Errand, u32)>,
    /// Rooms that our bot was called to, and when.
    pub(crate) expected: BTreeMap<Box<str>, Timestamp>,
    /// Upgrades that are not judged yet.
    pub(crate) upgrades: VecDeque<Upgrade>,
    /// Upgrades of which the new room knows nothing: its beginning never changes.
    pub(crate) refused: BTreeSet<Upgrade>,
}

/// Matrix for one account.
#[derive(Debug)]
pub struct Matrix {
    pub(crate) home: Homeserver,
    capabilities: Capabilities,
    /// `Bearer` and the homeserver's token, as its whole header.
    proof: Secret,
    pub(crate) us: Us,
    pub(crate) registration_id: String,
    memory: Mutex<Memory>,
    pub(crate) bell: AtomicWaker,
}

impl Matrix {
    /// Prepares what every call shares; calls nobody.
    ///
    /// # Errors
    /// All complaints at once, each opening with the name of its field; no secret is repeated.
    pub fn new(config: &MatrixConfig, doors: Doors) -> Result<Self, Vec<&'static str>> {
        let api = ApiBase::new(&config.api_url);
        let bearer = bearer(&config.as_token);
        let complaints = wrong_in(config, api.is_some(), bearer.is_some());
        let (Some(api), Some(bearer), []) = (api, bearer, &*complaints) else {
            return Err(complaints);
        };
        let us = Us {
            bot: format!("@{}:{}", config.bot, config.server_name).into(),
            bot_name: config.bot_name.as_str().into(),
            ghosts: format!("@{}", config.ghosts).into(),
            server: format!(":{}", config.server_name).into(),
        };
        Ok(Self {
            home: Homeserver::new((api, bearer), us.bot.clone(), config.timeout_ms, doors),
            capabilities: capabilities(config.rate),
            proof: Secret::new(format!("Bearer {}", config.hs_token.expose())),
            us,
            registration_id: config.registration_id.clone(),
            memory: Mutex::default(),
            bell: AtomicWaker::new(),
        })
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bot_shown(&self) -> ShownSender {
        ShownSender { name: self.us.bot_name.to_string(), icon_url: None }
    }

    async fn say(&self, outgoing: &Outgoing) -> Outcome {
        let file = match &outgoing.act {
            Act::Say(parts) => parts.first().and_then(|part| part.file.as_ref()),
            Act::Edit { .. } | Act::Withdraw { .. } | Act::React { .. } => None,
        };
        let Some(file) = file else {
            return self.say_with(outgoing, None).await;
        };
        match self.home.hand_over(file).await {
            Ok(url) => self.say_with(outgoing, Some(&url)).await,
            Err(failed) => outcome::before_saying(failed),
        }
    }

    async fn say_with(&self, outgoing: &Outgoing, file: Option<&str>) -> Outcome {
        let Some(author) = &outgoing.author else {
            return self
                .say_as(outgoing, (&self.us.bot, false), file)
                .await
                .unwrap_or_else(|failed| not_let_in(&failed));
        };
        let ghost = format!("{}{}{}", self.us.ghosts, author.key.as_str(), self.us.server);
        if let Err(failed) = self.home.show(&ghost, &author.shown).await {
            return outcome::before_saying(failed);
        }
        match self.say_as(outgoing, (&ghost, false), file).await {
            Ok(outcome) => outcome,
            // The room has no place for ghosts: our bot speaks, with the author in the text.
            Err(_) => self
                .say_as(outgoing, (&self.us.bot, true), file)
                .await
                .unwrap_or_else(|failed| not_let_in(&failed)),
        }
    }

    /// Says it as one of our users. An error when the room does not let this user speak.
    async fn say_as(
        &self,
        outgoing: &Outgoing,
        (user, named): (&str, bool),
        file: Option<&str>,
    ) -> Result<Outcome, Failed> {
        let call = match write::act(outgoing, (user, named), file) {
            Ok(call) => call,
            Err(why) => return Ok(refused(Scope::Message, why)),
        };
        let room = outgoing.chat.key.as_str();
        let is_bot = *user == *self.us.bot;
        Ok(match self.home.ask_inside((room, user), &call).await {
            Ok(sent) => outcome::of_act(&outgoing.act, Ok(sent)),
            Err(Unheard::Answered(failed)) => outcome::of_act(&outgoing.act, Err(failed)),
            Err(Unheard::Before(failed)) => outcome::before_saying(failed),
            Err(Unheard::Banned) => refused(Scope::Message, "the room has banned its author"),
            Err(Unheard::Shut(failed)) if is_bot && self.is_waited_for(room).await => {
                outcome::not_yet_let_in(&failed)
            }
            Err(Unheard::Shut(failed)) => return Err(failed),
        })
    }
}

fn not_let_in(failed: &Failed) -> Outcome {
    refused(Scope::Recipient, failed.reason())
}

fn wrong_in(config: &MatrixConfig, api: bool, bearer: bool) -> Vec<&'static str> {
    // What the specification allows in new user ids; `/` would look like a path.
    let local = |text: &str| {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._=-".contains(&b);
        (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
    };
    let server = |text: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
        (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
    };
    complaints([
        (api, API_URL_COMPLAINT),
        (server(&config.server_name), "server_name is no name of a homeserver"),
        (bearer, "as_token is empty or holds characters that no header may"),
        // With an empty one everybody could hand in transactions.
        (!config.hs_token.is_empty(), "hs_token is empty"),
        (config.hs_token != config.as_token, "hs_token must differ from as_token"),
        (local(&config.bot), "bot must be of a-z, 0-9 and . _ = -"),
        (local(&config.ghosts), "ghosts must be of a-z, 0-9 and . _ = -"),
        (config.timeout_ms > 0, "timeout_ms must not be zero"),
    ])
}

impl Connector for Matrix {
    fn network(&self) -> Network {
        Network::Matrix
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn accept(&self, hook: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        if !self.proof.is_in(hook.headers, &AUTHORIZATION) {
            return Err(HookRefusal::Forged);
        }
        check_size(hook)?;
        match hook.path {
            wire::PING => Ok(Arrival::default()),
            path if path.starts_with(wire::TRANSACTIONS) => {
                let reading = read::read(hook.body, &self.us, self.home.now())?;
                self.charge(reading.errands);
                Ok(reading.arrival)
            }
            // No user and no room begins to exist because somebody asks for it.
            _ => Err(HookRefusal::NotUsed),
        }
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(self.say(outgoing))
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(async {
            let asked = self.home.now();
            let told = self.home.ask(&Call::get(client("account/whoami", &self.us.bot))).await;
            let took_ms = self.home.now().ms_since(asked);
            outcome::of_probe(&self.us.bot, told, took_ms)
        })
    }

    fn listen<'a>(&'a self, inbox: &'a dyn Inbox, _: Option<Cursor>) -> BoxFuture<'a, ListenEnd> {
        Box::pin(self.run_errands(inbox))
    }

    fn fetch<'a>(&'a self, place: &'a str) -> BoxFuture<'a, Result<Fetched, FetchFailure>> {
        Box::pin(async move {
            let source = self.home.file(place);
            let unknown = || FetchFailure::Gone("not an address".to_owned());
            open(&self.home.doors, source.ok_or_else(unknown)?).await
        })
    }

    fn profile<'a>(
        &'a self,
        chat: &'a ChatRef,
        user: &'a UserKey,
    ) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(async {
            let name = self.home.name_of(chat.key.as_str(), user.as_str()).await;
            Some(Profile { name, icon_url: None })
        })
    }
}
