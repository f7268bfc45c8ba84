//! Each mode of a fault, seen on the screens of people and by our bot.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]

mod desk;

use desk::{Still, family_desk, family_world, native, post, texts};
use ieum_lab::world::{Said, Say, World};
use ieum_lab::{Backlog, Cell, Desk, Function, Mode, Network, Scenario, ShareKey, Surface};
use serde_json::json;

const KAKAO: Network = Network::Kakaotalk;

fn cell(function: Function, surface: Surface, mode: Mode, dur_s: u32) -> Cell {
    let mut cell = Cell::new(KAKAO, function, surface, mode);
    cell.dur_s = Some(dur_s);
    cell
}

fn say(world: &mut World, user: &str, text: &str) -> Said {
    world.say(Say::text(KAKAO, user, Some("family"), text)).expect("sent")
}

#[test]
fn a_refused_send_tells_the_person_and_reaches_nobody() {
    let clock = Still::default();
    let mut world = family_world(&clock, 1);
    world.spoil(cell(Function::Send, Surface::Mobile, Mode::Refuse, 60)).expect("set");
    let error = world.say(Say::text(KAKAO, "minji", Some("family"), "가")).expect_err("refused");
    assert!(error.is_outage(), "{error}");
    let mut by_pc = Say::text(KAKAO, "minji", Some("family"), "나");
    by_pc.surface = Some(Surface::Pc);
    assert_eq!(world.say(by_pc).expect("PCs still work").state, "sent");
    clock.0.advance(60_000);
    say(&mut world, "minji", "다");
    let seen: Vec<_> = world.screen(KAKAO, "father").expect("screen");
    assert_eq!(seen.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["나", "다"]);
}

#[test]
fn what_is_held_back_shows_at_the_end_in_order_and_earlier_on_another_surface() {
    let clock = Still::default();
    let mut world = family_world(&clock, 1);
    world.spoil(cell(Function::Recv, Surface::Pc, Mode::Refuse, 60)).expect("set");
    say(&mut world, "grandmother", "하나");
    clock.0.advance(1_000);
    say(&mut world, "grandmother", "둘");
    // The mother has a PC only, the father a phone too.
    assert!(world.screen(KAKAO, "mother").expect("screen").is_empty());
    assert_eq!(world.screen(KAKAO, "father").expect("screen").len(), 2);
    clock.0.advance(100_000);
    let late = world.screen(KAKAO, "mother").expect("screen");
    assert_eq!(late.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["하나", "둘"]);
    assert!(late.iter().all(|line| line.shown_at.0 == desk::START_MS + 60_000));
    assert_eq!(world.screen(KAKAO, "father").expect("screen").len(), 2, "no double");
}

#[test]
fn a_backlog_may_come_reversed_doubled_or_not_at_all() {
    let expected: [(Backlog, &[&str]); 4] = [
        (Backlog::DeliverInOrder, &["1", "2", "3"]),
        (Backlog::Reorder, &["3", "2", "1"]),
        (Backlog::Lose, &[]),
        (Backlog::Dup, &["1", "1", "2", "2", "3", "3"]),
    ];
    for (backlog, texts) in expected {
        let clock = Still::default();
        let mut world = family_world(&clock, 1);
        let mut fault = cell(Function::Recv, Surface::Mobile, Mode::Refuse, 60);
        fault.backlog = Some(backlog);
        world.spoil(fault).expect("set");
        for text in ["1", "2", "3"] {
            say(&mut world, "father", text);
        }
        clock.0.advance(60_000);
        let seen = world.screen(KAKAO, "grandmother").expect("screen");
        assert_eq!(seen.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), texts);
    }
}

#[test]
fn a_blackhole_shows_only_to_the_author_and_a_delay_shows_later() {
    let clock = Still::default();
    let mut world = family_world(&clock, 1);
    world.spoil(cell(Function::Send, Surface::Mobile, Mode::Blackhole, 60)).expect("set");
    assert_eq!(say(&mut world, "minji", "사라짐").state, "lost");
    assert_eq!(world.screen(KAKAO, "minji").expect("screen").len(), 1);
    assert!(world.screen(KAKAO, "father").expect("screen").is_empty());
    world.heal();
    world.spoil(cell(Function::Send, Surface::Mobile, Mode::Delay { times: 50 }, 60)).expect("set");
    assert_eq!(say(&mut world, "minji", "늦음").state, "late");
    clock.0.advance(9_999);
    assert!(world.screen(KAKAO, "father").expect("screen").is_empty());
    clock.0.advance(1);
    assert_eq!(world.screen(KAKAO, "father").expect("screen").len(), 1);
}

#[test]
fn a_double_is_a_second_copy_for_others() {
    let clock = Still::default();
    let mut world = family_world(&clock, 1);
    let twice = Mode::Duplicate { chance: 1.0 };
    world.spoil(cell(Function::Send, Surface::Mobile, twice, 60)).expect("set");
    say(&mut world, "minji", "둘");
    let copies = |world: &mut World, user: &str| {
        let lines = world.screen(KAKAO, user).expect("screen");
        lines.iter().map(|line| line.copy).collect::<Vec<_>>()
    };
    assert_eq!(copies(&mut world, "minji"), [1]);
    assert_eq!(copies(&mut world, "father"), [1, 2]);
}

