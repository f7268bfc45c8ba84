//! Leaving for good: at once nobody is reached, and behind that every text goes, also when the
//! hub is killed on the way.

use crate::shelf::PNG;
use crate::town::{Mood, Town};
use ieum_core::content::Content;
use ieum_core::ids::{ConversationId, JournalSeq, MessageSeq, PersonId};
use ieum_core::inbound::FileKind;
use ieum_core::journal::JournalEvent;
use ieum_core::message::Message;
use ieum_core::network::{ChatKind, Network};
use ieum_core::ports::store::Store;
use ieum_core::search::Query;
use ieum_engine::{ChangeFailure, ExportPlace, Exported, Search, Settings};
use std::sync::Arc;

/// 민아 and 준 in a group with a room of LINE.
async fn family() -> (Town, PersonId, PersonId, ConversationId) {
    let town = Town::new().await;
    let mina = town.person("민아", &[(Network::Line, "mina"), (Network::Telegram, "mina-t")]).await;
    let jun = town.person("준", &[(Network::Telegram, "jun")]).await;
    let family = town.group("가족", &[mina, jun], &[(Network::Line, "family")]).await;
    (town, mina, jun, family)
}

async fn messages(town: &Town) -> Vec<Arc<Message>> {
    town.store.messages_after(MessageSeq(0), 1_000).await.unwrap()
}

async fn texts(town: &Town) -> Vec<String> {
    let text = |message: &Arc<Message>| {
        let content = Content::decode(&message.new.content).ok()?;
        ieum_core::search::Finding::of(&content).text().map(str::to_owned)
    };
    messages(town).await.iter().filter_map(text).collect()
}

async fn finds(town: &Town, person: PersonId, words: &str) -> usize {
    let query = Query::read(words).unwrap();
    let search = Search { person, query, conversation: None, before: None, rows_max: 50 };
    town.hub.search(search).await.unwrap().hits.len()
}

async fn exported(town: &Town, person: PersonId) -> Result<Vec<Exported>, ChangeFailure> {
    let (mut all, mut next) = (Vec::new(), Some(ExportPlace::Begin));
    while let Some(place) = next {
        let part = town.hub.export(person, place).await?;
        all.extend(part.items);
        next = part.next;
    }
    Ok(all)
}

