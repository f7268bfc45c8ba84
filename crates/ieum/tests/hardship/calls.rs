//! Bad calls of hooks: each is told what is wrong, and none leaves a trace.

use crate::hub::{Hub, OTHER_GROUP, SECRET, line_head, said, signature};
use crate::wire::{Message, connect, exchange, now, read, sleep_ms, wait_until};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

/// An unoptimised program under attack; a leak of bodies would be many times this.
const MEMORY_MB_MAX: u64 = 160;

/// A call with one change.
fn changed(pointer: &str, value: Value) -> Vec<u8> {
    let mut call = said(1, "안녕");
    *call.pointer_mut(pointer).unwrap() = value;
    call.to_string().into_bytes()
}

/// A name, a body, the status that it is answered, and a part of the detail.
type Case = (&'static str, Vec<u8>, u16, &'static str);

/// What was answered, when it is not what the case says.
fn differs(case: Case, call: impl Fn(&[u8]) -> Message) -> Option<String> {
    let (what, body, status, detail) = case;
    let answer = call(&body);
    let told = answer.json()["detail"].as_str().unwrap_or_default().to_owned();
    let is_right = answer.status() == status && told.contains(detail);
    (!is_right).then(|| format!("{what}: {} {told}", answer.status()))
}

/// What a hook of LINE is answered, with a right signature.
fn bodies() -> Vec<Case> {
    let good = said(1, "안녕").to_string();
    let korean = [0xBE, 0xC8, 0xB3, 0xE7];
    let (before, after) = good.split_once("안녕").unwrap();
    let foreign = [before.as_bytes(), &korean[..], after.as_bytes()].concat();
    let utf16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lone = good.replace("안녕", "\\ud800").into_bytes();
    let deep_event = good.replace("\"q\"", &format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000)));
    let id = "/events/0/message/id";
    let time = good.replace("1716180240001", "1e400").into_bytes();
    vec![
        ("nothing", Vec::new(), 400, "EOF"),
        ("truncated", good.as_bytes()[..good.len() / 2].to_vec(), 400, "EOF"),
        ("no JSON", b"events=[]".to_vec(), 400, "expected"),
        ("another form", b"[1,2,3]".to_vec(), 400, "expected a sequence"),
        ("EUC-KR", foreign, 400, "unicode"),
        ("UTF-16", utf16, 400, "line 1"),
        ("half a character", lone, 400, "hex escape"),
        ("deep", "[".repeat(500_000).into_bytes(), 400, "EOF while parsing a list"),
        ("deep within an event", deep_event.into_bytes(), 400, "expected a string"),
        ("two megabytes", vec![b' '; 2 << 20], 413, "over 1048576 bytes"),
        ("a time without measure", time, 400, "out of range"),
        ("a time before all", changed("/events/0/timestamp", json!(i64::MIN)), 400, "timestamp"),
        ("a time after all", changed("/events/0/timestamp", json!(u64::MAX)), 400, "integer"),
        ("a number as id", changed(id, json!(1)), 400, "string"),
        ("an id without end", changed(id, json!("7".repeat(100_000))), 400, "id"),
        ("no id", changed(id, json!("")), 400, "id"),
        ("too many events", many_events(1_001), 400, "events"),
        ("an unknown kind", changed("/events/0/type", json!("levitated")), 200, ""),
        ("an unknown source", changed("/events/0/source/type", json!("planet")), 200, ""),
        ("an unknown kind of odd form", br#"{"events":[{"type":"x"}]}"#.to_vec(), 200, ""),
        ("no events", br#"{"destination":"U0","events":[]}"#.to_vec(), 200, ""),
    ]
}

fn many_events(count: usize) -> Vec<u8> {
    let event = said(1, "안녕")["events"][0].clone();
    json!({"events": vec![event; count]}).to_string().into_bytes()
}

/// The same for Telegram.
fn updates() -> Vec<Case> {
    let update = |id: &str, chat: &str, message: &str| {
        format!(
            r#"{{"update_id":{id},"message":{{"message_id":{message},"date":1716180240,
            "chat":{{"id":{chat},"type":"supergroup","title":"t"}},
            "from":{{"id":7,"is_bot":false,"first_name":"하나"}},"text":"안녕"}}}}"#
        )
        .into_bytes()
    };
    let overflow = "99999999999999999999999999";
    vec![
        ("an update id that overflows", update(overflow, "-1001", "1"), 400, "line"),
        ("a chat id that overflows", update("1", overflow, "1"), 400, "line"),
        ("a message id that overflows", update("1", "-1001", overflow), 400, "line"),
        ("a fraction as id", update("1", "-1001.5", "1"), 400, "line"),
        ("truncated", update("1", "-1001", "1")[..40].to_vec(), 400, "EOF"),
        ("two megabytes", vec![b' '; 2 << 20], 413, "over 1048576 bytes"),
        ("an unknown kind", br#"{"update_id":1,"levitation":{"by":3}}"#.to_vec(), 200, ""),
    ]
}

