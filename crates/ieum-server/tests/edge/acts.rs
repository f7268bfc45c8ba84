//! Answering, editing, withdrawing and reacting on a page, and whoever tries it on others' words.

use crate::house::{Answer, House};
use crate::inbox::{csrf, form, open, say, sign_in, text};
use crate::search::look;
use serde_json::json;

struct Talk {
    house: House,
    path: String,
    mina: String,
    jun: String,
    /// What Mina said.
    said: String,
}

impl Talk {
    async fn begin() -> Self {
        let house = House::open().await;
        let (mina, jun, conversation) = house.settle().await;
        let said = say(&house, conversation, mina, "내일 봐").await;
        let (mina, jun) = (sign_in(&house, mina).await, sign_in(&house, jun).await);
        let said = said["id"].as_str().unwrap().to_owned();
        Self { path: format!("/inbox/{conversation}"), house, mina, jun, said }
    }

    async fn page(&self, session: &str) -> String {
        text(&open(&self.house, &self.path, session).await)
    }

    async fn act(&self, session: &str, target: &str, more: &str) -> Answer {
        let secret = csrf(&text(&open(&self.house, "/me", session).await));
        let body = format!("csrf={secret}&target={target}&{more}");
        self.house.call(form(&format!("{}/acts", self.path), session, &body)).await
    }

    async fn write(&self, session: &str, more: &str) -> Answer {
        let secret = csrf(&text(&open(&self.house, "/me", session).await));
        let key = self.house.store.messages();
        let body = format!("csrf={secret}&key=k{key}&{more}");
        self.house.call(form(&self.path, session, &body)).await
    }
}

fn reactions(page: &str) -> usize {
    page.matches("<span>👍</span>").count()
}

#[tokio::test]
async fn a_reaction_is_shown_and_gone_once_it_is_taken_back() {
    let talk = Talk::begin().await;
    let react = "deed=react&emoji=%F0%9F%91%8D";
    assert_eq!(talk.act(&talk.jun, &talk.said, react).await.status.as_u16(), 303);
    let page = talk.page(&talk.jun).await;
    assert_eq!((reactions(&page), reactions(&talk.page(&talk.mina).await)), (1, 1));
    let before = page.split("value=\"takeback\"").next().unwrap();
    let target = before.rsplit("name=\"target\" value=\"").next().unwrap();
    let target = target.split('"').next().unwrap().to_owned();
    assert_eq!(talk.act(&talk.mina, &target, "deed=takeback").await.status.as_u16(), 422);
    assert_eq!(talk.act(&talk.jun, &target, "deed=takeback").await.status.as_u16(), 303);
    assert_eq!((reactions(&talk.page(&talk.jun).await)), 0);
    assert_eq!(reactions(&talk.page(&talk.mina).await), 0);
}

#[tokio::test]
async fn an_author_edits_and_withdraws_and_nobody_else_does() {
    let talk = Talk::begin().await;
    let words = format!("edit={}&text=%EB%AA%A8%EB%A0%88", talk.said);
    assert_eq!(talk.write(&talk.jun, &words).await.status.as_u16(), 422);
    assert_eq!(talk.act(&talk.jun, &talk.said, "deed=withdraw").await.status.as_u16(), 422);
    assert!(talk.page(&talk.jun).await.contains("내일 봐"));
    assert_eq!(talk.write(&talk.mina, &words).await.status.as_u16(), 303);
    let page = talk.page(&talk.jun).await;
    assert!(
        page.contains(">모레<") && page.contains("고침") && !page.contains("내일 봐"),
        "{page}"
    );
    assert_eq!(talk.act(&talk.mina, &talk.said, "deed=withdraw").await.status.as_u16(), 303);
    let page = talk.page(&talk.jun).await;
    assert!(page.contains("거둔 말이에요") && !page.contains(">모레<"), "{page}");
}

#[tokio::test]
async fn an_answer_quotes_what_it_answers() {
    let talk = Talk::begin().await;
    let path = format!("{}?reply={}", talk.path, talk.said);
    let page = text(&open(&talk.house, &path, &talk.jun).await);
    assert!(page.contains("name=\"reply\"") && page.contains("답하는 중"), "{page}");
    talk.write(&talk.jun, &format!("reply={}&text=%EA%B7%B8%EB%9E%98", talk.said)).await;
    let page = talk.page(&talk.mina).await;
    assert!(page.contains("class=\"quoted\">민아: 내일 봐<"), "{page}");
}

#[tokio::test]
async fn only_ones_own_words_are_offered_for_editing() {
    let talk = Talk::begin().await;
    let path = format!("{}?edit={}", talk.path, talk.said);
    let own = text(&open(&talk.house, &path, &talk.mina).await);
    assert!(own.contains("name=\"edit\"") && own.contains(">내일 봐</textarea>"), "{own}");
    let other = text(&open(&talk.house, &path, &talk.jun).await);
    assert!(!other.contains("name=\"edit\""), "{other}");
}

