//! Properties and tables of marks: nothing of a text is lost, and every mark lies on its words.

use super::*;
use proptest::prelude::*;

fn mark(start: usize, end: usize, kind: MarkKind<Whom>) -> Mark<Whom> {
    Mark::new(start..end, kind)
}

fn kind() -> impl Strategy<Value = MarkKind<Whom>> {
    prop_oneof![
        Just(MarkKind::Quote),
        Just(MarkKind::Pre),
        Just(MarkKind::Bold),
        Just(MarkKind::Italic),
        Just(MarkKind::Strike),
        Just(MarkKind::Code),
        (1_u64..4).prop_map(|id| MarkKind::Mention(Whom::Person(PersonId(id)))),
        (1_u64..4).prop_map(|id| MarkKind::Mention(Whom::Address(AddressId(id)))),
        Just(MarkKind::Link("https://example.org/a_(b)".into())),
        Just(MarkKind::Link("javascript:alert(1)".into())),
    ]
}

/// Texts of what markdown, line breaks and wide characters make hard, and marks anywhere.
fn marked() -> impl Strategy<Value = (String, Vec<Mark<Whom>>)> {
    let letter = prop_oneof![
        4 => prop::sample::select(vec!['a', 'b', '가', '😀', '1', ' ']),
        3 => prop::sample::select(vec!['\n', '*', '_', '`', '~', '[', ']', '(', ')', '>', '\\']),
        1 => prop::sample::select(vec!['#', '-', '+', '=', '.', '!', '<', '&', '|', '\r', '\t']),
    ];
    prop::collection::vec(letter, 0..24).prop_flat_map(|letters| {
        let text: String = letters.iter().collect();
        let borders: Vec<usize> =
            text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let border = prop::sample::select(borders);
        let one = (border.clone(), border, kind())
            .prop_map(|(one, other, kind)| mark(one.min(other), one.max(other), kind));
        prop::collection::vec(one, 0..6).prop_map(move |marks| (text.clone(), marks))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again((text, marks) in marked()) {
        let marks = tidy(&text, marks);
        let markdown = write(&text, &marks);
        prop_assert_eq!(read(&markdown), Some((text, marks)), "{:?}", markdown);
    }

    #[test]
    fn tidy_is_tidy_and_lies_in_the_text((text, marks) in marked()) {
        let once = tidy(&text, marks);
        for mark in &once {
            prop_assert!(mark.start < mark.end && text.get(mark.start..mark.end).is_some());
        }
        prop_assert_eq!(tidy(&text, once.clone()), once);
    }

    #[test]
    fn any_text_is_read_or_not_and_never_panics(text in "[\\[\\]()*_~`>\\\\ \n가a:/]{0,40}") {
        if let Some((words, marks)) = read(&text) {
            prop_assert!(words.len() <= text.len());
            prop_assert_eq!(tidy(&words, marks.clone()), marks);
        }
    }

    #[test]
    fn pieces_keep_their_marks_on_the_same_words((text, marks) in marked(), at in 0_usize..30) {
        let marks = tidy(&text, marks);
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let at = end_around(&marks, 0, at);
        let first_is_torn =
            |mark: &Mark<Whom>| mark.kind.is_whole() && mark.start == 0 && mark.end > at;
        prop_assume!(!marks.iter().any(first_is_torn));
        let (first, second) = text.split_at(at);
        let pieces = [(first, within(&marks, 0..at)), (second, within(&marks, at..text.len()))];
        for (piece, marks) in &pieces {
            prop_assert!(marks.iter().all(|mark| !mark.of(piece).is_empty()));
        }
        let calls = |marks: &[Mark<Whom>]| {
            marks.iter().filter(|mark| mark.kind.is_whole()).count()
        };
        let apart: usize = pieces.iter().map(|(_, marks)| calls(marks)).sum();
        prop_assert_eq!(apart, calls(&marks));
    }
}

#[test]
fn markdown_is_what_others_read_too() {
    let person = || MarkKind::Mention(Whom::Person(PersonId(7)));
    let cases = [
        ("plain", vec![], "plain"),
        ("2*3 _x_", vec![], "2\\*3 \\_x\\_"),
        ("@민지 hi", vec![mark(0, 7, person())], "[@민지](mimi://ieum.invalid/u/7) hi"),
        ("a b", vec![mark(0, 1, MarkKind::Bold)], "**a** b"),
        ("a\nb", vec![mark(0, 1, MarkKind::Quote)], "> a\n\nb"),
        ("x `y`", vec![mark(2, 5, MarkKind::Code)], "x `` `y` ``"),
        ("a\nb", vec![mark(0, 3, MarkKind::Pre)], "```\na\nb\n```"),
        ("1. a\n- b", vec![], "1\\. a\\\n\\- b"),
    ];
    for (text, marks, markdown) in cases {
        assert_eq!(write(text, &tidy(text, marks)), markdown, "{text:?}");
    }
}

#[test]
fn marks_that_make_no_sense_are_put_right_or_left_out() {
    let link = |to: &str| MarkKind::<Whom>::Link(to.into());
    let cases = [
        // A link that could start a program, one with a blank, one that is fine.
        ("abc", mark(0, 3, link("javascript:x")), None),
        ("abc", mark(0, 3, link("https://a b")), None),
        ("abc", mark(0, 3, link("https://a/(b)")), Some((0, 3, link("https://a/%28b%29")))),
        // Beyond the text, empty, within a character.
        ("abc", mark(0, 9, MarkKind::Bold), None),
        ("abc", mark(2, 2, MarkKind::Bold), None),
        ("가", mark(1, 3, MarkKind::Bold), None),
        // Blank edges, blocks and lines.
        (" a ", mark(0, 3, MarkKind::Bold), Some((1, 2, MarkKind::Bold))),
        ("a\nb\nc", mark(2, 3, MarkKind::Quote), Some((2, 3, MarkKind::Quote))),
        ("say ls now", mark(4, 6, MarkKind::Pre), Some((4, 6, MarkKind::Code))),
        ("x a\nb y", mark(2, 5, MarkKind::Code), Some((0, 7, MarkKind::Pre))),
    ];
    for (text, given, expected) in cases {
        let expected: Vec<_> =
            expected.into_iter().map(|(start, end, kind)| mark(start, end, kind)).collect();
        assert_eq!(tidy(text, vec![given.clone()]), expected, "{text:?} {given:?}");
    }
}

#[test]
fn a_name_calls_whom_it_names_and_nobody_by_chance() {
    let (minji, minjisu, other) =
        (Whom::Person(PersonId(1)), Whom::Person(PersonId(2)), Whom::Person(PersonId(3)));
    let names = [(minji, "민지"), (minjisu, "민지수"), (other, "Tom Lee"), (minji, "Min")];
    type Case<'c> = (&'c str, &'c [(usize, usize, Whom)]);
    let cases: [Case<'_>; 14] = [
        ("@민지 안녕", &[(0, 7, minji)]),
        ("@민지야 안녕", &[(0, 7, minji)]),
        ("@민지수 안녕", &[(0, 10, minjisu)]),
        ("@민지수야", &[(0, 10, minjisu)]),
        ("안녕 @민지, @Tom Lee!", &[(7, 14, minji), (16, 24, other)]),
        ("(@Min)", &[(1, 5, minji)]),
        // Chance: another word that only begins alike, an address, no sign of calling.
        ("@민지혜 안녕", &[]),
        ("@Mindy", &[]),
        ("@Tom Leeds", &[]),
        ("a@민지", &[]),
        ("mail me@Min", &[]),
        ("민지 안녕", &[]),
        ("@ 민지", &[]),
        ("@", &[]),
    ];
    for (text, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(start, end, whom)| mark(*start, *end, MarkKind::Mention(*whom)))
            .collect();
        assert_eq!(called(text, &names), expected, "{text:?}");
    }
}

#[test]
fn two_of_one_name_are_not_called() {
    let names = [(Whom::Person(PersonId(1)), "민지"), (Whom::Person(PersonId(2)), "민지")];
    assert_eq!(called("@민지 안녕", &names), []);
    let same = [(Whom::Person(PersonId(1)), "민지"), (Whom::Person(PersonId(1)), "민지")];
    assert_eq!(called("@민지 안녕", &same).len(), 1);
}

#[test]
fn uris_name_whom_they_were_made_of() {
    for whom in [Whom::Person(PersonId(0)), Whom::Address(AddressId(u64::MAX))] {
        assert_eq!(Whom::from_uri(&whom.uri()), Some(whom));
    }
    for other in ["", "mimi://ieum.invalid/u/hub", "mimi://ieum.invalid/a/-1", "https://a/1"] {
        assert_eq!(Whom::from_uri(other), None, "{other}");
    }
}
