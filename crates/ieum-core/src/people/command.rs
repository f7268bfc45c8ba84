//! What people say to the hub itself, in Korean and English, forgivingly.
//!
//! Pure: text in, wish out. Invariant: only a message that is a command as a whole is one; a
//! sentence that merely contains such words is somebody's, and goes to their conversation.

use super::code::CodeText;
use crate::network::Network;

/// Longest text that may be a command, in bytes.
pub const COMMAND_BYTES_MAX: usize = 120;

/// What somebody wants of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// To be told what can be said.
    Help,
    /// Who is in the present conversation.
    Who,
    /// What works now.
    Status,
    /// A code, to be sent from another network.
    Link,
    /// To prove with this code that both are theirs.
    LinkBy(CodeText),
    /// To part an address from themselves: that of a network, or the one they write from.
    Unlink(Option<Network>),
    /// A code that joins a room to the present conversation.
    RoomCode,
    /// A code that opens the pages for them.
    Enter,
    /// To be reached here first for a while.
    Here,
    /// To be reached by these networks in this order.
    Order(Vec<Network>),
    /// That a network does not work for them.
    Down(Network),
    /// To be left alone here.
    Stop,
    /// To be reached here again.
    Resume,
}

/// The forms of commands without more, spaces left out.
const FORMS: [(&[&str], Command); 10] = [
    (&["도움말", "도움", "명령어", "사용법", "help", "/help", "/start", "?"], Command::Help),
    (&["누구", "누구야", "누구누구", "누구있어", "who", "/who", "whoishere"], Command::Who),
    (&["상태", "지금상태", "상태알려줘", "status", "/status"], Command::Status),
    (&["연결", "연결하기", "연결해줘", "계정연결", "link", "/link"], Command::Link),
    (
        &["연결끊기", "연결끊어줘", "연결해제", "연결취소", "unlink", "/unlink"],
        Command::Unlink(None),
    ),
    (&["방코드", "방연결", "방연결코드", "roomcode", "/roomcode"], Command::RoomCode),
    // The last is what Telegram sends for a link that ends in `?start=in`.
    (
        &[
            "들어가기",
            "가입",
            "가입하기",
            "로그인",
            "signin",
            "/signin",
            "signup",
            "login",
            "/startin",
        ],
        Command::Enter,
    ),
    (&["여기로", "여기로보내줘", "여기로줘", "here", "/here", "sendhere"], Command::Here),
    (
        &["그만", "그만보내", "그만보내줘", "수신거부", "stop", "/stop", "unsubscribe"],
        Command::Stop,
    ),
    (&["다시", "다시시작", "다시보내줘", "resume", "/resume"], Command::Resume),
];

/// Words before a code in a direct chat.
const LINK_WORDS: [&str; 4] = ["연결", "link", "/link", "/start"];
/// Words before a code in a room.
const JOIN_WORDS: [&str; 6] = ["연결", "참여", "방 연결", "link", "/link", "join"];
/// What follows a network that is to be parted, or goes before it.
const UNLINK_WORDS: [&str; 3] = ["연결끊기", "연결해제", "unlink"];
/// What goes before an order of networks.
const ORDER_WORDS: [&str; 4] = ["순서", "order", "/order", "경로"];

/// Names of networks as people write them, longer ones first where one begins with another.
const NAMES: [(&str, Network); 19] = [
    ("카카오톡", Network::KakaoTalk),
    ("카카오", Network::KakaoTalk),
    ("카톡", Network::KakaoTalk),
    ("kakaotalk", Network::KakaoTalk),
    ("kakao", Network::KakaoTalk),
    ("라인", Network::Line),
    ("line", Network::Line),
    ("텔레그램", Network::Telegram),
    ("텔레그렘", Network::Telegram),
    ("텔레", Network::Telegram),
    ("telegram", Network::Telegram),
    ("매트릭스", Network::Matrix),
    ("matrix", Network::Matrix),
    ("엑스엠피피", Network::Xmpp),
    ("xmpp", Network::Xmpp),
    ("이메일", Network::Mail),
    ("메일", Network::Mail),
    ("email", Network::Mail),
    ("mail", Network::Mail),
];

/// What may stand between a network's name and what is wrong with it.
const PARTICLES: [&str; 6] = ["이", "가", "은", "는", "도", ""];

/// What is said of a network that does not work, spaces left out.
const DOWN_FORMS: [&str; 34] = [
    "안돼요",
    "안되요",
    "안돼",
    "안됨",
    "안되네",
    "안되네요",
    "안돼네요",
    "안됩니다",
    "안된다",
    "안되는데",
    "안되는데요",
    "안열려",
    "안열려요",
    "안보내져",
    "안보내져요",
    "먹통",
    "먹통이야",
    "먹통이에요",
    "먹통임",
    "고장",
    "고장났어",
    "고장났어요",
    "터졌어",
    "터졌어요",
    "터짐",
    "isdown",
    "down",
    "isnotworking",
    "isn'tworking",
    "notworking",
    "doesn'twork",
    "doesnotwork",
    "isbroken",
    "won'tsend",
];

