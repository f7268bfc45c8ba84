//! A small town for journeys: a hub over the memory store, three scripted networks whose chats
//! remember what was said, and a clock that the runtime moves.

use crate::shelf::{Shelf, files, shown};
use ieum_core::content::HubSecret;
use ieum_core::delivery::Delivery;
use ieum_core::directory::{ConversationKind, Language, Purpose};
use ieum_core::ids::{
    ChatKey, ConversationId, Cursor, DeliverySeq, EventKey, IncidentId, MessageSeq,
    NativeMessageId, PersonId, QuoteKey, UserKey,
};
use ieum_core::inbound::{Arrival, ChatRef, Inbound, InboundKind, InboundMessage, Sender};
use ieum_core::incident::{Incident, Touch};
use ieum_core::network::{
    AuthorSupport, Capabilities, ChatCapabilities, ChatKind, Formats, Hears, NameSource, Network,
    Places, RateLimits, ReplySupport,
};
use ieum_core::outgoing::{Act, CopyKey, Fault, Outcome, Outgoing, Part, Scope};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::{
    Connector, FetchFailure, Fetched, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile,
    Pulse,
};
use ieum_core::ports::entropy::Entropy;
use ieum_core::ports::store::{Counts, Store};
use ieum_core::ports::tell::{NotTold, Teller, Word};
use ieum_core::render::measure::TextUnit;
use ieum_core::time::Timestamp;
use ieum_engine::{AccountSetup, Hub, HubSetup, NewConversation, NewPerson, Settings};
use ieum_store::{MemoryMedia, MemorySearch, MemoryStore};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// 2024-05-20 14:52 in Korea: the minute in which K2 began.
pub const START: Timestamp = Timestamp(1_716_184_320_000);

/// The runtime's own clock, which stands still unless everybody waits.
#[derive(Debug)]
pub struct TownClock {
    started: tokio::time::Instant,
    wrong_by_ms: AtomicI64,
}

impl TownClock {
    fn new() -> Self {
        #[allow(clippy::disallowed_methods, reason = "this is the clock of the tests")]
        Self { started: tokio::time::Instant::now(), wrong_by_ms: AtomicI64::new(0) }
    }

    /// Sets it; nobody is woken by that.
    pub fn set_wrong_by(&self, ms: i64) {
        self.wrong_by_ms.store(ms, Ordering::Relaxed);
    }
}

impl Clock for TownClock {
    fn now(&self) -> Timestamp {
        let right = START.plus_ms(u64::try_from(self.started.elapsed().as_millis()).unwrap());
        Timestamp(right.0 + self.wrong_by_ms.load(Ordering::Relaxed))
    }

    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        #[allow(clippy::disallowed_methods, reason = "this is the clock of the tests")]
        Box::pin(tokio::time::sleep(std::time::Duration::from_millis(ms)))
    }
}

/// A counter that is scrambled: distinct and the same in every run.
#[derive(Debug, Default)]
pub struct TownEntropy(AtomicU64);

impl Entropy for TownEntropy {
    fn next_u64(&self) -> u64 {
        let n = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut x = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x ^ (x >> 27)
    }
}

/// How a scripted network behaves to our sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Takes everything.
    Well,
    /// Says no: maintenance.
    Refuses,
    /// Never answers; nothing arrives.
    Hangs,
    /// Never answers; everything arrives.
    HangsButDelivers,
    /// Says that this chat is closed.
    Closed,
    /// Says yes, and nothing arrives.
    Swallows,
}

#[derive(Debug)]
pub struct Script {
    pub network: Network,
    caps: Capabilities,
    mood: Mutex<Mood>,
    /// Chats with a mood of their own.
    pub chat_moods: Mutex<BTreeMap<String, Mood>>,
    /// Everything that people saw, as `chat: text`.
    pub seen: Mutex<Vec<(Timestamp, String)>>,
    /// By which keys authors were shown as users of their own.
    pub authors: Mutex<Vec<String>>,
    keys: Mutex<BTreeMap<[u8; 16], String>>,
    /// How long a sign of life takes, in milliseconds.
    pub probe_ms: AtomicU64,
    next_native: AtomicU64,
    clock: Arc<TownClock>,
    /// What it keeps of files.
    pub shelf: Shelf,
}

/// The networks of the town: one of each kind of capabilities.
const NETWORKS: [Network; 4] =
    [Network::KakaoTalk, Network::Line, Network::Telegram, Network::Matrix];

