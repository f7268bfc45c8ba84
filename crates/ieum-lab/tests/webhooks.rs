//! Webhooks over real sockets: signed by LINE, with a secret by Telegram, and again when they were
//! not answered well.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

mod desk;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use desk::{Seeded, Still, post};
use hmac::{Hmac, Mac};
use http::{HeaderMap, StatusCode};
use ieum_lab::world::message::BOT;
use ieum_lab::world::{Say, World};
use ieum_lab::{Lab, LabOptions, Network};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A hook that answers with the given statuses, the last one for ever.
#[derive(Clone)]
struct Hook {
    statuses: Arc<Mutex<Vec<u16>>>,
    received: mpsc::UnboundedSender<(HeaderMap, Bytes)>,
}

async fn take(State(hook): State<Hook>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut statuses = hook.statuses.lock().expect("not poisoned");
    let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
    hook.received.send((headers, body)).expect("the test listens");
    StatusCode::from_u16(status).expect("a status")
}

struct Stage {
    lab: Lab,
    clock: Still,
    received: mpsc::UnboundedReceiver<(HeaderMap, Bytes)>,
}

/// Plays with a lab whose events of `network` go to a hook.
async fn with_hook(
    network: Network,
    statuses: &[u16],
    extra: Value,
    play: impl AsyncFnOnce(&mut Stage),
) {
    let clock = Still::default();
    let options = LabOptions::new(Arc::new(clock.clone()), Arc::new(Seeded::new(5)));
    let lab = Lab::start(options).await.expect("a lab");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, received) = mpsc::unbounded_channel();
    let hook = Hook { statuses: Arc::new(Mutex::new(statuses.to_vec())), received: sender };
    let router = Router::new().fallback(take).with_state(hook);
    let mut body = json!({ "network": network, "url": url });
    for (key, value) in extra.as_object().expect("an object") {
        body[key] = value.clone();
    }
    let (status, _, answer) = post(&lab.routers().control, "/webhook", &[], body).await;
    assert_eq!(status, 200, "{answer}");
    let mut stage = Stage { lab, clock, received };
    tokio::select! {
        () = play(&mut stage) => {}
        result = axum::serve(listener, router) => panic!("the hook ended: {result:?}"),
    }
    stage.lab.stop().await;
}

impl Stage {
    async fn next(&mut self) -> (HeaderMap, Bytes) {
        self.received.recv().await.expect("an event")
    }

    /// Moves the clock until something comes.
    async fn next_later(&mut self) -> (HeaderMap, Bytes) {
        loop {
            tokio::select! {
                biased;
                received = self.received.recv() => return received.expect("an event"),
                () = tokio::task::yield_now() => self.clock.0.advance(1),
            }
        }
    }
}

fn say(world: &mut World, network: Network, user: &str, text: &str) {
    let mut say = Say::text(network, user, Some("family"), text);
    if network == Network::Kakaotalk {
        say.mention = vec![BOT.to_owned()];
    }
    world.say(say).expect("said");
}

fn parsed(body: &Bytes) -> Value {
    serde_json::from_slice(body).expect("json")
}

#[tokio::test]
async fn line_signs_and_delivers_again_what_was_refused() {
    with_hook(Network::Line, &[500, 200], json!({}), async |stage: &mut Stage| {
        say(&mut stage.lab.world(), Network::Line, "yuna", "안녕");
        let (headers, body) = stage.next().await;
        let secret = stage.lab.line.channel_secret.clone();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(&body);
        let expected = STANDARD.encode(mac.finalize().into_bytes());
        assert_eq!(headers["x-line-signature"], expected.as_str());
        let first = parsed(&body);
        let (_, again) = stage.next_later().await;
        let again = parsed(&again);
        let (first, again) = (&first["events"][0], &again["events"][0]);
        assert_eq!(first["webhookEventId"], again["webhookEventId"]);
        assert_eq!(first["deliveryContext"]["isRedelivery"], false);
        assert_eq!(again["deliveryContext"]["isRedelivery"], true);
    })
    .await;
}

#[tokio::test]
async fn telegram_shows_the_secret_and_repeats_in_order() {
    let secret = json!({ "secret": "s3cret" });
    with_hook(Network::Telegram, &[502, 200], secret, async |stage: &mut Stage| {
        let (headers, first) = stage.next().await;
        assert_eq!(headers["x-telegram-bot-api-secret-token"], "s3cret");
        let (_, again) = stage.next_later().await;
        assert_eq!(first, again);
        let (_, next) = stage.next().await;
        let id = |body: &Bytes| parsed(body)["update_id"].as_i64().expect("an id");
        assert_eq!(id(&next), id(&first) + 1);
    })
    .await;
}

#[tokio::test]
async fn kakaotalk_sends_the_registered_header_once() {
    let headers = json!({ "headers": { "x-hub-secret": "abc" } });
    with_hook(Network::Kakaotalk, &[500], headers, async |stage: &mut Stage| {
        for text in ["하나", "둘"] {
            say(&mut stage.lab.world(), Network::Kakaotalk, "minji", text);
        }
        for text in ["하나", "둘"] {
            let (headers, body) = stage.next().await;
            assert_eq!(headers["x-hub-secret"], "abc");
            let frame = parsed(&body);
            assert!(frame.get("s").is_none());
            assert_eq!(frame["d"]["content"], text);
        }
    })
    .await;
}

#[tokio::test]
async fn control_calls_refuse_what_they_do_not_know() {
    let clock = Still::default();
    let desk = desk::family_desk(&clock);
    let control = &desk.routers.control;
    let cases = [
        ("/say", json!({ "network": "line", "user": "yuna", "text": "a", "x": 1 }), 400),
        ("/say", json!({ "network": "line", "user": "nobody", "text": "a" }), 404),
        ("/say", json!({ "network": "fax", "user": "yuna", "text": "a" }), 400),
        ("/say", json!({ "network": "line", "user": "yuna", "room": "moon", "text": "a" }), 404),
        ("/fault", json!({ "network": "line", "fn": "send", "surface": "api", "mode": "x" }), 400),
        ("/fault", json!({ "scenario": "K99" }), 404),
        ("/user", json!({ "network": "line", "id": "yuna" }), 409),
        ("/rules", json!({ "gravity": 1 }), 400),
        ("/fly", json!({}), 404),
    ];
    for (path, body, expected) in cases {
        let (status, _, answer) = post(control, path, &[], body).await;
        assert_eq!(status, expected, "{path}: {answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

#[tokio::test]
async fn a_chat_that_another_module_has_is_told_in_standby() {
    with_hook(Network::Line, &[200], json!({}), async |stage| {
        for (standby, mode) in [(true, "standby"), (false, "active")] {
            let body = json!({ "room": "family", "standby": standby });
            let control = &stage.lab.routers().control;
            assert_eq!(post(control, "/standby", &[], body).await.0, 200);
            let say = Say::text(Network::Line, "yuna", Some("family"), "안녕");
            stage.lab.world().say(say).expect("said");
            let (_, body) = stage.next_later().await;
            let event: Value = serde_json::from_slice(&body).expect("JSON");
            let event = &event["events"][0];
            assert_eq!(event["mode"], mode);
            assert_eq!(event.get("replyToken").is_none(), standby, "{event}");
        }
    })
    .await;
}
