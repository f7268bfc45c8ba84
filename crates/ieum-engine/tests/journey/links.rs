//! Links by chat: two proofs and a yes; what strangers can do with a code; parting and recovering.

use super::codes::code_in;
use super::town::Town;
use ieum_core::directory::Purpose;
use ieum_core::ids::{AddressId, PersonId};
use ieum_core::inbound::{InboundKind, InboundMessage};
use ieum_core::network::ChatKind::{Direct, Group};
use ieum_core::network::Network::{self, KakaoTalk, Line, Telegram};
use ieum_core::people::code::{CodePurpose, Party};

/// Somebody writes to our account; returns what each network's people saw because of it.
pub(crate) async fn writes(town: &Town, network: Network, user: &str, text: &str) -> Vec<String> {
    let before = screens(town).len();
    town.says_as(network, (user, Direct), user, text, None).await;
    town.passes(1_500).await;
    let mut seen: Vec<_> = screens(town);
    seen.sort();
    seen.split_off(before).into_iter().map(|(_, line)| line).collect()
}

type Seen = (ieum_core::time::Timestamp, String);

fn screens(town: &Town) -> Vec<Seen> {
    let scripts = [&town.kakaotalk, &town.line, &town.telegram];
    let all = scripts.iter().flat_map(|script| script.seen.lock().unwrap().clone());
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

fn person_of(town: &Town, network: Network, user: &str) -> Option<PersonId> {
    town.hub.with_directory(|directory| {
        let account = directory.account_named(network.word())?.id;
        directory.address_of_user(account, &ieum_core::ids::UserKey::new(user))?.person
    })
}

/// 민지 writes on KakaoTalk and on LINE and is somebody else on each.
async fn strangers() -> Town {
    let town = Town::new().await;
    writes(&town, KakaoTalk, "kminji", "안녕").await;
    writes(&town, Line, "Uminji", "안녕").await;
    assert_ne!(person_of(&town, KakaoTalk, "kminji"), person_of(&town, Line, "Uminji"));
    town
}

async fn code(town: &Town, network: Network, user: &str) -> String {
    let seen = writes(town, network, user, "연결").await;
    code_in(&seen.concat())
}

#[tokio::test(start_paused = true)]
async fn a_code_sent_back_and_a_yes_make_one_person() {
    let town = strangers().await;
    let code = code(&town, KakaoTalk, "kminji").await;
    let seen = writes(&town, Line, "Uminji", &format!("연결 {}", code.to_lowercase())).await;
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen.iter().any(|line| line.starts_with("Uminji") && line.contains("카톡에서 `네`")));
    assert!(seen.iter().any(|line| line.starts_with("kminji: LINE의 'Uminji' 계정")), "{seen:?}");
    let before = person_of(&town, KakaoTalk, "kminji");
    assert_ne!(person_of(&town, Line, "Uminji"), before, "not before the yes");
    let seen = writes(&town, KakaoTalk, "kminji", "네").await;
    assert!(seen.iter().any(|line| line.contains("LINE 연결이 끝났어요")), "{seen:?}");
    assert!(seen.iter().any(|line| line.starts_with("Uminji: LINE 'Uminji'")), "both hear of it");
    let person = person_of(&town, Line, "Uminji");
    assert_eq!(person, before);
    town.hub.with_directory(|directory| {
        let person = directory.person(person.unwrap()).unwrap();
        assert_eq!(person.routes.len(), 2);
        assert!([KakaoTalk, Line].iter().all(|one| person.agreed(*one, Purpose::Failover)));
    });
}