fn chat_caps(network: Network, kind: ChatKind) -> ChatCapabilities {
    let telegram = matches!(network, Network::Telegram | Network::Matrix);
    ChatCapabilities {
        hears: if network == Network::KakaoTalk && kind == ChatKind::Group {
            Hears::MentionsOnly
        } else {
            Hears::Everything
        },
        text_max: 1_000,
        text_unit: TextUnit::Chars,
        parts_per_send_max: if telegram { 1 } else { 3 },
        edit: telegram,
        withdraw: telegram,
        react: telegram,
        reply: if network == Network::KakaoTalk {
            ReplySupport::Quoted
        } else if network == Network::Line {
            ReplySupport::ByQuoteKey
        } else {
            ReplySupport::ById
        },
        author: if network == Network::Line {
            AuthorSupport::AsSender { name_max: 20 }
        } else if network == Network::Matrix && kind == ChatKind::Group {
            AuthorSupport::AsUser { name_max: 20 }
        } else {
            AuthorSupport::InText
        },
        mentions_max: if kind == ChatKind::Group { 5 } else { 0 },
        formats: if telegram { Formats::All } else { Formats::Words },
        buttons: false,
        idempotent_send: network == Network::Line,
        files: files(network),
        places: match network {
            Network::Telegram => Places::Alone,
            Network::Matrix => Places::WithText,
            Network::KakaoTalk | Network::Line | Network::Xmpp | Network::Mail => Places::Words,
        },
        caption_max: if telegram { 100 } else { 0 },
    }
}

impl Script {
    fn new(network: Network, clock: Arc<TownClock>) -> Arc<Self> {
        let names = if network == Network::KakaoTalk {
            NameSource::AskedOnce
        } else if network == Network::Line {
            NameSource::ByProfile
        } else {
            NameSource::WithMessage
        };
        Arc::new(Self {
            network,
            caps: Capabilities {
                direct: chat_caps(network, ChatKind::Direct),
                group: chat_caps(network, ChatKind::Group),
                names,
                rate: RateLimits {
                    per_second_max: 1_000,
                    per_room_minute_max: 60_000,
                    in_flight_max: 16,
                },
            },
            mood: Mutex::new(Mood::Well),
            chat_moods: Mutex::default(),
            seen: Mutex::default(),
            authors: Mutex::default(),
            keys: Mutex::default(),
            probe_ms: AtomicU64::new(0),
            next_native: AtomicU64::new(1_000),
            clock,
            shelf: Shelf::default(),
        })
    }

    pub fn turns(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// What people saw so far, one line each.
    pub fn screen(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(_, line)| line.clone()).collect()
    }

    fn mood_of(&self, chat: &ChatKey) -> Mood {
        let own = self.chat_moods.lock().unwrap().get(chat.as_str()).copied();
        own.unwrap_or(*self.mood.lock().unwrap())
    }

    /// Shows an act to the people of the chat.
    fn show(&self, outgoing: &Outgoing) -> Outcome {
        if self.caps.group.idempotent_send
            && let Some(native) = self.keys.lock().unwrap().get(&outgoing.key)
        {
            let key = CopyKey { native: NativeMessageId::new(native.as_str()), quote: None };
            return Outcome::Accepted { copies: vec![key] };
        }
        let mut copies = Vec::new();
        let author = outgoing.author.as_ref();
        self.authors.lock().unwrap().extend(author.map(|author| author.key.as_str().to_owned()));
        let author = author.map_or(String::new(), |a| format!("@{} ", a.shown.name));
        for line in lines_of(&outgoing.act).into_iter().map(|line| author.clone() + &line) {
            let native = self.next_native.fetch_add(1, Ordering::Relaxed).to_string();
            let at = self.clock.now();
            let line = format!("{}: {line}", outgoing.chat.key.as_str());
            self.seen.lock().unwrap().push((at, line));
            self.keys.lock().unwrap().insert(outgoing.key, native.clone());
            copies.push(CopyKey {
                native: NativeMessageId::new(native.as_str()),
                quote: Some(QuoteKey::new(format!("q{native}"))),
            });
        }
        Outcome::Accepted { copies }
    }
}

/// A place that a part shows, as `{@90, -180 북극}`.
fn placed(part: &Part) -> String {
    let place = part.place.as_ref();
    place.map_or(String::new(), |place| format!("{{@{} {}}}", place.point, place.name))
}

