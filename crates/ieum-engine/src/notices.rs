//! The hub's own words to people, in Korean and English.

use ieum_core::directory::Language;
use ieum_core::inbound::Unreadable;

/// The conversation of what the hub itself says to one person (help, questions).
pub(crate) const HUB_CONVERSATION: ieum_core::ids::ConversationId =
    ieum_core::ids::ConversationId(0);

/// Who cannot be reached now, to those who wrote to them.
pub(crate) fn unreachable(names: &[&str], language: Language) -> String {
    let (shown, more) = names.split_at(names.len().min(5));
    let list = shown.join(", ");
    match (language, more.len()) {
        (Language::Ko, 0) => format!("지금 닿을 수 없는 사람: {list}. 연결되면 바로 전할게요."),
        (Language::Ko, more) => {
            format!("지금 닿을 수 없는 사람: {list} 외 {more}명. 연결되면 바로 전할게요.")
        }
        (Language::En, 0) => {
            format!("Cannot be reached now: {list}. They get it as soon as they can be.")
        }
        (Language::En, more) => format!(
            "Cannot be reached now: {list} and {more} more. They get it as soon as they can be."
        ),
    }
}

/// A message that no way could carry, to its author.
pub(crate) fn dead(name: &str, short_id: &str, language: Language) -> String {
    match language {
        Language::Ko => format!("#{short_id} 메시지를 {name}에게 전하지 못했어요."),
        Language::En => format!("Message #{short_id} could not be delivered to {name}."),
    }
}

/// After a network came back, to a person whose messages went another way.
pub(crate) fn summary(count: u64, from: &str, to: &str, way: &str, language: Language) -> String {
    match language {
        Language::Ko => format!("{from}–{to} 사이 메시지 {count}개는 {way}(으)로 보냈어요."),
        Language::En => format!("{from}–{to}: {count} messages went by {way}."),
    }
}

/// What waited too long to be sent one by one: `(time, name, words)` each, and how many more.
pub(crate) fn digest(told: &[(String, String, String)], more: usize, language: Language) -> String {
    let all = told.len() + more;
    let mut text = match language {
        Language::Ko => format!("너무 늦어진 메시지 {all}개를 모아서 보내요."),
        Language::En => format!("{all} messages that came too late to be sent one by one:"),
    };
    for (clock, name, words) in told {
        text.push_str(&format!("\n{clock} {name}: {words}"));
    }
    if more > 0 {
        text.push_str(&match language {
            Language::Ko => format!("\n그 밖에 {more}개"),
            Language::En => format!("\nand {more} more"),
        });
    }
    text
}

/// To somebody who asks for help or writes for the first time.
pub(crate) fn help(language: Language) -> &'static str {
    match language {
        Language::Ko => {
            "이음은 카톡·LINE·텔레그램의 대화를 이어 줍니다.\n\
             · 그냥 쓰면 지금 대화로 전해져요.\n\
             · @대화이름 내용 — 다른 대화로 보내기\n\
             · 누구 — 대화에 누가 있는지\n\
             · 상태 — 지금 무엇이 되는지\n\
             · 카톡 안 돼요 — 알려 주기\n\
             · 연결, 연결 끊기 — 다른 메신저 잇기, 끊기\n\
             · 여기로 — 12시간 동안 여기로 먼저 받기\n\
             · 순서 라인 카톡 — 받을 순서\n\
             · 들어가기 — 브라우저에서 쓸 코드 받기\n\
             · 방 코드 — 단체방을 지금 대화에 잇기\n\
             · 그만, 다시 — 여기로 그만 받기, 다시 받기\n\
             · 도움말 — 이 안내"
        }
        Language::En => {
            "Ieum joins conversations on KakaoTalk, LINE and Telegram.\n\
             · What you write goes to your present conversation.\n\
             · @title words — to another conversation\n\
             · who — who is in it\n\
             · status — what works now\n\
             · kakao is down — tell us\n\
             · link, unlink — join or part another messenger\n\
             · here — be reached here first for 12 hours\n\
             · order line kakao — in which order you are reached\n\
             · sign in — a code for the pages in a browser\n\
             · room code — join a room to this conversation\n\
             · stop, resume — hear nothing here, or again\n\
             · help — this text"
        }
    }
}

