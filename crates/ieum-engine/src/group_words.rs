//! What the hub says about groups and moderation, in Korean and English. Words only.

use crate::groups::GroupAct;
use Language::{En, Ko};
use ieum_core::directory::{Directory, Language};
use ieum_core::ids::PersonId;
use ieum_core::people::groups::{GroupRefusal, News, Role};
use ieum_core::people::moderation::{Report, Ruling, Silence};
use ieum_core::render::words::network_name;
use ieum_core::route::roster::Seat;

fn role_name(role: Role, language: Language) -> &'static str {
    match (role, language) {
        (Role::Owner, Ko) => "방장",
        (Role::Owner, En) => "owner",
        (Role::Moderator, Ko) => "부방장",
        (Role::Moderator, En) => "moderator",
        (Role::Member, Ko) => "참여자",
        (Role::Member, En) => "member",
    }
}

/// A change, to all who are in the conversation.
pub(crate) fn news(directory: &Directory, news: &News, language: Language) -> String {
    let name = |id: &PersonId| {
        directory.person(*id).map(|person| person.name.to_string()).unwrap_or_default()
    };
    match (news, language) {
        (News::Renamed(title), Ko) => format!("대화 이름이 '{title}'(으)로 바뀌었어요."),
        (News::Renamed(title), En) => format!("This conversation is called '{title}' now."),
        (News::Came(id), Ko) => format!("{}님이 들어왔어요.", name(id)),
        (News::Came(id), En) => format!("{} came in.", name(id)),
        (News::Left(id), Ko) => format!("{}님이 나갔어요.", name(id)),
        (News::Left(id), En) => format!("{} left.", name(id)),
        (News::Removed(id), Ko) => format!("{}님을 내보냈어요.", name(id)),
        (News::Removed(id), En) => format!("{} was removed.", name(id)),
        (News::Role(id, role), Ko) => {
            format!("{}님은 이제 {}이에요.", name(id), role_name(*role, Ko))
        }
        (News::Role(id, role), En) => {
            format!("{} is {} now.", name(id), role_name(*role, En))
        }
    }
}

/// To the one whom an act is about and who is no member.
pub(crate) fn in_person(act: &GroupAct, title: &str, language: Language) -> Option<String> {
    Some(match (act, language) {
        (GroupAct::Invite(..), Ko) => {
            format!("'{title}' 대화에 초대받았어요. 들어가려면 `초대 수락`, 아니면 `초대 거절`.")
        }
        (GroupAct::Invite(..), En) => {
            format!("You are invited to '{title}'. `accept invitation` or `decline invitation`.")
        }
        (GroupAct::Remove(..), Ko) => format!("'{title}' 대화에서 내보내졌어요."),
        (GroupAct::Remove(..), En) => format!("You were removed from '{title}'."),
        (GroupAct::Ban(.., reason), Ko) => {
            format!("'{title}' 대화에 들어갈 수 없게 되었어요. 이유: {reason}")
        }
        (GroupAct::Ban(.., reason), En) => format!("You are banned from '{title}': {reason}"),
        (GroupAct::Unban(..), Ko) => format!("'{title}' 대화에 다시 들어갈 수 있어요."),
        (GroupAct::Unban(..), En) => format!("You may come into '{title}' again."),
        (GroupAct::Decide(.., ruling), _) => ruled(*ruling, title, language)?,
        (GroupAct::Hear(.., true), Ko) => {
            format!("운영자가 살펴보았고, '{title}'에서의 결정은 그대로예요.")
        }
        (GroupAct::Hear(.., true), En) => {
            format!("The operator looked at it: the decision in '{title}' stands.")
        }
        (GroupAct::Hear(.., false), Ko) => {
            format!("운영자가 '{title}'에서의 결정을 되돌렸어요. 다시 들어갈 수 있어요.")
        }
        (GroupAct::Hear(.., false), En) => {
            format!("The operator undid the decision in '{title}'. You may come in again.")
        }
        _ => return None,
    })
}

