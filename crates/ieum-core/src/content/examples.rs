//! The official examples of the draft, and our own with bytes computed apart from this crate.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::inbound::{FileKind, FileNote};
use crate::media::MediaId;

/// The bytes that hexadecimal digits stand for.
pub(super) fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16).unwrap()).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap()).collect()
}

/// The draft's examples may not be kept here; they are looked for beside the repository.
fn official_examples() -> Option<PathBuf> {
    let folder = "../../../shared/data/mimi-content-08";
    Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder)).filter(|folder| folder.is_dir())
}

/// The id in an example's opening comment, which runs over two lines.
fn id_in_header(annotated: &str) -> Option<MessageId> {
    let quoted = annotated.split_once("message ID = h'")?.1.split_once('\'')?.0;
    let digits: String = quoted.chars().filter(char::is_ascii_hexdigit).collect();
    digits.parse().ok()
}

#[test]
fn the_official_examples_give_their_ids() {
    let Some(folder) = official_examples() else {
        println!("skipped: the draft's examples are not beside this repository");
        return;
    };
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(annotated) = std::fs::read_to_string(path.with_extension("edn")) else {
            continue;
        };
        let Some(id) = id_in_header(&annotated) else {
            continue;
        };
        if path.extension().is_none_or(|extension| extension != "cbor") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let content = Content::decode(&bytes).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert_eq!(content.encode(), bytes, "{path:?}");
        assert_eq!(content.encoded_length(), bytes.len(), "{path:?}");
        assert_eq!(content.check(), Ok(()), "{path:?}");
        assert_eq!(content.id_of(&bytes), id, "{path:?}");
        assert_eq!(content.seal(), (id, bytes), "{path:?}");
        count += 1;
    }
    assert_eq!(count, 14, "the draft has 14 example messages");
}

