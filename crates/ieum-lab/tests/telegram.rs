//! Telegram's own rules, through its router.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

mod desk;

use std::task::Poll;

use desk::{Still, call, family_desk, native, post, texts, user};
use ieum_lab::world::message::BOT;
use ieum_lab::world::people::{ChatKind, NewRoom};
use ieum_lab::world::{Edit, React, Say};
use ieum_lab::{Desk, Network};
use serde_json::{Value, json};

const TELEGRAM: Network = Network::Telegram;

async fn invoke(desk: &Desk, method: &str, body: Value) -> Value {
    let path = format!("/bot{}/{method}", desk.world().bot(TELEGRAM).token);
    let (status, _, answer) = post(&desk.routers.telegram, &path, &[], body).await;
    let code = answer["error_code"].as_u64().unwrap_or(200);
    assert_eq!(u64::from(status.as_u16()), code, "{answer}");
    answer
}

fn description(answer: &Value) -> &str {
    answer["description"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn every_form_of_arguments_is_taken() {
    let desk = family_desk(&Still::default());
    let chat = native(&desk, TELEGRAM, "family");
    let token = desk.world().bot(TELEGRAM).token.clone();
    let path = format!("/bot{token}/SendMessage");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let router = &desk.routers.telegram;
    let body = format!("chat_id={chat}&text=%EC%95%88%EB%85%95+a%26b");
    assert_eq!(call(router, "POST", &path, &[form], body).await.0, 200);
    let query = format!("{path}?chat_id={chat}&text=query");
    assert_eq!(call(router, "GET", &query, &[], "").await.0, 200);
    let parts = format!(
        "--b\r\ncontent-disposition: form-data; name=\"chat_id\"\r\n\r\n{chat}\r\n--b\r\n\
         content-disposition: form-data; name=\"document\"; filename=\"a.txt\"\r\n\
         content-type: text/plain\r\n\r\nbytes\r\n--b--\r\n"
    );
    let multipart = ("content-type", "multipart/form-data; boundary=b");
    let path = format!("/bot{token}/sendDocument");
    let (status, _, answer) = call(router, "POST", &path, &[multipart], parts).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["result"]["document"]["file_name"], "a.txt");
    let id = &answer["result"]["document"]["file_id"];
    let file = invoke(&desk, "getFile", json!({ "file_id": id })).await;
    let path = file["result"]["file_path"].as_str().expect("a path");
    let path = format!("/file/bot{token}/{path}");
    assert_eq!(call(router, "GET", &path, &[], "").await.2, "bytes");
    assert_eq!(texts(&desk, TELEGRAM, "junho"), ["안녕 a&b", "query", ""]);
}

#[tokio::test]
async fn errors_have_telegrams_own_words() {
    let desk = family_desk(&Still::default());
    let chat = native(&desk, TELEGRAM, "family");
    let cases = [
        ("sendMessage", json!({ "text": "a" }), 400, "Bad Request: chat_id is empty"),
        ("sendMessage", json!({ "chat_id": 5, "text": "a" }), 400, "Bad Request: chat not found"),
        ("sendMessage", json!({ "chat_id": chat }), 400, "Bad Request: message text is empty"),
        (
            "sendMessage",
            json!({ "chat_id": chat, "text": "가".repeat(4_097) }),
            400,
            "Bad Request: message is too long",
        ),
        (
            "sendMessage",
            json!({ "chat_id": chat, "text": "a", "reply_parameters": { "message_id": 99 } }),
            400,
            "Bad Request: message to be replied not found",
        ),
        ("noSuchMethod", json!({}), 404, "Not Found: method not found"),
    ];
    for (method, body, code, words) in cases {
        let answer = invoke(&desk, method, body).await;
        assert_eq!((answer["error_code"].as_i64(), description(&answer)), (Some(code), words));
    }
    let (status, _, _) = call(&desk.routers.telegram, "GET", "/bot1:x/getMe", &[], "").await;
    assert_eq!(status, 401);
    let (status, _, _) = call(&desk.routers.telegram, "GET", "/botx/getMe", &[], "").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn offsets_confirm_and_unconfirmed_updates_come_again() {
    let desk = family_desk(&Still::default());
    invoke(&desk, "getUpdates", json!({ "offset": -1 })).await;
    for text in ["하나", "둘"] {
        desk.world().say(Say::text(TELEGRAM, "junho", Some("family"), text)).expect("said");
    }
    let all = |answer: &Value| answer["result"].as_array().expect("updates").clone();
    let first = all(&invoke(&desk, "getUpdates", json!({ "offset": -2 })).await);
    assert_eq!(first.len(), 2);
    assert_eq!(first[1]["message"]["text"], "둘");
    assert_eq!(all(&invoke(&desk, "getUpdates", json!({})).await).len(), 2);
    let next = first[0]["update_id"].as_i64().expect("id") + 1;
    let rest = all(&invoke(&desk, "getUpdates", json!({ "offset": next })).await);
    assert_eq!(rest.len(), 1);
    assert!(all(&invoke(&desk, "getUpdates", json!({ "offset": next + 1 })).await).is_empty());
}

#[tokio::test]
async fn a_long_poll_waits_and_a_second_poller_ends_it() {
    let clock = Still::default();
    let desk = family_desk(&clock);
    invoke(&desk, "getUpdates", json!({ "offset": 1_000_000 })).await;
    let waiting = invoke(&desk, "getUpdates", json!({ "timeout": 50 }));
    tokio::pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    desk.world().say(Say::text(TELEGRAM, "junho", Some("family"), "깨움")).expect("said");
    assert_eq!(waiting.await["result"][0]["message"]["text"], "깨움");
    let older = invoke(&desk, "getUpdates", json!({ "offset": 2_000_000, "timeout": 50 }));
    tokio::pin!(older);
    assert!(futures_util::poll!(&mut older).is_pending());
    invoke(&desk, "getUpdates", json!({})).await;
    let older = older.await;
    assert_eq!(older["error_code"], 409);
    assert!(description(&older).starts_with("Conflict: terminated by other getUpdates request"));
    invoke(&desk, "setWebhook", json!({ "url": "http://127.0.0.1:9/" })).await;
    let refused = invoke(&desk, "getUpdates", json!({})).await;
    assert!(description(&refused).contains("while webhook is active"));
}

#[tokio::test]
async fn privacy_mode_hides_ordinary_chatter() {
    let desk = family_desk(&Still::default());
    desk.world().rules.privacy_mode = true;
    invoke(&desk, "getUpdates", json!({ "offset": 1_000_000 })).await;
    for text in ["잡담", "/start", "@ieum_bot 안녕"] {
        desk.world().say(Say::text(TELEGRAM, "junho", Some("family"), text)).expect("said");
    }
    let heard = invoke(&desk, "getUpdates", json!({})).await;
    let heard: Vec<_> = heard["result"].as_array().expect("updates").iter().collect();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0]["message"]["entities"][0]["type"], "bot_command");
}

