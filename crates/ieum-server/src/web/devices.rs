//! Whether this browser hears of messages while no page of the hub is open (Web Push).
//!
//! Shows and passes on; who hears what is decided in `ieum_core::people::push`. Invariants: a
//! browser is asked for its permission only after a button was pressed; only the session that sends
//! a form is changed by it.

use super::form::{Sent, sound};
use super::reader::Reader;
use super::sessions::{SignedIn, csrf_field};
use super::wrong::Wrong;
use crate::edge::Shared;
use crate::problem::{Kind, Problem};
use axum::extract::{Form, State};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use http::{HeaderMap, StatusCode};
use ieum_core::people::push::{Subscription, Tells};
use ieum_core::time::Timestamp;
use ieum_engine::PushFailure;
use maud::{Markup, html};
use serde::Deserialize;

/// What a browser says of its subscription (Push API, `PushSubscription.toJSON`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hearing {
    csrf: String,
    endpoint: String,
    p256dh: String,
    auth: String,
}

impl Sent for Hearing {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Lets this browser hear of messages.
pub(super) async fn hear(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(hearing): Form<Hearing>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &hearing)?;
    let bytes = |text: &str| BASE64.decode(text.trim_end_matches('=')).unwrap_or_default().into();
    let subscription = Subscription {
        key: bytes(&hearing.p256dh),
        secret: bytes(&hearing.auth),
        endpoint: hearing.endpoint.into(),
        tells: Tells::Words,
        since: Timestamp(0),
    };
    match edge.hub.subscribe(who.mark, subscription).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(failure) => Err(Wrong::new(&reader, problem(&failure)).into_response()),
    }
}

/// What is to become of it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wish {
    Stop,
    Words,
    Only,
}

/// A wish about this browser.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changed {
    csrf: String,
    wish: Wish,
}

impl Sent for Changed {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Changes what is shown here, or silences this browser.
pub(super) async fn change(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    headers: HeaderMap,
    Form(changed): Form<Changed>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &changed)?;
    let done = match changed.wish {
        Wish::Stop => edge.hub.unsubscribe(who.mark).await,
        Wish::Words => edge.hub.set_told(who.mark, Tells::Words).await,
        Wish::Only => edge.hub.set_told(who.mark, Tells::OnlyThat).await,
    };
    match done {
        Ok(()) => Ok(Redirect::to("/me?done=kept").into_response()),
        Err(failure) => Err(Wrong::new(&reader, problem(&failure)).into_response()),
    }
}

fn problem(failure: &PushFailure) -> Problem {
    match failure {
        PushFailure::Refused(why) => Problem::new(Kind::Invalid, why.to_string()),
        PushFailure::Off => Problem::not_found("pushing"),
        PushFailure::Unavailable => Problem::unavailable("the hub did not keep a device"),
    }
}

/// The part of the page about oneself. `hears` is what this browser hears by now.
pub(super) fn section(
    edge: &Shared,
    reader: &Reader,
    who: &SignedIn,
    hears: Option<&Subscription>,
) -> Markup {
    html! { @if let Some(key) = edge.hub.push_key() { section {
        h2 { (reader.say("이 기기의 알림", "Notifications on this device")) }
        @match hears {
            Some(subscription) => (hearing(reader, who, subscription.tells)),
            None => (silent(reader, who, &BASE64.encode(key))),
        }
    } } }
}

fn hearing(reader: &Reader, who: &SignedIn, tells: Tells) -> Markup {
    let (next, checked, state) = match tells {
        Tells::Words => ("only", "true", reader.say("켬", "on")),
        Tells::OnlyThat => ("words", "false", reader.say("끔", "off")),
    };
    let name = reader.say("보낸 사람과 내용 보이기", "Show who wrote, and the words");
    html! {
        p { (reader.say(
            "새 메시지가 오면 이 기기에 알려 드려요. 다른 곳에서 이미 읽었으면 알리지 않아요.",
            "This device tells of new messages, not of those already read elsewhere.",
        )) }
        form class="agreement" method="post" action="/me/push/change" {
            (csrf_field(who))
            span { (name) }
            button class="switch" role="switch" aria-checked=(checked) name="wish" value=(next)
                aria-label=(name) { (state) }
        }
        form class="deeds" method="post" action="/me/push/change" {
            (csrf_field(who))
            button class="plain" name="wish" value="stop" {
                (reader.say("알림 끄기", "Turn off"))
            }
        }
    }
}

fn silent(reader: &Reader, who: &SignedIn, key: &str) -> Markup {
    html! {
        p class="quiet" { (reader.say(
            "이 페이지를 닫아도 새 메시지를 알려 드려요. 내용은 이 기기만 읽어요.",
            "Hear of new messages while this page is closed, sealed for this device.",
        )) }
        div class="passkey" hidden data-push=(key) data-form=(who.csrf) {
            button type="button" { (reader.say("이 기기에서 알림 받기", "Notify me here")) }
            p class="wrong" role="alert" hidden data-denied=(reader.say(
                "이 브라우저가 알림을 막고 있어요. 브라우저의 사이트 설정에서 허용해 주세요.",
                "This browser blocks notifications. Allow them in its settings for this site.",
            )) data-failed=(reader.say(
                "알림을 켜지 못했어요. 조금 뒤에 다시 해 주세요.",
                "This did not work. Please try again a little later.",
            )) {}
        }
        p class="quiet" hidden data-push-install="" { (reader.say(
            "아이폰에서는 공유 버튼에서 ‘홈 화면에 추가’를 한 뒤 거기서 켤 수 있어요.",
            "On an iPhone, add this page to the home screen first, then turn it on there.",
        )) }
        noscript { p class="quiet" { (reader.say(
            "알림을 켜려면 이 페이지의 스크립트가 필요해요.",
            "Turning this on needs this page's script.",
        )) } }
    }
}
