//! Deeds of the page: a click that comes twice does nothing twice, and a sign is no word.

use crate::town::Town;
use ieum_core::content::MessageId;
use ieum_core::ids::{ConversationId, PersonId};
use ieum_core::message::Class;
use ieum_core::people::groups::{Actor, Role};
use ieum_engine::{Act, Deed, GroupAct, Say, SayFailure};

/// 민아 leads a group with 준; she said something.
async fn talk() -> (Town, PersonId, ConversationId, MessageId) {
    let town = Town::new().await;
    let mina = town.person("민아", &[]).await;
    let jun = town.person("준", &[]).await;
    let id = town.group("둘", &[mina, jun], &[]).await;
    let owner = GroupAct::Appoint(id, Actor::Operator, mina, Role::Owner);
    town.hub.group_act(owner).await.unwrap();
    let said = say(&town, id, mina, "안녕").await.unwrap();
    (town, jun, id, said)
}

async fn say(
    town: &Town,
    conversation: ConversationId,
    person: PersonId,
    text: &str,
) -> Result<MessageId, SayFailure> {
    let (person, text) = (Some(person), text.to_owned());
    let (reply_to, class, idempotency_key) = (None, Class::Chat, None);
    let say = Say { conversation, person, text, reply_to, class, idempotency_key };
    town.hub.say(say).await.map(|said| said.id)
}

fn reacts(conversation: ConversationId, person: PersonId, target: MessageId) -> Act {
    Act { conversation, person, target, deed: Deed::React("👍".to_owned()) }
}

#[tokio::test(start_paused = true)]
async fn a_click_that_comes_twice_reacts_once() {
    let (town, jun, id, said) = talk().await;
    let before = town.store_counts().await.messages;
    for _ in 0..3 {
        town.hub.act_once(reacts(id, jun, said), "click-1").await.unwrap();
    }
    assert_eq!(town.store_counts().await.messages, before + 1);
    town.hub.act_once(reacts(id, jun, said), "click-2").await.unwrap();
    assert_eq!(town.store_counts().await.messages, before + 2, "another click");
    let town = town.crash().await;
    town.hub.act_once(reacts(id, jun, said), "click-1").await.unwrap();
    assert_eq!(town.store_counts().await.messages, before + 2, "after a crash, too");
    for key in [String::new(), "k".repeat(129)] {
        let refused = town.hub.act_once(reacts(id, jun, said), &key).await;
        assert!(matches!(refused, Err(SayFailure::Invalid(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reaction_neither_waits_for_slow_mode_nor_makes_others_wait() {
    let (town, jun, id, said) = talk().await;
    town.hub.group_act(GroupAct::Slow(id, Actor::Operator, 30_000)).await.unwrap();
    town.hub.act(reacts(id, jun, said)).await.unwrap();
    let words = say(&town, id, jun, "하나").await.unwrap();
    assert!(matches!(say(&town, id, jun, "둘").await, Err(SayFailure::Invalid(_))));
    town.hub.act(reacts(id, jun, words)).await.unwrap();
    town.passes(30_000).await;
    say(&town, id, jun, "셋").await.unwrap();
    let ban = GroupAct::Ban(id, Actor::Operator, jun, "욕설".to_owned());
    town.hub.group_act(ban).await.unwrap();
    assert!(town.hub.act(reacts(id, jun, said)).await.is_err(), "who is banned does nothing");
}

/// Whoever does not hear the answer asks again: that is no second word.
#[tokio::test(start_paused = true)]
async fn what_is_said_again_by_the_same_key_is_not_slowed_by_itself() {
    let (town, person, conversation, _) = talk().await;
    let slow = GroupAct::Slow(conversation, Actor::Operator, 30_000);
    town.hub.group_act(slow).await.unwrap();
    let say = async |key: &str| {
        let (reply_to, class, idempotency_key) = (None, Class::Chat, Some(key.to_owned()));
        let (person, text) = (Some(person), "하나".to_owned());
        let say = Say { conversation, person, text, reply_to, class, idempotency_key };
        town.hub.say(say).await
    };
    let first = say("one").await.unwrap();
    let again = say("one").await.unwrap();
    assert_eq!((again.id, again.repeated), (first.id, true));
    assert!(matches!(say("two").await, Err(SayFailure::Invalid(_))), "another word waits");
    town.passes(30_000).await;
    say("two").await.unwrap();
}
