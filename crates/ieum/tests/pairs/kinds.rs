//! What people do on networks, kind by kind, and how to tell what became of it.

use crate::Seen;
use ieum_core::ids::{NativeMessageId, UserKey};
use ieum_core::inbound::{FileKind, FileNote, InboundKind, InboundMessage};
use ieum_core::marks::{Mark, MarkKind};
use ieum_core::outgoing::{Act, Part};

/// One kind.
pub struct Kind {
    pub name: &'static str,
    /// What happens, after somebody said the message `first`.
    pub happens: fn() -> Vec<InboundKind>,
    /// How these acts show it; `None` when they do not.
    pub seen: fn(&[Act]) -> Option<Seen>,
}

/// The native id of what was said before.
pub const FIRST: &str = "first";
const CAPTION: &str = "여기 봐";

pub const KINDS: &[Kind] = &[
    Kind { name: "text", happens: || vec![said("안녕하세요", None)], seen: text },
    Kind { name: "mention", happens: || vec![said("@보라 왔어?", None)], seen: called },
    Kind { name: "strong words, link", happens: strong, seen: shown_strong },
    Kind { name: "picture", happens: || file(FileKind::Picture, "a.png"), seen: filed },
    Kind { name: "strong words beside a picture", happens: strong_caption, seen: strongly_filed },
    Kind { name: "album", happens: album, seen: whole_album },
    Kind { name: "film", happens: || file(FileKind::Video, "a.mp4"), seen: filed },
    Kind { name: "voice (Opus)", happens: || file(FileKind::Audio, "a.ogg"), seen: filed },
    Kind { name: "sound (MP3)", happens: || file(FileKind::Audio, "a.mp3"), seen: filed },
    Kind { name: "file", happens: || file(FileKind::File, "a.pdf"), seen: filed },
    Kind { name: "sticker", happens: || file(FileKind::Sticker, "a.webp"), seen: filed },
    Kind {
        name: "picture that is none",
        happens: || file(FileKind::Picture, "a.svg"),
        seen: filed,
    },
    Kind { name: "file that is gone", happens: || file(FileKind::File, "gone"), seen: filed },
    Kind {
        name: "place",
        happens: || placed("geo:37.55,126.97", "서울역\n37.55, 126.97"),
        seen: place,
    },
    Kind { name: "place at the pole", happens: || placed("geo:90,-180", "90, -180"), seen: pole },
    Kind {
        name: "contact card, poll",
        happens: || noted(FileKind::Other, "김민지\n+82"),
        seen: card,
    },
    Kind { name: "answer", happens: answer, seen: answered },
    Kind { name: "edit", happens: edit, seen: edited },
    Kind { name: "withdrawal", happens: withdrawal, seen: withdrawn },
    Kind { name: "reaction", happens: reaction, seen: reacted },
];

fn said(text: &str, file: Option<FileNote>) -> InboundKind {
    let place = file.as_ref().and_then(|file| file.place.clone());
    let native = NativeMessageId::new(place.unwrap_or_else(|| "second".into()));
    let text = text.to_owned();
    InboundKind::Message(InboundMessage { native, text, file, ..InboundMessage::default() })
}

fn note(kind: FileKind, place: &str) -> FileNote {
    FileNote { name: Some(place.into()), place: Some(place.into()), ..FileNote::of(kind) }
}

fn file(kind: FileKind, place: &str) -> Vec<InboundKind> {
    vec![said(CAPTION, Some(note(kind, place)))]
}

fn album() -> Vec<InboundKind> {
    let pictures = ["1.png", "2.png", "3.png"];
    pictures.map(|place| said("", Some(note(FileKind::Picture, place)))).into()
}

fn placed(uri: &str, text: &str) -> Vec<InboundKind> {
    vec![said(text, Some(FileNote { place: Some(uri.into()), ..FileNote::of(FileKind::Place) }))]
}

fn noted(kind: FileKind, text: &str) -> Vec<InboundKind> {
    vec![said(text, Some(FileNote::of(kind)))]
}

fn answer() -> Vec<InboundKind> {
    let reply_to = Some(NativeMessageId::new(FIRST));
    let text = "그래요".to_owned();
    let native = NativeMessageId::new("second");
    vec![InboundKind::Message(InboundMessage { native, text, reply_to, ..Default::default() })]
}

fn edit() -> Vec<InboundKind> {
    let native = NativeMessageId::new(FIRST);
    vec![InboundKind::Edit { native, text: "고친 글".to_owned(), marks: vec![] }]
}

fn withdrawal() -> Vec<InboundKind> {
    vec![InboundKind::Withdrawal { native: NativeMessageId::new(FIRST) }]
}

fn reaction() -> Vec<InboundKind> {
    let native = NativeMessageId::new(FIRST);
    vec![InboundKind::Reaction { native, emoji: Some("👍".into()), own: None }]
}

fn parts(acts: &[Act]) -> impl Iterator<Item = &Part> {
    acts.iter().flat_map(|act| match act {
        Act::Say(parts) => parts.as_slice(),
        Act::Edit { .. } | Act::Withdraw { .. } | Act::React { .. } => &[],
    })
}

fn says(acts: &[Act], words: &str) -> bool {
    parts(acts).any(|part| part.text.contains(words))
}

fn text(acts: &[Act]) -> Option<Seen> {
    says(acts, "안녕하세요").then_some(Seen::Whole)
}

