//! Searching through `/v1`, over an index in the test's own words.

use crate::house::House;
use crate::inbox::{open, sign_in, text};
use ieum_core::ids::MessageSeq;
use ieum_core::ports::search::{
    ChangedPlace, FoundPlace, IndexBatch, IndexEntry, Look, Reached, SearchAnswer, SearchIndex,
};
use ieum_core::search::SearchMark;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

type Entry = (MessageSeq, BTreeSet<SearchMark>);

/// What is kept: the marks of each message, how far they go, and what was withdrawn.
type Kept = (BTreeMap<MessageSeq, Entry>, Option<Reached>, BTreeSet<MessageSeq>);

/// An index in memory.
#[derive(Debug, Default)]
pub struct Catalogue(Mutex<Kept>);

impl SearchIndex for Catalogue {
    fn reached(&self) -> SearchAnswer<'_, Option<Reached>> {
        let reached = self.0.lock().unwrap().1;
        Box::pin(std::future::ready(Ok(reached)))
    }

    fn put(&self, batch: IndexBatch) -> SearchAnswer<'_, ()> {
        let mut kept = self.0.lock().unwrap();
        for entry in batch.entries {
            match entry {
                IndexEntry::Says { message, says, marks } => {
                    kept.0.insert(message, (says, marks.into_iter().collect()));
                }
                IndexEntry::Withdrawn(message) => {
                    kept.0.remove(&message);
                    kept.2.insert(message);
                }
            }
        }
        kept.1 = Some(batch.reached);
        Box::pin(std::future::ready(Ok(())))
    }

    fn find(&self, look: Look) -> SearchAnswer<'_, Vec<FoundPlace>> {
        let kept = self.0.lock().unwrap();
        let has = |marks: &BTreeSet<_>| {
            look.any.iter().any(|all| all.iter().all(|mark| marks.contains(mark)))
        };
        let below = kept.0.range(..look.before).rev().filter(|(_, (_, marks))| has(marks));
        let place = |(message, (says, _)): (&MessageSeq, &Entry)| FoundPlace {
            message: *message,
            says: *says,
        };
        let found = below.take(look.rows_max).map(place).collect();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn changed(&self, messages: Vec<MessageSeq>) -> SearchAnswer<'_, Vec<ChangedPlace>> {
        let kept = self.0.lock().unwrap();
        let place = |message: MessageSeq| {
            let says = kept.0.get(&message).map(|entry| entry.0).filter(|says| *says != message);
            let gone = kept.2.contains(&message);
            (gone || says.is_some()).then_some(ChangedPlace { message, says })
        };
        let places = messages.into_iter().filter_map(place).collect();
        Box::pin(std::future::ready(Ok(places)))
    }

    fn forget(&self, messages: Vec<MessageSeq>) -> SearchAnswer<'_, ()> {
        let mut kept = self.0.lock().unwrap();
        kept.0.retain(|message, _| !messages.contains(message));
        Box::pin(std::future::ready(Ok(())))
    }

    fn clear(&self) -> SearchAnswer<'_, ()> {
        *self.0.lock().unwrap() = Default::default();
        Box::pin(std::future::ready(Ok(())))
    }

    fn close(&self) -> SearchAnswer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// 민아 (1) and 준 (2) are in conversation 1, 준 alone is in 2.
async fn house() -> House {
    let house = House::open().await;
    for name in ["민아", "준"] {
        house.post("/v1/people", json!({ "name": name })).await;
    }
    for (title, members) in [("둘", vec![1, 2]), ("준", vec![2])] {
        let body = json!({ "kind": "group", "title": title, "members": members });
        house.post("/v1/conversations", body).await;
    }
    for (conversation, text) in [(1, "점심 먹자"), (2, "점심은 혼자"), (1, "저녁도 먹자")]
    {
        let path = format!("/v1/conversations/{conversation}/messages");
        let said = house.post(&path, json!({ "text": text, "person": 2 })).await;
        assert_eq!(said.status, 201);
    }
    house
}