fn ruled(ruling: Ruling, title: &str, language: Language) -> Option<String> {
    Some(match (ruling, language) {
        (Ruling::Removed, Ko) => {
            format!("신고에 따라 '{title}' 대화에서 내보내졌어요. 운영자에게 다시 물을 수 있어요.")
        }
        (Ruling::Removed, En) => {
            format!("After a report you were removed from '{title}'. You may ask the operator.")
        }
        (Ruling::Banned, Ko) => format!(
            "신고에 따라 '{title}' 대화에 들어갈 수 없게 되었어요. 운영자에게 다시 물을 수 있어요."
        ),
        (Ruling::Banned, En) => {
            format!("After a report you are banned from '{title}'. You may ask the operator.")
        }
        (Ruling::Open | Ruling::Dismissed, _) => return None,
    })
}

/// To somebody whose words are not carried.
pub(crate) fn silence(silence: Silence, language: Language) -> String {
    let seconds = |ms: u64| ms.div_ceil(1_000);
    match (silence, language) {
        (Silence::Banned, Ko) => "이 대화에서는 말할 수 없어요.".to_owned(),
        (Silence::Banned, En) => "You cannot speak in this conversation.".to_owned(),
        (Silence::TooSoon { after_ms }, Ko) => {
            format!("천천히 말하는 대화예요. {}초 뒤에 다시 보내 주세요.", seconds(after_ms))
        }
        (Silence::TooSoon { after_ms }, En) => {
            format!("This conversation is slow: again in {} s.", seconds(after_ms))
        }
        (Silence::NewcomerTooSoon { after_ms }, Ko) => {
            format!("막 들어온 분은 조금 천천히요. {}초 뒤에 다시 보내 주세요.", seconds(after_ms))
        }
        (Silence::NewcomerTooSoon { after_ms }, En) => {
            format!("You came in just now: again in {} s.", seconds(after_ms))
        }
        (Silence::NewcomerLink, Ko) => "막 들어온 분은 10분 동안 링크를 보낼 수 없어요.".to_owned(),
        (Silence::NewcomerLink, En) => {
            "Who came in just now can send no links for 10 minutes.".to_owned()
        }
    }
}

/// Why something was not done.
pub(crate) fn refused(refusal: GroupRefusal, language: Language) -> &'static str {
    match (refusal, language) {
        (GroupRefusal::NoConversation, Ko) => "그런 대화를 찾지 못했어요.",
        (GroupRefusal::NoConversation, En) => "There is no such conversation.",
        (GroupRefusal::NoMember, Ko) => "그런 사람이 이 대화에 없어요.",
        (GroupRefusal::NoMember, En) => "Nobody of that name is in this conversation.",
        (GroupRefusal::Direct, Ko) => "둘만의 대화에서는 할 수 없어요.",
        (GroupRefusal::Direct, En) => "That cannot be done in a direct conversation.",
        (GroupRefusal::NotAllowed, Ko) => "이 대화를 이끄는 분만 할 수 있어요.",
        (GroupRefusal::NotAllowed, En) => "Only those who lead the conversation can do that.",
        (GroupRefusal::Title, Ko) => "이름은 1자에서 100자까지예요.",
        (GroupRefusal::Title, En) => "A title has 1 to 100 characters.",
        (GroupRefusal::NotInvited, Ko) => "기다리는 초대가 없어요.",
        (GroupRefusal::NotInvited, En) => "No invitation is waiting.",
        (GroupRefusal::Full, Ko) => "더는 자리가 없어요.",
        (GroupRefusal::Full, En) => "That is full.",
        (GroupRefusal::TooMany, Ko) => "너무 잦아요. 나중에 다시 해 주세요.",
        (GroupRefusal::TooMany, En) => "Too often. Please try again later.",
        (GroupRefusal::Banned, Ko) => "들어갈 수 없는 대화예요.",
        (GroupRefusal::Banned, En) => "You cannot come into this conversation.",
        (GroupRefusal::NoReport, Ko) => "그런 신고가 없어요.",
        (GroupRefusal::NoReport, En) => "There is no such report.",
    }
}

