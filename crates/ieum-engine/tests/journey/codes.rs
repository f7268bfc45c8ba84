//! One-time codes over a running hub: sent by a network, typed on a page, used once.

use super::town::{Mood, Town};
use ieum_core::ids::{AddressId, PersonId};
use ieum_core::network::Network::{KakaoTalk, Line};
use ieum_core::people::code::{CodePurpose, Party};
use ieum_core::people::codes::CodeRefusal;
use ieum_engine::{CodeFailure, WantedCode};

const PAGE: Party = Party::Peer(5);

async fn town() -> (Town, PersonId) {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    (town, minji)
}

/// The code in the last line that somebody saw.
pub(crate) fn code_in(line: &str) -> String {
    let shaped = |word: &&str| word.len() == 9 && word.as_bytes()[4] == b'-';
    line.split_whitespace().find(shaped).expect("a code").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_code_that_was_sent_signs_in_once() {
    let (town, minji) = town().await;
    let sent = town.hub.send_code(minji, AddressId(2), PAGE).await.unwrap();
    town.passes(1_000).await;
    assert!(town.kakaotalk.screen().is_empty());
    let code = code_in(&town.line.screen()[0]);
    let redeem = || town.hub.redeem_code(&code, CodePurpose::SignIn, Some(sent.ticket), PAGE);
    assert_eq!(redeem().await.unwrap().owner, Party::Person(minji));
    assert_eq!(redeem().await, Err(CodeFailure::Refused(CodeRefusal::Wrong)));
}

#[tokio::test(start_paused = true)]
async fn a_crash_neither_loses_a_code_nor_brings_a_used_one_back() {
    let (town, minji) = town().await;
    let wanted = WantedCode {
        purpose: CodePurpose::SignIn,
        owner: Party::Person(minji),
        asked_by: None,
        conversation: None,
    };
    let code = town.hub.issue_code(wanted).await.unwrap().text.to_string();
    let town = town.crash().await;
    let redeem = |town: &Town| {
        let hub = town.hub.clone();
        let code = code.clone();
        async move { hub.redeem_code(&code, CodePurpose::SignIn, None, PAGE).await }
    };
    assert!(redeem(&town).await.is_ok());
    let town = town.crash().await;
    assert_eq!(redeem(&town).await, Err(CodeFailure::Refused(CodeRefusal::Wrong)));
}

#[tokio::test(start_paused = true)]
async fn no_code_goes_to_an_address_of_somebody_else() {
    let (town, minji) = town().await;
    let junho = town.person("준호", &[(Line, "Ujunho")]).await;
    let refused = town.hub.send_code(junho, AddressId(1), PAGE).await;
    assert_eq!(refused, Err(CodeFailure::NotFound("address")));
    let unknown = town.hub.send_code(PersonId(99), AddressId(1), PAGE).await;
    assert_eq!(unknown, Err(CodeFailure::NotFound("address")));
    let wanted = WantedCode {
        purpose: CodePurpose::SignIn,
        owner: PAGE,
        asked_by: None,
        conversation: None,
    };
    assert_eq!(town.hub.issue_code(wanted).await, Err(CodeFailure::NotFound("owner")));
    town.passes(1_000).await;
    assert!(town.kakaotalk.screen().is_empty() && town.line.screen().is_empty());
    assert!(town.hub.send_code(minji, AddressId(1), PAGE).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_code_that_arrives_late_is_worth_nothing() {
    let (town, minji) = town().await;
    town.kakaotalk.turns(Mood::Refuses);
    let sent = town.hub.send_code(minji, AddressId(1), PAGE).await.unwrap();
    town.passes(11 * 60_000).await;
    town.kakaotalk.turns(Mood::Well);
    town.passes(60_000).await;
    let screen = town.kakaotalk.screen();
    let code = screen.iter().find(|line| line.contains("로그인 코드")).map(|line| code_in(line));
    let typed = code.unwrap_or_else(|| "ACDE-2345".to_owned());
    let late = town.hub.redeem_code(&typed, CodePurpose::SignIn, Some(sent.ticket), PAGE).await;
    assert_eq!(late, Err(CodeFailure::Refused(CodeRefusal::Wrong)));
}
