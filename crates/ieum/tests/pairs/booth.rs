//! A fair of six booths, each a network that is nothing but its capabilities, and a hub between.

use crate::kinds::{FIRST, Kind};
use bytes::Bytes;
use ieum::doors::entropy::SeededEntropy;
use ieum_connectors::{kakaotalk, line, mail, matrix, telegram, xmpp};
use ieum_core::content::HubSecret;
use ieum_core::directory::{ConversationKind, Language};
use ieum_core::ids::{ChatKey, Cursor, EventKey, NativeMessageId, QuoteKey, UserKey};
use ieum_core::inbound::{Arrival, ChatRef, Inbound, InboundKind, InboundMessage, Sender};
use ieum_core::network::{Capabilities, ChatKind, Network};
use ieum_core::outgoing::{Act, CopyKey, Outcome, Outgoing};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::{
    Connector, FetchFailure, Fetched, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile,
    Pulse,
};
use ieum_core::ports::http::OnePiece;
use ieum_core::time::Timestamp;
use ieum_engine::{
    AccountSetup, Hub, HubSetup, MediaSettings, NewConversation, NewPerson, Settings,
};
use ieum_store::{MemoryMedia, MemoryStore};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The real capabilities of a network.
pub fn capabilities(network: Network) -> Capabilities {
    match network {
        Network::KakaoTalk => kakaotalk::capabilities(kakaotalk::RATE_UNPUBLISHED),
        Network::Line => line::capabilities(line::RATE_PUBLISHED),
        Network::Telegram => telegram::capabilities(telegram::RATE_PUBLISHED),
        Network::Matrix => matrix::capabilities(matrix::RATE_UNPUBLISHED),
        Network::Xmpp => xmpp::capabilities(xmpp::RATE_UNPUBLISHED),
        Network::Mail => mail::capabilities(mail::RATE_UNPUBLISHED),
    }
}

/// The runtime's own clock, which stands still unless everybody waits.
#[derive(Debug)]
struct FairClock(tokio::time::Instant);

impl Clock for FairClock {
    fn now(&self) -> Timestamp {
        let ms = u64::try_from(self.0.elapsed().as_millis()).unwrap();
        Timestamp(1_764_000_000_000).plus_ms(ms)
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        #[allow(clippy::disallowed_methods, reason = "this is the clock of the tests")]
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// One network.
#[derive(Debug)]
pub struct Booth {
    pub network: Network,
    capabilities: Capabilities,
    acts: Mutex<Vec<Act>>,
    number: AtomicU64,
}

impl Booth {
    /// What its room was shown since the last look at the fair's opening.
    pub fn acts(&self) -> Vec<Act> {
        self.acts.lock().unwrap().clone()
    }
}

/// The first bytes that tell what a file is, by the ending of its place.
fn bytes_of(place: &str) -> Option<&'static [u8]> {
    Some(match place.rsplit_once('.')?.1 {
        "png" => b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "mp4" => b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41",
        "ogg" => b"OggS\0\x02\0\0\0\0\0\0\0\0OpusHead",
        "mp3" => b"ID3\x04\0\0\0\0\0\0",
        "pdf" => b"%PDF-1.7\n",
        "webp" => b"RIFF\x24\0\0\0WEBPVP8 ",
        "svg" => b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        _ => return None,
    })
}

impl Connector for Booth {
    fn network(&self) -> Network {
        self.network
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn accept(&self, _: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        Err(HookRefusal::NotUsed)
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        self.acts.lock().unwrap().push(outgoing.act.clone());
        let copy = || {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let quote = Some(QuoteKey::new(format!("quote {number}")));
            CopyKey { native: NativeMessageId::new(format!("copy {number}")), quote }
        };
        let copies = match &outgoing.act {
            Act::Say(parts) => parts.iter().map(|_| copy()).collect(),
            Act::Edit { .. } | Act::Withdraw { .. } | Act::React { .. } => Vec::new(),
        };
        Box::pin(std::future::ready(Outcome::Accepted { copies }))
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        let probe = Probe { pulse: Pulse::Good { took_ms: 1 }, identity: None };
        Box::pin(std::future::ready(probe))
    }

    fn listen<'a>(&'a self, _: &'a dyn Inbox, _: Option<Cursor>) -> BoxFuture<'a, ListenEnd> {
        Box::pin(std::future::ready(ListenEnd::NotUsed))
    }

    fn fetch<'a>(&'a self, place: &'a str) -> BoxFuture<'a, Result<Fetched, FetchFailure>> {
        let fetched = bytes_of(place).map(|bytes| Fetched {
            media_type: None,
            bytes: Some(bytes.len() as u64),
            pieces: Box::new(OnePiece(Some(Bytes::from_static(bytes)))),
        });
        let gone = || FetchFailure::Gone("404".to_owned());
        Box::pin(std::future::ready(fetched.ok_or_else(gone)))
    }

    fn profile<'a>(&'a self, _: &'a ChatRef, _: &'a UserKey) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(std::future::ready(Some(Profile { name: "유나".into(), icon_url: None })))
    }
}

