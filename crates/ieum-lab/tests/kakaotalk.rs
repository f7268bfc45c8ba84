//! KakaoTalk's own rules: over its router, and over a real socket for the gateway.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

mod desk;

use std::sync::Arc;

use desk::{Seeded, Still, family_desk, native, post, texts, user};
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use ieum_lab::world::message::BOT;
use ieum_lab::world::{Say, World};
use ieum_lab::{Backlog, Cell, Desk, Function, Lab, LabOptions, Mode, Network, Surface};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const KAKAO: Network = Network::Kakaotalk;

fn skill(text: &str) -> Value {
    json!({ "version": "2.0", "template": { "outputs": [{ "simpleText": { "text": text } }] } })
}

async fn invoke(desk: &Desk, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
    let bot = format!("KakaoAK {}", desk.world().bot(KAKAO).token);
    let headers = [("authorization", bot.as_str()), ("x-bot-callback-token", token)];
    let (status, _, body) = post(&desk.routers.kakaotalk, path, &headers, body).await;
    (status, body)
}

async fn send(desk: &Desk, body: Value) -> i64 {
    let (status, body) = invoke(desk, "/v1/bot/send_message", "", body).await;
    assert_eq!(status == StatusCode::OK, body["code"].is_null(), "{body}");
    body["code"].as_i64().unwrap_or(0)
}

#[tokio::test]
async fn every_refusal_has_its_code() {
    let desk = family_desk(&Still::default());
    let room = native(&desk, KAKAO, "family");
    let minji = user(&desk, KAKAO, "minji");
    let many: Vec<Value> = (0..4).map(|_| json!({ "simpleText": { "text": "a" } })).collect();
    let four = json!({ "version": "2.0", "template": { "outputs": many } });
    let cases = [
        (json!({ "skillResponse": skill("a") }), -876),
        (json!({ "botGroupKey": room, "botUserKey": minji, "skillResponse": skill("a") }), -876),
        (json!({ "botGroupKey": "bgk_0", "skillResponse": skill("a") }), -876),
        (json!({ "botGroupKey": room }), -870),
        (json!({ "botGroupKey": room, "skillResponse": four }), -870),
        (json!({ "botGroupKey": room, "skillResponse": skill(&"가".repeat(1_001)) }), -878),
        (json!({ "botGroupKey": room, "skillResponse": skill(&"가".repeat(1_000)) }), 0),
        (json!({ "botUserKey": minji, "skillResponse": skill("a") }), 0),
    ];
    for (body, code) in cases {
        assert_eq!(send(&desk, body.clone()).await, code, "{body}");
    }
    let ordinary = json!({ "botGroupKey": room, "skillResponse": skill("a") });
    desk.world().mute_bot("family", true).expect("muted");
    assert_eq!(send(&desk, ordinary.clone()).await, -879);
    desk.world().leave(KAKAO, BOT, "family").expect("left");
    assert_eq!(send(&desk, ordinary).await, -880);
    desk.world().block(KAKAO, "minji").expect("blocked");
    assert_eq!(
        send(&desk, json!({ "botUserKey": minji, "skillResponse": skill("a") })).await,
        -877
    );
}

#[tokio::test]
async fn mentions_are_filled_in_with_names() {
    let desk = family_desk(&Still::default());
    let mut response = skill("안녕 {{#mentions.u1}}!");
    let key = user(&desk, KAKAO, "minji");
    response["extra"] = json!({ "mentions": { "u1": { "type": "botUserKey", "id": key } } });
    let body = json!({ "botGroupKey": native(&desk, KAKAO, "family"), "skillResponse": response });
    assert_eq!(send(&desk, body).await, 0);
    assert_eq!(texts(&desk, KAKAO, "father"), ["안녕 @민지!"]);
}