#[test]
fn unreadable_calls_are_told_why_and_change_nothing() {
    let hub = Hub::start();
    let before = hub.messages();
    let line = bodies().into_iter().filter_map(|case| differs(case, |body| hub.line_hook(body)));
    let telegram = updates().into_iter();
    let telegram = telegram.filter_map(|case| differs(case, |body| hub.telegram_hook(body)));
    let wrong: Vec<String> = line.chain(telegram).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(hub.messages(), before);
    finish(hub);
}

#[test]
fn forged_calls_are_turned_away() {
    let hub = Hub::start();
    let body = said(1, "안녕").to_string();
    let right = signature(body.as_bytes());
    let other = signature(said(2, "안녕").to_string().as_bytes());
    let plain = "POST /hooks/l HTTP/1.1\r\ncontent-type: application/json\r\n".to_owned();
    for (what, head) in [
        ("no signature", plain),
        ("that of another call", line_head(&other)),
        ("cut off", line_head(right.trim_end_matches('='))),
        ("with more behind it", line_head(&format!("{right}A"))),
        ("no base64", line_head("§§§")),
        ("the secret itself", line_head(SECRET)),
        ("empty", line_head("")),
    ] {
        let answer = exchange(hub.address, &head, body.as_bytes());
        assert_eq!(answer.status(), 401, "{what}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET));
    }
    let telegram = "POST /hooks/t HTTP/1.1\r\nx-telegram-bot-api-secret-token: wrong\r\n";
    assert_eq!(exchange(hub.address, telegram, b"{\"update_id\":1}").status(), 401);
    let nobody = line_head(&right).replace("/hooks/l", "/hooks/nobody");
    assert_eq!(exchange(hub.address, &nobody, body.as_bytes()).status(), 404);
    assert_eq!(hub.messages(), 0);
    finish(hub);
}

#[test]
fn a_replayed_call_is_delivered_once() {
    let hub = Hub::start();
    let body = said(1, "한 번만").to_string();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(hub.line_hook(body.as_bytes()).status(), 200);
                }
            });
        }
    });
    let again = body.replace("\"isRedelivery\":false", "\"isRedelivery\":true");
    assert_eq!(hub.line_hook(again.as_bytes()).status(), 200);
    assert_eq!(hub.messages(), 1);
    finish(hub.tap("한 번만"));
}

#[test]
fn long_texts_cross_whole_and_in_parts() {
    let hub = Hub::start();
    let text = "가나다라마바사 ".repeat(4_000);
    let answer = hub.line_hook(said(1, &text).to_string().as_bytes());
    assert_eq!(answer.status(), 200);
    let wanted = text.matches('사').count();
    let shown = || -> usize {
        let seen = hub.telegram.seen();
        seen.iter().map(|seen| seen.text.matches('사').count()).sum()
    };
    wait_until("all parts", || shown() >= wanted);
    assert_eq!(shown(), wanted, "no part is lost or repeated");
    finish(hub);
}

#[test]
fn slow_callers_keep_nobody_out() {
    let limits = "[limits]\nconnections_max = 400\nhead_ms_max = 2000\nbody_ms_max = 2000\n";
    let hub = Hub::start_with(limits, 1_000);
    let body = said(1, "느림").to_string();
    let head = line_head(&signature(body.as_bytes()));
    let mut slow: Vec<_> = (0..300).map(|_| connect(hub.address)).collect();
    for (number, socket) in slow.iter_mut().enumerate() {
        let whole = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let cut = if number % 2 == 0 { head.len() - 5 } else { whole.len() - 5 };
        socket.write_all(&whole.as_bytes()[..cut]).unwrap();
    }
    for number in 10..20 {
        let began = now();
        let answer = hub.line_hook(said(number, "빠름").to_string().as_bytes());
        assert_eq!(answer.status(), 200);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
    for socket in &mut slow {
        // Either told that it took too long, or hung up on; never served.
        assert!(read(socket).is_none_or(|answer| answer.status() == 408));
    }
    assert_eq!(hub.messages(), 10);
    finish(hub);
}

#[test]
fn many_large_bodies_at_once_stay_within_bounds() {
    let hub = Hub::start();
    let body = vec![b'['; 900_000];
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let answer = hub.line_hook(&body);
                assert!([400, 408, 503].contains(&answer.status()), "{answer:?}");
            });
        }
    });
    sleep_ms(100);
    finish(hub);
}

/// An ordinary message crosses, memory stayed in bounds, the log and the journal are in order.
fn finish(hub: Hub) {
    let hub = hub.tap("평소처럼");
    let used = hub.memory_mb_max();
    assert!(used <= MEMORY_MB_MAX, "{used} MB");
    hub.stop_and_audit();
}

impl Hub {
    /// Says it unless it was said, and waits until both networks showed it, once.
    fn tap(self, text: &str) -> Self {
        if text == "평소처럼" {
            let answer = self.line_hook(said(900, text).to_string().as_bytes());
            assert_eq!(answer.status(), 200);
        }
        let shown = || (self.telegram.count(text), self.line.count(text));
        wait_until(text, || shown() >= (1, 1));
        sleep_ms(200);
        assert_eq!(shown(), (1, 1));
        assert!(self.line.seen().iter().all(|seen| seen.chat == OTHER_GROUP));
        self
    }
}
