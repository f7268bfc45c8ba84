//! Rooms that have forgotten us, that do not answer, and whose archives do not know the place.

use super::rooms::{ARCHIVED, body, enter, fin, in_room, info, kept, message, presence, result};
use super::*;
use ieum_core::outgoing::Scope;
use proptest::prelude::*;

fn error(kind: &str, id: &str, from: &str, condition: &str) -> String {
    format!(
        "<{kind} type='error' id='{id}' from='{from}' to='{US}'><error type='cancel'>\
         <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></{kind}>"
    )
}

fn passes(town: &mut Town<'_>, ms: u64) {
    town.desk.now = town.desk.now.plus_ms(ms);
    town.desk.tick();
}

/// In the room for a long time, in which it said something now and then.
fn settled(config: &XmppConfig) -> Town<'_> {
    let mut town = rooms::town(config, None, "", "");
    town.events();
    town.writes();
    town.desk.now = NOW.plus_ms(600_000);
    town.hears(&message("alice", "a0", "s0", &body("그럼")));
    town.events();
    town
}

#[test]
fn a_room_that_has_forgotten_us_is_entered_at_once_and_the_order_kept() {
    let config = config();
    let mut town = settled(&config);
    let mut waiting = town.asks(in_room(1, "안녕"));
    let mut behind = town.asks(in_room(2, "또"));
    assert!(town.writes().contains("안녕"));
    town.hears(&error("message", &id(1), ROOM, "not-acceptable"));
    town.hears(&error("message", &id(2), ROOM, "not-acceptable"));
    assert_eq!((told(&mut waiting), told(&mut behind)), (None, None));
    enter(&mut town, true, "", "");
    let written = town.writes();
    let (first, second) = (written.find("안녕").unwrap(), written.find("또").unwrap());
    assert!(first < second, "in their order: {written}");
    town.hears(&message("이음", &id(1), "s1", &body("안녕")));
    let author = format!("{ROOM}/이음");
    assert_eq!(told(&mut waiting), Some(desk::accepted("s1", Some(&author))));
    assert_eq!(told(&mut behind), None);
}

#[test]
fn what_the_room_took_before_it_forgot_us_is_not_written_again() {
    let config = config();
    let mut town = settled(&config);
    let mut waiting = town.asks(in_room(1, "안녕"));
    let mut refused = town.asks(in_room(2, "또"));
    town.writes();
    // The first one was taken, and its answer lost with the room's server.
    town.hears(&error("message", &id(2), ROOM, "not-acceptable"));
    enter(&mut town, true, &kept("s1", "이음", &id(1), &body("안녕")), "");
    let author = format!("{ROOM}/이음");
    assert_eq!(told(&mut waiting), Some(desk::accepted("s1", Some(&author))));
    assert_eq!(told(&mut refused), None);
    let written = town.writes();
    assert!(!written.contains("안녕") && written.contains("또"), "{written}");
}

#[test]
fn a_room_that_takes_nothing_although_we_are_in_has_the_last_word() {
    let config = config();
    let mut town = settled(&config);
    let mut waiting = town.asks(in_room(1, "안녕"));
    town.writes();
    let mut entered = 0;
    let outcome = loop {
        town.hears(&error("message", &id(1), ROOM, "not-acceptable"));
        if let Some(outcome) = told(&mut waiting) {
            break outcome;
        }
        if entered > 0 {
            assert_eq!(town.writes(), "", "not at once again");
            passes(&mut town, 30_000);
        }
        enter(&mut town, true, "", "");
        town.writes();
        entered += 1;
        assert!(entered < 10, "for ever");
    };
    assert_eq!(entered, 4);
    assert!(matches!(outcome, Outcome::Refused { scope: Scope::Recipient, .. }), "{outcome:?}");
}

#[test]
fn other_refusals_are_answers() {
    for condition in ["forbidden", "policy-violation", "item-not-found"] {
        let config = config();
        let mut town = settled(&config);
        let mut waiting = town.asks(in_room(1, "안녕"));
        town.writes();
        town.hears(&error("message", &id(1), ROOM, condition));
        assert!(matches!(told(&mut waiting), Some(Outcome::Refused { .. })), "{condition}");
        assert_eq!(town.writes(), "", "{condition}");
    }
}

#[test]
fn no_step_of_entering_is_waited_for_without_a_limit() {
    for answered in 0..4 {
        let config = config();
        let place = Cursor::new(format!("{{\"{ROOM}\":\"s1\"}}"));
        let mut town = Town::new(&config, Some(&place));
        let mut waiting = town.asks(in_room(1, "안녕"));
        let mut asked = town.question();
        if answered >= 1 {
            town.hears(&result(&asked, &info(ARCHIVED)));
            town.writes();
        }
        if answered >= 2 {
            town.hears(&presence("이음", US, &["110"]));
            asked = town.question();
        }
        if answered >= 3 {
            town.hears(&result(&asked, &fin(true)));
            asked = town.question();
        }
        passes(&mut town, 19_999);
        assert_eq!(town.writes(), "", "{answered}: there is time");
        passes(&mut town, 1);
        // The late answer to what is not asked any more is none.
        let written = town.writes();
        assert!(written.contains("disco#info"), "{answered}: {written}");
        town.hears(&result(&asked, &fin(true)));
        assert_eq!(town.writes(), "", "{answered}");
        passes(&mut town, 20_000);
        passes(&mut town, 1_000);
        enter(&mut town, true, "", "");
        assert!(town.writes().contains("안녕"), "{answered}");
        assert_eq!(told(&mut waiting), None);
    }
}