/// What stretches of a part are, as `{@민지=77}`.
fn marks(part: &Part) -> String {
    let marks = part.marks.iter().map(|mark| {
        let words = mark.of(&part.text);
        match (mark.kind.called(), mark.kind.link()) {
            (Some(user), _) => format!("{{{words}={}}}", user.as_str()),
            (None, Some(to)) => format!("{{{words}->{to}}}"),
            (None, None) => format!("{{{words}:{:?}}}", mark.kind),
        }
    });
    marks.collect()
}

fn lines_of(act: &Act) -> Vec<String> {
    match act {
        Act::Say(parts) => parts
            .iter()
            .map(|part| {
                let sender =
                    part.sender.as_ref().map_or(String::new(), |s| format!("<{}> ", s.name));
                let reply = part
                    .reply
                    .as_ref()
                    .map_or(String::new(), |reply| format!("(re {}) ", reply.native.as_str()));
                format!(
                    "{sender}{reply}{}{}{}{}",
                    part.text,
                    marks(part),
                    shown(part),
                    placed(part)
                )
            })
            .collect(),
        Act::Edit { target, text, .. } => vec![format!("EDIT {} {text}", target.as_str())],
        Act::Withdraw { target } => vec![format!("WITHDRAW {}", target.as_str())],
        Act::React { target, emoji, own } => {
            let own = own.as_ref().map_or(String::new(), |own| format!(" ({})", own.as_str()));
            vec![format!("REACT {} {}{own}", target.as_str(), emoji.as_deref().unwrap_or("-"))]
        }
    }
}

impl Connector for Script {
    fn network(&self) -> Network {
        self.network
    }

    fn capabilities(&self) -> &Capabilities {
        &self.caps
    }

    fn accept(&self, _hook: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        unreachable!("journeys hand events in through `Town::hears`")
    }

    fn send<'a>(&'a self, outgoing: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let unknown = || Outcome::Unknown { reason: "time-out".to_owned() };
            match self.mood_of(&outgoing.chat.key) {
                Mood::Well => {
                    self.clock.sleep(20).await;
                    self.show(outgoing)
                }
                Mood::Refuses => {
                    self.clock.sleep(20).await;
                    let reason = "503 -9798".to_owned();
                    Outcome::Deferred { after_ms: 0, fault: Fault::Network, reason }
                }
                Mood::Hangs => {
                    self.clock.sleep(5_000).await;
                    unknown()
                }
                Mood::HangsButDelivers => {
                    self.show(outgoing);
                    self.clock.sleep(5_000).await;
                    unknown()
                }
                Mood::Swallows => Outcome::Accepted { copies: vec![CopyKey::default()] },
                Mood::Closed => Outcome::Refused {
                    scope: Scope::Recipient,
                    moved_to: None,
                    reason: "403".to_owned(),
                },
            }
        })
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(async move {
            let probe_ms = self.probe_ms.load(Ordering::Relaxed);
            if probe_ms > 0 {
                self.clock.sleep(probe_ms).await;
            }
            let pulse = match *self.mood.lock().unwrap() {
                Mood::Well | Mood::Closed | Mood::Swallows => Pulse::Good { took_ms: 1 },
                Mood::Refuses | Mood::Hangs | Mood::HangsButDelivers => {
                    Pulse::Bad { reason: "503".to_owned() }
                }
            };
            Probe { pulse, identity: None }
        })
    }

    fn listen<'a>(
        &'a self,
        _inbox: &'a dyn Inbox,
        _cursor: Option<Cursor>,
    ) -> BoxFuture<'a, ListenEnd> {
        Box::pin(async { ListenEnd::NotUsed })
    }

    fn fetch<'a>(&'a self, place: &'a str) -> BoxFuture<'a, Result<Fetched, FetchFailure>> {
        self.shelf.open(Arc::clone(&self.clock), place)
    }

    fn profile<'a>(
        &'a self,
        _chat: &'a ChatRef,
        user: &'a UserKey,
    ) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(async move { Some(Profile { name: user.as_str().into(), icon_url: None }) })
    }
}

/// The town.
pub struct Town {
    pub hub: Hub,
    pub store: Arc<MemoryStore>,
    media: MemoryMedia,
    pub clock: Arc<TownClock>,
    pub kakaotalk: Arc<Script>,
    pub line: Arc<Script>,
    pub telegram: Arc<Script>,
    pub matrix: Arc<Script>,
    pub operator: Arc<Operator>,
    event: AtomicU64,
    rate: Option<RateLimits>,
}

/// The operator's channel, which remembers what it was told.
#[derive(Debug, Default)]
pub struct Operator {
    pub told: Mutex<Vec<Word>>,
    /// Refuses, so many times.
    pub refusals: AtomicU64,
    /// Takes words and never answers.
    pub hangs: AtomicBool,
}

