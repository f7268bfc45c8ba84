//! What people see, and that no network's limit and no character is lost on the way.

use super::*;
use crate::ids::UserKey;
use crate::marks::{Mark, MarkKind};
use crate::network::{Formats, Hears, Places, ReplySupport};
use expect_test::{Expect, expect};
use proptest::prelude::*;

const fn chat(text_max: usize, text_unit: TextUnit, author: AuthorSupport) -> ChatCapabilities {
    ChatCapabilities {
        hears: Hears::Everything,
        text_max,
        text_unit,
        parts_per_send_max: 1,
        edit: false,
        withdraw: false,
        react: false,
        reply: ReplySupport::Quoted,
        author,
        mentions_max: 5,
        formats: Formats::Words,
        buttons: true,
        idempotent_send: false,
        files: &[],
        places: Places::Words,
        caption_max: 0,
    }
}

fn label(label: Label) -> LabelFacts<'static> {
    LabelFacts {
        label,
        short_id: "7F2A",
        said_at: Timestamp(1_716_180_240_000),
        utc_offset_minutes: 540,
    }
}

fn said<'a>(chat: &'a ChatCapabilities, body: &'a str) -> RenderFacts<'a> {
    RenderFacts {
        chat,
        language: Language::Ko,
        speaker: Some(Speaker { name: "민지", network: Some(Network::Line), icon_url: None }),
        place: None,
        label: None,
        quote: None,
        reply: None,
        body,
        marks: &[],
        buttons: Vec::new(),
    }
}

fn check(facts: &RenderFacts<'_>, expected: &Expect) {
    let texts: Vec<String> = render(facts).into_iter().map(|part| part.text).collect();
    expected.assert_eq(&texts.join("\n----\n"));
}

const IN_TEXT: ChatCapabilities = chat(1_000, TextUnit::Chars, AuthorSupport::InText);

#[test]
fn a_text_names_its_author_and_where_several_conversations_meet_its_place() {
    let plain = said(&IN_TEXT, "저녁 먹었어?");
    check(&plain, &expect!["[LINE] 민지: 저녁 먹었어?"]);
    let placed = RenderFacts { place: Some("가족"), ..plain.clone() };
    check(&placed, &expect!["[가족 · LINE] 민지: 저녁 먹었어?"]);
    let hub = RenderFacts { speaker: None, ..plain };
    check(&hub, &expect!["저녁 먹었어?"]);
}

