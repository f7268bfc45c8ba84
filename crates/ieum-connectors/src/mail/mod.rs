//! Mail: letters out by a server that takes them for us, letters in from a mailbox.
//!
//! Not a mail exchanger, no lists: one mailbox, and one thread with each person. Invariant: what a
//! letter says is believed only with a proof that its sender got a letter of ours at that address.

mod attach;
mod capabilities;
mod cut;
mod outcome;
pub(crate) mod read;
mod smtp;
#[cfg(test)]
mod tests;
pub(crate) mod wire;
mod write;

pub use capabilities::{RATE_UNPUBLISHED, capabilities};

use crate::complaints::complaints;
use crate::doors::{Doors, Secret};
use crate::mailbox::imap;
use ieum_core::ids::{Cursor, UserKey};
use ieum_core::inbound::{Arrival, ChatRef};
use ieum_core::network::{Capabilities, Network, RateLimits};
use ieum_core::outgoing::{Outcome, Outgoing, Scope};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{
    Connector, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile, Pulse,
};
use ieum_core::time::Timestamp;

/// Shortest secret that return addresses may rest on.
const PROOF_SECRET_BYTES_MIN: usize = 16;

/// One mailbox, as configured.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Our address. Letters to `name+anything@domain` must come into the same mailbox.
    pub address: String,
    /// Our name in front of the address, where nobody's own is shown.
    pub name: String,
    /// The subject of all letters.
    pub subject: String,
    /// `host:port` of the server that takes our letters.
    pub smtp: String,
    /// `host:port` of the server that keeps our mailbox.
    pub imap: String,
    /// Whether both are spoken to over TLS from the first byte; plain only on one machine.
    pub secured: bool,
    /// Our name and password at both, where they want one.
    pub login: Option<(String, Secret)>,
    /// The folder that is read.
    pub mailbox: String,
    /// What return addresses and ids rest on.
    pub proof_secret: Secret,
    /// How long opening, and each answer, may take.
    pub timeout_ms: u64,
    /// The speed that the operator allows; normally [`RATE_UNPUBLISHED`].
    pub rate: RateLimits,
}

impl MailConfig {
    pub(crate) fn us(&self) -> wire::Us<'_> {
        wire::Us { address: &self.address, secret: &self.proof_secret }
    }
}

/// The connector.
#[derive(Debug)]
pub struct Mail {
    config: MailConfig,
    doors: Doors,
    capabilities: Capabilities,
}

impl Mail {
    /// Builds the connector of one mailbox; calls nobody.
    ///
    /// # Errors
    /// All complaints at once, each opening with the name of its field; no secret is repeated.
    pub fn new(config: MailConfig, doors: Doors) -> Result<Self, Vec<&'static str>> {
        let complaints = wrong_in(&config);
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let capabilities = capabilities(config.rate);
        Ok(Self { config, doors, capabilities })
    }

    async fn say(&self, outgoing: &Outgoing) -> Outcome {
        match write::letter(&self.config, outgoing, self.doors.clock.now()) {
            Ok(letter) => smtp::deliver(&self.config, &self.doors, &letter).await,
            Err(refusal) => refusal,
        }
    }

    async fn ask(&self) -> Probe {
        let asked_at = self.doors.clock.now();
        let pulse = match smtp::ask(&self.config, &self.doors).await {
            Ok(()) => Pulse::Good { took_ms: self.doors.clock.now().ms_since(asked_at) },
            Err(Outcome::Refused { scope: Scope::Account, reason, .. }) => {
                Pulse::Refused { reason }
            }
            Err(
                Outcome::Refused { reason, .. }
                | Outcome::Deferred { reason, .. }
                | Outcome::Unknown { reason },
            ) => Pulse::Bad { reason },
            Err(Outcome::Accepted { .. }) => Pulse::Bad { reason: "no answer".to_owned() },
        };
        Probe { pulse, identity: Some(self.config.address.clone()) }
    }
}

impl Connector for Mail {
    fn network(&self) -> Network {
        Network::Mail
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// A mailbox has no hooks.
    fn accept(&self, _: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        Err(HookRefusal::NotUsed)
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(self.say(outgoing))
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(self.ask())
    }

    fn listen<'a>(
        &'a self,
        inbox: &'a dyn Inbox,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd> {
        Box::pin(imap::listen(&self.config, &self.doors, inbox, cursor))
    }

    /// Names come with the letters.
    fn profile<'a>(&'a self, _: &'a ChatRef, _: &'a UserKey) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(async { None })
    }
}

fn wrong_in(config: &MailConfig) -> Vec<&'static str> {
    let is_port = |address: &str| {
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        port.is_some_and(|port| port > 0)
    };
    let one_line = |text: &str| !text.trim().is_empty() && !text.chars().any(char::is_control);
    let user = config.login.as_ref().is_none_or(|(user, password)| {
        one_line(user) && one_line(password.expose()) && password.expose().is_ascii()
    });
    complaints([
        (wire::is_address(&config.address), "address: not a mail address"),
        (!config.address.contains('+'), "address: must not have a plus sign"),
        (one_line(&config.name), "sender_name: empty or of several lines"),
        (one_line(&config.subject), "subject: empty or of several lines"),
        (is_port(&config.smtp), "smtp: not a host and a port"),
        (is_port(&config.imap), "imap: not a host and a port"),
        (user, "password: empty, of several lines or not ASCII"),
        (one_line(&config.mailbox) && config.mailbox.is_ascii(), "mailbox: not a plain name"),
        (
            config.proof_secret.expose().len() >= PROOF_SECRET_BYTES_MIN,
            "proof_secret: shorter than 16 bytes",
        ),
        (config.timeout_ms > 0, "timeout_ms: must be above zero"),
    ])
}

/// Reads one letter as the mailbox gives it: for whoever throws anything at it.
#[must_use]
pub fn decode(config: &MailConfig, letter: &[u8], now: Timestamp) -> Arrival {
    read::letter(config.us(), letter, now)
}