pub async fn look(house: &House, query: &str) -> serde_json::Value {
    // The index is filled behind what was said.
    for _ in 0..50 {
        house.clock.pass_ms(1_000);
        tokio::task::yield_now().await;
    }
    house.get(&format!("/v1/people/{query}")).await.json()
}

fn texts(found: &serde_json::Value) -> Vec<&str> {
    found["hits"].as_array().unwrap().iter().map(|hit| hit["text"].as_str().unwrap()).collect()
}

// 점심, 먹자
const LUNCH: &str = "%EC%A0%90%EC%8B%AC";
const EAT: &str = "%EB%A8%B9%EC%9E%90";

#[tokio::test]
async fn people_find_what_was_said_where_they_are() {
    let house = house().await;
    let hers = look(&house, &format!("1/search?words={LUNCH}")).await;
    assert_eq!(texts(&hers), ["점심 먹자"]);
    assert_eq!(hers["hits"][0]["message"]["author"]["name"], "준");
    assert_eq!(hers["hits"][0]["edited"], false);
    let his = look(&house, &format!("2/search?words={LUNCH}")).await;
    assert_eq!(texts(&his), ["점심은 혼자", "점심 먹자"]);
    let there = look(&house, &format!("2/search?words={LUNCH}&conversation=2")).await;
    assert_eq!(texts(&there), ["점심은 혼자"]);
    let elsewhere = look(&house, &format!("1/search?words={LUNCH}&conversation=2")).await;
    assert!(texts(&elsewhere).is_empty());
}

#[tokio::test]
async fn pages_follow_each_other() {
    let house = house().await;
    let first = look(&house, &format!("1/search?words={EAT}&limit=1")).await;
    assert_eq!(texts(&first), ["저녁도 먹자"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = look(&house, &format!("1/search?words={EAT}&limit=1&cursor={cursor}")).await;
    assert_eq!(texts(&second), ["점심 먹자"]);
    let cursor = second["next_cursor"].as_str().unwrap();
    let third = look(&house, &format!("1/search?words={EAT}&cursor={cursor}")).await;
    assert!(texts(&third).is_empty());
    assert!(third["next_cursor"].is_null());
}

#[tokio::test]
async fn what_cannot_be_looked_for_says_why() {
    let house = house().await;
    house.get("/v1/people/1/search?words=%20").await.problem(422);
    house.get("/v1/people/1/search").await.problem(400);
    house.get(&format!("/v1/people/9/search?words={EAT}")).await.problem(404);
    house.get(&format!("/v1/people/1/search?words={EAT}&limit=51")).await.problem(422);
    house.get(&format!("/v1/people/1/search?words={EAT}&cursor=cA")).await.problem(400);
}

#[tokio::test]
async fn the_page_finds_ones_own_and_shows_it_as_text() {
    let house = house().await;
    let said = json!({ "text": "점심 <b>맛있다</b>", "person": 2 });
    assert_eq!(house.post("/v1/conversations/1/messages", said).await.status, 201);
    look(&house, &format!("1/search?words={LUNCH}")).await;
    let mina = sign_in(&house, 1).await;
    let page = text(&open(&house, &format!("/search?q={LUNCH}"), &mina).await);
    assert!(page.contains("점심 먹자") && !page.contains("혼자"), "{page}");
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"), "{page}");
    assert!(page.contains("href=\"/inbox/1?before=2#m1\""), "{page}");
    let there = text(&open(&house, "/inbox/1?before=2", &mina).await);
    assert!(there.contains("id=\"m1\""), "the place that the link leads to: {there}");
    let nothing = text(&open(&house, "/search?q=%3Cscript%3E", &mina).await);
    assert!(!nothing.contains("<script>") && nothing.contains("찾지 못했어요"), "{nothing}");
    for odd in ["/search", "/search?q=%20", &format!("/search?q={}", "a".repeat(101))] {
        assert_eq!(open(&house, odd, &mina).await.status.as_u16(), 200, "{odd}");
    }
    assert_eq!(open(&house, &format!("/search?q={LUNCH}"), "").await.status.as_u16(), 303);
}