#[tokio::test(start_paused = true)]
async fn who_saw_a_code_links_nothing_without_the_yes_of_its_owner() {
    let town = strangers().await;
    let stolen = code(&town, KakaoTalk, "kminji").await;
    let seen = writes(&town, Telegram, "666", &format!("/start {stolen}")).await;
    assert!(seen.iter().any(|line| line.starts_with("kminji: 텔레그램의 ''")), "{seen:?}");
    let yes_of_the_thief = writes(&town, Telegram, "666", "네").await;
    assert!(!yes_of_the_thief.concat().contains("끝났어요"), "{yes_of_the_thief:?}");
    let seen = writes(&town, KakaoTalk, "kminji", "아니요").await;
    assert!(seen.iter().any(|line| line.starts_with("666: ") && line.contains("않겠다고")));
    assert_ne!(person_of(&town, Telegram, "666"), person_of(&town, KakaoTalk, "kminji"));
    let late_yes = writes(&town, KakaoTalk, "kminji", "네").await;
    assert!(!late_yes.concat().contains("끝났어요"), "a no is a no: {late_yes:?}");
    let replay = writes(&town, Line, "Uminji", &format!("연결 {stolen}")).await;
    assert!(replay.concat().contains("쓸 수 없는 코드"), "{replay:?}");
}

#[tokio::test(start_paused = true)]
async fn a_yes_that_comes_late_or_after_a_crash_counts_as_it_should() {
    let town = strangers().await;
    let first = code(&town, KakaoTalk, "kminji").await;
    writes(&town, Line, "Uminji", &format!("연결 {first}")).await;
    town.passes(10 * 60_000).await;
    writes(&town, KakaoTalk, "kminji", "네").await;
    assert_ne!(person_of(&town, Line, "Uminji"), person_of(&town, KakaoTalk, "kminji"), "late");
    let second = code(&town, KakaoTalk, "kminji").await;
    writes(&town, Line, "Uminji", &format!("연결 {second}")).await;
    let town = town.crash().await;
    writes(&town, KakaoTalk, "kminji", "네").await;
    assert_eq!(person_of(&town, Line, "Uminji"), person_of(&town, KakaoTalk, "kminji"));
}