/// It was done; `title` is the conversation's.
pub(crate) fn done(act: &GroupAct, title: &str, language: Language) -> String {
    match (act, language) {
        (GroupAct::Found(..), Ko) => format!(
            "'{title}' 대화를 만들었어요. `초대 @아이디`로 부르고, `방 코드`로 단체방을 이어요."
        ),
        (GroupAct::Found(..), En) => {
            format!("'{title}' is made. `invite @handle` asks people in, `room code` joins a room.")
        }
        (GroupAct::Invite(..), Ko) => {
            "그런 분이 있으면 초대가 전해져요. 들어오면 모두에게 알려 드려요.".to_owned()
        }
        (GroupAct::Invite(..), En) => {
            "If there is such a person, they are asked. All hear of it when they come.".to_owned()
        }
        (GroupAct::Answer(.., true) | GroupAct::Enter(..), Ko) => {
            format!("'{title}' 대화에 들어왔어요. 그냥 쓰면 여기로 전해져요.")
        }
        (GroupAct::Answer(.., true) | GroupAct::Enter(..), En) => {
            format!("You are in '{title}'. What you write goes there.")
        }
        (GroupAct::Answer(.., false), Ko) => "초대를 거절했어요.".to_owned(),
        (GroupAct::Answer(.., false), En) => "Declined.".to_owned(),
        (GroupAct::Leave(..), Ko) => format!("'{title}' 대화에서 나왔어요."),
        (GroupAct::Leave(..), En) => format!("You left '{title}'."),
        (GroupAct::Report(..), Ko) => "신고했어요. 이끄는 분들이 살펴볼 거예요.".to_owned(),
        (GroupAct::Report(..), En) => "Reported to those who lead the conversation.".to_owned(),
        (_, Ko) => "그렇게 했어요.".to_owned(),
        (_, En) => "Done.".to_owned(),
    }
}

/// The link of an open conversation: by deep link where a network has one, by words elsewhere.
pub(crate) fn door(title: &str, key: &str, language: Language) -> String {
    match language {
        Ko => format!("'{title}' 대화가 열렸어요. 이음에게 이렇게 보내면 들어와요:\n참여 {key}"),
        En => format!("'{title}' is open. Whoever sends this to Ieum comes in:\njoin {key}"),
    }
}

/// Who is in a conversation, and where each is reached.
pub(crate) fn roster(title: &str, seats: &[Seat], language: Language) -> String {
    let mut lines = vec![match language {
        Ko => format!("{title}: {}명", seats.len()),
        En => format!("In {title}: {}", seats.len()),
    }];
    for seat in seats.iter().take(ROSTER_LINES_MAX) {
        let role = match seat.role {
            Role::Member => String::new(),
            role @ (Role::Moderator | Role::Owner) => {
                format!(" ({})", role_name(role, language))
            }
        };
        let reached = match (seat.reached, language) {
            (Some(network), _) => network_name(network, language),
            (None, Ko) => "지금 닿을 수 없음",
            (None, En) => "cannot be reached now",
        };
        lines.push(format!("· {}{role} — {reached}", seat.name));
    }
    let more = seats.len().saturating_sub(ROSTER_LINES_MAX);
    if more > 0 {
        let out = seats.iter().filter(|seat| seat.reached.is_none()).count();
        lines.push(match language {
            Ko => format!("그 밖에 {more}명 (지금 닿을 수 없는 사람 모두 {out}명)"),
            En => format!("and {more} more ({out} in all cannot be reached now)"),
        });
    }
    lines.join("\n")
}

/// Members that a roster names.
const ROSTER_LINES_MAX: usize = 30;

/// The reports that wait.
pub(crate) fn reports(waiting: &[(&Report, String)], language: Language) -> String {
    if waiting.is_empty() {
        let none = match language {
            Ko => "기다리는 신고가 없어요.",
            En => "No report is waiting.",
        };
        return none.to_owned();
    }
    let line =
        |(report, name): &(&Report, String)| format!("#{} {name}: {}", report.id, report.reason);
    waiting.iter().map(line).collect::<Vec<_>>().join("\n")
}
