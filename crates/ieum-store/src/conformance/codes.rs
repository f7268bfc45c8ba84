//! One-time codes: what is used stays used, what was counted stays counted, whatever crashes.

use super::sample::*;
use super::{Bench, wait};
use ieum_core::directory::{Change, Directory, Gone};
use ieum_core::ids::{AddressId, JournalSeq, PersonId};
use ieum_core::journal::JournalEvent;
use ieum_core::people::code::CodeId;
use ieum_core::people::passkeys::PasskeyId;
use ieum_core::people::sessions::Door;
use ieum_core::ports::store::Store;
use ieum_core::time::Timestamp;

fn change(store: &dyn Store, changes: &[Change]) {
    wait(store.change(Timestamp(3), changes.to_vec())).unwrap();
}

fn loaded(store: &dyn Store) -> Directory {
    wait(store.load(Timestamp(9))).unwrap().directory
}

#[test]
fn a_code_and_a_count_survive_a_crash_as_they_were() {
    for mut bench in Bench::both() {
        change(bench.store(), &[code(1), tally(1)]);
        bench.crash();
        let mut same = Directory::default();
        same.apply(code(1));
        same.apply(tally(1));
        let found = loaded(bench.store());
        assert_eq!(format!("{:?}", found.codes()), format!("{:?}", same.codes()));
    }
}

#[test]
fn a_used_code_is_never_there_again() {
    for mut bench in Bench::both() {
        change(bench.store(), &[code(1), code(2), tally(1)]);
        change(bench.store(), &[Change::Gone(Gone::Code(CodeId(1)))]);
        bench.crash();
        let found = loaded(bench.store());
        assert_eq!(found.codes().waiting().map(|code| code.id).collect::<Vec<_>>(), [CodeId(2)]);
        assert_eq!(found.codes().counted(), 1);
    }
}

#[test]
fn stays_and_questions_survive_a_crash_until_they_are_over() {
    for mut bench in Bench::both() {
        change(bench.store(), &[stay(1), stay(2), question(1), question(2)]);
        let gone = [Gone::Stay(PersonId(1)), Gone::Question(AddressId(2))];
        change(bench.store(), &gone.map(Change::Gone));
        bench.crash();
        let found = loaded(bench.store());
        assert_eq!(found.stays().of(PersonId(1)), None);
        assert_eq!(found.stays().of(PersonId(2)).map(Change::Stay), Some(stay(2)));
        let asked = |id| found.question_to(AddressId(id)).copied().map(Change::Question);
        assert_eq!((asked(1), asked(2)), (Some(question(1)), None));
    }
}

#[test]
fn handles_and_contacts_survive_a_crash() {
    for mut bench in Bench::both() {
        change(bench.store(), &[card(1), card(2)]);
        bench.crash();
        let found = loaded(bench.store());
        let of = |id| found.cards().of(PersonId(id)).cloned().map(Change::Card);
        assert_eq!((of(1), of(2)), (Some(card(1)), Some(card(2))));
    }
}

#[test]
fn who_is_signed_in_stays_so_through_a_crash_and_who_left_stays_out() {
    for mut bench in Bench::both() {
        change(bench.store(), &[door(1), door(2)]);
        let Change::Door(two) = door(2) else { unreachable!() };
        let mark = two.sessions[0].mark;
        change(bench.store(), &[Change::Door(Door { sessions: Vec::new(), ..two })]);
        bench.crash();
        let found = loaded(bench.store());
        assert_eq!(found.doors().of(PersonId(1)).cloned().map(Change::Door), Some(door(1)));
        assert_eq!(found.doors().person_in(mark, Timestamp(9)), None);
        assert_eq!(found.doors().of(PersonId(2)).map(|door| door.visits.len()), Some(3));
        change(bench.store(), &[door_with_passkey(3), door_with_device(4)]);
        bench.crash();
        let found = loaded(bench.store());
        let passkey = PasskeyId(vec![3; 40].into());
        assert_eq!(found.doors().passkey(&passkey).map(|one| one.0), Some(PersonId(3)));
        assert_eq!(found.doors().hears_at("https://push.example/4"), Some(PersonId(4)));
        assert_eq!(
            found.doors().of(PersonId(4)).cloned().map(Change::Door),
            Some(door_with_device(4))
        );
    }
}

#[test]
fn a_new_code_of_the_same_number_replaces_the_old_one_and_its_mark() {
    for mut bench in Bench::both() {
        let Change::Code(other) = code(2) else { unreachable!() };
        let replaced = Change::Code(ieum_core::people::code::Code { id: CodeId(1), ..other });
        change(bench.store(), &[code(1), replaced.clone()]);
        bench.reopen();
        let found = loaded(bench.store());
        let waiting: Vec<_> = found.codes().waiting().cloned().map(Change::Code).collect();
        assert_eq!(waiting, [replaced]);
    }
}

#[test]
fn the_journal_tells_that_something_happened_but_no_ticket() {
    for bench in Bench::both() {
        change(bench.store(), &[code(77), tally(77)]);
        let journal = wait(bench.store().page_journal(JournalSeq(0), 10)).unwrap();
        let told: Vec<_> = journal.iter().map(|entry| &entry.event).collect();
        let changed =
            |entity: &str| JournalEvent::Changed { at: Timestamp(3), entity: entity.into(), id: 0 };
        assert_eq!(told, [&changed("code"), &changed("tally")]);
    }
}
