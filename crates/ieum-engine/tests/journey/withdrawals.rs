//! Withdrawals during an outage with a full queue: what waits ends at once, and nothing goes to
//! anybody who does not agree to it.

use super::links::writes;
use super::town::{Mood, Town};
use ieum_core::audit::Audit;
use ieum_core::delivery::State;
use ieum_core::directory::{ConversationKind, Purpose};
use ieum_core::ids::{ConversationId, DeliverySeq, JournalSeq, MessageSeq, PersonId};
use ieum_core::network::ChatKind::Direct;
use ieum_core::network::Network::{KakaoTalk, Line, Telegram};
use ieum_core::people::contacts::Standing;
use ieum_core::ports::store::{OpenFilter, Store};
use ieum_core::route::security::SecurityLevel;
use ieum_engine::NewConversation;

const WAITING: usize = 40;

/// 민지 on KakaoTalk (first) and LINE, and 유나 on Telegram; KakaoTalk and LINE are down and much
/// waits for 민지.
async fn full(kind: ConversationKind) -> (Town, PersonId, PersonId, ConversationId) {
    let town = Town::new().await;
    let minji = town.person("민지", &[(KakaoTalk, "kminji"), (Line, "Uminji")]).await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    let title = if kind == ConversationKind::Direct { "" } else { "가족" };
    let new = NewConversation { kind, title: title.to_owned(), members: vec![minji, yuna] };
    let talk = town.hub.create_conversation(new).await.unwrap();
    town.kakaotalk.turns(Mood::Refuses);
    town.line.turns(Mood::Refuses);
    for n in 0..WAITING {
        town.says_as(Telegram, ("77", Direct), "77", &format!("소식 {n}"), None).await;
    }
    town.passes(20_000).await;
    assert!(town.open().await >= WAITING, "{} wait", town.open().await);
    (town, minji, yuna, talk)
}

/// The networks work again; what 민지 saw of what waited.
async fn seen_after(town: &Town) -> Vec<String> {
    town.kakaotalk.turns(Mood::Well);
    town.line.turns(Mood::Well);
    town.passes(600_000).await;
    let all = [town.kakaotalk.screen(), town.line.screen()].concat();
    all.into_iter().filter(|line| line.contains("소식")).collect()
}

/// Replays the whole journal and compares it with what is open.
async fn audited(town: &Town) -> ieum_core::audit::AuditReport {
    let mut audit = Audit::new();
    loop {
        let page = town.store.page_journal(audit.after(), 1_000).await.unwrap();
        if page.is_empty() {
            break;
        }
        page.iter().for_each(|entry| audit.replay(entry));
    }
    let open = town.store.page_open(OpenFilter::default(), DeliverySeq(0)).await.unwrap();
    audit.finish(open.into_iter().map(|one| (one.seq, one.state)))
}

/// How many deliveries ended as taken back.
async fn taken_back(town: &Town) -> usize {
    let mut found = 0;
    for message in 1..=town.store_counts().await.messages {
        let deliveries = town.deliveries_of(MessageSeq(message)).await;
        found += deliveries.iter().filter(|one| one.state == State::Withdrawn).count();
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_block_ends_all_that_waits_and_the_author_hears_nothing_of_it() {
    let (town, minji, yuna, _) = full(ConversationKind::Direct).await;
    town.telegram.seen.lock().unwrap().clear();
    town.hub.answer_contact(minji, yuna, Standing::Blocked).await.unwrap();
    assert_eq!(taken_back(&town).await, WAITING, "at once, in the middle of the outage");
    assert_eq!(seen_after(&town).await, Vec::<String>::new());
    let told = town.telegram.screen();
    assert!(!told.iter().any(|line| line.contains("못했어요")), "{told:?}");
    let report = audited(&town).await;
    assert!(report.clean(), "{:?}", report.violations);
    assert_eq!(report.ended.withdrawn, WAITING as u64);
    assert_eq!(town.open().await, 0);
}

#[tokio::test(start_paused = true)]
async fn who_left_gets_nothing_of_what_was_said_before_even_after_a_crash() {
    for crashes in [false, true] {
        let (mut town, minji, _, talk) = full(ConversationKind::Group).await;
        town.hub.remove_member(talk, minji).await.unwrap();
        if crashes {
            town = town.crash().await;
        }
        assert_eq!(seen_after(&town).await, Vec::<String>::new());
        let report = audited(&town).await;
        assert!(report.clean(), "{:?}", report.violations);
    }
}

#[tokio::test(start_paused = true)]
async fn one_network_taken_back_leads_to_the_other_and_both_to_an_end() {
    let (town, minji, _, _) = full(ConversationKind::Group).await;
    for purpose in [Purpose::Talk, Purpose::Failover] {
        town.hub.set_consent(minji, KakaoTalk, purpose, false, "test").await.unwrap();
    }
    let seen = seen_after(&town).await;
    assert!(seen.iter().all(|line| line.starts_with("Uminji: ")), "{seen:?}");
    assert_eq!(seen.len(), WAITING, "nothing is lost that may still be told");
    let (town, minji, _, _) = full(ConversationKind::Group).await;
    for network in [KakaoTalk, Line] {
        for purpose in [Purpose::Talk, Purpose::Failover] {
            town.hub.set_consent(minji, network, purpose, false, "test").await.unwrap();
        }
    }
    // What was handed out when it came to LINE ends before its call.
    town.passes(1).await;
    assert_eq!(taken_back(&town).await, WAITING);
    assert_eq!(seen_after(&town).await, Vec::<String>::new());
    assert!(audited(&town).await.clean());
}

#[tokio::test(start_paused = true)]
async fn a_conversation_reaches_somebody_only_where_they_let_it() {
    let (town, minji, _, talk) = full(ConversationKind::Group).await;
    town.hub.set_reach(minji, talk, Some(vec![Line])).await.unwrap();
    let seen = seen_after(&town).await;
    assert!(seen.iter().all(|line| line.starts_with("Uminji: ")), "{seen:?}");
    town.hub.set_reach(minji, talk, None).await.unwrap();
    let lines = writes(&town, Telegram, "77", "이제 카톡으로").await;
    assert!(lines.iter().any(|line| line.starts_with("kminji: ")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_end_to_end_encryption_alone_is_reached_by_no_plainer_way() {
    let (town, minji, _, _) = full(ConversationKind::Group).await;
    town.hub.set_security(minji, SecurityLevel::EndToEnd).await.unwrap();
    assert_eq!(taken_back(&town).await, WAITING);
    assert_eq!(seen_after(&town).await, Vec::<String>::new());
    writes(&town, Telegram, "77", "소식 더").await;
    assert_eq!(seen_after(&town).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_parted_room_gets_nothing_of_what_waited_for_it() {
    let town = Town::new().await;
    let yuna = town.person("유나", &[(Telegram, "77")]).await;
    let talk = town.group("가족", &[yuna], &[(KakaoTalk, "kroom")]).await;
    town.kakaotalk.turns(Mood::Refuses);
    for n in 0..WAITING {
        town.says_as(Telegram, ("77", Direct), "77", &format!("소식 {n}"), None).await;
    }
    town.passes(20_000).await;
    let room = town.hub.with_directory(|directory| directory.rooms().next().unwrap().id);
    town.hub.part_room(talk, room).await.unwrap();
    assert_eq!(seen_after(&town).await, Vec::<String>::new());
    let first = town.store.page_journal(JournalSeq(0), 1).await.unwrap();
    assert_eq!(first.len(), 1);
    assert!(audited(&town).await.clean());
}
