//! The public page of an open conversation: what it is, its terms, how to come in on each network.
//!
//! Invariant: it counts people and names none; without a key that is good it is not there.

use super::led::wait_words;
use super::shown::people_words;
use super::{Told, origin};
use crate::edge::Shared;
use crate::web::form::{Sent, sound};
use crate::web::frame::{Tab, page as framed};
use crate::web::picture;
use crate::web::reader::Reader;
use crate::web::sessions::{SignedIn, csrf_field};
use crate::web::sign_in::ways;
use crate::web::wrong::Wrong;
use axum::extract::{Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;
use ieum_core::directory::Conversation;
use ieum_core::health::CellState;
use ieum_core::network::Network;
use ieum_core::people::groups::Charter;
use ieum_core::people::moderation::JoinKey;
use ieum_core::render::words::network_name;
use ieum_engine::{ChangeFailure, GroupAct};
use maud::{Markup, html};
use serde::Deserialize;

/// An open conversation as everybody sees it.
struct Door {
    key: JoinKey,
    conversation: Conversation,
    slow_ms: u64,
    ways: Vec<(Network, CellState, Option<String>)>,
}

impl Door {
    fn of(edge: &Shared, typed: &str) -> Option<Self> {
        let key = JoinKey::read(typed)?;
        let (conversation, slow_ms) = edge.hub.with_directory(|directory| {
            let conversation = directory.conversation(directory.charters().behind(key)?)?.clone();
            let slow_ms = Charter::of(directory, conversation.id).slow_ms;
            Some((conversation, slow_ms))
        })?;
        let ways = ways(edge).into_iter();
        let ways = ways.map(|(network, state)| (network, state, link(edge, network, key)));
        Some(Self { key, conversation, slow_ms, ways: ways.collect() })
    }

    fn body(
        &self,
        reader: &Reader,
        who: Option<&SignedIn>,
        own: &str,
        done: Option<&str>,
    ) -> Markup {
        let inside = who.is_some_and(|who| self.conversation.members.contains(&who.person));
        html! {
            h1 { bdi { (self.conversation.title) } }
            p class="quiet" {
                (reader.say("누구나 들어오는 대화", "Open conversation")) " · "
                (people_words(reader, self.conversation.members.len()))
            }
            @if done == Some("refused") { p class="told" role="status" { (reader.say(
                "지금은 들어갈 수 없어요: 가득 찼거나 차단되었어요.",
                "You cannot come in now: it is full, or a ban stands.",
            )) } }
            section {
                @if inside {
                    a class="button" href={ "/inbox/" (self.conversation.id) } {
                        (reader.say("대화로 가기", "To the conversation"))
                    }
                } @else if let Some(who) = who {
                    form method="post" action={ "/open/" (self.key) } {
                        (csrf_field(who))
                        button { (reader.say("들어가기", "Come in")) }
                    }
                } @else {
                    p { (reader.say(
                        "쓰던 메신저에서 아래처럼 보내거나, 여기에서 들어오세요.",
                        "Come in from your messenger as below, or here.",
                    )) }
                    p class="deeds" {
                        a class="button" href="/sign-in" { (reader.say("로그인", "Sign in")) }
                        a class="button plain" href="/join" { (reader.say("처음이에요", "I am new")) }
                    }
                    p class="quiet" { (reader.say(
                        "들어온 다음 이 링크를 다시 열어 주세요.",
                        "Then open this link again.",
                    )) }
                }
            }
            (self.networks(reader))
            (self.rules(reader))
            details class="section" {
                summary { (reader.say("이 링크의 QR 코드", "QR code of this link")) }
                @let name = reader.say("이 링크의 QR 코드", "QR code of this link");
                @if let Some(picture) = picture::of(own, name) { (picture) }
                p class="link" { (own) }
            }
        }
    }

    fn networks(&self, reader: &Reader) -> Markup {
        html! { section {
            h2 { (reader.say("메신저에서 들어오기", "From a messenger")) }
            p { (reader.say("이음에게 이렇게 보내세요.", "Send this to Ieum.")) }
            p class="shown-code" {
                (reader.say("참여", "join")) " " strong { (self.key) }
            }
            @if self.ways.is_empty() { p class="empty-line" { (reader.say(
                "아직 이 허브에 이어진 메신저가 없어요.",
                "This hub has no messenger yet.",
            )) } } @else { ul class="rows" { @for (network, state, link) in &self.ways { li {
                div class="row" {
                    span class="row-text" {
                        strong { (network_name(*network, reader.language)) }
                        @if *state == CellState::Down { span class="quiet" {
                            (reader.say("지금 안 돼요", "not working now"))
                        } }
                    }
                    @if let Some(link) = link {
                        a class="button" href=(link) rel="noreferrer" {
                            (network_name(*network, reader.language))
                            (reader.say(" 열기", ": open"))
                        }
                    }
                }
            } } } }
        } }
    }

    fn rules(&self, reader: &Reader) -> Markup {
        html! { section {
            h2 { (reader.say("알아 두세요", "Good to know")) }
            ul class="plain-list" {
                li { (reader.say(
                    "말은 이 허브의 운영자와 이어진 메신저들이 읽을 수 있어요. \
                     종단간 암호화가 아니에요.",
                    "The operator of this hub and the joined networks can read what is said. It \
                     is not end-to-end encrypted.",
                )) }
                li { (reader.say(
                    "막 들어온 사람은 10분 동안 천천히 말하고 링크를 보낼 수 없어요.",
                    "Who just came speaks slowly and without links for ten minutes.",
                )) }
                @if self.slow_ms >= 1_000 { li {
                    (reader.say("말과 말 사이: ", "Between two messages: "))
                    (wait_words(reader, self.slow_ms / 1_000))
                } }
                li { (reader.say(
                    "차단은 모든 메신저에서 통해요. 누구나 까닭을 적어 신고할 수 있어요.",
                    "A ban holds on every network. Any member can report, with a reason.",
                )) }
            }
        } }
    }
}

/// Opens our account's chat on a network. Telegram hands the key over by itself
/// (core.telegram.org/bots/features#deep-linking).
fn link(edge: &Shared, network: Network, key: JoinKey) -> Option<String> {
    let accounts = edge.hub.account_states();
    let of = accounts.iter().filter(|account| account.network == network);
    let mut links = of.flat_map(|account| {
        edge.doors.iter().filter(|door| *door.account == *account.name).map(|door| &door.link)
    });
    links.next().map(|link| carrying(network, link, key))
}

fn carrying(network: Network, link: &str, key: JoinKey) -> String {
    match network == Network::Telegram && !link.contains('?') {
        true => format!("{link}?start={key}"),
        false => link.to_owned(),
    }
}

/// The page; the same for everybody but for the way in.
pub(crate) async fn page(
    State(edge): State<Shared>,
    reader: Reader,
    Path(typed): Path<String>,
    headers: HeaderMap,
    Query(told): Query<Told>,
) -> Response {
    let Some(door) = Door::of(&edge, &typed) else {
        return Wrong::nothing(&reader).into_response();
    };
    let who = SignedIn::of(&headers, &edge);
    let own = format!("{}/open/{}", origin(&edge, &headers), door.key);
    let body = door.body(&reader, who.as_ref(), &own, told.done.as_deref());
    framed(&reader, Tab::Elsewhere, &door.conversation.title, &body).into_response()
}

/// Somebody wants in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entering {
    csrf: String,
}