/// The wish in what somebody wrote in their direct chat with our account.
#[must_use]
pub fn command(text: &str) -> Option<Command> {
    let plain = plain(text)?;
    let squeezed = squeezed(&plain);
    let fixed = FORMS.iter().find(|(forms, _)| forms.contains(&squeezed.as_str()));
    if let Some((_, command)) = fixed {
        return Some(command.clone());
    }
    code_after(&LINK_WORDS, &plain)
        .map(Command::LinkBy)
        .or_else(|| down(&squeezed).map(Command::Down))
        .or_else(|| unlink(&squeezed))
        .or_else(|| order(&plain).map(Command::Order))
}

/// The code that somebody said in a room in order to join it to a conversation.
#[must_use]
pub fn join_code(text: &str) -> Option<CodeText> {
    // Everything that is said in a room comes by here, and nearly nothing of it is a code.
    let first = text.trim_start().chars().next()?.to_lowercase().next();
    let may = JOIN_WORDS.iter().any(|word| word.chars().next() == first);
    if may { code_after(&JOIN_WORDS, &plain(text)?) } else { None }
}

/// Yes or no, for whoever was asked something.
#[must_use]
pub fn yes_or_no(text: &str) -> Option<bool> {
    match squeezed(&plain(text)?).as_str() {
        "네" | "예" | "넵" | "응" | "맞아" | "맞아요" | "yes" | "y" => Some(true),
        "아니요" | "아니오" | "아뇨" | "아니" | "취소" | "no" | "n" | "cancel" => {
            Some(false)
        }
        _ => None,
    }
}

/// Lower case, one line, single spaces, without what only colours it.
fn plain(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > COMMAND_BYTES_MAX || text.contains('\n') {
        return None;
    }
    let lower = text.to_lowercase().replace(['\u{2019}', '\u{2018}'], "'");
    let words: Vec<&str> = lower.split_whitespace().collect();
    let joined = words.join(" ");
    let bare = joined.trim_end_matches(['.', '!', '~', '…', 'ㅠ', 'ㅜ', ' ', '。', '？']);
    let bare = if bare.len() > 1 { bare.trim_end_matches(['?', '!', ' ']) } else { bare };
    (!bare.is_empty()).then(|| bare.to_owned())
}

fn squeezed(plain: &str) -> String {
    plain.replace(' ', "")
}

fn code_after(words: &[&str], plain: &str) -> Option<CodeText> {
    let after = |word: &&str| CodeText::read(plain.strip_prefix(word)?.strip_prefix(' ')?);
    words.iter().find_map(after)
}

fn named_first(squeezed: &str) -> impl Iterator<Item = (Network, &str)> {
    NAMES.iter().filter_map(|(name, network)| Some((*network, squeezed.strip_prefix(name)?)))
}

fn named(word: &str) -> Option<Network> {
    NAMES.iter().find(|(name, _)| *name == word).map(|(_, network)| *network)
}

fn down(squeezed: &str) -> Option<Network> {
    let says = |rest: &str| {
        let mut rests = PARTICLES.iter().filter_map(|particle| rest.strip_prefix(particle));
        rests.any(|rest| DOWN_FORMS.contains(&rest))
    };
    named_first(squeezed).find(|(_, rest)| says(rest)).map(|(network, _)| network)
}

fn unlink(squeezed: &str) -> Option<Command> {
    let after = UNLINK_WORDS.iter().find_map(|word| named(squeezed.strip_prefix(word)?));
    let before = || UNLINK_WORDS.iter().find_map(|word| named(squeezed.strip_suffix(word)?));
    after.or_else(before).map(|network| Command::Unlink(Some(network)))
}