#[tokio::test(start_paused = true)]
async fn a_network_that_repeats_the_asking_does_not_end_the_code() {
    let town = strangers().await;
    let number = town.says_as(KakaoTalk, ("kminji", Direct), "kminji", "연결", None).await;
    town.passes(1_500).await;
    let code = code_in(town.kakaotalk.screen().last().unwrap());
    let message = InboundMessage { text: "연결".to_owned(), ..InboundMessage::default() };
    let kind = InboundKind::Message(message);
    town.repeats(KakaoTalk, ("kminji", Direct), "kminji", &number, kind).await;
    let seen = writes(&town, Line, "Uminji", &format!("연결 {code}")).await;
    assert!(seen.concat().contains("카톡에서 `네`"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn the_own_code_proves_nothing_in_the_same_chat_and_stays_good() {
    let town = strangers().await;
    let code = code(&town, KakaoTalk, "kminji").await;
    let seen = writes(&town, KakaoTalk, "kminji", &format!("연결 {code}")).await;
    assert!(seen.concat().contains("다른 메신저에서"), "{seen:?}");
    let seen = writes(&town, Line, "Uminji", &format!("link {code}")).await;
    assert!(seen.concat().contains("`네`"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_guesses_is_stopped_and_the_right_one_with_it() {
    let town = strangers().await;
    let mut last = Vec::new();
    for n in 0..11 {
        last = writes(&town, Telegram, "666", &format!("연결 ACDE-{}{}34", 2 + n / 8, 2 + n % 8))
            .await;
    }
    assert!(last.concat().contains("너무 여러 번"), "{last:?}");
    let code = code(&town, KakaoTalk, "kminji").await;
    let seen = writes(&town, Telegram, "666", &format!("연결 {code}")).await;
    assert!(seen.concat().contains("너무 여러 번"), "{seen:?}");
    assert!(seen.iter().all(|line| line.starts_with("666")), "nobody is bothered: {seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_linked_address_is_not_taken_into_another_persons() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let thief = town.person("도둑", &[(KakaoTalk, "kthief"), (Telegram, "666")]).await;
    let code = code(&town, Telegram, "666").await;
    let seen = writes(&town, Line, "Uminji", &format!("연결 {code}")).await;
    assert!(seen.concat().contains("두 쪽 모두"), "{seen:?}");
    assert_eq!(person_of(&town, Line, "Uminji"), Some(minji));
    assert_eq!(person_of(&town, Telegram, "666"), Some(thief));
}

#[tokio::test(start_paused = true)]
async fn a_lost_network_is_parted_from_another_and_begins_anew() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    town.group("가족", &[minji, yuna], &[]).await;
    let seen = writes(&town, Line, "Uminji", "카톡 연결 끊기").await;
    assert_eq!(seen.len(), 2, "told on both: {seen:?}");
    assert_eq!(person_of(&town, KakaoTalk, "kminji"), None);
    let seen = writes(&town, Telegram, "77", "민지야").await;
    assert!(seen.iter().all(|line| line.starts_with("Uminji: ")), "{seen:?}");
    let seen = writes(&town, KakaoTalk, "kminji", "가족에게 할 말").await;
    assert!(
        seen.iter().all(|line| line.starts_with("kminji: ")),
        "reads and says nothing: {seen:?}"
    );
    assert_ne!(person_of(&town, KakaoTalk, "kminji"), Some(minji));
    let seen = writes(&town, Line, "Uminji", "연결 끊기").await;
    assert!(seen.concat().contains("하나뿐인"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_room_is_joined_by_its_code_from_the_one_who_asked_alone() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Line, "Uyuna")]).await;
    let family = town.group("가족", &[minji, yuna], &[]).await;
    town.comes(Line, "Croom", &["Uminji", "Uyuna"]).await;
    town.comes(Line, "Cother", &["Uthief"]).await;
    let seen = writes(&town, KakaoTalk, "kminji", "방 코드").await;
    let code = code_in(&seen.concat());
    let joined = |chat: &str| {
        town.hub.with_directory(|directory| {
            let account = directory.account_named("line").unwrap().id;
            let room = directory.room_of_chat(account, &ieum_core::ids::ChatKey::new(chat));
            room.unwrap().conversation
        })
    };
    let said = format!("연결 {code}");
    town.says(Line, "Cother", "Uthief", &said).await;
    assert_eq!(joined("Cother"), None, "a stranger's room gets nothing by a stolen code");
    town.says(Line, "Croom", "Uyuna", &said).await;
    assert_eq!(joined("Croom"), None, "nor does another member's word count");
    town.says(Line, "Croom", "Uminji", &said).await;
    town.passes(1_500).await;
    assert_eq!(joined("Croom"), Some(family));
    let seen = town.line.screen();
    assert!(seen.iter().any(|line| line.starts_with("Croom: ") && line.contains("'가족'")));
    town.says(Line, "Cother", "Uminji", &said).await;
    assert_eq!(joined("Cother"), None, "the code was used");
}

#[tokio::test(start_paused = true)]
async fn a_room_that_is_joined_is_not_taken_to_another_conversation() {
    let town = Town::new().await;
    let minji = town.person("민지", &[(Line, "Uminji")]).await;
    let thief = town.person("도둑", &[(Line, "Uthief")]).await;
    let family = town.group("가족", &[minji], &[(Line, "Croom")]).await;
    town.group("소굴", &[thief], &[]).await;
    town.comes(Line, "Croom", &["Uminji", "Uthief"]).await;
    let seen = writes(&town, Line, "Uthief", "room code").await;
    let code = code_in(&seen.concat());
    town.says_as(Line, ("Croom", Group), "Uthief", &format!("join {code}"), None).await;
    let room = town.hub.with_directory(|directory| directory.rooms().next().unwrap());
    assert_eq!(room.conversation, Some(family));
}

#[tokio::test(start_paused = true)]
async fn a_person_made_on_the_page_gets_a_first_address_by_a_code_shown_there() {
    let town = Town::new().await;
    let new = ieum_engine::NewPerson {
        name: "하늘".to_owned(),
        language: ieum_core::directory::Language::Ko,
    };
    let person = town.hub.create_person(new).await.unwrap();
    let wanted = ieum_engine::WantedCode {
        purpose: CodePurpose::Link,
        owner: Party::Person(person),
        asked_by: None,
        conversation: None,
    };
    let code = town.hub.issue_code(wanted).await.unwrap().text;
    let seen = writes(&town, Line, "Uhaneul", &format!("연결 {code}")).await;
    assert!(seen.concat().contains("'하늘' 님의 이음 페이지"), "it is asked first: {seen:?}");
    assert_ne!(person_of(&town, Line, "Uhaneul"), Some(person));
    let seen = writes(&town, Line, "Uhaneul", "네").await;
    assert!(seen.concat().contains("이음 페이지와 연결"), "{seen:?}");
    assert_eq!(person_of(&town, Line, "Uhaneul"), Some(person));
    let second = town.hub.issue_code(wanted).await.unwrap().text;
    let seen = writes(&town, Telegram, "77", &format!("연결 {second}")).await;
    assert!(seen.iter().any(|line| line.starts_with("Uhaneul: ")), "now LINE is asked: {seen:?}");
    assert_ne!(person_of(&town, Telegram, "77"), Some(person));
    writes(&town, Line, "Uhaneul", "네").await;
    assert_eq!(person_of(&town, Telegram, "77"), Some(person));
    let routes = town.hub.with_directory(|d| d.person(person).unwrap().routes.clone());
    assert_eq!(routes, [AddressId(1), AddressId(2)]);
}

/// Whoever talks somebody into sending the code of a page does not get to read their chats.
#[tokio::test(start_paused = true)]
async fn who_is_talked_into_sending_a_code_of_a_page_can_still_say_no() {
    let town = Town::new().await;
    let new = ieum_engine::NewPerson {
        name: "도둑".to_owned(),
        language: ieum_core::directory::Language::Ko,
    };
    let thief = town.hub.create_person(new).await.unwrap();
    let victim = town.person("민지", &[(Line, "Uminji")]).await;
    let wanted = ieum_engine::WantedCode {
        purpose: CodePurpose::Link,
        owner: Party::Person(thief),
        asked_by: None,
        conversation: None,
    };
    let code = town.hub.issue_code(wanted).await.unwrap().text;
    writes(&town, Line, "Uminji", &format!("연결 {code}")).await;
    writes(&town, Line, "Uminji", "아니요").await;
    assert_eq!(person_of(&town, Line, "Uminji"), Some(victim));
    writes(&town, Line, "Uminji", "네").await;
    assert_eq!(person_of(&town, Line, "Uminji"), Some(victim), "the question is over");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_who_asks_to_come_in_gets_a_code_in_their_own_chat_for_themselves() {
    let town = Town::new().await;
    let seen = writes(&town, Telegram, "sora", "/start in").await;
    let typed = code_in(&seen.concat());
    let by = Party::Peer(7);
    let redeem = async |purpose| town.hub.redeem_code(&typed, purpose, None, by).await;
    for other in [CodePurpose::Link, CodePurpose::SignIn, CodePurpose::JoinRoom] {
        assert!(redeem(other).await.is_err(), "{other:?}");
    }
    let sora = person_of(&town, Telegram, "sora").unwrap();
    assert_eq!(redeem(CodePurpose::Enter).await.unwrap().owner, Party::Person(sora));
    assert!(redeem(CodePurpose::Enter).await.is_err(), "it is used");
}

#[tokio::test(start_paused = true)]
async fn a_code_to_come_in_links_nobody() {
    let town = strangers().await;
    let typed = code_in(&writes(&town, KakaoTalk, "kminji", "들어가기").await.concat());
    let before = person_of(&town, Line, "Uminji");
    writes(&town, Line, "Uminji", &format!("연결 {typed}")).await;
    writes(&town, KakaoTalk, "kminji", "네").await;
    assert_eq!(person_of(&town, Line, "Uminji"), before);
}