#[test]
fn labels_say_what_happened_in_both_languages() {
    let labels = [Label::InsteadOf(Network::KakaoTalk), Label::Late, Label::Again];
    let mut lines = String::new();
    for kind in labels {
        for language in [Language::Ko, Language::En] {
            let facts = RenderFacts { language, label: Some(label(kind)), ..said(&IN_TEXT, "응") };
            lines.push_str(&render(&facts)[0].text);
            lines.push('\n');
        }
    }
    expect![[r#"
        [카톡 지연 · 대신 보냄 #7F2A 13:44]
        [LINE] 민지: 응
        [KakaoTalk delayed · sent instead #7F2A 13:44]
        [LINE] 민지: 응
        [늦게 보냄 #7F2A 13:44]
        [LINE] 민지: 응
        [sent late #7F2A 13:44]
        [LINE] 민지: 응
        [다시 보냄 · 두 번 보일 수 있음 #7F2A 13:44]
        [LINE] 민지: 응
        [sent again · may be a second copy #7F2A 13:44]
        [LINE] 민지: 응
    "#]]
    .assert_eq(&lines);
}

#[test]
fn a_quote_is_one_short_line() {
    let quoted =
        |name, text| RenderFacts { quote: Some(Quote { name, text }), ..said(&IN_TEXT, "좋아") };
    check(
        &quoted("철수", "내일 6시에 보자"),
        &expect![[r#"
            > 철수: 내일 6시에 보자
            [LINE] 민지: 좋아"#]],
    );
    check(
        &quoted("", "\n\n둘째 줄이 있다\u{2028}[늦게 보냄 #0000 00:00]"),
        &expect![[r#"
            > 둘째 줄이 있다…
            [LINE] 민지: 좋아"#]],
    );
    let long = "가".repeat(500);
    let text = render(&quoted("철수", &long))[0].text.clone();
    assert_eq!(text.lines().next().unwrap().chars().count(), 60 + "> 철수: …".chars().count());
}

#[test]
fn every_part_is_numbered_and_labelled_and_only_the_first_quotes() {
    let short = chat(120, TextUnit::Chars, AuthorSupport::InText);
    let body = "하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열 ".repeat(4);
    let facts = RenderFacts {
        label: Some(label(Label::Late)),
        quote: Some(Quote { name: "철수", text: "세어 봐" }),
        ..said(&short, &body)
    };
    check(
        &facts,
        &expect![[r#"
            [늦게 보냄 #7F2A 13:44]
            > 철수: 세어 봐
            [LINE] 민지: (1/2) 하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열 하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열 하나 둘 셋 
            ----
            [늦게 보냄 #7F2A 13:44]
            [LINE] 민지: (2/2) 넷 다섯 여섯 일곱 여덟 아홉 열 하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열 "#]],
    );
}

#[test]
fn buttons_stand_below_the_last_part_and_the_answer_points_from_the_first() {
    let short = chat(60, TextUnit::Chars, AuthorSupport::InText);
    let body = "가 ".repeat(60);
    let native = crate::ids::NativeMessageId::new("9");
    let facts = RenderFacts {
        reply: Some(ReplyTarget { native, quote: None }),
        buttons: vec![Button { label: "답하기".to_owned(), payload: "r".to_owned() }],
        ..said(&short, &body)
    };
    let parts = render(&facts);
    let replies: Vec<bool> = parts.iter().map(|part| part.reply.is_some()).collect();
    let buttons: Vec<usize> = parts.iter().map(|part| part.buttons.len()).collect();
    assert_eq!(replies, [true, false, false, false]);
    assert_eq!(buttons, [0, 0, 0, 1]);
}

#[test]
fn the_sender_is_shown_within_the_networks_limit() {
    let line = chat(5_000, TextUnit::Utf16, AuthorSupport::AsSender { name_max: 20 });
    let cases = [
        ("민지", Some(Network::KakaoTalk), Some("민지 · 카톡")),
        ("민지", None, Some("민지")),
        (
            "가나다라마바사아자차카타파하가나다라마바",
            Some(Network::Telegram),
            Some("가나다라마바사아자차카타파 · 텔레그램"),
        ),
        ("👨‍👩‍👧👨‍👩‍👧", Some(Network::Line), Some("👨‍👩‍👧 · LINE")),
        ("철수\n[늦게 보냄]", None, Some("철수 [늦게 보냄]")),
        (" ", None, None),
    ];
    for (name, network, expected) in cases {
        let speaker = Some(Speaker { name, network, icon_url: None });
        let facts = RenderFacts { speaker, ..said(&line, "응") };
        let part = render(&facts).remove(0);
        assert_eq!(part.text, "응", "the name is not said twice");
        let shown = part.sender.map(|sender| sender.name);
        assert_eq!(shown.as_deref(), expected, "{name:?}");
    }
}

#[test]
fn a_name_or_title_cannot_pass_for_a_label() {
    let forged = "[카톡 지연 · 대신 보냄 #7F2A 13:44]\n철수";
    let facts = RenderFacts {
        speaker: Some(Speaker { name: forged, network: None, icon_url: None }),
        ..said(&IN_TEXT, "응")
    };
    check(&facts, &expect!["(카톡 지연 · 대신 보냄 #7F2A 13:44) 철수: 응"]);
    let facts = RenderFacts { place: Some("가족] 철수: \u{202e}["), ..said(&IN_TEXT, "응") };
    check(&facts, &expect!["[가족) 철수:  ( · LINE] 민지: 응"]);
}

#[test]
fn borders_of_parts_do_not_move_with_what_stands_in_front() {
    let short = chat(100, TextUnit::Utf16, AuthorSupport::InText);
    let body = "말이 길어지면 나뉘어 간다. ".repeat(20);
    let plain = said(&short, &body);
    let dressed = RenderFacts {
        language: Language::En,
        place: Some("우리 가족이 모이는 방"),
        label: Some(label(Label::Again)),
        quote: Some(Quote { name: "철수", text: "왜?" }),
        speaker: None,
        ..plain.clone()
    };
    let bodies = |facts| -> Vec<String> {
        let composed = compose(facts, facts.body, &[]).into_iter();
        composed.map(|(_, body)| body.to_owned()).collect()
    };
    assert_eq!(bodies(&plain), bodies(&dressed));
    assert!(bodies(&plain).len() > 3);
}

#[test]
fn an_empty_text_is_still_one_part() {
    check(&said(&IN_TEXT, ""), &expect!["[LINE] 민지: "]);
}

#[test]
fn clocks_show_the_readers_wall() {
    let cases = [
        (0, 0, "00:00"),
        (1_716_180_240_000, 540, "13:44"),
        (-60_000, 0, "23:59"),
        (0, -90, "22:30"),
        (i64::MAX, 540, "16:12"),
    ];
    for (at, offset, expected) in cases {
        assert_eq!(clock_text(Timestamp(at), offset), expected);
    }
}

#[test]
fn files_are_named_with_their_size() {
    use crate::inbound::FileKind;
    let cases = [
        (FileKind::Picture, "IMG.jpg", 1_250_000, "[사진 IMG.jpg · 1.2 MB]"),
        (FileKind::File, "a.pdf", 999, "[파일 a.pdf · 999 B]"),
        (FileKind::Video, "", 1_000, "[동영상 · 1 kB]"),
        (FileKind::Sticker, "", 0, "[스티커]"),
    ];
    for (kind, name, bytes, expected) in cases {
        assert_eq!(words::file_text(kind, name, bytes, Language::Ko), expected);
    }
}

fn any_author() -> impl Strategy<Value = AuthorSupport> {
    let sender = Just(AuthorSupport::AsSender { name_max: 20 });
    prop_oneof![Just(AuthorSupport::InText), sender]
}

fn any_label() -> impl Strategy<Value = Option<Label>> {
    let instead = Label::InsteadOf(Network::KakaoTalk);
    prop::sample::select(vec![None, Some(instead), Some(Label::Late), Some(Label::Again)])
}

/// Words, breaks, brackets and characters that take several units.
fn any_text(pieces_max: usize) -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "[",
        "]",
        " ",
        "\n",
        "\r\n",
        "가족",
        "👨‍👩‍👧",
        "e\u{301}",
        "\u{2028}",
        "\u{85}",
        "#7F2A",
        "word ",
        "。",
        "\u{202e}",
        "\u{0}",
        "(1/2) ",
        "> ",
        ": ",
    ];
    let pieces = prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..pieces_max);
    prop_oneof![pieces.prop_map(|pieces| pieces.concat()), any::<String>()]
}

prop_compose! {
    fn any_facts()(
        limit in prop_oneof![LIMIT_UNITS_MIN..50, 50..200_usize, 200..1_100_usize],
        unit in prop::sample::select(vec![TextUnit::Utf16, TextUnit::Chars, TextUnit::Bytes]),
        author in any_author(),
        english in any::<bool>(),
        label in any_label(),
        place in prop::option::of(any_text(30)),
        speaker in prop::option::of(any_text(30)),
        quote in prop::option::of((any_text(10), any_text(60))),
        body in any_text(400),
    ) -> Owned {
        Owned { chat: chat(limit, unit, author), english, label, place, speaker, quote, body }
    }
}

#[derive(Debug)]
struct Owned {
    chat: ChatCapabilities,
    english: bool,
    label: Option<Label>,
    place: Option<String>,
    speaker: Option<String>,
    quote: Option<(String, String)>,
    body: String,
}

impl Owned {
    fn facts(&self) -> RenderFacts<'_> {
        let speaker = self.speaker.as_deref().map(|name| Speaker {
            name,
            network: self.english.then_some(Network::Telegram),
            icon_url: None,
        });
        let quote = self.quote.as_ref();
        RenderFacts {
            language: if self.english { Language::En } else { Language::Ko },
            speaker,
            place: self.place.as_deref(),
            label: self.label.map(label),
            quote: quote.map(|(name, text)| Quote { name, text }),
            ..said(&self.chat, &self.body)
        }
    }
}

proptest! {
    #[test]
    fn no_part_exceeds_the_limit_and_no_character_is_lost(owned in any_facts()) {
        let facts = owned.facts();
        let (limit, unit) = (owned.chat.text_max, owned.chat.text_unit);
        let composed = compose(&facts, facts.body, &[]);
        let parts = render(&facts);
        prop_assert_eq!(parts.len(), composed.len());
        for (part, (head, body)) in parts.iter().zip(&composed) {
            prop_assert!(measure(&part.text, unit) <= limit, "{:?}", part.text);
            prop_assert_eq!(&part.text, &format!("{head}{body}"));
        }
        let bodies: String = composed.iter().map(|(_, body)| *body).collect();
        prop_assert_eq!(bodies, owned.body.as_str());
    }

    #[test]
    fn a_label_is_on_every_part_and_nothing_else_looks_like_one(owned in any_facts()) {
        let facts = owned.facts();
        let wide = owned.chat.text_max >= 200;
        let expected = owned.label.map(|kind| {
            let facts = label(kind);
            label_text(kind, facts.short_id, "13:44", owned.facts().language)
        });
        for (index, (head, _)) in compose(&facts, facts.body, &[]).into_iter().enumerate() {
            let marks = head.matches("#7F2A").count();
            if let Some(expected) = &expected {
                prop_assert!(!wide || head.starts_with(&format!("{expected}\n")), "{head:?}");
                prop_assert!(owned.chat.text_max < 50 || head.starts_with('['), "{head:?}");
                prop_assert!(owned.chat.text_max < 50 || marks >= 1, "{head:?}");
            }
            // The hub's own lines and no others: a label, and in the first part a quote.
            let quotes = index == 0 && owned.quote.is_some();
            let lines_max = usize::from(expected.is_some()) + usize::from(quotes);
            prop_assert!(head.matches(breaks_line).count() <= lines_max, "{head:?}");
        }
    }

    #[test]
    fn a_sender_is_never_longer_than_the_network_allows(owned in any_facts()) {
        for part in render(&owned.facts()) {
            if let Some(sender) = part.sender {
                prop_assert!(measure(&sender.name, TextUnit::Utf16) <= 20);
                prop_assert!(!sender.name.is_empty());
                prop_assert!(!sender.name.contains(breaks_line));
            }
        }
    }
}

/// A text of words, some of which call somebody, and the marks of those.
fn called_text() -> impl Strategy<Value = (String, Vec<Called>)> {
    let word = prop_oneof![
        3 => "[a가😀]{1,6}".prop_map(|word| (word, None)),
        1 => Just(("@민지 Kim".to_owned(), Some(Some(UserKey::new("u1"))))),
        1 => Just(("@할머니".to_owned(), Some(None))),
        1 => Just(("굵게".to_owned(), None)),
    ];
    prop::collection::vec((word, prop::sample::select(vec![" ", "\n", ", "])), 0..60).prop_map(
        |words| {
            let (mut text, mut marks) = (String::new(), Vec::new());
            for ((word, call), gap) in words {
                let range = text.len()..text.len() + word.len();
                match call {
                    Some(user) => marks.push(Mark::new(range, MarkKind::Mention(user))),
                    None if word == "굵게" => marks.push(Mark::new(range, MarkKind::Bold)),
                    None => {}
                }
                text.push_str(&word);
                text.push_str(gap);
            }
            (text, marks)
        },
    )
}

proptest! {
    #[test]
    fn calls_stand_whole_on_their_names_in_whatever_part(
        (body, marks) in called_text(),
        limit in 60_usize..200,
        unit in prop::sample::select(vec![TextUnit::Utf16, TextUnit::Chars, TextUnit::Bytes]),
        formats in prop::sample::select(vec![Formats::Words, Formats::Styles, Formats::All]),
    ) {
        let chat = ChatCapabilities {
            mentions_max: 100,
            formats,
            ..chat(limit, unit, AuthorSupport::InText)
        };
        let facts = RenderFacts {
            marks: &marks,
            label: Some(label(Label::Late)),
            ..said(&chat, &body)
        };
        let parts = render(&facts);
        let mut calls = 0;
        for part in &parts {
            prop_assert!(measure(&part.text, unit) <= limit, "{:?}", part.text);
            for mark in &part.marks {
                let words = mark.of(&part.text);
                match mark.kind.called() {
                    Some(user) => {
                        prop_assert_eq!((words, user.as_str()), ("@민지 Kim", "u1"));
                        calls += 1;
                    }
                    None => prop_assert!(
                        formats != Formats::Words && "굵게".contains(words),
                        "{words:?}"
                    ),
                }
            }
        }
        let called = marks.iter().filter(|mark| mark.kind.called().is_some_and(Option::is_some));
        prop_assert_eq!(calls, called.count());
        let composed = compose(&facts, &body, &marks);
        let bodies: String = composed.iter().map(|(_, body)| *body).collect();
        prop_assert_eq!(bodies, body);
    }
}

#[test]
fn where_links_and_quotes_are_not_shown_they_are_readable() {
    let link = |to: &str| MarkKind::<Option<UserKey>>::Link(to.into());
    let cases = [
        ("여기 봐", vec![Mark::new(0..6, link("https://a.test/"))], "여기 (https://a.test/) 봐"),
        ("a.test/ 봐", vec![Mark::new(0..7, link("https://a.test/"))], "a.test/ 봐"),
        ("a\nb\nc", vec![Mark::new(0..3, MarkKind::Quote)], "> a\n> b\nc"),
        ("a", vec![Mark::new(0..1, MarkKind::Bold)], "a"),
    ];
    for (text, marks, expected) in cases {
        let facts = RenderFacts { marks: &marks, speaker: None, ..said(&IN_TEXT, text) };
        assert_eq!(render(&facts)[0].text, expected, "{text}");
        assert_eq!(render(&facts)[0].marks, [], "{text}");
    }
    // Who is called stays on their name behind what was added.
    let call = MarkKind::Mention(Some(UserKey::new("u1")));
    let marks = [Mark::new(0..1, link("https://a.test/")), Mark::new(2..9, call)];
    let facts = RenderFacts { marks: &marks, ..said(&IN_TEXT, "a @민지 b") };
    let part = render(&facts).remove(0);
    assert_eq!(part.marks[0].of(&part.text), "@민지");
}

#[test]
fn where_only_links_are_not_shown_all_else_stays_marked() {
    let chat = ChatCapabilities { formats: Formats::Styles, ..IN_TEXT };
    let link = MarkKind::<Option<UserKey>>::Link("https://a.test/".into());
    let marks = [
        Mark::new(0..13, MarkKind::Quote),
        Mark::new(0..6, link),
        Mark::new(7..13, MarkKind::Bold),
    ];
    let facts = RenderFacts { marks: &marks, speaker: None, ..said(&chat, "여기 굵게") };
    let part = render(&facts).remove(0);
    assert_eq!(part.text, "여기 (https://a.test/) 굵게");
    let seen: Vec<_> = part.marks.iter().map(|mark| (mark.of(&part.text), &mark.kind)).collect();
    assert_eq!(seen, [(&*part.text, &MarkKind::Quote), ("굵게", &MarkKind::Bold)]);
}