#[tokio::test]
async fn words_of_a_conversation_are_out_of_reach_from_outside_and_from_another() {
    let talk = Talk::begin().await;
    let eve = talk.house.post("/v1/people", serde_json::json!({ "name": "이브" })).await.json();
    let eve_id = eve["id"].as_u64().unwrap();
    let eve = sign_in(&talk.house, eve_id).await;
    let react = "deed=react&emoji=%F0%9F%91%8D";
    assert_eq!(talk.act(&eve, &talk.said, react).await.status.as_u16(), 404);
    let body = serde_json::json!({ "kind": "group", "title": "남", "members": [eve_id] });
    let own = talk.house.post("/v1/conversations", body).await.json()["id"].as_u64().unwrap();
    let path = format!("/inbox/{own}");
    let secret = csrf(&text(&open(&talk.house, "/me", &eve).await));
    let body = format!("csrf={secret}&target={}&{react}", talk.said);
    let answer = talk.house.call(form(&format!("{path}/acts"), &eve, &body)).await;
    assert_eq!(answer.status.as_u16(), 404);
    for name in ["reply", "edit"] {
        let page = text(&open(&talk.house, &format!("{path}?{name}={}", talk.said), &eve).await);
        assert!(!page.contains("내일 봐"), "{page}");
    }
    assert_eq!(reactions(&talk.page(&talk.mina).await), 0);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let talk = Talk::begin().await;
    let long = format!("deed=react&emoji={}", "a".repeat(65));
    for (more, status) in [
        ("deed=react&emoji=", 422),
        (long.as_str(), 422),
        ("deed=takeback", 422),
        ("deed=dance", 422),
    ] {
        assert_eq!(talk.act(&talk.mina, &talk.said, more).await.status.as_u16(), status, "{more}");
    }
    assert_eq!(talk.act(&talk.mina, "nothing", "deed=withdraw").await.status.as_u16(), 404);
    let forged = format!("csrf=0&target={}&deed=withdraw", talk.said);
    let answer = talk.house.call(form(&format!("{}/acts", talk.path), &talk.mina, &forged)).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert_eq!(talk.house.store.messages(), 1);
}

#[tokio::test]
async fn a_click_that_comes_twice_reacts_once_and_can_be_given_again_later() {
    let talk = Talk::begin().await;
    let react = |seen: u64| format!("deed=react&emoji=%F0%9F%91%8D&seen={seen}");
    let seen = |page: &str| {
        let value = page.split("name=\"seen\" value=\"").nth(1).unwrap();
        value.split('"').next().unwrap().parse::<u64>().unwrap()
    };
    let first = seen(&talk.page(&talk.jun).await);
    let before = talk.house.store.messages();
    for _ in 0..2 {
        assert_eq!(talk.act(&talk.jun, &talk.said, &react(first)).await.status.as_u16(), 303);
    }
    assert_eq!(talk.house.store.messages(), before + 1);
    let page = talk.page(&talk.jun).await;
    let target = page.split("value=\"takeback\"").next().unwrap();
    let target = target.rsplit("name=\"target\" value=\"").next().unwrap();
    let target = target.split('"').next().unwrap();
    talk.act(&talk.jun, target, "deed=takeback").await;
    let later = seen(&talk.page(&talk.jun).await);
    assert!(later > first);
    talk.act(&talk.jun, &talk.said, &react(later)).await;
    assert_eq!(reactions(&talk.page(&talk.jun).await), 1);
}

/// However much later it was taken back, nobody reads it on an older page.
#[tokio::test]
async fn what_was_withdrawn_or_edited_is_so_on_older_pages_and_where_it_is_quoted() {
    let talk = Talk::begin().await;
    let first = talk.page(&talk.mina).await;
    assert!(first.contains("내일 봐"), "{first}");
    talk.write(&talk.jun, &format!("text=answer&reply={}", talk.said)).await;
    let quoted = talk.page(&talk.jun).await;
    assert!(
        quoted.contains("class=\"quoted\"") && quoted.matches("내일 봐").count() >= 2,
        "{quoted}"
    );
    let edited = say(&talk.house, 1, 1, "before").await;
    let edited = edited["id"].as_str().unwrap().to_owned();
    for number in 0..10 {
        say(&talk.house, 1, 2, &format!("word {number}")).await;
    }
    talk.write(&talk.mina, &format!("text=after&edit={edited}")).await;
    let withdrawn = talk.act(&talk.mina, &talk.said, "deed=withdraw").await;
    assert_eq!(withdrawn.status.as_u16(), 303, "{}", text(&withdrawn));
    look(&talk.house, "1/search?words=word").await;
    let older = text(&open(&talk.house, "/inbox/1?before=5", &talk.jun).await);
    assert!(!older.contains("내일 봐"), "neither where it stood nor where it is quoted: {older}");
    assert!(older.contains("after") && !older.contains("before</p>"), "{older}");
    let reply = format!("/inbox/1?reply={}", talk.said);
    assert!(!text(&open(&talk.house, &reply, &talk.jun).await).contains("내일 봐"));
}

#[tokio::test]
async fn what_one_wrote_on_a_shared_device_waits_for_oneself_alone() {
    let talk = Talk::begin().await;
    let name = |page: &str| {
        let value = page.split("data-write=\"").nth(1).unwrap();
        value.split('"').next().unwrap().to_owned()
    };
    assert_ne!(name(&talk.page(&talk.mina).await), name(&talk.page(&talk.jun).await));
}

/// A page that told of thousands of copies would ask for all of them whenever one moved.
#[tokio::test]
async fn where_each_copy_went_is_told_in_conversations_of_a_size_to_be_read() {
    for (members, told) in [(200, true), (201, false)] {
        let house = House::open().await;
        for number in 1..=members {
            house.post("/v1/people", json!({ "name": format!("n{number}") })).await;
        }
        let all: Vec<u64> = (1..=members).collect();
        let body = json!({ "kind": "group", "title": "모두", "members": all });
        house.post("/v1/conversations", body).await;
        say(&house, 1, 1, "안녕하세요 여러분").await;
        let session = sign_in(&house, 1).await;
        let page = text(&open(&house, "/inbox/1", &session).await);
        assert!(page.contains("안녕하세요 여러분"));
        assert_eq!(page.contains("class=\"whereabouts\""), told, "{members} members");
    }
}
