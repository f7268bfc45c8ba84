//! Clean journals pass; each spoiled one breaks the one rule that it is spoiled for.

use super::*;
use crate::delivery::{Label, Route};
use crate::directory::Endpoint;
use crate::ids::{AccountId, AddressId, ChatKey, NativeMessageId, PersonId};
use crate::message::{Author, Class};
use crate::outgoing::Scope;
use crate::time::Timestamp;

const AT: Timestamp = Timestamp(0);
const INSTEAD: Option<Label> = Some(Label::InsteadOf(crate::network::Network::KakaoTalk));

fn way(account: u64) -> Route {
    Route { account: AccountId(account), endpoint: Endpoint::Address(AddressId(account)) }
}

fn owed(delivery: u64, person: u64) -> Planned {
    Planned {
        delivery: DeliverySeq(delivery),
        recipient: Recipient::Person(PersonId(person)),
        route: Some(way(1)),
        held: false,
        stands_in_for: None,
        label: None,
    }
}

fn held(delivery: u64, person: u64) -> Planned {
    Planned { held: true, ..owed(delivery, person) }
}

fn id_of(number: u64) -> [u8; 32] {
    let mut id = [7; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    id
}

fn message(seq: u64, deliveries: Vec<Planned>) -> JournalEvent {
    JournalEvent::Admitted {
        at: AT,
        message: MessageSeq(seq),
        id: id_of(seq),
        conversation: ConversationId(1),
        author: Author::Hub,
        class: Class::Chat,
        deliveries,
    }
}

fn claim(delivery: u64, attempt: u32) -> JournalEvent {
    JournalEvent::Claimed { at: AT, delivery: DeliverySeq(delivery), attempt }
}

fn settled(delivery: u64, step: Step) -> JournalEvent {
    because(delivery, step, "accepted")
}

fn because(delivery: u64, step: Step, evidence: &str) -> JournalEvent {
    JournalEvent::Settled {
        at: AT,
        delivery: DeliverySeq(delivery),
        step,
        evidence: evidence.into(),
        plus: Vec::new(),
    }
}

fn with(event: JournalEvent, copies: Vec<Planned>) -> JournalEvent {
    let JournalEvent::Settled { at, delivery, step, evidence, .. } = event else {
        panic!("only a settlement plans more");
    };
    JournalEvent::Settled { at, delivery, step, evidence, plus: copies }
}

fn receipt(delivery: u64) -> JournalEvent {
    JournalEvent::Receipt { at: AT, delivery: DeliverySeq(delivery), read: true }
}

fn copied(message: u64) -> JournalEvent {
    JournalEvent::Copied {
        at: AT,
        message: MessageSeq(message),
        chat: ChatKey::new("c"),
        native: NativeMessageId::new("n"),
    }
}

fn sent() -> Step {
    Step::Sent { copies: Vec::new() }
}

fn part(part: u32) -> Step {
    Step::NextPart { copies: Vec::new(), part }
}

fn again(label: Option<Label>) -> Step {
    Step::RetryAt { at: AT, label }
}

fn moved(label: Option<Label>) -> Step {
    Step::NextRoute { route: way(2), label, at: AT }
}

fn hold(label: Option<Label>) -> Step {
    Step::Hold { label }
}

const UNSURE: Step = Step::Unsure { decide_at: AT };
const DEAD: Step = Step::Dead { scope: Scope::Message };

fn replayed(events: Vec<JournalEvent>) -> Audit {
    let mut audit = Audit::new();
    for (number, event) in (1..).zip(events) {
        let seq = JournalSeq(number);
        audit.replay(&JournalEntry { seq, event });
    }
    audit
}

/// The report when the store agrees with the journal.
fn report(events: Vec<JournalEvent>) -> AuditReport {
    let audit = replayed(events);
    let open: Vec<_> = audit.open.iter().map(|(seq, open)| (*seq, open.state)).collect();
    audit.finish(open.into_iter())
}

#[test]
fn an_empty_journal_is_clean() {
    assert_eq!(report(Vec::new()), AuditReport::default());
}

#[test]
fn a_day_with_everything_in_it_is_clean_and_counted() {
    let late = Some(Label::Late);
    let events = vec![
        JournalEvent::Opened { at: AT },
        message(1, vec![owed(1, 1), owed(2, 2), held(3, 3), owed(4, 4)]),
        copied(1),
        // One by a network that repeats by key: no claim is written.
        because(1, again(None), "unknown: time-out"),
        settled(1, sent()),
        // One in two parts, the second of which got no answer.
        claim(2, 1),
        settled(2, part(1)),
        claim(2, 2),
        because(2, UNSURE, "unknown: time-out"),
        because(2, again(Some(Label::Again)), "no answer in time"),
        claim(2, 3),
        settled(2, sent()),
        receipt(1),
        receipt(2),
        // One whose room went down: somebody gets it personally, the room later.
        with(
            because(4, hold(late), "deferred: 503"),
            vec![Planned { stands_in_for: Some(DeliverySeq(4)), label: INSTEAD, ..owed(5, 5) }],
        ),
        settled(5, sent()),
        message(2, vec![owed(6, 4), owed(7, 1)]),
        because(6, hold(late), "its route is down"),
        because(4, again(late), "its route is up again"),
        because(6, again(late), "its route is up again"),
        claim(4, 1),
        JournalEvent::Opened { at: AT },
        because(4, UNSURE, "the hub stopped during the attempt"),
        because(4, moved(INSTEAD), "no answer in time"),
        claim(4, 1),
        settled(4, sent()),
        claim(6, 1),
        because(6, DEAD, "refused: 403"),
        because(3, Step::Expired, "past its lifetime"),
        because(7, Step::Superseded, "went by another way"),
        message(3, vec![owed(8, 1), held(9, 2), owed(10, 3), owed(11, 6)]),
        claim(10, 1),
        claim(11, 1),
        because(11, UNSURE, "unknown: reset"),
    ];
    let report = report(events);
    assert_eq!(report.violations, []);
    assert!(report.clean());
    assert_eq!((report.messages, report.deliveries), (3, 11));
    assert_eq!((report.claims, report.receipts), (8, 2));
    let ended = Ended { sent: 4, labelled: 3, superseded: 1, expired: 1, dead: 1, withdrawn: 0 };
    assert_eq!(report.ended, ended);
    let open = StillOpen { queued: 1, attempting: 1, unsure: 1, held: 1 };
    assert_eq!(report.open, open);
}

/// The rule, the delivery that is blamed, and the journal.
type Spoiled = (Rule, Option<u64>, Vec<JournalEvent>);

fn one() -> JournalEvent {
    message(1, vec![owed(1, 1)])
}

fn waiting() -> JournalEvent {
    message(1, vec![held(1, 1)])
}

fn nowhere() -> JournalEvent {
    let route = None;
    message(1, vec![Planned { route, ..held(1, 1) }])
}

fn lost() -> Vec<Spoiled> {
    let no = || because(1, DEAD, "refused: 403");
    vec![
        (Rule::MessageGap, None, vec![one(), message(3, vec![])]),
        (Rule::DeliveryGap, Some(3), vec![one(), message(2, vec![owed(3, 2)])]),
        (Rule::NeverPlanned, Some(2), vec![one(), claim(2, 1)]),
        (Rule::NeverPlanned, Some(2), vec![one(), receipt(2)]),
        (Rule::AfterEnd, Some(1), vec![one(), settled(1, sent()), settled(1, sent())]),
        (Rule::AfterEnd, Some(1), vec![one(), no(), claim(1, 1)]),
        (Rule::IllegalStep, Some(1), vec![waiting(), settled(1, sent())]),
        (Rule::IllegalStep, Some(1), vec![waiting(), claim(1, 1)]),
        (Rule::IllegalStep, Some(1), vec![one(), settled(1, UNSURE), claim(1, 1)]),
        (Rule::WithoutRoute, Some(1), vec![nowhere(), settled(1, again(None))]),
        (Rule::WithoutEvidence, Some(1), vec![one(), because(1, Step::Expired, " ")]),
        (Rule::ReceiptUnsent, Some(1), vec![one(), receipt(1)]),
        (Rule::ReceiptUnsent, Some(1), vec![one(), no(), receipt(1)]),
        (Rule::CopyOfNothing, None, vec![one(), copied(2)]),
    ]
}

fn doubled() -> Vec<Spoiled> {
    let silence = |step| because(1, step, "unknown: reset");
    let repeated = JournalEvent::Admitted {
        at: AT,
        message: MessageSeq(2),
        id: id_of(1),
        conversation: ConversationId(1),
        author: Author::Hub,
        class: Class::Chat,
        deliveries: Vec::new(),
    };
    let decided = vec![one(), claim(1, 1), silence(UNSURE), settled(1, again(None)), claim(1, 2)];
    let at_once = vec![one(), claim(1, 1), silence(again(None)), claim(1, 2)];
    let mark_lost = vec![
        one(),
        settled(1, moved(INSTEAD)),
        settled(1, hold(None)),
        settled(1, again(None)),
        settled(1, sent()),
    ];
    let stand_in = with(settled(1, hold(Some(Label::Late))), vec![owed(2, 2)]);
    let back = vec![one(), settled(1, part(2)), settled(1, part(2))];
    let repeats = vec![one(), claim(1, 1), settled(1, again(None)), claim(1, 1)];
    vec![
        (Rule::MessageTwice, None, vec![one(), repeated]),
        (Rule::OwedTwice, Some(2), vec![message(1, vec![owed(1, 1), owed(2, 1)])]),
        (Rule::Unlabelled, Some(1), vec![one(), settled(1, moved(None))]),
        (Rule::Unlabelled, Some(1), decided),
        (Rule::Unlabelled, Some(1), at_once),
        (Rule::Unlabelled, Some(1), mark_lost),
        (Rule::Unlabelled, Some(2), vec![one(), stand_in]),
        (Rule::InFlightTwice, Some(1), vec![one(), claim(1, 1), claim(1, 2)]),
        (Rule::AttemptRepeated, Some(1), repeats),
        (Rule::PartBack, Some(1), back),
    ]
}

fn disordered() -> Vec<Spoiled> {
    let later = || message(2, vec![owed(2, 1)]);
    let overtaken = vec![one(), later(), claim(1, 1), settled(2, sent())];
    vec![
        (Rule::OutOfOrder, Some(2), vec![one(), later(), claim(2, 1)]),
        (Rule::OutOfOrder, Some(2), overtaken),
        (Rule::OutOfOrder, Some(2), [run(), vec![settled(2, sent())]].concat()),
        (Rule::OutOfOrder, Some(3), [run(), vec![settled(1, again(None)), claim(3, 1)]].concat()),
    ]
}

/// Three of one lane, two of them claimed at once.
fn run() -> Vec<JournalEvent> {
    let later = |number| message(number, vec![owed(number, 1)]);
    vec![one(), later(2), later(3), claim(1, 1), claim(2, 1)]
}

#[test]
fn a_run_of_a_lane_ends_in_its_order() {
    let good = [settled(1, sent()), settled(2, sent()), claim(3, 1), settled(3, sent())];
    assert_eq!(report([run(), good.to_vec()].concat()).violations, []);
    let broken = [settled(1, again(None)), settled(2, again(None)), claim(1, 2), claim(2, 2)];
    assert_eq!(report([run(), broken.to_vec()].concat()).violations, []);
}

#[test]
fn each_spoiled_journal_breaks_its_one_rule() {
    for (rule, delivery, events) in [lost(), doubled(), disordered()].concat() {
        let last = JournalSeq(events.len() as u64);
        let shown = format!("{rule:?} in {events:#?}");
        let found = report(events);
        let expected = Violation {
            journal: last,
            delivery: delivery.map(DeliverySeq),
            rule,
            promise: rule.promise(),
        };
        assert_eq!(found.violations, [expected], "{shown}");
        assert_eq!(found.violations_found, 1);
    }
}

#[test]
fn a_missing_or_repeated_entry_is_a_gap() {
    for numbers in [[2, 3], [1, 3], [1, 1]] {
        let mut audit = Audit::new();
        for number in numbers {
            let seq = JournalSeq(number);
            audit.replay(&JournalEntry { seq, event: JournalEvent::Opened { at: AT } });
        }
        assert_eq!(audit.after(), JournalSeq(numbers[1]));
        let report = audit.finish(std::iter::empty());
        let rules: Vec<Rule> = report.violations.iter().map(|found| found.rule).collect();
        assert_eq!(rules, [Rule::JournalGap], "{numbers:?}");
    }
}

#[test]
fn the_store_must_hold_what_the_journal_left_open() {
    let cases = [
        (vec![(1, State::Attempting), (2, State::Held)], vec![]),
        (vec![(2, State::Held), (1, State::Queued)], vec![]),
        (vec![(1, State::Queued)], vec![(2, Rule::MissingInStore)]),
        (vec![(1, State::Queued), (2, State::Queued)], vec![(2, Rule::StateDiffers)]),
        (
            vec![(1, State::Queued), (2, State::Held), (3, State::Queued)],
            vec![(3, Rule::OpenInStoreAlone)],
        ),
    ];
    for (store, expected) in cases {
        let journal = vec![message(1, vec![owed(1, 1), held(2, 2)])];
        let open = store.into_iter().map(|(seq, state)| (DeliverySeq(seq), state));
        let report = replayed(journal).finish(open);
        let found: Vec<_> = report.violations.iter().map(|one| (one.delivery, one.rule)).collect();
        let expected: Vec<_> =
            expected.into_iter().map(|(seq, rule)| (Some(DeliverySeq(seq)), rule)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_report_of_a_ruin_stays_small_and_goes_through_json() {
    let events = (0..1_000).map(|_| claim(9, 1)).collect();
    let report = report(events);
    assert_eq!(report.violations_found, 1_000);
    assert_eq!(report.violations.len(), VIOLATIONS_KEPT_MAX);
    assert!(!report.clean());
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains(r#"{"journal":1,"delivery":9,"rule":"never_planned","promise":1}"#));
    assert_eq!(serde_json::from_str::<AuditReport>(&json).unwrap(), report);
}

#[test]
fn ended_deliveries_are_forgotten() {
    let mut audit = Audit::new();
    let mut number = 0;
    for seq in 1..=2_000 {
        for event in [message(seq, vec![owed(seq, seq)]), settled(seq, sent())] {
            number += 1;
            let seq = JournalSeq(number);
            audit.replay(&JournalEntry { seq, event });
        }
    }
    assert!(audit.open.is_empty() && audit.lanes.is_empty() && audit.unsent.is_empty());
    assert!(audit.finish(std::iter::empty()).clean());
}

#[test]
fn ids_are_compared_with_the_recent_past_in_bounded_memory() {
    let minimum = IDS_COMPARED_MIN as u64;
    let mut ids = LatestIds::default();
    for number in 0..2 * minimum {
        assert!(ids.insert(&id_of(number)));
    }
    assert!(ids.young.len() + ids.old.len() <= 2 * IDS_COMPARED_MIN);
    assert!(!ids.insert(&id_of(2 * minimum - 1)));
    assert!(!ids.insert(&id_of(minimum)), "the older generation");
    assert!(ids.insert(&id_of(0)), "forgotten");
}

#[test]
fn nothing_is_taken_back_unless_somebody_changed_something_since() {
    let changed = |entity: &str| JournalEvent::Changed { at: AT, entity: entity.into(), id: 1 };
    let back = |seq| because(seq, Step::Withdrawn, "blocks the author");
    for (events, expected) in [
        (vec![one(), changed("card"), back(1)], None),
        (vec![waiting(), changed("conversation"), back(1)], None),
        (vec![one(), back(1)], Some(Rule::TakenBackByNobody)),
        (vec![changed("person"), one(), back(1)], Some(Rule::TakenBackByNobody)),
        (vec![one(), changed("tally"), back(1)], Some(Rule::TakenBackByNobody)),
        (vec![one(), changed("terms"), back(1), claim(1, 1)], Some(Rule::AfterEnd)),
        (vec![one(), changed("terms"), back(1), receipt(1)], Some(Rule::ReceiptUnsent)),
    ] {
        let report = report(events);
        assert_eq!(report.violations.first().map(|found| found.rule), expected);
        assert_eq!(report.ended.withdrawn, 1);
    }
}

const DOUBTED: Step = Step::Doubted { conversation: ConversationId(1) };

fn second(delivery: u64, of: u64) -> Planned {
    Planned { stands_in_for: Some(DeliverySeq(of)), label: INSTEAD, ..owed(delivery, 1) }
}

#[test]
fn what_was_sent_may_be_doubted_and_owed_again() {
    let events = vec![
        one(),
        claim(1, 1),
        settled(1, sent()),
        with(because(1, DOUBTED, "taken, not delivered"), vec![second(2, 1)]),
        claim(2, 1),
        settled(2, sent()),
        receipt(1),
    ];
    let report = report(events);
    assert_eq!(report.violations, []);
    assert_eq!((report.doubted, report.deliveries, report.ended.sent), (1, 2, 2));
    assert_eq!(report.ended.labelled, 1);
}

#[test]
fn doubt_of_what_was_never_sent_or_for_nothing_is_found() {
    let sent_one = || vec![one(), claim(1, 1), settled(1, sent())];
    let doubted = |copies| with(because(1, DOUBTED, "taken, not delivered"), copies);
    let plain = Planned { label: None, ..second(2, 1) };
    let other = Planned { stands_in_for: Some(DeliverySeq(9)), ..second(2, 1) };
    let wrong: [(Rule, Vec<JournalEvent>); 6] = [
        (Rule::DoubtUnsent, vec![one(), doubted(vec![second(2, 1)])]),
        (Rule::DoubtUnsent, vec![one(), settled(1, DEAD), doubted(vec![second(2, 1)])]),
        (Rule::NeverPlanned, vec![doubted(vec![second(2, 1)])]),
        (Rule::DoubtForNothing, [sent_one(), vec![doubted(vec![])]].concat()),
        (Rule::DoubtForNothing, [sent_one(), vec![doubted(vec![other])]].concat()),
        (Rule::Unlabelled, [sent_one(), vec![doubted(vec![plain])]].concat()),
    ];
    for (rule, events) in wrong {
        let found: Vec<Rule> = report(events).violations.iter().map(|one| one.rule).collect();
        assert!(found.contains(&rule), "{rule:?}: {found:?}");
    }
}