const SALT: [u8; SALT_BYTES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const SENDER: &str = "ieum://hub.example/p/minji";
const ROOM: &str = "ieum://hub.example/c/family";

/// Two ids to point at.
fn first() -> MessageId {
    let mut id = [0xaa; MESSAGE_ID_BYTES];
    id[0] = 1;
    id.into()
}

fn second() -> MessageId {
    let mut id = [0xbb; MESSAGE_ID_BYTES];
    id[0] = 1;
    id.into()
}

#[track_caller]
fn check_example(content: &Content, hex: &str, id: &str, what: What<'_>) {
    let bytes = unhex(hex);
    assert_eq!(content.check(), Ok(()));
    assert_eq!(content.seal(), (id.parse().unwrap(), bytes.clone()));
    assert_eq!(Content::decode(&bytes).as_ref(), Ok(content));
    assert_eq!(content.what(), what);
}

#[test]
fn a_text_and_an_answer() {
    let text = "저녁 7시에 봐요 🍲";
    let content = Content::text(SALT, SENDER, ROOM, text);
    check_example(&content, TEXT, TEXT_ID, What::Text(text));
    let answer = Content::text(SALT, SENDER, ROOM, "네!").reply_to(first());
    check_example(&answer, ANSWER, ANSWER_ID, What::Text("네!"));
    assert_eq!(answer.in_reply_to, Some(first()));
}

#[test]
fn an_edit_and_a_withdrawal() {
    let text = "저녁 8시에 봐요";
    let edit = Content::edit(SALT, SENDER, ROOM, first(), text);
    check_example(&edit, EDIT, EDIT_ID, What::Edit { replaces: first(), text });
    let withdrawal = Content::withdrawal(SALT, SENDER, ROOM, first());
    let what = What::Withdrawal { replaces: first() };
    check_example(&withdrawal, WITHDRAWAL, WITHDRAWAL_ID, what);
}

#[test]
fn a_reaction_comes_and_goes() {
    let reaction = Content::reaction(SALT, SENDER, ROOM, first(), "👍🏽");
    let what = What::Reaction { target: first(), emoji: "👍🏽", replaces: None };
    check_example(&reaction, REACTION, REACTION_ID, what);
    let gone = Content::reaction_withdrawal(SALT, SENDER, ROOM, second(), first());
    let what = What::ReactionWithdrawal { replaces: second(), target: Some(first()) };
    check_example(&gone, REACTION_WITHDRAWAL, REACTION_WITHDRAWAL_ID, what);
}

#[test]
fn a_file_is_told_by_kind_name_and_size() {
    let note = FileNote {
        name: Some("cake.jpg".into()),
        bytes: Some(123_456),
        ..FileNote::of(FileKind::Picture)
    };
    let content = Content::file(SALT, SENDER, ROOM, (&note, None), "할머니 생신");
    let Body::External(file) = &content.part.body else { panic!("a file lies elsewhere") };
    check_example(&content, FILE, FILE_ID, What::File { file, replaces: None });
}

#[test]
fn each_kind_of_file_is_read_again() {
    use FileKind::{Audio, File, Other, Picture, Place, Sticker, Video};
    for kind in [Picture, Video, Audio, File, Sticker, Place, Other] {
        let content = Content::file(SALT, SENDER, ROOM, (&FileNote::of(kind), None), "");
        let decoded = Content::decode(&content.encode()).unwrap();
        let What::File { file, .. } = decoded.what() else { panic!("{kind:?} is no file") };
        assert_eq!(file.kind(), kind);
    }
}

#[test]
fn a_file_names_its_bytes_by_an_id_of_ours() {
    let id = MediaId::from_bytes([0xa5; 16]);
    let told = |kind, media_type: &str| FileNote {
        media_type: Some(media_type.into()),
        ..FileNote::of(kind)
    };
    for (kind, media_type, expected) in [
        (FileKind::Picture, "image/PNG", "image/png"),
        (FileKind::Picture, "text/html", "image/*"),
        (FileKind::Video, "video/mp4", "video/mp4"),
        (FileKind::File, "application/pdf", "application/pdf"),
        (FileKind::File, "image/png", "application/octet-stream"),
        (FileKind::File, "a b/c", "application/octet-stream"),
        (FileKind::Sticker, "image/webp", "application/vnd.ieum.sticker"),
    ] {
        let content = Content::file(SALT, SENDER, ROOM, (&told(kind, media_type), Some(id)), "");
        let decoded = Content::decode(&content.encode()).unwrap();
        let What::File { file, .. } = decoded.what() else { panic!("{kind:?} is no file") };
        assert_eq!((&*file.content_type, file.kind()), (expected, kind));
        assert_eq!(MediaId::from_url(&file.url), Some(id));
    }
}

#[test]
fn every_field_has_its_place() {
    let value = |hex| ExtensionValue::from_cbor(&unhex(hex)).unwrap();
    let single = |disposition, language: &str, content_type: &'static str, content: &[u8]| Part {
        disposition: Disposition(disposition),
        language: language.into(),
        body: Body::Single { content_type: content_type.into(), content: content.into() },
    };
    let parts = vec![
        single(1, "ko", MARKDOWN_TEXT, "**안녕**".as_bytes()),
        single(200, "", "application/octet-stream", &[0, 0xff]),
    ];
    let body = Body::Multi { semantics: Semantics::ChooseOne, parts };
    let part = Part { disposition: Disposition::RENDER, language: "ko,en".into(), body };
    let mut content = Content::new(SALT, SENDER, ROOM, part);
    content.topic_id = b"topic".to_vec();
    content.expires = Some(Expiration { relative: true, seconds: 86_400 });
    content.extensions.others = BTreeMap::from([
        (ExtensionKey::Text("aa".into()), value("a1416bd8206175")),
        (ExtensionKey::Text("b".into()), value("6178")),
        (ExtensionKey::Integer(-1), value("f93c00")),
        (ExtensionKey::Integer(256), value("8201f6")),
    ]);
    check_example(&content, EVERYTHING, EVERYTHING_ID, What::Text("**안녕**"));
}

