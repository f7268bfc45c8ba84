//! What the hub answers to commands, in Korean and English.
//!
//! Words only, nothing is decided here. Invariant: no answer tells whether somebody else is there.

use Language::{En, Ko};
use ieum_core::directory::Language;
use ieum_core::health::CellState;
use ieum_core::network::Network;
use ieum_core::people::codes::CodeRefusal;
use ieum_core::people::links::LinkRefusal;
use ieum_core::render::words::network_name;

fn named(network: Option<Network>, language: Language) -> &'static str {
    match (network, language) {
        (Some(network), _) => network_name(network, language),
        (None, Ko) => "다른 메신저",
        (None, En) => "the other messenger",
    }
}

/// The code that links a further network.
pub(crate) fn link_code(code: &str, language: Language) -> String {
    match language {
        Ko => format!(
            "다른 메신저에서 이음에게 이렇게 보내 주세요:\n연결 {code}\n\
             그다음 여기서 한 번 더 물어볼게요. 코드는 10분 동안 한 번만 쓸 수 있어요."
        ),
        En => format!(
            "From your other messenger, send this to Ieum:\nlink {code}\n\
             Then you will be asked here once more. Good once, within 10 minutes."
        ),
    }
}

/// The code that joins a room to the present conversation.
pub(crate) fn room_code(code: &str, language: Language) -> String {
    match language {
        Ko => format!(
            "지금 대화와 이을 방에서 직접 이렇게 말해 주세요:\n연결 {code}\n\
             (카톡 방에서는 앞에 @이음을 붙여 주세요.) 다른 사람이 말하면 이어지지 않아요."
        ),
        En => format!(
            "In the room that is to be joined to this conversation, say yourself:\nlink {code}\n\
             (In KakaoTalk rooms put @이음 in front.) Said by somebody else it does nothing."
        ),
    }
}

/// The code that opens the pages, for whoever asked for it in their direct chat.
pub(crate) fn enter_code(code: &str, language: Language) -> String {
    match language {
        Ko => format!(
            "이음 페이지에 이 코드를 넣어 주세요:\n{code}\n\
             10분 동안 한 번만 쓸 수 있어요. 아무에게도 알려 주지 마세요. \
             코드를 아는 사람은 나로서 들어올 수 있어요."
        ),
        En => format!(
            "Type this code on the page of Ieum:\n{code}\n\
             Good once, within 10 minutes. Tell it to nobody: whoever has it comes in as you."
        ),
    }
}

/// There is no group that a room could be joined to.
pub(crate) fn no_group(language: Language) -> &'static str {
    match language {
        Ko => "먼저 방을 이을 단체 대화를 골라 주세요. 예: @대화이름",
        En => "Choose the group conversation first, for example: @title",
    }
}

/// The same asking came again.
pub(crate) fn ask_again(language: Language) -> &'static str {
    match language {
        Ko => "다시 한 번 보내 주세요.",
        En => "Please send that once more.",
    }
}

/// A code was not made or not accepted.
pub(crate) fn refused(refusal: CodeRefusal, language: Language) -> String {
    match (refusal, language) {
        (CodeRefusal::Wrong, Ko) => {
            "쓸 수 없는 코드예요. `연결`이라고 보내면 새 코드를 드려요.".to_owned()
        }
        (CodeRefusal::Wrong, En) => "That code is not valid. Send `link` for a new one.".to_owned(),
        (CodeRefusal::TooMany { after_ms }, Ko) => {
            format!("너무 여러 번 시도했어요. {}분 뒤에 다시 해 주세요.", minutes(after_ms))
        }
        (CodeRefusal::TooMany { after_ms }, En) => {
            format!("Too many tries. Please try again in {} minutes.", minutes(after_ms))
        }
    }
}

fn minutes(ms: u64) -> u64 {
    ms.div_ceil(60_000)
}

/// To the side that sent the code back.
pub(crate) fn say_yes_there(network: Option<Network>, language: Language) -> String {
    let network = named(network, language);
    match language {
        Ko => format!("확인했어요. 이제 {network}에서 `네`라고 답해 주세요."),
        En => format!("Thank you. Now answer `yes` on {network}."),
    }
}

/// To the side that got the code.
pub(crate) fn is_that_you(network: Option<Network>, name: &str, language: Language) -> String {
    let network = named(network, language);
    match language {
        Ko => format!(
            "{network}의 '{name}' 계정이 코드를 보냈어요. 본인이 맞나요?\n\
             `네` — 한 사람으로 연결하고, 한쪽이 안 될 때 다른 쪽으로 전해요.\n\
             `아니요` — 연결하지 않아요. (10분 동안 기다려요)"
        ),
        En => format!(
            "'{name}' on {network} sent the code. Is that you?\n\
             `yes` – both become one, and you are reached by one when the other fails.\n\
             `no` – nothing is joined. (Waits 10 minutes)"
        ),
    }
}

