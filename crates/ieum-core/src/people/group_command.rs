//! What people say to the hub about the conversation they are in, in Korean and English.
//!
//! Pure: text in, wish out. Names are left as they were typed: whether one is a member's only the
//! directory tells, and where it is nobody's the words were for the others. Invariant: as in
//! [`super::command`], only a message that is a command as a whole is one.

use super::contacts;
use super::groups::Role;
use super::moderation::{JoinKey, SLOW_MS_MAX};

/// Longest text that may be one, in bytes.
const BYTES_MAX: usize = 600;

/// What somebody wants of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupCommand {
    /// A new group with this title.
    Found(String),
    /// Another title.
    Rename(String),
    /// To ask whoever has this handle to come in.
    Invite(String),
    /// To come in, or not, where they were asked last.
    Answer(bool),
    /// To leave.
    Leave,
    /// To take a member out.
    Remove(String),
    /// To give a member another role.
    Appoint(String, Role),
    /// To come in by a door.
    Enter(JoinKey),
    /// To open the conversation to whoever has a link, or to close it.
    Open(bool),
    /// To let members speak only so often, in milliseconds.
    Slow(u64),
    /// To ban a member: their name, and behind it the reason.
    Ban(String),
    /// To lift a ban.
    Unban(String),
    /// To report a member: their name, and behind it the reason.
    Report(String),
    /// To see what was reported.
    Reports,
}

const FOUND: [&str; 8] = [
    "모임 만들기",
    "모임만들기",
    "단체 만들기",
    "단체방 만들기",
    "대화 만들기",
    "새 모임",
    "new group",
    "/newgroup",
];
const RENAME: [&str; 5] = ["모임 이름", "대화 이름", "rename group", "group name", "/title"];
const INVITE: [&str; 3] = ["초대", "invite", "/invite"];
const REMOVE: [&str; 4] = ["내보내기", "강퇴", "remove member", "/remove"];
const UNBAN: [&str; 4] = ["차단 해제", "차단해제", "unban", "/unban"];
const BAN: [&str; 3] = ["차단", "ban", "/ban"];
const REPORT: [&str; 3] = ["신고", "report", "/report"];
const ENTER: [&str; 6] = ["참여", "입장", "join", "/join", "/start", "enter"];
const SLOW: [&str; 4] = ["느리게", "슬로우", "slow", "/slow"];
/// What goes before a name, and the role that it gives; longer ones first.
const ROLES: [(&str, Role); 8] = [
    ("부방장 해제", Role::Member),
    ("부방장해제", Role::Member),
    ("not moderator", Role::Member),
    ("부방장", Role::Moderator),
    ("moderator", Role::Moderator),
    ("방장 넘기기", Role::Owner),
    ("방장", Role::Owner),
    ("owner", Role::Owner),
];
/// Commands without more, spaces left out.
const FIXED: [(&[&str], GroupCommand); 6] = [
    (
        &["초대수락", "수락", "참가", "참가하기", "/accept", "acceptinvitation"],
        GroupCommand::Answer(true),
    ),
    (&["초대거절", "거절하기", "/decline", "declineinvitation"], GroupCommand::Answer(false)),
    (
        &["나가기", "모임나가기", "대화나가기", "/leave", "leavegroup", "leaveconversation"],
        GroupCommand::Leave,
    ),
    (&["공개하기", "링크만들기", "/open", "openlink"], GroupCommand::Open(true)),
    (&["공개끄기", "링크닫기", "/close", "closelink"], GroupCommand::Open(false)),
    (&["신고목록", "신고들", "/reports", "showreports"], GroupCommand::Reports),
];

/// The wish in what somebody wrote in their direct chat with our account.
#[must_use]
pub fn group_command(text: &str) -> Option<GroupCommand> {
    let text = text.trim();
    if text.is_empty() || text.len() > BYTES_MAX || text.contains('\n') {
        return None;
    }
    let bare = text.trim_end_matches(['.', '!', '~', '?', ' ']);
    let squeezed: String = bare.to_lowercase().split_whitespace().collect();
    let fixed = FIXED.iter().find(|(forms, _)| forms.contains(&squeezed.as_str()));
    if let Some((_, command)) = fixed {
        return Some(command.clone());
    }
    let rest = |words: &[&str]| words.iter().find_map(|word| after(text, word));
    let owned = |words: &[&str]| rest(words).map(str::to_owned);
    owned(&FOUND)
        .map(GroupCommand::Found)
        .or_else(|| owned(&RENAME).map(GroupCommand::Rename))
        .or_else(|| invite(text, rest(&INVITE)).map(GroupCommand::Invite))
        .or_else(|| rest(&ENTER).and_then(JoinKey::read).map(GroupCommand::Enter))
        .or_else(|| rest(&SLOW).and_then(wait_ms).map(GroupCommand::Slow))
        .or_else(|| owned(&UNBAN).map(GroupCommand::Unban))
        .or_else(|| owned(&BAN).map(GroupCommand::Ban))
        .or_else(|| owned(&REMOVE).map(GroupCommand::Remove))
        .or_else(|| owned(&REPORT).map(GroupCommand::Report))
        .or_else(|| appoint(text))
}