impl Sent for Entering {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// Comes in.
pub(crate) async fn enter(
    State(edge): State<Shared>,
    reader: Reader,
    who: SignedIn,
    Path(typed): Path<String>,
    headers: HeaderMap,
    Form(entering): Form<Entering>,
) -> Result<Response, Response> {
    sound(&reader, &who, &headers, &entering)?;
    let key = JoinKey::read(&typed).ok_or_else(|| Wrong::nothing(&reader).into_response())?;
    match edge.hub.group_act(GroupAct::Enter(key, who.person)).await {
        Ok(id) => Ok(Redirect::to(&format!("/inbox/{id}")).into_response()),
        Err(ChangeFailure::Conflict(_)) => {
            Ok(Redirect::to(&format!("/open/{key}?done=refused")).into_response())
        }
        Err(failure) => Err(Wrong::new(&reader, failure).into_response()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telegram_hands_the_key_over_and_no_link_is_broken() {
        let key = JoinKey::read("2345-6789-acde").unwrap();
        let table = [
            (Network::Telegram, "https://t.me/Bot", "https://t.me/Bot?start=23456789acde"),
            (Network::Telegram, "https://t.me/Bot?start=x", "https://t.me/Bot?start=x"),
            (Network::Line, "https://line.me/R/ti/p/%40a", "https://line.me/R/ti/p/%40a"),
        ];
        for (network, link, shown) in table {
            assert_eq!(carrying(network, link, key), shown);
        }
    }
}
