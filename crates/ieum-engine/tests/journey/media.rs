//! Journeys of files: they wait, arrive, are told to be missing, and survive a crash.

use crate::family;
use crate::shelf::{OGG, PNG, SVG};
use crate::town::{Mood, Town};
use ieum_core::directory::{Directory, Purpose};
use ieum_core::ids::NativeMessageId;
use ieum_core::inbound::FileKind::{self, Audio, File, Picture};
use ieum_core::inbound::{FileNote, InboundKind, InboundMessage};
use ieum_core::marks::{Mark, MarkKind};
use ieum_core::media::Missing;
use ieum_core::network::ChatKind;
use ieum_core::network::Network::{KakaoTalk, Line, Matrix, Telegram};
use ieum_core::ports::connector::FetchFailure;
use ieum_engine::{MediaSettings, Settings};
use std::sync::atomic::Ordering;

fn with_links() -> Settings {
    let public_url = Some("https://hub.example".to_owned());
    Settings {
        media: MediaSettings { public_url, ..MediaSettings::default() },
        ..Settings::default()
    }
}

/// Three rooms of one conversation and nobody who is reached alone.
async fn rooms(settings: Settings) -> Town {
    let town = Town::with(settings).await;
    let chats = [(KakaoTalk, "kroom"), (Line, "Croom"), (Telegram, "-1"), (Matrix, "!m")];
    town.group("가족", &[], &chats).await;
    town.line.shelf.put("1", PNG);
    town
}