/// A hub and all networks, with one conversation over a room of each.
pub struct Fair {
    hub: Hub,
    clock: Arc<FairClock>,
    booths: Vec<Arc<Booth>>,
    events: AtomicU64,
}

impl Fair {
    pub async fn open(public_url: Option<&str>) -> Self {
        #[allow(clippy::disallowed_methods, reason = "this is the clock of the tests")]
        let clock = Arc::new(FairClock(tokio::time::Instant::now()));
        let booths: Vec<_> = Network::ALL
            .into_iter()
            .map(|network| {
                let capabilities = capabilities(network);
                let (acts, number) = (Mutex::default(), AtomicU64::new(1));
                Arc::new(Booth { network, capabilities, acts, number })
            })
            .collect();
        let accounts = booths.iter().map(|booth| AccountSetup {
            name: booth.network.word().to_owned(),
            connector: Arc::clone(booth) as Arc<dyn Connector>,
            rate: None,
        });
        let public_url = public_url.map(str::to_owned);
        let media = MediaSettings { public_url, ..MediaSettings::default() };
        let hub = Hub::start(HubSetup {
            store: Arc::new(MemoryStore::new()),
            media: Arc::new(MemoryMedia::default()),
            search: None,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            entropy: Arc::new(SeededEntropy::new(1)),
            secret: HubSecret::new(*b"a secret of the tests, 32 bytes."),
            accounts: accounts.collect(),
            tellers: Vec::new(),
            settings: Settings { media, ..Settings::default() },
        })
        .await
        .unwrap();
        let (kind, title) = (ConversationKind::Group, "모두".to_owned());
        let new = NewConversation { kind, title, members: Vec::new() };
        let all = hub.create_conversation(new).await.unwrap();
        for booth in &booths {
            let chat = ChatKey::new("room");
            let room = hub.register_room(booth.network.word(), chat, "방").await.unwrap();
            hub.join_room(all, room).await.unwrap();
        }
        Self { hub, clock, booths, events: AtomicU64::new(1) }
    }

    pub fn booth(&self, network: Network) -> &Booth {
        self.booths.iter().find(|booth| booth.network == network).unwrap()
    }

    /// Everything that every room was shown.
    pub fn all(&self) -> Vec<(Network, Vec<Act>)> {
        self.booths.iter().map(|booth| (booth.network, booth.acts())).collect()
    }

    /// Somebody says a first message, and then this happens; it is what the booths tell of.
    pub async fn happens(&self, from: Network, kind: &Kind) {
        self.bora_is_everywhere().await;
        let native = NativeMessageId::new(FIRST);
        let text = "처음".to_owned();
        let first = InboundMessage { native, text, ..InboundMessage::default() };
        self.hands_in(from, InboundKind::Message(first)).await;
        for booth in &self.booths {
            booth.acts.lock().unwrap().clear();
        }
        for what in (kind.happens)() {
            self.hands_in(from, what).await;
        }
    }

    /// One person, known on every network, is in every room.
    async fn bora_is_everywhere(&self) {
        let new = NewPerson { name: "보라".to_owned(), language: Language::Ko };
        let bora = self.hub.create_person(new).await.unwrap();
        for booth in &self.booths {
            let (account, key) = (booth.network.word(), UserKey::new("bora"));
            self.hub.link_address(bora, account, key.clone(), None, "보라").await.unwrap();
            let came = Sender { key, name: None };
            self.hands_in(booth.network, InboundKind::PeopleJoined(vec![came])).await;
        }
    }

    async fn hands_in(&self, from: Network, kind: InboundKind) {
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        let event = Inbound {
            event: EventKey::new(number.to_string()),
            at: self.clock.now(),
            chat: ChatRef { key: ChatKey::new("room"), kind: ChatKind::Group },
            title: None,
            sender: Some(Sender { key: UserKey::new("yuna"), name: Some("유나".into()) }),
            kind,
        };
        let arrival = Arrival { events: vec![event], ignored: 0 };
        self.hub.take_arrival(from.word(), arrival).await.unwrap();
        self.clock.sleep(10_000).await;
    }
}