#[tokio::test]
async fn commands_are_replaced_and_checked() {
    let desk = family_desk(&Still::default());
    let path = "/v1/bot/commands/update";
    let names = |names: &[&str]| {
        let each = names.iter().map(|name| json!({ "buttonName": name, "description": "d" }));
        json!({ "utterances": each.collect::<Vec<_>>() })
    };
    let (_, body) = invoke(&desk, path, "", names(&["도움말", "여기로"])).await;
    assert_eq!(body["utterances"][1]["value"], "여기로");
    assert_eq!(invoke(&desk, path, "", names(&["a", "a"])).await.1["code"], -875);
    assert_eq!(invoke(&desk, path, "", names(&["a"; 31])).await.1["code"], -874);
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn lab(clock: &Still) -> Lab {
    let options = LabOptions::new(Arc::new(clock.clone()), Arc::new(Seeded::new(5)));
    Lab::start(options).await.expect("a lab")
}

async fn open(lab: &Lab, frame: Value) -> Socket {
    let opened = tokio_tungstenite::connect_async(&lab.kakaotalk.gateway).await;
    let (mut socket, _) = opened.expect("connected");
    assert_eq!(read(&mut socket).await["d"]["heartbeat_interval"], 41_250);
    socket.send(Message::text(frame.to_string())).await.expect("sent");
    socket
}

async fn read(socket: &mut Socket) -> Value {
    match socket.next().await {
        Some(Ok(Message::Text(text))) => serde_json::from_str(text.as_str()).expect("json"),
        other => panic!("expected a text frame: {other:?}"),
    }
}

async fn closed(socket: &mut Socket) -> u16 {
    match socket.next().await {
        Some(Ok(Message::Close(Some(frame)))) => u16::from(frame.code),
        other => panic!("expected a close frame: {other:?}"),
    }
}

fn mention(world: &mut World, text: &str) -> Value {
    let mut say = Say::text(KAKAO, "minji", Some("family"), text);
    say.mention = vec![BOT.to_owned()];
    serde_json::to_value(world.say(say).expect("said")).expect("json")
}

#[tokio::test]
async fn the_gateway_tells_of_mentions_only_and_a_callback_answers_once() {
    let clock = Still::default();
    let lab = lab(&clock).await;
    let identify = json!({ "op": 2, "d": { "token": lab.kakaotalk.bot_token } });
    let mut socket = open(&lab, identify).await;
    assert_eq!(read(&mut socket).await["op"], 3);
    let unheard = Say::text(KAKAO, "minji", Some("family"), "잡담");
    lab.world().say(unheard).expect("said");
    mention(&mut lab.world(), "오늘 뭐해");
    let frame = read(&mut socket).await;
    let body = &frame["d"];
    assert_eq!((&frame["s"], &frame["t"]), (&json!(1), &json!("MESSAGE_CREATE")));
    assert_eq!(
        (&body["content"], &body["isChannelChatroom"]),
        (&json!("오늘 뭐해"), &json!(false))
    );
    assert!(body["id"].is_i64());
    assert!(body.get("nickname").is_none());
    let desk_texts: Vec<String> = lab
        .world()
        .screen(KAKAO, "father")
        .expect("screen")
        .into_iter()
        .map(|line| line.text)
        .collect();
    assert_eq!(desk_texts, ["잡담", "@이음 오늘 뭐해"]);
    lab.stop().await;
}

#[tokio::test]
async fn a_dropped_connection_resumes_by_either_name_of_the_number() {
    let clock = Still::default();
    let lab = lab(&clock).await;
    let token = lab.kakaotalk.bot_token.clone();
    let mut socket = open(&lab, json!({ "op": 2, "d": { "token": token } })).await;
    let session = read(&mut socket).await["d"]["session_id"].clone();
    mention(&mut lab.world(), "하나");
    assert_eq!(read(&mut socket).await["s"], 1);
    drop(socket);
    mention(&mut lab.world(), "둘");
    for name in ["seq", "sequence"] {
        let resume = json!({ "op": 6, "d": { "token": token, "session_id": session, name: 1 } });
        let mut socket = open(&lab, resume).await;
        assert_eq!(read(&mut socket).await["d"]["content"], "둘");
    }
    let late = json!({ "op": 6, "d": { "token": token, "session_id": "other", "seq": 1 } });
    assert_eq!(closed(&mut open(&lab, late).await).await, 4009);
    lab.stop().await;
}

#[tokio::test]
async fn a_second_connection_replaces_the_first_and_bad_frames_close() {
    let clock = Still::default();
    let lab = lab(&clock).await;
    let identify = json!({ "op": 2, "d": { "token": lab.kakaotalk.bot_token } });
    let mut first = open(&lab, identify.clone()).await;
    read(&mut first).await;
    let mut second = open(&lab, identify).await;
    read(&mut second).await;
    assert_eq!(closed(&mut first).await, 4004);
    second.send(Message::text(json!({ "op": 1 }).to_string())).await.expect("sent");
    assert_eq!(read(&mut second).await["op"], 11);
    second.send(Message::text("{")).await.expect("sent");
    assert_eq!(closed(&mut second).await, 4003);
    let mut wrong = open(&lab, json!({ "op": 2, "d": { "token": "wrong" } })).await;
    assert_eq!(closed(&mut wrong).await, 4001);
    lab.stop().await;
}

#[tokio::test]
async fn an_outage_of_signing_in_drops_the_gateway_and_refuses_new_ones() {
    let clock = Still::default();
    let lab = lab(&clock).await;
    let identify = json!({ "op": 2, "d": { "token": lab.kakaotalk.bot_token } });
    let mut socket = open(&lab, identify.clone()).await;
    read(&mut socket).await;
    let mut fault = Cell::new(KAKAO, Function::Login, Surface::Api, Mode::Refuse);
    fault.dur_s = Some(60);
    lab.world().spoil(fault).expect("set");
    assert_eq!(closed(&mut socket).await, u16::from(CloseCode::Away));
    assert!(tokio_tungstenite::connect_async(&lab.kakaotalk.gateway).await.is_err());
    clock.0.advance(60_000);
    let mut again = open(&lab, identify).await;
    assert_eq!(read(&mut again).await["op"], 3);
    lab.stop().await;
}

/// Who drives the lab learns which messages no bot can have heard of.
#[tokio::test]
async fn swallowed_events_never_come_and_those_before_them_do() {
    let clock = Still::default();
    let lab = lab(&clock).await;
    let identify = json!({ "op": 2, "d": { "token": lab.kakaotalk.bot_token } });
    let mut socket = open(&lab, identify).await;
    read(&mut socket).await;
    let during = |mode, backlog, dur_s| {
        let mut fault = Cell::new(KAKAO, Function::Recv, Surface::Api, mode);
        (fault.dur_s, fault.backlog) = (Some(dur_s), backlog);
        lab.world().spoil(fault).expect("set");
    };
    let says = |text: &str| mention(&mut lab.world(), text)["bot"].clone();
    during(Mode::Blackhole, None, 60);
    assert_eq!(says("하나"), "swallowed");
    clock.0.advance(60_000);
    during(Mode::Refuse, Some(Backlog::Lose), 60);
    assert_eq!(says("둘"), "swallowed");
    clock.0.advance(60_000);
    during(Mode::Refuse, None, 60);
    assert_eq!(says("셋"), "withheld");
    clock.0.advance(60_000);
    assert_eq!(says("넷"), "told");
    for text in ["셋", "넷"] {
        assert_eq!(read(&mut socket).await["d"]["content"], text);
    }
    lab.stop().await;
}

#[tokio::test]
async fn withheld_events_come_after_the_outage_in_order() {
    let clock = Still::default();
    let lab = lab(&clock).await;
    let identify = json!({ "op": 2, "d": { "token": lab.kakaotalk.bot_token } });
    let mut socket = open(&lab, identify).await;
    read(&mut socket).await;
    let mut fault = Cell::new(KAKAO, Function::Recv, Surface::Api, Mode::Refuse);
    fault.dur_s = Some(60);
    lab.world().spoil(fault).expect("set");
    for text in ["하나", "둘"] {
        assert_eq!(mention(&mut lab.world(), text)["bot"], "withheld");
    }
    clock.0.advance(60_000);
    for text in ["하나", "둘"] {
        assert_eq!(read(&mut socket).await["d"]["content"], text);
    }
    lab.stop().await;
}