#[test]
fn a_speaker_whom_nobody_answers_enters_again() {
    let config = config();
    let mut town = settled(&config);
    let mut waiting = town.asks(as_speaker(in_room(1, "안녕"), "Kim"));
    assert!(town.writes().contains("/Kim"));
    passes(&mut town, 20_000);
    assert!(town.writes().contains("/Kim"));
    town.hears(&presence("Kim", "kim.guest@gate.test/ieum", &["110"]));
    assert!(town.writes().contains("안녕"));
    assert_eq!(told(&mut waiting), None);
}

#[test]
fn a_silent_room_is_asked_whether_we_are_in_it() {
    let occupant = format!("{ROOM}/이음");
    for (answer, again) in [
        (None, true),
        (Some(""), false),
        (Some("service-unavailable"), false),
        (Some("feature-not-implemented"), false),
        (Some("item-not-found"), false),
        (Some("not-acceptable"), true),
        (Some("not-allowed"), true),
        (Some("remote-server-timeout"), false),
    ] {
        let config = config();
        let mut town = settled(&config);
        passes(&mut town, 179_999);
        assert_eq!(town.writes(), "");
        passes(&mut town, 1);
        let written = town.desk.take_output();
        let asked = stanzas(&written).into_iter().next().unwrap();
        assert_eq!(asked.get("to"), Some(&*occupant), "{written}");
        assert!(asked.find("ping", wire::PING).is_some(), "{written}");
        let id = asked.get("id").unwrap().to_owned();
        match answer {
            None => passes(&mut town, 20_000),
            Some("") => drop(
                town.hears(&format!("<iq type='result' id='{id}' from='{occupant}' to='{US}'/>")),
            ),
            Some(condition) => drop(town.hears(&error("iq", &id, &occupant, condition))),
        }
        let written = town.writes();
        assert_eq!(written.contains("disco#info"), again, "{answer:?}: {written}");
        passes(&mut town, 30_000);
        let soon = town.writes().contains(wire::PING);
        assert_eq!(soon, answer == Some("remote-server-timeout"), "{answer:?}");
    }
}

#[test]
fn a_room_in_which_people_talk_is_not_asked() {
    let config = config();
    let mut town = settled(&config);
    for number in 0..10 {
        passes(&mut town, 100_000);
        let native = format!("n{number}");
        town.hears(&message("alice", &native, &native, &body("또")));
    }
    assert_eq!(town.writes(), "");
}

/// Plays an archive of messages `n0` and on, `apart_ms` apart up to now, that forgot the place.
fn read_back(count: usize, apart_ms: u64) -> Vec<String> {
    const PAGE: usize = 100;
    let config = config();
    let mut town = Town::new(&config, Some(&Cursor::new(format!("{{\"{ROOM}\":\"gone\"}}"))));
    let asked = town.question();
    town.hears(&result(&asked, &info(ARCHIVED))).hears(&presence("이음", US, &["110"]));
    let asked = town.question();
    town.hears(&error("iq", &asked, ROOM, "item-not-found"));
    let said_at = |number: usize| {
        let ago = apart_ms * u64::try_from(count - number).unwrap();
        read::stamp(Timestamp(NOW.0.saturating_sub_unsigned(ago))).unwrap()
    };
    loop {
        let written = town.desk.take_output();
        let Some(asked) = stanzas(&written).pop().filter(|asked| asked.name() == "iq") else {
            break;
        };
        let before = written.split("<before>").nth(1).and_then(|rest| rest.split('<').next());
        let before = before.unwrap_or_default().trim_start_matches('n');
        let end = before.parse().unwrap_or(count);
        let first = end.saturating_sub(PAGE);
        for number in first..end {
            let name = format!("n{number}");
            let one = kept(&name, "alice", &name, &body("말"));
            town.hears(&one.replace("2025-11-24T15:00:00.250Z", &said_at(number)));
        }
        town.hears(&result(asked.get("id").unwrap(), &fin(first == 0)));
    }
    let said = town.said();
    said.iter().map(|line| line.split(' ').nth(2).unwrap().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn an_archive_that_forgot_the_place_is_read_back_in_order(count in 0usize..600) {
        let expected: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        prop_assert_eq!(read_back(count, 1_000), expected);
    }
}

#[test]
fn reading_back_has_limits() {
    let said = read_back(2_350, 1_000);
    assert_eq!((said.len(), &*said[0], said.last().unwrap().as_str()), (2_000, "n350", "n2349"));
    let day_ms = 86_400_000;
    let said = read_back(400, day_ms / 10);
    assert_eq!((said.len(), &*said[0]), (140, "n260"), "fourteen days");
}