async fn journal_is_sound(town: &Town) {
    let mut audit = ieum_core::audit::Audit::default();
    let mut after = JournalSeq(0);
    loop {
        let page = town.store.page_journal(after, 1_000).await.unwrap();
        page.iter().for_each(|entry| audit.replay(entry));
        let Some(last) = page.last() else { break };
        after = last.seq;
    }
    let open = town.store.page_open(Default::default(), Default::default()).await.unwrap();
    let report = audit.finish(open.iter().map(|one| (one.seq, one.state)));
    assert!(report.violations.is_empty(), "{:?}", report.violations);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_not_reached_and_their_texts_are_gone_everywhere() {
    let (town, mina, jun, family) = family().await;
    town.line.shelf.put("place-1", PNG);
    town.says(Network::Line, "family", "mina", "비밀 하나").await;
    let room = ("family", ChatKind::Group);
    town.says_as(Network::Line, room, "guest", "비밀 둘", None).await;
    town.sends(Network::Line, "family", "mina", (FileKind::Picture, "a.png", "place-1"), "비밀 셋")
        .await;
    town.passes(5_000).await;
    assert_eq!(finds(&town, jun, "비밀").await, 3);
    town.hub.delete_person(mina, Some("console")).await.unwrap();
    assert!(town.hub.with_directory(|all| all.conversations_of(mina).is_empty()));
    town.passes(10_000).await;
    let left = texts(&town).await;
    assert!(left.iter().any(|text| text == "비밀 둘"), "{left:?}");
    assert!(!left.iter().any(|text| text.contains("하나") || text.contains("셋")), "{left:?}");
    assert_eq!(finds(&town, jun, "비밀").await, 1);
    assert_eq!(town.hub.with_directory(|all| all.farewells().count()), 0, "it is done");
    assert!(town.hub.with_directory(|all| all.conversation(family).unwrap().members == [jun]));
    journal_is_sound(&town).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_them_and_what_of_theirs_waits_ends_withdrawn() {
    let (town, mina, _, _) = family().await;
    town.telegram.turns(Mood::Hangs);
    town.says(Network::Line, "family", "mina", "아직 안 간 말").await;
    town.passes(5_000).await;
    assert!(town.open().await > 0, "something waits for Telegram");
    town.hub.delete_person(mina, None).await.unwrap();
    town.passes(60_000).await;
    assert!(!texts(&town).await.iter().any(|text| text == "아직 안 간 말"));
    for message in messages(&town).await.iter().filter(|one| one.new.content.is_empty()) {
        let deliveries = town.deliveries_of(message.seq).await;
        assert!(deliveries.iter().all(|one| one.state.ended()), "{deliveries:?}");
    }
    journal_is_sound(&town).await;
}

#[tokio::test(start_paused = true)]
async fn a_farewell_goes_on_after_the_hub_was_killed() {
    let (town, mina, _, _) = family().await;
    for number in 0..1_200 {
        town.says(Network::Line, "family", "mina", &format!("말 {number}")).await;
    }
    town.passes(600_000).await;
    town.hub.delete_person(mina, None).await.unwrap();
    // Killed before the first pass is over, and once more on the way.
    let town = town.crash().await;
    assert_eq!(town.hub.with_directory(|all| all.farewells().count()), 1);
    town.passes(1_100).await;
    let town = town.crash().await;
    town.passes(30_000).await;
    assert_eq!(town.hub.with_directory(|all| all.farewells().count()), 0);
    assert!(!texts(&town).await.iter().any(|text| text.starts_with("말 ")));
    journal_is_sound(&town).await;
}

#[tokio::test(start_paused = true)]
async fn an_export_has_all_of_a_person_and_who_looked() {
    let (town, mina, jun, _) = family().await;
    let class = town.group("반", &[jun], &[(Network::Line, "class")]).await;
    town.says(Network::Line, "family", "mina", "우리 말").await;
    town.says(Network::Line, "class", "stranger", "남의 말").await;
    town.passes(2_000).await;
    town.hub.note_access(mina, "export", "console").await.unwrap();
    let all = exported(&town, mina).await.unwrap();
    let count = |of: fn(&Exported) -> bool| all.iter().filter(|one| of(one)).count();
    assert_eq!(count(|one| matches!(one, Exported::Person(_))), 1);
    assert_eq!(count(|one| matches!(one, Exported::Address(_))), 2);
    assert_eq!(count(|one| matches!(one, Exported::Conversation(..))), 1);
    let looks: Vec<_> = all.iter().filter(|one| matches!(one, Exported::Look { .. })).collect();
    assert_eq!(looks.len(), 1);
    assert!(format!("{looks:?}").contains("console"));
    let there = |message: &Message| message.new.conversation == class;
    let is_there = |one: &Exported| matches!(one, Exported::Message(one) if there(one));
    assert!(!all.iter().any(is_there), "what she cannot see is not hers");
    assert!(count(|one| matches!(one, Exported::Message(_))) >= 1);
    let nobody = exported(&town, PersonId(99)).await;
    assert_eq!(nobody, Err(ChangeFailure::NotFound("person")));
    let looked = town.hub.note_access(PersonId(99), "export", "console").await;
    assert_eq!(looked, Err(ChangeFailure::NotFound("person")));
    let journal = town.store.page_journal(JournalSeq(0), 1_000).await.unwrap();
    let accessed = |event: &JournalEvent| matches!(event, JournalEvent::Accessed { .. });
    assert_eq!(journal.iter().filter(|entry| accessed(&entry.event)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn texts_are_kept_as_long_as_the_operator_says() {
    let day_ms: i64 = 24 * 3_600_000;
    let settings =
        Settings { texts_kept_ms: Some(31 * day_ms.unsigned_abs()), ..Settings::default() };
    let town = Town::with(settings).await;
    let mina = town.person("민아", &[(Network::Line, "mina")]).await;
    town.group("가족", &[mina], &[(Network::Line, "family")]).await;
    town.says(Network::Line, "family", "mina", "오래된 말").await;
    town.passes(5_000).await;
    town.clock.set_wrong_by(30 * day_ms);
    town.passes(5_000).await;
    town.says(Network::Line, "family", "mina", "새 말").await;
    town.passes(2_000).await;
    assert!(texts(&town).await.iter().any(|text| text == "오래된 말"), "a day too early");
    town.clock.set_wrong_by(31 * day_ms);
    town.passes(5_000).await;
    let left = texts(&town).await;
    assert!(!left.iter().any(|text| text == "오래된 말"), "{left:?}");
    assert!(left.iter().any(|text| text == "새 말"), "{left:?}");
    journal_is_sound(&town).await;
}