/// To the chat that sent a code which stood on the page of somebody without any address.
pub(crate) fn is_that_your_page(name: &str, language: Language) -> String {
    match language {
        Ko => format!(
            "'{name}' 님의 이음 페이지에 나온 코드예요. 지금 그 페이지를 보고 있는 사람이 본인인가요?\n\
             `네` — 이 계정을 그 페이지에 연결해요. 그 페이지에서 내 대화를 읽고 내 이름으로 쓸 수 \
             있어요.\n\
             `아니요` — 연결하지 않아요. 누가 코드를 보내 달라고 했다면 `아니요`예요. \
             (10분 동안 기다려요)"
        ),
        En => format!(
            "This code stood on the Ieum page of '{name}'. Is it you who looks at that page now?\n\
             `yes` – this account belongs to that page: there your conversations can be read and \
             answered in your name.\n\
             `no` – nothing is joined. If somebody asked you to send the code, answer no. \
             (Waits 10 minutes)"
        ),
    }
}

/// To the side that said yes.
pub(crate) fn linked(network: Option<Network>, language: Language) -> String {
    let network = named(network, language);
    match language {
        Ko => format!("{network} 연결이 끝났어요. 되돌리려면 `{network} 연결 끊기`."),
        En => format!("{network} is linked. To undo: `unlink {network}`."),
    }
}

/// To every other address of the same person.
pub(crate) fn new_link(network: Option<Network>, name: &str, language: Language) -> String {
    let network = named(network, language);
    match language {
        Ko => format!(
            "{network} '{name}' 계정이 연결되었어요. 직접 한 일이 아니면 \
             `{network} 연결 끊기`라고 보내 주세요."
        ),
        En => format!(
            "'{name}' on {network} is linked to you now. If that was not you, send \
             `unlink {network}`."
        ),
    }
}

/// To somebody whose first address became that of a person made on the page.
pub(crate) fn adopted(network: Network, language: Language) -> String {
    let network = network_name(network, language);
    match language {
        Ko => format!("{network} 계정을 이음 페이지와 연결했어요."),
        En => format!("This {network} account is linked to your page."),
    }
}

/// To every address of somebody who has one more passkey.
pub(crate) fn passkey_added(name: &str, language: Language) -> String {
    match language {
        Ko => format!(
            "이음 페이지에 패스키가 더해졌어요 ({name}). 직접 한 일이 아니면 페이지의 '나'에서 없애고 \
             모든 곳에서 나가 주세요."
        ),
        En => format!(
            "A passkey was added to your Ieum page ({name}). If that was not you, remove it under \
             'Me' on the page and sign out everywhere."
        ),
    }
}

/// To the side that sent the code back, when the other said no.
pub(crate) fn said_no(network: Network, language: Language) -> String {
    let network = network_name(network, language);
    match language {
        Ko => format!("{network}에서 연결하지 않겠다고 했어요."),
        En => format!("On {network} the answer was no; nothing was linked."),
    }
}

/// To the side that said no.
pub(crate) fn not_you(language: Language) -> &'static str {
    match language {
        Ko => "연결하지 않았어요. 다른 사람이 코드를 본 것 같다면 새로 만들지 말고 그냥 두세요.",
        En => "Nothing was linked.",
    }
}

/// Why addresses were not joined or parted.
pub(crate) fn not_linked(refusal: LinkRefusal, language: Language) -> String {
    let text = match (refusal, language) {
        (LinkRefusal::Unknown, Ko) => "연결할 수 있는 계정을 찾지 못했어요.",
        (LinkRefusal::Unknown, En) => "There is no such account of yours.",
        (LinkRefusal::Same, Ko) => {
            "이 코드는 여기서 받은 것이에요. 연결하려는 다른 메신저에서 보내 주세요."
        }
        (LinkRefusal::Same, En) => "That code is your own. Send it from the other messenger.",
        (LinkRefusal::BothHaveOthers, Ko) => {
            "두 쪽 모두 이미 다른 메신저와 연결되어 있어요. 한쪽에서 먼저 `연결 끊기`를 해 주세요."
        }
        (LinkRefusal::BothHaveOthers, En) => {
            "Both are linked to further messengers. Send `unlink` on one of them first."
        }
        (LinkRefusal::TalkToEachOther, Ko) => {
            "두 계정이 서로 대화하고 있어서 한 사람으로 연결할 수 없어요."
        }
        (LinkRefusal::TalkToEachOther, En) => {
            "The two talk to each other, so they cannot be one person."
        }
        (LinkRefusal::Last, Ko) => "하나뿐인 연결이라 끊을 수 없어요. 그만 받으려면 `그만`.",
        (LinkRefusal::Last, En) => "It is your only account here. To hear no more, send `stop`.",
    };
    text.to_owned()
}

