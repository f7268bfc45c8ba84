//! Styling as the standard's examples have it, and there and back again.

use super::*;
use proptest::prelude::*;

type Kind = MarkKind<()>;

fn seen(text: &str) -> (String, Vec<(String, Kind)>) {
    let (text, marks) = read::<()>(text.to_owned(), Vec::new());
    let marks = marks.iter().map(|mark| (mark.of(&text).to_owned(), mark.kind.clone()));
    let marks = marks.collect();
    (text, marks)
}

#[test]
fn stretches_of_lines_are_read() {
    for (written, text, marks) in [
        ("*굵게* 말해", "굵게 말해", vec![("굵게", Kind::Bold)]),
        (
            "a _b_, ~c~ `d`",
            "a b, c d",
            vec![("b", Kind::Italic), ("c", Kind::Strike), ("d", Kind::Code)],
        ),
        ("*_both_*", "both", vec![("both", Kind::Bold), ("both", Kind::Italic)]),
        ("*굵게*도", "굵게도", vec![("굵게", Kind::Bold)]),
        ("`*not*`", "*not*", vec![("*not*", Kind::Code)]),
        ("*a b*\n_c_", "a b\nc", vec![("a b", Kind::Bold), ("c", Kind::Italic)]),
        ("*strong*plain*", "strongplain*", vec![("strong", Kind::Bold)]),
    ] {
        let marks: Vec<_> = marks.into_iter().map(|(of, kind)| (of.to_owned(), kind)).collect();
        assert_eq!(seen(written), (text.to_owned(), marks), "{written}");
    }
}

#[test]
fn what_only_looks_like_it_is_left_alone() {
    for text in [
        "not strong *",
        "* not strong*",
        "*not strong *",
        "2*3*4",
        "f***",
        "***",
        "**",
        "*not\nstrong*",
        "안녕~ 반가워~",
        "^_^ ^_^",
        ">_<",
        ">.<",
        "```",
        "```\n```",
        "```\nopen",
        "snake_case_name",
        "https://a.test/_b_",
        "_",
        "",
    ] {
        assert_eq!(seen(text), (text.to_owned(), Vec::new()), "{text}");
        assert!(!seems_styled(text), "{text}");
    }
    assert!(seems_styled("*words* as they stand"));
    assert!(!seems_styled("> 민지: what our own heads quote\n[LINE] 하루: hi"));
}

#[test]
fn quotes_and_fences_take_whole_lines() {
    let written = "앞\n> 인용 *굵게*\n> 둘째\n뒤\n```rust\nfn a() {\n  *b*\n}\n```\n끝";
    let (text, marks) = seen(written);
    assert_eq!(text, "앞\n인용 굵게\n둘째\n뒤\nfn a() {\n  *b*\n}\n끝");
    let expected =
        [("인용 굵게\n둘째", Kind::Quote), ("굵게", Kind::Bold), ("fn a() {\n  *b*\n}", Kind::Pre)];
    let expected = expected.map(|(of, kind)| (of.to_owned(), kind));
    assert_eq!(marks, expected);
}

#[test]
fn whoever_is_called_stays_called() {
    let text = "*안녕* @bora 왔어?".to_owned();
    let at = text.find('@').unwrap();
    let call = |range| Mark::new(range, MarkKind::Mention("bora"));
    let (text, marks) = read(text, vec![call(at..at + 5), call(0..0)]);
    assert_eq!(text, "안녕 @bora 왔어?");
    let calls: Vec<_> = marks.iter().filter(|mark| mark.kind.called().is_some()).collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].of(&text), "@bora");
    assert_eq!(calls[1].of(&text), "", "somebody without a place keeps having none");
}

#[test]
fn marks_that_would_be_read_otherwise_are_not_written() {
    let bold = |range| vec![Mark::<()>::new(range, MarkKind::Bold)];
    for (text, marks, written) in [
        ("굵게 말해", bold(0..6), "*굵게* 말해"),
        ("완전굵게", bold(6..12), "완전굵게"),
        ("2*3=6", bold(0..5), "2*3=6"),
        ("a\nb", bold(0..3), "*a*\n*b*"),
        ("a", vec![Mark::new(0..1, Kind::Code), Mark::new(0..1, Kind::Bold)], "*`a`*"),
        // Which cross: the first stays.
        ("a b c", vec![Mark::new(0..3, Kind::Bold), Mark::new(2..5, Kind::Italic)], "*a b* c"),
        ("머리: 인용", vec![Mark::new(8..14, Kind::Quote)], "머리: \n> 인용"),
        ("a\nb\nc", vec![Mark::new(0..3, Kind::Quote)], "> a\n> b\nc"),
        ("x\ny", vec![Mark::new(0..3, Kind::Pre)], "```\nx\ny\n```"),
        ("x\n```", vec![Mark::new(0..5, Kind::Pre)], "x\n```"),
    ] {
        assert_eq!(write(text, marks).0, written, "{text}");
    }
}

/// A text without signs, and any marks of it.
fn marked() -> impl Strategy<Value = (String, Vec<Mark<()>>)> {
    let kind = prop::sample::select(vec![
        Kind::Bold,
        Kind::Italic,
        Kind::Strike,
        Kind::Code,
        Kind::Quote,
        Kind::Pre,
    ]);
    let mark = (0_usize..30, 1_usize..12, kind);
    ("[a가 \\n]{0,30}", prop::collection::vec(mark, 0..5)).prop_map(|(text, marks)| {
        let marks = marks.into_iter().map(|(at, length, kind)| Mark::new(at..at + length, kind));
        let marks = tidy(&text, marks.collect());
        (text, marks)
    })
}

proptest! {
    #[test]
    fn words_come_back_and_no_mark_is_made_up((text, marks) in marked()) {
        let (written, _) = write(&text, marks.clone());
        let (back, read) = read::<()>(written.clone(), Vec::new());
        prop_assert_eq!(&back, &text, "{}", written);
        for mark in read {
            // Quotes that touch are one.
            let meant = |at: usize| marks.iter().any(|other| {
                other.kind == mark.kind && other.start <= at && at < other.end
            });
            let words = text.char_indices().filter(|(at, _)| (mark.start..mark.end).contains(at));
            for (at, character) in words {
                prop_assert!(
                    character.is_whitespace() || meant(at),
                    "{:?} of {:?} in {:?}", mark, marks, written
                );
            }
        }
    }

    #[test]
    fn any_text_is_read_and_loses_signs_alone(text in "[a가 \\n*_~`>]{0,60}") {
        let (back, _) = read::<()>(text.clone(), Vec::new());
        let words = |text: &str| text.replace(['*', '_', '~', '`', '>', ' ', '\n'], "");
        prop_assert_eq!(words(&back), words(&text));
    }
}
