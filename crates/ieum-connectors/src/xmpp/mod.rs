//! XMPP, as an external component of a server (XEP-0114): a gateway with an address for us and one
//! for each speaker.
//!
//! Not a client account, no encryption of messages (OMEMO), no media upload. Invariant: the stream
//! belongs to `listen`; `send` only asks it to write and waits for what comes of it.

mod capabilities;
pub(crate) mod desk;
pub(crate) mod outcome;
pub(crate) mod read;
#[cfg(test)]
mod tests;
pub(crate) mod wire;
pub(crate) mod write;

pub use capabilities::{RATE_UNPUBLISHED, capabilities};

use crate::complaints::complaints;
use crate::component::link::{Asked, Link};
use crate::component::stream::Listening;
use crate::doors::{Doors, Secret};
use crate::files::open::{Source, open};
use crate::verdict;
use desk::Desk;
use ieum_core::ids::{Cursor, UserKey};
use ieum_core::inbound::{Arrival, ChatRef};
use ieum_core::network::{Capabilities, Network, RateLimits};
use ieum_core::outgoing::{Outcome, Outgoing, Scope};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::connector::{
    Connector, FetchFailure, Fetched, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile,
    Pulse,
};
use ieum_core::time::Timestamp;

/// Most rooms that a configuration may name.
pub const ROOMS_MAX: usize = 100;

/// One component, as configured.
#[derive(Debug, Clone)]
pub struct XmppConfig {
    /// `host:port` where the server takes components.
    pub address: String,
    /// Our domain, as the server knows the component.
    pub domain: String,
    /// The server's own domain, which is asked for signs of life.
    pub server: String,
    /// The component's secret.
    pub secret: Secret,
    /// The name in our own address, `name@domain`.
    pub name: String,
    /// Our nickname in rooms.
    pub nick: String,
    /// Rooms to be in from the start; invitations add to them.
    pub rooms: Vec<String>,
    /// How long opening a stream, writing, and the answer to a message may take.
    pub timeout_ms: u64,
    /// The speed that the operator allows; normally [`RATE_UNPUBLISHED`].
    pub rate: RateLimits,
}

/// The connector.
#[derive(Debug)]
pub struct Xmpp {
    config: XmppConfig,
    doors: Doors,
    capabilities: Capabilities,
    link: Link,
}

impl Xmpp {
    /// Builds the connector of one component; calls nobody.
    ///
    /// # Errors
    /// All complaints at once, each opening with the name of its field; no secret is repeated.
    pub fn new(config: XmppConfig, doors: Doors) -> Result<Self, Vec<&'static str>> {
        let complaints = wrong_in(&config);
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let capabilities = capabilities(config.rate);
        Ok(Self { config, doors, capabilities, link: Link::new() })
    }

    async fn say(&self, outgoing: &Outgoing) -> Outcome {
        if let ieum_core::outgoing::Act::Say(parts) = &outgoing.act
            && parts.len() != 1
        {
            return verdict::refused(Scope::Message, "a stanza carries one part");
        }
        let asked = Asked::Say(outgoing.clone());
        self.link.ask(asked, self.config.timeout_ms, &*self.doors.clock).await
    }

    async fn ask_for_life(&self) -> Probe {
        let began = self.doors.clock.now();
        let outcome = self.link.ask(Asked::Life, self.config.timeout_ms, &*self.doors.clock).await;
        let pulse = match outcome {
            Outcome::Accepted { .. } => {
                Pulse::Good { took_ms: self.doors.clock.now().ms_since(began) }
            }
            Outcome::Deferred { reason, .. }
            | Outcome::Refused { reason, .. }
            | Outcome::Unknown { reason } => Pulse::Bad { reason },
        };
        Probe { pulse, identity: Some(self.config.domain.clone()) }
    }

    async fn hear(&self, inbox: &dyn Inbox, cursor: Option<Cursor>) -> ListenEnd {
        let Some(mut orders) = self.link.take_queue() else {
            return ListenEnd::Fatal("the stream is listened to twice".to_owned());
        };
        let desk = Desk::new(&self.config, cursor.as_ref(), self.doors.clock.now());
        let (config, doors, link) = (&self.config, &self.doors, &self.link);
        let mut listening = Listening { config, doors, inbox, link, desk };
        let end = listening.listen(&mut orders).await;
        self.link.put_queue(orders);
        end
    }
}

impl Connector for Xmpp {
    fn network(&self) -> Network {
        Network::Xmpp
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// A component has a stream, no hooks.
    fn accept(&self, _: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        Err(HookRefusal::NotUsed)
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(self.say(outgoing))
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(self.ask_for_life())
    }

    fn listen<'a>(
        &'a self,
        inbox: &'a dyn Inbox,
        cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd> {
        Box::pin(self.hear(inbox, cursor))
    }

    fn fetch<'a>(&'a self, place: &'a str) -> BoxFuture<'a, Result<Fetched, FetchFailure>> {
        Box::pin(async move {
            let source = Source::named_by_stranger(place);
            let unknown = || FetchFailure::Gone("not an address".to_owned());
            open(&self.doors, source.ok_or_else(unknown)?).await
        })
    }

    /// Names come with the messages.
    fn profile<'a>(&'a self, _: &'a ChatRef, _: &'a UserKey) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(async { None })
    }
}

fn wrong_in(config: &XmppConfig) -> Vec<&'static str> {
    let host = |text: &str| !text.contains('@') && wire::is_bare_address(&format!("a@{text}"));
    let port = config.address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    let ours = format!("{}@{}", config.name, config.domain);
    let nick = config.nick.trim();
    complaints([
        (port.is_some_and(|port| port > 0), "address: not a host and a port"),
        (host(&config.domain), "domain: not a domain"),
        (host(&config.server), "server: not a domain"),
        (!config.secret.is_empty(), "component_secret: empty"),
        (wire::is_bare_address(&ours), "address_name: cannot stand in an address"),
        (!nick.is_empty() && nick.len() <= 64, "nick: must have 1 to 64 bytes"),
        (
            config.rooms.len() <= ROOMS_MAX
                && config.rooms.iter().all(|room| wire::is_bare_address(room)),
            "rooms: at most 100 addresses such as \"family@rooms.example\"",
        ),
        (config.timeout_ms > 0, "timeout_ms: must be above zero"),
    ])
}

/// What a server's bytes come to in a room of ours and beside it: for tests that throw anything at
/// it. The second figure counts stanzas that say something and are not read.
#[must_use]
pub fn decode(config: &XmppConfig, stream: &[u8], now: Timestamp) -> Arrival {
    let mut reader = crate::xml::StreamReader::new();
    let mut desk = Desk::new(config, None, now);
    desk.opened();
    for piece in reader.read(stream).unwrap_or_default() {
        if let crate::xml::Piece::Whole(stanza) = piece {
            desk.stanza(&stanza);
        }
    }
    desk.take_arrival().unwrap_or_default()
}