#[tokio::test]
async fn edits_and_reactions_come_as_updates_when_asked_for() {
    let desk = family_desk(&Still::default());
    let kinds = json!(["message", "edited_message", "message_reaction"]);
    invoke(&desk, "getUpdates", json!({ "offset": 1_000_000, "allowed_updates": kinds })).await;
    let said = desk.world().say(Say::text(TELEGRAM, "junho", Some("family"), "가")).expect("said");
    let message = said.message.expect("an id");
    let edit = Edit {
        network: TELEGRAM,
        user: "junho".into(),
        room: Some("family".into()),
        message: message.clone(),
        text: "나".into(),
    };
    desk.world().edit(&edit).expect("edited");
    let react = React {
        network: TELEGRAM,
        user: "father".into(),
        room: Some("family".into()),
        message,
        emoji: Some("👍".into()),
    };
    desk.world().react(&react).expect("reacted");
    let updates = invoke(&desk, "getUpdates", json!({})).await;
    assert_eq!(updates["result"][1]["edited_message"]["text"], "나");
    assert_eq!(updates["result"][2]["message_reaction"]["new_reaction"][0]["emoji"], "👍");
    assert_eq!(texts(&desk, TELEGRAM, "father"), ["나"]);
}

#[tokio::test]
async fn blocked_kicked_and_migrated_chats_say_so() {
    let desk = family_desk(&Still::default());
    desk.world().block(TELEGRAM, "junho").expect("blocked");
    let to = user(&desk, TELEGRAM, "junho");
    let answer = invoke(&desk, "sendMessage", json!({ "chat_id": to, "text": "a" })).await;
    assert_eq!(description(&answer), "Forbidden: bot was blocked by the user");
    let family = native(&desk, TELEGRAM, "family");
    desk.world().leave(TELEGRAM, BOT, "family").expect("left");
    let answer = invoke(&desk, "sendMessage", json!({ "chat_id": family, "text": "a" })).await;
    assert_eq!(description(&answer), "Forbidden: bot was kicked from the supergroup chat");
    let room = NewRoom {
        network: TELEGRAM,
        id: "small".into(),
        title: None,
        kind: Some(ChatKind::Group),
        members: vec!["father".into()],
        bot: None,
        bot_admin: false,
    };
    let old = desk.world().add_room(room).expect("a room").native.clone();
    let new = desk.world().migrate("small").expect("migrated");
    let answer = invoke(&desk, "sendMessage", json!({ "chat_id": old, "text": "a" })).await;
    assert_eq!(answer["parameters"]["migrate_to_chat_id"].to_string(), new);
    let answer = invoke(&desk, "sendMessage", json!({ "chat_id": new, "text": "a" })).await;
    assert_eq!(answer["ok"], true);
}

#[tokio::test]
async fn too_many_messages_must_wait() {
    let desk = family_desk(&Still::default());
    let chat = native(&desk, TELEGRAM, "family");
    let mut last = Value::Null;
    for _ in 0..6 {
        last = invoke(&desk, "sendMessage", json!({ "chat_id": chat, "text": "a" })).await;
    }
    assert_eq!(last["error_code"], 429);
    assert_eq!(last["parameters"]["retry_after"], 1);
}

