//! A browser begins and ceases to hear of messages, and nobody makes it do so for them.

use crate::house::{Answer, House};
use crate::inbox::{csrf, form, open, sign_in, text};
use ieum_core::ids::PersonId;
use ieum_core::people::push::{PUSH_KEY_BYTES, Tells, devices};
use ieum_core::ports::BoxFuture;
use ieum_core::ports::push::{Push, PushOutcome, Pusher};
use std::sync::{Arc, Mutex};

/// A push service that takes everything.
#[derive(Debug, Default)]
struct Service(Mutex<Vec<String>>);

impl Pusher for Service {
    fn public_key(&self) -> [u8; PUSH_KEY_BYTES] {
        [4; PUSH_KEY_BYTES]
    }

    fn is_key(&self, key: &[u8]) -> bool {
        key.get(1) != Some(&0)
    }

    fn push<'a>(&'a self, push: Push<'a>) -> BoxFuture<'a, PushOutcome> {
        self.0.lock().unwrap().push(push.note.text.clone());
        Box::pin(std::future::ready(PushOutcome::Taken))
    }
}

/// 65 bytes of a key and 16 of a secret, as browsers write them.
const KEYS: (&str, &str) = (
    "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ",
    "AQEBAQEBAQEBAQEBAQEBAQ",
);

async fn house() -> (House, u64, u64, String) {
    let house = House::open().await;
    let (mina, jun, _) = house.settle().await;
    house.hub.push_by(Arc::<Service>::default());
    let session = sign_in(&house, mina).await;
    (house, mina, jun, session)
}

async fn hears(house: &House, session: &str, fields: &str) -> Answer {
    let page = text(&open(house, "/me", session).await);
    house.call(form("/me/push", session, &format!("csrf={}{fields}", csrf(&page)))).await
}

async fn wishes(house: &House, session: &str, wish: &str) -> Answer {
    let page = text(&open(house, "/me", session).await);
    let fields = format!("csrf={}&wish={wish}", csrf(&page));
    house.call(form("/me/push/change", session, &fields)).await
}

fn device(name: &str) -> String {
    let (key, secret) = KEYS;
    format!("&endpoint=https%3A%2F%2Fpush.example%2F{name}&p256dh={key}&auth={secret}")
}

fn told(house: &House, person: u64) -> Vec<(String, Tells)> {
    let now = house.hub.now();
    let all = house.hub.with_directory(|directory| devices(directory, PersonId(person), now));
    all.into_iter().map(|(_, one)| (one.endpoint.to_string(), one.tells)).collect()
}

#[tokio::test]
async fn a_browser_hears_shows_what_is_wanted_and_falls_silent() {
    let (house, mina, _, session) = house().await;
    let page = text(&open(&house, "/me", &session).await);
    assert!(page.contains("data-push=\"BAQE") && !page.contains("/me/push/change"), "{page}");
    assert_eq!(hears(&house, &session, &device("one")).await.status.as_u16(), 204);
    let endpoint = "https://push.example/one".to_owned();
    assert_eq!(told(&house, mina), [(endpoint.clone(), Tells::Words)]);
    let page = text(&open(&house, "/me", &session).await);
    assert!(!page.contains("data-push=") && page.contains("value=\"only\""), "{page}");
    assert!(!page.contains("push.example"), "the address is shown to nobody");
    assert_eq!(wishes(&house, &session, "only").await.status.as_u16(), 303);
    assert_eq!(told(&house, mina), [(endpoint, Tells::OnlyThat)]);
    let page = text(&open(&house, "/me", &session).await);
    assert!(page.contains("value=\"words\""), "{page}");
    assert_eq!(wishes(&house, &session, "stop").await.status.as_u16(), 303);
    assert_eq!(told(&house, mina), []);
    assert_eq!(wishes(&house, &session, "stop").await.status.as_u16(), 303, "stopping twice");
}