#[test]
fn a_native_event_has_one_salt() {
    let secret = HubSecret::new(*b"a secret of the hub, for tests 32");
    let salt = salt_for_native(&secret, "line", "C4af4980629", "325708");
    assert_eq!(salt.as_slice(), unhex("d9e17a61e459d0843010e9ea8c205e4c"));
    // Fields that run together to the same letters are another event.
    assert_ne!(salt, salt_for_native(&secret, "line", "C4af498062", "9325708"));
    assert_ne!(salt, salt_for_native(&HubSecret::new(*b"x"), "line", "C4af4980629", "325708"));
    assert_eq!(format!("{secret:?}"), "HubSecret(..)");
    // A secret longer than a block of the hash.
    let salt = salt_for_native(&HubSecret::new([b'k'; 65]), "kakaotalk", "가족방", "1");
    assert_eq!(salt.as_slice(), unhex("61de70903cca54c018ea5aaecde4d6cf"));
}

#[test]
fn an_id_is_written_and_read_as_hexadecimal() {
    let id: MessageId = TEXT_ID.parse().unwrap();
    assert_eq!(id.to_string(), TEXT_ID);
    assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{TEXT_ID}\""));
    assert_eq!(serde_json::from_str::<MessageId>(&format!("\"{TEXT_ID}\"")).unwrap(), id);
    assert_eq!(id.short(), "A9EF");
    for wrong in [
        "",
        "01",
        TEXT_ID.trim_start_matches('0'),
        &format!("{TEXT_ID}0"),
        &TEXT_ID.replace('0', "g"),
    ] {
        assert_eq!(wrong.parse::<MessageId>(), Err(MessageIdError), "{wrong}");
    }
}

#[test]
fn what_a_stranger_may_not_send_is_refused() {
    let content = Content::text(SALT, SENDER, ROOM, "x");
    let refused = |change: fn(&mut Content)| {
        let mut content = content.clone();
        change(&mut content);
        let error = Content::decode(&content.encode()).unwrap_err();
        assert!(content.check().is_err());
        error
    };
    let over = |field, max| ContentError::OverLimit { field, max };
    let error = refused(|content| content.part = Part::plain(Disposition::RENDER, &big(262_144)));
    assert_eq!(error, over("the message", limits::MESSAGE_BYTES_MAX));
    let error = refused(|content| content.topic_id = vec![0; 4_097]);
    assert_eq!(error, over("the topic id", limits::TOPIC_ID_BYTES_MAX));
    let error = refused(|content| content.extensions.sender_uri = Some(big(4_096)));
    assert_eq!(error, over("a URI", limits::URI_BYTES_MAX));
    let error = refused(|content| content.part.language = big(1_025));
    assert_eq!(error, over("a language", limits::LANGUAGE_BYTES_MAX));
    let error = refused(|content| content.replaces = Some([2; 32].into()));
    assert_eq!(error, ContentError::UnknownDigest);
    let error = refused(|content| content.part = multi(vec![null()]));
    assert_eq!(error, ContentError::TooFewParts);
    let error = refused(|content| content.part = multi(vec![null(); 1_024]));
    assert_eq!(error, over("the number of parts", limits::PARTS_MAX));
    let seconds = 366 * 86_400 + 1;
    let error = refused(|content| {
        content.expires = Some(Expiration { relative: true, seconds: 366 * 86_400 + 1 });
    });
    assert_eq!(error, over("the lifetime", seconds - 1));
    let names =
        [ExtensionKey::Text(String::new()), ExtensionKey::Text(big(256)), ExtensionKey::Integer(0)];
    for name in names {
        let mut content = content.clone();
        content.extensions = Extensions::default();
        let value = ExtensionValue::from_cbor(&[0]).unwrap();
        content.extensions.others.insert(name, value);
        assert_eq!(content.check(), Err(ContentError::ExtensionName));
        assert_eq!(Content::decode(&content.encode()), Err(ContentError::ExtensionName));
    }
}

