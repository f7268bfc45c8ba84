//! Devices hear of messages once, and of nothing that was read, shut out or taken back.

use crate::town::Town;
use ieum_core::ids::{ConversationId, NativeMessageId, PersonId};
use ieum_core::inbound::InboundKind;
use ieum_core::network::{ChatKind, Network::Line};
use ieum_core::people::push::{
    PUSH_KEY_BYTES, PUSH_SECRET_BYTES, PushRefusal, Subscription, Tells,
};
use ieum_core::people::sessions::SessionMark;
use ieum_core::ports::BoxFuture;
use ieum_core::ports::push::{Push, PushOutcome, Pusher};
use ieum_core::time::Timestamp;
use ieum_engine::{Act, Bygone, Deed, PushFailure};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// A push service: writes down what arrives, and answers as it was told to, then yes.
#[derive(Debug, Default)]
struct Service {
    answers: Mutex<VecDeque<PushOutcome>>,
    arrived: Mutex<Vec<String>>,
    topics: Mutex<Vec<[u8; 16]>>,
}

impl Service {
    fn answers(&self, answers: impl IntoIterator<Item = PushOutcome>) {
        self.answers.lock().unwrap().extend(answers);
    }

    fn arrived(&self) -> Vec<String> {
        std::mem::take(&mut self.arrived.lock().unwrap())
    }
}

impl Pusher for Service {
    fn public_key(&self) -> [u8; PUSH_KEY_BYTES] {
        [4; PUSH_KEY_BYTES]
    }

    fn is_key(&self, key: &[u8]) -> bool {
        key.first() == Some(&4)
    }

    fn push<'a>(&'a self, push: Push<'a>) -> BoxFuture<'a, PushOutcome> {
        let device = push.to.endpoint.rsplit('/').next().unwrap();
        let line = format!("{device} | {} | {}", push.note.title, push.note.text);
        self.arrived.lock().unwrap().push(line);
        self.topics.lock().unwrap().push(push.topic);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(PushOutcome::Taken);
        Box::pin(std::future::ready(answer))
    }
}

/// 민아 and 준 in the family, with a room of LINE; 민아 hears on her phone.
struct Home {
    town: Town,
    service: Arc<Service>,
    mina: PersonId,
    jun: PersonId,
    family: ConversationId,
}

impl Home {
    async fn new() -> Self {
        let town = Town::new().await;
        let mina = town.person("민아", &[]).await;
        let jun = town.person("준", &[(Line, "jun")]).await;
        let family = town.group("가족", &[mina, jun], &[(Line, "family")]).await;
        let service = Arc::<Service>::default();
        town.hub.push_by(Arc::clone(&service) as Arc<dyn Pusher>);
        let home = Self { town, service, mina, jun, family };
        home.signs_in(home.mina, 1).await;
        home.listens(1, "phone", Tells::Words).await.unwrap();
        home
    }

    async fn signs_in(&self, person: PersonId, number: u8) {
        self.town.hub.open_session(person, SessionMark([number; 32]), "Firefox").await.unwrap();
    }

    async fn listens(&self, number: u8, device: &str, tells: Tells) -> Result<(), PushFailure> {
        let subscription = Subscription {
            endpoint: format!("https://push.example/{device}").into(),
            key: [4; PUSH_KEY_BYTES].into(),
            secret: [number; PUSH_SECRET_BYTES].into(),
            tells,
            since: Timestamp(0),
        };
        self.town.hub.subscribe(SessionMark([number; 32]), subscription).await
    }

    async fn says(&self, text: &str) -> String {
        self.town.says(Line, "family", "jun", text).await
    }