impl Teller for Operator {
    fn channel(&self) -> &str {
        "operator"
    }

    fn tell<'a>(&'a self, word: &'a Word) -> BoxFuture<'a, Result<(), NotTold>> {
        Box::pin(async move {
            if self.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let less = |left: u64| left.checked_sub(1);
            if self.refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok() {
                return Err(NotTold("503".to_owned()));
            }
            self.told.lock().unwrap().push(word.clone());
            Ok(())
        })
    }
}

impl Town {
    /// A hub with one account a network and nobody there.
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// A town whose hub is set so.
    pub async fn with(settings: Settings) -> Self {
        Self::paced(settings, None).await
    }

    /// The same, whose accounts all have this speed limit.
    pub async fn paced(settings: Settings, rate: Option<RateLimits>) -> Self {
        let clock = Arc::new(TownClock::new());
        let store = Arc::new(MemoryStore::new());
        let scripts = NETWORKS.map(|network| Script::new(network, Arc::clone(&clock)));
        let operator = Arc::<Operator>::default();
        let media = MemoryMedia::default();
        let hub = start((&store, &media), &clock, &scripts, &operator, (settings, rate)).await;
        let [kakaotalk, line, telegram, matrix] = scripts;
        let event = AtomicU64::new(1);
        Self { hub, store, media, clock, kakaotalk, line, telegram, matrix, operator, event, rate }
    }

    pub fn script(&self, network: Network) -> &Arc<Script> {
        let place = NETWORKS.iter().position(|one| *one == network);
        [&self.kakaotalk, &self.line, &self.telegram, &self.matrix]
            [place.expect("a network of the town")]
    }

    /// Kills the loops without a calm stop and starts a new hub over the same store.
    pub async fn crash(self) -> Self {
        self.crash_without(&[]).await
    }

    /// The same, and these networks are configured no more.
    pub async fn crash_without(self, absent: &[Network]) -> Self {
        let present = NETWORKS.into_iter().filter(|network| !absent.contains(network));
        let scripts: Vec<_> = present.map(|network| Arc::clone(self.script(network))).collect();
        drop(self.hub);
        tokio::task::yield_now().await;
        self.store.reopen();
        let (store, clock, operator) = (&self.store, &self.clock, &self.operator);
        let set = (Settings::default(), self.rate);
        let hub = start((store, &self.media), clock, &scripts, operator, set).await;
        Self { hub, ..self }
    }

    pub async fn passes(&self, ms: u64) {
        self.clock.sleep(ms).await;
    }

    /// Time passes, and every watcher hands in what its chat shows, `after_ms` later.
    pub async fn is_watched(&self, ms: u64, after_ms: u64) {
        let mut read = self.kakaotalk.screen().len();
        let mut noticed = std::collections::VecDeque::new();
        for tick in 0..ms / 100 {
            self.clock.sleep(100).await;
            let screen = self.kakaotalk.screen();
            noticed
                .extend(screen.iter().skip(read).map(|line| (tick + after_ms / 100, line.clone())));
            read = screen.len();
            while noticed.front().is_some_and(|(due, _)| *due <= tick) {
                let (_, line) = noticed.pop_front().unwrap();
                self.is_noticed(&line).await;
            }
        }
    }

    async fn is_noticed(&self, line: &str) {
        for state in self.hub.watchers() {
            let chat = state.watcher.chat.key.as_str();
            if let Some(text) = line.strip_prefix(&format!("{chat}: ")) {
                self.hub.seen(&state.watcher.name, text).await.unwrap();
            }
        }
    }

    /// A person with addresses `(network, user)`; direct chats are called like the user.
    pub async fn person(&self, name: &str, addresses: &[(Network, &str)]) -> PersonId {
        let new = NewPerson { name: name.to_owned(), language: Language::Ko };
        let id = self.hub.create_person(new).await.unwrap();
        for (network, user) in addresses {
            let direct = Some(ChatKey::new(*user));
            let account = network.word();
            self.hub.link_address(id, account, UserKey::new(*user), direct, name).await.unwrap();
            for purpose in [Purpose::Talk, Purpose::Failover] {
                self.hub.set_consent(id, *network, purpose, true, "test").await.unwrap();
            }
        }
        id
    }