#[test]
fn a_share_by_user_leaves_the_others_alone() {
    let clock = Still::default();
    let mut world = family_world(&clock, 1);
    let mut fault = cell(Function::Recv, Surface::Mobile, Mode::Refuse, 60);
    fault.key = ShareKey::User;
    fault.only = vec!["grandmother".to_owned()];
    world.spoil(fault).expect("set");
    say(&mut world, "minji", "가");
    assert!(world.screen(KAKAO, "grandmother").expect("screen").is_empty());
    assert_eq!(world.screen(KAKAO, "father").expect("screen").len(), 1);
    world.heal();
    assert_eq!(world.screen(KAKAO, "grandmother").expect("screen").len(), 1);
}

#[test]
fn signing_in_fails_under_a_login_fault_and_what_came_meanwhile_shows_after() {
    let clock = Still::default();
    let mut world = family_world(&clock, 1);
    world.sign(KAKAO, "mother", Surface::Pc, false).expect("out");
    world.spoil(cell(Function::Login, Surface::Pc, Mode::Refuse, 60)).expect("set");
    assert!(world.sign(KAKAO, "mother", Surface::Pc, true).expect_err("spoiled").is_outage());
    say(&mut world, "minji", "가");
    assert!(world.screen(KAKAO, "mother").expect("screen").is_empty());
    clock.0.advance(60_000);
    world.sign(KAKAO, "mother", Surface::Pc, true).expect("in");
    assert_eq!(world.screen(KAKAO, "mother").expect("screen").len(), 1);
}

async fn send(desk: &Desk, text: &str) -> (http::StatusCode, serde_json::Value) {
    let token = format!("KakaoAK {}", desk.world().bot(KAKAO).token);
    let body = json!({
        "botGroupKey": native(desk, KAKAO, "family"),
        "skillResponse": { "version": "2.0", "template": {
            "outputs": [{ "simpleText": { "text": text } }] } },
    });
    let headers = [("authorization", token.as_str())];
    let (status, _, body) =
        post(&desk.routers.kakaotalk, "/v1/bot/send_message", &headers, body).await;
    (status, body)
}

#[tokio::test]
async fn our_bot_is_refused_swallowed_or_doubled() {
    let clock = Still::default();
    let desk = family_desk(&clock);
    desk.world().spoil(cell(Function::Send, Surface::Api, Mode::Refuse, 60)).expect("set");
    let (status, body) = send(&desk, "1").await;
    assert_eq!((status.as_u16(), &body["code"]), (503, &json!(-9798)));
    desk.world().heal();
    desk.world().spoil(cell(Function::Send, Surface::Api, Mode::Blackhole, 60)).expect("set");
    assert_eq!(send(&desk, "2").await.0, 200);
    desk.world().heal();
    let twice = Mode::Duplicate { chance: 1.0 };
    desk.world().spoil(cell(Function::Send, Surface::Api, twice, 60)).expect("set");
    assert_eq!(send(&desk, "3").await.0, 200);
    desk.world().heal();
    let mut accepted = cell(Function::Send, Surface::Api, Mode::Refuse, 60);
    accepted.after_accept = true;
    desk.world().spoil(accepted).expect("set");
    assert_eq!(send(&desk, "4").await.0, 503);
    assert_eq!(texts(&desk, KAKAO, "father"), ["3", "3", "4"]);
}

#[tokio::test]
async fn a_hanging_send_is_not_answered_and_a_slow_one_late() {
    let clock = Still::default();
    let desk = family_desk(&clock);
    desk.world()
        .spoil(cell(Function::Send, Surface::Api, Mode::Delay { times: 10 }, 60))
        .expect("set");
    let slow = send(&desk, "slow");
    tokio::pin!(slow);
    assert!(futures_util::poll!(&mut slow).is_pending());
    clock.0.advance(2_000);
    assert_eq!(slow.await.0, 200);
    desk.world().heal();
    desk.world().spoil(cell(Function::Send, Surface::Api, Mode::Hang, 60)).expect("set");
    let hung = send(&desk, "hung");
    tokio::pin!(hung);
    assert!(futures_util::poll!(&mut hung).is_pending());
    clock.0.advance(599_999);
    assert!(futures_util::poll!(&mut hung).is_pending());
    assert_eq!(texts(&desk, KAKAO, "father"), ["slow"]);
}

#[test]
fn k2_hits_a_room_on_every_surface_for_six_minutes() {
    let scenario = Scenario::named("K2").expect("K2");
    let mut hit = 0;
    for seed in 0..40 {
        let clock = Still::default();
        let mut world = family_world(&clock, seed);
        let start = world.now();
        world.play(&scenario, start);
        let by_phone = world.say(Say::text(KAKAO, "grandmother", Some("family"), "폰"));
        let mut on_pc = Say::text(KAKAO, "minji", Some("family"), "PC");
        on_pc.surface = Some(Surface::Pc);
        let by_pc = world.say(on_pc);
        assert_eq!(by_phone.is_err(), by_pc.is_err());
        assert_eq!(by_phone.is_err(), world.is_spoiled(KAKAO, Function::Send, "family"));
        hit += i32::from(by_phone.is_err());
        clock.0.advance(360_000);
        say(&mut world, "minji", "다시");
    }
    assert!((24..40).contains(&hit), "{hit} of 40");
}

#[test]
fn a_seed_gives_the_same_world_twice() {
    let play = |seed| {
        let clock = Still::default();
        let mut world = family_world(&clock, seed);
        let mut fault = cell(Function::Recv, Surface::Mobile, Mode::Duplicate { chance: 0.5 }, 60);
        fault.share = 0.5;
        world.spoil(fault).expect("set");
        for number in 0..50 {
            clock.0.advance(500);
            say(&mut world, "minji", &number.to_string());
        }
        let lines = world.screen(KAKAO, "grandmother").expect("screen");
        serde_json::to_string(&lines).expect("json")
    };
    assert_eq!(play(3), play(3));
}