#[tokio::test]
async fn only_ones_own_pages_and_sessions_change_a_device() {
    let (house, mina, jun, session) = house().await;
    let other = sign_in(&house, jun).await;
    let forged = house.call(form("/me/push", &session, &format!("csrf=00{}", device("x")))).await;
    assert_eq!(forged.status.as_u16(), 400);
    let theirs = text(&open(&house, "/me", &other).await);
    let fields = format!("csrf={}{}", csrf(&theirs), device("x"));
    assert_eq!(house.call(form("/me/push", &session, &fields)).await.status.as_u16(), 400);
    let nobody = house.call(form("/me/push", "ieum_session=no", &fields)).await;
    assert_eq!(nobody.header("location"), "/sign-in");
    assert_eq!((told(&house, mina).len(), told(&house, jun).len()), (0, 0));
    hears(&house, &session, &device("one")).await;
    wishes(&house, &other, "stop").await;
    assert_eq!(told(&house, mina).len(), 1);
    assert_eq!(wishes(&house, &other, "words").await.status.as_u16(), 422);
}

#[tokio::test]
async fn an_address_that_is_no_push_services_is_refused() {
    let (house, mina, _, session) = house().await;
    let (key, secret) = KEYS;
    for (endpoint, key, secret) in [
        ("http%3A%2F%2Fpush.example%2F1", key, secret),
        ("https%3A%2F%2F169.254.169.254%2Flatest", key, secret),
        ("https%3A%2F%2Flocalhost%2F", key, secret),
        ("https%3A%2F%2Fuser%40push.example%2F", key, secret),
        ("https%3A%2F%2Fpush.example%2F1", "BAQE", secret),
        ("https%3A%2F%2Fpush.example%2F1", key, "AQ"),
        ("https%3A%2F%2Fpush.example%2F1", "%21%21", secret),
        ("", key, secret),
    ] {
        let fields = format!("&endpoint={endpoint}&p256dh={key}&auth={secret}");
        let answer = hears(&house, &session, &fields).await;
        assert_eq!(answer.status.as_u16(), 422, "{endpoint} {key} {secret}");
    }
    assert_eq!(told(&house, mina), []);
}

#[tokio::test]
async fn signing_out_or_in_anew_silences_the_device() {
    let (house, mina, jun, session) = house().await;
    hears(&house, &session, &device("one")).await;
    let page = text(&open(&house, "/me", &session).await);
    let fields = format!("csrf={}", csrf(&page));
    house.call(form("/sign-out", &session, &fields)).await;
    assert_eq!(told(&house, mina), []);
    let again = sign_in(&house, mina).await;
    assert_eq!(told(&house, mina), [], "nobody hears who did not ask again");
    hears(&house, &again, &device("one")).await;
    let other = sign_in(&house, jun).await;
    hears(&house, &other, &device("one")).await;
    assert_eq!((told(&house, mina).len(), told(&house, jun).len()), (0, 1));
}

#[tokio::test]
async fn what_the_hub_knows_of_a_device_is_handed_out_and_goes_with_its_person() {
    let (house, mina, _, session) = house().await;
    hears(&house, &session, &device("one")).await;
    let lines = text(&open(&house, "/me/export.jsonl", &session).await);
    let line = lines.lines().find(|line| line.contains("\"device\"")).unwrap();
    assert!(line.contains("https://push.example/one"), "{line}");
    assert!(!line.contains("secret") && !line.contains("key"), "{line}");
    let page = text(&open(&house, "/me/export.html", &session).await);
    assert!(page.contains("Notified device"), "{page}");
    house.hub.delete_person(PersonId(mina), None).await.unwrap();
    assert!(!house.hub.with_directory(|directory| directory.doors().anybody_hears()));
}

#[tokio::test]
async fn a_hub_that_pushes_nothing_offers_nothing() {
    let house = House::open().await;
    let (mina, ..) = house.settle().await;
    let session = sign_in(&house, mina).await;
    assert!(!text(&open(&house, "/me", &session).await).contains("data-push"));
    assert_eq!(hears(&house, &session, &device("one")).await.status.as_u16(), 404);
}
