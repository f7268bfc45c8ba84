//! The few words that rendering adds, in Korean and English.
//!
//! Every word that a person sees next to somebody else's message is here and nowhere else.

use crate::delivery::Label;
use crate::directory::Language;
use crate::inbound::FileKind;
use crate::media::Missing;
use crate::network::Network;
use crate::time::Timestamp;

/// A network's name as people say it.
#[must_use]
pub fn network_name(network: Network, language: Language) -> &'static str {
    match (network, language) {
        (Network::KakaoTalk, Language::Ko) => "카톡",
        (Network::KakaoTalk, Language::En) => "KakaoTalk",
        (Network::Line, _) => "LINE",
        (Network::Telegram, Language::Ko) => "텔레그램",
        (Network::Telegram, Language::En) => "Telegram",
        (Network::Matrix, Language::Ko) => "매트릭스",
        (Network::Matrix, Language::En) => "Matrix",
        (Network::Xmpp, _) => "XMPP",
        (Network::Mail, Language::Ko) => "메일",
        (Network::Mail, Language::En) => "mail",
    }
}

/// What a label says, e.g. `[카톡 지연 · 대신 보냄 #7F2A 13:44]`.
#[must_use]
pub fn label_text(label: Label, short_id: &str, clock: &str, language: Language) -> String {
    match (label, language) {
        (Label::InsteadOf(network), Language::Ko) => {
            let network = network_name(network, language);
            format!("[{network} 지연 · 대신 보냄 #{short_id} {clock}]")
        }
        (Label::InsteadOf(network), Language::En) => {
            let network = network_name(network, language);
            format!("[{network} delayed · sent instead #{short_id} {clock}]")
        }
        (Label::Late, Language::Ko) => format!("[늦게 보냄 #{short_id} {clock}]"),
        (Label::Late, Language::En) => format!("[sent late #{short_id} {clock}]"),
        (Label::Again, Language::Ko) => {
            format!("[다시 보냄 · 두 번 보일 수 있음 #{short_id} {clock}]")
        }
        (Label::Again, Language::En) => {
            format!("[sent again · may be a second copy #{short_id} {clock}]")
        }
    }
}

/// Hour and minute on the reader's wall.
#[must_use]
pub fn clock_text(at: Timestamp, utc_offset_minutes: i32) -> String {
    let minutes = at.0.div_euclid(60_000).saturating_add(i64::from(utc_offset_minutes));
    let of_day = minutes.rem_euclid(24 * 60);
    format!("{:02}:{:02}", of_day / 60, of_day % 60)
}

/// What a thing that is not text is called.
#[must_use]
pub fn file_word(kind: FileKind, language: Language) -> &'static str {
    match (kind, language) {
        (FileKind::Picture, Language::Ko) => "사진",
        (FileKind::Picture, Language::En) => "picture",
        (FileKind::Video, Language::Ko) => "동영상",
        (FileKind::Video, Language::En) => "video",
        (FileKind::Audio, Language::Ko) => "음성",
        (FileKind::Audio, Language::En) => "audio",
        (FileKind::File, Language::Ko) => "파일",
        (FileKind::File, Language::En) => "file",
        (FileKind::Sticker, Language::Ko) => "스티커",
        (FileKind::Sticker, Language::En) => "sticker",
        (FileKind::Place, Language::Ko) => "위치",
        (FileKind::Place, Language::En) => "place",
        (FileKind::Other, Language::Ko) => "첨부",
        (FileKind::Other, Language::En) => "attachment",
    }
}

/// `[사진 IMG.jpg · 1.2 MB]`
#[must_use]
pub fn file_text(kind: FileKind, name: &str, bytes: u64, language: Language) -> String {
    let mut text = format!("[{}", file_word(kind, language));
    if !name.is_empty() {
        text.push(' ');
        text.push_str(name);
    }
    match bytes {
        0 => {}
        1..1_000 => text.push_str(&format!(" · {bytes} B")),
        1_000..1_000_000 => text.push_str(&format!(" · {} kB", bytes / 1_000)),
        _ => {
            let tenths = bytes / 100_000;
            text.push_str(&format!(" · {}.{} MB", tenths / 10, tenths % 10));
        }
    }
    text.push(']');
    text
}

/// Of a file that the reader's network does not take.
#[must_use]
pub fn not_carried(language: Language) -> &'static str {
    match language {
        Language::Ko => "(여기로는 보낼 수 없는 파일입니다)",
        Language::En => "(cannot be carried here)",
    }
}

/// Of a file that did not come in time.
#[must_use]
pub fn not_here_yet(language: Language) -> &'static str {
    match language {
        Language::Ko => "(아직 받지 못했습니다)",
        Language::En => "(not here yet)",
    }
}

/// Of a file that will not come.
#[must_use]
pub fn missing(why: Missing, language: Language) -> &'static str {
    match (why, language) {
        (Missing::Gone, Language::Ko) => "(받을 수 없었습니다)",
        (Missing::Gone, Language::En) => "(could not be fetched)",
        (Missing::TooLarge, Language::Ko) => "(너무 커서 받지 않았습니다)",
        (Missing::TooLarge, Language::En) => "(too large to be fetched)",
        (Missing::Late, Language::Ko) => "(너무 늦어져 받지 못했습니다)",
        (Missing::Late, Language::En) => "(did not come in time)",
    }
}

/// In front of the new text of a changed message.
#[must_use]
pub fn edited_word(language: Language) -> &'static str {
    match language {
        Language::Ko => "(수정) ",
        Language::En => "(edited) ",
    }
}

/// In place of a message that was taken back where the copy cannot be.
#[must_use]
pub fn withdrawn_text(language: Language) -> &'static str {
    match language {
        Language::Ko => "(위 메시지를 취소했습니다)",
        Language::En => "(took the message above back)",
    }
}

/// A reaction where the network has none.
#[must_use]
pub fn reaction_text(emoji: Option<&str>, language: Language) -> String {
    match (emoji, language) {
        (Some(emoji), Language::Ko) => format!("{emoji} (공감)"),
        (Some(emoji), Language::En) => format!("{emoji} (reaction)"),
        (None, Language::Ko) => "(공감을 취소했습니다)".to_owned(),
        (None, Language::En) => "(took the reaction back)".to_owned(),
    }
}