/// To somebody who belongs to no conversation yet.
pub(crate) fn nowhere(language: Language) -> &'static str {
    match language {
        Language::Ko => "아직 참여한 대화가 없어요. 대화에 초대받으면 여기로 알려 드릴게요.",
        Language::En => "You are in no conversation yet. You will hear from us here.",
    }
}

/// When it is not clear where words are to go.
pub(crate) fn which(titles: &[String], language: Language) -> String {
    let list = titles.iter().map(|title| format!("@{title}")).collect::<Vec<_>>().join(", ");
    match language {
        Language::Ko => format!("어느 대화로 보낼까요? {list} 중 하나를 앞에 붙여 다시 써 주세요."),
        Language::En => format!("To which conversation? Write again with one of {list} in front."),
    }
}

/// Another conversation is the present one now.
pub(crate) fn turned(title: &str, language: Language) -> String {
    match language {
        Language::Ko => format!("이제 그냥 쓰면 '{title}' 대화로 전해져요."),
        Language::En => format!("What you write goes to '{title}' now."),
    }
}

/// The list of a conversation's people.
pub(crate) fn who(title: &str, names: &[String], language: Language) -> String {
    let list = names.join(", ");
    match language {
        Language::Ko => format!("{title}: {list}"),
        Language::En => format!("In {title}: {list}"),
    }
}

/// What a button says that begins an answer.
pub(crate) fn answer_word(language: Language) -> &'static str {
    match language {
        Language::Ko => "답하기",
        Language::En => "Answer",
    }
}

/// To people who talk in a way that the hub cannot follow.
pub(crate) fn unreadable(why: Unreadable, language: Language) -> &'static str {
    match (why, language) {
        (Unreadable::Encrypted, Language::Ko) => {
            "이 방은 종단간 암호화라서 이음이 읽을 수 없어요. 열쇠는 참여자들의 기기에만 있습니다. \
             여기서 쓴 글은 다른 메신저로 전해지지 않아요. 이어 쓰려면 암호화하지 않은 방을 만들어 \
             이음을 초대해 주세요."
        }
        (Unreadable::Encrypted, Language::En) => {
            "This room is end-to-end encrypted: the keys are on its members' devices only, so Ieum \
             cannot read it. Nothing written here reaches the other messengers. To be joined, make \
             a room without encryption and invite Ieum."
        }
    }
}

/// To somebody whose network tells no names.
pub(crate) fn what_name(language: Language) -> &'static str {
    match language {
        Language::Ko => "다른 메신저에서 보일 이름을 알려 주세요. 예: @이음 이름 민지",
        Language::En => "Which name should the others see? For example: @이음 name Minji",
    }
}

/// A name was taken.
pub(crate) fn named(name: &str, language: Language) -> String {
    match language {
        Language::Ko => format!("이제 {name}(으)로 보여요."),
        Language::En => format!("The others see {name} now."),
    }
}

/// The code with which somebody signs in on the page.
pub(crate) fn sign_in_code(code: &str, language: Language) -> String {
    match language {
        Language::Ko => format!(
            "로그인 코드: {code}\n10분 안에 한 번만 쓸 수 있어요. 아무에게도 알려 주지 마세요. \
             직접 요청하지 않았다면 그냥 두세요."
        ),
        Language::En => format!(
            "Your code to sign in: {code}\nGood once, within 10 minutes. Tell it to nobody. If you \
             did not ask for it, do nothing."
        ),
    }
}

/// A person of whom no name is known.
pub(crate) fn nameless(number: u64, language: Language) -> String {
    match language {
        Language::Ko => format!("손님 {number}"),
        Language::En => format!("guest {number}"),
    }
}

/// A direct conversation has no title: it is called by the others' names.
pub(crate) fn untitled(language: Language) -> &'static str {
    match language {
        Language::Ko => "대화",
        Language::En => "conversation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_help_begin_where_lines_begin() {
        for language in [Language::Ko, Language::En] {
            let text = help(language);
            assert!(text.lines().all(|line| !line.starts_with(' ')), "{text}");
            assert!(text.lines().count() > 5, "{text}");
        }
    }
}
