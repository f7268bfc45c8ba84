//! A house to knock at: a real hub over a scripted store, network and clock.

use crate::files::Shelf;
use crate::search::Catalogue;
use crate::store::ScriptedStore;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use ieum_core::content::HubSecret;
use ieum_core::ids::{ChatKey, Cursor, EventKey, NativeMessageId, UserKey};
use ieum_core::inbound::{Arrival, ChatRef, Inbound, InboundKind, InboundMessage, Sender};
use ieum_core::network::{
    AuthorSupport, Capabilities, ChatCapabilities, ChatKind, Formats, Hears, NameSource, Network,
    Places, RateLimits, ReplySupport,
};
use ieum_core::outgoing::{Outcome, Outgoing};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::clock::Clock;
use ieum_core::ports::connector::{
    Connector, HookRefusal, HookRequest, Inbox, ListenEnd, Probe, Profile, Pulse,
};
use ieum_core::ports::entropy::Entropy;
use ieum_core::render::measure::TextUnit;
use ieum_core::time::Timestamp;
use ieum_engine::{AccountSetup, Hub, HubSetup, Settings};
use ieum_server::{AccountLink, Limits, Rate, ServerSetup, Token};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tower::ServiceExt;

/// The secret of the token that tests use.
pub const SECRET: &str = "a-token-for-the-tests";
/// The secret of a second token.
pub const OTHER_SECRET: &str = "another-token-for-tests";
/// What genuine hooks carry.
pub const HOOK_SECRET: &str = "genuine";

/// A clock that stands until it is moved.
#[derive(Debug, Default)]
pub struct StandingClock(AtomicI64);

impl StandingClock {
    /// Moves it.
    pub fn pass_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, _: u64) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst)
    }
}

const CHAT: ChatCapabilities = ChatCapabilities {
    hears: Hears::Everything,
    text_max: 4_096,
    text_unit: TextUnit::Utf16,
    parts_per_send_max: 1,
    edit: true,
    withdraw: true,
    react: true,
    reply: ReplySupport::ById,
    author: AuthorSupport::InText,
    mentions_max: 0,
    formats: Formats::Words,
    buttons: false,
    idempotent_send: false,
    files: &[],
    places: Places::Words,
    caption_max: 0,
};

const CAPABILITIES: Capabilities = Capabilities {
    direct: CHAT,
    group: CHAT,
    names: NameSource::WithMessage,
    rate: RateLimits { per_second_max: 1_000, per_room_minute_max: 100_000, in_flight_max: 8 },
};

/// A network whose webhook is `{"id":"1","room":"r","user":"u","text":"hi"}`.
#[derive(Debug)]
struct ScriptedNetwork;

impl Connector for ScriptedNetwork {
    fn network(&self) -> Network {
        Network::Telegram
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn accept(&self, hook: HookRequest<'_>) -> Result<Arrival, HookRefusal> {
        let secret = hook.headers.get("x-secret").map(|value| value.as_bytes());
        if secret != Some(HOOK_SECRET.as_bytes()) {
            return Err(HookRefusal::Forged);
        }
        if !matches!(hook.path, "" | "/below") {
            return Err(HookRefusal::NotUsed);
        }
        let value: Value = serde_json::from_slice(hook.body)
            .map_err(|error| HookRefusal::Malformed(error.to_string()))?;
        let field = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.ok_or_else(|| HookRefusal::Malformed(format!("no `{name}`")))
        };
        let message = InboundMessage {
            native: NativeMessageId::new(field("id")?),
            text: field("text")?.to_owned(),
            ..InboundMessage::default()
        };
        let event = Inbound {
            event: EventKey::new(field("id")?),
            at: Timestamp(0),
            chat: ChatRef { key: ChatKey::new(field("room")?), kind: ChatKind::Group },
            title: None,
            sender: Some(Sender {
                key: UserKey::new(field("user")?),
                name: Some(field("user")?.into()),
            }),
            kind: InboundKind::Message(message),
        };
        Ok(Arrival { events: vec![event], ignored: 0 })
    }

    fn send<'a>(&'a self, _: &'a Outgoing) -> BoxFuture<'a, Outcome> {
        Box::pin(async { Outcome::Unknown { reason: "scripted".to_owned() } })
    }