#[tokio::test]
async fn our_own_messages_can_be_edited_deleted_and_reacted_to() {
    let desk = family_desk(&Still::default());
    let chat = native(&desk, TELEGRAM, "family");
    let sent = invoke(&desk, "sendMessage", json!({ "chat_id": chat, "text": "가" })).await;
    let id = &sent["result"]["message_id"];
    let same = json!({ "chat_id": chat, "message_id": id, "text": "가" });
    let answer = invoke(&desk, "editMessageText", same).await;
    assert!(description(&answer).starts_with("Bad Request: message is not modified"));
    let other = json!({ "chat_id": chat, "message_id": id, "text": "나" });
    assert_eq!(invoke(&desk, "editMessageText", other).await["ok"], true);
    let thumb = json!([{ "type": "emoji", "emoji": "👍" }]);
    let react = json!({ "chat_id": chat, "message_id": id, "reaction": thumb });
    assert_eq!(invoke(&desk, "setMessageReaction", react).await["ok"], true);
    let line = desk.world().screen(TELEGRAM, "junho").expect("screen").remove(0);
    assert!(line.edited && line.text == "나" && line.reactions[BOT] == "👍");
    let gone = json!({ "chat_id": chat, "message_id": id });
    assert_eq!(invoke(&desk, "deleteMessage", gone).await["ok"], true);
    assert!(desk.world().screen(TELEGRAM, "junho").expect("screen")[0].withdrawn);
}

#[tokio::test]
async fn an_administrator_has_every_right_that_clients_need() {
    let desk = family_desk(&Still::default());
    let room = json!({ "network": "telegram", "id": "board", "members": ["junho"],
                       "bot_admin": true });
    let room: NewRoom = serde_json::from_value(room).expect("a room");
    let chat = desk.world().add_room(room).expect("added").native.clone();
    let all = invoke(&desk, "getChatAdministrators", json!({ "chat_id": chat })).await;
    let bot = desk.world().bot(TELEGRAM).native.clone();
    let asked = json!({ "chat_id": chat, "user_id": bot });
    let one = invoke(&desk, "getChatMember", asked).await["result"].clone();
    assert_eq!(one["status"], "administrator");
    assert_eq!(one["can_send_welcome_messages"], true);
    assert!(all["result"].as_array().expect("a list").contains(&one));
}

#[tokio::test]
async fn polls_that_repeat_an_offset_are_slowed_down() {
    let clock = Still::default();
    let desk = family_desk(&clock);
    // How long the poll is made to wait, by steps of a second.
    let waited_s = async || {
        let poll = invoke(&desk, "getUpdates", json!({ "offset": 1_000_000 }));
        tokio::pin!(poll);
        for waited_s in 0..9 {
            if let Poll::Ready(answer) = futures_util::poll!(&mut poll) {
                assert_eq!(answer["result"], json!([]));
                return waited_s;
            }
            clock.0.advance(1_000);
        }
        panic!("it never ends");
    };
    assert_eq!(waited_s().await, 0);
    clock.0.advance(2_999);
    assert_eq!(waited_s().await, 3);
    assert_eq!(waited_s().await, 0, "three seconds are enough");
    desk.world().rules.rate_limits = false;
    assert_eq!(waited_s().await, 0);
}

#[tokio::test]
async fn polls_that_repeat_an_offset_at_once_get_one_update() {
    let clock = Still::default();
    let desk = family_desk(&clock);
    let poll = async || {
        let answer = invoke(&desk, "getUpdates", json!({})).await;
        answer["result"].as_array().expect("updates").len()
    };
    desk.world().say(Say::text(TELEGRAM, "junho", Some("family"), "하나")).expect("said");
    let all = poll().await;
    assert!(all >= 2, "{all}");
    clock.0.advance(499);
    assert_eq!(poll().await, 1);
    clock.0.advance(500);
    assert_eq!(poll().await, all);
}

#[tokio::test]
async fn whoever_an_entity_links_to_is_mentioned_there() {
    let desk = family_desk(&Still::default());
    let chat = native(&desk, TELEGRAM, "family");
    let id = user(&desk, TELEGRAM, "junho").parse::<i64>().expect("a number");
    let entity = |user: i64, offset: u32, length: u32| {
        let user = json!({ "id": user, "is_bot": false, "first_name": "" });
        json!({ "type": "text_mention", "offset": offset, "length": length, "user": user })
    };
    let entities = json!([entity(id, 3, 3), entity(1, 0, 2), entity(id, 3, 99)]);
    let body = json!({ "chat_id": chat, "text": "😀 @준호", "entities": entities });
    let answer = invoke(&desk, "sendMessage", body).await;
    let number = answer["result"]["message_id"].to_string();
    let world = desk.world();
    let found = world.find_message(TELEGRAM, "family", &number).expect("sent");
    let mentions: Vec<_> =
        found.mentions.iter().map(|one| (&*one.user, one.index, one.length)).collect();
    assert_eq!(mentions, [("junho", 3, 3)]);
}