#[tokio::test(start_paused = true)]
async fn a_picture_reaches_every_room_as_it_can_show_it() {
    let town = rooms(with_links()).await;
    town.sends(Line, "Croom", "Uyuna", (Picture, "바다.png", "1"), "여기 봐").await;
    town.passes(3_000).await;
    assert_eq!(
        town.telegram.screen(),
        ["-1: [LINE] Uyuna: 여기 봐{Picture 바다.png image/png 42B linked}"]
    );
    assert_eq!(
        town.matrix.screen(),
        ["!m: @Uyuna · LINE 여기 봐{Picture 바다.png image/png 42B linked}"]
    );
    assert_eq!(
        town.kakaotalk.screen(),
        ["kroom: [LINE] Uyuna: 여기 봐", "kroom: {Picture 바다.png image/png 42B linked}"]
    );
    assert_eq!(town.line.shelf.asked(), 1, "fetched once for all of them");
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_caption_calls_people_and_keeps_its_marks() {
    let town = family().await;
    town.line.shelf.put("1", PNG);
    let link = MarkKind::Link("https://a.test/x".into());
    let marks = vec![Mark::new(0..6, MarkKind::Bold), Mark::new(7..13, link)];
    let text = "굵게 여기 @준호";
    town.shows("1", text, marks).await;
    town.passes(3_000).await;
    let marked =
        format!("-1: [LINE] 유나: {text}{{굵게:Bold}}{{여기->https://a.test/x}}{{@준호=77}}");
    let screen = town.telegram.screen();
    assert!(screen[0].starts_with(&marked), "{screen:?}");
    assert!(screen[0].contains("{Picture 바다.png"), "one message: {screen:?}");
    // Where links are not shown, their addresses are.
    let screen = town.kakaotalk.screen();
    assert!(screen[0].contains("굵게 여기 (https://a.test/x) @준호"), "{screen:?}");
    // A file that cannot go keeps its words, and their marks.
    town.shows("gone", text, vec![Mark::new(0..6, MarkKind::Bold)]).await;
    town.passes(60_000).await;
    let screen = town.telegram.screen();
    let [.., last] = &screen[..] else { panic!("{screen:?}") };
    assert!(last.contains("[사진 바다.png") && last.contains("{굵게:Bold}"), "{screen:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_room_does_not_take_is_a_link_or_is_said_to_be_missing() {
    for (settings, link) in [(with_links(), true), (Settings::default(), false)] {
        let town = rooms(settings).await;
        town.telegram.shelf.put("v", OGG);
        town.sends(Telegram, "-1", "77", (Audio, "", "v"), "").await;
        town.passes(3_000).await;
        let [line] = &town.line.screen()[..] else { panic!("one line") };
        assert!(line.contains("[음성 audio.ogg · 46 B]"), "{line}");
        assert_eq!(line.contains("https://hub.example/m/"), link, "{line}");
        assert_eq!(line.contains("(여기로는 보낼 수 없는 파일입니다)"), !link, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_picture_is_carried_as_a_file_to_be_saved() {
    let town = rooms(with_links()).await;
    town.line.shelf.put("svg", SVG);
    town.sends(Line, "Croom", "Uyuna", (Picture, "그림.png", "svg"), "").await;
    town.passes(3_000).await;
    let expected = "-1: [LINE] Uyuna: {File 그림.png application/octet-stream 71B linked}";
    assert_eq!(town.telegram.screen(), [expected]);
    let [kakao] = &town.kakaotalk.screen()[..] else { panic!("one line") };
    assert!(kakao.contains("https://hub.example/m/") && !kakao.contains("Picture"), "{kakao}");
}

#[tokio::test(start_paused = true)]
async fn later_words_wait_behind_a_file_and_order_is_kept() {
    let town = rooms(with_links()).await;
    town.line.shelf.takes_ms.store(5_000, Ordering::Relaxed);
    town.sends(Line, "Croom", "Uyuna", (Picture, "a.png", "1"), "").await;
    town.says(Line, "Croom", "Uyuna", "봤어?").await;
    town.passes(3_000).await;
    assert!(town.telegram.screen().is_empty(), "both wait for the file");
    town.passes(7_000).await;
    let screen = town.telegram.screen();
    assert!(screen[0].contains("{Picture a.png"), "{screen:?}");
    assert_eq!(screen[1], "-1: [LINE] Uyuna: 봤어?");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_is_asked_again_and_then_the_notice_goes_alone() {
    let town = rooms(with_links()).await;
    town.line.shelf.fails(2);
    town.sends(Line, "Croom", "Uyuna", (Picture, "a.png", "1"), "").await;
    town.passes(10_000).await;
    assert!(town.telegram.screen()[0].contains("{Picture a.png"), "the third try gave it");
    assert_eq!(town.line.shelf.asked(), 3);

    town.line.shelf.put("2", PNG);
    town.line.shelf.fails(12);
    town.sends(Line, "Croom", "Uyuna", (Picture, "b.png", "2"), "보여?").await;
    town.passes(50_000).await;
    assert_eq!(town.telegram.screen().len(), 1, "it still waits");
    town.passes(20_000).await;
    let notice = &town.telegram.screen()[1];
    assert!(notice.contains("[사진 b.png]\n(아직 받지 못했습니다)\nhttps://hub.ex"), "{notice}");
    assert!(notice.ends_with("\n보여?"), "the words are not lost: {notice}");
    assert_eq!(town.open().await, 0);
    // The link works once the file came.
    let link = notice.lines().find_map(|line| line.strip_prefix("https://hub.example/m/")).unwrap();
    assert!(town.hub.linked_file(link).await.is_err());
    town.passes(1_800_000).await;
    assert_eq!(town.hub.linked_file(link).await.unwrap().file.bytes(), PNG.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn sources_that_drip_take_places_of_their_own_account_alone() {
    let town = rooms(with_links()).await;
    town.telegram.shelf.put("t", PNG);
    for number in 0..20 {
        let place = format!("drip{number}");
        town.line.shelf.put(&place, PNG);
        town.sends(Line, "Croom", "Uyuna", (Picture, "a.png", &place), "").await;
    }
    town.passes(1_000).await;
    assert_eq!(town.line.shelf.asked(), 4, "so many of one account at once");
    town.sends(Telegram, "-1", "77", (Picture, "t.png", "t"), "").await;
    town.sends(Line, "Croom", "Uyuna", (Picture, "b.png", "1"), "").await;
    town.passes(1_000).await;
    assert_eq!(town.telegram.shelf.asked(), 1, "another account's comes at once");
    let drips = |places: &[String]| places.iter().filter(|place| *place != "1").count();
    town.passes(22_000).await;
    let asked = town.line.shelf.asked.lock().unwrap().clone();
    assert_eq!(drips(&asked), 8, "four go on as long ones, four have begun: {asked:?}");
    town.passes(110_000).await;
    let asked = town.line.shelf.asked.lock().unwrap().clone();
    assert!(asked.contains(&"1".to_owned()), "its own come after a while: {asked:?}");
    // What takes so long is tried again, less and less often, and its words went without it.
    town.passes(3_600_000).await;
    assert_eq!(town.open().await, 0);
    let asked = town.line.shelf.asked.lock().unwrap().len();
    assert!((40..20 * 30).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_is_told_at_once() {
    let large = MediaSettings { bytes_max: 10, ..MediaSettings::default() };
    for (settings, failure, why) in [
        (Settings::default(), Some(FetchFailure::Gone("404".to_owned())), Missing::Gone),
        (Settings::default(), Some(FetchFailure::TooLarge), Missing::TooLarge),
        (Settings { media: large, ..Settings::default() }, None, Missing::TooLarge),
    ] {
        let town = rooms(settings).await;
        town.line.shelf.failures.lock().unwrap().extend(failure);
        town.sends(Line, "Croom", "Uyuna", (Picture, "a.png", "1"), "바다야").await;
        town.passes(3_000).await;
        let language = ieum_core::directory::Language::Ko;
        let why = ieum_core::render::words::missing(why, language);
        let expected = format!("-1: [LINE] Uyuna: [사진 a.png]\n{why}\n바다야");
        assert_eq!(town.telegram.screen(), [expected]);
        assert_eq!(town.line.shelf.asked(), 1, "not asked again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_file_came_loses_neither() {
    let town = rooms(Settings::default()).await;
    town.line.shelf.takes_ms.store(3_000, Ordering::Relaxed);
    town.sends(Line, "Croom", "Uyuna", (Picture, "a.png", "1"), "").await;
    town.passes(1_000).await;
    let town = town.crash().await;
    town.passes(10_000).await;
    assert_eq!(
        town.telegram.screen(),
        ["-1: [LINE] Uyuna: {Picture a.png image/png 42B}"],
        "once, without a label: nothing was in doubt"
    );
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_fetched_while_its_reader_is_out_of_reach() {
    let town = rooms(Settings::default()).await;
    town.telegram.turns(Mood::Refuses);
    for number in 0..3 {
        town.says(Line, "Croom", "Uyuna", &format!("{number}")).await;
    }
    town.passes(60_000).await;
    town.sends(Line, "Croom", "Uyuna", (Picture, "a.png", "1"), "").await;
    town.passes(5_000).await;
    assert_eq!(town.line.shelf.asked(), 1, "its source may forget it");
    town.line.shelf.fails(100);
    town.passes(600_000).await;
    town.telegram.turns(Mood::Well);
    town.passes(120_000).await;
    let screen = town.telegram.screen();
    let last = screen.last().unwrap();
    assert!(last.contains("{Picture a.png image/png 42B}") && last.contains("늦게 보냄"), "{last}");
}

#[tokio::test(start_paused = true)]
async fn a_file_moves_with_its_message_when_a_network_fails() {
    let town = family().await;
    town.line.shelf.put("1", PNG);
    let minji =
        |directory: &Directory| directory.persons().find(|p| &*p.name == "민지").map(|p| p.id);
    let minji = town.hub.with_directory(minji).unwrap();
    town.hub.set_consent(minji, Line, Purpose::Failover, true, "test").await.unwrap();
    town.kakaotalk.turns(Mood::Refuses);
    town.telegram.shelf.put("doc", b"%PDF-1.7 words");
    town.sends(Telegram, "-1", "77", (File, "안내.pdf", "doc"), "").await;
    town.passes(60_000).await;
    let personal = town.line.screen().into_iter().find(|line| line.starts_with("Uminji: "));
    let personal = personal.expect("민지 gets it by LINE");
    assert!(personal.contains("카톡 지연") && personal.contains("안내.pdf"), "{personal}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_file_is_said_and_not_sent() {
    let town = rooms(Settings::default()).await;
    town.line.shelf.put("none", b"");
    town.sends(Line, "Croom", "Uyuna", (File, "빈.txt", "none"), "").await;
    town.passes(3_000).await;
    let [line] = &town.telegram.screen()[..] else { panic!("one line") };
    assert!(line.contains("[파일 빈.txt]"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_fetches_once() {
    let town = rooms(Settings::default()).await;
    town.sends(Line, "Croom", "Uyuna", (Picture, "a.png", "1"), "").await;
    town.sends(Line, "Croom", "Uyuna", (Picture, "a.png", "1"), "").await;
    town.passes(3_000).await;
    assert_eq!(town.line.shelf.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_link_is_for_whoever_has_it() {
    let town = rooms(with_links()).await;
    town.telegram.shelf.put("v", OGG);
    town.sends(Telegram, "-1", "77", (Audio, "v.ogg", "v"), "").await;
    town.passes(3_000).await;
    let screen = town.line.screen();
    let link = screen[0].rsplit("/m/").next().unwrap().to_owned();
    assert_eq!(town.hub.linked_file(&link).await.unwrap().kept.name.as_ref(), "v.ogg");
    let mut forged = link.clone();
    forged.replace_range(0..1, if link.starts_with('0') { "1" } else { "0" });
    assert!(town.hub.linked_file(&forged).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_place_is_on_a_map_or_behind_the_address_of_one() {
    let town = rooms(Settings::default()).await;
    let place = Some("geo:90,-180".into());
    let file = FileNote { place, ..FileNote::of(FileKind::Place) };
    let native = NativeMessageId::new("p");
    let text = "북극\n90, -180".to_owned();
    let said = InboundMessage { native, text, file: Some(file), ..InboundMessage::default() };
    let room = ("Croom", ChatKind::Group);
    town.happens(Line, room, "Uyuna", InboundKind::Message(said)).await;
    town.passes(3_000).await;
    let words = "[위치]\n북극\n90, -180";
    assert_eq!(
        town.telegram.screen(),
        [format!("-1: [LINE] Uyuna: {words}"), "-1: {@90, -180 북극}".to_owned()]
    );
    assert_eq!(town.matrix.screen(), [format!("!m: @Uyuna · LINE {words}{{@90, -180 북극}}")]);
    let link = "https://www.openstreetmap.org/?mlat=90&mlon=-180#map=16/90/-180";
    let readable = format!("kroom: [LINE] Uyuna: [위치]\n{link}\n북극\n90, -180");
    assert_eq!(town.kakaotalk.screen(), [readable]);
    assert_eq!(town.line.shelf.asked(), 0, "there is nothing to fetch");
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_file_from_a_page_goes_to_every_room_once() {
    use ieum_engine::{FileTold, Say};
    let town = Town::with(with_links()).await;
    let mina = town.person("민아", &[]).await;
    let chats = [(KakaoTalk, "kroom"), (Telegram, "-1"), (Matrix, "!m")];
    let family = town.group("가족", &[mina], &chats).await;
    for _ in 0..2 {
        let mut draft = town.hub.begin_file().await.unwrap();
        for piece in PNG.chunks(7) {
            draft.write(bytes::Bytes::copy_from_slice(piece)).await.unwrap();
        }
        let say = Say {
            conversation: family,
            person: Some(mina),
            text: "여기 봐".to_owned(),
            reply_to: None,
            class: ieum_core::message::Class::Chat,
            idempotency_key: Some("page:1:k".to_owned()),
        };
        let told = FileTold { name: "바다.png".to_owned(), media_type: "image/png".to_owned() };
        town.hub.say_file(say, told, draft).await.unwrap();
    }
    town.passes(3_000).await;
    for (network, chat) in [(Telegram, "-1"), (Matrix, "!m"), (KakaoTalk, "kroom")] {
        let screen = town.script(network).screen().join("\n");
        assert_eq!(
            screen.matches("{Picture 바다.png image/png 42B").count(),
            1,
            "{chat}: {screen}"
        );
        assert!(screen.contains("여기 봐"), "{screen}");
    }
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_picture_says_of_where_it_was_taken_is_erased_where_that_is_wished() {
    const TOLD: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x06tEXt37.55N\0\0\0\0\0\0\0\0IEND\xaeB`\x82";
    for erases_places in [false, true] {
        let mut settings = with_links();
        settings.media.erases_places = erases_places;
        let town = rooms(settings).await;
        town.line.shelf.put("told", TOLD);
        town.sends(Line, "Croom", "Uyuna", (File, "바다.png", "told"), "").await;
        town.passes(3_000).await;
        let screen = town.kakaotalk.screen();
        let link = screen[0].split("https://hub.example/m/").nth(1).unwrap();
        let opened = town.hub.linked_file(link.trim()).await.unwrap();
        assert_eq!(opened.kept.bytes, TOLD.len() as u64);
        let bytes = opened.file.piece(0).await.unwrap();
        let tells = bytes.windows(6).any(|window| window == b"37.55N");
        assert_eq!(tells, !erases_places);
        assert!(bytes.starts_with(b"\x89PNG"));
        assert!(bytes.ends_with(b"\0\0\0\0IEND\xaeB`\x82"));
    }
}