/// What stands behind a word and a space, in whatever case the word is.
fn after<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    let (front, rest) = text.split_at_checked(word.len())?;
    let rest = rest.strip_prefix(' ')?.trim();
    (front.to_lowercase() == word && !rest.is_empty()).then_some(rest)
}

/// `초대 @handle` or `@handle 초대`: the sign in front tells it from talk about invitations.
fn invite(text: &str, behind: Option<&str>) -> Option<String> {
    let in_front = || INVITE.iter().find_map(|word| text.strip_suffix(word)?.strip_suffix(' '));
    let typed = behind.or_else(in_front)?.trim();
    let named = typed.starts_with('@') && contacts::handle(typed).is_some();
    named.then(|| typed.to_owned())
}

/// `30초`, `5분`, `30s`, `5 min`, `끄기`, `off`.
fn wait_ms(typed: &str) -> Option<u64> {
    let squeezed: String = typed.to_lowercase().split_whitespace().collect();
    if matches!(squeezed.as_str(), "끄기" | "해제" | "off" | "0") {
        return Some(0);
    }
    let digits = squeezed.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = squeezed.split_at_checked(digits)?;
    let unit_ms = match unit {
        "초" | "s" | "sec" | "seconds" => 1_000,
        "분" | "m" | "min" | "minutes" => 60_000,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()?.saturating_mul(unit_ms).min(SLOW_MS_MAX))
}

fn appoint(text: &str) -> Option<GroupCommand> {
    let named = |(word, role): &(&str, Role)| {
        after(text, word).map(|name| GroupCommand::Appoint(name.to_owned(), *role))
    };
    ROLES.iter().find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::command::command;

    #[test]
    fn each_form_is_understood_in_both_languages() {
        use GroupCommand::{
            Answer, Appoint, Ban, Enter, Found, Invite, Leave, Open, Remove, Rename, Report,
            Reports, Slow, Unban,
        };
        let door = JoinKey::read("2345-6789-acde").unwrap();
        let s = str::to_owned;
        let table = [
            ("모임 만들기 우리 가족", Found(s("우리 가족"))),
            ("New group Book Club", Found(s("Book Club"))),
            ("모임 이름 책읽기", Rename(s("책읽기"))),
            ("rename group Readers", Rename(s("Readers"))),
            ("초대 @minji", Invite(s("@minji"))),
            ("@민지민지 초대", Invite(s("@민지민지"))),
            ("invite @minji", Invite(s("@minji"))),
            ("초대 수락", Answer(true)),
            ("참가!", Answer(true)),
            ("/decline", Answer(false)),
            ("나가기", Leave),
            ("Leave group", Leave),
            ("내보내기 유나", Remove(s("유나"))),
            ("방장 유나", Appoint(s("유나"), Role::Owner)),
            ("부방장 유나", Appoint(s("유나"), Role::Moderator)),
            ("부방장 해제 유나", Appoint(s("유나"), Role::Member)),
            ("Owner Yuna", Appoint(s("Yuna"), Role::Owner)),
            ("참여 2345 6789 ACDE", Enter(door)),
            ("/start 23456789acde", Enter(door)),
            ("공개하기", Open(true)),
            ("close link", Open(false)),
            ("느리게 30초", Slow(30_000)),
            ("slow 5 min", Slow(300_000)),
            ("느리게 900분", Slow(SLOW_MS_MAX)),
            ("느리게 끄기", Slow(0)),
            ("차단 유나 욕설", Ban(s("유나 욕설"))),
            ("차단 해제 유나", Unban(s("유나"))),
            ("신고 유나 광고예요", Report(s("유나 광고예요"))),
            ("신고 목록", Reports),
        ];
        for (text, wish) in table {
            assert_eq!(group_command(text), Some(wish), "{text}");
            assert_eq!(command(text), None, "one of the two alone: {text}");
        }
    }

    #[test]
    fn talk_about_such_things_stays_talk() {
        for text in [
            "",
            "초대 고마워",
            "초대해 줘",
            "invite me",
            "나가기 싫어",
            "leave me alone",
            "참여 안 해요",
            "join us tomorrow",
            "느리게 가자",
            "slow down",
            "accept",
            "방장님",
            "신고",
            "모임 만들기",
            "모임 만들기\n둘째 줄",
        ] {
            assert_eq!(group_command(text), None, "{text}");
        }
        assert_eq!(group_command(&format!("모임 만들기 {}", "가".repeat(300))), None);
    }
}
