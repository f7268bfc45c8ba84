//! Mailboxes that are numbered anew, that give letters late or never, and that talk out of turn.

use super::*;

const OPEN: &str =
    "* 2 EXISTS\r\n* OK [UIDVALIDITY 5] x\r\n* OK [UIDNEXT 10] x\r\nieum OK open\r\n";
const READY: [&str; 2] = ["* OK ready\r\n", "ieum OK in\r\n"];
const NOTHING: &str = "* SEARCH\r\nieum OK done\r\n";
const IDLING: &str = "+ idling\r\n";

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn top(uid: u32) -> &'static str {
    leaked(format!("* SEARCH {uid}\r\nieum OK done\r\n"))
}

/// The answer to a fetch of one letter; `beside` is told in the middle of it.
fn given(uid: u32, beside: &str) -> &'static str {
    let text = letter("", "안녕").replace("<m1@", &format!("<m{uid}@"));
    let bytes = text.len();
    leaked(format!(
        "* 2 FETCH (UID {uid} BODY[]<0> {{{bytes}}}\r\n{text})\r\n{beside}ieum OK done\r\n"
    ))
}

/// What the hub kept, and what it said, until the script ran out.
fn listened(cursor: &str, connections: &[&[&'static str]]) -> (Kept, Vec<String>) {
    let opened: Vec<Vec<_>> =
        connections.iter().map(|answers| [&READY[..], answers].concat()).collect();
    let opened: Vec<&[_]> = opened.iter().map(Vec::as_slice).collect();
    let (mail, server) = connector(&opened);
    let inbox = Kept::default();
    let listening = mail.listen(&inbox, Some(Cursor::new(cursor)));
    assert_eq!(futures_util::FutureExt::now_or_never(listening), None);
    let said = server.said.lock().unwrap();
    let said = said.iter().filter(|said| !said.contains("LOGIN")).cloned().collect();
    (inbox, said)
}

fn searches(said: &[String]) -> Vec<&str> {
    let searches = said.iter().filter_map(|said| said.strip_prefix("ieum UID SEARCH UID "));
    searches.map(str::trim_end).filter(|search| *search != "*").collect()
}

fn cursors(inbox: &Kept) -> Vec<String> {
    let delivered = inbox.delivered();
    delivered.iter().map(|(_, cursor)| cursor.as_ref().unwrap().as_str().to_owned()).collect()
}

#[test]
fn a_mailbox_that_is_numbered_anew_is_read_for_some_days_only() {
    let (inbox, said) = listened("4:700", &[&[OPEN, top(11), top(8), given(8, ""), NOTHING]]);
    let since = "SINCE 10-Nov-2025 SENTSINCE 10-Nov-2025";
    assert_eq!(searches(&said), [format!("1:9 {since}").as_str(), "10:11"]);
    assert_eq!(cursors(&inbox), ["5:0:9:20402", "5:8:9:20402", "5:9", "5:11"]);
}

#[test]
fn what_is_left_of_a_second_reading_is_still_one_after_a_restart() {
    let (_, said) = listened("5:3:9:20402", &[&[OPEN, top(9), NOTHING]]);
    assert_eq!(searches(&said), ["4:9 SINCE 10-Nov-2025 SENTSINCE 10-Nov-2025"]);
}

#[test]
fn a_large_mailbox_is_asked_about_in_windows() {
    let (inbox, said) = listened("5:0", &[&[OPEN, top(2_500), NOTHING, NOTHING, NOTHING]]);
    assert_eq!(searches(&said), ["1:1000", "1001:2000", "2001:2500"]);
    assert_eq!(cursors(&inbox), ["5:1000", "5:2000", "5:2500"]);
}

#[test]
fn a_server_that_tells_no_next_number_is_not_read_from_the_beginning() {
    let open = "* OK [UIDVALIDITY 5] x\r\nieum OK open\r\n";
    let (inbox, _) = listened("no place", &[&[open, top(41), top(41)]]);
    assert_eq!(cursors(&inbox), ["5:41"]);
}

#[test]
fn a_letter_that_is_not_given_is_asked_for_again() {
    let refused = "ieum NO [SERVERBUG] later\r\n";
    let first = [OPEN, top(9), top(9), refused];
    let (inbox, said) = listened("5:8", &[&first, &[OPEN, top(9), top(9), given(9, "")]]);
    assert_eq!(said.iter().filter(|said| said.contains("FETCH 9")).count(), 2);
    let delivered = inbox.delivered();
    assert_eq!(delivered.len(), 1);
    assert_eq!(delivered[0].0.events.len(), 1, "it is read when it is given");
    assert!(inbox.pulses().iter().any(|pulse| matches!(pulse,
        Pulse::Bad { reason } if reason == "the mailbox does not give letter 9")));
}

#[test]
fn a_letter_that_is_never_given_is_counted_and_told_of() {
    let refused = [OPEN, top(9), top(9), "ieum NO [SERVERBUG] never\r\n"];
    let (inbox, said) = listened("5:8", &[&refused[..]; 20]);
    assert_eq!(said.iter().filter(|said| said.contains("FETCH 9")).count(), 20);
    let unreadable = Arrival { events: Vec::new(), ignored: 1 };
    assert_eq!(inbox.delivered(), [(unreadable, Some(Cursor::new("5:9")))]);
    assert!(inbox.pulses().iter().any(|pulse| matches!(pulse, Pulse::Refused { .. })));
}

#[test]
fn a_search_that_is_refused_moves_nothing() {
    for answers in [[OPEN, "ieum NO x\r\n", NOTHING], [OPEN, top(9), "ieum BAD x\r\n"]] {
        let (inbox, _) = listened("5:8", &[&answers]);
        assert_eq!(inbox.delivered(), []);
        assert!(matches!(inbox.pulses()[..], [Pulse::Good { .. }, Pulse::Bad { .. }]));
    }
}

#[test]
fn a_letter_that_is_told_of_out_of_turn_is_read_at_once() {
    let told = "* 3 EXISTS\r\n";
    let beside_search = leaked(format!("* SEARCH 9\r\n{told}ieum OK done\r\n"));
    let beside_idle = leaked(format!("{told}{IDLING}"));
    for (answers, case) in [
        (&[OPEN, beside_search, given(9, ""), top(9)][..], "beside the last letter's number"),
        (&[OPEN, top(9), beside_search, given(9, ""), top(10), top(10), given(10, "")], "search"),
        (&[OPEN, top(9), top(9), given(9, told), top(10), top(10), given(10, "")], "fetch"),
    ] {
        let (_, said) = listened("5:8", &[answers]);
        let read_again = said.iter().filter(|said| said.contains("UID SEARCH UID *")).count();
        let idle = said.iter().position(|said| said.contains("IDLE")).unwrap_or(said.len());
        let last = said.iter().rposition(|said| said.contains("SEARCH UID *")).unwrap();
        assert!(read_again >= 2 || case.starts_with("beside"), "{case}: {said:?}");
        assert!(last < idle, "{case}: {said:?}");
    }
    let (_, said) = listened("5:9", &[&[OPEN, top(9), beside_idle, "idle OK\r\n", top(10)]]);
    let after: Vec<&str> = said.iter().skip(2).map(|said| said.trim_end()).collect();
    assert_eq!(after[..3], ["idle IDLE", "DONE", "ieum UID SEARCH UID *"]);
}

/// The script's clock moves by the whole patience with every chunk that is waited for.
#[test]
fn a_chatty_server_does_not_keep_us_in_idle() {
    let script = [READY[0], READY[1], OPEN, top(9), IDLING];
    let (mail, server) = connector(&[&script]);
    server.chatters.store(true, Ordering::SeqCst);
    let inbox = Kept::default();
    let listening = mail.listen(&inbox, Some(Cursor::new("5:9")));
    assert_eq!(futures_util::FutureExt::now_or_never(listening), None);
    let said = server.said.lock().unwrap().clone();
    assert_eq!(said.last().map(|said| said.trim_end()), Some("DONE"));
}