#[test]
fn parts_nest_four_levels_and_no_more() {
    let mut part = null();
    for levels in 1..=6 {
        let content = Content::new(SALT, SENDER, ROOM, part.clone());
        let decoded = Content::decode(&content.encode());
        assert_eq!(decoded.is_ok(), levels <= 4, "{levels} levels: {decoded:?}");
        assert_eq!(content.check().is_ok(), levels <= 4, "{levels} levels");
        part = multi(vec![part, null()]);
    }
}

#[test]
fn extensions_nest_three_levels_below_their_map() {
    assert!(ExtensionValue::from_cbor(&unhex("818181f6")).is_ok());
    assert!(ExtensionValue::from_cbor(&unhex("8181d8206178")).is_ok());
    assert!(ExtensionValue::from_cbor(&unhex("81818180")).is_err());
    let mut long = vec![0x59, 0x0f, 0xfc];
    long.resize(4_095, 0);
    assert!(ExtensionValue::from_cbor(&long).is_ok());
    let mut longer = vec![0x59, 0x0f, 0xfd];
    longer.resize(4_096, 0);
    assert!(ExtensionValue::from_cbor(&longer).is_err());
}

#[test]
fn a_lifetime_is_measured_from_now() {
    let now_s = 1_790_000_000;
    let is_sound = |relative, seconds| Expiration { relative, seconds }.is_within_a_year_of(now_s);
    assert!(is_sound(true, 3_600));
    assert!(!is_sound(true, 400 * 86_400));
    assert!(is_sound(false, 1_790_000_600));
    assert!(is_sound(false, 1_780_000_000));
    assert!(!is_sound(false, 3_600));
}

#[test]
fn another_shape_is_refused_with_its_place() {
    let shape = |hex: &str| match Content::decode(&unhex(hex)) {
        Err(ContentError::Shape { at, .. }) => at,
        other => panic!("{hex}: {other:?}"),
    };
    assert_eq!(shape("f6"), 0);
    assert_eq!(shape("80"), 0);
    assert_eq!(shape("874f000102030405060708090a0b0c0d0ef640f6f6a083016000"), 1);
    let with_part = |part: &str| format!("8750000102030405060708090a0b0c0d0e0ff640f6f6a0{part}");
    assert!(Content::decode(&unhex(&with_part("83016000"))).is_ok());
    assert_eq!(shape(&with_part("83016004")), 23);
    assert_eq!(shape(&with_part("8401600000")), 23);
    assert_eq!(shape(&with_part("831901006000")), 24);
    assert_eq!(shape(&with_part("8501600303828301600083016000")), 27);
}

fn big(length: usize) -> String {
    "가".repeat(length / 3) + &"a".repeat(length % 3)
}

fn null() -> Part {
    Part::null(Disposition::RENDER)
}

fn multi(parts: Vec<Part>) -> Part {
    let body = Body::Multi { semantics: Semantics::ProcessAll, parts };
    Part { disposition: Disposition::RENDER, language: String::new(), body }
}

const TEXT: &str = "\
    8750000102030405060708090a0b0c0d0e0ff640f6f6a201781a6965756d3a2f2f6875622e657861\
    6d706c652f702f6d696e6a6902781b6965756d3a2f2f6875622e6578616d706c652f632f66616d69\
    6c79850160017818746578742f706c61696e3b636861727365743d7574662d38581aeca080eb8581\
    2037ec8b9cec979020ebb490ec9a9420f09f8db2";
const TEXT_ID: &str = "01a9ef73976452785024047cd4dfed8c20846b7eb93bbfa4d8e85974fd03710b";

const ANSWER: &str = "\
    8750000102030405060708090a0b0c0d0e0ff640f6582001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa201781a6965756d3a2f2f6875622e6578616d706c652f702f\
    6d696e6a6902781b6965756d3a2f2f6875622e6578616d706c652f632f66616d696c798501600178\
    18746578742f706c61696e3b636861727365743d7574662d3844eb84a421";