/// To every address that a person had.
pub(crate) fn link_gone(network: Network, language: Language) -> String {
    let network = network_name(network, language);
    match language {
        Ko => format!("{network} 연결을 끊었어요. 다시 이으려면 `연결`."),
        En => format!("{network} is no longer linked. To link it again, send `link`."),
    }
}

/// A room was joined to a conversation.
pub(crate) fn room_joined(title: &str, language: Language) -> String {
    match language {
        Ko => format!("이 방을 '{title}' 대화와 이었어요. 여기서 하는 말이 다른 방에도 전해져요."),
        En => {
            format!("This room is joined to '{title}': what is said here reaches its other rooms.")
        }
    }
}

/// Somebody is reached here first.
pub(crate) fn here(network: Network, clock: &str, language: Language) -> String {
    let network = network_name(network, language);
    match language {
        Ko => format!("{clock}까지 {network}(으)로 먼저 전할게요."),
        En => format!("Until {clock} you are reached by {network} first."),
    }
}

/// A report was taken.
pub(crate) fn reported(network: Network, language: Language) -> String {
    let network = network_name(network, language);
    match language {
        Ko => format!("알려 주셔서 고마워요. {network} 상태를 살펴볼게요."),
        En => format!("Thank you. {network} is being looked at."),
    }
}

/// A report was taken, and the reporter could be reached here if they agreed.
pub(crate) fn reported_say_here(network: Network, language: Language) -> String {
    let reported = reported(network, language);
    match language {
        Ko => format!("{reported} 여기로 받으려면 `여기로`라고 보내 주세요."),
        En => format!("{reported} To be reached here, send `here`."),
    }
}

/// A report was taken, and the reporter is reached here.
pub(crate) fn reported_moved(network: Network, to: Network, language: Language) -> String {
    let (reported, to) = (reported(network, language), network_name(to, language));
    match language {
        Ko => format!("{reported} 그동안 {to}(으)로 전할게요."),
        En => format!("{reported} Meanwhile you are reached by {to}."),
    }
}

/// Everything agreed to here is withdrawn.
pub(crate) fn stopped(network: Network, language: Language) -> String {
    let network = network_name(network, language);
    match language {
        Ko => format!("이제 {network}(으)로는 보내지 않아요. 다시 받으려면 `다시`."),
        En => format!("Nothing more is sent by {network}. To hear again, send `resume`."),
    }
}

/// There was nothing left to withdraw.
pub(crate) fn stopped_before(network: Network, language: Language) -> String {
    let network = network_name(network, language);
    match language {
        Ko => format!("{network}(으)로는 이미 보내지 않고 있어요."),
        En => format!("Nothing is sent by {network} already."),
    }
}

/// What was withdrawn is given again.
pub(crate) fn resumed(network: Network, language: Language) -> String {
    let network = network_name(network, language);
    match language {
        Ko => format!("다시 {network}(으)로 전할게요."),
        En => format!("You are reached by {network} again."),
    }
}

/// The order in which somebody is reached.
pub(crate) fn ordered(networks: &[Network], language: Language) -> String {
    let list = list(networks, language);
    match language {
        Ko => format!("이 순서로 전할게요: {list}"),
        En => format!("You are reached in this order: {list}"),
    }
}

fn list(networks: &[Network], language: Language) -> String {
    let names: Vec<&str> = networks.iter().map(|one| network_name(*one, language)).collect();
    names.join(" → ")
}

/// What works now, and by which ways the reader is reached.
pub(crate) fn status(
    networks: &[(Network, CellState)],
    ways: &[Network],
    language: Language,
) -> String {
    let mut lines: Vec<String> = networks
        .iter()
        .map(|(network, state)| {
            format!("{}: {}", network_name(*network, language), state_words(*state, language))
        })
        .collect();
    let ways = list(ways, language);
    lines.push(match language {
        Ko => format!("나에게 전하는 순서: {ways}"),
        En => format!("You are reached by: {ways}"),
    });
    lines.join("\n")
}

fn state_words(state: CellState, language: Language) -> &'static str {
    match (state, language) {
        (CellState::Up, Ko) => "잘 돼요",
        (CellState::Up, En) => "works",
        (CellState::Degraded, Ko) => "느리거나 가끔 안 돼요",
        (CellState::Degraded, En) => "slow, or fails at times",
        (CellState::Down, Ko) => "지금 안 돼요",
        (CellState::Down, En) => "does not work now",
        (CellState::Recovering, Ko) => "돌아오는 중이에요",
        (CellState::Recovering, En) => "coming back",
    }
}