fn order(plain: &str) -> Option<Vec<Network>> {
    let rest = ORDER_WORDS.iter().find_map(|word| plain.strip_prefix(word)?.strip_prefix(' '))?;
    let words = rest.split([' ', ',', '>']).filter(|word| !word.is_empty());
    let networks: Vec<Network> = words.map(named).collect::<Option<_>>()?;
    (!networks.is_empty()).then_some(networks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_form_is_understood_however_it_is_written() {
        use Command::{
            Down, Enter, Help, Here, Link, Order, Resume, RoomCode, Status, Stop, Unlink, Who,
        };
        use Network::{KakaoTalk, Line, Mail, Telegram};
        let table = [
            ("도움말", Help),
            (" 도움말! ", Help),
            ("HELP", Help),
            ("/start", Help),
            ("?", Help),
            ("누구?", Who),
            ("누구 있어?", Who),
            ("who", Who),
            ("상태", Status),
            ("Status?", Status),
            ("연결", Link),
            ("연결해 줘", Link),
            ("link", Link),
            ("연결 끊기", Unlink(None)),
            ("라인 연결 끊기", Unlink(Some(Line))),
            ("연결 끊기 카톡", Unlink(Some(KakaoTalk))),
            ("unlink Telegram", Unlink(Some(Telegram))),
            ("방 코드", RoomCode),
            ("room code", RoomCode),
            ("들어가기", Enter),
            ("가입하기!", Enter),
            ("Sign in", Enter),
            ("/start in", Enter),
            ("여기로", Here),
            ("Here!", Here),
            ("순서 라인 카톡", Order(vec![Line, KakaoTalk])),
            ("order line > kakao, telegram", Order(vec![Line, KakaoTalk, Telegram])),
            ("카톡 안 돼요", Down(KakaoTalk)),
            ("카톡이 안돼ㅠㅠ", Down(KakaoTalk)),
            ("카카오톡 먹통이에요!!", Down(KakaoTalk)),
            ("라인도 안 됨", Down(Line)),
            ("kakao is down", Down(KakaoTalk)),
            ("KakaoTalk isn’t working", Down(KakaoTalk)),
            ("메일 안 보내져요", Down(Mail)),
            ("그만", Stop),
            ("STOP", Stop),
            ("다시", Resume),
            ("resume", Resume),
        ];
        for (text, wish) in table {
            assert_eq!(command(text), Some(wish), "{text}");
        }
    }

    #[test]
    fn sentences_stay_sentences() {
        let sentences = [
            "",
            " ",
            "누구랑 가?",
            "그만 좀 해",
            "다시 말해 줘",
            "연결이 끊겼어",
            "들어가기 싫어",
            "가입했어",
            "/start inside",
            "연결 상태가 안 좋아",
            "카톡 안 보는 사람?",
            "카톡 안 돼서 라인으로 보내",
            "라인 서 있어",
            "여기로 와",
            "here we go",
            "stop it",
            "who is it",
            "help me with this",
            "link me the page",
            "link greatday",
            "연결 정말좋아요",
            "status quo",
            "is kakao down",
            "the line is down",
            "순서대로 해",
            "order pizza",
            "도움말\n둘째 줄",
            "상태가 어때",
            "ACDE-2345",
            "네",
        ];
        for text in sentences {
            assert_eq!(command(text), None, "{text}");
        }
        assert_eq!(command(&"도움말 ".repeat(20)), None);
    }

    #[test]
    fn codes_are_read_behind_their_words_only() {
        let code = CodeText::read("ACDE-2345").unwrap();
        for text in ["연결 ACDE-2345", "연결 acde2345", "link ACDE 2345", "/start ACDE2345"] {
            assert_eq!(command(text), Some(Command::LinkBy(code)), "{text}");
        }
        for text in ["연결 ACDE-2345", "참여 acde 2345", "방 연결 ACDE2345", "join acde-2345!"]
        {
            assert_eq!(join_code(text), Some(code), "{text}");
        }
        for text in
            ["ACDE-2345", "연결ACDE", "연결 ACDE-234", "참여 안 해요", "우리 연결 ACDE-2345"]
        {
            assert_eq!((command(text), join_code(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn yes_and_no_are_whole_answers() {
        for text in ["네", "네!", "예", "YES", "맞아요"] {
            assert_eq!(yes_or_no(text), Some(true), "{text}");
        }
        for text in ["아니요", "no", "취소"] {
            assert_eq!(yes_or_no(text), Some(false), "{text}");
        }
        for text in ["네 알겠어요", "yes please", "아니 왜", "넷", ""] {
            assert_eq!(yes_or_no(text), None, "{text}");
        }
    }

    proptest! {
        /// Words around a command make it a sentence; whatever comes, nothing panics.
        #[test]
        fn a_command_in_a_sentence_is_a_sentence(
            before in "[가-힣]{2,6}",
            after in "[가-힣]{2,6}",
            which in 0..FORMS.len(),
            form in 0..4_usize,
        ) {
            let (forms, _) = &FORMS[which];
            let form = forms[form % forms.len()];
            let sentence = format!("{before} {form} {after}");
            prop_assert_eq!(command(&sentence), None);
            let fixed = |text: &str| {
                FORMS.iter().any(|(forms, _)| forms.contains(&squeezed(text).as_str()))
            };
            let behind = format!("{form} {after}");
            prop_assert!(command(&behind).is_none() || fixed(&behind) || named(&after).is_some());
        }

        #[test]
        fn anything_may_be_read(text in ".{0,60}") {
            let (_, _, _) = (command(&text), join_code(&text), yes_or_no(&text));
            let told = format!("{text} 그리고 {text} 라고 했어");
            prop_assert_eq!(command(&told), None);
        }
    }
}