/// Somebody who is in every room is called: by the network's own means, or by name.
fn called(acts: &[Act]) -> Option<Seen> {
    let part = parts(acts).find(|part| part.text.contains("@보라 왔어?"))?;
    let call = |mark: &Mark<UserKey>| {
        mark.kind.called().is_some_and(|user| user.as_str() == "bora")
            && mark.of(&part.text) == "@보라"
    };
    Some(if part.marks.iter().any(call) { Seen::Whole } else { Seen::Words })
}

fn strong() -> Vec<InboundKind> {
    let marks = vec![
        Mark::new(0..6, MarkKind::Bold),
        Mark::new(7..13, MarkKind::Link("https://a.test/".into())),
    ];
    let (native, text) = (NativeMessageId::new("second"), "굵게 여기".to_owned());
    vec![InboundKind::Message(InboundMessage { native, text, marks, ..Default::default() })]
}

fn strong_caption() -> Vec<InboundKind> {
    let marks = vec![Mark::new(0..6, MarkKind::Bold)];
    let file = Some(note(FileKind::Picture, "a.png"));
    let (native, text) = (NativeMessageId::new("a.png"), "굵게 봐".to_owned());
    vec![InboundKind::Message(InboundMessage { native, text, marks, file, ..Default::default() })]
}

fn strongly_filed(acts: &[Act]) -> Option<Seen> {
    let part = parts(acts).find(|part| part.text.contains("굵게 봐"))?;
    let is_strong = part.marks.iter().any(|mark| mark.of(&part.text) == "굵게");
    Some(if is_strong { Seen::Whole } else { Seen::Words })
}

fn shown_strong(acts: &[Act]) -> Option<Seen> {
    let part = parts(acts).find(|part| part.text.contains("굵게 여기"))?;
    let shown: Vec<_> = part.marks.iter().map(|mark| mark.of(&part.text)).collect();
    match (&*shown, part.text.contains("(https://a.test/)")) {
        (["굵게", "여기"], false) | (["굵게"], true) => Some(Seen::Whole),
        ([], true) => Some(Seen::Words),
        _ => None,
    }
}

/// A file, with its caption beside it in any case.
fn filed(acts: &[Act]) -> Option<Seen> {
    if !says(acts, CAPTION) {
        return None;
    }
    if parts(acts).any(|part| part.file.is_some()) {
        return Some(Seen::Whole);
    }
    if says(acts, "https://hub.example/m/") {
        return Some(Seen::Link);
    }
    (says(acts, "[") && says(acts, "(")).then_some(Seen::Words)
}

fn whole_album(acts: &[Act]) -> Option<Seen> {
    let pictures = parts(acts).filter(|part| part.file.is_some()).count();
    let links = parts(acts).filter(|part| part.text.contains("/m/")).count();
    let words = parts(acts).filter(|part| part.text.contains("[사진 ")).count();
    match (pictures, links, words) {
        (3, _, _) => Some(Seen::Whole),
        (0, 3, _) => Some(Seen::Link),
        (0, 0, 3) => Some(Seen::Words),
        _ => None,
    }
}

fn place(acts: &[Act]) -> Option<Seen> {
    on_map(acts, ("37.55, 126.97", "geo:37.55,126.97", "mlat=37.55&mlon=126.97"))
}

fn pole(acts: &[Act]) -> Option<Seen> {
    on_map(acts, ("90, -180", "geo:90,-180", "mlat=90&mlon=-180"))
}

/// On a map, else in words with the address of one.
fn on_map(acts: &[Act], (words, uri, link): (&str, &str, &str)) -> Option<Seen> {
    if !(says(acts, "[위치") && says(acts, words)) {
        return None;
    }
    let shown = |part: &Part| part.place.as_ref().is_some_and(|place| place.point.uri() == uri);
    match (parts(acts).any(shown), says(acts, link)) {
        (true, false) => Some(Seen::Whole),
        (false, true) => Some(Seen::Words),
        (true, true) | (false, false) => None,
    }
}

fn card(acts: &[Act]) -> Option<Seen> {
    (says(acts, "[첨부]") && says(acts, "김민지")).then_some(Seen::Words)
}

fn answered(acts: &[Act]) -> Option<Seen> {
    let part = parts(acts).find(|part| part.text.contains("그래요"))?;
    match (&part.reply, part.text.contains("> ")) {
        (Some(_), _) => Some(Seen::Whole),
        (None, true) => Some(Seen::Words),
        (None, false) => None,
    }
}

fn edited(acts: &[Act]) -> Option<Seen> {
    let native = |act: &Act| matches!(act, Act::Edit { text, .. } if text.contains("고친 글"));
    if acts.iter().any(native) {
        return Some(Seen::Whole);
    }
    says(acts, "(수정) 고친 글").then_some(Seen::Words)
}

fn withdrawn(acts: &[Act]) -> Option<Seen> {
    if acts.iter().any(|act| matches!(act, Act::Withdraw { .. })) {
        return Some(Seen::Whole);
    }
    says(acts, "취소했습니다").then_some(Seen::Words)
}

fn reacted(acts: &[Act]) -> Option<Seen> {
    if acts.iter().any(|act| matches!(act, Act::React { emoji: Some(_), .. })) {
        return Some(Seen::Whole);
    }
    says(acts, "👍").then_some(Seen::Words)
}