    /// A group conversation over rooms `(network, chat)`.
    pub async fn group(
        &self,
        title: &str,
        members: &[PersonId],
        rooms: &[(Network, &str)],
    ) -> ConversationId {
        let kind = ConversationKind::Group;
        let (title, members) = (title.to_owned(), members.to_vec());
        let new = NewConversation { kind, title, members };
        let id = self.hub.create_conversation(new).await.unwrap();
        for (network, chat) in rooms {
            let room = self.hub.register_room(network.word(), ChatKey::new(*chat), chat).await;
            self.hub.join_room(id, room.unwrap()).await.unwrap();
        }
        id
    }

    /// Something happens in a chat; returns the native id of the message.
    pub async fn happens(
        &self,
        network: Network,
        (chat, kind): (&str, ChatKind),
        user: &str,
        what: InboundKind,
    ) -> String {
        let number = self.event.fetch_add(1, Ordering::Relaxed).to_string();
        self.repeats(network, (chat, kind), user, &number, what).await;
        number
    }

    /// The network hands in an event under this number, for the first time or once more.
    pub async fn repeats(
        &self,
        network: Network,
        (chat, kind): (&str, ChatKind),
        user: &str,
        number: &str,
        what: InboundKind,
    ) {
        let event = Inbound {
            event: EventKey::new(format!("{number:0>8}")),
            at: self.clock.now(),
            chat: ChatRef { key: ChatKey::new(chat), kind },
            title: None,
            sender: Some(Sender { key: UserKey::new(user), name: None }),
            kind: what,
        };
        let arrival = Arrival { events: vec![event], ignored: 0 };
        self.hub.take_arrival(network.word(), arrival).await.unwrap();
    }

    /// People come into a room.
    pub async fn comes(&self, network: Network, room: &str, users: &[&str]) {
        let people = users.iter().map(|user| Sender { key: UserKey::new(*user), name: None });
        let joined = InboundKind::PeopleJoined(people.collect());
        self.happens(network, (room, ChatKind::Group), users[0], joined).await;
    }

    /// A text in a room; returns its native id.
    pub async fn says(&self, network: Network, room: &str, user: &str, text: &str) -> String {
        self.says_as(network, (room, ChatKind::Group), user, text, None).await
    }

    /// A text, perhaps as an answer.
    pub async fn says_as(
        &self,
        network: Network,
        chat: (&str, ChatKind),
        user: &str,
        text: &str,
        reply_to: Option<&str>,
    ) -> String {
        let native = self.event.load(Ordering::Relaxed).to_string();
        let message = InboundMessage {
            native: NativeMessageId::new(native.as_str()),
            text: text.to_owned(),
            reply_to: reply_to.map(NativeMessageId::new),
            ..InboundMessage::default()
        };
        self.happens(network, chat, user, InboundKind::Message(message)).await
    }

    pub async fn store_counts(&self) -> Counts {
        self.store.counts().await.unwrap()
    }

    pub async fn deliveries_of(&self, message: MessageSeq) -> Vec<Delivery> {
        self.store.deliveries_of(message).await.unwrap()
    }

    /// An incident and what it touched.
    pub async fn incident(&self, id: u64) -> (Incident, Vec<Touch>) {
        let id = IncidentId(id);
        let (incident, _) = self.store.incident(id).await.unwrap().unwrap();
        let touched = self.store.page_touched(id, DeliverySeq(0), 1_000).await.unwrap();
        (incident, touched)
    }

    /// The journal replayed: how many entries, and what is still open.
    pub async fn open(&self) -> usize {
        let counts = self.store.counts().await.unwrap();
        usize::try_from(counts.open.values().sum::<u64>()).unwrap()
    }
}

async fn start(
    (store, media): (&Arc<MemoryStore>, &MemoryMedia),
    clock: &Arc<TownClock>,
    scripts: &[Arc<Script>],
    operator: &Arc<Operator>,
    (settings, rate): (Settings, Option<RateLimits>),
) -> Hub {
    let accounts = scripts
        .iter()
        .map(|script| AccountSetup {
            name: script.network.word().to_owned(),
            connector: Arc::clone(script) as Arc<dyn Connector>,
            rate,
        })
        .collect();
    Hub::start(HubSetup {
        store: Arc::clone(store) as Arc<dyn Store>,
        media: Arc::new(media.clone()),
        search: Some(Arc::<MemorySearch>::default()),
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        entropy: Arc::new(TownEntropy::default()),
        secret: HubSecret::new(*b"a secret of the tests, 32 bytes."),
        accounts,
        tellers: vec![Arc::clone(operator) as Arc<dyn Teller>],
        settings,
    })
    .await
    .unwrap()
}