    fn probe(&self) -> BoxFuture<'_, Probe> {
        Box::pin(async { Probe { pulse: Pulse::Good { took_ms: 1 }, identity: None } })
    }

    fn listen<'a>(&'a self, _: &'a dyn Inbox, _: Option<Cursor>) -> BoxFuture<'a, ListenEnd> {
        Box::pin(async { ListenEnd::NotUsed })
    }

    fn profile<'a>(&'a self, _: &'a ChatRef, _: &'a UserKey) -> BoxFuture<'a, Option<Profile>> {
        Box::pin(async { None })
    }
}

/// The house.
pub struct House {
    pub hub: Hub,
    pub store: Arc<ScriptedStore>,
    pub clock: Arc<StandingClock>,
    pub setup: ServerSetup,
    router: Router,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// Its JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that it is a problem with this status; its detail.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{:?}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert!(body["type"].as_str().unwrap().starts_with("urn:ieum:problem:"));
        assert!(!body["title"].as_str().unwrap().is_empty());
        body["detail"].as_str().unwrap().to_owned()
    }
}

impl House {
    /// A house with generous limits.
    pub async fn open() -> Self {
        Self::with_limits(Limits::default()).await
    }

    /// A house with these limits.
    pub async fn with_limits(limits: Limits) -> Self {
        let rate = Rate { per_second: 10, burst: 500 };
        let tokens = vec![
            Token::new("tests", SECRET, rate).unwrap(),
            Token::new("others", OTHER_SECRET, rate).unwrap(),
        ];
        let store = Arc::new(ScriptedStore::default());
        let clock = Arc::new(StandingClock::default());
        clock.pass_ms(1_700_000_000_000);
        let hub = Hub::start(HubSetup {
            store: Arc::clone(&store) as _,
            media: Arc::new(Shelf::default()),
            search: Some(Arc::new(Catalogue::default())),
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(Counting::default()),
            secret: HubSecret::new(*b"a secret of thirty-two bytes ..."),
            accounts: vec![AccountSetup {
                name: "bot".to_owned(),
                connector: Arc::new(ScriptedNetwork),
                rate: None,
            }],
            tellers: Vec::new(),
            settings: Settings::default(),
        })
        .await
        .unwrap();
        let door = |account: &str, link: &str| AccountLink {
            account: account.to_owned(),
            link: link.to_owned(),
        };
        let doors = vec![door("bot", "https://t.me/IeumBot")];
        let setup = ServerSetup { tokens, limits, doors, public_url: None };
        Self { router: ieum_server::router(hub.clone(), setup.clone()), hub, store, clock, setup }
    }

    /// Makes a call without a socket.
    pub async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// A call whose body is not read to its end.
    pub async fn open_stream(&self, request: Request<Body>) -> (http::response::Parts, Body) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        response.into_parts()
    }

    /// GET with the token.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(request("GET", path).body(Body::empty()).unwrap()).await
    }

    /// DELETE with the token.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(request("DELETE", path).body(Body::empty()).unwrap()).await
    }

    /// POST of JSON with the token.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, body).await
    }

    /// Any method, JSON, with the token.
    pub async fn send(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = request(method, path).header(header::CONTENT_TYPE, "application/json");
        self.call(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A hook's call.
    pub async fn hook(&self, account: &str, secret: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/hooks/{account}")).header("x-secret", secret);
        self.call(request.body(body.into()).unwrap()).await
    }

    /// Two people in a group conversation joined to the room `r`: their ids, its id.
    pub async fn settle(&self) -> (u64, u64, u64) {
        let mina = self.post("/v1/people", serde_json::json!({ "name": "민아" })).await;
        let jun = self.post("/v1/people", serde_json::json!({ "name": "준" })).await;
        let (mina, jun) = (mina.json()["id"].clone(), jun.json()["id"].clone());
        let body = serde_json::json!({ "kind": "group", "title": "가족", "members": [mina, jun] });
        let conversation = self.post("/v1/conversations", body).await.json()["id"].clone();
        let room = serde_json::json!({ "account": "bot", "chat": "r", "title": "가족방" });
        let room = self.post("/v1/rooms", room).await.json()["id"].clone();
        let path = format!("/v1/conversations/{conversation}/rooms");
        let joined = self.post(&path, serde_json::json!({ "room": room })).await;
        assert_eq!(joined.status, 204, "{:?}", joined.body);
        let number = |value: Value| value.as_u64().unwrap();
        (number(mina), number(jun), number(conversation))
    }
}

/// A request with the token.
pub fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {SECRET}"))
}

/// The body of a genuine hook.
pub fn said(id: &str, text: &str) -> String {
    serde_json::json!({ "id": id, "room": "r", "user": "guest", "text": text }).to_string()
}