const ANSWER_ID: &str = "01ca44f5dd823d811530639df45ee954052aef10bc0dbc8a41e948e2eb18207c";

const EDIT: &str = "\
    8750000102030405060708090a0b0c0d0e0f582001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
    aaaaaaaaaaaaaaaaaaaaaaaa40f6f6a201781a6965756d3a2f2f6875622e6578616d706c652f702f\
    6d696e6a6902781b6965756d3a2f2f6875622e6578616d706c652f632f66616d696c798501600178\
    18746578742f706c61696e3b636861727365743d7574662d3855eca080eb85812038ec8b9cec9790\
    20ebb490ec9a94";
const EDIT_ID: &str = "015f420b6d9920e4ff4b69ce1fded77d362f5c1abb56069f476432f5534ada7b";

const WITHDRAWAL: &str = "\
    8750000102030405060708090a0b0c0d0e0f582001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
    aaaaaaaaaaaaaaaaaaaaaaaa40f6f6a201781a6965756d3a2f2f6875622e6578616d706c652f702f\
    6d696e6a6902781b6965756d3a2f2f6875622e6578616d706c652f632f66616d696c7983016000";
const WITHDRAWAL_ID: &str = "0150be4b7dedf32196ed5760f1cab0fe8b31dcb924f4632bf6a6e3c4ba2d20ff";

const REACTION: &str = "\
    8750000102030405060708090a0b0c0d0e0ff640f6582001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa201781a6965756d3a2f2f6875622e6578616d706c652f702f\
    6d696e6a6902781b6965756d3a2f2f6875622e6578616d706c652f632f66616d696c798502600178\
    18746578742f706c61696e3b636861727365743d7574662d3848f09f918df09f8fbd";
const REACTION_ID: &str = "01c969d5689ecc7ee3bca3ef4f9b6278db3c30f9d567eac6a5754ebd0b72b271";

const REACTION_WITHDRAWAL: &str = "\
    8750000102030405060708090a0b0c0d0e0f582001bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\
    bbbbbbbbbbbbbbbbbbbbbbbb40f6582001aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
    aaaaaaaaaaaaaaaaa201781a6965756d3a2f2f6875622e6578616d706c652f702f6d696e6a690278\
    1b6965756d3a2f2f6875622e6578616d706c652f632f66616d696c7983026000";
const REACTION_WITHDRAWAL_ID: &str =
    "01e385b47e0124d701fa39afd30994fcbd9c662a18f11d583aa888e1a95f4f9b";

const FILE: &str = "\
    8750000102030405060708090a0b0c0d0e0ff640f6f6a201781a6965756d3a2f2f6875622e657861\
    6d706c652f702f6d696e6a6902781b6965756d3a2f2f6875622e6578616d706c652f632f66616d69\
    6c798f06600267696d6167652f2a60001a0001e24000404040004070ed95a0eba8b8eb8b8820ec83\
    9dec8ba06863616b652e6a7067";
const FILE_ID: &str = "0184b03cf97dc3b0c3b33393e1cf253918d32d04d13890ac74818bea49a1a86e";

const EVERYTHING: &str = "\
    8750000102030405060708090a0b0c0d0e0ff645746f70696382f51a00015180f6a601781a696575\
    6d3a2f2f6875622e6578616d706c652f702f6d696e6a6902781b6965756d3a2f2f6875622e657861\
    6d706c652f632f66616d696c791901008201f620f93c0061626178626161a1416bd8206175850165\
    6b6f2c656e0300828501626b6f01781e746578742f6d61726b646f776e3b76617269616e743d4746\
    4d2d4d494d494a2a2aec9588eb85952a2a8518c8600178186170706c69636174696f6e2f6f637465\
    742d73747265616d4200ff";
const EVERYTHING_ID: &str = "0135488ca1c00e4890aec2f2ddc07ff6a2eee8fa76072bb37cf0c2756daf4e5a";