    async fn hears_within(&self, ms: u64) -> Vec<String> {
        self.town.passes(ms).await;
        self.service.arrived()
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_hears_once_of_what_is_said_and_not_too_soon() {
    let home = Home::new().await;
    home.says("저녁 먹었어?").await;
    assert_eq!(home.hears_within(2_000).await, [""; 0]);
    assert_eq!(home.hears_within(2_000).await, ["phone | 가족 | 준: 저녁 먹었어?"]);
    assert_eq!(home.hears_within(600_000).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn several_that_come_together_are_one_and_each_topic_is_one_conversation() {
    let home = Home::new().await;
    for text in ["하나", "둘", "셋"] {
        home.says(text).await;
    }
    assert_eq!(home.hears_within(4_000).await, ["phone | 가족 (3) | 준: 셋"]);
    home.says("넷").await;
    assert_eq!(home.hears_within(4_000).await, ["phone | 가족 | 준: 넷"]);
    let topics = home.service.topics.lock().unwrap().clone();
    assert_eq!(topics[0], topics[1]);
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_on_a_page_or_answered_is_not_told() {
    let home = Home::new().await;
    let hub = &home.town.hub;
    home.says("봤어?").await;
    home.town.passes(1_000).await;
    hub.note_look(home.mina, Some(home.family));
    assert_eq!(home.hears_within(5_000).await, [""; 0]);
    home.says("목록에서").await;
    hub.note_look(home.mina, None);
    assert_eq!(home.hears_within(5_000).await, [""; 0]);
    home.says("다른 대화를 보는 중").await;
    hub.note_look(home.mina, Some(ConversationId(99)));
    assert_eq!(home.hears_within(5_000).await.len(), 1);
    home.says("답했어").await;
    let say = ieum_engine::Say {
        conversation: home.family,
        person: Some(home.mina),
        text: "응".to_owned(),
        reply_to: None,
        class: ieum_core::message::Class::Chat,
        idempotency_key: None,
    };
    hub.say(say).await.unwrap();
    assert_eq!(home.hears_within(5_000).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn each_device_shows_what_its_person_wants_and_sign_out_silences_it() {
    let home = Home::new().await;
    home.signs_in(home.mina, 2).await;
    home.listens(2, "desk", Tells::OnlyThat).await.unwrap();
    home.says("비밀").await;
    let wanted = ["phone | 가족 | 준: 비밀", "desk | 이음 | 새 메시지가 왔어요"];
    assert_eq!(home.hears_within(4_000).await, wanted);
    home.town.hub.set_told(SessionMark([1; 32]), Tells::OnlyThat).await.unwrap();
    home.town.hub.close_session(SessionMark([2; 32])).await.unwrap();
    home.says("또").await;
    assert_eq!(home.hears_within(4_000).await, ["phone | 이음 | 새 메시지가 왔어요"]);
    home.town.hub.unsubscribe(SessionMark([1; 32])).await.unwrap();
    home.says("끝").await;
    assert_eq!(home.hears_within(600_000).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_fails_is_tried_again_and_one_that_knows_nothing_is_forgotten() {
    let home = Home::new().await;
    home.service.answers([PushOutcome::Later(None), PushOutcome::Later(Some(90_000))]);
    home.says("하나").await;
    assert_eq!(home.hears_within(4_000).await.len(), 1);
    assert_eq!(home.hears_within(5_000).await.len(), 1);
    assert_eq!(home.hears_within(80_000).await.len(), 0, "it asked for a rest");
    assert_eq!(home.hears_within(20_000).await.len(), 1);
    home.service.answers(vec![PushOutcome::Later(None); 9]);
    home.says("둘").await;
    assert_eq!(home.hears_within(600_000).await.len(), 3, "a few tries and no more");
    home.service.answers.lock().unwrap().clear();
    home.service.answers([PushOutcome::Refused("no".to_owned()), PushOutcome::Gone]);
    home.says("셋").await;
    assert_eq!(home.hears_within(600_000).await.len(), 1, "refused is final for that message");
    home.says("넷").await;
    assert_eq!(home.hears_within(600_000).await.len(), 1);
    home.says("다섯").await;
    assert_eq!(home.hears_within(600_000).await, [""; 0], "the device is gone");
    let hears = home.town.hub.with_directory(|directory| directory.doors().anybody_hears());
    assert!(!hears);
}

#[tokio::test(start_paused = true)]
async fn a_further_try_is_not_made_for_what_was_seen_meanwhile() {
    let home = Home::new().await;
    home.service.answers([PushOutcome::Later(None)]);
    home.says("하나").await;
    assert_eq!(home.hears_within(4_000).await.len(), 1);
    home.town.hub.note_look(home.mina, Some(home.family));
    assert_eq!(home.hears_within(600_000).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_back_or_edited_in_time_is_told_as_it_reads() {
    let home = Home::new().await;
    let native = NativeMessageId::new(home.says("7시").await.as_str());
    let edit = InboundKind::Edit { native: native.clone(), text: "8시".to_owned(), marks: vec![] };
    home.town.happens(Line, ("family", ChatKind::Group), "jun", edit).await;
    assert_eq!(home.hears_within(4_000).await, ["phone | 가족 | 준: 8시"]);
    let native = NativeMessageId::new(home.says("실수").await.as_str());
    let withdrawal = InboundKind::Withdrawal { native };
    home.town.happens(Line, ("family", ChatKind::Group), "jun", withdrawal).await;
    assert_eq!(home.hears_within(600_000).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn reactions_imports_and_ones_own_words_are_no_news() {
    let home = Home::new().await;
    let native = home.says("안녕").await;
    assert_eq!(home.hears_within(4_000).await.len(), 1);
    let target = home.town.hub.store().message(ieum_core::ids::MessageSeq(1)).await.unwrap();
    let target = target.unwrap().new.id;
    let deed = Deed::React("👍".to_owned());
    let act = Act { conversation: home.family, person: home.jun, target, deed };
    home.town.hub.act(act).await.unwrap();
    let at = Timestamp(home.town.hub.now().0 - 5_000);
    let bygone = Bygone { at, author: "준".into(), text: "옛날".into(), again: 0 };
    home.town.hub.keep_past(home.family, vec![bygone]).await.unwrap();
    assert_eq!(home.hears_within(600_000).await, [""; 0], "{native}");
}

#[tokio::test(start_paused = true)]
async fn who_left_the_conversation_or_the_hub_hears_nothing() {
    let home = Home::new().await;
    home.says("하나").await;
    home.town.hub.remove_member(home.family, home.mina).await.unwrap();
    assert_eq!(home.hears_within(600_000).await, [""; 0]);
    home.town.hub.add_member(home.family, home.mina).await.unwrap();
    home.says("둘").await;
    home.town.hub.delete_person(home.mina, None).await.unwrap();
    assert_eq!(home.hears_within(600_000).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn devices_outlive_a_crash_and_what_waited_does_not() {
    let home = Home::new().await;
    home.says("하나").await;
    let Home { town, service, mina, jun, family } = home;
    let town = town.crash().await;
    town.hub.push_by(Arc::clone(&service) as Arc<dyn Pusher>);
    let home = Home { town, service, mina, jun, family };
    assert_eq!(home.hears_within(600_000).await, [""; 0]);
    home.says("둘").await;
    assert_eq!(home.hears_within(4_000).await, ["phone | 가족 | 준: 둘"]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_none_is_not_kept_and_a_hub_without_pusher_says_so() {
    let home = Home::new().await;
    let bad = Subscription {
        endpoint: "https://push.example/x".into(),
        key: [2; PUSH_KEY_BYTES].into(),
        secret: [1; PUSH_SECRET_BYTES].into(),
        tells: Tells::Words,
        since: Timestamp(0),
    };
    let refused = home.town.hub.subscribe(SessionMark([1; 32]), bad.clone()).await;
    assert_eq!(refused, Err(PushFailure::Refused(PushRefusal::Keys)));
    let quiet = Town::new().await;
    assert_eq!(quiet.hub.push_key(), None);
    assert_eq!(quiet.hub.subscribe(SessionMark([1; 32]), bad).await, Err(PushFailure::Off));
}
